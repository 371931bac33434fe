/* Images of 8-bit pixels: conversion between grey and RGB, resizing, decoding of image files. */
#ifndef BAL_IMAGE_H
#define BAL_IMAGE_H

#include "data/image/exif.h"
#include "data/readers/source.h"

/* Borrowed pixels, HWC. */
typedef struct bal_image {
    const uint8_t *pixels;
    bal_picture_shape shape;
    bal_box box; /* what is looked at, within the pixels; width 0: all */
} bal_image;

bool bal_picture_shape_equal(bal_picture_shape a, bal_picture_shape b);
size_t bal_picture_shape_bytes(bal_picture_shape shape);

/* Converts the channels (1 or 3) and resizes into the caller's memory.
 * RGB to grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), in fixed point as Pillow's mode "L". */
bal_status bal_image_fit(bal_ctx *ctx, bal_image image, bal_picture_shape shape, uint8_t *pixels);

/* Resizes with a triangle filter that is widened by the scale when shrinking (antialiasing), in two
 * passes of 22-bit fixed point with rounding to bytes between them: the values of Pillow's
 * Image.resize(size, BILINEAR, box), also in what of the pixels beside the box is looked at.
 * image.shape.channels must be equal to shape.channels. */
bal_status bal_image_resize(bal_ctx *ctx, bal_image image, bal_picture_shape shape,
                            uint8_t *pixels);

/* ---- decoding ---- */

/* The image files that are known: name, endings of file names, the first bytes with '.' for any,
 * their number, and the prefix of their functions. */
#define BAL_IMAGE_FORMAT_LIST(X)                         \
    X("JPEG", ".jpg .jpeg", "\xff\xd8\xff", 3, bal_jpeg) \
    X("PNG", ".png", "\x89PNG\r\n\x1a\n", 8, bal_png)    \
    X("WebP", ".webp", "RIFF....WEBP", 12, bal_webp)
/* " .jpg .jpeg ...", for messages */
#define BAL_IMAGE_ENDINGS_OF(name, endings, magic, bytes, prefix) " " endings
#define BAL_IMAGE_ENDINGS BAL_IMAGE_FORMAT_LIST(BAL_IMAGE_ENDINGS_OF)

/* What a decoder is handed. */
typedef struct bal_decode {
    bal_ctx *ctx;
    const char *name; /* of the file, for messages */
    const uint8_t *bytes;
    size_t count;
    bal_ask ask;
    bal_image_limits limits;
} bal_decode;

/* The larger of the two sides that a file may have, and the limits that 0 stands for. */
#define BAL_LARGEST_SIDE 65535
#define BAL_IMAGE_PIXELS ((int64_t)1 << 27)
#define BAL_IMAGE_FILE_MIB 256

/* As stored, before it is turned. They fail with BAL_BAD_FILE and the file's name. */
#define BAL_IMAGE_DECODER(name, endings, magic, bytes, prefix)                 \
    bal_status prefix##_shape(const bal_decode *in, bal_picture_shape *shape); \
    bal_status prefix##_decode(const bal_decode *in, bal_picture *out);
BAL_IMAGE_FORMAT_LIST(BAL_IMAGE_DECODER)
#undef BAL_IMAGE_DECODER

/* 1, 2, 4 or 8: by how much a decoder may shrink so that the picture stays twice as large as asked
 * for. Decoders do not look at the view: what they are asked for is of the whole picture. */
int bal_ask_divisor(bal_ask ask, int height, int width);

/* Are rows and columns exchanged? */
bool bal_orientation_swaps(bal_orientation orientation);
/* Makes of a picture as stored the one that was taken. On failure it stays as it is. */
bal_status bal_picture_turn(bal_ctx *ctx, bal_picture *picture, bal_orientation orientation);

/* Refuses 0 and what is beyond the limits. */
bal_status bal_picture_shape_check(const bal_decode *in, uint64_t height, uint64_t width);

/* The format is found by the first bytes, whatever the file's name ends with. Pictures are turned
 * as their EXIF orientation says. */
bal_status bal_image_shape_of(const bal_decode *in, bal_picture_shape *shape);
bal_status bal_image_picture(const bal_decode *in, bal_picture *out);
/* Decodes, converts and resizes into the caller's memory. resize false: another size than the one
 * wanted is BAL_BAD_FILE. */
bal_status bal_image_decode(const bal_decode *in, bal_picture_shape shape, bool resize,
                            uint8_t *pixels);
/* The same for files: in->name is the path, and in->bytes and in->count are not looked at. */
bal_status bal_image_file_shape(const bal_decode *in, bal_picture_shape *shape);
bal_status bal_image_file_picture(const bal_decode *in, bal_picture *out);
bal_status bal_image_file_decode(const bal_decode *in, bal_picture_shape shape, bool resize,
                                 uint8_t *pixels);
/* Converts and resizes; the caller's picture stays. */
bal_status bal_picture_fit(bal_ctx *ctx, const bal_picture *picture, bal_picture_shape shape,
                           uint8_t *pixels);
/* The same of what a view has chosen, in one resampling. Of a view that is longer than the picture
 * the whole side is taken, in proportion, with grey of 128 on both ends of it. */
bal_status bal_picture_fit_view(bal_ctx *ctx, const bal_picture *picture, bal_box view,
                                bal_picture_shape shape, uint8_t *pixels);
/* Which decoder's ending is it (".jpg", in any case)? Its place in the table; -1: none's. */
int bal_image_ending(const char *ending);
/* Does this name end as one of BAL_IMAGE_FORMAT_LIST does, in any case, and is not hidden? */
bool bal_image_has_name(const char *name);

#endif
