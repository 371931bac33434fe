/* The end of a manifest: the order of the classes, and the arrays of a source. */
#include "data/readers/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct named_class {
    const char *name;
    int32_t number; /* in the set of labels */
} named_class;

/* 0, 1, 2, ... as they are usually written. */
static bool is_whole(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0' && (*text != '0' || text[1] == '\0');
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const named_class *)a)->name, ((const named_class *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const named_class *x = a, *y = b;
    const size_t m = strlen(x->name), n = strlen(y->name);
    return m != n ? (m < n ? -1 : 1) : strcmp(x->name, y->name);
}

/* Names the classes; order receives the class of each label's number. */
static bal_status order_classes(bal_source *source, bal_ctx *ctx, int32_t *order)
{
    const bal_name_set *labels = &((const bal_manifest *)source->own)->labels;
    named_class *classes = bal_calloc(ctx, labels->count, sizeof *classes);
    const char **names = bal_calloc(ctx, labels->count, sizeof *names);
    bal_status status = classes && names ? BAL_OK : BAL_NO_MEMORY;
    bool numbers = true;
    for (size_t i = 0; status == BAL_OK && i < labels->count; i++) {
        classes[i] = (named_class){labels->names[i], (int32_t)i};
        numbers = numbers && is_whole(labels->names[i]);
    }
    if (status == BAL_OK) {
        qsort(classes, labels->count, sizeof *classes, numbers ? by_number : by_bytes);
        for (size_t c = 0; c < labels->count; c++) {
            names[c] = classes[c].name;
            order[classes[c].number] = (int32_t)c;
        }
        source->classes = (int)labels->count;
        status = bal_source_name_classes(source, ctx, names);
    }
    bal_free(ctx, classes);
    bal_free(ctx, names);
    return status;
}

static bal_status take_items(bal_source *source, bal_ctx *ctx, const int32_t *order)
{
    bal_manifest *m = source->own;
    const size_t count = m->paths.count;
    bool weighted = false, counts = false;
    int32_t *labels;
    BAL_TRY(bal_source_add(source, ctx, BAL_SPLIT_TRAIN, (int64_t)count, &labels));
    m->lines = bal_calloc(ctx, count, sizeof *m->lines);
    if (m->groups.count)
        source->groups = bal_calloc(ctx, count, sizeof *source->groups);
    source->group_names = m->groups.names;
    source->group_count = (int)m->groups.count;
    if (!m->lines || (m->groups.count && !source->groups))
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const bal_manifest_item *item = &m->items[i];
        labels[i] = order[item->label];
        source->splits[i] = item->split;
        m->lines[i] = item->line;
        if (source->groups)
            source->groups[i] = item->group;
        weighted = weighted || item->weight != 1.0f;
        counts = counts || (item->split == BAL_SPLIT_TRAIN && item->weight > 0.0f);
    }
    if (!weighted)
        return BAL_OK;
    if (!counts)
        return bal_fail(ctx, BAL_BAD_DATA, "%s: every training image has the weight 0",
                        source->path);
    source->weights = bal_calloc(ctx, count, sizeof *source->weights);
    for (size_t i = 0; source->weights && i < count; i++)
        source->weights[i] = m->items[i].weight;
    return source->weights ? BAL_OK : BAL_NO_MEMORY;
}

static void tell(const bal_source *source, bal_ctx *ctx)
{
    const bal_manifest *m = source->own;
    char list[512] = "";
    size_t at = 0;
    for (size_t i = 0; i < m->others.count && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "",
                               m->others.names[i]);
    if (m->others.count)
        bal_log(ctx, BAL_LOG_INFO, "%s: not read: %s", source->path, list);
    if (m->repeats)
        bal_log(ctx, BAL_LOG_WARN,
                "%s: %" PRId64 " lines (the first is %" PRId64
                ") repeat an image that came before; each image is read once, a weight makes it "
                "count more",
                source->path, m->repeats, m->repeat_line);
}

bal_status bal_manifest_finish(bal_source *source, bal_ctx *ctx)
{
    bal_manifest *m = source->own;
    if (m->paths.count == 0)
        return bal_fail(ctx, BAL_BAD_DATA, "%s: has no images", source->path);
    int32_t *order = bal_calloc(ctx, m->labels.count, sizeof *order);
    bal_status status = order ? order_classes(source, ctx, order) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = take_items(source, ctx, order);
    if (status == BAL_OK)
        tell(source, ctx);
    bal_free(ctx, order);
    bal_name_set_free(ctx, &m->labels);
    bal_name_set_free(ctx, &m->others);
    bal_free(ctx, m->group_items);
    bal_free(ctx, m->items);
    m->group_items = NULL;
    m->items = NULL;
    return status;
}
