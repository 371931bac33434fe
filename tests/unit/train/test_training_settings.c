/* Opening a trainer: everything that can be wrong is said before anything is written; and what a
 * run would cost. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy_run.h"

#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 16

static const test_toy toy = {.channels = 3, .side = SIDE, .train = {12, 8, 4}, .test = 2};

static int set_up(void **state)
{
    test_toy_run_set_up(state, &toy, 0.25);
    return 0;
}

/* ---- what is wrong ---- */

static void expect_refused(test_toy_run *f, const bal_train_settings *settings, bal_status wanted,
                           const char *says, const char *also)
{
    bal_trainer *trainer;
    test_fails(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, NULL, settings), wanted, says,
               also, NULL);
    assert_null(trainer);
    assert_false(test_exists(f->run));
}

#define REFUSED(field, value, wanted, says, also)        \
    do {                                                 \
        bal_train_settings s = f->settings;              \
        s.field = value;                                 \
        expect_refused(f, &s, BAL_##wanted, says, also); \
    } while (0)

static void names_are_suggested(void **state)
{
    test_toy_run *f = *state;
    REFUSED(monitor, "balanced_acuracy", BAD_ARG, "no metric \"balanced_acuracy\"",
            "did you mean \"balanced_accuracy\"?");
    REFUSED(monitor, "zzzzzzzzzzzz", BAD_ARG, "no metric \"zzzzzzzzzzzz\"", NULL);
    REFUSED(model, "resnet21", BAD_ARG, "no model \"resnet21\"", "did you mean \"resnet");
    REFUSED(recipe, "ldam-drv", BAD_ARG, "ldam-drv", "\"ldam-drw\"");
    REFUSED(recipe, "nowhere.yaml", IO, "nowhere.yaml", NULL);
    REFUSED(engine, "onedn", BAD_ARG, "onedn", "reference");
}

static void numbers_out_of_range(void **state)
{
    test_toy_run *f = *state;
    REFUSED(epochs, -1, BAD_ARG, "epochs -1", NULL);
    REFUSED(epochs, 100001, BAD_ARG, "100001", NULL);
    REFUSED(batch_size, -1, BAD_ARG, "batch size -1", NULL);
    REFUSED(batch_size, 65537, BAD_ARG, "65537", NULL);
    REFUSED(lr, -0.1, BAD_ARG, "learning rate -0.1", NULL);
    REFUSED(lr, NAN, BAD_ARG, "learning rate", NULL);
    REFUSED(lr, INFINITY, BAD_ARG, "inf", NULL);
    REFUSED(patience, -1, BAD_ARG, "patience -1", NULL);
    REFUSED(workers, -1, BAD_ARG, "workers -1", NULL);
    REFUSED(workers, 65, BAD_ARG, "workers 65", NULL);
    REFUSED(data_cache, -1, BAD_ARG, "data_cache is -1", NULL);
    REFUSED(checkpoint_every, 0, BAD_ARG, "checkpoint_every 0", NULL);
}

static void patience_wants_a_validation_split(void **state)
{
    test_toy_run *f = *state;
    f->settings.patience = 3;
    bal_trainer *trainer;
    test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, NULL, &f->settings));
    bal_trainer_close(&trainer);
    bal_dataset_close(&f->data);
    f->data = test_open_toy(f->ctx, f->images, 0.0);
    expect_refused(f, &f->settings, BAL_BAD_ARG, "patience is 3", "no validation split");
}

