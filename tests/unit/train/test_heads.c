/* Heads: what their formulas say of a trained model's features and weights is what the network
 * says; at the start all but the cosine are a linear layer; the second stage learns what it should.
 */
#include "helpers/stage_runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 64

typedef struct formula {
    const char *head, *first, *second; /* what the first stage freezes and the second trains */
    double (*logit)(const bal_weights *w, const float *f, int j);
} formula;

static float at(const bal_weights *w, const char *name, int i)
{
    return bal_weights_find(w, name)->data[i];
}

static double product(const bal_weights *w, const float *f, int j)
{
    double sum = bal_weights_find(w, "fc.bias") ? at(w, "fc.bias", j) : 0.0;
    for (int i = 0; i < FEATURES; i++)
        sum += (double)at(w, "fc.weight", j * FEATURES + i) * f[i];
    return sum;
}

static double norm(const bal_weights *w, int j)
{
    double sum = 0.0;
    for (int i = 0; i < FEATURES; i++)
        sum += pow(at(w, "fc.weight", j * FEATURES + i), 2.0);
    return sqrt(sum);
}

static double scaled(const bal_weights *w, const float *f, int j)
{
    return at(w, "fc.scale", j) * product(w, f, j);
}

static double marc(const bal_weights *w, const float *f, int j)
{
    return at(w, "fc.omega", j) * product(w, f, j) + at(w, "fc.beta", j) * norm(w, j);
}

static double disalign(const bal_weights *w, const float *f, int j)
{
    double sum = at(w, "fc.confidence_bias", 0);
    for (int i = 0; i < FEATURES; i++)
        sum += (double)at(w, "fc.confidence", i) * f[i];
    const double c = 1.0 / (1.0 + exp(-sum));
    return (1.0 + c * at(w, "fc.alpha", j)) * product(w, f, j) + c * at(w, "fc.beta", j);
}

static const formula formulas[] = {
    {"linear", "fc.bias", "head", product},
    {"lws", "fc.scale", "fc.scale", scaled},
    {"lws-bias", "fc.scale", "head", scaled},
    {"marc", "[fc.omega, fc.beta]", "[fc.omega, fc.beta]", marc},
    {"disalign", "[fc.alpha, fc.beta, \"fc.confidence*\"]",
     "[fc.alpha, fc.beta, \"fc.confidence*\"]", disalign},
};

/* Logits of the training split by the formula and by the network, of a weights file of the run. */
static void formula_is_the_network(const stage_runs *f, const formula *h, bool last)
{
    bal_predictor_settings s = bal_predictor_defaults();
    bal_model *model;
    s.run = f->run;
    s.last = last;
    s.engine = f->settings.engine;
    test_ok(f->ctx, bal_model_open(&model, f->ctx, &s));
    const size_t n = (size_t)f->train_items;
    float *features = malloc(n * FEATURES * sizeof *features),
          *logits = malloc(n * STAGE_CLASSES * sizeof *logits),
          *want = malloc(n * STAGE_CLASSES * sizeof *want);
    test_ok(f->ctx, bal_model_features(model, f->data,
                                       &(bal_feature_ask){.split = BAL_SPLIT_TRAIN,
                                                          .features = features,
                                                          .logits = logits}));
    bal_weights *w = stage_read(f, last ? "last.safetensors" : "best.safetensors");
    for (size_t i = 0; i < n * STAGE_CLASSES; i++)
        want[i] =
            (float)h->logit(w, features + i / STAGE_CLASSES * FEATURES, (int)(i % STAGE_CLASSES));
    test_close(h->head, want, logits, (int64_t)n * STAGE_CLASSES, 1e-5);
    bal_model_head head;
    const bal_status got = bal_model_get_head(model, &head);
    if (h->logit == disalign) /* is no linear function of the features */
        test_fails(f->ctx, got, BAL_UNSUPPORTED, "head", NULL);
    else {
        test_ok(f->ctx, got);
        for (size_t i = 0; i < n * STAGE_CLASSES; i++) {
            const size_t j = i % STAGE_CLASSES;
            double sum = head.bias ? head.bias[j] : 0.0;
            for (int k = 0; k < FEATURES; k++)
                sum += (double)head.weight[j * FEATURES + (size_t)k] *
                       features[i / STAGE_CLASSES * FEATURES + (size_t)k];
            want[i] = (float)sum;
        }
        test_close("head", want, logits, (int64_t)n * STAGE_CLASSES, 1e-5);
        bal_model_head_free(f->ctx, &head);
    }
    bal_weights_close(&w);
    bal_model_close(&model);
    free(features);
    free(logits);
    free(want);
}

