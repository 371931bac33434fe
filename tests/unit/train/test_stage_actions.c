/* What a stage begins with, against the same computed here from the weights before it; and what
 * holds while a stage trains: frozen norms, the bound on the rows' norms. */
#include "helpers/near.h"
#include "helpers/stage_runs.h"

#include "engine/engine.h"
#include "train/images/image_store.h"
#include "train/images/loader.h"
#include "train/stage/stage_actions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 64
#define BACKBONE 35 /* 7 convolutions, 7 batch norms of 4 */
#define ROWS (STAGE_CLASSES * FEATURES)

/* ---- the head alone ---- */

static void a_new_head_is_a_function_of_seed_and_stage(void **state)
{
    stage_runs *f = *state;
    bal_weights *heads[4];
    for (int k = 0; k < 4; k++) {
        f->keep = k < 3 ? 2 : 0;
        f->settings.seed = k == 2 ? 6 : 5;
        f->settings.lr = k == 1 ? 0.01 : 0.05;
        test_ok(f->ctx, stage_train(f, k < 3 ? stage_acting("begin: reinit-head", "")
                                             : "batch_size: 8\nepochs: 1\nstages:\n"
                                               "  - {epochs: 0, begin: reinit-head}\n"
                                               "  - {epochs: 0, begin: zero-bias}\n"
                                               "  - {epochs: 1, lr: 1e-12}\n"));
        heads[k] = stage_read(f, "last.safetensors");
    }
    stage_expect_same(heads[0], heads[1], "fc.*");       /* whatever was trained before */
    stage_expect_moved(heads[0], heads[2], "fc.weight"); /* the seed */
    stage_expect_moved(heads[0], heads[3], "fc.weight"); /* the stage: as at the start */
    stage_expect_same(f->kept, heads[2], "[!f]*");
    const float *w = bal_weights_find(heads[0], "fc.weight")->data;
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < ROWS; i++) {
        sum += w[i];
        squares += (double)w[i] * w[i];
    }
    test_near("mean", 0.0, sum / ROWS, 5.0 * sqrt(2.0 / FEATURES / ROWS));
    test_near("variance", 2.0 / FEATURES, squares / ROWS, 0.4 * 2.0 / FEATURES);
    for (int j = 0; j < STAGE_CLASSES; j++)
        assert_true(bal_weights_find(heads[0], "fc.bias")->data[j] == 0.0f);
    for (int k = 0; k < 4; k++)
        bal_weights_close(&heads[k]);
}

static void bias_and_momentum_become_zero(void **state)
{
    stage_runs *f = *state;
    f->keep = 2;
    test_ok(f->ctx, stage_train(f, stage_acting("begin: zero-bias", "")));
    bal_weights *last = stage_read(f, "state.safetensors");
    stage_expect_same(f->kept, last, "[!f]*");
    stage_expect_same(f->kept, last, "fc.weight");
    for (int j = 0; j < STAGE_CLASSES; j++) {
        assert_true(bal_weights_find(last, "fc.bias")->data[j] == 0.0f);
        assert_true(bal_weights_find(last, "momentum/fc.bias")->data[j] == 0.0f);
        assert_true(bal_weights_find(f->kept, "momentum/fc.bias")->data[j] != 0.0f);
    }
    assert_true(stage_same_bits(bal_weights_find(f->kept, "momentum/fc.weight"),
                                bal_weights_find(last, "momentum/fc.weight")));
    bal_weights_close(&last);

    test_ok(f->ctx, stage_train(f, stage_acting("begin: reset-momentum", "")));
    last = stage_read(f, "state.safetensors");
    stage_expect_same(f->kept, last, "*");
    int momenta = 0;
    for (int i = 0; i < bal_weights_count(last); i++) {
        const bal_tensor *t = bal_weights_at(last, i);
        if (strncmp(t->name, "momentum/", 9) != 0)
            continue;
        momenta++;
        for (int64_t k = 0; k < t->count; k++)
            assert_true(t->data[k] == 0.0f);
    }
    assert_true(momenta > 20);
    bal_weights_close(&last);
}

/* ---- class means ---- */

