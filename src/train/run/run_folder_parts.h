/* What the files of the run folder's code share; others use run_folder.h. */
#ifndef BAL_RUN_FOLDER_PARTS_H
#define BAL_RUN_FOLDER_PARTS_H

#include "base/writer.h"
#include "train/run/run_folder.h"

#define BAL_RUN_RECIPE "recipe.yaml"
#define BAL_RUN_COMMAND "command.txt"
#define BAL_RUN_ENVIRONMENT "environment.json"
#define BAL_RUN_DATA "data.json"
#define BAL_RUN_SPLIT "split.csv"
#define BAL_RUN_SKIPPED "skipped.csv"
#define BAL_RUN_METRICS "metrics.jsonl"
#define BAL_RUN_EVENTS "events.out.tfevents.ballast"
#define BAL_RUN_SUMMARY "summary.json"
#define BAL_RUN_LOG "log.txt"
#define BAL_RUN_CALIBRATION "calibration.json"

#define BAL_RUN_DATA_VERSION 1

struct bal_run_folder {
    bal_ctx *ctx;
    char *path;
    int fd;                  /* of the folder; holds the lock */
    bal_run_data_held *data; /* data.json, read when the class names are first needed */
    int classes;
    const char *const *class_names; /* of data */
};

/* Writes value, indented, as the file NAME of the folder. Takes value (NULL: no memory). */
BAL_MUST_CHECK bal_status bal_run_write_json(bal_run_folder *folder, const char *name,
                                             json_t *value);
BAL_MUST_CHECK bal_status bal_run_write_text(bal_run_folder *folder, const char *name,
                                             const char *text);
/* JSON must be UTF-8: other bytes become '?'. NULL: no memory. */
json_t *bal_run_json_text(const char *text);

#endif
