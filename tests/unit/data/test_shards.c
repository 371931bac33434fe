/* The reader of shards: items, labels, splits, the index that saves reading again, compressed
 * shards, and files that change. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"
#include "helpers/tars.h"

#include "base/threads.h"
#include "ballast/data.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEIGHT = 6, WIDTH = 5, BYTES = HEIGHT * WIDTH * 3 };

static const bal_dataset_settings plain = {.seed = 1};

/* What the log said, line after line. */
static char said[16384];

static void listen(void *user, bal_log_level level, const char *line)
{
    (void)user;
    const size_t at = strlen(said);
    snprintf(said + at, sizeof said - at, "%d %s\n", (int)level, line);
}

typedef struct fixture {
    bal_ctx *ctx;
    char *folder, *cache;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const bal_ctx_settings settings = {.log = listen, .threads = 1};
    assert_int_equal(bal_ctx_open(&f->ctx, &settings), BAL_OK);
    f->folder = test_folder();
    f->cache = test_folder();
    setenv("XDG_CACHE_HOME", f->cache, 1);
    said[0] = '\0';
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    unsetenv("XDG_CACHE_HOME");
    test_folder_remove(f->folder);
    test_folder_remove(f->cache);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

/* `count` samples with labels 0..2 in turn, keys from `first` on. */
static void add_samples(test_tar *tar, int first, int count)
{
    char key[32], label[8];
    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "d/%04d", first + i);
        snprintf(label, sizeof label, "%d", (first + i) % 3);
        test_tar_sample(tar, key, label, HEIGHT, WIDTH);
    }
}

static void write_shard(const fixture *f, const char *name, int first, int count)
{
    test_tar tar = {0};
    add_samples(&tar, first, count);
    test_tar_write(&tar, test_path(f->folder, name));
}

static bal_dataset *open_place(const fixture *f, const char *name)
{
    bal_dataset *d;
    said[0] = '\0';
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, name), &plain));
    return d;
}

static int scans(void)
{
    int count = 0;
    for (const char *at = said; (at = strstr(at, "read once for its index")); at++)
        count++;
    return count;
}

static void check_picture(const fixture *f, const bal_dataset *d, int64_t item)
{
    uint8_t pixels[BYTES];
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, item, pixels));
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(pixels[(y * WIDTH + x) * 3 + c], test_pixel(y, x, c));
}

static void check_items(const fixture *f, const bal_dataset *d, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        assert_int_equal(bal_dataset_label(d, i), i % 3);
        check_picture(f, d, i);
    }
}

static void items_come_in_the_order_of_shards(void **state)
{
    fixture *f = *state;
    char name[256];
    write_shard(f, "s-000.tar", 0, 7);
    write_shard(f, "s-001.tar", 7, 4);
    write_shard(f, "s-002.tar", 11, 10);
    bal_dataset *d = open_place(f, "s-{000..002}.tar");
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.format, "shards");
    assert_string_equal(info.name, "s-{000..002}.tar");
    assert_int_equal(info.classes, 3);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, HEIGHT);
    assert_int_equal(info.width, WIDTH);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 21);
    check_items(f, d, 0, 21);
    static const struct {
        int64_t item;
        const char *name;
    } names[] = {{0, "s-000.tar#d/0000"},  {6, "s-000.tar#d/0006"},  {7, "s-001.tar#d/0007"},
                 {10, "s-001.tar#d/0010"}, {11, "s-002.tar#d/0011"}, {20, "s-002.tar#d/0020"}};
    for (size_t i = 0; i < BAL_COUNT_OF(names); i++)
        assert_string_equal(bal_dataset_item_name(d, names[i].item, name, sizeof name),
                            names[i].name);
    bal_dataset_close(&d);
    /* a folder of them is the same */
    d = open_place(f, "");
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 21);
    check_items(f, d, 0, 21);
    bal_dataset_close(&d);
}

static void splits_are_those_of_the_names(void **state)
{
    fixture *f = *state;
    write_shard(f, "x-train-0.tar", 0, 6);
    write_shard(f, "x-test-0.tar", 0, 5);
    write_shard(f, "x-val-0.tar", 0, 4);
    bal_dataset *d = open_place(f, "");
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 6);
    assert_int_equal(info.items[BAL_SPLIT_VAL], 4);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 5);
    bal_dataset_close(&d);
}

