/* Long-tail cut and stratified validation split: draws by (seed, purpose, class) alone. */
#include "data/split/split.h"

#include "base/random.h"

#include <math.h>

/* The training items that are kept, class after class, each class shuffled. */
typedef struct shuffled {
    int64_t *counts; /* one a class */
    int64_t *items;
} shuffled;

static void shuffled_free(bal_ctx *ctx, shuffled *s)
{
    bal_free(ctx, s->counts);
    bal_free(ctx, s->items);
}

static bool is_member(const bal_source *source, const uint8_t *keep, int64_t i)
{
    return keep[i] && source->splits[i] == BAL_SPLIT_TRAIN;
}

static bal_status shuffled_make(bal_ctx *ctx, shuffled *s, const bal_source *source,
                                const uint8_t *keep)
{
    *s = (shuffled){0};
    s->counts = bal_calloc(ctx, (size_t)source->classes, sizeof *s->counts);
    s->items = bal_calloc(ctx, (size_t)source->count, sizeof *s->items);
    int64_t *at = bal_calloc(ctx, (size_t)source->classes, sizeof *at);
    if (s->counts && s->items && at) {
        for (int64_t i = 0; i < source->count; i++)
            s->counts[source->labels[i]] += is_member(source, keep, i);
        for (int c = 1; c < source->classes; c++)
            at[c] = at[c - 1] + s->counts[c - 1];
        for (int64_t i = 0; i < source->count; i++)
            if (is_member(source, keep, i))
                s->items[at[source->labels[i]]++] = i;
    }
    const bool made = s->counts && s->items && at;
    bal_free(ctx, at);
    if (!made)
        shuffled_free(ctx, s);
    return made ? BAL_OK : BAL_NO_MEMORY;
}

static void shuffle_class(int64_t *items, int64_t count, uint64_t seed, bal_stream purpose, int c)
{
    bal_random r = bal_random_at(seed, purpose, 0, (uint64_t)c);
    bal_random_shuffle(&r, items, count);
}

bal_status bal_split_longtail(bal_ctx *ctx, const bal_source *source, const char *spec,
                              uint64_t seed, uint8_t *keep)
{
    shuffled s;
    BAL_TRY(shuffled_make(ctx, &s, source, keep));
    int64_t *wanted = bal_calloc(ctx, (size_t)source->classes, sizeof *wanted);
    bal_status status = wanted ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_longtail_counts(ctx, spec, source->classes, s.counts, wanted);
    int64_t *items = s.items;
    for (int c = 0; status == BAL_OK && c < source->classes; items += s.counts[c++]) {
        shuffle_class(items, s.counts[c], seed, BAL_STREAM_LONGTAIL, c);
        for (int64_t i = wanted[c]; i < s.counts[c]; i++)
            keep[items[i]] = 0;
    }
    bal_free(ctx, wanted);
    shuffled_free(ctx, &s);
    return status;
}

int64_t bal_validation_share(int64_t n, double fraction)
{
    const int64_t share = (int64_t)floor((double)n * fraction + 0.5);
    if (n < 2)
        return 0;
    return share < 1 ? 1 : share > n - 1 ? n - 1 : share;
}

bal_status bal_split_validation(bal_ctx *ctx, const bal_source *source, const uint8_t *keep,
                                double fraction, uint64_t seed)
{
    shuffled s;
    if (source->groups)
        return bal_split_validation_groups(ctx, source, keep, fraction, seed);
    BAL_TRY(shuffled_make(ctx, &s, source, keep));
    int64_t *items = s.items;
    for (int c = 0; c < source->classes; items += s.counts[c++]) {
        shuffle_class(items, s.counts[c], seed, BAL_STREAM_SPLIT, c);
        const int64_t share = bal_validation_share(s.counts[c], fraction);
        for (int64_t i = 0; i < share; i++)
            source->splits[items[i]] = BAL_SPLIT_VAL;
    }
    shuffled_free(ctx, &s);
    return BAL_OK;
}
