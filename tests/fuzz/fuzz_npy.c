/* NPY files from memory. */
#include "base/writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_npy array;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (bal_npy_parse(ctx, "file", data, size, &array) == BAL_OK) {
        if (array.dims < 1 || array.dims > 4)
            abort();
        bal_npy_free(ctx, &array);
    }
    bal_ctx_close(&ctx);
    return 0;
}
