/* What recipes mean: names, stages and drops in whole epochs, and parameters that train. */
#include "helpers/helpers.h"

#include "net/graph.h"
#include "train/recipe/recipe.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bal_recipe *parse(bal_ctx *ctx, const char *text)
{
    bal_recipe *r;
    test_ok(ctx, bal_recipe_parse(&r, ctx, "my.yaml", text, strlen(text)));
    return r;
}

static bal_recipe *builtin(bal_ctx *ctx, const char *name, const char *epochs)
{
    bal_recipe *r;
    test_ok(ctx, bal_recipe_open(&r, ctx, name));
    test_ok(ctx, bal_recipe_set(r, "epochs", epochs));
    test_ok(ctx, bal_recipe_check(r));
    return r;
}

/* Every built-in recipe holds for every length, its stages fill the run, and every loss, sampler
 * and weighting that it names can be opened. */
static void builtin_recipes_hold_at_every_length(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t counts[] = {50, 20, 5};
    const int32_t labels[] = {0, 0, 0, 1, 1, 2};
    for (int i = 0; bal_recipe_at(i); i++) {
        for (int epochs = 2; epochs <= 210; epochs += epochs < 12 ? 1 : 33) {
            char text[16];
            snprintf(text, sizeof text, "%d", epochs);
            bal_recipe *r = builtin(ctx, bal_recipe_at(i)->name, text);
            int first = 0, idle = 0;
            for (int s = 0; s < r->stage_count; s++) {
                idle += r->stages[s].idle;
                assert_int_equal(r->stages[s].first_epoch, first);
                assert_true(r->stages[s].epoch_count >= 1);
                assert_int_equal(bal_recipe_stage_at(r, first), s);
                first += r->stages[s].epoch_count;
                assert_int_equal(bal_recipe_stage_at(r, first - 1), s);
            }
            assert_int_equal(first, epochs + idle);
            assert_int_equal(r->all_epochs, first);
            assert_true(r->schedule.epochs == epochs && r->schedule.warmup <= epochs);
            bal_recipe_close(&r);
        }
        bal_recipe *r = builtin(ctx, bal_recipe_at(i)->name, "200");
        for (int s = 0; s < r->stage_count; s++) {
            double weights[3];
            bal_loss *loss;
            bal_sampler *sampler;
            bal_loss_settings settings = bal_loss_defaults();
            settings.name = r->stages[s].loss.name;
            settings.classes = 3;
            settings.counts = counts;
            test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
            bal_loss_close(&loss);
            const bal_class_weight_settings weighting = {.name = r->stages[s].loss.weight,
                                                         .beta = r->stages[s].loss.beta,
                                                         .rho = r->stages[s].loss.rho,
                                                         .classes = 3,
                                                         .counts = counts};
            test_ok(ctx, bal_class_weights(ctx, &weighting, weights));
            test_ok(ctx, bal_sampler_open(&sampler, ctx,
                                          &(bal_sampler_settings){.name = r->stages[s].sampler,
                                                                  .classes = 3,
                                                                  .items = 6,
                                                                  .labels = labels}));
            bal_sampler_close(&sampler);
        }
        bal_recipe_close(&r);
    }
    bal_ctx_close(&ctx);
}

