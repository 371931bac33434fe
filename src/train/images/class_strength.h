/* How strongly each class is augmented while a run trains: fixed by frequency, or CUDA's levels,
 * which a test before every epoch moves (balance.h, strength by class). */
#ifndef BAL_CLASS_STRENGTH_H
#define BAL_CLASS_STRENGTH_H

#include "engine/engine.h"
#include "train/images/loader.h"

typedef struct bal_class_strength bal_class_strength;

typedef struct bal_class_strength_settings {
    int classes;
    const int64_t *counts; /* classes: training images */
    const int64_t *items;  /* training images, as the loader numbers them; all three borrowed */
    const int32_t *labels; /* of the items */
    int64_t item_count;
    uint64_t seed;
} bal_class_strength_settings;
BAL_MUST_CHECK bal_status bal_class_strength_open(bal_class_strength **out, bal_ctx *ctx,
                                                  const bal_class_strength_settings *settings);
void bal_class_strength_close(bal_class_strength **strength);
/* A stage begins; its settings are borrowed as long as it lasts. Levels go on from the stage
 * before. */
void bal_class_strength_enter(bal_class_strength *s, const bal_augment_settings *augment);
/* Before the steps of an epoch (from 0): the test that moves the levels, unless it was done for
 * this epoch, or nobody wants it. The network is the plan's, in inference mode. Where it fails,
 * with BAL_INTERRUPTED among others, no level has moved. */
BAL_MUST_CHECK bal_status bal_class_strength_epoch(bal_class_strength *s, bal_plan *plan,
                                                   bal_loader *loader, int epoch);
/* Tells a pass of training what each class gets. */
void bal_class_strength_tell(const bal_class_strength *s, bal_loader_pass *pass);
/* Levels of the classes (NULL: the stage has none), and how many images the last test took. */
const int *bal_class_strength_levels(const bal_class_strength *s);
int64_t bal_class_strength_tested(const bal_class_strength *s);

/* Levels in and out of the state of a run, once there were any. Fails with BAL_BAD_FILE, naming
 * path. */
BAL_MUST_CHECK bal_status bal_class_strength_save(const bal_class_strength *s, bal_weights *state);
BAL_MUST_CHECK bal_status bal_class_strength_restore(bal_class_strength *s,
                                                     const bal_weights *state, const char *path);

#endif
