/* Reading data.json of a run: strict, because it decides what weights are used on. */
#include "base/cursor.h"
#include "train/run/run_folder_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_FILE ((size_t)64 * 1024 * 1024)
#define MOST_CLASSES 1000000
#define LARGEST_SIDE 65536

struct bal_run_data_held {
    bal_ctx *ctx;
    char *path;
    json_t *root; /* owns the texts */
    const char **class_names;
    int64_t *counts;
};

void bal_run_data_close(bal_run_data_held **held)
{
    if (!held || !*held)
        return;
    bal_ctx *ctx = (*held)->ctx;
    json_decref((*held)->root);
    bal_free(ctx, (*held)->path);
    bal_free(ctx, (*held)->class_names);
    bal_free(ctx, (*held)->counts);
    bal_free(ctx, *held);
    *held = NULL;
}

static bal_status damaged(const bal_run_data_held *h, const char *what)
{
    return bal_fail(h->ctx, BAL_BAD_FILE, "%s: not the data file of a run: %s", h->path, what);
}

static bal_status read_data(const bal_run_data_held *h, json_t *data, bal_run_data *d)
{
    json_error_t error;
    json_t *longtail;
    const char *seed;
    if (json_unpack_ex(data, &error, 0, "{s:s, s:s, s:s, s:o, s:F, s:i, s:i, s:s}", "where",
                       &d->where, "name", &d->name, "format", &d->format, "longtail", &longtail,
                       "val_fraction", &d->dataset.val_fraction, "img_size", &d->dataset.img_size,
                       "channels", &d->dataset.channels, "seed", &seed) != 0)
        return damaged(h, error.text);
    /* what runs of older versions have not got */
    int skip_bad = 0;
    if (json_unpack_ex(data, &error, 0, "{s?s, s?F, s?i, s?i, s?i, s?b}", "crop_mode",
                       &d->dataset.crop_mode, "crop_pct", &d->dataset.crop_pct, "max_image_pixels",
                       &d->dataset.max_image_pixels, "max_image_file", &d->dataset.max_image_file,
                       "max_unpacked", &d->dataset.max_unpacked, "skip_bad", &skip_bad) != 0)
        return damaged(h, error.text);
    d->dataset.skip_bad = skip_bad != 0;
    if (!json_is_null(longtail) && !json_is_string(longtail))
        return damaged(h, "longtail is not a text");
    d->dataset.longtail = json_string_value(longtail);
    static const bal_option row = {.name = "seed", .kind = BAL_OPTION_SEED};
    if (bal_option_set(h->ctx, &row, &d->dataset.seed, "", seed) != BAL_OK)
        return damaged(h, "seed is not a whole number");
    return BAL_OK;
}

static bool read_numbers(const json_t *list, int count, double *out)
{
    if (!json_is_array(list) || json_array_size(list) != (size_t)count)
        return false;
    for (int i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        if (!json_is_number(value) || !isfinite(json_number_value(value)))
            return false;
        out[i] = json_number_value(value);
    }
    return true;
}

static bal_status read_input(const bal_run_data_held *h, json_t *input, bal_run_data *d)
{
    json_error_t error;
    json_t *mean, *std;
    if (json_unpack_ex(input, &error, 0, "{s:i, s:i, s:i, s:o, s:o}", "channels", &d->channels,
                       "height", &d->height, "width", &d->width, "mean", &mean, "std", &std) != 0)
        return damaged(h, error.text);
    if ((d->channels != 1 && d->channels != 3) || d->height < 1 || d->height > LARGEST_SIDE ||
        d->width < 1 || d->width > LARGEST_SIDE)
        return damaged(h, "the input's shape is out of range");
    if (!read_numbers(mean, d->channels, d->mean) || !read_numbers(std, d->channels, d->std))
        return damaged(h, "mean and std want a number for each channel");
    for (int c = 0; c < d->channels; c++)
        if (!(d->std[c] > 0.0))
            return damaged(h, "std is not above 0");
    return BAL_OK;
}

static bal_status read_classes(bal_run_data_held *h, const json_t *classes, bal_run_data *d)
{
    const size_t count = json_array_size(classes);
    if (!json_is_array(classes) || count < 2 || count > MOST_CLASSES)
        return damaged(h, "classes is not a list of two or more");
    h->class_names = bal_calloc(h->ctx, count, sizeof *h->class_names);
    h->counts = bal_calloc(h->ctx, count * BAL_SPLIT_COUNT, sizeof *h->counts);
    if (!h->class_names || !h->counts)
        return BAL_NO_MEMORY;
    for (size_t c = 0; c < count; c++) {
        json_error_t error;
        json_int_t n[BAL_SPLIT_COUNT];
        if (json_unpack_ex(json_array_get(classes, c), &error, 0, "{s:s, s:I, s:I, s:I}", "name",
                           &h->class_names[c], "train", &n[BAL_SPLIT_TRAIN], "val",
                           &n[BAL_SPLIT_VAL], "test", &n[BAL_SPLIT_TEST]) != 0)
            return damaged(h, error.text);
        for (size_t s = 0; s < BAL_SPLIT_COUNT; s++) {
            if (n[s] < 0)
                return damaged(h, "a count is below 0");
            h->counts[s * count + c] = n[s];
        }
    }
    d->classes = (int)count;
    d->class_names = h->class_names;
    for (size_t s = 0; s < BAL_SPLIT_COUNT; s++)
        d->counts[s] = h->counts + s * count;
    return BAL_OK;
}

static bal_status read_root(bal_run_data_held *h, bal_run_data *d)
{
    json_error_t error;
    json_t *data, *input, *classes;
    int version;
    if (!h->root)
        return damaged(h, "not JSON");
    if (json_unpack_ex(h->root, &error, 0, "{s:i}", "version", &version) != 0)
        return damaged(h, error.text);
    if (version != BAL_RUN_DATA_VERSION)
        return bal_fail(h->ctx, BAL_BAD_FILE, "%s: version %d, this build reads version %d",
                        h->path, version, BAL_RUN_DATA_VERSION);
    if (json_unpack_ex(h->root, &error, 0, "{s:o, s:o, s:o, s:{s:s, s:s, s:F}}", "data", &data,
                       "input", &input, "classes", &classes, "model", "name", &d->model, "head",
                       &d->head, "scale", &d->scale) != 0)
        return damaged(h, error.text);
    BAL_TRY(read_data(h, data, d));
    BAL_TRY(read_input(h, input, d));
    return read_classes(h, classes, d);
}

bal_status bal_run_data_open(bal_run_data_held **held, bal_ctx *ctx, const char *run,
                             bal_run_data *data)
{
    *held = NULL;
    memset(data, 0, sizeof *data);
    bal_bytes text = {0};
    bal_status status;
    bal_run_data_held *h = bal_calloc(ctx, 1, sizeof *h);
    if (!h)
        return BAL_NO_MEMORY;
    h->ctx = ctx;
    h->path = bal_format(ctx, "%s/%s", run, BAL_RUN_DATA);
    if (!h->path) {
        status = BAL_NO_MEMORY;
        goto fail;
    }
    BAL_GOTO(bal_file_read(ctx, h->path, LARGEST_FILE, &text));
    h->root = json_loadb((const char *)text.data, text.count, JSON_REJECT_DUPLICATES, NULL);
    bal_bytes_free(ctx, &text);
    BAL_GOTO(read_root(h, data));
    *held = h;
    return BAL_OK;
fail:
    bal_run_data_close(&h);
    memset(data, 0, sizeof *data);
    return status;
}
