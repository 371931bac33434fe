/* Indices of shards: whatever the bytes say, parsing ends with samples inside the tar file or a
 * sentence. Every input is parsed twice, as it is and with the length and the checksum repaired. */
#include "data/shards/shard_index.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LENGTH_AT 16
#define SUM_AT 24
#define HEAD 28

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(bal_ctx *ctx, const uint8_t *data, size_t size)
{
    bal_shard_index index;
    if (bal_shard_index_parse(ctx, "index", "s.tar", data, size, &index) != BAL_OK)
        return;
    for (size_t i = 0; i < index.count; i++) {
        const bal_shard_sample *s = &index.samples[i];
        if (s->offset + s->size > index.tar_size || strlen(bal_shard_key(&index, i)) == 0 ||
            (index.named && s->label >= index.names.count))
            abort();
    }
    bal_shard_index_free(ctx, &index);
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    parse(ctx, data, size);
    uint8_t *copy = bal_calloc(ctx, size, 1);
    if (copy && size > HEAD) {
        memcpy(copy, data, size);
        put(copy + LENGTH_AT, size, 8);
        put(copy + SUM_AT, crc32_z(0, copy + HEAD, size - HEAD), 4);
        parse(ctx, copy, size);
    }
    bal_free(ctx, copy);
    bal_ctx_close(&ctx);
    return 0;
}
