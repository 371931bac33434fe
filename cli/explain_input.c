/* The arrays of `ballast explain`. */
#include "explain_input.h"

#include <stdlib.h>
#include <string.h>

/* ---- a network over a data set ---- */

enum { CHUNK = 8192 }; /* items between two views of the bar */

static bal_status embed_split(cli *c, explain_input *in, bal_split split, explain_side *out)
{
    const bal_dataset_info info = bal_dataset_describe(in->data);
    const int64_t *items = bal_dataset_items(in->data, split), count = info.items[split];
    out->split = split;
    out->features = cli_calloc(c, (size_t)count, (size_t)in->dim * sizeof *out->features);
    out->labels = cli_calloc(c, (size_t)count, sizeof *out->labels);
    bal_status status = out->features && out->labels ? BAL_OK : BAL_NO_MEMORY;
    for (int64_t at = 0; at < count && status == BAL_OK; at += CHUNK) {
        const bal_feature_ask ask = {.items = items + at,
                                     .count = count - at < CHUNK ? count - at : CHUNK,
                                     .features = out->features + (size_t)at * (size_t)in->dim,
                                     .labels = out->labels + at};
        cli_bar_share(c, bal_split_name(split), at, count);
        status = bal_model_features(in->model, in->data, &ask);
    }
    cli_bar_clear(c);
    out->in = (bal_embedding){.features = out->features, .labels = out->labels, .items = count};
    return status;
}

static bal_status open_network(cli *c, explain_input *in)
{
    bal_status status = BAL_OK;
    if (in->run) {
        status = cli_open_model(c, &in->model, in->run, NULL);
        if (status == BAL_OK)
            status = cli_open_model_data(c, &in->data, in->model, in->data_name);
        return status;
    }
    status = cli_open_data(c, &in->data, in->data_name, &c->settings.dataset);
    return status == BAL_OK ? cli_open_model(c, &in->model, NULL, in->data) : status;
}

static bal_status take_head(cli *c, explain_input *in)
{
    const bal_status status = bal_model_get_head(in->model, &in->model_head);
    if (status == BAL_UNSUPPORTED) {
        cli_say(c, "%s: what needs no head is measured", bal_error(c->ctx));
        return BAL_OK;
    }
    if (status == BAL_OK && !bal_model_pools(in->model))
        cli_say(c, "the network does not pool before its head: features belong to no map, so there "
                   "are no pictures of them; all measures hold");
    in->head = (bal_linear_head){.weight = in->model_head.weight,
                                 .bias = in->model_head.bias,
                                 .cosine = in->model_head.cosine,
                                 .scale = in->model_head.scale};
    return status;
}

static bal_status take_names(cli *c, explain_input *in)
{
    in->names = cli_calloc(c, (size_t)in->classes, sizeof *in->names);
    in->train_counts = cli_calloc(c, (size_t)in->classes, sizeof *in->train_counts);
    if (!in->names || !in->train_counts)
        return BAL_NO_MEMORY;
    const int64_t *counts = bal_model_train_counts(in->model);
    for (int k = 0; k < in->classes; k++)
        in->names[k] = bal_dataset_class_name(in->data, k);
    if (counts)
        memcpy(in->train_counts, counts, (size_t)in->classes * sizeof *counts);
    else
        bal_dataset_counts(in->data, BAL_SPLIT_TRAIN, in->train_counts);
    return BAL_OK;
}

static bal_status open_embedded(cli *c, explain_input *in)
{
    bal_split split;
    bal_status status = open_network(c, in);
    if (status != BAL_OK)
        return status;
    const bal_dataset_info info = bal_dataset_describe(in->data);
    in->dim = bal_model_feature_count(in->model);
    in->classes = bal_model_classes(in->model);
    if (in->classes != info.classes)
        return cli_fail(c, BAL_MISMATCH, "the model knows %d classes, %s has %d", in->classes,
                        info.name, info.classes);
    status = take_names(c, in);
    if (status == BAL_OK)
        status = take_head(c, in);
    if (status == BAL_OK && info.items[BAL_SPLIT_TRAIN] > 0)
        status = embed_split(c, in, BAL_SPLIT_TRAIN, &in->side[BAL_SIDE_TRAIN]);
    if (status == BAL_OK && info.items[BAL_SPLIT_TEST] + info.items[BAL_SPLIT_VAL] > 0) {
        status = cli_split(c, in->data, NULL, &split);
        if (status == BAL_OK)
            status = embed_split(c, in, split, &in->side[BAL_SIDE_TEST]);
    }
    return status;
}

