/* Which backward work a plan needs. */
#include "engine/needs.h"

#include "net/op.h"

static bool trains(const bal_node *n, const bal_plan_settings *s)
{
    for (int i = 0; i < n->params; i++)
        if (s->trainable[n->param[i]])
            return true;
    return false;
}

static bool input_wants(const bal_node *n, const bool *gradient)
{
    for (int i = 0; i < n->inputs; i++)
        if (gradient[n->input[i]])
            return true;
    return false;
}

void bal_plan_needs(const bal_graph *g, const bal_plan_settings *settings, bool *gradient,
                    bool *runs)
{
    for (int i = 0; i < g->node_count; i++)
        gradient[i] = runs[i] = false;
    if (!settings->training)
        return;
    for (int i = 0; i < settings->keep_count; i++)
        gradient[settings->keep[i]] = true;
    for (int i = 0; i < g->node_count; i++) {
        runs[i] = trains(&g->nodes[i], settings) || input_wants(&g->nodes[i], gradient);
        gradient[i] = gradient[i] || runs[i];
    }
}

double bal_plan_backward_flops(const bal_graph *g, const bal_plan_settings *settings,
                               const bool *gradient)
{
    double sum = 0.0;
    for (int i = 0; i < g->node_count; i++) {
        const bal_node *n = &g->nodes[i];
        const double forward = bal_op_of((bal_op_kind)n->op)->flops(g, n) * settings->batch;
        if (settings->training && input_wants(n, gradient))
            sum += forward;
        if (settings->training && trains(n, settings))
            sum += forward;
    }
    return sum;
}
