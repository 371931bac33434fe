/* Text that grows while it is written, handed over in the context's memory. */
#ifndef BAL_REPORT_TEXT_H
#define BAL_REPORT_TEXT_H

#include "base/context.h"

#include <stdio.h>

typedef struct bal_text {
    FILE *out; /* write here */
    char *held;
    size_t length;
} bal_text;

BAL_MUST_CHECK bal_status bal_text_open(bal_text *text, bal_ctx *ctx);
/* Ends the text in every case. result receives new text (bal_free), or NULL when status, which is
 * that of the writing, or the memory says no. Returns status or BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_text_finish(bal_text *text, bal_ctx *ctx, bal_status status,
                                          char **result);

#endif
