/* Run folders: when they may be made, replaced and resumed, what stands in them, and going back. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "base/cursor.h"
#include "train/run/event_file.h"
#include "train/run/run_folder.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    bal_ctx *ctx;
    char *folder; /* temporary */
    char images[4096], run[4096];
    bal_dataset *dataset;
    bal_recipe *recipe;
    int64_t counts[BAL_SPLIT_COUNT][2];
    bal_run_data data;
    bal_run_start start;
} fixture;

static const char *const class_names[] = {"a,b", "dog"};

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx();
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/images", f->folder);
    snprintf(f->run, sizeof f->run, "%s/runs/one", f->folder);
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "images/train/%s/%d.png", class_names[i % 2], i);
        test_write_png(test_path(f->folder, name), 8, 8, 3);
    }
    bal_dataset_settings settings = bal_dataset_defaults();
    settings.val_fraction = 0;
    test_ok(f->ctx, bal_dataset_open(&f->dataset, f->ctx, f->images, &settings));
    test_ok(f->ctx, bal_recipe_open(&f->recipe, f->ctx, "ldam-drw"));
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        bal_dataset_counts(f->dataset, (bal_split)s, f->counts[s]);
    const bal_dataset_info info = bal_dataset_describe(f->dataset);
    f->data = (bal_run_data){.where = f->images,
                             .dataset = settings,
                             .name = info.name,
                             .format = info.format,
                             .classes = info.classes,
                             .channels = info.channels,
                             .height = info.height,
                             .width = info.width,
                             .class_names = class_names,
                             .counts = {f->counts[0], f->counts[1], f->counts[2]},
                             .mean = {0.1, 0.2, 1.0 / 3},
                             .std = {0.5, 0.25, 0.125},
                             .model = "resnet8",
                             .head = "cosine",
                             .scale = 30};
    f->start = (bal_run_start){.recipe = f->recipe,
                               .command = "ballast train images",
                               .dataset = f->dataset,
                               .data = &f->data,
                               .seed = UINT64_MAX,
                               .engine = "reference",
                               .engine_version = ""};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_recipe_close(&f->recipe);
    bal_dataset_close(&f->dataset);
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static const char *in_run(fixture *f, const char *name)
{
    return test_path(f->run, name);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static char *text_of(fixture *f, const char *path)
{
    bal_bytes bytes;
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 20, &bytes));
    char *text = calloc(bytes.count + 1, 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.count);
    bal_bytes_free(f->ctx, &bytes);
    return text;
}

static bal_run_folder *open_run(fixture *f, bal_run_mode mode)
{
    bal_run_folder *run;
    test_ok(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, mode));
    return run;
}

static void add_epochs(fixture *f, bal_run_folder *run, int first, int last)
{
    for (int e = first; e <= last; e++) {
        const double loss[] = {0.5 / e, NAN}, recall[] = {0.25, 1.0 - 0.1 * e};
        const int64_t drawn[] = {3, 2};
        const bal_epoch_report report = {.epoch = e,
                                         .epochs = 9,
                                         .lr = 0.1,
                                         .train_loss = 1.0 / e,
                                         .val_loss = NAN,
                                         .best = e == 1,
                                         .classes = 2,
                                         .val_class_loss = loss,
                                         .val_class_recall = recall,
                                         .class_drawn = drawn};
        test_ok(f->ctx, bal_run_folder_epoch(run, &report));
    }
}

/* ---- making and opening ---- */

static void a_new_folder_must_be_new(void **state)
{
    fixture *f = *state;
    bal_run_folder *run, *second;
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_RESUME), BAL_BAD_ARG,
               f->run, "there is no run to resume", NULL);
    assert_null(run);
    assert_false(exists(f->run));
    run = open_run(f, BAL_RUN_NEW); /* parents too */
    assert_string_equal(bal_run_folder_path(run), f->run);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    assert_true(bal_run_folder_has(run, "recipe.yaml") && !bal_run_folder_has(run, "state.bin"));
    test_fails(f->ctx, bal_run_folder_open(&second, f->ctx, f->run, BAL_RUN_RESUME), BAL_IO, f->run,
               "another process", NULL);
    bal_run_folder_close(&run);
    assert_null(run);
    bal_run_folder_close(&run);
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_NEW), BAL_BAD_ARG, f->run,
               "there is a run already", "resume", "overwrite", NULL);
    run = open_run(f, BAL_RUN_RESUME);
    bal_run_folder_close(&run);
}

