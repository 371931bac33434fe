/* ballast/balance.h: class weights, samplers, augmentation; plain arrays.
 * n_j is the number of training images of class j, C the number of classes, N = sum n_j. */
#ifndef BALLAST_BALANCE_H
#define BALLAST_BALANCE_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bal_method_info {
    const char *name, *formula, *source;
} bal_method_info;

/* ---- class weights, normalised so that they sum to C ----
 *   none       1
 *   inverse    1 / n_j
 *   sqrt       1 / sqrt(n_j)
 *   effective  (1 - beta) / (1 - beta^n_j)                                  (Cui et al. 2019)
 *   generalized  (1 / pi_j)^rho                                           (Zhang et al. 2021) */
BAL_API const bal_method_info *bal_class_weighting_at(int i);
typedef struct bal_class_weight_settings {
    const char *name;
    double beta;           /* effective: 0 to below 1; Cui et al. and LDAM-DRW: 0.9999 */
    double rho;            /* generalized: >= 0; Zhang et al. (DisAlign): 1.2 on ImageNet-LT */
    int classes;           /* 1.. */
    const int64_t *counts; /* of each class, borrowed for the call */
} bal_class_weight_settings;
/* weights receives C numbers. beta and rho are checked always. Fails with BAL_BAD_ARG: unknown name
 * (nearest suggested), beta or rho out of range, a count of 0 (none takes that, and gives 1). */
BAL_API BAL_MUST_CHECK bal_status bal_class_weights(bal_ctx *ctx,
                                                    const bal_class_weight_settings *settings,
                                                    double *weights);

/* ---- samplers: which items an epoch shows ----
 *   instance        every item once, shuffled                                       P_j ~ n_j
 *   class-balanced  class uniform, then item of the class                           P_j ~ 1
 *   sqrt            P_j ~ sqrt(n_j)
 *   progressive     P_j = (1 - t/T) n_j/N + (t/T)/C, t epoch of T          (Kang et al. 2020)
 * All but instance draw N items: a class by P_j, then an item of it. Items of a class are gone
 * through in shuffled order before one comes again, so an epoch's exposure is as even as it can be
 * within a class. C counts the classes that have items; the others have P_j = 0. */
BAL_API const bal_method_info *bal_sampler_at(int i);

typedef struct bal_sampler bal_sampler;
typedef struct bal_sampler_settings {
    const char *name;
    int classes;
    int64_t items;
    const int32_t *labels; /* items; borrowed during open */
    uint64_t seed;
} bal_sampler_settings;
/* Fails with BAL_BAD_ARG: unknown name (nearest suggested), no items, a label out of range. The
 * handle keeps work space: one thread at a time. */
BAL_API BAL_MUST_CHECK bal_status bal_sampler_open(bal_sampler **out, bal_ctx *ctx,
                                                   const bal_sampler_settings *settings);
BAL_API void bal_sampler_close(bal_sampler **sampler);
/* How many draws an epoch has. */
BAL_API int64_t bal_sampler_length(const bal_sampler *sampler);
/* draws receives bal_sampler_length() positions 0..items-1. A function of (seed, epoch) alone;
 * epoch in 0..epochs-1 of the whole run, else BAL_BAD_ARG. Allocates nothing. */
BAL_API BAL_MUST_CHECK bal_status bal_sampler_draw(const bal_sampler *sampler, int epoch,
                                                   int epochs, int64_t *draws);
/* Probability of each class in that epoch; receives C numbers. */
BAL_API void bal_sampler_probabilities(const bal_sampler *sampler, int epoch, int epochs,
                                       double *probabilities);

/* ---- augmentation on uint8 HWC, in place; rows in the order in which they are applied ---- */
BAL_API const bal_method_info *bal_augmentation_at(int i);

typedef struct bal_augment_settings {
    int crop_padding; /* 0: none; else pad by N on each side with 0 and crop back at random (4 for
                         CIFAR) */
    double hflip;     /* probability of a mirror image, 0..1 */
    /* A random box of the picture as it is in the data, brought to the image's size, instead of
     * crop: torchvision's RandomResizedCrop. It needs the picture, so those who read images apply
     * it (bal_augment_box), and bal_augment does the rest. */
    bool resized_crop;
    double scale_min, scale_max; /* the box's share of the picture's area; 0: 0.08 and 1 */
    double ratio_min, ratio_max; /* its width over its height; 0: 3/4 and 4/3 */
} bal_augment_settings;
typedef struct bal_image_shape {
    int channels, height, width;
} bal_image_shape;
/* Where a draw stands; what is drawn is a function of these three alone. */
typedef struct bal_augment_draw {
    uint64_t seed, epoch, item;
} bal_augment_draw;
/* In pixels. */
typedef struct bal_augment_region {
    int top, left, height, width;
} bal_augment_region;
/* The box of resized_crop in a picture of height x width (each at least 1). Ten times an area,
 * uniform in the scales, and a ratio, uniform in its logarithm, are drawn; the first box that fits
 * is put at a uniform place; if none fits, the largest of an allowed ratio in the middle (the
 * algorithm of torchvision). */
BAL_API bal_augment_region bal_augment_box(const bal_augment_settings *settings,
                                           const bal_augment_draw *draw, int height, int width);
/* Changes pixels (height x width x channels) in place; scratch is as large. The draw is a function
 * of (seed, epoch, item) alone, and switching one augmentation on or off does not move the draws of
 * the others. Thread safe. */
BAL_API void bal_augment(const bal_augment_settings *settings, bal_image_shape shape, uint64_t seed,
                         uint64_t epoch, uint64_t item, uint8_t *pixels, uint8_t *scratch);

#ifdef __cplusplus
}
#endif
#endif
