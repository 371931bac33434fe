/* What resampling is asked for: defaults, option rows, the checker. */
#include "balance/resample/resampling.h"

#include <string.h>

static const bal_resample_settings defaults = {.method = "smote",
                                               .strategy = "auto",
                                               .k = BAL_RESAMPLE_AUTO,
                                               .m = BAL_RESAMPLE_AUTO,
                                               .distance = "euclidean",
                                               .kind_sel = "all",
                                               .voting = "soft",
                                               .max_iter = 100,
                                               .n_seeds = 1,
                                               .threshold_cleaning = 0.5,
                                               .clusters = 8,
                                               .balance_threshold = BAL_RESAMPLE_AUTO,
                                               .density_exponent = BAL_RESAMPLE_AUTO,
                                               .out_step = 0.5,
                                               .seed = 1,
                                               .memory = 1024};

bal_resample_settings bal_resample_defaults(void)
{
    return defaults;
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
    {"distance", BAL_OPTION_CHOICE, FIELD(distance), 0, 0, NULL, "euclidean|cosine",
     "by which neighbours are near; default euclidean"},
    {"kind-sel", BAL_OPTION_CHOICE, FIELD(kind_sel), 0, 0, NULL, "all|mode",
     "which neighbours must be of a row's class for it to stay; default all"},
    {"max-iter", BAL_OPTION_INT, FIELD(max_iter), 1, 100000, "N", NULL,
     "passes at most; default 100"},
    {"n-seeds", BAL_OPTION_INT, FIELD(n_seeds), 1, 1000000, "N", NULL,
     "rows of a class to begin with; default 1"},
    {"threshold-cleaning", BAL_OPTION_REAL, FIELD(threshold_cleaning), 0, 1, "X", NULL,
     "share of all rows that a class must exceed to be cleaned near the minority; default 0.5"},
    {"allow-minority", BAL_OPTION_FLAG, FIELD(allow_minority), 0, 0, NULL, NULL,
     "go on when a class has fewer rows than the minority had"},
    {"replacement", BAL_OPTION_FLAG, FIELD(replacement), 0, 0, NULL, NULL,
     "draw rows with replacement"},
    {"voting", BAL_OPTION_CHOICE, FIELD(voting), 0, 0, NULL, "soft|hard",
     "centres of clusters as new rows, or the rows nearest to them; default soft"},
    {"shrinkage", BAL_OPTION_REAL, FIELD(shrinkage), 0, 1e6, "X", NULL,
     "width of the noise on copied rows, 0 for none; default 0"},
    {"categorical", BAL_OPTION_TEXT, FIELD(categorical), 0, 0, "COLUMNS", NULL,
     "columns that hold categories, from 0: 0,3,5-7"},
    {"clusters", BAL_OPTION_INT, FIELD(clusters), 1, 1000000, "N", NULL,
     "clusters of all rows; default 8"},
    {"balance-threshold", BAL_OPTION_REAL, FIELD(balance_threshold), 0, 1, "X", NULL,
     "least share of the class in a cluster that gets new rows; default: half the class's share "
     "of all new rows"},
    {"density-exponent", BAL_OPTION_REAL, FIELD(density_exponent), 0, 1000, "X", NULL,
     "of the mean distance in a cluster; default: 0.16 log_1.6(n)^1.8"},
    {"out-step", BAL_OPTION_REAL, FIELD(out_step), 0, 1, "X", NULL,
     "how far beyond a safe row new ones may lie; default 0.5"},
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

static bal_status check_real(bal_ctx *ctx, const char *name, double value, double max)
{
    if (!(value >= 0.0 && value <= max))
        return bal_fail(ctx, BAL_BAD_ARG, "%s is %g, must be 0 to %g", name, value, max);
    return BAL_OK;
}

static bal_status check_ranges(bal_ctx *ctx, const bal_resample_settings *s)
{
    BAL_TRY(check_neighbours(ctx, "k", s->k));
    BAL_TRY(check_neighbours(ctx, "m", s->m));
    if (!s->distance || (strcmp(s->distance, "euclidean") && strcmp(s->distance, "cosine")))
        return bal_fail(ctx, BAL_BAD_ARG, "distance is \"%s\", must be euclidean or cosine",
                        s->distance ? s->distance : "");
    if (!s->kind_sel || (strcmp(s->kind_sel, "all") && strcmp(s->kind_sel, "mode")))
        return bal_fail(ctx, BAL_BAD_ARG, "kind-sel is \"%s\", must be all or mode",
                        s->kind_sel ? s->kind_sel : "");
    if (!s->voting || (strcmp(s->voting, "soft") && strcmp(s->voting, "hard")))
        return bal_fail(ctx, BAL_BAD_ARG, "voting is \"%s\", must be soft or hard",
                        s->voting ? s->voting : "");
    if (s->max_iter < 1 || s->max_iter > 100000)
        return bal_fail(ctx, BAL_BAD_ARG, "max-iter is %d, must be 1 to 100000", s->max_iter);
    if (s->n_seeds < 1 || s->n_seeds > 1000000)
        return bal_fail(ctx, BAL_BAD_ARG, "n-seeds is %d, must be 1 to 1000000", s->n_seeds);
    BAL_TRY(check_real(ctx, "threshold-cleaning", s->threshold_cleaning, 1.0));
    if (s->clusters < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "clusters is %d, must be at least 1", s->clusters);
    BAL_TRY(check_real(ctx, "shrinkage", s->shrinkage, 1e6));
    if (s->balance_threshold != BAL_RESAMPLE_AUTO)
        BAL_TRY(check_real(ctx, "balance_threshold", s->balance_threshold, 1.0));
    if (s->density_exponent != BAL_RESAMPLE_AUTO)
        BAL_TRY(check_real(ctx, "density_exponent", s->density_exponent, 1000.0));
    BAL_TRY(check_real(ctx, "out_step", s->out_step, 1.0));
    if (s->memory < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "memory is %d, must be at least 1", s->memory);
    return BAL_OK;
}

/* ---- settings that only some methods read ---- */

static bool reads(const bal_resampler_info *info, const char *option)
{
    const size_t length = strlen(option);
    for (const char *at = info->options; *at; at += strspn(at, " ")) {
        const size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, option, length) == 0)
            return true;
        at += word;
    }
    return false;
}

