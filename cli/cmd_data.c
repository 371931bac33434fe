/* ballast data list, info and longtail. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- data list ---- */

#define COLUMN 17

static void list_row(const bal_known_dataset *known, const char *path)
{
    cli_write_entry(stdout, known->name, COLUMN, path ? path : "not here");
    cli_write_paragraph(stdout, COLUMN, known->about);
    if (!path) {
        char text[1024];
        snprintf(text, sizeof text, "to get it: ballast data get %s; or %s", known->name,
                 known->how_to_get);
        cli_write_paragraph(stdout, COLUMN, text);
    }
}

static bal_status list_known(cli *c, json_t *names)
{
    const bal_known_dataset *known;
    if (cli_wants_text(c))
        printf("names:\n");
    for (int i = 0; (known = bal_known_dataset_at(i)); i++) {
        char *path = NULL;
        const bal_status status = bal_known_dataset_find(c->ctx, known->name, &path);
        if (status != BAL_OK)
            return status;
        if (cli_wants_text(c))
            list_row(known, path);
        json_array_append_new(names, json_pack("{s:s, s:s, s:s, s:o, s:s}", "name", known->name,
                                               "about", known->about, "licence", known->licence,
                                               "path", path ? cli_json_text(path) : json_null(),
                                               "how_to_get", known->how_to_get));
        bal_release(c->ctx, path);
    }
    return BAL_OK;
}

static void list_formats(cli *c, json_t *formats)
{
    const bal_format_info *format;
    if (cli_wants_text(c))
        printf("\nformats (a path works as well; its format is found by looking):\n");
    for (int i = 0; (format = bal_format_at(i)); i++) {
        if (cli_wants_text(c))
            cli_write_entry(stdout, format->name, COLUMN, format->about);
        json_array_append_new(
            formats, json_pack("{s:s, s:s}", "name", format->name, "about", format->about));
    }
}

static bal_status run_list(cli *c)
{
    json_t *names = json_array(), *formats = json_array();
    bal_status status = list_known(c, names);
    if (status == BAL_OK)
        list_formats(c, formats);
    if (status == BAL_OK && cli_wants_json(c))
        status = cli_put_json(c, json_pack("{s:O, s:O}", "known", names, "formats", formats));
    json_decref(names);
    json_decref(formats);
    return status;
}

const cli_command cli_command_data_list = {
    .name = "data list",
    .usage = "[options]",
    .about = "known data sets and where they are; formats that are read",
    .text = "Names are looked up under `$BALLAST_DATA`, then the user's cache\n"
            "(`$XDG_CACHE_HOME/ballast` or `~/.cache/ballast`), then `/usr/share/datasets`.",
    .run = run_list,
    .examples = (const cli_example[]){{"ballast data list", "see what is there"}, {0}},
};

/* ---- data info ---- */

typedef struct split_counts {
    bal_dataset_info info;
    int64_t *of[BAL_SPLIT_COUNT]; /* classes each, in one block that of[0] owns */
    char note[1024];              /* why the images have no one size; "" where they have */
} split_counts;

static bal_status read_counts(cli *c, const bal_dataset *data, split_counts *counts)
{
    counts->info = bal_dataset_describe(data);
    const size_t classes = (size_t)counts->info.classes;
    int64_t *block = cli_calloc(c, BAL_SPLIT_COUNT * classes, sizeof *block);
    if (!block)
        return BAL_NO_MEMORY;
    for (int s = 0; s < BAL_SPLIT_COUNT; s++) {
        counts->of[s] = block + (size_t)s * classes;
        bal_dataset_counts(data, (bal_split)s, counts->of[s]);
    }
    return BAL_OK;
}

/* Largest class over smallest. */
static double imbalance(const int64_t *counts, int classes)
{
    int64_t most = counts[0], least = counts[0];
    for (int i = 1; i < classes; i++) {
        most = counts[i] > most ? counts[i] : most;
        least = counts[i] < least ? counts[i] : least;
    }
    return (double)most / (double)least;
}

/* Bytes of all images as the data set hands them out; 0 where they have no one size. */
static double decoded_bytes(const bal_dataset_info *info)
{
    double images = 0;
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        images += (double)info->items[s];
    return images * info->height * info->width * info->channels;
}

static void put_images(const split_counts *counts)
{
    const bal_dataset_info *info = &counts->info;
    const bal_known_dataset *known = bal_known_dataset_named(info->name);
    if (counts->note[0])
        printf("%d classes; of the images not all are alike: %s\n", info->classes, counts->note);
    else
        printf("%d classes, images %d x %d with %d channel%s (%.4g MiB decoded)\n", info->classes,
               info->height, info->width, info->channels, info->channels == 1 ? "" : "s",
               decoded_bytes(info) / (1 << 20));
    if (known)
        printf("licence: %s\n", known->licence);
}

