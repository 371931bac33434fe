/* ballast report: runs side by side, measured on the same items. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct arm {
    char *name;
    bal_evaluation *evaluation;
    int64_t *train_counts; /* classes, or NULL */
    cli_scores scores;
} arm;

static void arms_free(arm *arms, int count)
{
    for (int i = 0; arms && i < count; i++) {
        bal_evaluation_close(&arms[i].evaluation);
        cli_scores_free(&arms[i].scores);
        free(arms[i].train_counts);
        free(arms[i].name);
    }
    free(arms);
}

/* The last part of the folder's path, as typed where that is not unique. */
static char *name_of(const char *run)
{
    size_t length = strlen(run);
    while (length > 1 && run[length - 1] == '/')
        length--;
    size_t first = length;
    while (first > 0 && run[first - 1] != '/')
        first--;
    return strndup(run + first, length - first);
}

static bal_status keep_counts(cli *c, arm *a, const bal_model *model)
{
    const int64_t *counts = bal_model_train_counts(model);
    if (!counts)
        return BAL_OK;
    a->train_counts = cli_calloc(c, (size_t)a->scores.classes, sizeof *counts);
    if (!a->train_counts)
        return BAL_NO_MEMORY;
    memcpy(a->train_counts, counts, (size_t)a->scores.classes * sizeof *counts);
    return BAL_OK;
}

static bal_status measure_run(cli *c, const char *run, arm *a)
{
    bal_model *model = NULL;
    bal_dataset *data = NULL;
    bal_split split;
    a->name = name_of(run);
    if (!a->name)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for a name");
    cli_say(c, "measuring %s", run);
    c->settings.source.no_calibration = true; /* runs are compared as they were trained */
    bal_status status = cli_open_model(c, &model, run, NULL);
    if (status == BAL_OK)
        status = cli_open_model_data(c, &data, model, NULL);
    if (status == BAL_OK)
        status = cli_split(c, data, c->settings.measure.split, &split);
    if (status == BAL_OK)
        status = cli_run_split(c, model, data, split, &a->scores);
    if (status == BAL_OK)
        status = keep_counts(c, a, model);
    if (status == BAL_OK)
        status = cli_evaluate(c, &a->evaluation, &a->scores, model, data);
    bal_dataset_close(&data);
    bal_model_close(&model);
    return status;
}

static bool same_labels(const cli_scores *a, const cli_scores *b)
{
    return a->items == b->items && a->classes == b->classes &&
           memcmp(a->labels, b->labels, (size_t)a->items * sizeof *a->labels) == 0;
}

/* The runs' common training counts, or NULL where they differ. */
static const int64_t *common_counts(cli *c, const arm *arms, int count)
{
    for (int i = 0; i < count; i++) {
        if (!arms[i].train_counts ||
            memcmp(arms[i].train_counts, arms[0].train_counts,
                   (size_t)arms[0].scores.classes * sizeof(int64_t)) != 0) {
            cli_say(c, "the runs were trained on different numbers of images per class");
            return NULL;
        }
    }
    return arms[0].train_counts;
}

static bal_status put_text(cli *c, const arm *arms, int count)
{
    char *text;
    bal_status status;
    if (count == 1) {
        status = bal_report_evaluation(arms[0].evaluation, arms[0].train_counts, c->ctx, &text);
    } else {
        bal_report_arm *sides = cli_calloc(c, (size_t)count, sizeof *sides);
        if (!sides)
            return BAL_NO_MEMORY;
        for (int i = 0; i < count; i++)
            sides[i] = (bal_report_arm){arms[i].name, arms[i].evaluation};
        status = bal_report_compare(sides, count, common_counts(c, arms, count), c->ctx, &text);
        free(sides);
    }
    if (status == BAL_OK)
        cli_put_text(c, text);
    return status;
}

static bal_status put_json(cli *c, const arm *arms, int count)
{
    json_t *rows = json_array();
    for (int i = 0; i < count; i++) {
        json_t *evaluation = cli_evaluation_json(c, arms[i].evaluation);
        if (!evaluation) {
            json_decref(rows);
            return BAL_NO_MEMORY;
        }
        json_array_append_new(rows,
                              json_pack("{s:o, s:o, s:o}", "run", cli_json_text(c->args[i]), "name",
                                        cli_json_text(arms[i].name), "evaluation", evaluation));
    }
    return cli_put_json(c, json_pack("{s:o}", "runs", rows));
}

static bal_status run_report(cli *c)
{
    const int count = c->arg_count;
    arm *arms = cli_calloc(c, (size_t)count, sizeof *arms);
    if (!arms)
        return BAL_NO_MEMORY;
    bal_status status = BAL_OK;
    for (int i = 0; i < count && status == BAL_OK; i++) {
        status = measure_run(c, c->args[i], &arms[i]);
        if (status == BAL_OK && !same_labels(&arms[i].scores, &arms[0].scores))
            status = cli_fail(c, BAL_MISMATCH, "%s and %s were not measured on the same items",
                              c->args[0], c->args[i]);
    }
    if (status == BAL_OK && cli_wants_text(c))
        status = put_text(c, arms, count);
    if (status == BAL_OK && cli_wants_json(c))
        status = put_json(c, arms, count);
    arms_free(arms, count);
    return status;
}

#define MEASURE(f) offsetof(cli_measure, f)
static const bal_option *report_rows(void)
{
    static const bal_option rows[] = {
        {"split", BAL_OPTION_CHOICE, MEASURE(split), 0, 0, NULL, "train|val|test",
         "what is measured (default test, or val where there is no test split)"},
        {"bootstrap", BAL_OPTION_INT, MEASURE(bootstrap), 0, 1000000, "N", NULL,
         "draws of the stratified bootstrap for the intervals, 0 for none (default 2000)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group report_groups[] = {
    {"measuring", report_rows, offsetof(cli_settings, measure), CLI_ONCE},
    {"model", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_report = {
    .name = "report",
    .usage = "RUN... [options]",
    .about = "runs side by side, and what changed for the rare classes",
    .text =
        "Every run is measured on the split of its own data set; the runs must have been trained\n"
        "on data sets with the same items there. The sentence compares the last run with the\n"
        "first and is made from the numbers, whatever they say.",
    .run = run_report,
    .groups = report_groups,
    .arguments = (const cli_argument[]){{"RUN", "run folders; the first is the base line"}, {0}},
    .least = 1,
    .most = -1,
    .examples =
        (const cli_example[]){{"ballast report runs/ce runs/remedy", "two runs"},
                              {"ballast report runs/ce runs/remedy runs/adjusted --json all.json",
                               "three, also for machines"},
                              {0}},
};
