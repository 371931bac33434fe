/* Laying one small picture over another: coarse at half the size, then fine. */
#include "audit/scan/near_match.h"

#include "audit/scan/laid_over.h"
#include "data/image/image.h"

#include <math.h>
#include <string.h>

#define LEAST_SCALE 0.85
#define MOST_SCALE (1.0 / LEAST_SCALE)
#define MOST_SHIFT 0.08 /* of a side */
#define COARSE_STEPS 8
#define FINE_STEPS 8
#define LEAST_COARSE 0.7 /* correlation after the coarse steps; below, nothing more is tried */

/* ---- planes ---- */

static void chroma_of(const bal_small *small, bal_thumb *out)
{
    const int step = BAL_SMALL_SIDE / BAL_CHROMA_SIDE;
    memset(out->chroma, 0, sizeof out->chroma);
    for (int c = 0; small->channels == 3 && c < 2; c++)
        for (int i = 0; i < BAL_CHROMA_AREA; i++) {
            const int y0 = i / BAL_CHROMA_SIDE * step, x0 = i % BAL_CHROMA_SIDE * step;
            float sum = 0.0f;
            for (int y = y0; y < y0 + step; y++)
                for (int x = x0; x < x0 + step; x++) {
                    const int at = y * BAL_SMALL_SIDE + x;
                    sum += small->plane[2 * c][at] - small->plane[1][at];
                }
            out->chroma[c][i] = (int8_t)lrintf(sum / (float)(2 * step * step));
        }
}

bal_status bal_thumb_make(bal_ctx *ctx, bal_small_room *room, const bal_picture *picture,
                          bal_thumb *out)
{
    const bal_picture_shape shape = picture->shape;
    const bool large = shape.width >= BAL_SMALL_SIDE && shape.height >= BAL_SMALL_SIDE;
    bal_small small;
    BAL_TRY(bal_small_make(ctx, room, picture, &small));
    out->width = (uint8_t)(shape.width < BAL_SMALL_SIDE ? shape.width : BAL_SMALL_SIDE);
    out->height = (uint8_t)(shape.height < BAL_SMALL_SIDE ? shape.height : BAL_SMALL_SIDE);
    chroma_of(&small, out);
    memset(out->grey, 0, sizeof out->grey);
    if (!large) {
        const bal_image image = {picture->pixels, shape, picture->box};
        return bal_image_fit(ctx, image, (bal_picture_shape){1, out->height, out->width},
                             out->grey);
    }
    float grey[BAL_SMALL_AREA];
    bal_small_grey(&small, grey);
    for (int i = 0; i < BAL_SMALL_AREA; i++)
        out->grey[i] = (uint8_t)lrintf(grey[i]);
    return BAL_OK;
}

/* Means over half as many cells along one axis: `lines` lines of `count` values, which lie `step`
 * apart. A line of one stays. */
static void halve_lines(const float *in, int lines, int count, int line_step, int step, float *out,
                        int out_line_step, int out_step)
{
    const int half = count > 1 ? count / 2 : 1;
    const float width = (float)count / (float)half;
    for (int o = 0; o < half; o++) {
        const float from = width * (float)o, to = width * (float)(o + 1);
        for (int l = 0; l < lines; l++) {
            float sum = 0.0f;
            for (int i = (int)from; i < count && (float)i < to; i++) {
                const float a = (float)i > from ? (float)i : from;
                const float b = (float)(i + 1) < to ? (float)(i + 1) : to;
                sum += (b - a) * in[l * line_step + i * step];
            }
            out[l * out_line_step + o * out_step] = sum / width;
        }
    }
}

static void planes_of(const bal_thumb *thumb, bal_plane plane[BAL_PLANE_LEVELS])
{
    bal_plane *all = &plane[1], *half = &plane[0];
    float narrow[BAL_SMALL_AREA];
    all->width = thumb->width;
    all->height = thumb->height;
    for (int i = 0; i < all->width * all->height; i++)
        all->at[i] = (float)thumb->grey[i] - 128.0f;
    half->width = all->width > 1 ? all->width / 2 : 1;
    half->height = all->height > 1 ? all->height / 2 : 1;
    halve_lines(all->at, all->height, all->width, all->width, 1, narrow, half->width, 1);
    halve_lines(narrow, half->width, all->height, 1, half->width, half->at, 1, half->width);
}

/* ---- the side that others are laid over ---- */

static void remove_along(float *values, const float *along, int count)
{
    const float square = bal_dot(along, along, count);
    const float share = square > 0.0f ? bal_dot(values, along, count) / square : 0.0f;
    for (int i = 0; i < count; i++)
        values[i] -= share * along[i];
}

