/* Averages of the weights, and showing them to whoever validates or writes.
 *
 * EMA, after every update: a = d a + (1 - d) w, with timm's warm-up d = min(decay, 1 -
 * (1 + t)^(-2/3)), t updates before this one; the first update is copied. Running statistics are
 * averaged along. SWA (Izmailov et al. 2018), after every epoch from swa_start on: the mean of the
 * epochs' weights; running statistics are measured anew before anybody looks. An average begins
 * anew where a stage trains other parameters than the one before, and where one begins with a
 * change of the values, which is made to the average. */
#include "train/stage/norm_statistics.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

static bool has_ema(const bal_training *g)
{
    return g->t->recipe->optimizer.ema_decay > 0.0;
}

/* The first epoch of the present average. */
static int swa_begin(const bal_training *g)
{
    const int first = g->t->recipe->swa_first;
    return first > g->stage_group_epoch ? first : g->stage_group_epoch;
}

static double ema_decay(const bal_training *g)
{
    const bal_recipe_optimizer *o = &g->t->recipe->optimizer;
    const int64_t group = o->grad_accum_steps;
    int64_t done = (g->state.step + group - 1) / group - 1;
    for (int epoch = g->stage_group_epoch; epoch < g->state.epoch; epoch++)
        done += (bal_trainer_steps(g->t, epoch) + group - 1) / group;
    if (done <= 0)
        return 0.0;
    const double rising = 1.0 - pow(1.0 + (double)done, -2.0 / 3.0);
    return o->ema_warmup && rising < o->ema_decay ? rising : o->ema_decay;
}

bal_status bal_training_average(bal_training *g)
{
    const int swa = g->t->recipe->swa_first;
    double keep;
    if (has_ema(g)) {
        keep = ema_decay(g);
    } else if (swa >= 0 && g->state.epoch >= swa &&
               g->state.step == bal_trainer_steps(g->t, g->state.epoch)) {
        const double before = g->state.epoch - swa_begin(g);
        keep = before / (before + 1.0);
    } else {
        return BAL_OK;
    }
    return bal_plan_combine(g->plan, &(bal_combine){.to = BAL_PARAM_AVERAGE,
                                                    .from = BAL_PARAM_VALUE,
                                                    .keep = keep,
                                                    .add = 1.0 - keep});
}

bool bal_training_averages(const bal_training *g)
{
    const int swa = g->t->recipe->swa_first;
    /* an epoch counts once its last step is done */
    const int epochs = g->state.epoch + (g->state.step == bal_trainer_steps(g->t, g->state.epoch));
    return has_ema(g) || (swa >= 0 && epochs > swa);
}

bal_status bal_training_show_average(bal_training *g)
{
    if (!bal_training_averages(g))
        return BAL_OK;
    BAL_TRY(bal_plan_exchange(g->plan, BAL_PARAM_VALUE, BAL_PARAM_AVERAGE));
    g->average_shown = true;
    if (has_ema(g) || g->state.step == 0) /* after the last epoch: they were measured in it */
        return BAL_OK;
    const bal_loader_pass pass = bal_training_loader_pass(g, 0);
    return bal_plan_measure_norms(g->plan, g->loader, &pass);
}

bal_status bal_training_hide_average(bal_training *g, bal_status status)
{
    if (!g->average_shown)
        return status;
    g->average_shown = false;
    const bal_status back = bal_plan_exchange(g->plan, BAL_PARAM_VALUE, BAL_PARAM_AVERAGE);
    return status != BAL_OK ? status : back;
}

bal_status bal_training_restart_average(bal_training *g)
{
    if (!g->plan->settings.average)
        return BAL_OK;
    return bal_plan_combine(
        g->plan, &(bal_combine){.to = BAL_PARAM_AVERAGE, .from = BAL_PARAM_VALUE, .add = 1.0});
}

bal_status bal_training_keep_average(bal_training *g)
{
    if (!g->average_shown)
        return BAL_OK;
    g->average_shown = false;
    return bal_training_restart_average(g);
}
