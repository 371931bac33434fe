/* The difficulty as a part of an audit. */
#include "audit/hardness/hardness_parts.h"

static void tell(void *user, const char *what, int64_t done, int64_t total)
{
    bal_audit_tell(user, what, done, total);
}

bal_status bal_audit_hardness(bal_ctx *ctx, const bal_hardness_ask *ask, bal_audit_difficulty *out)
{
    bal_hardness_settings s = bal_hardness_defaults();
    s.rows = ask->rows;
    s.count = ask->count;
    s.dim = ask->dim;
    s.labels = ask->labels;
    s.classes = ask->classes;
    s.neighbours = ask->neighbours;
    s.components = ask->components;
    s.seed = ask->seed;
    s.draws = ask->draws;
    if (ask->teller) {
        s.progress = tell;
        s.progress_user = ask->teller;
    }
    return bal_measure_hardness(ctx, &s, out);
}
