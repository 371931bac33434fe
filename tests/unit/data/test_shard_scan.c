/* Reading tar files: WebDataset's rule of samples, labels, and hostile members. */
#include "helpers/helpers.h"
#include "helpers/tars.h"

#include "data/shards/shard_scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512

static char warning[512]; /* the last one */

static void keep_warning(void *user, bal_log_level level, const char *line)
{
    (void)user;
    if (level == BAL_LOG_WARN)
        snprintf(warning, sizeof warning, "%s", line);
}

static bal_ctx *listening_ctx(void)
{
    bal_ctx *ctx;
    const bal_ctx_settings settings = {.log = keep_warning, .threads = 1};
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    warning[0] = '\0';
    return ctx;
}

/* Scans the bytes as they are. */
static bal_status scan_bytes(bal_ctx *ctx, const void *bytes, size_t count, bal_shard_index *index)
{
    char *folder = test_folder();
    test_write_file(test_path(folder, "s.tar"), bytes, count);
    const int fd = open(test_path(folder, "s.tar"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const bal_status status = bal_shard_scan(ctx, "s.tar", fd, index);
    close(fd);
    test_folder_remove(folder);
    return status;
}

/* Ends the tar file, scans it and releases it. */
static bal_status scan_tar(bal_ctx *ctx, test_tar *tar, bal_shard_index *index)
{
    test_tar_end(tar);
    const bal_status status = scan_bytes(ctx, tar->bytes, tar->count, index);
    test_tar_free(tar);
    return status;
}

static void samples_are_webdatasets(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    test_tar tar = {0};
    bal_shard_index index;
    test_tar_text(&tar, "README", "no point in its name");
    test_tar_text(&tar, "notes.md", "neither picture nor label");
    test_tar_text(&tar, "__meta__/info.json", "{\"label\": 1}");
    test_tar_text(&tar, "only.json", "{\"label\": 1}");
    test_tar_text(&tar, ".hidden.jpg", "no key");
    test_tar_text(&tar, "b.jpg", "first picture");
    test_tar_text(&tar, "b.cls", " 7\r\n");
    test_tar_text(&tar, "a.CLS", "0");
    test_tar_text(&tar, "a.seg.png", "an ending of its own");
    test_tar_text(&tar, "a.JPEG", "second");
    test_tar_text(&tar, "./v1.2/c.png", "loses to the one below");
    test_tar_text(&tar, "./v1.2/c.jpg", "third picture");
    test_tar_text(&tar, "./v1.2/c.json", "{\"caption\": \"x\", \"cls\": 3}");
    test_tar_text(&tar, "b.cls", "5"); /* the key again is another sample */
    test_tar_text(&tar, "b.jpg", "");
    test_ok(ctx, scan_tar(ctx, &tar, &index));
    static const struct {
        const char *key;
        unsigned label, size;
    } want[] = {{"b", 7, 13}, {"a", 0, 6}, {"v1.2/c", 3, 13}, {"b", 5, 0}};
    assert_int_equal(index.count, BAL_COUNT_OF(want));
    for (size_t i = 0; i < BAL_COUNT_OF(want); i++) {
        assert_string_equal(bal_shard_key(&index, i), want[i].key);
        assert_int_equal(index.samples[i].label, want[i].label);
        assert_int_equal(index.samples[i].size, want[i].size);
        assert_int_equal(index.samples[i].offset % BLOCK, 0);
    }
    assert_false(index.named);
    assert_string_equal(warning, "");
    bal_shard_index_free(ctx, &index);
    bal_ctx_close(&ctx);
}

static void pictures_are_where_the_index_says(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    for (int style = TEST_TAR_USTAR; style <= TEST_TAR_GNU; style++) {
        test_tar tar = {0};
        bal_shard_index index;
        char key[400], name[420], data[64];
        for (int i = 0; i < 5; i++) {
            const int length = style == TEST_TAR_USTAR ? 60 : 300 + i;
            snprintf(key, sizeof key, "f/%0*d\xc3\xa9", length, i);
            snprintf(name, sizeof name, "%s.cls", key);
            test_tar_add(&tar,
                         &(test_tar_entry){
                             .name = name, .style = (test_tar_style)style, .data = "1", .size = 1});
            snprintf(name, sizeof name, "%s.jpg", key);
            snprintf(data, sizeof data, "picture %d", i);
            test_tar_add(&tar, &(test_tar_entry){.name = name,
                                                 .style = (test_tar_style)style,
                                                 .data = data,
                                                 .size = strlen(data)});
        }
        test_tar_end(&tar);
        test_ok(ctx, scan_bytes(ctx, tar.bytes, tar.count, &index));
        assert_int_equal(index.count, 5);
        for (int i = 0; i < 5; i++) {
            const bal_shard_sample *sample = &index.samples[i];
            const int length = style == TEST_TAR_USTAR ? 60 : 300 + i;
            snprintf(key, sizeof key, "f/%0*d\xc3\xa9", length, i);
            snprintf(data, sizeof data, "picture %d", i);
            assert_string_equal(bal_shard_key(&index, (size_t)i), key);
            assert_int_equal(sample->size, strlen(data));
            assert_memory_equal(tar.bytes + sample->offset, data, sample->size);
        }
        bal_shard_index_free(ctx, &index);
        test_tar_free(&tar);
    }
    bal_ctx_close(&ctx);
}

static void names_are_labels_too(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    test_tar tar = {0};
    bal_shard_index index;
    test_tar_text(&tar, "1.cls", "tabby cat\n");
    test_tar_text(&tar, "1.jpg", "x");
    test_tar_text(&tar, "2.jpg", "x");
    test_tar_text(&tar, "2.json", "{\"label\": \"dog, large\", \"cls\": 4}");
    test_tar_text(&tar, "3.jpg", "x");
    test_tar_text(&tar, "3.cls", "tabby cat");
    test_ok(ctx, scan_tar(ctx, &tar, &index));
    assert_true(index.named);
    assert_int_equal(index.names.count, 2);
    assert_string_equal(index.names.names[0], "tabby cat");
    assert_string_equal(index.names.names[1], "dog, large");
    assert_int_equal(index.samples[1].label, 1);
    assert_int_equal(index.samples[2].label, 0);
    bal_shard_index_free(ctx, &index);
    bal_ctx_close(&ctx);
}

/* A tar file of one good sample and these members; what the message says. */
static const struct bad {
    const char *name, *text, *name2, *text2, *said;
} bad_members[] = {
    {"k.jpg", "x", NULL, NULL, "s.tar#k: a picture without a label"},
    {"k.cls", "1", NULL, NULL, "s.tar#k: a label without a picture"},
    {"k.001.jpg", "x", "k.cls", "1", "s.tar#k: a label without a picture"},
    {"k.jpg", "x", "k.cls", "-1", "label -1, 0 to 99999 expected"},
    {"k.jpg", "x", "k.cls", "100000", "label 100000"},
    {"k.jpg", "x", "k.cls", "cat", "\"cat\" is a name, but those before it are numbers"},
    {"k.jpg", "x", "k.cls", " \n", "a label of 0 bytes"},
    {"k.jpg", "x", "k.cls", "a\tb", "control characters"},
    {"k.jpg", "x", "k.json", "{\"label\": 1.5}", "neither a number nor a text"},
    {"k.jpg", "x", "k.json", "{\"label\": [1, 0]}", "neither a number nor a text"},
    {"k.jpg", "x", "k.json", "{\"labels\": 1}", "neither \"label\" nor \"cls\""},
    {"k.jpg", "x", "k.json", "[1]", "neither \"label\" nor \"cls\""},
    {"k.jpg", "x", "k.json", "{\"label\": ", "s.tar#k: .json, line 1"},
    {"k.jpg", "x", "k.JPG", "x", "s.tar#k: two members are its picture"},
    {"k.cls", "1", "k.Cls", "1", "s.tar#k: two members are its .cls"},
    {"k.json", "{}", "k.json", "{}", "s.tar#k: two members are its .json"},
};

static void wrong_samples_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    bal_shard_index index;
    for (size_t i = 0; i < BAL_COUNT_OF(bad_members); i++) {
        const struct bad *bad = &bad_members[i];
        test_tar tar = {0};
        test_tar_text(&tar, "good.jpg", "x");
        test_tar_text(&tar, "good.cls", "1");
        test_tar_text(&tar, bad->name, bad->text);
        if (bad->name2)
            test_tar_text(&tar, bad->name2, bad->text2);
        test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_BAD_FILE, "s.tar", bad->said, NULL);
        assert_null(index.samples);
    }
    /* a label that is no text, and one that is too long */
    test_tar tar = {0};
    test_tar_text(&tar, "k.jpg", "x");
    test_tar_file(&tar, "k.cls", "1\0002", 3);
    test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_BAD_FILE, ".cls is no text", NULL);
    char *large = calloc((2 << 20), 1);
    assert_non_null(large);
    memset(large, 'a', 2 << 20);
    test_tar_text(&tar, "k.jpg", "x");
    test_tar_file(&tar, "k.cls", large, 300);
    test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_BAD_FILE, "1 to 255 expected", NULL);
    test_tar_text(&tar, "k.jpg", "x");
    test_tar_file(&tar, "k.cls", large, (size_t)(1 << 20) + 1);
    test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_BAD_FILE, "\"k.cls\"", "1 MiB", NULL);
    free(large);
    bal_ctx_close(&ctx);
}

