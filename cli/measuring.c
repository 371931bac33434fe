/* Models, their scores on a split, and the evaluation of scores: shared by train, eval and report.
 */
#include "cli.h"

#include "ballast/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bal_status describe_weights(cli *c, bal_predictor_settings *p, const bal_dataset *data)
{
    const cli_source *s = &c->settings.source;
    const bal_dataset_info info = bal_dataset_describe(data);
    p->model = s->model;
    p->weights = s->weights;
    p->classes = info.classes;
    p->channels = info.channels;
    p->height = info.height;
    p->width = info.width;
    if (s->head)
        p->head = s->head;
    bal_status status = BAL_OK;
    if (s->mean)
        status = cli_numbers(c, "--mean", s->mean, info.channels, p->mean);
    if (status == BAL_OK && s->std)
        status = cli_numbers(c, "--std", s->std, info.channels, p->std);
    for (int i = 0; i < info.channels && status == BAL_OK; i++)
        if (!(p->std[i] > 0.0))
            status = cli_fail(c, BAL_BAD_ARG, "--std wants numbers above 0, got \"%s\"", s->std);
    return status;
}

bal_status cli_open_model(cli *c, bal_model **model, const char *run, const bal_dataset *data)
{
    *model = NULL;
    const cli_source *s = &c->settings.source;
    bal_predictor_settings p = bal_predictor_defaults();
    p.run = run;
    p.last = s->last;
    p.no_calibration = s->no_calibration;
    p.batch_size = s->batch_size;
    if (s->engine)
        p.engine = s->engine;
    const bal_status status = run ? BAL_OK : describe_weights(c, &p, data);
    return status == BAL_OK ? bal_model_open(model, c->ctx, &p) : status;
}

static bool fits(const bal_dataset_info *info, bal_shape input)
{
    return info->channels == input.channels && info->height == input.height &&
           info->width == input.width;
}

#define MOST_NAMED 20

/* The first of them by name. */
static void tell_skipped(cli *c, const bal_dataset *data)
{
    const int64_t count = bal_dataset_skipped_count(data);
    if (count == 0)
        return;
    cli_say(c, "%lld image%s cannot be read and %s left out:", (long long)count,
            count == 1 ? "" : "s", count == 1 ? "is" : "are");
    for (int64_t i = 0; i < count && i < MOST_NAMED; i++)
        cli_say(c, "  %s", bal_dataset_skipped(data, i).reason);
    if (count > MOST_NAMED)
        cli_say(c, "  and %lld more: `ballast data info DATA --skip-bad --json -` has them all",
                (long long)(count - MOST_NAMED));
}

bal_status cli_open_data(cli *c, bal_dataset **data, const char *where,
                         const bal_dataset_settings *settings)
{
    const bal_status status = bal_dataset_open(data, c->ctx, where, settings);
    if (status == BAL_OK)
        tell_skipped(c, *data);
    return status;
}

/* Pictures become images as in the run, unless the command line has other wishes. */
static void crop_as_run(const bal_model *model, bal_dataset_settings *settings)
{
    bal_dataset_settings of_run;
    const bal_dataset_settings usual = bal_dataset_defaults();
    if (!bal_model_data(model, &of_run) || strcmp(settings->crop_mode, usual.crop_mode) != 0 ||
        settings->crop_pct < usual.crop_pct)
        return;
    settings->crop_mode = of_run.crop_mode;
    settings->crop_pct = of_run.crop_pct;
}

