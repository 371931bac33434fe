/* Reader of CIFAR-10 and CIFAR-100, binary version (https://www.cs.toronto.edu/~kriz/cifar.html).
 * The label of CIFAR-100 is the fine one. */
#include "data/readers/cifar.h"

#include "data/readers/packed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SIDE 32
#define PIXELS ((size_t)3 * SIDE * SIDE)
#define LARGEST_FILE ((size_t)2 << 30)
#define LARGEST_NAMES ((size_t)64 * 1024)
#define MOST_CLASSES 100

const bal_cifar_kind bal_cifar_10 = {10, 1}, bal_cifar_100 = {100, 2};

static size_t record_bytes(const bal_cifar_kind *kind)
{
    return (size_t)kind->label_bytes + PIXELS;
}

static int label_at(const bal_bytes *file, const bal_cifar_kind *kind, int64_t record)
{
    return file->data[(size_t)record * record_bytes(kind) + (size_t)kind->label_bytes - 1];
}

bal_status bal_cifar_check(bal_ctx *ctx, const char *name, const bal_bytes *file,
                           const bal_cifar_kind *kind, int64_t *records)
{
    const size_t bytes = record_bytes(kind);
    *records = (int64_t)(file->count / bytes);
    if (*records == 0 || file->count % bytes != 0)
        return bal_fail(
            ctx, BAL_BAD_FILE,
            "%s: %zu bytes are not whole records of %zu (%zu bytes after record %" PRId64 ")", name,
            file->count, bytes, file->count % bytes, *records);
    for (int64_t i = 0; i < *records; i++)
        if (label_at(file, kind, i) >= kind->classes)
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s: record %" PRId64 " has label %d, 0 to %d expected", name, i,
                            label_at(file, kind, i), kind->classes - 1);
    return BAL_OK;
}

typedef struct cifar_layout {
    const bal_cifar_kind *kind;
    const char *names;    /* file with one class name a line; optional */
    const char *train[5]; /* all needed */
    const char *test;     /* optional */
} cifar_layout;

static const cifar_layout layout_10 = {&bal_cifar_10,
                                       "batches.meta.txt",
                                       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"},
                                       "test_batch.bin"};
static const cifar_layout layout_100 = {
    &bal_cifar_100, "fine_label_names.txt", {"train.bin", NULL, NULL, NULL, NULL}, "test.bin"};

/* Lines to names, in place; exactly as many as classes, blank lines at the end do not count. */
static bool split_lines(char *text, const char **names, int classes)
{
    int found = 0;
    bool ended = false;
    for (char *line = text; *line;) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
            end--;
        *end = '\0';
        if (*line && (ended || found == classes))
            return false;
        if (*line)
            names[found++] = line;
        else
            ended = true;
        line = next;
    }
    return found == classes;
}

static bal_status read_names(bal_source *source, bal_ctx *ctx, const char *file_name)
{
    char path[BAL_PATH_LENGTH];
    const char *names[MOST_CLASSES];
    bal_bytes file;
    if (!bal_has_file(source->path, file_name) ||
        !bal_path_join(path, sizeof path, source->path, file_name))
        return BAL_OK;
    BAL_TRY(bal_file_read(ctx, path, LARGEST_NAMES, &file));
    char *text = bal_format(ctx, "%.*s", (int)file.count, (const char *)file.data);
    bal_bytes_free(ctx, &file);
    if (!text)
        return BAL_NO_MEMORY;
    bal_status status;
    if (split_lines(text, names, source->classes))
        status = bal_source_name_classes(source, ctx, names);
    else
        status =
            bal_fail(ctx, BAL_BAD_FILE, "%s: %d names expected, one a line", path, source->classes);
    bal_free(ctx, text);
    return status;
}

static bal_status add_file(bal_source *source, bal_ctx *ctx, const bal_cifar_kind *kind,
                           bal_split split, const char *name)
{
    char path[BAL_PATH_LENGTH];
    if (!bal_path_join(path, sizeof path, source->path, name))
        return bal_fail(ctx, BAL_BAD_ARG, "%s: the path is too long", source->path);
    bal_packed_block block = {.first_item = source->count,
                              .start = (size_t)kind->label_bytes,
                              .stride = record_bytes(kind)};
    int32_t *labels;
    snprintf(block.name, sizeof block.name, "%s", name);
    BAL_TRY(bal_file_read(ctx, path, LARGEST_FILE, &block.file));
    bal_status status = bal_cifar_check(ctx, path, &block.file, kind, &block.count);
    if (status == BAL_OK)
        status = bal_source_add(source, ctx, split, block.count, &labels);
    if (status != BAL_OK) {
        bal_bytes_free(ctx, &block.file);
        return status;
    }
    for (int64_t i = 0; i < block.count; i++)
        labels[i] = label_at(&block.file, kind, i);
    return bal_packed_add(source, ctx, &block, true);
}

/* The batches of one set are equally long: a shorter one was cut off between two records. */
static bal_status check_batches(bal_source *source, bal_ctx *ctx, int batches)
{
    const bal_packed *packed = source->own;
    for (int i = 1; i < batches; i++)
        if (packed->block[i].count != packed->block[0].count)
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s/%s: %" PRId64 " records, %s has %" PRId64
                            ": one of them is cut off",
                            source->path, packed->block[i].name, packed->block[i].count,
                            packed->block[0].name, packed->block[0].count);
    return BAL_OK;
}

static bal_status open_layout(bal_source *source, bal_ctx *ctx, const cifar_layout *layout)
{
    int batches = 0;
    source->classes = layout->kind->classes;
    source->native = (bal_picture_shape){3, SIDE, SIDE};
    for (size_t i = 0; i < BAL_COUNT_OF(layout->train) && layout->train[i]; i++, batches++)
        BAL_TRY(add_file(source, ctx, layout->kind, BAL_SPLIT_TRAIN, layout->train[i]));
    BAL_TRY(check_batches(source, ctx, batches));
    if (bal_has_file(source->path, layout->test))
        BAL_TRY(add_file(source, ctx, layout->kind, BAL_SPLIT_TEST, layout->test));
    return read_names(source, ctx, layout->names);
}

static bal_status open_10(bal_source *source, bal_ctx *ctx)
{
    return open_layout(source, ctx, &layout_10);
}

static bal_status open_100(bal_source *source, bal_ctx *ctx)
{
    return open_layout(source, ctx, &layout_100);
}

static bool probe_10(const char *path)
{
    return bal_has_file(path, layout_10.train[0]);
}

static bool probe_100(const char *path)
{
    return bal_has_file(path, layout_100.train[0]);
}

const bal_reader bal_reader_cifar10 = {
    .info = {"cifar10",
             "CIFAR-10, binary version: data_batch_1.bin to data_batch_5.bin, test_batch.bin"},
    .probe = probe_10,
    .open = open_10,
    .picture = bal_packed_picture,
    .item_name = bal_packed_item_name,
    .close = bal_packed_close,
};

const bal_reader bal_reader_cifar100 = {
    .info = {"cifar100", "CIFAR-100, binary version: train.bin, test.bin (fine labels)"},
    .probe = probe_100,
    .open = open_100,
    .picture = bal_packed_picture,
    .item_name = bal_packed_item_name,
    .close = bal_packed_close,
};
