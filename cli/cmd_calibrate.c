/* ballast calibrate: fits probabilities and decisions to held-out data, for a run or for saved
 * scores. */
#include "cli.h"

#include "ballast/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a call works on: a run, or arrays. */
typedef struct work {
    int classes;
    double *train_prior, *test_prior; /* C each; NULL: not stated */
    double *cost;                     /* C x C */
    int64_t *train_counts;            /* C; arrays: as stated; of a run: not here */
    bal_calibration *calibration;
    bal_calibration_report reports[BAL_CALIBRATION_MOST];
    int count;
} work;

static void release(work *w)
{
    bal_calibration_close(&w->calibration);
    free(w->train_prior);
    free(w->test_prior);
    free(w->cost);
    free(w->train_counts);
}

/* ---- what is stated ---- */

static bal_status take_shares(cli *c, const work *w, const char *option, const char *text,
                              const int64_t *counts, double **out)
{
    *out = cli_calloc(c, (size_t)w->classes, sizeof **out);
    if (!*out)
        return BAL_NO_MEMORY;
    double total = 0.0;
    for (int j = 0; counts && j < w->classes; j++)
        total += (double)counts[j];
    if (strcmp(text, "uniform") == 0) {
        for (int j = 0; j < w->classes; j++)
            (*out)[j] = 1.0 / w->classes;
        return BAL_OK;
    }
    if (strcmp(text, "counts") == 0) {
        if (!counts || !(total > 0.0))
            return cli_fail(c, BAL_BAD_ARG, "%s counts: the training counts are not known", option);
        for (int j = 0; j < w->classes; j++)
            (*out)[j] = (double)counts[j] / total;
        return BAL_OK;
    }
    return cli_numbers(c, option, text, w->classes, *out);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static bal_status cost_from_array(cli *c, const work *w, const char *path, double *cost)
{
    bal_array a;
    bal_status status = bal_array_read(c->ctx, path, BAL_ARRAY_F64, &a);
    if (status != BAL_OK)
        return status;
    if (a.dims != 2 || a.shape[0] != w->classes || a.shape[1] != w->classes)
        status = cli_fail(
            c, BAL_BAD_DATA, "%s: a cost matrix of %d x %d expected, found %lld x %lld", path,
            w->classes, w->classes, (long long)a.shape[0], a.dims > 1 ? (long long)a.shape[1] : 1);
    else
        memcpy(cost, a.data, (size_t)w->classes * (size_t)w->classes * sizeof *cost);
    bal_array_release(c->ctx, &a);
    return status;
}

/* C lines of C numbers with commas between them. */
static bal_status cost_from_lines(cli *c, const work *w, const char *path, double *cost)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    int lines = 0;
    bal_status status = BAL_OK;
    if (!f)
        return cli_fail(c, BAL_IO, "%s: cannot open the cost matrix", path);
    for (ssize_t length; status == BAL_OK && (length = getline(&line, &room, f)) >= 0;) {
        while (length > 0 && strchr("\r\n", line[length - 1]))
            line[--length] = '\0';
        if (length == 0)
            continue;
        if (lines < w->classes && cli_numbers(c, path, line, w->classes,
                                              cost + (size_t)lines * (size_t)w->classes) != BAL_OK)
            status = BAL_BAD_DATA; /* the sentence is there */
        lines++;
    }
    free(line);
    fclose(f);
    if (status == BAL_OK && lines != w->classes)
        status = cli_fail(c, BAL_BAD_DATA, "%s: a cost matrix of %d x %d expected, found %d line%s",
                          path, w->classes, w->classes, lines, lines == 1 ? "" : "s");
    return status;
}

static bal_status take_stated(cli *c, work *w, const int64_t *counts)
{
    const cli_calibrate *s = &c->settings.calibrate;
    bal_status status = BAL_OK;
    if (s->train_prior && strcmp(s->train_prior, "fitted") != 0)
        status = take_shares(c, w, "--train-prior", s->train_prior, counts, &w->train_prior);
    if (status == BAL_OK && s->test_prior)
        status = take_shares(c, w, "--test-prior", s->test_prior, counts, &w->test_prior);
    if (status != BAL_OK || !s->cost)
        return status;
    w->cost = cli_calloc(c, (size_t)w->classes * (size_t)w->classes, sizeof *w->cost);
    if (!w->cost)
        return BAL_NO_MEMORY;
    return ends_with(s->cost, ".npy") ? cost_from_array(c, w, s->cost, w->cost)
                                      : cost_from_lines(c, w, s->cost, w->cost);
}

