/* EXIF orientation: how a camera was held when it took the picture. */
#ifndef BAL_EXIF_H
#define BAL_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* 1..8 as EXIF 2.32 has them (tag 0x0112): 1 as stored, 2 mirrored, 3 turned by 180 degrees, 4
 * upside down, 5 transposed, 6 to be turned clockwise, 7 transposed along the other diagonal, 8 to
 * be turned anticlockwise. Whatever is damaged or absent is 1: a picture is not refused for it. */
typedef int bal_orientation;

/* The orientation of a TIFF block: "II" or "MM", 42, the offset of the first directory. */
bal_orientation bal_exif_orientation(const uint8_t *tiff, size_t count);
/* Of a whole file: JPEG's first APP1 with "Exif", PNG's eXIf, WebP's EXIF. Only headers of segments
 * and chunks are looked at. */
bal_orientation bal_jpeg_orientation(const uint8_t *file, size_t count);
bal_orientation bal_png_orientation(const uint8_t *file, size_t count);
bal_orientation bal_webp_orientation(const uint8_t *file, size_t count);

#endif
