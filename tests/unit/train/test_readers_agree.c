/* The same images from every format, in the same order, train to the same bits. A new reader gets a
 * row in the table. */
#include "helpers/archives.h"
#include "helpers/helpers.h"
#include "helpers/pictures.h"
#include "helpers/runs.h"
#include "helpers/tars.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEST_SPLIT 1

/* A set in memory, class after class: so an image folder has it. */
typedef struct images {
    int channels, height, width, classes;
    int count[2]; /* of the training and the test split */
    int32_t *labels[2];
    uint8_t *pixels[2];
} images;

static const char *const split_names[2] = {"train", "test"};

static size_t image_bytes(const images *set)
{
    return (size_t)set->channels * (size_t)set->height * (size_t)set->width;
}

static const uint8_t *image_at(const images *set, int split, int i)
{
    return set->pixels[split] + (size_t)i * image_bytes(set);
}

/* per_class: of class 0, each further class has fewer by less. */
static images make_images(int channels, int height, int width, int classes, int per_class, int less)
{
    images set = {.channels = channels, .height = height, .width = width, .classes = classes};
    bal_random r = bal_random_at(9, BAL_STREAM_TEST, (uint64_t)channels, 0);
    for (int s = 0; s < 2; s++) {
        set.labels[s] = calloc((size_t)(classes * per_class), sizeof(int32_t));
        set.pixels[s] = malloc((size_t)(classes * per_class) * image_bytes(&set));
        assert_true(set.labels[s] && set.pixels[s]);
        for (int c = 0; c < classes; c++)
            for (int k = 0; k < (s == TEST_SPLIT ? 1 : per_class - c * less); k++) {
                uint8_t *pixels = set.pixels[s] + (size_t)set.count[s] * image_bytes(&set);
                for (size_t p = 0; p < image_bytes(&set); p++)
                    pixels[p] = (uint8_t)((p * (size_t)(c + 1) + bal_random_below(&r, 90)) % 256);
                set.labels[s][set.count[s]++] = c;
            }
    }
    return set;
}

static void free_images(images *set)
{
    for (int s = 0; s < 2; s++) {
        free(set->labels[s]);
        free(set->pixels[s]);
    }
}

/* ---- writing ---- */

static uint8_t *png_of(const images *set, int split, int i, size_t *count)
{
    return test_png(&(test_picture){.height = set->height,
                                    .width = set->width,
                                    .channels = set->channels,
                                    .pixels = image_at(set, split, i)},
                    count);
}

/* Bytes of IDX, most significant first. */
static void put_number(FILE *f, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255u), f);
}

static void write_idx(const images *set, const char *folder)
{
    for (int s = 0; s < 2; s++) {
        char name[64];
        snprintf(name, sizeof name, "%s-images-idx3-ubyte", s == TEST_SPLIT ? "t10k" : "train");
        FILE *f = fopen(test_path(folder, name), "wb");
        assert_non_null(f);
        put_number(f, 0x803);
        put_number(f, (uint32_t)set->count[s]);
        put_number(f, (uint32_t)set->height);
        put_number(f, (uint32_t)set->width);
        fwrite(set->pixels[s], image_bytes(set), (size_t)set->count[s], f);
        assert_int_equal(fclose(f), 0);
        snprintf(name, sizeof name, "%s-labels-idx1-ubyte", s == TEST_SPLIT ? "t10k" : "train");
        f = fopen(test_path(folder, name), "wb");
        assert_non_null(f);
        put_number(f, 0x801);
        put_number(f, (uint32_t)set->count[s]);
        for (int i = 0; i < set->count[s]; i++)
            fputc(set->labels[s][i], f);
        assert_int_equal(fclose(f), 0);
    }
}

/* Five batches and the test batch, planes one after the other. */
static void write_cifar(const images *set, const char *folder)
{
    const int area = set->height * set->width, batch = set->count[0] / 5;
    for (int b = 0; b <= 5; b++) {
        char name[32] = "test_batch.bin";
        const int s = b == 5, first = s ? 0 : b * batch, count = s ? set->count[1] : batch;
        if (!s)
            snprintf(name, sizeof name, "data_batch_%d.bin", b + 1);
        FILE *f = fopen(test_path(folder, name), "wb");
        assert_non_null(f);
        for (int i = first; i < first + count; i++) {
            fputc(set->labels[s][i], f);
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < area; p++)
                    fputc(image_at(set, s, i)[p * 3 + c], f);
        }
        assert_int_equal(fclose(f), 0);
    }
}

static void write_folder(const images *set, const char *folder)
{
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < set->count[s]; i++) {
            char name[64];
            size_t count;
            uint8_t *png = png_of(set, s, i, &count);
            snprintf(name, sizeof name, "%s", split_names[s]);
            mkdir(test_path(folder, name), 0777);
            snprintf(name, sizeof name, "%s/%d", split_names[s], set->labels[s][i]);
            mkdir(test_path(folder, name), 0777);
            snprintf(name, sizeof name, "%s/%d/%03d.png", split_names[s], set->labels[s][i], i);
            test_write_file(test_path(folder, name), png, count);
            free(png);
        }
}

