/* The rules of an audit: each speaks where it should, as loud as it should, and nowhere else; what
 * is recommended exists. */
#include "helpers/helpers.h"

#include "audit/rules/rules.h"
#include "ballast/net.h"
#include "ballast/train.h"
#include "base/cursor.h"
#include "base/writer.h"
#include "helpers/pictures.h"
#include "helpers/sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES = 5, ITEMS = 3000, WIDE_CLASSES = 25 };

/* An audit made by hand: nothing is wrong with it until a case says what. */
typedef struct made {
    bal_audit a;
    bal_audit_class_extent extent[WIDE_CLASSES];
    bal_audit_class_difficulty difficulty[WIDE_CLASSES];
    bal_audit_copies copies;
    int64_t copied[3];
    bal_audit_unreadable unreadable;
    int64_t blank;
    bal_audit_sized odd;
    bal_audit_outlier outlier;
    bal_audit_overlap overlap;
} made;

static void set_counts(made *m, int c, int64_t train, int64_t val, int64_t test)
{
    const int64_t counts[BAL_SPLIT_COUNT] = {train, val, test};
    memcpy(m->extent[c].items, counts, sizeof counts);
}

/* Fills the extent again from the counts of the classes. */
static void count_again(bal_ctx *ctx, made *m)
{
    bal_audit_extent *e = &m->a.extent;
    const int classes = e->classes;
    *e = (bal_audit_extent){.classes = classes};
    for (int c = 0; c < classes; c++) {
        bal_audit_class_extent of = {0};
        memcpy(of.items, m->extent[c].items, sizeof of.items);
        m->extent[c] = of;
        for (int s = 0; s < BAL_SPLIT_COUNT; s++)
            e->items[s] += of.items[s];
    }
    test_ok(ctx, bal_audit_measure_counts(ctx, e, m->extent));
}

static void make(bal_ctx *ctx, made *m, const bal_dataset *data)
{
    *m = (made){.a = {.ctx = ctx, .data = data, .asked = {true, true, true}}};
    m->a.extent.classes = CLASSES;
    for (int c = 0; c < WIDE_CLASSES; c++) {
        set_counts(m, c, 600, 80, 300);
        m->difficulty[c] = (bal_audit_class_difficulty){
            .items = 600, .kdn = 0.01, .types = {600}, .diversity_against_head = 1.0};
    }
    m->a.scan.clean = (bal_audit_cleanliness){.scanned = ITEMS,
                                              .near_searched = true,
                                              .width = 5,
                                              .height = 4,
                                              .sizes = 1,
                                              .grey = ITEMS};
    m->a.difficulty = (bal_audit_difficulty){
        .features = "runs/ce", .neighbours = 5, .count = ITEMS, .class_of = m->difficulty};
    m->unreadable = (bal_audit_unreadable){7, "x/7.png: broken"};
    m->copied[1] = 1;
    m->copied[2] = 5; /* of class 0, as 0 is */
    m->copies = (bal_audit_copies){.items = m->copied, .count = 3};
    m->blank = 2;
    m->odd = (bal_audit_sized){3, 400, 2};
    m->outlier = (bal_audit_outlier){4, BAL_AUDIT_BRIGHTNESS, 250, 90, 12};
    m->overlap = (bal_audit_overlap){.a = 1, .b = 3, .share = 0.05};
    m->a.difficulty.overlaps = &m->overlap;
    m->a.difficulty.overlap_count = 1;
}

/* ---- cases ---- */

typedef void setup(made *m, int64_t number);

