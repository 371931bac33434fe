/* The search for near hashes against one that compares all with all, at every distance. */
#include "audit/scan/near_index.h"
#include "base/random.h"
#include "helpers/helpers.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 700, FAMILIES = 40 };

static bal_look looks[COUNT];
static uint8_t wanted[COUNT];

/* Families around some hashes, so that every distance comes; sketches near to their family's. */
static void make_looks(void)
{
    static bal_look origin[FAMILIES];
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 5, 0);
    for (int f = 0; f < FAMILIES; f++) {
        origin[f].hash[0] = bal_random_u64(&r) >> 1;
        for (int k = 1; k < BAL_LOOK_SIDE * BAL_LOOK_SIDE; k++)
            origin[f].sketch[0].at[k] = (int8_t)((int)bal_random_below(&r, 41) - 20);
    }
    for (int i = 0; i < COUNT; i++) {
        const bal_look *from = &origin[i % FAMILIES];
        wanted[i] = bal_random_below(&r, 20) > 0;
        for (int c = 0; c < BAL_LOOKS; c++) {
            looks[i].hash[c] = from->hash[0];
            looks[i].sketch[c] = from->sketch[0];
            for (uint64_t flips = bal_random_below(&r, 12); flips > 0; flips--)
                looks[i].hash[c] ^= (uint64_t)1 << bal_random_below(&r, BAL_LOOK_BITS);
            for (int k = 1; k < BAL_LOOK_SIDE * BAL_LOOK_SIDE; k++)
                looks[i].sketch[c].at[k] =
                    (int8_t)(looks[i].sketch[c].at[k] + (int)bal_random_below(&r, 9) - 4);
        }
    }
}

static int bits(uint64_t x)
{
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

static int nearest(int asking, int other)
{
    int best = 64;
    for (int c = 0; c < BAL_LOOKS; c++) {
        const int d = bits(looks[asking].hash[c] ^ looks[other].hash[0]);
        best = d < best ? d : best;
    }
    return best;
}

static bool comes_before(const bal_near_hit *a, const bal_near_hit *b)
{
    return a->cosine > b->cosine || (a->cosine == b->cosine && a->item < b->item);
}

/* All hits of an item, best first; returns how many. */
static int plain_query(int item, int distance, float least, bal_near_hit *hits)
{
    int count = 0;
    for (int j = 0; j < COUNT; j++) {
        const bal_near_hit hit = {(uint32_t)j, nearest(item, j),
                                  bal_look_cosine(&looks[item], &looks[j])};
        if (j == item || !wanted[j] || hit.distance > distance || hit.cosine < least)
            continue;
        int at = count++;
        for (; at > 0 && comes_before(&hit, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = hit;
    }
    return count;
}

static void hits_are_those_of_a_plain_search(void **state)
{
    (void)state;
    static bal_near_hit want[COUNT];
    bal_ctx *ctx = test_ctx();
    const float least = 0.9f;
    int found = 0;
    make_looks();
    for (int distance = 0; distance <= BAL_NEAR_LARGEST; distance++) {
        const bal_near_index_settings s = {.looks = looks,
                                           .wanted = wanted,
                                           .count = COUNT,
                                           .distance = distance,
                                           .least_cosine = least};
        bal_near_index *index;
        bal_near_room room;
        test_ok(ctx, bal_near_index_open(&index, ctx, &s));
        test_ok(ctx, bal_near_room_open(index, &room));
        for (int i = 0; i < COUNT; i++) {
            bal_near_hit got[BAL_NEAR_HITS];
            bool cut = false;
            if (!wanted[i])
                continue;
            const int all = plain_query(i, distance, least, want);
            const int count = bal_near_query(index, (uint32_t)i, &room, got, &cut);
            assert_false(cut);
            assert_int_equal(count, all < BAL_NEAR_HITS ? all : BAL_NEAR_HITS);
            for (int k = 0; k < count; k++) {
                assert_int_equal(got[k].item, want[k].item);
                assert_int_equal(got[k].distance, want[k].distance);
                assert_true(got[k].cosine == want[k].cosine);
            }
            found += count;
        }
        bal_near_room_free(index, &room);
        bal_near_index_close(&index);
    }
    assert_true(found > 1000);
    bal_ctx_close(&ctx);
}

/* Thousands that look the same: bounded work, and it is said. */
static void a_crowd_is_cut(void **state)
{
    (void)state;
    enum { MANY = 3 * BAL_NEAR_VISITS };
    bal_ctx *ctx = test_ctx();
    bal_look *same = calloc(MANY, sizeof *same);
    uint8_t *all = malloc(MANY);
    assert_true(same && all);
    memset(all, 1, MANY);
    make_looks();
    for (int i = 0; i < MANY; i++)
        same[i] = looks[0];
    const bal_near_index_settings s = {
        .looks = same, .wanted = all, .count = MANY, .distance = 6, .least_cosine = 0.5f};
    bal_near_index *index;
    bal_near_room room;
    bal_near_hit got[BAL_NEAR_HITS];
    bool cut = false;
    test_ok(ctx, bal_near_index_open(&index, ctx, &s));
    test_ok(ctx, bal_near_room_open(index, &room));
    assert_int_equal(bal_near_query(index, 12345, &room, got, &cut), BAL_NEAR_HITS);
    assert_true(cut);
    bal_near_room_free(index, &room);
    bal_near_index_close(&index);
    free(same);
    free(all);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    (void)user;
    const bal_near_index_settings s = {
        .looks = looks, .wanted = wanted, .count = COUNT, .distance = 6, .least_cosine = 0.5f};
    bal_near_index *index;
    bal_near_room room;
    bal_status status = bal_near_index_open(&index, ctx, &s);
    if (status != BAL_OK)
        return status;
    status = bal_near_room_open(index, &room);
    if (status == BAL_OK)
        bal_near_room_free(index, &room);
    bal_near_index_close(&index);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    make_looks();
    test_allocation_failures(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_those_of_a_plain_search),
        cmocka_unit_test(a_crowd_is_cut),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
