/* The measures and the figures: one table each. */
#include "ballast/explain.h"

#include "base/compiler.h"

#define DABLAIN "Dablain et al. 2023 (CNN fragility)"

static const bal_measure_info measures[] = {
    {"class-means", "mean feature and classification embedding of a class",
     "FE = z, mean over all items of c; CE_k = z_k w_pk, mean over the TP of c", DABLAIN,
     "any real number; FE after a ReLU is at least 0"},
    {"top-k", "the features that a class's decisions rest on most",
     "T_c = the K indices of the largest m_c,k; equal ones by index", DABLAIN,
     "K indices of 0..D-1"},
    {"magnitude", "how large the class's most important features are",
     "m_c,k for k in T_c; given need: mean of CE_k over the TP whose needed set holds k", DABLAIN,
     "any real number, in units of logits"},
    {"overlap", "how many of the most important features two classes, sides or networks share",
     "|T and T'| / K", DABLAIN, "0..1"},
    {"share", "how much of the decision the top-K carry",
     "sum_{k in T_c} m_c,k / sum_k m_c,k, and over sum_k max(m_c,k, 0)", DABLAIN,
     "at most 1 over the positive; the other may be above 1 or below 0"},
    {"number-needed", "how few features are enough for the decision on an item",
     "least k with (k largest CE) + b_p + (sum of negative CE) >= largest other logit", DABLAIN,
     "0..D"},
    {"frequency", "how often items of a class need a feature, and how many they need together",
     "f_ck = share of the class's items whose needed set holds k", DABLAIN,
     "0..1; their sum over k is the mean number needed"},
    {"tp-fn", "the same figures for the items that go wrong",
     "FN: number needed and share of CE for the wrong class; magnitude of z_k w_ck over T_c",
     DABLAIN, "as of the TP"},
    {"train-test-gap", "how far the top-K magnitudes on test data are from those of training",
     "mean over T_c(train) of |m_test - m_train| / |m_train|, and without the bars above", DABLAIN,
     "0..; signed: below 0 the test falls short"},
    {"range-gap", "how much of what test items show was never seen in training",
     "sum_k length of [min_test,k, max_test,k] outside [min_train,k, max_train,k]",
     "Dablain, Bellinger, Krawczyk and Chawla 2023 (efficient augmentation, EOS)", "0.."},
    {"density", "how often other classes show the features that stand for a class",
     "sum_{k in T_r} h_ck / sum_{k in T_r} h_rk, h_ck = share of c's items holding k", DABLAIN,
     "0..; 1: as often as the class itself"},
    {"diversity", "how much the items of a class differ",
     "exp(-sum q ln q) of the covariance's spectrum; tr(S) / |mu|^2; mean 1 - cos over pairs",
     "Roy and Vetterli 2007 (effective rank); " DABLAIN, "1..min(D, n - 1); 0..; 0..2"},
    {"archetypes", "whose neighbours the items of a class are",
     "own class among the 5 nearest: 4, 5 safe; 2, 3 borderline; 1 rare; 0 outlier",
     "Napierala and Stefanowski 2016; Dablain et al. 2024 (interpretable ML for imbalanced data)",
     "shares, 0..1"},
    {"adversaries", "which classes the wrong ones lie among",
     "share of class j among the 5 nearest of the FN of c",
     "Dablain et al. 2024 (interpretable ML for imbalanced data)", "0..1"},
    {"neural-collapse", "how far the classes have shrunk to the corners of a simplex",
     "NC1 tr(S_W S_B^+) / C, CDNV (v_a + v_b) / (2 |mu_a - mu_b|^2), NC2, NC3, NC4",
     "Papyan, Han and Donoho 2020; Galanti, Gyorgy and Hutter 2022 (CDNV)", "0..; 0: collapsed"},
    {"norms", "lengths of features and of the head's weights by class",
     "|w_c|; mean |z| over the items of c", "Kang et al. 2020 (decoupling)", "0.."},
    {"minority-collapse", "whether the head tells the rare classes apart",
     "mean of cos(w_a, w_b) over pairs of classes of the group few (or tail)",
     "Fang, He, Long and Su 2021 (minority collapse)", "-1..1; 1: collapsed"},
    {"trends", "how the figures go with recall and with class size",
     "Spearman's rank correlation over the classes; partial: with n_c held fixed",
     "Spearman 1904; " DABLAIN, "-1..1"},
    {"matching", "which features of two networks are the same",
     "the one-to-one pairing with the largest sum of correlations over the same images",
     "Li, Yosinski, Clune, Lipson and Hopcroft 2016 (convergent learning); Kuhn 1955",
     "correlations, -1..1"},
};

const bal_measure_info *bal_measure_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(measures) ? &measures[i] : NULL;
}

static const bal_figure_info figures[BAL_FIGURE_COUNT] = {
#define FIGURE(field, measure, over, decimals, interval, common, about) \
    [BAL_FIGURE_##field] = {#field, measure, about, BAL_OVER_##over, decimals, interval, common},
    BAL_FIGURE_LIST(FIGURE)
#undef FIGURE
};

const bal_figure_info *bal_figure_at(int i)
{
    return i >= 0 && i < BAL_FIGURE_COUNT ? &figures[i] : NULL;
}

const char *bal_side_name(bal_side side)
{
    static const char *const names[BAL_SIDES] = {"train", "test"};
    return (unsigned)side < BAL_SIDES ? names[side] : "unknown";
}

const char *bal_archetype_name(int archetype)
{
    static const char *const names[BAL_ARCHETYPES] = {"safe", "borderline", "rare", "outlier"};
    return (unsigned)archetype < BAL_ARCHETYPES ? names[archetype] : "unknown";
}
