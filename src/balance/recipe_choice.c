/* Which recipe suits an imbalance: one table for `--recipe auto` and for the audit. */
#include "ballast/balance.h"

#include "base/compiler.h"

#include <math.h>

static const bal_recipe_choice choices[] = {
    {"near-balanced", 3.0, "ce", "n_max / n_min up to 3: ce",
     "close to balanced: plain training loses little, and its probabilities need no correction",
     "Buda et al. 2018; Shwartz-Ziv et al. 2023"},
    {"imbalanced", INFINITY, "balanced-softmax", "n_max / n_min above 3: balanced-softmax",
     "the counts of the classes correct the loss: nothing to tune, no stages, so it suits short "
     "runs and long ones",
     "Ren et al. 2020; Menon et al. 2021"},
};

const bal_recipe_choice *bal_recipe_choice_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(choices) ? &choices[i] : NULL;
}

const bal_recipe_choice *bal_recipe_choice_for(double ratio)
{
    size_t i = 0;
    while (i + 1 < BAL_COUNT_OF(choices) && !(ratio <= choices[i].ratio_most))
        i++;
    return &choices[i];
}

double bal_imbalance_ratio(int classes, const int64_t *counts)
{
    int64_t least = 0, most = 0;
    for (int j = 0; j < classes; j++) {
        if (counts[j] <= 0)
            continue;
        most = counts[j] > most ? counts[j] : most;
        least = least == 0 || counts[j] < least ? counts[j] : least;
    }
    return least > 0 ? (double)most / (double)least : 1.0;
}
