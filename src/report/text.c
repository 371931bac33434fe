/* Growing text over a memory stream, and text files. */
#include "report/text.h"

#include "ballast/report.h"
#include "base/writer.h"

#include <stdlib.h>
#include <string.h>

bal_status bal_text_open(bal_text *text, bal_ctx *ctx)
{
    *text = (bal_text){0};
    text->out = open_memstream(&text->held, &text->length);
    return text->out ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for a text");
}

bal_status bal_text_finish(bal_text *text, bal_ctx *ctx, bal_status status, char **result)
{
    *result = NULL;
    const bool whole = fclose(text->out) == 0 && text->held;
    if (status == BAL_OK && !whole)
        status = bal_fail(ctx, BAL_NO_MEMORY, "no memory for a text");
    if (status == BAL_OK) {
        *result = bal_strdup(ctx, text->held);
        status = *result ? BAL_OK : BAL_NO_MEMORY;
    }
    free(text->held);
    *text = (bal_text){0};
    return status;
}

bal_status bal_report_write(bal_ctx *ctx, const char *path, const char *text)
{
    return bal_file_write(ctx, path, text, strlen(text));
}
