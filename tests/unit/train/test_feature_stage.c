/* A stage that trains the head on resampled features: one step of it against the same computed here
 * from the network's features, and what it refuses. */
#include "helpers/stage_runs.h"

#include "ballast/balance.h"
#include "ballast/resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 64
#define ROWS (STAGE_CLASSES * FEATURES)
#define LR 0.3

typedef struct table {
    float *values;
    int32_t *labels;
    int64_t rows, counts[STAGE_CLASSES];
} table;

/* The resampled features of the training images by the run's last weights, whose backbone is that
 * of the stage. */
static table resampled(const stage_runs *f, const char *method)
{
    bal_predictor_settings s = bal_predictor_defaults();
    bal_model *model;
    s.run = f->run;
    s.last = true;
    s.engine = f->settings.engine;
    test_ok(f->ctx, bal_model_open(&model, f->ctx, &s));
    const size_t n = (size_t)f->train_items;
    float *features = malloc(n * FEATURES * sizeof *features);
    int32_t *labels = malloc(n * sizeof *labels);
    test_ok(f->ctx, bal_model_features(model, f->data,
                                       &(bal_feature_ask){.split = BAL_SPLIT_TRAIN,
                                                          .features = features,
                                                          .labels = labels}));
    bal_model_close(&model);
    bal_resample_settings how = bal_resample_defaults();
    how.method = method;
    how.seed = f->settings.seed;
    bal_resampled *rows;
    test_ok(f->ctx, bal_resample_open(&rows, f->ctx,
                                      &(bal_resample_data){.values = features,
                                                           .labels = labels,
                                                           .rows = f->train_items,
                                                           .columns = FEATURES},
                                      &how));
    table t = {.rows = bal_resampled_count(rows)};
    t.values = malloc((size_t)t.rows * FEATURES * sizeof *t.values);
    t.labels = malloc((size_t)t.rows * sizeof *t.labels);
    test_ok(f->ctx, bal_resampled_rows(rows, 0, t.rows, t.values, t.labels));
    for (int64_t i = 0; i < t.rows; i++)
        t.counts[t.labels[i]]++;
    bal_resampled_close(&rows);
    free(features);
    free(labels);
    return t;
}

static void close_table(table *t)
{
    free(t->values);
    free(t->labels);
}

/* W - lr times the gradient of the mean cross entropy over the rows drawn, of log n_j + W x + b. */
static void step_by_hand(const stage_runs *f, const table *t, const int64_t *draws, float *w,
                         float *b)
{
    double gw[ROWS] = {0}, gb[STAGE_CLASSES] = {0};
    for (int64_t i = 0; i < f->train_items; i++) {
        const float *x = t->values + draws[i] * FEATURES;
        double z[STAGE_CLASSES], sum = 0.0;
        for (int j = 0; j < STAGE_CLASSES; j++) {
            z[j] = b[j] + log((double)t->counts[j]);
            for (int k = 0; k < FEATURES; k++)
                z[j] += (double)w[j * FEATURES + k] * x[k];
            sum += exp(z[j]);
        }
        for (int j = 0; j < STAGE_CLASSES; j++) {
            const double d = exp(z[j]) / sum - (t->labels[draws[i]] == j);
            gb[j] += d / (double)f->train_items;
            for (int k = 0; k < FEATURES; k++)
                gw[j * FEATURES + k] += d * x[k] / (double)f->train_items;
        }
    }
    for (int j = 0; j < ROWS; j++)
        w[j] = (float)(w[j] - LR * gw[j]);
    for (int j = 0; j < STAGE_CLASSES; j++)
        b[j] = (float)(b[j] - LR * gb[j]);
}

/* balanced-softmax reads the counts, which must be those after resampling. */
static void a_step_on_features_is_that_by_hand(void **state)
{
    stage_runs *f = *state;
    static const char *const methods[] = {"smote", "eos", "random-over", "random-under", "enn"};
    for (int e = 0; bal_engine_at(e); e++)
        for (size_t m = 0; m < BAL_COUNT_OF(methods); m++) {
            char recipe[512];
            f->settings.engine = bal_engine_at(e)->name;
            f->settings.seed = 3 + m;
            f->keep = 2;
            snprintf(recipe, sizeof recipe,
                     "batch_size: %lld\nepochs: 3\n"
                     "optimizer: {momentum: 0, weight_decay: 0, lr: %g}\n"
                     "schedule: {name: constant, warmup: 0}\n"
                     "stages:\n"
                     "  - {epochs: 2}\n"
                     "  - {epochs: 1, train: head, features: %s, sampler: class-balanced,\n"
                     "     loss: {name: balanced-softmax}}\n",
                     (long long)f->train_items, LR, methods[m]);
            test_ok(f->ctx, stage_train(f, recipe));
            bal_weights *last = stage_read(f, "last.safetensors");
            stage_expect_same(f->kept, last, "[!f]*"); /* running statistics included */
            table t = resampled(f, methods[m]);
            bal_sampler_settings draw = bal_sampler_defaults();
            bal_sampler *sampler;
            draw.name = "class-balanced";
            draw.classes = STAGE_CLASSES;
            draw.items = t.rows;
            draw.labels = t.labels;
            draw.length = f->train_items;
            draw.seed = f->settings.seed;
            test_ok(f->ctx, bal_sampler_open(&sampler, f->ctx, &draw));
            int64_t *draws = malloc((size_t)f->train_items * sizeof *draws);
            test_ok(f->ctx, bal_sampler_draw(sampler, 2, 3, draws));
            int64_t drawn[STAGE_CLASSES] = {0};
            for (int64_t i = 0; i < f->train_items; i++)
                drawn[t.labels[draws[i]]]++;
            assert_memory_equal(drawn, f->drawn[2], sizeof drawn);
            float w[ROWS], b[STAGE_CLASSES];
            memcpy(w, bal_weights_find(f->kept, "fc.weight")->data, sizeof w);
            memcpy(b, bal_weights_find(f->kept, "fc.bias")->data, sizeof b);
            step_by_hand(f, &t, draws, w, b);
            test_close("fc.weight", w, bal_weights_find(last, "fc.weight")->data, ROWS, 1e-5);
            test_close("fc.bias", b, bal_weights_find(last, "fc.bias")->data, STAGE_CLASSES, 1e-4);
            bal_sampler_close(&sampler);
            bal_weights_close(&last);
            close_table(&t);
            free(draws);
        }
}

static void what_cannot_work_is_told(void **state)
{
    stage_runs *f = *state;
    f->settings.overwrite = false;
    f->settings.out = test_path(f->folder, "never");
    static const struct {
        const char *stage, *words;
    } rows[] = {
        {"{features: smote}", ":2: features smote: stages[0] trains conv1.weight, which makes"},
        {"{features: smoto, train: head}",
         ":2: features: unknown resampler \"smoto\"; did you mean \"smote\"?"},
        {"{features: smote, train: head, mix: {name: mixup}}", ":2: features smote: the stage"},
        {"{epochs: 0, begin: zero-bias, features: smote}", ":2: features smote: a stage without"},
        {"{features: smote, train: head}\noptimizer: {swa_start: 50%}\n", "swa_start"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char recipe[512];
        snprintf(recipe, sizeof recipe, "stages:\n- %s\n", rows[i].stage);
        test_fails(f->ctx, stage_train(f, recipe), BAL_MISMATCH, rows[i].words, NULL);
    }
    assert_false(test_exists(test_path(f->folder, "never")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_on_features_is_that_by_hand, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_work_is_told, stage_runs_set_up,
                                        stage_runs_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
