/* What losses have besides a formula: a state that is given out and taken back, random draws, and
 * what they refuse. */
#include "helpers/helpers.h"

#include "ballast/loss.h"
#include "base/random.h"
#include "helpers/near.h"
#include "train/loss_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES = 5, SAMPLES = 6, BATCHES = 8 };
static const int64_t counts[CLASSES] = {700, 90, 40, 8, 2};

static bal_loss *open_loss(bal_ctx *ctx, const char *name)
{
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = name;
    settings.classes = CLASSES;
    settings.counts = counts;
    bal_loss *loss;
    test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
    return loss;
}

typedef struct random_batch {
    float logits[SAMPLES * CLASSES];
    int32_t labels[SAMPLES];
} random_batch;

static bal_loss_batch batch_of(random_batch *b, int number)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 7, (uint64_t)number);
    for (int i = 0; i < SAMPLES * CLASSES; i++)
        b->logits[i] = (float)(3.0 * bal_random_normal(&r));
    for (int i = 0; i < SAMPLES; i++) /* the first class most often */
        b->labels[i] = (int32_t)(bal_random_below(&r, CLASSES) * bal_random_below(&r, 2));
    return (bal_loss_batch){.samples = SAMPLES, .logits = b->logits, .labels = b->labels};
}

static double step(bal_ctx *ctx, bal_loss *loss, int number, float *gradient)
{
    random_batch memory;
    const bal_loss_batch batch = batch_of(&memory, number);
    double value;
    test_ok(ctx, bal_loss_observe(loss, ctx, &batch));
    test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, gradient));
    return value;
}

/* A sequence that is broken off after each batch, its state carried by the file of a run to another
 * handle, has the same bits as one that is not. */
static void a_state_goes_on_bit_for_bit(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_loss *whole = open_loss(ctx, "seesaw"), *fresh = open_loss(ctx, "seesaw");
    bal_loss *part = open_loss(ctx, "seesaw");
    double differences = 0.0, seen[CLASSES], sum = 0.0;
    for (int i = 0; i < BATCHES; i++) {
        float a[SAMPLES * CLASSES], b[SAMPLES * CLASSES], c[SAMPLES * CLASSES];
        const double want = step(ctx, whole, i, a), got = step(ctx, part, i, b);
        assert_memory_equal(&want, &got, sizeof want);
        assert_memory_equal(a, b, sizeof a);
        bal_loss *anew = open_loss(ctx, "seesaw");
        differences += fabs(step(ctx, anew, i, c) - want);
        bal_loss_close(&anew);
        bal_weights *file;
        test_ok(ctx, bal_weights_open(&file, ctx));
        test_ok(ctx, bal_loss_state_save(part, ctx, 3, file));
        bal_loss_close(&part);
        part = open_loss(ctx, "seesaw");
        test_ok(ctx, bal_loss_state_restore(part, ctx, 3, file, "run"));
        /* another stage has its own */
        test_ok(ctx, bal_loss_state_restore(fresh, ctx, 2, file, "run"));
        bal_weights_close(&file);
    }
    assert_true(differences > 0.1); /* the state matters */
    bal_loss_get_state(whole, seen);
    for (int j = 0; j < CLASSES; j++)
        sum += seen[j];
    assert_true(sum == SAMPLES * BATCHES);
    bal_loss_get_state(fresh, seen);
    for (int j = 0; j < CLASSES; j++)
        assert_true(seen[j] == 0.0);
    bal_loss_close(&whole);
    bal_loss_close(&fresh);
    bal_loss_close(&part);
    bal_ctx_close(&ctx);
}

static void damaged_states_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_loss *loss = open_loss(ctx, "seesaw"), *plain = open_loss(ctx, "ce");
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"{", "no JSON"},
        {"[]", "no stage and numbers"},
        {"{\"stage\": 1}", "no stage and numbers"},
        {"{\"stage\": \"1\", \"state\": [1, 2, 3, 4, 5]}", "no stage and numbers"},
        {"{\"stage\": 1, \"state\": [1, 2, 3, 4]}", "has 4 numbers, not 5"},
        {"{\"stage\": 1, \"state\": [1, 2, null, 4, 5]}", "not all numbers"},
        {"{\"stage\": 1, \"state\": [1, 2, -3, 4, 5]}",
         "number 2 of the state of loss seesaw is -3"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++) {
        bal_weights *file;
        test_ok(ctx, bal_weights_open(&file, ctx));
        test_ok(ctx, bal_weights_set_metadata(file, "ballast.loss", wrong[i].text));
        test_fails(ctx, bal_loss_state_restore(loss, ctx, 1, file, "a-run"), BAL_BAD_FILE,
                   wrong[i].words, "a-run", NULL);
        bal_weights_close(&file);
    }
    const double numbers[CLASSES] = {1, 2, 3, 4, 5};
    test_fails(ctx, bal_loss_set_state(plain, ctx, numbers, CLASSES), BAL_BAD_ARG, "loss ce has 0",
               NULL);
    test_ok(ctx, bal_loss_set_state(plain, ctx, NULL, 0));
    bal_loss_close(&loss);
    bal_loss_close(&plain);
    bal_ctx_close(&ctx);
}

