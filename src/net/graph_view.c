/* Looking at a graph: names, shapes, parameters, FLOPs. Numbers out of range give NULL, -1 or zeros
 * rather than a crash. */
#include "net/op.h"

#include <string.h>

static const bal_node *node_at(const bal_graph *g, int node)
{
    return node >= 0 && node < g->node_count ? &g->nodes[node] : NULL;
}

int bal_graph_nodes(const bal_graph *g)
{
    return g->node_count;
}

const char *bal_graph_node_name(const bal_graph *g, int node)
{
    const bal_node *n = node_at(g, node);
    return n ? n->name : NULL;
}

const char *bal_graph_node_op(const bal_graph *g, int node)
{
    const bal_node *n = node_at(g, node);
    return n ? bal_op_name((bal_op_kind)n->op) : NULL;
}

bal_shape bal_graph_node_shape(const bal_graph *g, int node)
{
    const bal_node *n = node_at(g, node);
    return n ? n->shape : (bal_shape){0, 0, 0};
}

int bal_graph_find_node(const bal_graph *g, const char *name)
{
    for (int i = 0; i < g->node_count; i++)
        if (strcmp(g->nodes[i].name, name) == 0)
            return i;
    return -1;
}

int bal_graph_outputs(const bal_graph *g)
{
    return g->output_count;
}

int bal_graph_find_output(const bal_graph *g, const char *name)
{
    for (int i = 0; i < g->output_count; i++)
        if (strcmp(g->outputs[i].name, name) == 0)
            return i;
    return -1;
}

int bal_graph_output_node(const bal_graph *g, int output)
{
    return output >= 0 && output < g->output_count ? g->outputs[output].node : -1;
}

int bal_graph_inputs(const bal_graph *g)
{
    return g->input_count;
}

int bal_graph_input_node(const bal_graph *g, int input)
{
    return input >= 0 && input < g->input_count ? g->inputs[input] : -1;
}

double bal_graph_flops(const bal_graph *g)
{
    double sum = 0.0;
    for (int i = 0; i < g->node_count; i++)
        sum += bal_op_of((bal_op_kind)g->nodes[i].op)->flops(g, &g->nodes[i]);
    return sum;
}

int bal_graph_params(const bal_graph *g)
{
    return g->param_count;
}

const bal_param_info *bal_graph_param(const bal_graph *g, int param)
{
    return param >= 0 && param < g->param_count ? &g->params[param] : NULL;
}

int bal_graph_find_param(const bal_graph *g, const char *name)
{
    for (int i = 0; i < g->param_count; i++)
        if (strcmp(g->params[i].name, name) == 0)
            return i;
    return -1;
}

int64_t bal_graph_learned_count(const bal_graph *g)
{
    int64_t sum = 0;
    for (int i = 0; i < g->param_count; i++)
        if (g->params[i].learned)
            sum += g->params[i].count;
    return sum;
}
