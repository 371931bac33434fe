/* The data sets that have a name of their own. */
#ifndef BAL_KNOWN_H
#define BAL_KNOWN_H

#include "data/source.h"

#define BAL_KNOWN_FOLDERS 4

typedef struct bal_known_row {
    bal_known_dataset about;
    const char *format; /* name of the reader */
    /* Names of the folder under a place: the set's own name first, then what archives and other
     * programs call it. Also looked for inside the set's own. */
    const char *folders[BAL_KNOWN_FOLDERS];
    int classes;
    const char *const *class_names; /* NULL: in the data */
} bal_known_row;

const bal_known_row *bal_known_row_named(const char *name);
/* The row whose folder names include the last part of the path, or NULL. */
const bal_known_row *bal_known_row_of_path(const char *path);
/* Fails with BAL_BAD_DATA: not a known name (the nearest is suggested), or not on this machine. */
bal_status bal_known_fail_unknown(bal_ctx *ctx, const char *name);
bal_status bal_known_fail_absent(bal_ctx *ctx, const bal_known_row *row);

#endif
