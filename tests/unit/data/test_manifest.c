/* CSV, TSV and JSONL manifests: what they make of their rows, and every way to get them wrong. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "ballast/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char log[4096]; /* all lines said, with their levels */
} fixture;

static void say(void *user, bal_log_level level, const char *line)
{
    fixture *f = user;
    const size_t at = strlen(f->log);
    snprintf(f->log + at, sizeof f->log - at, "%d %s\n", (int)level, line);
}

static int set_up(void **state)
{
    static const char *const names[] = {"img/a.png", "img/b c,d.png", "img/\xc3\xa4.png", "e.png",
                                        "f.png"};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const bal_ctx_settings settings = {.log = say, .log_user = f};
    assert_int_equal(bal_ctx_open(&f->ctx, &settings), BAL_OK);
    f->folder = test_folder();
    assert_int_equal(mkdir(test_path(f->folder, "set"), 0777), 0);
    for (size_t i = 0; i < BAL_COUNT_OF(names); i++)
        test_write_png(test_path(f->folder, names[i]), 4, 5, i == 3 ? 3 : 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static const bal_dataset_settings plain = {.seed = 1};
/* no image is looked at */
static const bal_dataset_settings blind = {.seed = 1, .img_size = 4, .channels = 1};

/* Writes set/NAME (beside img, which rows call ../img) and opens it. */
static bal_status open_text(fixture *f, const char *name, const char *text,
                            const bal_dataset_settings *settings, bal_dataset **d)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/set/%s", f->folder, name);
    test_write_file(path, text, strlen(text));
    f->log[0] = '\0';
    return bal_dataset_open(d, f->ctx, path, settings);
}

typedef struct item {
    const char *name;
    const char *label;
    bal_split split;
    int group;
    double weight;
} item;

static void expect_items(const bal_dataset *d, const item *items, int64_t count)
{
    const bal_dataset_info info = bal_dataset_describe(d);
    int64_t all = 0, at[BAL_SPLIT_COUNT] = {0};
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        all += info.items[s];
    assert_int_equal(all, count);
    for (int64_t i = 0; i < count; i++) {
        char name[256];
        assert_string_equal(bal_dataset_item_name(d, i, name, sizeof name), items[i].name);
        assert_string_equal(bal_dataset_class_name(d, bal_dataset_label(d, i)), items[i].label);
        assert_int_equal(bal_dataset_group(d, i), items[i].group);
        assert_true(bal_dataset_weight(d, i) == (double)(float)items[i].weight);
        const bal_split split = items[i].split;
        assert_true(at[split] < info.items[split]);
        assert_int_equal(bal_dataset_items(d, split)[at[split]++], i);
    }
}

/* ---- what is read ---- */

static const item five[] = {
    {"../img/a.png", "cat", BAL_SPLIT_TEST, 0, 1.0},
    {"../img/b c,d.png", "a \"dog\", or two", BAL_SPLIT_TRAIN, -1, 0.25},
    {"../img/\xc3\xa4.png", "cat", BAL_SPLIT_TRAIN, 1, 0.0},
    {"../e.png", "\xe7\x8c\xab", BAL_SPLIT_TRAIN, 1, 1e3},
    {"../f.png", "cat", BAL_SPLIT_VAL, 2, 1.0},
};

static const char five_csv[] = "\xef\xbb\xbfweight,note,label,path,group,split\r\n"
                               ",\"two\r\nlines\",cat,../img/a.png,p1,TEST\r\n"
                               "0.25,,\"a \"\"dog\"\", or two\",\"../img/b c,d.png\",,train\r\n"
                               "\r\n"
                               "0,,cat,../img/\xc3\xa4.png,p 2,train\r\n"
                               "1e3,x,\xe7\x8c\xab,../e.png,p 2,train\r\n"
                               "1,,cat,../f.png,p3,Validation";
static const char five_tsv[] = "path\tlabel\tsplit\tgroup\tweight\n"
                               "../img/a.png\tcat\ttest\tp1\t\n"
                               "../img/b c,d.png\t\"a \"\"dog\"\", or two\"\ttrain\t\t.25\n"
                               "../img/\xc3\xa4.png\tcat\ttrain\tp 2\t0.0\n"
                               "../e.png\t\xe7\x8c\xab\ttrain\tp 2\t1000\n"
                               "../f.png\tcat\tvalid\tp3\t1\n";
static const char five_jsonl[] =
    "{\"path\": \"../img/a.png\", \"label\": \"cat\", \"split\": \"test\", \"group\": 1}\n"
    "{\"path\": \"../img/b c,d.png\", \"label\": \"a \\\"dog\\\", or two\", \"split\": \"train\","
    " \"weight\": 0.25, \"group\": null, \"note\": [1, {}]}\r\n"
    "\n"
    "{\"path\": \"../img/\\u00e4.png\", \"label\": \"cat\", \"split\": \"train\", \"group\": 2,"
    " \"weight\": 0}\n"
    "{\"path\": \"../e.png\", \"label\": \"\xe7\x8c\xab\", \"split\": \"train\", \"group\": \"2\","
    " \"weight\": 1e3}\n"
    "{\"path\": \"../f.png\", \"label\": \"cat\", \"split\": \"val\", \"group\": \"p3\","
    " \"weight\": null}";

static void all_forms_are_read(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *name, *text, *format, *ignored;
    } forms[] = {
        {"m.csv", five_csv, "csv", "set/m.csv: not read: note\n"},
        {"M.TSV", five_tsv, "csv", NULL},
        {"m.jsonl", five_jsonl, "jsonl", "set/m.jsonl: not read: note\n"},
    };
    /* the class of the test image needs a training image, the others have one each */
    for (size_t i = 0; i < BAL_COUNT_OF(forms); i++) {
        bal_dataset *d;
        uint8_t pixels[60];
        test_ok(f->ctx, open_text(f, forms[i].name, forms[i].text, &plain, &d));
        const bal_dataset_info info = bal_dataset_describe(d);
        assert_string_equal(info.format, forms[i].format);
        assert_string_equal(info.name, forms[i].name);
        assert_int_equal(info.classes, 3);
        assert_string_equal(bal_dataset_class_name(d, 0), "a \"dog\", or two");
        assert_string_equal(bal_dataset_class_name(d, 1), "cat");
        assert_int_equal(info.channels, 3); /* one is in colour */
        assert_int_equal(info.height, 4);
        assert_int_equal(info.width, 5);
        assert_int_equal(info.items[BAL_SPLIT_TRAIN], 3);
        expect_items(d, five, 5);
        test_ok(f->ctx, bal_dataset_image(d, f->ctx, 3, pixels));
        for (int p = 0; p < 60; p++)
            assert_int_equal(pixels[p], test_pixel(p / 15, p / 3 % 5, p % 3));
        bal_dataset_close(&d);
        if (forms[i].ignored)
            assert_non_null(strstr(f->log, forms[i].ignored));
        else
            assert_string_equal(f->log, "");
    }
}

