/* A calibration as JSON and back. Reading is strict: what is used on every later prediction must
 * not be guessed from a damaged file. */
#include "evaluate/calibration.h"

#include "base/cursor.h"
#include "base/writer.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1, MOST_CLASSES = 100000, MOST_STEPS = 64 };
#define LARGEST_FILE ((size_t)64 * 1024 * 1024)
#define LARGEST_NUMBER 1e12 /* a scale or offset beyond it is damage */

/* ---- writing ---- */

static json_t *numbers(const double *list, int count)
{
    json_t *array = list ? json_array() : json_null();
    for (int j = 0; list && array && j < count; j++)
        if (json_array_append_new(array, json_real(list[j])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *report_value(const bal_calibration_report *r)
{
    return json_pack("{s:I, s:f, s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:b}", "items",
                     (json_int_t)r->items, "effective_items", r->effective_items, "classes_without",
                     r->classes_without, "measure", r->measure, "larger_is_better",
                     r->larger_is_better, "before", bal_json_real(r->before), "after",
                     bal_json_real(r->after), "crossed", bal_json_real(r->crossed), "gain_low",
                     bal_json_real(r->gain.low), "gain_high", bal_json_real(r->gain.high),
                     "iterations", r->iterations, "helps", r->helps);
}

static json_t *step_value(const bal_calibration_step *s, int classes)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "method", s->method, "scale",
                     numbers(s->scale, classes), "offset", numbers(s->offset, classes), "prior",
                     numbers(s->prior, classes), "report", report_value(&s->report));
}

bal_status bal_calibration_json(const bal_calibration *c, bal_ctx *ctx, char **text)
{
    *text = NULL;
    json_t *steps = json_array();
    bool whole = steps != NULL;
    for (int i = 0; whole && i < c->count; i++)
        whole = json_array_append_new(steps, step_value(&c->steps[i].is, c->classes)) == 0;
    json_t *root = whole ? json_pack("{s:s, s:i, s:s, s:i, s:b, s:o, s:O}", "what",
                                     "ballast calibration", "version", (int)VERSION, "weights",
                                     c->weights, "classes", c->classes, "moved", c->moved, "prior",
                                     numbers(c->before, c->classes), "steps", steps)
                         : NULL;
    json_decref(steps);
    *text = root ? bal_json_text(ctx, root, true) : NULL;
    json_decref(root);
    return *text ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for a calibration as JSON");
}

bal_status bal_calibration_write(const bal_calibration *calibration, bal_ctx *ctx, const char *path)
{
    char *text;
    BAL_TRY(bal_calibration_json(calibration, ctx, &text));
    const bal_status status = bal_file_write(ctx, path, text, strlen(text));
    bal_free(ctx, text);
    return status;
}

/* ---- reading ---- */

typedef struct reading {
    bal_ctx *ctx;
    const char *where;
    bal_calibration *c;
    double *memory; /* 3 C */
} reading;

static bal_status damaged(const reading *r, const char *what)
{
    return bal_fail(r->ctx, BAL_BAD_FILE, "%s: not a calibration: %s", r->where, what);
}

static bool read_numbers(const json_t *list, int count, double *out)
{
    if (!json_is_array(list) || json_array_size(list) != (size_t)count)
        return false;
    for (int j = 0; j < count; j++) {
        const json_t *value = json_array_get(list, (size_t)j);
        if (!json_is_number(value) || !(fabs(json_number_value(value)) <= LARGEST_NUMBER))
            return false;
        out[j] = json_number_value(value);
    }
    return true;
}

/* A prior or null. */
static bal_status read_prior(const reading *r, const json_t *list, int classes, double *memory,
                             double **out)
{
    *out = NULL;
    if (json_is_null(list))
        return BAL_OK;
    if (!read_numbers(list, classes, memory))
        return damaged(r, "a prior is not a list of a number a class");
    if (bal_take_prior(r->ctx, "prior", classes, memory, memory) != BAL_OK)
        return bal_fail_within(r->ctx, BAL_BAD_FILE, "%s", r->where);
    *out = memory;
    return BAL_OK;
}

/* null is NaN. */
static bool take_real(const json_t *value, double *out)
{
    *out = json_is_null(value) ? NAN : json_number_value(value);
    return json_is_null(value) || json_is_number(value);
}

static const char *measure_of(const char *name)
{
    static const char *const own[] = {"", "nll", "cost", "log_likelihood"};
    for (size_t i = 0; i < BAL_COUNT_OF(own); i++)
        if (strcmp(name, own[i]) == 0)
            return own[i];
    return bal_metric_key(bal_metric_find(name));
}

static bal_status read_report(const reading *r, json_t *value, bal_calibration_report *report)
{
    json_error_t error;
    json_t *reals[5];
    json_int_t items;
    const char *measure;
    int larger, helps;
    *report = (bal_calibration_report){.added = true};
    if (json_unpack_ex(value, &error, JSON_STRICT,
                       "{s:I, s:F, s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:b}", "items",
                       &items, "effective_items", &report->effective_items, "classes_without",
                       &report->classes_without, "measure", &measure, "larger_is_better", &larger,
                       "before", &reals[0], "after", &reals[1], "crossed", &reals[2], "gain_low",
                       &reals[3], "gain_high", &reals[4], "iterations", &report->iterations,
                       "helps", &helps) != 0)
        return damaged(r, error.text);
    if (!take_real(reals[0], &report->before) || !take_real(reals[1], &report->after) ||
        !take_real(reals[2], &report->crossed) || !take_real(reals[3], &report->gain.low) ||
        !take_real(reals[4], &report->gain.high) || items < 0)
        return damaged(r, "a report of a step holds what is no number");
    report->measure = measure_of(measure);
    if (!report->measure)
        return damaged(r, "a step has a measure that is not known");
    report->items = items;
    report->larger_is_better = larger;
    report->helps = helps;
    return BAL_OK;
}

static bal_status read_step(const reading *r, json_t *value)
{
    json_error_t error;
    json_t *scale, *offset, *prior, *report;
    const int classes = r->c->classes;
    bal_calibration_step step = {.scale = r->memory, .offset = r->memory + classes};
    double *known;
    if (json_unpack_ex(value, &error, JSON_STRICT, "{s:s, s:o, s:o, s:o, s:o}", "method",
                       &step.method, "scale", &scale, "offset", &offset, "prior", &prior, "report",
                       &report) != 0)
        return damaged(r, error.text);
    const bal_calibration_method *method = bal_calibration_method_find(step.method);
    if (!method)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: this build has no calibration \"%.100s\"",
                        r->where, step.method);
    if (r->c->decides)
        return damaged(r, "a step stands behind offsets");
    if (!read_numbers(scale, classes, r->memory) ||
        !read_numbers(offset, classes, r->memory + classes))
        return damaged(r, "scale and offset want a number for each class");
    BAL_TRY(read_prior(r, prior, classes, r->memory + 2 * classes, &known));
    BAL_TRY(read_report(r, report, &step.report));
    step.report.method = method->info.name;
    step.prior = known;
    step.decision = method->decision;
    BAL_TRY(bal_calibration_append(r->c, &step));
    for (int j = 0; j < classes; j++)
        if (!(fabs(r->c->scale[j]) <= LARGEST_NUMBER && fabs(r->c->offset[j]) <= LARGEST_NUMBER))
            return damaged(r, "the steps together are out of range");
    return BAL_OK;
}