static bool fitted_prior(const cli *c)
{
    const char *text = c->settings.calibrate.train_prior;
    return text && strcmp(text, "fitted") == 0;
}

/* ---- what came out ---- */

static bal_status put_text(cli *c, const work *w)
{
    bal_table *t;
    bal_status status = bal_table_open(&t, c->ctx, 8, "lrlrrrll");
    if (status != BAL_OK)
        return status;
    static const char *const names[] = {"step",  "items",        "measure",          "before",
                                        "after", "cross-fitted", "95 % of the gain", "kept"};
    for (int i = 0; i < 8; i++)
        bal_table_cell(t, "%s", names[i]);
    bal_table_rule(t);
    for (int i = 0; i < w->count; i++) {
        const bal_calibration_report *r = &w->reports[i];
        bal_table_cell(t, "%s", r->method);
        if (r->items)
            bal_table_cell(t, "%lld", (long long)r->items);
        else
            bal_table_cell(t, "%s", "");
        bal_table_cell(t, "%s", r->measure);
        const double values[] = {r->before, r->after, r->crossed};
        for (int k = 0; k < 3; k++)
            if (isnan(values[k]))
                bal_table_cell(t, "%s", "");
            else
                bal_table_number(t, values[k], 4);
        if (isnan(r->gain.low))
            bal_table_cell(t, "%s", "");
        else
            bal_table_cell(t, "%+.4f to %+.4f", r->gain.low, r->gain.high);
        bal_table_cell(t, "%s", r->added ? "yes" : "no");
    }
    return cli_put_table(c, &t);
}

static void put_numbers(const char *head, const double *numbers, int count)
{
    printf("%s", head);
    for (int j = 0; j < count && j < 20; j++)
        printf(" %.4g", numbers[j]);
    printf("%s\n", count > 20 ? " ..." : "");
}

static void put_steps(const work *w)
{
    const bal_calibration_step *s;
    putchar('\n');
    for (int i = 0; (s = bal_calibration_step_at(w->calibration, i)); i++) {
        if (strcmp(s->method, "temperature") == 0)
            printf("temperature: T %.4f\n", 1.0 / s->scale[0]);
        else if (strcmp(s->method, "vector") == 0)
            put_numbers("vector: a", s->scale, w->classes);
        else if (s->decision)
            put_numbers("offsets:", s->offset, w->classes);
        if (strcmp(s->method, "vector") == 0)
            put_numbers("        b", s->offset, w->classes);
    }
    if (bal_calibration_prior_before(w->calibration))
        put_numbers("prior of the scores:       ", bal_calibration_prior_before(w->calibration),
                    w->classes);
    if (bal_calibration_prior(w->calibration))
        put_numbers("prior of the probabilities:", bal_calibration_prior(w->calibration),
                    w->classes);
}

/* What a reader should hear of a step in words. */
static void say_steps(cli *c, const work *w)
{
    for (int i = 0; i < w->count; i++) {
        const bal_calibration_report *r = &w->reports[i];
        if (r->classes_without)
            cli_say(c, "%s: %d class%s no items to fit to", r->method, r->classes_without,
                    r->classes_without == 1 ? " has" : "es have");
        if (r->items && r->effective_items < 0.2 * (double)r->items)
            cli_say(c, "%s: weighted to the prior, %lld items count as %.0f", r->method,
                    (long long)r->items, r->effective_items);
        if (!r->helps && isnan(r->crossed))
            cli_say(c, "%s could not be cross-fitted: a fold's fit has no minimum", r->method);
        else if (!r->helps && isnan(r->gain.low))
            cli_say(c, "%s does not help: %s is %.4f cross-fitted, %.4f without it; %s", r->method,
                    r->measure, r->crossed, r->before,
                    r->added ? "kept, as --always says" : "left out");
        else if (!r->helps)
            cli_say(c,
                    "%s: no sure help: %s is %.4f cross-fitted, %.4f without (the change is "
                    "within %+.4f to %+.4f); %s",
                    r->method, r->measure, r->crossed, r->before, r->gain.low, r->gain.high,
                    r->added ? "kept, as --always says" : "left out");
    }
}

