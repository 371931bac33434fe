/* What stands in a run folder before the first epoch: recipe, command, environment, data, split. */
#include "train/run/run_folder_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <archive.h>
#include <curl/curl.h>
#include <jpeglib.h>
#include <openssl/crypto.h>
#include <png.h>
#include <webp/decode.h>
#include <yaml.h>
#include <zlib.h>

#define TEXT_OF(token) #token
#define VALUE_OF(macro) TEXT_OF(macro)

json_t *bal_run_json_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *plain = strdup(text);
    if (!plain)
        return NULL;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(plain);
    free(plain);
    return value;
}

bal_status bal_run_write_text(bal_run_folder *folder, const char *name, const char *text)
{
    char *path = bal_run_folder_file(folder, name);
    if (!path)
        return BAL_NO_MEMORY;
    const bal_status status = bal_file_write(folder->ctx, path, text, strlen(text));
    bal_free(folder->ctx, path);
    return status;
}

static bal_status write_line(bal_run_folder *folder, const char *name, const char *line)
{
    char *text = bal_format(folder->ctx, "%s\n", line);
    const bal_status status = text ? bal_run_write_text(folder, name, text) : BAL_NO_MEMORY;
    bal_free(folder->ctx, text);
    return status;
}

bal_status bal_run_write_json(bal_run_folder *folder, const char *name, json_t *value)
{
    char *text = bal_json_text(folder->ctx, value, true);
    json_decref(value);
    const bal_status status = text ? write_line(folder, name, text) : BAL_NO_MEMORY;
    bal_free(folder->ctx, text);
    return status;
}

/* ---- recipe.yaml ---- */

static bal_status write_recipe(bal_run_folder *folder, const bal_recipe *recipe)
{
    char *text;
    BAL_TRY(bal_recipe_yaml(recipe, folder->ctx, &text));
    const bal_status status = bal_run_write_text(folder, BAL_RUN_RECIPE, text);
    bal_release(folder->ctx, text);
    return status;
}

/* ---- environment.json ---- */

/* "model name" of /proc/cpuinfo, where the system has it. */
static json_t *processor_name(void)
{
    char line[256];
    json_t *name = NULL;
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && !name && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = '\0';
        name = bal_run_json_text(colon + 1 + strspn(colon + 1, " "));
    }
    if (f)
        fclose(f);
    return name ? name : json_null();
}

