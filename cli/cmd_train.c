/* ballast train. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what happens while it runs ---- */

static void on_progress(void *user, const bal_progress *progress)
{
    cli *c = user;
    if (cli_has_bar(c))
        cli_bar(c, progress);
}

static void number(char *out, size_t size, double value)
{
    if (isnan(value))
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, "%.3f", value);
}

static void on_epoch(void *user, const bal_epoch_report *r)
{
    cli *c = user;
    char loss[32], balanced[32], text[96] = "";
    number(loss, sizeof loss, r->val_loss);
    number(balanced, sizeof balanced, r->val_balanced_accuracy);
    if (!isnan(r->val_loss))
        snprintf(text, sizeof text, "  val %s  balanced accuracy %s%s", loss, balanced,
                 r->best ? " best" : "");
    if (isnan(r->train_loss)) /* a stage that only acts */
        cli_say(c, "epoch %d/%d  nothing trained%s", r->epoch, r->epochs, text);
    else
        cli_say(c, "epoch %d/%d  loss %.3f%s  %.0f images/s", r->epoch, r->epochs, r->train_loss,
                text, r->images_per_second);
    if (!c->settings.global.verbose)
        return;
    cli_say(c, "    lr %.4g, training accuracy %.3f, %s", r->lr, r->train_accuracy,
            cli_duration(r->seconds, text, sizeof text));
    for (int i = 0; i < r->classes; i++) {
        number(loss, sizeof loss, r->val_class_loss ? r->val_class_loss[i] : NAN);
        number(balanced, sizeof balanced, r->val_class_recall ? r->val_class_recall[i] : NAN);
        cli_say(c, "    class %d: val loss %s recall %s", i, loss, balanced);
    }
}

/* ---- dry run ---- */

static bal_status dry_text(cli *c, const bal_dataset *data, const bal_train_plan *plan,
                           const int64_t *counts)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    char text[64];
    bal_table *t;
    bal_status status = bal_table_open(&t, c->ctx, 2, "lr");
    if (status != BAL_OK)
        return status;
    bal_table_cell(t, "class");
    bal_table_cell(t, "train");
    bal_table_rule(t);
    for (int i = 0; i < info.classes; i++) {
        bal_table_cell(t, "%s", bal_dataset_class_name(data, i));
        bal_table_cell(t, "%s", cli_thousands(counts[i], text, sizeof text));
    }
    bal_table_rule(t);
    bal_table_cell(t, "parameters");
    bal_table_cell(t, "%s", cli_thousands(plan->parameters, text, sizeof text));
    bal_table_cell(t, "MFLOPs an image, forward");
    bal_table_cell(t, "%.1f", plan->flops_per_image / 1e6);
    bal_table_cell(t, "epochs");
    bal_table_cell(t, "%d", plan->epochs);
    bal_table_cell(t, "steps an epoch, batch %d", plan->batch_size);
    bal_table_cell(t, "%s", cli_thousands(plan->steps_per_epoch, text, sizeof text));
    if (plan->passes > 1) {
        bal_table_cell(t, "passes a step%s", plan->passes > 2 ? ", at most" : "");
        bal_table_cell(t, "%d", plan->passes);
    }
    bal_table_cell(t, "TFLOPs in all");
    bal_table_cell(t, "%.2f", plan->flops_total / 1e12);
    bal_table_cell(t, "MiB for the network");
    bal_table_cell(t, "%.1f", (double)plan->memory_bytes / 1048576.0);
    bal_table_cell(t, "MiB for the images");
    bal_table_cell(t, "%.1f", (double)plan->data_bytes / 1048576.0);
    bal_table_cell(t, "estimated time");
    bal_table_cell(t, "%s", cli_duration(plan->seconds, text, sizeof text));
    return cli_put_table(c, &t);
}

