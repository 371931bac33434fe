/* Weight files: whatever the bytes say, parsing ends with weights or a sentence. What was read is
 * touched, so that wrong sizes are seen. */
#include "net/weights.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_weights *w;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (bal_weights_parse(&w, ctx, "fuzz", data, size) == BAL_OK) {
        volatile float sink = 0.0f;
        for (int i = 0; i < bal_weights_count(w); i++) {
            const bal_tensor *t = bal_weights_at(w, i);
            int64_t count = 1;
            for (int k = 0; k < t->dims; k++)
                count *= t->shape[k];
            if (count != t->count)
                abort();
            for (int64_t k = 0; k < t->count; k++)
                sink = t->data[k];
        }
        (void)sink;
        bal_weights_close(&w);
    }
    bal_ctx_close(&ctx);
    return 0;
}
