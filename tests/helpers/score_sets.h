/* Calibrations in tests: four classes of 100, 70, 40 and 20 items. */
#ifndef BAL_TEST_SCORE_SETS_H
#define BAL_TEST_SCORE_SETS_H

#include "ballast/calibrate.h"

enum { TEST_CLASSES = 4, TEST_ITEMS = 230 };

typedef struct test_scores {
    float scores[TEST_ITEMS * TEST_CLASSES];
    int32_t labels[TEST_ITEMS];
    int64_t counts[TEST_CLASSES];
    bal_calibration_items items;
} test_scores;

extern const double test_counts_prior[TEST_CLASSES], test_equal_prior[TEST_CLASSES];

/* Logits that know their labels by `signal`; number chooses the draw. free() it. */
test_scores *test_make_scores(double signal, uint64_t number);
/* Settings with everything that the method may ask for from the set. */
bal_calibration_settings test_calibration_for(const test_scores *s, const char *method);
/* An empty chain. */
bal_calibration *test_open_calibration(bal_ctx *ctx, const double *prior);

#endif
