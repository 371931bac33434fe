/* ballast explain: what the decisions of a network rest on, class by class. */
#include "cli.h"

#include "explain_input.h"
#include "explain_sheets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const bal_option *array_rows(void);

/* ---- findings and what to do ---- */

static bool has_recipe(const char *name, size_t length)
{
    const bal_recipe_info *info;
    for (int i = 0; (info = bal_recipe_at(i)); i++)
        if (strlen(info->name) == length && strncmp(info->name, name, length) == 0)
            return true;
    return false;
}

/* The first of the rule's recipes that this build has; length 0: none. */
static const char *choose_recipe(const bal_explain_rule *rule, size_t *length)
{
    for (const char *at = rule->recipes; *at;) {
        *length = strcspn(at, "|");
        if (has_recipe(at, *length))
            return at;
        at += *length + (at[*length] == '|');
    }
    *length = 0;
    return "";
}

static void command_of(const bal_explain_rule *rule, const char *words, char *line, size_t size)
{
    size_t length;
    const char *recipe = choose_recipe(rule, &length);
    snprintf(line, size, "ballast train %s%s%.*s%s%s", words, length ? " --recipe " : "",
             (int)length, recipe, *rule->options ? " " : "", rule->options);
}

static void put_advice(const bal_explain *e, const char *words)
{
    const bal_explain_finding *f;
    bool any = false;
    for (int i = 0; (f = bal_explain_finding_at(e, i)); i++) {
        char line[2048];
        if (!f->rule->remedy)
            continue;
        if (!any)
            puts("\nadvice\n======");
        any = true;
        snprintf(line, sizeof line, "%s: %s (%s). Because %s.", f->rule->name, f->rule->remedy,
                 f->rule->source, f->text);
        puts("");
        cli_write_paragraph(stdout, 0, line);
        command_of(f->rule, words, line, sizeof line);
        puts(line);
    }
}

static json_t *advice_value(const bal_explain *e, const char *words)
{
    json_t *list = json_array();
    const bal_explain_finding *f;
    for (int i = 0; (f = bal_explain_finding_at(e, i)); i++) {
        char line[2048];
        if (!f->rule->remedy)
            continue;
        command_of(f->rule, words, line, sizeof line);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "rule", f->rule->name,
                                              "remedy", f->rule->remedy, "source", f->rule->source,
                                              "because", cli_json_text(f->text), "command",
                                              cli_json_text(line)));
    }
    return list;
}

/* ---- output ---- */

typedef struct result {
    bal_explain *own, *other;
    bal_match *match;
    char *words; /* what `ballast train` is to be told */
} result;

static bal_status put_text(cli *c, const result *r)
{
    char *text;
    bal_status status = bal_report_explain(r->own, c->ctx, &text);
    if (status != BAL_OK)
        return status;
    fputs(text, stdout);
    bal_release(c->ctx, text);
    put_advice(r->own, r->words);
    if (!r->match)
        return BAL_OK;
    status = bal_report_match(r->match, r->own, c->ctx, &text);
    if (status != BAL_OK)
        return status;
    fputs(text, stdout);
    bal_release(c->ctx, text);
    return BAL_OK;
}

static bal_status add_json(cli *c, json_t *value, const char *key, bal_status status, char *text)
{
    if (status != BAL_OK)
        return status;
    json_object_set_new(value, key, json_loads(text, 0, NULL));
    bal_release(c->ctx, text);
    return BAL_OK;
}

static bal_status put_json(cli *c, const result *r)
{
    char *text;
    bal_status status = bal_explain_json(r->own, c->ctx, &text);
    if (status != BAL_OK)
        return status;
    json_t *value = json_loads(text, 0, NULL);
    bal_release(c->ctx, text);
    json_object_set_new(value, "advice", advice_value(r->own, r->words));
    if (r->match) {
        status = bal_explain_json(r->other, c->ctx, &text);
        status = add_json(c, value, "against", status, text);
        if (status == BAL_OK)
            status = bal_match_json(r->match, c->ctx, &text);
        status = add_json(c, value, "matching", status, text);
    }
    if (status == BAL_OK)
        return cli_put_json(c, value);
    json_decref(value);
    return status;
}

static bal_status put_result(cli *c, const result *r)
{
    bal_status status = BAL_OK;
    const char *folder = c->settings.explain_files.out;
    if (folder)
        status = bal_explain_write(r->own, c->ctx, folder);
    if (status == BAL_OK && folder)
        cli_say(c, "tables and embeddings are in %s", folder);
    if (status == BAL_OK && cli_wants_text(c))
        status = put_text(c, r);
    if (status == BAL_OK && cli_wants_json(c))
        status = put_json(c, r);
    return status;
}