static json_t *dry_json(const bal_dataset *data, const bal_train_plan *plan, const int64_t *counts)
{
    json_t *classes = json_array();
    for (int i = 0; i < bal_dataset_describe(data).classes; i++)
        json_array_append_new(classes, json_pack("{s:o, s:I}", "name",
                                                 cli_json_text(bal_dataset_class_name(data, i)),
                                                 "train", (json_int_t)counts[i]));
    return json_pack(
        "{s:o, s:I, s:o, s:o, s:I, s:I, s:o, s:i, s:i, s:I, s:i}", "classes", classes, "parameters",
        (json_int_t)plan->parameters, "flops_per_image", cli_json_real(plan->flops_per_image),
        "flops_total", cli_json_real(plan->flops_total), "memory_bytes",
        (json_int_t)plan->memory_bytes, "data_bytes", (json_int_t)plan->data_bytes, "seconds",
        cli_json_real(plan->seconds), "epochs", plan->epochs, "batch_size", plan->batch_size,
        "steps_per_epoch", (json_int_t)plan->steps_per_epoch, "passes", plan->passes);
}

static bal_status dry_run(cli *c, bal_trainer *trainer, const bal_dataset *data)
{
    bal_train_plan plan;
    int64_t *counts = cli_calloc(c, (size_t)bal_dataset_describe(data).classes, sizeof *counts);
    if (!counts)
        return BAL_NO_MEMORY;
    bal_dataset_counts(data, BAL_SPLIT_TRAIN, counts);
    bal_status status = bal_trainer_plan(trainer, true, &plan);
    if (status == BAL_OK && cli_wants_text(c))
        status = dry_text(c, data, &plan, counts);
    if (status == BAL_OK && cli_wants_json(c))
        status = cli_put_json(c, dry_json(data, &plan, counts));
    free(counts);
    return status;
}

/* ---- the result ---- */

/* e: NULL where there was no split to measure. */
static bal_status put_json(cli *c, const bal_train_result *result, const bal_evaluation *e,
                           bal_split split)
{
    json_t *evaluation = e ? cli_evaluation_json(c, e) : json_null();
    if (!evaluation)
        return BAL_NO_MEMORY;
    return cli_put_json(
        c, json_pack("{s:o, s:i, s:i, s:o, s:b, s:o, s:s?, s:o}", "run", cli_json_text(result->out),
                     "epochs", result->epochs, "best_epoch", result->best_epoch, "best_monitored",
                     cli_json_real(result->best_monitored), "stopped_early", result->stopped_early,
                     "seconds", cli_json_real(result->seconds), "split",
                     e ? bal_split_name(split) : NULL, "evaluation", evaluation));
}

static bal_status put_result(cli *c, const bal_train_result *result, const bal_evaluation *e,
                             const int64_t *train_counts, bal_split split)
{
    if (cli_wants_text(c) && e) {
        char *text;
        const bal_status status = bal_report_evaluation(e, train_counts, c->ctx, &text);
        if (status != BAL_OK)
            return status;
        printf("%s split, weights of epoch %d: ", bal_split_name(split), result->best_epoch);
        cli_put_text(c, text);
        putchar('\n');
    }
    if (cli_wants_text(c))
        printf("run folder: %s\n", result->out);
    return cli_wants_json(c) ? put_json(c, result, e, split) : BAL_OK;
}

static bal_status measure(cli *c, const bal_dataset *data, const bal_train_result *result)
{
    bal_model *model = NULL;
    bal_evaluation *evaluation = NULL;
    cli_scores scores = {0};
    bal_split split;
    const bal_dataset_info info = bal_dataset_describe(data);
    if (!info.items[BAL_SPLIT_TEST] && !info.items[BAL_SPLIT_VAL]) {
        cli_say(c, "there is neither a test nor a validation split to measure");
        return put_result(c, result, NULL, NULL, BAL_SPLIT_COUNT);
    }
    c->settings.source.engine = c->settings.train.engine;
    bal_status status = cli_split(c, data, NULL, &split);
    if (status == BAL_OK)
        c->settings.source.no_calibration = true; /* one from before is of other weights */
    status = cli_open_model(c, &model, result->out, data);
    if (status == BAL_OK)
        status = cli_run_split(c, model, data, split, &scores);
    if (status == BAL_OK)
        status = cli_evaluate(c, &evaluation, &scores, model, data);
    if (status == BAL_OK)
        status = put_result(c, result, evaluation, bal_model_train_counts(model), split);
    bal_evaluation_close(&evaluation);
    bal_model_close(&model);
    cli_scores_free(&scores);
    return status;
}

