/* Training an autoencoder, encoding, decoding.
 *
 * The loss is that of DeepSMOTE (Dablain, Krawczyk and Chawla 2022): the mean squared error of the
 * reconstruction, and penalty times the mean squared error between the reconstruction of an image
 * and another image of its class. Where the paper decodes a permuted batch of one class in a pass
 * of its own, the members of a class in the batch are permuted here: decoding works image by image,
 * so permuting vectors is permuting reconstructions, and one pass does both. */
#include "train/resample/image_coder.h"

#include "ballast/balance.h"
#include "engine/engine.h"
#include "train/images/normalise.h"

#include <math.h>
#include <string.h>

static const double betas[2] = {0.9, 0.999};
#define EPS 1e-8
#define PI 3.141592653589793

struct bal_image_coder {
    bal_ctx *ctx;
    const bal_image_store *store;
    bal_image_shape shape;
    int64_t numbers; /* of an image */
    size_t area;
    int batch, latent;
    double penalty;
    bal_graph *whole, *decoder;
    bal_plan *plan, *decoding;
    bal_pixel_table table;
    int latent_output, image_output;
    uint8_t *pixels;                 /* one image */
    float *images, *made, *gradient; /* a batch */
    int *other;                      /* place in the batch of another member of the class */
    float *lr, *decay;               /* one a parameter */
    const float **gradients;         /* one an output */
};

/* ---- open and close ---- */

static bal_status build(bal_image_coder *c, const bal_image_resample_settings *how)
{
    bal_autoencoder_settings s = bal_autoencoder_defaults();
    s.input = (bal_shape){c->shape.channels, c->shape.height, c->shape.width};
    s.latent = how->latent;
    s.width = how->width;
    BAL_TRY(bal_autoencoder_build(&c->whole, c->ctx, &s));
    s.decoder_only = true;
    BAL_TRY(bal_autoencoder_build(&c->decoder, c->ctx, &s));
    c->latent_output = bal_graph_find_output(c->whole, "latent");
    c->image_output = bal_graph_find_output(c->whole, "reconstruction");
    const bal_engine *engine;
    bal_weights *start;
    BAL_TRY(bal_engine_find(c->ctx, how->engine, &engine));
    const bal_plan_settings training = {
        .batch = c->batch, .training = true, .optimizer = BAL_ADAMW, .seed = how->resample.seed};
    BAL_TRY(bal_plan_open(&c->plan, c->ctx, engine, c->whole, &training));
    BAL_TRY(bal_weights_init(&start, c->ctx, c->whole, how->resample.seed));
    const bal_status status = bal_plan_load(c->plan, start);
    bal_weights_close(&start);
    return status;
}

static bal_status make_room(bal_image_coder *c)
{
    const size_t numbers = (size_t)c->batch * (size_t)c->numbers;
    const size_t params = (size_t)bal_graph_params(c->whole);
    c->pixels = bal_calloc(c->ctx, (size_t)c->numbers, 1);
    c->images = bal_calloc(c->ctx, numbers, sizeof *c->images);
    c->made = bal_calloc(c->ctx, numbers, sizeof *c->made);
    c->gradient = bal_calloc(c->ctx, numbers, sizeof *c->gradient);
    c->other = bal_calloc(c->ctx, (size_t)c->batch, sizeof *c->other);
    c->lr = bal_calloc(c->ctx, params, sizeof *c->lr);
    c->decay = bal_calloc(c->ctx, params, sizeof *c->decay);
    c->gradients = bal_calloc(c->ctx, (size_t)bal_graph_outputs(c->whole), sizeof *c->gradients);
    if (!c->pixels || !c->images || !c->made || !c->gradient || !c->other || !c->lr || !c->decay ||
        !c->gradients)
        return BAL_NO_MEMORY;
    c->gradients[c->image_output] = c->gradient;
    return BAL_OK;
}

void bal_image_coder_close(bal_image_coder **coder)
{
    if (!coder || !*coder)
        return;
    bal_image_coder *c = *coder;
    bal_plan_close(&c->plan);
    bal_plan_close(&c->decoding);
    bal_graph_close(&c->whole);
    bal_graph_close(&c->decoder);
    void *const memory[] = {c->pixels, c->images, c->made,  c->gradient,
                            c->other,  c->lr,     c->decay, (void *)c->gradients};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(c->ctx, memory[i]);
    bal_free(c->ctx, c);
    *coder = NULL;
}

/* ---- steps ---- */

static bal_status read_images(bal_image_coder *c, const int64_t *items, int count)
{
    for (int i = 0; i < count; i++) {
        BAL_TRY(bal_image_store_read(c->store, c->ctx, items[i], c->pixels));
        bal_pixel_planes(&c->table, c->area, c->pixels, c->images + i * c->numbers);
    }
    return BAL_OK;
}

