/* The one EXIF tag that changes pixels, found by walking segments and chunks with a cursor. */
#include "data/image/exif.h"

#include "base/cursor.h"

#include <string.h>

#include <zlib.h>

#define ORIENTATION_TAG 0x0112
#define TYPE_SHORT 3
#define AS_STORED 1

/* ---- TIFF ---- */

typedef struct tiff_cursor {
    bal_cursor c;
    bool big; /* byte order */
} tiff_cursor;

static bool take(tiff_cursor *t, size_t bytes, uint32_t *out)
{
    const unsigned char *b;
    if (!bal_take_bytes(&t->c, bytes, &b))
        return false;
    *out = 0;
    for (size_t i = 0; i < bytes; i++)
        *out = *out << 8 | b[t->big ? i : bytes - 1 - i];
    return true;
}

/* An entry of a directory: tag, type, count, and the value in the first bytes of the last four. */
static bool take_entry(tiff_cursor *t, uint32_t *tag, uint32_t *type, uint32_t *value)
{
    uint32_t count, unused;
    return take(t, 2, tag) && take(t, 2, type) && take(t, 4, &count) && take(t, 2, value) &&
           take(t, 2, &unused);
}

bal_orientation bal_exif_orientation(const uint8_t *tiff, size_t count)
{
    tiff_cursor t = {.c = bal_cursor_over(tiff, count)};
    const unsigned char *order, *before;
    uint32_t magic, at, entries, tag, type, value;
    if (!bal_take_bytes(&t.c, 2, &order) || order[0] != order[1] ||
        (order[0] != 'I' && order[0] != 'M'))
        return AS_STORED;
    t.big = order[0] == 'M';
    if (!take(&t, 2, &magic) || magic != 42 || !take(&t, 4, &at))
        return AS_STORED;
    t.c = bal_cursor_over(tiff, count); /* offsets count from the byte order */
    if (!bal_take_bytes(&t.c, at, &before) || !take(&t, 2, &entries))
        return AS_STORED;
    for (uint32_t i = 0; i < entries && take_entry(&t, &tag, &type, &value); i++)
        if (tag == ORIENTATION_TAG)
            return type == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : AS_STORED;
    return AS_STORED;
}

/* ---- containers ---- */

static bool starts(const uint8_t *bytes, size_t count, const char *with, size_t length)
{
    return count >= length && memcmp(bytes, with, length) == 0;
}

static const char exif_mark[] = "Exif\0"; /* and the terminating 0: six bytes */

/* Bytes before the next marker, and any number of fill bytes, are passed over as decoders do. */
static bool next_marker(bal_cursor *c, uint8_t *marker)
{
    uint8_t byte = 0;
    while (byte != 0xff)
        if (!bal_take_u8(c, &byte))
            return false;
    while (byte == 0xff)
        if (!bal_take_u8(c, &byte))
            return false;
    *marker = byte;
    return true;
}

bal_orientation bal_jpeg_orientation(const uint8_t *file, size_t count)
{
    bal_cursor c = bal_cursor_over(file, count);
    const unsigned char *bytes;
    uint8_t marker;
    while (next_marker(&c, &marker)) {
        if (marker == 0xda || marker == 0xd9) /* the scans begin, or the file ends */
            return AS_STORED;
        if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) /* alone, without a length */
            continue;
        if (!bal_take_bytes(&c, 2, &bytes))
            return AS_STORED;
        const size_t length = (size_t)bytes[0] << 8 | bytes[1];
        if (length < 2 || !bal_take_bytes(&c, length - 2, &bytes))
            return AS_STORED;
        if (marker == 0xe1 && starts(bytes, length - 2, exif_mark, sizeof exif_mark))
            return bal_exif_orientation(bytes + sizeof exif_mark, length - 2 - sizeof exif_mark);
    }
    return AS_STORED;
}

/* Length, name, data, checksum. */
bal_orientation bal_png_orientation(const uint8_t *file, size_t count)
{
    bal_cursor c = bal_cursor_over(file, count);
    const unsigned char *bytes;
    uint32_t length, checksum;
    if (!bal_take_bytes(&c, 8, &bytes))
        return AS_STORED;
    while (bal_take_u32be(&c, &length) && bal_take_bytes(&c, (size_t)length + 4, &bytes) &&
           bal_take_u32be(&c, &checksum)) {
        if (!starts(bytes, 4, "eXIf", 4))
            continue;
        if ((uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, (size_t)length + 4) != checksum)
            return AS_STORED;
        return bal_exif_orientation(bytes + 4, length);
    }
    return AS_STORED;
}

/* Name, length, data, and a byte more where the length is odd. */
bal_orientation bal_webp_orientation(const uint8_t *file, size_t count)
{
    bal_cursor c = bal_cursor_over(file, count);
    const unsigned char *name, *bytes, *pad;
    uint32_t length;
    if (!bal_take_bytes(&c, 12, &bytes))
        return AS_STORED;
    while (bal_take_bytes(&c, 4, &name) && bal_take_u32le(&c, &length) &&
           bal_take_bytes(&c, length, &bytes)) {
        if (memcmp(name, "EXIF", 4) == 0) {
            /* some programs copy JPEG's mark too */
            const size_t skip =
                starts(bytes, length, exif_mark, sizeof exif_mark) ? sizeof exif_mark : 0;
            return bal_exif_orientation(bytes + skip, length - skip);
        }
        if (length % 2 && !bal_take_bytes(&c, 1, &pad))
            return AS_STORED;
    }
    return AS_STORED;
}
