/* A set of texts that are numbered as they come: class names, keys, paths. A text costs its bytes
 * and about 30 more. */
#ifndef BAL_NAME_SET_H
#define BAL_NAME_SET_H

#include "base/context.h"

typedef struct bal_name_block bal_name_block; /* of memory that texts lie in */

typedef struct bal_name_slot {
    uint32_t number; /* + 1 of the name that is kept there, 0: free */
    uint32_t tag;    /* a part of its hash, so that few texts are compared */
} bal_name_slot;

typedef struct bal_name_set {
    char **names; /* count of them, in the order of their numbers; they do not move */
    size_t count, room;
    bal_name_slot *slots;
    size_t slot_count;
    bal_name_block *block; /* the newest, which leads to those before */
} bal_name_set;

/* FNV-1a, 64 bits. */
uint64_t bal_text_hash(const char *text);
/* The number of a name that is not there is -1. */
int64_t bal_name_set_find(const bal_name_set *set, const char *name);
/* *number receives that of the name, which is copied where it is new. At most 2^31 - 1 names. */
bal_status bal_name_set_add(bal_name_set *set, bal_ctx *ctx, const char *name, int64_t *number);
void bal_name_set_free(bal_ctx *ctx, bal_name_set *set);

#endif