static void recipe_must_fit_model_and_data(void **state)
{
    test_toy_run *f = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"stages:\n  - {epochs: 100%, train: layer9.*}\n", "layer9.*"},
        {"stages:\n  - {epochs: 100%, freeze: '*'}\n", "trains nothing"},
        {"stages:\n  - {epochs: 100%, loss: {name: ldam}}\n", "cosine"},
        {"stages:\n  - {epochs: 100%, sampler: class-balance}\n", "class-balanced"},
        {"stages:\n  - {epochs: 40%}\n  - {epochs: 40%}\n", "add up to 160 epochs"},
        {"stages:\n  - epochs: 100%\n    augment: {cutout: 100}\n", ":3: cutout 100 erases every"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        const bal_status status = test_train(
            f->ctx,
            &(test_training){.data = f->data, .recipe = cases[i].text, .settings = &f->settings});
        test_fails(f->ctx, status, BAL_MISMATCH, cases[i].says, NULL);
        assert_false(test_exists(f->run));
    }
}

static void the_folder_has_a_name(void **state)
{
    test_toy_run *f = *state;
    bal_dataset_settings settings = bal_dataset_defaults();
    settings.longtail = "exp:2";
    bal_dataset_close(&f->data);
    test_ok(f->ctx, bal_dataset_open(&f->data, f->ctx, f->images, &settings));
    const bal_train_settings plain = bal_train_defaults();
    assert_null(plain.out);
    bal_trainer *trainer;
    test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, NULL, &plain));
    assert_string_equal(trainer->settings.out, "runs/toy-exp2-resnet20-ce-1");
    bal_trainer_close(&trainer);
    bal_trainer_close(&trainer); /* NULL by now */
}

/* ---- costs ---- */

static bal_train_plan plan_of(test_toy_run *f, const char *model, const char *recipe, bool measure)
{
    bal_train_plan plan;
    bal_trainer *trainer;
    bal_train_settings settings = f->settings;
    settings.model = model;
    settings.recipe = recipe;
    test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, NULL, &settings));
    test_ok(f->ctx, bal_trainer_plan(trainer, measure, &plan));
    bal_trainer_close(&trainer);
    assert_false(test_exists(f->run)); /* a dry run writes nothing */
    return plan;
}

static void dry_run_by_hand(void **state)
{
    test_toy_run *f = *state;
    f->settings.epochs = 20;
    f->settings.batch_size = 4;
    const bal_train_plan plan = plan_of(f, "resnet20", "ce", false);
    /* without the head 269,722 - 650 (He et al.: 0.27 M with 10 classes); 64 features */
    assert_int_equal(plan.parameters, 269072 + 3 * 64 + 3);
    /* convolutions at 32 x 32: 40.55 M multiply-adds; a quarter of the pixels here */
    test_near("operations of an image", 2 * 40.55e6 / 4, plan.flops_per_image, 0.5e6);
    const double images = (double)f->info.items[BAL_SPLIT_TRAIN] * 20;
    assert_true(plan.flops_total > 2.5 * plan.flops_per_image * images);
    assert_true(plan.flops_total < 3.1 * plan.flops_per_image * images);
    assert_int_equal(plan.data_bytes,
                     3 * SIDE * SIDE *
                         (f->info.items[BAL_SPLIT_TRAIN] + f->info.items[BAL_SPLIT_VAL]));
    assert_int_equal(plan.epochs, 20);
    assert_int_equal(plan.batch_size, 4);
    assert_int_equal(plan.steps_per_epoch, (f->info.items[BAL_SPLIT_TRAIN] + 3) / 4);
    assert_true(isnan(plan.seconds));
    /* weights, gradients and momenta at least */
    assert_true(plan.memory_bytes > 3 * 4 * (size_t)plan.parameters);
    assert_true(plan.memory_bytes < (size_t)100 << 20);

    const bal_train_plan larger = plan_of(f, "resnet32", "ce", false);
    assert_true(larger.parameters > 1.6 * (double)plan.parameters);
    assert_true(larger.flops_total > 1.6 * plan.flops_total);
    assert_true(larger.memory_bytes > plan.memory_bytes);
    f->settings.epochs = 40;
    const bal_train_plan longer = plan_of(f, "resnet20", "ce", false);
    test_near("twice the epochs", 2.0, longer.flops_total / plan.flops_total, 1e-9);
    /* a cosine head has no bias */
    assert_int_equal(plan_of(f, "resnet20", "ldam-drw", false).parameters, 269072 + 3 * 64);
}

