/* A convolutional autoencoder, for over-sampling between images (DeepSMOTE). */
#include "ballast/net.h"
#include "base/context.h"

#include <stdio.h>

#define SMALLEST_SIDE 4
#define MOST_HALVINGS 4

bal_autoencoder_settings bal_autoencoder_defaults(void)
{
    return (bal_autoencoder_settings){.latent = 64, .width = 32};
}

static bool may_halve(bal_shape s)
{
    return s.height % 2 == 0 && s.width % 2 == 0 && s.height > SMALLEST_SIDE &&
           s.width > SMALLEST_SIDE;
}

static int block(bal_graph *g, const char *part, int number, int x, int channels, int stride)
{
    char name[32];
    const bal_conv2d conv = {
        .out_channels = channels, .kernel = {3, 3}, .stride = {stride, stride}, .padding = {1, 1}};
    snprintf(name, sizeof name, "%s.conv%d", part, number);
    x = bal_add_conv2d(g, name, x, &conv);
    snprintf(name, sizeof name, "%s.bn%d", part, number);
    return bal_add_relu(g, bal_add_batch_norm(g, name, x));
}

static int encode(bal_graph *g, const bal_autoencoder_settings *s, int halvings)
{
    int x = bal_add_input(g, "image", s->input);
    for (int i = 0; i < halvings; i++)
        x = block(g, "encoder", i + 1, x, s->width << i, 2);
    return bal_add_linear(g, "encoder.fc", bal_add_flatten(g, x), s->latent, true);
}

static int decode(bal_graph *g, const bal_autoencoder_settings *s, int halvings, int latent)
{
    const bal_shape smallest = {s->width << (halvings - 1), s->input.height >> halvings,
                                s->input.width >> halvings};
    const int numbers = smallest.channels * smallest.height * smallest.width;
    int x = bal_add_linear(g, "decoder.fc", latent, numbers, false);
    x = bal_add_unflatten(g, x, smallest);
    x = bal_add_relu(g, bal_add_batch_norm(g, "decoder.bn0", x));
    for (int i = 1; i < halvings; i++)
        x = block(g, "decoder", i, bal_add_upsample(g, x, 2), s->width << (halvings - 1 - i), 1);
    const bal_conv2d last = {
        .out_channels = s->input.channels, .kernel = {3, 3}, .padding = {1, 1}, .bias = true};
    return bal_add_conv2d(g, "decoder.conv_out", bal_add_upsample(g, x, 2), &last);
}

static bal_status check(bal_ctx *ctx, const bal_autoencoder_settings *s)
{
    if (s->latent < 1 || s->latent > 65536)
        return bal_fail(ctx, BAL_BAD_ARG, "latent is %d, 1 to 65536 expected", s->latent);
    if (s->width < 1 || s->width > 1024)
        return bal_fail(ctx, BAL_BAD_ARG, "width is %d, 1 to 1024 expected", s->width);
    if (!may_halve(s->input))
        return bal_fail(ctx, BAL_MISMATCH,
                        "an autoencoder cannot halve %d x %d (height x width): even sides above %d "
                        "expected",
                        s->input.height, s->input.width, SMALLEST_SIDE);
    return BAL_OK;
}

bal_status bal_autoencoder_build(bal_graph **out, bal_ctx *ctx,
                                 const bal_autoencoder_settings *settings)
{
    *out = NULL;
    BAL_TRY(check(ctx, settings));
    bal_graph *g;
    BAL_TRY(bal_graph_open(&g, ctx));
    int halvings = 0;
    for (bal_shape s = settings->input; halvings < MOST_HALVINGS && may_halve(s); halvings++)
        s = (bal_shape){s.channels, s.height / 2, s.width / 2};
    const int latent = settings->decoder_only
                           ? bal_add_input(g, "latent", (bal_shape){settings->latent, 1, 1})
                           : encode(g, settings, halvings);
    if (!settings->decoder_only)
        bal_graph_output(g, "latent", latent);
    bal_graph_output(g, "reconstruction", decode(g, settings, halvings, latent));
    const bal_status status = bal_graph_finish(g);
    if (status == BAL_OK)
        *out = g;
    else
        bal_graph_close(&g);
    return status;
}