/* Cao et al. 2019: 200 epochs; weights and the first drop from the 161st on, warm-up of 5. */
static void ldam_drw_is_the_papers(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = builtin(ctx, "ldam-drw", "200");
    assert_string_equal(r->general.head, "cosine");
    assert_true(r->general.scale == 30 && r->general.batch_size == 128);
    assert_int_equal(r->stages[0].epoch_count, 160);
    assert_int_equal(r->stages[1].first_epoch, 160);
    assert_int_equal(r->stages[1].epoch_count, 40);
    assert_string_equal(r->stages[0].loss.weight, "none");
    assert_string_equal(r->stages[1].loss.weight, "effective");
    assert_true(r->stages[1].loss.beta == 0.9999 && r->stages[1].loss.max_m == 0.5);
    assert_int_equal(r->schedule.warmup, 5);
    assert_int_equal(r->schedule.drop_count, 2);
    assert_int_equal(r->schedule.drops[0], 160);
    assert_int_equal(r->schedule.drops[1], 180);
    assert_true(r->schedule.factor == 0.01 && r->schedule.lr == 0.1);
    assert_true(r->optimizer.momentum == 0.9 && r->optimizer.weight_decay == 2e-4);
    assert_true(!r->optimizer.nesterov && r->optimizer.decay_norm);
    assert_int_equal(r->stages[0].augment.crop_padding, 4);
    bal_recipe_close(&r);
    r = builtin(ctx, "ldam-drw", "30");
    assert_int_equal(r->stages[1].first_epoch, 24);
    assert_int_equal(r->schedule.drops[0], 24);
    assert_int_equal(r->schedule.drops[1], 27);
    assert_int_equal(r->schedule.warmup, 1);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static void resolves_numbers_and_shares(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, "epochs: 10\nschedule: {name: cosine, warmup: 2, min_lr: 0.01}\n"
                               "stages: [{epochs: 3}, {epochs: 35%}, {epochs: 35%}]\n");
    test_ok(ctx, bal_recipe_check(r));
    assert_int_equal(r->stages[0].epoch_count, 3);
    assert_int_equal(r->stages[1].epoch_count, 4); /* ends at 6.5 */
    assert_int_equal(r->stages[2].epoch_count, 3);
    assert_int_equal(r->schedule.kind, BAL_SCHEDULE_COSINE);
    assert_true(r->schedule.warmup == 2 && r->schedule.min_lr == 0.01);
    assert_int_equal(r->schedule.drop_count, 0);
    bal_recipe_close(&r);
    /* thirds of 100 are rounded where they end, not one by one */
    r = parse(ctx, "epochs: 100\nstages: [{epochs: 33.3333333%}, {epochs: 33.3333333%}, "
                   "{epochs: 33.3333334%}]\n");
    test_ok(ctx, bal_recipe_check(r));
    assert_int_equal(r->stages[1].first_epoch, 33);
    assert_int_equal(r->stages[2].first_epoch, 67);
    bal_recipe_close(&r);
    /* short runs: no stage is lost */
    r = parse(ctx, "epochs: 3\nstages: [{epochs: 98%}, {epochs: 1%}, {epochs: 1%}]\n");
    test_ok(ctx, bal_recipe_check(r));
    for (int i = 0; i < 3; i++)
        assert_true(r->stages[i].first_epoch == i && r->stages[i].epoch_count == 1);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static const struct {
    const char *text, *words;
} misfits[] = {
    {"stages:\n- loss: {name: ldm}\n", "my.yaml:2: unknown loss \"ldm\"; did you mean \"ldam\"?"},
    {"stages:\n- loss: {name: hinge-squared}\n", "unknown loss \"hinge-squared\"; there are: ce, "},
    {"stages:\n- {}\n- sampler: balanced-class\n", "my.yaml:3: unknown sampler \"balanced-class\""},
    {"stages:\n- sampler: instanse\n", "did you mean \"instance\"?"},
    {"stages:\n- loss:\n    weight: efective\n",
     "my.yaml:3: unknown class weight \"efective\"; did you mean \"effective\"?"},
    {"stages:\n- loss: {name: ldam}\n",
     "my.yaml:2: loss ldam takes margins off cosines, so it needs \"head: cosine\"; the head is "
     "linear"},
    {"stages:\n- {}\n- loss:\n    name: las\n    label_smoothing: 0.1\n",
     "my.yaml:4: loss las takes no label_smoothing: it has a smoothing for each class"},
    {"stages:\n- loss: {name: seesaw}\n  mix:\n    name: mixup\n",
     "my.yaml:4: mixing mixup makes targets of two classes, and loss seesaw takes one class only"},
    {"stages:\n- loss: {name: gcl}\n", "my.yaml:2: loss gcl takes margins off cosines"},
    {"head: cosine\nhead_bias: one-vs-all\nstages: [{}]\n",
     "my.yaml:1: head_bias is one-vs-all, but a cosine head has no biases"},
    {"epochs: 10\nstages:\n- epochs: 80%\n",
     "my.yaml:3: the stages add up to 8 epochs, the run has 10"},
    {"epochs: 10\nstages: [{epochs: 80%}, {epochs: 30%}]\n", "add up to 11 epochs"},
    {"epochs: 30\nstages: [{epochs: 160}, {epochs: 40}]\n", "add up to 200 epochs, the run has 30"},
    {"epochs: 10\nstages: [{epochs: 100%}, {epochs: 0}]\n", "stages[1] has no epochs"},
    {"stages: [{epochs: 100%, begin: tau-normalise}]\n",
     "my.yaml:1: unknown action \"tau-normalise\"; did you mean \"tau-normalize\"?"},
    {"head: marc\nstages:\n- {}\n- {epochs: 0, begin: tau-search}\n",
     "my.yaml:4: tau-search divides logits by the norms of the head's rows, and those of a head of "
     "kind "
     "marc"},
    {"stages:\n- {}\n- {epochs: 0, begin: tau-search, normalize_tau: 0.7}\n",
     "my.yaml:3: normalize_tau is 0.7, and stages[1] does not begin with tau-normalize"},
    {"head: cosine\nstages:\n- {}\n- {epochs: 0, begin: [reset-momentum, tau-normalize]}\n",
     "my.yaml:4: tau-normalize changes the norms of the head's rows, which a head of kind cosine"},
    {"head: cosine\nstages:\n- {begin: class-means}\n",
     "my.yaml:3: class-means sets the bias, and a head of kind cosine has none; "
     "class-means-cosine"},
    {"head: cosin\nstages: [{}]\n", "unknown head \"cosin\"; did you mean \"cosine\"?"},
    {"epochs: 1\nstages: [{epochs: 50%}, {epochs: 50%}]\n",
     "2 stages need at least as many epochs"},
    {"schedule:\n  drops: [90%, 80%]\nstages: [{}]\n", "my.yaml:2: drops must ascend"},
    {"schedule: {drops: [80%, 80%]}\nstages: [{}]\n", "my.yaml:1: drops must ascend"},
    {"schedule: {drops: [0]}\nstages: [{}]\n", "drops must ascend from above 0"},
    {"epochs: 30\nschedule: {drops: [160]}\nstages: [{}]\n", "the drop at 160 is not within"},
    {"schedule: {drops: [100%]}\nstages: [{}]\n", "the drop at 100% is not within"},
    {"schedule: {drops: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}\nstages: [{}]\n",
     "more than 16 drops"},
    {"epochs: 4\nschedule: {warmup: 5}\nstages: [{}]\n",
     "my.yaml:2: a warm-up of 5 epochs is longer than the run's 4"},
    {"optimizer: {lr: 0.1}\nschedule: {name: cosine, min_lr: 0.2}\nstages: [{}]\n",
     "my.yaml:2: min_lr 0.2 is above the learning rate 0.1"},
    {"\noptimizer: {momentum: 0, nesterov: true}\nstages: [{}]\n", "my.yaml:2: nesterov needs a"},
    {"\noptimizer: {name: adamw, nesterov: true}\nstages: [{}]\n",
     "my.yaml:2: optimizer adamw has"},
    {"optimizer: {name: adamw, momentum: 0.8}\nstages: [{}]\n",
     "my.yaml:1: optimizer adamw has no"},
    {"optimizer: {beta2: 0.99}\nstages: [{}]\n", "my.yaml:1: optimizer sgd has no beta1, beta2"},
    {"optimizer: {sam_eta: 20}\nstages: [{}]\n", "my.yaml:1: sam_eta says for which"},
    {"optimizer: {swa_lr: 0.05}\nstages: [{}]\n", "my.yaml:1: swa_lr needs swa_start"},
    {"optimizer: {swa_start: 75%, ema_decay: 0.9}\nstages: [{}]\n", "my.yaml:1: ema_decay and swa"},
    {"optimizer: {swa_start: 100%}\nstages: [{}]\n", "swa_start 100% is not within the run's 200"},
    {"epochs: 30\n\noptimizer: {swa_start: 150}\nstages: [{}]\n",
     "my.yaml:3: swa_start 150 is not within the run's 30 epochs"},
    {"stages: [{augment: {scale_min: 0.5, scale_max: 0.25}}]\n",
     "my.yaml:1: scale_min 0.5 is above scale_max 0.25"},
    {"stages:\n  - {augment: {ratio_min: 3, ratio_max: 2}}\n",
     "my.yaml:2: ratio_min 3 is above ratio_max 2"},
    {"stages:\n  - epochs: 100%\n    augment: {affine_scale_min: 1.5, affine_scale_max: 0.5}\n",
     "my.yaml:3: affine_scale_min 1.5 is above affine_scale_max 0.5"},
    {"stages:\n  - epochs: 100%\n\n    augment: {gaussian_blur: 0.5, sigma_min: 4}\n",
     "my.yaml:4: sigma_min 4 is above sigma_max 2"},
    {"stages: [{augment: {color_jitter: 0.4, saturation: 0.2}}]\n", "my.yaml:1: color_jitter 0.4"},
    {"stages:\n  - augment: {by_class: frequency}\n", "my.yaml:2: by_class frequency"},
    {"name: a/b\nstages: [{}]\n", "name \"a/b\" has a \"/\""},
};

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(misfits); i++) {
        bal_recipe *r = parse(ctx, misfits[i].text);
        test_fails(ctx, bal_recipe_check(r), BAL_MISMATCH, misfits[i].words, NULL);
        bal_recipe_close(&r);
    }
    /* an override is checked like the file */
    bal_recipe *r = builtin(ctx, "ldam-drw", "20");
    test_ok(ctx, bal_recipe_set(r, "head", "linear"));
    test_fails(ctx, bal_recipe_check(r), BAL_MISMATCH, "ldam-drw:", "needs \"head: cosine\"", NULL);
    test_ok(ctx, bal_recipe_set(r, "loss.name", "balanced-softmax"));
    test_ok(ctx, bal_recipe_check(r));
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