static void ratio(made *m, int64_t n) /* 600 n against 600 */
{
    set_counts(m, 0, 600 * n, 80, 300 * n); /* the test split has the same shares */
    for (int c = 1; c < CLASSES; c++)
        set_counts(m, c, 600, 80, 300);
}
static void smallest(made *m, int64_t n) /* all but one class as small */
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, n + (c == 2), 80, 300);
}
static void measured(made *m, int64_t n) /* an equal share, so that nothing else speaks */
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, 600, 80, n);
}
static void not_measured(made *m, int64_t n)
{
    (void)n;
    set_counts(m, 3, 600, 80, 0);
}
static void validation(made *m, int64_t n)
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, 600, n, 300);
}
static void no_test(made *m, int64_t n)
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, 600, n, 0);
}
static void other_shares(made *m, int64_t n)
{
    set_counts(m, 0, 600, 80, 300 + n);
}
static void leaked(made *m, int64_t n)
{
    m->a.scan.clean.leaked = n;
}
static void leaked_near(made *m, int64_t n)
{
    m->a.scan.clean.leaked_near = n;
}
static void conflict(made *m, int64_t n)
{
    m->copies.conflict = true;
    m->a.scan.clean.copies = &m->copies;
    m->a.scan.clean.copies_count = 1;
    m->a.scan.clean.scanned = n;
}
static void near_conflict(made *m, int64_t n)
{
    m->a.scan.clean.conflicting = n;
}
static void unreadable(made *m, int64_t n)
{
    m->a.scan.clean.unreadable = &m->unreadable;
    m->a.scan.clean.unreadable_count = n;
}
static void blank(made *m, int64_t n)
{
    m->a.scan.clean.blank = &m->blank;
    m->a.scan.clean.blank_count = n;
}
static void copied(made *m, int64_t n)
{
    m->a.scan.clean.copied = n;
}
static void sizes(made *m, int64_t n)
{
    m->a.scan.clean.sizes = (int)n;
}
static void odd(made *m, int64_t n)
{
    m->a.scan.clean.odd = &m->odd;
    m->a.scan.clean.odd_count = n;
}
static void coloured(made *m, int64_t n)
{
    m->a.scan.clean.colour = n;
}
static void far(made *m, int64_t n)
{
    m->a.scan.clean.outliers = &m->outlier;
    m->a.scan.clean.outlier_count = n;
}
static void kdn(made *m, int64_t percent)
{
    for (int c = 0; c < CLASSES; c++)
        m->difficulty[c].kdn = (double)percent / 100.0;
}
static void kdn_on_pixels(made *m, int64_t percent)
{
    m->a.difficulty.features = "pixels";
    kdn(m, percent);
}
static void overlap(made *m, int64_t percent)
{
    m->overlap.share = (double)percent / 100.0;
}
static void make_minority(made *m) /* below an equal share, and nothing else */
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, c == 4 ? 500 : 600, 80, c == 4 ? 250 : 300);
}
static void outlying(made *m, int64_t percent)
{
    make_minority(m);
    m->difficulty[4] = (bal_audit_class_difficulty){
        .items = 100,
        .kdn = 0.01,
        .types = {100 - percent, 0, percent / 2, percent - percent / 2},
        .diversity_against_head = 1.0};
    /* a frequent class may be so: that is not this rule's */
    m->difficulty[0].types[BAL_EXAMPLE_OUTLIER] = 10000;
}
static void alike(made *m, int64_t percent)
{
    make_minority(m);
    m->difficulty[4].diversity_against_head = (double)percent / 100.0;
    m->difficulty[0].diversity_against_head = 0.1;
}

