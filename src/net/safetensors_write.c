/* Writing safetensors: tensors in name order and metadata in key order, so equal weights are equal
 * files; the header is padded with spaces so that the numbers are aligned to 8 bytes. */
#include "base/writer.h"
#include "net/weights.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp((*(bal_tensor *const *)a)->name, (*(bal_tensor *const *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const bal_note *)a)->key, ((const bal_note *)b)->key);
}

/* jansson takes UTF-8 only, and says so like it says that there is no memory. */
static bal_status check_text(bal_ctx *ctx, const char *text)
{
    json_t *probe = json_string(text);
    const bool fits = probe != NULL;
    json_decref(probe);
    if (!fits)
        return bal_fail(ctx, BAL_BAD_ARG, "\"%s\" is not UTF-8, a weight file cannot hold it",
                        text);
    return BAL_OK;
}

static bal_status put(bal_ctx *ctx, json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new(object, key, value) != 0)
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory for the header of a weight file");
    return BAL_OK;
}

static json_t *tensor_entry(const bal_tensor *t, int64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; shape && i < t->dims; i++)
        if (json_array_append_new(shape, json_integer(t->shape[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + t->count * 4));
}

static bal_status add_metadata(const bal_weights *w, bal_ctx *ctx, json_t *header)
{
    if (w->note_count == 0)
        return BAL_OK;
    bal_note *notes = bal_calloc(ctx, (size_t)w->note_count, sizeof *notes);
    if (!notes)
        return BAL_NO_MEMORY;
    memcpy(notes, w->notes, (size_t)w->note_count * sizeof *notes);
    qsort(notes, (size_t)w->note_count, sizeof *notes, by_key);
    json_t *object = json_object();
    bal_status status = BAL_OK;
    for (int i = 0; i < w->note_count; i++) {
        BAL_GOTO(check_text(ctx, notes[i].key));
        BAL_GOTO(check_text(ctx, notes[i].text));
        BAL_GOTO(put(ctx, object, notes[i].key, json_string(notes[i].text)));
    }
    status = put(ctx, header, "__metadata__", json_incref(object));
fail:
    json_decref(object);
    bal_free(ctx, notes);
    return status;
}

/* The text of the header; release with bal_free. */
static bal_status make_header(const bal_weights *w, bal_ctx *ctx, bal_tensor *const *sorted,
                              char **out)
{
    *out = NULL;
    json_t *header = json_object();
    bal_status status = header ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for a header");
    if (status != BAL_OK)
        return status;
    BAL_GOTO(add_metadata(w, ctx, header));
    int64_t at = 0;
    for (int i = 0; i < w->count; i++) {
        BAL_GOTO(check_text(ctx, sorted[i]->name));
        BAL_GOTO(put(ctx, header, sorted[i]->name, tensor_entry(sorted[i], at)));
        at += sorted[i]->count * 4;
    }
    *out = bal_json_text(ctx, header, false);
    status = *out ? BAL_OK : BAL_NO_MEMORY;
fail:
    json_decref(header);
    return status;
}

static void write_floats(bal_writer *file, const float *data, int64_t count)
{
    unsigned char bytes[4096];
    size_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        for (int k = 0; k < 4; k++)
            bytes[used++] = (unsigned char)(bits >> 8 * k);
        if (used == sizeof bytes || i == count - 1) {
            bal_writer_bytes(file, bytes, used);
            used = 0;
        }
    }
}

static void write_header(bal_writer *file, const char *header)
{
    const size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    unsigned char size[8];
    for (int k = 0; k < 8; k++)
        size[k] = (unsigned char)((uint64_t)padded >> 8 * k);
    bal_writer_bytes(file, size, sizeof size);
    bal_writer_bytes(file, header, length);
    bal_writer_bytes(file, "       ", padded - length);
}

bal_status bal_weights_write(const bal_weights *w, bal_ctx *ctx, const char *path)
{
    bal_tensor **sorted = bal_calloc(ctx, (size_t)w->count, sizeof(bal_tensor *));
    if (!sorted)
        return BAL_NO_MEMORY;
    if (w->count > 0)
        memcpy(sorted, w->tensors, (size_t)w->count * sizeof(bal_tensor *));
    qsort(sorted, (size_t)w->count, sizeof(bal_tensor *), by_name);
    char *header = NULL;
    bal_writer *file = NULL;
    bal_status status;
    BAL_GOTO(make_header(w, ctx, sorted, &header));
    BAL_GOTO(bal_writer_open(&file, ctx, path));
    write_header(file, header);
    for (int i = 0; i < w->count; i++)
        write_floats(file, sorted[i]->data, sorted[i]->count);
    status = bal_writer_commit(&file);
fail:
    bal_free(ctx, header);
    bal_free(ctx, sorted);
    return status;
}