bal_status cli_open_model_data(cli *c, bal_dataset **data, const bal_model *model,
                               const char *where)
{
    *data = NULL;
    bal_dataset_settings settings = c->settings.dataset;
    if (!where) {
        where = bal_model_data(model, &settings);
        if (!where)
            return cli_fail(c, BAL_BAD_ARG, "DATA is missing: the model does not name its own");
    }
    bal_status status = cli_open_data(c, data, where, &settings);
    if (status != BAL_OK)
        return status;
    const bal_shape input = bal_model_input(model);
    bal_dataset_info info = bal_dataset_describe(*data);
    if (!fits(&info, input) && input.height == input.width) {
        settings.img_size = input.height;
        settings.channels = input.channels;
        crop_as_run(model, &settings);
        bal_dataset_close(data);
        status = bal_dataset_open(data, c->ctx, where, &settings);
        if (status != BAL_OK)
            return status;
        info = bal_dataset_describe(*data);
        cli_say(c, "images are converted to %d x %d with %d channel%s for the model", info.height,
                info.width, info.channels, info.channels == 1 ? "" : "s");
    }
    if (fits(&info, input))
        return BAL_OK;
    bal_dataset_close(data);
    return cli_fail(c, BAL_MISMATCH, "%s has images of %d x %d x %d, the model wants %d x %d x %d",
                    where, info.channels, info.height, info.width, input.channels, input.height,
                    input.width);
}

bal_status cli_train_counts(cli *c, int classes, int64_t **out)
{
    *out = NULL;
    const char *text = c->settings.measure.train_counts;
    if (!text)
        return BAL_OK;
    double *numbers = cli_calloc(c, (size_t)classes, sizeof *numbers);
    int64_t *counts = cli_calloc(c, (size_t)classes, sizeof *counts);
    bal_status status = numbers && counts ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = cli_numbers(c, "--train-counts", text, classes, numbers);
    for (int i = 0; i < classes && status == BAL_OK; i++) {
        if (!(numbers[i] >= 0 && numbers[i] < 1e15) || numbers[i] != floor(numbers[i]))
            status =
                cli_fail(c, BAL_BAD_ARG, "--train-counts wants whole numbers, got \"%s\"", text);
        else
            counts[i] = (int64_t)numbers[i];
    }
    free(numbers);
    if (status == BAL_OK)
        *out = counts;
    else
        free(counts);
    return status;
}

bal_status cli_split(cli *c, const bal_dataset *data, const char *name, bal_split *split)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    if (!name) {
        *split = info.items[BAL_SPLIT_TEST] ? BAL_SPLIT_TEST : BAL_SPLIT_VAL;
        if (!info.items[*split])
            return cli_fail(c, BAL_BAD_DATA,
                            "%s has neither a test nor a validation split (--split train measures "
                            "the training split)",
                            info.name);
        if (*split == BAL_SPLIT_VAL)
            cli_say(c, "%s has no test split, the validation split is measured", info.name);
    } else {
        *split = BAL_SPLIT_TRAIN;
        while (*split < BAL_SPLIT_TEST && strcmp(bal_split_name(*split), name) != 0)
            ++*split;
    }
    if (info.items[*split])
        return BAL_OK;
    return cli_fail(c, BAL_BAD_DATA, "%s has no %s split", info.name, bal_split_name(*split));
}

bal_status cli_read_groups(cli *c, cli_scores *out)
{
    const char *path = c->settings.measure.groups;
    bal_array array;
    bal_status status = path ? bal_array_read(c->ctx, path, BAL_ARRAY_I32, &array) : BAL_OK;
    if (!path || status != BAL_OK)
        return status;
    const int32_t *groups = array.data;
    int32_t most = -1;
    if (array.dims != 1 || array.shape[0] != out->items)
        status = cli_fail(c, BAL_BAD_DATA, "%s: a group for each of the %lld items expected", path,
                          (long long)out->items);
    for (int64_t i = 0; status == BAL_OK && i < array.count; i++) {
        if (groups[i] < -1 || groups[i] > 1000000)
            status = cli_fail(c, BAL_BAD_DATA,
                              "%s: group %lld is %d; numbers from 0, or -1 for none, expected",
                              path, (long long)i, (int)groups[i]);
        most = groups[i] > most ? groups[i] : most;
    }
    if (status == BAL_OK && most < 0)
        status = cli_fail(c, BAL_BAD_DATA, "%s: no item has a group", path);
    if (status == BAL_OK) {
        out->groups = cli_calloc(c, (size_t)out->items, sizeof *out->groups);
        status = out->groups ? BAL_OK : BAL_NO_MEMORY;
    }
    for (int64_t i = 0; status == BAL_OK && i < out->items; i++)
        out->groups[i] = groups[i];
    out->group_count = most + 1;
    bal_array_release(c->ctx, &array);
    return status;
}