static bal_status put_json(cli *c, const work *w, const char *file)
{
    char *text;
    const bal_status status = bal_calibration_json(w->calibration, c->ctx, &text);
    if (status != BAL_OK)
        return status;
    json_t *chain = json_loads(text, 0, NULL), *reports = json_array();
    bal_release(c->ctx, text);
    for (int i = 0; i < w->count; i++) {
        const bal_calibration_report *r = &w->reports[i];
        json_array_append_new(
            reports,
            json_pack("{s:s, s:I, s:f, s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:b, s:b}",
                      "method", r->method, "items", (json_int_t)r->items, "effective_items",
                      r->effective_items, "classes_without", r->classes_without, "measure",
                      r->measure, "larger_is_better", r->larger_is_better, "before",
                      cli_json_real(r->before), "after", cli_json_real(r->after), "crossed",
                      cli_json_real(r->crossed), "gain_low", cli_json_real(r->gain.low),
                      "gain_high", cli_json_real(r->gain.high), "iterations", r->iterations,
                      "helps", r->helps, "added", r->added));
    }
    return cli_put_json(c, json_pack("{s:o, s:o, s:o}", "steps", reports, "calibration", chain,
                                     "file", file ? cli_json_text(file) : json_null()));
}

static bal_status put(cli *c, const work *w, const char *file)
{
    bal_status status = BAL_OK;
    say_steps(c, w);
    if (cli_wants_text(c)) {
        status = put_text(c, w);
        if (status == BAL_OK)
            put_steps(w);
    }
    if (status == BAL_OK && cli_wants_json(c))
        status = put_json(c, w, file);
    if (status == BAL_OK && file)
        cli_say(c, "stored in %s", file);
    else if (status == BAL_OK && !bal_calibration_steps(w->calibration))
        cli_say(c, "no step is left, so nothing is stored");
    return status;
}

/* ---- a run ---- */

static bal_status calibrate_model(cli *c, work *w, bal_model *model, const bal_dataset *data)
{
    const cli_calibrate *s = &c->settings.calibrate;
    char file[4096];
    bal_split split;
    bal_model_calibration_settings how = bal_model_calibration_defaults();
    w->classes = bal_model_classes(model);
    bal_status status = take_stated(c, w, bal_model_train_counts(model));
    if (status != BAL_OK)
        return status;
    how.methods = s->method;
    how.calibration = c->settings.calibration;
    how.calibration.seed = s->seed;
    how.calibration.target_prior = w->test_prior;
    how.calibration.cost = w->cost;
    how.train_prior = w->train_prior;
    how.fitted_prior = fitted_prior(c);
    const char *const names[] = {s->split ? s->split : "val", s->target ? s->target : "test"};
    bal_split *const splits[] = {&how.fit, &how.target};
    for (int k = 0; k < 2; k++) {
        for (split = BAL_SPLIT_TRAIN; strcmp(bal_split_name(split), names[k]) != 0; split++)
            ;
        *splits[k] = split;
    }
    cli_catch_interrupt(c->ctx);
    status = bal_model_calibrate(&w->calibration, model, data, &how, w->reports, &w->count);
    cli_catch_interrupt(NULL);
    if (status != BAL_OK)
        return status;
    snprintf(file, sizeof file, "%s/calibration.json", c->args[0]);
    const bool any = bal_calibration_steps(w->calibration) > 0;
    status = bal_model_store_calibration(model, any ? w->calibration : NULL);
    return status == BAL_OK ? put(c, w, any ? file : NULL) : status;
}

static bal_status calibrate_run(cli *c, work *w)
{
    bal_model *model = NULL;
    bal_dataset *data = NULL;
    c->settings.source.no_calibration = true;
    bal_status status = cli_open_model(c, &model, c->args[0], NULL);
    if (status == BAL_OK && c->settings.calibrate.remove) {
        status = bal_model_store_calibration(model, NULL);
    } else if (status == BAL_OK) {
        status = cli_open_model_data(c, &data, model, NULL);
        if (status == BAL_OK)
            status = calibrate_model(c, w, model, data);
    }
    bal_dataset_close(&data);
    bal_model_close(&model);
    return status;
}

/* ---- arrays ---- */

static bal_status read_items(cli *c, const char *scores, const char *labels, bal_array arrays[2],
                             bal_calibration_items *out)
{
    bal_status status = bal_array_read(c->ctx, scores, BAL_ARRAY_F32, &arrays[0]);
    if (status == BAL_OK && labels)
        status = bal_array_read(c->ctx, labels, BAL_ARRAY_I32, &arrays[1]);
    if (status != BAL_OK)
        return status;
    if (arrays[0].dims != 2 || arrays[0].shape[1] < 2 || arrays[0].shape[1] > 100000)
        return cli_fail(c, BAL_BAD_DATA, "%s: items x classes expected, with two classes or more",
                        scores);
    if (labels && (arrays[1].dims != 1 || arrays[1].shape[0] != arrays[0].shape[0]))
        return cli_fail(c, BAL_BAD_DATA, "%s: a label for each of the %lld items of %s expected",
                        labels, (long long)arrays[0].shape[0], scores);
    *out = (bal_calibration_items){.items = arrays[0].shape[0],
                                   .scores = arrays[0].data,
                                   .scores_are_probabilities = c->settings.measure.probabilities,
                                   .labels = arrays[1].data};
    return BAL_OK;
}

