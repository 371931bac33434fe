/* ballast/base.h: what every other header stands on: statuses, the context, options.
 *
 * Words used with one meaning in all headers of ballast:
 *   borrows      the caller keeps the object, and keeps it alive as long as the header says
 *   takes        the callee owns it from now on, also when the call fails
 *   returns new  the caller releases it with the function that the comment names
 *
 * Rules that hold for every function:
 *   - A call that can fail returns a bal_status. On failure bal_error(ctx) is one sentence that
 *     names the file or argument, what was found and what was expected. Control characters that
 *     come from names and files are '?' in it, and in the log.
 *   - X_open() writes the new handle to *out, or NULL on failure. X_close(&handle) accepts NULL and
 *     a pointer to NULL, and sets the handle to NULL.
 *   - The library never exits, never prints, and never installs a signal handler.
 *   - A context and everything opened with it belong to one thread at a time; different contexts
 *     are independent. The one exception is bal_ctx_interrupt().
 */
#ifndef BALLAST_BASE_H
#define BALLAST_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BAL_API __attribute__((visibility("default")))
#define BAL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BAL_API
#define BAL_MUST_CHECK
#endif

#define BAL_VERSION_MAJOR 0
#define BAL_VERSION_MINOR 1
#define BAL_VERSION_PATCH 0
#define BAL_VERSION "0.1.0"

/* name, exit code of the program, text */
#define BAL_STATUS_LIST(X)                                   \
    X(OK, 0, "success")                                      \
    X(NO_MEMORY, 1, "out of memory")                         \
    X(IO, 1, "the operating system refused")                 \
    X(ENGINE, 1, "the engine reported an error")             \
    X(UNSUPPORTED, 1, "this build or engine cannot do that") \
    X(BAD_ARG, 2, "argument out of range")                   \
    X(BAD_FILE, 3, "file is damaged or not this format")     \
    X(BAD_DATA, 3, "data set cannot be used for this")       \
    X(MISMATCH, 4, "model or recipe does not fit")           \
    X(DIVERGED, 5, "training diverged")                      \
    X(INTERRUPTED, 130, "interrupted")

typedef enum bal_status {
#define BAL_STATUS_ENUM(name, exit_code, text) BAL_##name,
    BAL_STATUS_LIST(BAL_STATUS_ENUM)
#undef BAL_STATUS_ENUM
        BAL_STATUS_COUNT
} bal_status;

/* The constant text of a status, for instance "out of memory"; "unknown status" out of range. */
BAL_API const char *bal_status_text(bal_status status);
/* The exit code that a program should end with: 0 done, 1 failed, 2 wrong usage, 3 bad data,
 * 4 model or recipe does not fit, 5 diverged, 130 interrupted. */
BAL_API int bal_status_exit_code(bal_status status);
/* "0.1.0": the version of the library that runs (BAL_VERSION is that of the header). */
BAL_API const char *bal_version(void);

/* Where memory comes from. allocate(user, bytes) returns zeroed or unzeroed memory aligned for any
 * C type, or NULL; release(user, NULL) does nothing. Both may be called from worker threads.
 * Third-party libraries (oneDNN, jansson, libyaml, libjpeg, libpng, libwebp) use their own
 * allocation. */
typedef struct bal_allocator {
    void *(*allocate)(void *user, size_t bytes);
    void (*release)(void *user, void *memory);
    void *user;
} bal_allocator;

typedef enum bal_log_level {
    BAL_LOG_ERROR,
    BAL_LOG_WARN,
    BAL_LOG_INFO,
    BAL_LOG_DEBUG
} bal_log_level;

/* Receives one finished line without a newline. Called from the thread that called the library. */
typedef void bal_log_fn(void *user, bal_log_level level, const char *line);

typedef struct bal_ctx_settings {
    bal_allocator allocator; /* all NULL: malloc and free */
    bal_log_fn *log;         /* NULL: nothing is said */
    void *log_user;
    int threads; /* 0: all processors that the process may use; else 1..1024 */
} bal_ctx_settings;

typedef struct bal_ctx bal_ctx;

/* Opens a context. settings may be NULL for defaults; it is copied.
 * Fails with BAL_NO_MEMORY, or BAD_ARG when threads is out of range (there is no text then). */
BAL_API BAL_MUST_CHECK bal_status bal_ctx_open(bal_ctx **out, const bal_ctx_settings *settings);
/* Closes the context. Everything opened with it must have been closed before. */
BAL_API void bal_ctx_close(bal_ctx **ctx);
/* The sentence about the last failure, never NULL; valid until the next failing call. */
BAL_API const char *bal_error(const bal_ctx *ctx);
/* How many threads this context uses (settings.threads resolved). */
BAL_API int bal_ctx_threads(const bal_ctx *ctx);
/* Asks the running call to stop at the next safe point; it then returns BAL_INTERRUPTED.
 * May be called from any thread and from a signal handler. */
BAL_API void bal_ctx_interrupt(bal_ctx *ctx);
/* Releases memory that a function returned as new text or array ("release with bal_release"). */
BAL_API void bal_release(bal_ctx *ctx, void *memory);

/* ---- options as rows -------------------------------------------------------------------------
 * Settings structs are described by tables of rows. The command line, recipe files, the manual and
 * shell completion are all derived from these tables, so a name and its limits stand in one place.
 */
typedef enum bal_option_kind {
    BAL_OPTION_FLAG,  /* bool */
    BAL_OPTION_INT,   /* int */
    BAL_OPTION_SEED,  /* uint64_t */
    BAL_OPTION_REAL,  /* double */
    BAL_OPTION_TEXT,  /* const char *; the text is borrowed from the command line */
    BAL_OPTION_CHOICE /* const char *, one of choices */
} bal_option_kind;

typedef struct bal_option {
    const char *name; /* long option without dashes, for instance "batch-size" */
    bal_option_kind kind;
    size_t offset;       /* of the field in the settings struct */
    double min, max;     /* limits of a number, inclusive */
    const char *value;   /* what the help calls the value, for instance "N" */
    const char *choices; /* "a|b|c" for BAL_OPTION_CHOICE, else NULL */
    const char *about;   /* one line, with the default in words where it is not obvious */
} bal_option;            /* tables end with a row whose name is NULL */

/* Parses text strictly (the whole text or nothing) and stores it in the field of settings.
 * Fails with BAL_BAD_ARG: `--epochs wants a whole number from 1 to 100000, got "2000*12"`.
 * prefix is what stands before the name in the message ("--" or ""). */
BAL_API BAL_MUST_CHECK bal_status bal_option_set(bal_ctx *ctx, const bal_option *row,
                                                 void *settings, const char *prefix,
                                                 const char *text);

/* The name in the list that is nearest to word by edit distance, or NULL where none is near enough
 * to be meant. name_at(user, i) returns the i-th name, NULL at the end. For "did you mean". */
BAL_API const char *bal_nearest_name(const char *word,
                                     const char *(*name_at)(const void *user, int i),
                                     const void *user);

#ifdef __cplusplus
}
#endif
#endif
