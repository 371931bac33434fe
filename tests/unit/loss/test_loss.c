/* What the losses promise besides their gradients: reductions worked by hand, extreme logits,
 * targets, errors, allocation failures. */
#include "helpers/helpers.h"

#include "ballast/loss.h"
#include "helpers/near.h"

#include <math.h>
#include <string.h>

enum { CLASSES = 4 };
static const int64_t counts[CLASSES] = {1000, 100, 10, 1};

static bal_loss *open_loss(bal_ctx *ctx, const char *name, const double *weights,
                           bal_reduction reduction)
{
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = name;
    settings.classes = CLASSES;
    settings.counts = counts;
    settings.weights = weights;
    settings.reduction = reduction;
    bal_loss *loss;
    test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
    return loss;
}

static double compute(bal_ctx *ctx, const bal_loss *loss, const bal_loss_batch *batch,
                      double *per_sample, float *gradient)
{
    double value;
    test_ok(ctx, bal_loss_compute(loss, ctx, batch, &value, per_sample, gradient));
    return value;
}

/* With numbers that every loss can have for what it may read besides. */
static double sample(const bal_loss *loss, const double *logits, const double *target,
                     double *gradient)
{
    static const double draws[10] = {0.5, 0.1, 0.95, 0.2, 0.7, 0.3, 0.9, 0.4, 0.6, 0.8};
    const bal_loss_point at = {
        .logits = logits, .target = target, .draws = draws, .feature_norm = 3.0};
    return bal_loss_sample(loss, &at, gradient);
}

/* The example of loss.h: w = (1, 3), classes 0, 0, 1, plain losses 1, 2, 4. Two logits (0, d) have
 * the cross entropy log(1 + e^d) for class 0, so d = log(e^l - 1). */
static void three_samples_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double weights[2] = {1.0, 3.0};
    const float logits[6] = {0.0f,
                             (float)log(exp(1.0) - 1.0),
                             0.0f,
                             (float)log(exp(2.0) - 1.0),
                             (float)log(exp(4.0) - 1.0),
                             0.0f};
    const int32_t labels[3] = {0, 0, 1};
    const bal_loss_batch batch = {.samples = 3, .logits = logits, .labels = labels};
    const double want[2] = {5.0, 3.0};
    const double parts[3] = {1.0, 2.0, 12.0};
    for (int reduction = 0; reduction < 2; reduction++) {
        bal_loss_settings settings = bal_loss_defaults();
        settings.classes = 2;
        settings.weights = weights;
        settings.reduction = (bal_reduction)reduction;
        bal_loss *loss;
        test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
        double per_sample[3];
        test_near("value", want[reduction], compute(ctx, loss, &batch, per_sample, NULL), 1e-6);
        for (int i = 0; i < 3; i++)
            test_near("per_sample[i]", parts[i], per_sample[i], 1e-6);
        bal_loss_close(&loss);
    }
    bal_ctx_close(&ctx);
}

/* mean divides by the sum of the sample weights, weighted_mean by sum s_i w_y */
static void sample_weights_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double weights[2] = {1.0, 3.0};
    const float logits[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* every loss is log 2 */
    const float sample_weights[2] = {2.0f, 0.5f};
    const int32_t labels[2] = {0, 1};
    const bal_loss_batch batch = {
        .samples = 2, .logits = logits, .labels = labels, .sample_weights = sample_weights};
    const double want[2] = {(2.0 + 1.5) / 2.5 * log(2.0), log(2.0)};
    for (int reduction = 0; reduction < 2; reduction++) {
        bal_loss_settings settings = bal_loss_defaults();
        settings.classes = 2;
        settings.weights = weights;
        settings.reduction = (bal_reduction)reduction;
        bal_loss *loss;
        test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
        test_near("value", want[reduction], compute(ctx, loss, &batch, NULL, NULL), 1e-12);
        bal_loss_close(&loss);
    }
    bal_ctx_close(&ctx);
}

/* Class weights must not change the focal factor: twice the weight is twice the loss. */
static void class_weight_leaves_the_focal_factor_alone(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double weights[CLASSES] = {1.0, 7.0, 0.25, 2.0};
    bal_loss *plain = open_loss(ctx, "focal", NULL, BAL_REDUCE_MEAN);
    bal_loss *weighted = open_loss(ctx, "focal", weights, BAL_REDUCE_MEAN);
    const float logits[CLASSES] = {0.3f, -0.2f, 1.5f, 0.9f};
    for (int32_t y = 0; y < CLASSES; y++) {
        const bal_loss_batch batch = {.samples = 1, .logits = logits, .labels = &y};
        const double l = compute(ctx, plain, &batch, NULL, NULL);
        assert_true(l > 0.0);
        test_near("value", weights[y] * l, compute(ctx, weighted, &batch, NULL, NULL), 1e-12);
    }
    bal_loss_close(&plain);
    bal_loss_close(&weighted);
    bal_ctx_close(&ctx);
}

