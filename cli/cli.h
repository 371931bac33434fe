/* What the files of the program share: the tables of commands and options, one run of the program,
 * and where text goes. The program knows the library by its public headers only. */
#ifndef BALLAST_CLI_H
#define BALLAST_CLI_H

#include "ballast/ballast.h"

#include <jansson.h>
#include <stdio.h>

/* ---- settings: one struct for all commands; each command fills the parts its groups name ---- */

typedef struct cli_list { /* an option that may be given several times */
    const char **items;
    int count;
} cli_list;

typedef struct cli_global {
    int threads;
    bool quiet, verbose, help;
    const char *json; /* file, "-" for stdout, NULL: text only */
} cli_global;

typedef struct cli_train_extra {
    bool dry_run;
    cli_list set; /* KEY=VALUE */
} cli_train_extra;

typedef struct cli_source { /* where a trained model comes from besides a run */
    const char *model, *weights, *mean, *std, *head, *engine;
    int batch_size;
    bool last;
    bool no_calibration;
} cli_source;

typedef struct cli_measure {
    const char *split, *save_scores, *save_features, *save_labels, *scores, *labels, *train_counts;
    const char *calibration; /* a file */
    const char *groups;      /* a file */
    bool probabilities;
    int bootstrap;
    uint64_t seed;
} cli_measure;

typedef struct cli_calibrate {
    const char *method, *test_prior, *train_prior, *cost, *split, *target, *target_scores, *out;
    uint64_t seed;
    bool remove;
} cli_calibrate;

typedef struct cli_predict {
    bool csv;
    int top;
} cli_predict;

typedef struct cli_resample {
    const char *features, *labels, *out_features, *out_labels, *out_origin;
    const char *images, *out, *sheet;
} cli_resample;

typedef struct cli_audit {
    const char *features; /* a run */
    const char *fail_on;  /* a severity */
    bool ascii;
} cli_audit;

typedef struct cli_explain {
    const char *features, *labels, *predictions, *test_features, *test_labels, *test_predictions;
    const char *head_weight, *head_bias;
    double head_scale;
    const char *out, *against;
    uint64_t seed;
    const char *sheets; /* a folder */
    const char *cam;    /* kind of map; NULL: ce where the network pools, else gradcam */
    const char *cam_layer;
    int columns;
} cli_explain;

typedef struct cli_methods {
    const char *yaml; /* a recipe's name */
} cli_methods;

typedef struct cli_manual {
    const char *markdown; /* a folder */
    bool roff;
} cli_manual;

typedef struct cli_settings {
    cli_global global;
    cli_train_extra train_extra;
    bal_train_settings train;
    bal_dataset_settings dataset;
    bal_bench_settings bench;
    bal_get_settings get;
    cli_source source;
    cli_measure measure;
    cli_calibrate calibrate;
    bal_calibration_settings calibration;
    cli_predict predict;
    cli_resample resample_files;
    bal_image_resample_settings images; /* its part resample also for arrays */
    bal_audit_settings audit;
    cli_audit audit_extra;
    bal_explain_settings explain;
    cli_explain explain_files;
    cli_methods methods;
    cli_manual manual;
} cli_settings;

cli_settings cli_settings_defaults(void);

/* ---- tables ---- */

typedef enum cli_group_kind {
    CLI_ONCE,    /* the last one counts; BALLAST_NAME in the environment counts before it */
    CLI_BY_HAND, /* these say what a command does, so the environment does not count */
    CLI_REPEATED /* by hand, the fields are cli_list: every use of the option adds a text */
} cli_group_kind;

typedef struct cli_group { /* a heading of the help with its rows */
    const char *title;
    const bal_option *(*rows)(void);
    size_t offset; /* in cli_settings, of the struct that the rows' offsets refer to */
    cli_group_kind kind;
} cli_group; /* ended by a NULL title */

typedef struct cli_argument {
    const char *name, *about;
} cli_argument; /* ended by a NULL name */

typedef struct cli_example {
    const char *line, *about; /* what is typed (several lines: with \\ before the newline), which
                                the tests run; and what for */
} cli_example;                /* ended by a NULL line */

typedef struct cli cli;

typedef struct cli_command {
    const char *name;  /* "train", or two words: "data info" */
    const char *usage; /* what follows the name; further forms after a newline */
    const char *about; /* one line */
    const char *text;  /* what the manual says beyond that */
    bal_status (*run)(cli *c);
    const cli_group *groups; /* or NULL */
    const cli_argument *arguments;
    int least, most; /* how many arguments; most -1: any number */
    const cli_example *examples;
} cli_command;