/* ---- files ---- */

static bal_status open_vector(cli *c, bal_array_file **file, const char *path, int64_t count,
                              const char *of)
{
    const bal_status status = bal_array_file_open(file, c->ctx, path, BAL_ARRAY_I32);
    if (status != BAL_OK)
        return status;
    const bal_array array = bal_array_file_array(*file);
    if (array.dims != 1 || array.count != count)
        return cli_fail(c, BAL_BAD_DATA, "%s: %d dimension%s of %lld numbers; 1 of %lld as %s has",
                        path, array.dims, array.dims == 1 ? "" : "s", (long long)array.count,
                        (long long)count, of);
    return BAL_OK;
}

typedef struct side_paths {
    const char *features, *labels, *predictions, *prefix;
} side_paths;

static int largest(const int32_t *values, int64_t count, int at_least)
{
    for (int64_t i = 0; i < count; i++)
        at_least = values[i] >= at_least ? values[i] + 1 : at_least;
    return at_least;
}

static bal_status open_side(cli *c, explain_input *in, const side_paths *p, explain_side *out)
{
    if (!p->features)
        return p->labels || p->predictions
                   ? cli_fail(c, BAL_BAD_ARG, "--%slabels and --%spredictions go with --%sfeatures",
                              p->prefix, p->prefix, p->prefix)
                   : BAL_OK;
    if (!p->labels)
        return cli_fail(c, BAL_BAD_ARG, "--%sfeatures goes with --%slabels", p->prefix, p->prefix);
    bal_status status = bal_array_file_open(&out->files[0], c->ctx, p->features, BAL_ARRAY_F32);
    if (status != BAL_OK)
        return status;
    const bal_array array = bal_array_file_array(out->files[0]);
    if (array.dims != 2 || array.count == 0)
        return cli_fail(c, BAL_BAD_DATA,
                        "%s: %d dimension%s and %lld numbers; items x features "
                        "expected",
                        p->features, array.dims, array.dims == 1 ? "" : "s",
                        (long long)array.count);
    if (in->dim && array.shape[1] != in->dim)
        return cli_fail(c, BAL_BAD_DATA, "%s: %lld features, the other file has %d", p->features,
                        (long long)array.shape[1], in->dim);
    if (array.shape[1] > 1 << 22)
        return cli_fail(c, BAL_BAD_DATA, "%s: %lld features are too many", p->features,
                        (long long)array.shape[1]);
    in->dim = (int)array.shape[1];
    out->in = (bal_embedding){.features = array.data, .items = array.shape[0]};
    status = open_vector(c, &out->files[1], p->labels, array.shape[0], p->features);
    if (status != BAL_OK)
        return status;
    out->in.labels = bal_array_file_array(out->files[1]).data;
    in->classes = largest(out->in.labels, out->in.items, in->classes);
    if (!p->predictions)
        return BAL_OK;
    status = open_vector(c, &out->files[2], p->predictions, array.shape[0], p->features);
    if (status != BAL_OK)
        return status;
    out->in.predictions = bal_array_file_array(out->files[2]).data;
    in->classes = largest(out->in.predictions, out->in.items, in->classes);
    return BAL_OK;
}

static bal_status open_head(cli *c, explain_input *in)
{
    const cli_explain *f = &c->settings.explain_files;
    if (!f->head_weight)
        return f->head_bias || f->head_scale > 0.0
                   ? cli_fail(c, BAL_BAD_ARG, "--head-bias and --head-scale go with --head-weight")
                   : BAL_OK;
    bal_status status =
        bal_array_file_open(&in->head_files[0], c->ctx, f->head_weight, BAL_ARRAY_F32);
    if (status != BAL_OK)
        return status;
    const bal_array weight = bal_array_file_array(in->head_files[0]);
    if (weight.dims != 2 || weight.shape[1] != in->dim)
        return cli_fail(c, BAL_BAD_DATA,
                        "%s: %d dimension%s, the last of %lld; classes x %d features expected",
                        f->head_weight, weight.dims, weight.dims == 1 ? "" : "s",
                        (long long)weight.shape[weight.dims - 1], in->dim);
    if (weight.shape[0] < in->classes || weight.shape[0] > INT32_MAX)
        return cli_fail(c, BAL_BAD_DATA, "%s: %lld classes, the labels go up to %d", f->head_weight,
                        (long long)weight.shape[0], in->classes - 1);
    in->classes = (int)weight.shape[0];
    in->head = (bal_linear_head){
        .weight = weight.data, .cosine = f->head_scale > 0.0, .scale = f->head_scale};
    if (!f->head_bias)
        return BAL_OK;
    status = bal_array_file_open(&in->head_files[1], c->ctx, f->head_bias, BAL_ARRAY_F32);
    if (status != BAL_OK)
        return status;
    const bal_array bias = bal_array_file_array(in->head_files[1]);
    if (bias.count != in->classes)
        return cli_fail(c, BAL_BAD_DATA, "%s: %lld numbers for %d classes", f->head_bias,
                        (long long)bias.count, in->classes);
    in->head.bias = bias.data;
    return BAL_OK;
}

