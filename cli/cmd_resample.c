/* ballast resample: arrays in files in, arrays in files out, as much at a time as memory allows. */
#include "resample_result.h"

#include "ballast/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- input ---- */

typedef struct input {
    bal_array_file *features, *labels;
    bal_array shape; /* of the features */
    bal_resample_data data;
} input;

static void input_close(input *in)
{
    bal_array_file_close(&in->features);
    bal_array_file_close(&in->labels);
}

static void say_converted(cli *c, const char *path, const bal_array_file *file)
{
    const bal_array_origin origin = bal_array_file_origin(file);
    const bal_array_type type = bal_array_file_array(file).type;
    if (origin.mapped)
        return;
    cli_say(c, "%s: %s%s%s, converted to %s in memory", path, bal_array_type_name(origin.type),
            origin.fortran ? " in Fortran order" : "",
            origin.swapped ? " in the other byte order" : "", bal_array_type_name(type));
}

static bal_status read_labels(cli *c, const char *path, input *in)
{
    bal_status status = bal_array_file_open(&in->labels, c->ctx, path, BAL_ARRAY_I32);
    if (status != BAL_OK)
        return status;
    const bal_array labels = bal_array_file_array(in->labels);
    if (labels.dims != 1)
        return cli_fail(c, BAL_BAD_DATA, "%s: %d dimensions, labels have 1", path, labels.dims);
    if (labels.count != in->data.rows)
        return cli_fail(c, BAL_BAD_DATA, "%s: %lld labels for %lld rows of %s", path,
                        (long long)labels.count, (long long)in->data.rows,
                        c->settings.resample_files.features);
    in->data.labels = labels.data;
    return BAL_OK;
}

static bal_status input_open(cli *c, input *in)
{
    const cli_resample *files = &c->settings.resample_files;
    bal_status status = bal_array_file_open(&in->features, c->ctx, files->features, BAL_ARRAY_F32);
    if (status != BAL_OK)
        return status;
    say_converted(c, files->features, in->features);
    in->shape = bal_array_file_array(in->features);
    if (in->shape.dims < 2)
        return cli_fail(c, BAL_BAD_DATA, "%s: 1 dimension, rows x columns (or more) expected",
                        files->features);
    if (in->shape.count == 0)
        return cli_fail(c, BAL_BAD_DATA, "%s: no values (%lld rows)", files->features,
                        (long long)in->shape.shape[0]);
    in->data.values = in->shape.data;
    in->data.rows = in->shape.shape[0];
    in->data.columns = in->shape.count / in->data.rows;
    return read_labels(c, files->labels, in);
}

/* ---- output ---- */

typedef struct block { /* rows that are made at a time */
    int64_t rows;
    float *values;
    uint8_t *bytes; /* for images; NULL otherwise */
    int32_t *labels;
    int64_t *wide_labels; /* where the input's are int64; NULL otherwise */
} block;

static bool block_open(cli *c, const input *in, int64_t count, block *b)
{
    const size_t columns = (size_t)in->data.columns;
    enum { BLOCK_MIB = 32 }; /* more gains nothing */
    const int memory = c->settings.images.resample.memory;
    const int64_t bytes = (int64_t)(memory < BLOCK_MIB ? memory : BLOCK_MIB) * 1024 * 1024;
    b->rows = bytes / 5 / in->data.columns;
    b->rows = b->rows < 1 ? 1 : b->rows > count ? count : b->rows;
    const size_t rows = (size_t)(b->rows < 1 ? 1 : b->rows);
    b->values = cli_calloc(c, rows, columns * sizeof *b->values);
    b->labels = cli_calloc(c, rows, sizeof *b->labels);
    if (bal_array_file_origin(in->features).type == BAL_ARRAY_U8)
        b->bytes = cli_calloc(c, rows, columns);
    if (bal_array_file_origin(in->labels).type == BAL_ARRAY_I64)
        b->wide_labels = cli_calloc(c, rows, sizeof *b->wide_labels);
    return !c->error[0];
}

static void block_close(block *b)
{
    free(b->values);
    free(b->bytes);
    free(b->labels);
    free(b->wide_labels);
}

static uint8_t as_byte(float value)
{
    return value <= 0.0f ? 0 : value >= 255.0f ? 255 : (uint8_t)lrintf(value);
}

static bal_status put_block(const block *b, int64_t rows, int64_t columns, bal_array_writer *values,
                            bal_array_writer *labels)
{
    for (int64_t i = 0; b->bytes && i < rows * columns; i++)
        b->bytes[i] = as_byte(b->values[i]);
    for (int64_t i = 0; b->wide_labels && i < rows; i++)
        b->wide_labels[i] = b->labels[i];
    bal_status status =
        bal_array_writer_put(values, b->bytes ? (const void *)b->bytes : b->values, rows * columns);
    if (status == BAL_OK)
        status = bal_array_writer_put(
            labels, b->wide_labels ? (const void *)b->wide_labels : b->labels, rows);
    return status;
}

