/* What every manifest that was accepted must be; see manifests.h. */
#include "helpers/manifests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void must(bool fine)
{
    if (!fine)
        abort();
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

void test_manifest_sound(const bal_source *s, bal_status status)
{
    must(is_plain(bal_error(s->ctx)));
    must(status == BAL_OK || *bal_error(s->ctx));
    if (status != BAL_OK)
        return;
    int32_t groups = 0;
    must(s->count >= 1 && s->classes >= 1);
    for (int c = 0; c < s->classes; c++)
        must(*s->class_names[c] && is_plain(s->class_names[c]));
    for (int64_t i = 0; i < s->count; i++) {
        char name[64];
        must(s->labels[i] >= 0 && s->labels[i] < s->classes && s->splits[i] < BAL_SPLIT_COUNT);
        must(!s->weights || (s->weights[i] >= 0.0f && isfinite(s->weights[i])));
        if (s->groups) {
            must(s->groups[i] >= -1 && s->groups[i] <= groups);
            groups += s->groups[i] == groups; /* numbered as they come */
        }
        s->reader->item_name(s, i, name, sizeof name);
        must(*name && is_plain(name));
    }
    for (int64_t i = 0; s->groups && i < s->count && i < 50; i++)
        for (int64_t k = 0; k < i; k++)
            must(s->groups[i] < 0 || s->groups[i] != s->groups[k] || s->splits[i] == s->splits[k]);
}
