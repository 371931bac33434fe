/* The audit finds what is planted in a clean set, all of it and nothing else: exact copies across
 * splits, copies that were encoded again, cropped or brightened, contradicting labels, truncated
 * files, blank images. Pictures are sums of random waves and spots, different in every part. */
#include "ballast/audit.h"
#include "base/random.h"
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    WIDTH = 96,
    HEIGHT = 72,
    CLASSES = 3,
    BASE = 80, /* pictures of a class in each of two splits */
    EXACT = 50,
    NEAR = 50,
    CONFLICTS = 20,
    TRUNCATED = 10,
    BLANK = 10,
    WAVES = 7,
    SPOTS = 9,
    BYTES = WIDTH * HEIGHT * 3
};

static const char *const splits[] = {"train", "test"};

/* ---- pictures ---- */

typedef struct part {
    double x, y, across, along, phase, colour[3], width;
} part;

static double unit(bal_random *r)
{
    return 2.0 * bal_random_unit(r) - 1.0;
}

static void draw(uint64_t number, uint8_t *pixels)
{
    part parts[WAVES + SPOTS];
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 77, number);
    for (int i = 0; i < WAVES + SPOTS; i++) {
        part *p = &parts[i];
        *p = (part){.x = bal_random_unit(&r) * WIDTH,
                    .y = bal_random_unit(&r) * HEIGHT,
                    .across = 0.35 * unit(&r),
                    .along = 0.35 * unit(&r),
                    .phase = 3.14 * unit(&r),
                    .width = 4.0 + 14.0 * bal_random_unit(&r)};
        for (int c = 0; c < 3; c++)
            p->colour[c] = (i < WAVES ? 14.0 : 55.0) * unit(&r);
    }
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++) {
                double v = 110.0;
                for (int i = 0; i < WAVES + SPOTS; i++) {
                    const part *p = &parts[i];
                    const double dx = (x - p->x) / p->width, dy = (y - p->y) / p->width;
                    v += p->colour[c] * (i < WAVES ? sin(p->across * x + p->along * y + p->phase)
                                                   : exp(-dx * dx - dy * dy));
                }
                *pixels++ = (uint8_t)(v < 0.0 ? 0.0 : v > 255.0 ? 255.0 : v);
            }
}

static void write_picture(const char *path, const uint8_t *pixels, int width, int height, bool png)
{
    const test_picture p = {.height = height, .width = width, .channels = 3, .pixels = pixels};
    size_t count;
    uint8_t *bytes = png ? test_png(&p, &count) : test_jpeg(&p, &count);
    test_write_file(path, bytes, count);
    free(bytes);
}

/* 3 % off each side. */
static void write_cropped(const char *path, const uint8_t *pixels)
{
    enum { X = 3, Y = 2, W = WIDTH - 2 * X, H = HEIGHT - 2 * Y };
    static uint8_t inner[W * H * 3];
    for (int y = 0; y < H; y++)
        memcpy(inner + y * W * 3, pixels + ((y + Y) * WIDTH + X) * 3, W * 3);
    write_picture(path, inner, W, H, false);
}

static void write_brightened(const char *path, const uint8_t *pixels)
{
    static uint8_t bright[BYTES];
    for (int i = 0; i < BYTES; i++)
        bright[i] = (uint8_t)(pixels[i] * 1.12 > 255.0 ? 255.0 : pixels[i] * 1.12);
    write_picture(path, bright, WIDTH, HEIGHT, false);
}

/* ---- the set ---- */

/* Picture n of class c in a split: "train/c1/012.jpg". */
static const char *place(const char *folder, int split, int c, const char *prefix, int n)
{
    char name[64];
    snprintf(name, sizeof name, "%s/c%d/%s%03d.jpg", splits[split], c, prefix, n);
    return test_path(folder, name);
}

static uint64_t number_of(int split, int c, int n)
{
    return (uint64_t)((split * CLASSES + c) * 1000 + n);
}

