/* Samplers: which items an epoch shows, as a function of (seed, epoch) alone.
 *
 * Some draw: a class by the sampler's probabilities, then the next item of that class from a
 * shuffled round of its items, so no item comes twice before all of its class came once. The others
 * go through rounds of fixed content, shuffled anew each; epochs cut the chain of rounds, so that
 * where an epoch is shorter than a round the next one goes on with it. */
#include "ballast/balance.h"

#include "base/context.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

typedef struct sampler_kind {
    bal_method_info info;
    /* share of a class with count of all items, before normalisation; progress is t / T */
    double (*share)(const bal_sampler *sampler, double count, double progress);
    /* how often a round shows the items of a class together; NULL: no rounds, draws */
    int64_t (*in_round)(const bal_sampler *sampler, int64_t count);
} sampler_kind;

struct bal_sampler {
    bal_ctx *ctx;
    const sampler_kind *kind;
    int classes, present; /* present: classes that have items */
    int64_t items, length;
    double q, beta, t;
    uint64_t seed;
    int64_t *first;   /* classes + 1: where each class starts in members */
    int64_t *members; /* items ordered by class, ascending within a class */
    /* work space of a draw */
    int64_t *round;     /* members, each class in the order of its present round */
    int64_t *at;        /* classes: next of the round */
    bal_random *random; /* classes: shuffles the rounds of the class */
    double *cumulated;  /* classes */
    int64_t *filled;    /* a round, where there are some */
    int64_t round_length;
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

static double share_power(const bal_sampler *sampler, double count, double progress)
{
    (void)progress;
    return count > 0.0 ? pow(count, sampler->q) : 0.0;
}

static double share_effective(const bal_sampler *sampler, double count, double progress)
{
    (void)progress;
    /* 1 - beta^n without the loss of digits where beta is nearly 1 */
    return count > 0.0 ? count * (1.0 - sampler->beta) / -expm1(count * log(sampler->beta)) : 0.0;
}

static double share_reversed(const bal_sampler *sampler, double count, double progress)
{
    (void)sampler;
    (void)progress;
    return count > 0.0 ? 1.0 / count : 0.0;
}

static int64_t once(const bal_sampler *sampler, int64_t count)
{
    (void)sampler;
    return count;
}

/* n_j r_j, rounded; never below n_j. */
static int64_t repeated(const bal_sampler *sampler, int64_t count)
{
    const double t = sampler->t > 0.0 ? sampler->t : 1.0 / sampler->present;
    const double share = (double)count / (double)sampler->items;
    return share > 0.0 && share < t ? (int64_t)floor((double)count * sqrt(t / share) + 0.5) : count;
}

static double share_repeated(const bal_sampler *sampler, double count, double progress)
{
    (void)progress;
    return (double)repeated(sampler, (int64_t)count);
}

static const sampler_kind kinds[] = {
    {{"instance", "P_j = n_j / N, every item once", "the usual shuffle"}, share_instance, once},
    {{"class-balanced", "P_j = 1 / C", "Kang et al. 2020"}, share_balanced, NULL},
    {{"sqrt", "P_j = sqrt(n_j) / sum sqrt(n_k)", "Mahajan et al. 2018; Kang et al. 2020"},
     share_sqrt,
     NULL},
    {{"progressive", "P_j = (1 - t/T) n_j / N + (t/T) / C", "Kang et al. 2020"},
     share_progressive,
     NULL},
    {{"power", "P_j = n_j^q / sum n_k^q", "Kang et al. 2020"}, share_power, NULL},
    {{"effective", "P_j ~ n_j (1 - beta) / (1 - beta^n_j)", "Cui et al. 2019"},
     share_effective,
     NULL},
    {{"reversed", "P_j ~ n_max / n_j", "Zhou et al. 2020 (BBN)"}, share_reversed, NULL},
    {{"repeat-factor", "every item r_j = max(1, sqrt(t / (n_j / N))) times",
      "Gupta et al. 2019 (LVIS)"},
     share_repeated,
     repeated},
};

const bal_method_info *bal_sampler_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(kinds) ? &kinds[i].info : NULL;
}

