/* conv2d: convolution (cross-correlation, as everywhere in deep learning) with groups, stride, zero
 * padding and dilation. W is (out, in / groups, kernel height, kernel width). */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    const bal_op_settings *s = &node->settings;
    if (s->out_channels < 1 || s->out_channels > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH, "wants 1 to %d channels, got %d", BAL_SIZE_MAX,
                        s->out_channels);
    if (s->groups < 1 || x.channels % s->groups != 0 || s->out_channels % s->groups != 0)
        return bal_fail(ctx, BAL_MISMATCH, "%d groups do not divide %d channels in and %d out",
                        s->groups, x.channels, s->out_channels);
    node->shape.channels = s->out_channels;
    return bal_op_window_shape(ctx, x, node);
}

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const bal_op_settings *s = &node->settings;
    const int64_t in = bal_op_input(g, node, 0)->shape.channels / s->groups;
    out[0] = (bal_op_param){"weight", true, 4, {s->out_channels, in, s->kernel[0], s->kernel[1]}};
    out[1] = (bal_op_param){"bias", true, 1, {s->out_channels}};
    return s->bias ? 2 : 1;
}

static double flops(const bal_graph *g, const bal_node *node)
{
    const bal_op_settings *s = &node->settings;
    const double window = (double)(bal_op_input(g, node, 0)->shape.channels / s->groups) *
                          s->kernel[0] * s->kernel[1];
    return (double)bal_shape_count(node->shape) * (2.0 * window + (s->bias ? 1.0 : 0.0));
}

/* One kernel element between one plane of x and one of y: the rows and columns of y for which it
 * lies inside x. */
typedef struct tap {
    int64_t row_first, row_last, col_first, col_last;
    int64_t row_shift, col_shift; /* x row = y row * stride + shift */
} tap;

static void tap_range(int64_t shift, int64_t stride, int64_t x_size, int64_t y_size, int64_t *first,
                      int64_t *last)
{
    *first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *last = x_size > shift ? (x_size - shift + stride - 1) / stride : 0;
    if (*last > y_size)
        *last = y_size;
}

static tap tap_of(const bal_op_settings *s, bal_shape x, bal_shape y, int kh, int kw)
{
    tap t;
    t.row_shift = (int64_t)kh * s->dilation[0] - s->padding[0];
    t.col_shift = (int64_t)kw * s->dilation[1] - s->padding[1];
    tap_range(t.row_shift, s->stride[0], x.height, y.height, &t.row_first, &t.row_last);
    tap_range(t.col_shift, s->stride[1], x.width, y.width, &t.col_first, &t.col_last);
    return t;
}

/* What the loops below hand to the innermost function: one plane of x, one of y, one weight. */
typedef struct pass {
    const bal_op_call *call;
    const bal_op_settings *s;
    bal_shape x, y;
} pass;

typedef void plane_fn(const pass *p, const tap *t, int64_t x_at, int64_t y_at, int64_t w_at);

static void walk(const pass *p, plane_fn *each)
{
    const bal_op_settings *s = p->s;
    const int64_t x_area = (int64_t)p->x.height * p->x.width;
    const int64_t y_area = (int64_t)p->y.height * p->y.width;
    const int in_share = p->x.channels / s->groups, out_share = p->y.channels / s->groups;
    for (int64_t n = 0; n < p->call->batch; n++)
        for (int out = 0; out < p->y.channels; out++)
            for (int in = 0; in < in_share; in++)
                for (int kh = 0; kh < s->kernel[0]; kh++)
                    for (int kw = 0; kw < s->kernel[1]; kw++) {
                        const tap t = tap_of(s, p->x, p->y, kh, kw);
                        const int64_t from = (int64_t)(out / out_share) * in_share + in;
                        const int64_t row = (int64_t)out * in_share + in;
                        each(p, &t, (n * p->x.channels + from) * x_area,
                             (n * p->y.channels + out) * y_area,
                             (row * s->kernel[0] + kh) * s->kernel[1] + kw);
                    }
}

static void forward_plane(const pass *p, const tap *t, int64_t x_at, int64_t y_at, int64_t w_at)
{
    const double w = p->call->param[0][w_at];
    const int64_t stride = p->s->stride[1];
    for (int64_t row = t->row_first; row < t->row_last; row++) {
        const int64_t x_row = row * p->s->stride[0] + t->row_shift;
        const double *x = p->call->x[0] + x_at + x_row * p->x.width + t->col_shift;
        double *y = p->call->y + y_at + row * p->y.width;
        for (int64_t col = t->col_first; col < t->col_last; col++)
            y[col] += w * x[col * stride];
    }
}

static void backward_x_plane(const pass *p, const tap *t, int64_t x_at, int64_t y_at, int64_t w_at)
{
    const double w = p->call->param[0][w_at];
    const int64_t stride = p->s->stride[1];
    for (int64_t row = t->row_first; row < t->row_last; row++) {
        const int64_t x_row = row * p->s->stride[0] + t->row_shift;
        double *dx = p->call->dx[0] + x_at + x_row * p->x.width + t->col_shift;
        const double *dy = p->call->dy + y_at + row * p->y.width;
        for (int64_t col = t->col_first; col < t->col_last; col++)
            dx[col * stride] += w * dy[col];
    }
}

static void backward_w_plane(const pass *p, const tap *t, int64_t x_at, int64_t y_at, int64_t w_at)
{
    const int64_t stride = p->s->stride[1];
    double sum = 0.0;
    for (int64_t row = t->row_first; row < t->row_last; row++) {
        const int64_t x_row = row * p->s->stride[0] + t->row_shift;
        const double *x = p->call->x[0] + x_at + x_row * p->x.width + t->col_shift;
        const double *dy = p->call->dy + y_at + row * p->y.width;
        for (int64_t col = t->col_first; col < t->col_last; col++)
            sum += dy[col] * x[col * stride];
    }
    p->call->dparam[0][w_at] += sum;
}

static pass pass_of(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    return (pass){c, &node->settings, bal_op_input(c->graph, node, 0)->shape, node->shape};
}

static void forward(const bal_op_call *c)
{
    const pass p = pass_of(c);
    const int64_t area = (int64_t)p.y.height * p.y.width;
    for (int64_t i = 0; i < (int64_t)c->batch * p.y.channels; i++)
        for (int64_t k = 0; k < area; k++)
            c->y[i * area + k] = p.s->bias ? c->param[1][i % p.y.channels] : 0.0;
    walk(&p, forward_plane);
}

static void backward(const bal_op_call *c)
{
    const pass p = pass_of(c);
    const int64_t area = (int64_t)p.y.height * p.y.width;
    if (c->dx[0])
        walk(&p, backward_x_plane);
    if (c->dparam[0])
        walk(&p, backward_w_plane);
    if (!p.s->bias || !c->dparam[1])
        return;
    for (int64_t i = 0; i < (int64_t)c->batch * p.y.channels; i++)
        for (int64_t k = 0; k < area; k++)
            c->dparam[1][i % p.y.channels] += c->dy[i * area + k];
}

const bal_op bal_op_row_CONV2D = {
    .shape = shape, .params = params, .flops = flops, .forward = forward, .backward = backward};
