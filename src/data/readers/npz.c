/* Reader of NPZ in MedMNIST's layout (Yang et al. 2023, https://medmnist.com). Images of a stored
 * member stay in the file and are read one by one; those of a compressed one are unpacked into
 * memory once. */
#include "data/readers/npz.h"

#include "base/writer.h"
#include "data/image/image.h"
#include "data/readers/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LARGEST_UNPACKED ((uint64_t)16 << 30) /* all compressed images together */
#define LARGEST_LABELS ((uint64_t)1 << 30)
#define LARGEST_SIDE 8192
#define HEADER_BYTES (BAL_NPY_HEADER_LIMIT + 12)
#define NAME_LENGTH 32

typedef struct npz_block {
    const char *name; /* of the split */
    int64_t first_item, count;
    uint64_t start; /* of the first pixel, in the file or in the bytes */
    bal_bytes bytes;
} npz_block;

typedef struct npz_own {
    bal_seekable file;
    bal_zip zip;
    uint64_t unpacked;
    size_t stride; /* bytes of an image */
    int blocks;
    npz_block block[BAL_SPLIT_COUNT];
} npz_own;

/* A split while it is read. */
typedef struct npz_part {
    bal_split split;
    char images_name[NAME_LENGTH], labels_name[NAME_LENGTH];
    const bal_zip_member *images, *labels;
} npz_part;

/* ---- images ---- */

static bal_status fail_shape(const bal_source *source, bal_ctx *ctx, const npz_part *part,
                             const bal_npy_layout *l)
{
    char shape[128] = "";
    size_t at = 0;
    for (int i = 0; i < l->dims; i++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%" PRId64, i ? " x " : "",
                               l->shape[i]);
    return bal_fail(ctx, BAL_BAD_FILE,
                    "%s: %s is %s; images x height x width (grey) or images x height x width x 3 "
                    "(RGB) with sides of 1 to %d expected",
                    source->path, part->images_name, shape, LARGEST_SIDE);
}

static bal_status check_images(bal_source *source, bal_ctx *ctx, const npz_part *part,
                               const bal_npy_layout *l)
{
    if (l->type != BAL_NPY_U8)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: %s holds %s, u1 (uint8, pixels 0 to 255) expected",
                        source->path, part->images_name, bal_npy_type_name(l->type));
    if (l->fortran)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: %s is in Fortran order; images are read where they are, in C order "
                        "(numpy.ascontiguousarray)",
                        source->path, part->images_name);
    const bool sides = l->dims >= 3 && l->shape[1] >= 1 && l->shape[1] <= LARGEST_SIDE &&
                       l->shape[2] >= 1 && l->shape[2] <= LARGEST_SIDE;
    const int64_t channels = l->dims == 3 ? 1 : l->dims == 4 ? l->shape[3] : 0;
    if (!sides || (channels != 1 && channels != 3))
        return fail_shape(source, ctx, part, l);
    const bal_picture_shape shape = {(int)channels, (int)l->shape[1], (int)l->shape[2]};
    if (part->split != BAL_SPLIT_TRAIN && !bal_picture_shape_equal(shape, source->native))
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: %s has images of %dx%d with %d channels, the training set has %dx%d "
                        "with %d (h x w)",
                        source->path, part->images_name, shape.height, shape.width, shape.channels,
                        source->native.height, source->native.width, source->native.channels);
    source->native = shape;
    return BAL_OK;
}

