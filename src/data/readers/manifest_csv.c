/* Reader of CSV and TSV manifests: a header with path, label and perhaps split, weight and group,
 * in any order; then an image a record. */
#include "base/parse.h"
#include "data/readers/csv.h"
#include "data/readers/manifest.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum column { PATH, LABEL, SPLIT, WEIGHT, GROUP, COLUMNS } column;

static const char *const column_names[COLUMNS] = {
    [PATH] = "path", [LABEL] = "label", [SPLIT] = "split", [WEIGHT] = "weight", [GROUP] = "group"};

#define ABSENT SIZE_MAX

typedef struct csv_header {
    size_t fields;
    size_t at[COLUMNS]; /* place of the column, or ABSENT */
} csv_header;

static bal_status fail_column(const bal_csv *csv, const char *missing)
{
    char list[512] = "";
    size_t at = 0;
    for (size_t i = 0; i < csv->count && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s\"%s\"", i ? ", " : "",
                               csv->fields[i]);
    return bal_fail(csv->ctx, BAL_BAD_FILE,
                    "%s:%" PRId64 ": no column \"%s\"; the first line names the columns, path and "
                    "label among them, found: %s",
                    csv->name, csv->line, missing, list);
}

static bal_status take_header(bal_source *source, bal_csv *csv, csv_header *header)
{
    bool more;
    BAL_TRY(bal_csv_next(csv, &more));
    if (!more)
        return bal_fail(csv->ctx, BAL_BAD_FILE, "%s: is empty, a header was expected", csv->name);
    *header = (csv_header){.fields = csv->count, .at = {ABSENT, ABSENT, ABSENT, ABSENT, ABSENT}};
    for (size_t i = 0; i < csv->count; i++) {
        size_t c = 0;
        while (c < COLUMNS && strcmp(csv->fields[i], column_names[c]) != 0)
            c++;
        if (c == COLUMNS) {
            BAL_TRY(bal_manifest_ignore(source, csv->ctx, csv->fields[i]));
        } else if (header->at[c] != ABSENT) {
            return bal_fail(csv->ctx, BAL_BAD_FILE, "%s:%" PRId64 ": two columns \"%s\"", csv->name,
                            csv->line, column_names[c]);
        } else {
            header->at[c] = i;
        }
    }
    for (size_t c = PATH; c <= LABEL; c++)
        if (header->at[c] == ABSENT)
            return fail_column(csv, column_names[c]);
    return BAL_OK;
}

static const char *field(const bal_csv *csv, const csv_header *header, column c)
{
    return header->at[c] == ABSENT ? NULL : csv->fields[header->at[c]];
}

static bal_status add_record(bal_source *source, const bal_csv *csv, const csv_header *header)
{
    if (csv->count != header->fields)
        return bal_fail(csv->ctx, BAL_BAD_FILE,
                        "%s:%" PRId64
                        ": %zu fields, the header has %zu (a field with the delimiter "
                        "in it is quoted)",
                        csv->name, csv->line, csv->count, header->fields);
    bal_manifest_row row = {.line = csv->line,
                            .path = field(csv, header, PATH),
                            .label = field(csv, header, LABEL),
                            .split = field(csv, header, SPLIT),
                            .group = field(csv, header, GROUP),
                            .weight = 1.0};
    const char *weight = field(csv, header, WEIGHT);
    if (weight && *weight && !bal_parse_real(weight, &row.weight))
        return bal_fail(csv->ctx, BAL_BAD_FILE,
                        "%s:%" PRId64 ": the weight is \"%s\", a number of 0 or above expected",
                        csv->name, csv->line, weight);
    return bal_manifest_add(source, csv->ctx, &row);
}

static bal_status take_records(bal_source *source, bal_csv *csv)
{
    csv_header header = {0};
    bool more;
    BAL_TRY(take_header(source, csv, &header));
    for (;;) {
        BAL_TRY(bal_csv_next(csv, &more));
        if (!more)
            return bal_manifest_finish(source, csv->ctx);
        BAL_TRY(add_record(source, csv, &header));
    }
}

bal_status bal_manifest_csv(bal_source *source, bal_ctx *ctx, const bal_bytes *text, char delimiter)
{
    bal_csv csv;
    BAL_TRY(bal_manifest_begin(source, ctx));
    BAL_TRY(bal_csv_open(&csv, ctx, source->path, text, delimiter));
    const bal_status status = take_records(source, &csv);
    bal_csv_close(&csv);
    return status;
}

/* ---- the reader ---- */

static bool probe(const char *path)
{
    return bal_is_file_ending(path, ".csv") || bal_is_file_ending(path, ".tsv");
}

static bal_status parse(bal_source *source, bal_ctx *ctx, const bal_bytes *text)
{
    const bool tabs = bal_is_file_ending(source->path, ".tsv");
    return bal_manifest_csv(source, ctx, text, tabs ? '\t' : ',');
}

static bal_status open_file(bal_source *source, bal_ctx *ctx)
{
    return bal_manifest_open(source, ctx, parse);
}

const bal_reader bal_reader_csv = {
    .info = {"csv", "manifest FILE.csv (or .tsv): columns path, label, and split, weight, group "
                    "where wanted; an image a line"},
    .probe = probe,
    .open = open_file,
    .picture = bal_manifest_picture,
    .item_name = bal_manifest_item_name,
    .close = bal_manifest_close,
};
