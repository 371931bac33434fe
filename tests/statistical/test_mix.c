/* Mixing: what is drawn follows its distribution and depends on (seed, epoch, place) alone; errors,
 * allocation failures. The arithmetic is compared with NumPy's in tests/golden. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, COUNT = 7, HEIGHT = 6, WIDTH = 11, DRAWS = 4000 };
static const int64_t counts[CLASSES] = {900, 90, 9};

static bal_mix *open_mix(bal_ctx *ctx, const char *name, double alpha, bool per_pair)
{
    bal_mix_settings s = bal_mix_defaults();
    s.name = name;
    s.classes = CLASSES;
    s.counts = counts;
    s.alpha = alpha;
    s.per_pair = per_pair;
    bal_mix *mix;
    test_ok(ctx, bal_mix_open(&mix, ctx, &s));
    return mix;
}

static bal_mix_batch batch_at(uint64_t epoch, uint64_t first)
{
    return (bal_mix_batch){test_seed(), epoch, first, COUNT, HEIGHT, WIDTH};
}

/* ---- distributions ---- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* P(lambda <= x) of Beta(alpha, alpha), where it has a closed form. */
static double beta_cdf(double alpha, double x)
{
    const double pi = 3.14159265358979323846;
    if (alpha == 0.5)
        return 2.0 / pi * asin(sqrt(x));
    return alpha == 1.0 ? x : x * x * (3.0 - 2.0 * x);
}

/* Kolmogorov and Smirnov: sqrt(n) D stays below 2.7 but for one time in a million. */
static void follows_beta(double *values, int count, double alpha)
{
    double distance = 0.0;
    qsort(values, (size_t)count, sizeof *values, ascending);
    for (int i = 0; i < count; i++) {
        const double p = beta_cdf(alpha, values[i]);
        distance = fmax(distance, fmax(p - (double)i / count, (double)(i + 1) / count - p));
    }
    if (!(distance * sqrt(count) < 2.7))
        fail_msg("alpha %g: distance %g of %d draws", alpha, distance, count);
}

static void shares_follow_the_beta_distribution(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const double alphas[] = {0.5, 1.0, 2.0};
    for (size_t a = 0; a < BAL_COUNT_OF(alphas); a++) {
        bal_mix *batch = open_mix(ctx, "mixup", alphas[a], false),
                *pair = open_mix(ctx, "mixup", alphas[a], true);
        double values[DRAWS];
        bal_mix_pair pairs[COUNT];
        for (int i = 0; i < DRAWS; i++) {
            const bal_mix_batch at = batch_at(3, (uint64_t)i * COUNT);
            assert_true(bal_mix_draw(batch, &at, pairs));
            for (int k = 1; k < COUNT; k++)
                assert_true(pairs[k].share == pairs[0].share);
            values[i] = pairs[0].share;
        }
        follows_beta(values, DRAWS, alphas[a]);
        for (int i = 0; i < DRAWS; i++) {
            const bal_mix_batch at = batch_at(3, (uint64_t)i * COUNT);
            assert_true(bal_mix_draw(pair, &at, pairs));
            assert_true(pairs[0].share != pairs[1].share);
            values[i] = pairs[i % COUNT].share;
        }
        follows_beta(values, DRAWS, alphas[a]);
        bal_mix_close(&batch);
        bal_mix_close(&pair);
    }
    bal_ctx_close(&ctx);
}

/* The chi-square value that is passed with probability 1e-6 (Wilson and Hilferty 1931). */
static void is_even(const char *what, const int *seen, int cells)
{
    double chi = 0.0, sum = 0.0;
    for (int i = 0; i < cells; i++)
        sum += seen[i];
    for (int i = 0; i < cells; i++)
        chi += (seen[i] - sum / cells) * (seen[i] - sum / cells) / (sum / cells);
    const double k = 2.0 / (9.0 * (cells - 1));
    const double limit = (cells - 1) * pow(1.0 - k + 4.753424 * sqrt(k), 3.0);
    if (!(chi < limit))
        fail_msg("%s: chi-square %g, limit %g", what, chi, limit);
}