static void an_empty_folder_is_new(void **state)
{
    fixture *f = *state;
    static const bal_run_mode modes[] = {BAL_RUN_NEW, BAL_RUN_OVERWRITE, BAL_RUN_RESUME};
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    bal_run_folder_close(&run);
    for (size_t i = 0; i < BAL_COUNT_OF(modes); i++) {
        run = open_run(f, modes[i]);
        bal_run_folder_close(&run);
    }
}

static void overwriting_removes_runs_only(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    add_epochs(f, run, 1, 2);
    bal_run_folder_close(&run);
    /* a run with a user's own files in it, and a link that must not be followed */
    char *outside = strdup(test_path(f->folder, "outside.txt"));
    test_write_file(outside, "x", 1);
    assert_int_equal(mkdir(in_run(f, "plots"), 0777), 0);
    test_write_file(in_run(f, "plots/one.svg"), "x", 1);
    assert_int_equal(symlink(f->folder, in_run(f, "link")), 0);
    run = open_run(f, BAL_RUN_OVERWRITE);
    assert_false(exists(in_run(f, "recipe.yaml")) || exists(in_run(f, "command.txt")) ||
                 exists(in_run(f, "metrics.jsonl")));
    assert_true(exists(in_run(f, "plots/one.svg")) && exists(in_run(f, "link")));
    assert_true(exists(outside) && exists(f->images));
    bal_run_folder_close(&run);
    unlink(in_run(f, "plots/one.svg"));
    unlink(in_run(f, "link"));
    assert_int_equal(rmdir(in_run(f, "plots")), 0);
    /* what is no run stays */
    test_write_file(in_run(f, "thesis.tex"), "x", 1);
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_OVERWRITE), BAL_BAD_ARG,
               f->run, "not a run folder", NULL);
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_RESUME), BAL_BAD_ARG,
               f->run, "not a run folder", NULL);
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_NEW), BAL_BAD_ARG, f->run,
               "not empty", NULL);
    test_write_file(in_run(f, "recipe.yaml"), "x", 1); /* one of the two is not enough */
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_OVERWRITE), BAL_BAD_ARG,
               "not a run folder", NULL);
    assert_true(exists(in_run(f, "thesis.tex")) && exists(in_run(f, "recipe.yaml")));
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, outside, BAL_RUN_OVERWRITE), BAL_BAD_ARG,
               outside, NULL);
    free(outside);
}

/* Killed while it started: some of the files, perhaps one that was never renamed. */
static void a_run_that_never_started_can_be_begun_again(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    bal_run_folder_close(&run);
    test_write_file(in_run(f, "data.json"), "{", 1);
    test_write_file(in_run(f, "split.csv.tmp-77-0"), "x", 1);
    run = open_run(f, BAL_RUN_RESUME);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    add_epochs(f, run, 1, 1);
    bal_run_folder_close(&run);
    run = open_run(f, BAL_RUN_OVERWRITE);
    assert_false(exists(in_run(f, "split.csv.tmp-77-0")));
    bal_run_folder_close(&run);
}

static void a_killed_process_loses_the_lock(void **state)
{
    fixture *f = *state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bal_run_folder *held;
        if (bal_run_folder_open(&held, f->ctx, f->run, BAL_RUN_NEW) == BAL_OK)
            byte = (char)write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    bal_run_folder *run;
    test_fails(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_NEW), BAL_IO,
               "another process", NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    run = open_run(f, BAL_RUN_NEW);
    bal_run_folder_close(&run);
    close(ready[0]);
    close(ready[1]);
}

