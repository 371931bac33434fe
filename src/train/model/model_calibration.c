/* The calibration of a run's model: fitted on its splits, stored in its folder, bound to its
 * weights by their sum, so that weights of a later training are never used with it. */
#include "train/model/left_prior.h"
#include "train/run/run_folder_parts.h"
#include "train/model/trained_model.h"

#include "data/known/checksum.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bal_model_calibration_settings bal_model_calibration_defaults(void)
{
    return (bal_model_calibration_settings){.methods = "temperature",
                                            .calibration = bal_calibration_defaults(),
                                            .fit = BAL_SPLIT_VAL,
                                            .target = BAL_SPLIT_TEST};
}

const bal_calibration *bal_model_calibration(const bal_model *model)
{
    return model->calibration;
}

/* ---- the file ---- */

static bal_status need_run(const bal_model *m)
{
    if (m->held)
        return BAL_OK;
    return bal_fail(m->ctx, BAL_MISMATCH,
                    "a model without a run folder has no place for a calibration");
}

/* "best.safetensors sha256:..." of the model's weights; new. */
static bal_status weights_of(const bal_model *m, char **text)
{
    char sum[BAL_SUM_LENGTH];
    const char *slash = strrchr(m->path, '/');
    *text = NULL;
    BAL_TRY(bal_sum_file(m->ctx, m->path, BAL_SUM_SHA256, sum));
    *text = bal_format(m->ctx, "%s sha256:%s", slash ? slash + 1 : m->path, sum);
    return *text ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status check_weights(const bal_model *m, const char *file, bool *fits)
{
    char *mine;
    const char *theirs = bal_calibration_weights(m->calibration);
    *fits = true;
    if (!*theirs)
        return BAL_OK; /* fitted to arrays */
    BAL_TRY(weights_of(m, &mine));
    bal_status status = BAL_OK;
    const size_t name = strcspn(mine, " ");
    if (strcmp(mine, theirs) != 0 && strncmp(mine, theirs, name + 1) == 0)
        status = bal_fail(m->ctx, BAL_MISMATCH,
                          "%s was fitted to other weights than the present %.*s; fit it again, or "
                          "leave it out",
                          file, (int)name, mine);
    else if (strcmp(mine, theirs) != 0) {
        bal_log(m->ctx, BAL_LOG_WARN, "%s is of %.*s and not used with %.*s", file,
                (int)strcspn(theirs, " "), theirs, (int)name, mine);
        *fits = false;
    }
    bal_free(m->ctx, mine);
    return status;
}

bal_status bal_model_read_calibration(bal_model *m)
{
    struct stat info;
    bool fits = true;
    char *file = bal_format(m->ctx, "%s/%s", m->run, BAL_RUN_CALIBRATION);
    if (!file)
        return BAL_NO_MEMORY;
    bal_status status = BAL_OK;
    if (stat(file, &info) != 0 && errno == ENOENT)
        goto fail;
    BAL_GOTO(bal_calibration_read(&m->calibration, m->ctx, file));
    if (bal_calibration_classes(m->calibration) != m->classes) {
        status = bal_fail(m->ctx, BAL_MISMATCH, "%s is of %d classes, the model has %d", file,
                          bal_calibration_classes(m->calibration), m->classes);
        goto fail;
    }
    BAL_GOTO(check_weights(m, file, &fits));
    if (!fits)
        bal_calibration_close(&m->calibration);
fail:
    bal_free(m->ctx, file);
    return status;
}

bal_status bal_model_store_calibration(bal_model *m, bal_calibration *calibration)
{
    char *file = NULL, *weights = NULL;
    bal_status status;
    BAL_GOTO(need_run(m));
    if (calibration && bal_calibration_classes(calibration) != m->classes) {
        status = bal_fail(m->ctx, BAL_MISMATCH, "the calibration is of %d classes, the model of %d",
                          bal_calibration_classes(calibration), m->classes);
        goto fail;
    }
    file = bal_format(m->ctx, "%s/%s", m->run, BAL_RUN_CALIBRATION);
    if (!file) {
        status = BAL_NO_MEMORY;
        goto fail;
    }
    if (!calibration) {
        if (unlink(file) != 0 && errno != ENOENT)
            status = bal_fail(m->ctx, BAL_IO, "%s: cannot remove: %s", file, strerror(errno));
        goto fail;
    }
    BAL_GOTO(weights_of(m, &weights));
    BAL_GOTO(bal_calibration_set_weights(calibration, weights));
    status = bal_calibration_write(calibration, m->ctx, file);
fail:
    bal_free(m->ctx, weights);
    bal_free(m->ctx, file);
    return status;
}

/* ---- fitting ---- */

bal_status bal_model_left_prior(bal_model *m, double *prior)
{
    bal_recipe *recipe = NULL;
    bal_status status;
    BAL_TRY(need_run(m));
    char *file = bal_format(m->ctx, "%s/%s", m->run, BAL_RUN_RECIPE);
    if (!file)
        return BAL_NO_MEMORY;
    BAL_GOTO(bal_recipe_open(&recipe, m->ctx, file));
    BAL_GOTO(bal_recipe_check(recipe));
    const bal_left_prior of = {m->epoch, m->classes, m->data.counts[BAL_SPLIT_TRAIN]};
    status = bal_recipe_left_prior(recipe, m->ctx, &of, prior);
fail:
    bal_recipe_close(&recipe);
    bal_free(m->ctx, file);
    return status;
}

typedef struct split_scores {
    bal_calibration_items items;
    float *scores;
    int32_t *labels;
} split_scores;

/* Scores and labels of a split, both new. */
static bal_status run_split(bal_model *m, const bal_dataset *data, bal_split split,
                            split_scores *out)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    const int64_t items = info.items[split];
    if (items == 0)
        return bal_fail(m->ctx, BAL_BAD_DATA, "%s has no %s split to fit a calibration to",
                        info.name, bal_split_name(split));
    out->scores = bal_calloc(m->ctx, (size_t)items * (size_t)m->classes, sizeof *out->scores);
    out->labels = bal_calloc(m->ctx, (size_t)items, sizeof *out->labels);
    out->items =
        (bal_calibration_items){.items = items, .scores = out->scores, .labels = out->labels};
    if (!out->scores || !out->labels)
        return BAL_NO_MEMORY;
    return bal_model_run_split(m, data, split, out->scores, out->labels);
}

