/* Samplers: which items an epoch shows, as a function of (seed, epoch) alone.
 *
 * A draw first takes a class by the sampler's probabilities, then the next item of that class from
 * a shuffled round of its items, so no item comes twice before all of its class came once. */
#include "ballast/balance.h"

#include "base/context.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

typedef struct sampler_kind {
    bal_method_info info;
    /* share of a class with count of all items, before normalisation; progress is t / T */
    double (*share)(const bal_sampler *sampler, double count, double progress);
    bool every_item; /* shows every item once instead of drawing */
} sampler_kind;

struct bal_sampler {
    bal_ctx *ctx;
    const sampler_kind *kind;
    int classes, present; /* present: classes that have items */
    int64_t items;
    uint64_t seed;
    int64_t *first;   /* classes + 1: where each class starts in members */
    int64_t *members; /* items ordered by class, ascending within a class */
    /* work space of a draw */
    int64_t *round;     /* members, each class in the order of its present round */
    int64_t *at;        /* classes: next of the round */
    bal_random *random; /* classes: shuffles the rounds of the class */
    double *cumulated;  /* classes */
};

static double share_instance(const bal_sampler *sampler, double count, double progress)
{
    (void)progress;
    return count / (double)sampler->items;
}

static double share_balanced(const bal_sampler *sampler, double count, double progress)
{
    (void)progress;
    return count > 0.0 ? 1.0 / sampler->present : 0.0;
}

static double share_sqrt(const bal_sampler *sampler, double count, double progress)
{
    (void)sampler;
    (void)progress;
    return sqrt(count);
}

static double share_progressive(const bal_sampler *sampler, double count, double progress)
{
    return (1.0 - progress) * share_instance(sampler, count, progress) +
           progress * share_balanced(sampler, count, progress);
}

static const sampler_kind kinds[] = {
    {{"instance", "P_j = n_j / N, every item once", "the usual shuffle"}, share_instance, true},
    {{"class-balanced", "P_j = 1 / C", "Kang et al. 2020"}, share_balanced, false},
    {{"sqrt", "P_j = sqrt(n_j) / sum sqrt(n_k)", "Mahajan et al. 2018; Kang et al. 2020"},
     share_sqrt,
     false},
    {{"progressive", "P_j = (1 - t/T) n_j / N + (t/T) / C", "Kang et al. 2020"},
     share_progressive,
     false},
};

const bal_method_info *bal_sampler_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(kinds) ? &kinds[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_method_info *info = bal_sampler_at(i);
    return info ? info->name : NULL;
}

static bal_status check_settings(bal_ctx *ctx, const bal_sampler_settings *s,
                                 const sampler_kind **kind)
{
    for (size_t i = 0; s->name && i < BAL_COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].info.name, s->name) == 0)
            *kind = &kinds[i];
    if (!*kind) {
        const char *near = bal_nearest_name(s->name ? s->name : "", name_at, NULL);
        return bal_fail(ctx, BAL_BAD_ARG, "there is no sampler \"%s\"%s%s%s",
                        s->name ? s->name : "", near ? ", did you mean \"" : "", near ? near : "",
                        near ? "\"?" : "");
    }
    if (s->classes < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 1", s->classes);
    if (s->items < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "items is %lld, must be at least 1", (long long)s->items);
    for (int64_t i = 0; i < s->items; i++)
        if (s->labels[i] < 0 || s->labels[i] >= s->classes)
            return bal_fail(ctx, BAL_BAD_ARG, "label of item %lld is %d, must be 0 to %d",
                            (long long)i, (int)s->labels[i], s->classes - 1);
    return BAL_OK;
}

/* Counting sort of the items by class. */
static void group_by_class(bal_sampler *s, const int32_t *labels)
{
    for (int64_t i = 0; i < s->items; i++)
        s->first[labels[i] + 1]++;
    for (int c = 0; c < s->classes; c++) {
        s->present += s->first[c + 1] > 0;
        s->first[c + 1] += s->first[c];
        s->at[c] = s->first[c];
    }
    for (int64_t i = 0; i < s->items; i++)
        s->members[s->at[labels[i]]++] = i;
}

