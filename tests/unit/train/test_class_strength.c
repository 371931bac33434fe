/* Strength by class: the formula by frequency, CUDA's levels and operations, and runs whose levels
 * move, stop and go on to the same bits. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include "ballast/net.h"
#include "balance/augment/policy.h"
#include "base/cursor.h"
#include "train/images/class_strength.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void frequency_is_the_formula(void **state)
{
    (void)state;
    const int64_t counts[] = {5000, 500, 0, 50, 1581};
    const double want[] = {0.2, 0.6, 1.0, 1.0, 0.2 + 0.8 * 0.2500190672};
    const int64_t equal[] = {7, 7, 7};
    bal_augment_settings s = {.by_class = "frequency", .strength_head = 0.2};
    double got[5];
    bal_augment_strengths(&s, 5, counts, got);
    for (int c = 0; c < 5; c++)
        assert_true(fabs(got[c] - want[c]) < 1e-6);
    bal_augment_strengths(&s, 3, equal, got);
    for (int c = 0; c < 3; c++)
        assert_true(got[c] == 1.0);
    s.by_class = "none";
    bal_augment_strengths(&s, 5, counts, got);
    for (int c = 0; c < 5; c++)
        assert_true(got[c] == 1.0);
}

/* ---- CUDA ---- */

static void tests_grow_with_the_level(void **state)
{
    (void)state;
    const bal_augment_settings usual = {0}, three = {.num_test = 3};
    assert_int_equal(bal_cuda_tests(&usual, 0), 10);
    assert_int_equal(bal_cuda_tests(&usual, 1), 30);
    assert_int_equal(bal_cuda_tests(&usual, 10), 660);
    assert_int_equal(bal_cuda_tests(&three, 2), 18);
    int at_level[BAL_CUDA_LEVELS] = {0};
    for (int64_t i = 0; i < 660; i++)
        at_level[bal_cuda_test_level(&usual, i)]++;
    for (int l = 0; l < BAL_CUDA_LEVELS; l++)
        assert_int_equal(at_level[l], 10 * (l + 1));
}

static void every_level_must_pass(void **state)
{
    (void)state;
    static const struct {
        int level;
        int64_t right[BAL_CUDA_LEVELS];
        int next;
    } rows[] = {
        {0, {6}, 1},                                           /* exactly 0.6 of 10 passes */
        {0, {5}, 0},                                           /* no level below 0 */
        {2, {6, 12, 18}, 3},                                   /* of 10, 20, 30 */
        {2, {6, 12, 17}, 1},                                   /* the last one fails */
        {2, {5, 20, 30}, 1},                                   /* the first one fails */
        {10, {6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66}, 10}, /* no level above 10 */
        {10, {6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 65}, 9},
    };
    const bal_augment_settings usual = {0}, strict = {.num_test = 4, .accept_rate = 0.9};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        assert_int_equal(bal_cuda_next_level(&usual, rows[i].level, rows[i].right), rows[i].next);
    assert_int_equal(bal_cuda_next_level(&strict, 1, (const int64_t[]){4, 8}), 2);
    assert_int_equal(bal_cuda_next_level(&strict, 1, (const int64_t[]){4, 7}), 0);
}

