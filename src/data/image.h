/* Images of 8-bit pixels: conversion between grey and RGB, resizing, decoding of JPEG and PNG. */
#ifndef BAL_IMAGE_H
#define BAL_IMAGE_H

#include "data/source.h"

/* Borrowed pixels, HWC; sizes as in bal_picture. */
typedef struct bal_image {
    const uint8_t *pixels;
    bal_shape shape;
    double picture_height, picture_width;
} bal_image;

bool bal_shape_equal(bal_shape a, bal_shape b);
size_t bal_shape_bytes(bal_shape shape);

/* Converts the channels (1 or 3) and resizes into the caller's memory.
 * RGB to grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), in fixed point as Pillow's mode "L". */
bal_status bal_image_fit(bal_ctx *ctx, bal_image image, bal_shape shape, uint8_t *pixels);

/* Resizes with a triangle filter that is widened by the scale when shrinking (antialiasing), in two
 * passes of 22-bit fixed point with rounding to bytes between them: the values of Pillow's
 * Image.resize(size, BILINEAR, box of the picture). image.shape.channels must be equal to
 * shape.channels. */
bal_status bal_image_resize(bal_ctx *ctx, bal_image image, bal_shape shape, uint8_t *pixels);

/* ---- decoding ---- */

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

/* One row a format in image_file.c: both functions fail with BAL_BAD_FILE and the file's name. */
bal_status bal_jpeg_shape(const bal_decode *in, bal_shape *shape);
bal_status bal_jpeg_decode(const bal_decode *in, bal_picture *out);
bal_status bal_png_shape(const bal_decode *in, bal_shape *shape);
bal_status bal_png_decode(const bal_decode *in, bal_picture *out);

/* Refuses 0 and what is beyond the limits. */
bal_status bal_shape_check(const bal_decode *in, uint64_t height, uint64_t width);

/* The format is found by the first bytes, whatever the file's name ends with. */
bal_status bal_image_shape(const bal_decode *in, bal_shape *shape);
bal_status bal_image_picture(const bal_decode *in, bal_picture *out);
/* Decodes, converts and resizes into the caller's memory. resize false: another size than the one
 * wanted is BAL_BAD_FILE. */
bal_status bal_image_decode(const bal_decode *in, bal_shape shape, bool resize, uint8_t *pixels);
/* The same for files: in->name is the path, and in->bytes and in->count are not looked at. */
bal_status bal_image_file_shape(const bal_decode *in, bal_shape *shape);
bal_status bal_image_file_picture(const bal_decode *in, bal_picture *out);
bal_status bal_image_file_decode(const bal_decode *in, bal_shape shape, bool resize,
                                 uint8_t *pixels);
/* Converts and resizes; the caller's picture stays. */
bal_status bal_picture_fit(bal_ctx *ctx, const bal_picture *picture, bal_shape shape,
                           uint8_t *pixels);
/* Is this the name of an image file: .jpg, .jpeg, .png in any case, not hidden? */
bool bal_image_has_name(const char *name);

#endif
