/* The validation split of data with groups, on random groupings: groups stay whole, classes keep
 * both sides, shares are near; and that data without groups is drawn as ever. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "data/split/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ITEMS 4000
#define MOST_CLASSES 12
#define MOST_GROUPS 512

static char said[1024];

static void say(void *user, bal_log_level level, const char *line)
{
    (void)user;
    assert_int_equal(level, BAL_LOG_WARN);
    snprintf(said, sizeof said, "%s", line);
}

static bal_ctx *open_ctx(void)
{
    bal_ctx *ctx;
    const bal_ctx_settings settings = {.log = say};
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    return ctx;
}

/* Arrays of a source without a reader. */
typedef struct grouping {
    bal_source source;
    int32_t labels[MOST_ITEMS], groups[MOST_ITEMS];
    uint8_t splits[MOST_ITEMS], before[MOST_ITEMS], keep[MOST_ITEMS];
    int group_count;
} grouping;

static grouping *new_grouping(int classes)
{
    grouping *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->source.classes = classes;
    g->source.labels = g->labels;
    g->source.groups = g->groups;
    g->source.splits = g->splits;
    static char path[] = "m.csv";
    g->source.path = path;
    return g;
}

static void add_items(grouping *g, int group, int label, int count)
{
    for (int i = 0; i < count; i++) {
        const int64_t at = g->source.count++;
        assert_true(at < MOST_ITEMS);
        g->groups[at] = group;
        g->labels[at] = label;
        g->keep[at] = 1;
    }
    g->group_count = group >= g->group_count ? group + 1 : g->group_count;
}

/* Training items only. */
typedef struct tally {
    int64_t items[MOST_CLASSES], taken[MOST_CLASSES];
    double objective;
    int covered;
} tally;

static void finish_tally(const grouping *g, double fraction, tally *t)
{
    t->objective = 0.0;
    t->covered = 0;
    for (int c = 0; c < g->source.classes; c++) {
        if (t->items[c] == 0)
            continue;
        const double wanted = (double)bal_validation_share(t->items[c], fraction);
        const double off = ((double)t->taken[c] - wanted) / (double)t->items[c];
        t->objective += off * off;
        t->covered += t->taken[c] > 0;
    }
}

/* Splits, and checks what must hold for every grouping. */
static tally split(bal_ctx *ctx, grouping *g, double fraction, uint64_t seed)
{
    tally t = {0};
    int side[MOST_GROUPS];
    memcpy(g->before, g->splits, sizeof g->before);
    memset(side, 0xff, sizeof side);
    said[0] = '\0';
    test_ok(ctx, bal_split_validation(ctx, &g->source, g->keep, fraction, seed));
    for (int64_t i = 0; i < g->source.count; i++) {
        const bool member = g->keep[i] && g->before[i] == BAL_SPLIT_TRAIN;
        if (!member)
            assert_int_equal(g->splits[i], g->before[i]);
        if (!member)
            continue;
        const bool taken = g->splits[i] == BAL_SPLIT_VAL;
        assert_true(taken || g->splits[i] == BAL_SPLIT_TRAIN);
        t.items[g->labels[i]]++;
        t.taken[g->labels[i]] += taken;
        if (g->groups[i] < 0)
            continue;
        assert_true(side[g->groups[i]] < 0 ||
                    side[g->groups[i]] == (int)taken); /* never straddles */
        side[g->groups[i]] = taken;
    }
    for (int c = 0; c < g->source.classes; c++)
        assert_true(t.items[c] == 0 || t.taken[c] < t.items[c]); /* training keeps one */
    finish_tally(g, fraction, &t);
    return t;
}

/* Groups of 1 to most items, of one class or of some; also items without group, of other splits,
 * and cut away. */
static grouping *random_grouping(bal_random *r, int classes, int groups, int most)
{
    grouping *g = new_grouping(classes);
    for (int c = 0; c < classes; c++) /* every class is there, in two groups */
        for (int k = 0; k < 2; k++)
            add_items(g, g->group_count, c, 1 + (int)bal_random_below(r, (uint64_t)most));
    while (g->group_count < groups) {
        const int group = g->group_count, size = 1 + (int)bal_random_below(r, (uint64_t)most);
        const bool pure = bal_random_below(r, 3) == 0;
        int label = (int)bal_random_below(r, (uint64_t)classes);
        for (int i = 0; i < size; i++) {
            add_items(g, group, label, 1);
            if (!pure)
                label = (int)bal_random_below(r, (uint64_t)classes);
        }
    }
    return g;
}

