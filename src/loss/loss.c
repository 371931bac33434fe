/* The list of losses, their settings, opening and closing. What a batch goes through is
 * loss_batch.c; the formulas are in one file a family. */
#include "loss/loss_family.h"

#include <math.h>
#include <string.h>

/* The list: a loss is one row here, one family, one page in docs/methods. */
static const bal_loss_family *const families[] = {
    &bal_loss_cross_entropy,
    &bal_loss_focal,
    &bal_loss_ldam,
    &bal_loss_balanced_softmax,
    &bal_loss_logit_adjusted,
    &bal_loss_vs,
    &bal_loss_cdt,
    &bal_loss_seql,
    &bal_loss_asl,
    &bal_loss_las,
    &bal_loss_seesaw,
    &bal_loss_ib,
    &bal_loss_lade,
    &bal_loss_gcl,
    &bal_loss_sigmoid,
    &bal_loss_sigmoid_focal,
};

const bal_loss_info *bal_loss_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(families) ? &families[i]->info : NULL;
}

static const bal_loss_family *family_of(const char *name)
{
    for (size_t i = 0; name && i < BAL_COUNT_OF(families); i++)
        if (strcmp(families[i]->info.name, name) == 0)
            return families[i];
    return NULL;
}

const bal_loss_info *bal_loss_find(const char *name)
{
    const bal_loss_family *family = family_of(name);
    return family ? &family->info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_loss_info *info = bal_loss_at(i);
    return info ? info->name : NULL;
}

/* ---- settings ---- */

bal_loss_settings bal_loss_defaults(void)
{
#define STANDARD(name, value, least, most, standard, about) .name = (standard),
    return (bal_loss_settings){.name = "ce",
                               .classes = 10,
                               .s = 30.0,
                               .las_shape = "concave",
                               BAL_LOSS_NUMBER_LIST(STANDARD)};
#undef STANDARD
}

/* Whether a word stands in a list of words with spaces between them. */
static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
            return true;
    return false;
}

/* NaN is in no range. */
static bal_status check_range(bal_ctx *ctx, const char *name, double value, double least,
                              double most)
{
    if (value >= least && value <= most)
        return BAL_OK;
    return bal_fail(ctx, BAL_BAD_ARG, "%s is %g, must be %g to %g", name, value, least, most);
}

