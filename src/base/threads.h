/* A pool of worker threads (pthreads, not OpenMP) that splits a loop. */
#ifndef BAL_THREADS_H
#define BAL_THREADS_H

#include "base/context.h"

typedef struct bal_pool bal_pool;

/* threads >= 1; the calling thread works too, so threads - 1 are started (1: none at all). */
BAL_MUST_CHECK bal_status bal_pool_open(bal_pool **out, bal_ctx *ctx, int threads);
void bal_pool_close(bal_pool **pool);
/* Calls work(user, i, worker) for i in 0..count-1, each once, in any order, worker in 0..threads-1;
 * returns when all are done. work must not call back into the pool. */
void bal_pool_run(bal_pool *pool, int64_t count, void (*work)(void *user, int64_t i, int worker),
                  void *user);
int bal_pool_threads(const bal_pool *pool);

#endif
