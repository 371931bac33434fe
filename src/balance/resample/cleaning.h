/* Rules that find rows to remove: edited nearest neighbours and Tomek links. They look at any set
 * of rows, so that methods can repeat them on what is left, or apply them to new rows as well. */
#ifndef BAL_CLEANING_H
#define BAL_CLEANING_H

#include "balance/resample/neighbourhood.h"

typedef struct bal_cleaning {
    const bal_resampled *r;
    const float *values;   /* of every row that `rows` may name; NULL: the data's */
    const int32_t *of_row; /* number of the class of every such row */
    int64_t *rows;         /* those that are there, ascending; own memory */
    int64_t count;
    int64_t value_rows; /* of values */
    bool *remove;       /* one for each of rows: what a rule found */
} bal_cleaning;

/* All input rows. */
BAL_MUST_CHECK bal_status bal_cleaning_open(bal_cleaning *out, const bal_resampled *r);
/* count rows with these values and class numbers, borrowed. */
BAL_MUST_CHECK bal_status bal_cleaning_open_over(bal_cleaning *out, const bal_resampled *r,
                                                 const float *values, const int32_t *of_row,
                                                 int64_t count);
void bal_cleaning_close(bal_cleaning *c);

/* Edited nearest neighbours (Wilson 1972): marks rows of the chosen classes whose k nearest
 * neighbours do not all (mode false) or in their majority (mode true; of equal numbers the lowest
 * label) belong to the row's class. chosen is one a class. */
BAL_MUST_CHECK bal_status bal_cleaning_edit(bal_cleaning *c, int64_t k, bool mode,
                                            const bool *chosen);
/* Tomek links (Tomek 1976): marks rows of the chosen classes whose nearest neighbour is of another
 * class and has the row as its nearest. */
BAL_MUST_CHECK bal_status bal_cleaning_tomek(bal_cleaning *c, const bool *chosen);
/* Takes the marked rows away; marks are off again. Returns how many. */
int64_t bal_cleaning_apply(bal_cleaning *c);
/* Rows that are there of every class: receives one a class. */
void bal_cleaning_counts(const bal_cleaning *c, int64_t *counts);
/* The class that most of the labels (class numbers) name, of equal numbers the lowest; work has
 * room for one number a class, all 0 before and after. */
int32_t bal_cleaning_mode(const int32_t *labels, int64_t count, int64_t *work);
/* Which classes the strategy chose; new, bal_free. NULL: no memory. */
bool *bal_cleaning_chosen(const bal_resampled *r);
/* kind_sel of the settings: is it "mode"? */
bool bal_cleaning_by_mode(const bal_resampled *r);

#endif
