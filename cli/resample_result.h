/* What the two ways of `ballast resample`, arrays and images, share. */
#ifndef BALLAST_CLI_RESAMPLE_RESULT_H
#define BALLAST_CLI_RESAMPLE_RESULT_H

#include "cli.h"

typedef struct cli_resample_result {
    const bal_resampled *plan;
    const bal_dataset *data;  /* whose class names stand for labels; NULL: arrays */
    int64_t rows, columns;    /* of the input */
    double planning, writing; /* seconds */
    double error;             /* of an autoencoder; NaN or 0: none */
} cli_resample_result;

/* Text, JSON, or both, as wanted. */
bal_status cli_resample_put(cli *c, const cli_resample_result *result);
/* Writes --out-origin, where it is given. */
bal_status cli_resample_origins(cli *c, const bal_resampled *plan);
/* A bal_resample_progress_fn; user is the cli. */
void cli_resample_progress(void *user, const char *what, int64_t done, int64_t of);
/* Seconds from some start. */
double cli_clock(void);

bal_status cli_resample_images(cli *c);

#endif