/* ---- contents ---- */

static void the_start_is_written_and_read_back(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    bal_run_folder_close(&run);

    bal_recipe *recipe;
    char *want, *got = text_of(f, in_run(f, "recipe.yaml"));
    test_ok(f->ctx, bal_recipe_yaml(f->recipe, f->ctx, &want));
    assert_string_equal(got, want);
    free(got);
    bal_release(f->ctx, want);
    test_ok(f->ctx, bal_recipe_open(&recipe, f->ctx, in_run(f, "recipe.yaml")));
    assert_string_equal(bal_recipe_name(recipe), "ldam-drw");
    bal_recipe_close(&recipe);

    got = text_of(f, in_run(f, "command.txt"));
    assert_string_equal(got, "ballast train images\n");
    free(got);
    got = text_of(f, in_run(f, "split.csv"));
    assert_string_equal(got, "item,split,class,name\n"
                             "0,train,0,\"train/a,b/0.png\"\n"
                             "1,train,0,\"train/a,b/2.png\"\n"
                             "2,train,0,\"train/a,b/4.png\"\n"
                             "3,train,1,train/dog/1.png\n"
                             "4,train,1,train/dog/3.png\n");
    free(got);
    json_t *environment = json_load_file(in_run(f, "environment.json"), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(environment, "ballast")), bal_version());
    assert_string_equal(json_string_value(json_object_get(environment, "seed")),
                        "18446744073709551615");
    assert_int_equal(json_integer_value(json_object_get(environment, "threads")),
                     bal_ctx_threads(f->ctx));
    static const char *const keys[] = {"started", "compiler", "libraries", "engine",
                                       "system",  "release",  "machine",   "processor"};
    for (size_t i = 0; i < BAL_COUNT_OF(keys); i++)
        assert_non_null(json_object_get(environment, keys[i]));
    json_decref(environment);

    bal_run_data_held *held;
    bal_run_data d;
    test_ok(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d));
    assert_string_equal(d.where, f->images);
    assert_string_equal(d.format, "folder");
    assert_null(d.dataset.longtail);
    assert_true(d.dataset.val_fraction == 0 && d.dataset.seed == f->data.dataset.seed);
    assert_true(d.classes == 2 && d.channels == 3 && d.height == 8 && d.width == 8);
    assert_string_equal(d.class_names[0], "a,b");
    assert_string_equal(d.class_names[1], "dog");
    assert_true(d.counts[BAL_SPLIT_TRAIN][0] == 3 && d.counts[BAL_SPLIT_TRAIN][1] == 2);
    assert_true(d.counts[BAL_SPLIT_TEST][1] == 0);
    assert_memory_equal(d.mean, f->data.mean, sizeof d.mean); /* every bit */
    assert_memory_equal(d.std, f->data.std, sizeof d.std);
    assert_string_equal(d.model, "resnet8");
    assert_string_equal(d.head, "cosine");
    assert_true(d.scale == 30);
    bal_run_data_close(&held);
    assert_null(held);
}

static void texts_that_are_not_utf8_are_written(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"caf\xe9", "caf\xc3\xa9"};
    f->data.class_names = names;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    add_epochs(f, run, 1, 1);
    bal_run_folder_close(&run);
    bal_run_data_held *held;
    bal_run_data d;
    test_ok(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d));
    assert_string_equal(d.class_names[0], "caf?");
    assert_string_equal(d.class_names[1], "caf\xc3\xa9");
    bal_run_data_close(&held);
}

