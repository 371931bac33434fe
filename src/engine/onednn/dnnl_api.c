/* oneDNN 2.6 and 3.x behind one face; see dnnl_api.h. */
#include "engine/onednn/dnnl_api.h"

#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
#define MD(md) ((md)->desc)
#define MD_OR_NULL(md) ((md) ? (md)->desc : NULL)
typedef const_dnnl_memory_desc_t md_ptr;
#else
#define MD(md) (&(md)->desc)
#define MD_OR_NULL(md) ((md) ? &(md)->desc : NULL)
typedef const dnnl_memory_desc_t *md_ptr;
#endif

bal_status bal_dnnl_fail(bal_ctx *ctx, dnnl_status_t status, const char *call)
{
    static const char *const texts[] = {"success",
                                        "out of memory",
                                        "invalid arguments",
                                        "unimplemented",
                                        "last implementation reached",
                                        "runtime error",
                                        "not required"};
    const char *text = (size_t)status < BAL_COUNT_OF(texts) ? texts[status] : "unknown status";
    const bal_status ours = status == dnnl_out_of_memory ? BAL_NO_MEMORY : BAL_ENGINE;
    return bal_fail(ctx, ours, "oneDNN: %s: %.100s", text, call);
}

/* ---- memory descriptors ---- */

static dnnl_status_t md_with_tag(bal_md *out, int dims, const int64_t *shape, dnnl_format_tag_t tag)
{
    dnnl_dims_t d = {0};
    for (int i = 0; i < dims; i++)
        d[i] = shape[i];
    memset(out, 0, sizeof *out);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status =
        dnnl_memory_desc_create_with_tag(&out->desc, dims, d, dnnl_f32, tag);
#else
    const dnnl_status_t status = dnnl_memory_desc_init_by_tag(&out->desc, dims, d, dnnl_f32, tag);
#endif
    out->made = status == dnnl_success;
    return status;
}

bal_status bal_md_plain(bal_ctx *ctx, bal_md *out, int dims, const int64_t *shape)
{
    static const dnnl_format_tag_t tags[] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    BAL_DNNL_TRY(ctx, md_with_tag(out, dims, shape, tags[dims]));
    return BAL_OK;
}

bal_status bal_md_blocked(bal_ctx *ctx, bal_md *out, const int64_t shape[4], int block)
{
    const dnnl_format_tag_t tag = block == 16 ? dnnl_aBcd16b : block == 8 ? dnnl_aBcd8b : dnnl_abcd;
    BAL_DNNL_TRY(ctx, md_with_tag(out, 4, shape, tag));
    return BAL_OK;
}

bal_status bal_md_any(bal_ctx *ctx, bal_md *out, int dims, const int64_t *shape)
{
    BAL_DNNL_TRY(ctx, md_with_tag(out, dims, shape, dnnl_format_tag_any));
    return BAL_OK;
}

static bal_status copy_desc(bal_ctx *ctx, bal_md *out, md_ptr from)
{
    memset(out, 0, sizeof *out);
    if (!from)
        return BAL_OK;
#if DNNL_VERSION_MAJOR >= 3
    BAL_DNNL_TRY(ctx, dnnl_memory_desc_clone(&out->desc, from));
#else
    (void)ctx;
    out->desc = *from;
#endif
    out->made = true;
    return BAL_OK;
}

bal_status bal_md_copy(bal_ctx *ctx, bal_md *out, const bal_md *from)
{
    return copy_desc(ctx, out, from->made ? MD(from) : NULL);
}

bool bal_md_equal(const bal_md *a, const bal_md *b)
{
    return a->made && b->made && dnnl_memory_desc_equal(MD(a), MD(b));
}

size_t bal_md_bytes(const bal_md *md)
{
    return md->made ? dnnl_memory_desc_get_size(MD(md)) : 0;
}

void bal_md_free(bal_md *md)
{
#if DNNL_VERSION_MAJOR >= 3
    if (md->made)
        dnnl_memory_desc_destroy(md->desc);
#endif
    memset(md, 0, sizeof *md);
}

/* ---- primitives ---- */

void bal_prim_free(bal_prim *prim)
{
    if (prim->run)
        dnnl_primitive_destroy(prim->run);
    if (prim->desc)
        dnnl_primitive_desc_destroy(prim->desc);
    memset(prim, 0, sizeof *prim);
}

bal_status bal_prim_md(bal_ctx *ctx, const bal_prim *prim, dnnl_query_t what, bal_md *out)
{
    return copy_desc(ctx, out, dnnl_primitive_desc_query_md(prim->desc, what, 0));
}

/* Ends every creation below: the primitive from its descriptor, or nothing at all. */
static bal_status finish(bal_ctx *ctx, bal_prim *out, dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        status = dnnl_primitive_create(&out->run, out->desc);
    if (status == dnnl_success)
        return BAL_OK;
    bal_prim_free(out);
    return bal_dnnl_fail(ctx, status, what);
}