/* The ranges of the 22, by name: from the table of docs/methods/augmentations/cuda.md. */
static void operations_are_uniform_at_their_magnitude(void **state)
{
    (void)state;
    enum { DRAWS = 20000, LEVEL = 6 };
    static const struct {
        bal_policy_op op;
        double value;
        bool either;
    } ops[BAL_CUDA_OPS] = {
        {BAL_POLICY_FLIP, 0, 0},          {BAL_POLICY_MIRROR, 0, 0},
        {BAL_POLICY_EDGE_ENHANCE, 0, 0},  {BAL_POLICY_DETAIL, 0, 0},
        {BAL_POLICY_SMOOTH, 0, 0},        {BAL_POLICY_AUTO_CONTRAST, 0, 0},
        {BAL_POLICY_EQUALIZE, 0, 0},      {BAL_POLICY_INVERT, 0, 0},
        {BAL_POLICY_BLUR, 0.4, 0},        {BAL_POLICY_ZOOM, 1.1, 0},
        {BAL_POLICY_ROTATE, 6, 1},        {BAL_POLICY_POSTERIZE, 1, 0},
        {BAL_POLICY_SOLARIZE, 51.2, 0},   {BAL_POLICY_SOLARIZE_ADD, 22, 0},
        {BAL_POLICY_COLOR, 0.46, 0},      {BAL_POLICY_CONTRAST, 0.46, 0},
        {BAL_POLICY_BRIGHTNESS, 0.46, 0}, {BAL_POLICY_SHARPNESS, 0.46, 0},
        {BAL_POLICY_SHEAR_X, 0.06, 1},    {BAL_POLICY_SHEAR_Y, 0.06, 1},
        {BAL_POLICY_TRANSLATE_X, 20, 1},  {BAL_POLICY_TRANSLATE_Y, 20, 1},
    };
    int count[BAL_CUDA_OPS] = {0}, negative[BAL_CUDA_OPS] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 7, i);
        bal_policy_step steps[BAL_POLICY_STEPS];
        assert_int_equal(bal_cuda_draw(LEVEL, &random, steps), LEVEL);
        for (int k = 0; k < LEVEL; k++) {
            int at = 0;
            while (at < BAL_CUDA_OPS && ops[at].op != steps[k].op)
                at++;
            assert_true(at < BAL_CUDA_OPS);
            if (fabs(fabs(steps[k].value) - ops[at].value) > 1e-9)
                fail_msg("operation %d has %g, want %g", at, steps[k].value, ops[at].value);
            count[at]++;
            negative[at] += steps[k].value < 0.0;
        }
    }
    const double expected = (double)DRAWS * LEVEL / BAL_CUDA_OPS;
    for (int at = 0; at < BAL_CUDA_OPS; at++) {
        assert_true(fabs(count[at] - expected) < 5.0 * sqrt(expected));
        assert_true(ops[at].either ? abs(2 * negative[at] - count[at]) < 5.0 * sqrt(count[at])
                                   : negative[at] == 0);
    }
    bal_random random = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    bal_policy_step none[1];
    assert_int_equal(bal_cuda_draw(0, &random, none), 0);
}

static void images_are_augmented_with_aug_prob(void **state)
{
    (void)state;
    enum { SIDE = 12, DRAWS = 3000 };
    const bal_augment_settings s = {.by_class = "cuda", .aug_prob = 0.3};
    int changed = 0, for_certain = 0;
    for (uint64_t item = 0; item < DRAWS; item++) {
        uint8_t in[SIDE * SIDE], a[SIDE * SIDE], b[SIDE * SIDE], scratch[SIDE * SIDE];
        for (int i = 0; i < SIDE * SIDE; i++)
            in[i] = a[i] = b[i] = (uint8_t)(i * 37 + i / 7);
        bal_augment_draw draw = {.seed = test_seed(), .item = item, .level = 10};
        bal_augment(&s, (bal_image_shape){1, SIDE, SIDE}, &draw, a, scratch);
        draw.always = true;
        bal_augment(&s, (bal_image_shape){1, SIDE, SIDE}, &draw, b, scratch);
        changed += memcmp(in, a, sizeof a) != 0;
        for_certain += memcmp(in, b, sizeof b) != 0;
        draw.level = 0;
        memcpy(b, in, sizeof b);
        bal_augment(&s, (bal_image_shape){1, SIDE, SIDE}, &draw, b, scratch);
        assert_memory_equal(in, b, sizeof b);
    }
    assert_true(for_certain > DRAWS * 99 / 100);
    assert_true(abs(changed - (int)(0.3 * for_certain)) < 130); /* sd 25 */
}

/* ---- runs ---- */

