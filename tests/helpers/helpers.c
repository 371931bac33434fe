/* Shared test helpers; see helpers.h. */
#include "helpers/helpers.h"

#include "base/random.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(void *user, bal_log_level level, const char *line)
{
    (void)user;
    if (level <= BAL_LOG_WARN)
        fprintf(stderr, "log: %s\n", line);
}

bal_ctx *test_ctx_threads(int threads)
{
    bal_ctx *ctx;
    const bal_ctx_settings settings = {.log = say, .threads = threads};
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    return ctx;
}

bal_ctx *test_ctx(void)
{
    return test_ctx_threads(0);
}

void test_ok(bal_ctx *ctx, bal_status status)
{
    if (status != BAL_OK)
        fail_msg("%s: %s", bal_status_text(status), bal_error(ctx));
}

void test_fails(bal_ctx *ctx, bal_status status, bal_status wanted, ...)
{
    if (status != wanted)
        fail_msg("wanted \"%s\", got \"%s\": %s", bal_status_text(wanted), bal_status_text(status),
                 status == BAL_OK ? "" : bal_error(ctx));
    va_list words;
    va_start(words, wanted);
    for (const char *word; (word = va_arg(words, const char *));)
        if (!strstr(bal_error(ctx), word))
            fail_msg("\"%s\" is not in the message: %s", word, bal_error(ctx));
    va_end(words);
}

static void *failing_allocate(void *user, size_t bytes)
{
    test_failer *f = user;
    if (f->left == 0)
        return NULL;
    if (f->left > 0)
        f->left--;
    void *memory = malloc(bytes);
    if (memory)
        f->live++;
    return memory;
}

static void failing_release(void *user, void *memory)
{
    test_failer *f = user;
    if (memory)
        f->live--;
    free(memory);
}

bal_allocator test_failing_allocator(test_failer *failer)
{
    return (bal_allocator){failing_allocate, failing_release, failer};
}

void test_allocation_failures(bal_status (*attempt)(bal_ctx *ctx, void *user), void *user)
{
    for (long n = 0;; n++) {
        test_failer failer = {.left = -1};
        const bal_ctx_settings settings = {.allocator = test_failing_allocator(&failer),
                                           .threads = 1};
        bal_ctx *ctx;
        assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
        failer.left = n;
        const bal_status status = attempt(ctx, user);
        if (failer.live != 1)
            fail_msg("%ld blocks leaked when allocation %ld failed", failer.live - 1, n);
        if (status != BAL_OK && status != BAL_NO_MEMORY)
            fail_msg("allocation %ld failing gave \"%s\": %s", n, bal_status_text(status),
                     bal_error(ctx));
        bal_ctx_close(&ctx);
        assert_int_equal(failer.live, 0);
        if (status == BAL_OK) {
            assert_true(n > 0); /* an attempt that allocates nothing proves nothing */
            return;
        }
    }
}

char *test_folder(void)
{
    const char *root = getenv("TMPDIR");
    char *folder = malloc(4096);
    assert_non_null(folder);
    snprintf(folder, 4096, "%s/ballast-test-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void remove_tree(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return;
    if (!S_ISDIR(info.st_mode)) {
        unlink(path);
        return;
    }
    chmod(path, 0700);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char child[4096];
        if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) < (int)sizeof child)
            remove_tree(child);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

void test_folder_remove(char *folder)
{
    remove_tree(folder);
    free(folder);
}

const char *test_path(const char *folder, const char *name)
{
    static char ring[8][4096];
    static int at;
    char *path = ring[at++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", folder, name);
    return path;
}

void test_write_file(const char *path, const void *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

uint64_t test_seed(void)
{
    const char *text = getenv("BAL_TEST_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

void test_close(const char *what, const float *want, const float *got, int64_t count,
                double tolerance)
{
    double squares = 0.0, worst = -1.0;
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++)
        squares += (double)want[i] * want[i];
    const double scale = sqrt(squares / (double)count);
    if (!(scale > 1e-12))
        fail_msg("%s: the expected tensor is all zero or not finite", what);
    for (int64_t i = 0; i < count; i++) {
        double error = fabs((double)want[i] - got[i]) / scale;
        if (error != error)
            error = INFINITY;
        if (error > worst) {
            worst = error;
            at = i;
        }
    }
    if (worst > tolerance)
        fail_msg("%s: element %lld of %lld: want %g got %g, error %.2g > %.0e (rerun with "
                 "BAL_TEST_SEED=%llu)",
                 what, (long long)at, (long long)count, (double)want[at], (double)got[at], worst,
                 tolerance, (unsigned long long)test_seed());
}

bool test_gradient_agrees(test_function *f, void *user, const double *x0, int n, uint64_t seed,
                          double tolerance)
{
    const double h = 1e-5;
    double *gradient = calloc((size_t)n, sizeof *gradient);
    double *direction = calloc((size_t)n, sizeof *direction);
    double *x = calloc((size_t)n, sizeof *x);
    assert_true(gradient && direction && x);
    bal_random r = bal_random_at(seed, BAL_STREAM_TEST, 0, 0);
    for (int i = 0; i < n; i++)
        direction[i] = bal_random_normal(&r);
    f(x0, gradient, user);
    double analytic = 0.0, scale = 0.0;
    for (int i = 0; i < n; i++) {
        analytic += gradient[i] * direction[i];
        scale += fabs(gradient[i] * direction[i]); /* size before cancellation */
    }
    for (int i = 0; i < n; i++)
        x[i] = x0[i] + h * direction[i];
    const double up = f(x, NULL, user);
    for (int i = 0; i < n; i++)
        x[i] = x0[i] - h * direction[i];
    const double down = f(x, NULL, user);
    const double numeric = (up - down) / (2 * h);
    free(gradient);
    free(direction);
    free(x);
    if (fabs(analytic - numeric) <= tolerance * (scale + 1e-12))
        return true;
    fprintf(stderr, "gradient: analytic %.9g numeric %.9g scale %.3g tolerance %.1g\n", analytic,
            numeric, scale, tolerance);
    return false;
}
