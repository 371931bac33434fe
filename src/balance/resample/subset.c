/* Balanced subsets of rows, one for each member of an ensemble. */
#include "balance/resample/resampling.h"

#include <stdlib.h>
#include <string.h>

enum { DRAW_BOOTSTRAP, DRAW_ORDER, DRAW_MEMBER };

typedef struct subset {
    bal_ctx *ctx;
    const bal_subset_settings *s;
    uint64_t member;
    int64_t *rows;   /* the sample that classes are drawn from */
    int32_t *labels; /* their labels */
    int64_t count;
    bal_class_rows classes;
    bal_resample_target *target;
} subset;

bal_subset_settings bal_subset_defaults(void)
{
    return (bal_subset_settings){.kind = "easy-ensemble", .strategy = "auto", .seed = 1};
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bal_random draws(const subset *u, uint64_t purpose, uint64_t item)
{
    return bal_random_at(u->s->seed, BAL_STREAM_SUBSET, u->member, purpose << 40 | item);
}

/* All rows, or as many drawn with replacement. */
static void take_sample(subset *u, const int32_t *labels, bool bootstrap)
{
    bal_random random = draws(u, DRAW_BOOTSTRAP, 0);
    for (int64_t i = 0; i < u->count; i++) {
        u->rows[i] = bootstrap ? (int64_t)bal_random_below(&random, (uint64_t)u->count) : i;
        u->labels[i] = labels[u->rows[i]];
    }
}

static int64_t draw_class(const subset *u, int c, int64_t *out)
{
    const int64_t n = bal_class_rows_in(&u->classes, c);
    const int64_t *members = u->classes.members + u->classes.first[c];
    const int64_t wanted = u->target[c].chosen ? u->target[c].count : n;
    for (int64_t i = 0; i < n; i++)
        out[i] = u->rows[members[i]];
    if (u->target[c].chosen && u->s->replacement) {
        bal_random random = draws(u, DRAW_MEMBER, (uint64_t)c);
        for (int64_t i = 0; i < wanted; i++)
            out[i] = u->rows[members[bal_random_below(&random, (uint64_t)n)]];
    } else if (u->target[c].chosen) {
        bal_random random = draws(u, DRAW_ORDER, (uint64_t)c);
        bal_random_shuffle(&random, out, n);
    }
    return wanted;
}

static bal_status draw(subset *u, int64_t *out, int64_t *count)
{
    int64_t *held = bal_calloc(u->ctx, (size_t)u->count, sizeof *held);
    if (!held)
        return BAL_NO_MEMORY;
    *count = 0;
    for (int c = 0; c < u->classes.count; c++) {
        const int64_t taken = draw_class(u, c, held);
        memcpy(out + *count, held, (size_t)taken * sizeof *out);
        *count += taken;
    }
    qsort(out, (size_t)*count, sizeof *out, by_number);
    bal_free(u->ctx, held);
    return BAL_OK;
}

static bal_status check(bal_ctx *ctx, const bal_subset_settings *s, int64_t rows, int member)
{
    if (!s->kind || (strcmp(s->kind, "easy-ensemble") && strcmp(s->kind, "balanced-bagging")))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "kind is \"%s\", must be easy-ensemble or balanced-bagging",
                        s->kind ? s->kind : "");
    if (rows < 1 || member < 0)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "member %d of %lld rows: at least 0, and at least 1 row expected", member,
                        (long long)rows);
    return BAL_OK;
}

bal_status bal_resample_subset(bal_ctx *ctx, const int32_t *labels, int64_t rows,
                               const bal_subset_settings *settings, int member, int64_t *out,
                               int64_t *count)
{
    BAL_TRY(check(ctx, settings, rows, member));
    subset u = {.ctx = ctx, .s = settings, .member = (uint64_t)member, .count = rows};
    bal_status status = BAL_NO_MEMORY;
    u.rows = bal_calloc(ctx, (size_t)rows, sizeof *u.rows);
    u.labels = bal_calloc(ctx, (size_t)rows, sizeof *u.labels);
    if (!u.rows || !u.labels)
        goto fail;
    take_sample(&u, labels, strcmp(settings->kind, "balanced-bagging") == 0);
    BAL_GOTO(bal_class_rows_open(&u.classes, ctx, u.labels, rows));
    u.target = bal_calloc(ctx, (size_t)u.classes.count, sizeof *u.target);
    status = u.target ? bal_strategy_read(ctx, settings->strategy, BAL_RESAMPLE_UNDER, &u.classes,
                                          u.target)
                      : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = draw(&u, out, count);
fail:
    bal_class_rows_close(&u.classes, ctx);
    bal_free(ctx, u.target);
    bal_free(ctx, u.rows);
    bal_free(ctx, u.labels);
    return status;
}