static void partners_are_permutations(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_mix *mix = open_mix(ctx, "remix", 1.0, false), *cmo = open_mix(ctx, "cmo", 1.0, false);
    int met[COUNT * COUNT] = {0};
    for (int i = 0; i < DRAWS; i++) {
        bal_mix_pair pairs[COUNT];
        int seen[COUNT] = {0};
        const bal_mix_batch at = batch_at((uint64_t)i, 14);
        assert_true(bal_mix_draw(mix, &at, pairs));
        for (int k = 0; k < COUNT; k++) {
            assert_in_range(pairs[k].partner, 0, COUNT - 1);
            seen[pairs[k].partner]++;
            met[k * COUNT + pairs[k].partner]++;
        }
        for (int k = 0; k < COUNT; k++)
            assert_int_equal(seen[k], 1);
        if (bal_mix_draw(cmo, &at, pairs)) /* places of the second stream meet the same places */
            for (int k = 0; k < COUNT; k++)
                assert_int_equal(pairs[k].partner, k);
    }
    is_even("who meets whom", met, COUNT * COUNT);
    bal_mix_close(&mix);
    bal_mix_close(&cmo);
    bal_ctx_close(&ctx);
}

/* Where a box is not clipped it is as large as lambda says; its middle is anywhere; the share is
 * that of the pixels outside it. */
static void boxes_are_anywhere(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_mix *mix = open_mix(ctx, "cutmix", 1.0, true);
    int rows[HEIGHT] = {0}, columns[WIDTH] = {0}, covered = 0;
    for (int i = 0; i < 6 * DRAWS; i++) {
        bal_mix_pair pairs[COUNT];
        const bal_mix_batch at = batch_at(0, (uint64_t)i * COUNT);
        if (!bal_mix_draw(mix, &at, pairs))
            continue;
        const bal_augment_region r = pairs[2].box;
        assert_true(r.top >= 0 && r.left >= 0 && r.height >= 0 && r.width >= 0);
        assert_true(r.top + r.height <= HEIGHT && r.left + r.width <= WIDTH);
        test_near("share", 1.0 - (double)(r.height * r.width) / (HEIGHT * WIDTH), pairs[2].share,
                  1e-12);
        covered += r.height * r.width > 0;
        /* boxes off the border are not clipped, so their middle is known */
        if (r.height == 2 && r.top > 0 && r.top + 2 < HEIGHT)
            rows[r.top - 1]++;
        if (r.width == 4 && r.left > 0 && r.left + 4 < WIDTH)
            columns[r.left - 1]++;
    }
    assert_true(covered > DRAWS);
    is_even("rows of the middle", rows, HEIGHT - 3);
    is_even("columns of the middle", columns, WIDTH - 5);
    const bal_image_shape shape = {1, HEIGHT, WIDTH};
    const bal_augment_region all = bal_mix_box(0.0, shape, 3, 5),
                             none = bal_mix_box(1.0, shape, 3, 5),
                             corner = bal_mix_box(0.0, shape, 0, WIDTH - 1);
    assert_true(all.top == 0 && all.height == 6 && all.left == 0 && all.width == 10);
    assert_true(none.height == 0 && none.width == 0);
    assert_true(corner.top == 0 && corner.height == 3 && corner.left == 5 && corner.width == 6);
    bal_mix_close(&mix);
    bal_ctx_close(&ctx);
}

/* Manifold mixup mixes the images, the first place and the second equally often. */
static void places_are_even(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_mix *hidden = open_mix(ctx, "manifold-mixup", 1.0, false),
            *mixup = open_mix(ctx, "mixup", 1.0, false);
    int places[BAL_MIX_PLACES + 1] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const bal_mix_batch at = batch_at(1, (uint64_t)i * COUNT);
        const int place = bal_mix_place(hidden, &at);
        assert_in_range(place, 0, BAL_MIX_PLACES);
        places[place]++;
        assert_int_equal(bal_mix_place(mixup, &at), 0);
    }
    is_even("places", places, BAL_MIX_PLACES + 1);
    assert_true(bal_mix_is_hidden("manifold-mixup"));
    assert_false(bal_mix_is_hidden("mixup") || bal_mix_is_hidden("nothing"));
    bal_mix_close(&hidden);
    bal_mix_close(&mixup);
    bal_ctx_close(&ctx);
}

