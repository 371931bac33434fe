/* The validation split of data with groups: whole groups, chosen so that the classes' shares come
 * near the fraction. In the spirit of scikit-learn's StratifiedGroupKFold: greedy over the groups;
 * here in the order of a draw by the seed, and followed by moves and exchanges while they help. */
#include "base/random.h"
#include "data/split/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAW 1                /* "epoch" of the draw; 0 is that of splits without groups */
#define MOST_PASSES 50        /* each one improves; this is only for the worst */
#define LEAST_GAIN 1e-12      /* less is rounding, and could be moved to and fro */
#define MOST_FOR_EXCHANGE 512 /* groups; with more of them there is always one that fits */

/* So many images of a class in a unit; a unit is a group, or an item that has none. */
typedef struct part {
    int32_t class_number, unit;
    int64_t count;
} part;

typedef struct class_state {
    int64_t items, wanted, taken; /* taken: by validation */
    int64_t first_place, places;  /* of its parts in by_class */
} class_state;

typedef struct splitter {
    bal_ctx *ctx;
    const bal_source *source;
    const uint8_t *keep;
    int32_t *unit_of; /* item -> unit, -1: not of the training split */
    int64_t units;
    part *parts;         /* unit after unit */
    int64_t *first_part; /* units + 1 */
    int64_t *by_class;   /* numbers of parts, class after class */
    class_state *classes;
    bool *taken; /* per unit: is in the validation split */
    int64_t *order;
} splitter;

/* ---- units and their parts ---- */

static bool is_member(const splitter *s, int64_t i)
{
    return s->keep[i] && s->source->splits[i] == BAL_SPLIT_TRAIN;
}

/* Units are numbered as they come. */
static bal_status number_units(splitter *s)
{
    const bal_source *source = s->source;
    int32_t groups = 0;
    for (int64_t i = 0; i < source->count; i++)
        groups = source->groups[i] >= groups ? source->groups[i] + 1 : groups;
    int32_t *unit_of_group = bal_calloc(s->ctx, (size_t)groups, sizeof *unit_of_group);
    s->unit_of = bal_calloc(s->ctx, (size_t)source->count, sizeof *s->unit_of);
    if (unit_of_group && s->unit_of) {
        memset(unit_of_group, 0xff, (size_t)groups * sizeof *unit_of_group);
        for (int64_t i = 0; i < source->count; i++) {
            const int32_t group = source->groups[i];
            s->unit_of[i] = -1;
            if (!is_member(s, i))
                continue;
            if (group < 0 || unit_of_group[group] < 0)
                s->unit_of[i] = (int32_t)s->units++;
            else
                s->unit_of[i] = unit_of_group[group];
            if (group >= 0)
                unit_of_group[group] = s->unit_of[i];
        }
    }
    bal_free(s->ctx, unit_of_group);
    return unit_of_group && s->unit_of ? BAL_OK : BAL_NO_MEMORY;
}

/* The members of the training split, unit after unit; first receives where each begins. */
static bal_status sort_items(const splitter *s, int64_t **items_out, int64_t *first)
{
    const int64_t count = s->source->count;
    int64_t *items = bal_calloc(s->ctx, (size_t)count, sizeof *items);
    int64_t *at = bal_calloc(s->ctx, (size_t)s->units, sizeof *at);
    *items_out = items;
    if (items && at) {
        for (int64_t i = 0; i < count; i++)
            if (s->unit_of[i] >= 0)
                first[s->unit_of[i] + 1]++;
        for (int64_t u = 0; u < s->units; u++) {
            first[u + 1] += first[u];
            at[u] = first[u];
        }
        for (int64_t i = 0; i < count; i++)
            if (s->unit_of[i] >= 0)
                items[at[s->unit_of[i]]++] = i;
    }
    bal_free(s->ctx, at);
    return items && at ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status count_parts(splitter *s)
{
    const size_t classes = (size_t)s->source->classes;
    int64_t *items = NULL, count = 0;
    int64_t *first = bal_calloc(s->ctx, (size_t)s->units + 1, sizeof *first);
    int64_t *last_part = bal_calloc(s->ctx, classes, sizeof *last_part); /* + 1; of any unit */
    bal_status status = first && last_part ? sort_items(s, &items, first) : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        s->parts = bal_calloc(s->ctx, (size_t)first[s->units], sizeof *s->parts);
        s->first_part = bal_calloc(s->ctx, (size_t)s->units + 1, sizeof *s->first_part);
        status = s->parts && s->first_part ? BAL_OK : BAL_NO_MEMORY;
    }
    for (int64_t u = 0; status == BAL_OK && u < s->units; u++) {
        s->first_part[u] = count;
        for (int64_t k = first[u]; k < first[u + 1]; k++) {
            const int32_t c = s->source->labels[items[k]];
            if (last_part[c] <= s->first_part[u]) { /* none in this unit yet */
                s->parts[count++] = (part){c, (int32_t)u, 0};
                last_part[c] = count;
            }
            s->parts[last_part[c] - 1].count++;
        }
        s->first_part[u + 1] = count;
    }
    bal_free(s->ctx, items);
    bal_free(s->ctx, first);
    bal_free(s->ctx, last_part);
    return status;
}

