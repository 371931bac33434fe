/* ballast eval: a run, a model with a weight file, or scores that somebody saved. */
#include "cli.h"

#include "ballast/array.h"

#include <stdlib.h>
#include <string.h>

static const bal_option *calibration_rows(void);

/* Options of one form of the command say nothing in another. */
static bal_status refuse_group(cli *c, const bal_option *(*rows)(void), const char *why)
{
    const char *given = cli_given_of(c, rows);
    return given ? cli_fail(c, BAL_BAD_ARG, "--%s %s", given, why) : BAL_OK;
}

/* ---- results ---- */

/* plain: without the calibration, or NULL where there is none. */
typedef struct measured {
    const bal_evaluation *evaluation, *plain;
    const bal_calibration *calibration;
    const int64_t *train_counts;
} measured;

static bal_status put_evaluation(cli *c, const measured *m)
{
    const bal_evaluation *e = m->evaluation;
    bal_status status = BAL_OK;
    if (cli_wants_text(c)) {
        char *text;
        status = bal_report_evaluation(e, m->train_counts, c->ctx, &text);
        if (status != BAL_OK)
            return status;
        cli_put_text(c, text);
        if (m->plain)
            status = cli_put_calibrated(c, m->calibration, m->plain, e);
    }
    if (status != BAL_OK || !cli_wants_json(c))
        return status;
    json_t *value = cli_evaluation_json(c, e);
    if (value)
        json_object_set_new(value, "calibration",
                            m->plain ? cli_json_calibrated(m->calibration, m->plain, e)
                                     : json_null());
    return value ? cli_put_json(c, value) : BAL_NO_MEMORY;
}

static bal_status save(cli *c, const cli_scores *s)
{
    const cli_measure *m = &c->settings.measure;
    bal_status status = BAL_OK;
    if (m->save_scores) {
        const bal_array array = {
            .type = BAL_ARRAY_F32, .dims = 2, .shape = {s->items, s->classes}, .data = s->scores};
        status = bal_array_write(c->ctx, m->save_scores, &array);
    }
    if (status == BAL_OK && m->save_features) {
        const bal_array array = {.type = BAL_ARRAY_F32,
                                 .dims = 2,
                                 .shape = {s->items, s->features},
                                 .data = s->feature_values};
        status = bal_array_write(c->ctx, m->save_features, &array);
    }
    if (status == BAL_OK && m->save_labels) {
        const bal_array array = {
            .type = BAL_ARRAY_I32, .dims = 1, .shape = {s->items}, .data = s->labels};
        status = bal_array_write(c->ctx, m->save_labels, &array);
    }
    return status;
}

/* ---- a model ---- */

/* Without intervals: it stands beside the calibrated one. */
static bal_status evaluate_plain(cli *c, bal_evaluation **out, const cli_scores *scores)
{
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = scores->classes;
    settings.items = scores->items;
    settings.scores = scores->scores;
    settings.labels = scores->labels;
    settings.scores_are_probabilities = c->settings.measure.probabilities;
    settings.bootstrap = 0;
    return bal_evaluate(out, c->ctx, &settings);
}

static bal_status evaluate_model(cli *c, bal_model *model, const bal_dataset *data)
{
    bal_evaluation *evaluation = NULL, *plain = NULL;
    cli_scores scores = {0};
    bal_split split;
    const bal_calibration *calibration = bal_model_calibration(model);
    bal_status status = cli_split(c, data, c->settings.measure.split, &split);
    if (status == BAL_OK)
        status = cli_run_split(c, model, data, split, &scores);
    if (status == BAL_OK)
        status = save(c, &scores);
    if (status == BAL_OK)
        status = cli_evaluate(c, &evaluation, &scores, model, data);
    if (status == BAL_OK && calibration)
        status = evaluate_plain(c, &plain, &scores);
    if (status == BAL_OK)
        status = put_evaluation(
            c, &(measured){evaluation, plain, calibration, bal_model_train_counts(model)});
    bal_evaluation_close(&evaluation);
    bal_evaluation_close(&plain);
    cli_scores_free(&scores);
    return status;
}

static bal_status evaluate_run(cli *c)
{
    bal_model *model = NULL;
    bal_dataset *data = NULL;
    bal_status status = refuse_group(c, cli_weights_rows, "goes with --model and --weights");
    if (status == BAL_OK && c->arg_count == 1)
        status = refuse_group(c, bal_dataset_options,
                              "goes with DATA; without, a run is measured on its own data set");
    if (status == BAL_OK)
        status = cli_open_model(c, &model, c->args[0], NULL);
    if (status == BAL_OK)
        status = cli_open_model_data(c, &data, model, c->arg_count > 1 ? c->args[1] : NULL);
    if (status == BAL_OK)
        status = evaluate_model(c, model, data);
    bal_dataset_close(&data);
    bal_model_close(&model);
    return status;
}

