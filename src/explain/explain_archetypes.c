/* Whose neighbours the items are, within one side: archetypes, and the classes that the wrong ones
 * lie among. Again at the common size. */
#include "explain/explain_parts.h"

#include "numeric/neighbours/neighbours.h"
#include "numeric/statistics/stratify.h"

#include <math.h>
#include <string.h>

enum { NEIGHBOURS = 5, SAFE = 0, BORDERLINE, RARE, OUTLIER };

/* Some items of a side, brought together. */
typedef struct sample {
    bal_explain *e;
    bal_side_work *w;
    int64_t count, near; /* near: neighbours, at most NEIGHBOURS */
    int64_t *items;
    float *rows;      /* count x dim */
    int64_t *nearest; /* count x near: places in the sample */
} sample;

static void sample_close(sample *s)
{
    bal_free(s->e->ctx, s->items);
    bal_free(s->e->ctx, s->rows);
    bal_free(s->e->ctx, s->nearest);
}

static int32_t label_of(const sample *s, int64_t place)
{
    return s->w->in.labels[s->items[place]];
}

static bal_status search(sample *s)
{
    bal_explain *e = s->e;
    const size_t dim = (size_t)e->dim;
    s->near = s->count - 1 < NEIGHBOURS ? s->count - 1 : NEIGHBOURS;
    if (s->near < 1)
        return BAL_OK;
    s->rows = bal_calloc(e->ctx, (size_t)s->count, dim * sizeof *s->rows);
    s->nearest = bal_calloc(e->ctx, (size_t)s->count, (size_t)s->near * sizeof *s->nearest);
    if (!s->rows || !s->nearest)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < s->count; i++)
        memcpy(s->rows + (size_t)i * dim, s->w->in.features + (size_t)s->items[i] * dim,
               dim * sizeof *s->rows);
    const bal_neighbours_settings how = {.points = {s->rows, s->count, e->dim}, .k = s->near};
    return bal_neighbours(e->ctx, &how, s->nearest, NULL);
}

/* By the share of its own class: with five neighbours 4 and 5, 2 and 3, 1, 0. */
static int archetype_of(const sample *s, int64_t place)
{
    int64_t own = 0;
    for (int64_t j = 0; j < s->near; j++)
        own += label_of(s, s->nearest[place * s->near + j]) == label_of(s, place);
    return 10 * own > 7 * s->near   ? SAFE
           : 10 * own > 3 * s->near ? BORDERLINE
           : own                    ? RARE
                                    : OUTLIER;
}

/* ---- medoids ---- */

enum { MOST_MEDOID = 2000 };

