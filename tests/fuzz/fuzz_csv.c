/* CSV manifests from memory; the first byte chooses comma or tab. */
#include "data/readers/manifest.h"
#include "helpers/manifests.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (size < 1 || bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    bal_source source = {.ctx = ctx, .reader = &bal_reader_csv, .path = bal_strdup(ctx, "m.csv")};
    bal_bytes text = {bal_calloc(ctx, size, 1), size - 1};
    memcpy(text.data, data + 1, size - 1);
    test_manifest_sound(&source, bal_manifest_csv(&source, ctx, &text, data[0] & 1 ? '\t' : ','));
    bal_bytes_free(ctx, &text);
    bal_source_close(&source);
    bal_ctx_close(&ctx);
    return 0;
}
