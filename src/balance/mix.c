/* Mixing: what is drawn for a batch, and what becomes of two images and their labels. */
#include "ballast/balance.h"

#include "base/compiler.h"
#include "base/context.h"
#include "base/random.h"
#include "numeric/statistics/intervals.h"

#include <math.h>
#include <string.h>

#define PLACE_DRAWS ((uint64_t)1 << 63) /* apart from the draws of batches and images */

typedef struct mix_kind {
    bal_method_info info;
    /* share of the image's label in the target; NULL: that of the picture */
    double (*label_share)(const bal_mix *mix, double share, double count, double partner_count);
    bool needs_counts, cuts, second_stream, hidden, does_nothing;
} mix_kind;

struct bal_mix {
    bal_ctx *ctx;
    const mix_kind *kind;
    double alpha, prob, k, tau, f, a;
    bool per_pair;
    double *counts; /* classes; NULL: not needed */
};

/* ---- the list ---- */

static double share_remix(const bal_mix *mix, double share, double count, double partner_count)
{
    if (count >= mix->k * partner_count && share < mix->tau)
        return 0.0;
    if (mix->k * count <= partner_count && 1.0 - share < mix->tau)
        return 1.0;
    return share;
}

static double share_mamix(const bal_mix *mix, double share, double count, double partner_count)
{
    /* n_j^f / (n_i^f + n_j^f), written so that no power can overflow */
    const double half = 1.0 / (1.0 + pow(count / partner_count, mix->f));
    return share < half ? 0.5 * share / half : 1.0 - 0.5 * (1.0 - share) / (1.0 - half);
}

static const mix_kind kinds[] = {
    {.info = {"none", "x_i, y_i", "every image as it is"}, .does_nothing = true},
    {.info = {"mixup", "x = lambda x_i + (1 - lambda) x_j, y likewise, lambda ~ Beta(alpha, alpha)",
              "Zhang et al. 2018"}},
    {.info = {"cutmix", "a box of x_j in x_i; y by the clipped area of the box", "Yun et al. 2019"},
     .cuts = true},
    {.info = {"remix",
              "x as mixup; the label alone of the rarer class where n_i / n_j >= k and its "
              "share is above 1 - tau",
              "Chou et al. 2020"},
     .label_share = share_remix,
     .needs_counts = true},
    {.info = {"mamix", "x as mixup; y is half of each at lambda = n_j^f / (n_i^f + n_j^f)",
              "Cheng et al. 2023"},
     .label_share = share_mamix,
     .needs_counts = true},
    {.info = {"cmo", "cutmix, with x_j drawn with weight 1 / n_j^a", "Park et al. 2022"},
     .needs_counts = true,
     .cuts = true,
     .second_stream = true},
    {.info = {"manifold-mixup",
              "mixup of the images, or of what the network made of them at one of two places",
              "Verma et al. 2019"},
     .hidden = true},
};

const bal_method_info *bal_mix_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(kinds) ? &kinds[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_method_info *info = bal_mix_at(i);
    return info ? info->name : NULL;
}

/* ---- open and close ---- */

bal_mix_settings bal_mix_defaults(void)
{
    return (bal_mix_settings){
        .name = "none", .alpha = 1.0, .prob = 1.0, .k = 3.0, .tau = 0.5, .f = -0.25, .a = 1.0};
}

