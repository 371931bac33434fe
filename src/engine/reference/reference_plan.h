/* The inside of the reference engine's plan. */
#ifndef BAL_REFERENCE_PLAN_H
#define BAL_REFERENCE_PLAN_H

#include "engine/engine.h"
#include "net/op.h"

typedef enum reference_kind {
    REFERENCE_ACTIVATION,
    REFERENCE_SAVED,
    REFERENCE_GRADIENT,
    REFERENCE_KINDS
} reference_kind;

/* A tensor in the arena. Time runs over the nodes forward, then over them backward. */
typedef struct reference_tensor {
    int64_t count;   /* doubles for the planned batch; 0: not there */
    int first, last; /* when it is written first and read last */
    int64_t offset;
} reference_tensor;

typedef struct reference_param {
    double *value;
    double *gradient, *momentum; /* NULL: frozen */
    double *second;              /* NULL: frozen, or SGD */
    double *average, *aside;     /* NULL: the plan was opened without */
    double *sum;                 /* likewise, or frozen */
} reference_param;

typedef struct reference_plan {
    bal_plan head; /* first */
    bal_ctx *ctx;
    const bal_graph *graph;
    uint64_t seed;
    bal_gradient_ready_fn *gradient_ready;
    void *user;
    reference_param *params;
    reference_tensor *tensors; /* REFERENCE_KINDS per node */
    double *arena;
    int64_t arena_count;
    bool *gradient, *runs; /* see needs.h */
    bool *touched;         /* the gradient holds something in this pass */
    double forward_flops, backward_flops;
    int64_t param_numbers;
    int batch; /* of the last forward, as are the next two */
    bool training;
    uint64_t step;
} reference_plan;

bal_status bal_reference_open(bal_plan **out, bal_ctx *ctx, const bal_graph *g,
                              const bal_plan_settings *s);
void bal_reference_close(bal_plan *plan);
void bal_reference_cost(const bal_plan *plan, bal_plan_cost *cost);
/* Where a node's tensor lies, NULL where it has none. */
double *bal_reference_tensor(const reference_plan *p, reference_kind kind, int node);

#endif