static void classes_have_names(void **state)
{
    fixture *f = *state;
    static const char *const labels[] = {"zebra", "cat", "an ox", "cat"};
    test_tar tar = {0};
    char key[16];
    bal_dataset *d;
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof key, "%d", i);
        test_tar_sample(&tar, key, labels[i], HEIGHT, WIDTH);
    }
    test_tar_write(&tar, test_path(f->folder, "a.tar"));
    test_tar_sample(&tar, "4", "bee", HEIGHT, WIDTH);
    test_tar_write(&tar, test_path(f->folder, "b.tar"));
    d = open_place(f, "");
    static const char *const sorted[] = {"an ox", "bee", "cat", "zebra"};
    static const int classes[] = {3, 2, 0, 2, 1};
    assert_int_equal(bal_dataset_describe(d).classes, 4);
    for (int c = 0; c < 4; c++)
        assert_string_equal(bal_dataset_class_name(d, c), sorted[c]);
    for (int i = 0; i < 5; i++)
        assert_int_equal(bal_dataset_label(d, i), classes[i]);
    bal_dataset_close(&d);
    /* a list decides the order, and must have them all */
    test_write_file(test_path(f->folder, "classnames.txt"), "zebra\ncat\r\nbee\nan ox\n\n", 22);
    d = open_place(f, "");
    assert_string_equal(bal_dataset_class_name(d, 3), "an ox");
    assert_int_equal(bal_dataset_label(d, 0), 0);
    assert_int_equal(bal_dataset_label(d, 4), 2);
    bal_dataset_close(&d);
    test_write_file(test_path(f->folder, "classnames.txt"), "zebra\ncat\nbee\n", 14);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &plain), BAL_BAD_DATA,
               "a.tar#2: label \"an ox\" is not in the list", NULL);
    test_write_file(test_path(f->folder, "classnames.txt"), "zebra\n\ncat\n", 11);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &plain), BAL_BAD_FILE,
               "classnames.txt:2: blank", NULL);
    test_write_file(test_path(f->folder, "classnames.txt"), "zebra\ncat\nzebra", 15);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &plain), BAL_BAD_FILE,
               "classnames.txt:3: this class name was there", NULL);
    test_write_file(test_path(f->folder, "classnames.txt"), "\n", 1);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &plain), BAL_BAD_FILE,
               "classnames.txt:1: no class name", NULL);
    unlink(test_path(f->folder, "classnames.txt"));
    /* numbers and names do not go together, numbers go with a list */
    write_shard(f, "c.tar", 0, 6);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, f->folder, &plain), BAL_BAD_DATA, "a.tar",
               "are names", "c.tar are numbers", NULL);
    test_write_file(test_path(f->folder, "classes.txt"), "x\ny\nz", 5);
    d = open_place(f, "c.tar");
    assert_string_equal(bal_dataset_class_name(d, 2), "z");
    bal_dataset_close(&d);
    test_write_file(test_path(f->folder, "classes.txt"), "x\ny", 3);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "c.tar"), &plain),
               BAL_BAD_DATA, "c.tar#d/0002: label 2, the list of class names has 2", NULL);
}

/* Makes everything but the pictures unreadable as a tar file, with size and time as they were. */
static void spoil_headers(const char *path)
{
    struct stat info;
    unsigned char block[512];
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    for (off_t at = 0; at < info.st_size; at += 512) {
        assert_int_equal(pread(fd, block, 512, at), 512);
        if (memcmp(block + 257, "ustar", 5) == 0)
            assert_int_equal(pwrite(fd, "spoiled", 7, at + 148), 7);
    }
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

/* The index is all that later openings and draws need: the tar file's headers are gone. */
static void the_index_saves_the_scan(void **state)
{
    fixture *f = *state;
    struct stat before, after;
    write_shard(f, "s.tar", 0, 12);
    bal_dataset *d = open_place(f, "s.tar");
    assert_int_equal(scans(), 1);
    bal_dataset_close(&d);
    assert_int_equal(stat(test_path(f->folder, "s.tar.ballast-index"), &before), 0);
    spoil_headers(test_path(f->folder, "s.tar"));
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 0);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 12);
    for (int64_t i = 0; i < 12; i++) /* any order */
        check_picture(f, d, i * 5 % 12);
    bal_dataset_close(&d);
    assert_int_equal(stat(test_path(f->folder, "s.tar.ballast-index"), &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    /* without the index nothing can be read */
    unlink(test_path(f->folder, "s.tar.ballast-index"));
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "s.tar"), &plain),
               BAL_BAD_FILE, "s.tar: is no tar file", NULL);
}

