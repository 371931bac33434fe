/* An audit: which part runs when, on what, and the handle that keeps what they found. */
#include "audit/audit_handle.h"

#include "base/clock.h"
#include "numeric/statistics/stratify.h"

#include <math.h>
#include <string.h>

#define LARGEST_HASH_DISTANCE 16
#define MOST_NEIGHBOURS 100
#define MOST_COMPONENTS 4096
#define FETCHED 4096 /* rows of features at a time */

/* ---- settings ---- */

bal_audit_settings bal_audit_defaults(void)
{
    return (bal_audit_settings){.near_distance = BAL_SCAN_DISTANCE,
                                .neighbours = 5,
                                .max_items = 20000,
                                .components = 50,
                                .seed = 1};
}

#define FIELD(f) offsetof(bal_audit_settings, f)
static const bal_option options[] = {
    {"parts", BAL_OPTION_TEXT, FIELD(parts), 0, 0, "LIST", NULL,
     "what is looked at: extent, cleanliness, difficulty, with commas between (default all)"},
    {"near-distance", BAL_OPTION_INT, FIELD(near_distance), -1, LARGEST_HASH_DISTANCE, "N", NULL,
     "bits in which the hashes of near duplicates may differ; -1: not searched (default 10)"},
    {"neighbours", BAL_OPTION_INT, FIELD(neighbours), 1, MOST_NEIGHBOURS, "K", NULL,
     "nearest neighbours that say how hard an image is (default 5)"},
    {"max-items", BAL_OPTION_INT, FIELD(max_items), 0, 2147483647.0, "N", NULL,
     "of more training images the difficulty is measured on a sample; 0: on all (default 20000)"},
    {"components", BAL_OPTION_INT, FIELD(components), 0, MOST_COMPONENTS, "N", NULL,
     "principal components that features are reduced to; 0: not at all (default 50)"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_audit_options(void)
{
    return options;
}

static bool is_section(int s, const char *word, size_t length)
{
    const char *name = bal_audit_section_name((bal_audit_section)s);
    return strlen(name) == length && strncmp(word, name, length) == 0;
}

static bal_status read_parts(bal_audit *a)
{
    const char *at = a->settings.parts;
    if (!at) {
        for (int s = 0; s < BAL_AUDIT_ADVICE; s++)
            a->asked[s] = true;
        return BAL_OK;
    }
    for (;; at++) {
        const size_t length = strcspn(at, ",");
        int s = 0;
        while (s < BAL_AUDIT_ADVICE && !is_section(s, at, length))
            s++;
        if (s == BAL_AUDIT_ADVICE)
            return bal_fail(a->ctx, BAL_BAD_ARG,
                            "parts wants extent, cleanliness or difficulty with commas between, "
                            "got \"%s\"",
                            a->settings.parts);
        a->asked[s] = true;
        at += length;
        if (!*at)
            break;
    }
    a->asked[BAL_AUDIT_EXTENT] = true;
    return BAL_OK;
}

static bal_status check_range(bal_ctx *ctx, const char *name, int value, int least, int most)
{
    if (value < least || value > most)
        return bal_fail(ctx, BAL_BAD_ARG, "%s is %d, %d to %d expected", name, value, least, most);
    return BAL_OK;
}

static bal_status check_settings(bal_ctx *ctx, const bal_audit_settings *s)
{
    BAL_TRY(check_range(ctx, "near-distance", s->near_distance, -1, LARGEST_HASH_DISTANCE));
    BAL_TRY(check_range(ctx, "neighbours", s->neighbours, 1, MOST_NEIGHBOURS));
    BAL_TRY(check_range(ctx, "max-items", s->max_items, 0, INT32_MAX));
    BAL_TRY(check_range(ctx, "components", s->components, 0, MOST_COMPONENTS));
    if (s->features && s->feature_dim < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "features have %d numbers an image, at least 1 expected",
                        s->feature_dim);
    return BAL_OK;
}

/* ---- the parts ---- */

/* What is measured, and by which numbers. */
typedef struct sample {
    int64_t *items; /* of the data set, ascending; taken over by the audit */
    int64_t count;
    int channels;
    int32_t *labels;
    float *rows; /* count x dim; NULL: the pixels of the scan */
    int dim;
} sample;

static void sample_free(bal_ctx *ctx, sample *s)
{
    bal_free(ctx, s->items);
    bal_free(ctx, s->labels);
    bal_free(ctx, s->rows);
}

static int64_t training_images(const bal_audit *a)
{
    return a->extent.items[BAL_SPLIT_TRAIN];
}

/* The labels of items, new. */
static int32_t *labels_of(bal_audit *a, const int64_t *items, int64_t count)
{
    int32_t *labels = bal_calloc(a->ctx, (size_t)count, sizeof *labels);
    for (int64_t i = 0; labels && i < count; i++)
        labels[i] = (int32_t)bal_dataset_label(a->data, items[i]);
    return labels;
}

static bal_status draw_sample(bal_audit *a, sample *s)
{
    const int64_t *train = bal_dataset_items(a->data, BAL_SPLIT_TRAIN);
    int32_t *labels = labels_of(a, train, training_images(a));
    if (!labels)
        return BAL_NO_MEMORY;
    const bal_stratify_ask ask = {.labels = labels,
                                  .count = training_images(a),
                                  .classes = a->extent.classes,
                                  .most = a->settings.max_items,
                                  .seed = a->settings.seed,
                                  .stream = BAL_STREAM_AUDIT};
    const bal_status status = bal_stratify(a->ctx, &ask, &s->items, &s->count);
    for (int64_t i = 0; status == BAL_OK && i < s->count; i++)
        s->items[i] = train[s->items[i]];
    bal_free(a->ctx, labels);
    return status;
}

static bal_status scan(bal_audit *a, bal_audit_teller *teller, sample *s)
{
    const bal_dataset_info info = bal_dataset_describe(a->data);
    const bool pixels = a->asked[BAL_AUDIT_DIFFICULTY] && !a->settings.features;
    s->channels = info.channels == 1 ? 1 : 3;
    const bal_scan_ask ask = {
        .data = a->data,
        .items =
            info.items[BAL_SPLIT_TRAIN] + info.items[BAL_SPLIT_VAL] + info.items[BAL_SPLIT_TEST],
        .classes = info.classes,
        .near_distance = a->settings.near_distance,
        .clean = a->asked[BAL_AUDIT_CLEANLINESS],
        .kept = pixels ? s->items : NULL,
        .kept_count = pixels ? s->count : 0,
        .kept_channels = s->channels,
        .teller = teller,
    };
    if (!ask.clean && !pixels)
        return BAL_OK;
    return bal_audit_scan(a->ctx, &ask, &a->scan);
}

static bool is_unreadable(const bal_audit *a, int64_t item)
{
    const bal_audit_cleanliness *clean = &a->scan.clean;
    int64_t low = 0, high = clean->unreadable_count; /* they ascend */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (clean->unreadable[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < clean->unreadable_count && clean->unreadable[low].item == item;
}

/* Items that could not be read leave the sample, and their rows of pixels with them. */
static void drop_unreadable(bal_audit *a, sample *s)
{
    const size_t row = (size_t)BAL_AUDIT_PIXELS * BAL_AUDIT_PIXELS * (size_t)s->channels;
    float *pixels = a->settings.features ? NULL : a->scan.pixels;
    int64_t kept = 0;
    for (int64_t i = 0; i < s->count; i++) {
        if (a->settings.features ? is_unreadable(a, s->items[i]) : !a->scan.readable[i])
            continue;
        if (pixels && kept != i)
            memcpy(pixels + (size_t)kept * row, pixels + (size_t)i * row, row * sizeof *pixels);
        s->items[kept++] = s->items[i];
    }
    s->count = kept;
    s->dim = a->settings.features ? a->settings.feature_dim : (int)row;
}

static bal_status fetch_features(bal_audit *a, bal_audit_teller *teller, sample *s)
{
    const bal_audit_settings *settings = &a->settings;
    s->rows = bal_calloc(a->ctx, (size_t)s->count * (size_t)s->dim, sizeof *s->rows);
    if (!s->rows)
        return BAL_NO_MEMORY;
    for (int64_t at = 0; at < s->count; at += FETCHED) {
        const int64_t count = s->count - at < FETCHED ? s->count - at : FETCHED;
        bal_audit_tell(teller, "features", at, s->count);
        BAL_TRY(settings->features(settings->feature_user, s->items + at, count,
                                   s->rows + (size_t)at * (size_t)s->dim));
        if (bal_take_interrupt(a->ctx))
            return bal_fail(a->ctx, BAL_INTERRUPTED, "interrupted while features were read");
    }
    bal_audit_tell(teller, "features", s->count, s->count);
    return BAL_OK;
}

/* Training images that can be read, as far as they were looked at. */
static int64_t readable_training(const bal_audit *a)
{
    const int64_t *train = bal_dataset_items(a->data, BAL_SPLIT_TRAIN);
    int64_t count = 0;
    if (a->scan.clean.unreadable_count == 0)
        return training_images(a);
    for (int64_t i = 0; i < training_images(a); i++)
        count += !is_unreadable(a, train[i]);
    return count;
}

static bal_status measure_difficulty(bal_audit *a, bal_audit_teller *teller, sample *s)
{
    bal_audit_difficulty *d = &a->difficulty;
    const bool whole = s->count == training_images(a);
    drop_unreadable(a, s);
    if (a->settings.features)
        BAL_TRY(fetch_features(a, teller, s));
    s->labels = labels_of(a, s->items, s->count);
    if (!s->labels)
        return BAL_NO_MEMORY;
    const bal_hardness_ask ask = {
        .rows = s->rows ? s->rows : a->scan.pixels,
        .count = s->count,
        .dim = s->dim,
        .labels = s->labels,
        .classes = a->extent.classes,
        .neighbours = a->settings.neighbours,
        .components = a->settings.components,
        .seed = a->settings.seed,
        .draws = bal_hardness_defaults().draws,
        .teller = teller,
    };
    BAL_TRY(bal_audit_hardness(a->ctx, &ask, d));
    d->features = a->feature_name;
    d->of = whole ? s->count : readable_training(a);
    d->count = s->count;
    d->items = a->measured = s->items;
    s->items = NULL;
    return BAL_OK;
}

static bal_status run_parts(bal_audit *a)
{
    bal_audit_teller teller = {.settings = &a->settings};
    sample s = {0};
    bal_status status;
    double from = bal_clock();
    BAL_GOTO(bal_audit_measure_extent(a));
    double to = bal_clock();
    a->seconds[BAL_AUDIT_EXTENT] = to - from;
    from = to;
    if (a->asked[BAL_AUDIT_DIFFICULTY])
        BAL_GOTO(draw_sample(a, &s));
    BAL_GOTO(scan(a, &teller, &s));
    to = bal_clock();
    if (a->asked[BAL_AUDIT_CLEANLINESS]) {
        a->seconds[BAL_AUDIT_CLEANLINESS] = to - from;
        from = to;
    }
    if (a->asked[BAL_AUDIT_DIFFICULTY]) {
        BAL_GOTO(measure_difficulty(a, &teller, &s));
        a->seconds[BAL_AUDIT_DIFFICULTY] = bal_clock() - from;
    }
    status = bal_audit_apply_rules(a);
fail:
    sample_free(a->ctx, &s);
    bal_free(a->ctx, a->scan.pixels); /* only the difficulty wanted them */
    a->scan.pixels = NULL;
    return status;
}

bal_status bal_audit_open(bal_audit **out, bal_ctx *ctx, const bal_dataset *data,
                          const bal_audit_settings *settings)
{
    *out = NULL;
    const bal_audit_settings s = settings ? *settings : bal_audit_defaults();
    BAL_TRY(check_settings(ctx, &s));
    bal_audit *a = bal_calloc(ctx, 1, sizeof *a);
    if (!a)
        return BAL_NO_MEMORY;
    a->ctx = ctx;
    a->data = data;
    a->settings = s;
    for (int i = 0; i < BAL_AUDIT_ADVICE; i++)
        a->seconds[i] = NAN;
    bal_status status;
    BAL_GOTO(read_parts(a));
    a->feature_name = bal_strdup(
        ctx, s.features && s.feature_name ? s.feature_name : (s.features ? "features" : "pixels"));
    BAL_GOTO(a->feature_name ? BAL_OK : BAL_NO_MEMORY);
    BAL_GOTO(run_parts(a));
    a->settings.parts = a->settings.feature_name = NULL; /* they were borrowed for the call */
    *out = a;
    return BAL_OK;
fail:
    bal_audit_close(&a);
    return status;
}

void bal_audit_close(bal_audit **audit)
{
    bal_audit *a = audit ? *audit : NULL;
    if (!a)
        return;
    bal_audit_free_rules(a);
    bal_hardness_free(a->ctx, &a->difficulty);
    bal_scan_free(a->ctx, &a->scan);
    bal_free(a->ctx, a->measured);
    bal_free(a->ctx, a->feature_name);
    bal_free(a->ctx, a->extent_of);
    bal_free(a->ctx, a);
    *audit = NULL;
}