bal_status bal_dnnl_open(bal_ctx *ctx, bal_dnnl *out)
{
    memset(out, 0, sizeof *out);
    BAL_DNNL_TRY(ctx, dnnl_engine_create(&out->engine, dnnl_cpu, 0));
    BAL_DNNL_TRY(ctx, dnnl_stream_create(&out->stream, out->engine, dnnl_stream_default_flags));
    BAL_DNNL_TRY(ctx, dnnl_primitive_attr_create(&out->attr));
    BAL_DNNL_TRY(ctx,
                 dnnl_primitive_attr_set_scratchpad_mode(out->attr, dnnl_scratchpad_mode_user));
    return BAL_OK;
}

void bal_dnnl_close(bal_dnnl *dnnl)
{
    if (dnnl->attr)
        dnnl_primitive_attr_destroy(dnnl->attr);
    if (dnnl->stream)
        dnnl_stream_destroy(dnnl->stream);
    if (dnnl->engine)
        dnnl_engine_destroy(dnnl->engine);
    memset(dnnl, 0, sizeof *dnnl);
}

#if DNNL_VERSION_MAJOR >= 3

bal_status bal_conv_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    return finish(ctx, out,
                  dnnl_convolution_forward_primitive_desc_create(
                      &out->desc, d->engine, dnnl_forward_training, dnnl_convolution_direct,
                      MD(c->src), MD(c->weights), MD_OR_NULL(c->bias), MD(c->dst), w->stride,
                      w->dilation, w->before, w->after, d->attr),
                  "convolution, forward");
}

bal_status bal_conv_backward_data(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c,
                                  const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    return finish(ctx, out,
                  dnnl_convolution_backward_data_primitive_desc_create(
                      &out->desc, d->engine, dnnl_convolution_direct, MD(c->src), MD(c->weights),
                      MD(c->dst), w->stride, w->dilation, w->before, w->after, forward->desc,
                      d->attr),
                  "convolution, backward by data");
}

bal_status bal_conv_backward_weights(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c,
                                     const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    return finish(ctx, out,
                  dnnl_convolution_backward_weights_primitive_desc_create(
                      &out->desc, d->engine, dnnl_convolution_direct, MD(c->src), MD(c->weights),
                      MD_OR_NULL(c->bias), MD(c->dst), w->stride, w->dilation, w->before, w->after,
                      forward->desc, d->attr),
                  "convolution, backward by weights");
}

#else

bal_status bal_conv_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    dnnl_convolution_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_dilated_convolution_forward_desc_init(
                          &desc, dnnl_forward_training, dnnl_convolution_direct, MD(c->src),
                          MD(c->weights), MD_OR_NULL(c->bias), MD(c->dst), w->stride, w->dilation,
                          w->before, w->after));
    return finish(ctx, out, dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, NULL),
                  "convolution, forward");
}

bal_status bal_conv_backward_data(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c,
                                  const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    dnnl_convolution_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_dilated_convolution_backward_data_desc_init(
                          &desc, dnnl_convolution_direct, MD(c->src), MD(c->weights), MD(c->dst),
                          w->stride, w->dilation, w->before, w->after));
    return finish(ctx, out,
                  dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, forward->desc),
                  "convolution, backward by data");
}

bal_status bal_conv_backward_weights(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_conv *c,
                                     const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &c->window;
    dnnl_convolution_desc_t desc;
    BAL_DNNL_TRY(ctx,
                 dnnl_dilated_convolution_backward_weights_desc_init(
                     &desc, dnnl_convolution_direct, MD(c->src), MD(c->weights),
                     MD_OR_NULL(c->bias), MD(c->dst), w->stride, w->dilation, w->before, w->after));
    return finish(ctx, out,
                  dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, forward->desc),
                  "convolution, backward by weights");
}

#endif

static unsigned norm_flags(const bal_dnnl_norm *n)
{
    unsigned flags = (unsigned)dnnl_use_scale | (unsigned)dnnl_use_shift;
    if (n->relu)
        flags |= (unsigned)dnnl_fuse_norm_relu;
    return flags;
}

bal_status bal_norm_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_norm *n, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const dnnl_prop_kind_t prop = dnnl_forward_training;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status = dnnl_batch_normalization_forward_primitive_desc_create(
        &out->desc, d->engine, prop, MD(n->data), MD(n->data), n->eps, norm_flags(n), d->attr);
#else
    dnnl_batch_normalization_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_batch_normalization_forward_desc_init(&desc, prop, MD(n->data), n->eps,
                                                                 norm_flags(n)));
    const dnnl_status_t status =
        dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, NULL);
#endif
    return finish(ctx, out, status, "batch norm, forward");
}

bal_status bal_norm_backward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_norm *n,
                             const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const dnnl_prop_kind_t prop = dnnl_backward;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status = dnnl_batch_normalization_backward_primitive_desc_create(
        &out->desc, d->engine, prop, MD(n->data), MD(n->data), MD(n->data), n->eps, norm_flags(n),
        forward->desc, d->attr);