static void absolute_paths_and_the_present_folder(void **state)
{
    fixture *f = *state;
    char text[8192], here[4096];
    bal_dataset *d;
    uint8_t pixels[20];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "path,label\n%s/f.png,0\n../img/a.png,1\n", f->folder);
    test_ok(f->ctx, open_text(f, "m.csv", text, &plain, &d));
    assert_int_equal(bal_dataset_describe(d).channels, 1);
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, 0, pixels));
    bal_dataset_close(&d);
    assert_int_equal(chdir(test_path(f->folder, "set")), 0);
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, "m.csv", &plain));
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, 1, pixels));
    bal_dataset_close(&d);
    assert_int_equal(chdir(here), 0);
}

static void classes_are_in_order(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *labels[4], *classes[4];
    } rows[] = {
        {{"b", "a", "B", "ab"}, {"B", "a", "ab", "b"}},
        {{"10", "9", "0", "200"}, {"0", "9", "10", "200"}},
        {{"10", "9", "01", "2"}, {"01", "10", "2", "9"}},
        {{"10", "9", "-1", "2"}, {"-1", "10", "2", "9"}},
        {{"10", "9", "1.0", "2"}, {"1.0", "10", "2", "9"}},
        {{"99999999999999999999999", "9", "100000000000000000000000", "7"},
         {"7", "9", "99999999999999999999999", "100000000000000000000000"}},
        {{" x", "x", "x ", "\"\"\"x\""}, {" x", "\"x", "x", "x "}},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char text[512] = "path,label\n";
        bal_dataset *d;
        for (int k = 0; k < 4; k++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%d.png,%s\n", k,
                     rows[i].labels[k]);
        test_ok(f->ctx, open_text(f, "m.csv", text, &blind, &d));
        for (int k = 0; k < 4; k++)
            assert_string_equal(bal_dataset_class_name(d, k), rows[i].classes[k]);
        bal_dataset_close(&d);
    }
    bal_dataset *d; /* numbers of JSON are the texts of their digits */
    test_ok(f->ctx, open_text(f, "m.jsonl",
                              "{\"path\":\"a\",\"label\":10}\n{\"path\":\"b\",\"label\":\"9\"}\n"
                              "{\"path\":\"c\",\"label\":9}",
                              &blind, &d));
    assert_int_equal(bal_dataset_describe(d).classes, 2);
    assert_int_equal(bal_dataset_label(d, 0), 1);
    assert_int_equal(bal_dataset_label(d, 2), 0);
    bal_dataset_close(&d);
}

