/* Stages in whole epochs, and what follows from the epoch: its stage, its learning rate, and
 * whether it may become the best one. */
#include "train/recipe/recipe_keys.h"

#include <math.h>
#include <string.h>

/* ---- whole epochs ---- */

/* The stage's share of the run. Nothing is right where the stage only acts. */
static bal_status amount_of(const bal_recipe *r, int number, double *epochs)
{
    const bal_recipe_stage *stage = &r->stages[number];
    if (bal_schedule_amount(r->ctx, "epochs", stage->epochs, r->general.epochs, epochs) != BAL_OK)
        return bal_fail_within(r->ctx, BAL_MISMATCH, "%s:%d", r->where, stage->line);
    if (*epochs <= 0.0 && !stage->begin)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: stages[%d] has no epochs (\"%s\") and nothing to begin with; a "
                        "stage without epochs needs the key begin",
                        r->where, stage->line, number, stage->epochs);
    return BAL_OK;
}

static bal_status count_training(const bal_recipe *r, int *count)
{
    *count = 0;
    for (int i = 0; i < r->stage_count; i++) {
        double amount;
        BAL_TRY(amount_of(r, i, &amount));
        *count += amount > 0.0;
    }
    return BAL_OK;
}

/* Stages end where their shares add up to, rounded; each that trains has at least one epoch. */
bal_status bal_recipe_resolve_stages(bal_recipe *r)
{
    const int total = r->general.epochs;
    int training, trained = 0, idle = 0;
    double position = 0.0;
    if (r->stage_count == 0)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:1: the recipe has no stages", r->where);
    BAL_TRY(count_training(r, &training));
    if (total < training)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: %d stages need at least as many epochs, the run has %d", r->where,
                        r->stages[0].line, training, total);
    for (int i = 0, left = training; i < r->stage_count; i++) {
        bal_recipe_stage *stage = &r->stages[i];
        double amount;
        BAL_TRY(amount_of(r, i, &amount));
        stage->idle = amount <= 0.0;
        stage->first_epoch = trained + idle;
        stage->trained_before = trained;
        stage->epoch_count = 1;
        idle += stage->idle;
        if (stage->idle)
            continue;
        position += amount;
        const int most = total - --left;
        int end = position < most ? bal_schedule_round(position) : most;
        if (end <= trained)
            end = trained + 1;
        stage->epoch_count = end - trained;
        trained = end;
    }
    if (training > 0 && fabs(position - total) > 1e-6 * total)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: the stages add up to %.10g epochs, the run has %d (percentages "
                        "follow the run, numbers do not)",
                        r->where, r->stages[0].line, position, total);
    r->all_epochs = trained + idle;
    return BAL_OK;
}

/* ---- looking up ---- */

int bal_recipe_epoch_of(const bal_recipe *recipe, int trained)
{
    int epoch = trained;
    for (int i = 0; i < recipe->stage_count; i++)
        epoch += recipe->stages[i].idle && recipe->stages[i].trained_before <= trained;
    return epoch;
}

int bal_recipe_stage_at(const bal_recipe *recipe, int epoch)
{
    int stage = 0;
    while (stage + 1 < recipe->stage_count && recipe->stages[stage + 1].first_epoch <= epoch)
        stage++;
    return stage;
}

double bal_recipe_lr(const bal_recipe *recipe, int epoch)
{
    const bal_recipe_stage *stage = &recipe->stages[bal_recipe_stage_at(recipe, epoch)];
    const int within = epoch - stage->first_epoch;
    bal_schedule s = recipe->schedule;
    if (stage->idle)
        return 0.0;
    if (stage->lr > 0.0)
        s.lr = stage->lr;
    if (s.min_lr > s.lr)
        s.min_lr = s.lr;
    if (strcmp(stage->schedule, "run") == 0)
        return bal_schedule_lr(&s, stage->trained_before + within);
    s.kind = bal_schedule_kind_of(stage->schedule);
    s.epochs = stage->epoch_count;
    s.warmup = s.drop_count = 0;
    s.swa_first -= stage->trained_before;
    return bal_schedule_lr(&s, within);
}

bool bal_recipe_selects(const bal_recipe *recipe, int epoch)
{
    return strcmp(recipe->general.select, "last-stage") != 0 ||
           bal_recipe_stage_at(recipe, epoch) == recipe->stage_count - 1;
}
