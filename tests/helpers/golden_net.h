/* What tests against PyTorch's networks share: images by the formula of
 * make_net_golden.py, and comparing a run with what the golden file says of it. */
#ifndef BAL_TEST_GOLDEN_NET_H
#define BAL_TEST_GOLDEN_NET_H

#include "ballast/net.h"

#include <jansson.h>

#define TEST_GOLDEN_SCALE 4.0 /* of cosine heads */
/* Of logits, losses and values, relative to the root mean square of what is compared: the loosest
 * of the ops'. */
#define TEST_GOLDEN_TOLERANCE bal_op_backward_tolerance(BAL_OP_CONV2D)

double test_golden_number(const json_t *object, const char *key);
int test_golden_whole(const json_t *object, const char *key);
bal_shape test_golden_shape(const json_t *object); /* "input" */
void test_golden_losses(const char *what, const json_t *golden, const double *losses, int count);
/* One parameter: values at some places, and the sum of products with a formula, which every value
 * moves; errors relative to the root mean square. */
void test_golden_param(const char *what, const json_t *params, const char *name, const float *got,
                       int64_t count);

/* FOLDER/train/cK/I.png, "counts" of them, pixels by the formula. Returns how many. */
int test_golden_images(const char *folder, const json_t *run);
/* A weights file for the run's "model" (resnet8) with its "head" (linear). */
void test_golden_start(bal_ctx *ctx, const json_t *run, const char *path);
/* Losses of the epochs and last.safetensors of a run folder. */
void test_golden_run(bal_ctx *ctx, const json_t *run, const char *folder, const char *what);

#endif