/* Hostile members: refused by name, or passed over, and never written. */
static const struct hostile {
    test_tar_entry entry;
    const char *said; /* NULL: passed over */
} hostile_members[] = {
    {{.name = "k.jpg", .type = '1', .link = "good.jpg"},
     "member \"k.jpg\" at byte 2048: is a link"},
    {{.name = "k.jpg", .type = '2', .link = "/etc/passwd"}, "is a link or device"},
    {{.name = "k.cls", .type = '2', .link = "../../x"}, "is a link or device"},
    {{.name = "k.png", .type = '3'}, "is a link or device"},
    {{.name = "k.png", .type = '4'}, "is a link or device"},
    {{.name = "k.png", .type = '6'}, "is a link or device"},
    {{.name = "k.png", .type = '5'}, "is a link or device"},
    {{.name = "k.txt", .type = '2', .link = "/etc/passwd"}, NULL},
    {{.name = "dev", .type = '3'}, NULL},
    {{.name = "folder/", .type = '5'}, NULL},
    {{.name = "../../up.txt", .data = "x", .size = 1}, NULL},
    {{.name = "/etc/absolute.txt", .data = "x", .size = 1}, NULL},
    {{.name = "k.jpg", .pax = "GNU.sparse.map=0,1,100000,1", .data = "ab", .size = 2},
     "member \"k.jpg\" at byte 2048: is sparse"},
    {{.name = "k.jpg", .claims = true, .claimed = 100000}, "cut off: member \"k.jpg\""},
    {{.name = "k.txt", .claims = true, .claimed = 0777777777}, "cut off: member \"k.txt\""},
    {{.name = "k.jpg", .pax = "size=9223372036854775807"}, "s.tar: "},
    {{.name = "k.jpg", .pax = "size=-5"}, "s.tar: "},
    {{.name = "k.jpg", .wrong_sum = true}, "s.tar: at byte 2048: "},
};

