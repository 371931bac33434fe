/* Which recipe suits an imbalance: one table for `--recipe auto` and for the audit. */
#include "ballast/balance.h"

#include "base/compiler.h"

#include <math.h>

static const bal_recipe_choice choices[] = {
    {"near-balanced", 3.0, "ce", "n_max / n_min up to 3: ce",
     "close to balanced: plain training loses little, and its probabilities need no correction",
     "Buda et al. 2018; Shwartz-Ziv et al. 2023"},
    {"moderate", 20.0, "balanced-softmax", "n_max / n_min up to 20: balanced-softmax",
     "a correction by the class counts in the loss suffices; nothing to tune, and the features "
     "stay "
     "those of all images",
     "Ren et al. 2020; Zhang et al. 2021 (bag of tricks)"},
    {"long-tail", INFINITY, "mixup-drw", "n_max / n_min above 20: mixup-drw",
     "a long tail: mixed images keep the features from learning the few rare ones by heart, and "
     "class weights come once the features have settled",
     "Cao et al. 2019; Zhang et al. 2018; Zhang et al. 2021 (bag of tricks)"},
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
