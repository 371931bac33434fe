/* Braces in a name, as a shell expands them: {000..012} and {a,b}, several and nested. */
#ifndef BAL_BRACES_H
#define BAL_BRACES_H

#include "base/context.h"

typedef struct bal_texts {
    char **items;
    size_t count, room;
} bal_texts;

/* Does the text have a group that stands for several texts? */
bool bal_braces_in(const char *text);
/* The texts in the order of a shell: the last group changes fastest. Numbers keep the width of the
 * longer end where one of the ends begins with 0, and count down where the first end is larger.
 * What is no group stays as it is. Fails with BAL_BAD_ARG: more than most texts, or one is too
 * long for a path. Release with bal_texts_free. */
bal_status bal_braces_expand(bal_ctx *ctx, const char *text, size_t most, bal_texts *out);
/* Copies length bytes of the text. */
bal_status bal_texts_add(bal_texts *texts, bal_ctx *ctx, const char *text, size_t length);
void bal_texts_free(bal_ctx *ctx, bal_texts *texts);

#endif
