/* ballast/balance.h: class weights, samplers, augmentation, mixing; plain arrays.
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

/* ---- which recipe suits an imbalance ----
 * By the imbalance ratio rho = n_max / n_min over the classes that have images; what `--recipe
 * auto` and the audit's advice stand on. Rows in order, the first whose limit is not passed holds.
 */
typedef struct bal_recipe_choice {
    const char *name;   /* "imbalanced" */
    double ratio_most;  /* holds for ratios up to it */
    const char *recipe; /* a built-in recipe */
    const char *when;   /* the condition and the recipe in words */
    const char *why, *source;
} bal_recipe_choice;
/* Row i, NULL at the end. The last holds for every ratio. */
BAL_API const bal_recipe_choice *bal_recipe_choice_at(int i);
/* The row for a ratio, 1 or above. */
BAL_API const bal_recipe_choice *bal_recipe_choice_for(double ratio);
/* n_max / n_min over the classes with a count above 0; 1 where there is none. */
BAL_API double bal_imbalance_ratio(int classes, const int64_t *counts);

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
 *   power           P_j ~ n_j^q: 1 instance, 0.5 sqrt, 0 class-balanced, below 0 reversed (same)
 *   effective       P_j ~ n_j (1 - beta) / (1 - beta^n_j)                   (Cui et al. 2019)
 *   reversed        P_j ~ n_max / n_j                                 (BBN, Zhou et al. 2020)
 *   repeat-factor   every item max(1, sqrt(t / (n_j / N))) times    (LVIS, Gupta et al. 2019)
 * instance and repeat-factor show rounds of fixed content, shuffled anew each: a round of
 * repeat-factor shows class j n_j r_j times, rounded, each item floor or ceil of r_j times, which
 * ones being drawn for each round. All others draw N times: a class by P_j, then an item of it.
 * Items of a class are gone through in shuffled order before one comes again, so an epoch's
 * exposure is as even as it can be within a class. C counts the classes that have items; the others
 * have P_j = 0.
 */
BAL_API const bal_method_info *bal_sampler_at(int i);

#define BAL_SAMPLER_Q_MOST 10
#define BAL_SAMPLER_LENGTH_MOST ((int64_t)1 << 40)

typedef struct bal_sampler bal_sampler;
typedef struct bal_sampler_settings {
    const char *name;
    int classes;
    int64_t items;
    const int32_t *labels; /* items; borrowed during open */
    uint64_t seed;
    double q;    /* power: -10..10; default 0.5 */
    double beta; /* effective: 0 <= beta < 1; default 0.9999 */
    double t;    /* repeat-factor: 0..1, the share of the items below which a class's are repeated;
                    default 0: 1 / C (LVIS, with over a thousand classes: 0.001) */
    int64_t length; /* draws of an epoch; default 0: the natural length, N or a whole round. Where
                       rounds are longer or shorter than epochs, an epoch goes on where the one
                       before it stopped */
} bal_sampler_settings;
BAL_API bal_sampler_settings bal_sampler_defaults(void);
/* Fails with BAL_BAD_ARG: unknown name (nearest suggested), no items, a label or a number out of
 * range. The handle keeps work space: one thread at a time. */
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

/* ---- augmentation on uint8 HWC, 1 or 3 channels, in place ----
 * Rows in the order in which they are applied. Each has a page in docs/methods/augmentations/. */
BAL_API const bal_method_info *bal_augmentation_at(int i);

/* 0, false and NULL switch an augmentation off. Names and meanings are torchvision's and timm's.
 * Where a number says how an augmentation does it and not whether, 0 is the default that stands
 * beside it. */