static bal_status run(bal_image_coder *c, int count, bool training)
{
    const bal_forward forward = {
        .inputs = (const float *const[]){c->images}, .batch = count, .training = training};
    BAL_TRY(bal_plan_forward(c->plan, &forward));
    return bal_plan_read_output(c->plan, c->image_output, c->made);
}

/* Each class's members in the batch take the next one's place. */
static void permute(bal_image_coder *c, const int32_t *labels, int count)
{
    for (int i = 0; i < count; i++) {
        int next = i;
        do
            next = next + 1 < count ? next + 1 : 0;
        while (labels[next] != labels[i]);
        c->other[i] = next;
    }
}

/* The sum of squared errors; with labels also the gradient of the batch's loss. */
static double errors(bal_image_coder *c, const int32_t *labels, int count)
{
    const double scale = 2.0 / ((double)count * (double)c->numbers);
    double sum = 0.0;
    if (labels)
        permute(c, labels, count);
    for (int i = 0; i < count; i++) {
        const float *made = c->made + i * c->numbers, *image = c->images + i * c->numbers;
        const float *other = labels ? c->images + c->other[i] * c->numbers : image;
        float *gradient = c->gradient + i * c->numbers;
        for (int64_t k = 0; k < c->numbers; k++) {
            const double d = (double)made[k] - (double)image[k];
            sum += d * d;
            gradient[k] = (float)(scale * (d + c->penalty * ((double)made[k] - (double)other[k])));
        }
    }
    return sum;
}

/* Pixels are spread from 0..1 to -1..1: errors there are four times as large. */
static double per_pixel(const bal_image_coder *c, double sum, int64_t images)
{
    return 0.25 * sum / ((double)images * (double)c->numbers);
}

static bal_status update(bal_image_coder *c)
{
    BAL_TRY(bal_plan_backward(c->plan, &(bal_backward){.output_gradients = c->gradients}));
    return bal_plan_update(c->plan, &(bal_update){.lr = c->lr,
                                                  .weight_decay = c->decay,
                                                  .beta1 = betas[0],
                                                  .beta2 = betas[1],
                                                  .eps = EPS});
}

static bal_status interrupted(bal_image_coder *c)
{
    if (!bal_take_interrupt(c->ctx))
        return BAL_OK;
    return bal_fail(c->ctx, BAL_INTERRUPTED, "interrupted while the autoencoder was at work");
}

/* ---- training ---- */

typedef struct epoch_work {
    const bal_image_coder_settings *settings;
    bal_sampler *sampler;
    int64_t *draws, *items; /* of an epoch, of a batch */
    int32_t *labels;        /* of a batch */
    int64_t length, step;
} epoch_work;

static bal_status train_batch(bal_image_coder *c, epoch_work *w, int64_t at, double *sum)
{
    const int64_t left = w->length - at;
    const int count = left < c->batch ? (int)left : c->batch;
    for (int i = 0; i < count; i++) {
        w->items[i] = w->settings->items[w->draws[at + i]];
        w->labels[i] = w->settings->labels[w->draws[at + i]];
    }
    BAL_TRY(interrupted(c));
    BAL_TRY(read_images(c, w->items, count));
    BAL_TRY(run(c, count, true));
    const double error = errors(c, w->labels, count);
    if (!isfinite(error))
        return bal_fail(c->ctx, BAL_DIVERGED,
                        "the autoencoder's loss is %g after %lld steps; try "
                        "a smaller learning rate",
                        error, (long long)w->step);
    *sum += error;
    w->step++;
    return update(c);
}

static void set_lr(bal_image_coder *c, double lr)
{
    for (int p = 0; p < bal_graph_params(c->whole); p++)
        c->lr[p] = (float)lr;
}

/* The learning rate falls as half a cosine. */
static bal_status train_epochs(bal_image_coder *c, epoch_work *w, double *losses)
{
    const bal_image_resample_settings *how = w->settings->how;
    for (int epoch = 0; epoch < how->epochs; epoch++) {
        double sum = 0.0;
        BAL_TRY(bal_sampler_draw(w->sampler, epoch, how->epochs, w->draws));
        set_lr(c, how->lr * 0.5 * (1.0 + cos(PI * epoch / how->epochs)));
        for (int64_t at = 0; at < w->length; at += c->batch)
            BAL_TRY(train_batch(c, w, at, &sum));
        losses[epoch] = per_pixel(c, sum, w->length);
        if (how->resample.progress)
            how->resample.progress(how->resample.progress_user, "training the autoencoder",
                                   epoch + 1, how->epochs);
    }
    return BAL_OK;
}