static bal_status count_classes(splitter *s, double fraction)
{
    const size_t classes = (size_t)s->source->classes;
    const int64_t parts = s->first_part[s->units];
    s->classes = bal_calloc(s->ctx, classes, sizeof *s->classes);
    s->by_class = bal_calloc(s->ctx, (size_t)parts, sizeof *s->by_class);
    if (!s->classes || !s->by_class)
        return BAL_NO_MEMORY;
    for (int64_t p = 0; p < parts; p++) {
        class_state *c = &s->classes[s->parts[p].class_number];
        c->items += s->parts[p].count;
        c->places++;
    }
    int64_t place = 0;
    for (size_t c = 0; c < classes; c++) {
        s->classes[c].first_place = place;
        s->classes[c].wanted = bal_validation_share(s->classes[c].items, fraction);
        place += s->classes[c].places;
        s->classes[c].places = 0;
    }
    for (int64_t p = 0; p < parts; p++) {
        class_state *c = &s->classes[s->parts[p].class_number];
        s->by_class[c->first_place + c->places++] = p;
    }
    return BAL_OK;
}

/* ---- moving a unit ---- */

/* May it change sides? A class must keep a training image, and a validation image that it has. */
static bool may_move(const splitter *s, int64_t unit)
{
    for (int64_t p = s->first_part[unit]; p < s->first_part[unit + 1]; p++) {
        const class_state *c = &s->classes[s->parts[p].class_number];
        const int64_t left = s->taken[unit] ? c->taken : c->items - c->taken;
        if (left == s->parts[p].count)
            return false;
    }
    return true;
}

/* Of the sum over the classes of ((taken - wanted) / items)^2. */
static double gain(const splitter *s, int64_t unit)
{
    double sum = 0.0;
    for (int64_t p = s->first_part[unit]; p < s->first_part[unit + 1]; p++) {
        const class_state *c = &s->classes[s->parts[p].class_number];
        const double n = (double)c->items, before = (double)(c->taken - c->wanted) / n;
        const double step = (double)s->parts[p].count / n * (s->taken[unit] ? -1.0 : 1.0);
        sum -= step * (2.0 * before + step);
    }
    return sum;
}

static void move(splitter *s, int64_t unit)
{
    const int64_t sign = s->taken[unit] ? -1 : 1;
    for (int64_t p = s->first_part[unit]; p < s->first_part[unit + 1]; p++)
        s->classes[s->parts[p].class_number].taken += sign * s->parts[p].count;
    s->taken[unit] = !s->taken[unit];
}

/* ---- the choice ---- */

typedef struct rank {
    int64_t places;
    int32_t number;
} rank;

static int by_places(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->places != y->places)
        return x->places < y->places ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* The unit of a class that costs least, the first in the order among equals; -1: none may move. */
static int64_t cheapest(const splitter *s, const class_state *c, const int64_t *place)
{
    int64_t best = -1;
    double best_gain = 0.0;
    for (int64_t k = 0; k < c->places; k++) {
        const int64_t unit = s->parts[s->by_class[c->first_place + k]].unit;
        if (s->taken[unit] || !may_move(s, unit))
            continue;
        const double g = gain(s, unit);
        if (best < 0 || g > best_gain || (g == best_gain && place[unit] < place[best])) {
            best = unit;
            best_gain = g;
        }
    }
    return best;
}

/* Every class comes into the validation split if it can, those in the fewest units first. */
static bal_status cover(splitter *s)
{
    const size_t classes = (size_t)s->source->classes;
    rank *ranks = bal_calloc(s->ctx, classes, sizeof *ranks);
    int64_t *place = bal_calloc(s->ctx, (size_t)s->units, sizeof *place);
    if (ranks && place) {
        for (size_t c = 0; c < classes; c++)
            ranks[c] = (rank){s->classes[c].places, (int32_t)c};
        for (int64_t i = 0; i < s->units; i++)
            place[s->order[i]] = i;
        qsort(ranks, classes, sizeof *ranks, by_places);
        for (size_t i = 0; i < classes; i++) {
            const class_state *c = &s->classes[ranks[i].number];
            const int64_t unit = c->wanted > 0 && c->taken == 0 ? cheapest(s, c, place) : -1;
            if (unit >= 0)
                move(s, unit);
        }
    }
    bal_free(s->ctx, ranks);
    bal_free(s->ctx, place);
    return ranks && place ? BAL_OK : BAL_NO_MEMORY;
}

