/* See formula_weights.h. */
#include "helpers/formula_weights.h"

#include "helpers/formula.h"
#include "helpers/helpers.h"

#include <math.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static float starting_value(const bal_param_info *p, double unit)
{
    if (p->dims > 1)
        return (float)(unit * sqrt(6.0 / ((double)p->count / (double)p->shape[0])));
    if (ends_with(p->name, "running_var"))
        return (float)(1.0 + 0.5 * unit);
    return (float)(ends_with(p->name, "weight") ? 1.0 + 0.25 * unit : 0.25 * unit);
}

bal_weights *formula_weights(bal_ctx *ctx, const bal_graph *g)
{
    bal_weights *w;
    test_ok(ctx, bal_weights_open(&w, ctx));
    for (int p = 0; p < bal_graph_params(g); p++) {
        const bal_param_info *info = bal_graph_param(g, p);
        const formula f = formula_of(info->name);
        test_ok(ctx, bal_weights_add(w, info->name, info->dims, info->shape, NULL));
        for (int64_t i = 0; i < info->count; i++)
            bal_weights_at(w, p)->data[i] = starting_value(info, unit_at(f, i));
    }
    return w;
}
