/* What is known of a shard (a tar file of samples): where the bytes of each picture are, its label
 * and its key. Built once by reading the headers of the tar file, and kept in a file. */
#ifndef BAL_SHARD_INDEX_H
#define BAL_SHARD_INDEX_H

#include "data/readers/name_set.h"

#include <sys/stat.h>

#define BAL_SHARD_MOST_CLASSES 100000

/* The file that the index was built from; another size or time of change makes it worthless. */
typedef struct bal_shard_identity {
    uint64_t size;
    int64_t seconds;
    uint32_t nanoseconds;
} bal_shard_identity;

typedef struct bal_shard_sample {
    uint64_t offset;
    uint32_t size;
    uint32_t label; /* a class number, or a number in names */
    size_t key;     /* where its text begins in texts */
} bal_shard_sample;

typedef struct bal_shard_index {
    bal_shard_identity identity;
    uint64_t tar_size;  /* of the plain tar file: identity.size unless it was compressed */
    bool named;         /* labels are names, not numbers */
    bal_name_set names; /* where they are */
    size_t count, room;
    bal_shard_sample *samples; /* in the order of the tar file */
    size_t text_count, text_room;
    char *texts; /* the keys, each ended by a zero */
} bal_shard_index;

bal_shard_identity bal_shard_identity_of(const struct stat *info);
bool bal_shard_identity_equal(const bal_shard_identity *a, const bal_shard_identity *b);

const char *bal_shard_key(const bal_shard_index *index, size_t sample);
/* sample.key is of no interest: the key is copied. */
bal_status bal_shard_index_add(bal_shard_index *index, bal_ctx *ctx, bal_shard_sample sample,
                               const char *key);
void bal_shard_index_free(bal_ctx *ctx, bal_shard_index *index);

/* The file, all numbers little-endian: "BALSHARD", u32 version, u32 0x01020304, u64 length of the
 * file, u32 CRC-32 (zlib's) of all that follows; then u64 size, i64 seconds, u32 nanoseconds and
 * u64 tar_size of the shard, its name, u8 named, u32 names and each of them, u64 samples and for
 * each u64 offset, u32 size, u32 label and the key. A text is u16 length and its bytes.
 * shard is the name of the tar file without its folder. Fails with BAL_IO. */
bal_status bal_shard_index_write(bal_ctx *ctx, const char *path, const char *shard,
                                 const bal_shard_index *index);
/* Fails with BAL_BAD_FILE: damaged, of another version, or of a shard with another name; name is
 * for the message. Release with bal_shard_index_free. */
bal_status bal_shard_index_parse(bal_ctx *ctx, const char *name, const char *shard,
                                 const void *bytes, size_t count, bal_shard_index *out);

#endif