/* A validation split that is taken from a manifest takes whole groups. */
static void groups_go_whole(void **state)
{
    fixture *f = *state;
    char text[8192] = "path,label,group\n";
    int side[12];
    bal_dataset_settings settings = blind;
    bal_dataset *d;
    for (int i = 0; i < 96; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d.png,%s,p%d\n", i,
                 i % 4 ? "many" : "few", i / 4 % 12);
    settings.val_fraction = 0.25;
    test_ok(f->ctx, open_text(f, "m.csv", text, &settings, &d));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.groups, 12);
    assert_false(info.weighted);
    assert_int_equal(info.items[BAL_SPLIT_VAL], 24);
    memset(side, 0, sizeof side);
    for (int s = BAL_SPLIT_TRAIN; s <= BAL_SPLIT_VAL; s++)
        for (int64_t i = 0; i < info.items[s]; i++) {
            const int group = bal_dataset_group(d, bal_dataset_items(d, (bal_split)s)[i]);
            assert_in_range(group, 0, 11);
            side[group] |= 1 << s;
        }
    for (int g = 0; g < 12; g++)
        assert_true(side[g] == 1 << BAL_SPLIT_TRAIN || side[g] == 1 << BAL_SPLIT_VAL);
    int64_t counts[2];
    bal_dataset_counts(d, BAL_SPLIT_VAL, counts);
    assert_int_equal(counts[0], 6); /* "few": a quarter of 24 */
    bal_dataset_close(&d);
}

static void repeats_are_read_once(void **state)
{
    fixture *f = *state;
    bal_dataset *d;
    test_ok(f->ctx, open_text(f, "m.csv",
                              "path,label,weight,group\na,x,1,g\nb,y,0.5,\na,x,,g\nc,x,1,\n"
                              "b,y,.5,\na,x,1.0,g\n",
                              &blind, &d));
    static const item three[] = {{"a", "x", BAL_SPLIT_TRAIN, 0, 1.0},
                                 {"b", "y", BAL_SPLIT_TRAIN, -1, 0.5},
                                 {"c", "x", BAL_SPLIT_TRAIN, -1, 1.0}};
    expect_items(d, three, 3);
    bal_dataset_close(&d);
    assert_non_null(strstr(f->log, "1 "));
    assert_non_null(strstr(f->log, "m.csv: 3 lines (the first is 4) repeat"));
}

/* ---- what is refused ---- */

typedef struct fault {
    const char *text;
    bal_status status;
    const char *word;
} fault;

