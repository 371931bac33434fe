/* The real Fashion-MNIST (required where BALLAST_REQUIRE_DATA is 1) and CIFAR-10 (where
 * $BALLAST_DATA has it). */
#include "helpers/helpers.h"

#include "ballast/data.h"

#include <stdlib.h>
#include <string.h>

/* NULL: not on this machine, and that is allowed. */
static bal_dataset *open_known(bal_ctx *ctx, const char *name, bool required,
                               const bal_dataset_settings *settings)
{
    char *path;
    test_ok(ctx, bal_known_dataset_find(ctx, name, &path));
    if (!path && required)
        fail_msg("%s is required but is not on this machine", name);
    if (!path)
        return NULL;
    bal_release(ctx, path);
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, name, settings));
    return d;
}

static bool data_required(void)
{
    const char *text = getenv("BALLAST_REQUIRE_DATA");
    return text && strcmp(text, "1") == 0;
}

static void fashion_mnist_is_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_dataset *d = open_known(ctx, "fashion-mnist", data_required(), NULL);
    if (!d) {
        bal_ctx_close(&ctx);
        skip();
    }
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.name, "fashion-mnist");
    assert_string_equal(info.format, "idx");
    assert_int_equal(info.classes, 10);
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.height, 28);
    assert_int_equal(info.width, 28);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 54000);
    assert_int_equal(info.items[BAL_SPLIT_VAL], 6000);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 10000);
    assert_string_equal(bal_dataset_class_name(d, 9), "Ankle boot");
    int64_t counts[10];
    bal_dataset_counts(d, BAL_SPLIT_TRAIN, counts);
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 5400);
    bal_dataset_counts(d, BAL_SPLIT_TEST, counts);
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 1000);
    /* the first training image is an ankle boot; the sum of its pixels is known */
    uint8_t pixels[28 * 28];
    test_ok(ctx, bal_dataset_image(d, ctx, 0, pixels));
    long sum = 0;
    for (size_t i = 0; i < sizeof pixels; i++)
        sum += pixels[i];
    assert_int_equal(sum, 76247);
    assert_int_equal(bal_dataset_label(d, 0), 9);
    char name[64];
    assert_string_equal(bal_dataset_item_name(d, 0, name, sizeof name),
                        "train-images-idx3-ubyte.gz#0");
    assert_string_equal(bal_dataset_item_name(d, 60001, name, sizeof name),
                        "t10k-images-idx3-ubyte.gz#1");
    bal_dataset_close(&d);
    bal_ctx_close(&ctx);
}

static void cifar10_is_cut_as_in_the_literature(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_dataset_settings s = bal_dataset_defaults();
    s.longtail = "exp:100";
    s.val_fraction = 0.0;
    bal_dataset *d = open_known(ctx, "cifar10", false, &s);
    if (!d) {
        bal_ctx_close(&ctx);
        skip();
    }
    static const int64_t wanted[10] = {5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50};
    int64_t counts[10];
    bal_dataset_counts(d, BAL_SPLIT_TRAIN, counts);
    assert_memory_equal(counts, wanted, sizeof wanted);
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.items[BAL_SPLIT_VAL], 0);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 10000);
    assert_string_equal(bal_dataset_class_name(d, 0), "airplane");
    /* the first test image is a cat whose first pixel is (158, 112, 49) */
    uint8_t pixels[3 * 32 * 32];
    const int64_t first = bal_dataset_items(d, BAL_SPLIT_TEST)[0];
    test_ok(ctx, bal_dataset_image(d, ctx, first, pixels));
    assert_int_equal(bal_dataset_label(d, first), 3);
    assert_int_equal(pixels[0], 158);
    assert_int_equal(pixels[1], 112);
    assert_int_equal(pixels[2], 49);
    bal_dataset_close(&d);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fashion_mnist_is_read),
        cmocka_unit_test(cifar10_is_cut_as_in_the_literature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