static void class_means_are_the_nearest_mean(void **state)
{
    stage_runs *f = *state;
    static const struct {
        const char *stage, *more;
        bool cosine;
    } kinds[] = {{"begin: class-means", "", false},
                 {"begin: class-means-cosine", "", true},
                 {"begin: class-means-cosine", "head: cosine\nscale: 4\n", true}};
    f->keep = 2;
    for (int k = 0; k < 3; k++) {
        test_ok(f->ctx, stage_train(f, stage_acting(kinds[k].stage, kinds[k].more)));
        bal_weights *last = stage_read(f, "last.safetensors");
        stage_expect_same(f->kept, last, "[!f]*");
        stage_rows r = stage_rows_of(f, BAL_SPLIT_TRAIN);
        double mean[STAGE_CLASSES][FEATURES] = {{0}};
        int count[STAGE_CLASSES] = {0};
        for (int64_t n = 0; n < f->train_items; n++) {
            count[r.labels[n]]++;
            for (int i = 0; i < FEATURES; i++)
                mean[r.labels[n]][i] += r.features[n * FEATURES + i];
        }
        float want[ROWS], shift[STAGE_CLASSES];
        for (int j = 0; j < STAGE_CLASSES; j++) {
            double square = 0.0;
            for (int i = 0; i < FEATURES; i++) {
                mean[j][i] /= count[j];
                square += mean[j][i] * mean[j][i];
            }
            for (int i = 0; i < FEATURES; i++)
                want[j * FEATURES + i] = (float)(mean[j][i] / (kinds[k].cosine ? sqrt(square) : 1));
            shift[j] = (float)(-square / 2.0);
        }
        test_close("rows", want, bal_weights_find(last, "fc.weight")->data, ROWS, 1e-5);
        if (!kinds[k].cosine)
            test_close("bias", shift, bal_weights_find(last, "fc.bias")->data, STAGE_CLASSES, 1e-5);
        for (int64_t n = 0; n < f->train_items; n++) { /* the rule itself */
            int nearest = 0, chosen = 0;
            double least = INFINITY;
            for (int j = 0; j < STAGE_CLASSES; j++) {
                double distance = 0.0, dot = 0.0, square = 0.0;
                for (int i = 0; i < FEATURES; i++) {
                    const double x = r.features[n * FEATURES + i];
                    distance += (x - mean[j][i]) * (x - mean[j][i]);
                    dot += x * mean[j][i];
                    square += mean[j][i] * mean[j][i];
                }
                const double far = kinds[k].cosine ? -dot / sqrt(square) : distance;
                nearest = far < least ? j : nearest;
                least = far < least ? far : least;
                const float *z = r.logits + n * STAGE_CLASSES;
                chosen = z[j] > z[chosen] ? j : chosen;
            }
            assert_int_equal(nearest, chosen);
        }
        stage_rows_close(&r);
        bal_weights_close(&last);
    }
}

/* ---- batch norm ---- */

typedef struct pass {
    bal_plan *plan;
    bal_graph *graph;
    bal_image_store *store;
    bal_loader *loader;
    bal_sampler *sampler;
    int64_t *items;
} pass;

