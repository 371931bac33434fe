/* See score_sets.h. */
#include "helpers/score_sets.h"

#include "base/random.h"
#include "helpers/helpers.h"

#include <stdlib.h>

const double test_counts_prior[TEST_CLASSES] = {100.0 / 230, 70.0 / 230, 40.0 / 230, 20.0 / 230};
const double test_equal_prior[TEST_CLASSES] = {0.25, 0.25, 0.25, 0.25};

test_scores *test_make_scores(double signal, uint64_t number)
{
    static const int sizes[TEST_CLASSES] = {100, 70, 40, 20};
    test_scores *s = calloc(1, sizeof *s);
    assert_non_null(s);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, number, 0);
    int i = 0;
    for (int c = 0; c < TEST_CLASSES; c++)
        for (int k = 0; k < sizes[c]; k++, i++) {
            s->labels[i] = c;
            for (int j = 0; j < TEST_CLASSES; j++)
                s->scores[i * TEST_CLASSES + j] =
                    (float)(bal_random_normal(&random) + (j == c ? signal : 0.0) + 0.4 * (3 - j));
        }
    for (int c = 0; c < TEST_CLASSES; c++)
        s->counts[c] = sizes[c];
    s->items =
        (bal_calibration_items){.items = TEST_ITEMS, .scores = s->scores, .labels = s->labels};
    return s;
}

bal_calibration *test_open_calibration(bal_ctx *ctx, const double *prior)
{
    bal_calibration *c;
    test_ok(ctx, bal_calibration_open(&c, ctx, TEST_CLASSES, prior));
    return c;
}

bal_calibration_settings test_calibration_for(const test_scores *s, const char *method)
{
    bal_calibration_settings how = bal_calibration_defaults();
    how.method = method;
    how.fit = how.target = &s->items;
    how.train_counts = s->counts;
    return how;
}
