/* What a run will cost, before anything is written. */
#include "train/speed/step_timer.h"
#include "train/trainer.h"

#include <math.h>

#define TIMED_STEPS 5

typedef struct costs {
    double forward, training; /* of a batch, one pass */
    size_t memory;
} costs;

static bal_status stage_costs(const bal_trainer *t, int stage, bool *trains, costs *out)
{
    bal_plan *plan;
    bal_plan_cost cost;
    BAL_TRY(bal_recipe_stage_trains(t->recipe, stage, t->graph, trains));
    BAL_TRY(bal_trainer_plan_open(t, trains, true, &plan));
    bal_plan_get_cost(plan, &cost);
    bal_plan_close(&plan);
    out->forward = cost.forward_flops;
    out->training = cost.forward_flops + cost.backward_flops;
    out->memory = cost.parameter_bytes + cost.activation_bytes + cost.scratch_bytes;
    return BAL_OK;
}

static bal_status add_costs(const bal_trainer *t, bool *trains, bal_train_plan *plan, costs *first)
{
    const double batch = t->settings.batch_size;
    for (int i = 0; i < t->recipe->stage_count; i++) {
        costs now;
        BAL_TRY(stage_costs(t, i, trains, &now));
        if (i == 0)
            *first = now;
        if (!t->recipe->stages[i].idle)
            plan->flops_total += plan->passes * now.training / batch * (double)t->stages[i].length *
                                 t->recipe->stages[i].epoch_count;
        plan->memory_bytes = now.memory > plan->memory_bytes ? now.memory : plan->memory_bytes;
    }
    if (t->recipe->swa_first >= 0) /* the statistics of batch norm are measured in each epoch */
        plan->flops_total +=
            first->forward / batch * (double)bal_trainer_images_left(t, t->recipe->swa_first, 0);
    return BAL_OK;
}

/* SAM's imbalanced form has a third pass where a batch holds rare and other classes, as most do. */
static int passes_of(const bal_recipe_optimizer *o)
{
    return o->sam_rho > 0.0 ? (o->sam_eta > 0 ? 3 : 2) : 1;
}

/* ---- time ---- */

/* The median time of the first stage's step. */
static bal_status time_step(const bal_trainer *t, bool *trains, double *seconds)
{
    bal_plan *plan = NULL;
    bal_loss *loss = NULL;
    bal_step_times times;
    bal_status status = bal_recipe_stage_trains(t->recipe, 0, t->graph, trains);
    if (status == BAL_OK)
        status = bal_trainer_plan_open(t, trains, false, &plan);
    if (status == BAL_OK)
        status = bal_plan_load(plan, t->start);
    if (status == BAL_OK)
        status = bal_trainer_loss(t, 0, NULL, &loss);
    if (status == BAL_OK)
        status = bal_time_steps(plan, loss, TIMED_STEPS, &times);
    if (status == BAL_OK)
        *seconds = times.step;
    bal_loss_close(&loss);
    bal_plan_close(&plan);
    return status;
}

bal_status bal_trainer_plan(bal_trainer *t, bool measure, bal_train_plan *plan)
{
    const bal_image_store_settings store = bal_trainer_store_settings(t);
    *plan = (bal_train_plan){.parameters = bal_graph_learned_count(t->graph),
                             .flops_per_image = bal_graph_flops(t->graph),
                             .data_bytes = bal_image_store_plan(&store),
                             .seconds = NAN,
                             .passes = passes_of(&t->recipe->optimizer),
                             .epochs = t->settings.epochs,
                             .batch_size = t->settings.batch_size,
                             .steps_per_epoch = t->stages[0].steps};
    bool *trains = bal_calloc(t->ctx, (size_t)bal_graph_params(t->graph), sizeof *trains);
    costs first = {0};
    double seconds = NAN;
    bal_status status = trains ? add_costs(t, trains, plan, &first) : BAL_NO_MEMORY;
    if (status == BAL_OK && measure)
        status = time_step(t, trains, &seconds);
    if (status == BAL_OK && measure) {
        /* the other stages and the validation by their operations */
        const double scored = (double)t->info.items[BAL_SPLIT_VAL] * t->settings.epochs +
                              (double)t->info.items[BAL_SPLIT_TEST];
        const double scoring = first.forward / t->settings.batch_size * scored;
        plan->seconds = seconds * (plan->flops_total + scoring) / first.training;
    }
    bal_free(t->ctx, trains);
    return status;
}