/* The draws of epoch 2 of 3, as the trainer makes them, in batches of 8. */
static pass open_pass(const stage_runs *f, const bal_weights *weights)
{
    pass p = {0};
    bal_model_settings model = bal_model_defaults();
    model.name = "resnet8";
    model.classes = STAGE_CLASSES;
    model.input = (bal_shape){3, 6, 6};
    const bal_engine *engine;
    test_ok(f->ctx, bal_engine_find(f->ctx, f->settings.engine, &engine));
    test_ok(f->ctx, bal_model_build(&p.graph, f->ctx, &model));
    test_ok(f->ctx, bal_plan_open(&p.plan, f->ctx, engine, p.graph,
                                  &(bal_plan_settings){.batch = 8, .training = true}));
    for (int i = 0; i < bal_graph_params(p.graph); i++)
        test_ok(f->ctx, bal_plan_write_param(
                            p.plan, i, BAL_PARAM_VALUE,
                            bal_weights_find(weights, bal_graph_param(p.graph, i)->name)->data));
    const bal_image_store_settings store = {.data = f->data,
                                            .keep = {[BAL_SPLIT_TRAIN] = true},
                                            .limit = (size_t)64 << 20,
                                            .sums = true,
                                            .seed = f->settings.seed};
    test_ok(f->ctx, bal_image_store_open(&p.store, f->ctx, &store));
    test_ok(f->ctx, bal_loader_open(&p.loader, f->ctx,
                                    &(bal_loader_settings){.store = p.store,
                                                           .batch = 8,
                                                           .norm = bal_pixel_sums_norm(
                                                               bal_image_store_sums(p.store), 3)}));
    const int64_t *items = bal_dataset_items(f->data, BAL_SPLIT_TRAIN);
    int32_t *labels = malloc((size_t)f->train_items * sizeof *labels);
    for (int64_t i = 0; i < f->train_items; i++)
        labels[i] = bal_dataset_label(f->data, items[i]);
    test_ok(f->ctx, bal_sampler_open(&p.sampler, f->ctx,
                                     &(bal_sampler_settings){.name = "class-balanced",
                                                             .classes = STAGE_CLASSES,
                                                             .items = f->train_items,
                                                             .labels = labels,
                                                             .seed = f->settings.seed}));
    free(labels);
    p.items = malloc((size_t)f->train_items * sizeof *p.items);
    test_ok(f->ctx, bal_sampler_draw(p.sampler, 2, 3, p.items));
    for (int64_t i = 0; i < f->train_items; i++)
        p.items[i] = items[p.items[i]];
    return p;
}

static void close_pass(pass *p)
{
    bal_sampler_close(&p->sampler);
    bal_loader_close(&p->loader);
    bal_image_store_close(&p->store);
    bal_plan_close(&p->plan);
    bal_graph_close(&p->graph);
    free(p->items);
}

/* What a batch says is told by how far it moves the statistics: new = 0.9 old + 0.1 batch. */
static void statistics_are_means_over_batches(void **state)
{
    stage_runs *f = *state;
    f->keep = 2;
    for (int e = 0; bal_engine_at(e); e++) {
        f->settings.engine = bal_engine_at(e)->name;
        test_ok(f->ctx, stage_train(f, "batch_size: 8\nepochs: 2\noptimizer: {lr: 0.05}\n"
                                       "stages:\n"
                                       "  - {epochs: 100%, augment: {crop_padding: 1}}\n"
                                       "  - {epochs: 0, begin: reestimate-norm, train: head,\n"
                                       "     norm: frozen, sampler: class-balanced,\n"
                                       "     augment: {crop_padding: 0, hflip: 0}}\n"));
        bal_weights *last = stage_read(f, "last.safetensors");
        pass p = open_pass(f, f->kept);
        const int params = bal_graph_params(p.graph);
        double *sums[64];
        float before[64], after[64];
        int batches = 0, checked = 0;
        assert_in_range(params, 1, 64);
        for (int i = 0; i < params; i++)
            sums[i] = calloc(64, sizeof *sums[i]);
        bal_loader_begin(p.loader, &(bal_loader_pass){.items = p.items, .count = f->train_items});
        for (bal_loader_batch batch;; batches++) {
            test_ok(f->ctx, bal_loader_next(p.loader, &batch));
            if (batch.count == 0)
                break;
            float *old = calloc((size_t)params * 64, sizeof *old);
            for (int i = 0; i < params; i++)
                if (!bal_graph_param(p.graph, i)->learned)
                    test_ok(f->ctx,
                            bal_plan_read_param(p.plan, i, BAL_PARAM_VALUE, old + (size_t)i * 64));
            test_ok(f->ctx,
                    bal_plan_forward(p.plan,
                                     &(bal_forward){.inputs = (const float *const[]){batch.images},
                                                    .batch = batch.count,
                                                    .training = true}));
            for (int i = 0; i < params; i++) {
                const bal_param_info *info = bal_graph_param(p.graph, i);
                if (info->learned)
                    continue;
                test_ok(f->ctx, bal_plan_read_param(p.plan, i, BAL_PARAM_VALUE, after));
                for (int64_t k = 0; k < info->count; k++)
                    sums[i][k] += ((double)after[k] - 0.9 * old[(size_t)i * 64 + (size_t)k]) / 0.1;
            }
            free(old);
        }
        assert_true(batches >= 4);
        for (int i = 0; i < params; i++) {
            const bal_param_info *info = bal_graph_param(p.graph, i);
            const float *got = bal_weights_find(last, info->name)->data;
            if (info->learned) {
                assert_true(stage_same_bits(bal_weights_find(f->kept, info->name),
                                            bal_weights_find(last, info->name)));
                continue;
            }
            for (int64_t k = 0; k < info->count; k++)
                before[k] = (float)(sums[i][k] / batches);
            test_close(info->name, before, got, info->count, 1e-4);
            checked++;
        }
        assert_int_equal(checked, 14);
        for (int i = 0; i < params; i++)
            free(sums[i]);
        close_pass(&p);
        bal_weights_close(&last);
    }
}

