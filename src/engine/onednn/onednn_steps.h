/* What steps do when they run. Inputs are s->in[], results s->out[], see lower.c and backward.c. */
#ifndef BAL_ONEDNN_STEPS_H
#define BAL_ONEDNN_STEPS_H

#include "engine/onednn/norm_kernels.h"
#include "engine/onednn/onednn_plan.h"

/* forward */
one_step_fn bal_step_input, bal_step_convert, bal_step_call, bal_step_norm, bal_step_relu,
    bal_step_add, bal_step_global_pool, bal_step_flatten, bal_step_linear, bal_step_cosine,
    bal_step_dropout, bal_step_shortcut, bal_step_unflatten, bal_step_upsample, bal_step_plain,
    bal_step_batch_mix;

/* backward; in[0] is the gradient of the result, out[0] that of the input */
one_step_fn bal_back_external, bal_back_sum, bal_back_convert, bal_back_conv_data,
    bal_back_conv_weights, bal_back_norm, bal_back_pool, bal_back_global_pool, bal_back_flatten,
    bal_back_linear, bal_back_cosine, bal_back_dropout, bal_back_shortcut, bal_back_unflatten,
    bal_back_upsample, bal_back_plain, bal_back_batch_mix;

/* Room for all tensors of a plain step, at the present time; -1: no memory. */
int bal_one_plain_buffer(one_program *p, int node);
/* Calls the plan's gradient_ready for the parameters of a backward step. */
void bal_one_tell_ready(const one_program *p, const one_step *s);

bal_blocked bal_one_blocked(const one_program *p, bal_shape shape, int block);
/* The value that a step reads or makes, as the kernels want it, for the batch that runs. */
bal_blocked bal_one_shape_of(const one_program *p, int value);
/* The weights of a convolution as oneDNN counts them: groups first where there are groups. */
bal_status bal_one_conv_dims(const bal_graph *g, const bal_node *n, int64_t dims[5], int *count);
/* What a batch norm step normalises with: the batch's statistics or the running ones. */
bal_norm bal_one_norm(const one_program *p, const one_step *forward, bool training);
void bal_one_window(const bal_node *n, bal_dnnl_window *out);

/* What a batch_mix step does in the pass that runs; NULL: nothing. */
const bal_batch_mix *bal_one_mix(const one_program *p, const one_step *s);

/* Room for bal_norm_work of a value at the present time; -1: no memory. */
int bal_one_norm_work(one_program *p, int value);

#endif
