/* A whole audit: what is asked for is done and no more, features come from where they should, and
 * it stops where it is told to. */
#include "helpers/helpers.h"

#include "ballast/audit.h"
#include "ballast/report.h"
#include "helpers/sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES = 3, TRAIN = 60, DIM = 7 };

static bal_dataset *open_set(bal_ctx *ctx, const char *folder)
{
    bal_dataset_settings s = bal_dataset_defaults();
    bal_dataset *data;
    s.mixed_sizes = true;
    test_ok(ctx, bal_dataset_open(&data, ctx, folder, &s));
    return data;
}

static void sections_are_those_that_were_asked_for(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, TRAIN, CLASSES, false);
    bal_dataset *data = open_set(ctx, folder);
    static const struct {
        const char *parts;
        bool cleanliness, difficulty;
    } rows[] = {
        {NULL, true, true},
        {"extent", false, false},
        {"cleanliness", true, false},
        {"difficulty", false, true},
        {"difficulty,extent", false, true},
        {"extent,cleanliness,difficulty", true, true},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_audit_settings s = bal_audit_defaults();
        bal_audit *audit;
        s.parts = rows[i].parts;
        test_ok(ctx, bal_audit_open(&audit, ctx, data, &s));
        assert_int_equal(bal_audit_get_cleanliness(audit) != NULL, rows[i].cleanliness);
        assert_int_equal(bal_audit_get_difficulty(audit) != NULL, rows[i].difficulty);
        assert_int_equal(isnan(bal_audit_seconds(audit, BAL_AUDIT_CLEANLINESS)),
                         !rows[i].cleanliness);
        assert_int_equal(isnan(bal_audit_seconds(audit, BAL_AUDIT_DIFFICULTY)),
                         !rows[i].difficulty);
        const bal_audit_extent *e = bal_audit_get_extent(audit);
        assert_int_equal(e->classes, CLASSES);
        assert_int_equal(e->items[BAL_SPLIT_TRAIN] + e->items[BAL_SPLIT_VAL], TRAIN);
        if (rows[i].cleanliness)
            assert_int_equal(bal_audit_get_cleanliness(audit)->scanned, TRAIN + CLASSES);
        if (rows[i].difficulty) {
            const bal_audit_difficulty *d = bal_audit_get_difficulty(audit);
            assert_int_equal(d->count, e->items[BAL_SPLIT_TRAIN]);
            assert_int_equal(d->of, d->count);
            assert_string_equal(d->features, "pixels");
        }
        const bal_audit_finding *f;
        for (int k = 0; (f = bal_audit_finding_at(audit, k)); k++)
            assert_true(f->rule->section == BAL_AUDIT_EXTENT ||
                        (f->rule->section == BAL_AUDIT_CLEANLINESS && rows[i].cleanliness) ||
                        (f->rule->section == BAL_AUDIT_DIFFICULTY && rows[i].difficulty));
        bal_audit_close(&audit);
        assert_null(audit);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, TRAIN, CLASSES, false);
    bal_dataset *data = open_set(ctx, folder);
    bal_audit *audit;
    static const char *const parts[] = {"", "extent,", "clean", "extents", ",difficulty"};
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++) {
        bal_audit_settings s = bal_audit_defaults();
        s.parts = parts[i];
        test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_BAD_ARG, "parts", parts[i],
                   NULL);
        assert_null(audit);
    }
    static const struct {
        const char *name;
        size_t offset;
        int value;
    } wrong[] = {
        {"near-distance", offsetof(bal_audit_settings, near_distance), -2},
        {"near-distance", offsetof(bal_audit_settings, near_distance), 17},
        {"neighbours", offsetof(bal_audit_settings, neighbours), 0},
        {"neighbours", offsetof(bal_audit_settings, neighbours), 101},
        {"max-items", offsetof(bal_audit_settings, max_items), -1},
        {"components", offsetof(bal_audit_settings, components), -1},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++) {
        bal_audit_settings s = bal_audit_defaults();
        memcpy((char *)&s + wrong[i].offset, &wrong[i].value, sizeof(int));
        test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_BAD_ARG, wrong[i].name, NULL);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- features ---- */

typedef struct source {
    const bal_dataset *data;
    bal_ctx *ctx;
    int64_t calls, rows, last;
    bool fail, interrupt;
} source;