static void old_and_damaged_indices_are_built_again(void **state)
{
    fixture *f = *state;
    char path[512];
    write_shard(f, "s.tar", 0, 6);
    bal_dataset *d = open_place(f, "s.tar");
    bal_dataset_close(&d);
    /* another file of the same name */
    write_shard(f, "s.tar", 0, 9);
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 1);
    assert_non_null(strstr(said, "of an older"));
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 9);
    bal_dataset_close(&d);
    /* the same size, another time */
    snprintf(path, sizeof path, "%s", test_path(f->folder, "s.tar"));
    assert_int_equal(utimensat(AT_FDCWD, path,
                               (struct timespec[2]){{.tv_sec = 5}, {.tv_sec = 6, .tv_nsec = 7}}, 0),
                     0);
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 1);
    bal_dataset_close(&d);
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 0);
    bal_dataset_close(&d);
    /* damage, and an index that belongs to another shard */
    const int fd = open(test_path(f->folder, "s.tar.ballast-index"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && pwrite(fd, "!", 1, 90) == 1);
    close(fd);
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 1);
    assert_non_null(strstr(said, "2 ")); /* INFO */
    assert_non_null(strstr(said, "damaged index"));
    check_items(f, d, 0, 9);
    bal_dataset_close(&d);
    assert_int_equal(rename(test_path(f->folder, "s.tar"), test_path(f->folder, "t.tar")), 0);
    assert_int_equal(rename(test_path(f->folder, "s.tar.ballast-index"),
                            test_path(f->folder, "t.tar.ballast-index")),
                     0);
    d = open_place(f, "t.tar");
    assert_int_equal(scans(), 1);
    bal_dataset_close(&d);
}

static int files_in(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* A folder that cannot be written: for root every folder can be, so the place of the index is
 * taken by a folder. */
static void an_index_may_be_in_the_cache(void **state)
{
    fixture *f = *state;
    write_shard(f, "s.tar", 0, 6);
    assert_int_equal(mkdir(test_path(f->folder, "s.tar.ballast-index"), 0777), 0);
    bal_dataset *d = open_place(f, "s.tar");
    assert_int_equal(scans(), 1);
    bal_dataset_close(&d);
    assert_int_equal(files_in(test_path(f->cache, "ballast/shards")), 1);
    d = open_place(f, "s.tar");
    assert_int_equal(scans(), 0);
    check_items(f, d, 0, 6);
    bal_dataset_close(&d);
    /* no place at all: every opening reads the shard */
    unsetenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *kept = home ? strdup(home) : NULL;
    unsetenv("HOME");
    for (int i = 0; i < 2; i++) {
        d = open_place(f, "s.tar");
        assert_int_equal(scans(), 1);
        assert_non_null(strstr(said, "its index cannot be kept"));
        bal_dataset_close(&d);
    }
    if (kept)
        setenv("HOME", kept, 1);
    free(kept);
}

static void compressed_shards_are_unpacked_once(void **state)
{
    fixture *f = *state;
    test_tar tar = {0};
    add_samples(&tar, 0, 7);
    test_tar_write_packed(&tar, test_path(f->folder, "a.tar.gz"), "gzip");
    add_samples(&tar, 7, 5);
    test_tar_write_packed(&tar, test_path(f->folder, "b.tar.zst"), "zstd");
    add_samples(&tar, 12, 3);
    test_tar_write_packed(&tar, test_path(f->folder, "c.tgz"), "gzip");
    add_samples(&tar, 15, 3);
    test_tar_write_packed(&tar, test_path(f->folder, "d.tar"), "zstd"); /* whatever its name */
    bal_dataset *d = open_place(f, "");
    assert_int_equal(scans(), 4);
    assert_non_null(strstr(said, "1 4 compressed shards ("));
    assert_non_null(strstr(said, "unpacked once into"));
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 18);
    check_items(f, d, 0, 18);
    char name[256];
    assert_string_equal(bal_dataset_item_name(d, 7, name, sizeof name), "b.tar.zst#d/0007");
    bal_dataset_close(&d);
    assert_int_equal(files_in(f->folder), 4); /* nothing beside them */
    assert_int_equal(files_in(test_path(f->cache, "ballast/shards")), 8);
    d = open_place(f, "");
    assert_int_equal(scans(), 0);
    assert_string_equal(said, "");
    check_items(f, d, 0, 18);
    bal_dataset_close(&d);
    /* another file of the name is unpacked again */
    add_samples(&tar, 0, 11);
    test_tar_write_packed(&tar, test_path(f->folder, "a.tar.gz"), "gzip");
    d = open_place(f, "a.tar.gz");
    assert_int_equal(scans(), 1);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 11);
    bal_dataset_close(&d);
    assert_int_equal(files_in(test_path(f->cache, "ballast/shards")), 8);
}