static void hostile_members_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(hostile_members); i++) {
        test_tar tar = {0};
        bal_shard_index index;
        test_tar_text(&tar, "good.jpg", "x");
        test_tar_text(&tar, "good.cls", "1");
        test_tar_add(&tar, &hostile_members[i].entry);
        const bal_status status = scan_tar(ctx, &tar, &index);
        if (hostile_members[i].said) {
            test_fails(ctx, status, BAL_BAD_FILE, hostile_members[i].said, NULL);
        } else {
            test_ok(ctx, status);
            assert_int_equal(index.count, 1);
            bal_shard_index_free(ctx, &index);
        }
    }
    /* ../ is only a key: nothing is written by it */
    test_tar tar = {0};
    bal_shard_index index;
    test_tar_sample(&tar, "../../up", "0", 2, 3);
    test_tar_sample(&tar, "/abs", "0", 2, 3);
    test_ok(ctx, scan_tar(ctx, &tar, &index));
    assert_string_equal(bal_shard_key(&index, 0), "../../up");
    assert_string_equal(bal_shard_key(&index, 1), "/abs");
    bal_shard_index_free(ctx, &index);
    char name[5000];
    memset(name, 'n', sizeof name);
    memcpy(name + sizeof name - 5, ".jpg", 5);
    test_tar_add(&tar, &(test_tar_entry){.name = name, .style = TEST_TAR_GNU});
    test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_BAD_FILE, "s.tar: at byte 0", "4095", NULL);
    bal_ctx_close(&ctx);
}

