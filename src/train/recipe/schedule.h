/* The learning rate of every epoch: warm-up, then step drops, a cosine or a constant. */
#ifndef BAL_SCHEDULE_H
#define BAL_SCHEDULE_H

#include "base/context.h"

#define BAL_SCHEDULE_DROPS 16

typedef enum bal_schedule_kind {
    BAL_SCHEDULE_STEP,
    BAL_SCHEDULE_COSINE,
    BAL_SCHEDULE_CONSTANT
} bal_schedule_kind;

/* A schedule for a given number of epochs: everything is in whole epochs. A value, nothing to
 * close. */
typedef struct bal_schedule {
    bal_schedule_kind kind;
    double lr;  /* after warm-up, before the first drop */
    int epochs; /* of the whole run, >= 1 */
    int warmup; /* epoch e < warmup runs at lr (e + 1) / warmup, as LDAM-DRW's reference does */
    int drop_count;
    int drops[BAL_SCHEDULE_DROPS]; /* step: from epoch drops[i] (counted from 0) on, lr is
                                      multiplied by factor once more; ascending */
    double factor;
    double min_lr; /* cosine: what the last epoch comes near to */
    int swa_first; /* from this epoch on the rate is swa_lr, */
    double swa_lr; /* unless that is 0 */
} bal_schedule;

/* The learning rate of an epoch, counted from 0. It is the same for all steps of an epoch.
 *   step      lr factor^k, k drops reached
 *   cosine    min_lr + (lr - min_lr) (1 + cos(pi (e - warmup) / (epochs - warmup))) / 2
 *   constant  lr                                              (cosine: Loshchilov & Hutter 2017)
 * and swa_lr where weights are averaged. */
double bal_schedule_lr(const bal_schedule *s, int epoch);

/* The kind of a name, "step|cosine|constant" below. The name must be one of them. */
bal_schedule_kind bal_schedule_kind_of(const char *name);
#define BAL_SCHEDULE_CHOICES "step|cosine|constant"

/* An amount of training: "160" (epochs) or "80%" (of total) into epochs, not yet rounded. Fails
 * with BAL_BAD_ARG: `drops wants epochs or a percentage, for instance 160 or 80%, got "8O%"`; name
 * is what the message calls it. */
BAL_MUST_CHECK bal_status bal_schedule_amount(bal_ctx *ctx, const char *name, const char *text,
                                              int total, double *epochs);
/* An amount of images: "50000", "80%" (of total, which may be above 100%), both at least one image,
 * or BAL_IMAGES_NATURAL, which is 0. Fails with BAL_BAD_ARG as above. */
#define BAL_IMAGES_NATURAL "natural"
BAL_MUST_CHECK bal_status bal_schedule_images(bal_ctx *ctx, const char *name, const char *text,
                                              int64_t total, int64_t *images);
/* The nearest whole number of epochs, halves up. */
int bal_schedule_round(double epochs);

#endif
