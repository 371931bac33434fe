/* Sums over the items of a class, also under the bootstrap's weights. The items come in waves: the
 * threads fill a buffer of rows [weights | z, mask, CE, ... | 1, needed, norm], and one product of
 * its two halves adds the wave to all sums at once. The waves and the parts of the product do not
 * depend on the number of threads. */
#include "explain/explain_parts.h"

#include "base/random.h"
#include "numeric/blas.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 32,       /* rows that a thread fills at a time */
    DRAWS = 32,       /* draws that a thread adds at a time */
    BUFFER = 1 << 21, /* numbers of the buffer of a wave, about */
    MOST_ROWS = 4096  /* of a wave */
};

/* What one thread has for itself. */
typedef struct thread_space {
    double *raw;      /* dim */
    int32_t *indices; /* dim */
    double *low, *high;
    int64_t *holds;
} thread_space;

struct bal_sums_space {
    bal_explain *e;
    int draws, segments, threads;
    int64_t rows;   /* of a wave */
    size_t weights; /* 1 + draws */
    size_t stride;  /* of a row of the buffer */
    double *buffer;
    double *doubles; /* of all threads */
    thread_space *thread;
    /* the wave */
    const bal_sums_ask *ask;
    bal_class_sums *sums;
    int group;
    int64_t first, count;
};

/* ---- opening ---- */

static int segments_of(const bal_explain *e)
{
    return !e->weight ? 1 : e->s.head.cosine ? 4 : 3;
}

static bool open_thread(bal_sums_space *s, thread_space *t)
{
    bal_ctx *ctx = s->e->ctx;
    const size_t dim = (size_t)s->e->dim;
    t->raw = bal_calloc(ctx, dim, sizeof *t->raw);
    t->indices = bal_calloc(ctx, dim, sizeof *t->indices);
    t->low = bal_calloc(ctx, dim, sizeof *t->low);
    t->high = bal_calloc(ctx, dim, sizeof *t->high);
    t->holds = bal_calloc(ctx, dim, sizeof *t->holds);
    return t->raw && t->indices && t->low && t->high && t->holds;
}

bal_status bal_sums_space_open(bal_sums_space **out, bal_explain *e, int draws)
{
    *out = NULL;
    bal_sums_space *s = bal_calloc(e->ctx, 1, sizeof *s);
    if (!s)
        return BAL_NO_MEMORY;
    s->e = e;
    s->draws = draws;
    s->segments = segments_of(e);
    s->weights = 1 + (size_t)draws;
    s->stride = s->weights + (size_t)s->segments * (size_t)e->dim + BAL_SUMS;
    s->rows = (int64_t)((size_t)BUFFER / s->stride);
    s->rows = s->rows > MOST_ROWS ? MOST_ROWS : s->rows < BLOCK ? BLOCK : s->rows / BLOCK * BLOCK;
    s->buffer = bal_calloc(e->ctx, (size_t)s->rows, s->stride * sizeof *s->buffer);
    s->thread = bal_calloc(e->ctx, (size_t)bal_pool_threads(e->pool), sizeof *s->thread);
    bool enough = s->buffer && s->thread;
    for (int i = 0; enough && i < bal_pool_threads(e->pool); i++, s->threads++)
        enough = open_thread(s, &s->thread[i]);
    if (enough)
        *out = s;
    else
        bal_sums_space_close(&s);
    return enough ? BAL_OK : BAL_NO_MEMORY;
}

void bal_sums_space_close(bal_sums_space **space)
{
    if (!space || !*space)
        return;
    bal_sums_space *s = *space;
    bal_ctx *ctx = s->e->ctx;
    for (int i = 0; s->thread && i < bal_pool_threads(s->e->pool); i++) {
        bal_free(ctx, s->thread[i].raw);
        bal_free(ctx, s->thread[i].indices);
        bal_free(ctx, s->thread[i].low);
        bal_free(ctx, s->thread[i].high);
        bal_free(ctx, s->thread[i].holds);
    }
    bal_free(ctx, s->thread);
    bal_free(ctx, s->buffer);
    bal_free(ctx, s);
    *space = NULL;
}

