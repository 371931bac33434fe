/* Members of the long tail and of the validation split: by seed and class alone, stratified. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "ballast/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
} fixture;

static int make_set(void **state)
{
    fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    *f = (fixture){test_ctx(), test_folder()};
    test_write_cifar10_set(f->folder, 40); /* 20 images of every class */
    *state = f;
    return 0;
}

static int remove_set(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static bal_dataset *open_set(const fixture *f, const char *longtail, double fraction, uint64_t seed)
{
    const bal_dataset_settings s = {.longtail = longtail, .val_fraction = fraction, .seed = seed};
    bal_dataset *d;
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &s));
    return d;
}

/* All members of a split, one name a line. */
static char *members(const bal_dataset *d, bal_split split)
{
    const int64_t count = bal_dataset_describe(d).items[split];
    const int64_t *items = bal_dataset_items(d, split);
    char *text = calloc((size_t)count + 1, 32);
    assert_non_null(text);
    for (int64_t i = 0; i < count; i++) {
        char name[32];
        assert_true(i == 0 || items[i] > items[i - 1]);
        strcat(text, bal_dataset_item_name(d, items[i], name, sizeof name));
        strcat(text, "\n");
    }
    return text;
}

static bool is_subset(const char *part, const char *whole)
{
    char line[64] = "\n", text[1 << 14] = "\n";
    assert_true(strlen(whole) + 2 < sizeof text);
    strcat(text, whole);
    for (const char *at = part; *at; at = strchr(at, '\n') + 1) {
        snprintf(line + 1, sizeof line - 1, "%.*s", (int)(strchr(at, '\n') + 1 - at), at);
        if (!strstr(text, line))
            return false;
    }
    return true;
}

static void every_item_is_in_one_split(void **state)
{
    const fixture *f = *state;
    bal_dataset *d = open_set(f, "exp:4", 0.3, 5);
    const bal_dataset_info info = bal_dataset_describe(d);
    int64_t wanted[10], counts[BAL_SPLIT_COUNT][10], all = 0;
    int64_t full[10];
    for (int c = 0; c < 10; c++)
        full[c] = 20;
    test_ok(f->ctx, bal_longtail_counts(f->ctx, "exp:4", 10, full, wanted));
    for (int s = 0; s < BAL_SPLIT_COUNT; s++) {
        bal_dataset_counts(d, (bal_split)s, counts[s]);
        all += info.items[s];
    }
    bool *seen = calloc((size_t)all, sizeof *seen);
    assert_non_null(seen);
    for (int s = 0; s < BAL_SPLIT_COUNT; s++) {
        int64_t by_class[10] = {0};
        for (int64_t i = 0; i < info.items[s]; i++) {
            const int64_t item = bal_dataset_items(d, (bal_split)s)[i];
            assert_true(item >= 0 && item < all && !seen[item]);
            seen[item] = true;
            by_class[bal_dataset_label(d, item)]++;
        }
        assert_memory_equal(by_class, counts[s], sizeof by_class);
    }
    free(seen);
    for (int c = 0; c < 10; c++) {
        assert_int_equal(counts[BAL_SPLIT_TRAIN][c] + counts[BAL_SPLIT_VAL][c], wanted[c]);
        assert_int_equal(counts[BAL_SPLIT_VAL][c], (wanted[c] * 3 + 5) / 10);
        assert_int_equal(counts[BAL_SPLIT_TEST][c], 1);
    }
    bal_dataset_close(&d);
}

static void small_classes_keep_at_least_one(void **state)
{
    const fixture *f = *state;
    /* exp:20 over 20 images a class: 20 14 10 7 5 3 2 1 1 1 */
    static const int64_t low[10] = {1, 1, 1, 1, 1, 1, 1, 0, 0, 0};
    static const int64_t high[10] = {18, 13, 9, 6, 4, 2, 1, 0, 0, 0};
    int64_t counts[10];
    bal_dataset *d = open_set(f, "exp:20", 0.01, 1);
    bal_dataset_counts(d, BAL_SPLIT_VAL, counts);
    assert_memory_equal(counts, low, sizeof low);
    bal_dataset_close(&d);
    d = open_set(f, "exp:20", 0.9, 1);
    bal_dataset_counts(d, BAL_SPLIT_VAL, counts);
    assert_memory_equal(counts, high, sizeof high);
    bal_dataset_counts(d, BAL_SPLIT_TRAIN, counts);
    for (int c = 0; c < 10; c++)
        assert_true(counts[c] >= 1);
    bal_dataset_close(&d);
    d = open_set(f, NULL, 0.0, 1);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_VAL], 0);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 200);
    bal_dataset_close(&d);
}