static const char *another_that_reads(const char *option)
{
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++)
        if (reads(info, option))
            return info->name;
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_value(const bal_option *row, const void *a, const void *b)
{
    const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    switch (row->kind) {
    case BAL_OPTION_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case BAL_OPTION_INT:
        return *(const int *)(const void *)x == *(const int *)(const void *)y;
    case BAL_OPTION_SEED:
        return *(const uint64_t *)(const void *)x == *(const uint64_t *)(const void *)y;
    case BAL_OPTION_REAL:
        return *(const double *)(const void *)x == *(const double *)(const void *)y;
    case BAL_OPTION_TEXT:
    case BAL_OPTION_CHOICE:
        break;
    }
    return same_text(*(const char *const *)(const void *)x, *(const char *const *)(const void *)y);
}

static bal_status check_read(bal_ctx *ctx, const bal_resample_settings *s,
                             const bal_resampler_info *info)
{
    for (const bal_option *row = rows; row->name; row++) {
        const char *other = reads(info, row->name) ? NULL : another_that_reads(row->name);
        if (other && !same_value(row, s, &defaults))
            return bal_fail(ctx, BAL_BAD_ARG, "%s does not go with %s (it goes with %s)", row->name,
                            info->name, other);
    }
    return BAL_OK;
}

bal_status bal_resample_check(bal_ctx *ctx, bal_resample_settings *s, const bal_resampler **method)
{
    BAL_TRY(find_method(ctx, s->method, method));
    BAL_TRY(check_ranges(ctx, s));
    BAL_TRY(check_read(ctx, s, &(*method)->info));
    if (s->k == BAL_RESAMPLE_AUTO)
        s->k = (*method)->info.k;
    if (s->m == BAL_RESAMPLE_AUTO)
        s->m = (*method)->info.m;
    return BAL_OK;
}
