/* Rotation, translation, magnification and shear as one map: torchvision's RandomAffine. */
#include "balance/augment/augment_parts.h"

#include <math.h>

/* Magnification that shrinks towards 1 as the strength falls. */
static double scale_limit(double setting, double strength)
{
    return 1.0 + (bal_augment_or(setting, 1.0) - 1.0) * strength;
}

bool bal_augment_wants_affine(const bal_augment_settings *s)
{
    return s->degrees > 0.0 || s->translate > 0.0 || s->shear > 0.0 || s->shear_y > 0.0 ||
           bal_augment_or(s->affine_scale_min, 1.0) != 1.0 ||
           bal_augment_or(s->affine_scale_max, 1.0) != 1.0;
}

static double around(bal_random *random, double limit)
{
    return bal_augment_between(random, -limit, limit);
}

void bal_augment_affine(const bal_augment_job *job, bal_random *random)
{
    const bal_augment_settings *s = job->settings;
    const double strength = job->strength;
    const double right = s->translate * strength * job->raster.shape.width;
    const double down = s->translate * strength * job->raster.shape.height;
    bal_raster_motion motion = {.degrees = around(random, s->degrees * strength)};
    motion.right = (int)rint(around(random, right));
    motion.down = (int)rint(around(random, down));
    motion.scale = bal_augment_between(random, scale_limit(s->affine_scale_min, strength),
                                       scale_limit(s->affine_scale_max, strength));
    motion.shear_x = around(random, s->shear * strength);
    motion.shear_y = around(random, s->shear_y * strength);
    bal_raster_move(&job->raster, &motion, bal_augment_look(s));
}