static void expect_faults(fixture *f, const char *name, const fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bal_dataset *d;
        const bal_status status = open_text(f, name, faults[i].text, &blind, &d);
        assert_null(d);
        if (status != faults[i].status || !strstr(bal_error(f->ctx), faults[i].word) ||
            !strstr(bal_error(f->ctx), name))
            fail_msg("fault %zu: \"%s\": %s", i, bal_status_text(status), bal_error(f->ctx));
    }
}

static void bad_csv_is_refused(void **state)
{
    fixture *f = *state;
    static const fault faults[] = {
        {"", BAL_BAD_FILE, "is empty"},
        {"path,label\n", BAL_BAD_DATA, "has no images"},
        {"path,class\na,b\n", BAL_BAD_FILE, ":1: no column \"label\""},
        {"\n\nfile;label\na;b\n", BAL_BAD_FILE, ":3: no column \"path\""},
        {"file;label\na;b\n", BAL_BAD_FILE, "found: \"file;label\""},
        {"Path,label\na,b\n", BAL_BAD_FILE, "found: \"Path\", \"label\""},
        {"path,label,path\na,b,c\n", BAL_BAD_FILE, ":1: two columns \"path\""},
        {"path,label\na,x\nb\n", BAL_BAD_FILE, ":3: 1 fields, the header has 2"},
        {"path,label\na,x\nb,y,z\n", BAL_BAD_FILE, ":3: 3 fields, the header has 2"},
        {"path,label,n\na,x,\"1\n2\n\"\nb,\n", BAL_BAD_FILE, ":5: 2 fields"},
        {"path,label\na,\"x\nb,y\nc,z\n", BAL_BAD_FILE, ":2: the quote that is opened here"},
        {"path,label\na,x\"\n", BAL_BAD_FILE, ":2: a quote within"},
        {"path,label\n,x\n", BAL_BAD_FILE, ":2: the path is missing"},
        {"path,label\na,\n", BAL_BAD_FILE, ":2: the label is missing"},
        {"path,label\n\"a\nb\",x\n", BAL_BAD_FILE, ":2: the path \"a?b\" has a control"},
        {"path,label\na,\33[31mx\n", BAL_BAD_FILE, ":2: the label \"?[31mx\" has a control"},
        {"path,label,group\na,x,\177\n", BAL_BAD_FILE, ":2: the group \"?\" has a control"},
        {"path,label,weight\na,x,1\nb,y,-0.5\n", BAL_BAD_FILE, ":3: the weight is -0.5"},
        {"path,label,weight\na,x,1\nb,y,heavy\n", BAL_BAD_FILE, ":3: the weight is \"heavy\""},
        {"path,label,weight\na,x,nan\n", BAL_BAD_FILE, ":2: the weight is \"nan\""},
        {"path,label,weight\na,x,1e39\n", BAL_BAD_FILE, ":2: the weight is 1e+39"},
        {"path,label,weight\na,x,1 \n", BAL_BAD_FILE, ":2: the weight is \"1 \""},
        {"path,label,weight,split\na,x,0,train\nb,y,0,train\nc,y,1,test\n", BAL_BAD_DATA,
         "every training image has the weight 0"},
        {"path,label,split\na,x,train\nb,y,dev\n", BAL_BAD_FILE, ":3: the split is \"dev\""},
        {"path,label,split\na,x,train\nb,y,\n", BAL_BAD_FILE, ":3: has no split, line 2 has one"},
        {"path,label,split\n\na,x,\nb,y,test\n", BAL_BAD_FILE, ":4: has a split, line 3 has none"},
        {"path,label,split\na,x,train\nb,y,test\n", BAL_BAD_DATA, "(y) has no training images"},
        {"path,label\na,x\nb,x\n", BAL_BAD_DATA, "only one class (x)"},
        {"path,label\na,x\nb,x\na,y\n", BAL_BAD_DATA,
         ":4: \"a\" has another label here than on line 2"},
        {"path,label,split\na,x,train\na,x,test\n", BAL_BAD_DATA, ":3: \"a\" has another split"},
        {"path,label,weight\na,x,1\na,x,2\n", BAL_BAD_DATA, ":3: \"a\" has another weight"},
        {"path,label,group\na,x,1\na,x,2\n", BAL_BAD_DATA, ":3: \"a\" has another group"},
        {"path,label,group\na,x,1\na,x,\n", BAL_BAD_DATA, ":3: \"a\" has another group"},
        {"path,label,group,split\na,x,p1,train\nb,y,p2,train\nc,x,p2,train\nd,x,,test\n"
         "e,x,p2,test\n",
         BAL_BAD_DATA, ":6: group \"p2\" is in test here, in train on line 3"},
        {"\xff\xfep", BAL_BAD_FILE, "UTF-16"},
    };
    expect_faults(f, "m.csv", faults, BAL_COUNT_OF(faults));
}