static void groups_never_straddle(void **state)
{
    (void)state;
    bal_ctx *ctx = open_ctx();
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 3, 0);
    for (int round = 0; round < 300; round++) {
        const int classes = 2 + (int)bal_random_below(&r, MOST_CLASSES - 1);
        const int most = 1 + (int)bal_random_below(&r, 9);
        grouping *g = random_grouping(&r, classes, 30 + (int)bal_random_below(&r, 250), most);
        const double fraction = 0.02 + 0.5 * bal_random_unit(&r);
        for (int i = 0; i < 40; i++) /* items of their own, the rest is not to be touched */
            add_items(g, -1, (int)bal_random_below(&r, (uint64_t)classes), 1);
        for (int64_t i = 0; i < g->source.count; i++) {
            g->keep[i] = bal_random_below(&r, 10) > 0;
            if (g->groups[i] % 9 == 8)
                g->splits[i] = BAL_SPLIT_TEST;
        }
        split(ctx, g, fraction, (uint64_t)round);
        free(g);
    }
    bal_ctx_close(&ctx);
}

static void shares_are_near(void **state)
{
    (void)state;
    bal_ctx *ctx = open_ctx();
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 4, 0);
    for (int round = 0; round < 100; round++) {
        const int classes = 2 + (int)bal_random_below(&r, 6);
        grouping *g = random_grouping(&r, classes, 400, 6);
        const double fraction = 0.1 + 0.3 * bal_random_unit(&r);
        const tally t = split(ctx, g, fraction, (uint64_t)round);
        for (int c = 0; c < classes; c++) {
            const int64_t wanted = bal_validation_share(t.items[c], fraction);
            if (llabs(t.taken[c] - wanted) > 2)
                fail_msg("round %d: class %d of %lld items: %lld taken, %lld wanted", round, c,
                         (long long)t.items[c], (long long)t.taken[c], (long long)wanted);
        }
        assert_string_equal(said, "");
        free(g);
    }
    bal_ctx_close(&ctx);
}

/* The best of all ways to split few groups: first the most classes covered, then the objective. */
static tally best_of_all(const grouping *g, double fraction)
{
    int64_t counts[16][MOST_CLASSES] = {{0}};
    tally best = {.covered = -1};
    for (int64_t i = 0; i < g->source.count; i++)
        counts[g->groups[i]][g->labels[i]]++;
    for (unsigned ways = 1; ways < 1u << g->group_count; ways++) {
        tally t = {0};
        bool fine = true;
        for (int u = 0; u < g->group_count; u++)
            for (int c = 0; c < g->source.classes; c++) {
                t.items[c] += counts[u][c];
                t.taken[c] += ways >> u & 1u ? counts[u][c] : 0;
            }
        for (int c = 0; c < g->source.classes; c++)
            fine = fine && (t.items[c] == 0 || t.taken[c] < t.items[c]);
        finish_tally(g, fraction, &t);
        if (fine && (t.covered > best.covered ||
                     (t.covered == best.covered && t.objective < best.objective)))
            best = t;
    }
    return best;
}

static void few_groups_are_split_nearly_as_well_as_possible(void **state)
{
    (void)state;
    bal_ctx *ctx = open_ctx();
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 5, 0);
    double worst = 0.0, sum = 0.0, best_sum = 0.0;
    const int rounds = 500;
    int fewer = 0;
    for (int round = 0; round < rounds; round++) {
        const int classes = 2 + (int)bal_random_below(&r, 6);
        grouping *g = random_grouping(&r, classes, 10, 12);
        const tally best = best_of_all(g, 0.25), got = split(ctx, g, 0.25, (uint64_t)round);
        fewer += got.covered < best.covered;
        if (got.covered == best.covered) {
            worst = fmax(worst, got.objective - best.objective);
            sum += got.objective;
            best_sum += best.objective;
        }
        free(g);
    }
    if (fewer * 100 > rounds || sum > 1.1 * best_sum || worst > 0.15)
        fail_msg("covered less in %d of %d, objective %g (best %g), worst excess %g", fewer, rounds,
                 sum / rounds, best_sum / rounds, worst);
    bal_ctx_close(&ctx);
}

