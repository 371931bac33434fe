/* Sums of files, by OpenSSL. */
#ifndef BAL_CHECKSUM_H
#define BAL_CHECKSUM_H

#include "base/context.h"

typedef enum bal_sum_kind {
    BAL_SUM_SHA256,
    BAL_SUM_MD5 /* where its publisher gives no other: it shows damage, but no ill will */
} bal_sum_kind;

#define BAL_SUM_LENGTH 65 /* hexadecimal digits and a zero */

/* "SHA-256", "MD5". */
const char *bal_sum_name(bal_sum_kind kind);
/* The sum of the whole file in lower-case hexadecimal digits. Fails with BAL_IO, BAL_UNSUPPORTED
 * (this OpenSSL has not got the kind), BAL_INTERRUPTED. */
bal_status bal_sum_file(bal_ctx *ctx, const char *path, bal_sum_kind kind,
                        char text[BAL_SUM_LENGTH]);

#endif