#define NEVER BAL_SEVERITY_OK
static const struct speech {
    const char *rule;
    setup *set;
    int64_t number;
    bal_severity severity; /* NEVER: nothing is said by this rule */
    const char *words;     /* of the sentence */
} speeches[] = {
    {"imbalance", ratio, 2, NEVER, NULL},
    {"imbalance", ratio, 3, BAL_SEVERITY_MILD, "3.0 times"},
    {"imbalance", ratio, 20, BAL_SEVERITY_SERIOUS, "20 times"},
    {"imbalance", ratio, 200, BAL_SEVERITY_SEVERE, "120,000 against 600"},
    {"few-images", smallest, 101, NEVER, NULL},
    {"few-images", smallest, 100, BAL_SEVERITY_MILD, "4 of 5 classes have at most 100"},
    {"few-images", smallest, 19, BAL_SEVERITY_SERIOUS, "class 0 (19)"},
    {"few-images", smallest, 4, BAL_SEVERITY_SEVERE, "at most 4"},
    {"unmeasurable", measured, 100, NEVER, NULL},
    {"unmeasurable", measured, 40, BAL_SEVERITY_MILD, "36 of 40"},
    {"unmeasurable", measured, 9, BAL_SEVERITY_SERIOUS,
     "8 of 9 are right, the truth may be anything from 52 % to 99.7 %"},
    {"unmeasurable", measured, 4, BAL_SEVERITY_SEVERE, "3 of 4"},
    {"unmeasurable", measured, 0, NEVER, NULL}, /* the validation split measures */
    {"unmeasurable", not_measured, 0, BAL_SEVERITY_SEVERE, "1 of 5 classes has no test images"},
    {"unmeasurable", no_test, 0, BAL_SEVERITY_SEVERE, "neither"},
    {"few-validation", validation, 11, NEVER, NULL},
    {"few-validation", validation, 10, BAL_SEVERITY_MILD, "by 2.0 %"},
    {"few-validation", validation, 2, BAL_SEVERITY_SERIOUS, "2 validation images"},
    {"few-validation", validation, 0, NEVER, NULL},
    {"no-validation", validation, 1, NEVER, NULL},
    {"no-validation", validation, 0, BAL_SEVERITY_SERIOUS, "no validation split"},
    {"no-test", no_test, 80, BAL_SEVERITY_MILD, "400 validation images"},
    {"no-test", measured, 1, NEVER, NULL},
    {"prior-shift", other_shares, 180, NEVER, NULL},
    {"prior-shift", other_shares, 250, BAL_SEVERITY_MILD, "11 %"},
    {"leakage", leaked, 1, BAL_SEVERITY_MILD, "1 of the 1,900"},
    {"leakage", leaked, 2, BAL_SEVERITY_SERIOUS, "0.11 %"},
    {"leakage", leaked, 19, BAL_SEVERITY_SEVERE, "1.0 %"},
    {"conflicts", conflict, 3001, BAL_SEVERITY_MILD, "3 images"},
    {"conflicts", conflict, 3000, BAL_SEVERITY_SERIOUS, "3 images"},
    {"conflicts", conflict, 300, BAL_SEVERITY_SEVERE, "3 images"},
    {"conflicts", near_conflict, 5, BAL_SEVERITY_MILD, "5 images look"},
    {"unreadable", unreadable, 1, BAL_SEVERITY_SERIOUS, "x/7.png: broken"},
    {"unreadable", unreadable, 150, BAL_SEVERITY_SEVERE, "150 images"},
    {"near-leakage", leaked_near, 37, BAL_SEVERITY_MILD, "37 validation"},
    {"near-leakage", leaked_near, 38, BAL_SEVERITY_SERIOUS, "2.0 %"},
    {"near-leakage", leaked_near, 190, BAL_SEVERITY_SEVERE, "10 %"},
    {"blank", blank, 1, BAL_SEVERITY_MILD, "1 image shows"},
    {"blank", blank, 30, BAL_SEVERITY_SERIOUS, "30 images show"},
    {"blank", blank, 300, BAL_SEVERITY_SEVERE, "300 images"},
    {"copies", copied, 149, BAL_SEVERITY_MILD, "149 images repeat"},
    {"copies", copied, 150, BAL_SEVERITY_SERIOUS, "150"},
    {"copies", copied, 750, BAL_SEVERITY_SEVERE, "750"},
    {"sizes", sizes, 1, NEVER, NULL},
    {"sizes", sizes, 2, BAL_SEVERITY_MILD, "2 different sizes"},
    {"odd-sizes", odd, 1, BAL_SEVERITY_MILD, "(400 x 2)"},
    {"channels", coloured, 5, BAL_SEVERITY_MILD, "5 in colour"},
    {"outliers", far, 2, BAL_SEVERITY_MILD, "brightness 250, its class 90"},
    {"overlap", kdn, 29, NEVER, NULL},
    {"overlap", kdn, 30, BAL_SEVERITY_MILD, "30 %"},
    {"overlap", kdn, 50, BAL_SEVERITY_SERIOUS, "50 %"},
    {"overlap", kdn, 80, BAL_SEVERITY_SEVERE, "80 %"},
    {"overlap", kdn_on_pixels, 80, BAL_SEVERITY_MILD, "80 %"},
    {"pairs", overlap, 9, NEVER, NULL},
    {"pairs", overlap, 10, BAL_SEVERITY_MILD, "class 1 and class 3 (10 %)"},
    {"pairs", overlap, 30, BAL_SEVERITY_SERIOUS, "30 %"},
    {"minority-types", outlying, 29, NEVER, NULL},
    {"minority-types", outlying, 30, BAL_SEVERITY_MILD, "class 4 (30 %)"},
    {"minority-types", outlying, 50, BAL_SEVERITY_SERIOUS, "class 4 (50 %)"},
    {"minority-types", outlying, 80, BAL_SEVERITY_SEVERE, "class 4 (80 %)"},
    {"diversity", alike, 81, NEVER, NULL},
    {"diversity", alike, 80, BAL_SEVERITY_MILD, "class 4 (0.80)"},
    {"diversity", alike, 50, BAL_SEVERITY_SERIOUS, "class 4 (0.50)"},
};

