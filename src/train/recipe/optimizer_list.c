/* What the optimizer's section of a recipe offers, as `ballast methods` and the pages tell it. */
#include "ballast/train.h"

#include "base/context.h"

static const bal_optimizer_info rows[] = {
    {"sgd", "v = momentum v + g; w = w - lr v", "Robbins and Monro 1951; Sutskever et al. 2013",
     "momentum nesterov"},
    {"adamw", "w = w - lr wd w - lr m / (sqrt(v) + eps), m and v corrected means of g and g^2",
     "Kingma and Ba 2015; Loshchilov and Hutter 2019", "beta1 beta2 eps"},
    {"clip-grad", "g min(1, clip_grad / |g|)", "Pascanu et al. 2013", "clip_grad"},
    {"grad-accum", "g = sum_k s_k g_k / sum_k s_k over the batches k of an update",
     "several batches as one", "grad_accum_steps"},
    {"sam", "g(w + rho g(w) / |g(w)|)", "Foret et al. 2021", "sam_rho"},
    {"imbsam", "g_common(w) + g_rare(w + rho g_rare(w) / |g_rare(w)|), rare: n_j < eta",
     "Zhou et al. 2023", "sam_rho sam_eta"},
    {"ema", "a = d a + (1 - d) w after every update", "Polyak and Juditsky 1992",
     "ema_decay ema_warmup"},
    {"swa", "a = the mean of w after the epochs from swa_start on", "Izmailov et al. 2018",
     "swa_start swa_lr"},
};

const bal_optimizer_info *bal_optimizer_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(rows) ? &rows[i] : NULL;
}