/* From the file, or the data's own. */
static bal_status take_groups(cli *c, const bal_dataset *data, bal_split split, cli_scores *out)
{
    const int64_t *items = bal_dataset_items(data, split);
    if (c->settings.measure.groups)
        return cli_read_groups(c, out);
    if (bal_dataset_group_count(data) == 0)
        return BAL_OK;
    out->groups = cli_calloc(c, (size_t)out->items, sizeof *out->groups);
    if (!out->groups)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < out->items; i++)
        out->groups[i] = bal_dataset_group(data, items[i]);
    out->group_count = bal_dataset_group_count(data);
    return BAL_OK;
}

bal_status cli_run_split(cli *c, bal_model *model, const bal_dataset *data, bal_split split,
                         cli_scores *out)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    *out = (cli_scores){.items = info.items[split], .classes = bal_model_classes(model)};
    if (out->classes != info.classes)
        return cli_fail(c, BAL_MISMATCH, "the model knows %d classes, %s has %d", out->classes,
                        info.name, info.classes);
    out->scores = cli_calloc(c, (size_t)out->items * (size_t)out->classes, sizeof *out->scores);
    out->labels = cli_calloc(c, (size_t)out->items, sizeof *out->labels);
    if (!out->scores || !out->labels)
        return BAL_NO_MEMORY;
    if (c->settings.measure.save_features) {
        out->features = bal_model_feature_count(model);
        out->feature_values =
            cli_calloc(c, (size_t)out->items * (size_t)out->features, sizeof *out->feature_values);
        if (!out->feature_values)
            return BAL_NO_MEMORY;
    }
    const bal_status status = take_groups(c, data, split, out);
    if (status != BAL_OK)
        return status;
    return bal_model_features(model, data,
                              &(bal_feature_ask){.split = split,
                                                 .features = out->feature_values,
                                                 .logits = out->scores,
                                                 .labels = out->labels});
}

void cli_scores_free(cli_scores *scores)
{
    free(scores->scores);
    free(scores->feature_values);
    free(scores->labels);
    free(scores->groups);
    *scores = (cli_scores){0};
}

bal_status cli_evaluate(cli *c, bal_evaluation **out, const cli_scores *scores,
                        const bal_model *model, const bal_dataset *data)
{
    *out = NULL;
    const char **names = cli_calloc(c, (size_t)scores->classes, sizeof *names), **groups = NULL;
    if (!names)
        return BAL_NO_MEMORY;
    for (int i = 0; i < scores->classes; i++)
        names[i] = bal_dataset_class_name(data, i);
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = scores->classes;
    settings.items = scores->items;
    settings.scores = scores->scores;
    settings.labels = scores->labels;
    settings.train_counts = bal_model_train_counts(model);
    settings.calibration = bal_model_calibration(model);
    settings.item_groups = scores->groups;
    settings.item_group_count = scores->group_count;
    if (scores->groups && !c->settings.measure.groups) {
        groups = cli_calloc(c, (size_t)scores->group_count, sizeof *groups);
        for (int i = 0; groups && i < scores->group_count; i++)
            groups[i] = bal_dataset_group_name(data, i);
        settings.item_group_names = groups;
    }
    settings.class_names = names;
    settings.bootstrap = c->settings.measure.bootstrap;
    settings.seed = c->settings.measure.seed;
    const bal_status status = bal_evaluate(out, c->ctx, &settings);
    free(names);
    free(groups);
    return status;
}

json_t *cli_evaluation_json(cli *c, const bal_evaluation *e)
{
    char *text;
    if (bal_evaluation_json(e, c->ctx, &text) != BAL_OK)
        return NULL;
    json_t *value = json_loads(text, 0, NULL);
    bal_release(c->ctx, text);
    if (!value)
        cli_fail(c, BAL_NO_MEMORY, "no memory for the JSON result");
    return value;
}