static bal_status read_root(reading *r, json_t *root, bal_calibration **out)
{
    json_error_t error;
    json_t *prior, *steps;
    const char *what, *weights;
    int version, classes, moved;
    double *known;
    if (!root)
        return damaged(r, "not JSON");
    if (json_unpack_ex(root, &error, 0, "{s:s, s:i}", "what", &what, "version", &version) != 0)
        return damaged(r, error.text);
    if (strcmp(what, "ballast calibration") != 0)
        return damaged(r, "it says that it is something else");
    if (version != VERSION)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: version %d, this build reads version %d",
                        r->where, version, VERSION);
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:s, s:i, s:s, s:i, s:b, s:o, s:o}", "what",
                       &what, "version", &version, "weights", &weights, "classes", &classes,
                       "moved", &moved, "prior", &prior, "steps", &steps) != 0)
        return damaged(r, error.text);
    if (classes < 2 || classes > MOST_CLASSES || !json_is_array(steps) ||
        json_array_size(steps) > MOST_STEPS)
        return damaged(r, "classes or steps are out of range");
    r->memory = bal_calloc(r->ctx, 3 * (size_t)classes, sizeof *r->memory);
    if (!r->memory)
        return BAL_NO_MEMORY;
    BAL_TRY(read_prior(r, prior, classes, r->memory, &known));
    BAL_TRY(bal_calibration_open(out, r->ctx, classes, known));
    r->c = *out;
    r->c->moved = moved;
    BAL_TRY(bal_calibration_set_weights(r->c, weights));
    for (size_t i = 0; i < json_array_size(steps); i++)
        BAL_TRY(read_step(r, json_array_get(steps, i)));
    return BAL_OK;
}

bal_status bal_calibration_parse(bal_calibration **out, bal_ctx *ctx, const char *where,
                                 const char *text, size_t length)
{
    *out = NULL;
    reading r = {.ctx = ctx, .where = where};
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    const bal_status status = read_root(&r, root, out);
    json_decref(root);
    bal_free(ctx, r.memory);
    if (status != BAL_OK)
        bal_calibration_close(out);
    return status;
}

bal_status bal_calibration_read(bal_calibration **out, bal_ctx *ctx, const char *path)
{
    bal_bytes text;
    *out = NULL;
    BAL_TRY(bal_file_read(ctx, path, LARGEST_FILE, &text));
    const bal_status status =
        bal_calibration_parse(out, ctx, path, (const char *)text.data, text.count);
    bal_bytes_free(ctx, &text);
    return status;
}
