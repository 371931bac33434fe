/* CUDA, the curriculum of data augmentation (Ahn et al. 2023): operations at a level, and how the
 * level of a class moves. Ranges are those of the authors' code. */
#include "balance/augment/augment_parts.h"
#include "balance/augment/policy.h"

#include "base/compiler.h"

#define STRONGEST 30 /* the magnitude at which a range ends; levels reach a third of it */

typedef struct ranged_op {
    bal_policy_op op;
    double from, to;
    bool either_sign;
} ranged_op;

static const ranged_op ops[] = {
    {BAL_POLICY_FLIP, 0, 0, false},           {BAL_POLICY_MIRROR, 0, 0, false},
    {BAL_POLICY_EDGE_ENHANCE, 0, 0, false},   {BAL_POLICY_DETAIL, 0, 0, false},
    {BAL_POLICY_SMOOTH, 0, 0, false},         {BAL_POLICY_AUTO_CONTRAST, 0, 0, false},
    {BAL_POLICY_EQUALIZE, 0, 0, false},       {BAL_POLICY_INVERT, 0, 0, false},
    {BAL_POLICY_BLUR, 0, 2, false},           {BAL_POLICY_ZOOM, 1, 1.5, false},
    {BAL_POLICY_ROTATE, 0, 30, true},         {BAL_POLICY_POSTERIZE, 0, 4, false},
    {BAL_POLICY_SOLARIZE, 0, 256, false},     {BAL_POLICY_SOLARIZE_ADD, 0, 110, false},
    {BAL_POLICY_COLOR, 0.1, 1.9, false},      {BAL_POLICY_CONTRAST, 0.1, 1.9, false},
    {BAL_POLICY_BRIGHTNESS, 0.1, 1.9, false}, {BAL_POLICY_SHARPNESS, 0.1, 1.9, false},
    {BAL_POLICY_SHEAR_X, 0, 0.3, true},       {BAL_POLICY_SHEAR_Y, 0, 0.3, true},
    {BAL_POLICY_TRANSLATE_X, 0, 100, true},   {BAL_POLICY_TRANSLATE_Y, 0, 100, true},
};
_Static_assert(BAL_COUNT_OF(ops) == BAL_CUDA_OPS, "the header says how many operations there are");

int bal_cuda_draw(int level, bal_random *random, bal_policy_step *steps)
{
    for (int i = 0; i < level; i++) {
        const ranged_op *o = &ops[bal_random_below(random, BAL_COUNT_OF(ops))];
        const bool negative = bal_random_below(random, 2) == 0 && o->either_sign;
        double value = o->from + (o->to - o->from) * level / STRONGEST;
        if (o->op == BAL_POLICY_POSTERIZE)
            value = value < 1.0 ? 1.0 : value;
        steps[i] = (bal_policy_step){o->op, negative ? -value : value};
    }
    return level;
}

bool bal_augment_wants_cuda(const bal_augment_settings *s)
{
    return bal_augment_is(s->by_class, "cuda");
}

void bal_augment_cuda(const bal_augment_job *job, bal_random *random)
{
    const double share = job->draw->always ? 1.0 : bal_augment_or(job->settings->aug_prob, 0.5);
    bal_policy_step steps[BAL_POLICY_STEPS];
    if (!(bal_random_unit(random) < share))
        return;
    const int count = bal_cuda_draw(job->draw->level, random, steps);
    const bal_raster_look look = bal_augment_look(job->settings);
    for (int i = 0; i < count; i++)
        bal_policy_do(&job->raster, &steps[i], look);
}

/* ---- levels ---- */

static int64_t first_tests(const bal_augment_settings *s)
{
    return s->num_test > 0 ? s->num_test : 10;
}

int64_t bal_cuda_tests(const bal_augment_settings *settings, int level)
{
    return first_tests(settings) * (level + 1) * (level + 2) / 2;
}

int bal_cuda_test_level(const bal_augment_settings *settings, int64_t test)
{
    int level = 0;
    while (bal_cuda_tests(settings, level) <= test)
        level++;
    return level;
}

int bal_cuda_next_level(const bal_augment_settings *settings, int level, const int64_t *right)
{
    const double accept = bal_augment_or(settings->accept_rate, 0.6);
    bool passed = true;
    for (int l = 0; l <= level; l++)
        passed = passed && (double)right[l] >= accept * (double)(first_tests(settings) * (l + 1));
    if (passed)
        return level + 1 < BAL_CUDA_LEVELS ? level + 1 : level;
    return level > 0 ? level - 1 : 0;
}
