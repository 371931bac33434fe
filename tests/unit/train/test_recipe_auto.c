/* The recipe that a data set calls for: the table, the choice, and what a trainer does with it. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "ballast/balance.h"
#include "train/recipe/recipe.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ratio_is_over_the_classes_with_images(void **state)
{
    (void)state;
    const int64_t counts[] = {0, 12, 3, 0, 7};
    assert_true(bal_imbalance_ratio(5, counts) == 4.0);
    assert_true(bal_imbalance_ratio(2, counts) == 1.0);
    assert_true(bal_imbalance_ratio(1, counts) == 1.0); /* nobody has images */
}

static void every_choice_is_a_recipe_and_the_last_holds_for_all(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_recipe_choice *choice, *last = NULL;
    for (int i = 0; (choice = bal_recipe_choice_at(i)); i++) {
        bal_recipe *recipe;
        test_ok(ctx, bal_recipe_open(&recipe, ctx, choice->recipe));
        assert_null(bal_recipe_chosen(recipe));
        bal_recipe_close(&recipe);
        assert_non_null(strstr(choice->when, choice->recipe));
        assert_true(!last || choice->ratio_most > last->ratio_most);
        assert_ptr_equal(bal_recipe_choice_for(choice->ratio_most), choice);
        last = choice;
    }
    assert_true(last && isinf(last->ratio_most));
    assert_string_equal(bal_recipe_choice_for(1.0)->recipe, "ce");
    assert_string_equal(bal_recipe_choice_for(3.0)->recipe, "ce");
    assert_string_equal(bal_recipe_choice_for(3.1)->recipe, "balanced-softmax");
    assert_string_equal(bal_recipe_choice_for(100.0)->recipe, "balanced-softmax");
    bal_ctx_close(&ctx);
}

/* An IDX folder whose classes have counts[c] training images. */
static bal_dataset *open_data(bal_ctx *ctx, const char *folder, const int *counts, int classes)
{
    uint8_t labels[400];
    uint32_t n = 0;
    size_t bytes;
    char path[512];
    test_write_idx_set(folder, 1, classes, false); /* the test files; train comes anew */
    for (int c = 0; c < classes; c++)
        for (int i = 0; i < counts[c]; i++)
            labels[n++] = (uint8_t)c;
    uint8_t *file = test_idx_images(n, 4, 5, &bytes);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    test_write_file(path, file, bytes);
    free(file);
    file = test_idx_labels(labels, n, &bytes);
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", folder);
    test_write_file(path, file, bytes);
    free(file);
    bal_dataset_settings settings = bal_dataset_defaults();
    settings.val_fraction = 0.0;
    bal_dataset *data;
    test_ok(ctx, bal_dataset_open(&data, ctx, folder, &settings));
    return data;
}

static void takes_the_row_of_the_training_counts(void **state)
{
    (void)state;
    static const struct {
        int counts[3];
        const char *recipe, *ratio;
    } cases[] = {{{6, 5, 4}, "ce", "ratio 1.5"},
                 {{60, 20, 4}, "balanced-softmax", "ratio 15"},
                 {{90, 20, 3}, "balanced-softmax", "ratio 30"}};
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        char *folder = test_folder();
        bal_dataset *data = open_data(ctx, folder, cases[i].counts, 3);
        bal_recipe *recipe, *copy;
        test_ok(ctx, bal_recipe_open_for(&recipe, ctx, BAL_RECIPE_AUTO, data));
        assert_string_equal(bal_recipe_name(recipe), cases[i].recipe);
        assert_non_null(strstr(bal_recipe_chosen(recipe), cases[i].recipe));
        assert_non_null(strstr(bal_recipe_chosen(recipe), cases[i].ratio));
        test_ok(ctx, bal_recipe_copy(&copy, ctx, recipe));
        assert_string_equal(bal_recipe_chosen(copy), bal_recipe_chosen(recipe));
        bal_recipe_close(&copy);
        bal_recipe_close(&recipe);
        test_ok(ctx, bal_recipe_open_for(&recipe, ctx, "ldam-drw", data));
        assert_null(bal_recipe_chosen(recipe));
        bal_recipe_close(&recipe);
        bal_dataset_close(&data);
        test_folder_remove(folder);
    }
    bal_ctx_close(&ctx);
}

static void a_trainer_resolves_it(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *data = open_data(ctx, folder, (const int[]){60, 20, 4}, 3);
    bal_train_settings settings = bal_train_defaults();
    assert_string_equal(settings.recipe, BAL_RECIPE_AUTO);
    settings.model = "resnet8";
    settings.engine = "reference";
    bal_trainer *trainer;
    bal_status status = bal_trainer_open(&trainer, ctx, data, NULL, &settings);
    if (status == BAL_OK) {
        assert_string_equal(bal_recipe_name(trainer->recipe), "balanced-softmax");
        assert_non_null(strstr(trainer->settings.out, "balanced-softmax"));
    }
    test_ok(ctx, status);
    bal_trainer_close(&trainer);
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void needs_data(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *recipe;
    assert_int_equal(bal_recipe_open(&recipe, ctx, BAL_RECIPE_AUTO), BAL_BAD_ARG);
    assert_null(recipe);
    assert_non_null(strstr(bal_error(ctx), "data set"));
    assert_int_equal(bal_recipe_open(&recipe, ctx, "autoo"), BAL_BAD_ARG);
    assert_non_null(strstr(bal_error(ctx), "did you mean \"auto\""));
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratio_is_over_the_classes_with_images),
        cmocka_unit_test(every_choice_is_a_recipe_and_the_last_holds_for_all),
        cmocka_unit_test(takes_the_row_of_the_training_counts),
        cmocka_unit_test(a_trainer_resolves_it),
        cmocka_unit_test(needs_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