static const char cuda_recipe[] = "name: levels\n"
                                  "batch_size: 8\n"
                                  "epochs: 6\n"
                                  "optimizer: {lr: 0.02}\n"
                                  "schedule: {warmup: 0}\n"
                                  "stages:\n"
                                  "  - epochs: 4\n"
                                  "    augment: {crop_padding: 1, by_class: cuda, num_test: 5}\n"
                                  "  - epochs: 2\n"
                                  "    sampler: class-balanced\n"
                                  "    augment: {crop_padding: 1, by_class: cuda, num_test: 5}\n";

static const test_toy toy = {.channels = 3, .side = 7, .train = {20, 13, 7}, .test = 2};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    bal_dataset *data;
    bal_train_settings settings;
} fixture;

static char *run_path(const fixture *f, const char *name)
{
    static char paths[8][4200];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", f->folder, name);
    return path;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    test_write_toy(run_path(f, "toy"), &toy);
    f->data = test_open_toy(f->ctx, run_path(f, "toy"), 0.25);
    f->settings = bal_train_defaults();
    f->settings.model = "lenet";
    f->settings.engine = "reference";
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

static bal_status train(fixture *f, const char *out, const bal_train_callbacks *callbacks)
{
    f->settings.out = out;
    return test_train(f->ctx, &(test_training){.data = f->data,
                                               .recipe = cuda_recipe,
                                               .settings = &f->settings,
                                               .callbacks = callbacks});
}

static void same_end(const fixture *f, const char *a, const char *b)
{
    bal_bytes x, y;
    test_ok(f->ctx, bal_file_read(f->ctx, test_path(a, "last.safetensors"), 1 << 24, &x));
    test_ok(f->ctx, bal_file_read(f->ctx, test_path(b, "last.safetensors"), 1 << 24, &y));
    assert_int_equal(x.count, y.count);
    assert_memory_equal(x.data, y.data, x.count);
    bal_bytes_free(f->ctx, &x);
    bal_bytes_free(f->ctx, &y);
    json_t *one = test_json_lines(test_path(a, "metrics.jsonl")),
           *two = test_json_lines(test_path(b, "metrics.jsonl"));
    assert_int_equal(json_array_size(one), json_array_size(two));
    static const char *const keys[] = {"class_level", "level_tests", "train_loss", "class_drawn"};
    for (size_t e = 0; e < json_array_size(one); e++)
        for (size_t k = 0; k < BAL_COUNT_OF(keys); k++) {
            const json_t *p = json_object_get(json_array_get(one, e), keys[k]);
            const json_t *q = json_object_get(json_array_get(two, e), keys[k]);
            assert_non_null(p);
            if (!json_equal(p, q))
                fail_msg("%s of epoch %zu differs", keys[k], e + 1);
        }
    json_decref(one);
    json_decref(two);
}

static void levels_move_by_one_and_are_told(void **state)
{
    fixture *f = *state;
    char *out = run_path(f, "whole");
    test_ok(f->ctx, train(f, out, NULL));
    json_t *lines = test_json_lines(test_path(out, "metrics.jsonl"));
    assert_int_equal(json_array_size(lines), 6);
    const bal_augment_settings s = {.num_test = 5};
    int before[3] = {0}, ups = 0;
    for (size_t e = 0; e < 6; e++) {
        const json_t *line = json_array_get(lines, e);
        int64_t tests = 0;
        for (int c = 0; c < 3; c++)
            tests += bal_cuda_tests(&s, before[c]);
        assert_int_equal(json_integer_value(json_object_get(line, "level_tests")), tests);
        for (int c = 0; c < 3; c++) {
            const int level = (int)test_json_item(line, "class_level", c);
            assert_true(level == before[c] + 1 || level == (before[c] > 0 ? before[c] - 1 : 0));
            ups += level > before[c];
            before[c] = level;
        }
    }
    assert_true(ups > 0); /* one class is right by chance from the start */
    json_decref(lines);
    /* a stage without levels tells none */
    f->settings.out = run_path(f, "plain");
    test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data,
                                                        .recipe = "batch_size: 8\nepochs: 1\n"
                                                                  "stages: [{}]\n",
                                                        .settings = &f->settings}));
    lines = test_json_lines(test_path(f->settings.out, "metrics.jsonl"));
    assert_null(json_object_get(json_array_get(lines, 0), "class_level"));
    json_decref(lines);
}