/* Moves what brings the shares nearer. */
static bool improve(splitter *s)
{
    bool moved = false;
    for (int64_t i = 0; i < s->units; i++) {
        const int64_t unit = s->order[i];
        if (gain(s, unit) > LEAST_GAIN && may_move(s, unit)) {
            move(s, unit);
            moved = true;
        }
    }
    return moved;
}

/* Of few units one too large may keep out two that fit: exchanges two. */
static bool exchange(splitter *s)
{
    bool moved = false;
    for (int64_t i = 0; i < s->units; i++) {
        for (int64_t k = 0; k < s->units; k++) {
            const int64_t in = s->order[i], out = s->order[k];
            if (s->taken[in] || !s->taken[out])
                continue;
            const double first = gain(s, in);
            if (!may_move(s, in))
                continue;
            move(s, in);
            if (first + gain(s, out) > LEAST_GAIN && may_move(s, out)) {
                move(s, out);
                moved = true;
                break;
            }
            move(s, in);
        }
    }
    return moved;
}

static bal_status choose(splitter *s, uint64_t seed)
{
    s->taken = bal_calloc(s->ctx, (size_t)s->units, sizeof *s->taken);
    s->order = bal_calloc(s->ctx, (size_t)s->units, sizeof *s->order);
    if (!s->taken || !s->order)
        return BAL_NO_MEMORY;
    for (int64_t u = 0; u < s->units; u++)
        s->order[u] = u;
    bal_random r = bal_random_at(seed, BAL_STREAM_SPLIT, DRAW, 0);
    bal_random_shuffle(&r, s->order, s->units);
    BAL_TRY(cover(s));
    for (int pass = 0; pass < MOST_PASSES; pass++)
        if (!improve(s) && (s->units > MOST_FOR_EXCHANGE || !exchange(s)))
            break;
    return BAL_OK;
}

/* ---- the result ---- */

static void tell_absent(const splitter *s)
{
    char list[512] = "";
    size_t at = 0;
    int absent = 0;
    for (int c = 0; c < s->source->classes; c++) {
        if (s->classes[c].wanted == 0 || s->classes[c].taken > 0)
            continue;
        if (at < sizeof list && s->source->class_names)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", absent ? ", " : "",
                                   s->source->class_names[c]);
        else if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%d", absent ? ", " : "", c);
        absent++;
    }
    if (absent)
        bal_log(s->ctx, BAL_LOG_WARN,
                "%s: the validation split has no images of %d class%s (%s): groups stay whole, and "
                "the training split would have none",
                s->source->path, absent, absent == 1 ? "" : "es", list);
}

static bal_status apply(const splitter *s)
{
    int64_t taken = 0, wanted = 0;
    for (int c = 0; c < s->source->classes; c++)
        wanted += s->classes[c].wanted;
    for (int64_t i = 0; i < s->source->count; i++) {
        if (s->unit_of[i] < 0 || !s->taken[s->unit_of[i]])
            continue;
        s->source->splits[i] = BAL_SPLIT_VAL;
        taken++;
    }
    if (taken == 0 && wanted > 0)
        return bal_fail(s->ctx, BAL_BAD_DATA,
                        "%s: no group can go to the validation split without taking the last "
                        "training images of a class (val-split 0 trains without one)",
                        s->source->path);
    tell_absent(s);
    return BAL_OK;
}

bal_status bal_split_validation_groups(bal_ctx *ctx, const bal_source *source, const uint8_t *keep,
                                       double fraction, uint64_t seed)
{
    splitter s = {.ctx = ctx, .source = source, .keep = keep};
    bal_status status = number_units(&s);
    if (status == BAL_OK)
        status = count_parts(&s);
    if (status == BAL_OK)
        status = count_classes(&s, fraction);
    if (status == BAL_OK)
        status = choose(&s, seed);
    if (status == BAL_OK)
        status = apply(&s);
    void *const memory[] = {s.unit_of, s.parts, s.first_part, s.by_class,
                            s.classes, s.taken, s.order};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(ctx, memory[i]);
    return status;
}