static bal_status fit_arrays(cli *c, work *w, const bal_calibration_items *fit,
                             const bal_calibration_items *target)
{
    const cli_calibrate *s = &c->settings.calibrate;
    bal_status status = cli_train_counts(c, w->classes, &w->train_counts);
    if (status == BAL_OK)
        status = take_stated(c, w, w->train_counts);
    if (status == BAL_OK && !w->train_prior && fitted_prior(c)) {
        w->train_prior = cli_calloc(c, (size_t)w->classes, sizeof *w->train_prior);
        status = w->train_prior
                     ? bal_calibration_fitted_prior(c->ctx, w->classes, fit,
                                                    c->settings.calibration.ridge, w->train_prior)
                     : BAL_NO_MEMORY;
    }
    if (status != BAL_OK)
        return status;
    bal_calibration_settings how = c->settings.calibration;
    how.seed = s->seed;
    how.fit = fit;
    how.target = target;
    how.train_counts = w->train_counts;
    how.target_prior = w->test_prior;
    how.cost = w->cost;
    status = bal_calibration_open(&w->calibration, c->ctx, w->classes, w->train_prior);
    if (status == BAL_OK)
        status = bal_calibration_add_list(w->calibration, &how, s->method, w->reports, &w->count);
    return status;
}

static bal_status calibrate_arrays(cli *c, work *w)
{
    const cli_measure *m = &c->settings.measure;
    const cli_calibrate *s = &c->settings.calibrate;
    bal_array fit_arrays_of[2] = {{0}}, target_arrays[2] = {{0}};
    bal_calibration_items fit, target;
    const char *running = cli_given_of(c, cli_running_rows);
    if (!m->scores || !m->labels)
        return cli_fail(c, BAL_BAD_ARG, "--scores and --labels go together, %s is missing",
                        m->scores ? "--labels" : "--scores");
    if (c->arg_count || running || s->split || s->target || s->remove)
        return cli_fail(c, BAL_BAD_ARG, "--scores and --labels take no run, and nothing of one%s%s",
                        running ? ": --" : "", running ? running : "");
    bal_status status = read_items(c, m->scores, m->labels, fit_arrays_of, &fit);
    if (status == BAL_OK && s->target_scores)
        status = read_items(c, s->target_scores, NULL, target_arrays, &target);
    if (status == BAL_OK && s->target_scores &&
        target_arrays[0].shape[1] != fit_arrays_of[0].shape[1])
        status = cli_fail(c, BAL_BAD_DATA, "%s has %lld classes and %s has %lld", m->scores,
                          (long long)fit_arrays_of[0].shape[1], s->target_scores,
                          (long long)target_arrays[0].shape[1]);
    if (status == BAL_OK) {
        w->classes = (int)fit_arrays_of[0].shape[1];
        status = fit_arrays(c, w, &fit, s->target_scores ? &target : NULL);
    }
    const bool write = s->out && status == BAL_OK && bal_calibration_steps(w->calibration) > 0;
    if (write)
        status = bal_calibration_write(w->calibration, c->ctx, s->out);
    if (status == BAL_OK)
        status = put(c, w, write ? s->out : NULL);
    for (int k = 0; k < 2; k++) {
        bal_array_release(c->ctx, &fit_arrays_of[k]);
        bal_array_release(c->ctx, &target_arrays[k]);
    }
    return status;
}

static bal_status run_calibrate(cli *c)
{
    work w = {0};
    bal_status status;
    if (c->settings.measure.scores || c->settings.measure.labels)
        status = calibrate_arrays(c, &w);
    else if (cli_given_of(c, cli_saved_scores_rows))
        status = cli_fail(c, BAL_BAD_ARG, "--%s goes with --scores and --labels",
                          cli_given_of(c, cli_saved_scores_rows));
    else if (c->settings.calibrate.target_scores || c->settings.calibrate.out)
        status = cli_fail(c, BAL_BAD_ARG, "--%s goes with --scores and --labels",
                          c->settings.calibrate.out ? "output" : "target-scores");
    else if (c->arg_count == 0)
        status = cli_fail(c, BAL_BAD_ARG,
                          "what to calibrate is missing: a RUN, or --scores and --labels");
    else
        status = calibrate_run(c, &w);
    release(&w);
    return status;
}

