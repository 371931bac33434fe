/* NPZ files from memory. The first byte chooses: 0 the rest is the archive; else the rest are
 * members (two bytes of length, then so many) of an archive that is put together here, so that what
 * is in them is reached although checksums guard it; bit 1 of it: compressed. */
#include "data/readers/npz.h"
#include "helpers/archives.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_sound(bal_source *s, bal_ctx *ctx)
{
    const size_t bytes =
        (size_t)s->native.channels * (size_t)s->native.height * (size_t)s->native.width;
    for (int64_t i = 0; i < s->count; i++) {
        bal_picture picture;
        char name[64];
        if (s->labels[i] < 0 || s->labels[i] >= s->classes || s->splits[i] >= BAL_SPLIT_COUNT)
            abort();
        if (i % 7 != 0 && i != s->count - 1)
            continue;
        s->reader->item_name(s, i, name, sizeof name);
        if (s->reader->picture(s, ctx, i, (bal_ask){0}, &picture) != BAL_OK)
            continue; /* a block of memory may be large */
        volatile uint8_t last = picture.pixels[bytes - 1];
        (void)last;
        bal_picture_free(ctx, &picture);
    }
}

static void read_archive(bal_ctx *ctx, const uint8_t *bytes, size_t count)
{
    bal_source source = {.ctx = ctx, .reader = &bal_reader_npz, .path = bal_strdup(ctx, "a.npz")};
    if (bal_npz_read(&source, ctx, bal_seekable_over(source.path, bytes, count)) == BAL_OK)
        expect_sound(&source, ctx);
    else if (!*bal_error(ctx))
        abort();
    bal_source_close(&source);
}

static void read_members(bal_ctx *ctx, bool deflate, const uint8_t *data, size_t size)
{
    static const char *const names[] = {"train_images.npy", "train_labels.npy", "val_images.npy",
                                        "val_labels.npy",   "test_images.npy",  "test_labels.npy"};
    test_zip_member members[BAL_COUNT_OF(names)];
    test_zip zip = {.members = members};
    size_t at = 0;
    for (size_t i = 0; i < BAL_COUNT_OF(names) && size - at >= 2; i++) {
        size_t count = (size_t)(data[at] | data[at + 1] << 8);
        at += 2;
        if (count > size - at)
            count = size - at;
        members[zip.count++] = (test_zip_member){names[i], data + at, count, deflate, false, false};
        at += count;
    }
    size_t bytes;
    uint8_t *archive = test_zip_bytes(&zip, &bytes);
    read_archive(ctx, archive, bytes);
    free(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    if (size < 1 || bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    if (data[0] == 0)
        read_archive(ctx, data + 1, size - 1);
    else
        read_members(ctx, data[0] & 2, data + 1, size - 1);
    bal_ctx_close(&ctx);
    return 0;
}