static bal_status evaluate_weights(cli *c)
{
    bal_model *model = NULL;
    bal_dataset *data = NULL;
    if (c->arg_count != 1)
        return cli_fail(c, BAL_BAD_ARG, "--model and --weights want one argument, DATA");
    const cli_source *s = &c->settings.source;
    if (!s->model || !s->weights)
        return cli_fail(c, BAL_BAD_ARG, "--model and --weights go together, %s is missing",
                        s->model ? "--weights" : "--model");
    bal_status status = cli_open_data(c, &data, c->args[0], &c->settings.dataset);
    if (status == BAL_OK)
        status = cli_open_model(c, &model, NULL, data);
    if (status == BAL_OK)
        status = evaluate_model(c, model, data);
    bal_dataset_close(&data);
    bal_model_close(&model);
    return status;
}

/* ---- arrays ---- */

static bal_status check_arrays(cli *c, const bal_array *scores, const bal_array *labels)
{
    const cli_measure *m = &c->settings.measure;
    if (scores->dims != 2 || scores->shape[1] < 2 || scores->shape[1] > 1000000)
        return cli_fail(c, BAL_BAD_DATA, "%s: items x classes expected, with two classes or more",
                        m->scores);
    if (labels->dims != 1)
        return cli_fail(c, BAL_BAD_DATA, "%s: one label an item expected, found %d dimensions",
                        m->labels, labels->dims);
    if (scores->shape[0] != labels->shape[0])
        return cli_fail(c, BAL_BAD_DATA, "%s has %lld items and %s has %lld", m->scores,
                        (long long)scores->shape[0], m->labels, (long long)labels->shape[0]);
    for (int64_t i = 0; i < labels->count; i++) {
        const int32_t label = ((const int32_t *)labels->data)[i];
        if (label < 0 || label >= scores->shape[1])
            return cli_fail(c, BAL_BAD_DATA, "%s: label %lld is %d, 0 to %lld expected", m->labels,
                            (long long)i, (int)label, (long long)scores->shape[1] - 1);
    }
    return BAL_OK;
}

static bal_status evaluate_arrays(cli *c)
{
    const cli_measure *m = &c->settings.measure;
    bal_array scores = {0}, labels = {0};
    bal_evaluation *evaluation = NULL, *plain = NULL;
    bal_calibration *calibration = NULL;
    int64_t *train_counts = NULL;
    cli_scores grouped = {0};
    if (!m->scores || !m->labels)
        return cli_fail(c, BAL_BAD_ARG, "--scores and --labels go together, %s is missing",
                        m->scores ? "--labels" : "--scores");
    if (c->arg_count || m->split || m->save_scores || m->save_features || m->save_labels)
        return cli_fail(c, BAL_BAD_ARG,
                        "--scores and --labels take no run, data set or split, and "
                        "have nothing to save");
    const char *const why = "does not go with --scores and --labels";
    bal_status status = refuse_group(c, cli_weights_rows, why);
    if (status == BAL_OK)
        status = refuse_group(c, cli_running_rows, why);
    if (status == BAL_OK)
        status = refuse_group(c, cli_calibrated_rows, why);
    if (status == BAL_OK)
        status = refuse_group(c, bal_dataset_options, why);
    if (status == BAL_OK)
        status = bal_array_read(c->ctx, m->scores, BAL_ARRAY_F32, &scores);
    if (status == BAL_OK)
        status = bal_array_read(c->ctx, m->labels, BAL_ARRAY_I32, &labels);
    if (status == BAL_OK)
        status = check_arrays(c, &scores, &labels);
    if (status == BAL_OK)
        status = cli_train_counts(c, (int)scores.shape[1], &train_counts);
    grouped.items = status == BAL_OK ? scores.shape[0] : 0;
    if (status == BAL_OK)
        status = cli_read_groups(c, &grouped);
    if (status == BAL_OK && m->calibration)
        status = bal_calibration_read(&calibration, c->ctx, m->calibration);
    if (status == BAL_OK) {
        bal_evaluation_settings settings = bal_evaluation_defaults();
        settings.classes = (int)scores.shape[1];
        settings.items = scores.shape[0];
        settings.scores = scores.data;
        settings.scores_are_probabilities = m->probabilities;
        settings.labels = labels.data;
        settings.train_counts = train_counts;
        settings.bootstrap = m->bootstrap;
        settings.seed = m->seed;
        settings.calibration = calibration;
        settings.item_groups = grouped.groups;
        settings.item_group_count = grouped.group_count;
        status = bal_evaluate(&evaluation, c->ctx, &settings);
    }
    if (status == BAL_OK && calibration)
        status = evaluate_plain(c, &plain,
                                &(cli_scores){.items = scores.shape[0],
                                              .classes = (int)scores.shape[1],
                                              .scores = scores.data,
                                              .labels = labels.data});
    if (status == BAL_OK)
        status = put_evaluation(c, &(measured){evaluation, plain, calibration, train_counts});
    bal_evaluation_close(&evaluation);
    bal_evaluation_close(&plain);
    bal_calibration_close(&calibration);
    cli_scores_free(&grouped);
    bal_array_release(c->ctx, &scores);
    bal_array_release(c->ctx, &labels);
    free(train_counts);
    return status;
}