/* Stored: the header is read, and the rest once for its checksum. */
static bal_status lay_out_stored(bal_source *source, bal_ctx *ctx, const npz_part *part,
                                 npz_block *block, bal_npy_layout *layout)
{
    const npz_own *own = source->own;
    const bal_zip_member *m = part->images;
    const size_t count = (size_t)(m->size < HEADER_BYTES ? m->size : HEADER_BYTES);
    char name[BAL_PATH_LENGTH + NAME_LENGTH];
    uint64_t start;
    snprintf(name, sizeof name, "%s: %s", source->path, part->images_name);
    BAL_TRY(bal_zip_start(&own->zip, ctx, m, &start));
    unsigned char *bytes = bal_calloc(ctx, count, 1);
    if (!bytes)
        return BAL_NO_MEMORY;
    bal_status status = bal_seekable_read(&own->file, ctx, start, count, bytes);
    if (status == BAL_OK)
        status = bal_npy_header(ctx, name, bytes, count, m->size, layout);
    bal_free(ctx, bytes);
    BAL_TRY(status);
    block->start = start + layout->start;
    return bal_zip_verify(&own->zip, ctx, m);
}

static bal_status lay_out_packed(bal_source *source, bal_ctx *ctx, const npz_part *part,
                                 npz_block *block, bal_npy_layout *layout)
{
    npz_own *own = source->own;
    const bal_zip_member *m = part->images;
    char name[BAL_PATH_LENGTH + NAME_LENGTH];
    snprintf(name, sizeof name, "%s: %s", source->path, part->images_name);
    if (m->size > LARGEST_UNPACKED - own->unpacked)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s is compressed, %" PRIu64 " bytes are too many for memory (%" PRIu64
                        " together are allowed); written by numpy.savez, which does not compress, "
                        "it is read in place",
                        name, m->size, LARGEST_UNPACKED);
    own->unpacked += m->size;
    bal_log(ctx, BAL_LOG_INFO, "%s is compressed: %" PRIu64 " MiB are unpacked into memory", name,
            (m->size + 0xfffff) >> 20);
    BAL_TRY(bal_zip_unpack(&own->zip, ctx, m, &block->bytes));
    BAL_TRY(bal_npy_header(ctx, name, block->bytes.data, block->bytes.count, m->size, layout));
    block->start = layout->start;
    return BAL_OK;
}

/* ---- labels ---- */

static bal_status check_labels(const bal_source *source, bal_ctx *ctx, const npz_part *part,
                               const bal_npy *labels, int64_t images)
{
    if (labels->type == BAL_NPY_F32 || labels->type == BAL_NPY_F64)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: %s holds %s, whole numbers expected", source->path,
                        part->labels_name, bal_npy_type_name(labels->type));
    if (labels->dims > 2 || (labels->dims == 2 && labels->shape[1] != 1))
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: %s has %" PRId64 " labels for each image (multi-label); data with "
                        "one label an image are read",
                        source->path, part->labels_name,
                        labels->dims == 2 ? labels->shape[1] : labels->shape[1] * labels->shape[2]);
    if (labels->shape[0] != images)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: %s has %" PRId64 " labels for %" PRId64 " images in %s", source->path,
                        part->labels_name, labels->shape[0], images, part->images_name);
    return BAL_OK;
}

static bal_status fail_label(const bal_source *source, bal_ctx *ctx, const npz_part *part,
                             const bal_npy *labels, int64_t record)
{
    int64_t value;
    char text[32] = "beyond 2^63";
    if (bal_npy_whole(labels->type, labels->data, record, &value))
        snprintf(text, sizeof text, "%" PRId64, value);
    if (part->split == BAL_SPLIT_TRAIN)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: %s: label %" PRId64 " is %s, 0 or above expected",
                        source->path, part->labels_name, record, text);
    return bal_fail(ctx, BAL_BAD_FILE,
                    "%s: %s: label %" PRId64 " is %s, the training set has 0 to %d", source->path,
                    part->labels_name, record, text, source->classes - 1);
}

/* The training labels decide how many classes there are. None between 0 and the largest may be
 * absent, so that a damaged number does not become many classes. */
