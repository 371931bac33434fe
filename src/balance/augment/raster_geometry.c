/* Moving pixels: mirrors, shifts and affine maps. */
#include "balance/augment/raster.h"

#include <math.h>
#include <string.h>

#define DEGREE 0.017453292519943295769

/* ---- whole pixels ---- */

void bal_raster_shift(const bal_raster *r, int dy, int dx)
{
    const bal_image_shape shape = r->shape;
    const size_t pixel = (size_t)shape.channels, row = pixel * (size_t)shape.width;
    const int left = dx < 0 ? -dx : 0, right = dx > 0 ? dx : 0; /* columns without a source */
    const int kept = shape.width - left - right;
    memcpy(r->scratch, r->pixels, row * (size_t)shape.height);
    memset(r->pixels, 0, row * (size_t)shape.height);
    for (int y = 0; y < shape.height; y++) {
        const int from = y + dy;
        if (from < 0 || from >= shape.height || kept <= 0)
            continue;
        memcpy(r->pixels + (size_t)y * row + (size_t)left * pixel,
               r->scratch + (size_t)from * row + (size_t)right * pixel, (size_t)kept * pixel);
    }
}

void bal_raster_mirror(const bal_raster *r)
{
    const bal_image_shape shape = r->shape;
    for (int y = 0; y < shape.height; y++) {
        uint8_t *left = r->pixels + (size_t)y * (size_t)shape.width * (size_t)shape.channels;
        uint8_t *right = left + (size_t)(shape.width - 1) * (size_t)shape.channels;
        for (; left < right; left += shape.channels, right -= shape.channels)
            for (int c = 0; c < shape.channels; c++) {
                const uint8_t held = left[c];
                left[c] = right[c];
                right[c] = held;
            }
    }
}

void bal_raster_flip(const bal_raster *r)
{
    const size_t row = (size_t)r->shape.channels * (size_t)r->shape.width;
    const size_t last = (size_t)r->shape.height - 1;
    memcpy(r->scratch, r->pixels, bal_raster_bytes(r));
    for (size_t y = 0; y <= last; y++)
        memcpy(r->pixels + y * row, r->scratch + (last - y) * row, row);
}

/* ---- affine maps ---- */

static void copy_pixel(const bal_raster *r, int64_t x, int64_t y, uint8_t *out)
{
    const bal_image_shape s = r->shape;
    if (x < 0 || y < 0 || x >= s.width || y >= s.height)
        return;
    const uint8_t *in = r->scratch + ((size_t)y * (size_t)s.width + (size_t)x) * (size_t)s.channels;
    for (int c = 0; c < s.channels; c++)
        out[c] = in[c];
}

static int64_t cell(double v)
{
    return v < 0.0 ? -1 : v < 1e9 ? (int64_t)v : 1000000000;
}

/* Without rotation or shear Pillow adds the step up in double. */
static void scale_nearest(const bal_raster *r, const double m[6])
{
    const bal_image_shape s = r->shape;
    double yin = m[5] + m[4] * 0.5;
    for (int y = 0; y < s.height; y++, yin += m[4]) {
        uint8_t *out = r->pixels + (size_t)y * (size_t)s.width * (size_t)s.channels;
        double xin = m[2] + m[0] * 0.5;
        for (int x = 0; x < s.width; x++, xin += m[0], out += s.channels)
            copy_pixel(r, cell(xin), cell(yin), out);
    }
}

static int64_t fixed(double v)
{
    return (int64_t)floor(v * 65536.0 + 0.5);
}

/* Else it counts in 1/65536 of a pixel. */
static void turn_nearest(const bal_raster *r, const double m[6])
{
    const bal_image_shape s = r->shape;
    int64_t left = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
    int64_t top = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    const int64_t xx = fixed(m[0]), xy = fixed(m[1]), yx = fixed(m[3]), yy = fixed(m[4]);
    for (int y = 0; y < s.height; y++, left += xy, top += yy) {
        uint8_t *out = r->pixels + (size_t)y * (size_t)s.width * (size_t)s.channels;
        int64_t xin = left, yin = top;
        for (int x = 0; x < s.width; x++, xin += xx, yin += yx, out += s.channels)
            copy_pixel(r, xin >= 0 ? xin / 65536 : -1, yin >= 0 ? yin / 65536 : -1, out);
    }
}

static int within(int v, int count)
{
    return v < 0 ? 0 : v >= count ? count - 1 : v;
}