/* ---- tables ---- */

#define OWN(f) offsetof(cli_calibrate, f)
static const bal_option *calibrate_rows(void)
{
    static const bal_option rows[] = {
        {"method", BAL_OPTION_TEXT, OWN(method), 0, 0, "METHOD,...", NULL,
         "steps, in this order (ballast methods calibrations; default temperature)"},
        {"test-prior", BAL_OPTION_TEXT, OWN(test_prior), 0, 0, "PRIOR", NULL,
         "of prior: counts (those of the training), uniform, or a share for each class, P,P,..."},
        {"train-prior", BAL_OPTION_TEXT, OWN(train_prior), 0, 0, "PRIOR", NULL,
         "that the scores refer to: counts, uniform, fitted (by the items of the fit) or P,P,... "
         "(default: what the run's recipe leaves)"},
        {"cost", BAL_OPTION_TEXT, OWN(cost), 0, 0, "FILE", NULL,
         "of offsets with --objective cost: C lines of C numbers, or NPY; row: truth, column: "
         "prediction"},
        {"split", BAL_OPTION_CHOICE, OWN(split), 0, 0, NULL, "train|val|test",
         "what is fitted to (default val)"},
        {"target", BAL_OPTION_CHOICE, OWN(target), 0, 0, NULL, "train|val|test",
         "of em: whose prior is estimated, without its labels (default test)"},
        {"seed", BAL_OPTION_SEED, OWN(seed), 0, 0, "N", NULL, "of the folds (default 1)"},
        {"remove", BAL_OPTION_FLAG, OWN(remove), 0, 0, NULL, NULL,
         "take the run's calibration away instead"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const bal_option *file_rows(void)
{
    static const bal_option rows[] = {
        {"target-scores", BAL_OPTION_TEXT, OWN(target_scores), 0, 0, "FILE", NULL,
         "of em: scores of the items whose prior is estimated"},
        {"output", BAL_OPTION_TEXT, OWN(out), 0, 0, "FILE", NULL,
         "where the calibration goes, for ballast eval --calibration"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group calibrate_groups[] = {
    {"calibration", calibrate_rows, offsetof(cli_settings, calibrate), CLI_BY_HAND},
    {"methods", bal_calibration_options, offsetof(cli_settings, calibration), CLI_ONCE},
    {"model", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {"saved scores instead of a run", cli_saved_scores_rows, offsetof(cli_settings, measure),
     CLI_BY_HAND},
    {"files, with saved scores", file_rows, offsetof(cli_settings, calibrate), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_calibrate = {
    .name = "calibrate",
    .usage = "RUN [options]\n--scores FILE --labels FILE [options]",
    .about = "fit probabilities and decisions to held-out data",
    .text =
        "Fits the methods to the run's validation split, one after the other, and stores them\n"
        "with the run as calibration.json. `ballast eval` and `ballast predict` use that, say so,\n"
        "and leave it out with --no-calibration. What was stored before is replaced.\n\n"
        "The order has a meaning: each step is fitted to what the ones before it leave. Say where\n"
        "the data to come has other class frequencies with prior or em, then calibrate with\n"
        "temperature or vector (which then weight the items to that prior), and tune decisions\n"
        "with offsets last.\n\n"
        "Steps that are fitted to labels are judged by cross-fitting, and one that does not help\n"
        "is said to and left out. em does not look at labels.",
    .run = run_calibrate,
    .groups = calibrate_groups,
    .arguments = (const cli_argument[]){{"RUN", "a run folder"}, {0}},
    .least = 0,
    .most = 1,
    .examples =
        (const cli_example[]){
            {"ballast calibrate runs/ce", "temperature scaling on the validation split"},
            {"ballast eval runs/ce", "now says what that changed"},
            {"ballast calibrate runs/ce --method prior,temperature --test-prior uniform",
             "for data whose classes are equally frequent"},
            {"ballast calibrate runs/ce --method offsets --objective macro_f1",
             "decisions for macro-F1, or the news that they would not help"},
            {"ballast calibrate runs/ce --remove", "back to the plain softmax"},
            {"ballast eval runs/ce --split val --save-scores val.npy --save-labels val-labels.npy",
             "scores as arrays"},
            {"ballast calibrate --scores val.npy --labels val-labels.npy --method vector \\\n"
             "    --output vector.json",
             "arrays, also those of another program"},
            {0}},
};
