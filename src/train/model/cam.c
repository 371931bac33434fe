/* Class activation maps of a trained network: a plan that keeps one layer and its gradient. */
#include "ballast/cam.h"

#include "net/graph.h"
#include "net/op.h"
#include "numeric/softmax.h"
#include "train/model/trained_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct bal_cam {
    bal_ctx *ctx;
    const bal_graph *graph; /* the model's */
    bal_plan *plan;
    bal_shape input, layer; /* layer: K x H x W */
    int node, logits, classes, batch;
    bool embedding; /* ce */
    bool cosine;    /* the head is */
    size_t pixels;  /* of an image, channels included */
    bal_pixel_table table;
    float *planes, *scores, *slopes; /* slopes: batch x classes */
    float *activation, *gradient;    /* batch x K x H x W */
    const float **output_gradients;
    double *row; /* classes */
};

bal_cam_settings bal_cam_defaults(void)
{
    return (bal_cam_settings){.kind = "gradcam", .batch_size = 32};
}

/* ---- which layer ---- */

static bal_op_kind op_of(const bal_graph *g, int node)
{
    return (bal_op_kind)g->nodes[node].op;
}

/* The node whose global average the head reads, or -1. */
static int pooled_node(const bal_graph *g)
{
    const int output = bal_graph_find_output(g, "features");
    int node = output < 0 ? -1 : bal_graph_output_node(g, output);
    while (node >= 0 && (op_of(g, node) == BAL_OP_FLATTEN || op_of(g, node) == BAL_OP_DROPOUT))
        node = g->nodes[node].input[0];
    return node >= 0 && op_of(g, node) == BAL_OP_GLOBAL_AVG_POOL ? g->nodes[node].input[0] : -1;
}

static bool has_positions(const bal_graph *g, int node)
{
    return g->nodes[node].shape.height * g->nodes[node].shape.width > 1;
}

/* needed[i]: the node's result depends on node i. */
static void mark_needed(const bal_graph *g, int node, bool *needed)
{
    needed[node] = true;
    for (int i = node; i >= 0; i--) /* a node reads earlier ones only */
        for (int k = 0; needed[i] && k < g->nodes[i].inputs; k++)
            needed[g->nodes[i].input[k]] = true;
}

static int last_with_positions(const bal_graph *g, const bool *needed)
{
    int last = -1;
    for (int i = 0; i < g->node_count; i++)
        if (needed[i] && has_positions(g, i) && op_of(g, i) != BAL_OP_INPUT)
            last = i;
    return last;
}

static const char *layer_name(const void *user, int i)
{
    const bal_graph *g = user;
    return i < g->node_count ? g->nodes[i].name : NULL;
}

