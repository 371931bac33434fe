/* What tests share: cmocka with its includes, a context, an allocator that fails on command, a
 * folder for temporary files, and comparison of tensors that says enough to start. */
#ifndef BAL_TEST_HELPERS_H
#define BAL_TEST_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/context.h"

/* A context with default settings; fails the test when it cannot be had. */
bal_ctx *test_ctx(void);
/* One with so many threads. For many small steps 1: threads that wait for each other on a busy
 * machine take a hundred times as long. */
bal_ctx *test_ctx_threads(int threads);
/* Fails the test with the context's error text unless status is BAL_OK. */
void test_ok(bal_ctx *ctx, bal_status status);
/* Fails unless status is as wanted and the error text contains every word given (NULL ends). */
void test_fails(bal_ctx *ctx, bal_status status, bal_status wanted, ...);

/* An allocator whose n-th allocation fails; live counts what was not released. */
typedef struct test_failer {
    long left; /* allocations until the failure; negative: never */
    long live;
} test_failer;
bal_allocator test_failing_allocator(test_failer *failer);
/* Calls attempt(ctx, user) with the 1st, 2nd, ... allocation failing until it returns BAL_OK.
 * attempt must release everything it made. Each failure must be BAL_NO_MEMORY with nothing left
 * alive. */
void test_allocation_failures(bal_status (*attempt)(bal_ctx *ctx, void *user), void *user);

/* A fresh temporary folder (removed by test_folder_remove, with all in it). */
char *test_folder(void);
void test_folder_remove(char *folder);
/* folder/name in a static ring of buffers. */
const char *test_path(const char *folder, const char *name);
void test_write_file(const char *path, const void *bytes, size_t count);

/* Largest error divided by the root mean square of want; NaN counts as worst; also fails when want
 * is (nearly) all zero. what names the tensor in the message. */
void test_close(const char *what, const float *want, const float *got, int64_t count,
                double tolerance);
/* The seed of random tests: BAL_TEST_SEED, or 1. */
uint64_t test_seed(void);

/* Gradient check along a random direction with central differences, sign kept (design habit 9).
 * f returns the value at x (n numbers) and, when gradient is not NULL, writes it. */
typedef double test_function(const double *x, double *gradient, void *user);
bool test_gradient_agrees(test_function *f, void *user, const double *x, int n, uint64_t seed,
                          double tolerance);

#endif