static bal_status find_kind(bal_ctx *ctx, const char *name, const mix_kind **out)
{
    for (size_t i = 0; name && i < BAL_COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].info.name, name) == 0) {
            *out = &kinds[i];
            return BAL_OK;
        }
    const char *near = bal_nearest_name(name ? name : "", name_at, NULL);
    return bal_fail(ctx, BAL_BAD_ARG, "there is no mixing \"%s\"%s%s%s", name ? name : "",
                    near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bal_status check_settings(bal_ctx *ctx, const mix_kind *kind, const bal_mix_settings *s)
{
    const struct {
        const char *name;
        double value, least, most;
    } numbers[] = {
        {"alpha", s->alpha, 1e-3, 1e3}, {"prob", s->prob, 0.0, 1.0}, {"k", s->k, 1.0, 1e12},
        {"tau", s->tau, 0.0, 1.0},      {"f", s->f, -10.0, 10.0},    {"a", s->a, -9.0, 11.0},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(numbers); i++)
        if (!(numbers[i].value >= numbers[i].least && numbers[i].value <= numbers[i].most))
            return bal_fail(ctx, BAL_BAD_ARG, "%s is %g, must be %g to %g", numbers[i].name,
                            numbers[i].value, numbers[i].least, numbers[i].most);
    if (s->classes < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 1", s->classes);
    if (!kind->needs_counts)
        return BAL_OK;
    if (!s->counts)
        return bal_fail(ctx, BAL_BAD_ARG, "mixing %s needs the class counts", kind->info.name);
    for (int c = 0; c < s->classes; c++)
        if (s->counts[c] < 1)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "class %d has %lld training images; mixing %s needs at least 1 of each",
                            c, (long long)s->counts[c], kind->info.name);
    return BAL_OK;
}

bal_status bal_mix_open(bal_mix **out, bal_ctx *ctx, const bal_mix_settings *settings)
{
    *out = NULL;
    const bal_mix_settings *s = settings;
    const mix_kind *kind = NULL;
    BAL_TRY(find_kind(ctx, s->name, &kind));
    BAL_TRY(check_settings(ctx, kind, s));
    bal_mix *mix = bal_calloc(ctx, 1, sizeof *mix);
    if (!mix)
        return BAL_NO_MEMORY;
    *mix = (bal_mix){.ctx = ctx,
                     .kind = kind,
                     .alpha = s->alpha,
                     .prob = s->prob,
                     .k = s->k,
                     .tau = s->tau,
                     .f = s->f,
                     .a = s->a,
                     .per_pair = s->per_pair};
    if (kind->needs_counts) {
        mix->counts = bal_calloc(ctx, (size_t)s->classes, sizeof *mix->counts);
        if (!mix->counts) {
            bal_mix_close(&mix);
            return BAL_NO_MEMORY;
        }
        for (int c = 0; c < s->classes; c++)
            mix->counts[c] = (double)s->counts[c];
    }
    *out = mix;
    return BAL_OK;
}

void bal_mix_close(bal_mix **mix)
{
    if (!mix || !*mix)
        return;
    bal_ctx *ctx = (*mix)->ctx;
    bal_free(ctx, (*mix)->counts);
    bal_free(ctx, *mix);
    *mix = NULL;
}

bool bal_mix_is_hidden(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].info.name, name) == 0)
            return kinds[i].hidden;
    return false;
}

bool bal_mix_second_stream(const bal_mix *mix, double *q)
{
    *q = 1.0 - mix->a;
    return mix->kind->second_stream;
}

/* ---- draws ---- */

/* What a batch, or with per_pair an image, draws: always the same numbers in the same order. */
static bal_mix_pair draw_one(const bal_mix *mix, bal_random *random, const bal_mix_batch *batch)
{
    const bool mixes = bal_random_unit(random) < mix->prob;
    const double u = bal_random_unit(random);
    const int row = (int)bal_random_below(random, (uint64_t)batch->height);
    const int column = (int)bal_random_below(random, (uint64_t)batch->width);
    bal_mix_pair pair = {.share = 1.0};
    if (!mixes)
        return pair;
    const double lambda = bal_beta_quantile(u, mix->alpha, mix->alpha);
    pair.share = lambda;
    if (mix->kind->cuts) {
        const bal_image_shape shape = {1, batch->height, batch->width};
        pair.box = bal_mix_box(lambda, shape, row, column);
        pair.share =
            1.0 - (double)pair.box.height * pair.box.width / ((double)batch->height * batch->width);
    }
    return pair;
}

/* The second stream's images are drawn already, so a place meets the same place. */
static void draw_partners(const bal_mix *mix, bal_random *random, int count, bal_mix_pair *pairs)
{
    for (int i = 0; i < count; i++)
        pairs[i].partner = i;
    for (int i = count - 1; i > 0 && !mix->kind->second_stream; i--) {
        const int j = (int)bal_random_below(random, (uint64_t)i + 1);
        const int32_t held = pairs[i].partner;
        pairs[i].partner = pairs[j].partner;
        pairs[j].partner = held;
    }
}