/* ---- parameters ---- */

static bal_graph *small_net(bal_ctx *ctx)
{
    bal_graph *g;
    bal_model_settings settings = bal_model_defaults();
    settings.name = "resnet8";
    settings.classes = 4;
    settings.input = (bal_shape){3, 16, 16};
    test_ok(ctx, bal_model_build(&g, ctx, &settings));
    return g;
}

/* Exactly the learned parameters whose name has one of the words train. */
static void assert_trains(bal_ctx *ctx, const char *stage, const char *const *words)
{
    char text[256];
    snprintf(text, sizeof text, "stages:\n- %s\n", stage);
    bal_recipe *r = parse(ctx, text);
    bal_graph *g = small_net(ctx);
    bool *trains = calloc((size_t)bal_graph_params(g), sizeof *trains);
    test_ok(ctx, bal_recipe_stage_trains(r, 0, g, trains));
    for (int p = 0; p < bal_graph_params(g); p++) {
        const bal_param_info *info = bal_graph_param(g, p);
        bool wanted = false;
        for (int w = 0; words[w]; w++)
            wanted = wanted || strstr(info->name, words[w]);
        if (trains[p] != (wanted && info->learned))
            fail_msg("%s: %s %s", stage, info->name, trains[p] ? "trains" : "does not train");
    }
    free(trains);
    bal_graph_close(&g);
    bal_recipe_close(&r);
}

