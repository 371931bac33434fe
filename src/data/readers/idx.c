/* Reader of IDX: train-images-idx3-ubyte and its three companions, plain or gzip. */
#include "data/readers/idx.h"

#include "data/readers/packed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IMAGES_MAGIC 0x00000803u
#define LABELS_MAGIC 0x00000801u
#define LARGEST_FILE ((size_t)2 << 30)
#define LARGEST_SIDE 8192
#define LABELS 256

/* The header, and that the file is exactly as long as it promises. */
static bal_status take_header(bal_ctx *ctx, const char *name, bal_cursor *c, int dims_wanted,
                              uint32_t *dims)
{
    uint32_t magic = 0;
    const uint32_t wanted = dims_wanted == 3 ? IMAGES_MAGIC : LABELS_MAGIC;
    if (!bal_take_u32be(c, &magic) || magic != wanted)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: starts with 0x%08" PRIx32
                        ", an idx%d-ubyte file starts with 0x%08" PRIx32,
                        name, magic, dims_wanted, wanted);
    uint64_t bytes = 1;
    for (int i = 0; i < dims_wanted; i++) {
        if (!bal_take_u32be(c, &dims[i]) || dims[i] == 0)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: dimension %d of %d is missing or 0", name,
                            i + 1, dims_wanted);
        if (i > 0 && dims[i] > LARGEST_SIDE)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: images of side %" PRIu32 ", at most %d", name,
                            dims[i], LARGEST_SIDE);
        bytes *= dims[i]; /* at most 2^32 x 2^13 x 2^13 */
    }
    if (bal_cursor_left(c) != bytes)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: the header promises %" PRIu64 " bytes of data, the file has %zu", name,
                        bytes, bal_cursor_left(c));
    return BAL_OK;
}

bal_status bal_idx_images(bal_ctx *ctx, const char *name, const bal_bytes *file, uint32_t dims[3],
                          size_t *start)
{
    bal_cursor c = bal_cursor_over(file->data, file->count);
    BAL_TRY(take_header(ctx, name, &c, 3, dims));
    *start = bal_cursor_offset(&c);
    return BAL_OK;
}

bal_status bal_idx_labels(bal_ctx *ctx, const char *name, const bal_bytes *file,
                          const unsigned char **labels, uint32_t *count)
{
    bal_cursor c = bal_cursor_over(file->data, file->count);
    BAL_TRY(take_header(ctx, name, &c, 1, count));
    *labels = c.at;
    return BAL_OK;
}

/* ---- finding the files ---- */

/* The usual names: a dash (the original page) or a point (torchvision's and others' unpacking)
 * before "idx", plain or compressed. */
static bool find_name(const char *folder, const char *stem, int dims, char *name, size_t size)
{
    for (int form = 0; form < 4; form++) {
        snprintf(name, size, "%s%cidx%d-ubyte%s", stem, form % 2 ? '.' : '-', dims,
                 form / 2 ? ".gz" : "");
        if (bal_has_file(folder, name))
            return true;
    }
    return false;
}

static bool probe(const char *path)
{
    char name[64];
    return find_name(path, "train-images", 3, name, sizeof name) ||
           find_name(path, "train-labels", 1, name, sizeof name);
}

static bal_status read_file(bal_ctx *ctx, const char *path, bal_bytes *out)
{
    const size_t length = strlen(path);
    BAL_TRY(bal_file_read(ctx, path, LARGEST_FILE, out));
    if (length < 3 || strcmp(path + length - 3, ".gz") != 0)
        return BAL_OK;
    bal_bytes packed = *out;
    const bal_status status = bal_gunzip(ctx, path, &packed, LARGEST_FILE, out);
    bal_bytes_free(ctx, &packed);
    return status;
}

/* ---- one split ---- */

typedef struct idx_pair {
    bal_split split;
    const char *stem; /* "train" or "t10k" */
    char images[BAL_PATH_LENGTH], labels[BAL_PATH_LENGTH];
} idx_pair;

static bal_status find_pair(bal_ctx *ctx, const char *folder, idx_pair *pair, bool *found)
{
    char stem[32], name[2][64];
    bool has[2];
    for (int i = 0; i < 2; i++) {
        snprintf(stem, sizeof stem, "%s-%s", pair->stem, i == 0 ? "images" : "labels");
        has[i] = find_name(folder, stem, i == 0 ? 3 : 1, name[i], sizeof name[i]);
    }
    *found = has[0] && has[1];
    if (has[0] != has[1])
        return bal_fail(ctx, BAL_BAD_DATA, "%s: has %s but no %s-%s file", folder,
                        name[has[0] ? 0 : 1], pair->stem, has[0] ? "labels-idx1" : "images-idx3");
    if (*found && (!bal_path_join(pair->images, sizeof pair->images, folder, name[0]) ||
                   !bal_path_join(pair->labels, sizeof pair->labels, folder, name[1])))
        return bal_fail(ctx, BAL_BAD_ARG, "%s: the path is too long", folder);
    return BAL_OK;
}

