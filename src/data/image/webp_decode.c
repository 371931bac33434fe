/* WebP by libwebp: lossy and lossless stills; an alpha channel is dropped, as PNG's is. */
#include "data/image/image.h"

#include <limits.h>

#include <webp/decode.h>

static bal_status failed(const bal_decode *in, VP8StatusCode code)
{
    static const char *const what[] = {[VP8_STATUS_INVALID_PARAM] = "not what libwebp reads",
                                       [VP8_STATUS_BITSTREAM_ERROR] = "the data are inconsistent",
                                       [VP8_STATUS_UNSUPPORTED_FEATURE] = "an unknown feature",
                                       [VP8_STATUS_SUSPENDED] = "the file ends too early",
                                       [VP8_STATUS_USER_ABORT] = "stopped",
                                       [VP8_STATUS_NOT_ENOUGH_DATA] = "the file ends too early"};
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return bal_fail(in->ctx, BAL_NO_MEMORY, "%s: no memory to decode it", in->name);
    return bal_fail(in->ctx, BAL_BAD_FILE, "%s: damaged WebP: %s", in->name,
                    (size_t)code < BAL_COUNT_OF(what) && what[code] ? what[code] : "unknown error");
}

/* After this the size is known and within the limits, and the file is not animated. */
static bal_status read_header(const bal_decode *in, WebPBitstreamFeatures *features)
{
    const VP8StatusCode code = WebPGetFeatures(in->bytes, in->count, features);
    if (code != VP8_STATUS_OK)
        return failed(in, code);
    if (features->has_animation)
        return bal_fail(in->ctx, BAL_BAD_FILE, "%s: an animated WebP, a still picture expected",
                        in->name);
    return bal_picture_shape_check(in, (uint64_t)features->height, (uint64_t)features->width);
}

bal_status bal_webp_shape(const bal_decode *in, bal_picture_shape *shape)
{
    WebPBitstreamFeatures features;
    *shape = (bal_picture_shape){0};
    BAL_TRY(read_header(in, &features));
    *shape = (bal_picture_shape){3, features.height, features.width};
    return BAL_OK;
}

/* libwebp's rescaler takes means over areas. Lossless pictures are decoded whole, as PNGs are, so
 * that the same pixels give the same image from either. So are those with alpha, which is dropped
 * here and by which the rescaler weighs colours. Lossy pictures have colours of half the size,
 * rounded up, and the rescaler would stretch them unless everything divides. */
static void choose_scale(const bal_decode *in, const WebPBitstreamFeatures *features,
                         WebPDecoderConfig *config, bal_picture_shape *shape)
{
    const bool lossy = features->format == 1 && !features->has_alpha;
    int d = lossy ? bal_ask_divisor(in->ask, shape->height, shape->width) : 1;
    while (d > 1 && (shape->height % (2 * d) || shape->width % (2 * d)))
        d /= 2;
    if (d == 1)
        return;
    shape->height /= d;
    shape->width /= d;
    config->options.use_scaling = 1;
    config->options.scaled_height = shape->height;
    config->options.scaled_width = shape->width;
}

bal_status bal_webp_decode(const bal_decode *in, bal_picture *out)
{
    WebPDecoderConfig config;
    WebPBitstreamFeatures features;
    *out = (bal_picture){0};
    BAL_TRY(read_header(in, &features));
    if (!WebPInitDecoderConfig(&config))
        return bal_fail(in->ctx, BAL_UNSUPPORTED,
                        "%s: libwebp is not of the version that this build was made for", in->name);
    bal_picture_shape shape = {3, features.height, features.width};
    choose_scale(in, &features, &config, &shape);
    uint8_t *pixels = bal_calloc(in->ctx, bal_picture_shape_bytes(shape), 1);
    if (!pixels)
        return BAL_NO_MEMORY;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = shape.channels * shape.width;
    config.output.u.RGBA.size = bal_picture_shape_bytes(shape);
    const VP8StatusCode code = WebPDecode(in->bytes, in->count, &config);
    WebPFreeDecBuffer(&config.output);
    if (code != VP8_STATUS_OK) {
        bal_free(in->ctx, pixels);
        return failed(in, code);
    }
    *out = (bal_picture){.pixels = pixels,
                         .shape = shape,
                         .full_height = features.height,
                         .full_width = features.width};
    return BAL_OK;
}