static void damaged_compression_is_named(void **state)
{
    fixture *f = *state;
    static const char *const filters[] = {"gzip", "zstd"};
    bal_dataset *d;
    for (size_t i = 0; i < BAL_COUNT_OF(filters); i++) {
        test_tar tar = {0};
        struct stat info;
        add_samples(&tar, 0, 50);
        test_tar_write_packed(&tar, test_path(f->folder, "x.tar"), filters[i]);
        assert_int_equal(stat(test_path(f->folder, "x.tar"), &info), 0);
        assert_int_equal(truncate(test_path(f->folder, "x.tar"), info.st_size / 2), 0);
        test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "x.tar"), &plain),
                   BAL_BAD_FILE, "x.tar: cannot be unpacked", NULL);
    }
    /* sound compression of something else */
    test_tar text = {0};
    test_tar_text(&text, "x", "y");
    memset(text.bytes, 'x', text.count);
    test_tar_write_packed(&text, test_path(f->folder, "x.tar"), "gzip");
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "x.tar"), &plain),
               BAL_BAD_FILE, "x.tar: is no tar file", NULL);
    assert_int_equal(files_in(test_path(f->cache, "ballast/shards")), 0);
    unsetenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *kept = home ? strdup(home) : NULL;
    unsetenv("HOME");
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "x.tar"), &plain), BAL_IO,
               "there is no cache folder", NULL);
    if (kept)
        setenv("HOME", kept, 1);
    free(kept);
}

static void files_that_change_are_noticed(void **state)
{
    fixture *f = *state;
    uint8_t pixels[BYTES];
    write_shard(f, "a.tar", 0, 6);
    write_shard(f, "b.tar", 6, 6);
    write_shard(f, "c.tar", 12, 6);
    bal_dataset *d = open_place(f, "");
    check_picture(f, d, 0);
    write_shard(f, "a.tar", 0, 5); /* in place: the open file is another now */
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 1, pixels), BAL_BAD_FILE,
               "a.tar: has changed since it was opened", NULL);
    assert_int_equal(truncate(test_path(f->folder, "b.tar"), 2000), 0);
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 7, pixels), BAL_BAD_FILE, "b.tar: has changed",
               NULL);
    bal_dataset_close(&d);
    write_shard(f, "a.tar", 0, 6);
    write_shard(f, "b.tar", 6, 6);
    d = open_place(f, "{a,b}.tar");
    bal_dataset_close(&d);
    unlink(test_path(f->folder, "b.tar"));
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "{a,b}.tar"), &plain),
               BAL_IO, "b.tar: cannot open: No such file", NULL);
    assert_int_equal(mkdir(test_path(f->folder, "b.tar"), 0777), 0);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "{a,b}.tar"), &plain),
               BAL_BAD_FILE, "b.tar: is not a regular file", NULL);
}

static void pictures_are_held_to_the_rules_of_files(void **state)
{
    fixture *f = *state;
    test_tar tar = {0};
    bal_dataset *d;
    uint8_t pixels[8 * 8 * 3];
    test_tar_sample(&tar, "1", "0", 6, 5);
    test_tar_sample(&tar, "2", "1", 7, 5);
    test_tar_text(&tar, "3.jpg", "no picture");
    test_tar_text(&tar, "3.cls", "1");
    test_tar_write(&tar, test_path(f->folder, "s.tar"));
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "s.tar"), &plain),
               BAL_BAD_DATA, "s.tar#1 has 5x6", "s.tar#2 has 5x7", "--img-size N", NULL);
    bal_dataset_settings s = {.img_size = 8, .channels = 3, .seed = 1};
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "s.tar"), &s));
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, 1, pixels));
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 2, pixels), BAL_BAD_FILE, "s.tar#3", NULL);
    bal_dataset_close(&d);
    s = (bal_dataset_settings){.img_size = 8, .channels = 3, .max_image_file = 1, .seed = 1};
    char *large = calloc((1 << 20) + 1, 1);
    assert_non_null(large);
    test_tar_file(&tar, "1.jpg", large, (1 << 20) + 1);
    test_tar_text(&tar, "1.cls", "1");
    test_tar_sample(&tar, "2", "0", 6, 5);
    test_tar_write(&tar, test_path(f->folder, "t.tar"));
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "t.tar"), &s));
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 0, pixels), BAL_BAD_FILE,
               "t.tar#1: larger than", "1048576", NULL);
    bal_dataset_close(&d);
    free(large);
    /* nothing in it, and nothing of use in it */
    test_tar_write(&tar, test_path(f->folder, "empty.tar"));
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "empty.tar"), &s),
               BAL_BAD_DATA, "empty.tar: no sample in it", NULL);
    test_tar_text(&tar, "a.txt", "x");
    test_tar_write(&tar, test_path(f->folder, "text.tar"));
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "text.tar"), &s),
               BAL_BAD_DATA, "text.tar: no sample in it", NULL);
}

