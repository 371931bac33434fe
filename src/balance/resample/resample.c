/* The plan: opened by a method, held as origins, and asked for rows. */
#include "balance/resample/resampling.h"

#include "numeric/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* ---- what methods call ---- */

bal_status bal_resampled_keep(bal_resampled *r, const int64_t *rows, int64_t count)
{
    int64_t *copy = bal_calloc(r->ctx, (size_t)count, sizeof *copy);
    if (!copy)
        return BAL_NO_MEMORY;
    if (count)
        memcpy(copy, rows, (size_t)count * sizeof *copy);
    bal_free(r->ctx, r->kept);
    r->kept = copy;
    r->kept_count = count;
    return BAL_OK;
}

bal_status bal_resampled_keep_all(bal_resampled *r)
{
    int64_t *all = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *all);
    if (!all)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < r->data.rows; i++)
        all[i] = i;
    bal_free(r->ctx, r->kept);
    r->kept = all;
    r->kept_count = r->data.rows;
    return BAL_OK;
}

/* The most new rows of a plan: their keys have 32 bits. */
#define MADE_LIMIT ((int64_t)UINT32_MAX)

bal_status bal_resampled_make(bal_resampled *r, int64_t count, bal_synthetic **out)
{
    *out = NULL;
    if (count > MADE_LIMIT - r->made_count)
        return bal_fail(r->ctx, BAL_BAD_ARG, "%" PRId64 " new rows, at most %" PRId64, count,
                        MADE_LIMIT);
    const int64_t wanted = r->made_count + count;
    if (wanted > r->made_room || !r->made) {
        bal_synthetic *grown =
            bal_resize(r->ctx, r->made, (size_t)r->made_count, (size_t)wanted, sizeof *grown);
        if (!grown)
            return BAL_NO_MEMORY;
        r->made = grown;
        r->made_room = wanted;
    }
    *out = r->made + r->made_count;
    r->made_count = wanted;
    return BAL_OK;
}

bal_random bal_resample_random(const bal_resampled *r, uint32_t purpose, int c, uint64_t item)
{
    const uint64_t place = (uint64_t)purpose << 32 | (uint32_t)r->classes.labels[c];
    return bal_random_at(r->settings.seed, BAL_STREAM_RESAMPLE, place, item);
}

bal_status bal_resample_step(const bal_resampled *r, const char *what, int64_t done, int64_t of)
{
    if (r->settings.progress)
        r->settings.progress(r->settings.progress_user, what, done, of);
    if (bal_take_interrupt(r->ctx))
        return bal_fail(r->ctx, BAL_INTERRUPTED, "resampling was interrupted");
    return BAL_OK;
}

/* ---- opening ---- */

static bal_status check_sizes(bal_ctx *ctx, const bal_resample_data *d)
{
    if (d->rows < 1 || d->columns < 1)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%" PRId64 " rows of %" PRId64 " columns: at least 1 "
                        "of each is needed",
                        d->rows, d->columns);
    if (d->rows > INT64_MAX / (int64_t)sizeof(float) / d->columns)
        return bal_fail(ctx, BAL_BAD_ARG, "%" PRId64 " rows of %" PRId64 " columns overflow",
                        d->rows, d->columns);
    return BAL_OK;
}

enum { CHECKED_AT_ONCE = 1 << 16 }; /* values */

typedef struct finite_check {
    const float *values;
    int64_t count;
    atomic_int_fast64_t bad; /* the first value that is not finite, or count */
} finite_check;

static void check_part(void *user, int64_t part, int worker)
{
    (void)worker;
    finite_check *check = user;
    const int64_t first = part * CHECKED_AT_ONCE;
    const int64_t end =
        check->count - first < CHECKED_AT_ONCE ? check->count : first + CHECKED_AT_ONCE;
    if (isfinite(bal_largest_magnitude(check->values + first, end - first)))
        return;
    int64_t at = first;
    while (isfinite(check->values[at]))
        at++;
    int_fast64_t seen = atomic_load(&check->bad);
    while (at < seen && !atomic_compare_exchange_weak(&check->bad, &seen, at)) {
    }
}

static bal_status check_values(const bal_resampled *r)
{
    const bal_resample_data *d = &r->data;
    finite_check check = {.values = d->values, .count = d->rows * d->columns};
    atomic_init(&check.bad, check.count);
    bal_pool_run(r->pool, (check.count - 1) / CHECKED_AT_ONCE + 1, check_part, &check);
    const int64_t bad = atomic_load(&check.bad);
    if (bad == check.count)
        return BAL_OK;
    return bal_fail(r->ctx, BAL_BAD_DATA,
                    "row %" PRId64 ", column %" PRId64 " is %g; finite values are needed",
                    bad / d->columns, bad % d->columns, (double)d->values[bad]);
}

