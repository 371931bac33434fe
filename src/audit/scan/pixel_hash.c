/* XXH64 from its specification. */
#include "audit/scan/pixel_hash.h"

#include "data/image/image.h"

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)
#define STRIPE 32

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* Little-endian; compilers make one load of it. */
static uint64_t take4(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t take8(const uint8_t *p)
{
    return take4(p) | take4(p + 4) << 32;
}

static uint64_t mix_lane(uint64_t lane_sum, uint64_t lane)
{
    return rotate(lane_sum + lane * P2, 31) * P1;
}

static uint64_t join(uint64_t sum, uint64_t lane_sum)
{
    return (sum ^ mix_lane(0, lane_sum)) * P1 + P4;
}

static uint64_t avalanche(uint64_t x)
{
    x = (x ^ (x >> 33)) * P2;
    x = (x ^ (x >> 29)) * P3;
    return x ^ (x >> 32);
}

uint64_t bal_xxh64(const uint8_t *bytes, size_t count, uint64_t seed)
{
    const uint8_t *at = bytes, *end = bytes + count;
    uint64_t sum = seed + P5;
    if (count >= STRIPE) {
        uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
        for (; end - at >= STRIPE; at += STRIPE) {
            a = mix_lane(a, take8(at));
            b = mix_lane(b, take8(at + 8));
            c = mix_lane(c, take8(at + 16));
            d = mix_lane(d, take8(at + 24));
        }
        sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        sum = join(join(join(join(sum, a), b), c), d);
    }
    sum += count;
    for (; end - at >= 8; at += 8)
        sum = rotate(sum ^ mix_lane(0, take8(at)), 27) * P1 + P4;
    if (end - at >= 4) {
        sum = rotate(sum ^ take4(at) * P1, 23) * P2 + P3;
        at += 4;
    }
    for (; at < end; at++)
        sum = rotate(sum ^ *at * P5, 11) * P1;
    return avalanche(sum);
}

void bal_pixel_hash(const bal_picture *picture, const bal_moments *moments, uint64_t out[2])
{
    const bal_picture_shape shape = picture->shape;
    const uint64_t key =
        (uint64_t)shape.height << 32 | (uint64_t)shape.width << 8 | (uint64_t)shape.channels;
    uint8_t sums[2 * 3 * 8];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 8; i++) {
            sums[16 * c + i] = (uint8_t)(moments->sum[c] >> (8 * i));
            sums[16 * c + 8 + i] = (uint8_t)(moments->square[c] >> (8 * i));
        }
    out[0] = bal_xxh64(picture->pixels, bal_picture_shape_bytes(shape), key);
    out[1] = bal_xxh64(sums, sizeof sums, key);
}
