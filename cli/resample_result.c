/* What `ballast resample` says at the end. */
#include "resample_result.h"

#include <time.h>

double cli_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_resample_progress(void *user, const char *what, int64_t done, int64_t of)
{
    cli_bar_share(user, what, done, of);
}

static void class_cell(bal_table *table, const cli_resample_result *result, int32_t label)
{
    if (result->data)
        bal_table_cell(table, "%s", bal_dataset_class_name(result->data, label));
    else
        bal_table_cell(table, "%d", (int)label);
}

static bal_status put_text(cli *c, const cli_resample_result *result)
{
    char n[3][32];
    const bal_resampled *r = result->plan;
    const char *what = result->data ? "images" : "rows";
    const int64_t kept = bal_resampled_kept(r), made = bal_resampled_count(r) - kept;
    printf("%s: %s of %s %s kept, %s made\n\n", c->settings.images.resample.method,
           cli_thousands(kept, n[0], sizeof n[0]), cli_thousands(result->rows, n[1], sizeof n[1]),
           what, cli_thousands(made, n[2], sizeof n[2]));
    bal_table *table;
    const bal_status status = bal_table_open(&table, c->ctx, 3, result->data ? "lrr" : "rrr");
    if (status != BAL_OK)
        return status;
    bal_table_cell(table, "class");
    bal_table_cell(table, "before");
    bal_table_cell(table, "after");
    bal_table_rule(table);
    for (int i = 0; i < bal_resampled_classes(r); i++) {
        const bal_resampled_class k = bal_resampled_class_at(r, i);
        class_cell(table, result, k.label);
        bal_table_cell(table, "%lld", (long long)k.before);
        bal_table_cell(table, "%lld", (long long)k.after);
    }
    const bal_status put = cli_put_table(c, &table);
    if (result->error > 0.0)
        printf("\nautoencoder: mean squared error %.5f of the training images (pixels 0 to 1)\n",
               result->error);
    printf("\nplanned in %.2f s, written in %.2f s\n", result->planning, result->writing);
    return put;
}

static json_t *as_json(cli *c, const cli_resample_result *result)
{
    const bal_resampled *r = result->plan;
    const bal_resample_settings *s = &c->settings.images.resample;
    json_t *classes = json_array();
    for (int i = 0; i < bal_resampled_classes(r); i++) {
        const bal_resampled_class k = bal_resampled_class_at(r, i);
        json_t *row = json_pack("{s:i, s:I, s:I}", "label", (int)k.label, "before",
                                (json_int_t)k.before, "after", (json_int_t)k.after);
        if (result->data)
            json_object_set_new(row, "name",
                                cli_json_text(bal_dataset_class_name(result->data, k.label)));
        json_array_append_new(classes, row);
    }
    json_t *all = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "method",
                            s->method, "strategy", s->strategy, "seed", (json_int_t)s->seed, "rows",
                            (json_int_t)result->rows, "columns", (json_int_t)result->columns,
                            "kept", (json_int_t)bal_resampled_kept(r), "made",
                            (json_int_t)(bal_resampled_count(r) - bal_resampled_kept(r)),
                            "planning_seconds", cli_json_real(result->planning), "writing_seconds",
                            cli_json_real(result->writing), "classes", classes);
    if (result->error > 0.0)
        json_object_set_new(all, "autoencoder_error", cli_json_real(result->error));
    return all;
}

bal_status cli_resample_put(cli *c, const cli_resample_result *result)
{
    bal_status status = BAL_OK;
    if (cli_wants_text(c))
        status = put_text(c, result);
    if (status == BAL_OK && cli_wants_json(c))
        status = cli_put_json(c, as_json(c, result));
    return status;
}