bal_sampler_settings bal_sampler_defaults(void)
{
    return (bal_sampler_settings){.name = "instance", .q = 0.5, .beta = 0.9999};
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
    if (!(s->q >= -BAL_SAMPLER_Q_MOST && s->q <= BAL_SAMPLER_Q_MOST))
        return bal_fail(ctx, BAL_BAD_ARG, "q is %g, must be %d to %d", s->q, -BAL_SAMPLER_Q_MOST,
                        BAL_SAMPLER_Q_MOST);
    if (!(s->beta >= 0.0 && s->beta < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "beta is %g, must be 0 to below 1", s->beta);
    if (!(s->t >= 0.0 && s->t <= 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "t is %g, must be 0 to 1", s->t);
    if (s->length < 0 || s->length > BAL_SAMPLER_LENGTH_MOST)
        return bal_fail(ctx, BAL_BAD_ARG, "length is %lld, must be 0 to %lld", (long long)s->length,
                        (long long)BAL_SAMPLER_LENGTH_MOST);
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

static bal_status open_rounds(bal_sampler *s, int64_t length)
{
    for (int c = 0; s->kind->in_round && c < s->classes; c++)
        s->round_length += s->kind->in_round(s, s->first[c + 1] - s->first[c]);
    const int64_t natural = s->kind->in_round ? s->round_length : s->items;
    s->length = length > 0 ? length : natural;
    s->filled = bal_calloc(s->ctx, (size_t)s->round_length + 1, sizeof *s->filled);
    return s->filled ? BAL_OK : BAL_NO_MEMORY;
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
    s->q = settings->q;
    s->beta = settings->beta;
    s->t = settings->t;
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
    const bal_status status = open_rounds(s, settings->length);
    if (status != BAL_OK)
        bal_sampler_close(&s);
    *out = s;
    return status;
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
    bal_free(s->ctx, s->filled);
    bal_free(s->ctx, s);
    *sampler = NULL;
}

int64_t bal_sampler_length(const bal_sampler *sampler)
{
    return sampler->length;
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

/* Round number `round`: every item as often as all of its class, some of them once more, shuffled
 * together. */
static void fill_round(const bal_sampler *s, uint64_t round)
{
    int64_t at = 0;
    for (int64_t i = 0; i < s->items; i++)
        s->filled[at++] = i;
    for (int c = 0; c < s->classes; c++) {
        const int64_t first = s->first[c], count = s->first[c + 1] - first;
        const int64_t more = s->kind->in_round(s, count) - count;
        if (more == 0)
            continue;
        bal_random random = bal_random_at(s->seed, BAL_STREAM_SHUFFLE, round, (uint64_t)c);
        memcpy(s->round, s->members + first, (size_t)count * sizeof *s->round);
        bal_random_shuffle(&random, s->round, count);
        for (int64_t k = 0; k < more; k++)
            s->filled[at++] = s->round[k % count];
    }
    bal_random random = bal_random_at(s->seed, BAL_STREAM_SAMPLER, round, 0);
    bal_random_shuffle(&random, s->filled, s->round_length);
}

static void cut_from_rounds(const bal_sampler *s, int epoch, int64_t *draws)
{
    int64_t done = 0;
    while (done < s->length) {
        const int64_t place = (int64_t)epoch * s->length + done, at = place % s->round_length;
        const int64_t here = s->round_length - at, wanted = s->length - done;
        const int64_t taken = here < wanted ? here : wanted;
        fill_round(s, (uint64_t)(place / s->round_length));
        memcpy(draws + done, s->filled + at, (size_t)taken * sizeof *draws);
        done += taken;
    }
}

bal_status bal_sampler_draw(const bal_sampler *sampler, int epoch, int epochs, int64_t *draws)
{
    const bal_sampler *s = sampler;
    if (epoch < 0 || epoch >= epochs)
        return bal_fail(s->ctx, BAL_BAD_ARG, "epoch is %d, must be 0 to %d", epoch, epochs - 1);
    if (s->kind->in_round) {
        cut_from_rounds(s, epoch, draws);
        return BAL_OK;
    }
    bal_random random = bal_random_at(s->seed, BAL_STREAM_SAMPLER, (uint64_t)epoch, 0);
    /* every epoch starts from the members in order: the draw depends on nothing before it */
    memcpy(s->round, s->members, (size_t)s->items * sizeof *s->round);
    bal_sampler_probabilities(s, epoch, epochs, s->cumulated);
    for (int c = 0; c < s->classes; c++) {
        s->at[c] = s->first[c + 1];
        s->random[c] = bal_random_at(s->seed, BAL_STREAM_SHUFFLE, (uint64_t)epoch, (uint64_t)c);
        s->cumulated[c] += c ? s->cumulated[c - 1] : 0.0;
    }
    for (int64_t i = 0; i < s->length; i++)
        draws[i] = next_of_class(s, draw_class(s, &random));
    return BAL_OK;
}
