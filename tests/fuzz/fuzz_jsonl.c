/* JSONL manifests from memory. */
#include "data/readers/manifest.h"
#include "helpers/manifests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    bal_source source = {
        .ctx = ctx, .reader = &bal_reader_jsonl, .path = bal_strdup(ctx, "m.jsonl")};
    const bal_bytes text = {(unsigned char *)(uintptr_t)data, size}; /* it is only read */
    test_manifest_sound(&source, bal_manifest_jsonl(&source, ctx, &text));
    bal_source_close(&source);
    bal_ctx_close(&ctx);
    return 0;
}
