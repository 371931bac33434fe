/* The state of a run as JSON. Doubles are written with 17 digits and come back bit for bit. */
#include "train/run_state.h"

#include "base/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATE_VERSION 1

bal_run_state bal_run_state_start(void)
{
    return (bal_run_state){.best = NAN};
}

void bal_run_identity_free(bal_run_identity *identity)
{
    json_decref(identity->must);
    json_decref(identity->should);
    *identity = (bal_run_identity){NULL, NULL};
}

/* ---- comparing ---- */

/* The first line of each text from where they differ. */
static void differing_line(const char **a, const char **b)
{
    const char *x = *a, *y = *b;
    while (*x && *x == *y) {
        if (*x == '\n') {
            *a = x + 1;
            *b = y + 1;
        }
        x++;
        y++;
    }
    *a += strspn(*a, " ");
    *b += strspn(*b, " ");
}

static bool differ(const json_t *was, const json_t *is)
{
    const char *a = json_string_value(was), *b = json_string_value(is);
    return !a || !b || strcmp(a, b) != 0;
}

bal_status bal_run_identity_check(bal_ctx *ctx, const char *path, const bal_run_identity *was,
                                  const bal_run_identity *is)
{
    const char *key;
    json_t *now;
    json_object_foreach(is->must, key, now)
    {
        const json_t *then = json_object_get(was->must, key);
        if (!differ(then, now))
            continue;
        const char *a = then && json_string_value(then) ? json_string_value(then) : "";
        const char *b = json_string_value(now);
        differing_line(&a, &b);
        return bal_fail(ctx, BAL_MISMATCH,
                        "%s: the run was started with %s \"%.*s\", now it is \"%.*s\"", path, key,
                        (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
    }
    json_object_foreach(is->should, key, now)
    {
        const json_t *then = json_object_get(was->should, key);
        if (differ(then, now))
            bal_log(ctx, BAL_LOG_WARN,
                    "the run was started with %s %s and goes on with %s: results will not be the "
                    "same bit for bit",
                    key, then && json_string_value(then) ? json_string_value(then) : "?",
                    json_string_value(now));
    }
    return BAL_OK;
}

/* ---- text ---- */

bal_status bal_run_state_text(bal_ctx *ctx, const bal_run_state *s,
                              const bal_run_identity *identity, char **text)
{
    json_t *all =
        json_pack("{s:i, s:i, s:I, s:f, s:I, s:I, s:i, s:o, s:f, s:O, s:O}", "version",
                  STATE_VERSION, "epoch", s->epoch, "step", (json_int_t)s->step, "loss_sum",
                  s->loss_sum, "seen", (json_int_t)s->seen, "right", (json_int_t)s->right,
                  "best_epoch", s->best_epoch, "best", bal_json_real(s->best), "seconds",
                  s->seconds, "must", identity->must, "should", identity->should);
    *text = bal_json_text(ctx, all, false);
    json_decref(all);
    return *text ? BAL_OK : BAL_NO_MEMORY;
}

static bool all_texts(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_object(object);
}

static bal_status read_fields(bal_ctx *ctx, const char *path, json_t *all, bal_run_state *s,
                              bal_run_identity *identity)
{
    json_int_t version, epoch, step, seen, right, best_epoch;
    json_t *best, *must, *should;
    json_error_t error;
    if (json_unpack_ex(all, &error, 0, "{s:I, s:I, s:I, s:F, s:I, s:I, s:I, s:o, s:F, s:o, s:o}",
                       "version", &version, "epoch", &epoch, "step", &step, "loss_sum",
                       &s->loss_sum, "seen", &seen, "right", &right, "best_epoch", &best_epoch,
                       "best", &best, "seconds", &s->seconds, "must", &must, "should",
                       &should) != 0)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: the state of the run cannot be read: %s", path,
                        error.text);
    if (version != STATE_VERSION)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: state of version %lld, %d expected", path,
                        (long long)version, STATE_VERSION);
    if (epoch < 0 || epoch > 1000000000 || best_epoch < 0 || best_epoch > epoch || step < 0 ||
        seen < 0 || right < 0 || right > seen || (!json_is_number(best) && !json_is_null(best)))
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: the state of the run makes no sense (epoch %lld, step %lld, best "
                        "epoch %lld)",
                        path, (long long)epoch, (long long)step, (long long)best_epoch);
    if (!all_texts(must) || !all_texts(should))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: must and should are not objects of texts", path);
    s->epoch = (int)epoch;
    s->step = step;
    s->seen = seen;
    s->right = right;
    s->best_epoch = (int)best_epoch;
    s->best = json_is_number(best) ? json_number_value(best) : NAN;
    identity->must = json_incref(must);
    identity->should = json_incref(should);
    return BAL_OK;
}

bal_status bal_run_state_parse(bal_ctx *ctx, const char *path, const char *text,
                               bal_run_state *state, bal_run_identity *identity)
{
    *state = bal_run_state_start();
    *identity = (bal_run_identity){NULL, NULL};
    json_error_t error;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!all)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: the state of the run is no JSON: %s", path,
                        error.text);
    const bal_status status = read_fields(ctx, path, all, state, identity);
    json_decref(all);
    return status;
}