/* Replaces one piece of data.json by another, or cuts it off. */
static void refuses_damaged_data(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    bal_run_folder_close(&run);
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        {"{\n  \"version\"", "", "not JSON"},
        {"\"version\": 1", "\"version\": 2", "version 2, this build reads version 1"},
        {"\"version\": 1", "\"version\": \"1\"", "Expected integer"},
        {"\"model\"", "\"modell\"", "model"},
        {"\"where\"", "\"were\"", "where"},
        {"\"longtail\": null", "\"longtail\": 3", "longtail"},
        {"\"seed\": \"", "\"seed\": \"-", "seed"},
        {"\"channels\": 3", "\"channels\": 2", "out of range"},
        {"\"height\": 8", "\"height\": 0", "out of range"},
        {"\"width\": 8", "\"width\": 99999999", "out of range"},
        {"0.25,", "", "mean and std"},
        {"0.5,", "-0.5,", "std is not above 0"},
        {"0.5,", "null,", "mean and std"},
        {"\"train\": 3", "\"train\": -3", "below 0"},
        {"\"classes\": [", "\"classes\": [], \"rest\": [", "two or more"},
        {"\"train\": 3", "\"train\": 3, \"train\": 3", "not JSON"},
    };
    char *whole = text_of(f, in_run(f, "data.json"));
    bal_run_data_held *held;
    bal_run_data d;
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char text[8192];
        const char *data = strstr(whole, "\"input\""); /* "channels" stands in "data" too */
        const char *at = strstr(data ? data : whole, rows[i].from);
        if (!at)
            at = strstr(whole, rows[i].from);
        assert_non_null(at);
        const int size = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole,
                                  rows[i].to, at + strlen(rows[i].from));
        test_write_file(in_run(f, "data.json"), text, (size_t)size);
        test_fails(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d), BAL_BAD_FILE, "data.json",
                   rows[i].words, NULL);
        assert_null(held);
    }
    free(whole);
    unlink(in_run(f, "data.json"));
    test_fails(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d), BAL_IO, "data.json", NULL);
}

/* ---- epochs ---- */

/* How many records an event file has; every checksum must hold. */
static int count_records(fixture *f)
{
    char *path = strdup(in_run(f, "events.out.tfevents.ballast"));
    bal_bytes bytes;
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 20, &bytes));
    bal_cursor c = bal_cursor_over(bytes.data, bytes.count);
    int records = 0;
    for (; bal_cursor_left(&c) > 0; records++) {
        const unsigned char *at = c.at, *message;
        uint64_t length;
        uint32_t crc[2];
        assert_true(bal_take_u64le(&c, &length) && bal_take_u32le(&c, &crc[0]) &&
                    bal_take_bytes(&c, length, &message) && bal_take_u32le(&c, &crc[1]));
        const uint32_t sums[] = {bal_crc32c(at, 8), bal_crc32c(message, length)};
        for (int i = 0; i < 2; i++)
            assert_int_equal(crc[i], (sums[i] >> 15 | sums[i] << 17) + 0xa282ead8u);
    }
    bal_bytes_free(f->ctx, &bytes);
    free(path);
    return records;
}

static void epochs_are_lines_and_events(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    assert_int_equal(count_records(f), 1);
    add_epochs(f, run, 1, 3);
    assert_int_equal(count_records(f), 4);
    char *text = text_of(f, in_run(f, "metrics.jsonl"));
    char *end = strchr(text, '\n');
    assert_non_null(end);
    json_t *line = json_loadb(text, (size_t)(end - text), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(line, "epoch")), 1);
    assert_true(json_is_null(json_object_get(line, "val_loss"))); /* NaN is null, never 0 */
    assert_true(json_is_true(json_object_get(line, "best")));
    const json_t *loss = json_object_get(line, "val_class_loss");
    assert_true(json_number_value(json_array_get(loss, 0)) == 0.5);
    assert_true(json_is_null(json_array_get(loss, 1)));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(line, "class_drawn"), 1)),
                     2);
    json_decref(line);
    free(text);
    bal_run_folder_close(&run);
}

