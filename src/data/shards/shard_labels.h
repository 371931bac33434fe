/* One numbering of the classes over all shards of a data set. */
#ifndef BAL_SHARD_LABELS_H
#define BAL_SHARD_LABELS_H

#include "data/shards/shard_store.h"
#include "data/readers/source.h"

/* What the labels of the shards mean. Numbers stand for themselves; names are numbered in the
 * order of a list of class names, else bytewise. */
typedef struct bal_shard_labels {
    bool named;
    bal_name_set names; /* of all shards, or of the list */
    int32_t *order;     /* number in names -> class; NULL: the same */
    int classes;
} bal_shard_labels;

/* The list is classnames.txt or classes.txt in the folder, a name a line. Fails with BAL_BAD_DATA
 * (names and numbers mixed, a label that is not in the list), BAL_BAD_FILE (the list). Release with
 * bal_shard_labels_free. */
bal_status bal_shard_labels_read(bal_ctx *ctx, const bal_shard *shards, size_t count,
                                 const char *folder, bal_shard_labels *out);
/* The classes of a shard's samples into labels, one a sample. */
bal_status bal_shard_labels_of(const bal_shard_labels *labels, bal_ctx *ctx, const bal_shard *shard,
                               int32_t *out);
/* classes names in their order, or NULL with BAL_OK where the data knows none; new, bal_free. The
 * texts are borrowed. */
bal_status bal_shard_labels_names(const bal_shard_labels *labels, bal_ctx *ctx, const char ***out);
void bal_shard_labels_free(bal_ctx *ctx, bal_shard_labels *labels);

#endif
