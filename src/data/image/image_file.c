/* Image files: the table of decoders, and what is the same for all of them. */
#include "data/image/image.h"

#include "base/cursor.h"
#include "data/dataset_settings.h"
#include "data/image/view.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <strings.h>

typedef struct decoder {
    const char *endings; /* of file names, " " between */
    const char *magic;
    size_t magic_bytes;
    bal_status (*shape)(const bal_decode *in, bal_picture_shape *shape);
    bal_status (*decode)(const bal_decode *in, bal_picture *out);
    bal_orientation (*orientation)(const uint8_t *file, size_t count);
} decoder;

static const decoder decoders[] = {
#define DECODER(name, endings, magic, bytes, prefix) \
    {endings, magic, bytes, prefix##_shape, prefix##_decode, prefix##_orientation},
    BAL_IMAGE_FORMAT_LIST(DECODER)
#undef DECODER
};

static bool is_among(const char *endings, const char *ending)
{
    const size_t length = strlen(ending);
    for (const char *at = endings; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strcspn(at, " ") == length && strncasecmp(at, ending, length) == 0)
            return true;
    }
    return false;
}

int bal_image_ending(const char *ending)
{
    for (size_t i = 0; i < BAL_COUNT_OF(decoders); i++)
        if (is_among(decoders[i].endings, ending))
            return (int)i;
    return -1;
}

bool bal_image_has_name(const char *name)
{
    const char *point = strrchr(name, '.');
    return point && name[0] != '.' && bal_image_ending(point) >= 0;
}

static bool begins_as(const bal_decode *in, const decoder *d)
{
    if (in->count < d->magic_bytes)
        return false;
    for (size_t i = 0; i < d->magic_bytes; i++)
        if (d->magic[i] != '.' && in->bytes[i] != (uint8_t)d->magic[i])
            return false;
    return true;
}

static bal_status find_decoder(const bal_decode *in, const decoder **out)
{
#define NAME(name, endings, magic, bytes, prefix) " " name
    for (size_t i = 0; i < BAL_COUNT_OF(decoders); i++) {
        *out = &decoders[i];
        if (begins_as(in, *out))
            return BAL_OK;
    }
    if (in->count == 0)
        return bal_fail(in->ctx, BAL_BAD_FILE, "%s: the file is empty", in->name);
    return bal_fail(in->ctx, BAL_BAD_FILE, "%s: no image file that is known:%s", in->name,
                    BAL_IMAGE_FORMAT_LIST(NAME));
#undef NAME
}

bal_status bal_picture_shape_check(const bal_decode *in, uint64_t height, uint64_t width)
{
    const int64_t limit = in->limits.pixels ? in->limits.pixels : BAL_IMAGE_PIXELS;
    if (height == 0 || width == 0 || height > BAL_LARGEST_SIDE || width > BAL_LARGEST_SIDE ||
        height * width > (uint64_t)limit)
        return bal_fail(in->ctx, BAL_BAD_FILE,
                        "%s: %" PRIu64 "x%" PRIu64 " pixels (w x h), 1 to %d a side and at most "
                        "%" PRId64 " together (max-image-pixels) expected",
                        in->name, width, height, BAL_LARGEST_SIDE, limit);
    return BAL_OK;
}

bal_status bal_image_shape_of(const bal_decode *in, bal_picture_shape *shape)
{
    const decoder *d;
    BAL_TRY(find_decoder(in, &d));
    BAL_TRY(d->shape(in, shape));
    if (bal_orientation_swaps(d->orientation(in->bytes, in->count)))
        *shape = (bal_picture_shape){shape->channels, shape->width, shape->height};
    return BAL_OK;
}

/* What is asked for of the whole picture as it is stored. */
static bal_status ask_stored(const bal_decode *in, bool swaps, bal_ask *out)
{
    bal_picture_shape shape;
    bal_ask ask = {.height = in->ask.height, .width = in->ask.width};
    if (in->ask.view && ask.height > 0 && ask.width > 0) {
        BAL_TRY(bal_image_shape_of(in, &shape));
        const bal_box box = in->ask.view(in->ask.view_user, shape.height, shape.width);
        ask.height = (int)fmin(ceil(ask.height * (shape.height / box.height)), INT_MAX);
        ask.width = (int)fmin(ceil(ask.width * (shape.width / box.width)), INT_MAX);
    }
    *out = swaps ? (bal_ask){.height = ask.width, .width = ask.height} : ask;
    return BAL_OK;
}

