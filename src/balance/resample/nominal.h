/* Columns of categories: what SMOTE-NC and SMOTEN share. A category is a value; equal values are
 * the same category. */
#ifndef BAL_NOMINAL_H
#define BAL_NOMINAL_H

#include "balance/resample/resampling.h"

/* Who votes on the categories of a new row: the neighbours of its base. */
typedef struct bal_voters {
    int64_t k;      /* 0: nobody, the base is copied */
    int64_t *index; /* a row for each member of the class x k, input rows; rows of bases that are
                       not used may be anything */
} bal_voters;

/* bal_resampled.state of both methods. */
typedef struct bal_nominal {
    bool *categorical;  /* columns */
    bal_voters *voters; /* classes */
    bool base_votes; /* the base votes too, and the lowest of equal categories wins; otherwise one
                        of them that is drawn */
} bal_nominal;

/* An empty one in r->state, all columns categorical. */
BAL_MUST_CHECK bal_status bal_nominal_open(bal_resampled *r);
/* "0,3,5-7" into n->categorical. Fails with BAL_BAD_ARG. */
BAL_MUST_CHECK bal_status bal_nominal_columns(bal_resampled *r, const char *text);
/* The place of an input row among the members of class c, to which it belongs. */
int64_t bal_member_number(const bal_resampled *r, int c, int64_t row);
/* For the methods' rows of the table. */
void bal_nominal_fill(const bal_resampled *r, const bal_synthetic *made, int64_t count,
                      float *values, int worker);
void bal_nominal_release(bal_resampled *r);

#endif