static void a_cut_is_found_wherever_it_is(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    test_tar tar = {0};
    bal_shard_index index;
    test_tar_text(&tar, "1.cls", "0");
    test_tar_text(&tar, "1.jpg", "the picture");
    test_tar_text(&tar, "2.cls", "0");
    test_tar_add(&tar,
                 &(test_tar_entry){.name = "2.jpg", .style = TEST_TAR_PAX, .data = "x", .size = 1});
    const size_t whole = tar.count;
    test_tar_end(&tar);
    for (size_t length = 0; length < whole; length++) {
        warning[0] = '\0';
        const bal_status status = scan_bytes(ctx, tar.bytes, length, &index);
        if (status ==
            BAL_OK) { /* behind a sample, which cannot be told from an end; or in padding */
            assert_true(length == 0 || index.count >= 1);
            assert_non_null(strstr(warning, "may have been cut off"));
            bal_shard_index_free(ctx, &index);
        } else {
            test_fails(ctx, status, BAL_BAD_FILE, "s.tar", NULL);
        }
        if (length % BLOCK != 0 && length / BLOCK % 2 == 0) /* in a header */
            assert_int_equal(status, BAL_BAD_FILE);
    }
    test_ok(ctx, scan_bytes(ctx, tar.bytes, whole, &index));
    assert_int_equal(index.count, 2);
    assert_non_null(strstr(warning, "s.tar: ends at byte 5120 without"));
    bal_shard_index_free(ctx, &index);
    /* damage is named with its place */
    tar.bytes[2 * BLOCK + 3] ^= 1;
    test_fails(ctx, scan_bytes(ctx, tar.bytes, tar.count, &index), BAL_BAD_FILE,
               "s.tar: at byte 1024: ", NULL);
    test_fails(ctx, scan_bytes(ctx, "no tar file at all", 18, &index), BAL_BAD_FILE,
               "s.tar: is no tar file", NULL);
    test_tar_free(&tar);
    bal_ctx_close(&ctx);
}

static void an_interrupt_stops(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    test_tar tar = {0};
    bal_shard_index index;
    test_tar_sample(&tar, "1", "0", 2, 3);
    bal_ctx_interrupt(ctx);
    test_fails(ctx, scan_tar(ctx, &tar, &index), BAL_INTERRUPTED, "s.tar", NULL);
    assert_false(bal_interrupted(ctx));
    bal_ctx_close(&ctx);
}

static bal_status scan_path(bal_ctx *ctx, void *path)
{
    bal_shard_index index;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const bal_status status = bal_shard_scan(ctx, path, fd, &index);
    close(fd);
    if (status == BAL_OK)
        bal_shard_index_free(ctx, &index);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = test_folder(), path[512], key[16];
    test_tar tar = {0};
    for (int i = 0; i < 70; i++) {
        snprintf(key, sizeof key, "%d", i);
        test_tar_sample(&tar, key, i % 2 ? "cat" : "dog", 2, 3);
    }
    snprintf(path, sizeof path, "%s/s.tar", folder);
    test_tar_write(&tar, path);
    test_allocation_failures(scan_path, path);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_webdatasets),
        cmocka_unit_test(pictures_are_where_the_index_says),
        cmocka_unit_test(names_are_labels_too),
        cmocka_unit_test(wrong_samples_are_named),
        cmocka_unit_test(hostile_members_are_refused),
        cmocka_unit_test(a_cut_is_found_wherever_it_is),
        cmocka_unit_test(an_interrupt_stops),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