static bal_status open_files(cli *c, explain_input *in)
{
    const cli_explain *f = &c->settings.explain_files;
    const side_paths train = {f->features, f->labels, f->predictions, ""},
                     test = {f->test_features, f->test_labels, f->test_predictions, "test-"};
    bal_status status = open_side(c, in, &train, &in->side[BAL_SIDE_TRAIN]);
    if (status == BAL_OK)
        status = open_side(c, in, &test, &in->side[BAL_SIDE_TEST]);
    if (status == BAL_OK)
        status = open_head(c, in);
    if (status == BAL_OK && !in->head.weight)
        cli_say(c, "without --head-weight what needs no head is measured");
    return status;
}

/* ---- both ---- */

bal_status explain_input_open(cli *c, explain_input *in)
{
    return in->arrays ? open_files(c, in) : open_embedded(c, in);
}

void explain_input_close(cli *c, explain_input *in)
{
    for (int side = 0; side < BAL_SIDES; side++) {
        free(in->side[side].features);
        free(in->side[side].labels);
        for (int i = 0; i < 3; i++)
            bal_array_file_close(&in->side[side].files[i]);
    }
    for (int i = 0; i < 2; i++)
        bal_array_file_close(&in->head_files[i]);
    if (c->ctx)
        bal_model_head_free(c->ctx, &in->model_head);
    bal_model_close(&in->model);
    bal_dataset_close(&in->data);
    free(in->names);
    free(in->train_counts);
    *in = (explain_input){0};
}

void explain_input_settings(const explain_input *in, bal_explain_settings *s)
{
    for (int side = 0; side < BAL_SIDES; side++)
        s->side[side] = in->side[side].in;
    s->dim = in->dim;
    s->classes = in->classes;
    s->head = in->head;
    s->train_counts = in->train_counts;
    s->class_names = in->names;
}

/* ---- the command ---- */

/* As a word of a POSIX shell. */
static void put_quoted(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:,+@%-";
    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

static void put_changed(FILE *out, const bal_option *row, const void *settings,
                        const void *defaults)
{
    const char *field = (const char *)settings + row->offset,
               *usual = (const char *)defaults + row->offset;
    if (row->kind == BAL_OPTION_FLAG && *(const bool *)field && !*(const bool *)usual)
        fprintf(out, " --%s", row->name);
    if (row->kind == BAL_OPTION_INT && *(const int *)field != *(const int *)usual)
        fprintf(out, " --%s %d", row->name, *(const int *)field);
    if (row->kind == BAL_OPTION_REAL && *(const double *)field != *(const double *)usual)
        fprintf(out, " --%s %.12g", row->name, *(const double *)field);
    if (row->kind == BAL_OPTION_TEXT || row->kind == BAL_OPTION_CHOICE) {
        const char *text = *(const char *const *)field, *other = *(const char *const *)usual;
        if (text && (!other || strcmp(text, other) != 0)) {
            fprintf(out, " --%s ", row->name);
            put_quoted(out, text);
        }
    }
}

bal_status explain_train_words(cli *c, const explain_input *in, char **words)
{
    size_t length;
    FILE *out = open_memstream(words, &length);
    if (!out)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for a command");
    if (in->data) {
        bal_dataset_settings s;
        const bal_dataset_settings usual = bal_dataset_defaults();
        const char *where = bal_dataset_opened_as(in->data, &s),
                   *model = in->run ? bal_model_name(in->model) : c->settings.source.model;
        put_quoted(out, where);
        if (model)
            fprintf(out, " --model %s", model);
        for (const bal_option *row = bal_dataset_options(); row->name; row++)
            put_changed(out, row, &s, &usual);
        if (s.seed != usual.seed)
            fprintf(out, " --seed %llu", (unsigned long long)s.seed);
    } else {
        fputs("DATA", out);
    }
    return fclose(out) == 0 ? BAL_OK : cli_fail(c, BAL_NO_MEMORY, "no memory for a command");
}