/* ---- measuring ---- */

static void show_progress(void *user, const char *what, int64_t done, int64_t total)
{
    cli *c = user;
    if (cli_has_bar(c))
        cli_bar_share(c, what, done, total);
}

static bal_status measure(cli *c, const explain_input *in, bal_explain **out)
{
    bal_explain_settings s = c->settings.explain;
    s.progress = show_progress;
    s.progress_user = c;
    s.seed = c->settings.explain_files.seed;
    explain_input_settings(in, &s);
    const bal_status status = bal_explain_open(out, c->ctx, &s);
    cli_bar_clear(c);
    return status;
}

static bal_status run_inputs(cli *c, explain_input *own, explain_input *other)
{
    const char *against = c->settings.explain_files.against;
    result r = {0};
    bal_status status = explain_input_open(c, own);
    if (status == BAL_OK && against) {
        other->run = against;
        status = explain_input_open(c, other);
    }
    if (status == BAL_OK)
        status = measure(c, own, &r.own);
    if (status == BAL_OK && against)
        status = measure(c, other, &r.other);
    if (status == BAL_OK && against) {
        cli_say(c, "features are matched");
        status = bal_match_open(&r.match, c->ctx, r.own, r.other);
    }
    if (status == BAL_OK)
        status = explain_train_words(c, own, &r.words);
    if (status == BAL_OK && c->settings.explain_files.sheets)
        status = explain_sheets(c, own, r.own);
    if (status == BAL_OK)
        status = put_result(c, &r);
    bal_match_close(&r.match);
    bal_explain_close(&r.other);
    bal_explain_close(&r.own);
    free(r.words);
    return status;
}

static bal_status check_form(cli *c, explain_input *in)
{
    const cli_explain *files = &c->settings.explain_files;
    const char *given = cli_given_of(c, array_rows);
    const cli_source *source = &c->settings.source;
    in->arrays = files->features || files->test_features;
    if (given && !in->arrays)
        return cli_fail(c, BAL_BAD_ARG, "--%s goes with --features or --test-features", given);
    if (in->arrays && (c->arg_count || source->model || source->weights))
        return cli_fail(c, BAL_BAD_ARG,
                        "features are given, so a run, a model or DATA is too much");
    if (in->arrays && files->sheets)
        return cli_fail(c, BAL_BAD_ARG,
                        "--sheets goes with a run or a weight file: it needs images");
    if (in->arrays && files->against)
        return cli_fail(c, BAL_BAD_ARG, "--against goes with a run or a weight file");
    if (in->arrays)
        return BAL_OK;
    if (source->model || source->weights) {
        if (!source->model || !source->weights || c->arg_count != 1)
            return cli_fail(c, BAL_BAD_ARG, "--model, --weights and DATA go together");
        in->data_name = c->args[0];
        return BAL_OK;
    }
    if (c->arg_count == 0)
        return cli_fail(c, BAL_BAD_ARG,
                        "a run, --model with --weights and DATA, or --features is needed");
    in->run = c->args[0];
    in->data_name = c->arg_count > 1 ? c->args[1] : NULL;
    return BAL_OK;
}

static bal_status run_explain(cli *c)
{
    explain_input own = {0}, other = {0};
    bal_status status = check_form(c, &own);
    cli_catch_interrupt(c->ctx);
    if (status == BAL_OK)
        status = run_inputs(c, &own, &other);
    cli_catch_interrupt(NULL);
    cli_bar_clear(c);
    explain_input_close(c, &other);
    explain_input_close(c, &own);
    return status;
}

/* ---- tables ---- */

