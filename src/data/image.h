/* Images of 8-bit pixels: conversion between grey and RGB, resizing, decoding of JPEG and PNG. */
#ifndef BAL_IMAGE_H
#define BAL_IMAGE_H

#include "data/source.h"

/* Borrowed pixels, HWC. */
typedef struct bal_image {
    const uint8_t *pixels;
    bal_shape shape;
} bal_image;

bool bal_shape_equal(bal_shape a, bal_shape b);
size_t bal_shape_bytes(bal_shape shape);

/* Converts the channels (1 or 3) and resizes into the caller's memory.
 * RGB to grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), in fixed point as Pillow's mode "L". */
bal_status bal_image_fit(bal_ctx *ctx, bal_image image, bal_shape shape, uint8_t *pixels);

/* Resizes with a triangle filter that is widened by the scale when shrinking (antialiasing), in two
 * passes of 22-bit fixed point with rounding to bytes between them: the values of Pillow's
 * Image.resize(..., BILINEAR). image.shape.channels must be equal to shape.channels. */
bal_status bal_image_resize(bal_ctx *ctx, bal_image image, bal_shape shape, uint8_t *pixels);

#endif
