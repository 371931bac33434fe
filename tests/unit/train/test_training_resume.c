/* Going on with a run: refused when it would become another run or its state is damaged, with
 * nothing changed by the attempt; memory that runs out anywhere leaves a run that goes on to the
 * same bits. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include "base/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char recipe[] = "name: short\n"
                             "batch_size: 8\n"
                             "epochs: 3\n"
                             "optimizer: {lr: 0.05}\n"
                             "stages:\n"
                             "  - {loss: {name: ce}, augment: {crop_padding: 1, hflip: 0.5}}\n";
static const char other_recipe[] = "name: short\n"
                                   "batch_size: 8\n"
                                   "epochs: 3\n"
                                   "optimizer: {lr: 0.05}\n"
                                   "stages:\n"
                                   "  - {loss: {name: focal}}\n";

static const test_toy toy = {.channels = 1, .side = 6, .train = {12, 8}, .test = 2},
                      other_toy = {.channels = 1, .side = 6, .train = {12, 9}, .test = 2};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char images[4096], whole[4096], run[4096];
    bal_dataset *data;
    bal_train_settings settings;
} fixture;

static void interrupt(void *user, const bal_epoch_report *report)
{
    (void)report;
    bal_ctx_interrupt(user);
}

static bal_status train(const fixture *f, bal_ctx *ctx, const bal_train_callbacks *callbacks)
{
    return test_train(ctx, &(test_training){.data = f->data,
                                            .recipe = recipe,
                                            .settings = &f->settings,
                                            .callbacks = callbacks});
}

/* One run to its end, and one that stops after its first epoch, ready to go on. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->whole, sizeof f->whole, "%s/whole", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    test_write_toy(f->images, &toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    f->settings = bal_train_defaults();
    f->settings.model = "lenet";
    f->settings.engine = "reference";
    f->settings.out = f->whole;
    test_ok(f->ctx, train(f, f->ctx, NULL));
    f->settings.out = f->run;
    const bal_train_callbacks stop = {.epoch = interrupt, .user = f->ctx};
    test_fails(f->ctx, train(f, f->ctx, &stop), BAL_INTERRUPTED, f->run, NULL);
    f->settings.resume = true;
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

static void same_weights(const fixture *f, const char *name)
{
    bal_bytes a, b;
    test_ok(f->ctx, bal_file_read(f->ctx, test_path(f->whole, name), 1 << 24, &a));
    test_ok(f->ctx, bal_file_read(f->ctx, test_path(f->run, name), 1 << 24, &b));
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.data, b.data, a.count);
    bal_bytes_free(f->ctx, &a);
    bal_bytes_free(f->ctx, &b);
}

static void goes_on_to_the_same_end(const fixture *f)
{
    test_ok(f->ctx, train(f, f->ctx, NULL));
    same_weights(f, "best.safetensors");
    same_weights(f, "last.safetensors");
}

/* ---- another run ---- */

static void refused(fixture *f, const test_training *how, const char *says, const char *now)
{
    json_t *before = test_folder_contents(f->run);
    test_fails(f->ctx, test_train(f->ctx, how), BAL_MISMATCH, "state.safetensors", says, now, NULL);
    json_t *after = test_folder_contents(f->run);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

static void another_run_is_refused(void **state)
{
    fixture *f = *state;
    char images[4200];
    snprintf(images, sizeof images, "%s/other", f->folder);
    test_write_toy(images, &other_toy);
    bal_dataset *more = test_open_toy(f->ctx, images, 0.25),
                *split = test_open_toy(f->ctx, f->images, 0.4);
    bal_train_settings seed = f->settings, model = f->settings, lr = f->settings,
                       epochs = f->settings, metric = f->settings;
    seed.seed = 2;
    model.model = "resnet8";
    lr.lr = 0.06;
    epochs.epochs = 4;
    metric.monitor = "accuracy";
    refused(f, &(test_training){f->data, recipe, &seed, NULL, NULL}, "seed \"1\"", "\"2\"");
    refused(f, &(test_training){f->data, recipe, &model, NULL, NULL}, "lenet", "resnet8");
    refused(f, &(test_training){f->data, recipe, &lr, NULL, NULL}, "lr: 0.05", "lr: 0.06");
    refused(f, &(test_training){f->data, recipe, &epochs, NULL, NULL}, "epochs: 3", "epochs: 4");
    refused(f, &(test_training){f->data, recipe, &metric, NULL, NULL}, "balanced_accuracy",
            "\"accuracy\"");
    refused(f, &(test_training){f->data, other_recipe, &f->settings, NULL, NULL}, "recipe",
            "focal");
    refused(f, &(test_training){more, recipe, &f->settings, NULL, NULL}, "data", "members");
    refused(f, &(test_training){split, recipe, &f->settings, NULL, NULL}, "data", "members");
    bal_dataset_close(&more);
    bal_dataset_close(&split);
    goes_on_to_the_same_end(f);
}

/* ---- a damaged state ---- */

static void a_damaged_state_is_told(void **state)
{
    fixture *f = *state;
    char path[4200];
    bal_bytes file;
    snprintf(path, sizeof path, "%s/state.safetensors", f->run);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 24, &file));
    const size_t cut[] = {0, 7, 100, file.count / 2, file.count - 1};
    for (size_t i = 0; i < BAL_COUNT_OF(cut); i++) {
        test_write_file(path, file.data, cut[i]);
        json_t *before = test_folder_contents(f->run);
        test_fails(f->ctx, train(f, f->ctx, NULL), BAL_BAD_FILE, path, NULL);
        json_t *after = test_folder_contents(f->run);
        assert_true(json_equal(before, after));
        json_decref(before);
        json_decref(after);
    }
    test_write_file(path, file.data, file.count);
    bal_bytes_free(f->ctx, &file);
    goes_on_to_the_same_end(f);
}

/* ---- memory ---- */

/* The n-th allocation fails. False: the run did not need so many. */
static bool fails_at(const fixture *f, long n)
{
    test_failer failer = {.left = -1};
    const bal_ctx_settings settings = {.allocator = test_failing_allocator(&failer), .threads = 1};
    bal_ctx *ctx;
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    failer.left = n;
    const bal_status status = train(f, ctx, NULL);
    if (status != BAL_OK && status != BAL_NO_MEMORY)
        fail_msg("allocation %ld failing gave \"%s\": %s", n, bal_status_text(status),
                 bal_error(ctx));
    assert_int_equal(failer.live, 1);
    bal_ctx_close(&ctx);
    assert_int_equal(failer.live, 0);
    return status != BAL_OK;
}

/* All the first allocations, and of those that follow some, ever farther apart. */
static void memory_may_run_out(void **state)
{
    const fixture *f = *state;
    long n = 0, failures = 0;
    for (; fails_at(f, n); n += 1 + n / 40)
        failures++;
    assert_true(failures > 100);
    same_weights(f, "best.safetensors");
    same_weights(f, "last.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_run_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_state_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_run_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
