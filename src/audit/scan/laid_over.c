/* Resampling, moments, and the judgement of what is left. */
#include "audit/scan/laid_over.h"

#include <math.h>
#include <string.h>

#define SIDE BAL_SMALL_SIDE
#define LANES 8

/* Sums in a fixed order of lanes, whatever the vectors are. */
BAL_WIDE float bal_dot(const float *restrict a, const float *restrict b, int count)
{
    float lanes[LANES] = {0}, sum = 0.0f;
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += a[i + j] * b[i + j];
    for (; i < count; i++)
        sum += a[i] * b[i];
    for (int j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

bool bal_cholesky(double *m, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = m[i * n + j];
            for (int k = 0; k < j; k++)
                sum -= m[i * n + k] * m[j * n + k];
            if (i != j)
                m[i * n + j] = sum / m[j * n + j];
            else if (sum <= 1e-9)
                return false;
            else
                m[i * n + i] = sqrt(sum);
        }
    return true;
}

void bal_cholesky_solve(const double *m, double *right, int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            right[i] -= m[i * n + k] * right[k];
        right[i] /= m[i * n + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            right[i] -= m[k * n + i] * right[k];
        right[i] /= m[i * n + i];
    }
}

/* Where the centres of A's cells lie among the centres of B's, along one axis: place =
 * origin + step i. *first..*end-1 lie within. */
typedef struct axis {
    double origin, step;
    int first, end;
} axis;

static axis axis_of(int a, int b, double scale, double shift)
{
    axis r;
    r.step = scale * b / a;
    r.origin = (scale * (0.5 / a - 0.5) + 0.5 + shift) * b - 0.5;
    const double slack = 1e-9;
    const double from = ceil((-slack - r.origin) / r.step);
    const double to = floor((b - 1 + slack - r.origin) / r.step);
    r.first = from > 0.0 ? (int)from : 0;
    r.end = to < a - 1 ? (int)to + 1 : a;
    return r;
}

/* The cell left of place i and the share of the one right of it. */
static int cell_at(const axis *r, int i, int cells, float *share)
{
    const double place = r->origin + r->step * i;
    int at = (int)place;
    at = at > cells - 2 ? cells - 2 : at;
    at = at < 0 ? 0 : at;
    *share = (float)(place - at);
    return at;
}

/* Sums of a, b, a a, b b, a b over a row, added to lanes. */
static BAL_WIDE void add_moments(const float *restrict upper, const float *restrict lower,
                                 float share, const float *restrict a, float *restrict b,
                                 float lanes[5][SIDE])
{
    for (int x = 0; x < SIDE; x++) {
        const float v = upper[x] + share * (lower[x] - upper[x]);
        b[x] = v;
        lanes[0][x] += a[x];
        lanes[1][x] += v;
        lanes[2][x] += a[x] * a[x];
        lanes[3][x] += v * v;
        lanes[4][x] += a[x] * v;
    }
}

double bal_lay(const bal_plane *a, const bal_plane *b, const bal_pose *pose, bal_laid *out)
{
    const axis across = axis_of(a->width, b->width, pose->sx, pose->tx);
    const axis down = axis_of(a->height, b->height, pose->sy, pose->ty);
    out->x0 = across.first;
    out->x1 = across.end;
    out->y0 = down.first;
    out->y1 = down.end;
    const int wide = across.end - across.first, tall = down.end - down.first, cells = wide * tall;
    if (wide < 2 || tall < 2 || cells * 2 < a->width * a->height || b->width < 2 || b->height < 2)
        return -1.0;
    float rows[BAL_SMALL_AREA]; /* of B, at A's columns; SIDE a row, the rest zeros */
    memset(rows, 0, sizeof rows);
    for (int x = across.first; x < across.end; x++) {
        float share;
        const int at = cell_at(&across, x, b->width, &share);
        for (int y = 0; y < b->height; y++) {
            const float *from = b->at + y * b->width + at;
            rows[y * SIDE + x - across.first] = from[0] + share * (from[1] - from[0]);
        }
    }
    float lanes[5][SIDE] = {{0}}, line_a[SIDE] = {0}, line_b[SIDE];
    for (int y = down.first; y < down.end; y++) {
        float share;
        const int at = cell_at(&down, y, b->height, &share), first = y * a->width + across.first;
        memcpy(line_a, a->at + first, (size_t)wide * sizeof *line_a);
        add_moments(rows + at * SIDE, rows + (at + 1) * SIDE, share, line_a, line_b, lanes);
        memcpy(out->b + first, line_b, (size_t)wide * sizeof *line_b);
    }
    double sum[5] = {0}, n = cells;
    for (int i = 0; i < 5; i++)
        for (int x = 0; x < wide; x++)
            sum[i] += (double)lanes[i][x];
    const double va = sum[2] - sum[0] * sum[0] / n, vb = sum[3] - sum[1] * sum[1] / n;
    const double vab = sum[4] - sum[0] * sum[1] / n;
    if (va < n * 0.1 || vb < n * 0.1)
        return -1.0;
    out->gain = (float)(vab / vb);
    out->offset = (float)((sum[0] - vab / vb * sum[1]) / n);
    return vab / sqrt(va * vb);
}

void bal_rest(const bal_plane *a, bal_laid *l)
{
    memset(l->rest, 0, sizeof l->rest);
    for (int y = l->y0; y < l->y1; y++)
        for (int x = l->x0; x < l->x1; x++) {
            const int i = y * a->width + x;
            l->rest[i] = a->at[i] - (l->gain * l->b[i] + l->offset);
        }
}

/* ---- the judgement ---- */

/* Catmull-Rom splines: sharper than straight lines, and through every value. */
static void spline(double t, float weights[4])
{
    weights[0] = (float)(((-0.5 * t + 1.0) * t - 0.5) * t);
    weights[1] = (float)((1.5 * t - 2.5) * t * t + 1.0);
    weights[2] = (float)(((-1.5 * t + 2.0) * t + 0.5) * t);
    weights[3] = (float)((0.5 * t - 0.5) * t * t);
}

static int inside(int i, int count)
{
    return i < 0 ? 0 : i > count - 1 ? count - 1 : i;
}

static void lay_finely(const bal_plane *a, const bal_plane *b, const bal_pose *pose, bal_laid *out)
{
    const axis across = axis_of(a->width, b->width, pose->sx, pose->tx);
    const axis down = axis_of(a->height, b->height, pose->sy, pose->ty);
    float rows[BAL_SMALL_AREA];
    for (int x = across.first; x < across.end; x++) {
        float share, w[4];
        const int at = cell_at(&across, x, b->width, &share);
        const int left = inside(at - 1, b->width), right = inside(at + 2, b->width);
        spline((double)share, w);
        for (int y = 0; y < b->height; y++) {
            const float *row = b->at + y * b->width;
            rows[y * SIDE + x] =
                w[0] * row[left] + w[1] * row[at] + w[2] * row[at + 1] + w[3] * row[right];
        }
    }
    for (int y = down.first; y < down.end; y++) {
        float share, w[4];
        const int at = cell_at(&down, y, b->height, &share);
        const float *upper = rows + inside(at - 1, b->height) * SIDE;
        const float *lower = rows + inside(at + 2, b->height) * SIDE;
        spline((double)share, w);
        for (int x = across.first; x < across.end; x++)
            out->b[y * a->width + x] = w[0] * upper[x] + w[1] * rows[at * SIDE + x] +
                                       w[2] * rows[(at + 1) * SIDE + x] + w[3] * lower[x];
    }
    out->x0 = across.first;
    out->x1 = across.end;
    out->y0 = down.first;
    out->y1 = down.end;
}

/* A cell beyond what a byte can hold: the brighter picture was cut off there, and the difference
 * says nothing. */
static bool is_cut_off(float a, float b, float rest)
{
    const float white = 253.5f - 128.0f, black = 1.5f - 128.0f;
    return (a >= white && rest < 0.0f) || (b >= white && rest > 0.0f) ||
           (a <= black && rest > 0.0f) || (b <= black && rest < 0.0f);
}

/* The sum of the four neighbours less four times the cell; at borders the cell itself is taken. */
static float laplacian(const bal_laid *l, int width, int x, int y)
{
    const int i = y * width + x;
    return l->b[y > l->y0 ? i - width : i] + l->b[y < l->y1 - 1 ? i + width : i] +
           l->b[x > l->x0 ? i - 1 : i] + l->b[x < l->x1 - 1 ? i + 1 : i] - 4.0f * l->b[i];
}

/* A by B, 1 and the Laplacian of B, least squares; twice, the second time without what is cut off.
 */
static bool explain(const bal_plane *a, bal_laid *l, double *gain)
{
    float blur[BAL_SMALL_AREA];
    const int w = a->width;
    for (int y = l->y0; y < l->y1; y++)
        for (int x = l->x0; x < l->x1; x++)
            blur[y * w + x] = laplacian(l, w, x, y);
    for (int pass = 0; pass < 2; pass++) {
        double matrix[9] = {0}, right[3] = {0};
        for (int y = l->y0; y < l->y1; y++)
            for (int i = y * w + l->x0; i < y * w + l->x1; i++) {
                if (pass > 0 && is_cut_off(a->at[i], l->b[i], l->rest[i]))
                    continue;
                const double b = (double)l->b[i], d = (double)blur[i], v = (double)a->at[i];
                matrix[0] += b * b;
                matrix[3] += b;
                matrix[4] += 1.0;
                matrix[6] += b * d;
                matrix[7] += d;
                matrix[8] += d * d;
                right[0] += b * v;
                right[1] += v;
                right[2] += d * v;
            }
        matrix[0] += 1e-3;
        matrix[8] += 1.0;
        if (!bal_cholesky(matrix, 3))
            return pass > 0;
        bal_cholesky_solve(matrix, right, 3);
        *gain = right[0];
        for (int y = l->y0; y < l->y1; y++)
            for (int i = y * w + l->x0; i < y * w + l->x1; i++)
                l->rest[i] = a->at[i] - (float)(right[0] * (double)l->b[i] + right[1] +
                                                right[2] * (double)blur[i]);
    }
    return true;
}

/* Weighted sum over the 3 x 3 cells around: in the middle, beside, at the corners. */
static float around(const float *at, int width, float middle, float beside, float corner)
{
    return middle * at[0] + beside * (at[-1] + at[1] + at[-width] + at[width]) +
           corner * (at[-width - 1] + at[-width + 1] + at[width - 1] + at[width + 1]);
}

bool bal_judge(const bal_template *template, const bal_plane *b, const bal_pose *pose, double *gain,
               bal_match *out)
{
    const bal_plane *a = &template->plane[1];
    const int w = a->width;
    bal_laid l;
    lay_finely(a, b, pose, &l);
    if (l.x1 - l.x0 < 4 || l.y1 - l.y0 < 4 || !explain(a, &l, gain))
        return false;
    for (int y = l.y0; y < l.y1; y++)
        for (int i = y * w + l.x0; i < y * w + l.x1; i++)
            if (is_cut_off(a->at[i], l.b[i], l.rest[i]))
                l.rest[i] = 0.0f;
    double rest = 0.0, fine_a = 0.0, fine_f = 0.0, fine_af = 0.0, n = 0.0;
    for (int y = l.y0 + 1; y < l.y1 - 1; y++)
        for (int i = y * w + l.x0 + 1; i < y * w + l.x1 - 1; i++) {
            const double mean = (double)around(l.rest + i, w, 1.0f, 1.0f, 1.0f) / 9.0;
            const double da = (double)(a->at[i] - around(a->at + i, w, 4.0f, 2.0f, 1.0f) / 16.0f);
            const double dr = (double)(l.rest[i] - around(l.rest + i, w, 4.0f, 2.0f, 1.0f) / 16.0f);
            const double df = da - dr; /* of what explains A */
            rest += mean * mean;
            fine_a += da * da;
            fine_f += df * df;
            fine_af += da * df;
            n += 1.0;
        }
    out->structure = template->spread > 0.0 ? sqrt(rest / n / template->spread) : INFINITY;
    out->detail = (fine_af / n + 1.0) / sqrt((fine_a / n + 1.0) * (fine_f / n + 1.0));
    return true;
}
