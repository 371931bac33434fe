/* What the optimizer's section means: keys that fit together, and when averaging begins. */
#include "train/recipe/recipe.h"

#include <string.h>

bool bal_recipe_is_adamw(const bal_recipe_optimizer *o)
{
    return strcmp(o->name, "adamw") == 0;
}

static bal_status refuse(const bal_recipe *r, const char *reason)
{
    return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s", r->where,
                    r->optimizer_line ? r->optimizer_line : 1, reason);
}

/* Keys of the other optimizer would be without effect. One that has its default may have been
 * written out, as the recipe of a run folder is. */
static bal_status check_kind(const bal_recipe *r)
{
    const bal_recipe_optimizer *o = &r->optimizer;
    if (bal_recipe_is_adamw(o)) {
        if (o->nesterov)
            return refuse(r, "optimizer adamw has no nesterov; it belongs to sgd");
        if (o->momentum != BAL_RECIPE_MOMENTUM)
            return refuse(r, "optimizer adamw has no momentum, it has beta1 and beta2");
        return BAL_OK;
    }
    if (o->beta1 != BAL_RECIPE_BETA1 || o->beta2 != BAL_RECIPE_BETA2 || o->eps != BAL_RECIPE_EPS)
        return refuse(r, "optimizer sgd has no beta1, beta2 and eps; they belong to adamw");
    if (o->nesterov && o->momentum <= 0.0)
        return refuse(r, "nesterov needs a momentum above 0");
    return BAL_OK;
}

static bal_status resolve_averaging(bal_recipe *r)
{
    const bal_recipe_optimizer *o = &r->optimizer;
    double start;
    r->swa_first = -1;
    r->schedule.swa_lr = 0.0;
    const bal_status status =
        bal_schedule_amount(r->ctx, "swa_start", o->swa_start, r->general.epochs, &start);
    if (status != BAL_OK)
        return bal_fail_within(r->ctx, BAL_MISMATCH, "%s:%d", r->where,
                               r->optimizer_line ? r->optimizer_line : 1);
    if (start <= 0.0)
        return o->swa_lr > 0.0 ? refuse(r, "swa_lr needs swa_start, which is 0 (never)") : BAL_OK;
    if (o->ema_decay > 0.0)
        return refuse(r, "ema_decay and swa_start are two averages of the weights; only one of "
                         "them can be what is validated and kept");
    if (start >= r->general.epochs)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: swa_start %s is not within the run's %d epochs, so nothing would "
                        "be averaged",
                        r->where, r->optimizer_line ? r->optimizer_line : 1, o->swa_start,
                        r->general.epochs);
    const int last = r->general.epochs - 1, rounded = bal_schedule_round(start);
    const int first =
        rounded < last ? rounded : last; /* a share of a short run is its last epoch */
    r->swa_first = bal_recipe_epoch_of(r, first);
    r->schedule.swa_first = first;
    r->schedule.swa_lr = o->swa_lr;
    return BAL_OK;
}

bal_status bal_recipe_check_optimizer(bal_recipe *r)
{
    const bal_recipe_optimizer *o = &r->optimizer;
    BAL_TRY(check_kind(r));
    if (o->sam_eta > 0 && !(o->sam_rho > 0.0))
        return refuse(r, "sam_eta says for which classes sam_rho is, and sam_rho is 0 (off)");
    return resolve_averaging(r);
}