bal_status bal_image_picture(const bal_decode *in, bal_picture *out)
{
    const decoder *d;
    bal_decode stored = *in;
    *out = (bal_picture){0};
    BAL_TRY(find_decoder(in, &d));
    const bal_orientation orientation = d->orientation(in->bytes, in->count);
    BAL_TRY(ask_stored(in, bal_orientation_swaps(orientation), &stored.ask));
    bal_status status = d->decode(&stored, out);
    if (status == BAL_OK)
        status = bal_picture_turn(in->ctx, out, orientation);
    if (status != BAL_OK)
        bal_picture_free(in->ctx, out);
    return status;
}

bal_status bal_picture_fit(bal_ctx *ctx, const bal_picture *picture, bal_picture_shape shape,
                           uint8_t *pixels)
{
    const bal_image image = {picture->pixels, picture->shape, picture->box};
    return bal_image_fit(ctx, image, shape, pixels);
}

static bal_status fit_asked(const bal_decode *in, const bal_picture *picture,
                            bal_picture_shape shape, uint8_t *pixels)
{
    const bal_box view =
        in->ask.view(in->ask.view_user, bal_picture_height(picture), bal_picture_width(picture));
    return bal_picture_fit_view(in->ctx, picture, view, shape, pixels);
}

bal_status bal_image_decode(const bal_decode *in, bal_picture_shape shape, bool resize,
                            uint8_t *pixels)
{
    bal_decode all = *in;
    bal_picture picture;
    all.ask.height = resize ? shape.height : 0;
    all.ask.width = resize ? shape.width : 0;
    bal_status status = bal_image_picture(&all, &picture);
    const bal_picture_shape got = picture.shape;
    if (status == BAL_OK && !resize && (got.height != shape.height || got.width != shape.width))
        status = bal_fail(in->ctx, BAL_BAD_FILE, "%s: %dx%d pixels (w x h), %dx%d expected",
                          in->name, got.width, got.height, shape.width, shape.height);
    if (status == BAL_OK)
        status = in->ask.view && resize ? fit_asked(in, &picture, shape, pixels)
                                        : bal_picture_fit(in->ctx, &picture, shape, pixels);
    bal_picture_free(in->ctx, &picture);
    return status;
}

/* The file's bytes, and in with them. */
static bal_status read_file(const bal_decode *in, bal_bytes *file, bal_decode *out)
{
    const size_t most =
        in->limits.file_bytes ? in->limits.file_bytes : (size_t)BAL_IMAGE_FILE_MIB << 20;
    *out = *in;
    BAL_TRY(bal_file_read(in->ctx, in->name, most, file));
    out->bytes = file->data;
    out->count = file->count;
    return BAL_OK;
}

bal_status bal_image_file_shape(const bal_decode *in, bal_picture_shape *shape)
{
    bal_bytes file;
    bal_decode whole;
    BAL_TRY(read_file(in, &file, &whole));
    const bal_status status = bal_image_shape_of(&whole, shape);
    bal_bytes_free(in->ctx, &file);
    return status;
}

bal_status bal_image_file_picture(const bal_decode *in, bal_picture *out)
{
    bal_bytes file;
    bal_decode whole;
    *out = (bal_picture){0};
    BAL_TRY(read_file(in, &file, &whole));
    const bal_status status = bal_image_picture(&whole, out);
    bal_bytes_free(in->ctx, &file);
    return status;
}

bal_status bal_image_file_decode(const bal_decode *in, bal_picture_shape shape, bool resize,
                                 uint8_t *pixels)
{
    bal_bytes file;
    bal_decode whole;
    BAL_TRY(read_file(in, &file, &whole));
    const bal_status status = bal_image_decode(&whole, shape, resize, pixels);
    bal_bytes_free(in->ctx, &file);
    return status;
}

bal_status bal_image_read(bal_ctx *ctx, const char *path, const bal_image_wanted *wanted,
                          uint8_t *pixels)
{
    const bal_picture_shape shape = {wanted->channels, wanted->height, wanted->width};
    bal_dataset_settings s = wanted->settings ? *wanted->settings : bal_dataset_defaults();
    bal_crop crop = {.height = shape.height, .width = shape.width};
    if ((shape.channels != 1 && shape.channels != 3) || shape.height < 1 || shape.width < 1)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s: wanted as %d channels of %dx%d; 1 or 3 and at least 1x1 are possible",
                        path, shape.channels, shape.width, shape.height);
    BAL_TRY(bal_dataset_settings_check(ctx, &s));
    BAL_TRY(bal_crop_mode_named(ctx, s.crop_mode, &crop.mode));
    crop.pct = s.crop_pct;
    const bal_decode in = {.ctx = ctx,
                           .name = path,
                           .ask = {.view = bal_crop_view, .view_user = &crop},
                           .limits = bal_dataset_settings_limits(&s)};
    return bal_image_file_decode(&in, shape, true, pixels);
}
