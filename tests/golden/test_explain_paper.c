/* The measures on a network of the authors of "Understanding CNN fragility when learning with
 * imbalanced data": their ResNet-32, trained on CIFAR-10 cut to a long tail of 100, seen on the
 * test set. The figures were computed with PyTorch and NumPy; the same computation on the authors'
 * three networks gives their published frequency and magnitude files
 * (docs/methods/explain/number-needed.md). Skipped where the weights or the images are not on this
 * machine, and without an engine that is fast enough. */
#include "helpers/helpers.h"

#include "ballast/explain.h"
#include "ballast/train.h"
#include "helpers/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEIGHTS "resnet32-cifar10lt-dablain-0.safetensors"

enum { CLASSES = 10, FEATURES = 64, TOP = 6, ITEMS = 10000 };

static const struct {
    int right; /* of 1000 */
    int top[3];
    double peak, needed, share, norm;
} figures[CLASSES] = {
    {941, {15, 22, 42}, 1.749, 5.625, .493, 3.609}, {957, {10, 40, 44}, 3.810, 4.938, .608, 3.546},
    {823, {21, 49, 56}, 1.975, 6.047, .545, 3.271}, {621, {51, 19, 60}, 2.143, 7.826, .665, 2.864},
    {785, {63, 47, 8}, 2.156, 6.255, .666, 3.033},  {570, {52, 60, 9}, 3.711, 5.539, .792, 2.727},
    {713, {36, 8, 51}, 8.457, 2.098, .929, 2.457},  {597, {20, 60, 12}, 7.692, 3.564, .856, 2.572},
    {626, {53, 2, 6}, 7.556, 3.347, .903, 2.308},   {623, {57, 62, 43}, 6.674, 3.689, .891, 2.178},
};

/* The place of a file in the folder of real data, or NULL. */
static const char *find_file(const char *name)
{
    static char path[1024];
    const char *data = getenv("BALLAST_DATA");
    if (data && *data) {
        snprintf(path, sizeof path, "%s/%s", data, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    snprintf(path, sizeof path, BAL_TEST_DATA "/../../../shared/data/%s", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static bool has_images(bal_ctx *ctx)
{
    char *path;
    test_ok(ctx, bal_known_dataset_find(ctx, "cifar10", &path));
    const bool found = path != NULL;
    bal_release(ctx, path);
    return found;
}

typedef struct embedding {
    float *features;
    int32_t *labels;
    bal_model_head head;
} embedding;

static void embed(bal_ctx *ctx, const char *weights, embedding *out)
{
    bal_dataset *data;
    bal_model *model;
    bal_predictor_settings s = bal_predictor_defaults();
    const double mean[] = {.4914, .4822, .4465}, std[] = {.2023, .1994, .2010};
    s.model = "resnet32";
    s.weights = weights;
    memcpy(s.mean, mean, sizeof mean);
    memcpy(s.std, std, sizeof std);
    test_ok(ctx, bal_dataset_open(&data, ctx, "cifar10", NULL));
    test_ok(ctx, bal_model_open(&model, ctx, &s));
    assert_int_equal(bal_model_feature_count(model), FEATURES);
    assert_int_equal(bal_dataset_describe(data).items[BAL_SPLIT_TEST], ITEMS);
    assert_true(bal_model_pools(model));
    out->features = malloc((size_t)ITEMS * FEATURES * sizeof *out->features);
    out->labels = malloc(ITEMS * sizeof *out->labels);
    test_ok(ctx, bal_model_features(model, data,
                                    &(bal_feature_ask){.split = BAL_SPLIT_TEST,
                                                       .features = out->features,
                                                       .labels = out->labels}));
    test_ok(ctx, bal_model_get_head(model, &out->head));
    assert_int_equal(out->head.classes, CLASSES);
    assert_false(out->head.cosine);
    bal_model_close(&model);
    bal_dataset_close(&data);
}

static void check_class(const bal_explained_class *got, int c)
{
    assert_int_equal(got->items, 1000);
    assert_int_equal(got->right, figures[c].right);
    assert_int_equal(got->top_count, TOP);
    for (int i = 0; i < 3; i++)
        assert_int_equal(got->top[i], figures[c].top[i]);
    /* what is given has three decimals */
    test_near("largest CE", figures[c].peak, got->figures[BAL_FIGURE_peak].value, 1e-3);
    test_near("number needed", figures[c].needed, got->figures[BAL_FIGURE_needed].value, 1e-2);
    test_near("share", figures[c].share, got->figures[BAL_FIGURE_share_positive].value, 1e-3);
    test_near("norm", figures[c].norm, got->figures[BAL_FIGURE_weight_norm].value, 5e-4 + 1e-4);
}

static void figures_of_the_paper(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const char *weights = find_file(WEIGHTS);
    if (!weights || !has_images(ctx) || strcmp(bal_engine_at(0)->name, "reference") == 0) {
        bal_ctx_close(&ctx);
        printf("skipped: " WEIGHTS " or CIFAR-10 is not on this machine, or no engine is fast\n");
        skip();
    }
    embedding in;
    embed(ctx, weights, &in);
    bal_explain_settings s = bal_explain_defaults();
    s.classes = CLASSES;
    s.dim = FEATURES;
    s.bootstrap = 20;
    s.draws = 2;
    s.max_items = 2000;
    s.side[BAL_SIDE_TEST] =
        (bal_embedding){.features = in.features, .labels = in.labels, .items = ITEMS};
    s.head = (bal_linear_head){.weight = in.head.weight, .bias = in.head.bias};
    bal_explain *e;
    test_ok(ctx, bal_explain_open(&e, ctx, &s));
    for (int c = 0; c < CLASSES; c++)
        check_class(&bal_explain_side(e, BAL_SIDE_TEST)->class_of[c], c);
    bal_explain_close(&e);
    bal_model_head_free(ctx, &in.head);
    free(in.features);
    free(in.labels);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures_of_the_paper)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
