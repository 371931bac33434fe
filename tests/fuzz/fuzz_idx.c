/* IDX headers and gzip from memory: the first byte chooses what the rest is. */
#include "base/cursor.h"
#include "data/readers/idx.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(bal_ctx *ctx, const bal_bytes *file, bool labels)
{
    uint32_t dims[3], count;
    const unsigned char *at;
    size_t start;
    if (labels && bal_idx_labels(ctx, "labels", file, &at, &count) == BAL_OK) {
        unsigned sum = 0;
        for (uint32_t i = 0; i < count; i++)
            sum += at[i];
        if (sum > 255u * count)
            abort();
    }
    if (!labels && bal_idx_images(ctx, "images", file, dims, &start) == BAL_OK &&
        start + (size_t)dims[0] * dims[1] * dims[2] != file->count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (size < 1 || bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    const bool labels = data[0] & 1, gz = data[0] & 2;
    bal_bytes file = {bal_calloc(ctx, size, 1), size - 1}, plain;
    if (file.data)
        memcpy(file.data, data + 1, size - 1);
    if (file.data && !gz)
        parse(ctx, &file, labels);
    if (file.data && gz && bal_gunzip(ctx, "file.gz", &file, LIMIT, &plain) == BAL_OK) {
        parse(ctx, &plain, labels);
        bal_bytes_free(ctx, &plain);
    }
    bal_bytes_free(ctx, &file);
    bal_ctx_close(&ctx);
    return 0;
}
