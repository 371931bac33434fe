/* The context: statuses, error text, allocation, log, interruption. */
#include "helpers/helpers.h"

#include "base/context.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void statuses_have_texts_and_exit_codes(void **state)
{
    (void)state;
    for (int s = 0; s < BAL_STATUS_COUNT; s++)
        assert_string_not_equal(bal_status_text((bal_status)s), "unknown status");
    assert_string_equal(bal_status_text(BAL_STATUS_COUNT), "unknown status");
    assert_string_equal(bal_status_text((bal_status)-1), "unknown status");
    static const struct {
        bal_status status;
        int code;
    } rows[] = {{BAL_OK, 0},       {BAL_NO_MEMORY, 1}, {BAL_IO, 1},
                {BAL_BAD_ARG, 2},  {BAL_BAD_FILE, 3},  {BAL_BAD_DATA, 3},
                {BAL_MISMATCH, 4}, {BAL_DIVERGED, 5},  {BAL_INTERRUPTED, 130}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        assert_int_equal(bal_status_exit_code(rows[i].status), rows[i].code);
    assert_int_equal(bal_status_exit_code((bal_status)99), 1);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", BAL_VERSION_MAJOR, BAL_VERSION_MINOR,
             BAL_VERSION_PATCH);
    assert_string_equal(bal_version(), version);
}

static void threads_are_checked(void **state)
{
    (void)state;
    bal_ctx *ctx;
    bal_ctx_settings s = {.threads = 3};
    assert_int_equal(bal_ctx_open(&ctx, &s), BAL_OK);
    assert_int_equal(bal_ctx_threads(ctx), 3);
    bal_ctx_close(&ctx);
    assert_null(ctx);
    bal_ctx_close(&ctx);
    bal_ctx_close(NULL);
    assert_int_equal(bal_ctx_open(&ctx, NULL), BAL_OK);
    assert_true(bal_ctx_threads(ctx) >= 1);
    assert_string_equal(bal_error(ctx), "");
    bal_ctx_close(&ctx);
    static const int bad[] = {-1, 1025};
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        s.threads = bad[i];
        assert_int_equal(bal_ctx_open(&ctx, &s), BAL_BAD_ARG);
        assert_null(ctx);
    }
}

static void error_texts_nest_and_are_cut(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    assert_int_equal(bal_fail(ctx, BAL_BAD_FILE, "line %d", 3), BAL_BAD_FILE);
    assert_string_equal(bal_error(ctx), "line 3");
    assert_int_equal(bal_fail_within(ctx, BAL_BAD_DATA, "%s", "a.yaml"), BAL_BAD_DATA);
    assert_string_equal(bal_error(ctx), "a.yaml: line 3");
    bal_fail(ctx, BAL_IO, "again: %s", bal_error(ctx)); /* its own text as an argument */
    assert_string_equal(bal_error(ctx), "again: a.yaml: line 3");
    bal_fail(ctx, BAL_BAD_FILE, "%s", "a\33[2Jb\n\177\303\244.png"); /* a hostile name */
    assert_string_equal(bal_error(ctx), "a?[2Jb??\303\244.png");
    for (int i = 0; i < 300; i++)
        bal_fail_within(ctx, BAL_IO, "prefix");
    assert_int_equal(strlen(bal_error(ctx)), BAL_ERROR_LENGTH - 1);
    bal_ctx_close(&ctx);
}