static void the_seed_decides_the_members(void **state)
{
    const fixture *f = *state;
    char *texts[4];
    static const uint64_t seeds[4] = {1, 1, 2, UINT64_MAX};
    for (int i = 0; i < 4; i++) {
        bal_dataset *d = open_set(f, "exp:4", 0.3, seeds[i]);
        texts[i] = members(d, BAL_SPLIT_VAL);
        bal_dataset_close(&d);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    assert_string_not_equal(texts[0], texts[3]);
    for (int i = 0; i < 4; i++)
        free(texts[i]);
}

static void a_steeper_tail_is_a_subset(void **state)
{
    const fixture *f = *state;
    bal_dataset *flat = open_set(f, "exp:2", 0.0, 3), *steep = open_set(f, "exp:10", 0.0, 3);
    char *more = members(flat, BAL_SPLIT_TRAIN), *fewer = members(steep, BAL_SPLIT_TRAIN);
    assert_true(is_subset(fewer, more));
    assert_false(is_subset(more, fewer));
    free(more);
    free(fewer);
    /* the test split is untouched */
    assert_int_equal(bal_dataset_describe(steep).items[BAL_SPLIT_TEST], 10);
    bal_dataset_close(&flat);
    bal_dataset_close(&steep);
}

static void bad_settings_are_refused(void **state)
{
    const fixture *f = *state;
    static const struct {
        bal_dataset_settings s;
        const char *word;
    } rows[] = {
        {{.val_fraction = -0.1}, "val-split"}, {{.val_fraction = 0.95}, "val-split"},
        {{.val_fraction = NAN}, "val-split"},  {{.img_size = -1}, "img-size"},
        {{.img_size = 100000}, "img-size"},    {{.channels = 2}, "in-chans"},
        {{.longtail = "exp:0"}, "exp:RATIO"},  {{.longtail = "exp:100"}, "class 6"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_dataset *d;
        test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &rows[i].s), BAL_BAD_ARG,
                   rows[i].word, NULL);
        assert_null(d);
    }
    bal_dataset_close(NULL);
}

static void options_are_the_settings(void **state)
{
    const fixture *f = *state;
    bal_dataset_settings s = bal_dataset_defaults();
    static const char *const values[][2] = {{"longtail", "exp:100"},    {"val-split", "0.25"},
                                            {"img-size", "64"},         {"crop-mode", "center"},
                                            {"crop-pct", "0.875"},      {"in-chans", "1"},
                                            {"max-image-pixels", "99"}, {"max-image-file", "7"},
                                            {"max-unpacked", "3"},      {"skip-bad", "true"}};
    const bal_option *row = bal_dataset_options();
    for (size_t i = 0; i < BAL_COUNT_OF(values); i++, row++) {
        assert_string_equal(row->name, values[i][0]);
        test_ok(f->ctx, bal_option_set(f->ctx, row, &s, "--", values[i][1]));
    }
    assert_null(row->name);
    assert_string_equal(s.crop_mode, "center");
    assert_true(s.crop_pct == 0.875 && s.max_image_pixels == 99 && s.max_image_file == 7);
    assert_true(s.max_unpacked == 3 && s.skip_bad);
    assert_string_equal(s.longtail, "exp:100");
    assert_true(s.val_fraction == 0.25 && s.img_size == 64 && s.channels == 1);
    for (int i = 0; i < BAL_SPLIT_COUNT; i++)
        assert_non_null(bal_split_name((bal_split)i));
    assert_string_equal(bal_split_name(BAL_SPLIT_VAL), "val");
    assert_string_equal(bal_split_name(BAL_SPLIT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_in_one_split),
        cmocka_unit_test(small_classes_keep_at_least_one),
        cmocka_unit_test(the_seed_decides_the_members),
        cmocka_unit_test(a_steeper_tail_is_a_subset),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(options_are_the_settings),
    };
    return cmocka_run_group_tests(tests, make_set, remove_set);
}
