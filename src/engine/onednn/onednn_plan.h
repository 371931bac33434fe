/* The inside of the oneDNN plan.
 *
 * A graph is lowered once per batch size to a program: a list of steps over buffers. Time is the
 * number of a step, forward steps first, backward steps after them. A buffer lives from the step
 * that writes it to the last that reads it; buffers whose lives do not meet share memory in one
 * arena (arena.c). Activations are NCHW with the channels in blocks (the tail padded with zeros),
 * vectors and the first convolution's images are plain. Weights, gradients and momentum stay in the
 * layout that the forward convolution chose; only backward-by-data gets a reordered copy.
 */
#ifndef BAL_ONEDNN_PLAN_H
#define BAL_ONEDNN_PLAN_H

#include "engine/engine.h"
#include "engine/onednn/dnnl_api.h"
#include "net/op.h"

#include <limits.h>

#define BAL_FOREVER INT_MAX
/* Batch sizes kept ready: the planned one and the usual last batches. */
#define BAL_MAX_PROGRAMS 4

typedef struct one_plan one_plan;
typedef struct one_program one_program;

typedef struct one_buffer {
    size_t bytes;
    int first, last; /* life in steps; last BAL_FOREVER: to the end */
    int takes[2];  /* buffers whose memory it may take over when they die as it is made, -1: none */
    int root;      /* itself, or the buffer whose memory it takes over in place */
    size_t offset; /* of the root, in the arena */
    float *at;
} one_buffer;

/* A tensor in one layout. A node has its native value and, where a consumer needs another layout, a
 * converted one. */
typedef struct one_value {
    int node;
    bal_shape shape;
    int block; /* 1 plain, 8 or 16 */
    int buffer;
    int step; /* the forward step that makes it */
    bool needs_gradient;
    int parts[8]; /* buffers with contributions to its gradient */
    int part_count;
    int gradient; /* buffer of the finished gradient, -1 before */
} one_value;

typedef enum one_where { ONE_BUFFER, ONE_PARAM, ONE_GRADIENT, ONE_SCRATCH } one_where;

typedef struct one_arg {
    int name; /* DNNL_ARG_... */
    one_where where;
    int index;
    bal_md md;
    dnnl_memory_t memory;
} one_arg;

/* A primitive with its arguments. */
typedef struct one_call {
    bal_prim prim;
    one_arg args[BAL_DNNL_MAX_ARGS];
    int count;
} one_call;

typedef struct one_run { /* what one forward or backward was asked to do */
    const bal_forward *forward;
    const bal_backward *backward;
} one_run;

/* Steps run in order. in and out are buffers, -1 where unused; their meaning is the kind's
 * business. */
typedef struct one_step one_step;
typedef bal_status one_step_fn(one_program *p, one_step *s, const one_run *how);
struct one_step {
    one_step_fn *run;
    int node;     /* of the graph */
    int number;   /* graph input or output that an outer step copies */
    int value[2]; /* input values of a forward step */
    int made;     /* value that a forward step makes */
    int in[4], out[2];
    bool relu; /* fused */
    one_call call;
    one_call extra; /* reorder of the weights before backward by data */
    int saved[4];   /* buffers kept for backward, -1: none */
    int forward;    /* backward steps: the forward step that they belong to */
};

struct one_program {
    one_plan *plan;
    bal_ctx *ctx;
    int batch;
    one_buffer *buffers;
    int buffer_count, buffer_room;
    one_value *values;
    int value_count, value_room;
    one_step *steps;
    int step_count, step_room, forward_steps;
    int *native; /* value of each node, -1: fused away */
    char *arena; /* activations, then scratch; the plan's, or own where that is too small */
    bool own_arena;
    size_t arena_bytes;
    size_t scratch_bytes;
};

typedef struct one_param {
    bal_md plain, layout; /* layout.made is false until the first program chose it */
    int64_t count;        /* floats, padding included */
    bool has_gradient;    /* some learned parameter of its node trains */
    float *value, *gradient, *momentum;
    float *second;          /* AdamW alone */
    float *average, *aside; /* NULL: the plan was opened without */
    float *sum;             /* likewise, or no gradient */
} one_param;

struct one_plan {
    bal_plan head; /* first */
    bal_dnnl dnnl;
    int block; /* of activations on this machine */
    int threads;
    one_param *params;
    bool *kept;           /* per node */
    bool *needs_gradient; /* per node: its result's gradient has to be made */
    bool *runs_backward;  /* per node */
    int *consumers;       /* per node */
    one_program *programs[BAL_MAX_PROGRAMS];
    int program_count, next_victim;
    one_program *active; /* of the last forward */
    char *arena;
    size_t arena_bytes; /* with scratch */
    float *sum;         /* for accumulated gradients: room for the largest parameter */
    int64_t sum_count;
    bool accumulate; /* of the backward that runs */
};

/* ---- lower.c, backward.c: a graph to steps ---- */
bal_status bal_one_lower_forward(one_program *p);
bal_status bal_one_lower_backward(one_program *p);

/* ---- program.c: building and running ---- */
bal_status bal_one_program_open(one_program **out, one_plan *plan, int batch);
void bal_one_program_close(one_program **program);
/* Memory for the arena, and a dnnl_memory for every argument. */
bal_status bal_one_program_bind(one_program *p);
bal_status bal_one_program_run(one_program *p, int from, int to, const one_run *how);
/* Runs a primitive; the gradients that it makes are added when the plan accumulates. */
bal_status bal_one_call_run(one_program *p, one_call *call);
bal_status bal_one_arg(one_program *p, one_call *call, int name, one_where where, int index,
                       const bal_md *md);
bal_status bal_one_scratch(one_program *p, one_call *call);
/* Room in the arena that is written at the present time; -1: no memory. */
int bal_one_buffer(one_program *p, size_t bytes);
/* A new step at the present time, NULL: no memory. Pointers to earlier steps are invalid after it.
 */
one_step *bal_one_step(one_program *p, one_step_fn *run, int node);
void bal_one_use(one_program *p, int buffer); /* read at the present time */
/* The last step's output may take the memory of an input of the same size that dies there. */
void bal_one_in_place(one_program *p, int in, int out);
int bal_one_value(one_program *p, int node, bal_shape shape, int block);
size_t bal_one_bytes(const one_program *p, bal_shape shape, int block);
bal_status bal_one_value_md(one_program *p, const one_value *v, bal_md *out);
float *bal_one_at(const one_program *p, int buffer);

/* ---- arena.c ---- */
/* Sets every buffer's offset; returns the arena's size in *bytes. */
bal_status bal_one_place(bal_ctx *ctx, one_buffer *buffers, int count, size_t *bytes);

/* ---- floor.c ---- */
bal_status bal_one_measure_floor(bal_plan *plan, int runs, bal_floor *out);

#endif
