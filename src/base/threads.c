/* A pool of POSIX threads that splits a loop. Items are handed out one at a time, so uneven work
 * balances itself; results never depend on which worker does an item. */
#include "base/threads.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

typedef void item_work(void *user, int64_t i, int worker);

struct bal_pool {
    bal_ctx *ctx;
    int threads, started;
    pthread_t *handles;
    struct bal_pool_seat *seats;
    pthread_mutex_t mutex;
    pthread_cond_t begin, end;
    uint64_t round; /* counts runs; a worker waits until it moves */
    int busy;       /* started workers that have not finished this round */
    bool closing;
    item_work *work;
    void *user;
    int64_t count;
    atomic_int_fast64_t next;
};

typedef struct bal_pool_seat {
    bal_pool *pool;
    int worker;
} bal_pool_seat;

static void work_off(bal_pool *pool, int worker)
{
    for (;;) {
        const int64_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->count)
            return;
        pool->work(pool->user, i, worker);
    }
}

static void *worker_main(void *argument)
{
    const bal_pool_seat *seat = argument;
    bal_pool *pool = seat->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->round == seen && !pool->closing)
            pthread_cond_wait(&pool->begin, &pool->mutex);
        if (pool->closing)
            break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        work_off(pool, seat->worker);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->end);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_quietly(pthread_t *handle, bal_pool_seat *seat)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int error = pthread_create(handle, NULL, worker_main, seat);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

bal_status bal_pool_open(bal_pool **out, bal_ctx *ctx, int threads)
{
    *out = NULL;
    if (threads < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "a pool of %d threads: at least 1 is needed", threads);
    bal_pool *pool = bal_calloc(ctx, 1, sizeof *pool);
    if (!pool)
        return BAL_NO_MEMORY;
    pool->ctx = ctx;
    pool->threads = threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->end, NULL);
    atomic_init(&pool->next, 0);
    pool->handles = bal_calloc(ctx, (size_t)threads, sizeof *pool->handles);
    pool->seats = bal_calloc(ctx, (size_t)threads, sizeof *pool->seats);
    if (!pool->handles || !pool->seats) {
        bal_pool_close(&pool);
        return BAL_NO_MEMORY;
    }
    for (int i = 1; i < threads; i++) {
        pool->seats[i] = (bal_pool_seat){pool, i};
        const int error = start_quietly(&pool->handles[i], &pool->seats[i]);
        if (error) {
            const bal_status status = bal_fail(ctx, BAL_IO, "cannot start thread %d of %d: %s",
                                               i + 1, threads, strerror(error));
            bal_pool_close(&pool);
            return status;
        }
        pool->started++;
    }
    *out = pool;
    return BAL_OK;
}

void bal_pool_close(bal_pool **pool_at)
{
    if (!pool_at || !*pool_at)
        return;
    bal_pool *pool = *pool_at;
    pthread_mutex_lock(&pool->mutex);
    pool->closing = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->end);
    pthread_cond_destroy(&pool->begin);
    pthread_mutex_destroy(&pool->mutex);
    bal_ctx *ctx = pool->ctx;
    bal_free(ctx, pool->handles);
    bal_free(ctx, pool->seats);
    bal_free(ctx, pool);
    *pool_at = NULL;
}

void bal_pool_run(bal_pool *pool, int64_t count, item_work *work, void *user)
{
    if (count <= 0)
        return;
    if (count == 1) { /* not worth waking anybody for */
        work(user, 0, 0);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->work = work;
    pool->user = user;
    pool->count = count;
    atomic_store(&pool->next, 0);
    pool->busy = pool->started;
    pool->round++;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
    work_off(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->end, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

int bal_pool_threads(const bal_pool *pool)
{
    return pool->threads;
}