static void bad_jsonl_is_refused(void **state)
{
    fixture *f = *state;
#define GOOD "{\"path\": \"a\", \"label\": \"x\"}\n"
    static const fault faults[] = {
        {"\n", BAL_BAD_DATA, "has no images"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\"", BAL_BAD_FILE, ":2: no JSON at column"},
        {GOOD GOOD "\n[1]\n", BAL_BAD_FILE, ":4: is not an object"},
        {GOOD "7\n", BAL_BAD_FILE, ":2: is not an object"},
        {GOOD "{\"path\": \"b\"}\n", BAL_BAD_FILE, ":2: the label is missing"},
        {GOOD "{\"label\": \"b\"}\n", BAL_BAD_FILE, ":2: the path is missing"},
        {GOOD "{\"path\": 7, \"label\": \"b\"}\n", BAL_BAD_FILE, ":2: path is not a text"},
        {GOOD "{\"path\": \"b\", \"label\": 1.5}\n", BAL_BAD_FILE,
         ":2: label is not a text or a whole number"},
        {GOOD "{\"path\": \"b\", \"label\": true}\n", BAL_BAD_FILE, ":2: label is not"},
        {GOOD "{\"path\": \"b\", \"label\": [\"y\"]}\n", BAL_BAD_FILE, ":2: label is not"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"weight\": \"1\"}\n", BAL_BAD_FILE,
         ":2: weight is not a number"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"weight\": -1}\n", BAL_BAD_FILE,
         ":2: the weight is -1"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"weight\": 1e999}\n", BAL_BAD_FILE, ":2: "},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"split\": 0}\n", BAL_BAD_FILE,
         ":2: split is not a text"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"split\": \"test\"}\n", BAL_BAD_FILE,
         ":2: has a split, line 1 has none"},
        {GOOD "{\"path\": \"b\", \"label\": \"y\", \"label\": \"z\"}\n", BAL_BAD_FILE,
         ":2: no JSON"},
        {GOOD "{\"path\": \"b\\u0000c\", \"label\": \"y\"}\n", BAL_BAD_FILE, ":2: no JSON"},
        {GOOD "{\"path\": \"b\\nc\", \"label\": \"y\"}\n", BAL_BAD_FILE, "control character"},
        {GOOD "{\"path\": \"b\xff\", \"label\": \"y\"}\n", BAL_BAD_FILE, ":2: no JSON"},
        {GOOD "{\"path\": \"a\", \"label\": \"y\"}\n", BAL_BAD_DATA,
         ":2: \"a\" has another label here than on line 1"},
        {GOOD "{\"path\": \"b\",\n\"label\": \"y\"}\n", BAL_BAD_FILE, ":2: no JSON"},
    };
    expect_faults(f, "m.jsonl", faults, BAL_COUNT_OF(faults));
    const size_t size = (2 << 20) + 100;
    char *deep = malloc(size);
    assert_non_null(deep);
    memset(deep, '[', size);
    deep[100000] = '\0';
    const fault nested = {deep, BAL_BAD_FILE, ":1: no JSON"};
    expect_faults(f, "m.jsonl", &nested, 1);
    memset(deep, ' ', size);
    deep[0] = '{';
    deep[size - 1] = '\0';
    const fault endless = {deep, BAL_BAD_FILE, ":1: a line of 2097251 bytes, at most 1048576"};
    expect_faults(f, "m.jsonl", &endless, 1);
    free(deep);
}

