/* Weight files: whatever the bytes say, parsing ends with weights or a sentence. What was read is
 * touched, so that wrong sizes are seen. Every input is parsed twice, as it is and with a length of
 * the header that fits its last brace: few changes of a header keep its length. */
#include "net/weights.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 8 /* bytes before the header */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const bal_weights *w)
{
    volatile float sink = 0.0f;
    for (int i = 0; i < bal_weights_count(w); i++) {
        const bal_tensor *t = bal_weights_at(w, i);
        int64_t count = 1;
        for (int k = 0; k < t->dims; k++)
            count *= t->shape[k];
        if (count != t->count || bal_weights_find(w, t->name) != t)
            abort();
        for (int64_t k = 0; k < t->count; k++)
            sink = t->data[k];
    }
    (void)sink;
}

static void parse(bal_ctx *ctx, const uint8_t *data, size_t size)
{
    bal_weights *w;
    if (bal_weights_parse(&w, ctx, "fuzz", data, size) != BAL_OK)
        return;
    touch(w);
    bal_weights_close(&w);
}

/* False: there is no brace to end a header. */
static bool fit_length(uint8_t *data, size_t size)
{
    size_t end = size;
    while (end > LENGTH && data[end - 1] != '}')
        end--;
    if (end <= LENGTH)
        return false;
    for (size_t i = 0; i < LENGTH; i++)
        data[i] = (uint8_t)((uint64_t)(end - LENGTH) >> 8 * i);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    parse(ctx, data, size);
    uint8_t *copy = bal_calloc(ctx, size, 1);
    if (copy && size > LENGTH) {
        memcpy(copy, data, size);
        if (fit_length(copy, size))
            parse(ctx, copy, size);
    }
    bal_free(ctx, copy);
    bal_ctx_close(&ctx);
    return 0;
}