static void patterns_choose_parameters(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    assert_trains(ctx, "{}", (const char *const[]){"", NULL});
    assert_trains(ctx, "train: head", (const char *const[]){"fc.", NULL});
    assert_trains(ctx, "train: [head, \"layer3*\"]", (const char *const[]){"fc.", "layer3", NULL});
    assert_trains(ctx, "train: \"layer[12]*, fc.bias\"",
                  (const char *const[]){"layer1", "layer2", "fc.bias", NULL});
    assert_trains(ctx, "{train: \"layer?.*\", freeze: \"layer[!2].*\"}",
                  (const char *const[]){"layer2", NULL});
    static const struct {
        const char *stage, *words;
    } wrong[] = {
        {"train: \"layer9*\"", "my.yaml:2: train \"layer9*\" fits no parameter of the model"},
        {"freeze: [head, backbone]", "my.yaml:2: freeze \"backbone\" fits no parameter"},
        {"train: \"*.running_mean\"", "fits no parameter"}, /* is not learned */
        {"{train: head, freeze: \"*\"}", "my.yaml:2: stages[0] trains nothing"},
        {"train: []", "stages[0] trains nothing"},
        {"train: \"*a*a*a*a*a*a*a*a*\"", "more than 8 stars"},
    };
    bal_graph *g = small_net(ctx);
    bool *trains = calloc((size_t)bal_graph_params(g), sizeof *trains);
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++) {
        char text[256];
        snprintf(text, sizeof text, "stages:\n- %s\n", wrong[i].stage);
        bal_recipe *r = parse(ctx, text);
        test_fails(ctx, bal_recipe_stage_trains(r, 0, g, trains), BAL_MISMATCH, wrong[i].words,
                   NULL);
        bal_recipe_close(&r);
    }
    free(trains);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* ---- what a stage has of its own ---- */

