/* The handle of a calibration: the table of methods, adding a step, using the chain. */
#include "evaluate/calibration.h"

#include "numeric/softmax.h"

#include <math.h>
#include <string.h>

static const bal_calibration_method methods[] = {
    {{"logit-adjustment", "against the training frequencies, by a stated strength",
      "z_j - tau log pi_j", "Menon et al. 2021", "tau", false, false},
     false,
     bal_fit_logit_adjustment},
    {{"prior", "from the prior of the training to a stated one", "z_j + log q_j - log pi'_j",
      "Saerens et al. 2002", "", false, true},
     false,
     bal_fit_prior},
    {{"em", "the same, with the prior estimated from scores without labels",
      "z_j + log q_j - log pi'_j, q_j = mean_i p_q(j | x_i)", "Saerens et al. 2002", "", false,
      true},
     false,
     bal_fit_em},
    {{"temperature", "one number that makes probabilities flatter or steeper", "z / T",
      "Guo et al. 2017", "folds", true, false},
     false,
     bal_fit_temperature},
    {{"vector", "a scale and an offset for every class", "a_j z_j + b_j", "Guo et al. 2017",
      "ridge folds", true, false},
     false,
     bal_fit_vector},
    {{"offsets", "decisions for balanced accuracy, macro-F1 or a cost matrix",
      "argmax_j log p_j + d_j", "Lachiche and Flach 2003", "objective folds", true, false},
     true,
     bal_fit_offsets},
};

const bal_calibration_info *bal_calibration_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(methods) ? &methods[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_calibration_info *info = bal_calibration_at(i);
    return info ? info->name : NULL;
}

const bal_calibration_method *bal_calibration_method_find(const char *name)
{
    for (size_t i = 0; name && i < BAL_COUNT_OF(methods); i++)
        if (strcmp(methods[i].info.name, name) == 0)
            return &methods[i];
    return NULL;
}

bal_calibration_settings bal_calibration_defaults(void)
{
    return (bal_calibration_settings){
        .tau = 1.0, .ridge = 0.1, .objective = "balanced_accuracy", .folds = 5, .seed = 1};
}

