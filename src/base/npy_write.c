/* NPY files, format 1.0, written as NumPy does: in one go, or in parts. */
#include "base/writer.h"

#include <inttypes.h>
#include <string.h>

#define MAX_DIMS 4

static char order_of(bal_npy_type type)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return bal_npy_size(type) == 1 ? '|' : first == 1 ? '<' : '>';
}

bal_status bal_npy_write_header(bal_ctx *ctx, bal_writer *w, const char *path,
                                const bal_npy_layout *like)
{
    if (like->dims < 1 || like->dims > MAX_DIMS)
        return bal_fail(ctx, BAL_BAD_ARG, "%s: %d dimensions, 1 to 4 expected", path, like->dims);
    char text[256];
    size_t at =
        (size_t)snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                         order_of(like->type), bal_npy_type_name(like->type));
    int64_t count = 1;
    for (int i = 0; i < like->dims; i++) {
        const int64_t n = like->shape[i];
        if (n < 0 || (n > 0 && count > INT64_MAX / 8 / n))
            return bal_fail(ctx, BAL_BAD_ARG, "%s: dimension %d is %" PRId64, path, i, n);
        count *= n;
        at += (size_t)snprintf(text + at, sizeof text - at, "%" PRId64 "%s", n,
                               like->dims == 1      ? ","
                               : i + 1 < like->dims ? ", "
                                                    : "");
    }
    at += (size_t)snprintf(text + at, sizeof text - at, "), }");
    static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    const size_t fixed = sizeof magic + 2 + 2; /* magic, version, length */
    while ((fixed + at + 1) % 64 != 0)         /* the data starts at a multiple of 64 bytes */
        text[at++] = ' ';
    text[at++] = '\n';
    const unsigned char lead[4] = {1, 0, (unsigned char)(at & 255), (unsigned char)(at >> 8)};
    bal_writer_bytes(w, magic, sizeof magic);
    bal_writer_bytes(w, lead, sizeof lead);
    bal_writer_bytes(w, text, at);
    return BAL_OK;
}

bal_status bal_npy_write(bal_ctx *ctx, const char *path, bal_npy_type type, int dims,
                         const int64_t *shape, const void *data)
{
    bal_npy_layout like = {.type = type, .dims = dims};
    size_t count = 1;
    for (int i = 0; i < dims && i < MAX_DIMS; i++) {
        like.shape[i] = shape[i];
        count *= (size_t)shape[i];
    }
    bal_writer *w;
    BAL_TRY(bal_writer_open(&w, ctx, path));
    const bal_status status = bal_npy_write_header(ctx, w, path, &like);
    if (status != BAL_OK) {
        bal_writer_abandon(&w);
        return status;
    }
    bal_writer_bytes(w, data, count * bal_npy_size(type));
    return bal_writer_commit(&w);
}