static const char two_stages[] = "batch_size: 8\nepochs: 4\noptimizer: {lr: 0.05}\n"
                                 "stages:\n"
                                 "  - {epochs: 50%%, augment: {crop_padding: 1}}\n"
                                 "  - {epochs: 50%%, augment: {crop_padding: 1}, %s}\n";

static void frozen_norms_do_not_move(void **state)
{
    stage_runs *f = *state;
    f->keep = 2;
    for (int e = 0; bal_engine_at(e); e++) {
        char recipe[512];
        f->settings.engine = bal_engine_at(e)->name;
        snprintf(recipe, sizeof recipe, two_stages, "train: head, norm: frozen");
        test_ok(f->ctx, stage_train(f, recipe));
        bal_weights *last = stage_read(f, "last.safetensors");
        assert_int_equal(stage_expect_same(f->kept, last, "[!f]*"), BACKBONE);
        stage_expect_moved(f->kept, last, "fc.*");
        bal_weights_close(&last);

        snprintf(recipe, sizeof recipe, two_stages, "train: head, norm: batch");
        test_ok(f->ctx, stage_train(f, recipe));
        last = stage_read(f, "last.safetensors");
        stage_expect_moved(f->kept, last, "*running_*");
        bal_weights_close(&last);

        /* norms that learn use the batch, and what lies in front of the frozen ones learns too */
        snprintf(recipe, sizeof recipe, two_stages,
                 "freeze: [\"layer2*bn*\", layer3.0.bn2.bias], norm: frozen");
        test_ok(f->ctx, stage_train(f, recipe));
        last = stage_read(f, "last.safetensors");
        assert_int_equal(stage_expect_same(f->kept, last, "layer2*bn*"), 8);
        stage_expect_moved(f->kept, last, "layer1*");
        stage_expect_moved(f->kept, last, "layer3*bn*running*"); /* half frozen is not frozen */
        stage_expect_moved(f->kept, last, "layer2*conv*");
        bal_weights_close(&last);
    }
}

/* ---- MaxNorm ---- */

static void rows_are_cut_to_the_bound(void **state)
{
    stage_runs *f = *state;
    for (int e = 0; bal_engine_at(e); e++) {
        f->settings.engine = bal_engine_at(e)->name;
        test_ok(f->ctx, stage_train(f, "batch_size: 8\nepochs: 1\nstages: [{lr: 1e-9}]\n"));
        bal_weights *last = stage_read(f, "last.safetensors");
        pass p = open_pass(f, last);
        const float *before = bal_weights_find(last, "fc.weight")->data;
        double norms[STAGE_CLASSES], bound = 0.0;
        for (int j = 0; j < STAGE_CLASSES; j++) {
            norms[j] = stage_norm(before + j * FEATURES);
            bound += norms[j] / STAGE_CLASSES; /* some are above the mean, some below */
        }
        test_ok(f->ctx, bal_stage_project(p.plan, bound));
        float after[ROWS];
        test_ok(f->ctx, bal_plan_read_param(p.plan, bal_graph_find_param(p.graph, "fc.weight"),
                                            BAL_PARAM_VALUE, after));
        int cut = 0;
        for (int j = 0; j < STAGE_CLASSES; j++) {
            const size_t bytes = FEATURES * sizeof(float);
            if (norms[j] <= bound) {
                assert_memory_equal(before + j * FEATURES, after + j * FEATURES, bytes);
                continue;
            }
            cut++;
            test_near("norm", bound, stage_norm(after + j * FEATURES), 1e-6 * bound);
            for (int i = 0; i < FEATURES; i++) /* the same direction */
                test_near("row", before[j * FEATURES + i] / norms[j],
                          after[j * FEATURES + i] / bound, 1e-6);
        }
        assert_in_range(cut, 1, STAGE_CLASSES - 1);
        close_pass(&p);
        bal_weights_close(&last);

        test_ok(f->ctx, stage_train(f, "batch_size: 8\nepochs: 3\noptimizer: {lr: 0.05}\n"
                                       "stages: [{epochs: 1}, {epochs: 2, max_norm: 0.3}]\n"));
        last = stage_read(f, "last.safetensors");
        double largest = 0.0;
        for (int j = 0; j < STAGE_CLASSES; j++)
            largest =
                fmax(largest, stage_norm(bal_weights_find(last, "fc.weight")->data + j * FEATURES));
        assert_true(largest <= 0.3 * (1 + 1e-6) && largest > 0.29);
        bal_weights_close(&last);
    }
}