static bal_status put_rows(cli *c, const input *in, bal_resampled *r, bal_array_writer *values,
                           bal_array_writer *labels)
{
    block b = {0};
    const int64_t count = bal_resampled_count(r);
    bal_status status = block_open(c, in, count, &b) ? BAL_OK : BAL_NO_MEMORY;
    for (int64_t at = 0; at < count && status == BAL_OK; at += b.rows) {
        const int64_t rows = count - at < b.rows ? count - at : b.rows;
        cli_bar_share(c, "writing", at, count);
        status = bal_resampled_rows(r, at, rows, b.values, b.labels);
        if (status == BAL_OK)
            status = put_block(&b, rows, in->data.columns, values, labels);
    }
    block_close(&b);
    return status;
}

/* Neither file appears before both are complete. */
static bal_status write_output(cli *c, const input *in, bal_resampled *r)
{
    const cli_resample *files = &c->settings.resample_files;
    bal_array values_like = in->shape, labels_like = {.dims = 1};
    const bal_array_type from = bal_array_file_origin(in->features).type;
    const bal_array_type labels_from = bal_array_file_origin(in->labels).type;
    values_like.shape[0] = labels_like.shape[0] = bal_resampled_count(r);
    values_like.type = from == BAL_ARRAY_U8 ? from : BAL_ARRAY_F32;
    labels_like.type = labels_from == BAL_ARRAY_I64 ? labels_from : BAL_ARRAY_I32;
    bal_array_writer *values = NULL, *labels = NULL;
    bal_status status = bal_array_writer_open(&values, c->ctx, files->out_features, &values_like);
    if (status == BAL_OK)
        status = bal_array_writer_open(&labels, c->ctx, files->out_labels, &labels_like);
    if (status == BAL_OK)
        status = put_rows(c, in, r, values, labels);
    if (status == BAL_OK)
        status = bal_array_writer_commit(&values);
    if (status == BAL_OK)
        status = bal_array_writer_commit(&labels);
    bal_array_writer_abandon(&values);
    bal_array_writer_abandon(&labels);
    return status;
}

/* ---- origins ---- */

enum { ORIGINS = 4096 }; /* at a time */

static bal_status put_origins(const bal_resampled *r, bal_resampled_origin *origins,
                              bal_array_writer *out)
{
    double rows[ORIGINS][3];
    const int64_t count = bal_resampled_count(r);
    bal_status status = BAL_OK;
    for (int64_t at = 0; at < count && status == BAL_OK; at += ORIGINS) {
        const int64_t n = count - at < ORIGINS ? count - at : ORIGINS;
        status = bal_resampled_origins(r, at, n, origins);
        for (int64_t i = 0; i < n && status == BAL_OK; i++) {
            rows[i][0] = (double)origins[i].base;
            rows[i][1] = (double)origins[i].neighbour;
            rows[i][2] = origins[i].weight;
        }
        if (status == BAL_OK)
            status = bal_array_writer_put(out, rows, n * 3);
    }
    return status;
}

bal_status cli_resample_origins(cli *c, const bal_resampled *r)
{
    const char *path = c->settings.resample_files.out_origin;
    if (!path)
        return BAL_OK;
    const size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".csv") == 0)
        return bal_resampled_write_origins(r, path);
    const bal_array like = {.type = BAL_ARRAY_F64, .dims = 2, .shape = {bal_resampled_count(r), 3}};
    bal_array_writer *out = NULL;
    bal_resampled_origin *origins = cli_calloc(c, ORIGINS, sizeof *origins);
    bal_status status = origins ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_array_writer_open(&out, c->ctx, path, &like);
    if (status == BAL_OK)
        status = put_origins(r, origins, out);
    if (status == BAL_OK)
        status = bal_array_writer_commit(&out);
    bal_array_writer_abandon(&out);
    free(origins);
    return status;
}

/* ---- the command ---- */

static const bal_option *file_rows(void);

static const char *path_of(const cli *c, const bal_option *row)
{
    const char *files = (const char *)&c->settings.resample_files;
    return *(const char *const *)(const void *)(files + row->offset);
}

/* Arrays or images, and what belongs to them. */
static bal_status check_options(cli *c)
{
    static const char *const of_images[] = {"images", "out", "sheet"};
    const bool images = c->settings.resample_files.images != NULL;
    for (const bal_option *row = file_rows(); row->name; row++) {
        bool fits = !images;
        for (size_t i = 0; i < sizeof of_images / sizeof *of_images; i++)
            fits = strcmp(row->name, of_images[i]) == 0 ? images : fits;
        fits = fits || strcmp(row->name, "out-origin") == 0;
        if (path_of(c, row) && !fits)
            return cli_fail(c, BAL_BAD_ARG, "--%s goes %s --images", row->name,
                            images ? "without" : "with");
        const bool may_lack = strcmp(row->name, "out-origin") == 0 ||
                              strcmp(row->name, "sheet") == 0 || strcmp(row->name, "out") == 0;
        if (!path_of(c, row) && fits && !may_lack)
            return cli_fail(c, BAL_BAD_ARG, "--%s is missing (ballast resample --help)", row->name);
    }
    if (images && !c->settings.resample_files.out && !c->settings.resample_files.sheet)
        return cli_fail(c, BAL_BAD_ARG, "--out FOLDER or --sheet FILE is missing");
    return BAL_OK;
}