bal_status bal_class_sums_open(bal_class_sums *out, const bal_explain *e, int draws)
{
    *out = (bal_class_sums){.dim = e->dim, .segments = segments_of(e), .draws = draws};
    const size_t dim = (size_t)e->dim;
    bool enough = true;
    for (int g = 0; g < BAL_GROUPS; g++) {
        out->rows[g] = bal_calloc(e->ctx, 1 + (size_t)draws, bal_sums_stride(out) * sizeof(double));
        enough = enough && out->rows[g];
    }
    out->low = bal_calloc(e->ctx, dim, sizeof *out->low);
    out->high = bal_calloc(e->ctx, dim, sizeof *out->high);
    out->holds = bal_calloc(e->ctx, dim, sizeof *out->holds);
    return enough && out->low && out->high && out->holds ? BAL_OK : BAL_NO_MEMORY;
}

void bal_class_sums_close(bal_ctx *ctx, bal_class_sums *sums)
{
    for (int g = 0; g < BAL_GROUPS; g++)
        bal_free(ctx, sums->rows[g]);
    bal_free(ctx, sums->low);
    bal_free(ctx, sums->high);
    bal_free(ctx, sums->holds);
    *sums = (bal_class_sums){0};
}

/* ---- one item ---- */

/* Poisson weights of mean 1 from 16 bits each: the number of thresholds that the bits reach. */
static int poisson(unsigned bits)
{
    static const unsigned threshold[] = {24109, 48219, 60273, 64292, 65296, 65497, 65531, 65535};
    int weight = 0;
    while (weight < (int)BAL_COUNT_OF(threshold) && bits >= threshold[weight])
        weight++;
    return weight;
}

static void put_weights(const bal_sums_space *s, int64_t item, double *weights)
{
    weights[0] = 1.0;
    bal_random r =
        bal_random_at(s->e->s.seed, BAL_STREAM_EXPLAIN, (uint64_t)s->ask->side, (uint64_t)item);
    uint64_t bits = 0;
    for (int b = 0; b < s->draws; b++, bits >>= 16) {
        if (b % 4 == 0)
            bits = bal_random_u64(&r);
        weights[1 + b] = poisson((unsigned)(bits & 0xffff));
    }
}

static void note_range(const bal_sums_space *s, thread_space *t)
{
    const int dim = s->e->dim;
    for (int k = 0; k < dim; k++) {
        t->low[k] = t->raw[k] < t->low[k] ? t->raw[k] : t->low[k];
        t->high[k] = t->raw[k] > t->high[k] ? t->raw[k] : t->high[k];
    }
    if (!s->ask->first_time)
        return;
    bal_explain_largest(t->raw, dim, s->e->own_top, t->indices);
    for (int k = 0; k < s->e->own_top; k++)
        t->holds[t->indices[k]]++;
}

/* CE and mask; returns how many features are needed. */
static int put_needs(const bal_sums_space *s, thread_space *t, int64_t item, double *z)
{
    const bal_explain *e = s->e;
    const bal_side_work *w = &e->side[s->ask->side];
    const size_t dim = (size_t)e->dim;
    const int32_t p = w->predictions[item];
    double *mask = z + dim, *ce = z + 2 * dim;
    const double *weight = e->weight + (size_t)p * dim;
    for (size_t k = 0; k < dim; k++)
        ce[k] = z[k] * weight[k];
    const int needed = bal_explain_needed(&(bal_needed_ask){.ce = ce,
                                                            .dim = e->dim,
                                                            .bias = e->bias[p],
                                                            .runner_up = w->runner_up[item],
                                                            .won = !w->in.predictions,
                                                            .indices = t->indices});
    memset(mask, 0, dim * sizeof *mask);
    for (int k = 0; k < needed; k++)
        mask[t->indices[k]] = 1.0;
    for (size_t k = 0; s->group == BAL_GROUP_RIGHT && k < dim; k++)
        ce[k] *= mask[k];
    return needed;
}