/* Command i of the table, NULL at the end. */
const cli_command *cli_command_at(int i);
extern const cli_command cli_command_train, cli_command_eval, cli_command_predict,
    cli_command_report, cli_command_data_list, cli_command_data_info, cli_command_data_get,
    cli_command_data_longtail, cli_command_methods, cli_command_bench_train, cli_command_version,
    cli_command_help, cli_command_completion, cli_command_manual, cli_command_resample,
    cli_command_audit, cli_command_explain, cli_command_calibrate;

/* Groups that several commands share. */
extern const cli_group cli_group_global[]; /* one row and the end */
const bal_option *cli_dataset_seed_rows(void);
const bal_option *cli_weights_rows(void);      /* cli_source: instead of a run */
const bal_option *cli_running_rows(void);      /* cli_source: how a model computes */
const bal_option *cli_saved_scores_rows(void); /* cli_measure: instead of a model */
const bal_option *cli_calibrated_rows(void);   /* cli_source: without its calibration */

/* ---- one run of the program ---- */

enum { CLI_MOST_OPTIONS = 128 };

struct cli {
    bal_ctx *ctx;
    const cli_command *command;
    cli_settings settings;
    const char **args;
    int arg_count;
    bool given[CLI_MOST_OPTIONS]; /* option i (cli_option_at) stands on the command line */
    char *command_line;           /* as typed, quoted for a shell */
    char error[4096];             /* the program's own sentence; empty: the library's counts */
    int bar_width;                /* characters of the progress bar on the terminal now */
};

/* Reads environment and words into c->settings and c->args. Fails with BAL_BAD_ARG. */
BAL_MUST_CHECK bal_status cli_parse(cli *c, int count, char **words);
/* Finds the command in words[0], words[1]; used receives how many words that took. NULL: none. */
const cli_command *cli_find_command(int count, const char *const *words, int *used);
/* The sentence about words that are no command, with the nearest that is. */
void cli_unknown_command(int count, const char *const *words, char *text, size_t size);
/* Walks the options of a command, global ones last: option i, its group in *group, NULL at the
 * end. */
const bal_option *cli_option_at(const cli_command *command, int i, const cli_group **group);
/* Its name; for bal_nearest_name, user is the command. */
const char *cli_option_name_at(const void *command, int i);
/* Number of the option that has this name or, alone, begins with it; CLI_UNKNOWN, or CLI_AMBIGUOUS:
 * others then names those that begin with it. */
enum { CLI_UNKNOWN = -1, CLI_AMBIGUOUS = -2 };
int cli_find_option(const cli_command *command, const char *name, char *others, size_t size);
/* The first option of the group with these rows that stands on the command line, or NULL. */
const char *cli_given_of(const cli *c, const bal_option *(*rows)(void));
/* Names to choose from for an option: its choices or a list of the library; name i or NULL. The
 * name is written to buffer where it has no end of its own. */
const char *cli_value_at(const bal_option *row, int i, char *buffer, size_t size);

