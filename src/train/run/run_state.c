/* The state of a run as JSON. Doubles are written with 17 digits and come back bit for bit. */
#include "train/run/run_state.h"

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
        json_pack("{s:i, s:i, s:i, s:I, s:f, s:I, s:I, s:i, s:o, s:f, s:O, s:O}", "version",
                  STATE_VERSION, "epoch", s->epoch, "begun", s->begun, "step", (json_int_t)s->step,
                  "loss_sum", s->loss_sum, "seen", (json_int_t)s->seen, "right",
                  (json_int_t)s->right, "best_epoch", s->best_epoch, "best", bal_json_real(s->best),
                  "seconds", s->seconds, "must", identity->must, "should", identity->should);
    *text = bal_json_text(ctx, all, false);
    json_decref(all);
    return *text ? BAL_OK : BAL_NO_MEMORY;
}

/* Reading: a field that is wrong makes the rest be skipped. */
typedef struct fields {
    json_t *all;
    const char *bad; /* the first that is missing or of another kind, or NULL */
} fields;

static json_t *take(fields *f, const char *key, bool right)
{
    if (!right && !f->bad)
        f->bad = key;
    return right ? json_object_get(f->all, key) : NULL;
}

static json_int_t whole(fields *f, const char *key)
{
    return json_integer_value(take(f, key, json_is_integer(json_object_get(f->all, key))));
}

/* null is NaN where it may be. */
static double real(fields *f, const char *key, bool may_be_null)
{
    const json_t *value = json_object_get(f->all, key);
    const bool null = may_be_null && json_is_null(value);
    value = take(f, key, null || json_is_number(value));
    return null ? NAN : json_number_value(value);
}

static json_t *texts(fields *f, const char *key)
{
    json_t *object = json_object_get(f->all, key), *value;
    bool right = json_is_object(object);
    const char *name;
    json_object_foreach(object, name, value) right = right && json_is_string(value);
    return take(f, key, right);
}

static bool plausible(json_int_t epoch, json_int_t best_epoch, json_int_t begun,
                      const bal_run_state *s)
{
    return begun >= 0 && begun <= 1000000000 && epoch >= 0 && epoch <= 1000000000 &&
           best_epoch >= 0 && best_epoch <= epoch && s->step >= 0 && s->seen >= 0 &&
           s->right >= 0 && s->right <= s->seen;
}

static bal_status read_fields(bal_ctx *ctx, const char *path, json_t *all, bal_run_state *s,
                              bal_run_identity *identity)
{
    fields f = {.all = all};
    const json_int_t version = whole(&f, "version"), epoch = whole(&f, "epoch"),
                     begun = whole(&f, "begun"), best_epoch = whole(&f, "best_epoch");
    s->step = whole(&f, "step");
    s->loss_sum = real(&f, "loss_sum", false);
    s->seen = whole(&f, "seen");
    s->right = whole(&f, "right");
    s->best = real(&f, "best", true);
    s->seconds = real(&f, "seconds", false);
    json_t *must = texts(&f, "must"), *should = texts(&f, "should");
    if (f.bad)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: the state of the run: \"%s\" is missing or of the wrong kind", path,
                        f.bad);
    if (version != STATE_VERSION)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: state of version %lld, %d expected", path,
                        (long long)version, STATE_VERSION);
    if (!plausible(epoch, best_epoch, begun, s))
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: the state of the run makes no sense (epoch %lld, step %lld, best "
                        "epoch %lld, %lld of %lld right)",
                        path, (long long)epoch, (long long)s->step, (long long)best_epoch,
                        (long long)s->right, (long long)s->seen);
    s->epoch = (int)epoch;
    s->best_epoch = (int)best_epoch;
    s->begun = (int)begun;
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