static void free_scores(bal_ctx *ctx, const split_scores *s)
{
    bal_free(ctx, s->scores);
    bal_free(ctx, s->labels);
}

/* Does one of the methods say so of itself? A name that is none is told later. */
static bool asks(const char *methods, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = methods; (at = strstr(at, name)); at += length)
        if ((at == methods || strchr(", ", at[-1])) && (!at[length] || strchr(", ", at[length])))
            return true;
    return false;
}

static bool asks_labels(const char *methods)
{
    const bal_calibration_info *info;
    for (int i = 0; (info = bal_calibration_at(i)); i++)
        if (info->needs_labels && asks(methods, info->name))
            return true;
    return false;
}

static bool asks_prior(const char *methods)
{
    const bal_calibration_info *info;
    for (int i = 0; (info = bal_calibration_at(i)); i++)
        if (info->needs_prior && asks(methods, info->name))
            return true;
    return false;
}

typedef struct calibrating {
    bal_model *m;
    const bal_model_calibration_settings *s;
    split_scores fit, target;
    double *prior;
} calibrating;

/* The prior of the scores. One that cannot be had is an error only where a method wants it. */
static bal_status find_prior(calibrating *k, const double **prior)
{
    const bal_model_calibration_settings *s = k->s;
    *prior = s->train_prior;
    if (s->train_prior)
        return BAL_OK;
    k->prior = bal_calloc(k->m->ctx, (size_t)k->m->classes, sizeof *k->prior);
    if (!k->prior)
        return BAL_NO_MEMORY;
    const bal_status status =
        s->fitted_prior ? bal_calibration_fitted_prior(k->m->ctx, k->m->classes, &k->fit.items,
                                                       s->calibration.ridge, k->prior)
                        : bal_model_left_prior(k->m, k->prior);
    if (status == BAL_OK)
        *prior = k->prior;
    return status == BAL_BAD_DATA && !asks_prior(s->methods) ? BAL_OK : status;
}

static bal_status calibrate(calibrating *k, const bal_dataset *data, bal_calibration **out,
                            bal_calibration_report *reports, int *count)
{
    const bal_model_calibration_settings *s = k->s;
    const double *prior;
    bal_calibration_settings how = s->calibration;
    if (asks_labels(s->methods) || s->fitted_prior)
        BAL_TRY(run_split(k->m, data, s->fit, &k->fit));
    if (asks(s->methods, "em"))
        BAL_TRY(run_split(k->m, data, s->target, &k->target));
    BAL_TRY(find_prior(k, &prior));
    how.fit = k->fit.scores ? &k->fit.items : NULL;
    how.target = k->target.scores ? &k->target.items : NULL;
    how.train_counts = bal_model_train_counts(k->m);
    BAL_TRY(bal_calibration_open(out, k->m->ctx, k->m->classes, prior));
    return bal_calibration_add_list(*out, &how, s->methods, reports, count);
}

bal_status bal_model_calibrate(bal_calibration **out, bal_model *m, const bal_dataset *data,
                               const bal_model_calibration_settings *settings,
                               bal_calibration_report *reports, int *count)
{
    calibrating k = {.m = m, .s = settings};
    *out = NULL;
    *count = 0;
    bal_status status = need_run(m);
    if (status == BAL_OK && m->calibration)
        status = bal_fail(m->ctx, BAL_BAD_ARG,
                          "the model was opened with its calibration; open it without");
    if (status == BAL_OK && !settings->methods)
        status = bal_fail(m->ctx, BAL_BAD_ARG, "no methods are named");
    if (status == BAL_OK)
        status = calibrate(&k, data, out, reports, count);
    free_scores(m->ctx, &k.fit);
    free_scores(m->ctx, &k.target);
    bal_free(m->ctx, k.prior);
    if (status != BAL_OK)
        bal_calibration_close(out);
    return status;
}
