/* A toy set that is open, and the settings of a run on it: what tests of training begin with. */
#ifndef BAL_TEST_TOY_RUN_H
#define BAL_TEST_TOY_RUN_H

#include "helpers/toy.h"

#include "ballast/train.h"

typedef struct test_toy_run {
    bal_ctx *ctx; /* one thread */
    char *folder; /* of the test */
    char images[4096], run[4096];
    bal_dataset *data;
    bal_dataset_info info;
    bal_train_settings settings; /* the defaults, out: run */
} test_toy_run;

void test_toy_run_open(test_toy_run *out, const test_toy *toy, double val_fraction);
void test_toy_run_close(test_toy_run *run);
/* The same for one that cmocka keeps: a new one as *state, returned; and the end of it. */
test_toy_run *test_toy_run_set_up(void **state, const test_toy *toy, double val_fraction);
int test_toy_run_tear_down(void **state);

#endif
