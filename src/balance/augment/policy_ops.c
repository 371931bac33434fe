/* The operations of policies, and their values in torchvision's spaces. */
#include "balance/augment/policy.h"

#include <math.h>

bal_policy_step bal_policy_step_at(bal_policy_op op, bal_policy_space space, bal_image_shape shape,
                                   double place, bool negative)
{
    const bool wide = space == BAL_SPACE_WIDE;
    const double sign = negative ? -1.0 : 1.0, share = 150.0 / 331.0;
    double value = 0.0;
    switch (op) {
    case BAL_POLICY_SHEAR_X:
    case BAL_POLICY_SHEAR_Y:
        value = sign * place * (wide ? 0.99 : 0.3);
        break;
    case BAL_POLICY_TRANSLATE_X:
        value = sign * trunc(place * (wide ? 32.0 : share * shape.width));
        break;
    case BAL_POLICY_TRANSLATE_Y:
        value = sign * trunc(place * (wide ? 32.0 : share * shape.height));
        break;
    case BAL_POLICY_ROTATE:
        value = sign * place * (wide ? 135.0 : 30.0);
        break;
    case BAL_POLICY_BRIGHTNESS:
    case BAL_POLICY_COLOR:
    case BAL_POLICY_CONTRAST:
    case BAL_POLICY_SHARPNESS:
        value = 1.0 + sign * place * (wide ? 0.99 : 0.9);
        break;
    case BAL_POLICY_POSTERIZE:
        value = 8.0 - rint(place * (wide ? 6.0 : 4.0));
        break;
    case BAL_POLICY_SOLARIZE:
        value = 255.0 * (1.0 - place);
        break;
    default:
        break;
    }
    return (bal_policy_step){op, value};
}

void bal_policy_do(const bal_raster *r, const bal_policy_step *step, bal_raster_look look)
{
    const double v = step->value;
    switch (step->op) {
    case BAL_POLICY_IDENTITY:
    case BAL_POLICY_OPS:
        break;
    case BAL_POLICY_SHEAR_X:
        bal_raster_affine(r, (const double[]){1.0, v, 0.0, 0.0, 1.0, 0.0}, look);
        break;
    case BAL_POLICY_SHEAR_Y:
        bal_raster_affine(r, (const double[]){1.0, 0.0, 0.0, v, 1.0, 0.0}, look);
        break;
    case BAL_POLICY_TRANSLATE_X:
        bal_raster_affine(r, (const double[]){1.0, 0.0, v, 0.0, 1.0, 0.0}, look);
        break;
    case BAL_POLICY_TRANSLATE_Y:
        bal_raster_affine(r, (const double[]){1.0, 0.0, 0.0, 0.0, 1.0, v}, look);
        break;
    case BAL_POLICY_ROTATE:
        bal_raster_rotate(r, v, look);
        break;
    case BAL_POLICY_BRIGHTNESS:
        bal_raster_brightness(r, v);
        break;
    case BAL_POLICY_COLOR:
        bal_raster_color(r, v);
        break;
    case BAL_POLICY_CONTRAST:
        bal_raster_contrast(r, v);
        break;
    case BAL_POLICY_SHARPNESS:
        bal_raster_sharpness(r, v);
        break;
    case BAL_POLICY_POSTERIZE:
        bal_raster_posterize(r, (int)v);
        break;
    case BAL_POLICY_SOLARIZE:
        bal_raster_solarize(r, v);
        break;
    case BAL_POLICY_AUTO_CONTRAST:
        bal_raster_autocontrast(r);
        break;
    case BAL_POLICY_EQUALIZE:
        bal_raster_equalize(r);
        break;
    case BAL_POLICY_INVERT:
        bal_raster_invert(r);
        break;
    case BAL_POLICY_FLIP:
        bal_raster_flip(r);
        break;
    case BAL_POLICY_MIRROR:
        bal_raster_mirror(r);
        break;
    case BAL_POLICY_EDGE_ENHANCE:
        bal_raster_filter(r, BAL_KERNEL_EDGE_ENHANCE);
        break;
    case BAL_POLICY_DETAIL:
        bal_raster_filter(r, BAL_KERNEL_DETAIL);
        break;
    case BAL_POLICY_SMOOTH:
        bal_raster_filter(r, BAL_KERNEL_SMOOTH);
        break;
    case BAL_POLICY_BLUR:
        bal_raster_blur(r, v);
        break;
    case BAL_POLICY_ZOOM:
        bal_raster_zoom(r, v);
        break;
    case BAL_POLICY_SOLARIZE_ADD:
        bal_raster_solarize_add(r, (int)v);
        break;
    }
}
