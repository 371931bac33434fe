/* See blas.h. OpenBLAS in its OpenMP flavour asks the calling thread's OpenMP settings how many
 * threads to use, so each thread can be told apart; the flavour with threads of its own has one
 * number for the process. The OpenMP functions are looked up when the program runs: a build without
 * OpenMP links with OpenBLAS alone. */
#include "numeric/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define MOST_THREADS 64 /* Debian's OpenBLAS has work space for so many callers */

static struct {
    pthread_once_t once;
    void (*set)(int threads);
    int (*get)(void);
} blas = {PTHREAD_ONCE_INIT, NULL, NULL};

static void find_functions(void)
{
    blas.set = openblas_set_num_threads;
    blas.get = openblas_get_num_threads;
    if (openblas_get_parallel() != OPENBLAS_OPENMP)
        return;
    void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    void *get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    if (set && get) { /* C has no cast from an object's pointer to a function's */
        memcpy(&blas.set, &set, sizeof set);
        memcpy(&blas.get, &get, sizeof get);
    }
}

int bal_blas_threads(int threads)
{
    pthread_once(&blas.once, find_functions);
    const int before = blas.get();
    if (before != threads)
        blas.set(threads);
    return before;
}

bal_status bal_blas_pool_open(bal_pool **out, bal_ctx *ctx)
{
    const int threads = bal_ctx_threads(ctx);
    return bal_pool_open(out, ctx, threads < MOST_THREADS ? threads : MOST_THREADS);
}

typedef struct alone {
    void (*work)(void *user, int64_t i, int worker);
    void *user;
} alone;

static void work_alone(void *user, int64_t i, int worker)
{
    const alone *a = user;
    bal_blas_threads(1);
    a->work(a->user, i, worker);
}

void bal_blas_pool_run(bal_pool *pool, int64_t count,
                       void (*work)(void *user, int64_t i, int worker), void *user)
{
    alone a = {work, user};
    const int before = bal_blas_threads(1);
    bal_pool_run(pool, count, work_alone, &a);
    bal_blas_threads(before);
}

void bal_multiply_floats(const bal_float_product *p)
{
    const blasint inner = (blasint)p->inner;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)p->rows, (blasint)p->columns,
                inner, 1.0F, p->a, inner, p->b, inner, 0.0F, p->out, (blasint)p->stride);
}

void bal_multiply_doubles(const bal_double_product *p)
{
    const blasint inner = (blasint)p->inner;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)p->rows, (blasint)p->columns,
                inner, 1.0, p->a, inner, p->b, inner, 0.0, p->out, (blasint)p->stride);
}

void bal_add_products(const bal_double_sums *s)
{
    const blasint inner = (blasint)s->inner_stride;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)s->columns, (blasint)s->others,
                (blasint)s->rows, 1.0, s->a, inner, s->b, inner, 1.0, s->out, (blasint)s->stride);
}
