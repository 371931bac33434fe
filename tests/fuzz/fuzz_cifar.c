/* CIFAR records from memory, both kinds. */
#include "data/readers/cifar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    bal_bytes file = {bal_calloc(ctx, size, 1), size};
    const bal_cifar_kind *const kinds[] = {&bal_cifar_10, &bal_cifar_100};
    if (file.data && size)
        memcpy(file.data, data, size);
    for (size_t i = 0; file.data && i < BAL_COUNT_OF(kinds); i++) {
        int64_t records;
        if (bal_cifar_check(ctx, "file", &file, kinds[i], &records) == BAL_OK &&
            (size_t)records * (3072 + (size_t)kinds[i]->label_bytes) != size)
            abort();
    }
    bal_bytes_free(ctx, &file);
    bal_ctx_close(&ctx);
    return 0;
}