#else
    dnnl_batch_normalization_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_batch_normalization_backward_desc_init(
                          &desc, prop, MD(n->data), MD(n->data), n->eps, norm_flags(n)));
    const dnnl_status_t status =
        dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, forward->desc);
#endif
    return finish(ctx, out, status, "batch norm, backward");
}

static dnnl_alg_kind_t pool_kind(const bal_dnnl_pool *p)
{
    return p->max               ? dnnl_pooling_max
           : p->include_padding ? dnnl_pooling_avg_include_padding
                                : dnnl_pooling_avg_exclude_padding;
}

bal_status bal_pool_forward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_pool *p, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &p->window;
    const dnnl_prop_kind_t prop = p->saved ? dnnl_forward_training : dnnl_forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status = dnnl_pooling_forward_primitive_desc_create(
        &out->desc, d->engine, prop, pool_kind(p), MD(p->src), MD(p->dst), w->stride, w->kernel,
        w->dilation, w->before, w->after, d->attr);
#else
    dnnl_pooling_v2_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_pooling_v2_forward_desc_init(&desc, prop, pool_kind(p), MD(p->src),
                                                        MD(p->dst), w->stride, w->kernel,
                                                        w->dilation, w->before, w->after));
    const dnnl_status_t status =
        dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, NULL);
#endif
    return finish(ctx, out, status, "pooling, forward");
}

bal_status bal_pool_backward(bal_ctx *ctx, const bal_dnnl *d, const bal_dnnl_pool *p,
                             const bal_prim *forward, bal_prim *out)
{
    memset(out, 0, sizeof *out);
    const bal_dnnl_window *w = &p->window;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status = dnnl_pooling_backward_primitive_desc_create(
        &out->desc, d->engine, pool_kind(p), MD(p->src), MD(p->dst), w->stride, w->kernel,
        w->dilation, w->before, w->after, forward->desc, d->attr);
#else
    dnnl_pooling_v2_desc_t desc;
    BAL_DNNL_TRY(ctx, dnnl_pooling_v2_backward_desc_init(&desc, pool_kind(p), MD(p->src),
                                                         MD(p->dst), w->stride, w->kernel,
                                                         w->dilation, w->before, w->after));
    const dnnl_status_t status =
        dnnl_primitive_desc_create(&out->desc, &desc, d->attr, d->engine, forward->desc);
#endif
    return finish(ctx, out, status, "pooling, backward");
}

bal_status bal_reorder(bal_ctx *ctx, const bal_dnnl *d, const bal_md *from, const bal_md *to,
                       bal_prim *out)
{
    memset(out, 0, sizeof *out);
    return finish(ctx, out,
                  dnnl_reorder_primitive_desc_create(&out->desc, MD(from), d->engine, MD(to),
                                                     d->engine, d->attr),
                  "reorder");
}

bal_status bal_dnnl_memory(bal_ctx *ctx, const bal_dnnl *d, const bal_md *md, void *at,
                           dnnl_memory_t *out)
{
    *out = NULL;
    BAL_DNNL_TRY(ctx, dnnl_memory_create(out, MD(md), d->engine, at));
    return BAL_OK;
}

bal_status bal_reorder_now(bal_ctx *ctx, const bal_dnnl *d, const bal_md *from, const void *src,
                           const bal_md *to, void *dst)
{
    bal_prim prim = {0};
    bal_md pad = {0};
    dnnl_memory_t memory[3] = {NULL, NULL, NULL};
    void *scratch = NULL;
    bal_status status = BAL_OK;
    BAL_GOTO(bal_reorder(ctx, d, from, to, &prim));
    BAL_GOTO(bal_prim_md(ctx, &prim, dnnl_query_scratchpad_md, &pad));
    BAL_GOTO(bal_dnnl_memory(ctx, d, from, (void *)(uintptr_t)src, &memory[0]));
    BAL_GOTO(bal_dnnl_memory(ctx, d, to, dst, &memory[1]));
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, memory[0]}, {DNNL_ARG_TO, memory[1]}};
    int count = 2;
    if (bal_md_bytes(&pad) > 0) {
        scratch = bal_calloc_aligned(ctx, bal_md_bytes(&pad), 1);
        status = scratch ? bal_dnnl_memory(ctx, d, &pad, scratch, &memory[2]) : BAL_NO_MEMORY;
        if (status != BAL_OK)
            goto fail;
        args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory[2]};
    }
    const dnnl_status_t done = dnnl_primitive_execute(prim.run, d->stream, count, args);
    if (done != dnnl_success)
        status = bal_dnnl_fail(ctx, done, "reorder");
    dnnl_stream_wait(d->stream);
fail:
    for (int i = 0; i < 3; i++)
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    bal_free_aligned(ctx, scratch);
    bal_md_free(&pad);
    bal_prim_free(&prim);
    return status;
}