typedef struct bal_augment_settings {
    int crop_padding; /* 0: none; else pad by N on each side with 0 and crop back at random (4 for
                         CIFAR) */
    double hflip;     /* probability of a mirror image, 0..1 */
    double vflip;     /* of an image upside down */
    /* A random box of the picture as it is in the data, brought to the image's size, instead of
     * crop: torchvision's RandomResizedCrop. It needs the picture, so those who read images apply
     * it (bal_augment_box), and bal_augment does the rest. */
    bool resized_crop;
    double scale_min, scale_max; /* the box's share of the picture's area; 0: 0.08 and 1 */
    double ratio_min, ratio_max; /* its width over its height; 0: 3/4 and 4/3 */

    /* One affine map (torchvision's RandomAffine). */
    double degrees;   /* rotation by U(-degrees, degrees), 0..180 */
    double translate; /* by up to this share of width and of height, 0..1 */
    double affine_scale_min, affine_scale_max; /* magnification; 0: 1 */
    double shear, shear_y;     /* along x and y, U(-shear, shear) degrees, below 90 */
    const char *interpolation; /* of the policies too: "nearest" (NULL), "bilinear" */
    int fill;                  /* grey outside the image, 0..255 */

    /* A learned or drawn sequence of operations. */
    const char *auto_augment; /* "none" (NULL), "autoaugment-cifar10", "randaugment",
                                 "trivialaugment" */
    int num_ops;              /* randaugment: operations an image; 0: 2 */
    int magnitude;            /* randaugment: 0..30, as it is written */

    /* Colours, in a random order; factors U(max(0, 1 - x), 1 + x) (torchvision's ColorJitter). */
    double brightness, contrast, saturation;
    double hue;          /* turned by U(-hue, hue), 0..0.5 */
    double color_jitter; /* brightness, contrast and saturation alike, instead of them (timm) */
    double color_jitter_prob; /* share of the images that it changes; 0: 1 */
    double grayscale;         /* probability of an image without colours */

    double gaussian_blur;        /* probability */
    double sigma_min, sigma_max; /* its standard deviation in pixels; 0: 0.1 and 2 */
    double gaussian_noise; /* standard deviation of noise on each value, 1 is the whole range */

    int cutout;            /* side in pixels of a square that is erased, its middle anywhere */
    double random_erasing; /* probability that a box is erased */
    double erasing_scale_min, erasing_scale_max; /* its share of the area; 0: 0.02 and 0.33 */
    double erasing_ratio_min, erasing_ratio_max; /* 0: 0.3 and 3.3 */
    const char *erasing_value; /* of both: "mean" (NULL; see mean), "black", "random" values */
    uint8_t mean[3];           /* the data's mean value per channel; who knows the data sets it */

    /* How strongly the classes are augmented. crop, resized-crop and flips are the same for all. */
    const char *by_class; /* "none" (NULL), "frequency", "cuda" */
    double strength_head; /* frequency: strength of the most frequent class, 0..1 */
    int num_test;         /* cuda: images tested at level 0 of a class; 0: 10 */
    double accept_rate;   /* cuda: share to be right at each level; 0: 0.6 */
    double aug_prob;      /* cuda: share of the images that are augmented; 0: 0.5 */
} bal_augment_settings;
/* Nothing switched on; every number that says how is its default. */
BAL_API bal_augment_settings bal_augment_defaults(void);
/* Fails with BAL_BAD_ARG: a number out of range, a minimum above its maximum, an unknown name, two
 * settings that contradict each other. */
BAL_API BAL_MUST_CHECK bal_status bal_augment_check(bal_ctx *ctx,
                                                    const bal_augment_settings *settings);
/* Whether the settings change anything at all. */
BAL_API bool bal_augment_any(const bal_augment_settings *settings);

