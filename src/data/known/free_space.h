/* How much a disk still holds. */
#ifndef BAL_FREE_SPACE_H
#define BAL_FREE_SPACE_H

#include "base/context.h"

/* Bytes that this process may still write where the file is or would be; UINT64_MAX: not known. */
uint64_t bal_space_at(const char *path);
/* BAL_IO with both numbers where less than wanted bytes are free, beside a reserve that is left for
 * others (64 MiB). */
bal_status bal_space_check(bal_ctx *ctx, const char *path, uint64_t wanted);

#endif