static bal_status info_text(cli *c, const bal_dataset *data, const split_counts *counts)
{
    const bal_dataset_info *info = &counts->info;
    char n[3][32];
    printf("%s: %s at %s\n", info->name, info->format, info->path);
    put_images(counts);
    printf("%s train, %s val, %s test; largest training class %.4g times the smallest\n",
           cli_thousands(info->items[BAL_SPLIT_TRAIN], n[0], sizeof n[0]),
           cli_thousands(info->items[BAL_SPLIT_VAL], n[1], sizeof n[1]),
           cli_thousands(info->items[BAL_SPLIT_TEST], n[2], sizeof n[2]),
           imbalance(counts->of[BAL_SPLIT_TRAIN], info->classes));
    if (info->groups > 0)
        printf("%s group%s, each in one split\n", cli_thousands(info->groups, n[0], sizeof n[0]),
               info->groups == 1 ? "" : "s");
    if (info->weighted)
        printf("training images have weights\n");
    printf("\n");
    bal_table *table;
    const bal_status status = bal_table_open(&table, c->ctx, 2 + BAL_SPLIT_COUNT, "rlrrr");
    if (status != BAL_OK)
        return status;
    bal_table_cell(table, "#");
    bal_table_cell(table, "class");
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        bal_table_cell(table, "%s", bal_split_name((bal_split)s));
    bal_table_rule(table);
    for (int i = 0; i < info->classes; i++) {
        bal_table_cell(table, "%d", i);
        bal_table_cell(table, "%s", bal_dataset_class_name(data, i));
        for (int s = 0; s < BAL_SPLIT_COUNT; s++)
            bal_table_cell(table, "%lld", (long long)counts->of[s][i]);
    }
    return cli_put_table(c, &table);
}

static json_t *size_json(bool known, json_int_t value)
{
    return known ? json_integer(value) : json_null();
}

static json_t *info_json(const bal_dataset *data, const split_counts *counts)
{
    const bal_dataset_info *info = &counts->info;
    json_t *classes = json_array(), *items = json_object();
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        json_object_set_new(items, bal_split_name((bal_split)s), json_integer(info->items[s]));
    for (int i = 0; i < info->classes; i++) {
        json_t *row = json_pack("{s:o}", "name", cli_json_text(bal_dataset_class_name(data, i)));
        for (int s = 0; s < BAL_SPLIT_COUNT; s++)
            json_object_set_new(row, bal_split_name((bal_split)s), json_integer(counts->of[s][i]));
        json_array_append_new(classes, row);
    }
    json_t *skipped = json_array();
    for (int64_t i = 0; i < bal_dataset_skipped_count(data); i++) {
        const bal_skipped s = bal_dataset_skipped(data, i);
        json_array_append_new(skipped,
                              json_pack("{s:o, s:s, s:i, s:o}", "name", cli_json_text(s.name),
                                        "split", bal_split_name(s.split), "class", s.label,
                                        "reason", cli_json_text(s.reason)));
    }
    const bal_known_dataset *known = bal_known_dataset_named(info->name);
    const bool alike = !counts->note[0];
    return json_pack("{s:o, s:s, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:b, s:o, s:o, s:o}",
                     "name", cli_json_text(info->name), "format", info->format, "path",
                     cli_json_text(info->path), "licence", known ? known->licence : NULL,
                     "channels", size_json(alike, info->channels), "height",
                     size_json(alike, info->height), "width", size_json(alike, info->width),
                     "bytes_decoded", size_json(alike, (json_int_t)decoded_bytes(info)), "note",
                     alike ? json_null() : cli_json_text(counts->note), "items", items, "groups",
                     info->groups, "weighted", (int)info->weighted, "imbalance",
                     cli_json_real(imbalance(counts->of[BAL_SPLIT_TRAIN], info->classes)),
                     "classes", classes, "skipped", skipped);
}

/* A set whose images have several sizes, or some that cannot be read, can be looked at as well:
 * then what was wrong is part of what is told. */
static bal_status open_any(cli *c, bal_dataset **data, char *note, size_t size)
{
    bal_dataset_settings settings = c->settings.dataset;
    const bal_status status = cli_open_data(c, data, c->args[0], &settings);
    if ((status != BAL_BAD_DATA && status != BAL_BAD_FILE) || settings.img_size > 0)
        return status;
    snprintf(note, size, "%s", bal_error(c->ctx));
    settings.mixed_sizes = true;
    return cli_open_data(c, data, c->args[0], &settings);
}

static bal_status run_info(cli *c)
{
    bal_dataset *data = NULL;
    split_counts counts = {0};
    bal_status status = open_any(c, &data, counts.note, sizeof counts.note);
    if (status == BAL_OK)
        status = read_counts(c, data, &counts);
    if (status == BAL_OK && cli_wants_text(c))
        status = info_text(c, data, &counts);
    if (status == BAL_OK && cli_wants_json(c))
        status = cli_put_json(c, info_json(data, &counts));
    free(counts.of[0]);
    bal_dataset_close(&data);
    return status;
}

