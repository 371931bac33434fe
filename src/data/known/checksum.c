/* Checksums of files. */
#include "data/known/checksum.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define BLOCK ((size_t)1 << 18)

static const char *const names[] = {[BAL_SUM_SHA256] = "SHA-256", [BAL_SUM_MD5] = "MD5"};

const char *bal_sum_name(bal_sum_kind kind)
{
    return names[kind];
}

static bal_status fail_ssl(bal_ctx *ctx, const char *path, bal_sum_kind kind)
{
    return bal_fail(ctx, BAL_UNSUPPORTED, "%s: OpenSSL cannot compute a sum of kind %s here", path,
                    names[kind]);
}

static bal_status add_file(bal_ctx *ctx, const char *path, EVP_MD_CTX *md, unsigned char *block)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    bal_status status = BAL_OK;
    size_t got = 1;
    while (status == BAL_OK && got > 0) {
        got = fread(block, 1, BLOCK, f);
        if (ferror(f))
            status = bal_fail(ctx, BAL_IO, "%s: cannot read: %s", path, strerror(errno));
        else if (bal_take_interrupt(ctx))
            status = bal_fail(ctx, BAL_INTERRUPTED, "%s: interrupted while its sum was made", path);
        else if (EVP_DigestUpdate(md, block, got) != 1)
            status = fail_ssl(ctx, path, BAL_SUM_SHA256);
    }
    fclose(f);
    return status;
}

bal_status bal_sum_file(bal_ctx *ctx, const char *path, bal_sum_kind kind,
                        char text[BAL_SUM_LENGTH])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    unsigned char *block = bal_calloc(ctx, BLOCK, 1);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bal_status status = BAL_OK;
    if (!block)
        status = BAL_NO_MEMORY;
    else if (!md)
        status = bal_fail(ctx, BAL_NO_MEMORY, "%s: no memory for its sum", path);
    else if (EVP_DigestInit_ex(md, kind == BAL_SUM_MD5 ? EVP_md5() : EVP_sha256(), NULL) != 1)
        status = fail_ssl(ctx, path, kind);
    else
        status = add_file(ctx, path, md, block);
    if (status == BAL_OK && EVP_DigestFinal_ex(md, sum, &bytes) != 1)
        status = fail_ssl(ctx, path, kind);
    EVP_MD_CTX_free(md);
    bal_free(ctx, block);
    for (unsigned int i = 0; status == BAL_OK && i < bytes && 2 * i + 2 < BAL_SUM_LENGTH; i++)
        snprintf(text + (size_t)2 * i, 3, "%02x", sum[i]);
    return status;
}