static void recipe_decides_what_is_not_set(void **state)
{
    test_toy_run *f = *state;
    const bal_train_plan plan = plan_of(f, "lenet", "ce", false);
    assert_int_equal(plan.epochs, 200);
    assert_int_equal(plan.batch_size, 128);
    assert_int_equal(plan.steps_per_epoch, 1);
}

static void frozen_stages_cost_less(void **state)
{
    test_toy_run *f = *state;
    static const char *const texts[] = {
        "epochs: 10\nstages:\n  - {epochs: 100%}\n",
        "epochs: 10\nstages:\n  - {epochs: 10%}\n  - {epochs: 90%, train: head}\n"};
    bal_train_plan plans[2];
    for (int i = 0; i < 2; i++) {
        bal_recipe *recipe;
        bal_trainer *trainer;
        test_ok(f->ctx, bal_recipe_parse(&recipe, f->ctx, "r", texts[i], strlen(texts[i])));
        test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, recipe, &f->settings));
        bal_recipe_close(&recipe); /* the trainer has its own */
        test_ok(f->ctx, bal_trainer_plan(trainer, false, &plans[i]));
        bal_trainer_close(&trainer);
    }
    assert_true(plans[1].flops_total < 0.5 * plans[0].flops_total);
    assert_true(plans[1].flops_total > 0.3 * plans[0].flops_total);
    assert_int_equal(plans[0].parameters, plans[1].parameters);
}

static void measured_time(void **state)
{
    test_toy_run *f = *state;
    f->settings.epochs = 2;
    f->settings.batch_size = 8;
    for (int i = 0; bal_engine_at(i); i++) {
        f->settings.engine = bal_engine_at(i)->name;
        const bal_train_plan few = plan_of(f, "lenet", "ce", true);
        assert_true(few.seconds > 0.0 && few.seconds < 60.0);
    }
    bal_trainer *trainer;
    bal_train_plan plan;
    test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, NULL, &f->settings));
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_trainer_plan(trainer, true, &plan), BAL_INTERRUPTED, "interrupted",
               NULL);
    bal_trainer_close(&trainer);
}

/* ---- option rows ---- */

static void rows_are_the_settings(void **state)
{
    test_toy_run *f = *state;
    static const struct {
        const char *name, *good, *bad;
    } cases[] = {{"epochs", "7", "2000*12"}, {"batch-size", "32", "0"},
                 {"lr", "0.5", "nan"},       {"patience", "3", "-1"},
                 {"workers", "4", "65"},     {"checkpoint-every", "2", "0"},
                 {"seed", "123", "-1"},      {"data-cache", "0", "-1"}};
    bal_train_settings s = bal_train_defaults();
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        const bal_option *row = bal_train_options();
        while (row->name && strcmp(row->name, cases[i].name) != 0)
            row++;
        assert_non_null(row->name);
        test_ok(f->ctx, bal_option_set(f->ctx, row, &s, "--", cases[i].good));
        test_fails(f->ctx, bal_option_set(f->ctx, row, &s, "--", cases[i].bad), BAL_BAD_ARG,
                   cases[i].name, cases[i].bad, NULL);
    }
    assert_int_equal(s.epochs, 7);
    assert_int_equal(s.batch_size, 32);
    assert_true(s.lr == 0.5);
    assert_int_equal(s.patience, 3);
    assert_int_equal(s.workers, 4);
    assert_int_equal(s.checkpoint_every, 2);
    assert_int_equal(s.seed, 123);
    assert_int_equal(s.data_cache, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_suggested, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(numbers_out_of_range, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(patience_wants_a_validation_split, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(recipe_must_fit_model_and_data, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(the_folder_has_a_name, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(dry_run_by_hand, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(recipe_decides_what_is_not_set, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(frozen_stages_cost_less, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(measured_time, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(rows_are_the_settings, set_up, test_toy_run_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
