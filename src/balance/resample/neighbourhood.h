/* Neighbours of some input rows among some input rows, whatever lies where and however little
 * memory there is; and new rows between them. Stands on numeric/neighbours/neighbours.h. */
#ifndef BAL_NEIGHBOURHOOD_H
#define BAL_NEIGHBOURHOOD_H

#include "balance/resample/resampling.h"

typedef struct bal_neighbourhood {
    const char *what;      /* for the progress: "neighbours" */
    const float *values;   /* or NULL: those of the data */
    int64_t rows, columns; /* of values; at most 2^31 - 1 rows, as those of the data then */
    const int64_t *of;     /* rows whose neighbours are sought; NULL: all */
    int64_t of_count;
    const int64_t *among; /* rows that may be neighbours, ascending; NULL: all. Where it is `of`,
                             whole, half the work is done if memory allows */
    int64_t among_count;
    int64_t k; /* at least 1 and at most among_count, less one where `of` has rows of `among` */
} bal_neighbourhood;

/* index receives k input rows for each of `of`, in ascending order of (distance, row); distance
 * (may be NULL) how far they are. A row is never its own neighbour; another one with the same
 * values is. The same for any memory and any number of threads.
 * Fails with BAL_NO_MEMORY, BAL_INTERRUPTED, and BAL_BAD_ARG for too many rows. */
BAL_MUST_CHECK bal_status bal_neighbourhood_find(const bal_resampled *r,
                                                 const bal_neighbourhood *how, int64_t *index,
                                                 double *distance);

/* k, or what is there if that is less; then a warning names the class and both. */
int64_t bal_neighbourhood_k(const bal_resampled *r, int c, int64_t k, int64_t there);

/* How many of the m nearest rows of all are of another class: one number for each row of class c.
 * *m is reduced, with a warning, where there are fewer rows. */
BAL_MUST_CHECK bal_status bal_neighbourhood_enemies(const bal_resampled *r, int c, int64_t *m,
                                                    int64_t *enemies);
/* The rows that are not of class c, ascending; new, bal_free. NULL: no memory. */
int64_t *bal_rows_of_others(const bal_resampled *r, int c, int64_t *count);

/* New rows of class c between bases and their neighbours:
 *     x' = x_base + step u (x_neighbour - x_base),   u ~ U(0, 1), neighbour uniform among the k. */
typedef struct bal_interpolation {
    int c;
    const int64_t *bases; /* input rows, ascending */
    int64_t base_count;   /* at least 1 */
    const int64_t *times; /* new rows of each base; NULL: drawn, each base as likely */
    const int64_t *among; /* rows that may be neighbours, ascending */
    int64_t among_count;
    int64_t count; /* new rows in all; with times, their sum */
    int64_t k;     /* reduced, with a warning, where there are fewer */
    double step;
    uint32_t purpose; /* of the draws: another number for each call of a method and class */
} bal_interpolation;
/* Adds them to the plan. Where nothing but the base is among the rows, copies it and warns. */
BAL_MUST_CHECK bal_status bal_interpolation_plan(bal_resampled *r, const bal_interpolation *how);
/* floor(f (count + 1)) with f ~ Beta(10, 10): how many of the new rows of class c are made in the
 * first of two ways. */
int64_t bal_interpolation_share(const bal_resampled *r, int c, int64_t count);

#endif
