/* NPZ files as NumPy writes them (make_npz.py). */
#include "helpers/helpers.h"

#include "ballast/data.h"

#include <string.h>

typedef struct expected {
    const char *name;
    int channels, height, width;
} expected;

static void expect_split(bal_ctx *ctx, const bal_dataset *d, const expected *want, bal_split split,
                         int64_t count)
{
    const int64_t *items = bal_dataset_items(d, split);
    const int bytes = want->channels * want->height * want->width;
    assert_int_equal(bal_dataset_describe(d).items[split], count);
    for (int64_t i = 0; i < count; i++) {
        uint8_t pixels[128];
        assert_int_equal(bal_dataset_label(d, items[i]), i % 3);
        test_ok(ctx, bal_dataset_image(d, ctx, items[i], pixels));
        for (int p = 0; p < bytes; p++)
            assert_int_equal(pixels[p], (31 * i + 7 * p + 100 * (int)split) % 256);
    }
}

static void numpys_own_files_are_read(void **state)
{
    (void)state;
    static const expected files[] = {{"stored.npz", 1, 4, 5}, {"packed.npz", 3, 6, 4}};
    bal_ctx *ctx = test_ctx();
    for (size_t f = 0; f < BAL_COUNT_OF(files); f++) {
        bal_dataset *d;
        test_ok(ctx, bal_dataset_open(&d, ctx, test_path(BAL_TEST_DATA, files[f].name), NULL));
        const bal_dataset_info info = bal_dataset_describe(d);
        assert_string_equal(info.format, "npz");
        assert_int_equal(info.classes, 3);
        assert_int_equal(info.channels, files[f].channels);
        assert_int_equal(info.height, files[f].height);
        assert_int_equal(info.width, files[f].width);
        expect_split(ctx, d, &files[f], BAL_SPLIT_TRAIN, 12);
        expect_split(ctx, d, &files[f], BAL_SPLIT_VAL, 5);
        expect_split(ctx, d, &files[f], BAL_SPLIT_TEST, 4);
        bal_dataset_close(&d);
    }
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numpys_own_files_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