static void write_base(const char *folder)
{
    static uint8_t pixels[BYTES];
    for (int s = 0; s < 2; s++) {
        assert_int_equal(mkdir(test_path(folder, splits[s]), 0777), 0);
        for (int c = 0; c < CLASSES; c++) {
            char name[64];
            snprintf(name, sizeof name, "%s/c%d", splits[s], c);
            assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
            for (int n = 0; n < BASE; n++) {
                draw(number_of(s, c, n), pixels);
                write_picture(place(folder, s, c, "", n), pixels, WIDTH, HEIGHT, false);
            }
        }
    }
}

static void copy_file(const char *from, const char *to, double share)
{
    static uint8_t bytes[1 << 18];
    FILE *f = fopen(from, "rb");
    assert_non_null(f);
    const size_t count = fread(bytes, 1, sizeof bytes, f);
    assert_true(count > 100 && count < sizeof bytes);
    fclose(f);
    test_write_file(to, bytes, (size_t)((double)count * share));
}

/* Sources of the plants do not meet: places 0.. of each class for exact copies, then near ones,
 * then conflicts. */
static void plant(const char *folder)
{
    static uint8_t pixels[BYTES];
    for (int i = 0; i < EXACT; i++) {
        const int c = i % CLASSES, n = i / CLASSES;
        copy_file(place(folder, 0, c, "", n), place(folder, 1, c, "exact-", n), 1.0);
    }
    for (int i = 0; i < NEAR; i++) {
        const int c = i % CLASSES, n = 20 + i / CLASSES;
        const char *path = place(folder, 1, c, "near-", n);
        draw(number_of(0, c, n), pixels);
        if (i / CLASSES % 3 == 0)
            write_picture(path, pixels, WIDTH, HEIGHT, true);
        else if (i / CLASSES % 3 == 1)
            write_cropped(path, pixels);
        else
            write_brightened(path, pixels);
    }
    for (int i = 0; i < CONFLICTS; i++) {
        const int c = i % CLASSES, n = 40 + i / CLASSES;
        copy_file(place(folder, 0, c, "", n), place(folder, 0, (c + 1) % CLASSES, "label-", n),
                  1.0);
    }
    for (int i = 0; i < TRUNCATED; i++) {
        const char *path = place(folder, i % 2, i % CLASSES, "cut-", i);
        draw(number_of(2, 0, i), pixels);
        write_picture(path, pixels, WIDTH, HEIGHT, false);
        copy_file(path, path, 0.3 + 0.05 * i);
    }
    for (int i = 0; i < BLANK; i++) {
        memset(pixels, 20 * i + 10, BYTES);
        write_picture(place(folder, i % 2, i % CLASSES, "blank-", i), pixels, WIDTH, HEIGHT, false);
    }
}

/* ---- what is found ---- */

typedef struct found {
    bal_ctx *ctx;
    bal_dataset *data;
    bal_audit *audit;
    const bal_audit_cleanliness *clean;
} found;

static found audit(const char *folder, int threads)
{
    found f = {.ctx = test_ctx_threads(threads)};
    bal_dataset_settings how = bal_dataset_defaults();
    bal_audit_settings settings = bal_audit_defaults();
    how.mixed_sizes = true;
    how.val_fraction = 0.0;
    settings.parts = "cleanliness";
    test_ok(f.ctx, bal_dataset_open(&f.data, f.ctx, folder, &how));
    test_ok(f.ctx, bal_audit_open(&f.audit, f.ctx, f.data, &settings));
    f.clean = bal_audit_get_cleanliness(f.audit);
    assert_non_null(f.clean);
    return f;
}

static void drop(found *f)
{
    bal_audit_close(&f->audit);
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
}

static const char *name_of(const found *f, int64_t item, char *name)
{
    return bal_dataset_item_name(f->data, item, name, 256);
}

