/* Every allocation of opening a trainer or a model fails once: an error, nothing left behind. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include <stdio.h>
#include <stdlib.h>

static const test_toy toy = {.channels = 1, .side = 8, .train = {9, 5}, .test = 2};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096];
    bal_dataset *data;
} fixture;

static bal_train_settings settings_of(const fixture *f)
{
    bal_train_settings s = bal_train_defaults();
    s.model = "lenet";
    s.recipe = "ldam-drw";
    s.epochs = 2;
    s.batch_size = 4;
    s.lr = 0.01;
    s.out = f->run;
    return s;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    test_write_toy(f->images, &toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    const bal_train_settings s = settings_of(f);
    test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data, .settings = &s}));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static bal_status open_trainer(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    const bal_train_settings s = settings_of(f);
    bal_trainer *trainer;
    const bal_status status = bal_trainer_open(&trainer, ctx, f->data, NULL, &s);
    assert_true((status == BAL_OK) == (trainer != NULL));
    bal_trainer_close(&trainer);
    return status;
}

static bal_status open_model(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    bal_model *model;
    const bal_status status = bal_model_open(&model, ctx, &s);
    assert_true((status == BAL_OK) == (model != NULL));
    bal_model_close(&model);
    return status;
}

static void a_trainer_survives_every_failure(void **state)
{
    test_allocation_failures(open_trainer, *state);
}

static void a_model_survives_every_failure(void **state)
{
    test_allocation_failures(open_model, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trainer_survives_every_failure),
        cmocka_unit_test(a_model_survives_every_failure),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