static void put_item(const bal_sums_space *s, thread_space *t, int64_t item, double *row)
{
    const bal_explain *e = s->e;
    const bal_side_work *w = &e->side[s->ask->side];
    const size_t dim = (size_t)e->dim;
    const float *from = w->in.features + item * e->dim;
    const double scale = bal_explain_scale(e, w->norms[item]);
    double *z = row + s->weights, *sums = row + s->stride - BAL_SUMS;
    put_weights(s, item, row);
    for (size_t k = 0; k < dim; k++) {
        t->raw[k] = (double)from[k];
        z[k] = t->raw[k] * scale;
    }
    note_range(s, t);
    int needed = 0;
    if (e->weight)
        needed = put_needs(s, t, item, z);
    if (s->segments == 4)
        memcpy(z + BAL_SEGMENT_RAW * dim, t->raw, dim * sizeof *z);
    if (e->weight && s->ask->first_time)
        w->needed[item] = needed;
    sums[BAL_SUM_WEIGHT] = 1.0;
    sums[BAL_SUM_NEEDED] = needed;
    sums[BAL_SUM_NORM] = w->norms[item];
}

/* ---- waves ---- */

static void fill_block(void *user, int64_t block, int worker)
{
    const bal_sums_space *s = user;
    const int64_t end = (block + 1) * BLOCK < s->count ? (block + 1) * BLOCK : s->count;
    for (int64_t i = block * BLOCK; i < end; i++)
        put_item(s, &s->thread[worker], s->ask->items[s->group][s->first + i],
                 s->buffer + (size_t)i * s->stride);
}

static void add_draws(void *user, int64_t part, int worker)
{
    const bal_sums_space *s = user;
    const size_t start = (size_t)part * DRAWS,
                 count = s->weights - start < DRAWS ? s->weights - start : DRAWS,
                 columns = s->stride - s->weights;
    (void)worker;
    bal_add_products(&(bal_double_sums){.rows = s->count,
                                        .columns = (int64_t)count,
                                        .others = (int64_t)columns,
                                        .inner_stride = (int64_t)s->stride,
                                        .a = s->buffer + start,
                                        .b = s->buffer + s->weights,
                                        .out = s->sums->rows[s->group] + start * columns,
                                        .stride = (int64_t)columns});
}

static void begin(bal_sums_space *s, bal_class_sums *sums)
{
    const size_t dim = (size_t)s->e->dim;
    for (int g = 0; g < BAL_GROUPS; g++) {
        sums->count[g] = s->ask->count[g];
        memset(sums->rows[g], 0, s->weights * bal_sums_stride(sums) * sizeof(double));
    }
    for (int i = 0; i < s->threads; i++) {
        thread_space *t = &s->thread[i];
        memset(t->holds, 0, dim * sizeof *t->holds);
        for (size_t k = 0; k < dim; k++) {
            t->low[k] = INFINITY;
            t->high[k] = -INFINITY;
        }
    }
}

/* Least, largest and counts are the same in whatever order the threads met them. */
static void finish(const bal_sums_space *s, bal_class_sums *sums)
{
    const size_t dim = (size_t)s->e->dim;
    const bool none = sums->count[0] + sums->count[1] == 0;
    for (size_t k = 0; k < dim; k++) {
        double low = INFINITY, high = -INFINITY;
        sums->holds[k] = 0;
        for (int i = 0; i < s->threads; i++) {
            const thread_space *t = &s->thread[i];
            low = t->low[k] < low ? t->low[k] : low;
            high = t->high[k] > high ? t->high[k] : high;
            sums->holds[k] += t->holds[k];
        }
        sums->low[k] = none ? NAN : low;
        sums->high[k] = none ? NAN : high;
    }
}

bal_status bal_class_sums_add(bal_sums_space *s, const bal_sums_ask *ask, bal_class_sums *sums)
{
    s->ask = ask;
    s->sums = sums;
    begin(s, sums);
    for (s->group = 0; s->group < BAL_GROUPS; s->group++)
        for (s->first = 0; s->first < ask->count[s->group]; s->first += s->rows) {
            const int64_t left = ask->count[s->group] - s->first;
            BAL_TRY(bal_explain_stopped(s->e));
            s->count = left < s->rows ? left : s->rows;
            bal_pool_run(s->e->pool, (s->count + BLOCK - 1) / BLOCK, fill_block, s);
            bal_blas_pool_run(s->e->pool, ((int64_t)s->weights + DRAWS - 1) / DRAWS, add_draws, s);
        }
    finish(s, sums);
    return BAL_OK;
}
