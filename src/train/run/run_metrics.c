/* What a run folder gains while training: a line and an event an epoch, the log, the summary. */
#include "base/cursor.h"
#include "train/run/event_file.h"
#include "train/run/run_folder_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LARGEST_METRICS ((size_t)1024 * 1024 * 1024)

static double wall_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bal_status know_classes(bal_run_folder *folder)
{
    bal_run_data data;
    if (folder->data)
        return BAL_OK;
    BAL_TRY(bal_run_data_open(&folder->data, folder->ctx, folder->path, &data));
    folder->classes = data.classes;
    folder->class_names = data.class_names;
    return BAL_OK;
}

/* ---- events: made from a line of metrics.jsonl, so both always agree ---- */

typedef struct scalar_list {
    char **tags;
    bal_event_scalar *scalars;
    int count;
} scalar_list;

/* Adds a number under "key" or "key/class"; null is not written. False: no memory. */
static bool add_scalar(bal_run_folder *folder, const char *key, int class_number,
                       const json_t *value, scalar_list *list)
{
    if (!json_is_number(value))
        return true;
    const char *name = class_number >= 0 ? folder->class_names[class_number] : "";
    char *tag = bal_format(folder->ctx, "%s%s%s", key, *name ? "/" : "", name);
    if (!tag)
        return false;
    list->tags[list->count] = tag;
    list->scalars[list->count++] = (bal_event_scalar){tag, (float)json_number_value(value)};
    return true;
}

static bool list_scalars(bal_run_folder *folder, json_t *line, scalar_list *list)
{
    const char *key;
    json_t *value;
    size_t room = 0;
    bool ok = true;
    json_object_foreach(line, key, value) room += json_is_array(value) ? json_array_size(value) : 1;
    list->tags = bal_calloc(folder->ctx, room, sizeof *list->tags);
    list->scalars = bal_calloc(folder->ctx, room, sizeof *list->scalars);
    if (!list->tags || !list->scalars)
        return false;
    json_object_foreach(line, key, value)
    {
        if (strcmp(key, "epoch") == 0 || strcmp(key, "time") == 0)
            continue;
        for (int c = 0; ok && c < folder->classes && c < (int)json_array_size(value); c++)
            ok = add_scalar(folder, key, c, json_array_get(value, (size_t)c), list);
        ok = ok && add_scalar(folder, key, -1, value, list);
    }
    return ok;
}

static bal_status add_event(bal_run_folder *folder, json_t *line, bal_event_bytes *out)
{
    scalar_list list = {0};
    const bool ok = list_scalars(folder, line, &list);
    if (ok)
        bal_event_scalars(out, json_number_value(json_object_get(line, "time")),
                          json_integer_value(json_object_get(line, "epoch")), list.scalars,
                          list.count);
    for (int i = 0; i < list.count; i++)
        bal_free(folder->ctx, list.tags[i]);
    bal_free(folder->ctx, list.tags);
    bal_free(folder->ctx, list.scalars);
    return ok && !out->failed ? BAL_OK : BAL_NO_MEMORY;
}

/* Not flushed to disk: on resume the events are made again from metrics.jsonl. */
static bal_status append_events(bal_run_folder *folder, const bal_event_bytes *bytes)
{
    char *path = bal_run_folder_file(folder, BAL_RUN_EVENTS);
    if (!path)
        return BAL_NO_MEMORY;
    FILE *f = fopen(path, "ab");
    bool ok = f && fwrite(bytes->data, 1, bytes->count, f) == bytes->count;
    if (f)
        ok = fclose(f) == 0 && ok;
    const bal_status status =
        ok ? BAL_OK : bal_fail(folder->ctx, BAL_IO, "%s: cannot append: %s", path, strerror(errno));
    bal_free(folder->ctx, path);
    return status;
}

/* ---- metrics.jsonl ---- */

