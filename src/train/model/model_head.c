/* The weights of a trained model's head, for those who look at its features. */
#include "train/model/trained_model.h"

#include "net/op.h"

#include <math.h>
#include <string.h>

/* The node of the logits, where it reads the features themselves; NULL otherwise. */
static const bal_node *head_of(const bal_model *m)
{
    const bal_graph *g = m->graph;
    const int features = bal_graph_find_output(g, "features");
    if (features < 0)
        return NULL;
    const bal_node *head = &g->nodes[bal_graph_output_node(g, m->logits)];
    int from = head->inputs > 0 ? head->input[0] : -1;
    while (from >= 0 && g->nodes[from].op == BAL_OP_DROPOUT) /* the identity in inference */
        from = g->nodes[from].input[0];
    const bool known = head->op == BAL_OP_LINEAR || head->op == BAL_OP_COSINE_LINEAR ||
                       head->op == BAL_OP_SCALED_LINEAR || head->op == BAL_OP_NORM_SHIFTED_LINEAR;
    return known && from == bal_graph_output_node(g, features) ? head : NULL;
}

const char *bal_model_name(const bal_model *model)
{
    return model->held ? model->data.model : NULL;
}

bool bal_model_pools(const bal_model *model)
{
    const bal_graph *g = model->graph;
    const int features = bal_graph_find_output(g, "features");
    int node = features < 0 ? -1 : bal_graph_output_node(g, features);
    while (node >= 0 &&
           (g->nodes[node].op == BAL_OP_FLATTEN || g->nodes[node].op == BAL_OP_DROPOUT))
        node = g->nodes[node].input[0];
    return node >= 0 && g->nodes[node].op == BAL_OP_GLOBAL_AVG_POOL;
}

/* Scales and shifts of the classes become part of the rows and the bias: the same logits. */
static bal_status fold(bal_model *m, const bal_node *head, bal_model_head *out)
{
    const bool shifts = head->op == BAL_OP_NORM_SHIFTED_LINEAR;
    const size_t classes = (size_t)m->classes, width = (size_t)m->features;
    const int first = head->settings.bias ? 2 : 1;
    if (head->op != BAL_OP_SCALED_LINEAR && !shifts)
        return BAL_OK;
    float *by = bal_calloc(m->ctx, 2 * classes, sizeof *by);
    if (!out->bias)
        out->bias = bal_calloc(m->ctx, classes, sizeof *out->bias);
    bal_status status = by && out->bias ? BAL_OK : BAL_NO_MEMORY;
    for (int i = 0; status == BAL_OK && i < (shifts ? 2 : 1); i++)
        status = bal_plan_read_param(m->plan, head->param[first + i], BAL_PARAM_VALUE,
                                     by + (size_t)i * classes);
    for (size_t j = 0; status == BAL_OK && j < classes; j++) {
        double square = 0.0;
        for (size_t i = 0; i < width; i++) {
            square += (double)out->weight[j * width + i] * out->weight[j * width + i];
            out->weight[j * width + i] *= by[j];
        }
        out->bias[j] = (float)((double)by[j] * out->bias[j] + by[classes + j] * sqrt(square));
    }
    bal_free(m->ctx, by);
    return status;
}

bal_status bal_model_get_head(bal_model *m, bal_model_head *out)
{
    *out = (bal_model_head){.classes = m->classes, .features = m->features};
    const bal_node *head = head_of(m);
    if (!head)
        return bal_fail(m->ctx, BAL_UNSUPPORTED,
                        "the network has no linear or cosine head on its features");
    out->cosine = head->op == BAL_OP_COSINE_LINEAR;
    out->scale = head->settings.scale;
    out->weight = bal_calloc(m->ctx, (size_t)m->classes, (size_t)m->features * sizeof(float));
    bal_status status = out->weight ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_plan_read_param(m->plan, head->param[0], BAL_PARAM_VALUE, out->weight);
    if (status == BAL_OK && head->settings.bias) {
        out->bias = bal_calloc(m->ctx, (size_t)m->classes, sizeof(float));
        status = out->bias
                     ? bal_plan_read_param(m->plan, head->param[1], BAL_PARAM_VALUE, out->bias)
                     : BAL_NO_MEMORY;
    }
    if (status == BAL_OK)
        status = fold(m, head, out);
    if (status != BAL_OK)
        bal_model_head_free(m->ctx, out);
    return status;
}

void bal_model_head_free(bal_ctx *ctx, bal_model_head *head)
{
    bal_free(ctx, head->weight);
    bal_free(ctx, head->bias);
    *head = (bal_model_head){0};
}
