/* Plain words on a picture: capital letters of 5 x 7 pixels, for captions of contact sheets. */
#ifndef BAL_PICTURE_TEXT_H
#define BAL_PICTURE_TEXT_H

#include "base/context.h"

typedef struct bal_canvas {
    int height, width;
    uint8_t *rgb; /* height x width x 3 */
} bal_canvas;

enum { BAL_GLYPH_WIDTH = 6, BAL_GLYPH_HEIGHT = 7 }; /* the space after a letter included */

/* Writes text with its upper left corner at (top, left), each of its pixels scale x scale large,
 * cut off after most pixels and at the edges. Small letters are written as capitals, signs that the
 * list lacks as "?". */
typedef struct bal_text_place {
    int top, left, most, scale;
    uint8_t rgb[3];
} bal_text_place;
void bal_canvas_text(const bal_canvas *canvas, const bal_text_place *place, const char *text);
/* Copies height x width x 3 bytes to (top, left); all of it has to lie within. */
void bal_canvas_paste(const bal_canvas *canvas, int top, int left, const bal_canvas *from);

#endif
