/* Context: the caller's allocator, the error text, the log, interruption. */
#include "base/context.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define LARGE_BLOCK ((size_t)8 << 20)
#define ALIGNMENT 64
#define MAX_THREADS 1024

static void *default_allocate(void *user, size_t bytes)
{
    (void)user;
    return malloc(bytes);
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static int processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return 1;
}

bal_status bal_ctx_open(bal_ctx **out, const bal_ctx_settings *settings)
{
    *out = NULL;
    bal_ctx_settings s = {0};
    if (settings)
        s = *settings;
    if (!s.allocator.allocate || !s.allocator.release)
        s.allocator = (bal_allocator){default_allocate, default_release, NULL};
    if (s.threads < 0 || s.threads > MAX_THREADS)
        return BAL_BAD_ARG;
    bal_ctx *ctx = s.allocator.allocate(s.allocator.user, sizeof *ctx);
    if (!ctx)
        return BAL_NO_MEMORY;
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = s.allocator;
    ctx->log = s.log;
    ctx->log_user = s.log_user;
    ctx->threads = s.threads ? s.threads : processors();
    atomic_init(&ctx->interrupted, false);
    *out = ctx;
    return BAL_OK;
}

bal_status bal_worker_ctx_open(bal_ctx **out, bal_ctx *parent)
{
    const bal_ctx_settings settings = {.allocator = parent->allocator, .threads = 1};
    if (bal_ctx_open(out, &settings) != BAL_OK)
        return bal_fail(parent, BAL_NO_MEMORY, "no memory for a worker's context");
    return BAL_OK;
}

void bal_ctx_close(bal_ctx **ctx)
{
    if (!ctx || !*ctx)
        return;
    const bal_allocator allocator = (*ctx)->allocator;
    allocator.release(allocator.user, *ctx);
    *ctx = NULL;
}

const char *bal_error(const bal_ctx *ctx)
{
    return ctx ? ctx->error : "no context";
}

int bal_ctx_threads(const bal_ctx *ctx)
{
    return ctx->threads;
}

void bal_ctx_interrupt(bal_ctx *ctx)
{
    atomic_store(&ctx->interrupted, true);
}

bool bal_interrupted(const bal_ctx *ctx)
{
    return atomic_load(&ctx->interrupted);
}

bool bal_take_interrupt(bal_ctx *ctx)
{
    return atomic_exchange(&ctx->interrupted, false);
}

/* Asks for large pages for a large block that nobody has touched yet: tensors are streamed through,
 * and with small pages much of that time is page tables. A hint, so that nothing can fail. */
static void use_large_pages(void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (bytes < LARGE_BLOCK)
        return;
    const uintptr_t page = PAGE, at = (uintptr_t)memory;
    const uintptr_t first = (at + page - 1) / page * page, end = (at + bytes) / page * page;
    (void)madvise((char *)memory + (first - at), end - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}

/* Not zeroed. */
static void *allocate(bal_ctx *ctx, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX / 2) / size) {
        bal_fail(ctx, BAL_NO_MEMORY, "%zu items of %zu bytes are more than memory can hold", count,
                 size);
        return NULL;
    }
    const size_t bytes = count * size > 0 ? count * size : 1;
    void *memory = ctx->allocator.allocate(ctx->allocator.user, bytes);
    if (!memory) {
        bal_fail(ctx, BAL_NO_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    use_large_pages(memory, bytes);
    return memory;
}

void *bal_calloc(bal_ctx *ctx, size_t count, size_t size)
{
    void *memory = allocate(ctx, count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *bal_resize(bal_ctx *ctx, void *memory, size_t old_count, size_t count, size_t size)
{
    void *bigger = bal_calloc(ctx, count, size);
    if (!bigger)
        return NULL;
    if (memory)
        memcpy(bigger, memory, (old_count < count ? old_count : count) * size);
    bal_free(ctx, memory);
    return bigger;
}

void bal_free(bal_ctx *ctx, void *memory)
{
    if (memory)
        ctx->allocator.release(ctx->allocator.user, memory);
}

void bal_release(bal_ctx *ctx, void *memory)
{
    bal_free(ctx, memory);
}

/* The address that the allocator gave stands in the word before the aligned block. */
void *bal_alloc_aligned(bal_ctx *ctx, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX / 2 - 2 * ALIGNMENT) / size) {
        bal_fail(ctx, BAL_NO_MEMORY, "%zu items of %zu bytes are more than memory can hold", count,
                 size);
        return NULL;
    }
    char *raw = allocate(ctx, 1, count * size + ALIGNMENT + sizeof(void *));
    if (!raw)
        return NULL;
    const uintptr_t at = (uintptr_t)raw + sizeof(void *);
    char *aligned = raw + sizeof(void *) + (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT;
    memcpy(aligned - sizeof(void *), &raw, sizeof raw);
    return aligned;
}

void *bal_calloc_aligned(bal_ctx *ctx, size_t count, size_t size)
{
    void *memory = bal_alloc_aligned(ctx, count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void bal_free_aligned(bal_ctx *ctx, void *memory)
{
    if (!memory)
        return;
    void *raw;
    memcpy(&raw, (char *)memory - sizeof(void *), sizeof raw);
    bal_free(ctx, raw);
}

char *bal_strdup(bal_ctx *ctx, const char *text)
{
    const size_t length = strlen(text) + 1;
    char *copy = bal_calloc(ctx, length, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *bal_format(bal_ctx *ctx, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : bal_calloc(ctx, (size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

/* Names and words of files go into messages: what a terminal would obey is not passed on. */
static void hide_control(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

bal_status(bal_fail)(bal_ctx *ctx, bal_status status, const char *format, ...)
{
    char text[BAL_ERROR_LENGTH]; /* the arguments may point into ctx->error */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hide_control(text);
    memcpy(ctx->error, text, sizeof text);
    return status;
}

bal_status bal_fail_within(bal_ctx *ctx, bal_status status, const char *format, ...)
{
    char prefix[BAL_ERROR_LENGTH / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    return bal_fail(ctx, status, "%s: %s", prefix, ctx->error);
}

void bal_log(bal_ctx *ctx, bal_log_level level, const char *format, ...)
{
    if (!ctx->log)
        return;
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hide_control(line);
    ctx->log(ctx->log_user, level, line);
}
