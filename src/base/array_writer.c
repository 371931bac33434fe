/* Arrays written to a file in parts. */
#include "ballast/array.h"

#include "base/writer.h"

#include <inttypes.h>
#include <string.h>

struct bal_array_writer {
    bal_ctx *ctx;
    char *path;
    bal_writer *file;
    bal_npy_type type;
    int64_t left; /* values that are missing */
};

static bal_status start(bal_array_writer *w, const char *path, const bal_array *like)
{
    if ((unsigned)like->type > BAL_ARRAY_U8)
        return bal_fail(w->ctx, BAL_BAD_ARG, "%s: array type %d is unknown", path, (int)like->type);
    w->type = (bal_npy_type)like->type;
    w->path = bal_strdup(w->ctx, path);
    if (!w->path)
        return BAL_NO_MEMORY;
    bal_npy_layout layout = {.type = w->type, .dims = like->dims};
    memcpy(layout.shape, like->shape, sizeof layout.shape);
    BAL_TRY(bal_writer_open(&w->file, w->ctx, path));
    BAL_TRY(bal_npy_write_header(w->ctx, w->file, path, &layout));
    w->left = 1; /* the header was written, so the product does not overflow */
    for (int i = 0; i < like->dims; i++)
        w->left *= like->shape[i];
    return BAL_OK;
}

bal_status bal_array_writer_open(bal_array_writer **out, bal_ctx *ctx, const char *path,
                                 const bal_array *like)
{
    *out = NULL;
    bal_array_writer *w = bal_calloc(ctx, 1, sizeof *w);
    if (!w)
        return BAL_NO_MEMORY;
    w->ctx = ctx;
    const bal_status status = start(w, path, like);
    if (status != BAL_OK)
        bal_array_writer_abandon(&w);
    *out = w;
    return status;
}

bal_status bal_array_writer_put(bal_array_writer *writer, const void *values, int64_t count)
{
    if (count < 0 || count > writer->left)
        return bal_fail(writer->ctx, BAL_BAD_ARG,
                        "%s: %" PRId64 " values, room for %" PRId64 " is left", writer->path, count,
                        writer->left);
    bal_writer_bytes(writer->file, values, (size_t)count * bal_npy_size(writer->type));
    writer->left -= count;
    return BAL_OK;
}

bal_status bal_array_writer_commit(bal_array_writer **writer)
{
    bal_array_writer *w = *writer;
    bal_status status;
    if (w->left)
        status =
            bal_fail(w->ctx, BAL_BAD_ARG, "%s: %" PRId64 " values are missing", w->path, w->left);
    else
        status = bal_writer_commit(&w->file);
    bal_array_writer_abandon(writer);
    return status;
}

void bal_array_writer_abandon(bal_array_writer **writer)
{
    if (!writer || !*writer)
        return;
    bal_array_writer *w = *writer;
    bal_writer_abandon(&w->file);
    bal_free(w->ctx, w->path);
    bal_free(w->ctx, w);
    *writer = NULL;
}
