/* Downloading: attempts that go on where the one before ended, and the checks at the end. */
#include "data/known/download.h"

#include "base/writer.h"
#include "data/known/free_space.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST_REDIRECTIONS 5L
#define CONNECT_SECONDS 30L
#define LOOK_EVERY ((int64_t)64 << 20) /* bytes between two looks at the free space */
#define WAIT_STEP 0.05                 /* seconds between two looks at an interruption */

typedef struct transfer {
    bal_ctx *ctx;
    const bal_download *d;
    char *part; /* the path of what has arrived */
    int fd;
    int64_t have;       /* bytes in it */
    int64_t start;      /* ... when this attempt began */
    int64_t looked;     /* ... at the last look at the free space */
    bal_status refused; /* what one of our own checks said in the middle of a transfer */
    CURL *curl;
    char error[CURL_ERROR_SIZE];
} transfer;

bool bal_download_can(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0 ||
           strncasecmp(url, "file://", 7) == 0;
}

/* ---- libcurl ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global;

static void start_curl(void)
{
    global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bal_status check_room(transfer *t, int64_t more)
{
    if (t->d->bytes > 0 && t->have + more > t->d->bytes)
        return bal_fail(t->ctx, BAL_BAD_FILE,
                        "%s: gives more than the %" PRId64 " bytes that the file should have",
                        t->d->url, t->d->bytes);
    if (t->have - t->looked < LOOK_EVERY)
        return BAL_OK;
    t->looked = t->have;
    return bal_space_check(t->ctx, t->part, (uint64_t)LOOK_EVERY);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    transfer *t = user;
    const size_t all = size * count;
    t->refused = check_room(t, (int64_t)all);
    for (size_t at = 0; t->refused == BAL_OK && at < all;) {
        const ssize_t wrote = write(t->fd, bytes + at, all - at);
        if (wrote >= 0) {
            at += (size_t)wrote;
            t->have += wrote;
        } else if (errno != EINTR) {
            t->refused = bal_fail(t->ctx, BAL_IO, "%s: cannot write after %" PRId64 " bytes: %s",
                                  t->part, t->have, strerror(errno));
        }
    }
    return t->refused == BAL_OK ? all : 0;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    const transfer *t = user;
    (void)now;
    (void)up_total;
    (void)up_now;
    if (t->d->progress && t->have > 0)
        t->d->progress(t->d->user, t->have,
                       t->d->bytes > 0 ? t->d->bytes
                       : total > 0     ? t->start + (int64_t)total
                                       : 0);
    return bal_interrupted(t->ctx);
}

#define SET(option, value)                                           \
    do {                                                             \
        const CURLcode code = curl_easy_setopt(curl, option, value); \
        if (code != CURLE_OK)                                        \
            return code;                                             \
    } while (0)

static CURLcode set_protocols(CURL *curl, const char *url)
{
    const bool secure = strncasecmp(url, "https://", 8) == 0;
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "https,http,file");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "https,http");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP | CURLPROTO_FILE));
    SET(CURLOPT_REDIR_PROTOCOLS,
        (long)(secure ? CURLPROTO_HTTPS : CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
    return CURLE_OK;
}

static CURLcode set_options(transfer *t)
{
    CURL *curl = t->curl;
    curl_easy_reset(curl);
    SET(CURLOPT_URL, t->d->url);
    CURLcode protocols = set_protocols(curl, t->d->url);
    if (protocols != CURLE_OK)
        return protocols;
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, MOST_REDIRECTIONS);
    SET(CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)t->d->timeout);
    SET(CURLOPT_USERAGENT, "ballast/" BAL_VERSION);
    SET(CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->have);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    return CURLE_OK;
}

/* ---- one attempt ---- */

static bal_status start_again(transfer *t)
{
    t->have = t->looked = 0;
    if (ftruncate(t->fd, 0) != 0)
        return bal_fail(t->ctx, BAL_IO, "%s: cannot be emptied: %s", t->part, strerror(errno));
    return BAL_OK;
}

/* Failures that may pass when the transfer goes on a little later. */
static bool may_pass(CURLcode code, long http)
{
    switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    case CURLE_HTTP_RETURNED_ERROR:
        return http >= 500 || http == 429 || http == 408;
    default:
        return false;
    }
}

/* *again: another attempt makes sense. */
static bal_status attempt(transfer *t, bool *again)
{
    long http = 0;
    *again = false;
    t->error[0] = '\0';
    t->refused = BAL_OK;
    t->start = t->have;
    CURLcode code = set_options(t);
    if (code == CURLE_OK)
        code = curl_easy_perform(t->curl);
    if (bal_take_interrupt(t->ctx))
        return bal_fail(t->ctx, BAL_INTERRUPTED,
                        "interrupted; %" PRId64 " bytes are kept in %s, the same command goes on "
                        "with them",
                        t->have, t->part);
    if (code == CURLE_OK || t->refused != BAL_OK)
        return t->refused;
    if (code == CURLE_OUT_OF_MEMORY)
        return bal_fail(t->ctx, BAL_NO_MEMORY, "%s: no memory to load it", t->d->url);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    if ((code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME) && t->have > 0) {
        *again = true; /* the server cannot go on in the middle */
        BAL_TRY(start_again(t));
    }
    *again = *again || may_pass(code, http);
    return bal_fail(t->ctx, BAL_IO, "%s: %s", t->d->url,
                    t->error[0] ? t->error : curl_easy_strerror(code));
}