typedef struct bal_image_shape {
    int channels, height, width;
} bal_image_shape;
/* Where a draw stands; what is drawn is a function of seed, epoch and item alone. */
typedef struct bal_augment_draw {
    uint64_t seed, epoch, item;
    const double *strength; /* of the item's class (bal_augment_strengths); NULL: 1 */
    int level;              /* of the item's class (by_class cuda) */
    bool always;            /* the level is applied for certain: an image of a test (cuda) */
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
/* Changes pixels (height x width x channels) in place; scratch is as large. Switching one
 * augmentation on or off does not move the draws of the others. Operations on colours do nothing to
 * an image of one channel. Thread safe. The settings have been checked. */
BAL_API void bal_augment(const bal_augment_settings *settings, bal_image_shape shape,
                         const bal_augment_draw *draw, uint8_t *pixels, uint8_t *scratch);

/* ---- strength by class ----
 *   none       1
 *   frequency  h + (1 - h) (ln n_max - ln n_j) / (ln n_max - ln n_min), h = strength_head; 1 where
 *              all classes are alike, and for a class without images
 * Ranges (degrees, translate, magnification from 1, shear, jitter, noise) are multiplied by the
 * strength, and so are the probabilities of everything else: of each operation of a policy,
 * grayscale, blur, cutout, erasing. strength receives C numbers. */
BAL_API void bal_augment_strengths(const bal_augment_settings *settings, int classes,
                                   const int64_t *counts, double *strength);

/* ---- the curriculum of data augmentation, CUDA (Ahn et al. 2023) ----
 * Every class has a level 0..10. With aug_prob an image of a class at level l gets l operations of
 * 22, drawn with repetition, at magnitude l / 30 of their ranges. Once an epoch each class c is
 * tested: for every level l up to its own, num_test (l + 1) of its training images are augmented at
 * level l and classified. Where at every level the share that is right reaches accept_rate the
 * class goes up a level, else it goes down one. */
#define BAL_CUDA_LEVELS 11
#define BAL_CUDA_OPS 22
/* How many images the test of a class at that level takes: num_test (level + 1) (level + 2) / 2. */
BAL_API int64_t bal_cuda_tests(const bal_augment_settings *settings, int level);
/* Item number `test` (from 0) of that test is augmented at this level. */
BAL_API int bal_cuda_test_level(const bal_augment_settings *settings, int64_t test);
/* The level after the test; right[l] is how many images were right at level l, 0..level. */
BAL_API int bal_cuda_next_level(const bal_augment_settings *settings, int level,
                                const int64_t *right);

/* ---- mixing: one image of two, and a label of two ----
 * lambda ~ Beta(alpha, alpha) is the share of the image (x_i, y_i), the rest is the partner's (x_j,
 * y_j). With probability prob a batch (or, per_pair, an image) is mixed at all.
 *   none      x_i, y_i
 *   mixup     x = lambda x_i + (1 - lambda) x_j, y likewise                 (Zhang et al. 2018)
 *   cutmix    a box of x_j, of the share 1 - lambda of the area before it is clipped at the
 *             image's border, in x_i; y by the clipped area                    (Yun et al. 2019)
 *   remix     x as mixup; y: 0 of y_i where n_i / n_j >= k and lambda < tau, 1 where n_i / n_j <=
 *             1 / k and 1 - lambda < tau, else lambda; for each pair           (Chou et al. 2020)
 *   mamix     x as mixup; y's share of y_i rises in two straight lines from 0 at lambda 0 over 1/2
 *             at n_j^f / (n_i^f + n_j^f) to 1 at lambda 1: with f < 0 the rarer class reaches
 *             further, by the margins of LDAM at -1/4                         (Cheng et al. 2023)
 *   cmo       cutmix, but x_j comes from a second stream, in which an image of class j has the
 *             weight 1 / n_j^a: the power sampler with q = 1 - a                (Park et al. 2022)
 *   manifold-mixup  mixup of the images or of a hidden layer, the place being drawn for each batch
 *                   from the images and BAL_MIX_PLACES layers, each as likely   (Verma et al. 2019)
 * mixup, cutmix and cmo draw lambda and box once a batch in their authors' code (timm's "batch"),
 * so that is the default; per_pair draws them for every image (timm's "elem"). The partners of a
 * batch are a random permutation of it, in which an image may meet itself. */
BAL_API const bal_method_info *bal_mix_at(int i);

typedef struct bal_mix_settings {
    const char *name;
    int classes;
    const int64_t *counts; /* classes, at least 1 each for remix, mamix and cmo; else may be NULL;
                              borrowed during open */
    double alpha;          /* above 0, default 1 */
    double prob;           /* 0..1, default 1 */
    double k, tau;         /* remix: k >= 1, default 3; tau 0..1, default 0.5 */
    double f;              /* mamix: -10..10, default -0.25 */
    double a;              /* cmo: -9..11, default 1 */
    bool per_pair;
} bal_mix_settings;
BAL_API bal_mix_settings bal_mix_defaults(void);

typedef struct bal_mix bal_mix;
/* Fails with BAL_BAD_ARG: unknown name (nearest suggested), a number out of range, counts missing.
 * The handle is never changed: any number of threads may use it. */
BAL_API BAL_MUST_CHECK bal_status bal_mix_open(bal_mix **out, bal_ctx *ctx,
                                               const bal_mix_settings *settings);
BAL_API void bal_mix_close(bal_mix **mix);
/* Whether partners come from a second stream; q receives the exponent of its power sampler. */
BAL_API bool bal_mix_second_stream(const bal_mix *mix, double *q);

#define BAL_MIX_PLACES 2
/* Whether it mixes inside of a network in some batches; false for unknown names. */
BAL_API bool bal_mix_is_hidden(const char *name);

/* What is done to one image of a batch. */
typedef struct bal_mix_pair {
    int32_t partner;        /* its place in the batch, or in the second stream's batch */
    double share;           /* of the image, in the picture: lambda, or 1 less the box's area */
    double label_share;     /* of its label, in the target */
    bal_augment_region box; /* of the partner, in the image; of no height: the whole, blended */
} bal_mix_pair;
/* A batch of an epoch. What is drawn is a function of seed, epoch and first alone (and of count,
 * where partners are permuted). */
typedef struct bal_mix_batch {
    uint64_t seed, epoch, first; /* first: place of its first image in the epoch */
    int count, height, width;    /* images of the batch, pixels of an image */
} bal_mix_batch;
/* pairs receives count pairs but for label_share. False: nothing of this batch is mixed. */
BAL_API bool bal_mix_draw(const bal_mix *mix, const bal_mix_batch *batch, bal_mix_pair *pairs);

/* Where the batch is mixed: 0 the images, 1 to BAL_MIX_PLACES layers. */
BAL_API int bal_mix_place(const bal_mix *mix, const bal_mix_batch *batch);

/* The arithmetic, for draws from anywhere. */
/* CutMix's box: sides floor(height sqrt(1 - lambda)) and likewise of the width, less one where that
 * is odd, with the middle at (row, column), clipped (the authors' algorithm). May be empty. */
BAL_API bal_augment_region bal_mix_box(double lambda, bal_image_shape shape, int row, int column);
/* The share of the label of an image with so large a share of the picture. */
BAL_API double bal_mix_label_share(const bal_mix *mix, double share, int label, int partner_label);
/* One image of two, planes (CHW) of floats, or bytes in any order of pixels with the channels last
 * (HWC); blends of bytes are rounded to the nearest. mixed may be image. */
BAL_API void bal_mix_floats(const bal_mix_pair *pair, bal_image_shape shape, const float *image,
                            const float *partner, float *mixed);
BAL_API void bal_mix_bytes(const bal_mix_pair *pair, bal_image_shape shape, const uint8_t *image,
                           const uint8_t *partner, uint8_t *mixed);
/* target receives classes numbers that sum to one: label_share at label, the rest at the partner's.
 */
BAL_API void bal_mix_target(double label_share, int label, int partner_label, int classes,
                            float *target);

#ifdef __cplusplus
}
#endif
#endif