/* Draws depend on seed, epoch and item alone, not on how a run is cut into batches. */
static void draws_are_a_function_of_the_place(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const char *const names[] = {"seql", "gcl"};
    for (int n = 0; n < 2; n++) {
        enum { MANY = 4000 };
        static float whole[MANY * CLASSES], part[MANY * CLASSES];
        bal_loss *loss = open_loss(ctx, names[n]);
        bal_loss_draw(loss, &(bal_loss_place){5, 2, 100}, MANY, whole);
        bal_loss_draw(loss, &(bal_loss_place){5, 2, 100}, 37, part);
        bal_loss_draw(loss, &(bal_loss_place){5, 2, 137}, MANY - 37, part + 37 * CLASSES);
        assert_memory_equal(whole, part, sizeof whole);
        double sum = 0.0, square = 0.0;
        for (int i = 0; i < MANY * CLASSES; i++) {
            sum += (double)whole[i];
            square += (double)whole[i] * (double)whole[i];
        }
        const double mean = sum / (MANY * CLASSES), power = square / (MANY * CLASSES);
        test_near("mean", n ? 0.0 : 0.5, mean, 0.03); /* 4 standard errors and more */
        test_near("square", n ? 1.0 : 1.0 / 3.0, power, 0.045);
        bal_loss_draw(loss, &(bal_loss_place){5, 3, 100}, MANY, part);
        assert_memory_not_equal(whole, part, sizeof whole);
        bal_loss_draw(loss, &(bal_loss_place){6, 2, 100}, MANY, part);
        assert_memory_not_equal(whole, part, sizeof whole);
        bal_loss_close(&loss);
    }
    bal_ctx_close(&ctx);
}

static void what_is_missing_or_not_taken_is_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    random_batch memory;
    const float targets[SAMPLES * CLASSES] = {0.5f, 0.5f};
    const bal_loss_info *info;
    int soft = 0;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        bal_loss *loss = open_loss(ctx, info->name);
        bal_loss_batch batch = batch_of(&memory, 0);
        double value;
        if (info->draws != BAL_DRAWS_NONE || info->needs_features)
            test_fails(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, NULL), BAL_BAD_ARG,
                       info->name, info->needs_features ? "norms of the features" : "draws", NULL);
        batch.labels = NULL;
        batch.targets = targets;
        batch.samples = 1;
        batch.draws = memory.logits;
        batch.feature_norms = targets;
        if (info->takes_soft_targets)
            test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, NULL));
        else
            test_fails(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, NULL), BAL_BAD_ARG,
                       info->name, "takes labels", NULL);
        soft += info->takes_soft_targets;
        assert_true(bal_loss_describe(loss) == info && bal_loss_find(info->name) == info);
        bal_loss_close(&loss);
        bal_loss_settings settings = bal_loss_defaults();
        settings.name = info->name;
        settings.classes = CLASSES;
        settings.counts = counts;
        settings.label_smoothing = 0.98; /* that of LOS (Sun et al. 2025) */
        if (info->no_smoothing)
            test_fails(ctx, bal_loss_open(&loss, ctx, &settings), BAL_BAD_ARG, info->no_smoothing,
                       NULL);
        else
            test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
        bal_loss_close(&loss);
        /* soft targets are what smoothing makes */
        assert_true(info->takes_soft_targets || info->no_smoothing);
    }
    assert_true(soft > 10);
    assert_null(bal_loss_find("cee"));
    assert_null(bal_loss_find(NULL));
    bal_ctx_close(&ctx);
}

/* A class without images: an error where the formula divides by its count, else a number. */
static void absent_classes(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const char *const refused[] = {
        "ldam", "balanced-softmax", "logit-adjusted", "vs", "cdt", "lade", "gcl"};
    const int64_t gap[CLASSES] = {700, 90, 0, 8, 2}, none[CLASSES] = {0};
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        bool refuses = false;
        for (size_t k = 0; k < BAL_COUNT_OF(refused); k++)
            refuses = refuses || strcmp(refused[k], info->name) == 0;
        bal_loss_settings settings = bal_loss_defaults();
        settings.name = info->name;
        settings.classes = CLASSES;
        settings.counts = gap;
        bal_loss *loss;
        if (refuses)
            test_fails(ctx, bal_loss_open(&loss, ctx, &settings), BAL_BAD_ARG, "class 2 has 0",
                       info->name, NULL);
        else
            test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
        bal_loss_close(&loss);
        settings.counts = none;
        if (info->needs_counts)
            test_fails(ctx, bal_loss_open(&loss, ctx, &settings), BAL_BAD_ARG, "training images",
                       NULL);
    }
    bal_ctx_close(&ctx);
}

/* Two classes seen 4 and 1 times, logits 0: the rarer one counts (1/4)^p in the other's
 * denominator, the other one in full in its own. */
static void seesaw_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = "seesaw";
    settings.classes = 2;
    bal_loss *loss;
    test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
    const double seen[2] = {4.0, 1.0}, z[2] = {0.0, 0.0}, first[2] = {1, 0}, second[2] = {0, 1};
    test_ok(ctx, bal_loss_set_state(loss, ctx, seen, 2));
    test_near("frequent", log(1.0 + pow(0.25, 0.8)),
              bal_loss_sample(loss, &(bal_loss_point){.logits = z, .target = first}, NULL), 1e-15);
    test_near("rare", log(2.0),
              bal_loss_sample(loss, &(bal_loss_point){.logits = z, .target = second}, NULL), 1e-15);
    /* ahead by log 3: probability 3/4 to 1/4, so (3)^2 of compensation */
    const double ahead[2] = {0.0, log(3.0)};
    test_near("compensated", log(1.0 + 3.0 * 9.0 * pow(0.25, 0.8)),
              bal_loss_sample(loss, &(bal_loss_point){.logits = ahead, .target = first}, NULL),
              1e-14);
    bal_loss_close(&loss);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_goes_on_bit_for_bit),
        cmocka_unit_test(damaged_states_are_named),
        cmocka_unit_test(draws_are_a_function_of_the_place),
        cmocka_unit_test(what_is_missing_or_not_taken_is_refused),
        cmocka_unit_test(absent_classes),
        cmocka_unit_test(seesaw_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
