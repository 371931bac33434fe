/* NPY files from memory. */
#include "base/writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The items one by one are those of the whole, in whatever order the file has them. */
static void check_parts(bal_ctx *ctx, const bal_npy *whole, const uint8_t *data, size_t size)
{
    bal_npy_layout layout;
    uint8_t item[8];
    if (bal_npy_locate(ctx, "file", data, size, &layout) != BAL_OK)
        abort();
    const size_t bytes = bal_npy_size(layout.type);
    for (int64_t i = 0; i < layout.count && i < 1000; i++) {
        bal_npy_gather(&layout, i, 1, item);
        if (memcmp(item, (const uint8_t *)whole->data + (size_t)i * bytes, bytes) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_npy array;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (bal_npy_parse(ctx, "file", data, size, &array) == BAL_OK) {
        if (array.dims < 1 || array.dims > 4)
            abort();
        check_parts(ctx, &array, data, size);
        bal_npy_free(ctx, &array);
    }
    bal_ctx_close(&ctx);
    return 0;
}