/* Central differences per share of the side, times the place from -1/2 to 1/2 for the scales. */
static void slopes_of(const bal_plane *p, float slope[4][BAL_SMALL_AREA])
{
    const int w = p->width, h = p->height, count = w * h;
    float ones[BAL_SMALL_AREA], flat[BAL_SMALL_AREA];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int i = y * w + x;
            const int left = x > 0, right = x<w - 1, up = y> 0, down = y < h - 1;
            const float dx = p->at[i + right] - p->at[i - left];
            const float dy = p->at[i + down * w] - p->at[i - up * w];
            slope[2][i] = w > 1 ? dx * (float)w / (float)(left + right) : 0.0f;
            slope[3][i] = h > 1 ? dy * (float)h / (float)(up + down) : 0.0f;
            slope[0][i] = slope[2][i] * (((float)x + 0.5f) / (float)w - 0.5f);
            slope[1][i] = slope[3][i] * (((float)y + 0.5f) / (float)h - 0.5f);
            ones[i] = 1.0f;
        }
    memcpy(flat, p->at, (size_t)count * sizeof *flat);
    remove_along(flat, ones, count);
    for (int k = 0; k < 4; k++) {
        remove_along(slope[k], ones, count);
        remove_along(slope[k], flat, count);
    }
}

void bal_template_of(const bal_thumb *thumb, bal_template *out)
{
    out->thumb = thumb;
    planes_of(thumb, out->plane);
    for (int level = 0; level < BAL_PLANE_LEVELS; level++) {
        const bal_plane *p = &out->plane[level];
        const int count = p->width * p->height;
        double *matrix = out->factor[level];
        slopes_of(p, out->slope[level]);
        for (int r = 0; r < 4; r++)
            for (int s = 0; s <= r; s++)
                matrix[r * 4 + s] = bal_dot(out->slope[level][r], out->slope[level][s], count);
        for (int r = 0; r < 4; r++) /* a picture without edges along an axis stays where it is */
            matrix[r * 5] += (r < 2 ? 0.1 : 1.0) * count;
        bal_cholesky(matrix, 4);
    }
    const bal_plane *all = &out->plane[1];
    double sum = 0.0, square = 0.0;
    const int count = all->width * all->height;
    for (int i = 0; i < count; i++) {
        sum += (double)all->at[i];
        square += (double)all->at[i] * (double)all->at[i];
    }
    out->spread = square / count - sum / count * (sum / count);
}

/* ---- the search ---- */

static bool is_slight(const bal_pose *p)
{
    return p->sx >= LEAST_SCALE && p->sx <= MOST_SCALE && p->sy >= LEAST_SCALE &&
           p->sy <= MOST_SCALE && fabs(p->tx) <= MOST_SHIFT && fabs(p->ty) <= MOST_SHIFT;
}

/* Improves the pose while the correlation grows. */
static double descend(const bal_template *a, int level, const bal_plane *b, bal_pose *pose,
                      int steps)
{
    const bal_plane *plane = &a->plane[level];
    bal_laid now, next;
    double best = bal_lay(plane, b, pose, &now);
    for (int i = 0; i < steps && best > 0.0; i++) {
        double step[4];
        bal_rest(plane, &now);
        for (int k = 0; k < 4; k++)
            step[k] = bal_dot(a->slope[level][k], now.rest, plane->width * plane->height);
        bal_cholesky_solve(a->factor[level], step, 4);
        const bal_pose there = {pose->sx + step[0], pose->sy + step[1], pose->tx + step[2],
                                pose->ty + step[3]};
        if (!is_slight(&there))
            break;
        const double correlation = bal_lay(plane, b, &there, &next);
        if (correlation <= best)
            break;
        const double gained = correlation - best;
        best = correlation;
        *pose = there;
        now = next;
        if (gained < 1e-6)
            break;
    }
    return best;
}

static double chroma_difference(const bal_thumb *a, const bal_thumb *b, double gain)
{
    double sum = 0.0;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < BAL_CHROMA_AREA; i++) {
            const double d = 2.0 * (a->chroma[c][i] - gain * b->chroma[c][i]);
            sum += d * d;
        }
    return sqrt(sum / (2 * BAL_CHROMA_AREA));
}

bool bal_near_match(const bal_template *a, const bal_thumb *thumb, bal_match *out)
{
    static const double starts[] = {1.0, 0.96, 0.92, 1.0 / 0.96, 1.0 / 0.92};
    bal_plane b[BAL_PLANE_LEVELS];
    bal_laid laid;
    bal_pose pose = {1.0, 1.0, 0.0, 0.0};
    double best = -1.0;
    planes_of(thumb, b);
    for (size_t i = 0; i < BAL_COUNT_OF(starts); i++) {
        const bal_pose start = {starts[i], starts[i], 0.0, 0.0};
        const double correlation = bal_lay(&a->plane[0], &b[0], &start, &laid);
        if (correlation > best) {
            best = correlation;
            pose = start;
        }
    }
    if (descend(a, 0, &b[0], &pose, COARSE_STEPS) < LEAST_COARSE)
        return false;
    if (descend(a, 1, &b[1], &pose, FINE_STEPS) <= 0.0)
        return false;
    *out =
        (bal_match){.scale_x = pose.sx, .scale_y = pose.sy, .shift_x = pose.tx, .shift_y = pose.ty};
    double gain;
    if (!bal_judge(a, &b[1], &pose, &gain, out))
        return false;
    out->colour = chroma_difference(a->thumb, thumb, gain);
    return true;
}
