/* See toy_run.h. */
#include "helpers/toy_run.h"

#include "helpers/helpers.h"

#include <stdio.h>
#include <stdlib.h>

void test_toy_run_open(test_toy_run *f, const test_toy *toy, double val_fraction)
{
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    test_write_toy(f->images, toy);
    f->data = test_open_toy(f->ctx, f->images, val_fraction);
    f->info = bal_dataset_describe(f->data);
    f->settings = bal_train_defaults();
    f->settings.out = f->run;
}

void test_toy_run_close(test_toy_run *f)
{
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
}

test_toy_run *test_toy_run_set_up(void **state, const test_toy *toy, double val_fraction)
{
    test_toy_run *f = calloc(1, sizeof *f);
    assert_non_null(f);
    test_toy_run_open(f, toy, val_fraction);
    *state = f;
    return f;
}

int test_toy_run_tear_down(void **state)
{
    test_toy_run *f = *state;
    test_toy_run_close(f);
    free(f);
    return 0;
}