static void memory_is_zeroed_checked_and_aligned(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    assert_null(bal_calloc(ctx, SIZE_MAX / 2, 3));
    assert_non_null(strstr(bal_error(ctx), "more than memory can hold"));
    assert_null(bal_calloc_aligned(ctx, SIZE_MAX / 2, 3));
    assert_null(bal_calloc_aligned(ctx, 1, SIZE_MAX / 2));
    void *none = bal_calloc(ctx, 0, 8);
    assert_non_null(none);
    bal_free(ctx, none);
    bal_free(ctx, NULL);
    int *numbers = bal_calloc(ctx, 3, sizeof *numbers);
    assert_non_null(numbers);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(numbers[i], 0);
        numbers[i] = i + 1;
    }
    numbers = bal_resize(ctx, numbers, 3, 5, sizeof *numbers);
    static const int wanted[5] = {1, 2, 3, 0, 0};
    assert_memory_equal(numbers, wanted, sizeof wanted);
    assert_null(bal_resize(ctx, numbers, 5, SIZE_MAX / 2, sizeof *numbers));
    assert_memory_equal(numbers, wanted, sizeof wanted);
    numbers = bal_resize(ctx, numbers, 5, 2, sizeof *numbers);
    assert_memory_equal(numbers, wanted, 2 * sizeof *numbers);
    bal_free(ctx, numbers);
    for (size_t size = 1; size < 200; size += 13) {
        unsigned char *block = bal_calloc_aligned(ctx, size, 1);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        memset(block, 1, size);
        bal_free_aligned(ctx, block);
    }
    bal_free_aligned(ctx, NULL);
    char *text = bal_format(ctx, "%s-%d", "abc", 12);
    assert_string_equal(text, "abc-12");
    char *copy = bal_strdup(ctx, text);
    assert_string_equal(copy, text);
    bal_free(ctx, text);
    bal_release(ctx, copy);
    bal_ctx_close(&ctx);
}

static bal_status take_one_of_each(bal_ctx *ctx, void *user)
{
    (void)user;
    char *text = bal_format(ctx, "%d", 1), *copy = bal_strdup(ctx, "x");
    void *aligned = bal_calloc_aligned(ctx, 3, 4), *plain = bal_calloc(ctx, 3, 4);
    void *bigger = plain ? bal_resize(ctx, plain, 3, 9, 4) : NULL;
    const bool all = text && copy && aligned && bigger;
    bal_free(ctx, text);
    bal_free(ctx, copy);
    bal_free_aligned(ctx, aligned);
    bal_free(ctx, bigger ? bigger : plain);
    return all ? BAL_OK : BAL_NO_MEMORY;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    test_allocation_failures(take_one_of_each, NULL);
    test_failer failer = {.left = 0};
    const bal_ctx_settings s = {.allocator = test_failing_allocator(&failer)};
    bal_ctx *ctx;
    assert_int_equal(bal_ctx_open(&ctx, &s), BAL_NO_MEMORY);
    assert_null(ctx);
    assert_int_equal(failer.live, 0);
}

static void keep_line(void *user, bal_log_level level, const char *line)
{
    snprintf(user, 100, "%d %s", (int)level, line);
}

static void log_lines_go_to_the_caller(void **state)
{
    (void)state;
    char line[100] = "";
    const bal_ctx_settings s = {.log = keep_line, .log_user = line};
    bal_ctx *ctx;
    assert_int_equal(bal_ctx_open(&ctx, &s), BAL_OK);
    bal_log(ctx, BAL_LOG_WARN, "epoch %d", 7);
    assert_string_equal(line, "1 epoch 7");
    bal_ctx_close(&ctx);
    assert_int_equal(bal_ctx_open(&ctx, NULL), BAL_OK);
    bal_log(ctx, BAL_LOG_ERROR, "nobody listens");
    bal_ctx_close(&ctx);
}

static void *interrupt_from_elsewhere(void *ctx)
{
    bal_ctx_interrupt(ctx);
    return NULL;
}

static void interruption_is_taken_once(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    pthread_t thread;
    assert_false(bal_interrupted(ctx));
    assert_int_equal(pthread_create(&thread, NULL, interrupt_from_elsewhere, ctx), 0);
    pthread_join(thread, NULL);
    assert_true(bal_interrupted(ctx));
    assert_true(bal_take_interrupt(ctx));
    assert_false(bal_take_interrupt(ctx));
    assert_false(bal_interrupted(ctx));
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_texts_and_exit_codes),
        cmocka_unit_test(threads_are_checked),
        cmocka_unit_test(error_texts_nest_and_are_cut),
        cmocka_unit_test(memory_is_zeroed_checked_and_aligned),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(log_lines_go_to_the_caller),
        cmocka_unit_test(interruption_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
