/* Every row of the list of losses against central differences in double, sign kept, on hard,
 * smoothed, soft and weighted targets. A row without a case here fails. */
#include "helpers/helpers.h"

#include "ballast/loss.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 7, SEEDS = 20 };

/* name, settings tried: field=value, spaces between; the others have their default */
typedef struct loss_case {
    const char *name, *settings;
} loss_case;
static const loss_case cases[] = {
    {"ce", ""},
    {"focal", "gamma=2"},
    {"focal", "gamma=1"},
    {"focal", "gamma=0.5"}, /* the power's slope is infinite at p = 1 */
    {"focal", "gamma=0"},   /* is cross entropy */
    {"ldam", "max_m=0.5"},
    {"ldam", "max_m=0.1 s=1"},
    {"balanced-softmax", ""},
    {"logit-adjusted", "tau=1"},
    {"logit-adjusted", "tau=0.3"},
    {"vs", ""},
    {"vs", "vs_gamma=0.15 tau=1.25"},
    {"cdt", ""},
    {"cdt", "cdt_gamma=0.4"},
    {"seql", "seql_lambda=0.1"},
    {"seql", "seql_gamma=0.5 seql_lambda=1"}, /* all classes are rare */
    {"asl", ""},
    {"asl", "gamma_pos=1 gamma_neg=0.5"},
    {"asl", "gamma_pos=2.5 gamma_neg=0"},
    {"las", ""},
    {"las", "las_head=0.9 las_tail=0.2"},
    /* the ratio of probabilities is held fixed, which the golden values have */
    {"seesaw", "seesaw_q=0"},
    {"seesaw", "seesaw_p=2 seesaw_q=0"},
    {"ib", ""},
    {"ib", "ib_alpha=1 ib_eps=0.25"},
    {"lade", ""}, /* a sample's part; the batch's is in the other test */
    {"gcl", ""},
    {"gcl", "gcl_noise=1 s=16"},
    {"sigmoid", ""},
    {"sigmoid-focal", "gamma=2"},
    {"sigmoid-focal", "gamma=0.5"},
};

static void apply(bal_loss_settings *s, const char *text)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = '\0';
        double *field = strcmp(word, "s") == 0 ? &s->s : NULL;
#define FIELD(name, value, least, most, standard, about) \
    if (strcmp(word, #name) == 0)                        \
        field = &s->name;
        BAL_LOSS_NUMBER_LIST(FIELD)
#undef FIELD
        if (!field)
            fail_msg("there is no setting %s", word);
        *field = strtod(equals + 1, NULL);
    }
}

static const int64_t counts[CLASSES] = {500, 210, 90, 40, 17, 7, 3};
static const double weights[CLASSES] = {0.05, 0.2, 0.4, 1.0, 1.6, 3.0, 0.0};

typedef struct one_sample {
    const bal_loss *loss;
    const double *target, *draws;
    double feature_norm;
} one_sample;

static double value_at(const double *x, double *gradient, void *user)
{
    const one_sample *u = user;
    return bal_loss_sample(
        u->loss,
        &(bal_loss_point){
            .logits = x, .target = u->target, .draws = u->draws, .feature_norm = u->feature_norm},
        gradient);
}

static void soft_target(bal_random *r, double *target)
{
    double sum = 0.0;
    for (int j = 0; j < CLASSES; j++)
        sum += target[j] = bal_random_unit(r);
    for (int j = 0; j < CLASSES; j++)
        target[j] /= sum;
}

static void check_loss(bal_ctx *ctx, const bal_loss_settings *settings, const char *what)
{
    bal_loss *loss;
    test_ok(ctx, bal_loss_open(&loss, ctx, settings));
    const bal_loss_info *info = bal_loss_describe(loss);
    const double seen[CLASSES] = {900, 20, 400, 1, 0, 7, 7};
    test_ok(ctx, bal_loss_set_state(loss, ctx, seen, bal_loss_state_count(loss)));
    for (int seed = 0; seed < SEEDS; seed++) {
        bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, (uint64_t)seed);
        double z[CLASSES], target[CLASSES] = {0}, draws[CLASSES];
        for (int j = 0; j < CLASSES; j++)
            draws[j] =
                info->draws == BAL_DRAWS_UNIFORM ? bal_random_unit(&r) : bal_random_normal(&r);
        const double norm = 10.0 * bal_random_unit(&r);
        const double spread = seed % 2 ? 1.0 : 6.0;
        for (int j = 0; j < CLASSES; j++)
            z[j] = spread * bal_random_normal(&r);
        for (int kind = 0; kind < CLASSES + info->takes_soft_targets;
             kind++) { /* each hard label, then a soft one */
            memset(target, 0, sizeof target);
            if (kind < CLASSES)
                target[kind] = 1.0;
            else
                soft_target(&r, target);
            one_sample user = {loss, target, draws, norm};
            if (!test_gradient_agrees(value_at, &user, z, CLASSES, (uint64_t)seed, 1e-6))
                fail_msg("%s: seed %d target %d%s%s", what, seed, kind,
                         settings->weights ? " weighted" : "",
                         settings->label_smoothing > 0 ? " smoothed" : "");
        }
    }
    bal_loss_close(&loss);
}

