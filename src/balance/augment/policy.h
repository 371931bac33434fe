/* Policies: sequences of operations drawn for an image. An operation is what torchvision's
 * AutoAugment and CUDA's list call so; a step is one of them with its value. */
#ifndef BAL_POLICY_H
#define BAL_POLICY_H

#include "balance/augment/raster.h"
#include "base/random.h"

/* name in settings, function that draws its steps */
#define BAL_POLICY_LIST(X)                           \
    X("autoaugment-cifar10", bal_policy_autoaugment) \
    X("randaugment", bal_policy_randaugment)         \
    X("trivialaugment", bal_policy_trivialaugment)
#define BAL_POLICY_CHOICE(name, draw) "|" name
#define BAL_POLICY_CHOICES "none" BAL_POLICY_LIST(BAL_POLICY_CHOICE)

/* Operation; what its value is. */
#define BAL_POLICY_OP_LIST(X)                              \
    X(IDENTITY)                                            \
    X(SHEAR_X) /* pixels along x for each pixel along y */ \
    X(SHEAR_Y)                                             \
    X(TRANSLATE_X) /* pixels, to the left */               \
    X(TRANSLATE_Y) /* pixels, upwards */                   \
    X(ROTATE)      /* degrees anticlockwise */             \
    X(BRIGHTNESS)  /* factor; so the next three */         \
    X(COLOR)                                               \
    X(CONTRAST)                                            \
    X(SHARPNESS)                                           \
    X(POSTERIZE) /* bits */                                \
    X(SOLARIZE)  /* threshold */                           \
    X(AUTO_CONTRAST)                                       \
    X(EQUALIZE)                                            \
    X(INVERT)                                              \
    X(FLIP) /* these are CUDA's alone */                   \
    X(MIRROR)                                              \
    X(EDGE_ENHANCE)                                        \
    X(DETAIL)                                              \
    X(SMOOTH)                                              \
    X(BLUR)         /* sigma */                            \
    X(ZOOM)         /* magnification */                    \
    X(SOLARIZE_ADD) /* what is added */

typedef enum bal_policy_op {
#define BAL_POLICY_OP_ENUM(name) BAL_POLICY_##name,
    BAL_POLICY_OP_LIST(BAL_POLICY_OP_ENUM)
#undef BAL_POLICY_OP_ENUM
        BAL_POLICY_OPS
} bal_policy_op;

typedef struct bal_policy_step {
    bal_policy_op op;
    double value;
} bal_policy_step;

#define BAL_POLICY_STEPS 16 /* at most */

/* Each writes at most BAL_POLICY_STEPS steps and returns how many. strength: the probability with
 * which an operation that was drawn is done. */
typedef int bal_policy_draw(const bal_augment_settings *settings, bal_image_shape shape,
                            double strength, bal_random *random, bal_policy_step *steps);
bal_policy_draw bal_policy_autoaugment, bal_policy_randaugment, bal_policy_trivialaugment;
/* CUDA's operations at a level. */
int bal_cuda_draw(int level, bal_random *random, bal_policy_step *steps);

/* The value at a place in the range of an operation, 0..1, in torchvision's spaces. Signs are for
 * the caller: see signed. */
typedef enum bal_policy_space {
    BAL_SPACE_USUAL, /* AutoAugment and RandAugment */
    BAL_SPACE_WIDE   /* TrivialAugment */
} bal_policy_space;
bal_policy_step bal_policy_step_at(bal_policy_op op, bal_policy_space space, bal_image_shape shape,
                                   double place, bool negative);

void bal_policy_do(const bal_raster *raster, const bal_policy_step *step, bal_raster_look look);

#endif
