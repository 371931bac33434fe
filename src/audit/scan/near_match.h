/* Do two pictures show the same, up to re-encoding, brightness and contrast, and a slight crop?
 *
 * B is laid over A with a scale and a shift for each axis, a gain and an offset, found by least
 * squares (Lucas and Kanade 1981, with gain and bias, and the Jacobian of A as Baker and Matthews
 * 2004 have it); then a little blur or sharpening is allowed (a multiple of B's Laplacian). What is
 * left of A is noise where the pictures are the same, and has shape where they are only alike. */
#ifndef BAL_NEAR_MATCH_H
#define BAL_NEAR_MATCH_H

#include "audit/scan/small_picture.h"

#define BAL_CHROMA_SIDE 8
#define BAL_CHROMA_AREA (BAL_CHROMA_SIDE * BAL_CHROMA_SIDE)

/* What is kept of a picture to compare it: its own pixels where a side has 32 or less, else means
 * over 32 cells. */
typedef struct bal_thumb {
    uint8_t width, height;
    uint8_t grey[BAL_SMALL_AREA];      /* height x width of them */
    int8_t chroma[2][BAL_CHROMA_AREA]; /* (R - G) / 2 and (B - G) / 2 over a grid of 8 x 8 */
} bal_thumb;

/* Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_thumb_make(bal_ctx *ctx, bal_small_room *room,
                                         const bal_picture *picture, bal_thumb *out);

/* The side that others are laid over, prepared: for several matches of one picture. */
#define BAL_PLANE_LEVELS 2
typedef struct bal_plane {
    int width, height;
    float at[BAL_SMALL_AREA]; /* less 128 */
} bal_plane;
typedef struct bal_template {
    const bal_thumb *thumb;
    bal_plane plane[BAL_PLANE_LEVELS];                /* half the size, and all of it */
    float slope[BAL_PLANE_LEVELS][4][BAL_SMALL_AREA]; /* by scale x, y, shift x, y; without what
                                                         gain and offset explain */
    double factor[BAL_PLANE_LEVELS][16];              /* Cholesky factor of their products */
    double spread;                                    /* variance of the whole plane */
} bal_template;
/* Borrows the thumb. */
void bal_template_of(const bal_thumb *thumb, bal_template *out);

typedef struct bal_match {
    double structure; /* root mean square of what is left, averaged over 3 x 3 cells, divided by the
                         deviation of A; 0: the same */
    double detail;    /* correlation of what a small blur takes away from A and from what explains
                         it, 1 level of noise allowed; 1: the same */
    double colour;    /* root mean square difference of the chroma after the common gain, 0..255 */
    double scale_x, scale_y, shift_x, shift_y; /* shifts in shares of a side */
} bal_match;

/* True and *out filled where they could be laid over each other at all. Not exactly symmetric in
 * the two. */
bool bal_near_match(const bal_template *a, const bal_thumb *b, bal_match *out);

#endif
