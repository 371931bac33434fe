/* Running statistics measured anew: each is the mean over the batches of the batch's own, whatever
 * stood there before, and nothing else changes. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/toy.h"

#include "engine/engine.h"
#include "train/stage/norm_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 8
#define ITEMS 11 /* a batch of 8 and one of 3 */

static const test_toy toy = {.channels = 3, .side = 6, .train = {12, 8, 4}, .test = 0};

typedef struct bench {
    bal_ctx *ctx;
    char *folder;
    bal_dataset *data;
    bal_image_store *store;
    bal_loader *loader;
    bal_graph *g;
    bal_plan *plan;
} bench;

static bench bench_open(const bal_engine *engine)
{
    bench b = {.ctx = test_ctx_threads(1), .folder = test_folder()};
    char images[4200];
    snprintf(images, sizeof images, "%s/toy", b.folder);
    test_write_toy(images, &toy);
    b.data = test_open_toy(b.ctx, images, 0.25);
    const bal_image_store_settings store = {
        .data = b.data, .keep = {[BAL_SPLIT_TRAIN] = true}, .limit = 1 << 24, .sums = true};
    test_ok(b.ctx, bal_image_store_open(&b.store, b.ctx, &store));
    const bal_loader_settings loader = {.store = b.store,
                                        .batch = BATCH,
                                        .norm =
                                            bal_pixel_sums_norm(bal_image_store_sums(b.store), 3)};
    test_ok(b.ctx, bal_loader_open(&b.loader, b.ctx, &loader));
    bal_model_settings model = bal_model_defaults();
    model.name = "resnet8";
    model.classes = 3;
    model.input = (bal_shape){3, 6, 6};
    test_ok(b.ctx, bal_model_build(&b.g, b.ctx, &model));
    const bal_plan_settings plan = {.batch = BATCH, .training = true};
    test_ok(b.ctx, bal_plan_open(&b.plan, b.ctx, engine, b.g, &plan));
    bal_weights *w;
    test_ok(b.ctx, bal_weights_init(&w, b.ctx, b.g, test_seed()));
    test_ok(b.ctx, bal_plan_load(b.plan, w));
    bal_weights_close(&w);
    return b;
}

static void bench_close(bench *b)
{
    bal_plan_close(&b->plan);
    bal_graph_close(&b->g);
    bal_loader_close(&b->loader);
    bal_image_store_close(&b->store);
    bal_dataset_close(&b->data);
    test_folder_remove(b->folder);
    bal_ctx_close(&b->ctx);
}

/* All parameters after measuring over items first .. first + count - 1. */
static bal_weights *measured(bench *b, int first, int count)
{
    const bal_loader_pass pass = {.items = bal_dataset_items(b->data, BAL_SPLIT_TRAIN) + first,
                                  .count = count};
    bal_weights *w;
    test_ok(b->ctx, bal_plan_measure_norms(b->plan, b->loader, &pass));
    test_ok(b->ctx, bal_plan_save(b->plan, &w));
    return w;
}

static void statistics_are_the_mean_of_the_batches(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bench b = bench_open(bal_engine_row(e));
        assert_true(bal_dataset_describe(b.data).items[BAL_SPLIT_TRAIN] >= ITEMS);
        bal_weights *start;
        test_ok(b.ctx, bal_plan_save(b.plan, &start));
        bal_weights *first = measured(&b, 0, BATCH), *rest = measured(&b, BATCH, ITEMS - BATCH),
                    *both = measured(&b, 0, ITEMS), *again = measured(&b, 0, ITEMS);
        int statistics = 0;
        for (int i = 0; i < bal_weights_count(both); i++) {
            const bal_tensor *t = bal_weights_at(both, i);
            const size_t bytes = (size_t)t->count * sizeof(float);
            assert_memory_equal(t->data, bal_weights_at(again, i)->data, bytes);
            if (bal_graph_param(b.g, i)->learned) {
                assert_memory_equal(t->data, bal_weights_at(start, i)->data, bytes);
                continue;
            }
            statistics++;
            assert_memory_not_equal(bal_weights_at(first, i)->data, bal_weights_at(rest, i)->data,
                                    bytes);
            for (int64_t k = 0; k < t->count; k++) {
                const double x = (double)bal_weights_at(first, i)->data[k],
                             y = (double)bal_weights_at(rest, i)->data[k];
                test_near(t->name, 0.5 * (x + y), (double)t->data[k], 1e-6 * (fabs(x) + fabs(y)));
            }
        }
        assert_int_equal(statistics, 2 * 7); /* resnet8 has seven batch norms */
        bal_weights_close(&start);
        bal_weights_close(&first);
        bal_weights_close(&rest);
        bal_weights_close(&both);
        bal_weights_close(&again);
        bench_close(&b);
    }
}

static void an_interrupted_pass_says_so(void **state)
{
    (void)state;
    bench b = bench_open(bal_engine_row(0));
    const bal_loader_pass pass = {.items = bal_dataset_items(b.data, BAL_SPLIT_TRAIN),
                                  .count = ITEMS};
    bal_ctx_interrupt(b.ctx);
    test_fails(b.ctx, bal_plan_measure_norms(b.plan, b.loader, &pass), BAL_INTERRUPTED,
               "statistics of batch norm", NULL);
    assert_true(bal_take_interrupt(b.ctx));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_the_mean_of_the_batches),
        cmocka_unit_test(an_interrupted_pass_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
