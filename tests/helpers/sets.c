/* Small data sets; see sets.h. */
#include "helpers/sets.h"

#include "helpers/helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CIFAR_PIXELS 3072

static uint8_t *idx_file(const uint32_t *words, size_t count, size_t data, size_t *bytes)
{
    *bytes = 4 * count + data;
    uint8_t *file = malloc(*bytes);
    assert_non_null(file);
    for (size_t i = 0; i < count; i++)
        for (int b = 0; b < 4; b++)
            file[4 * i + (size_t)b] = (uint8_t)(words[i] >> (24 - 8 * b));
    return file;
}

uint8_t *test_idx_images(uint32_t count, uint32_t height, uint32_t width, size_t *bytes)
{
    const uint32_t words[4] = {0x803, count, height, width};
    const size_t area = (size_t)height * width;
    uint8_t *file = idx_file(words, 4, count * area, bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < area; p++)
            file[16 + i * area + p] = (uint8_t)(i * 7 + p);
    return file;
}

uint8_t *test_idx_labels(const uint8_t *labels, uint32_t count, size_t *bytes)
{
    const uint32_t words[2] = {0x801, count};
    uint8_t *file = idx_file(words, 2, count, bytes);
    memcpy(file + 8, labels, count);
    return file;
}

uint8_t *test_gzip(const uint8_t *bytes, size_t count, size_t *packed)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    *packed = deflateBound(&z, count);
    uint8_t *out = malloc(*packed);
    uint8_t *in = malloc(count ? count : 1);
    assert_true(out && in);
    memcpy(in, bytes, count);
    z.next_in = in;
    z.avail_in = (uInt)count;
    z.next_out = out;
    z.avail_out = (uInt)*packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *packed -= z.avail_out;
    deflateEnd(&z);
    free(in);
    return out;
}

static void write_idx(const char *folder, const char *name, bool gz, uint8_t *bytes, size_t count)
{
    char file[128];
    snprintf(file, sizeof file, "%s%s", name, gz ? ".gz" : "");
    if (gz) {
        size_t packed;
        uint8_t *zipped = test_gzip(bytes, count, &packed);
        test_write_file(test_path(folder, file), zipped, packed);
        free(zipped);
    } else {
        test_write_file(test_path(folder, file), bytes, count);
    }
    free(bytes);
}

void test_write_idx_set(const char *folder, uint32_t count, int classes, bool gz)
{
    uint8_t *labels = malloc(count + (size_t)classes);
    size_t bytes;
    assert_non_null(labels);
    for (uint32_t i = 0; i < count + (uint32_t)classes; i++)
        labels[i] = (uint8_t)(i % (uint32_t)classes);
    uint8_t *file = test_idx_images(count, 4, 5, &bytes);
    write_idx(folder, "train-images-idx3-ubyte", gz, file, bytes);
    file = test_idx_labels(labels, count, &bytes);
    write_idx(folder, "train-labels-idx1-ubyte", gz, file, bytes);
    file = test_idx_images((uint32_t)classes, 4, 5, &bytes);
    write_idx(folder, "t10k-images-idx3-ubyte", gz, file, bytes);
    file = test_idx_labels(labels, (uint32_t)classes, &bytes);
    write_idx(folder, "t10k-labels-idx1-ubyte", gz, file, bytes);
    free(labels);
}

uint8_t *test_cifar_records(int count, int label_bytes, int first, int classes, size_t *bytes)
{
    const size_t record = (size_t)label_bytes + CIFAR_PIXELS;
    *bytes = (size_t)count * record;
    uint8_t *file = calloc(*bytes ? *bytes : 1, 1);
    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        uint8_t *at = file + (size_t)i * record + label_bytes;
        at[-1] = (uint8_t)((first + i) % classes);
        for (int p = 0; p < CIFAR_PIXELS; p++)
            at[p] = (uint8_t)((i + p) % 251);
    }
    return file;
}

void test_write_cifar10_set(const char *folder, int count)
{
    static const char names[] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\n"
                                "truck\n\n";
    for (int batch = 1; batch <= 6; batch++) {
        char name[32] = "test_batch.bin";
        size_t bytes;
        if (batch <= 5)
            snprintf(name, sizeof name, "data_batch_%d.bin", batch);
        uint8_t *file = test_cifar_records(batch <= 5 ? count : 10, 1, 0, 10, &bytes);
        test_write_file(test_path(folder, name), file, bytes);
        free(file);
    }
    test_write_file(test_path(folder, "batches.meta.txt"), names, sizeof names - 1);
}