static bal_status find_named(const bal_cam *cam, const char *name, const bool *needed, int *out)
{
    const bal_graph *g = cam->graph;
    *out = bal_graph_find_node(g, name);
    if (*out < 0) {
        const char *near = bal_nearest_name(name, layer_name, g);
        return bal_fail(cam->ctx, BAL_BAD_ARG, "the network has no layer \"%s\"%s%s%s", name,
                        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (!has_positions(g, *out))
        return bal_fail(cam->ctx, BAL_BAD_ARG,
                        "layer %s has a single position: a map needs height and width", name);
    if (!needed[*out])
        return bal_fail(cam->ctx, BAL_BAD_ARG, "the logits do not depend on layer %s", name);
    return BAL_OK;
}

static bal_status choose_layer(bal_cam *cam, const bal_cam_settings *s, const bool *needed)
{
    const int pooled = pooled_node(cam->graph);
    if (cam->embedding && s->layer)
        return bal_fail(cam->ctx, BAL_BAD_ARG,
                        "kind ce is of the layer that pooling reads; layer is for gradcam");
    if (cam->embedding && pooled < 0)
        return bal_fail(cam->ctx, BAL_MISMATCH,
                        "kind ce needs a network that pools its last maps to the features that the "
                        "head reads; this one does not. Kind gradcam works");
    if (s->layer)
        return find_named(cam, s->layer, needed, &cam->node);
    cam->node = pooled >= 0 ? pooled : last_with_positions(cam->graph, needed);
    if (cam->node < 0)
        return bal_fail(cam->ctx, BAL_MISMATCH,
                        "the network has no layer with height and width between image and logits");
    return BAL_OK;
}

static bal_status find_layer(bal_cam *cam, const bal_cam_settings *s)
{
    bool *needed = bal_calloc(cam->ctx, (size_t)cam->graph->node_count, sizeof *needed);
    if (!needed)
        return BAL_NO_MEMORY;
    const int logits = bal_graph_output_node(cam->graph, cam->logits);
    mark_needed(cam->graph, logits, needed);
    cam->cosine = op_of(cam->graph, logits) == BAL_OP_COSINE_LINEAR;
    const bal_status status = choose_layer(cam, s, needed);
    bal_free(cam->ctx, needed);
    return status;
}

/* ---- open and close ---- */

static bal_status check_settings(bal_cam *cam, const bal_cam_settings *s)
{
    cam->embedding = strcmp(s->kind, "ce") == 0;
    if (!cam->embedding && strcmp(s->kind, "gradcam") != 0)
        return bal_fail(cam->ctx, BAL_BAD_ARG, "kind is \"%s\", must be gradcam or ce", s->kind);
    if (s->batch_size < 1 || s->batch_size > 65536)
        return bal_fail(cam->ctx, BAL_BAD_ARG, "batch_size is %d, must be 1 to 65536",
                        s->batch_size);
    return BAL_OK;
}

static bal_status open_plan(bal_cam *cam, const bal_model *model, const bal_cam_settings *s)
{
    const bal_engine *engine;
    bal_weights *weights = NULL;
    bool *nothing = bal_calloc(cam->ctx, (size_t)bal_graph_params(cam->graph), sizeof *nothing);
    if (!nothing)
        return BAL_NO_MEMORY;
    bal_status status;
    BAL_GOTO(bal_engine_find(cam->ctx, s->engine, &engine));
    const bal_plan_settings settings = {.batch = cam->batch,
                                        .training = true,
                                        .trainable = nothing,
                                        .keep = &cam->node,
                                        .keep_count = 1};
    BAL_GOTO(bal_plan_open(&cam->plan, cam->ctx, engine, cam->graph, &settings));
    BAL_GOTO(bal_plan_save(model->plan, &weights));
    status = bal_plan_load(cam->plan, weights);
fail:
    bal_weights_close(&weights);
    bal_free(cam->ctx, nothing);
    return status;
}

static bal_status open_memory(bal_cam *cam)
{
    const size_t batch = (size_t)cam->batch, classes = (size_t)cam->classes;
    const size_t maps =
        (size_t)cam->layer.channels * (size_t)cam->layer.height * (size_t)cam->layer.width;
    cam->planes = bal_calloc(cam->ctx, batch, cam->pixels * sizeof *cam->planes);
    cam->scores = bal_calloc(cam->ctx, batch, classes * sizeof *cam->scores);
    cam->slopes = bal_calloc(cam->ctx, batch, classes * sizeof *cam->slopes);
    cam->activation = bal_calloc(cam->ctx, batch, maps * sizeof *cam->activation);
    cam->gradient = bal_calloc(cam->ctx, batch, maps * sizeof *cam->gradient);
    cam->row = bal_calloc(cam->ctx, classes, sizeof *cam->row);
    cam->output_gradients =
        bal_calloc(cam->ctx, (size_t)bal_graph_outputs(cam->graph), sizeof *cam->output_gradients);
    if (!cam->planes || !cam->scores || !cam->slopes || !cam->activation || !cam->gradient ||
        !cam->row || !cam->output_gradients)
        return BAL_NO_MEMORY;
    cam->output_gradients[cam->logits] = cam->slopes;
    return BAL_OK;
}

bal_status bal_cam_open(bal_cam **out, bal_ctx *ctx, const bal_model *model,
                        const bal_cam_settings *settings)
{
    const bal_cam_settings defaults = bal_cam_defaults();
    const bal_cam_settings *s = settings ? settings : &defaults;
    *out = NULL;
    bal_cam *cam = bal_calloc(ctx, 1, sizeof *cam);
    if (!cam)
        return BAL_NO_MEMORY;
    cam->ctx = ctx;
    cam->input = model->input;
    cam->pixels =
        (size_t)model->input.channels * (size_t)model->input.height * (size_t)model->input.width;
    cam->table = model->table;
    cam->graph = model->graph;
    cam->logits = model->logits;
    cam->classes = model->classes;
    cam->batch = s->batch_size;
    bal_status status;
    BAL_GOTO(check_settings(cam, s));
    BAL_GOTO(find_layer(cam, s));
    cam->layer = bal_graph_node_shape(cam->graph, cam->node);
    BAL_GOTO(open_plan(cam, model, s));
    BAL_GOTO(open_memory(cam));
    *out = cam;
    return BAL_OK;
fail:
    bal_cam_close(&cam);
    return status;
}

void bal_cam_close(bal_cam **cam)
{
    if (!cam || !*cam)
        return;
    bal_cam *c = *cam;
    void *const memory[] = {c->planes,
                            c->scores,
                            c->slopes,
                            c->activation,
                            c->gradient,
                            c->row,
                            (void *)c->output_gradients};
    bal_plan_close(&c->plan);
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(c->ctx, memory[i]);
    bal_free(c->ctx, c);
    *cam = NULL;
}

const char *bal_cam_layer(const bal_cam *cam)
{
    return bal_graph_node_name(cam->graph, cam->node);
}

bal_shape bal_cam_shape(const bal_cam *cam)
{
    return cam->layer;
}

bal_ctx *bal_cam_context(const bal_cam *cam)
{
    return cam->ctx;
}

bal_shape bal_cam_input(const bal_cam *cam)
{
    return cam->input;
}

/* ---- maps ---- */

static int largest(const float *scores, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = scores[c] > scores[best] ? c : best;
    return best;
}

static int class_of(const bal_cam *cam, const bal_cam_ask *ask, int64_t i, int place)
{
    const float *scores = cam->scores + (size_t)place * (size_t)cam->classes;
    return ask->classes ? ask->classes[i] : largest(scores, cam->classes);
}

/* Asks for the gradient of the logit of image i's class, and tells what is said of it. */
static void take_class(bal_cam *cam, const bal_cam_ask *ask, int64_t i, int place)
{
    const float *scores = cam->scores + (size_t)place * (size_t)cam->classes;
    const int said = largest(scores, cam->classes), c = class_of(cam, ask, i, place);
    cam->slopes[(size_t)place * (size_t)cam->classes + (size_t)c] = 1.0F;
    if (ask->predicted)
        ask->predicted[i] = said;
    if (ask->probability) {
        for (int k = 0; k < cam->classes; k++)
            cam->row[k] = (double)scores[k];
        const bal_softmax s = bal_softmax_of(cam->row, cam->classes, cam->row);
        ask->probability[i] = (float)exp(-bal_softmax_loss(&s, (double)scores[c]));
    }
}

static double mean_of(const float *map, size_t area)
{
    double sum = 0.0;
    for (size_t p = 0; p < area; p++)
        sum += (double)map[p];
    return sum / (double)area;
}

/* With y = s cos(w, f) the gradient of f_k is (s w_k / |w| - y f_k / |f|) / |f|; what the embedding
 * wants is its first part, s w_k / (|w| |f|). Returns what has to be added per unit of f_k. */
static double cosine_share(const bal_cam *cam, const float *activation, double logit, size_t area)
{
    double squares = 0.0;
    for (int k = 0; k < cam->layer.channels; k++) {
        const double f = mean_of(activation + (size_t)k * area, area);
        squares += f * f;
    }
    return logit / fmax(squares, 1e-24);
}

static void make_map(const bal_cam *cam, const bal_cam_ask *ask, int place, int c, float *map)
{
    const size_t area = (size_t)cam->layer.height * (size_t)cam->layer.width,
                 maps = (size_t)cam->layer.channels * area;
    const float *activation = cam->activation + (size_t)place * maps;
    const float *gradient = cam->gradient + (size_t)place * maps;
    const bool *wanted =
        ask->features ? ask->features + (size_t)c * (size_t)cam->layer.channels : NULL;
    const double logit = (double)cam->scores[(size_t)place * (size_t)cam->classes + (size_t)c];
    const double share =
        cam->embedding && cam->cosine ? cosine_share(cam, activation, logit, area) : 0.0;
    memset(map, 0, area * sizeof *map);
    for (int k = 0; k < cam->layer.channels; k++) {
        const float *a = activation + (size_t)k * area;
        if (wanted && !wanted[k])
            continue;
        double alpha = mean_of(gradient + (size_t)k * area, area);
        if (share != 0.0)
            alpha += share * mean_of(a, area) / (double)area;
        for (size_t p = 0; p < area; p++)
            map[p] += (float)(alpha * (double)a[p]);
    }
    for (size_t p = 0; !cam->embedding && p < area; p++)
        map[p] = map[p] > 0.0F ? map[p] : 0.0F;
}

static bal_status run_batch(bal_cam *cam, const bal_cam_ask *ask, int64_t first, int count)
{
    const size_t area = (size_t)cam->layer.height * (size_t)cam->layer.width;
    for (int i = 0; i < count; i++)
        bal_pixel_planes(&cam->table, cam->pixels / (size_t)cam->input.channels,
                         ask->pixels + (size_t)(first + i) * cam->pixels,
                         cam->planes + (size_t)i * cam->pixels);
    const bal_forward forward = {.inputs = (const float *const[]){cam->planes}, .batch = count};
    BAL_TRY(bal_plan_forward(cam->plan, &forward));
    BAL_TRY(bal_plan_read_output(cam->plan, cam->logits, cam->scores));
    memset(cam->slopes, 0, (size_t)count * (size_t)cam->classes * sizeof *cam->slopes);
    for (int i = 0; i < count; i++)
        take_class(cam, ask, first + i, i);
    BAL_TRY(
        bal_plan_backward(cam->plan, &(bal_backward){.output_gradients = cam->output_gradients}));
    BAL_TRY(bal_plan_read_node(cam->plan, cam->node, BAL_NODE_ACTIVATION, cam->activation));
    BAL_TRY(bal_plan_read_node(cam->plan, cam->node, BAL_NODE_GRADIENT, cam->gradient));
    for (int i = 0; i < count; i++)
        make_map(cam, ask, i, class_of(cam, ask, first + i, i),
                 ask->maps + (size_t)(first + i) * area);
    return BAL_OK;
}

bal_status bal_cam_maps(bal_cam *cam, const bal_cam_ask *ask)
{
    for (int64_t i = 0; ask->classes && i < ask->count; i++)
        if (ask->classes[i] < 0 || ask->classes[i] >= cam->classes)
            return bal_fail(cam->ctx, BAL_BAD_ARG, "class of image %lld is %d, must be 0 to %d",
                            (long long)i, (int)ask->classes[i], cam->classes - 1);
    for (int64_t at = 0; at < ask->count; at += cam->batch) {
        const int64_t left = ask->count - at;
        if (bal_take_interrupt(cam->ctx))
            return bal_fail(cam->ctx, BAL_INTERRUPTED, "interrupted after %lld of %lld images",
                            (long long)at, (long long)ask->count);
        BAL_TRY(run_batch(cam, ask, at, left < cam->batch ? (int)left : cam->batch));
    }
    return BAL_OK;
}
