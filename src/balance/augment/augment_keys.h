/* The settings of augmentation as rows: the keys of recipes (stages.augment) and the ranges that
 * bal_augment_check knows. */
#ifndef BAL_AUGMENT_KEYS_H
#define BAL_AUGMENT_KEYS_H

#include "balance/augment/policy.h"

/* clang-format off */
/* X(field, kind, min, max, value, choices, about), see bal_option. Where a minimum is above 0, a
 * 0 in the struct is the default. */
#define BAL_AUGMENT_KEYS(X)                                                                      \
    X(crop_padding, INT, 0, 256, "N", NULL,                                                      \
      "pad by N zeros on each side and crop at random; default 4")                               \
    X(hflip, REAL, 0, 1, "P", NULL, "probability of a mirror image; default 0.5")                \
    X(vflip, REAL, 0, 1, "P", NULL, "probability of an image upside down; default 0")            \
    X(resized_crop, FLAG, 0, 0, NULL, NULL,                                                      \
      "a random box of the picture, resized, instead of crop_padding; default false")            \
    X(scale_min, REAL, 1e-6, 1, "A", NULL,                                                       \
      "resized_crop: smallest share of the picture's area; default 0.08")                        \
    X(scale_max, REAL, 1e-6, 1, "A", NULL,                                                       \
      "resized_crop: largest share of the picture's area; default 1")                            \
    X(ratio_min, REAL, 0.01, 100, "R", NULL,                                                     \
      "resized_crop: smallest width over height; default 0.75")                                  \
    X(ratio_max, REAL, 0.01, 100, "R", NULL,                                                     \
      "resized_crop: largest width over height; default 1.3333333333333333")                     \
    X(degrees, REAL, 0, 180, "D", NULL, "turn by up to D degrees; default 0")                    \
    X(translate, REAL, 0, 1, "A", NULL,                                                          \
      "move by up to a share of width and of height; default 0")                                 \
    X(affine_scale_min, REAL, 0.01, 100, "F", NULL, "smallest magnification; default 1")         \
    X(affine_scale_max, REAL, 0.01, 100, "F", NULL, "largest magnification; default 1")          \
    X(shear, REAL, 0, 89, "D", NULL, "shear along x by up to D degrees; default 0")              \
    X(shear_y, REAL, 0, 89, "D", NULL, "shear along y by up to D degrees; default 0")            \
    X(interpolation, CHOICE, 0, 0, "NAME", "nearest|bilinear",                                   \
      "pixels of a turned, moved or sheared image; default nearest")                             \
    X(fill, INT, 0, 255, "V", NULL, "value outside a turned, moved or sheared image; default 0") \
    X(auto_augment, CHOICE, 0, 0, "NAME", BAL_POLICY_CHOICES,                                    \
      "operations drawn for every image; default none")                                          \
    X(num_ops, INT, 1, 16, "N", NULL, "randaugment: operations an image; default 2")             \
    X(magnitude, INT, 0, 30, "M", NULL, "randaugment: strength of all operations; default 9")    \
    X(brightness, REAL, 0, 100, "B", NULL,                                                       \
      "brightness times a factor of up to 1 - B to 1 + B; default 0")                            \
    X(contrast, REAL, 0, 100, "C", NULL, "the same for contrast; default 0")                     \
    X(saturation, REAL, 0, 100, "S", NULL, "the same for saturation; default 0")                 \
    X(hue, REAL, 0, 0.5, "H", NULL, "hue turned by up to H of a circle; default 0")              \
    X(color_jitter, REAL, 0, 100, "J", NULL,                                                     \
      "brightness, contrast and saturation of J each; default 0")                                \
    X(color_jitter_prob, REAL, 1e-6, 1, "P", NULL,                                               \
      "probability that brightness, contrast, saturation and hue change; default 1")             \
    X(grayscale, REAL, 0, 1, "P", NULL, "probability of an image without colours; default 0")    \
    X(gaussian_blur, REAL, 0, 1, "P", NULL, "probability of a blurred image; default 0")         \
    X(sigma_min, REAL, 1e-3, 100, "S", NULL,                                                     \
      "gaussian_blur: smallest standard deviation in pixels; default 0.1")                       \
    X(sigma_max, REAL, 1e-3, 100, "S", NULL,                                                     \
      "gaussian_blur: largest standard deviation in pixels; default 2")                          \
    X(gaussian_noise, REAL, 0, 1, "S", NULL,                                                     \
      "standard deviation of noise, as a share of the range of values; default 0")               \
    X(cutout, INT, 0, 65536, "N", NULL, "side in pixels of an erased square; default 0")   \
    X(random_erasing, REAL, 0, 1, "P", NULL, "probability that a box is erased; default 0")      \
    X(erasing_scale_min, REAL, 1e-6, 1, "A", NULL,                                               \
      "random_erasing: smallest share of the area; default 0.02")                                \
    X(erasing_scale_max, REAL, 1e-6, 1, "A", NULL,                                               \
      "random_erasing: largest share of the area; default 0.33")                                 \
    X(erasing_ratio_min, REAL, 0.01, 100, "R", NULL,                                             \
      "random_erasing: smallest height over width; default 0.3")                                 \
    X(erasing_ratio_max, REAL, 0.01, 100, "R", NULL,                                             \
      "random_erasing: largest height over width; default 3.3")                                  \
    X(erasing_value, CHOICE, 0, 0, "NAME", "mean|black|random",                                  \
      "cutout, random_erasing: what comes in its place; default mean")                        \
    X(by_class, CHOICE, 0, 0, "NAME", "none|frequency|cuda",                                     \
      "how strongly each class is augmented; default none")                           \
    X(strength_head, REAL, 0, 1, "S", NULL,                                                      \
      "frequency: strength of the most frequent class; default 0")                               \
    X(num_test, INT, 1, 10000, "N", NULL,                                                        \
      "cuda: images tested at level 0 of a class; default 10")                                   \
    X(accept_rate, REAL, 1e-6, 1, "A", NULL,                                                     \
      "cuda: share that must be right to go up a level; default 0.6")                            \
    X(aug_prob, REAL, 1e-6, 1, "P", NULL,                                                        \
      "cuda: probability that an image is augmented; default 0.5")
/* clang-format on */

#endif