/* ---- what cannot work ---- */

static void impossible_stages_are_told(void **state)
{
    stage_runs *f = *state;
    f->settings.overwrite = false;
    f->settings.out = test_path(f->folder, "never");
    static const struct {
        const char *recipe, *words;
    } cases[] = {
        {"epochs: 4\nstages:\n- {epochs: 100%, freeze: fc.weight, max_norm: 1}\n",
         ":3: max_norm bounds the rows of fc.weight after every step, but stages[0] does not"},
        {"epochs: 4\nstages:\n- {epochs: 100%}\n- {epochs: 0, begin: zero-bias, max_norm: 1}\n",
         ":4: max_norm bounds"},
        {"epochs: 4\nstages:\n- {freeze: \"*\"}\n", ":3: stages[0] trains nothing"},
        {"epochs: 4\nstages:\n- {epochs: 4}\n- {epochs: 0}\n", ":4: stages[1] has no epochs"},
        {"epochs: 4\nstages:\n- {begin: reinithead}\n",
         ":3: unknown action \"reinithead\"; did you mean \"reinit-head\"?"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++)
        test_fails(f->ctx, stage_train(f, cases[i].recipe), BAL_MISMATCH, cases[i].words, NULL);
    assert_false(test_exists(test_path(f->folder, "never")));
}

/* ---- the best epoch ---- */

static void the_last_stage_can_be_the_product(void **state)
{
    stage_runs *f = *state;
    /* the second stage spoils the head, so only `select` can make it the best */
    static const char recipe[] = "batch_size: 8\nepochs: 6\noptimizer: {lr: 0.05}\nselect: %s\n"
                                 "stages:\n"
                                 "  - {epochs: 5, augment: {crop_padding: 0}}\n"
                                 "  - {epochs: 1, train: head, lr: 1e-9, begin: reinit-head}\n";
    char text[512];
    bal_train_result result;
    for (int last = 0; last < 2; last++) {
        snprintf(text, sizeof text, recipe, last ? "last-stage" : "best");
        f->settings.patience = 0;
        test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data,
                                                            .recipe = text,
                                                            .settings = &f->settings,
                                                            .result = &result}));
        assert_int_equal(last ? 6 : 5, last ? result.best_epoch : 5);
        if (!last)
            assert_in_range(result.best_epoch, 1, 5);
    }
    f->settings.patience = 2; /* does not run out before the stage that may be chosen */
    test_ok(f->ctx, stage_train(f, text));
    assert_int_equal(f->epochs, 6);
    f->settings.patience = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_head_is_a_function_of_seed_and_stage,
                                        stage_runs_set_up, stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(bias_and_momentum_become_zero, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(class_means_are_the_nearest_mean, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(statistics_are_means_over_batches, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(frozen_norms_do_not_move, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(rows_are_cut_to_the_bound, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(impossible_stages_are_told, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(the_last_stage_can_be_the_product, stage_runs_set_up,
                                        stage_runs_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