static void resuming_throws_later_epochs_away(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    add_epochs(f, run, 1, 3);
    char *three = text_of(f, in_run(f, "metrics.jsonl"));
    add_epochs(f, run, 4, 5);
    bal_run_folder_close(&run);
    /* killed within a line */
    FILE *torn = fopen(in_run(f, "metrics.jsonl"), "ab");
    assert_non_null(torn);
    fputs("{\"epoch\": 6, \"lr", torn);
    fclose(torn);
    run = open_run(f, BAL_RUN_RESUME);
    test_fails(f->ctx, bal_run_folder_truncate(run, 6), BAL_BAD_FILE, "metrics.jsonl", "line 6",
               NULL);
    test_ok(f->ctx, bal_run_folder_truncate(run, 3));
    char *text = text_of(f, in_run(f, "metrics.jsonl"));
    assert_string_equal(text, three);
    free(text);
    assert_int_equal(count_records(f), 4);
    add_epochs(f, run, 4, 4);
    assert_int_equal(count_records(f), 5);
    test_ok(f->ctx, bal_run_folder_truncate(run, 4));
    test_ok(f->ctx, bal_run_folder_truncate(run, 0));
    assert_int_equal(count_records(f), 1);
    test_fails(f->ctx, bal_run_folder_truncate(run, 1), BAL_BAD_FILE, "line 1", NULL);
    unlink(in_run(f, "metrics.jsonl"));
    test_ok(f->ctx, bal_run_folder_truncate(run, 0));
    unlink(in_run(f, "metrics.jsonl"));
    test_fails(f->ctx, bal_run_folder_truncate(run, 1), BAL_IO, "metrics.jsonl", NULL);
    free(three);
    bal_run_folder_close(&run);
}

static void log_and_summary(void **state)
{
    fixture *f = *state;
    bal_run_folder *run = open_run(f, BAL_RUN_NEW);
    test_ok(f->ctx, bal_run_folder_log(run, "first"));
    test_ok(f->ctx, bal_run_folder_log(run, "second"));
    char *text = text_of(f, in_run(f, "log.txt"));
    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 2);
    assert_non_null(strstr(text, " first\n"));
    assert_string_equal(strstr(text, " second"), " second\n");
    free(text);
    json_t *summary = json_pack("{s:i}", "epochs", 3);
    test_ok(f->ctx, bal_run_folder_summary(run, summary));
    json_decref(summary);
    summary = json_load_file(in_run(f, "summary.json"), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(summary, "epochs")), 3);
    json_decref(summary);
    bal_run_folder_close(&run);
}

/* ---- memory ---- */

static bal_status whole_life(bal_ctx *ctx, void *user)
{
    fixture *f = user;
    bal_run_folder *run;
    bal_run_data_held *held = NULL;
    bal_run_data data;
    const double numbers[] = {0.5, 0.25};
    const bal_epoch_report report = {
        .epoch = 1, .classes = 2, .val_class_loss = numbers, .val_class_recall = numbers};
    bal_status status = bal_run_folder_open(&run, ctx, f->run, BAL_RUN_OVERWRITE);
    assert_true((status == BAL_OK) == (run != NULL));
    if (status == BAL_OK)
        status = bal_run_folder_start(run, &f->start);
    if (status == BAL_OK)
        status = bal_run_folder_epoch(run, &report);
    if (status == BAL_OK)
        status = bal_run_folder_truncate(run, 1);
    if (status == BAL_OK)
        status = bal_run_folder_log(run, "line");
    if (status == BAL_OK)
        status = bal_run_data_open(&held, ctx, f->run, &data);
    bal_run_data_close(&held);
    bal_run_folder_close(&run);
    return status;
}

static void survives_failing_allocations(void **state)
{
    test_allocation_failures(whole_life, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_folder_must_be_new),
        TEST(an_empty_folder_is_new),
        TEST(overwriting_removes_runs_only),
        TEST(a_run_that_never_started_can_be_begun_again),
        TEST(a_killed_process_loses_the_lock),
        TEST(the_start_is_written_and_read_back),
        TEST(texts_that_are_not_utf8_are_written),
        TEST(refuses_damaged_data),
        TEST(epochs_are_lines_and_events),
        TEST(resuming_throws_later_epochs_away),
        TEST(log_and_summary),
        TEST(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
