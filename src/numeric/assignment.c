/* The assignment problem by shortest augmenting paths: rows join one after the other, and each
 * finds the cheapest way to a free column, along which earlier pairs are exchanged. The side with
 * fewer members is the one whose members join. */
#include "numeric/assignment.h"

#include <math.h>
#include <string.h>

typedef struct search {
    const bal_assignment_ask *ask;
    bool turned;            /* members are the columns */
    int64_t members, seats; /* members <= seats */
    double *of_member;      /* the dual prices; index 0 is nobody, as in all arrays below */
    double *of_seat;
    int64_t *sits;    /* seat: its member, 0: free */
    int64_t *came;    /* seat: the seat before it on the path */
    double *shortest; /* seat: the cheapest way to it so far */
    bool *done;
} search;

static double cost_of(const search *s, int64_t member, int64_t seat)
{
    const int64_t columns = s->ask->columns;
    return s->turned ? s->ask->cost[(seat - 1) * columns + member - 1]
                     : s->ask->cost[(member - 1) * columns + seat - 1];
}

/* The seat that is nearest among those not done, with the prices moved on. */
static int64_t step(search *s, int64_t from)
{
    const int64_t member = s->sits[from];
    double least = INFINITY;
    int64_t next = 0;
    for (int64_t j = 1; j <= s->seats; j++) {
        if (s->done[j])
            continue;
        const double reduced = cost_of(s, member, j) - s->of_member[member] - s->of_seat[j];
        if (reduced < s->shortest[j]) {
            s->shortest[j] = reduced;
            s->came[j] = from;
        }
        if (s->shortest[j] < least) {
            least = s->shortest[j];
            next = j;
        }
    }
    for (int64_t j = 0; j <= s->seats; j++)
        if (s->done[j]) {
            s->of_member[s->sits[j]] += least;
            s->of_seat[j] -= least;
        } else {
            s->shortest[j] -= least;
        }
    return next;
}

static void join(search *s, int64_t member)
{
    int64_t at = 0;
    s->sits[0] = member;
    for (int64_t j = 0; j <= s->seats; j++) {
        s->shortest[j] = INFINITY;
        s->done[j] = false;
    }
    do {
        s->done[at] = true;
        at = step(s, at);
    } while (s->sits[at] != 0);
    while (at != 0) { /* back along the path */
        const int64_t before = s->came[at];
        s->sits[at] = s->sits[before];
        at = before;
    }
}

static bal_status check(bal_ctx *ctx, const bal_assignment_ask *ask)
{
    if (ask->rows < 1 || ask->columns < 1 || ask->rows > INT32_MAX || ask->columns > INT32_MAX)
        return bal_fail(ctx, BAL_BAD_ARG, "an assignment of %lld rows to %lld columns",
                        (long long)ask->rows, (long long)ask->columns);
    for (int64_t i = 0; i < ask->rows * ask->columns; i++)
        if (!isfinite(ask->cost[i]))
            return bal_fail(ctx, BAL_BAD_ARG, "cost of row %lld and column %lld is %g",
                            (long long)(i / ask->columns), (long long)(i % ask->columns),
                            ask->cost[i]);
    return BAL_OK;
}

static bal_status assign_all(bal_ctx *ctx, search *s, int64_t *column_of)
{
    for (int64_t member = 1; member <= s->members; member++) {
        if (bal_take_interrupt(ctx))
            return bal_fail(ctx, BAL_INTERRUPTED, "interrupted after %lld of %lld rows were paired",
                            (long long)member - 1, (long long)s->members);
        join(s, member);
    }
    for (int64_t i = 0; i < s->ask->rows; i++)
        column_of[i] = -1;
    for (int64_t j = 1; j <= s->seats; j++)
        if (s->sits[j] != 0 && s->turned)
            column_of[j - 1] = s->sits[j] - 1;
        else if (s->sits[j] != 0)
            column_of[s->sits[j] - 1] = j - 1;
    return BAL_OK;
}

bal_status bal_assign(bal_ctx *ctx, const bal_assignment_ask *ask, int64_t *column_of)
{
    BAL_TRY(check(ctx, ask));
    search s = {.ask = ask, .turned = ask->rows > ask->columns};
    s.members = s.turned ? ask->columns : ask->rows;
    s.seats = s.turned ? ask->rows : ask->columns;
    const size_t seats = (size_t)s.seats + 1;
    s.of_member = bal_calloc(ctx, (size_t)s.members + 1, sizeof *s.of_member);
    s.of_seat = bal_calloc(ctx, seats, sizeof *s.of_seat);
    s.sits = bal_calloc(ctx, seats, sizeof *s.sits);
    s.came = bal_calloc(ctx, seats, sizeof *s.came);
    s.shortest = bal_calloc(ctx, seats, sizeof *s.shortest);
    s.done = bal_calloc(ctx, seats, sizeof *s.done);
    const bool enough = s.of_member && s.of_seat && s.sits && s.came && s.shortest && s.done;
    const bal_status status = enough ? assign_all(ctx, &s, column_of) : BAL_NO_MEMORY;
    bal_free(ctx, s.of_member);
    bal_free(ctx, s.of_seat);
    bal_free(ctx, s.sits);
    bal_free(ctx, s.came);
    bal_free(ctx, s.shortest);
    bal_free(ctx, s.done);
    return status;
}