/* Is one "train/cA/NNN.jpg" and the other SPLIT/cB/KIND-NNN.jpg? */
static bool belong(const found *f, int64_t a, int64_t b, const char *kind)
{
    char x[256], y[256], plain[256];
    name_of(f, a, x);
    name_of(f, b, y);
    const char *with = strstr(x, kind) ? x : y, *without = with == x ? y : x;
    const char *at = strstr(with, kind);
    if (!at)
        return false;
    snprintf(plain, sizeof plain, "/%s", at + strlen(kind));
    const char *end = strrchr(without, '/');
    return strncmp(without, "train/", 6) == 0 && end && strcmp(end, plain) == 0;
}

static void clean_set_has_no_findings(void **state)
{
    (void)state;
    char *folder = test_folder();
    write_base(folder);
    found f = audit(folder, 2);
    const bal_audit_cleanliness *c = f.clean;
    assert_int_equal(c->scanned, 2 * CLASSES * BASE);
    assert_int_equal(c->copies_count, 0);
    assert_int_equal(c->near_count, 0);
    assert_int_equal(c->unreadable_count, 0);
    assert_int_equal(c->blank_count, 0);
    assert_int_equal(c->odd_count, 0);
    assert_int_equal(c->leaked + c->leaked_near + c->conflicting, 0);
    assert_int_equal(c->width, WIDTH);
    assert_int_equal(c->height, HEIGHT);
    drop(&f);
    test_folder_remove(folder);
}

static void check_copies(const found *f)
{
    const bal_audit_cleanliness *c = f->clean;
    int exact = 0, conflicts = 0;
    assert_int_equal(c->copies_count, EXACT + CONFLICTS);
    for (int64_t i = 0; i < c->copies_count; i++) {
        const bal_audit_copies *g = &c->copies[i];
        assert_int_equal(g->count, 2);
        if (belong(f, g->items[0], g->items[1], "exact-")) {
            exact++;
            assert_true(g->across_splits && !g->conflict);
        } else {
            assert_true(belong(f, g->items[0], g->items[1], "label-"));
            conflicts++;
            assert_true(!g->across_splits && g->conflict);
        }
    }
    assert_int_equal(exact, EXACT);
    assert_int_equal(conflicts, CONFLICTS);
}

static void check_near(const found *f)
{
    const bal_audit_cleanliness *c = f->clean;
    char x[256], y[256];
    for (int64_t i = 0; i < c->near_count; i++) {
        const bal_audit_pair *p = &c->near[i];
        if (!belong(f, p->a, p->b, "near-"))
            fail_msg("%s and %s are a near pair", name_of(f, p->a, x), name_of(f, p->b, y));
        assert_true(p->across_splits && !p->conflict);
    }
    assert_int_equal(c->near_count, NEAR);
}

static void planted_faults_are_found_and_nothing_else(void **state)
{
    (void)state;
    char *folder = test_folder();
    write_base(folder);
    plant(folder);
    for (int threads = 1; threads <= 3; threads += 2) {
        char name[256];
        found f = audit(folder, threads);
        const bal_audit_cleanliness *c = f.clean;
        assert_int_equal(c->scanned,
                         2 * CLASSES * BASE + EXACT + NEAR + CONFLICTS + TRUNCATED + BLANK);
        check_copies(&f);
        check_near(&f);
        assert_int_equal(c->leaked, EXACT);
        assert_int_equal(c->leaked_near, NEAR);
        assert_int_equal(c->conflicting, 2 * CONFLICTS);
        assert_int_equal(c->unreadable_count, TRUNCATED);
        for (int64_t i = 0; i < c->unreadable_count; i++) {
            assert_non_null(strstr(name_of(&f, c->unreadable[i].item, name), "/cut-"));
            assert_non_null(strstr(c->unreadable[i].reason, "cut-"));
        }
        assert_int_equal(c->blank_count, BLANK);
        for (int64_t i = 0; i < c->blank_count; i++)
            assert_non_null(strstr(name_of(&f, c->blank[i], name), "/blank-"));
        assert_int_equal(c->odd_count, 0);
        drop(&f);
    }
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_set_has_no_findings),
        cmocka_unit_test(planted_faults_are_found_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