/* One for each image of a folder; NULL: the header. */
typedef void manifest_line(FILE *f, const char *path, int label, const char *split);

static void csv_line(FILE *f, const char *path, int label, const char *split)
{
    if (path)
        fprintf(f, "\"%d\",%s,%s\n", label, path, split);
    else
        fputs("label,path,split\n", f);
}

static void tsv_line(FILE *f, const char *path, int label, const char *split)
{
    if (path)
        fprintf(f, "%s\t%s\t%d\r\n", split, path, label);
    else
        fputs("split\tpath\tlabel\r\n", f);
}

static void jsonl_line(FILE *f, const char *path, int label, const char *split)
{
    if (path)
        fprintf(f, "{\"path\": \"%s\", \"label\": %d, \"split\": \"%s\"}\n", path, label, split);
}

/* The test images stand between the others: only the order within a split matters. */
static void write_manifest(const images *set, const char *folder, const char *name,
                           manifest_line *line)
{
    int at[2] = {0, 0};
    write_folder(set, folder);
    FILE *f = fopen(test_path(folder, name), "wb");
    assert_non_null(f);
    line(f, NULL, 0, NULL);
    for (int i = 0; i < set->count[0] + set->count[1]; i++) {
        char path[64];
        const int s = i % 3 == 1 && at[1] < set->count[1] ? 1 : at[0] < set->count[0] ? 0 : 1;
        const int label = set->labels[s][at[s]];
        snprintf(path, sizeof path, "%s/%d/%03d.png", split_names[s], label, at[s]++);
        line(f, path, label, split_names[s]);
    }
    assert_int_equal(fclose(f), 0);
}

static void write_csv(const images *set, const char *folder)
{
    write_manifest(set, folder, "m.csv", csv_line);
}

static void write_tsv(const images *set, const char *folder)
{
    write_manifest(set, folder, "m.tsv", tsv_line);
}

static void write_jsonl(const images *set, const char *folder)
{
    write_manifest(set, folder, "m.jsonl", jsonl_line);
}

static void write_npz(const images *set, const char *folder, bool deflate)
{
    static const char *const names[4] = {"train_images.npy", "train_labels.npy", "test_images.npy",
                                         "test_labels.npy"};
    test_zip_member members[4];
    uint8_t *files[4];
    size_t count;
    for (int m = 0; m < 4; m++) {
        const int s = m / 2;
        char shape[64];
        snprintf(shape, sizeof shape, set->channels == 3 ? "%d, %d, %d, 3" : "%d, %d, %d",
                 set->count[s], set->height, set->width);
        if (m % 2 == 0) {
            files[m] = test_npy_bytes("|u1", shape, set->pixels[s],
                                      (size_t)set->count[s] * image_bytes(set), &count);
        } else {
            snprintf(shape, sizeof shape, "%d, 1", set->count[s]);
            files[m] = test_npy_bytes("<i4", shape, set->labels[s],
                                      (size_t)set->count[s] * sizeof(int32_t), &count);
        }
        members[m] = (test_zip_member){.name = names[m],
                                       .bytes = files[m],
                                       .count = count,
                                       .deflate = deflate,
                                       .zip64 = m == 0};
    }
    uint8_t *zip = test_zip_bytes(&(test_zip){.members = members, .count = 4}, &count);
    test_write_file(test_path(folder, "m.npz"), zip, count);
    free(zip);
    for (int m = 0; m < 4; m++)
        free(files[m]);
}

static void write_npz_stored(const images *set, const char *folder)
{
    write_npz(set, folder, false);
}

static void write_npz_packed(const images *set, const char *folder)
{
    write_npz(set, folder, true);
}

/* Two training shards and one of the test split. */
static void write_shards(const images *set, const char *folder)
{
    for (int shard = 0; shard < 3; shard++) {
        const int s = shard == 2, half = set->count[0] / 2;
        const int first = shard == 1 ? half : 0, end = shard == 0 ? half : set->count[s];
        test_tar tar = {0};
        char name[64];
        for (int i = first; i < end; i++) {
            size_t count;
            uint8_t *png = png_of(set, s, i, &count);
            char label[16];
            snprintf(name, sizeof name, "%05d.png", i);
            test_tar_file(&tar, name, png, count);
            snprintf(name, sizeof name, "%05d.cls", i);
            snprintf(label, sizeof label, "%d", set->labels[s][i]);
            test_tar_text(&tar, name, label);
            free(png);
        }
        snprintf(name, sizeof name, "set-%s-%06d.tar", split_names[s], shard % 2);
        test_tar_write(&tar, test_path(folder, name));
    }
}

/* ---- the table ---- */