/* ---- the command ---- */

/* The key of KEY=VALUE, and where its value begins. */
static bal_status split_override(cli *c, const char *item, char *key, size_t size,
                                 const char **value)
{
    const char *equals = strchr(item, '=');
    if (!equals || equals == item || (size_t)(equals - item) >= size)
        return cli_fail(c, BAL_BAD_ARG, "--set wants KEY=VALUE, got \"%s\"", item);
    snprintf(key, size, "%.*s", (int)(equals - item), item);
    *value = equals + 1;
    return BAL_OK;
}

/* recipe NULL: only looks at the form. */
static bal_status override_recipe(cli *c, bal_recipe *recipe)
{
    const cli_list *set = &c->settings.train_extra.set;
    bal_status status = BAL_OK;
    for (int i = 0; i < set->count && status == BAL_OK; i++) {
        char key[256];
        const char *value = NULL;
        status = split_override(c, set->items[i], key, sizeof key, &value);
        if (status == BAL_OK && recipe)
            status = bal_recipe_set(recipe, key, value);
    }
    return status;
}

static void say_start(cli *c, const bal_dataset *data, const bal_recipe *recipe)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    const bal_train_settings *s = &c->settings.train;
    char n[3][32];
    cli_say(c, "%s: %s train, %s val, %s test; %s, recipe %s, %d thread%s", info.name,
            cli_thousands(info.items[BAL_SPLIT_TRAIN], n[0], sizeof n[0]),
            cli_thousands(info.items[BAL_SPLIT_VAL], n[1], sizeof n[1]),
            cli_thousands(info.items[BAL_SPLIT_TEST], n[2], sizeof n[2]), s->model,
            bal_recipe_name(recipe), bal_ctx_threads(c->ctx),
            bal_ctx_threads(c->ctx) == 1 ? "" : "s");
}

/* The library says where the state is; how to go on with this program is said here. */
static bal_status how_to_go_on(cli *c)
{
    return cli_fail(c, BAL_INTERRUPTED, "%s:\n  %s%s%s", bal_error(c->ctx), c->command_line,
                    c->settings.train.overwrite ? " --no-overwrite" : "",
                    c->settings.train.resume ? "" : " --resume");
}

static bal_status train(cli *c, bal_trainer *trainer, const bal_dataset *data,
                        const bal_recipe *recipe)
{
    const bal_train_callbacks callbacks = {on_epoch, on_progress, c};
    bal_train_result result;
    say_start(c, data, recipe);
    cli_catch_interrupt(c->ctx);
    const bal_status status = bal_trainer_run(trainer, c->command_line, &callbacks, &result);
    cli_catch_interrupt(NULL);
    cli_bar_clear(c);
    if (status != BAL_OK)
        return status == BAL_INTERRUPTED ? how_to_go_on(c) : status;
    char text[32], best[128] = "";
    if (!isnan(result.best_monitored))
        snprintf(best, sizeof best, ", best %s %.4f in epoch %d", c->settings.train.monitor,
                 result.best_monitored, result.best_epoch);
    cli_say(c, "%s after %d epoch%s in %s%s", result.stopped_early ? "stopped early" : "done",
            result.epochs, result.epochs == 1 ? "" : "s",
            cli_duration(result.seconds, text, sizeof text), best);
    return measure(c, data, &result);
}

/* A recipe that was named is looked at before the data, which may take long to open. */
static bal_status check_recipe(cli *c)
{
    bal_recipe *recipe;
    if (strcmp(c->settings.train.recipe, BAL_RECIPE_AUTO) == 0)
        return override_recipe(c, NULL);
    bal_status status = bal_recipe_open(&recipe, c->ctx, c->settings.train.recipe);
    if (status == BAL_OK)
        status = override_recipe(c, recipe);
    bal_recipe_close(&recipe);
    return status;
}

