/* ballast audit: what is wrong with a data set, and what to do. */
#include "cli.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* ---- features of a run ---- */

/* The network, and the data set in the shape that it reads. */
typedef struct run_features {
    bal_model *model;
    bal_dataset *data;
} run_features;

static bal_status fetch(void *user, const int64_t *items, int64_t count, float *rows)
{
    const run_features *f = user;
    return bal_model_features(f->model, f->data,
                              &(bal_feature_ask){.items = items, .count = count, .features = rows});
}

static bal_status open_features(cli *c, run_features *f, const bal_dataset *data)
{
    bal_audit_settings *s = &c->settings.audit;
    bal_dataset_settings d;
    const char *where = bal_dataset_opened_as(data, &d);
    bal_status status = cli_open_model(c, &f->model, c->settings.audit_extra.features, NULL);
    if (status != BAL_OK)
        return status;
    const bal_shape input = bal_model_input(f->model);
    const int classes = bal_dataset_describe(data).classes;
    if (bal_model_classes(f->model) != classes)
        return cli_fail(c, BAL_MISMATCH, "%s knows %d classes, %s has %d",
                        c->settings.audit_extra.features, bal_model_classes(f->model), where,
                        classes);
    d.mixed_sizes = input.height == input.width; /* else all images must have that shape */
    d.img_size = d.mixed_sizes ? input.height : 0;
    d.channels = input.channels;
    status = bal_dataset_open(&f->data, c->ctx, where, &d);
    if (status != BAL_OK)
        return status;
    s->features = fetch;
    s->feature_user = f;
    s->feature_dim = bal_model_feature_count(f->model);
    s->feature_name = c->settings.audit_extra.features;
    return BAL_OK;
}

/* ---- output ---- */

static bool wants_unicode(const cli *c)
{
    setlocale(LC_CTYPE, ""); /* of the user's terminal; numbers keep their points */
    return !c->settings.audit_extra.ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void show_progress(void *user, const bal_audit_progress *progress)
{
    cli *c = user;
    if (progress->done >= progress->total)
        cli_bar_clear(c);
    else if (cli_has_bar(c))
        cli_bar_share(c, progress->what, progress->done, progress->total);
}

static bal_status put_audit(cli *c, const bal_audit *audit)
{
    char *text;
    bal_status status = BAL_OK;
    if (cli_wants_text(c)) {
        status = bal_report_audit(audit, wants_unicode(c), c->ctx, &text);
        if (status != BAL_OK)
            return status;
        fputs(text, stdout);
        bal_release(c->ctx, text);
    }
    if (!cli_wants_json(c))
        return status;
    status = bal_audit_json(audit, c->ctx, &text);
    if (status != BAL_OK)
        return status;
    json_t *value = json_loads(text, 0, NULL);
    bal_release(c->ctx, text);
    return cli_put_json(c, value);
}

/* Names of the findings that are at least so bad. */
static bal_status judge(cli *c, const bal_audit *audit)
{
    const char *limit = c->settings.audit_extra.fail_on;
    const bal_audit_finding *finding;
    int least = BAL_SEVERITY_OK;
    char names[1024] = "";
    size_t at = 0;
    while (limit && strcmp(bal_severity_name((bal_severity)least), limit) != 0)
        least++;
    for (int i = 0; limit && (finding = bal_audit_finding_at(audit, i)); i++)
        if ((int)finding->severity >= least && at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s (%s)", at ? ", " : "",
                                   finding->rule->name, bal_severity_name(finding->severity));
    return at ? cli_fail(c, BAL_BAD_DATA, "--fail-on %s: %s", limit, names) : BAL_OK;
}

static bal_status run_audit(cli *c)
{
    bal_dataset *data = NULL;
    bal_audit *audit = NULL;
    run_features features = {0};
    bal_audit_settings *s = &c->settings.audit;
    c->settings.dataset.mixed_sizes = true;
    s->seed = c->settings.dataset.seed;
    s->progress = show_progress;
    s->progress_user = c;
    bal_status status = bal_dataset_open(&data, c->ctx, c->args[0], &c->settings.dataset);
    if (status == BAL_OK && c->settings.audit_extra.features)
        status = open_features(c, &features, data);
    if (status == BAL_OK) {
        cli_catch_interrupt(c->ctx);
        status = bal_audit_open(&audit, c->ctx, data, s);
        cli_catch_interrupt(NULL);
    }
    cli_bar_clear(c);
    if (status == BAL_OK)
        status = put_audit(c, audit);
    if (status == BAL_OK)
        status = judge(c, audit);
    bal_audit_close(&audit);
    bal_dataset_close(&features.data);
    bal_model_close(&features.model);
    bal_dataset_close(&data);
    return status;
}

/* ---- tables ---- */

#define EXTRA(f) offsetof(cli_audit, f)
static const bal_option *extra_rows(void)
{
    static const bal_option rows[] = {
        {"features", BAL_OPTION_TEXT, EXTRA(features), 0, 0, "RUN", NULL,
         "measure the difficulty on what this run's network sees, instead of on pixels"},
        {"fail-on", BAL_OPTION_CHOICE, EXTRA(fail_on), 0, 0, NULL, "mild|serious|severe",
         "exit with 3 when something this bad or worse is found, after printing"},
        {"ascii", BAL_OPTION_FLAG, EXTRA(ascii), 0, 0, NULL, NULL,
         "bars of # (also where the locale is not UTF-8)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group audit_groups[] = {
    {"audit", bal_audit_options, offsetof(cli_settings, audit), CLI_ONCE},
    {"what for", extra_rows, offsetof(cli_settings, audit_extra), CLI_ONCE},
    {"data", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {"draws", cli_dataset_seed_rows, offsetof(cli_settings, dataset), CLI_ONCE},
    {"network, with --features", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_audit = {
    .name = "audit",
    .usage = "DATA [options]",
    .about = "what is wrong with a data set, and what to do about it",
    .text =
        "Every image is decoded once. *Extent* is about counts: how unequal the classes are, and\n"
        "which have too few images for their recall to be measured. *Cleanliness* is about the\n"
        "images: exact and near copies within and across splits and labels, unreadable, blank and\n"
        "odd ones. *Difficulty* is about the classes: how they overlap, on pixels or on the\n"
        "features of a run. *Advice* is a recipe, a network and the command to run, with reasons.\n"
        "The figures are explained in docs/methods/audit.md.\n\n"
        "A finding is mild (worth knowing), serious (training or its numbers suffer) or severe\n"
        "(numbers would be wrong, or classes not learned). The text lists the first of "
        "everything,\n"
        "`--json` all. Images that cannot be read are a finding here, not an error.",
    .run = run_audit,
    .groups = audit_groups,
    .arguments = (const cli_argument[]){{"DATA", "a path, or a name of `ballast data list`"}, {0}},
    .least = 1,
    .most = 1,
    .examples =
        (const cli_example[]){
            {"ballast audit tiny", "before anything else"},
            {"ballast audit fashion-mnist --longtail exp:100 --max-items 2000 \\\n"
             "    --json audit.json",
             "a long tail, the difficulty on a sample, all lists in a file"},
            {"ballast audit tiny --parts extent,cleanliness --fail-on severe; echo \"exit code "
             "$?\"",
             "in a pipeline: stop before training on broken data"},
            {0}},
};