static void wait_for(const bal_ctx *ctx, double seconds)
{
    for (; seconds > 0 && !bal_interrupted(ctx); seconds -= WAIT_STEP)
        nanosleep(&(struct timespec){.tv_nsec = (long)(WAIT_STEP * 1e9)}, NULL);
}

static bal_status transfer_all(transfer *t)
{
    double wait = t->d->wait;
    for (int failed = 0;;) {
        const int64_t before = t->have;
        bool again;
        const bal_status status = attempt(t, &again);
        if (status == BAL_OK || !again)
            return status;
        failed = t->have > before ? 0 : failed + 1;
        if (failed >= t->d->attempts)
            return bal_fail_within(t->ctx, status,
                                   "given up after %d attempts (%" PRId64 " bytes are kept in %s)",
                                   failed, t->have, t->part);
        bal_log(t->ctx, BAL_LOG_WARN, "%s; trying again", bal_error(t->ctx));
        wait_for(t->ctx, wait);
        wait = failed ? 2 * wait : t->d->wait;
    }
}

/* ---- the file ---- */

static bal_status open_part(transfer *t)
{
    struct stat info;
    t->fd = open(t->part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (t->fd < 0)
        return bal_fail(t->ctx, BAL_IO, "%s: cannot create: %s", t->part, strerror(errno));
    if (fstat(t->fd, &info) != 0 || !S_ISREG(info.st_mode))
        return bal_fail(t->ctx, BAL_IO, "%s: is not a regular file", t->part);
    t->have = t->looked = (int64_t)info.st_size;
    if (t->d->bytes > 0 && t->have > t->d->bytes)
        BAL_TRY(start_again(t));
    if (t->d->bytes > 0)
        return bal_space_check(t->ctx, t->part, (uint64_t)(t->d->bytes - t->have));
    return BAL_OK;
}

static bal_status check_file(bal_ctx *ctx, const bal_download *d, const char *path)
{
    char sum[BAL_SUM_LENGTH];
    struct stat info;
    if (stat(path, &info) != 0)
        return bal_fail(ctx, BAL_IO, "%s: %s", path, strerror(errno));
    if (d->bytes > 0 && (int64_t)info.st_size != d->bytes)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: gave %" PRId64 " bytes, %" PRId64 " expected",
                        d->url, (int64_t)info.st_size, d->bytes);
    BAL_TRY(bal_sum_file(ctx, path, d->kind, sum));
    if (strcasecmp(sum, d->sum) != 0)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: its %s is %s, %s expected: it was damaged on the way, or is another "
                        "file now",
                        d->url, bal_sum_name(d->kind), sum, d->sum);
    return BAL_OK;
}

static bal_status finish(transfer *t)
{
    if (fsync(t->fd) != 0)
        return bal_fail(t->ctx, BAL_IO, "%s: cannot write: %s", t->part, strerror(errno));
    BAL_TRY(check_file(t->ctx, t->d, t->part));
    if (rename(t->part, t->d->path) != 0)
        return bal_fail(t->ctx, BAL_IO, "%s: cannot rename the finished file: %s", t->d->path,
                        strerror(errno));
    return BAL_OK;
}

static bal_status load(transfer *t)
{
    pthread_once(&once, start_curl);
    t->curl = global == CURLE_OK ? curl_easy_init() : NULL;
    if (!t->curl)
        return bal_fail(t->ctx, BAL_NO_MEMORY, "%s: libcurl cannot start", t->d->url);
    BAL_TRY(open_part(t));
    bal_status status = BAL_OK;
    if (t->d->bytes <= 0 || t->have < t->d->bytes)
        status = transfer_all(t);
    if (status == BAL_OK)
        status = finish(t);
    if (status == BAL_BAD_FILE)
        unlink(t->part); /* so that the next attempt is not built on it */
    return status;
}

bal_status bal_download_file(bal_ctx *ctx, const bal_download *d)
{
    transfer t = {.ctx = ctx, .d = d, .fd = -1};
    if (!bal_download_can(d->url))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s: an address that begins with https://, http:// or file:// expected",
                        d->url);
    if (access(d->path, F_OK) == 0) {
        const bal_status there = check_file(ctx, d, d->path);
        if (there != BAL_BAD_FILE)
            return there;
        unlink(d->path);
    }
    t.part = bal_format(ctx, "%s.part", d->path);
    const bal_status status = t.part ? load(&t) : BAL_NO_MEMORY;
    if (t.fd >= 0)
        close(t.fd);
    curl_easy_cleanup(t.curl);
    bal_free(ctx, t.part);
    return status;
}