static void mix_pixels(const bal_raster *r, double xin, double yin, uint8_t *out)
{
    const bal_image_shape s = r->shape;
    if (!(xin >= 0.0 && xin < s.width && yin >= 0.0 && yin < s.height))
        return;
    xin -= 0.5;
    yin -= 0.5;
    const int x = (int)floor(xin), y = (int)floor(yin), n = s.channels;
    const double dx = xin - x, dy = yin - y;
    const size_t row = (size_t)s.width * (size_t)n;
    const uint8_t *upper = r->scratch + (size_t)within(y, s.height) * row;
    const bool two = y + 1 < s.height;
    const uint8_t *lower = two ? r->scratch + (size_t)(y + 1) * row : upper;
    const int left = within(x, s.width) * n, right = within(x + 1, s.width) * n;
    for (int c = 0; c < n; c++) {
        const double above = upper[left + c] + (upper[right + c] - upper[left + c]) * dx;
        const double below = lower[left + c] + (lower[right + c] - lower[left + c]) * dx;
        out[c] = (uint8_t)(above + ((two ? below : above) - above) * dy);
    }
}

static void turn_bilinear(const bal_raster *r, const double m[6])
{
    const bal_image_shape s = r->shape;
    uint8_t *out = r->pixels;
    for (int y = 0; y < s.height; y++)
        for (int x = 0; x < s.width; x++, out += s.channels) {
            const double xin = x + 0.5, yin = y + 0.5;
            mix_pixels(r, m[0] * xin + m[1] * yin + m[2], m[3] * xin + m[4] * yin + m[5], out);
        }
}

void bal_raster_affine(const bal_raster *r, const double m[6], bal_raster_look look)
{
    const size_t bytes = bal_raster_bytes(r);
    memcpy(r->scratch, r->pixels, bytes);
    memset(r->pixels, look.fill, bytes);
    if (look.bilinear)
        turn_bilinear(r, m);
    else if (m[1] == 0.0 && m[3] == 0.0)
        scale_nearest(r, m);
    else
        turn_nearest(r, m);
}

void bal_raster_move(const bal_raster *r, const bal_raster_motion *motion, bal_raster_look look)
{
    const double turn = motion->degrees * DEGREE;
    const double sx = motion->shear_x * DEGREE, sy = motion->shear_y * DEGREE;
    const double cx = r->shape.width * 0.5, cy = r->shape.height * 0.5;
    /* the inverse of: shear, scale and turn about the middle, then move */
    const double a = cos(turn - sy) / cos(sy);
    const double b = -cos(turn - sy) * tan(sx) / cos(sy) - sin(turn);
    const double c = sin(turn - sy) / cos(sy);
    const double d = -sin(turn - sy) * tan(sx) / cos(sy) + cos(turn);
    double m[6] = {d / motion->scale,  -b / motion->scale, 0.0,
                   -c / motion->scale, a / motion->scale,  0.0};
    m[2] = m[0] * (-cx - motion->right) + m[1] * (-cy - motion->down) + cx;
    m[5] = m[3] * (-cx - motion->right) + m[4] * (-cy - motion->down) + cy;
    bal_raster_affine(r, m, look);
}

/* Pillow rounds what stands for quarter turns to where it is exact. */
static double clean(double v)
{
    return rint(v * 1e15) / 1e15;
}

void bal_raster_rotate(const bal_raster *r, double degrees, bal_raster_look look)
{
    const double turn = -degrees * DEGREE;
    const double cx = r->shape.width / 2.0, cy = r->shape.height / 2.0;
    double m[6] = {clean(cos(turn)),  clean(sin(turn)), 0.0,
                   clean(-sin(turn)), clean(cos(turn)), 0.0};
    if (fmod(degrees, 360.0) == 0.0)
        return;
    m[2] = m[0] * -cx + m[1] * -cy + cx;
    m[5] = m[3] * -cx + m[4] * -cy + cy;
    bal_raster_affine(r, m, look);
}

void bal_raster_zoom(const bal_raster *r, double zoom)
{
    const double step = 1.0 / zoom, cx = r->shape.width / 2.0, cy = r->shape.height / 2.0;
    if (step == 1.0)
        return;
    const double m[6] = {step, 0.0, cx * (1.0 - step), 0.0, step, cy * (1.0 - step)};
    bal_raster_affine(r, m, (bal_raster_look){.bilinear = true});
}