static void every_loss_agrees_with_differences(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        int found = 0;
        for (size_t k = 0; k < BAL_COUNT_OF(cases); k++) {
            if (strcmp(cases[k].name, info->name) != 0)
                continue;
            found++;
            for (int variant = 0; variant < 4; variant++) {
                bal_loss_settings settings = bal_loss_defaults();
                settings.name = info->name;
                settings.classes = CLASSES;
                settings.counts = counts;
                settings.weights = variant & 1 ? weights : NULL;
                settings.label_smoothing = variant & 2 ? 0.1 : 0.0;
                apply(&settings, cases[k].settings);
                if (info->no_smoothing && variant & 2)
                    continue;
                check_loss(ctx, &settings, info->name);
            }
        }
        if (!found)
            fail_msg("loss %s has no row in this test", info->name);
    }
    bal_ctx_close(&ctx);
}

enum { SAMPLES = 3 };

/* The gradient of the reduced value of a batch; logits are float there, so they are numbers that
 * float holds and the steps are powers of two. */
static void batch_gradient_is_the_slope_of_the_value(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const float sample_weights[SAMPLES] = {0.5f, 2.0f, 1.0f};
    const int32_t labels[SAMPLES] = {6, 0, 3};
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++)
        for (int reduction = 0; reduction < 2; reduction++) {
            bal_loss_settings settings = bal_loss_defaults();
            settings.name = info->name;
            settings.classes = CLASSES;
            settings.counts = counts;
            settings.weights = weights;
            settings.s = 4.0;
            settings.seesaw_q = 0.0; /* its factor is held fixed */
            settings.lade_alpha = 0.7;
            settings.label_smoothing = info->no_smoothing ? 0.0 : 0.1;
            settings.reduction = (bal_reduction)reduction;
            bal_loss *loss;
            test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
            bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 2, (uint64_t)i);
            float z[SAMPLES * CLASSES], gradient[SAMPLES * CLASSES], slope[SAMPLES * CLASSES];
            for (int k = 0; k < SAMPLES * CLASSES; k++)
                z[k] = (float)(round(256.0 * bal_random_normal(&r)) / 256.0);
            float draws[SAMPLES * CLASSES], norms[SAMPLES], slopes[SAMPLES];
            bal_loss_draw(loss, &(bal_loss_place){1, 2, 3}, SAMPLES, draws);
            for (int k = 0; k < SAMPLES; k++)
                norms[k] = (float)(1.0 + round(256.0 * bal_random_unit(&r)) / 64.0);
            const bal_loss_batch batch = {.samples = SAMPLES,
                                          .logits = z,
                                          .labels = labels,
                                          .sample_weights = sample_weights,
                                          .draws = draws,
                                          .feature_norms = norms,
                                          .feature_slopes = slopes};
            double value;
            test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, gradient));
            for (int k = 0; k < SAMPLES * CLASSES; k++) {
                const float held = z[k], h = 0x1p-13f;
                double up, down;
                z[k] = held + h;
                test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &up, NULL, NULL));
                z[k] = held - h;
                test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &down, NULL, NULL));
                z[k] = held;
                slope[k] = (float)((up - down) / (2.0 * (double)h));
            }
            test_close(info->name, slope, gradient, SAMPLES * CLASSES, 1e-5);
            if (info->needs_features) {
                float given[SAMPLES];
                test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &value, NULL, NULL));
                memcpy(given, slopes, sizeof given);
                for (int k = 0; k < SAMPLES; k++) {
                    const float held = norms[k], h = 0x1p-10f;
                    double up, down;
                    norms[k] = held + h;
                    test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &up, NULL, NULL));
                    norms[k] = held - h;
                    test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &down, NULL, NULL));
                    norms[k] = held;
                    slope[k] = (float)((up - down) / (2.0 * (double)h));
                }
                test_close(info->name, slope, given, SAMPLES, 1e-5);
            }
            bal_loss_close(&loss);
        }
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_agrees_with_differences),
        cmocka_unit_test(batch_gradient_is_the_slope_of_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
