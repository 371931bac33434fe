/* The settings of a data set: what the public header leaves to one place. */
#ifndef BAL_DATASET_SETTINGS_H
#define BAL_DATASET_SETTINGS_H

#include "data/readers/source.h"

/* Refuses what is out of range (BAL_BAD_ARG), fills in what 0 and NULL stand for, and makes texts
 * constant where they are names of a table. */
bal_status bal_dataset_settings_check(bal_ctx *ctx, bal_dataset_settings *settings);

bal_image_limits bal_dataset_settings_limits(const bal_dataset_settings *settings);

#endif
