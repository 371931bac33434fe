/* The small face of oneDNN that the engine uses, the same for the 2.6 and the 3.x interface. This
 * file and dnnl_api.c are the only places that know which of the two is there. Memory descriptors
 * are values in 2.x and handles in 3.x: bal_md hides that; every bal_md that was made is released
 * once. */
#ifndef BAL_DNNL_API_H
#define BAL_DNNL_API_H

#include "base/context.h"

#include <oneapi/dnnl/dnnl.h>

#define BAL_DNNL_MAX_ARGS 12

/* Checks a call of the library in every build type. */
#define BAL_DNNL_TRY(ctx, call)                               \
    do {                                                      \
        const dnnl_status_t dnnl_status_ = (call);            \
        if (dnnl_status_ != dnnl_success)                     \
            return bal_dnnl_fail((ctx), dnnl_status_, #call); \
    } while (0)

bal_status bal_dnnl_fail(bal_ctx *ctx, dnnl_status_t status, const char *call);

typedef struct bal_md {
    dnnl_memory_desc_t desc;
    bool made;
} bal_md;

/* Dense row-major. dims 1..5. */
BAL_MUST_CHECK bal_status bal_md_plain(bal_ctx *ctx, bal_md *out, int dims, const int64_t *shape);
/* N x C x H x W with channels in blocks of 1 (plain), 8 or 16. */
BAL_MUST_CHECK bal_status bal_md_blocked(bal_ctx *ctx, bal_md *out, const int64_t shape[4],
                                         int block);
/* The primitive chooses the layout. */
BAL_MUST_CHECK bal_status bal_md_any(bal_ctx *ctx, bal_md *out, int dims, const int64_t *shape);
BAL_MUST_CHECK bal_status bal_md_copy(bal_ctx *ctx, bal_md *out, const bal_md *from);
bool bal_md_equal(const bal_md *a, const bal_md *b);
size_t bal_md_bytes(const bal_md *md);
void bal_md_free(bal_md *md);

/* A primitive with its descriptor; zeroed is "none". */
typedef struct bal_prim {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t run;
} bal_prim;

void bal_prim_free(bal_prim *prim);
/* A copy of one of the descriptor's layouts, for instance dnnl_query_weights_md. A layout that the
 * primitive does not have (no workspace) comes back unmade, with 0 bytes. */
BAL_MUST_CHECK bal_status bal_prim_md(bal_ctx *ctx, const bal_prim *prim, dnnl_query_t what,
                                      bal_md *out);

/* The engine and stream that all primitives of a plan share. attr: scratchpad handed in by us. */
typedef struct bal_dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;
} bal_dnnl;
BAL_MUST_CHECK bal_status bal_dnnl_open(bal_ctx *ctx, bal_dnnl *out);
void bal_dnnl_close(bal_dnnl *dnnl);

typedef struct bal_dnnl_window { /* convolution or pooling, height then width */
    dnnl_dims_t kernel, stride, dilation, before, after;
} bal_dnnl_window;

typedef struct bal_dnnl_conv {
    const bal_md *src, *weights, *bias, *dst; /* bias NULL: none */
    bal_dnnl_window window;
} bal_dnnl_conv;
BAL_MUST_CHECK bal_status bal_conv_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c,
                                           bal_prim *out);
BAL_MUST_CHECK bal_status bal_conv_backward_data(bal_ctx *ctx, const bal_dnnl *d,
                                                 const bal_dnnl_conv *c, const bal_prim *forward,
                                                 bal_prim *out);
BAL_MUST_CHECK bal_status bal_conv_backward_weights(bal_ctx *ctx, const bal_dnnl *d,
                                                    const bal_dnnl_conv *c, const bal_prim *forward,
                                                    bal_prim *out);

/* Batch norm in training, for comparison: the plan has its own (norm_kernels.h). */
typedef struct bal_dnnl_norm {
    const bal_md *data;
    float eps;
    bool relu; /* fused */
} bal_dnnl_norm;
BAL_MUST_CHECK bal_status bal_norm_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_norm *n,
                                           bal_prim *out);
BAL_MUST_CHECK bal_status bal_norm_backward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_norm *n,
                                            const bal_prim *forward, bal_prim *out);

typedef struct bal_dnnl_pool {
    const bal_md *src, *dst;
    bal_dnnl_window window;
    bool max, include_padding, saved;
} bal_dnnl_pool;
BAL_MUST_CHECK bal_status bal_pool_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_pool *p,
                                           bal_prim *out);
BAL_MUST_CHECK bal_status bal_pool_backward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_pool *p,
                                            const bal_prim *forward, bal_prim *out);

BAL_MUST_CHECK bal_status bal_reorder(bal_ctx *ctx, const bal_dnnl *d, const bal_md *from,
                                      const bal_md *to, bal_prim *out);
/* Copies between layouts now. Slow path: for weights in and out. */
BAL_MUST_CHECK bal_status bal_reorder_now(bal_ctx *ctx, const bal_dnnl *d, const bal_md *from,
                                          const void *src, const bal_md *to, void *dst);

BAL_MUST_CHECK bal_status bal_dnnl_memory(bal_ctx *ctx, const bal_dnnl *d, const bal_md *md,
                                          void *at, dnnl_memory_t *out);

#endif
