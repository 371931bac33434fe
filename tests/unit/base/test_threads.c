/* The pool: every item once, whatever the number of threads, run after run. */
#include "helpers/helpers.h"

#include "base/threads.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ITEMS 1000

typedef struct tally {
    atomic_int hits[ITEMS];
    atomic_int bad_worker;
    int threads;
} tally;

static void count_item(void *user, int64_t i, int worker)
{
    tally *t = user;
    atomic_fetch_add(&t->hits[i], 1);
    if (worker < 0 || worker >= t->threads)
        atomic_fetch_add(&t->bad_worker, 1);
}

static void every_item_is_done_once(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static tally t;
    static const int sizes[] = {1, 2, 3, 8};
    for (size_t s = 0; s < BAL_COUNT_OF(sizes); s++) {
        bal_pool *pool;
        test_ok(ctx, bal_pool_open(&pool, ctx, sizes[s]));
        assert_int_equal(bal_pool_threads(pool), sizes[s]);
        t.threads = sizes[s];
        for (int i = 0; i < ITEMS; i++)
            atomic_store(&t.hits[i], 0);
        const int rounds = 50;
        for (int round = 0; round < rounds; round++) {
            bal_pool_run(pool, ITEMS, count_item, &t);
            for (int i = 0; i < ITEMS; i++)
                if (atomic_load(&t.hits[i]) != round + 1)
                    fail_msg("item %d done %d times after %d rounds", i, atomic_load(&t.hits[i]),
                             round + 1);
        }
        bal_pool_run(pool, 0, count_item, &t);
        bal_pool_run(pool, 1, count_item, &t);
        assert_int_equal(atomic_load(&t.hits[0]), rounds + 1);
        assert_int_equal(atomic_load(&t.hits[1]), rounds);
        assert_int_equal(atomic_load(&t.bad_worker), 0);
        bal_pool_close(&pool);
        assert_null(pool);
    }
    bal_pool *none;
    test_fails(ctx, bal_pool_open(&none, ctx, 0), BAL_BAD_ARG, "0 threads", NULL);
    assert_null(none);
    bal_pool_close(&none);
    bal_pool_close(NULL);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_pool *pool;
    BAL_TRY(bal_pool_open(&pool, ctx, 3));
    bal_pool_close(&pool);
    return BAL_OK;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    test_allocation_failures(open_and_close, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
