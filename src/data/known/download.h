/* One file from an address, by libcurl. */
#ifndef BAL_DOWNLOAD_H
#define BAL_DOWNLOAD_H

#include "data/known/checksum.h"

typedef struct bal_download {
    const char *url;  /* https, http or file */
    const char *path; /* where it goes; PATH.part until it is whole and right */
    int64_t bytes;    /* its size; 0: not known */
    bal_sum_kind kind;
    const char *sum; /* that it must have, hexadecimal */
    int timeout;     /* seconds without a byte until an attempt is given up */
    int attempts;    /* in a row that bring nothing new */
    double wait;     /* seconds before the second attempt; doubled for each further one */
    void (*progress)(void *user, int64_t now, int64_t total); /* total 0: not known; or NULL */
    void *user;
} bal_download;

/* Goes on with PATH.part where there is one. What arrived stays there when the transfer is
 * interrupted or fails; a file that is whole but has another size or sum is removed. Where a file
 * of that path and sum is there already, nothing is transferred. Redirections stay within https and
 * http, and do not leave https. Fails with BAL_IO (the server or the network refuses, no room),
 * BAL_BAD_FILE (another size or sum), BAL_BAD_ARG (an address of another kind), BAL_INTERRUPTED. */
bal_status bal_download_file(bal_ctx *ctx, const bal_download *download);
/* Does the address begin with https://, http:// or file://? */
bool bal_download_can(const char *url);

#endif