static void stages_without_epochs_have_one_of_their_own(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, "epochs: 10\n"
                               "schedule: {name: step, warmup: 0, drops: [70%], factor: 0.1}\n"
                               "stages:\n"
                               "  - {epochs: 0, begin: zero-bias}\n"
                               "  - {epochs: 60%}\n"
                               "  - {epochs: 0%, begin: [zero-bias, tau-normalize]}\n"
                               "  - {epochs: 40%, weight_decay: 0}\n");
    test_ok(ctx, bal_recipe_check(r));
    const int first[] = {0, 1, 7, 8}, count[] = {1, 6, 1, 4}, before[] = {0, 0, 6, 6};
    for (int s = 0; s < 4; s++) {
        assert_int_equal(r->stages[s].first_epoch, first[s]);
        assert_int_equal(r->stages[s].epoch_count, count[s]);
        assert_int_equal(r->stages[s].trained_before, before[s]);
        assert_int_equal(r->stages[s].idle, s % 2 == 0);
    }
    assert_int_equal(r->all_epochs, 12);
    /* the drop comes after 7 epochs of training, which is epoch 9 of all */
    const double lr[] = {0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0.1, 0.01, 0.01, 0.01};
    for (int e = 0; e < 12; e++)
        assert_true(fabs(bal_recipe_lr(r, e) - lr[e]) < 1e-15);
    bal_recipe_close(&r);
    bal_recipe *alone = parse(ctx, "stages: [{epochs: 0, begin: zero-bias}]\n");
    test_ok(ctx, bal_recipe_check(alone));
    assert_int_equal(alone->all_epochs, 1);
    bal_recipe_close(&alone);
    bal_ctx_close(&ctx);
}

static void a_stage_can_have_its_own_rate(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, "epochs: 12\n"
                               "optimizer: {lr: 0.4}\n"
                               "schedule: {name: step, warmup: 2, drops: [50%], factor: 0.5}\n"
                               "select: last-stage\n"
                               "stages:\n"
                               "  - {epochs: 3}\n"
                               "  - {epochs: 5, schedule: cosine, lr: 0.2}\n"
                               "  - {epochs: 2, lr: 0.04}\n"
                               "  - {epochs: 2, schedule: constant}\n");
    test_ok(ctx, bal_recipe_check(r));
    /* 0.1 (1 + cos(pi k / 5)) by hand; 0.04 behind the run's drop; the optimizer's 0.4 */
    const double want[] = {0.2,
                           0.4,
                           0.4,
                           0.2,
                           0.18090169943749476,
                           0.13090169943749476,
                           0.06909830056250527,
                           0.019098300562505255,
                           0.02,
                           0.02,
                           0.4,
                           0.4};
    for (int e = 0; e < 12; e++) {
        if (fabs(bal_recipe_lr(r, e) - want[e]) > 1e-12)
            fail_msg("epoch %d: %.17g", e, bal_recipe_lr(r, e));
        assert_int_equal(bal_recipe_selects(r, e), e >= 10);
    }
    test_ok(ctx, bal_recipe_set(r, "select", "best"));
    assert_true(bal_recipe_selects(r, 0));
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static void weight_decay_groups(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = small_net(ctx);
    bal_recipe *r = parse(ctx, "stages: [{}]\n");
    float *decay = calloc((size_t)bal_graph_params(g), sizeof *decay);
    for (int norms = 1; norms >= 0; norms--) {
        test_ok(ctx, bal_recipe_set(r, "optimizer.decay_norm", norms ? "true" : "false"));
        bal_recipe_weight_decay(r, 0, g, decay);
        int decayed = 0;
        for (int p = 0; p < bal_graph_params(g); p++) {
            const bal_param_info *info = bal_graph_param(g, p);
            const bool wanted = info->learned && (norms || strstr(info->name, "conv") ||
                                                  strcmp(info->name, "fc.weight") == 0);
            assert_true(decay[p] == (wanted ? 2e-4f : 0.0f));
            decayed += wanted;
        }
        assert_true(decayed > 5 && decayed < bal_graph_params(g));
    }
    test_ok(ctx, bal_recipe_set(r, "weight_decay", "0.5")); /* of the stage */
    bal_recipe_weight_decay(r, 0, g, decay);
    for (int p = 0; p < bal_graph_params(g); p++)
        assert_true(decay[p] == (bal_graph_param(g, p)->dims > 1 ? 0.5f : 0.0f));
    free(decay);
    bal_recipe_close(&r);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_recipes_hold_at_every_length),
        cmocka_unit_test(ldam_drw_is_the_papers),
        cmocka_unit_test(resolves_numbers_and_shares),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(stages_without_epochs_have_one_of_their_own),
        cmocka_unit_test(a_stage_can_have_its_own_rate),
        cmocka_unit_test(patterns_choose_parameters),
        cmocka_unit_test(weight_decay_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
