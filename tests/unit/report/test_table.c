/* Tables: golden text, UTF-8 widths, failures kept; texts to files. */
#include "helpers/helpers.h"

#include "ballast/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void text_is_as_drawn(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_table *t;
    test_ok(ctx, bal_table_open(&t, ctx, 3, "lrl"));
    bal_table_cell(t, "class");
    bal_table_cell(t, "recall");
    bal_table_cell(t, "note");
    bal_table_rule(t);
    bal_table_cell(t, "%s", "\xc3\xa9t\xc3\xa9"); /* three characters in five bytes */
    bal_table_number(t, 0.51249, 3);
    bal_table_cell(t, "%s", "");
    bal_table_cell(t, "automobile");
    bal_table_number(t, NAN, 3);
    bal_table_cell(t, "100 %%");
    bal_table_rule(t);
    char *text;
    test_ok(ctx, bal_table_text(t, ctx, &text));
    assert_string_equal(text, "class       recall  note\n"
                              "-------------------------\n"
                              "\xc3\xa9t\xc3\xa9          0.512\n"
                              "automobile     n/a  100 %\n"
                              "-------------------------\n");
    bal_release(ctx, text);
    bal_table_close(&t);
    assert_null(t);
    bal_table_close(&t);
    bal_table_close(NULL);
    bal_ctx_close(&ctx);
}

static void a_short_last_row_and_no_rows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_table *t;
    char *text;
    test_ok(ctx, bal_table_open(&t, ctx, 2, "rl"));
    test_ok(ctx, bal_table_text(t, ctx, &text));
    assert_string_equal(text, "");
    bal_release(ctx, text);
    for (int i = 0; i < 101; i++) /* more than the first room */
        bal_table_cell(t, "%d", i);
    test_ok(ctx, bal_table_text(t, ctx, &text));
    assert_non_null(strstr(text, "\n  0  1\n") ? text : strstr(text, "  0  1\n"));
    assert_non_null(strstr(text, "\n 98  99\n100\n"));
    bal_release(ctx, text);
    bal_table_close(&t);
    bal_ctx_close(&ctx);
}

static void alignment_must_fit(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_table *t;
    test_fails(ctx, bal_table_open(&t, ctx, 3, "lr"), BAL_BAD_ARG, "3 columns", "\"lr\"", NULL);
    assert_null(t);
    test_fails(ctx, bal_table_open(&t, ctx, 2, "lc"), BAL_BAD_ARG, "\"lc\"", NULL);
    bal_ctx_close(&ctx);
}

static bal_status build_table(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_table *t;
    char *text = NULL;
    bal_status status = bal_table_open(&t, ctx, 2, "lr");
    if (status != BAL_OK)
        return status;
    for (int i = 0; i < 40; i++) {
        bal_table_cell(t, "cell %d", i);
        if (i % 20 == 19)
            bal_table_rule(t);
    }
    status = bal_table_text(t, ctx, &text);
    bal_release(ctx, text);
    bal_table_close(&t);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    test_allocation_failures(build_table, NULL);
}

static void texts_go_to_files(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.txt");
    test_ok(ctx, bal_report_write(ctx, path, "one\ntwo\n"));
    FILE *f = fopen(path, "r");
    char bytes[32] = "";
    assert_int_equal(fread(bytes, 1, sizeof bytes, f), 8);
    fclose(f);
    assert_string_equal(bytes, "one\ntwo\n");
    test_fails(ctx, bal_report_write(ctx, test_path(folder, "none/a.txt"), "x"), BAL_IO, "none",
               NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_as_drawn),   cmocka_unit_test(a_short_last_row_and_no_rows),
        cmocka_unit_test(alignment_must_fit), cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(texts_go_to_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
