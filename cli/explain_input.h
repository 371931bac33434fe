/* Where the arrays of `ballast explain` come from: a network that is run over a data set, or files.
 */
#ifndef BALLAST_CLI_EXPLAIN_INPUT_H
#define BALLAST_CLI_EXPLAIN_INPUT_H

#include "cli.h"

#include "ballast/array.h"

typedef struct explain_side { /* of one split */
    bal_split split;          /* where a network made them */
    float *features;          /* owned, where a network made them */
    int32_t *labels;
    bal_array_file *files[3]; /* or from files: features, labels, predictions */
    bal_embedding in;
} explain_side;

typedef struct explain_input {
    bool arrays;           /* files, else a run or a weight file: */
    const char *run;       /* NULL: the source options */
    const char *data_name; /* NULL: the run's own */
    bal_model *model;
    bal_dataset *data;
    bal_model_head model_head;
    bal_array_file *head_files[2];
    explain_side side[BAL_SIDES];
    int dim, classes;
    bal_linear_head head;
    int64_t *train_counts; /* or NULL */
    const char **names;    /* or NULL */
} explain_input;

/* Fails with BAL_BAD_ARG, BAL_BAD_DATA, BAL_MISMATCH and what the library says. */
BAL_MUST_CHECK bal_status explain_input_open(cli *c, explain_input *in);
void explain_input_close(cli *c, explain_input *in);
/* Fills what the settings need to know of the arrays. */
void explain_input_settings(const explain_input *in, bal_explain_settings *s);
/* What `ballast train` has to be told to train on the same data: "DATA --model M --longtail ...";
 * new (free). */
BAL_MUST_CHECK bal_status explain_train_words(cli *c, const explain_input *in, char **words);

#endif
