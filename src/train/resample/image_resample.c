/* Resampling of images: rows of pixels or latent vectors go into the plan, pixels come out. */
#include "ballast/train.h"
#include "train/resample/image_coder.h"
#include "train/resample/image_resample_parts.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define FIELD(f) offsetof(bal_image_resample_settings, f)
static const bal_option options[] = {
    {"space", BAL_OPTION_CHOICE, FIELD(space), 0, 0, "NAME", "pixels|latent",
     "where rows lie: pixels, or latent: vectors of an autoencoder (default pixels)"},
    {"latent", BAL_OPTION_INT, FIELD(latent), 1, 65536, "N", NULL,
     "numbers of a latent vector (default 64)"},
    {"width", BAL_OPTION_INT, FIELD(width), 1, 1024, "N", NULL,
     "channels of the autoencoder's first convolution (default 32)"},
    {"epochs", BAL_OPTION_INT, FIELD(epochs), 1, 100000, "N", NULL,
     "epochs of the autoencoder's training (default 40)"},
    {"batch-size", BAL_OPTION_INT, FIELD(batch_size), 1, 65536, "N", NULL,
     "images a step (default 128)"},
    {"lr", BAL_OPTION_REAL, FIELD(lr), 1e-12, 1e3, "X", NULL,
     "learning rate at the start (default 0.003)"},
    {"penalty", BAL_OPTION_REAL, FIELD(penalty), 0, 1e6, "X", NULL,
     "factor of the loss against another image of the class (default 0.1)"},
    {"engine", BAL_OPTION_TEXT, FIELD(engine), 0, 0, "NAME", NULL, "engine (default: best)"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_image_resample_options(void)
{
    return options;
}

bal_image_resample_settings bal_image_resample_defaults(void)
{
    return (bal_image_resample_settings){.resample = bal_resample_defaults(),
                                         .space = "pixels",
                                         .latent = 64,
                                         .width = 32,
                                         .epochs = 40,
                                         .batch_size = 128,
                                         .lr = 3e-3,
                                         .penalty = 0.1};
}

static bal_status check(bal_ctx *ctx, bal_image_resample_settings *s)
{
    if (s->resample.method && strcmp(s->resample.method, "deep-smote") == 0) {
        s->resample.method = "smote";
        s->space = "latent";
    }
    if (!s->space || (strcmp(s->space, "pixels") != 0 && strcmp(s->space, "latent") != 0))
        return bal_fail(ctx, BAL_BAD_ARG, "space is \"%s\", pixels or latent expected",
                        s->space ? s->space : "");
    if (s->epochs < 1 || s->epochs > 100000)
        return bal_fail(ctx, BAL_BAD_ARG, "epochs is %d, 1 to 100000 expected", s->epochs);
    if (s->batch_size < 1 || s->batch_size > 65536)
        return bal_fail(ctx, BAL_BAD_ARG, "batch-size is %d, 1 to 65536 expected", s->batch_size);
    if (!(s->lr > 0.0) || !isfinite(s->lr))
        return bal_fail(ctx, BAL_BAD_ARG, "lr is %g, above 0 expected", s->lr);
    if (!(s->penalty >= 0.0) || !isfinite(s->penalty))
        return bal_fail(ctx, BAL_BAD_ARG, "penalty is %g, at least 0 expected", s->penalty);
    return BAL_OK;
}

/* ---- open and close ---- */

static bal_status read_rows(bal_image_resample *r)
{
    if (bal_take_interrupt(r->ctx))
        return bal_fail(r->ctx, BAL_INTERRUPTED, "interrupted while images were read");
    for (int64_t i = 0; i < r->rows; i++) {
        BAL_TRY(bal_image_store_read(r->store, r->ctx, r->items[i], r->pixels));
        for (int64_t k = 0; k < r->numbers; k++)
            r->values[i * r->columns + k] = (float)r->pixels[k];
    }
    return BAL_OK;
}

static bal_status encode_rows(bal_image_resample *r, const bal_image_resample_settings *s)
{
    double *losses = bal_calloc(r->ctx, (size_t)s->epochs, sizeof *losses);
    if (!losses)
        return BAL_NO_MEMORY;
    const bal_image_coder_settings how = {.store = r->store,
                                          .items = r->items,
                                          .labels = r->labels,
                                          .count = r->rows,
                                          .classes = r->classes,
                                          .how = s};
    bal_status status = bal_image_coder_open(&r->coder, r->ctx, &how, losses);
    for (int e = 0; status == BAL_OK && e < s->epochs; e++)
        bal_log(r->ctx, BAL_LOG_DEBUG, "autoencoder, epoch %d: mean squared error %.6f", e + 1,
                losses[e]);
    bal_free(r->ctx, losses);
    if (status == BAL_OK)
        status = bal_image_coder_encode(r->coder, r->items, r->rows, r->values, &r->error);
    return status;
}

static bal_status prepare(bal_image_resample *r, const bal_image_resample_settings *s)
{
    const bal_dataset_info info = bal_dataset_describe(r->data);
    const bal_image_store_settings store = {
        .data = r->data, .keep[BAL_SPLIT_TRAIN] = true, .limit = SIZE_MAX};
    const bool latent = strcmp(s->space, "latent") == 0;
    r->shape = (bal_shape){info.channels, info.height, info.width};
    r->numbers = (int64_t)info.channels * info.height * info.width;
    r->classes = info.classes;
    r->rows = info.items[BAL_SPLIT_TRAIN];
    r->items = bal_dataset_items(r->data, BAL_SPLIT_TRAIN);
    r->columns = latent ? s->latent : r->numbers;
    r->error = NAN;
    BAL_TRY(bal_image_store_open(&r->store, r->ctx, &store));
    r->labels = bal_calloc(r->ctx, (size_t)r->rows, sizeof *r->labels);
    r->pixels = bal_calloc(r->ctx, (size_t)r->numbers, 1);
    if (!r->labels || !r->pixels)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < r->rows; i++)
        r->labels[i] = (int32_t)bal_dataset_label(r->data, r->items[i]);
    if (r->rows > INT64_MAX / r->columns)
        return bal_fail(r->ctx, BAL_BAD_DATA, "%lld rows of %lld columns overflow",
                        (long long)r->rows, (long long)r->columns);
    r->values = bal_calloc(r->ctx, (size_t)(r->rows * r->columns), sizeof *r->values);
    if (!r->values)
        return BAL_NO_MEMORY;
    BAL_TRY(latent ? encode_rows(r, s) : read_rows(r));
    const bal_resample_data data = {
        .values = r->values, .labels = r->labels, .rows = r->rows, .columns = r->columns};
    return bal_resample_open(&r->plan, r->ctx, &data, &s->resample);
}

bal_status bal_image_resample_open(bal_image_resample **out, bal_ctx *ctx, const bal_dataset *data,
                                   const bal_image_resample_settings *settings)
{
    *out = NULL;
    bal_image_resample_settings s = settings ? *settings : bal_image_resample_defaults();
    BAL_TRY(check(ctx, &s));
    bal_image_resample *r = bal_calloc(ctx, 1, sizeof *r);
    if (!r)
        return BAL_NO_MEMORY;
    r->ctx = ctx;
    r->data = data;
    const bal_status status = prepare(r, &s);
    if (status == BAL_OK)
        *out = r;
    else
        bal_image_resample_close(&r);
    return status;
}

void bal_image_resample_close(bal_image_resample **resample)
{
    if (!resample || !*resample)
        return;
    bal_image_resample *r = *resample;
    bal_resampled_close(&r->plan);
    bal_image_coder_close(&r->coder);
    bal_image_store_close(&r->store);
    bal_free(r->ctx, r->values);
    bal_free(r->ctx, r->labels);
    bal_free(r->ctx, r->pixels);
    bal_free(r->ctx, r);
    *resample = NULL;
}

const bal_resampled *bal_image_resample_plan(const bal_image_resample *resample)
{
    return resample->plan;
}

double bal_image_resample_error(const bal_image_resample *resample)
{
    return resample->error;
}

/* ---- images ---- */

static bal_status kept_pixels(bal_image_resample *r, int64_t row, uint8_t *pixels)
{
    bal_resampled_origin origin;
    BAL_TRY(bal_resampled_origins(r->plan, row, 1, &origin));
    return bal_image_store_read(r->store, r->ctx, r->items[origin.base], pixels);
}

static void round_pixels(const float *values, int64_t count, uint8_t *pixels)
{
    for (int64_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)(values[i] <= 0.0f     ? 0
                              : values[i] >= 255.0f ? 255
                                                    : (int)(values[i] + 0.5f));
}

static bal_status new_pixels(bal_image_resample *r, int64_t first, int64_t count, uint8_t *pixels)
{
    float *values = bal_calloc(r->ctx, (size_t)(count * r->columns), sizeof *values);
    if (!values)
        return BAL_NO_MEMORY;
    bal_status status = bal_resampled_rows(r->plan, first, count, values, NULL);
    if (status == BAL_OK && r->coder)
        status = bal_image_coder_decode(r->coder, values, count, pixels);
    else if (status == BAL_OK)
        round_pixels(values, count * r->columns, pixels);
    bal_free(r->ctx, values);
    return status;
}

bal_status bal_image_resample_pixels(bal_image_resample *r, int64_t first, int64_t count,
                                     uint8_t *pixels)
{
    const int64_t all = bal_resampled_count(r->plan), kept = bal_resampled_kept(r->plan);
    if (first < 0 || count < 0 || first > all - count)
        return bal_fail(r->ctx, BAL_BAD_ARG, "rows %lld to %lld are not within the plan's %lld",
                        (long long)first, (long long)(first + count), (long long)all);
    int64_t at = first;
    for (; at < first + count && at < kept; at++)
        BAL_TRY(kept_pixels(r, at, pixels + (at - first) * r->numbers));
    const int64_t rest = first + count - at;
    return rest > 0 ? new_pixels(r, at, rest, pixels + (at - first) * r->numbers) : BAL_OK;
}
