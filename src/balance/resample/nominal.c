/* Categories of a new row: the most frequent ones of those who vote. */
#include "balance/resample/nominal.h"

#include "base/parse.h"

#include <string.h>

bal_status bal_nominal_open(bal_resampled *r)
{
    bal_nominal *n = r->state = bal_calloc(r->ctx, 1, sizeof *n);
    if (!n)
        return BAL_NO_MEMORY;
    n->categorical = bal_calloc(r->ctx, (size_t)r->data.columns, sizeof *n->categorical);
    n->voters = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *n->voters);
    if (!n->categorical || !n->voters)
        return BAL_NO_MEMORY;
    memset(n->categorical, true, (size_t)r->data.columns);
    return BAL_OK;
}

void bal_nominal_release(bal_resampled *r)
{
    bal_nominal *n = r->state;
    for (int c = 0; n->voters && c < r->classes.count; c++)
        bal_free(r->ctx, n->voters[c].index);
    bal_free(r->ctx, n->voters);
    bal_free(r->ctx, n->categorical);
    bal_free(r->ctx, n);
}

/* "5" or "5-7" */
static bool read_range(const char *text, size_t length, long long *first, long long *last)
{
    char item[48], *dash;
    if (length == 0 || length >= sizeof item)
        return false;
    memcpy(item, text, length);
    item[length] = '\0';
    dash = strchr(item + 1, '-');
    if (dash)
        *dash = '\0';
    if (!bal_parse_whole(item, first))
        return false;
    *last = *first;
    return !dash || bal_parse_whole(dash + 1, last);
}

bal_status bal_nominal_columns(bal_resampled *r, const char *text)
{
    const bal_nominal *n = r->state;
    memset(n->categorical, false, (size_t)r->data.columns);
    for (const char *at = text; at;) {
        long long first, last;
        const size_t length = strcspn(at, ",");
        if (!read_range(at, length, &first, &last))
            return bal_fail(r->ctx, BAL_BAD_ARG,
                            "categorical \"%s\": columns like 0,3,5-7 are expected", text);
        if (first < 0 || last < first || last >= r->data.columns)
            return bal_fail(
                r->ctx, BAL_BAD_ARG,
                "categorical \"%s\": the columns are 0 to %lld, and a range begins with "
                "the lower",
                text, (long long)r->data.columns - 1);
        memset(n->categorical + first, true, (size_t)(last - first + 1));
        at = at[length] ? at + length + 1 : NULL;
    }
    return BAL_OK;
}

int64_t bal_member_number(const bal_resampled *r, int c, int64_t row)
{
    const int64_t *members = r->classes.members + r->classes.first[c];
    int64_t low = 0, high = bal_class_rows_in(&r->classes, c) - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (members[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- the vote ---- */

typedef struct ballot {
    const bal_resampled *r;
    const int64_t *voters; /* input rows */
    int64_t count;
    int64_t base; /* votes too, or -1 */
} ballot;

static float vote_of(const ballot *b, int64_t voter, int64_t column)
{
    const int64_t row = voter < b->count ? b->voters[voter] : b->base;
    return b->r->data.values[row * b->r->data.columns + column];
}

static int64_t votes_for(const ballot *b, int64_t all, float value, int64_t column)
{
    int64_t votes = 0;
    for (int64_t v = 0; v < all; v++)
        votes += vote_of(b, v, column) == value;
    return votes;
}

/* Is this the first vote for its value? */
static bool is_first(const ballot *b, int64_t voter, int64_t column)
{
    const float value = vote_of(b, voter, column);
    for (int64_t v = 0; v < voter; v++)
        if (vote_of(b, v, column) == value)
            return false;
    return true;
}

/* random NULL: the lowest of the winners; otherwise each of them is as likely. */
static float winner(const ballot *b, int64_t column, bal_random *random)
{
    const int64_t all = b->count + (b->base >= 0);
    int64_t most = 0, winners = 0;
    float best = 0.0f;
    for (int64_t v = 0; v < all; v++) {
        if (!is_first(b, v, column))
            continue;
        const float value = vote_of(b, v, column);
        const int64_t votes = votes_for(b, all, value, column);
        winners = votes > most ? 1 : winners + (votes == most);
        const bool wins_tie =
            random ? winners > 1 && bal_random_below(random, (uint64_t)winners) == 0 : value < best;
        if (votes > most || (votes == most && wins_tie))
            best = value;
        most = votes > most ? votes : most;
    }
    return best;
}

static void fill_row(const bal_resampled *r, const bal_synthetic *made, float *values)
{
    const bal_nominal *n = r->state;
    const bal_voters *voters = &n->voters[made->class_number];
    const bal_synthetic copy = {.base = made->base, .neighbour = made->base};
    bal_interpolate(r, made->neighbour < 0 ? &copy : made, values);
    if (voters->k == 0)
        return;
    const int64_t member = bal_member_number(r, made->class_number, made->base);
    const ballot b = {.r = r,
                      .voters = voters->index + member * voters->k,
                      .count = voters->k,
                      .base = n->base_votes ? made->base : -1};
    bal_random random = bal_resample_random(r, UINT32_MAX, made->class_number, made->key);
    for (int64_t j = 0; j < r->data.columns; j++)
        if (n->categorical[j])
            values[j] = winner(&b, j, n->base_votes ? NULL : &random);
}

void bal_nominal_fill(const bal_resampled *r, const bal_synthetic *made, int64_t count,
                      float *values, int worker)
{
    (void)worker;
    for (int64_t i = 0; i < count; i++)
        fill_row(r, &made[i], values + i * r->data.columns);
}
