/* The folder of a run: every file appears whole or not at all.
 *
 *   recipe.yaml        the resolved recipe
 *   command.txt        the command line
 *   environment.json   versions, processor, threads, seed, engine
 *   data.json          the data set and its settings, classes, normalisation, the network
 *   split.csv          item, split, class, name: the exact members
 *   skipped.csv        name, split, class, reason: the images that skip_bad left out, if any
 *   metrics.jsonl      a line an epoch
 *   events.out.tfevents.ballast   the same for TensorBoard
 *   summary.json, log.txt
 *   calibration.json   what `ballast calibrate` fitted to the weights
 * Weights and state are the trainer's; it takes their paths from bal_run_folder_file.
 *
 * Order for a run that may be killed at any moment: bal_run_folder_epoch first, then the state that
 * says "N epochs are done". On resume bal_run_folder_truncate(N) throws away what came after. */
#ifndef BAL_RUN_FOLDER_H
#define BAL_RUN_FOLDER_H

#include "ballast/train.h"
#include "base/context.h"

#include <jansson.h>

typedef struct bal_run_folder bal_run_folder;

typedef enum bal_run_mode {
    BAL_RUN_NEW,       /* the folder must not exist, or be empty */
    BAL_RUN_OVERWRITE, /* a run in it is removed first; anything else is an error */
    BAL_RUN_RESUME     /* must hold a run, or the beginning of one */
} bal_run_mode;

/* Makes or opens the folder and locks it against other processes until it is closed (a process that
 * is killed loses the lock). A folder is a run when it has recipe.yaml and command.txt; one that
 * holds nothing but files of the names above (a run that was killed while it started) counts too.
 * Fails with BAL_BAD_ARG (there is a run already; not a run; nothing to resume) or BAL_IO. */
BAL_MUST_CHECK bal_status bal_run_folder_open(bal_run_folder **out, bal_ctx *ctx, const char *path,
                                              bal_run_mode mode);
void bal_run_folder_close(bal_run_folder **folder);
const char *bal_run_folder_path(const bal_run_folder *folder);
/* PATH/NAME, new, bal_free; NULL: no memory. */
char *bal_run_folder_file(const bal_run_folder *folder, const char *name);
bool bal_run_folder_has(const bal_run_folder *folder, const char *name);

/* What is needed to use a run's weights: the data set as it was opened and the network. */
typedef struct bal_run_data {
    const char *where;            /* as the user named it: path or known name */
    bal_dataset_settings dataset; /* longtail may be NULL */
    const char *name, *format;    /* of bal_dataset_info */
    int classes, channels, height, width;
    const char *const *class_names;         /* classes */
    const int64_t *counts[BAL_SPLIT_COUNT]; /* classes each */
    double mean[3], std[3];                 /* of pixels / 255, per channel */
    const char *model, *head;
    double scale;
} bal_run_data;

/* All that stands at the start of a run. Texts and arrays are borrowed during the call. */
typedef struct bal_run_start {
    const bal_recipe *recipe;
    const char *command; /* NULL: written as an empty line */
    const bal_dataset *dataset;
    const bal_run_data *data;
    uint64_t seed;
    const char *engine, *engine_version;
} bal_run_start;
/* recipe.yaml, command.txt, environment.json, data.json, split.csv and skipped.csv. */
BAL_MUST_CHECK bal_status bal_run_folder_start(bal_run_folder *folder, const bal_run_start *start);

/* Appends an epoch to metrics.jsonl and to the events. */
BAL_MUST_CHECK bal_status bal_run_folder_epoch(bal_run_folder *folder,
                                               const bal_epoch_report *report);
/* Keeps the first epochs lines of metrics.jsonl and writes the events anew from them. Fails with
 * BAL_BAD_FILE when there are fewer, or a line is not that epoch's. */
BAL_MUST_CHECK bal_status bal_run_folder_truncate(bal_run_folder *folder, int epochs);
/* summary.json; the value is borrowed. */
BAL_MUST_CHECK bal_status bal_run_folder_summary(bal_run_folder *folder, const json_t *summary);
/* Appends "DATE TIME line" to log.txt. */
BAL_MUST_CHECK bal_status bal_run_folder_log(bal_run_folder *folder, const char *line);

/* data.json of a finished or running run, for prediction; needs no lock. Everything that *data
 * points to belongs to *held, released with bal_run_data_close. Fails with BAL_IO, BAL_BAD_FILE. */
typedef struct bal_run_data_held bal_run_data_held;
BAL_MUST_CHECK bal_status bal_run_data_open(bal_run_data_held **held, bal_ctx *ctx, const char *run,
                                            bal_run_data *data);
void bal_run_data_close(bal_run_data_held **held);

#endif