/* Features that tell the class, and the item a little. */
static bal_status fetch(void *user, const int64_t *items, int64_t count, float *rows)
{
    source *s = user;
    s->calls++;
    if (s->fail)
        return bal_fail(s->ctx, BAL_IO, "the features are gone");
    if (s->interrupt)
        bal_ctx_interrupt(s->ctx);
    for (int64_t i = 0; i < count; i++) {
        assert_true(items[i] > s->last);
        s->last = items[i];
        for (int k = 0; k < DIM; k++)
            rows[i * DIM + k] = (float)(10 * (bal_dataset_label(s->data, items[i]) == k)) +
                                (float)(items[i] % 13) / 100.0f * (float)k;
    }
    s->rows += count;
    return BAL_OK;
}

static void features_come_from_the_caller(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, TRAIN, CLASSES, false);
    bal_dataset *data = open_set(ctx, folder);
    source from = {.data = data, .ctx = ctx, .last = -1};
    bal_audit_settings s = bal_audit_defaults();
    bal_audit *audit;
    s.features = fetch;
    s.feature_user = &from;
    s.feature_dim = DIM;
    s.feature_name = "runs/x";
    s.max_items = 31;
    s.components = 0;
    test_ok(ctx, bal_audit_open(&audit, ctx, data, &s));
    const bal_audit_difficulty *d = bal_audit_get_difficulty(audit);
    assert_int_equal(d->count, 31);
    assert_int_equal(d->of, bal_audit_get_extent(audit)->items[BAL_SPLIT_TRAIN]);
    assert_int_equal(d->dim, DIM);
    assert_string_equal(d->features, "runs/x");
    assert_int_equal(from.rows, 31);
    /* the classes are far apart in these features */
    assert_true(d->kdn == 0.0 && d->n3 == 0.0 && d->silhouette > 0.9);
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(d->class_of[c].types[BAL_EXAMPLE_SAFE], d->class_of[c].items);
    for (int64_t i = 0; i < d->count; i++)
        assert_true(i == 0 || d->items[i] > d->items[i - 1]);
    bal_audit_close(&audit);

    from = (source){.data = data, .ctx = ctx, .last = -1, .fail = true};
    test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_IO, "the features are gone", NULL);
    from = (source){.data = data, .ctx = ctx, .last = -1, .interrupt = true};
    test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_INTERRUPTED, NULL);
    s.feature_dim = 0;
    test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_BAD_ARG, "features", NULL);
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- stopping ---- */

typedef struct listener {
    bal_ctx *ctx;
    int64_t reports;
} listener;

static void interrupt_at_first(void *user, const bal_audit_progress *progress)
{
    listener *l = user;
    assert_non_null(progress->what);
    assert_true(progress->done >= 0 && progress->done <= progress->total);
    l->reports++;
    bal_ctx_interrupt(l->ctx);
}

static void an_interruption_stops_it(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, TRAIN, CLASSES, false);
    bal_dataset *data = open_set(ctx, folder);
    static const char *const parts[] = {NULL, "cleanliness", "difficulty"};
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++) {
        listener l = {.ctx = ctx};
        bal_audit_settings s = bal_audit_defaults();
        bal_audit *audit;
        s.parts = parts[i];
        s.progress = interrupt_at_first;
        s.progress_user = &l;
        test_fails(ctx, bal_audit_open(&audit, ctx, data, &s), BAL_INTERRUPTED, NULL);
        assert_null(audit);
        assert_true(l.reports > 0);
        /* and the next one is not interrupted */
        s.progress = NULL;
        test_ok(ctx, bal_audit_open(&audit, ctx, data, &s));
        bal_audit_close(&audit);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- memory ---- */

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_dataset_settings s = bal_dataset_defaults();
    bal_dataset *data = NULL;
    bal_audit *audit = NULL;
    char *text = NULL, *json = NULL;
    s.mixed_sizes = true;
    bal_status status = bal_dataset_open(&data, ctx, user, &s);
    if (status == BAL_OK)
        status = bal_audit_open(&audit, ctx, data, NULL);
    if (status == BAL_OK)
        status = bal_report_audit(audit, true, ctx, &text);
    if (status == BAL_OK)
        status = bal_audit_json(audit, ctx, &json);
    bal_release(ctx, text);
    bal_release(ctx, json);
    bal_audit_close(&audit);
    bal_dataset_close(&data);
    return status;
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    (void)state;
    char *folder = test_folder();
    test_write_idx_set(folder, 18, CLASSES, false);
    test_allocation_failures(attempt, folder);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_those_that_were_asked_for),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(features_come_from_the_caller),
        cmocka_unit_test(an_interruption_stops_it),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