static bal_status run_train(cli *c)
{
    bal_dataset *data = NULL;
    bal_recipe *recipe = NULL;
    bal_trainer *trainer = NULL;
    c->settings.dataset.seed = c->settings.train.seed;
    bal_status status = check_recipe(c);
    if (status == BAL_OK)
        status = cli_open_data(c, &data, c->args[0], &c->settings.dataset);
    if (status == BAL_OK)
        status = bal_recipe_open_for(&recipe, c->ctx, c->settings.train.recipe, data);
    if (status == BAL_OK && bal_recipe_chosen(recipe))
        cli_say(c, "%s", bal_recipe_chosen(recipe));
    if (status == BAL_OK)
        status = override_recipe(c, recipe);
    if (status == BAL_OK)
        status = bal_trainer_open(&trainer, c->ctx, data, recipe, &c->settings.train);
    if (status == BAL_OK && c->settings.train_extra.dry_run)
        status = dry_run(c, trainer, data);
    else if (status == BAL_OK)
        status = train(c, trainer, data, recipe);
    bal_trainer_close(&trainer);
    bal_recipe_close(&recipe);
    bal_dataset_close(&data);
    return status;
}

static const bal_option *dry_rows(void)
{
    static const bal_option rows[] = {
        {"dry-run", BAL_OPTION_FLAG, offsetof(cli_train_extra, dry_run), 0, 0, NULL, NULL,
         "say what the run would cost, write nothing"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const bal_option *set_rows(void)
{
    static const bal_option rows[] = {
        {"set", BAL_OPTION_TEXT, offsetof(cli_train_extra, set), 0, 0, "KEY=VALUE", NULL,
         "override a field of the recipe, for instance optimizer.lr=0.05 or loss.gamma=1 (ballast "
         "methods recipe-keys); may be repeated"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group train_groups[] = {
    {"training", bal_train_options, offsetof(cli_settings, train), CLI_ONCE},
    {"recipe", set_rows, offsetof(cli_settings, train_extra), CLI_REPEATED},
    {"data", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {"costs", dry_rows, offsetof(cli_settings, train_extra), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

#define TAIL "ballast train fashion-mnist --longtail exp:100 --model lenet "

const cli_command cli_command_train = {
    .name = "train",
    .usage = "DATA [options]",
    .about = "train a network; writes a run folder",
    .text =
        "The best weights are those of the epoch that is best by `--eval-metric` on the\n"
        "validation split. The test split is read once, at the end, with these weights; the table\n"
        "that is printed then is what `ballast eval RUN` prints.\n\n"
        "The first Ctrl-C finishes the step, saves the state and says how to go on (exit code "
        "130);\n"
        "the second one kills. A run that was interrupted or killed goes on with the same command\n"
        "and `--resume`, and ends with the same weights as one that was not. A folder that holds "
        "a\n"
        "run is replaced only with `--overwrite`.\n\n"
        "Each epoch's line has the mean loss while it was trained, and of the validation split\n"
        "afterwards the mean loss (val) and the balanced accuracy; best marks the epoch whose\n"
        "weights are kept. `--verbose` adds the learning rate and every class.\n\n"
        "The run folder holds `recipe.yaml` (resolved), `command.txt`, `environment.json`,\n"
        "`split.csv` (the exact members), `skipped.csv` (what `--skip-bad` left out),\n"
        "`metrics.jsonl` (a line an epoch),\n"
        "`best.safetensors`, `last.safetensors`, the state to resume from and `summary.json`.\n\n"
        "Values are looked for on the command line, then in the environment (`BALLAST_EPOCHS` is\n"
        "`--epochs`), then in the recipe, then in the defaults.",
    .run = run_train,
    .groups = train_groups,
    .arguments = (const cli_argument[]){{"DATA", "a path, or a name of `ballast data list`"}, {0}},
    .least = 1,
    .most = 1,
    .examples =
        (const cli_example[]){
            {TAIL "--dry-run", "what it would cost, with the recipe that its imbalance calls for"},
            {TAIL "\\\n    --recipe ce --epochs 1 --output runs/ce",
             "cross-entropy on a long tail"},
            {TAIL
             "\\\n    --recipe balanced-softmax --epochs 1 --output runs/remedy --json remedy.json",
             "the same budget with a remedy, the result also as JSON"},
            {TAIL "\\\n    --recipe logit-adjusted --epochs 1 --output runs/adjusted --set "
                  "loss.tau=1.5 --set "
                  "optimizer.lr=0.05",
             "a recipe with two fields changed"},
            {0}},
};