static bal_status count_classes(bal_source *source, bal_ctx *ctx, const npz_part *part,
                                const bal_npy *labels)
{
    const int64_t count = labels->shape[0];
    int64_t largest = -1, record = 0, value, c = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!bal_npy_whole(labels->type, labels->data, i, &value) || value < 0)
            return fail_label(source, ctx, part, labels, i);
        if (value > largest) {
            largest = value;
            record = i;
        }
    }
    /* of more classes than labels one of the first is absent */
    bool *seen = bal_calloc(ctx, (size_t)count + 1, sizeof *seen);
    if (!seen)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < count; i++)
        if (bal_npy_whole(labels->type, labels->data, i, &value) && value <= count)
            seen[value] = true;
    while (c < largest && seen[c])
        c++;
    bal_free(ctx, seen);
    if (c < largest || largest >= INT32_MAX)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: %s: label %" PRId64 " is %" PRId64 ", but no image has label %" PRId64,
                        source->path, part->labels_name, record, largest, c);
    source->classes = (int)largest + 1;
    return BAL_OK;
}

static bal_status take_labels(bal_source *source, bal_ctx *ctx, const npz_part *part,
                              const bal_npy *labels, int64_t images)
{
    int32_t *out;
    int64_t value;
    BAL_TRY(check_labels(source, ctx, part, labels, images));
    if (part->split == BAL_SPLIT_TRAIN)
        BAL_TRY(count_classes(source, ctx, part, labels));
    BAL_TRY(bal_source_add(source, ctx, part->split, images, &out));
    for (int64_t i = 0; i < images; i++) {
        if (!bal_npy_whole(labels->type, labels->data, i, &value) || value < 0 ||
            value >= source->classes)
            return fail_label(source, ctx, part, labels, i);
        out[i] = (int32_t)value;
    }
    return BAL_OK;
}

static bal_status add_labels(bal_source *source, bal_ctx *ctx, const npz_part *part, int64_t images)
{
    const npz_own *own = source->own;
    char name[BAL_PATH_LENGTH + NAME_LENGTH];
    bal_bytes bytes;
    bal_npy labels;
    snprintf(name, sizeof name, "%s: %s", source->path, part->labels_name);
    if (part->labels->size > LARGEST_LABELS)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: %" PRIu64 " bytes, at most %" PRIu64 " expected",
                        name, part->labels->size, LARGEST_LABELS);
    BAL_TRY(bal_zip_unpack(&own->zip, ctx, part->labels, &bytes));
    bal_status status = bal_npy_parse(ctx, name, bytes.data, bytes.count, &labels);
    bal_bytes_free(ctx, &bytes);
    BAL_TRY(status);
    status = take_labels(source, ctx, part, &labels, images);
    bal_npy_free(ctx, &labels);
    return status;
}

/* ---- splits ---- */

static bal_status add_part(bal_source *source, bal_ctx *ctx, const npz_part *part)
{
    npz_own *own = source->own;
    npz_block *block = &own->block[own->blocks++];
    bal_npy_layout layout;
    *block = (npz_block){.name = bal_split_name(part->split), .first_item = source->count};
    if (bal_zip_is_stored(part->images))
        BAL_TRY(lay_out_stored(source, ctx, part, block, &layout));
    else
        BAL_TRY(lay_out_packed(source, ctx, part, block, &layout));
    if (layout.shape[0] == 0 && part->split != BAL_SPLIT_TRAIN)
        return BAL_OK; /* the split is empty: it is not there */
    BAL_TRY(check_images(source, ctx, part, &layout));
    if (layout.shape[0] == 0)
        return bal_fail(ctx, BAL_BAD_DATA, "%s: %s is empty", source->path, part->images_name);
    own->stride = bal_picture_shape_bytes(source->native);
    block->count = layout.shape[0];
    return add_labels(source, ctx, part, block->count);
}

/* The members' names, for whoever expected others. */
static bal_status fail_missing(const bal_source *source, bal_ctx *ctx, const char *name)
{
    const npz_own *own = source->own;
    char list[256] = "nothing";
    size_t at = 0;
    for (size_t i = 0; i < own->zip.count && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "",
                               own->zip.members[i].name);
    return bal_fail(ctx, BAL_BAD_DATA,
                    "%s: has no %s; MedMNIST's layout is {train,val,test}_{images,labels}.npy, "
                    "this file has %s%s",
                    source->path, name, list, at < sizeof list ? "" : "...");
}