/* Rare classes are shown more often than they come, by the square root of their share. */
static bal_status train(bal_image_coder *c, const bal_image_coder_settings *s, double *losses)
{
    epoch_work w = {.settings = s};
    const bal_sampler_settings sampler = {.name = "sqrt",
                                          .classes = s->classes,
                                          .items = s->count,
                                          .labels = s->labels,
                                          .seed = s->how->resample.seed};
    bal_status status;
    BAL_GOTO(bal_sampler_open(&w.sampler, c->ctx, &sampler));
    w.length = bal_sampler_length(w.sampler);
    w.draws = bal_calloc(c->ctx, (size_t)w.length, sizeof *w.draws);
    w.items = bal_calloc(c->ctx, (size_t)c->batch, sizeof *w.items);
    w.labels = bal_calloc(c->ctx, (size_t)c->batch, sizeof *w.labels);
    status = w.draws && w.items && w.labels ? train_epochs(c, &w, losses) : BAL_NO_MEMORY;
fail:
    bal_sampler_close(&w.sampler);
    bal_free(c->ctx, w.draws);
    bal_free(c->ctx, w.items);
    bal_free(c->ctx, w.labels);
    return status;
}

/* The decoder on its own, with the weights of the whole. */
static bal_status open_decoder(bal_image_coder *c)
{
    bal_weights *all = NULL, *own = NULL;
    const bal_plan_settings settings = {.batch = c->batch};
    bal_status status;
    BAL_GOTO(bal_plan_save(c->plan, &all));
    BAL_GOTO(bal_weights_open(&own, c->ctx));
    for (int p = 0; p < bal_graph_params(c->decoder); p++) {
        const bal_tensor *t = bal_weights_find(all, bal_graph_param(c->decoder, p)->name);
        BAL_GOTO(bal_weights_add(own, t->name, t->dims, t->shape, t->data));
    }
    BAL_GOTO(bal_plan_open(&c->decoding, c->ctx, c->plan->engine, c->decoder, &settings));
    status = bal_plan_load(c->decoding, own);
fail:
    bal_weights_close(&all);
    bal_weights_close(&own);
    return status;
}

bal_status bal_image_coder_open(bal_image_coder **out, bal_ctx *ctx,
                                const bal_image_coder_settings *s, double *losses)
{
    static const bal_pixel_norm spread = {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
    const bal_dataset_info info = bal_dataset_describe(bal_image_store_data(s->store));
    *out = NULL;
    bal_image_coder *c = bal_calloc(ctx, 1, sizeof *c);
    if (!c)
        return BAL_NO_MEMORY;
    c->ctx = ctx;
    c->store = s->store;
    c->shape = (bal_image_shape){info.channels, info.height, info.width};
    c->area = (size_t)info.height * (size_t)info.width;
    c->numbers = (int64_t)c->area * info.channels;
    c->batch = s->how->batch_size;
    c->latent = s->how->latent;
    c->penalty = s->how->penalty;
    bal_status status;
    BAL_GOTO(bal_pixel_table_make(&c->table, ctx, info.channels, &spread));
    BAL_GOTO(build(c, s->how));
    BAL_GOTO(make_room(c));
    BAL_GOTO(train(c, s, losses));
    BAL_GOTO(open_decoder(c));
    *out = c;
    return BAL_OK;
fail:
    bal_image_coder_close(&c);
    return status;
}

/* ---- use ---- */

bal_status bal_image_coder_encode(bal_image_coder *c, const int64_t *items, int64_t count,
                                  float *vectors, double *error)
{
    double sum = 0.0;
    for (int64_t at = 0; at < count; at += c->batch) {
        const int n = count - at < c->batch ? (int)(count - at) : c->batch;
        BAL_TRY(interrupted(c));
        BAL_TRY(read_images(c, items + at, n));
        BAL_TRY(run(c, n, false));
        BAL_TRY(bal_plan_read_output(c->plan, c->latent_output, vectors + at * c->latent));
        sum += errors(c, NULL, n);
    }
    *error = per_pixel(c, sum, count);
    return BAL_OK;
}

static void to_pixels(const bal_image_coder *c, const float *planes, uint8_t *pixels)
{
    const int channels = c->shape.channels;
    for (int channel = 0; channel < channels; channel++)
        for (size_t i = 0; i < c->area; i++) {
            const double value = 127.5 * ((double)planes[(size_t)channel * c->area + i] + 1.0);
            pixels[i * (size_t)channels + (size_t)channel] =
                (uint8_t)(value < 0.0     ? 0
                          : value > 255.0 ? 255
                                          : value + 0.5);
        }
}

bal_status bal_image_coder_decode(bal_image_coder *c, const float *vectors, int64_t count,
                                  uint8_t *pixels)
{
    for (int64_t at = 0; at < count; at += c->batch) {
        const int n = count - at < c->batch ? (int)(count - at) : c->batch;
        const bal_forward forward = {.inputs = (const float *const[]){vectors + at * c->latent},
                                     .batch = n};
        BAL_TRY(interrupted(c));
        BAL_TRY(bal_plan_forward(c->decoding, &forward));
        BAL_TRY(bal_plan_read_output(c->decoding, 0, c->made));
        for (int i = 0; i < n; i++)
            to_pixels(c, c->made + i * c->numbers, pixels + (at + i) * c->numbers);
    }
    return BAL_OK;
}
