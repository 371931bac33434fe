/* Perceptual hashes and sketches. The tables of cosines are filled once. */
#include "audit/scan/look.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define N BAL_LOOK_SIDE
#define SIDE BAL_SMALL_SIDE
#define LENGTH 127.0f

static const double crops[BAL_LOOKS] = {0.0, 0.02, 0.04};

/* table[i][k]: of each cell the integral of cosine k over the part of it that crop i keeps. */
static float table[BAL_LOOKS][N][SIDE];
static float whitening[N * N];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static double integral(int k, double from, double to, double crop)
{
    const double pi = acos(-1.0), width = 1.0 - 2.0 * crop;
    if (k == 0)
        return (to - from) / width;
    return (sin(pi * k * (to - crop) / width) - sin(pi * k * (from - crop) / width)) / (pi * k);
}

static double within(double x, double crop)
{
    return x < crop ? crop : x > 1.0 - crop ? 1.0 - crop : x;
}

static void fill_tables(void)
{
    for (int i = 0; i < BAL_LOOKS; i++)
        for (int k = 0; k < N; k++)
            for (int x = 0; x < SIDE; x++) {
                const double from = within((double)x / SIDE, crops[i]);
                const double to = within((double)(x + 1) / SIDE, crops[i]);
                table[i][k][x] = (float)integral(k, from, to, crops[i]);
            }
    for (int l = 0; l < N; l++)
        for (int k = 0; k < N; k++)
            whitening[l * N + k] = (float)sqrt(k * k + l * l);
}

double bal_look_crop(int i)
{
    return crops[i];
}

/* out[l][k] = sum over y and x of basis[l][y] in[y][x] basis[k][x]. */
static BAL_WIDE void project(const float *restrict in, const float *restrict basis,
                             float *restrict out)
{
    for (int l = 0; l < N; l++) {
        float row[SIDE] = {0};
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                row[x] += basis[l * SIDE + y] * in[y * SIDE + x];
        for (int k = 0; k < N; k++) {
            float sum = 0.0f;
            for (int x = 0; x < SIDE; x++)
                sum += row[x] * basis[k * SIDE + x];
            out[l * N + k] = sum;
        }
    }
}

static uint64_t signs(const float *coefficients)
{
    uint64_t bits = 0;
    for (int i = 1; i < N * N; i++)
        bits |= (uint64_t)(coefficients[i] > 0.0f) << (i - 1);
    return bits;
}

/* To a length of 127; what is longer than 0 in no digit that counts is 0. */
static void to_sketch(const float *whitened, bal_sketch *out)
{
    float square = 0.0f;
    for (int i = 1; i < N * N; i++)
        square += whitened[i] * whitened[i];
    const float length = sqrtf(square), scale = length > 1e-3f ? LENGTH / length : 0.0f;
    out->at[0] = 0;
    for (int i = 1; i < N * N; i++)
        out->at[i] = (int8_t)lrintf(whitened[i] * scale);
}

void bal_look_of(const float *grey, bal_look *out)
{
    pthread_once(&tables_once, fill_tables);
    for (int i = 0; i < BAL_LOOKS; i++) {
        float c[N * N];
        project(grey, table[i][0], c);
        out->hash[i] = signs(c);
        for (int j = 0; j < N * N; j++)
            c[j] *= whitening[j];
        to_sketch(c, &out->sketch[i]);
    }
}

/* out[0] = b b; out[1 + 2 i] = a_i b, out[2 + 2 i] = a_i a_i */
static BAL_WIDE void products(const bal_sketch *restrict a, const bal_sketch *restrict b,
                              int *restrict out)
{
    int bb = 0;
    for (int i = 0; i < N * N; i++)
        bb += b->at[i] * b->at[i];
    out[0] = bb;
    for (int k = 0; k < BAL_LOOKS; k++) {
        int ab = 0, aa = 0;
        for (int i = 0; i < N * N; i++) {
            ab += a[k].at[i] * b->at[i];
            aa += a[k].at[i] * a[k].at[i];
        }
        out[1 + 2 * k] = ab;
        out[2 + 2 * k] = aa;
    }
}

float bal_look_cosine(const bal_look *asking, const bal_look *other)
{
    int p[1 + 2 * BAL_LOOKS];
    float best = -1.0f;
    products(asking->sketch, other->sketch, p);
    for (int k = 0; k < BAL_LOOKS; k++) {
        const float square = (float)p[0] * (float)p[2 + 2 * k];
        const float cosine = square > 0.0f ? (float)p[1 + 2 * k] / sqrtf(square) : 0.0f;
        best = cosine > best ? cosine : best;
    }
    return best;
}
