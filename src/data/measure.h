/* Looking at every image of a source before it is used: sizes, channels, and what cannot be read.
 */
#ifndef BAL_MEASURE_H
#define BAL_MEASURE_H

#include "data/readers/source.h"

/* An image that is left out. */
typedef struct bal_left_out {
    int64_t item;
    char *name, *reason;
} bal_left_out;

typedef struct bal_left_out_list {
    bal_left_out *of;
    size_t count, room;
} bal_left_out_list;

/* Decodes every image once, by all of the context's threads, and lists those that cannot be read
 * (BAL_BAD_FILE, BAL_IO), by item. Fills native from the others as bal_source_measure does; where
 * their sizes differ and mixed is set, the size stays 0. Nothing is done where the reader knows
 * size and channels without looking: its pixels are not in image files. Fails with BAL_BAD_DATA
 * (two sizes), BAL_NO_MEMORY, BAL_INTERRUPTED. */
bal_status bal_source_leave_out(bal_source *source, bal_ctx *ctx, bool mixed,
                                bal_left_out_list *list);
void bal_left_out_free(bal_ctx *ctx, bal_left_out_list *list);

#endif
