/* Runs of several stages on a small set of images, looked at before and after a stage. */
#ifndef BAL_TEST_STAGE_RUNS_H
#define BAL_TEST_STAGE_RUNS_H

#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include "ballast/net.h"

#define STAGE_CLASSES 3
#define STAGE_FEATURES 64 /* of resnet8 */
#define STAGE_EPOCHS_MAX 16

typedef struct stage_runs {
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096];
    bal_dataset *data;
    int64_t train_items;
    bal_train_settings settings; /* resnet8, reference, out run, overwrite */

    /* of the last stage_train */
    int epochs;
    bal_epoch_report reports[STAGE_EPOCHS_MAX]; /* their lists are gone */
    int64_t drawn[STAGE_EPOCHS_MAX][STAGE_CLASSES];
    int keep;            /* the state after so many epochs is kept; 0: none */
    bal_weights *kept;   /* or NULL; stage_runs_close closes it */
    int interrupt_at;    /* epoch after which the run is interrupted; 0: none */
    bool interrupt_soon; /* after a step */
} stage_runs;

stage_runs *stage_runs_open(void);
void stage_runs_close(stage_runs **f);
/* The same for one that cmocka keeps as *state. */
int stage_runs_set_up(void **state);
int stage_runs_tear_down(void **state);
/* The length of a row of the head's weights. */
double stage_norm(const float *row);
/* Trains a recipe given as YAML. */
bal_status stage_train(stage_runs *f, const char *recipe);
/* A file of the run; new. */
bal_weights *stage_read(const stage_runs *f, const char *name);
bool stage_same_bits(const bal_tensor *a, const bal_tensor *b);
/* Fails unless all tensors of `names` (a shell pattern) have the same bits, or not the same. Values
 * of momenta are left out. Returns how many there are. */
int stage_expect_same(const bal_weights *a, const bal_weights *b, const char *names);
int stage_expect_moved(const bal_weights *a, const bal_weights *b, const char *names);

/* A recipe: two epochs that train, then a stage that only does what `stage` says. more: keys of the
 * recipe. Static memory. */
const char *stage_acting(const char *stage, const char *more);

/* What the head of the last run reads and says, for the items of a split; release with
 * stage_rows_close. */
typedef struct stage_rows {
    float *features, *logits; /* items x */
    int32_t *labels;
} stage_rows;
stage_rows stage_rows_of(const stage_runs *f, bal_split split);
void stage_rows_close(stage_rows *r);

#endif