static void workers_change_nothing(void **state)
{
    fixture *f = *state;
    char *one = run_path(f, "one"), *three = run_path(f, "three");
    test_ok(f->ctx, train(f, one, NULL));
    f->settings.workers = 3;
    test_ok(f->ctx, train(f, three, NULL));
    same_end(f, one, three);
}

static void interrupt_epoch(void *user, const bal_epoch_report *report)
{
    (void)report;
    bal_ctx_interrupt(user);
}

static void interrupt_step(void *user, const bal_progress *progress)
{
    (void)progress;
    bal_ctx_interrupt(user);
}

/* Stopped after steps and after epochs, again and again, and during the test itself. */
static void interrupted_runs_end_with_the_same_bits(void **state)
{
    fixture *f = *state;
    char *whole = run_path(f, "whole"), *run = run_path(f, "run");
    const bal_train_callbacks stop[] = {{.epoch = interrupt_epoch, .user = f->ctx},
                                        {.progress = interrupt_step, .user = f->ctx}};
    test_ok(f->ctx, train(f, whole, NULL));
    bal_ctx_interrupt(f->ctx); /* meets the first test */
    bal_status status = train(f, run, NULL);
    assert_int_equal(status, BAL_INTERRUPTED);
    f->settings.resume = true;
    int stops = 1;
    for (; status == BAL_INTERRUPTED && stops < 60; stops++)
        status = train(f, run, &stop[stops % 2]);
    test_ok(f->ctx, status);
    assert_true(stops > 8);
    same_end(f, whole, run);
}

static void damaged_levels_are_refused(void **state)
{
    fixture *f = *state;
    char *run = run_path(f, "run");
    const bal_train_callbacks stop = {.epoch = interrupt_epoch, .user = f->ctx};
    test_fails(f->ctx, train(f, run, &stop), BAL_INTERRUPTED, NULL);
    bal_weights *all;
    const char *path = test_path(run, "state.safetensors");
    test_ok(f->ctx, bal_weights_read(&all, f->ctx, path));
    const bal_tensor *levels = bal_weights_find(all, "augment/level");
    assert_non_null(levels);
    assert_int_equal(levels->count, 2 + 3);
    levels->data[3] = 11.0f;
    test_ok(f->ctx, bal_weights_write(all, f->ctx, path));
    bal_weights_close(&all);
    f->settings.resume = true;
    test_fails(f->ctx, train(f, run, NULL), BAL_BAD_FILE, "augment/level", "0 to 10", NULL);
}

static bal_status open_once(bal_ctx *ctx, void *user)
{
    const int64_t counts[] = {2, 1, 0}, items[] = {4, 5, 9};
    const int32_t labels[] = {0, 1, 0};
    bal_class_strength *strength;
    (void)user;
    const bal_status status = bal_class_strength_open(
        &strength, ctx,
        &(bal_class_strength_settings){
            .classes = 3, .counts = counts, .items = items, .labels = labels, .item_count = 3});
    assert_true((status == BAL_OK) == (strength != NULL));
    bal_class_strength_close(&strength);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(open_once, NULL);
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequency_is_the_formula),
        cmocka_unit_test(tests_grow_with_the_level),
        cmocka_unit_test(every_level_must_pass),
        cmocka_unit_test(operations_are_uniform_at_their_magnitude),
        cmocka_unit_test(images_are_augmented_with_aug_prob),
        cmocka_unit_test(allocation_failures),
        RUN_TEST(levels_move_by_one_and_are_told),
        RUN_TEST(workers_change_nothing),
        RUN_TEST(interrupted_runs_end_with_the_same_bits),
        RUN_TEST(damaged_levels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
