/* A 128-bit fingerprint of a picture: two images have the same one when their size, channels and
 * every pixel are the same. */
#ifndef BAL_PIXEL_HASH_H
#define BAL_PIXEL_HASH_H

#include "audit/scan/small_picture.h"

/* XXH64 of count bytes, as its specification defines it (Yann Collet, XXH64 0.1.1): not for
 * protection against somebody who makes collisions on purpose. */
uint64_t bal_xxh64(const uint8_t *bytes, size_t count, uint64_t seed);

/* XXH64 of the pixels, and XXH64 of the exact sums of the pixels and of their squares in each
 * channel, both under seeds that are functions of the shape. Two pictures that have nothing to do
 * with each other agree in the second with odds far below 2^-32, so among n such pictures two have
 * the same 128 bits with odds below n^2 / 2^97: one in 10^17 for a million. Pictures that are made
 * of the same pixels in another order have the same second number, and odds of 2^-64 a pair. */
void bal_pixel_hash(const bal_picture *picture, const bal_moments *moments, uint64_t out[2]);

#endif