bal_status bal_sampler_open(bal_sampler **out, bal_ctx *ctx, const bal_sampler_settings *settings)
{
    *out = NULL;
    const sampler_kind *kind = NULL;
    BAL_TRY(check_settings(ctx, settings, &kind));
    bal_sampler *s = bal_calloc(ctx, 1, sizeof *s);
    if (!s)
        return BAL_NO_MEMORY;
    const size_t classes = (size_t)settings->classes, items = (size_t)settings->items;
    s->ctx = ctx;
    s->kind = kind;
    s->classes = settings->classes;
    s->items = settings->items;
    s->seed = settings->seed;
    s->first = bal_calloc(ctx, classes + 1, sizeof *s->first);
    s->members = bal_calloc(ctx, items, sizeof *s->members);
    s->round = bal_calloc(ctx, items, sizeof *s->round);
    s->at = bal_calloc(ctx, classes, sizeof *s->at);
    s->random = bal_calloc(ctx, classes, sizeof *s->random);
    s->cumulated = bal_calloc(ctx, classes, sizeof *s->cumulated);
    if (!s->first || !s->members || !s->round || !s->at || !s->random || !s->cumulated) {
        bal_sampler_close(&s);
        return BAL_NO_MEMORY;
    }
    group_by_class(s, settings->labels);
    *out = s;
    return BAL_OK;
}

void bal_sampler_close(bal_sampler **sampler)
{
    if (!sampler || !*sampler)
        return;
    bal_sampler *s = *sampler;
    bal_free(s->ctx, s->first);
    bal_free(s->ctx, s->members);
    bal_free(s->ctx, s->round);
    bal_free(s->ctx, s->at);
    bal_free(s->ctx, s->random);
    bal_free(s->ctx, s->cumulated);
    bal_free(s->ctx, s);
    *sampler = NULL;
}

int64_t bal_sampler_length(const bal_sampler *sampler)
{
    return sampler->items;
}

void bal_sampler_probabilities(const bal_sampler *sampler, int epoch, int epochs,
                               double *probabilities)
{
    const double progress = epochs > 0 ? (double)epoch / epochs : 0.0;
    double sum = 0.0;
    for (int c = 0; c < sampler->classes; c++) {
        const double count = (double)(sampler->first[c + 1] - sampler->first[c]);
        probabilities[c] = sampler->kind->share(sampler, count, progress);
        sum += probabilities[c];
    }
    for (int c = 0; c < sampler->classes; c++)
        probabilities[c] /= sum;
}

static int draw_class(const bal_sampler *s, bal_random *random)
{
    const double u = bal_random_unit(random) * s->cumulated[s->classes - 1];
    int low = 0, high = s->classes - 1; /* the first class whose sum is above u */
    while (low < high) {
        const int middle = (low + high) / 2;
        if (s->cumulated[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int64_t next_of_class(const bal_sampler *s, int c)
{
    const int64_t first = s->first[c], end = s->first[c + 1];
    if (s->at[c] == end) {
        bal_random_shuffle(&s->random[c], s->round + first, end - first);
        s->at[c] = first;
    }
    return s->round[s->at[c]++];
}

bal_status bal_sampler_draw(const bal_sampler *sampler, int epoch, int epochs, int64_t *draws)
{
    const bal_sampler *s = sampler;
    if (epoch < 0 || epoch >= epochs)
        return bal_fail(s->ctx, BAL_BAD_ARG, "epoch is %d, must be 0 to %d", epoch, epochs - 1);
    bal_random random = bal_random_at(s->seed, BAL_STREAM_SAMPLER, (uint64_t)epoch, 0);
    if (s->kind->every_item) {
        for (int64_t i = 0; i < s->items; i++)
            draws[i] = i;
        bal_random_shuffle(&random, draws, s->items);
        return BAL_OK;
    }
    /* every epoch starts from the members in order: the draw depends on nothing before it */
    memcpy(s->round, s->members, (size_t)s->items * sizeof *s->round);
    bal_sampler_probabilities(s, epoch, epochs, s->cumulated);
    for (int c = 0; c < s->classes; c++) {
        s->at[c] = s->first[c + 1];
        s->random[c] = bal_random_at(s->seed, BAL_STREAM_SHUFFLE, (uint64_t)epoch, (uint64_t)c);
        s->cumulated[c] += c ? s->cumulated[c - 1] : 0.0;
    }
    for (int64_t i = 0; i < s->items; i++)
        draws[i] = next_of_class(s, draw_class(s, &random));
    return BAL_OK;
}
