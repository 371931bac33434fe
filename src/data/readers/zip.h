/* ZIP archives (PKWARE's APPNOTE 6.3.10), as far as NPZ needs them: one disk, stored and deflated
 * members, ZIP64, no encryption. Read by the central directory; the local headers must agree. */
#ifndef BAL_ZIP_H
#define BAL_ZIP_H

#include "base/seekable.h"

typedef struct bal_zip_member {
    const char *name; /* as in the archive; bytes after a zero in it are lost */
    uint64_t header;  /* offset of its local header */
    uint64_t packed;  /* bytes in the archive */
    uint64_t size;    /* bytes unpacked */
    uint64_t limit;   /* offset of what follows it */
    uint32_t crc;
    uint16_t method, flags, name_length;
} bal_zip_member;

typedef struct bal_zip {
    bal_ctx *ctx;
    const bal_seekable *file; /* borrowed */
    size_t count;
    bal_zip_member *members; /* in the order of the directory */
    char *names;
    uint64_t directory; /* offset: members end before it */
} bal_zip;

/* Reads the directory and checks that it is sound: sizes fit the file and each other, members do
 * not overlap. Fails with BAL_BAD_FILE, BAL_UNSUPPORTED (several disks), BAL_IO. */
BAL_MUST_CHECK bal_status bal_zip_open(bal_zip *out, bal_ctx *ctx, const bal_seekable *file);
/* Accepts one that is all zero. */
void bal_zip_close(bal_zip *zip);

/* *member is NULL where the archive has none of that name. BAL_BAD_FILE: it has two. */
BAL_MUST_CHECK bal_status bal_zip_find(const bal_zip *zip, bal_ctx *ctx, const char *name,
                                       const bal_zip_member **member);
bool bal_zip_is_stored(const bal_zip_member *member);
/* Where the member's bytes are in the file, after its local header was compared with the directory.
 * Fails with BAL_UNSUPPORTED: encrypted, or compressed by another method than deflate. */
BAL_MUST_CHECK bal_status bal_zip_start(const bal_zip *zip, bal_ctx *ctx,
                                        const bal_zip_member *member, uint64_t *start);
/* Reads a stored member once, in blocks, and compares its CRC-32. */
BAL_MUST_CHECK bal_status bal_zip_verify(const bal_zip *zip, bal_ctx *ctx,
                                         const bal_zip_member *member);
/* The whole member, unpacked, with its CRC-32 compared. Memory for member->size bytes is asked for
 * only when the packed bytes can hold so many. Release with bal_bytes_free. */
BAL_MUST_CHECK bal_status bal_zip_unpack(const bal_zip *zip, bal_ctx *ctx,
                                         const bal_zip_member *member, bal_bytes *out);

#endif