/* CIFAR-10 cut to exp:100: margins .1581 (head) to .5 (tail). At equal logits of C classes the loss
 * of class y is log(1 + (C - 1) e^(s m_y)), which shows the margin. */
static void ldam_margins_of_long_tailed_cifar(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t cifar[10] = {5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50};
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = "ldam";
    settings.classes = 10;
    settings.counts = cifar;
    settings.s = 1.0;
    bal_loss *loss;
    test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
    const double logits[10] = {0};
    for (int y = 0; y < 10; y++) {
        double target[10] = {0};
        target[y] = 1.0;
        const double l = sample(loss, logits, target, NULL);
        const double margin = log((exp(l) - 1.0) / 9.0);
        test_near("margin", 0.5 / sqrt(sqrt((double)cifar[y] / 50.0)), margin, 1e-12);
        if (y == 0)
            test_near("margin", 0.1581, margin, 5e-5);
        if (y == 9)
            test_near("margin", 0.5, margin, 1e-12);
    }
    bal_loss_close(&loss);
    bal_ctx_close(&ctx);
}

/* Logits of any size give numbers, for every loss, label and a soft target. */
static void extreme_logits_give_numbers(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const float sizes[] = {0.0f, 1e-30f, 50.0f, 800.0f, 1e4f, 1e30f, 3e38f};
    static const float shapes[][CLASSES] = {
        {1, -1, 0, 0.5f}, {-1, 1, 1, 1}, {1, 1, 1, 1}, {-1, -1, -1, 1}};
    const float soft[CLASSES] = {0.1f, 0.2f, 0.3f, 0.4f};
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        bal_loss *loss = open_loss(ctx, info->name, NULL, BAL_REDUCE_MEAN);
        for (size_t n = 0; n < BAL_COUNT_OF(sizes) * BAL_COUNT_OF(shapes); n++)
            for (int32_t y = 0; y < CLASSES + info->takes_soft_targets; y++) {
                float logits[CLASSES], gradient[CLASSES];
                for (int k = 0; k < CLASSES; k++)
                    logits[k] =
                        sizes[n / BAL_COUNT_OF(shapes)] * shapes[n % BAL_COUNT_OF(shapes)][k];
                const float draws[CLASSES] = {0.1f, 0.99f, 0.5f, 0.0f}, norm = 12.5f;
                const bal_loss_batch batch = {.samples = 1,
                                              .logits = logits,
                                              .labels = y < CLASSES ? &y : NULL,
                                              .targets = y < CLASSES ? NULL : soft,
                                              .draws = draws,
                                              .feature_norms = &norm};
                const double value = compute(ctx, loss, &batch, NULL, gradient);
                /* the estimate of lade may be above what it subtracts it from */
                assert_true(isfinite(value) && (value >= 0.0 || strcmp(info->name, "lade") == 0));
                for (int k = 0; k < CLASSES; k++)
                    assert_true(isfinite(gradient[k]));
            }
        bal_loss_close(&loss);
    }
    bal_ctx_close(&ctx);
}

/* A label smoothed by the settings is the soft target (1 - eps) t + eps / C. */
static void smoothing_is_a_soft_target(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double weights[CLASSES] = {0.5, 1.0, 2.0, 4.0};
    const double logits[CLASSES] = {0.4, -1.0, 2.0, 0.0};
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        bal_loss_settings settings = bal_loss_defaults();
        settings.name = info->name;
        settings.classes = CLASSES;
        settings.counts = counts;
        settings.weights = weights;
        bal_loss *plain, *smooth;
        if (info->no_smoothing || info->own_smoothing)
            continue;
        test_ok(ctx, bal_loss_open(&plain, ctx, &settings));
        settings.label_smoothing = 0.2;
        test_ok(ctx, bal_loss_open(&smooth, ctx, &settings));
        const double hard[CLASSES] = {0, 0, 1, 0}, soft[CLASSES] = {0.05, 0.05, 0.85, 0.05};
        double a[CLASSES], b[CLASSES], sum = 0.0;
        test_near("value", sample(plain, logits, soft, b), sample(smooth, logits, hard, a), 1e-12);
        for (int k = 0; k < CLASSES; k++) {
            double one[CLASSES] = {0};
            one[k] = 1.0;
            sum += soft[k] * sample(plain, logits, one, NULL);
            test_near("a[k]", b[k], a[k], 1e-12);
        }
        test_near("value", sum, sample(plain, logits, soft, NULL), 1e-12);
        bal_loss_close(&plain);
        bal_loss_close(&smooth);
    }
    bal_ctx_close(&ctx);
}

