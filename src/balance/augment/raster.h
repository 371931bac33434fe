/* Operations on one 8-bit image, height x width x channels (1 or 3), in place. They do what Pillow
 * does, bit for bit where the comment does not say otherwise; tests/golden/test_augment_golden.c
 * compares them. Which of them an image gets, and how strongly, is drawn elsewhere. */
#ifndef BAL_RASTER_H
#define BAL_RASTER_H

#include "ballast/balance.h"

typedef struct bal_raster {
    bal_image_shape shape;
    uint8_t *pixels;
    uint8_t *scratch; /* as large as pixels; what it holds is lost */
} bal_raster;

static inline size_t bal_raster_bytes(const bal_raster *r)
{
    return (size_t)r->shape.channels * (size_t)r->shape.height * (size_t)r->shape.width;
}

/* ---- geometry: raster_geometry.c ---- */

/* How pixels between pixels are made, and what lies outside. */
typedef struct bal_raster_look {
    bool bilinear; /* else nearest */
    uint8_t fill;  /* in every channel */
} bal_raster_look;
/* out(x, y) = in(m0 x + m1 y + m2, m3 x + m4 y + m5), coordinates of pixels' middles: Pillow's
 * Image.transform with AFFINE. */
void bal_raster_affine(const bal_raster *r, const double m[6], bal_raster_look look);
/* What torchvision's functional.affine does to a PIL image: the image is turned clockwise by
 * degrees and moved by whole pixels about its middle, magnified and sheared (degrees). */
typedef struct bal_raster_motion {
    double degrees, scale, shear_x, shear_y;
    int right, down;
} bal_raster_motion;
void bal_raster_move(const bal_raster *r, const bal_raster_motion *motion, bal_raster_look look);
/* Anticlockwise about the middle: Pillow's Image.rotate. */
void bal_raster_rotate(const bal_raster *r, double degrees, bal_raster_look look);
/* The middle part, 1 / zoom of each side, fills the image; bilinear (not compared with Pillow,
 * whose resize antialiases). */
void bal_raster_zoom(const bal_raster *r, double zoom);
/* out(y, x) = in(y + dy, x + dx), 0 outside */
void bal_raster_shift(const bal_raster *r, int dy, int dx);
void bal_raster_mirror(const bal_raster *r); /* left and right */
void bal_raster_flip(const bal_raster *r);   /* top and bottom */

/* ---- a new value for each value: raster_tone.c ---- */

void bal_raster_invert(const bal_raster *r);
void bal_raster_posterize(const bal_raster *r, int bits);        /* keeps the upper bits, 0..8 */
void bal_raster_solarize(const bal_raster *r, double threshold); /* inverts from threshold up */
/* Adds a number, clipped to 0..255, and then solarizes at 128. */
void bal_raster_solarize_add(const bal_raster *r, int addition);
void bal_raster_autocontrast(const bal_raster *r); /* each channel stretched to 0..255 */
void bal_raster_equalize(const bal_raster *r);     /* each channel's histogram made flat */

/* ---- mixtures with a poorer version of the image: raster_enhance.c ---- */

/* Pillow's ImageEnhance: factor 0 is black, the mean grey, the grey image, the smoothed image; 1
 * the image as it is; more goes beyond it. Color changes nothing where there is one channel. */
void bal_raster_brightness(const bal_raster *r, double factor);
void bal_raster_contrast(const bal_raster *r, double factor);
void bal_raster_color(const bal_raster *r, double factor);
void bal_raster_sharpness(const bal_raster *r, double factor);
void bal_raster_grayscale(const bal_raster *r);
/* torchvision's adjust_hue of a PIL image: shift in turns, -0.5..0.5, by way of Pillow's HSV. */
void bal_raster_hue(const bal_raster *r, double shift);

/* ---- neighbourhoods: raster_filter.c ---- */

typedef enum bal_raster_kernel {
    BAL_KERNEL_SMOOTH,
    BAL_KERNEL_DETAIL,
    BAL_KERNEL_EDGE_ENHANCE
} bal_raster_kernel;
/* 3 x 3; the outermost pixels stay as they are. */
void bal_raster_filter(const bal_raster *r, bal_raster_kernel kernel);
/* Pillow's GaussianBlur: three box blurs each way, of a size that gives sigma. */
void bal_raster_blur(const bal_raster *r, double sigma);

#endif
