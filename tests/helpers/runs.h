/* Training runs in tests, and reading what they leave behind. */
#ifndef BAL_TEST_RUNS_H
#define BAL_TEST_RUNS_H

#include "ballast/train.h"

#include <jansson.h>

typedef struct test_training {
    const bal_dataset *data;
    const char *recipe; /* YAML text; NULL: settings->recipe */
    const bal_train_settings *settings;
    const bal_train_callbacks *callbacks; /* or NULL */
    bal_train_result *result;             /* or NULL */
} test_training;
/* Opens a trainer, trains, closes. */
bal_status test_train(bal_ctx *ctx, const test_training *how);

/* The JSON of a file, and of each of its lines as an array; new. Fails the test otherwise. */
json_t *test_json_file(const char *path);
json_t *test_json_lines(const char *path);
/* Number i of the list `key` of an object; null is NaN. */
double test_json_number(const json_t *object, const char *key);
double test_json_item(const json_t *object, const char *key, int i);
/* All files of a folder: an object of names and their bytes (hexadecimal); new. Equal folders are
 * equal objects. */
json_t *test_folder_contents(const char *folder);
bool test_exists(const char *path);

#endif
