/* Records of CSV: quotes, line ends and their numbers, and what is refused. */
#include "helpers/helpers.h"

#include "data/readers/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All records as text: "LINE:field|field\n", control characters as they are. */
static bal_status read_all(bal_ctx *ctx, const char *bytes, size_t count, char delimiter, char *out,
                           size_t size)
{
    bal_bytes text = {malloc(count + 1), count};
    bal_csv csv;
    bool more = true;
    size_t at = 0;
    assert_non_null(text.data);
    memcpy(text.data, bytes, count);
    text.data[count] = 'x'; /* it need not be a zero */
    bal_status status = bal_csv_open(&csv, ctx, "a.csv", &text, delimiter);
    while (status == BAL_OK && more) {
        status = bal_csv_next(&csv, &more);
        if (status != BAL_OK || !more)
            break;
        at += (size_t)snprintf(out + at, size - at, "%lld:", (long long)csv.line);
        for (size_t i = 0; i < csv.count; i++)
            at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "|" : "", csv.fields[i]);
        at += (size_t)snprintf(out + at, size - at, "\n");
        assert_true(at < size);
    }
    bal_csv_close(&csv);
    free(text.data);
    return status;
}

static void records_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *records;
        char delimiter;
    } rows[] = {
        {"a,b\n1,2\n", "1:a|b\n2:1|2\n", ','},
        {"a,b\r\n1,2\r\n", "1:a|b\n2:1|2\n", ','},
        {"a,b\n1,2", "1:a|b\n2:1|2\n", ','},
        {"a,b\n1,2\r", "1:a|b\n2:1|2\n", ','},
        {"\xef\xbb\xbf"
         "a,b\n",
         "1:a|b\n", ','},
        {"a,\n,b\n,\n", "1:a|\n2:|b\n3:|\n", ','},
        {"a,", "1:a|\n", ','},
        {",", "1:|\n", ','},
        {"\n\r\na,b\n\n\n1,2\n\n", "3:a|b\n6:1|2\n", ','},
        {"\"a\",\"b,c\"\n", "1:a|b,c\n", ','},
        {"\"a \"\"b\"\" c\",\"\"\"\"\n", "1:a \"b\" c|\"\n", ','},
        {"\"\",\"\"", "1:|\n", ','},
        {"\"a\nb\r\nc\",d\ne,f\n", "1:a\nb\r\nc|d\n4:e|f\n", ','},
        {"1,\"\n\n\"\n2,3\n", "1:1|\n\n\n4:2|3\n", ','},
        {" a , b\tc \n", "1: a | b\tc \n", ','},
        {"a\tb c\t\"d\te\"\n", "1:a|b c|d\te\n", '\t'},
        {"M\xc3\xbcnchen,\xe7\x8c\xab\n", "1:M\xc3\xbcnchen|\xe7\x8c\xab\n", ','},
        {"", "", ','},
        {"\n", "", ','},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char got[256] = "";
        test_ok(ctx, read_all(ctx, rows[i].text, strlen(rows[i].text), rows[i].delimiter, got,
                              sizeof got));
        if (strcmp(got, rows[i].records) != 0)
            fail_msg("row %zu: got %s", i, got);
    }
    bal_ctx_close(&ctx);
}

static void broken_text_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count; /* 0: to the zero byte */
        const char *word;
    } rows[] = {
        {"a,b\n\"1,2\n3,4\n", 0, "a.csv:2: the quote that is opened here is never closed"},
        {"a\n\"", 0, "a.csv:2: the quote"},
        {"\"a\"\"", 0, "a.csv:1: the quote"},
        {"a\n\"1\n2\"x,3\n", 0, "a.csv:3: something follows a closing quote"},
        {"\"a\" ,b\n", 0, "a.csv:1: something follows"},
        {"\"a\"\rb\n", 0, "a.csv:1: something follows"},
        {"a,b\n1\"2,3\n", 0, "a.csv:2: a quote within a field"},
        {"a,b\n1\r2,3\n", 0, "a.csv:2: a carriage return"},
        {"a,b\n1,\0\n", 8, "a.csv:2: a zero byte"},
        {"\xff\xfe"
         "a\0,\0",
         6, "UTF-16"},
        {"\xfe\xff\0a", 4, "UTF-16"},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char got[256] = "";
        const size_t count = rows[i].count ? rows[i].count : strlen(rows[i].text);
        test_fails(ctx, read_all(ctx, rows[i].text, count, ',', got, sizeof got), BAL_BAD_FILE,
                   rows[i].word, NULL);
    }
    char commas[5000], got[6000];
    memset(commas, ',', sizeof commas);
    test_fails(ctx, read_all(ctx, commas, sizeof commas, ',', got, sizeof got), BAL_BAD_FILE,
               "4096 fields", NULL);
    bal_ctx_close(&ctx);
}

static bal_status read_some(bal_ctx *ctx, void *user)
{
    (void)user;
    char got[256] = "";
    static const char text[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n1\n";
    return read_all(ctx, text, sizeof text - 1, ',', got, sizeof got);
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    test_allocation_failures(read_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read),
        cmocka_unit_test(broken_text_is_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
