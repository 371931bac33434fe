/* Label-aware smoothing: labels of frequent classes are smoothed more than those of rare ones. */
#include "loss/loss_family.h"

#include <math.h>
#include <string.h>

/* c_j eps_j goes from class j to all classes; what is left is cross entropy. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const double *eps = loss->offsets;
    double spread = 0.0;
    for (int j = 0; j < loss->classes; j++) {
        spread += item->c[j] * eps[j];
        item->c[j] *= 1.0 - eps[j];
    }
    for (int k = 0; k < loss->classes; k++)
        item->c[k] += spread / loss->classes;
    return bal_loss_shifted(loss, item, NULL, gradient);
}

/* 0 at 0 and 1 at 1; concave rises early, convex late. NULL: no such shape. */
typedef double shape_fn(double x);
static const double half_pi = 1.57079632679489661923;
static double concave(double x)
{
    return sin(half_pi * x);
}
static double linear(double x)
{
    return x;
}
static double convex(double x)
{
    return 1.0 - cos(half_pi * x);
}
static shape_fn *shape_of(const char *name)
{
    if (!name || strcmp(name, "concave") == 0)
        return concave;
    return strcmp(name, "linear") == 0 ? linear : strcmp(name, "convex") == 0 ? convex : NULL;
}

/* Where all counts are the same, every class is as frequent as the most frequent one. */
static bal_status prepare(bal_loss *loss, const bal_loss_settings *settings)
{
    shape_fn *shape = shape_of(settings->las_shape);
    if (!shape)
        return bal_fail(loss->ctx, BAL_BAD_ARG,
                        "las_shape is \"%s\", must be concave, linear or convex",
                        settings->las_shape);
    const bal_count_range n = bal_loss_count_range(loss, settings->counts);
    const double head = settings->las_head, tail = settings->las_tail;
    for (int j = 0; j < loss->classes; j++) {
        const double place =
            n.most > n.least ? ((double)settings->counts[j] - n.least) / (n.most - n.least) : 1.0;
        loss->offsets[j] = tail + (head - tail) * shape(place);
    }
    return BAL_OK;
}

const bal_loss_family bal_loss_las = {
    .info = {.name = "las",
             .title = "label-aware smoothing",
             .formula = "-(1 - eps_y) log p_y - eps_y mean_k log p_k, eps_j = las_tail + (las_head "
                        "- las_tail) f((n_j - n_min) / (n_max - n_min))",
             .source = "Zhong et al. 2021",
             .needs_counts = true,
             .takes_soft_targets = true,
             .no_smoothing = "it has a smoothing for each class, las_head and las_tail",
             .settings = "las_head las_tail las_shape"},
    .takes_absent = true,
    .prepare = prepare,
    .sample = sample,
};