static bal_dataset *open_data(bal_ctx *ctx, const char *folder, const bal_dataset_settings *s)
{
    bal_dataset *data;
    test_ok(ctx, bal_dataset_open(&data, ctx, folder, s));
    return data;
}

static void each_rule_speaks_where_it_should(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, 40, CLASSES, false);
    bal_dataset *data = open_data(ctx, folder, NULL);
    static made m;
    make(ctx, &m, data);
    count_again(ctx, &m);
    test_ok(ctx, bal_audit_apply_rules(&m.a));
    if (m.a.finding_count != 0)
        fail_msg("nothing is wrong, but: %s", m.a.findings[0].text);
    assert_int_equal(bal_audit_worst(&m.a), BAL_SEVERITY_OK);
    bal_audit_free_rules(&m.a);
    for (size_t i = 0; i < BAL_COUNT_OF(speeches); i++) {
        const struct speech *want = &speeches[i];
        make(ctx, &m, data);
        want->set(&m, want->number);
        count_again(ctx, &m);
        test_ok(ctx, bal_audit_apply_rules(&m.a));
        const bal_audit_finding *f, *found = NULL;
        for (int k = 0; (f = bal_audit_finding_at(&m.a, k)); k++)
            if (strcmp(f->rule->name, want->rule) == 0)
                found = f;
        const bal_severity got = found ? found->severity : NEVER;
        if (got != want->severity)
            fail_msg("%s at %lld: %s, %s expected (%s)", want->rule, (long long)want->number,
                     bal_severity_name(got), bal_severity_name(want->severity),
                     found ? found->text : "");
        if (found && !strstr(found->text, want->words))
            fail_msg("%s at %lld lacks \"%s\": %s", want->rule, (long long)want->number,
                     want->words, found->text);
        assert_true(!found || found->todo);
        assert_true(!found || bal_audit_section_severity(&m.a, found->rule->section) >= got);
        bal_audit_free_rules(&m.a);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- choices ---- */

static void nothing(made *m, int64_t n)
{
    (void)m;
    (void)n;
}
static void overlapping(made *m, int64_t n)
{
    ratio(m, n);
    kdn(m, 20);
}
static void many_classes(made *m, int64_t n)
{
    m->a.extent.classes = WIDE_CLASSES;
    for (int c = 0; c < WIDE_CLASSES; c++)
        set_counts(m, c, c == 0 ? 30000 : 30000 / n, 80, 300);
}
static void few(made *m, int64_t n)
{
    for (int c = 0; c < CLASSES; c++)
        set_counts(m, c, n / CLASSES, 80, 300);
}
static void not_scanned(made *m, int64_t n)
{
    (void)n;
    m->a.asked[BAL_AUDIT_CLEANLINESS] = false;
    m->a.scan.clean = (bal_audit_cleanliness){0};
}
static void median_side(made *m, int64_t n)
{
    sizes(m, 9);
    m->a.scan.clean.width_median = (int)n;
    m->a.scan.clean.height_median = (int)n + 3;
}
static void one_size(made *m, int64_t n)
{
    m->a.scan.clean.width = (int)n;
    m->a.scan.clean.height = (int)n / 2;
}

static const struct decision {
    const char *rule, *value;
    setup *set;
    int64_t number;
    bool mixed; /* the data set does not know the size of its images */
    int img_size, channels;
} decisions[] = {
    {"recipe-by-ratio", "ce", nothing, 0, false, 0, 0},
    {"recipe-separable", "ce", ratio, 9, false, 0, 0},
    {"recipe-by-ratio", "balanced-softmax", overlapping, 9, false, 0, 0},
    {"recipe-by-ratio", "balanced-softmax", ratio, 11, false, 0, 0},
    {"recipe-by-ratio", "balanced-softmax", ratio, 100, false, 0, 0},
    {"recipe-by-ratio", "balanced-softmax", many_classes, 100, false, 0, 0},
    {"model-small", "resnet8", few, 1995, false, 0, 0},
    {"model-usual", "resnet20", few, 2000, false, 0, 0},
    {"model-large", "resnet32", many_classes, 100, false, 0, 0},
    {"size-own", "0", nothing, 0, false, 0, 0},
    {"size-own", "0", one_size, 64, true, 0, 0},
    {"size-large", "64", one_size, 65, true, 0, 0},
    {"size-unknown", "32", not_scanned, 0, true, 0, 0},
    {"size-mixed", "32", median_side, 12, true, 0, 0},
    {"size-mixed", "48", median_side, 51, true, 0, 0},
    {"size-mixed", "56", median_side, 52, true, 0, 0},
    {"size-mixed", "64", median_side, 500, true, 0, 0},
    {"size-given", "24", median_side, 500, true, 24, 0},
    {"channels-own", "0", nothing, 0, false, 0, 0},
    {"channels-mixed", "3", coloured, 4, false, 0, 0},
    {"channels-given", "1", coloured, 4, false, 0, 1},
    {"skip-bad", "yes", unreadable, 1, false, 0, 0},
};

static void choices_follow_from_the_figures(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    char idx[4096], images[4096];
    snprintf(idx, sizeof idx, "%s/idx", folder);
    snprintf(images, sizeof images, "%s/images", folder);
    test_ok(ctx, bal_make_folders(ctx, idx));
    test_write_idx_set(idx, 40, CLASSES, false);
    for (int c = 0; c < CLASSES; c++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%d/one.png", images, c);
        test_write_png(path, 7 + c, 9, 3);
    }
    static made m;
    for (size_t i = 0; i < BAL_COUNT_OF(decisions); i++) {
        const struct decision *want = &decisions[i];
        bal_dataset_settings s = bal_dataset_defaults();
        s.img_size = want->img_size;
        s.channels = want->channels;
        s.mixed_sizes = want->mixed;
        bal_dataset *data = open_data(ctx, want->mixed ? images : idx, &s);
        make(ctx, &m, data);
        want->set(&m, want->number);
        count_again(ctx, &m);
        test_ok(ctx, bal_audit_apply_rules(&m.a));
        const bal_audit_advice *advice = bal_audit_get_advice(&m.a);
        const bal_audit_reason *found = NULL;
        for (int k = 0; k < advice->reason_count; k++)
            if (strcmp(advice->reasons[k].rule->name, want->rule) == 0)
                found = &advice->reasons[k];
        if (!found || strcmp(found->value, want->value) != 0)
            fail_msg("case %zu: %s chose %s, %s expected; %s", i, want->rule,
                     found ? found->value : "nothing", want->value, advice->command);
        assert_true(strlen(found->text) > 5);
        bal_audit_free_rules(&m.a);
        bal_dataset_close(&data);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bool recipe_exists(const char *name)
{
    for (int i = 0; bal_recipe_at(i); i++)
        if (strcmp(bal_recipe_at(i)->name, name) == 0)
            return true;
    return false;
}

static bool model_exists(const char *name)
{
    for (int i = 0; bal_model_at(i); i++)
        if (strcmp(bal_model_at(i)->name, name) == 0)
            return true;
    return false;
}

static char *read_page(bal_ctx *ctx, const char *path)
{
    bal_bytes bytes;
    test_ok(ctx, bal_file_read(ctx, path, 1 << 20, &bytes));
    char *text = bal_calloc(ctx, bytes.count + 1, 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.count);
    bal_bytes_free(ctx, &bytes);
    return text;
}

static void rules_are_whole_and_tested(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *page = read_page(ctx, BAL_TEST_DATA "/../../docs/methods/audit.md");
    const bal_audit_rule *rule;
    int count = 0;
    for (; (rule = bal_audit_rule_at(count)); count++) {
        bool tested = false;
        for (size_t i = 0; i < BAL_COUNT_OF(speeches); i++)
            tested = tested ||
                     (strcmp(speeches[i].rule, rule->name) == 0 && speeches[i].severity != NEVER);
        for (size_t i = 0; i < BAL_COUNT_OF(decisions); i++)
            tested = tested || strcmp(decisions[i].rule, rule->name) == 0;
        if (!tested)
            fail_msg("rule %s has no case here", rule->name);
        assert_true(*rule->about && *rule->source);
        char quoted[80];
        snprintf(quoted, sizeof quoted, "`%s`", rule->name);
        if (!strstr(page, quoted))
            fail_msg("docs/methods/audit.md does not name the rule %s", rule->name);
        assert_int_equal(rule->choice != NULL, rule->section == BAL_AUDIT_ADVICE);
        if (rule->choice && rule->value && strcmp(rule->choice, "recipe") == 0 &&
            !recipe_exists(rule->value))
            fail_msg("rule %s recommends %s, which is no recipe", rule->name, rule->value);
        if (rule->choice && rule->value && strcmp(rule->choice, "model") == 0 &&
            !model_exists(rule->value))
            fail_msg("rule %s recommends %s, which is no model", rule->name, rule->value);
        for (int k = 0; k < count; k++)
            assert_string_not_equal(bal_audit_rule_at(k)->name, rule->name);
    }
    assert_true(count > 30);
    assert_null(bal_audit_rule_at(-1));
    bal_free(ctx, page);
    bal_ctx_close(&ctx);
}

/* ---- the command ---- */

static void command_is_quoted_and_complete(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    char odd_name[4096], want[8192];
    snprintf(odd_name, sizeof odd_name, "%s/it's here", folder);
    test_ok(ctx, bal_make_folders(ctx, odd_name));
    test_write_idx_set(odd_name, 40, CLASSES, false);
    bal_dataset_settings s = bal_dataset_defaults();
    s.longtail = "exp:2";
    s.val_fraction = 0.15;
    s.seed = 18446744073709551615u;
    bal_dataset *data = open_data(ctx, odd_name, &s);
    static made m;
    make(ctx, &m, data);
    unreadable(&m, 3);
    coloured(&m, 4);
    count_again(ctx, &m);
    test_ok(ctx, bal_audit_apply_rules(&m.a));
    snprintf(want, sizeof want,
             "ballast train '%s/it'\\''s here' --recipe ce --model resnet20 --longtail exp:2 "
             "--val-split 0.15 --in-chans 3 --skip-bad --seed 18446744073709551615",
             folder);
    assert_string_equal(bal_audit_get_advice(&m.a)->command, want);
    bal_audit_free_rules(&m.a);
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_speaks_where_it_should),
        cmocka_unit_test(choices_follow_from_the_figures),
        cmocka_unit_test(rules_are_whole_and_tested),
        cmocka_unit_test(command_is_quoted_and_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