static bal_status find_medoid(const sample *s, int c, int archetype, int64_t *places, float *rows)
{
    const size_t dim = (size_t)s->e->dim;
    int64_t count = 0, medoid;
    for (int64_t i = 0; i < s->count; i++)
        if (label_of(s, i) == c && s->w->archetypes[s->items[i]] == archetype)
            places[count++] = i;
    if (count == 0)
        return BAL_OK;
    const int64_t all = count;
    if (count > MOST_MEDOID) { /* evenly over the items */
        count = MOST_MEDOID;
        for (int64_t i = 0; i < count; i++)
            places[i] = places[i * all / count];
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(rows + (size_t)i * dim, s->rows + (size_t)places[i] * dim, dim * sizeof *rows);
    BAL_TRY(bal_explain_medoid(s->e->ctx, rows, count, s->e->dim, &medoid));
    s->w->class_of[c].medoids[archetype] = s->items[places[medoid]];
    return BAL_OK;
}

static bal_status find_medoids(const sample *s)
{
    bal_explain *e = s->e;
    int64_t *places = bal_calloc(e->ctx, (size_t)s->count, sizeof *places);
    float *rows = bal_calloc(e->ctx, MOST_MEDOID, (size_t)e->dim * sizeof *rows);
    bal_status status = places && rows ? BAL_OK : BAL_NO_MEMORY;
    for (int c = 0; status == BAL_OK && c < e->classes; c++) {
        bal_explain_tell(e, "medoids", c, e->classes);
        for (int a = 0; status == BAL_OK && a < BAL_ARCHETYPES; a++)
            if (s->w->class_of[c].archetypes[a] > 0)
                status = find_medoid(s, c, a, places, rows);
    }
    bal_free(e->ctx, places);
    bal_free(e->ctx, rows);
    return status;
}

/* ---- figures ---- */

static void put_shares(const sample *s)
{
    for (int c = 0; c < s->e->classes; c++) {
        bal_explained_class *out = &s->w->class_of[c];
        int64_t all = 0;
        for (int a = 0; a < BAL_ARCHETYPES; a++)
            all += out->archetypes[a];
        for (int a = 0; all > 0 && a < BAL_ARCHETYPES; a++)
            out->figures[BAL_FIGURE_safe + a].value = (double)out->archetypes[a] / (double)all;
    }
}

/* Of every class of the side, the classes of its FN's neighbours: classes x classes. Row by row, so
 * that a million classes need one row. */
static bal_status find_adversaries(const sample *s)
{
    bal_explain *e = s->e;
    const size_t classes = (size_t)e->classes;
    int64_t *seen = bal_calloc(e->ctx, classes, sizeof *seen);
    int64_t *first = bal_calloc(e->ctx, classes + 1, sizeof *first);
    int64_t *by_class = bal_calloc(e->ctx, (size_t)s->count, sizeof *by_class);
    const bool enough = seen && first && by_class;
    for (int64_t i = 0; enough && i < s->count; i++)
        first[label_of(s, i) + 1]++;
    for (size_t c = 0; enough && c < classes; c++)
        first[c + 1] += first[c];
    for (int64_t i = 0; enough && i < s->count; i++)
        by_class[first[label_of(s, i)] + seen[label_of(s, i)]++] = i;
    for (size_t c = 0; enough && c < classes; c++) {
        bal_explained_class *out = &s->w->class_of[c];
        int64_t all = 0;
        memset(seen, 0, classes * sizeof *seen);
        for (int64_t at = first[c]; at < first[c + 1]; at++) {
            const int64_t i = by_class[at];
            if (s->w->predictions[s->items[i]] == (int32_t)c)
                continue;
            for (int64_t j = 0; j < s->near; j++)
                seen[label_of(s, s->nearest[i * s->near + j])]++;
            all += s->near;
        }
        for (size_t d = 0; all > 0 && d < classes; d++) {
            if (s->w->adversaries)
                s->w->adversaries[c * classes + d] = (double)seen[d] / (double)all;
            if (d != c && seen[d] > 0 && (out->adversary < 0 || seen[d] > seen[out->adversary]))
                out->adversary = (int)d;
        }
        if (out->adversary >= 0)
            out->adversary_share = (double)seen[out->adversary] / (double)all;
    }
    bal_free(e->ctx, seen);
    bal_free(e->ctx, first);
    bal_free(e->ctx, by_class);
    return enough ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status measure_sample(sample *s)
{
    BAL_TRY(search(s));
    if (s->near < 1)
        return BAL_OK;
    for (int64_t i = 0; i < s->count; i++) {
        const int a = archetype_of(s, i);
        s->w->archetypes[s->items[i]] = (uint8_t)a;
        s->w->class_of[label_of(s, i)].archetypes[a]++;
    }
    s->w->view.measured = s->count;
    put_shares(s);
    if (s->w->predictions)
        BAL_TRY(find_adversaries(s));
    return find_medoids(s);
}

/* ---- at the common size ---- */

/* A class that is not larger takes part with all its items. */
static bal_status draw_sample(sample *s, int side, int draw, int64_t *items)
{
    const bal_explain *e = s->e;
    const int64_t common = s->w->view.common;
    s->count = 0;
    s->items = bal_calloc(e->ctx, (size_t)e->classes, (size_t)common * sizeof *s->items);
    if (!s->items)
        return BAL_NO_MEMORY;
    for (int c = 0; c < e->classes; c++) {
        const int64_t all = bal_class_size(s->w, c), count = all < common ? all : common;
        bal_explain_draw_items(e, &(bal_draw_ask){side, c, draw, all > common ? common : 0}, items);
        memcpy(s->items + s->count, items, (size_t)count * sizeof *items);
        s->count += count;
    }
    return BAL_OK;
}

static void count_draw(const sample *s, int draw, double *values)
{
    const int draws = s->e->s.draws;
    if (s->near < 1)
        return;
    for (int64_t i = 0; i < s->count; i++)
        values[((int64_t)label_of(s, i) * BAL_ARCHETYPES + archetype_of(s, i)) * draws + draw] +=
            1.0 / (double)s->w->view.common;
}

static bal_status measure_common(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    const int draws = e->s.draws;
    const int64_t common = w->view.common;
    double *values =
        bal_calloc(e->ctx, (size_t)e->classes * BAL_ARCHETYPES, (size_t)draws * sizeof *values);
    int64_t *items = bal_calloc(e->ctx, (size_t)w->in.items, sizeof *items);
    bal_status status = values && items ? BAL_OK : BAL_NO_MEMORY;
    for (int r = 0; status == BAL_OK && r < draws; r++) {
        sample s = {.e = e, .w = w};
        bal_explain_tell(e, "archetypes at a common size", r, draws);
        status = draw_sample(&s, side, r, items);
        if (status == BAL_OK)
            status = search(&s);
        if (status == BAL_OK)
            count_draw(&s, r, values);
        sample_close(&s);
    }
    for (int c = 0; status == BAL_OK && c < e->classes; c++)
        for (int a = 0; bal_class_size(w, c) > common && a < BAL_ARCHETYPES; a++)
            bal_explain_set_common(values +
                                       ((size_t)c * BAL_ARCHETYPES + (size_t)a) * (size_t)draws,
                                   draws, &w->class_of[c].figures[BAL_FIGURE_safe + a]);
    bal_free(e->ctx, values);
    bal_free(e->ctx, items);
    return status;
}

bal_status bal_explain_measure_archetypes(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    sample s = {.e = e, .w = w};
    const size_t classes = (size_t)e->classes;
    const bal_stratify_ask ask = {.labels = w->in.labels,
                                  .count = w->in.items,
                                  .classes = e->classes,
                                  .most = e->s.max_items,
                                  .seed = e->s.seed + (uint64_t)side,
                                  .stream = BAL_STREAM_EXPLAIN};
    bal_explain_tell(e, "neighbours", side, BAL_SIDES);
    bal_status status = BAL_OK;
    if (w->predictions && classes <= BAL_EXPLAIN_MATRIX_CLASSES) {
        w->adversaries = bal_calloc(e->ctx, classes * classes, sizeof *w->adversaries);
        if (!w->adversaries)
            return BAL_NO_MEMORY;
        for (size_t i = 0; i < classes * classes; i++)
            w->adversaries[i] = NAN;
    }
    status = bal_stratify(e->ctx, &ask, &s.items, &s.count);
    if (status == BAL_OK)
        status = measure_sample(&s);
    sample_close(&s);
    if (status == BAL_OK && w->view.common > 0)
        status = measure_common(e, side);
    return status;
}
