/* Any bytes as a recipe: refused with a sentence, or read, written, and read again as the same. */
#include "ballast/train.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_recipe *recipe, *again;
    char *first = NULL, *second = NULL;
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (bal_recipe_parse(&recipe, ctx, "fuzz", (const char *)data, size) == BAL_OK) {
        if (bal_recipe_yaml(recipe, ctx, &first) != BAL_OK ||
            bal_recipe_parse(&again, ctx, "again", first, strlen(first)) != BAL_OK ||
            bal_recipe_yaml(again, ctx, &second) != BAL_OK || strcmp(first, second) != 0)
            abort();
        bal_recipe_close(&again);
    } else if (!*bal_error(ctx)) {
        abort();
    }
    bal_release(ctx, first);
    bal_release(ctx, second);
    bal_recipe_close(&recipe);
    bal_ctx_close(&ctx);
    return 0;
}