typedef struct format {
    const char *reader;
    void (*write)(const images *set, const char *folder);
    const char *file; /* in the folder; NULL: the folder itself */
    int channels;     /* that it can hold; 0: both */
} format;

static const format formats[] = {
    {"folder", write_folder, NULL, 0},     {"idx", write_idx, NULL, 1},
    {"cifar10", write_cifar, NULL, 3},     {"csv", write_csv, "m.csv", 0},
    {"csv", write_tsv, "m.tsv", 0},        {"jsonl", write_jsonl, "m.jsonl", 0},
    {"npz", write_npz_stored, "m.npz", 0}, {"npz", write_npz_packed, "m.npz", 0},
    {"shards", write_shards, NULL, 0},
};

/* ---- training ---- */

static const char recipe[] = "name: short\n"
                             "batch_size: 8\n"
                             "epochs: 1\n"
                             "optimizer: {lr: 0.05}\n"
                             "schedule: {name: constant}\n"
                             "stages:\n"
                             "  - epochs: 1\n"
                             "    loss: {name: ce, weight: inverse}\n"
                             "    sampler: class-balanced\n"
                             "    augment: {crop_padding: 2, hflip: 0.5}\n";

/* CIFAR-10 has names for its classes, the others have numbers. */
static void forget_names(json_t *value)
{
    const char *key;
    json_t *part;
    size_t i;
    json_object_del(value, "name");
    json_object_foreach(value, key, part) forget_names(part);
    json_array_foreach(value, i, part) forget_names(part);
}

/* Writes the set, cuts it, takes a validation split, trains; the weights' file as text, new. */
static json_t *train_from(bal_ctx *ctx, const images *set, const format *form)
{
    char *folder = test_folder(), data[4096], run[4096];
    bal_dataset_settings how = bal_dataset_defaults();
    bal_train_settings settings = bal_train_defaults();
    bal_dataset *d;
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    assert_int_equal(mkdir(data, 0777), 0);
    form->write(set, data);
    how.longtail = "exp:2";
    how.val_fraction = 0.3;
    test_ok(ctx, bal_dataset_open(&d, ctx, form->file ? test_path(data, form->file) : data, &how));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.format, form->reader);
    assert_int_equal(info.classes, set->classes);
    assert_int_equal(info.channels, set->channels);
    assert_int_equal(info.height, set->height);
    assert_int_equal(info.width, set->width);
    assert_true(info.items[BAL_SPLIT_VAL] >= set->classes);
    assert_int_equal(info.items[BAL_SPLIT_TEST], set->count[1]);
    settings.model = "lenet";
    settings.engine = "reference";
    settings.out = run;
    test_ok(ctx,
            test_train(ctx, &(test_training){.data = d, .recipe = recipe, .settings = &settings}));
    bal_dataset_close(&d);
    json_t *contents = test_folder_contents(run),
           *summary = test_json_file(test_path(run, "summary.json"));
    json_t *result =
        json_pack("{s:O, s:O, s:O, s:O}", "best", json_object_get(contents, "best.safetensors"),
                  "last", json_object_get(contents, "last.safetensors"), "val",
                  json_object_get(summary, "val"), "test", json_object_get(summary, "test"));
    assert_non_null(result);
    forget_names(result);
    json_decref(contents);
    json_decref(summary);
    test_folder_remove(folder);
    return result;
}

static void expect_agreement(images set)
{
    bal_ctx *ctx = test_ctx_threads(1);
    json_t *want = train_from(ctx, &set, &formats[0]);
    int compared = 0;
    for (size_t i = 1; i < BAL_COUNT_OF(formats); i++) {
        if (formats[i].channels && formats[i].channels != set.channels)
            continue;
        json_t *got = train_from(ctx, &set, &formats[i]);
        static const char *const parts[] = {"last", "best", "val", "test"};
        for (size_t p = 0; p < BAL_COUNT_OF(parts); p++)
            if (!json_equal(json_object_get(want, parts[p]), json_object_get(got, parts[p])))
                fail_msg("format %zu (%s): %s differs from that of the folder", i,
                         formats[i].reader, parts[p]);
        json_decref(got);
        compared++;
    }
    assert_true(compared >= 6);
    for (int i = 0; i < set.count[0]; i++) /* one byte of an image is not nothing */
        set.pixels[0][(size_t)i * image_bytes(&set)] ^= 0x40;
    json_t *other = train_from(ctx, &set, &formats[0]);
    assert_false(json_equal(json_object_get(want, "last"), json_object_get(other, "last")));
    json_decref(other);
    json_decref(want);
    free_images(&set);
    bal_ctx_close(&ctx);
}

static void grey_images(void **state)
{
    (void)state;
    expect_agreement(make_images(1, 9, 7, 3, 14, 2));
}

static void colour_images(void **state)
{
    (void)state;
    expect_agreement(make_images(3, 32, 32, 10, 4, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_images),
        cmocka_unit_test(colour_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