static json_t *present_time(void)
{
    char text[32];
    struct tm parts;
    const time_t now = time(NULL);
    if (!gmtime_r(&now, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return json_null();
    return json_string(text);
}

static json_t *seed_text(uint64_t seed)
{
    char text[32]; /* a text: JSON numbers hold 53 bits in many programs */
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    return json_string(text);
}

/* 0x010204 is 1.2.4 */
static json_t *webp_version(void)
{
    const int v = WebPGetDecoderVersion();
    return json_sprintf("%d.%d.%d", v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
}

static bal_status write_environment(bal_run_folder *folder, const bal_run_start *start)
{
    struct utsname system;
    if (uname(&system) != 0)
        memset(&system, 0, sizeof system);
    json_t *libraries = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "jansson", JANSSON_VERSION, "libyaml",
        yaml_get_version_string(), "libjpeg-turbo", VALUE_OF(LIBJPEG_TURBO_VERSION), "libpng",
        png_get_libpng_ver(NULL), "libwebp", webp_version(), "zlib", zlibVersion(), "libarchive",
        archive_version_string(), "libcurl", curl_version_info(CURLVERSION_NOW)->version, "openssl",
        OpenSSL_version(OPENSSL_VERSION_STRING));
    json_t *engine =
        json_pack("{s:s, s:s}", "name", start->engine, "version", start->engine_version);
    return bal_run_write_json(
        folder, BAL_RUN_ENVIRONMENT,
        json_pack("{s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:i, s:o}", "ballast",
                  bal_version(), "started", present_time(), "compiler", __VERSION__, "libraries",
                  libraries, "engine", engine, "system", system.sysname, "release", system.release,
                  "machine", system.machine, "processor", processor_name(), "threads",
                  bal_ctx_threads(folder->ctx), "seed", seed_text(start->seed)));
}

/* ---- data.json ---- */

static json_t *class_rows(const bal_run_data *d)
{
    json_t *rows = json_array();
    for (int c = 0; c < d->classes; c++) {
        json_t *row =
            json_pack("{s:o, s:I, s:I, s:I}", "name", bal_run_json_text(d->class_names[c]), "train",
                      (json_int_t)d->counts[BAL_SPLIT_TRAIN][c], "val",
                      (json_int_t)d->counts[BAL_SPLIT_VAL][c], "test",
                      (json_int_t)d->counts[BAL_SPLIT_TEST][c]);
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static json_t *numbers(const double *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        if (json_array_append_new(list, bal_json_real(values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bal_status write_data(bal_run_folder *folder, const bal_run_data *d)
{
    const bal_dataset_settings *s = &d->dataset;
    json_t *data = json_pack(
        "{s:o, s:o, s:s, s:s?, s:f, s:i, s:s, s:f, s:i, s:i, s:i, s:i, s:b, s:o}", "where",
        bal_run_json_text(d->where), "name", bal_run_json_text(d->name), "format", d->format,
        "longtail", s->longtail, "val_fraction", s->val_fraction, "img_size", s->img_size,
        "crop_mode", s->crop_mode, "crop_pct", s->crop_pct, "channels", s->channels,
        "max_image_pixels", s->max_image_pixels, "max_image_file", s->max_image_file,
        "max_unpacked", s->max_unpacked, "skip_bad", s->skip_bad, "seed", seed_text(s->seed));
    json_t *input = json_pack("{s:i, s:i, s:i, s:o, s:o}", "channels", d->channels, "height",
                              d->height, "width", d->width, "mean", numbers(d->mean, d->channels),
                              "std", numbers(d->std, d->channels));
    json_t *model =
        json_pack("{s:s, s:s, s:f}", "name", d->model, "head", d->head, "scale", d->scale);
    return bal_run_write_json(folder, BAL_RUN_DATA,
                              json_pack("{s:i, s:o, s:o, s:o, s:o}", "version",
                                        BAL_RUN_DATA_VERSION, "data", data, "input", input, "model",
                                        model, "classes", class_rows(d)));
}

/* ---- split.csv and skipped.csv ---- */

static void write_members(FILE *out, const bal_dataset *dataset)
{
    const bal_dataset_info info = bal_dataset_describe(dataset);
    fputs("item,split,class,name\n", out);
    for (int split = 0; split < BAL_SPLIT_COUNT; split++) {
        const int64_t *items = bal_dataset_items(dataset, (bal_split)split);
        for (int64_t i = 0; i < info.items[split]; i++) {
            char name[4096];
            fprintf(out, "%lld,%s,%d,", (long long)items[i], bal_split_name((bal_split)split),
                    bal_dataset_label(dataset, items[i]));
            bal_csv_field(out, bal_dataset_item_name(dataset, items[i], name, sizeof name));
            fputc('\n', out);
        }
    }
}

static void write_left_out(FILE *out, const bal_dataset *dataset)
{
    fputs("name,split,class,reason\n", out);
    for (int64_t i = 0; i < bal_dataset_skipped_count(dataset); i++) {
        const bal_skipped skipped = bal_dataset_skipped(dataset, i);
        bal_csv_field(out, skipped.name);
        fprintf(out, ",%s,%d,", bal_split_name(skipped.split), skipped.label);
        bal_csv_field(out, skipped.reason);
        fputc('\n', out);
    }
}

static bal_status write_rows(bal_run_folder *folder, const char *name, const bal_dataset *dataset,
                             void (*write)(FILE *out, const bal_dataset *dataset))
{
    bal_writer *w = NULL;
    char *path = bal_run_folder_file(folder, name);
    bal_status status = path ? bal_writer_open(&w, folder->ctx, path) : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        write(bal_writer_stream(w), dataset);
        status = bal_writer_commit(&w);
    }
    bal_free(folder->ctx, path);
    return status;
}

bal_status bal_run_folder_start(bal_run_folder *folder, const bal_run_start *start)
{
    bal_run_data_close(&folder->data); /* of the run that was here */
    BAL_TRY(write_data(folder, start->data));
    BAL_TRY(write_environment(folder, start));
    BAL_TRY(write_rows(folder, BAL_RUN_SPLIT, start->dataset, write_members));
    if (bal_dataset_skipped_count(start->dataset) > 0)
        BAL_TRY(write_rows(folder, BAL_RUN_SKIPPED, start->dataset, write_left_out));
    BAL_TRY(bal_run_folder_truncate(folder, 0));
    BAL_TRY(write_recipe(folder, start->recipe));
    return write_line(folder, BAL_RUN_COMMAND, start->command ? start->command : "");
}
