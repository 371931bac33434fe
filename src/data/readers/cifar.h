/* CIFAR-10 and CIFAR-100 binary files: records of label bytes and 3 x 32 x 32 pixels (CHW). Parsed
 * from memory. */
#ifndef BAL_CIFAR_H
#define BAL_CIFAR_H

#include "base/cursor.h"

typedef struct bal_cifar_kind {
    int classes;
    int label_bytes; /* 1; or 2: coarse, fine */
} bal_cifar_kind;

extern const bal_cifar_kind bal_cifar_10, bal_cifar_100;

/* How many whole records; BAL_BAD_FILE when a record is cut off, there is none, or a label is out
 * of range. */
bal_status bal_cifar_check(bal_ctx *ctx, const char *name, const bal_bytes *file,
                           const bal_cifar_kind *kind, int64_t *records);

#endif
