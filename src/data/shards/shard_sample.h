/* The members of one sample of a shard, gathered one after the other, and the label they hold. */
#ifndef BAL_SHARD_SAMPLE_H
#define BAL_SHARD_SAMPLE_H

#include "base/cursor.h"
#include "data/shards/shard_index.h"

#define BAL_SHARD_LONGEST_NAME 4096

/* What a member is for. */
typedef enum bal_shard_part {
    BAL_SHARD_NOTHING, /* of no interest here */
    BAL_SHARD_PICTURE,
    BAL_SHARD_CLS,
    BAL_SHARD_JSON
} bal_shard_part;

/* A member's name taken apart as WebDataset does: the key goes up to the first point of the last
 * part of the path, what follows is the ending, in any case. */
typedef struct bal_shard_member {
    char key[BAL_SHARD_LONGEST_NAME];
    bal_shard_part part;
    int rank; /* of the picture's ending in the table of decoders */
} bal_shard_member;

/* False: it is no part of a sample (no point, a hidden name, or "__meta__"). name is shorter than
 * BAL_SHARD_LONGEST_NAME. */
bool bal_shard_member_of(const char *name, bal_shard_member *out);

typedef struct bal_shard_sampler {
    bal_ctx *ctx;
    const char *shard; /* for messages */
    bal_shard_index *index;
    bal_shard_member now; /* its key is that of the sample; "": none yet */
    int rank;             /* of its picture; -1: none yet */
    bool seen[BAL_SHARD_JSON + 1];
    bal_shard_sample picture;
    bal_bytes cls, json;
} bal_shard_sampler;

/* The next member; the sample before it ends where the key is another. Fails with BAL_BAD_FILE. */
bal_status bal_shard_sampler_member(bal_shard_sampler *s, const bal_shard_member *member);
/* What it holds; the bytes are taken. */
void bal_shard_sampler_picture(bal_shard_sampler *s, int rank, uint64_t offset, uint32_t size);
void bal_shard_sampler_label(bal_shard_sampler *s, bal_shard_part part, bal_bytes bytes);
/* Ends the last sample: puts it into the index. A sample with neither picture nor label is left
 * out; one with only one of them is BAL_BAD_FILE. */
bal_status bal_shard_sampler_end(bal_shard_sampler *s);
void bal_shard_sampler_free(bal_shard_sampler *s);

#endif