static const cli_group info_groups[] = {
    {"data", bal_dataset_options, offsetof(cli_settings, dataset), CLI_ONCE},
    {"draws", cli_dataset_seed_rows, offsetof(cli_settings, dataset), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_data_info = {
    .name = "data info",
    .usage = "DATA [options]",
    .about = "what is in a data set: format, size, images per class",
    .text =
        "The counts are those that training would see with the same options: the long tail is cut\n"
        "first, then the validation split is taken from what remains. Images of several sizes are\n"
        "counted too, and the first that differs (or that cannot be read) is named; training "
        "wants\n"
        "`--img-size` for such a set. Of a set with a known name the licence is told.",
    .run = run_info,
    .groups = info_groups,
    .arguments = (const cli_argument[]){{"DATA", "a path, or a name of `ballast data list`"}, {0}},
    .least = 1,
    .most = 1,
    .examples =
        (const cli_example[]){
            {"ballast data info fashion-mnist", "look at a data set"},
            {"ballast data info fashion-mnist --longtail exp:100 --json info.json",
             "the same cut to a long tail, for people and for machines"},
            {"ballast data info things.csv --img-size 28",
             "a manifest of images, with groups and weights"},
            {0}},
};

/* ---- data longtail ---- */

static bal_status longtail_output(cli *c, const bal_dataset *data, const int64_t *before,
                                  const int64_t *after)
{
    const int classes = bal_dataset_describe(data).classes;
    bal_status status = BAL_OK;
    if (cli_wants_text(c)) {
        bal_table *table;
        status = bal_table_open(&table, c->ctx, 4, "rlrr");
        if (status != BAL_OK)
            return status;
        bal_table_cell(table, "#");
        bal_table_cell(table, "class");
        bal_table_cell(table, "before");
        bal_table_cell(table, "after");
        bal_table_rule(table);
        for (int i = 0; i < classes; i++) {
            bal_table_cell(table, "%d", i);
            bal_table_cell(table, "%s", bal_dataset_class_name(data, i));
            bal_table_cell(table, "%lld", (long long)before[i]);
            bal_table_cell(table, "%lld", (long long)after[i]);
        }
        status = cli_put_table(c, &table);
    }
    if (status != BAL_OK || !cli_wants_json(c))
        return status;
    json_t *rows = json_array();
    for (int i = 0; i < classes; i++)
        json_array_append_new(rows,
                              json_pack("{s:o, s:I, s:I}", "name",
                                        cli_json_text(bal_dataset_class_name(data, i)), "before",
                                        (json_int_t)before[i], "after", (json_int_t)after[i]));
    return cli_put_json(c, json_pack("{s:s, s:o}", "longtail", c->args[1], "classes", rows));
}

static bal_status run_longtail(cli *c)
{
    bal_dataset *data = NULL;
    int64_t *counts = NULL;
    bal_dataset_settings whole = c->settings.dataset;
    whole.val_fraction = 0.0; /* the cut comes before the validation split */
    bal_status status = bal_dataset_open(&data, c->ctx, c->args[0], &whole);
    if (status != BAL_OK)
        return status;
    const int classes = bal_dataset_describe(data).classes;
    counts = cli_calloc(c, 2 * (size_t)classes, sizeof *counts);
    status = counts ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        bal_dataset_counts(data, BAL_SPLIT_TRAIN, counts);
        status = bal_longtail_counts(c->ctx, c->args[1], classes, counts, counts + classes);
    }
    if (status == BAL_OK)
        status = longtail_output(c, data, counts, counts + classes);
    free(counts);
    bal_dataset_close(&data);
    return status;
}

const cli_command cli_command_data_longtail = {
    .name = "data longtail",
    .usage = "DATA SPEC [options]",
    .about = "the images per class that a long-tail cut leaves",
    .text =
        "`exp:RATIO` leaves floor(n_max * RATIO^(-j / (C - 1))) images of class j of C, in label\n"
        "order (Cui et al. 2019, Cao et al. 2019). `step:RATIO:FRACTION` leaves\n"
        "floor(n_max / RATIO) images of each of the last floor(C * FRACTION) classes. The same\n"
        "text after `--longtail` trains on the cut set.",
    .run = run_longtail,
    .arguments = (const cli_argument[]){{"DATA", "a path, or a name of `ballast data list`"},
                                        {"SPEC", "exp:RATIO or step:RATIO:FRACTION"},
                                        {0}},
    .least = 2,
    .most = 2,
    .examples =
        (const cli_example[]){
            {"ballast data longtail fashion-mnist exp:100", "an exponential tail"},
            {"ballast data longtail fashion-mnist step:10:0.5", "half of the classes made rare"},
            {0}},
};
