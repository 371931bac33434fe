/* The inside of a context: memory, error text, log, interruption. */
#ifndef BAL_CONTEXT_H
#define BAL_CONTEXT_H

#include "ballast/base.h"
#include "base/compiler.h"

#include <stdarg.h>
#include <stdatomic.h>

#define BAL_ERROR_LENGTH 1024

struct bal_ctx {
    bal_allocator allocator;
    bal_log_fn *log;
    void *log_user;
    int threads;
    atomic_bool interrupted;
    char error[BAL_ERROR_LENGTH];
};

/* A context for a worker thread: the parent's allocator, no log, one thread. */
BAL_MUST_CHECK bal_status bal_worker_ctx_open(bal_ctx **out, bal_ctx *parent);

/* Zeroed memory for count x size bytes, NULL with the error text set when there is none or the
 * product overflows. bal_calloc(ctx, 0, n) returns a pointer that can be released. */
void *bal_calloc(bal_ctx *ctx, size_t count, size_t size);
/* Grows or shrinks to count x size bytes, keeping the first old_count x size; new bytes are zero.
 * On failure memory is unchanged and NULL is returned. */
void *bal_resize(bal_ctx *ctx, void *memory, size_t old_count, size_t count, size_t size);
void bal_free(bal_ctx *ctx, void *memory);
char *bal_strdup(bal_ctx *ctx, const char *text);
/* A new text from a printf format; release with bal_free. NULL: no memory, error text set. */
char *bal_format(bal_ctx *ctx, const char *format, ...) BAL_PRINTF(2, 3);
/* Memory aligned to 64 bytes, zeroed; release with bal_free_aligned. For tensors. */
void *bal_calloc_aligned(bal_ctx *ctx, size_t count, size_t size);
/* The same, not zeroed: for a large block that several threads are about to fill. */
void *bal_alloc_aligned(bal_ctx *ctx, size_t count, size_t size);
void bal_free_aligned(bal_ctx *ctx, void *memory);

/* Sets the error text and returns status, so that a failure is one line. Control characters of the
 * text become '?'; so they do in bal_log. */
bal_status bal_fail(bal_ctx *ctx, bal_status status, const char *format, ...) BAL_PRINTF(3, 4);
/* Compilers and analyzers must see that a failure is never BAL_OK, so the status is named twice: no
 * expression with errno. */
static inline bal_status bal_failed(bal_status told, bal_status status)
{
    (void)told;
    return status;
}
#define bal_fail(ctx, status, ...) bal_failed(bal_fail(ctx, status, __VA_ARGS__), status)
/* Puts "PREFIX: " before the present error text: where the failing part did not know the file. */
bal_status bal_fail_within(bal_ctx *ctx, bal_status status, const char *format, ...)
    BAL_PRINTF(3, 4);
void bal_log(bal_ctx *ctx, bal_log_level level, const char *format, ...) BAL_PRINTF(3, 4);
/* True once bal_ctx_interrupt was called; bal_take_interrupt also clears it. */
bool bal_interrupted(const bal_ctx *ctx);
bool bal_take_interrupt(bal_ctx *ctx);

#define BAL_TRY(call)                   \
    do {                                \
        const bal_status try_ = (call); \
        if (try_ != BAL_OK)             \
            return try_;                \
    } while (0)

/* For functions with one `fail:` label and a local `status`. */
#define BAL_GOTO(call)        \
    do {                      \
        status = (call);      \
        if (status != BAL_OK) \
            goto fail;        \
    } while (0)

#endif