static void mixing_has_a_probability(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (int per_pair = 0; per_pair < 2; per_pair++) {
        bal_mix_settings s = bal_mix_defaults();
        s.name = "mixup";
        s.classes = CLASSES;
        s.prob = 0.3;
        s.per_pair = per_pair;
        bal_mix *mix;
        test_ok(ctx, bal_mix_open(&mix, ctx, &s));
        int mixed = 0;
        for (int i = 0; i < DRAWS; i++) {
            bal_mix_pair pairs[COUNT];
            const bal_mix_batch at = batch_at(5, (uint64_t)i * COUNT);
            const bool any = bal_mix_draw(mix, &at, pairs);
            mixed += any && pairs[1].share < 1.0;
        }
        /* six standard deviations */
        assert_true(fabs(mixed - 0.3 * DRAWS) < 6.0 * sqrt(0.3 * 0.7 * DRAWS));
        bal_mix_close(&mix);
        s.prob = 0.0;
        test_ok(ctx, bal_mix_open(&mix, ctx, &s));
        bal_mix_pair pairs[COUNT];
        const bal_mix_batch at = batch_at(5, 0);
        assert_false(bal_mix_draw(mix, &at, pairs));
        bal_mix_close(&mix);
    }
    bal_ctx_close(&ctx);
}

/* ---- what draws depend on ---- */

static void draws_depend_on_seed_epoch_and_place_alone(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_method_info *info;
    for (int m = 1; (info = bal_mix_at(m)); m++) {
        bal_mix *a = open_mix(ctx, info->name, 1.0, true),
                *b = open_mix(ctx, info->name, 1.0, true);
        bal_mix_pair x[COUNT], y[COUNT], scratch[COUNT];
        memset(x, 0, sizeof x); /* the pairs have padding */
        memset(y, 0, sizeof y);
        bal_mix_batch at = batch_at(2, 70), other = at;
        bal_mix_draw(a, &at, x);
        for (int i = 0; i < 9; i++) {
            other.first = (uint64_t)i * COUNT;
            bal_mix_draw(b, &other, scratch);
        }
        bal_mix_draw(b, &at, y);
        for (int k = 0; k < COUNT; k++) {
            assert_int_equal(x[k].partner, y[k].partner);
            assert_true(x[k].share == y[k].share && x[k].box.top == y[k].box.top);
        }
        const bal_mix_batch others[] = {{at.seed + 1, 2, 70, COUNT, HEIGHT, WIDTH},
                                        {at.seed, 3, 70, COUNT, HEIGHT, WIDTH},
                                        {at.seed, 2, 77, COUNT, HEIGHT, WIDTH}};
        for (size_t o = 0; o < BAL_COUNT_OF(others); o++) {
            bool same = true;
            bal_mix_draw(b, &others[o], y);
            for (int k = 0; k < COUNT; k++)
                same = same && x[k].share == y[k].share && x[k].partner == y[k].partner;
            assert_false(same);
        }
        bal_mix_close(&a);
        bal_mix_close(&b);
    }
    bal_ctx_close(&ctx);
}

/* ---- labels ---- */

