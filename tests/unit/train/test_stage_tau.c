/* Dividing the head's rows by a power of their norms: by one that is given, by the best of a list.
 */
#include "helpers/near.h"
#include "helpers/stage_runs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FEATURES STAGE_FEATURES
#define BACKBONE 35 /* 7 convolutions, 7 batch norms of 4 */
#define ROWS (STAGE_CLASSES * FEATURES)

static void rows_are_divided_by_their_norms(void **state)
{
    stage_runs *f = *state;
    static const double taus[] = {0.0, 0.5, 1.0, 1.7};
    f->keep = 2;
    for (int k = 0; k < 4; k++) {
        char stage[64];
        snprintf(stage, sizeof stage, "begin: tau-normalize, normalize_tau: %g", taus[k]);
        test_ok(f->ctx, stage_train(f, stage_acting(stage, "")));
        bal_weights *last = stage_read(f, "last.safetensors"),
                    *best = stage_read(f, "best.safetensors");
        const float *before = bal_weights_find(f->kept, "fc.weight")->data;
        float want[ROWS];
        for (int j = 0; j < STAGE_CLASSES; j++)
            for (int i = 0; i < FEATURES; i++)
                want[j * FEATURES + i] = (float)(before[j * FEATURES + i] /
                                                 pow(stage_norm(before + j * FEATURES), taus[k]));
        test_close("fc.weight", want, bal_weights_find(last, "fc.weight")->data, ROWS, 1e-6);
        for (int j = 0; j < STAGE_CLASSES; j++) {
            assert_true(bal_weights_find(last, "fc.bias")->data[j] == 0.0f);
            assert_true(bal_weights_find(f->kept, "fc.bias")->data[j] != 0.0f);
        }
        assert_int_equal(stage_expect_same(f->kept, last, "[!f]*"), BACKBONE);
        stage_expect_same(best, last, "*"); /* select: last-stage */
        assert_int_equal(f->epochs, 3);
        assert_true(isnan(f->reports[2].train_loss) && f->reports[2].best);
        assert_true(f->reports[2].lr == 0.0 && f->drawn[2][0] == 0);
        assert_true(f->reports[2].val_balanced_accuracy > 0.0);
        bal_weights_close(&last);
        bal_weights_close(&best);
    }
}

/* Mean negative log-likelihood of a head that is `head` over the features. */
static double loss_of(const float *head, const stage_rows *r, int64_t items)
{
    double all = 0.0;
    for (int64_t n = 0; n < items; n++) {
        double sum = 0.0, own = 0.0;
        for (int j = 0; j < STAGE_CLASSES; j++) {
            double z = 0.0;
            for (int i = 0; i < FEATURES; i++)
                z += (double)head[j * FEATURES + i] * r->features[n * FEATURES + i];
            sum += exp(z);
            own = j == r->labels[n] ? z : own;
        }
        all += log(sum) - own;
    }
    return all / (double)items;
}

static void the_best_power_is_found_on_the_validation_split(void **state)
{
    stage_runs *f = *state;
    const int64_t items = bal_dataset_describe(f->data).items[BAL_SPLIT_VAL];
    float best_rows[ROWS], rows_now[ROWS];
    double best = INFINITY;
    int chosen = -1;
    f->keep = 2;
    f->settings.monitor = "nll";
    f->settings.seed = 9; /* whose best tau lies between the ends */
    test_ok(f->ctx, stage_train(f, stage_acting("begin: tau-search", "")));
    bal_weights *last = stage_read(f, "last.safetensors");
    const float *before = bal_weights_find(f->kept, "fc.weight")->data;
    stage_rows r = stage_rows_of(f, BAL_SPLIT_VAL);
    for (int k = 0; k <= 20; k++) {
        for (int i = 0; i < ROWS; i++)
            rows_now[i] =
                (float)(before[i] / pow(stage_norm(before + i / FEATURES * FEATURES), k * 0.1));
        const double loss = loss_of(rows_now, &r, items);
        if (loss < best) {
            best = loss;
            chosen = k;
            memcpy(best_rows, rows_now, sizeof best_rows);
        }
    }
    assert_in_range(chosen, 1, 19);
    test_close("fc.weight", best_rows, bal_weights_find(last, "fc.weight")->data, ROWS, 1e-6);
    test_near("loss", best, f->reports[2].val_loss, 1e-5);
    for (int j = 0; j < STAGE_CLASSES; j++)
        assert_true(bal_weights_find(last, "fc.bias")->data[j] == 0.0f);
    stage_rows_close(&r);
    bal_weights_close(&last);
}

/* The validation split is so small that every power is as good by balanced accuracy. */
static void of_equals_the_smallest_power_wins(void **state)
{
    stage_runs *f = *state;
    f->keep = 2;
    test_ok(f->ctx, stage_train(f, stage_acting("begin: tau-search", "")));
    bal_weights *last = stage_read(f, "last.safetensors");
    test_close("fc.weight", bal_weights_find(f->kept, "fc.weight")->data,
               bal_weights_find(last, "fc.weight")->data, ROWS, 0.0);
    assert_true(bal_weights_find(last, "fc.bias")->data[0] == 0.0f);
    bal_weights_close(&last);
}

/* There is nothing to choose by. */
static void a_search_wants_a_validation_split(void **state)
{
    stage_runs *f = *state;
    bal_dataset_close(&f->data);
    f->data = test_open_toy(f->ctx, f->images, 0.0);
    test_fails(f->ctx, stage_train(f, stage_acting("begin: tau-search", "")), BAL_MISMATCH,
               "tau-search chooses by the validation split, and this data has none", NULL);
    assert_int_equal(f->epochs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_divided_by_their_norms, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(the_best_power_is_found_on_the_validation_split,
                                        stage_runs_set_up, stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(of_equals_the_smallest_power_wins, stage_runs_set_up,
                                        stage_runs_tear_down),
        cmocka_unit_test_setup_teardown(a_search_wants_a_validation_split, stage_runs_set_up,
                                        stage_runs_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