#define FIELD(f) offsetof(cli_explain, f)
static const bal_option *file_rows(void)
{
    static const bal_option rows[] = {
        {"out", BAL_OPTION_TEXT, FIELD(out), 0, 0, "FOLDER", NULL,
         "write tables as CSV and the embeddings as NPY into this new folder"},
        {"against", BAL_OPTION_TEXT, FIELD(against), 0, 0, "RUN", NULL,
         "a second run on the same test images, its features matched to the first's"},
        {"seed", BAL_OPTION_SEED, FIELD(seed), 0, 0, "N", NULL,
         "decides the draws of intervals and samples (default 1)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const bal_option *picture_rows(void)
{
    static const bal_option rows[] = {
        {"sheets", BAL_OPTION_TEXT, FIELD(sheets), 0, 0, "FOLDER", NULL,
         "a contact sheet of every class as PNG: right and wrong images, medoids, adversaries, "
         "each "
         "beside what speaks for a class in it"},
        {"cam", BAL_OPTION_CHOICE, FIELD(cam), 0, 0, "KIND", "ce|gradcam",
         "map: the class's most important features, or Grad-CAM (default: ce where the network "
         "pools before its head)"},
        {"cam-layer", BAL_OPTION_TEXT, FIELD(cam_layer), 0, 0, "NAME", NULL,
         "Grad-CAM at this layer (default: the last one)"},
        {"columns", BAL_OPTION_INT, FIELD(columns), 1, 40, "N", NULL,
         "images in a row of a sheet (default 6)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const bal_option *array_rows(void)
{
    static const bal_option rows[] = {
        {"features", BAL_OPTION_TEXT, FIELD(features), 0, 0, "FILE", NULL,
         "NPY, items x features: training embeddings"},
        {"labels", BAL_OPTION_TEXT, FIELD(labels), 0, 0, "FILE", NULL, "NPY: their classes"},
        {"predictions", BAL_OPTION_TEXT, FIELD(predictions), 0, 0, "FILE", NULL,
         "NPY: predicted classes (default: the head's)"},
        {"test-features", BAL_OPTION_TEXT, FIELD(test_features), 0, 0, "FILE", NULL,
         "NPY: embeddings of test items"},
        {"test-labels", BAL_OPTION_TEXT, FIELD(test_labels), 0, 0, "FILE", NULL,
         "NPY: their classes"},
        {"test-predictions", BAL_OPTION_TEXT, FIELD(test_predictions), 0, 0, "FILE", NULL,
         "NPY: their predicted classes"},
        {"head-weight", BAL_OPTION_TEXT, FIELD(head_weight), 0, 0, "FILE", NULL,
         "NPY, classes x features: the head's weights"},
        {"head-bias", BAL_OPTION_TEXT, FIELD(head_bias), 0, 0, "FILE", NULL,
         "NPY: its biases (default: none)"},
        {"head-scale", BAL_OPTION_REAL, FIELD(head_scale), 0, 1e6, "X", NULL,
         "a cosine head with this scale (default 0: a linear head)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group explain_groups[] = {
    {"measuring", bal_explain_options, offsetof(cli_settings, explain), CLI_ONCE},
    {"output and comparison", file_rows, offsetof(cli_settings, explain_files), CLI_BY_HAND},
    {"pictures", picture_rows, offsetof(cli_settings, explain_files), CLI_BY_HAND},
    {"model", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {"a weight file instead of a run", cli_weights_rows, offsetof(cli_settings, source),
     CLI_BY_HAND},
    {"data set", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {"saved embeddings", array_rows, offsetof(cli_settings, explain_files), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_explain = {
    .name = "explain",
    .usage = "RUN [DATA] [options]\n--model NAME --weights FILE DATA [options]\n--features FILE "
             "--labels FILE [options]",
    .about = "what the network's decisions rest on, class by class",
    .text =
        "The features that the head reads are taken of the training images (without augmentation)\n"
        "and of the test images, and multiplied with the head's weights: how few of them decide a\n"
        "class, how large they are, whether test images show them as training images did, how\n"
        "varied a class is, and which classes it loses its images to. Figures that depend on the\n"
        "number of images are given again with every class drawn down to the same size. The\n"
        "measures are explained in docs/methods/explain.\n\n"
        "*Findings* are sentences that follow from the figures. *Advice* has a remedy with its\n"
        "source, the figures that it fired on, and a command to start it with. Arrays of another\n"
        "program are read where they lie (NPY files are mapped), so they need not fit into "
        "memory.",
    .run = run_explain,
    .groups = explain_groups,
    .arguments =
        (const cli_argument[]){
            {"RUN", "a run folder"},
            {"DATA", "a path, or a name of `ballast data list` (default: the run's own)"},
            {0}},
    .least = 0,
    .most = 2,
    .examples =
        (const cli_example[]){
            {"ballast explain runs/ce --max-items 2000", "a run on its own data set"},
            {"ballast explain runs/ce --max-items 2000 --bootstrap 0 --draws 0 --out explained \\\n"
             "    --json explained.json --quiet",
             "all tables and embeddings as files"},
            {"ballast explain runs/ce --max-items 2000 --sheets sheets --quiet",
             "a picture of every class"},
            {"ballast explain --features explained/train-fe.npy \\\n"
             "    --labels explained/train-labels.npy --top 5 --max-items 2000",
             "saved embeddings, without a head"},
            {0}},
};