/* The training labels decide how many classes there are; none between 0 and the largest may be
 * absent, so that one damaged byte does not become 200 classes. */
static bal_status count_classes(bal_source *source, bal_ctx *ctx, const char *path,
                                const unsigned char *labels, uint32_t count)
{
    uint32_t first_record[LABELS];
    int largest = 0;
    memset(first_record, 0xff, sizeof first_record);
    for (uint32_t i = count; i-- > 0;)
        first_record[labels[i]] = i;
    for (int c = 0; c < LABELS; c++)
        if (first_record[c] != UINT32_MAX)
            largest = c;
    for (int c = 0; c < largest; c++)
        if (first_record[c] == UINT32_MAX)
            return bal_fail(ctx, BAL_BAD_DATA,
                            "%s: record %" PRIu32 " has label %d, but no image has label %d", path,
                            first_record[largest], largest, c);
    source->classes = largest + 1;
    return BAL_OK;
}

static bal_status add_labels(bal_source *source, bal_ctx *ctx, const idx_pair *pair,
                             uint32_t images)
{
    bal_bytes file;
    const unsigned char *labels;
    uint32_t count;
    int32_t *out;
    BAL_TRY(read_file(ctx, pair->labels, &file));
    bal_status status = bal_idx_labels(ctx, pair->labels, &file, &labels, &count);
    if (status == BAL_OK && count != images)
        status = bal_fail(ctx, BAL_BAD_FILE, "%s: %" PRIu32 " labels for %" PRIu32 " images in %s",
                          pair->labels, count, images, pair->images);
    if (status == BAL_OK && pair->split == BAL_SPLIT_TRAIN)
        status = count_classes(source, ctx, pair->labels, labels, count);
    if (status == BAL_OK)
        status = bal_source_add(source, ctx, pair->split, count, &out);
    for (uint32_t i = 0; status == BAL_OK && i < count; i++) {
        out[i] = labels[i];
        if (labels[i] >= source->classes)
            status = bal_fail(ctx, BAL_BAD_FILE,
                              "%s: record %" PRIu32 " has label %d, the training set has 0 to %d",
                              pair->labels, i, labels[i], source->classes - 1);
    }
    bal_bytes_free(ctx, &file);
    return status;
}

static bal_status add_pair(bal_source *source, bal_ctx *ctx, const idx_pair *pair)
{
    uint32_t dims[3];
    bal_packed_block block = {.first_item = source->count};
    BAL_TRY(read_file(ctx, pair->images, &block.file));
    bal_status status = bal_idx_images(ctx, pair->images, &block.file, dims, &block.start);
    const bal_picture_shape shape = {1, (int)dims[1], (int)dims[2]};
    if (status == BAL_OK && pair->split != BAL_SPLIT_TRAIN &&
        (shape.height != source->native.height || shape.width != source->native.width))
        status = bal_fail(ctx, BAL_BAD_DATA,
                          "%s: images of %dx%d, the training set has %dx%d (h x w)", pair->images,
                          shape.height, shape.width, source->native.height, source->native.width);
    if (status != BAL_OK) {
        bal_bytes_free(ctx, &block.file);
        return status;
    }
    source->native = shape;
    block.count = dims[0];
    block.stride = (size_t)shape.height * (size_t)shape.width;
    snprintf(block.name, sizeof block.name, "%s", strrchr(pair->images, '/') + 1);
    BAL_TRY(bal_packed_add(source, ctx, &block, false));
    return add_labels(source, ctx, pair, dims[0]);
}

static bal_status open_folder(bal_source *source, bal_ctx *ctx)
{
    static const struct idx_split {
        bal_split split;
        const char *stem;
    } splits[] = {{BAL_SPLIT_TRAIN, "train"}, {BAL_SPLIT_TEST, "t10k"}};
    for (size_t i = 0; i < BAL_COUNT_OF(splits); i++) {
        idx_pair pair = {.split = splits[i].split, .stem = splits[i].stem};
        bool found;
        BAL_TRY(find_pair(ctx, source->path, &pair, &found));
        if (found)
            BAL_TRY(add_pair(source, ctx, &pair));
    }
    return BAL_OK;
}

const bal_reader bal_reader_idx = {
    .info = {"idx", "MNIST's format: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-... "
                    "(plain or .gz)"},
    .probe = probe,
    .open = open_folder,
    .picture = bal_packed_picture,
    .item_name = bal_packed_item_name,
    .close = bal_packed_close,
};