bool bal_mix_draw(const bal_mix *mix, const bal_mix_batch *batch, bal_mix_pair *pairs)
{
    if (mix->kind->does_nothing || mix->prob <= 0.0)
        return false;
    bal_random random = bal_random_at(batch->seed, BAL_STREAM_MIX, batch->epoch, 2 * batch->first);
    const bal_mix_pair common = draw_one(mix, &random, batch);
    bool any = false;
    for (int i = 0; i < batch->count; i++) {
        bal_random own = bal_random_at(batch->seed, BAL_STREAM_MIX, batch->epoch,
                                       2 * (batch->first + (uint64_t)i) + 1);
        pairs[i] = mix->per_pair ? draw_one(mix, &own, batch) : common;
        any = any || pairs[i].share < 1.0;
    }
    draw_partners(mix, &random, batch->count, pairs);
    return any;
}

int bal_mix_place(const bal_mix *mix, const bal_mix_batch *batch)
{
    if (!mix->kind->hidden)
        return 0;
    bal_random random =
        bal_random_at(batch->seed, BAL_STREAM_MIX, batch->epoch, PLACE_DRAWS | batch->first);
    return (int)bal_random_below(&random, BAL_MIX_PLACES + 1);
}

/* ---- arithmetic ---- */

static void clip_span(int middle, int half, int limit, int *first, int *length)
{
    const int begin = middle > half ? middle - half : 0;
    const int end = middle + half < limit ? middle + half : limit;
    *first = begin;
    *length = end - begin;
}

bal_augment_region bal_mix_box(double lambda, bal_image_shape shape, int row, int column)
{
    const double ratio = sqrt(1.0 - lambda);
    bal_augment_region box;
    clip_span(row, (int)(shape.height * ratio) / 2, shape.height, &box.top, &box.height);
    clip_span(column, (int)(shape.width * ratio) / 2, shape.width, &box.left, &box.width);
    return box;
}

double bal_mix_label_share(const bal_mix *mix, double share, int label, int partner_label)
{
    if (!mix->kind->label_share)
        return share;
    return mix->kind->label_share(mix, share, mix->counts[label], mix->counts[partner_label]);
}

BAL_WIDE static void blend(float share, size_t count, const float *image, const float *partner,
                           float *mixed)
{
    const float rest = 1.0f - share;
    for (size_t i = 0; i < count; i++)
        mixed[i] = share * image[i] + rest * partner[i];
}

/* Rows of bytes from one picture into another; stride and offsets in bytes. */
static void paste(const bal_augment_region *box, size_t row_bytes, size_t pixel_bytes,
                  const void *from, void *to)
{
    for (int y = 0; y < box->height; y++) {
        const size_t at = (size_t)(box->top + y) * row_bytes + (size_t)box->left * pixel_bytes;
        memcpy((uint8_t *)to + at, (const uint8_t *)from + at, (size_t)box->width * pixel_bytes);
    }
}

static bool is_box(const bal_mix_pair *pair)
{
    return pair->box.height > 0 && pair->box.width > 0;
}

void bal_mix_floats(const bal_mix_pair *pair, bal_image_shape shape, const float *image,
                    const float *partner, float *mixed)
{
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    const size_t count = area * (size_t)shape.channels;
    if (!is_box(pair) && pair->share < 1.0) {
        blend((float)pair->share, count, image, partner, mixed);
        return;
    }
    if (mixed != image)
        memcpy(mixed, image, count * sizeof *mixed);
    for (size_t c = 0; is_box(pair) && c < (size_t)shape.channels; c++)
        paste(&pair->box, (size_t)shape.width * sizeof *mixed, sizeof *mixed, partner + c * area,
              mixed + c * area);
}

void bal_mix_bytes(const bal_mix_pair *pair, bal_image_shape shape, const uint8_t *image,
                   const uint8_t *partner, uint8_t *mixed)
{
    const size_t pixel = (size_t)shape.channels, row = pixel * (size_t)shape.width;
    const size_t count = row * (size_t)shape.height;
    if (!is_box(pair) && pair->share < 1.0) {
        for (size_t i = 0; i < count; i++)
            mixed[i] =
                (uint8_t)floor(pair->share * image[i] + (1.0 - pair->share) * partner[i] + 0.5);
        return;
    }
    if (mixed != image)
        memcpy(mixed, image, count);
    if (is_box(pair))
        paste(&pair->box, row, pixel, partner, mixed);
}

void bal_mix_target(double label_share, int label, int partner_label, int classes, float *target)
{
    memset(target, 0, (size_t)classes * sizeof *target);
    target[label] += (float)label_share;
    target[partner_label] += (float)(1.0 - label_share);
}
