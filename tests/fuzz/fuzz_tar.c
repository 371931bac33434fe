/* Tar files as shards: whatever libarchive makes of the bytes, the samples lie inside the file and
 * can be written and read as an index. */
#include "data/shards/shard_scan.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const bal_shard_index *index, size_t size)
{
    for (size_t i = 0; i < index->count; i++) {
        const bal_shard_sample *s = &index->samples[i];
        if (s->offset > size || s->size > size - s->offset ||
            (index->named && s->label >= index->names.count) || !*bal_shard_key(index, i))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_shard_index index;
    const int fd = memfd_create("s.tar", MFD_CLOEXEC);
    if (fd < 0 || bal_ctx_open(&ctx, NULL) != BAL_OK)
        abort();
    if (write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    if (bal_shard_scan(ctx, "s.tar", fd, &index) == BAL_OK) {
        check(&index, size);
        bal_shard_index_free(ctx, &index);
    }
    bal_ctx_close(&ctx);
    close(fd);
    return 0;
}