static void formulas_hold_after_training(void **state)
{
    stage_runs *f = *state;
    char recipe[1024];
    for (int e = 0; bal_engine_at(e); e++)
        for (size_t k = 1; k < BAL_COUNT_OF(formulas); k++) {
            const formula *h = &formulas[k];
            f->settings.engine = bal_engine_at(e)->name;
            f->keep = 2;
            snprintf(recipe, sizeof recipe,
                     "head: %s\nbatch_size: 8\nepochs: 4\noptimizer: {lr: 0.05}\n"
                     "stages:\n"
                     "  - {epochs: 2, freeze: %s}\n"
                     "  - {epochs: 2, train: %s, norm: frozen, sampler: class-balanced, lr: 0.5}\n",
                     h->head, h->first, h->second);
            test_ok(f->ctx, stage_train(f, recipe));
            bal_weights *last = stage_read(f, "last.safetensors");
            stage_expect_same(f->kept, last, "[!f]*");
            const bool all = strcmp(h->second, "head") == 0;
            (all ? stage_expect_moved : stage_expect_same)(f->kept, last, "fc.weight");
            stage_expect_moved(f->kept, last, strstr(h->head, "lws") ? "fc.scale" : "fc.beta");
            formula_is_the_network(f, h, true);
            formula_is_the_network(f, h, false);
            bal_weights_close(&last);
        }
}

/* The first stage of every head is that of the linear one: the same draws give the same matrix. */
static void frozen_additions_change_nothing(void **state)
{
    stage_runs *f = *state;
    bal_weights *linear = NULL;
    for (size_t k = 0; k < BAL_COUNT_OF(formulas); k++) {
        const formula *h = &formulas[k];
        char recipe[512];
        snprintf(recipe, sizeof recipe,
                 "head: %s\nbatch_size: 8\nepochs: 2\noptimizer: {lr: 0.05}\nstages:\n"
                 "  - {freeze: %s}\n",
                 h->head, h->first);
        test_ok(f->ctx, stage_train(f, recipe));
        bal_weights *w = stage_read(f, "last.safetensors");
        if (k == 0) /* with its bias frozen at 0 it is the first stage of lws */
            linear = w;
        else if (k == 1)
            assert_true(stage_same_bits(bal_weights_find(linear, "fc.weight"),
                                        bal_weights_find(w, "fc.weight")) &&
                        stage_same_bits(bal_weights_find(linear, "conv1.weight"),
                                        bal_weights_find(w, "conv1.weight")));
        else if (k == 2) { /* with bias: what the next ones are compared with */
            bal_weights_close(&linear);
            linear = w;
        } else
            assert_true(stage_same_bits(bal_weights_find(linear, "fc.weight"),
                                        bal_weights_find(w, "fc.weight")) &&
                        stage_same_bits(bal_weights_find(linear, "fc.bias"),
                                        bal_weights_find(w, "fc.bias")));
        if (w != linear)
            bal_weights_close(&w);
    }
    bal_weights_close(&linear);
}

static void every_head_has_a_formula_here(void **state)
{
    (void)state;
    int count = 0;
    for (; bal_head_at(count); count++) {
        bool known = strcmp(bal_head_at(count)->name, "cosine") == 0; /* test_model_features */
        for (size_t k = 0; k < BAL_COUNT_OF(formulas); k++)
            known = known || strcmp(formulas[k].head, bal_head_at(count)->name) == 0;
        if (!known)
            fail_msg("head %s has no formula", bal_head_at(count)->name);
    }
    assert_int_equal(count, BAL_COUNT_OF(formulas) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(formulas_hold_after_training, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(frozen_additions_change_nothing, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test(every_head_has_a_formula_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
