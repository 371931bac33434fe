/* What a picture looks like, in few bytes: a perceptual hash, the same of two crops, and a sketch
 * of its low frequencies.
 *
 * On the square [0, 1] x [0, 1] of the grey 32 x 32 means T, constant over each cell, the
 * coefficients of the crop c <= x, y <= 1 - c are
 *   C(k, l) = integral of T(x, y) cos(pi k (x - c) / (1 - 2 c)) cos(pi l (y - c) / (1 - 2 c))
 * which for c = 0 is the DCT-II of T times a positive constant. The hash has a bit for each of the
 * 63 with k, l <= 7 but (0, 0): is it positive? So it does not change with brightness and contrast,
 * hardly with re-encoding, and the hash of a crop is near one of the three that the whole has.
 * After the perceptual hash of Zauner 2010, with signs instead of a median. */
#ifndef BAL_LOOK_H
#define BAL_LOOK_H

#include "audit/scan/small_picture.h"

#define BAL_LOOKS 3 /* the whole, and crops by 2 % and 4 % of each side */
#define BAL_LOOK_SIDE 8
#define BAL_LOOK_BITS (BAL_LOOK_SIDE * BAL_LOOK_SIDE - 1)

/* Coefficients, each times sqrt(k^2 + l^2) (pictures of the world have about that much less of high
 * frequencies), scaled to a length of 127 and rounded; all 0: a picture of one value. At [l * 8 +
 * k]; (0, 0) is 0. */
typedef struct bal_sketch {
    int8_t at[BAL_LOOK_SIDE * BAL_LOOK_SIDE];
} bal_sketch;

typedef struct bal_look {
    uint64_t hash[BAL_LOOKS]; /* bit l * 8 + k - 1 */
    bal_sketch sketch[BAL_LOOKS];
} bal_look;

/* The share of each side that look i leaves out. */
double bal_look_crop(int i);
void bal_look_of(const float *grey, bal_look *out);
/* The largest cosine of the angle between a sketch of `asking` and the first sketch of `other`,
 * -1..1; 0 where one is all 0. */
float bal_look_cosine(const bal_look *asking, const bal_look *other);

#endif
