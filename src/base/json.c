/* JSON values and CSV fields. */
#include "base/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *bal_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

char *bal_json_text(bal_ctx *ctx, const json_t *value, bool indent)
{
    const size_t flags =
        JSON_ENCODE_ANY | JSON_REAL_PRECISION(17) | (indent ? JSON_INDENT(2) : JSON_COMPACT);
    char *theirs = value ? json_dumps(value, flags) : NULL;
    if (!theirs) {
        bal_fail(ctx, BAL_NO_MEMORY, "no memory for a JSON text");
        return NULL;
    }
    char *text = bal_strdup(ctx, theirs);
    free(theirs);
    return text;
}

void bal_csv_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            fputc('"', out);
        fputc(*c, out);
    }
    fputc('"', out);
}
