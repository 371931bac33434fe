/* Runs that are killed, that find the disk full, or that are made twice: they end with the same
 * bits. Every run is a child process, so that it can be killed, and so that the parent, which
 * forks, never starts a thread. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include "base/random.h"
#include "ballast/net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EPOCHS 12
#define KILLS 20

/* Two stages, draws that depend on the epoch and the step, augmentation, momentum, a loss with a
 * state: all that must go on. */
static const char recipe[] = "name: killed\n"
                             "batch_size: 8\n"
                             "epochs: 12\n"
                             "optimizer: {lr: 0.02}\n"
                             "stages:\n"
                             "  - epochs: 50%\n"
                             "    sampler: instance\n"
                             "    loss: {name: seql, seql_lambda: 0.4, seql_gamma: 0.5}\n"
                             "    augment: {crop_padding: 1, hflip: 0.5}\n"
                             "  - epochs: 50%\n"
                             "    sampler: progressive\n"
                             "    freeze: \"conv1*\"\n"
                             "    loss: {name: seesaw, weight: effective}\n"
                             "    augment: {crop_padding: 1, hflip: 0.5}\n";

/* A group of batches, two passes of each, two moments, an average: what else must go on. */
static const char heavy_recipe[] =
    "name: heavy\n"
    "batch_size: 6\n"
    "epochs: 12\n"
    "optimizer: {name: adamw, lr: 0.002, sam_rho: 0.05, grad_accum_steps: 2, clip_grad: 1,\n"
    "            ema_decay: 0.9}\n"
    "stages:\n"
    "  - {epochs: 50%, augment: {crop_padding: 1, hflip: 0.5}}\n"
    "  - {epochs: 50%, freeze: \"conv1*\", loss: {name: focal}}\n";
/* The mean of the last epochs' weights, with statistics of its own. */
static const char swa_recipe[] = "name: swa\n"
                                 "batch_size: 8\n"
                                 "epochs: 12\n"
                                 "optimizer: {lr: 0.02, swa_start: 25%, swa_lr: 0.01}\n"
                                 "stages:\n"
                                 "  - {augment: {crop_padding: 1, hflip: 0.5}}\n";

static const test_toy toy = {.channels = 3, .side = 8, .train = {24, 12, 6}, .test = 3};

typedef struct fixture {
    char *folder;
    char images[4096], whole[4096];
    double seconds; /* of a whole run */
} fixture;

typedef struct child_run {
    const char *out;
    int threads, workers, checkpoint_every;
    bool resume;
    const char *recipe; /* NULL: the first above */
    int full_after;     /* the disk is full from this epoch on; 0: never */
} child_run;

