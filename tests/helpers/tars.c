/* Tar files; see tars.h. */
#include "helpers/tars.h"

#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512

static uint8_t *grow(test_tar *tar, size_t bytes)
{
    if (tar->count + bytes > tar->room) {
        tar->room = 2 * tar->room + bytes;
        tar->bytes = realloc(tar->bytes, tar->room);
        assert_non_null(tar->bytes);
    }
    uint8_t *at = tar->bytes + tar->count;
    memset(at, 0, bytes);
    tar->count += bytes;
    return at;
}

static void put_data(test_tar *tar, const void *data, size_t size)
{
    const size_t blocks = (size + BLOCK - 1) / BLOCK * BLOCK;
    uint8_t *at = grow(tar, blocks ? blocks : 0);
    if (size)
        memcpy(at, data, size);
}

static void put_sum(uint8_t *header, bool wrong)
{
    unsigned sum = wrong ? 1 : 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += header[i];
    char text[8];
    snprintf(text, sizeof text, "%06o", sum);
    memcpy(header + 148, text, 7);
}

static void put_header(test_tar *tar, const test_tar_entry *entry, const char *name, char type,
                       uint64_t size)
{
    uint8_t *h = grow(tar, BLOCK);
    char text[16];
    memcpy(h, name, strlen(name) < 100 ? strlen(name) : 100);
    memcpy(h + 100, "0000644", 7);
    memcpy(h + 108, "0000000", 7);
    memcpy(h + 116, "0000000", 7);
    snprintf(text, sizeof text, "%011" PRIo64, size);
    memcpy(h + 124, text, 11);
    memcpy(h + 136, "00000000000", 11);
    h[156] = (uint8_t)type;
    if (entry->link)
        memcpy(h + 157, entry->link, strlen(entry->link));
    memcpy(h + 257, "ustar\00000", 8);
    put_sum(h, entry->wrong_sum);
}

/* "LENGTH key=value\n", where LENGTH counts itself. */
static size_t pax_record(char *out, size_t size, const char *key, const char *value)
{
    const size_t rest = strlen(key) + strlen(value) + 3;
    size_t length = rest, before = 0;
    while (length != before) {
        before = length;
        length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
    }
    return (size_t)snprintf(out, size, "%zu %s=%s\n", length, key, value);
}

static void put_pax(test_tar *tar, const test_tar_entry *entry)
{
    char records[8192], key[64] = "";
    const test_tar_entry plain = {0};
    size_t count = 0;
    if (entry->style == TEST_TAR_PAX)
        count += pax_record(records, sizeof records, "path", entry->name);
    if (entry->pax) {
        const char *equals = strchr(entry->pax, '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - entry->pax), entry->pax);
        count += pax_record(records + count, sizeof records - count, key, equals + 1);
    }
    if (count) {
        put_header(tar, &plain, "PaxHeader/x", 'x', count);
        put_data(tar, records, count);
    }
}

void test_tar_add(test_tar *tar, const test_tar_entry *entry)
{
    const test_tar_entry plain = {0};
    put_pax(tar, entry);
    if (entry->style == TEST_TAR_GNU) {
        put_header(tar, &plain, "././@LongLink", 'L', strlen(entry->name) + 1);
        put_data(tar, entry->name, strlen(entry->name) + 1);
    }
    const bool elsewhere = entry->style != TEST_TAR_USTAR;
    put_header(tar, entry, elsewhere ? "in-another-header" : entry->name,
               entry->type ? entry->type : '0', entry->claims ? entry->claimed : entry->size);
    put_data(tar, entry->data, entry->size);
}

void test_tar_file(test_tar *tar, const char *name, const void *data, size_t size)
{
    const test_tar_entry entry = {.name = name, .data = data, .size = size};
    test_tar_add(tar, &entry);
}

void test_tar_text(test_tar *tar, const char *name, const char *text)
{
    test_tar_file(tar, name, text, strlen(text));
}

void test_tar_sample(test_tar *tar, const char *key, const char *label, int height, int width)
{
    const test_picture picture = {.height = height, .width = width, .channels = 3};
    char name[256];
    size_t count;
    uint8_t *png = test_png(&picture, &count);
    snprintf(name, sizeof name, "%s.cls", key);
    test_tar_text(tar, name, label);
    snprintf(name, sizeof name, "%s.png", key);
    test_tar_file(tar, name, png, count);
    free(png);
}

void test_tar_end(test_tar *tar)
{
    grow(tar, (size_t)2 * BLOCK);
}

void test_tar_free(test_tar *tar)
{
    free(tar->bytes);
    *tar = (test_tar){0};
}

void test_tar_write(test_tar *tar, const char *path)
{
    test_tar_end(tar);
    test_write_file(path, tar->bytes, tar->count);
    test_tar_free(tar);
}

void test_tar_write_packed(test_tar *tar, const char *path, const char *filter)
{
    test_tar_end(tar);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_true(a && entry);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, tar->bytes, tar->count), tar->count);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(a);
    test_tar_free(tar);
}