static bal_status resample(cli *c, const input *in)
{
    bal_resample_settings settings = c->settings.images.resample;
    settings.progress = cli_resample_progress;
    settings.progress_user = c;
    bal_resampled *r = NULL;
    cli_resample_result result = {.rows = in->data.rows, .columns = in->data.columns};
    result.planning = cli_clock();
    cli_catch_interrupt(c->ctx);
    bal_status status = bal_resample_open(&r, c->ctx, &in->data, &settings);
    result.writing = cli_clock();
    result.planning = result.writing - result.planning;
    if (status == BAL_OK)
        status = cli_resample_origins(c, r);
    if (status == BAL_OK)
        status = write_output(c, in, r);
    result.writing = cli_clock() - result.writing;
    result.plan = r;
    cli_catch_interrupt(NULL);
    cli_bar_clear(c);
    if (status == BAL_OK)
        status = cli_resample_put(c, &result);
    bal_resampled_close(&r);
    return status;
}

static bal_status run_resample(cli *c)
{
    bal_status status = check_options(c);
    input in = {0};
    if (status == BAL_OK && c->settings.resample_files.images)
        return cli_resample_images(c);
    if (status == BAL_OK)
        status = input_open(c, &in);
    if (status == BAL_OK)
        status = resample(c, &in);
    input_close(&in);
    return status;
}

#define FILES(f) offsetof(cli_resample, f)
static const bal_option *file_rows(void)
{
    static const bal_option rows[] = {
        {"features", BAL_OPTION_TEXT, FILES(features), 0, 0, "FILE", NULL,
         "rows x columns (or images, N x H x W x C), as NPY"},
        {"labels", BAL_OPTION_TEXT, FILES(labels), 0, 0, "FILE", NULL,
         "a whole number for every row, as NPY"},
        {"out-features", BAL_OPTION_TEXT, FILES(out_features), 0, 0, "FILE", NULL,
         "where the rows go: float32, or uint8 where they were"},
        {"out-labels", BAL_OPTION_TEXT, FILES(out_labels), 0, 0, "FILE", NULL,
         "where the labels go"},
        {"out-origin", BAL_OPTION_TEXT, FILES(out_origin), 0, 0, "FILE", NULL,
         "where each row comes from: base, neighbour and weight, as NPY or (FILE.csv) CSV"},
        {"images", BAL_OPTION_TEXT, FILES(images), 0, 0, "DATA", NULL,
         "a data set's training images instead of arrays: a path or a known name"},
        {"out", BAL_OPTION_TEXT, FILES(out), 0, 0, "FOLDER", NULL,
         "with --images: a new image folder with all splits, to train on"},
        {"sheet", BAL_OPTION_TEXT, FILES(sheet), 0, 0, "FILE", NULL,
         "with --images: a picture (PNG) of what was made: base, new, neighbour"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group resample_groups[] = {
    {"files", file_rows, offsetof(cli_settings, resample_files), CLI_BY_HAND},
    {"resampling", bal_resample_options, offsetof(cli_settings, images.resample), CLI_ONCE},
    {"images", bal_image_resample_options, offsetof(cli_settings, images), CLI_ONCE},
    {"data (of --images)", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_resample = {
    .name = "resample",
    .usage = "[options]",
    .about = "balance classes by new or fewer rows: SMOTE and its family",
    .text =
        "Rows are features, pixels or whatever numbers; `ballast methods resamplers` lists the\n"
        "methods, and the pages of docs/methods/resampling say what each does. The same seed\n"
        "gives the same rows, however many threads work.\n\n"
        "float32 in C order is mapped into memory and read where it lies; anything else is\n"
        "converted, which is said. Output is written in blocks, so it may be larger than memory,\n"
        "and appears whole or not at all. Images of uint8 stay uint8 and keep their shape.\n\n"
        "The file of origins has a row for every row of the output: its base (a row of the\n"
        "input), its neighbour (-1 where there is none; kept rows have none) and the weight\n"
        "between them.\n\n"
        "With `--images` the rows are the training images of a data set: their pixels, or with\n"
        "`--space latent` vectors of an autoencoder that is trained on them first. `--method\n"
        "deep-smote` is smote in latent space. The new folder holds the training images that are\n"
        "kept, those that were made (new-*.png), and the other splits as they are; the validation\n"
        "split is taken before anything is made.",
    .run = run_resample,
    .groups = resample_groups,
    .least = 0,
    .most = 0,
    .examples =
        (const cli_example[]){{"ballast resample --method random-over --strategy 3:1500 \\\n"
                               "    --features scores.npy --labels labels.npy \\\n"
                               "    --out-features more.npy --out-labels more-labels.npy",
                               "More rows of class 3, copied"},
                              {"ballast resample --images fashion-mnist --longtail exp:100 \\\n"
                               "    --method deep-smote --epochs 1 --sheet made.png",
                               "Look at what an autoencoder makes of the rare classes (one epoch "
                               "is too few)"},
                              {0}},
};