/* Where no sample has weight the value and slope are 0, not 0 / 0. */
static void nothing_to_average_is_zero(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double weights[CLASSES] = {0.0, 1.0, 1.0, 1.0};
    const float logits[CLASSES] = {1.0f, 2.0f, 3.0f, 4.0f};
    const int32_t label = 0;
    float gradient[CLASSES];
    bal_loss *loss = open_loss(ctx, "ce", weights, BAL_REDUCE_WEIGHTED_MEAN);
    const bal_loss_batch batch = {.samples = 1, .logits = logits, .labels = &label};
    assert_true(compute(ctx, loss, &batch, NULL, gradient) == 0.0);
    for (int k = 0; k < CLASSES; k++)
        assert_true(gradient[k] == 0.0f);
    bal_loss_close(&loss);
    bal_ctx_close(&ctx);
}

static void wrong_settings(bal_ctx *ctx, bal_loss_settings settings, const char *word)
{
    bal_loss *loss;
    test_fails(ctx, bal_loss_open(&loss, ctx, &settings), BAL_BAD_ARG, word, NULL);
    assert_null(loss);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t no_images[10] = {5, 4, 3, 0, 1, 1, 1, 1, 1, 1};
    const double negative[10] = {1, -1}, not_a_number[10] = {1, 1, NAN};
    bal_loss_settings s = bal_loss_defaults();
#define WRONG(field, what, word)            \
    do {                                    \
        bal_loss_settings changed = s;      \
        changed.field = (what);             \
        wrong_settings(ctx, changed, word); \
    } while (0)
    WRONG(name, "focl", "\"focal\"");
    WRONG(name, NULL, "loss");
    WRONG(name, "ldam", "counts");
    WRONG(classes, 1, "classes is 1");
    WRONG(label_smoothing, 1.0, "label_smoothing is 1");
    WRONG(label_smoothing, NAN, "label_smoothing");
    WRONG(weights, negative, "class 1 is -1");
    WRONG(weights, not_a_number, "class 2");
    s.counts = no_images;
    WRONG(name, "balanced-softmax", "class 3 has 0");
    s.counts = (const int64_t[10]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    s.name = "focal";
    WRONG(gamma, -1.0, "gamma is -1");
    s.name = "ldam";
    WRONG(max_m, 0.0, "max_m is 0");
    WRONG(s, NAN, "s is");
    s.name = "logit-adjusted";
    WRONG(tau, INFINITY, "tau is inf");
#undef WRONG
    bal_ctx_close(&ctx);
}

static void bad_batches_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_loss *loss = open_loss(ctx, "ce", NULL, BAL_REDUCE_MEAN);
    const float logits[2 * CLASSES] = {0};
    const float targets[2 * CLASSES] = {0.5f, 0.5f, 0, 0, 0.5f, 0.5f, 0.5f, 0};
    const float minus[2] = {1.0f, -1.0f};
    const int32_t good[2] = {0, 3}, high[2] = {0, 4}, low[2] = {-1, 0};
    double value;
    const struct {
        bal_loss_batch batch;
        const char *word;
    } wrong[] = {
        {{.samples = 2, .logits = logits, .labels = high, .targets = NULL, .sample_weights = NULL},
         "sample 1 is 4"},
        {{.samples = 2, .logits = logits, .labels = low, .targets = NULL, .sample_weights = NULL},
         "sample 0 is -1"},
        {{.samples = 2,
          .logits = logits,
          .labels = NULL,
          .targets = targets,
          .sample_weights = NULL},
         "sample 1"},
        {{.samples = 2, .logits = logits, .labels = good, .targets = NULL, .sample_weights = minus},
         "weight of sample 1"},
        {{.samples = 2, .logits = logits, .labels = NULL, .targets = NULL, .sample_weights = NULL},
         "labels or targets"},
        {{.samples = 2,
          .logits = logits,
          .labels = good,
          .targets = targets,
          .sample_weights = NULL},
         "labels or targets"},
        {{.samples = 0, .logits = logits, .labels = good, .targets = NULL, .sample_weights = NULL},
         "0 samples"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++)
        test_fails(ctx, bal_loss_compute(loss, ctx, &wrong[i].batch, &value, NULL, NULL),
                   BAL_BAD_ARG, wrong[i].word, NULL);
    bal_loss_close(&loss);
    bal_loss_close(&loss);
    bal_loss_close(NULL);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *user)
{
    const bal_loss_settings settings = {
        .name = user, .classes = CLASSES, .counts = counts, .max_m = 0.5, .s = 30.0};
    bal_loss *loss;
    const bal_status status = bal_loss_open(&loss, ctx, &settings);
    assert_true((status == BAL_OK) == (loss != NULL));
    bal_loss_close(&loss);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    char name[] = "ldam";
    test_allocation_failures(open_and_close, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_samples_by_hand),
        cmocka_unit_test(sample_weights_by_hand),
        cmocka_unit_test(class_weight_leaves_the_focal_factor_alone),
        cmocka_unit_test(ldam_margins_of_long_tailed_cifar),
        cmocka_unit_test(extreme_logits_give_numbers),
        cmocka_unit_test(smoothing_is_a_soft_target),
        cmocka_unit_test(nothing_to_average_is_zero),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(bad_batches_are_named),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