static bal_status check_classes(const bal_resampled *r)
{
    if (r->classes.count < 2)
        return bal_fail(r->ctx, BAL_BAD_DATA,
                        "all rows are of class %d; resampling wants at least two classes",
                        (int)r->classes.labels[0]);
    return BAL_OK;
}

/* What is asked for must fit into an array, whatever the method makes of it. */
static bal_status check_growth(const bal_resampled *r)
{
    if (r->method->info.kind != BAL_RESAMPLE_OVER && r->method->info.kind != BAL_RESAMPLE_COMBINED)
        return BAL_OK;
    int64_t made = 0;
    const int64_t limit = INT64_MAX / (int64_t)sizeof(float) / r->data.columns - r->data.rows;
    for (int c = 0; c < r->classes.count; c++) {
        const int64_t count = r->target[c].count;
        if (count > MADE_LIMIT - made || count > limit - made)
            return bal_fail(r->ctx, BAL_BAD_ARG,
                            "class %d: %" PRId64 " new rows are asked for, at most %" PRId64
                            " are possible in all",
                            (int)r->classes.labels[c], count,
                            limit < MADE_LIMIT ? limit : MADE_LIMIT);
        made += count;
    }
    return BAL_OK;
}

static void count_output(bal_resampled *r)
{
    for (int64_t i = 0; i < r->kept_count; i++)
        r->after[r->classes.of_row[r->kept[i]]]++;
    for (int64_t i = 0; i < r->made_count; i++)
        r->after[r->made[i].class_number]++;
}

static bal_status plan(bal_resampled *r, const bal_resample_settings *settings)
{
    r->settings = *settings;
    BAL_TRY(bal_resample_check(r->ctx, &r->settings, &r->method));
    r->cosine = strcmp(r->settings.distance, "cosine") == 0;
    BAL_TRY(check_sizes(r->ctx, &r->data));
    BAL_TRY(bal_pool_open(&r->pool, r->ctx, bal_ctx_threads(r->ctx)));
    BAL_TRY(check_values(r));
    BAL_TRY(bal_class_rows_open(&r->classes, r->ctx, r->data.labels, r->data.rows));
    BAL_TRY(check_classes(r));
    r->target = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *r->target);
    r->after = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *r->after);
    if (!r->target || !r->after)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_strategy_read(r->ctx, r->settings.strategy, r->method->info.kind, &r->classes,
                              r->target));
    BAL_TRY(check_growth(r));
    BAL_TRY(r->method->plan(r));
    count_output(r);
    r->settings.method = r->method->info.name;
    r->settings.strategy = r->settings.distance = r->settings.categorical =
        NULL; /* the caller's texts */
    return BAL_OK;
}

bal_status bal_resample_open(bal_resampled **out, bal_ctx *ctx, const bal_resample_data *data,
                             const bal_resample_settings *settings)
{
    *out = NULL;
    bal_resampled *r = bal_calloc(ctx, 1, sizeof *r);
    if (!r)
        return BAL_NO_MEMORY;
    r->ctx = ctx;
    r->data = *data;
    const bal_status status = plan(r, settings);
    if (status != BAL_OK)
        bal_resampled_close(&r);
    *out = r;
    return status;
}

void bal_resampled_close(bal_resampled **resampled)
{
    if (!resampled || !*resampled)
        return;
    bal_resampled *r = *resampled;
    if (r->state && r->method->release)
        r->method->release(r);
    bal_pool_close(&r->pool);
    bal_class_rows_close(&r->classes, r->ctx);
    bal_free(r->ctx, r->target);
    bal_free(r->ctx, r->after);
    bal_free(r->ctx, r->kept);
    bal_free(r->ctx, r->made);
    bal_free(r->ctx, r);
    *resampled = NULL;
}

/* ---- asking ---- */

int64_t bal_resampled_count(const bal_resampled *resampled)
{
    return resampled->kept_count + resampled->made_count;
}

int64_t bal_resampled_kept(const bal_resampled *resampled)
{
    return resampled->kept_count;
}

int bal_resampled_classes(const bal_resampled *resampled)
{
    return resampled->classes.count;
}

bal_resampled_class bal_resampled_class_at(const bal_resampled *resampled, int i)
{
    return (bal_resampled_class){resampled->classes.labels[i],
                                 bal_class_rows_in(&resampled->classes, i), resampled->after[i]};
}