static bal_status run_eval(cli *c)
{
    const cli_measure *m = &c->settings.measure;
    c->settings.dataset.seed = m->seed;
    if (m->scores || m->labels)
        return evaluate_arrays(c);
    const char *why = "goes with --scores and --labels";
    bal_status status = refuse_group(c, cli_saved_scores_rows, why);
    if (status == BAL_OK)
        status = refuse_group(c, calibration_rows, why);
    if (status != BAL_OK)
        return status;
    if (c->settings.source.model || c->settings.source.weights)
        return evaluate_weights(c);
    if (c->arg_count == 0)
        return cli_fail(c, BAL_BAD_ARG,
                        "what to measure is missing: a RUN, or --model and --weights with DATA, or "
                        "--scores and --labels");
    return evaluate_run(c);
}

/* ---- tables ---- */

#define MEASURE(f) offsetof(cli_measure, f)
static const bal_option *measure_rows(void)
{
    static const bal_option rows[] = {
        {"split", BAL_OPTION_CHOICE, MEASURE(split), 0, 0, NULL, "train|val|test",
         "what is measured (default test, or val where there is no test split)"},
        {"bootstrap", BAL_OPTION_INT, MEASURE(bootstrap), 0, 1000000, "N", NULL,
         "draws of the stratified bootstrap for the intervals, 0 for none (default 2000)"},
        {"seed", BAL_OPTION_SEED, MEASURE(seed), 0, 0, "N", NULL,
         "of the bootstrap, and of the splits of DATA (default 1)"},
        {"groups", BAL_OPTION_TEXT, MEASURE(groups), 0, 0, "FILE", NULL,
         "a group number from 0 for every item measured (-1: none), as NPY; metrics by group "
         "(default: column group of a manifest)"},
        {"save-scores", BAL_OPTION_TEXT, MEASURE(save_scores), 0, 0, "FILE", NULL,
         "write the logits, items x classes, as NPY; before any calibration"},
        {"save-features", BAL_OPTION_TEXT, MEASURE(save_features), 0, 0, "FILE", NULL,
         "write what the network's head reads, items x features, as NPY"},
        {"save-labels", BAL_OPTION_TEXT, MEASURE(save_labels), 0, 0, "FILE", NULL,
         "write the labels as NPY"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const bal_option *calibration_rows(void)
{
    static const bal_option rows[] = {
        {"calibration", BAL_OPTION_TEXT, MEASURE(calibration), 0, 0, "FILE", NULL,
         "what ballast calibrate --output wrote"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group eval_groups[] = {
    {"measuring", measure_rows, offsetof(cli_settings, measure), CLI_ONCE},
    {"model", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {"a run's calibration", cli_calibrated_rows, offsetof(cli_settings, source), CLI_BY_HAND},
    {"a weight file instead of a run", cli_weights_rows, offsetof(cli_settings, source),
     CLI_BY_HAND},
    {"data set", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {"saved scores instead of a run", cli_saved_scores_rows, offsetof(cli_settings, measure),
     CLI_BY_HAND},
    {"a calibration, with saved scores", calibration_rows, offsetof(cli_settings, measure),
     CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_eval = {
    .name = "eval",
    .usage = "RUN [DATA] [options]\n--model NAME --weights FILE DATA [options]\n--scores FILE "
             "--labels FILE [options]",
    .about = "measure a run, a model with a weight file, or saved scores",
    .text =
        "Without DATA a run is measured on the data set that it was trained on, with the same\n"
        "splits. Definitions follow scikit-learn; undefined values are `n/a` (null in JSON),\n"
        "and an average that leaves classes out says over how many it goes. Intervals of single\n"
        "numbers are from a stratified bootstrap, those of a class's recall are Wilson's.\n\n"
        "Groups are by training images: many more than 100, medium 20 to 100, few less than 20;\n"
        "thirds of the classes by frequency (head, middle, tail) where one of these would be\n"
        "empty.\n\n"
        "What `ballast calibrate` stored with the run is used, and the figures without it are\n"
        "printed too. Saved scores are the logits before it.",
    .run = run_eval,
    .groups = eval_groups,
    .arguments =
        (const cli_argument[]){
            {"RUN", "a run folder"},
            {"DATA", "a path, or a name of `ballast data list` (default: the run's own)"},
            {0}},
    .least = 0,
    .most = 2,
    .examples =
        (const cli_example[]){
            {"ballast eval runs/ce", "a run on its test split"},
            {"ballast eval runs/ce --split val --json -", "its validation split, for machines"},
            {"ballast eval runs/ce --save-scores scores.npy --save-labels labels.npy",
             "keep the logits and the labels"},
            {"ballast eval runs/ce --split train --bootstrap 0 --save-features features.npy \\\n"
             "    --save-labels train-labels.npy",
             "the embedding of the training images, for other programs"},
            {"ballast eval --scores scores.npy --labels labels.npy --bootstrap 0",
             "measure arrays, also those of another program"},
            {"ballast eval --model lenet --weights runs/ce/best.safetensors \\\n"
             "    --mean 0.286 --std 0.353 fashion-mnist",
             "a weight file, with the normalisation that it was trained with"},
            {0}},
};
