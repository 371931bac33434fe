/* What CSV and JSONL manifests have in common: rows of images, and what they make of a source. */
#ifndef BAL_MANIFEST_H
#define BAL_MANIFEST_H

#include "base/cursor.h"
#include "data/readers/name_set.h"
#include "data/readers/source.h"

/* A row as it was read. Texts are borrowed during the call; "" and NULL: it has none. */
typedef struct bal_manifest_row {
    int64_t line;
    const char *path, *label, *split, *group;
    double weight; /* 1 where there is none */
} bal_manifest_row;

typedef struct bal_manifest_item {
    uint32_t line;
    int32_t label, group; /* numbers in the sets; group -1: none */
    float weight;
    uint8_t split;
} bal_manifest_item;

/* The reader's own of a source. */
typedef struct bal_manifest {
    char *folder; /* where relative paths begin; "" is the present folder */
    bal_name_set paths;
    uint32_t *lines; /* of the items */

    /* while it is read */
    bal_name_set labels, groups, others; /* others: columns or keys that are not known */
    int32_t *group_items;                /* the first item of each group */
    size_t group_room;
    bal_manifest_item *items;
    size_t room;
    int64_t with_split, without_split; /* the first lines of these kinds; 0: none */
    int64_t repeats, repeat_line;      /* rows that say again what was said; the first of them */
} bal_manifest;

/* Gives the source an empty manifest. */
BAL_MUST_CHECK bal_status bal_manifest_begin(bal_source *source, bal_ctx *ctx);
/* Adds a row. Fails with BAL_BAD_FILE (path or label missing, an unknown split, a weight that is
 * none) or BAL_BAD_DATA (what contradicts a row before), naming file and line. */
BAL_MUST_CHECK bal_status bal_manifest_add(bal_source *source, bal_ctx *ctx,
                                           const bal_manifest_row *row);
/* A column or key that is not one of a manifest's: told once all is read. */
BAL_MUST_CHECK bal_status bal_manifest_ignore(bal_source *source, bal_ctx *ctx, const char *name);
/* Makes items, classes, groups and weights of the rows. */
BAL_MUST_CHECK bal_status bal_manifest_finish(bal_source *source, bal_ctx *ctx);
/* Text to source, images are not looked at: of CSV (changed; the byte behind it too) and JSONL. */
BAL_MUST_CHECK bal_status bal_manifest_csv(bal_source *source, bal_ctx *ctx, const bal_bytes *text,
                                           char delimiter);
BAL_MUST_CHECK bal_status bal_manifest_jsonl(bal_source *source, bal_ctx *ctx,
                                             const bal_bytes *text);

/* The rest of the readers. open: reads the file and hands its text on. */
BAL_MUST_CHECK bal_status bal_manifest_open(bal_source *source, bal_ctx *ctx,
                                            bal_status (*parse)(bal_source *source, bal_ctx *ctx,
                                                                const bal_bytes *text));
BAL_MUST_CHECK bal_status bal_manifest_picture(const bal_source *source, bal_ctx *ctx, int64_t item,
                                               bal_ask ask, bal_picture *out);
void bal_manifest_item_name(const bal_source *source, int64_t item, char *buffer, size_t size);
void bal_manifest_close(bal_source *source);

#endif
