/* The table of heads, and where a graph has its head. */
#include "net/models/heads.h"

#include <string.h>

static int add_linear(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_linear(g, name, features, s->classes, true);
}

static int add_cosine(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_cosine_linear(g, name, features, s->classes, s->scale);
}

static int add_lws(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_scaled_linear(g, name, features, s->classes, false);
}

static int add_lws_bias(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_scaled_linear(g, name, features, s->classes, true);
}

static int add_marc(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_norm_shifted_linear(g, name, features, s->classes, true);
}

static int add_disalign(bal_graph *g, const char *name, int features, const bal_model_settings *s)
{
    return bal_add_confident_linear(g, name, features, s->classes, true);
}

static const bal_head heads[] = {
    {{"linear", "z_j = w_j f + b_j", "plain linear layer"}, add_linear, true, true, true},
    {{"cosine", "z_j = scale cos(w_j, f)", "Cao et al. 2019 (LDAM)"},
     add_cosine,
     false,
     false,
     false},
    {{"lws", "z_j = s_j w_j f", "Kang et al. 2020 (decoupling; learnable weight scaling)"},
     add_lws,
     false,
     true,
     true},
    {{"lws-bias", "z_j = s_j (w_j f + b_j)", "Zhong et al. 2021 (MiSLAS)"},
     add_lws_bias,
     true,
     true,
     false},
    {{"marc", "z_j = omega_j (w_j f + b_j) + beta_j |w_j|",
      "Wang et al. 2022 (margin calibration)"},
     add_marc,
     true,
     true,
     false},
    {{"disalign", "z_j = (1 + c alpha_j) (w_j f + b_j) + c beta_j, c = sigmoid(v f + a)",
      "Zhang et al. 2021 (DisAlign)"},
     add_disalign,
     true,
     true,
     false},
};

const bal_head_info *bal_head_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(heads) ? &heads[i].info : NULL;
}

const bal_head *bal_head_find(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(heads); i++)
        if (strcmp(heads[i].info.name, name) == 0)
            return &heads[i];
    return NULL;
}

int bal_head_add(bal_graph *g, const bal_model_settings *s, int x, int features)
{
    x = bal_head_find(s->head ? s->head : "linear")->add(g, "fc", x, s);
    bal_graph_output(g, "logits", x);
    bal_graph_output(g, "features", features);
    return x;
}

bal_status bal_head_build(bal_graph **out, bal_ctx *ctx, const bal_model_settings *s, int features)
{
    *out = NULL;
    bal_graph *g;
    BAL_TRY(bal_graph_open(&g, ctx));
    const int x = bal_add_flatten(g, bal_add_input(g, "features", (bal_shape){features, 1, 1}));
    bal_head_add(g, s, x, x);
    const bal_status status = bal_graph_finish(g);
    if (status != BAL_OK)
        bal_graph_close(&g);
    *out = g;
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

bal_head_params bal_head_params_of(const bal_graph *g)
{
    const int output = bal_graph_find_output(g, "logits");
    bal_head_params at = {-1, -1, -1};
    if (output < 0)
        return at;
    at.node = bal_graph_output_node(g, output);
    const bal_node *n = &g->nodes[at.node];
    for (int i = 0; i < n->params; i++) {
        const bal_param_info *p = &g->params[n->param[i]];
        if (p->dims == 2 && ends_with(p->name, ".weight"))
            at.weight = n->param[i];
        if (ends_with(p->name, ".bias"))
            at.bias = n->param[i];
    }
    return at;
}
