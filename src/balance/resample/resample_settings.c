/* What resampling is asked for: defaults, option rows, the checker. */
#include "balance/resample/resampling.h"

#include <math.h>
#include <string.h>

bal_resample_settings bal_resample_defaults(void)
{
    return (bal_resample_settings){.method = "smote",
                                   .strategy = "auto",
                                   .k = BAL_RESAMPLE_AUTO,
                                   .m = BAL_RESAMPLE_AUTO,
                                   .seed = 1,
                                   .memory = 1024};
}

#define FIELD(f) offsetof(bal_resample_settings, f)
static const bal_option rows[] = {
    {"method", BAL_OPTION_TEXT, FIELD(method), 0, 0, "NAME", NULL,
     "how (ballast methods resamplers); default smote"},
    {"strategy", BAL_OPTION_TEXT, FIELD(strategy), 0, 0, "TEXT", NULL,
     "which classes, how far: auto, minority, 'not minority', 'not majority', majority, all, a "
     "ratio (0.5, two classes), or counts (0:500,3:700); default auto"},
    {"k", BAL_OPTION_INT, FIELD(k), 1, 1000000, "N", NULL, "neighbours; default: the method's"},
    {"m", BAL_OPTION_INT, FIELD(m), 1, 1000000, "N", NULL,
     "neighbours that judge a row; default: the method's"},
    {"shrinkage", BAL_OPTION_REAL, FIELD(shrinkage), 0, 1e6, "X", NULL,
     "width of the noise on copied rows, 0 for none; default 0"},
    {"seed", BAL_OPTION_SEED, FIELD(seed), 0, 0, "N", NULL, "of every random draw; default 1"},
    {"memory", BAL_OPTION_INT, FIELD(memory), 1, 1 << 24, "MIB", NULL,
     "working memory, the input not counted; default 1024"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_resample_options(void)
{
    return rows;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_resampler_info *info = bal_resampler_at(i);
    return info ? info->name : NULL;
}

static bal_status find_method(bal_ctx *ctx, const char *name, const bal_resampler **out)
{
    for (int i = 0; (*out = bal_resampler_row(i)); i++)
        if (name && strcmp((*out)->info.name, name) == 0)
            return BAL_OK;
    const char *near = bal_nearest_name(name ? name : "", name_at, NULL);
    return bal_fail(ctx, BAL_BAD_ARG, "there is no resampling method \"%s\"%s%s%s",
                    name ? name : "", near ? ", did you mean \"" : "", near ? near : "",
                    near ? "\"?" : "");
}

static bal_status check_neighbours(bal_ctx *ctx, const char *name, int value)
{
    if (value < 1 && value != BAL_RESAMPLE_AUTO)
        return bal_fail(ctx, BAL_BAD_ARG, "%s is %d, must be at least 1", name, value);
    return BAL_OK;
}

bal_status bal_resample_check(bal_ctx *ctx, bal_resample_settings *s, const bal_resampler **method)
{
    BAL_TRY(find_method(ctx, s->method, method));
    BAL_TRY(check_neighbours(ctx, "k", s->k));
    BAL_TRY(check_neighbours(ctx, "m", s->m));
    if (!(s->shrinkage >= 0.0 && isfinite(s->shrinkage)))
        return bal_fail(ctx, BAL_BAD_ARG, "shrinkage is %g, must be at least 0", s->shrinkage);
    if (s->memory < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "memory is %d, must be at least 1", s->memory);
    if (s->k == BAL_RESAMPLE_AUTO)
        s->k = (*method)->info.k;
    if (s->m == BAL_RESAMPLE_AUTO)
        s->m = (*method)->info.m;
    return BAL_OK;
}
