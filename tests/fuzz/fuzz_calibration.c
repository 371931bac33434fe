/* Any bytes as a calibration: refused with a sentence, or read, used, written, and read again as
 * the same. */
#include "ballast/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const bal_calibration *c, bal_ctx *ctx)
{
    const int classes = bal_calibration_classes(c);
    float *logits = calloc((size_t)classes, sizeof *logits);
    double *p = calloc((size_t)classes, sizeof *p), sum = 0.0;
    char *first = NULL, *second = NULL;
    bal_calibration *again;
    if (!logits || !p)
        abort();
    for (int j = 0; j < classes; j++)
        logits[j] = (float)(j % 7) - 3.0f;
    const int top = bal_calibration_predict(c, classes, logits, p);
    for (int j = 0; j < classes; j++)
        sum += p[j];
    if (top < 0 || top >= classes || !(fabs(sum - 1.0) < 1e-9))
        abort();
    if (bal_calibration_json(c, ctx, &first) != BAL_OK ||
        bal_calibration_parse(&again, ctx, "again", first, strlen(first)) != BAL_OK ||
        bal_calibration_json(again, ctx, &second) != BAL_OK || strcmp(first, second) != 0)
        abort();
    bal_calibration_close(&again);
    bal_release(ctx, first);
    bal_release(ctx, second);
    free(logits);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_calibration *c;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (bal_calibration_parse(&c, ctx, "fuzz", (const char *)data, size) == BAL_OK)
        use(c, ctx);
    else if (!*bal_error(ctx))
        abort();
    bal_calibration_close(&c);
    bal_ctx_close(&ctx);
    return 0;
}