static json_t *class_numbers(const double *values, int count)
{
    json_t *list = json_array();
    for (int c = 0; values && c < count; c++)
        if (json_array_append_new(list, bal_json_real(values[c])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *class_exposure(const int64_t *drawn, int count)
{
    json_t *list = json_array();
    for (int c = 0; drawn && c < count; c++)
        if (json_array_append_new(list, json_integer((json_int_t)drawn[c])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Only where there are any; a failure leaves no line. */
static json_t *with_levels(json_t *line, const bal_epoch_report *r)
{
    if (!r->class_level)
        return line;
    json_t *levels = json_array();
    bool ok = line && levels;
    for (int c = 0; ok && c < r->classes; c++)
        ok = json_array_append_new(levels, json_integer(r->class_level[c])) == 0;
    ok = ok && json_object_set(line, "class_level", levels) == 0 &&
         json_object_set_new(line, "level_tests", json_integer((json_int_t)r->level_tests)) == 0;
    json_decref(levels);
    if (ok)
        return line;
    json_decref(line);
    return NULL;
}

static json_t *epoch_line(const bal_epoch_report *r)
{
    json_t *line =
        json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:f, s:o, s:o, s:o}",
                  "epoch", r->epoch, "stage", r->stage, "lr", bal_json_real(r->lr), "train_loss",
                  bal_json_real(r->train_loss), "train_accuracy", bal_json_real(r->train_accuracy),
                  "val_loss", bal_json_real(r->val_loss), "val_balanced_accuracy",
                  bal_json_real(r->val_balanced_accuracy), "monitored", bal_json_real(r->monitored),
                  "best", (int)r->best, "seconds", bal_json_real(r->seconds), "images_per_second",
                  bal_json_real(r->images_per_second), "time", wall_time(), "val_class_loss",
                  class_numbers(r->val_class_loss, r->classes), "val_class_recall",
                  class_numbers(r->val_class_recall, r->classes), "class_drawn",
                  class_exposure(r->class_drawn, r->classes));
    return with_levels(line, r);
}

static bal_status append_to(bal_run_folder *folder, const char *name, const char *line)
{
    char *path = bal_run_folder_file(folder, name);
    const bal_status status = path ? bal_file_append_line(folder->ctx, path, line) : BAL_NO_MEMORY;
    bal_free(folder->ctx, path);
    return status;
}

bal_status bal_run_folder_epoch(bal_run_folder *folder, const bal_epoch_report *report)
{
    BAL_TRY(know_classes(folder));
    json_t *line = epoch_line(report);
    char *text = bal_json_text(folder->ctx, line, false);
    bal_event_bytes events = {.ctx = folder->ctx};
    bal_status status = text ? append_to(folder, BAL_RUN_METRICS, text) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = add_event(folder, line, &events);
    if (status == BAL_OK)
        status = append_events(folder, &events);
    bal_event_bytes_free(&events);
    bal_free(folder->ctx, text);
    json_decref(line);
    return status;
}

/* ---- going back to the first epochs ---- */

/* The line at *at, which must be that of epoch; moves *at behind it. */
static bal_status take_line(bal_run_folder *folder, const bal_bytes *text, size_t *at, int epoch,
                            json_t **line)
{
    const char *begin = (const char *)text->data + *at;
    const size_t left = text->count - *at;
    const char *end = left ? memchr(begin, '\n', left) : NULL;
    *line = end ? json_loadb(begin, (size_t)(end - begin), 0, NULL) : NULL;
    if (json_integer_value(json_object_get(*line, "epoch")) == epoch) {
        *at += (size_t)(end - begin) + 1;
        return BAL_OK;
    }
    json_decref(*line);
    *line = NULL;
    return bal_fail(folder->ctx, BAL_BAD_FILE, "%s/%s: line %d is not that of epoch %d",
                    folder->path, BAL_RUN_METRICS, epoch, epoch);
}

static bal_status read_metrics(bal_run_folder *folder, int epochs, bal_bytes *text)
{
    if (epochs == 0 && !bal_run_folder_has(folder, BAL_RUN_METRICS))
        return BAL_OK;
    char *path = bal_run_folder_file(folder, BAL_RUN_METRICS);
    const bal_status status =
        path ? bal_file_read(folder->ctx, path, LARGEST_METRICS, text) : BAL_NO_MEMORY;
    bal_free(folder->ctx, path);
    return status;
}

static bal_status write_bytes(bal_run_folder *folder, const char *name, const void *bytes,
                              size_t count)
{
    char *path = bal_run_folder_file(folder, name);
    const bal_status status =
        path ? bal_file_write(folder->ctx, path, bytes, count) : BAL_NO_MEMORY;
    bal_free(folder->ctx, path);
    return status;
}

bal_status bal_run_folder_truncate(bal_run_folder *folder, int epochs)
{
    bal_bytes text = {0};
    bal_event_bytes events = {.ctx = folder->ctx};
    size_t kept = 0;
    bal_status status;
    BAL_GOTO(know_classes(folder));
    BAL_GOTO(read_metrics(folder, epochs, &text));
    bal_event_begin(&events, wall_time());
    for (int epoch = 1; epoch <= epochs; epoch++) {
        json_t *line;
        BAL_GOTO(take_line(folder, &text, &kept, epoch, &line));
        status = add_event(folder, line, &events);
        json_decref(line);
        if (status != BAL_OK)
            goto fail;
    }
    if (events.failed) {
        status = BAL_NO_MEMORY;
        goto fail;
    }
    BAL_GOTO(write_bytes(folder, BAL_RUN_METRICS, text.data, kept));
    status = write_bytes(folder, BAL_RUN_EVENTS, events.data, events.count);
fail:
    bal_event_bytes_free(&events);
    bal_bytes_free(folder->ctx, &text);
    return status;
}

/* ---- summary and log ---- */

bal_status bal_run_folder_summary(bal_run_folder *folder, const json_t *summary)
{
    char *text = bal_json_text(folder->ctx, summary, true);
    const bal_status status =
        text ? bal_run_write_text(folder, BAL_RUN_SUMMARY, text) : BAL_NO_MEMORY;
    bal_free(folder->ctx, text);
    return status;
}

bal_status bal_run_folder_log(bal_run_folder *folder, const char *line)
{
    char date[32] = "";
    struct tm parts;
    const time_t now = time(NULL);
    if (gmtime_r(&now, &parts))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    char *text = bal_format(folder->ctx, "%s %s", date, line);
    const bal_status status = text ? append_to(folder, BAL_RUN_LOG, text) : BAL_NO_MEMORY;
    bal_free(folder->ctx, text);
    return status;
}