static bal_status find_part(const bal_source *source, bal_ctx *ctx, npz_part *part)
{
    const npz_own *own = source->own;
    const char *split = bal_split_name(part->split);
    snprintf(part->images_name, sizeof part->images_name, "%s_images.npy", split);
    snprintf(part->labels_name, sizeof part->labels_name, "%s_labels.npy", split);
    BAL_TRY(bal_zip_find(&own->zip, ctx, part->images_name, &part->images));
    BAL_TRY(bal_zip_find(&own->zip, ctx, part->labels_name, &part->labels));
    if (!part->images && (part->labels || part->split == BAL_SPLIT_TRAIN))
        return fail_missing(source, ctx, part->images_name);
    if (!part->labels && part->images)
        return fail_missing(source, ctx, part->labels_name);
    return BAL_OK;
}

bal_status bal_npz_read(bal_source *source, bal_ctx *ctx, bal_seekable file)
{
    npz_own *own = source->own = bal_calloc(ctx, 1, sizeof *own);
    if (!own) {
        bal_seekable_close(&file);
        return BAL_NO_MEMORY;
    }
    own->file = file;
    BAL_TRY(bal_zip_open(&own->zip, ctx, &own->file));
    bool in_place = false;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++) {
        npz_part part = {.split = (bal_split)split};
        BAL_TRY(find_part(source, ctx, &part));
        if (!part.images)
            continue;
        BAL_TRY(add_part(source, ctx, &part));
        in_place = in_place || bal_zip_is_stored(part.images);
    }
    bal_zip_close(&own->zip);
    if (!in_place)
        bal_seekable_close(&own->file);
    return BAL_OK;
}

/* ---- the reader ---- */

static bool probe(const char *path)
{
    return bal_is_file_ending(path, ".npz");
}

static bal_status open_file(bal_source *source, bal_ctx *ctx)
{
    bal_seekable file;
    BAL_TRY(bal_seekable_open(&file, ctx, source->path));
    return bal_npz_read(source, ctx, file);
}

static const npz_block *block_of(const bal_source *source, int64_t item)
{
    const npz_own *own = source->own;
    const npz_block *b = own->block;
    while (item >= b->first_item + b->count)
        b++;
    return b;
}

static bal_status picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                          bal_picture *out)
{
    const npz_own *own = source->own;
    const npz_block *b = block_of(source, item);
    const uint64_t at = b->start + own->stride * (uint64_t)(item - b->first_item);
    (void)ask;
    *out = (bal_picture){.shape = source->native};
    if (b->bytes.data) {
        out->pixels = b->bytes.data + at;
        out->borrowed = true;
        return BAL_OK;
    }
    out->pixels = bal_calloc(ctx, own->stride, 1);
    if (!out->pixels)
        return BAL_NO_MEMORY;
    const bal_status status = bal_seekable_read(&own->file, ctx, at, own->stride, out->pixels);
    if (status != BAL_OK)
        bal_picture_free(ctx, out);
    return status;
}

static void item_name(const bal_source *source, int64_t item, char *buffer, size_t size)
{
    const npz_block *b = block_of(source, item);
    snprintf(buffer, size, "%s_images#%" PRId64, b->name, item - b->first_item);
}

static void close_file(bal_source *source)
{
    npz_own *own = source->own;
    if (!own)
        return;
    for (int i = 0; i < own->blocks; i++)
        bal_bytes_free(source->ctx, &own->block[i].bytes);
    bal_zip_close(&own->zip);
    bal_seekable_close(&own->file);
    bal_free(source->ctx, own);
    source->own = NULL;
}

const bal_reader bal_reader_npz = {
    .info = {"npz", "MedMNIST's format: FILE.npz with {train,val,test}_{images,labels}"},
    .probe = probe,
    .open = open_file,
    .picture = picture,
    .item_name = item_name,
    .close = close_file,
};
