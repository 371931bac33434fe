/* A stage that trains the head on features instead of images (the key features): the features of
 * the training images are taken once, resampled, and shown as rows. The head has a plan of its own
 * then, which takes the place of the network's while an epoch trains. */
#ifndef BAL_FEATURE_FEED_H
#define BAL_FEATURE_FEED_H

#include "train/trainer.h"

/* Whether a stage has one. */
bool bal_stage_has_features(const bal_recipe_stage *stage);
/* What can be wrong with it: an unknown method, a backbone that trains, mixed images, averages over
 * epochs, nothing that trains. */
BAL_MUST_CHECK bal_status bal_recipe_check_features(const bal_recipe *r, int stage);
BAL_MUST_CHECK bal_status bal_feature_feed_check(const bal_trainer *t, int stage,
                                                 const bool *trains);

/* Features of the training images as they are, by g->plan in inference mode, resampled; and the
 * head's plan. Fails as bal_resample_open, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_feature_feed_open(bal_feature_feed **out, bal_training *g, int stage);
void bal_feature_feed_close(bal_feature_feed **feed);
/* Rows of each class, after resampling. */
const int64_t *bal_feature_feed_counts(const bal_feature_feed *feed);

/* Between these two, g->plan is the head's, with the values and momenta of the network's head, and
 * g->decay fits it. begin draws the epoch's rows into class_drawn; end takes all back. */
BAL_MUST_CHECK bal_status bal_feature_feed_begin(bal_training *g);
BAL_MUST_CHECK bal_status bal_feature_feed_end(bal_training *g, bal_status status);
/* The next rows of the epoch as a batch: images are features. count 0: the epoch is over. */
void bal_feature_feed_next(bal_training *g, bal_loader_batch *batch);

#endif