static bal_status check_numbers(bal_ctx *ctx, const bal_loss_info *info, const bal_loss_settings *s)
{
#define CHECK(name, value, least, most, standard, about) \
    if (has_word(info->settings, #name))                 \
        BAL_TRY(check_range(ctx, #name, s->name, least, most));
    BAL_LOSS_NUMBER_LIST(CHECK)
#undef CHECK
    return has_word(info->settings, "s") ? check_range(ctx, "s", s->s, 1e-3, 1e3) : BAL_OK;
}

static bal_status check_counts(bal_ctx *ctx, const bal_loss_family *family,
                               const bal_loss_settings *s)
{
    const char *name = family->info.name;
    int64_t total = 0;
    if (!s->counts)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s needs the class counts", name);
    for (int j = 0; j < s->classes; j++) {
        if (s->counts[j] < (family->takes_absent ? 0 : 1))
            return bal_fail(ctx, BAL_BAD_ARG,
                            "class %d has %lld training images; loss %s needs at least %d of each",
                            j, (long long)s->counts[j], name, !family->takes_absent);
        total += s->counts[j] > 0;
    }
    return total > 0 ? BAL_OK : bal_fail(ctx, BAL_BAD_ARG, "no class has training images");
}

static bal_status check_settings(bal_ctx *ctx, const bal_loss_family *family,
                                 const bal_loss_settings *s)
{
    const bal_loss_info *info = &family->info;
    if (s->classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 2", s->classes);
    if (!(s->label_smoothing >= 0.0 && s->label_smoothing < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "label_smoothing is %g, must be 0 to below 1",
                        s->label_smoothing);
    if (s->label_smoothing > 0.0 && info->no_smoothing)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s takes no label_smoothing: %s", info->name,
                        info->no_smoothing);
    if (s->reduction != BAL_REDUCE_MEAN && s->reduction != BAL_REDUCE_WEIGHTED_MEAN)
        return bal_fail(ctx, BAL_BAD_ARG, "reduction is %d, must be mean or weighted_mean",
                        (int)s->reduction);
    for (int j = 0; s->weights && j < s->classes; j++)
        if (!(s->weights[j] >= 0.0 && isfinite(s->weights[j])))
            return bal_fail(ctx, BAL_BAD_ARG, "weight of class %d is %g, must be 0 or above", j,
                            s->weights[j]);
    if (info->needs_counts)
        BAL_TRY(check_counts(ctx, family, s));
    return check_numbers(ctx, info, s);
}

bal_count_range bal_loss_count_range(const bal_loss *loss, const int64_t *counts)
{
    bal_count_range r = {(double)counts[0], (double)counts[0], 0.0};
    for (int j = 0; j < loss->classes; j++) {
        r.least = fmin(r.least, (double)counts[j]);
        r.most = fmax(r.most, (double)counts[j]);
        r.total += (double)counts[j];
    }
    return r;
}

/* ---- a handle ---- */

static bal_status open_memory(bal_loss *loss)
{
    double **const parts[] = {&loss->weights,      &loss->offsets,  &loss->factors, &loss->logits,
                              &loss->coefficients, &loss->gradient, &loss->draws,   &loss->spare,
                              &loss->exponentials, &loss->state};
    const size_t classes = (size_t)loss->classes, count = BAL_COUNT_OF(parts);
    loss->memory = bal_calloc(loss->ctx, count * classes, sizeof *loss->memory);
    if (!loss->memory)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        *parts[i] = loss->memory + i * classes;
    return BAL_OK;
}

bal_status bal_loss_open(bal_loss **out, bal_ctx *ctx, const bal_loss_settings *settings)
{
    *out = NULL;
    const char *name = settings->name ? settings->name : "";
    const bal_loss_family *family = family_of(name);
    if (!family) {
        const char *near = bal_nearest_name(name, name_at, NULL);
        return bal_fail(ctx, BAL_BAD_ARG, "there is no loss \"%s\"%s%s%s", name,
                        near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    BAL_TRY(check_settings(ctx, family, settings));
    bal_loss *loss = bal_calloc(ctx, 1, sizeof *loss);
    if (!loss)
        return BAL_NO_MEMORY;
    bal_status status;
    loss->ctx = ctx;
    loss->family = family;
    loss->classes = settings->classes;
    loss->label_smoothing = settings->label_smoothing;
    loss->reduction = settings->reduction;
    loss->numbers = *settings;
    loss->numbers.counts = NULL; /* were borrowed */
    loss->numbers.weights = NULL;
    loss->numbers.name = loss->numbers.las_shape = NULL;
    BAL_GOTO(open_memory(loss));
    for (int j = 0; j < loss->classes; j++)
        loss->weights[j] = settings->weights ? settings->weights[j] : 1.0;
    if (family->prepare)
        BAL_GOTO(family->prepare(loss, settings));
    if (family->refresh)
        family->refresh(loss);
    *out = loss;
    return BAL_OK;
fail:
    bal_loss_close(&loss);
    return status;
}

void bal_loss_close(bal_loss **loss)
{
    if (!loss || !*loss)
        return;
    bal_ctx *ctx = (*loss)->ctx;
    bal_free(ctx, (*loss)->memory);
    bal_free(ctx, *loss);
    *loss = NULL;
}

const bal_loss_info *bal_loss_describe(const bal_loss *loss)
{
    return &loss->family->info;
}

/* ---- state ---- */

int bal_loss_state_count(const bal_loss *loss)
{
    return loss->family->info.has_state ? loss->classes : 0;
}

void bal_loss_get_state(const bal_loss *loss, double *state)
{
    for (int j = 0; j < bal_loss_state_count(loss); j++)
        state[j] = loss->state[j];
}

bal_status bal_loss_set_state(bal_loss *loss, bal_ctx *ctx, const double *state, int count)
{
    const char *name = loss->family->info.name;
    if (count != bal_loss_state_count(loss))
        return bal_fail(ctx, BAL_BAD_ARG, "a state of %d numbers, loss %s has %d", count, name,
                        bal_loss_state_count(loss));
    for (int j = 0; j < count; j++)
        if (!(state[j] >= 0.0 && isfinite(state[j])))
            return bal_fail(ctx, BAL_BAD_ARG,
                            "number %d of the state of loss %s is %g, must be 0 or above", j, name,
                            state[j]);
    for (int j = 0; j < count; j++)
        loss->state[j] = state[j];
    if (loss->family->refresh)
        loss->family->refresh(loss);
    return BAL_OK;
}