static double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* No file may grow beyond a few hundred bytes: a state is much larger. */
static void fill_disk(void *user, const bal_epoch_report *report)
{
    const child_run *c = user;
    const struct rlimit limit = {40000, 40000};
    if (report->epoch == c->full_after && setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(99);
}

static void train_and_exit(const fixture *f, const child_run *c)
{
    bal_ctx *ctx = test_ctx_threads(c->threads);
    bal_dataset *data = test_open_toy(ctx, f->images, 0.25);
    bal_train_settings settings = bal_train_defaults();
    settings.model = "resnet8";
    settings.out = c->out;
    settings.workers = c->workers;
    settings.resume = c->resume;
    settings.checkpoint_every = c->checkpoint_every;
    const bal_train_callbacks callbacks = {.epoch = fill_disk, .user = (void *)(uintptr_t)c};
    signal(SIGXFSZ, SIG_IGN); /* then writing fails as on a full disk */
    const bal_status status =
        test_train(ctx, &(test_training){.data = data,
                                         .recipe = c->recipe ? c->recipe : recipe,
                                         .settings = &settings,
                                         .callbacks = &callbacks});
    if (status != BAL_OK)
        fprintf(stderr, "run %s: %s\n", c->out, bal_error(ctx));
    bal_dataset_close(&data);
    bal_ctx_close(&ctx);
    fflush(NULL);
    _exit((int)status);
}

static pid_t start(const fixture *f, const child_run *c)
{
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        train_and_exit(f, c);
    return child;
}

/* What waitpid says: a status of the library, or -1 for a child that was killed. */
static int wait_for(pid_t child)
{
    int how;
    while (waitpid(child, &how, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static int run(const fixture *f, child_run c)
{
    return wait_for(start(f, &c));
}

static char *bytes_of(const char *folder, const char *name, size_t *count)
{
    FILE *file = fopen(test_path(folder, name), "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 24);
    assert_non_null(bytes);
    *count = fread(bytes, 1, 1 << 24, file);
    fclose(file);
    return bytes;
}

static void same_file(const char *a, const char *b, const char *name)
{
    size_t x_count, y_count;
    char *x = bytes_of(a, name, &x_count), *y = bytes_of(b, name, &y_count);
    if (x_count != y_count || memcmp(x, y, x_count) != 0)
        fail_msg("%s of %s and %s differ", name, a, b);
    free(x);
    free(y);
}

/* Weights, and of every epoch all but the time that it took. */
static void same_run(const char *a, const char *b)
{
    same_file(a, b, "best.safetensors");
    same_file(a, b, "last.safetensors");
    char path[8192];
    snprintf(path, sizeof path, "%s/metrics.jsonl", a);
    json_t *x = test_json_lines(path);
    snprintf(path, sizeof path, "%s/metrics.jsonl", b);
    json_t *y = test_json_lines(path);
    assert_int_equal(json_array_size(x), EPOCHS);
    for (size_t i = 0; i < json_array_size(x); i++)
        for (int k = 0; k < 2; k++) {
            json_object_del(json_array_get(k ? x : y, i), "seconds");
            json_object_del(json_array_get(k ? x : y, i), "images_per_second");
            json_object_del(json_array_get(k ? x : y, i), "time");
        }
    assert_true(json_equal(x, y));
    json_decref(x);
    json_decref(y);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->whole, sizeof f->whole, "%s/whole", f->folder);
    test_write_toy(f->images, &toy);
    const double began = clock_seconds();
    assert_int_equal(
        run(f, (child_run){.out = f->whole, .threads = 1, .workers = 1, .checkpoint_every = 1}),
        BAL_OK);
    f->seconds = clock_seconds() - began;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* ---- tests ---- */

static void sleep_for(double seconds)
{
    const struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&t, NULL);
}

/* Kills one run again and again until it ends; returns how often. */
static int kill_until_done(const fixture *f, child_run c, bal_random *r)
{
    c.threads = c.workers = 1;
    for (int kills = 0;; kills++, c.resume = true) {
        const pid_t child = start(f, &c);
        sleep_for(bal_random_unit(r) * 0.5 * f->seconds);
        kill(child, SIGKILL);
        const int status = wait_for(child);
        if (status >= 0) {
            assert_int_equal(status, BAL_OK);
            return kills;
        }
    }
}

static void killed_runs_end_with_the_same_bits(void **state)
{
    const fixture *f = *state;
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, 0);
    int kills = 0;
    for (int i = 0; kills < KILLS; i++) {
        char out[5000];
        snprintf(out, sizeof out, "%s/killed%d", f->folder, i);
        kills += kill_until_done(f, (child_run){.out = out, .checkpoint_every = 1 + i % 3}, &r);
        same_run(f->whole, out);
        assert_in_range(i, 0, 200);
    }
}

/* The same with the optimizers that keep more than a momentum. */
static void killed_optimizers_end_with_the_same_bits(void **state)
{
    const fixture *f = *state;
    static const char *const recipes[] = {heavy_recipe, swa_recipe};
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 2, 0);
    for (int kind = 0; kind < 2; kind++) {
        char whole[5000], out[5000];
        snprintf(whole, sizeof whole, "%s/kind%d", f->folder, kind);
        child_run c = {.out = whole,
                       .threads = 1,
                       .workers = 1,
                       .checkpoint_every = 1,
                       .recipe = recipes[kind]};
        assert_int_equal(run(f, c), BAL_OK);
        int kills = 0;
        for (int i = 0; kills < KILLS / 4; i++) {
            snprintf(out, sizeof out, "%s/kind%d-%d", f->folder, kind, i);
            c.out = out;
            c.checkpoint_every = 1 + i % 3;
            kills += kill_until_done(f, c, &r);
            same_run(whole, out);
            assert_in_range(i, 0, 200);
        }
    }
}

static void one_seed_is_one_result(void **state)
{
    const fixture *f = *state;
    char first[5000], out[5000];
    snprintf(first, sizeof first, "%s/two-threads", f->folder);
    assert_int_equal(
        run(f, (child_run){.out = first, .threads = 2, .workers = 1, .checkpoint_every = 1}),
        BAL_OK);
    static const int workers[] = {0, 1, 3};
    for (int i = 0; i < 3; i++) { /* who loads the images does not matter */
        snprintf(out, sizeof out, "%s/again%d", f->folder, i);
        assert_int_equal(run(f, (child_run){.out = out,
                                            .threads = 2,
                                            .workers = workers[i],
                                            .checkpoint_every = 1}),
                         BAL_OK);
        same_run(first, out);
    }
}

static void a_full_disk_spares_the_old_state(void **state)
{
    const fixture *f = *state;
    char out[5000];
    snprintf(out, sizeof out, "%s/full", f->folder);
    assert_int_equal(
        run(f,
            (child_run){
                .out = out, .threads = 1, .workers = 1, .checkpoint_every = 1, .full_after = 4}),
        BAL_IO);
    bal_ctx *ctx = test_ctx_threads(1);
    bal_weights *w;
    test_ok(ctx, bal_weights_read(&w, ctx, test_path(out, "state.safetensors")));
    bal_weights_close(&w);
    bal_ctx_close(&ctx);
    assert_int_equal(
        run(f,
            (child_run){
                .out = out, .threads = 1, .workers = 1, .checkpoint_every = 1, .resume = true}),
        BAL_OK);
    same_run(f->whole, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_runs_end_with_the_same_bits),
        cmocka_unit_test(killed_optimizers_end_with_the_same_bits),
        cmocka_unit_test(one_seed_is_one_result),
        cmocka_unit_test(a_full_disk_spares_the_old_state),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
