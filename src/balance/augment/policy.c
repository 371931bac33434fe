/* Which operations the policies draw. */
#include "balance/augment/policy.h"

#include "balance/augment/augment_parts.h"
#include "base/compiler.h"

/* ---- AutoAugment: the policy for CIFAR-10 of Cubuk et al. 2019, 25 pairs ---- */

typedef struct sub_policy {
    struct {
        bal_policy_op op;
        double probability;
        int magnitude; /* 0..9 */
    } step[2];
} sub_policy;

#define OP(name) BAL_POLICY_##name
static const sub_policy cifar10[] = {
    {{{OP(INVERT), 0.1, 0}, {OP(CONTRAST), 0.2, 6}}},
    {{{OP(ROTATE), 0.7, 2}, {OP(TRANSLATE_X), 0.3, 9}}},
    {{{OP(SHARPNESS), 0.8, 1}, {OP(SHARPNESS), 0.9, 3}}},
    {{{OP(SHEAR_Y), 0.5, 8}, {OP(TRANSLATE_Y), 0.7, 9}}},
    {{{OP(AUTO_CONTRAST), 0.5, 0}, {OP(EQUALIZE), 0.9, 0}}},
    {{{OP(SHEAR_Y), 0.2, 7}, {OP(POSTERIZE), 0.3, 7}}},
    {{{OP(COLOR), 0.4, 3}, {OP(BRIGHTNESS), 0.6, 7}}},
    {{{OP(SHARPNESS), 0.3, 9}, {OP(BRIGHTNESS), 0.7, 9}}},
    {{{OP(EQUALIZE), 0.6, 0}, {OP(EQUALIZE), 0.5, 0}}},
    {{{OP(CONTRAST), 0.6, 7}, {OP(SHARPNESS), 0.6, 5}}},
    {{{OP(COLOR), 0.7, 7}, {OP(TRANSLATE_X), 0.5, 8}}},
    {{{OP(EQUALIZE), 0.3, 0}, {OP(AUTO_CONTRAST), 0.4, 0}}},
    {{{OP(TRANSLATE_Y), 0.4, 3}, {OP(SHARPNESS), 0.2, 6}}},
    {{{OP(BRIGHTNESS), 0.9, 6}, {OP(COLOR), 0.2, 8}}},
    {{{OP(SOLARIZE), 0.5, 2}, {OP(INVERT), 0.0, 0}}},
    {{{OP(EQUALIZE), 0.2, 0}, {OP(AUTO_CONTRAST), 0.6, 0}}},
    {{{OP(EQUALIZE), 0.2, 0}, {OP(EQUALIZE), 0.6, 0}}},
    {{{OP(COLOR), 0.9, 9}, {OP(EQUALIZE), 0.6, 0}}},
    {{{OP(AUTO_CONTRAST), 0.8, 0}, {OP(SOLARIZE), 0.2, 8}}},
    {{{OP(BRIGHTNESS), 0.1, 3}, {OP(COLOR), 0.7, 0}}},
    {{{OP(SOLARIZE), 0.4, 5}, {OP(AUTO_CONTRAST), 0.9, 0}}},
    {{{OP(TRANSLATE_Y), 0.9, 9}, {OP(TRANSLATE_Y), 0.7, 9}}},
    {{{OP(AUTO_CONTRAST), 0.9, 0}, {OP(SOLARIZE), 0.8, 3}}},
    {{{OP(EQUALIZE), 0.8, 0}, {OP(INVERT), 0.1, 0}}},
    {{{OP(TRANSLATE_Y), 0.7, 9}, {OP(AUTO_CONTRAST), 0.9, 0}}},
};

int bal_policy_autoaugment(const bal_augment_settings *settings, bal_image_shape shape,
                           double strength, bal_random *random, bal_policy_step *steps)
{
    (void)settings;
    const sub_policy *p = &cifar10[bal_random_below(random, BAL_COUNT_OF(cifar10))];
    int count = 0;
    for (int i = 0; i < 2; i++) {
        const bool done = bal_random_unit(random) < strength * p->step[i].probability;
        const bool negative = bal_random_below(random, 2) == 0;
        if (done)
            steps[count++] = bal_policy_step_at(p->step[i].op, BAL_SPACE_USUAL, shape,
                                                p->step[i].magnitude / 9.0, negative);
    }
    return count;
}

/* ---- RandAugment (Cubuk et al. 2020) and TrivialAugment (Mueller and Hutter 2021) ---- */

#define BINS 31

static const bal_policy_op drawn_ops[] = {
    OP(IDENTITY),  OP(SHEAR_X),    OP(SHEAR_Y),       OP(TRANSLATE_X), OP(TRANSLATE_Y),
    OP(ROTATE),    OP(BRIGHTNESS), OP(COLOR),         OP(CONTRAST),    OP(SHARPNESS),
    OP(POSTERIZE), OP(SOLARIZE),   OP(AUTO_CONTRAST), OP(EQUALIZE),
};

int bal_policy_randaugment(const bal_augment_settings *settings, bal_image_shape shape,
                           double strength, bal_random *random, bal_policy_step *steps)
{
    const int most = settings->num_ops > 0 ? settings->num_ops : 2;
    int count = 0;
    for (int i = 0; i < most && i < BAL_POLICY_STEPS; i++) {
        const bal_policy_op op = drawn_ops[bal_random_below(random, BAL_COUNT_OF(drawn_ops))];
        const bool negative = bal_random_below(random, 2) == 0;
        if (bal_random_unit(random) < strength)
            steps[count++] = bal_policy_step_at(op, BAL_SPACE_USUAL, shape,
                                                (double)settings->magnitude / (BINS - 1), negative);
    }
    return count;
}

int bal_policy_trivialaugment(const bal_augment_settings *settings, bal_image_shape shape,
                              double strength, bal_random *random, bal_policy_step *steps)
{
    (void)settings;
    const bal_policy_op op = drawn_ops[bal_random_below(random, BAL_COUNT_OF(drawn_ops))];
    const double place = (double)bal_random_below(random, BINS) / (BINS - 1);
    const bool negative = bal_random_below(random, 2) == 0;
    steps[0] = bal_policy_step_at(op, BAL_SPACE_WIDE, shape, place, negative);
    return bal_random_unit(random) < strength ? 1 : 0;
}

/* ---- the row of the table ---- */

bool bal_augment_wants_policy(const bal_augment_settings *s)
{
    return s->auto_augment && strcmp(s->auto_augment, "none") != 0;
}

void bal_augment_policy(const bal_augment_job *job, bal_random *random)
{
    static const struct {
        const char *name;
        bal_policy_draw *draw;
    } policies[] = {
#define POLICY_ROW(name, draw) {name, draw},
        BAL_POLICY_LIST(POLICY_ROW)
#undef POLICY_ROW
    };
    const bal_raster_look look = bal_augment_look(job->settings);
    bal_policy_step steps[BAL_POLICY_STEPS];
    int count = 0;
    for (size_t i = 0; i < BAL_COUNT_OF(policies); i++)
        if (strcmp(policies[i].name, job->settings->auto_augment) == 0)
            count =
                policies[i].draw(job->settings, job->raster.shape, job->strength, random, steps);
    for (int i = 0; i < count; i++)
        bal_policy_do(&job->raster, &steps[i], look);
}