static void images_that_are_not_there(void **state)
{
    fixture *f = *state;
    bal_dataset *d;
    uint8_t pixels[60];
    static const char text[] = "path,label\n../f.png,x\n../img/a.png,y\n../none.png,x\n";
    test_fails(f->ctx, open_text(f, "m.csv", text, &plain, &d), BAL_IO,
               "m.csv:4: ", "set/../none.png", "No such file", NULL);
    assert_null(d);
    const bal_dataset_settings leave_out = {.seed = 1, .skip_bad = true};
    test_ok(f->ctx, open_text(f, "m.csv", text, &leave_out, &d));
    assert_int_equal(bal_dataset_skipped_count(d), 1);
    assert_string_equal(bal_dataset_skipped(d, 0).name, "../none.png");
    assert_non_null(strstr(bal_dataset_skipped(d, 0).reason, "m.csv:4: "));
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN], 2);
    bal_dataset_close(&d);
    test_ok(f->ctx, open_text(f, "m.csv", text, &blind, &d)); /* it is missed when it is wanted */
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, 1, pixels));
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 2, pixels), BAL_IO, "m.csv:4: ", "../none.png",
               NULL);
    /* a file that vanishes, or is cut, while the set is open */
    test_ok(f->ctx, bal_dataset_image(d, f->ctx, 0, pixels));
    assert_int_equal(truncate(test_path(f->folder, "f.png"), 40), 0);
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 0, pixels), BAL_BAD_FILE, "m.csv:2: ", "f.png",
               NULL);
    assert_int_equal(unlink(test_path(f->folder, "f.png")), 0);
    test_fails(f->ctx, bal_dataset_image(d, f->ctx, 0, pixels), BAL_IO, "m.csv:2: ", NULL);
    bal_dataset_close(&d);
    test_write_png(test_path(f->folder, "f.png"), 7, 6, 1);
    test_fails(f->ctx,
               open_text(f, "m.csv", "path,label\n../img/a.png,x\n../f.png,y\n", &plain, &d),
               BAL_BAD_DATA, "../img/a.png has 5x4", "../f.png has 6x7", "--img-size", NULL);
    test_write_png(test_path(f->folder, "f.png"), 4, 5, 1);
    char path[5000];
    memset(path, 'p', sizeof path - 1);
    memcpy(path, "path,label\n", 11);
    memcpy(path + sizeof path - 4, ",x\n", 4);
    test_fails(f->ctx, open_text(f, "m.csv", path, &plain, &d), BAL_IO, "m.csv:2: ", "too long",
               NULL);
    assert_int_equal(unlink(test_path(f->folder, "set/m.csv")), 0);
    test_fails(f->ctx, bal_dataset_open(&d, f->ctx, test_path(f->folder, "set/m.csv"), &plain),
               BAL_IO, "No such file", NULL);
}

static bal_status open_and_close(bal_ctx *ctx, void *path)
{
    bal_dataset *d;
    uint8_t pixels[60];
    const bal_status opened = bal_dataset_open(&d, ctx, path, &plain);
    if (opened != BAL_OK) {
        assert_null(d);
        return opened;
    }
    const bal_status status = bal_dataset_image(d, ctx, 3, pixels);
    bal_dataset_close(&d);
    return status;
}

static void no_memory_is_survived(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"m.csv", "m.jsonl"}, *const texts[] = {five_csv,
                                                                               five_jsonl};
    for (int i = 0; i < 2; i++) {
        char path[4096];
        bal_dataset *d;
        test_ok(f->ctx, open_text(f, names[i], texts[i], &plain, &d));
        bal_dataset_close(&d);
        snprintf(path, sizeof path, "%s/set/%s", f->folder, names[i]);
        test_allocation_failures(open_and_close, path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_read),
        cmocka_unit_test(absolute_paths_and_the_present_folder),
        cmocka_unit_test(classes_are_in_order),
        cmocka_unit_test(groups_go_whole),
        cmocka_unit_test(repeats_are_read_once),
        cmocka_unit_test(bad_csv_is_refused),
        cmocka_unit_test(bad_jsonl_is_refused),
        cmocka_unit_test(images_that_are_not_there),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
