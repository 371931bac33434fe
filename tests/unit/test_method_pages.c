/* The documents name what the tables have: a page for every row of docs/methods, with the row's
 * formula, source and options, and no page without a row. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "ballast/calibrate.h"
#include "ballast/evaluate.h"
#include "ballast/explain.h"
#include "ballast/loss.h"
#include "ballast/resample.h"
#include "ballast/train.h"
#include "base/cursor.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define DOCS BAL_TEST_DATA "/../../docs/"

/* The page's text; the test fails where there is no such file. */
static char *read_page(bal_ctx *ctx, const char *path)
{
    bal_bytes bytes;
    test_ok(ctx, bal_file_read(ctx, path, 1 << 20, &bytes));
    char *text = bal_calloc(ctx, bytes.count + 1, 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.count);
    bal_bytes_free(ctx, &bytes);
    return text;
}

static void must_have(const char *path, const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("%s lacks \"%s\"", path, words);
}

static int pages_in(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, DOCS "methods/%s", folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(d));)
        count += entry->d_name[0] != '.';
    closedir(d);
    return count;
}

static void check_page(bal_ctx *ctx, const char *folder, bal_method_info info, const char *options)
{
    char path[512], words[256];
    snprintf(path, sizeof path, DOCS "methods/%s/%s.md", folder, info.name);
    char *text = read_page(ctx, path);
    snprintf(words, sizeof words, "# %s: ", info.name);
    assert_int_equal(strncmp(text, words, strlen(words)), 0);
    must_have(path, text, info.formula);
    must_have(path, text, info.source);
    char list[256];
    snprintf(list, sizeof list, "%s", options);
    for (const char *option = strtok(list, " "); option; option = strtok(NULL, " ")) {
        snprintf(words, sizeof words, "`%s`", option);
        must_have(path, text, words);
    }
    bal_free(ctx, text);
    snprintf(path, sizeof path, DOCS "methods/README.md");
    text = read_page(ctx, path);
    snprintf(words, sizeof words, "[%s](%s/%s.md)", info.name, folder, info.name);
    must_have(path, text, words);
    bal_free(ctx, text);
}

static void losses_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_loss_info *info; (info = bal_loss_at(i)); i++)
        check_page(ctx, "losses", (bal_method_info){info->name, info->formula, info->source},
                   info->settings);
    assert_int_equal(pages_in("losses"), i);
    bal_ctx_close(&ctx);
}

static void optimizers_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_optimizer_info *info; (info = bal_optimizer_at(i)); i++)
        check_page(ctx, "optimizers", (bal_method_info){info->name, info->formula, info->source},
                   info->keys);
    assert_int_equal(pages_in("optimizers"), i);
    bal_ctx_close(&ctx);
}

static void resamplers_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_resampler_info *info; (info = bal_resampler_at(i)); i++)
        check_page(ctx, "resampling", (bal_method_info){info->name, info->formula, info->source},
                   info->options);
    assert_int_equal(pages_in("resampling"), i);
    bal_ctx_close(&ctx);
}

static void calibrations_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_calibration_info *info; (info = bal_calibration_at(i)); i++)
        check_page(ctx, "calibration", (bal_method_info){info->name, info->formula, info->source},
                   info->settings);
    assert_int_equal(pages_in("calibration"), i);
    bal_ctx_close(&ctx);
}

static void heads_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_head_info *info; (info = bal_head_at(i)); i++)
        check_page(ctx, "heads", (bal_method_info){info->name, info->formula, info->source}, "");
    assert_int_equal(pages_in("heads"), i);
    bal_ctx_close(&ctx);
}

static void methods_have_pages(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const bal_method_info *(*at)(int i);
    } lists[] = {
        {"class-weights", bal_class_weighting_at}, {"samplers", bal_sampler_at},
        {"augmentations", bal_augmentation_at},    {"mixing", bal_mix_at},
        {"stage-actions", bal_stage_action_at},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t list = 0; list < BAL_COUNT_OF(lists); list++) {
        int i = 0;
        for (const bal_method_info *info; (info = lists[list].at(i)); i++)
            check_page(ctx, lists[list].folder, *info, "");
        assert_true(i > 0);
        assert_int_equal(pages_in(lists[list].folder), i);
    }
    bal_ctx_close(&ctx);
}

static void measures_have_pages(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int i = 0;
    for (const bal_measure_info *info; (info = bal_measure_at(i)); i++) {
        check_page(ctx, "explain", (bal_method_info){info->name, info->formula, info->source}, "");
        char path[512];
        snprintf(path, sizeof path, DOCS "methods/explain/%s.md", info->name);
        char *text = read_page(ctx, path);
        must_have(path, text, info->about);
        must_have(path, text, info->range);
        for (int f = 0; bal_figure_at(f); f++)
            if (strcmp(bal_figure_at(f)->measure, info->name) == 0)
                must_have(path, text, bal_figure_at(f)->key);
        bal_free(ctx, text);
    }
    assert_true(i > 0);
    assert_int_equal(pages_in("explain"), i);
    bal_ctx_close(&ctx);
}

static void metrics_have_rows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *text = read_page(ctx, DOCS "methods/metrics.md"), words[128];
    for (bal_metric m = 0; m < BAL_METRIC_COUNT; m++) {
        snprintf(words, sizeof words, "\n| `%s` | ", bal_metric_key(m));
        must_have("metrics.md", text, words);
    }
    bal_free(ctx, text);
    bal_ctx_close(&ctx);
}

static void recipes_have_rows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *text = read_page(ctx, DOCS "recipes.md"), words[512];
    int i = 0;
    for (const bal_recipe_info *info; (info = bal_recipe_at(i)); i++) {
        snprintf(words, sizeof words, "\n| `%s` | %s | %s", info->name, info->about, info->source);
        must_have("recipes.md", text, words);
    }
    assert_true(i > 0);
    bal_free(ctx, text);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_have_pages),       cmocka_unit_test(resamplers_have_pages),
        cmocka_unit_test(calibrations_have_pages), cmocka_unit_test(methods_have_pages),
        cmocka_unit_test(metrics_have_rows),       cmocka_unit_test(measures_have_pages),
        cmocka_unit_test(recipes_have_rows),       cmocka_unit_test(heads_have_pages),
        cmocka_unit_test(optimizers_have_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
