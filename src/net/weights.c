/* Named float32 tensors in memory. Files are safetensors_read.c and safetensors_write.c. */
#include "net/weights.h"

#include <stdio.h>
#include <string.h>

bal_status bal_weights_open(bal_weights **out, bal_ctx *ctx)
{
    *out = bal_calloc(ctx, 1, sizeof **out);
    if (!*out)
        return BAL_NO_MEMORY;
    (*out)->ctx = ctx;
    return BAL_OK;
}

static void free_tensor(bal_ctx *ctx, bal_tensor *t)
{
    if (!t)
        return;
    bal_free(ctx, (void *)(uintptr_t)t->name);
    bal_free_aligned(ctx, t->data);
    bal_free(ctx, t);
}

void bal_weights_close(bal_weights **weights)
{
    if (!weights || !*weights)
        return;
    bal_weights *w = *weights;
    for (int i = 0; i < w->count; i++)
        free_tensor(w->ctx, w->tensors[i]);
    for (int i = 0; i < w->note_count; i++) {
        bal_free(w->ctx, w->notes[i].key);
        bal_free(w->ctx, w->notes[i].text);
    }
    bal_free(w->ctx, w->tensors);
    bal_free(w->ctx, w->notes);
    bal_free(w->ctx, w);
    *weights = NULL;
}

int bal_weights_count(const bal_weights *w)
{
    return w->count;
}

const bal_tensor *bal_weights_at(const bal_weights *w, int i)
{
    return i >= 0 && i < w->count ? w->tensors[i] : NULL;
}

const bal_tensor *bal_weights_find(const bal_weights *w, const char *name)
{
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->tensors[i]->name, name) == 0)
            return w->tensors[i];
    return NULL;
}

static bal_status make_room(bal_weights *w)
{
    if (w->count < w->room)
        return BAL_OK;
    const int room = w->room > 0 ? 2 * w->room : 16;
    bal_tensor **tensors =
        bal_resize(w->ctx, w->tensors, (size_t)w->room, (size_t)room, sizeof(bal_tensor *));
    if (!tensors)
        return BAL_NO_MEMORY;
    w->tensors = tensors;
    w->room = room;
    return BAL_OK;
}

static bal_status count_numbers(bal_ctx *ctx, const char *name, int dims, const int64_t *shape,
                                int64_t *count)
{
    *count = 1;
    for (int i = 0; i < dims; i++) {
        if (shape[i] < 0)
            return bal_fail(ctx, BAL_BAD_ARG, "tensor %s has a dimension of %lld", name,
                            (long long)shape[i]);
        if (shape[i] > 0 && *count > INT64_MAX / 8 / shape[i])
            return bal_fail(ctx, BAL_BAD_ARG, "tensor %s has too many numbers", name);
        *count *= shape[i];
    }
    return BAL_OK;
}

bal_status bal_weights_append(bal_weights *w, const char *name, int dims, const int64_t *shape,
                              bal_tensor **out)
{
    *out = NULL;
    if (!name || !*name)
        return bal_fail(w->ctx, BAL_BAD_ARG, "a tensor needs a name");
    if (dims < 0 || dims > 8)
        return bal_fail(w->ctx, BAL_BAD_ARG, "tensor %s has %d dimensions, must be 0 to 8", name,
                        dims);
    int64_t count;
    BAL_TRY(count_numbers(w->ctx, name, dims, shape, &count));
    BAL_TRY(make_room(w));
    bal_tensor *t = bal_calloc(w->ctx, 1, sizeof *t);
    if (!t)
        return BAL_NO_MEMORY;
    t->dims = dims;
    t->count = count;
    for (int i = 0; i < dims; i++)
        t->shape[i] = shape[i];
    t->name = bal_strdup(w->ctx, name);
    t->data = bal_calloc_aligned(w->ctx, (size_t)count, sizeof *t->data);
    if (!t->name || !t->data) {
        free_tensor(w->ctx, t);
        return BAL_NO_MEMORY;
    }
    w->tensors[w->count++] = t;
    *out = t;
    return BAL_OK;
}

bal_status bal_weights_add(bal_weights *w, const char *name, int dims, const int64_t *shape,
                           const float *data)
{
    if (name && bal_weights_find(w, name))
        return bal_fail(w->ctx, BAL_BAD_ARG, "there is a tensor %s already", name);
    bal_tensor *t;
    BAL_TRY(bal_weights_append(w, name, dims, shape, &t));
    if (data && t->count > 0)
        memcpy(t->data, data, (size_t)t->count * sizeof *data);
    return BAL_OK;
}

const char *bal_weights_metadata(const bal_weights *w, const char *key)
{
    for (int i = 0; i < w->note_count; i++)
        if (strcmp(w->notes[i].key, key) == 0)
            return w->notes[i].text;
    return NULL;
}

bal_status bal_weights_set_metadata(bal_weights *w, const char *key, const char *text)
{
    char *copy = bal_strdup(w->ctx, text);
    if (!copy)
        return BAL_NO_MEMORY;
    for (int i = 0; i < w->note_count; i++)
        if (strcmp(w->notes[i].key, key) == 0) {
            bal_free(w->ctx, w->notes[i].text);
            w->notes[i].text = copy;
            return BAL_OK;
        }
    char *key_copy = bal_strdup(w->ctx, key);
    bal_note *notes = key_copy ? bal_resize(w->ctx, w->notes, (size_t)w->note_count,
                                            (size_t)w->note_count + 1, sizeof *notes)
                               : NULL;
    if (!notes) {
        bal_free(w->ctx, copy);
        bal_free(w->ctx, key_copy);
        return BAL_NO_MEMORY;
    }
    w->notes = notes;
    w->notes[w->note_count++] = (bal_note){key_copy, copy};
    return BAL_OK;
}

const char *bal_shape_text(int dims, const int64_t *shape, char *text, size_t room)
{
    size_t used = 0;
    snprintf(text, room, "%s", dims == 0 ? "one number" : "");
    for (int i = 0; i < dims && used < room; i++) {
        const int n =
            snprintf(text + used, room - used, "%s%lld", i > 0 ? " x " : "", (long long)shape[i]);
        used += n > 0 ? (size_t)n : room;
    }
    return text;
}