static void classes_that_cannot_be_parted(void **state)
{
    (void)state;
    bal_ctx *ctx = open_ctx();
    grouping *g = new_grouping(3);
    char many[] = "many", one[] = "one group", single[] = "a single image";
    char *names[] = {many, one, single};
    add_items(g, 0, 0, 10);
    add_items(g, 1, 0, 10);
    add_items(g, 2, 1, 7);
    add_items(g, 1, 2, 1);
    g->source.class_names = names;
    const tally t = split(ctx, g, 0.1, 1);
    assert_int_equal(t.taken[0], 10); /* the group without the single image */
    assert_int_equal(t.taken[1], 0);
    assert_int_equal(t.taken[2], 0);
    assert_non_null(strstr(said, "no images of 1 class (one group)"));
    g->source.class_names = NULL;
    memset(g->splits, BAL_SPLIT_TRAIN, sizeof g->splits);
    split(ctx, g, 0.1, 1);
    assert_non_null(strstr(said, "no images of 1 class (1)"));
    free(g);
    g = new_grouping(2); /* a site for each class */
    add_items(g, 0, 0, 10);
    add_items(g, 1, 1, 12);
    test_fails(ctx, bal_split_validation(ctx, &g->source, g->keep, 0.2, 1), BAL_BAD_DATA, "m.csv",
               "no group can go", NULL);
    for (int64_t i = 0; i < g->source.count; i++)
        assert_int_equal(g->splits[i], BAL_SPLIT_TRAIN);
    free(g);
    g = new_grouping(2); /* nothing is wanted of classes of one image */
    add_items(g, 0, 0, 1);
    add_items(g, 1, 1, 1);
    split(ctx, g, 0.2, 1);
    assert_string_equal(said, "");
    free(g);
    bal_ctx_close(&ctx);
}

static void the_seed_decides(void **state)
{
    (void)state;
    bal_ctx *ctx = open_ctx();
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 6, 0);
    grouping *g = random_grouping(&r, 4, 100, 5);
    uint8_t first[MOST_ITEMS];
    split(ctx, g, 0.2, 1);
    memcpy(first, g->splits, sizeof first);
    memset(g->splits, BAL_SPLIT_TRAIN, sizeof g->splits);
    split(ctx, g, 0.2, 1);
    assert_memory_equal(first, g->splits, sizeof first);
    memset(g->splits, BAL_SPLIT_TRAIN, sizeof g->splits);
    split(ctx, g, 0.2, 2);
    assert_memory_not_equal(first, g->splits, sizeof first);
    free(g);
    bal_ctx_close(&ctx);
}

/* Runs of all times depend on these draws. */
static void without_groups_the_draws_are_the_old_ones(void **state)
{
    (void)state;
    static const int64_t taken[] = {0, 2, 3, 8, 15, 19, 22, 25, 29};
    bal_ctx *ctx = open_ctx();
    grouping *g = new_grouping(3);
    for (int i = 0; i < 30; i++)
        add_items(g, -1, i % 3, 1);
    g->source.groups = NULL;
    test_ok(ctx, bal_split_validation(ctx, &g->source, g->keep, 0.25, 7));
    for (int64_t i = 0, k = 0; i < g->source.count; i++) {
        const bool old = k < (int64_t)BAL_COUNT_OF(taken) && taken[k] == i;
        assert_int_equal(g->splits[i], old ? BAL_SPLIT_VAL : BAL_SPLIT_TRAIN);
        k += old;
    }
    free(g);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    grouping *g = user;
    memset(g->splits, BAL_SPLIT_TRAIN, sizeof g->splits);
    return bal_split_validation(ctx, &g->source, g->keep, 0.2, 1);
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 7, 0);
    grouping *g = random_grouping(&r, 3, 20, 4);
    test_allocation_failures(attempt, g);
    free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_never_straddle),
        cmocka_unit_test(shares_are_near),
        cmocka_unit_test(classes_that_cannot_be_parted),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(without_groups_the_draws_are_the_old_ones),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(few_groups_are_split_nearly_as_well_as_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