static void labels_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_mix *remix = open_mix(ctx, "remix", 1.0, false),
            *mamix = open_mix(ctx, "mamix", 1.0, false);
    /* 900 : 90, above k = 3: the rarer class has the label from 1 - tau = 0.5 on */
    assert_true(bal_mix_label_share(remix, 0.49, 0, 1) == 0.0);
    assert_true(bal_mix_label_share(remix, 0.51, 0, 1) == 0.51);
    assert_true(bal_mix_label_share(remix, 0.51, 1, 0) == 1.0);
    assert_true(bal_mix_label_share(remix, 0.49, 1, 0) == 0.49);
    assert_true(bal_mix_label_share(remix, 0.2, 1, 1) == 0.2);
    /* 900 : 9, fourth roots of 100 to 1: half of the label at 1 / (1 + sqrt(10)) of the rarer */
    const double half = 1.0 / (1.0 + sqrt(10.0));
    test_near("rare", 0.5, bal_mix_label_share(mamix, half, 2, 0), 1e-12);
    test_near("frequent", 0.5, bal_mix_label_share(mamix, 1.0 - half, 0, 2), 1e-12);
    test_near("between", 0.25, bal_mix_label_share(mamix, 0.5 * half, 2, 0), 1e-12);
    for (double share = 0.0; share <= 1.0; share += 0.125) {
        test_near("same class", share, bal_mix_label_share(mamix, share, 1, 1), 1e-12);
        test_near("both ways", 1.0,
                  bal_mix_label_share(mamix, share, 0, 2) +
                      bal_mix_label_share(mamix, 1.0 - share, 2, 0),
                  1e-12);
    }
    float target[CLASSES];
    bal_mix_target(0.3, 1, 1, CLASSES, target);
    test_near("one class", 1.0, (double)target[1], 1e-6);
    assert_true(target[0] == 0.0f && target[2] == 0.0f);
    double q;
    bal_mix *cmo = open_mix(ctx, "cmo", 1.0, false);
    assert_true(bal_mix_second_stream(cmo, &q) && q == 0.0);
    assert_false(bal_mix_second_stream(remix, &q));
    bal_mix_close(&cmo);
    bal_mix_close(&remix);
    bal_mix_close(&mamix);
    bal_ctx_close(&ctx);
}

/* ---- errors ---- */

static void errors_name_what_is_wrong(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t empty[CLASSES] = {5, 0, 1};
    bal_mix_settings good = bal_mix_defaults();
    good.name = "remix";
    good.classes = CLASSES;
    good.counts = counts;
    bal_mix_settings wrong[9];
    for (int i = 0; i < 9; i++)
        wrong[i] = good;
    wrong[0].name = "mixip";
    wrong[1].name = NULL;
    wrong[2].alpha = 0.0;
    wrong[3].prob = NAN;
    wrong[4].k = 0.5;
    wrong[5].classes = 0;
    wrong[6].counts = NULL;
    wrong[7].counts = empty;
    wrong[8].tau = 1.5;
    static const char *const words[] = {"\"mixup\"", "mixing",        "alpha is 0",
                                        "prob is",   "k is 0.5",      "classes is 0",
                                        "counts",    "class 1 has 0", "tau is 1.5"};
    for (int i = 0; i < 9; i++) {
        bal_mix *mix;
        test_fails(ctx, bal_mix_open(&mix, ctx, &wrong[i]), BAL_BAD_ARG, words[i], NULL);
        assert_null(mix);
    }
    bal_mix *mix;
    test_ok(ctx, bal_mix_open(&mix, ctx, &good));
    bal_mix_close(&mix);
    bal_mix_close(&mix);
    bal_mix_close(NULL);
    assert_null(bal_mix_at(-1));
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_mix_settings s = bal_mix_defaults();
    s.name = "mamix";
    s.classes = CLASSES;
    s.counts = counts;
    bal_mix *mix;
    const bal_status status = bal_mix_open(&mix, ctx, &s);
    assert_true((status == BAL_OK) == (mix != NULL));
    bal_mix_close(&mix);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(open_and_close, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_follow_the_beta_distribution),
        cmocka_unit_test(partners_are_permutations),
        cmocka_unit_test(boxes_are_anywhere),
        cmocka_unit_test(places_are_even),
        cmocka_unit_test(mixing_has_a_probability),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_place_alone),
        cmocka_unit_test(labels_by_hand),
        cmocka_unit_test(errors_name_what_is_wrong),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
