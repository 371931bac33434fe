/* The data sets that have a name of their own. */
#ifndef BAL_KNOWN_H
#define BAL_KNOWN_H

#include "data/known/checksum.h"
#include "data/readers/source.h"

#define BAL_KNOWN_FOLDERS 4
#define BAL_KNOWN_FILES 4

/* A file of the set as its publisher has it. */
typedef struct bal_known_file {
    const char *folder; /* the address that it stands under, ended by "/" */
    const char *name;   /* the rest of the address, without what follows a "?" */
    const char *query;  /* that, or NULL */
    int64_t bytes;      /* 0: not published */
    bal_sum_kind kind;
    const char *sum;
} bal_known_file;

typedef struct bal_known_row {
    bal_known_dataset about;
    const char *format; /* name of the reader */
    /* Names of the folder (or file) under a place: the set's own name first, then what archives and
     * other programs call it. Also looked for inside the set's own. */
    const char *folders[BAL_KNOWN_FOLDERS];
    int classes;
    const char *const *class_names; /* NULL: in the data */
    bal_known_file files[BAL_KNOWN_FILES];
    const char *inside; /* the one file is an archive, and this is the folder in it that becomes the
                           set's own; NULL: the files are used as they are */
} bal_known_row;

/* Row i of the table, NULL at the end. */
const bal_known_row *bal_known_row_at(int i);
const bal_known_row *bal_known_row_named(const char *name);
/* The row whose folder names include the last part of the path, or NULL. */
const bal_known_row *bal_known_row_of_path(const char *path);
/* Is the set under this place? Its path into the buffer. */
bool bal_known_in_place(const char *place, const bal_known_row *row, char *path, size_t size);
/* bal_known_dataset_get of a row. */
bal_status bal_known_row_get(bal_ctx *ctx, const bal_known_row *row,
                             const bal_get_settings *settings, char **path);
/* Fails with BAL_BAD_DATA: not a known name (the nearest is suggested), or not on this machine. */
bal_status bal_known_fail_unknown(bal_ctx *ctx, const char *name);
bal_status bal_known_fail_absent(bal_ctx *ctx, const bal_known_row *row);

#endif
