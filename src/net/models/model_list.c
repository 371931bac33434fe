/* The table of models, and what they all share: checks, dropout, head, outputs. */
#include "net/models/heads.h"
#include "net/models/model.h"

#include <string.h>

#define RESNET_SOURCE "He et al. 2016, section 4.2, with the parameter-free shortcut (option A)"
#define RESNET(depth)                                                                         \
    {                                                                                         \
        {"resnet" #depth, "CIFAR ResNet, " #depth " layers, widths 16-32-64", RESNET_SOURCE}, \
            bal_cifar_resnet_trunk, depth, 4                                                  \
    }

static const bal_model models[] = {
    RESNET(8),
    RESNET(20),
    RESNET(32),
    RESNET(44),
    RESNET(56),
    RESNET(110),
    {{"lenet", "small LeNet-style net: two convolutions with pooling, one hidden layer",
      "after LeCun et al. 1998, with ReLU and max pooling"},
     bal_lenet_trunk,
     4,
     4},
};

const bal_model_info *bal_model_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(models) ? &models[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_model_info *info = bal_model_at(i);
    return info ? info->name : NULL;
}

bal_model_settings bal_model_defaults(void)
{
    return (bal_model_settings){.name = "resnet20",
                                .classes = 10,
                                .input = {3, 32, 32},
                                .head = "linear",
                                .scale = 30.0,
                                .dropout = 0.0};
}

static const char *head_at(const void *user, int i)
{
    (void)user;
    return bal_head_at(i) ? bal_head_at(i)->name : NULL;
}

static bal_status check_head(bal_ctx *ctx, const char *name)
{
    if (!name || bal_head_find(name))
        return BAL_OK;
    const char *near = bal_nearest_name(name, head_at, NULL);
    return bal_fail(ctx, BAL_BAD_ARG, "there is no head \"%s\"; %s \"%s\"%s", name,
                    near ? "did you mean" : "there is, for instance,", near ? near : "linear",
                    near ? "?" : "");
}

static bal_status find_model(bal_ctx *ctx, const char *name, const bal_model **out)
{
    for (size_t i = 0; name && i < BAL_COUNT_OF(models); i++)
        if (strcmp(models[i].info.name, name) == 0) {
            *out = &models[i];
            return BAL_OK;
        }
    const char *near = bal_nearest_name(name ? name : "", name_at, NULL);
    return bal_fail(ctx, BAL_BAD_ARG, "there is no model \"%s\"%s%s%s", name ? name : "",
                    near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bal_status check_settings(bal_ctx *ctx, const bal_model *m, const bal_model_settings *s)
{
    if (s->classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 2", s->classes);
    BAL_TRY(check_head(ctx, s->head));
    if (!(s->dropout >= 0.0 && s->dropout < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "dropout is %g, must be 0 to below 1", s->dropout);
    if (s->input.channels < 1)
        return bal_fail(ctx, BAL_MISMATCH, "images have %d channels, must be at least 1",
                        s->input.channels);
    if (s->input.height < m->min_size || s->input.width < m->min_size)
        return bal_fail(ctx, BAL_MISMATCH,
                        "images of %d x %d are too small for %s, which wants %d x %d",
                        s->input.height, s->input.width, m->info.name, m->min_size, m->min_size);
    return BAL_OK;
}

bal_status bal_model_build(bal_graph **out, bal_ctx *ctx, const bal_model_settings *settings)
{
    *out = NULL;
    const bal_model *m = NULL;
    BAL_TRY(find_model(ctx, settings->name, &m));
    BAL_TRY(check_settings(ctx, m, settings));
    bal_graph *g;
    BAL_TRY(bal_graph_open(&g, ctx));
    const int image = bal_add_input(g, "image", settings->input);
    const int features = m->trunk(g, image, settings, m->depth);
    int x = features;
    if (settings->dropout > 0.0)
        x = bal_add_dropout(g, x, settings->dropout);
    bal_head_add(g, settings, x, features);
    const bal_status status = bal_graph_finish(g);
    if (status != BAL_OK) {
        bal_graph_close(&g);
        return bal_fail_within(ctx, status, "model %s", settings->name);
    }
    *out = g;
    return BAL_OK;
}