#define SETTING(f) offsetof(bal_calibration_settings, f)
const bal_option *bal_calibration_options(void)
{
    static const bal_option rows[] = {
        {"tau", BAL_OPTION_REAL, SETTING(tau), -10, 10, "X", NULL,
         "strength of logit-adjustment (default 1)"},
        {"ridge", BAL_OPTION_REAL, SETTING(ridge), 1e-6, 1e6, "X", NULL,
         "of vector: pulls scales to 1 and offsets to 0 (default 0.1)"},
        {"objective", BAL_OPTION_CHOICE, SETTING(objective), 0, 0, NULL,
         "balanced_accuracy|macro_f1|cost",
         "what offsets are tuned for (default balanced_accuracy)"},
        {"folds", BAL_OPTION_INT, SETTING(folds), 2, 100, "N", NULL,
         "of the cross-fitting that says what a step is worth (default 5)"},
        {"always", BAL_OPTION_FLAG, SETTING(always), 0, 0, NULL, NULL,
         "keep a step that the cross-fitting says does not help"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

/* ---- the handle ---- */

bal_status bal_calibration_open(bal_calibration **out, bal_ctx *ctx, int classes,
                                const double *train_prior)
{
    *out = NULL;
    bal_status status = BAL_NO_MEMORY;
    if (classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 2", classes);
    bal_calibration *c = bal_calloc(ctx, 1, sizeof *c);
    if (!c)
        return BAL_NO_MEMORY;
    c->ctx = ctx;
    c->classes = classes;
    c->weights = bal_strdup(ctx, "");
    c->scale = bal_calloc(ctx, 3 * (size_t)classes, sizeof *c->scale);
    if (!c->weights || !c->scale)
        goto fail;
    c->offset = c->scale + classes;
    c->decision = c->offset + classes;
    for (int j = 0; j < classes; j++)
        c->scale[j] = 1.0;
    if (train_prior) {
        c->before = bal_calloc(ctx, (size_t)classes, sizeof *c->before);
        if (!c->before)
            goto fail;
        BAL_GOTO(bal_take_prior(ctx, "the training prior", classes, train_prior, c->before));
    }
    *out = c;
    return BAL_OK;
fail:
    bal_calibration_close(&c);
    return status;
}

static void free_step(bal_ctx *ctx, bal_step *step)
{
    bal_free(ctx, step->method);
    bal_free(ctx, step->scale);
    bal_free(ctx, step->offset);
    bal_free(ctx, step->prior);
}

void bal_calibration_close(bal_calibration **calibration)
{
    if (!calibration || !*calibration)
        return;
    bal_calibration *c = *calibration;
    for (int i = 0; i < c->count; i++)
        free_step(c->ctx, &c->steps[i]);
    bal_free(c->ctx, c->steps);
    bal_free(c->ctx, c->weights);
    bal_free(c->ctx, c->before);
    bal_free(c->ctx, c->scale);
    bal_free(c->ctx, c);
    *calibration = NULL;
}

static double *copy_numbers(bal_ctx *ctx, const double *from, int count)
{
    double *to = bal_calloc(ctx, (size_t)count, sizeof *to);
    if (to)
        memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

bal_status bal_calibration_append(bal_calibration *c, const bal_calibration_step *step)
{
    if (c->count == c->room) {
        const int room = c->room ? 2 * c->room : 4;
        bal_step *steps =
            bal_resize(c->ctx, c->steps, (size_t)c->room, (size_t)room, sizeof *steps);
        if (!steps)
            return BAL_NO_MEMORY;
        c->steps = steps;
        c->room = room;
    }
    bal_step mine = {.method = bal_strdup(c->ctx, step->method),
                     .scale = copy_numbers(c->ctx, step->scale, c->classes),
                     .offset = copy_numbers(c->ctx, step->offset, c->classes)};
    if (step->prior)
        mine.prior = copy_numbers(c->ctx, step->prior, c->classes);
    if (!mine.method || !mine.scale || !mine.offset || (step->prior && !mine.prior)) {
        free_step(c->ctx, &mine);
        return BAL_NO_MEMORY;
    }
    mine.is = *step;
    mine.is.method = mine.method;
    mine.is.scale = mine.scale;
    mine.is.offset = mine.offset;
    mine.is.prior = mine.prior;
    c->steps[c->count++] = mine;
    for (int j = 0; j < c->classes; j++) {
        if (step->decision) {
            c->decision[j] += step->offset[j];
            continue;
        }
        c->scale[j] *= step->scale[j];
        c->offset[j] = c->offset[j] * step->scale[j] + step->offset[j];
    }
    c->decides = c->decides || step->decision;
    return BAL_OK;
}

/* ---- adding ---- */

static bal_status check_settings(const bal_calibration *c, const bal_calibration_settings *s,
                                 const bal_calibration_method **method)
{
    const char *name = s->method ? s->method : "";
    *method = bal_calibration_method_find(name);
    if (!*method) {
        const char *near = bal_nearest_name(name, name_at, NULL);
        return bal_fail(c->ctx, BAL_BAD_ARG, "there is no calibration \"%s\"%s%s%s", name,
                        near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (s->folds < 2 || s->folds > 100)
        return bal_fail(c->ctx, BAL_BAD_ARG, "folds is %d, must be 2 to 100", s->folds);
    if (c->decides)
        return bal_fail(c->ctx, BAL_MISMATCH,
                        "%s cannot come after offsets, which are the last step", name);
    if ((*method)->info.needs_prior && !bal_calibration_prior(c))
        return bal_fail(c->ctx, BAL_MISMATCH,
                        "%s needs the prior that the scores refer to, which is not known; state it",
                        name);
    return BAL_OK;
}

bal_status bal_calibration_add(bal_calibration *c, const bal_calibration_settings *settings,
                               bal_calibration_report *report)
{
    const bal_calibration_method *method;
    *report = (bal_calibration_report){.method = "",
                                       .measure = "",
                                       .before = NAN,
                                       .after = NAN,
                                       .crossed = NAN,
                                       .gain = {NAN, NAN}};
    BAL_TRY(check_settings(c, settings, &method));
    report->method = method->info.name;
    const size_t classes = (size_t)c->classes;
    const double *known = bal_calibration_prior(c);
    double *numbers = bal_calloc(c->ctx, 3 * classes, sizeof *numbers);
    if (!numbers)
        return BAL_NO_MEMORY;
    bal_step_ask ask = {.settings = settings,
                        .chain = c,
                        .scale = numbers,
                        .offset = numbers + classes,
                        .prior = numbers + 2 * classes,
                        .prior_known = known != NULL,
                        .report = report};
    for (size_t j = 0; j < classes; j++) {
        ask.scale[j] = 1.0;
        ask.prior[j] = known ? known[j] : 1.0 / (double)classes;
    }
    bal_status status = method->fit(&ask);
    report->added = status == BAL_OK && (report->helps || settings->always);
    if (report->added) {
        const bal_calibration_step step = {.method = method->info.name,
                                           .scale = ask.scale,
                                           .offset = ask.offset,
                                           .decision = method->decision,
                                           .prior = known ? ask.prior : NULL,
                                           .report = *report};
        status = bal_calibration_append(c, &step);
        c->moved = c->moved || (status == BAL_OK && ask.moves && known);
    }
    report->added = report->added && status == BAL_OK;
    bal_free(c->ctx, numbers);
    return status;
}

bal_status bal_calibration_add_list(bal_calibration *c, const bal_calibration_settings *settings,
                                    const char *methods_text, bal_calibration_report *reports,
                                    int *count)
{
    const char *at = methods_text ? methods_text : "";
    *count = 0;
    for (bool more = true; more;) {
        char name[64];
        at += strspn(at, " ");
        size_t length = strcspn(at, ",");
        const char *next = at + length;
        while (length > 0 && at[length - 1] == ' ')
            length--;
        if (length == 0 || length >= sizeof name || *count == BAL_CALIBRATION_MOST)
            return bal_fail(c->ctx, BAL_BAD_ARG,
                            "\"%s\" is no list of 1 to %d methods with commas between them",
                            methods_text ? methods_text : "", BAL_CALIBRATION_MOST);
        memcpy(name, at, length);
        name[length] = '\0';
        bal_calibration_settings one = *settings;
        one.method = name;
        BAL_TRY(bal_calibration_add(c, &one, &reports[*count]));
        ++*count;
        more = *next == ',';
        at = next + more;
    }
    return BAL_OK;
}

/* ---- looking and using ---- */

int bal_calibration_classes(const bal_calibration *calibration)
{
    return calibration->classes;
}

int bal_calibration_steps(const bal_calibration *calibration)
{
    return calibration->count;
}

const bal_calibration_step *bal_calibration_step_at(const bal_calibration *calibration, int i)
{
    return i >= 0 && i < calibration->count ? &calibration->steps[i].is : NULL;
}

const double *bal_calibration_prior_before(const bal_calibration *calibration)
{
    return calibration->before;
}

const double *bal_calibration_prior(const bal_calibration *calibration)
{
    return calibration->count ? calibration->steps[calibration->count - 1].prior
                              : calibration->before;
}

const char *bal_calibration_weights(const bal_calibration *calibration)
{
    return calibration->weights;
}

bal_status bal_calibration_set_weights(bal_calibration *calibration, const char *weights)
{
    char *copy = bal_strdup(calibration->ctx, weights);
    if (!copy)
        return BAL_NO_MEMORY;
    bal_free(calibration->ctx, calibration->weights);
    calibration->weights = copy;
    return BAL_OK;
}

int bal_calibration_decide(const bal_calibration *c, const double *z)
{
    int top = 0;
    for (int j = 1; j < c->classes; j++)
        if (z[j] + c->decision[j] > z[top] + c->decision[top])
            top = j;
    return top;
}

int bal_calibration_predict(const bal_calibration *calibration, int classes, const float *logits,
                            double *probabilities)
{
    int top = 0;
    double most = -INFINITY;
    for (int j = 0; j < classes; j++) {
        double z = (double)logits[j];
        if (calibration)
            z = bal_calibrated(calibration, j, z);
        if (probabilities)
            probabilities[j] = z;
        const double score = calibration ? z + calibration->decision[j] : z;
        if (score > most) {
            most = score;
            top = j;
        }
    }
    if (!probabilities)
        return top;
    const bal_softmax soft = bal_softmax_of(probabilities, classes, probabilities);
    for (int j = 0; j < classes; j++)
        probabilities[j] /= 1.0 + soft.rest;
    return top;
}