/* ---- several threads, more shards than files may be open ---- */

typedef struct crowd {
    const bal_dataset *data;
    bal_ctx *ctx[4];
    int wrong[4];
} crowd;

static void read_item(void *user, int64_t i, int worker)
{
    crowd *c = user;
    uint8_t pixels[BYTES];
    if (bal_dataset_image(c->data, c->ctx[worker], i * 7 % 160, pixels) != BAL_OK ||
        pixels[BYTES - 1] != test_pixel(HEIGHT - 1, WIDTH - 1, 2))
        c->wrong[worker]++;
}

static void many_shards_and_threads(void **state)
{
    fixture *f = *state;
    crowd c = {0};
    bal_pool *pool;
    char name[32];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "s-%02d.tar", i);
        write_shard(f, name, 4 * i, 4);
    }
    bal_dataset *d = open_place(f, "s-{00..39}.tar");
    c.data = d;
    for (int i = 0; i < 4; i++)
        c.ctx[i] = test_ctx_threads(1);
    test_ok(f->ctx, bal_pool_open(&pool, f->ctx, 4));
    bal_pool_run(pool, 2000, read_item, &c);
    bal_pool_close(&pool);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c.wrong[i], 0);
        bal_ctx_close(&c.ctx[i]);
    }
    bal_dataset_close(&d);
}

static bal_status open_and_close(bal_ctx *ctx, void *where)
{
    bal_dataset *d;
    uint8_t pixels[BYTES];
    const bal_status opened = bal_dataset_open(&d, ctx, where, NULL);
    if (opened != BAL_OK) {
        assert_null(d);
        return opened;
    }
    const bal_status status = bal_dataset_image(d, ctx, 0, pixels);
    bal_dataset_close(&d);
    return status;
}

static void no_memory_is_survived(void **state)
{
    fixture *f = *state;
    char where[512];
    test_tar tar = {0};
    test_tar_sample(&tar, "1", "cat", HEIGHT, WIDTH);
    test_tar_sample(&tar, "2", "dog", HEIGHT, WIDTH);
    test_tar_sample(&tar, "3", "dog", HEIGHT, WIDTH);
    test_tar_write(&tar, test_path(f->folder, "a.tar"));
    test_tar_sample(&tar, "1", "dog", HEIGHT, WIDTH);
    test_tar_write_packed(&tar, test_path(f->folder, "b.tar.gz"), "gzip");
    snprintf(where, sizeof where, "%s/{a.tar,b.tar.gz}", f->folder);
    assert_int_equal(rename(test_path(f->folder, "b.tar.gz"), test_path(f->folder, "b.tar")), 0);
    snprintf(where, sizeof where, "%s/{a,b}.tar", f->folder);
    test_allocation_failures(open_and_close, where); /* from the second attempt on with an index */
    test_write_file(test_path(f->folder, "classes.txt"), "cat\ndog\n", 8);
    test_allocation_failures(open_and_close, where);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_come_in_the_order_of_shards),
        TEST(splits_are_those_of_the_names),
        TEST(classes_have_names),
        TEST(the_index_saves_the_scan),
        TEST(old_and_damaged_indices_are_built_again),
        TEST(an_index_may_be_in_the_cache),
        TEST(compressed_shards_are_unpacked_once),
        TEST(damaged_compression_is_named),
        TEST(files_that_change_are_noticed),
        TEST(pictures_are_held_to_the_rules_of_files),
        TEST(many_shards_and_threads),
        TEST(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
