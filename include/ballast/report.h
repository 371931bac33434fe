/* ballast/report.h: results as text for people. */
#ifndef BALLAST_REPORT_H
#define BALLAST_REPORT_H

#include "ballast/audit.h"
#include "ballast/base.h"
#include "ballast/evaluate.h"
#include "ballast/explain.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a text file, which appears whole or not at all. Fails with BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_report_write(bal_ctx *ctx, const char *path,
                                                   const char *text);

/* A plain-text table: cells are added left to right, a row ends after `columns` cells. Widths count
 * UTF-8 characters. align: one letter a column, 'l' or 'r'. */
typedef struct bal_table bal_table;
BAL_API BAL_MUST_CHECK bal_status bal_table_open(bal_table **out, bal_ctx *ctx, int columns,
                                                 const char *align);
BAL_API void bal_table_close(bal_table **table);
/* printf format. A failure is kept and returned by bal_table_text. */
BAL_API void bal_table_cell(bal_table *table, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* A cell "0.713", or "n/a" where value is NaN. */
BAL_API void bal_table_number(bal_table *table, double value, int decimals);
BAL_API void bal_table_rule(bal_table *table); /* a line after the rows so far */
/* The whole table; new, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_table_text(const bal_table *table, bal_ctx *ctx, char **text);

/* An evaluation as `ballast eval` prints it: the main numbers with intervals, groups, a row per
 * class. train_counts may be NULL. New text, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_report_evaluation(const bal_evaluation *e,
                                                        const int64_t *train_counts, bal_ctx *ctx,
                                                        char **text);

/* Two or more evaluations of the same items side by side (`ballast report A B`): main numbers,
 * recall of every class with intervals, and one sentence on what changed for the rare classes
 * between the first and the last, computed from the numbers. The rare classes are the evaluations'
 * group "few" (or "tail"). train_counts may be NULL. New text, release with bal_release.
 * Fails with BAL_BAD_ARG: fewer than two, or they differ in classes or in items per class. */
typedef struct bal_report_arm {
    const char *name;
    const bal_evaluation *evaluation;
} bal_report_arm;
BAL_API BAL_MUST_CHECK bal_status bal_report_compare(const bal_report_arm *arms, int count,
                                                     const int64_t *train_counts, bal_ctx *ctx,
                                                     char **text);

/* An audit as `ballast audit` prints it: a verdict on each section, then extent, cleanliness,
 * difficulty and advice, in lines of 80 columns (a path or a command may be longer). Lists are cut;
 * bal_audit_json has them whole. unicode: bars of block characters, else of '#'. New text, release
 * with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_report_audit(const bal_audit *audit, bool unicode,
                                                   bal_ctx *ctx, char **text);

/* An explanation as `ballast explain` prints it: what the decisions rest on, how the classes lie,
 * rank correlations, neural collapse, findings. The first 100 classes; bal_explain_json has all.
 * New text, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_report_explain(const bal_explain *explain, bal_ctx *ctx,
                                                     char **text);
/* Two networks beside each other; explain, of the first, has the names of the classes. New text. */
BAL_API BAL_MUST_CHECK bal_status bal_report_match(const bal_match *match,
                                                   const bal_explain *explain, bal_ctx *ctx,
                                                   char **text);

#ifdef __cplusplus
}
#endif
#endif
