/* The inside of named tensors; see also safetensors in net.h. */
#ifndef BAL_WEIGHTS_H
#define BAL_WEIGHTS_H

#include "ballast/net.h"
#include "base/context.h"

typedef struct bal_note {
    char *key, *text;
} bal_note;

struct bal_weights {
    bal_ctx *ctx;
    bal_tensor **tensors; /* each on its own, so that pointers stay valid */
    int count, room;
    bal_note *notes;
    int note_count;
};

/* Adds a zeroed tensor without looking for its name, which the caller knows to be new. */
BAL_MUST_CHECK bal_status bal_weights_append(bal_weights *w, const char *name, int dims,
                                             const int64_t *shape, bal_tensor **out);
/* One parameter as bal_weights_init draws it, which is round 0; other rounds are other draws. */
void bal_weights_init_param(const bal_param_info *p, uint64_t seed, uint64_t round, float *out);
/* A safetensors file in memory; path is for messages. */
BAL_MUST_CHECK bal_status bal_weights_parse(bal_weights **out, bal_ctx *ctx, const char *path,
                                            const void *bytes, size_t count);
/* "16 x 3 x 3 x 3" into text; returns text. */
const char *bal_shape_text(int dims, const int64_t *shape, char *text, size_t room);

#endif