/* Sets c->error and returns status. */
bal_status cli_fail(cli *c, bal_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "3,0.5,1" into exactly count numbers. what is the option's name with dashes. */
BAL_MUST_CHECK bal_status cli_numbers(cli *c, const char *what, const char *text, int count,
                                      double *out);
/* Zeroed memory, or NULL with c->error set. */
void *cli_calloc(cli *c, size_t count, size_t size);
/* The sentence of the failure. */
const char *cli_error(const cli *c);

/* ---- text ---- */

/* Is text wanted on stdout (not with --json -)? */
bool cli_wants_text(const cli *c);
bool cli_wants_json(const cli *c);
/* Writes the value where --json says; takes the value. */
BAL_MUST_CHECK bal_status cli_put_json(cli *c, json_t *value);
/* A number, or null for NaN. */
json_t *cli_json_real(double value);
/* A text; bytes of paths and folder names that are no UTF-8 become "?". */
json_t *cli_json_text(const char *text);
/* The table's text on stdout; closes the table. */
BAL_MUST_CHECK bal_status cli_put_table(cli *c, bal_table **table);
/* A text from the library on stdout, released. */
void cli_put_text(cli *c, char *text);
/* One line of talk on stderr; nothing with --quiet. */
void cli_say(cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Receives the library's log; user is the cli. */
bal_log_fn cli_log;
/* "1234567" as "1,234,567" in buffer. */
const char *cli_thousands(int64_t value, char *buffer, size_t size);
/* "1h02m", "3m20s", "12s" in buffer. */
const char *cli_duration(double seconds, char *buffer, size_t size);
/* Is stderr a terminal that wants colours (NO_COLOR)? */
bool cli_colours(void);
/* Is stderr a terminal that can redraw a line, and talk is wanted? */
bool cli_has_bar(const cli *c);
/* Draws "HEAD[###...] TAIL" over the line that is there. */
void cli_bar_line(cli *c, const char *head, double share, const char *tail);
/* The bar of a training. */
void cli_bar(cli *c, const bal_progress *progress);
/* The same for work that is counted: what is done, and how much of it. */
void cli_bar_share(cli *c, const char *what, int64_t done, int64_t of);
void cli_bar_clear(cli *c);

/* From now on the first Ctrl-C (or SIGTERM) asks the library to stop, the second one kills. NULL:
 * back to normal. */
void cli_catch_interrupt(bal_ctx *ctx);

/* ---- help and manual, all derived from the tables ---- */
void cli_write_overview(FILE *out);
/* The commands of two words that begin with this one, "data"; false: there are none. */
bool cli_write_family(FILE *out, const char *word);
void cli_write_help(FILE *out, const cli_command *command);
void cli_write_markdown(FILE *out, const cli_command *command);
void cli_write_roff(FILE *out);

/* "  WORDS   about", the about in lines of its own from that column on. */
void cli_write_entry(FILE *out, const char *words, int column, const char *about);
/* Lines that all begin at indent. */
void cli_write_paragraph(FILE *out, int indent, const char *text);

/* ---- models and their evaluation, shared by train, eval and report ---- */
typedef struct cli_scores {
    int64_t items;
    int classes, features;
    float *scores;         /* items x classes */
    float *feature_values; /* items x features; NULL: not asked for */
    int32_t *labels;       /* items */
    int32_t *groups;       /* items; NULL: none */
    int group_count;
} cli_scores;
/* A run's model, or the one that the source options describe for the data set. */
BAL_MUST_CHECK bal_status cli_open_model(cli *c, bal_model **model, const char *run,
                                         const bal_dataset *data);
/* The data set to measure on: where (or the run's own when NULL), in the model's shape. */
/* bal_dataset_open with the settings of the command (or others), which also says what skip-bad left
 * out. */
BAL_MUST_CHECK bal_status cli_open_data(cli *c, bal_dataset **data, const char *where,
                                        const bal_dataset_settings *settings);
BAL_MUST_CHECK bal_status cli_open_model_data(cli *c, bal_dataset **data, const bal_model *model,
                                              const char *where);
BAL_MUST_CHECK bal_status cli_run_split(cli *c, bal_model *model, const bal_dataset *data,
                                        bal_split split, cli_scores *out);
void cli_scores_free(cli_scores *scores);
/* Evaluates scores of a model on a data set; the class names and training counts come from them,
 * and the calibration where the model was opened with it. */
BAL_MUST_CHECK bal_status cli_evaluate(cli *c, bal_evaluation **out, const cli_scores *scores,
                                       const bal_model *model, const bal_dataset *data);
/* One line of talk on the methods, where there are some. */
void cli_say_calibrated(cli *c, const bal_calibration *calibration);
/* What a calibration changed, as text and for JSON: evaluations without and with it. */
bal_status cli_put_calibrated(cli *c, const bal_calibration *calibration,
                              const bal_evaluation *plain, const bal_evaluation *calibrated);
json_t *cli_json_calibrated(const bal_calibration *calibration, const bal_evaluation *plain,
                            const bal_evaluation *calibrated);
/* The groups of --groups for out->items items, or nothing where they are not given. */
BAL_MUST_CHECK bal_status cli_read_groups(cli *c, cli_scores *out);
/* The numbers of --train-counts, new (free), or NULL where they are not given. */
BAL_MUST_CHECK bal_status cli_train_counts(cli *c, int classes, int64_t **out);
BAL_MUST_CHECK bal_status cli_split(cli *c, const bal_dataset *data, const char *name,
                                    bal_split *split);
/* An evaluation as a JSON object of the library's keys; NULL with c->error set. */
json_t *cli_evaluation_json(cli *c, const bal_evaluation *e);

#endif
