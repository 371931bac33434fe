/* Defaults and limits of the settings, and how strongly each class is augmented. */
#include "balance/augment/augment_keys.h"
#include "balance/augment/augment_parts.h"

#include "base/compiler.h"
#include "base/context.h"

#include <math.h>

bal_augment_settings bal_augment_defaults(void)
{
    return (bal_augment_settings){.scale_min = 0.08,
                                  .scale_max = 1.0,
                                  .ratio_min = 0.75,
                                  .ratio_max = 4.0 / 3.0,
                                  .affine_scale_min = 1.0,
                                  .affine_scale_max = 1.0,
                                  .interpolation = "nearest",
                                  .auto_augment = "none",
                                  .num_ops = 2,
                                  .magnitude = 9,
                                  .color_jitter_prob = 1.0,
                                  .sigma_min = 0.1,
                                  .sigma_max = 2.0,
                                  .erasing_scale_min = 0.02,
                                  .erasing_scale_max = 0.33,
                                  .erasing_ratio_min = 0.3,
                                  .erasing_ratio_max = 3.3,
                                  .erasing_value = "mean",
                                  .by_class = "none",
                                  .num_test = 10,
                                  .accept_rate = 0.6,
                                  .aug_prob = 0.5};
}

/* clang-format off */
#define ROW(field, kind, min, max, value, choices, about) \
    {#field, BAL_OPTION_##kind, offsetof(bal_augment_settings, field), min, max, value, choices, about},
static const bal_option rows[] = {BAL_AUGMENT_KEYS(ROW)};
#undef ROW
/* clang-format on */

static bool is_choice(const char *choices, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, name, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bal_status check_row(bal_ctx *ctx, const bal_option *row, const char *settings)
{
    const void *field = settings + row->offset;
    if (row->kind == BAL_OPTION_CHOICE) {
        const char *name = *(const char *const *)field;
        if (name && !is_choice(row->choices, name))
            return bal_fail(ctx, BAL_BAD_ARG, "%s is \"%s\", must be one of %s", row->name, name,
                            row->choices);
    } else if (row->kind != BAL_OPTION_FLAG) {
        const double v = row->kind == BAL_OPTION_INT ? *(const int *)field : *(const double *)field;
        if (v != 0.0 && !(v >= row->min && v <= row->max))
            return bal_fail(ctx, BAL_BAD_ARG, "%s is %g, must be from %g to %g", row->name, v,
                            row->min, row->max);
    }
    return BAL_OK;
}

/* The least and the most of a range, by their names. */
typedef struct range {
    const char *low_name, *high_name;
    double low, high;
} range;

static bal_status check_ranges(bal_ctx *ctx, const bal_augment_settings *s)
{
#define RANGE(low, high, low_default, high_default)                                             \
    {                                                                                           \
#low, #high, bal_augment_or(s->low, low_default), bal_augment_or(s->high, high_default) \
    }
    const range ranges[] = {
        RANGE(scale_min, scale_max, 0.08, 1.0),
        RANGE(ratio_min, ratio_max, 0.75, 4.0 / 3.0),
        RANGE(affine_scale_min, affine_scale_max, 1.0, 1.0),
        RANGE(sigma_min, sigma_max, 0.1, 2.0),
        RANGE(erasing_scale_min, erasing_scale_max, 0.02, 0.33),
        RANGE(erasing_ratio_min, erasing_ratio_max, 0.3, 3.3),
    };
#undef RANGE
    for (size_t i = 0; i < BAL_COUNT_OF(ranges); i++)
        if (ranges[i].low > ranges[i].high)
            return bal_fail(ctx, BAL_BAD_ARG, "%s %g is above %s %g", ranges[i].low_name,
                            ranges[i].low, ranges[i].high_name, ranges[i].high);
    return BAL_OK;
}

/* Whether there is anything that a strength changes. */
static bool has_strength(const bal_augment_settings *s)
{
    return bal_augment_wants_affine(s) || bal_augment_wants_policy(s) ||
           bal_augment_wants_jitter(s) || bal_augment_wants_grayscale(s) ||
           bal_augment_wants_blur(s) || bal_augment_wants_noise(s) || bal_augment_wants_cutout(s) ||
           bal_augment_wants_erasing(s);
}

bal_status bal_augment_check(bal_ctx *ctx, const bal_augment_settings *s)
{
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        BAL_TRY(check_row(ctx, &rows[i], (const char *)s));
    BAL_TRY(check_ranges(ctx, s));
    if (s->color_jitter > 0.0 && (s->brightness > 0.0 || s->contrast > 0.0 || s->saturation > 0.0))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "color_jitter %g sets brightness, contrast and saturation, of which one is "
                        "set by itself too: say either",
                        s->color_jitter);
    if (bal_augment_is(s->by_class, "frequency") && !has_strength(s))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "by_class frequency says how strongly each class is augmented, but beside "
                        "crop and flip, which all get alike, no augmentation is switched on");
    return BAL_OK;
}

void bal_augment_strengths(const bal_augment_settings *settings, int classes, const int64_t *counts,
                           double *strength)
{
    const double head = settings->strength_head;
    int64_t least = 0, most = 0;
    for (int c = 0; c < classes; c++) {
        most = counts[c] > most ? counts[c] : most;
        least = counts[c] > 0 && (least == 0 || counts[c] < least) ? counts[c] : least;
    }
    const bool graded = bal_augment_is(settings->by_class, "frequency") && most > least;
    for (int c = 0; c < classes; c++)
        strength[c] = graded && counts[c] > 0
                          ? head + (1.0 - head) * log((double)most / (double)counts[c]) /
                                       log((double)most / (double)least)
                          : 1.0;
}
