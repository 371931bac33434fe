/* Random numbers as a function of (seed, purpose, epoch, item): no hidden state, so thread count
 * and order of calls never change a draw. */
#ifndef BAL_RANDOM_H
#define BAL_RANDOM_H

#include <stdint.h>

/* One row a purpose. The order is part of the reproducibility promise: append only. */
#define BAL_STREAM_LIST(X) \
    X(INIT)                \
    X(SAMPLER)             \
    X(SHUFFLE)             \
    X(AUGMENT)             \
    X(DROPOUT)             \
    X(SPLIT)               \
    X(LONGTAIL)            \
    X(BOOTSTRAP)           \
    X(MIX)                 \
    X(TEST)                \
    X(RESAMPLE)            \
    X(AUDIT)               \
    X(RESIZED_CROP)        \
    X(PIXEL_SAMPLE)        \
    X(SUBSET)              \
    X(KMEANS)              \
    X(EXPLAIN)             \
    X(LOSS)                \
    X(CALIBRATION)         \
    X(CURRICULUM)

typedef enum bal_stream {
#define BAL_STREAM_ENUM(name) BAL_STREAM_##name,
    BAL_STREAM_LIST(BAL_STREAM_ENUM)
#undef BAL_STREAM_ENUM
} bal_stream;

/* A generator whose start is fixed by the four numbers (splitmix64 finaliser per word). */
typedef struct bal_random {
    uint64_t key;
    uint64_t counter;
} bal_random;

bal_random bal_random_at(uint64_t seed, bal_stream purpose, uint64_t epoch, uint64_t item);
uint64_t bal_random_u64(bal_random *r);
/* Uniform in [0, 1) with 53 bits. */
double bal_random_unit(bal_random *r);
/* Uniform in 0..bound-1 without modulo bias; bound >= 1. */
uint64_t bal_random_below(bal_random *r, uint64_t bound);
/* Standard normal (Box-Muller, both halves are not kept: one draw uses two words). */
double bal_random_normal(bal_random *r);
/* Fisher-Yates shuffle of int64 items. */
void bal_random_shuffle(bal_random *r, int64_t *items, int64_t count);

#endif
