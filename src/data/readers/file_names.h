/* Names of many files in few folders, in little memory: a folder's path once, the names one after
 * the other in one block. */
#ifndef BAL_FILE_NAMES_H
#define BAL_FILE_NAMES_H

#include "base/context.h"

typedef struct bal_names_folder {
    char *path;
    int64_t first_file;  /* after sorting */
    size_t first_offset; /* in offsets */
    int64_t count;
} bal_names_folder;

typedef struct bal_file_names {
    bal_names_folder *folders;
    size_t folder_count, folder_room;
    uint64_t *offsets; /* of each name in text, in the order in which they were added */
    size_t count, room;
    char *text;
    size_t used, text_room;
} bal_file_names;

/* What is added from now on lies in the folder; its path is copied. */
bal_status bal_file_names_enter(bal_file_names *names, bal_ctx *ctx, const char *folder);
bal_status bal_file_names_add(bal_file_names *names, bal_ctx *ctx, const char *name);
/* Puts the folders from number first on into bytewise order, and numbers the files: folder after
 * folder, in each as they were added. */
void bal_file_names_sort(bal_file_names *names, size_t first);
/* "folder/name" of a file, 0..count-1, into buffer; false when it does not fit. */
bool bal_file_names_path(const bal_file_names *names, int64_t file, char *buffer, size_t size);
void bal_file_names_free(bal_file_names *names, bal_ctx *ctx);

#endif
