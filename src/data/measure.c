/* The size and the channels of a source's images. */
#include "data/source.h"

static bal_status fail_sizes(const bal_source *source, bal_ctx *ctx, int64_t item, bal_shape shape)
{
    char first[BAL_PATH_LENGTH], other[BAL_PATH_LENGTH];
    source->reader->item_name(source, 0, first, sizeof first);
    source->reader->item_name(source, item, other, sizeof other);
    return bal_fail(ctx, BAL_BAD_DATA,
                    "%s: %s has %dx%d pixels (w x h), %s has %dx%d: bring all to one size with "
                    "--img-size N",
                    source->path, first, source->native.width, source->native.height, other,
                    shape.width, shape.height);
}

bal_status bal_source_measure(bal_source *source, bal_ctx *ctx,
                              bal_status (*shape_of)(const bal_source *source, bal_ctx *ctx,
                                                     int64_t item, bal_shape *shape))
{
    const bool sizes = source->wanted.height == 0, colours = source->wanted.channels == 0;
    bal_shape *native = &source->native;
    if (source->mixed)
        return BAL_OK;
    native->channels = 1;
    for (int64_t i = 0; i < source->count; i++) {
        bal_shape shape;
        if (!sizes && (!colours || native->channels == 3))
            return BAL_OK;
        BAL_TRY(shape_of(source, ctx, i, &shape));
        if (i == 0)
            *native = shape;
        if (shape.channels == 3)
            native->channels = 3;
        if (sizes && (shape.height != native->height || shape.width != native->width))
            return fail_sizes(source, ctx, i, shape);
    }
    return BAL_OK;
}
