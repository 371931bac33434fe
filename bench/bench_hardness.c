/* Time of each part of the difficulty on random clouds, one a class, of falling sizes:
 * bench_hardness ROWS COLUMNS CLASSES [THREADS]. Prints one line of JSON. */
#include "ballast/hardness.h"

#include "base/clock.h"
#include "base/context.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PARTS_MOST = 8 };

/* When each part first said something. */
typedef struct parts {
    const char *name[PARTS_MOST];
    double start[PARTS_MOST + 1];
    int count;
} parts;

static void tell(void *user, const char *what, int64_t done, int64_t total)
{
    parts *p = user;
    (void)done;
    (void)total;
    if (p->count > 0 && strcmp(p->name[p->count - 1], what) == 0)
        return;
    if (p->count < PARTS_MOST) {
        p->name[p->count] = what;
        p->start[p->count++] = bal_clock();
    }
}

/* Class c has about 0.6 of the rows of class c - 1. */
static void make_rows(float *rows, int32_t *labels, const bal_hardness_settings *s)
{
    bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    for (int64_t i = 0; i < s->count; i++) {
        int c = 0;
        while (c < s->classes - 1 && bal_random_unit(&r) < 0.6)
            c++;
        labels[i] = c;
        for (int f = 0; f < s->dim; f++) {
            bal_random centre = bal_random_at(2, BAL_STREAM_TEST, (uint64_t)c, (uint64_t)f);
            rows[i * s->dim + f] =
                (float)(0.4 * bal_random_normal(&centre) + bal_random_normal(&r));
        }
    }
}

static bal_status measure(bal_ctx *ctx, bal_hardness_settings *s)
{
    parts p = {.count = 0};
    bal_hardness *h;
    s->progress = tell;
    s->progress_user = &p;
    const double begin = bal_clock();
    const clock_t work = clock(); /* of all threads: on a busy machine the better number */
    BAL_TRY(bal_hardness_open(&h, ctx, s));
    p.start[p.count] = bal_clock();
    const bal_audit_difficulty *d = bal_hardness_get(h);
    printf("{\"rows\": %lld, \"columns\": %d, \"classes\": %d, \"threads\": %d",
           (long long)s->count, s->dim, s->classes, bal_ctx_threads(ctx));
    for (int i = 0; i < p.count; i++)
        printf(", \"%s_s\": %.3f", p.name[i], p.start[i + 1] - p.start[i]);
    printf(", \"seconds\": %.3f, \"cpu_seconds\": %.3f", p.start[p.count] - begin,
           (double)(clock() - work) / CLOCKS_PER_SEC);
    printf(", \"kdn\": %.4f, \"n1\": %.4f, \"n3\": %.4f, \"silhouette\": %.4f}\n", d->kdn, d->n1,
           d->n3, d->silhouette);
    bal_hardness_close(&h);
    return BAL_OK;
}

int main(int count, char **words)
{
    if (count < 4) {
        fprintf(stderr, "usage: bench_hardness ROWS COLUMNS CLASSES [THREADS]\n");
        return 2;
    }
    const bal_ctx_settings settings = {.threads = count > 4 ? atoi(words[4]) : 0};
    bal_hardness_settings s = bal_hardness_defaults();
    s.count = atoll(words[1]);
    s.dim = atoi(words[2]);
    s.classes = atoi(words[3]);
    bal_ctx *ctx;
    if (s.count < 1 || s.dim < 1 || s.classes < 1 || bal_ctx_open(&ctx, &settings) != BAL_OK)
        return 2;
    float *rows = bal_calloc(ctx, (size_t)s.count, (size_t)s.dim * sizeof *rows);
    int32_t *labels = bal_calloc(ctx, (size_t)s.count, sizeof *labels);
    bal_status status = rows && labels ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        make_rows(rows, labels, &s);
        s.rows = rows;
        s.labels = labels;
        status = measure(ctx, &s);
    }
    if (status != BAL_OK)
        fprintf(stderr, "%s\n", bal_error(ctx));
    bal_free(ctx, rows);
    bal_free(ctx, labels);
    bal_ctx_close(&ctx);
    return bal_status_exit_code(status);
}
