/* See class_strength.h. */
#include "train/images/class_strength.h"

#include "base/random.h"
#include "train/score.h"

#include <string.h>

/* The epoch that the levels are for, counted from 1; how many images were tested for it; levels. */
#define STATE "augment/level"
#define BEFORE_LEVELS 2

struct bal_class_strength {
    bal_ctx *ctx;
    bal_class_strength_settings given;
    const bal_augment_settings *augment; /* of the stage; NULL: none yet */
    double *strength;                    /* classes */
    int *level;                          /* classes */
    int tested_epoch;                    /* the levels are for this one, counted from 1; 0: none */
    int64_t tested;                      /* images of the last test */
    int64_t *first;                      /* classes + 1: where each class begins in by_class */
    int64_t *by_class;                   /* items */
};

static bool by_levels(const bal_class_strength *s)
{
    return s->augment && s->augment->by_class && strcmp(s->augment->by_class, "cuda") == 0;
}

/* ---- open and close ---- */

static void sort_items(bal_class_strength *s)
{
    const bal_class_strength_settings *g = &s->given;
    for (int64_t i = 0; i < g->item_count; i++)
        s->first[g->labels[i] + 1]++;
    for (int c = 0; c < g->classes; c++)
        s->first[c + 1] += s->first[c];
    for (int64_t i = 0; i < g->item_count; i++)
        s->by_class[s->first[g->labels[i]]++] = g->items[i];
    for (int c = g->classes; c > 0; c--)
        s->first[c] = s->first[c - 1];
    s->first[0] = 0;
}

bal_status bal_class_strength_open(bal_class_strength **out, bal_ctx *ctx,
                                   const bal_class_strength_settings *settings)
{
    const size_t classes = (size_t)settings->classes;
    *out = NULL;
    bal_class_strength *s = bal_calloc(ctx, 1, sizeof *s);
    if (!s)
        return BAL_NO_MEMORY;
    s->ctx = ctx;
    s->given = *settings;
    s->strength = bal_calloc(ctx, classes, sizeof *s->strength);
    s->level = bal_calloc(ctx, classes, sizeof *s->level);
    s->first = bal_calloc(ctx, classes + 1, sizeof *s->first);
    s->by_class = bal_calloc(ctx, (size_t)settings->item_count, sizeof *s->by_class);
    if (!s->strength || !s->level || !s->first || !s->by_class) {
        bal_class_strength_close(&s);
        return BAL_NO_MEMORY;
    }
    sort_items(s);
    *out = s;
    return BAL_OK;
}

void bal_class_strength_close(bal_class_strength **strength)
{
    if (!strength || !*strength)
        return;
    bal_class_strength *s = *strength;
    bal_free(s->ctx, s->strength);
    bal_free(s->ctx, s->level);
    bal_free(s->ctx, s->first);
    bal_free(s->ctx, s->by_class);
    bal_free(s->ctx, s);
    *strength = NULL;
}

void bal_class_strength_enter(bal_class_strength *s, const bal_augment_settings *augment)
{
    s->augment = augment;
    bal_augment_strengths(augment, s->given.classes, s->given.counts, s->strength);
}

void bal_class_strength_tell(const bal_class_strength *s, bal_loader_pass *pass)
{
    pass->class_strength = s->strength;
    pass->class_level = by_levels(s) ? s->level : NULL;
}

const int *bal_class_strength_levels(const bal_class_strength *s)
{
    return by_levels(s) ? s->level : NULL;
}

int64_t bal_class_strength_tested(const bal_class_strength *s)
{
    return s->tested;
}

/* ---- the test ---- */

typedef struct level_test {
    int64_t count;
    int64_t *items; /* count */
    uint8_t *levels;
    int64_t *right; /* classes x BAL_CUDA_LEVELS */
    float *logits;  /* a batch of them */
} level_test;

static int64_t tests_of(const bal_class_strength *s, int class_number)
{
    const bool empty = s->first[class_number] == s->first[class_number + 1];
    return empty ? 0 : bal_cuda_tests(s->augment, s->level[class_number]);
}

static bal_status open_test(const bal_class_strength *s, int batch, level_test *test)
{
    const size_t classes = (size_t)s->given.classes;
    for (int c = 0; c < s->given.classes; c++)
        test->count += tests_of(s, c);
    test->items = bal_calloc(s->ctx, (size_t)test->count, sizeof *test->items);
    test->levels = bal_calloc(s->ctx, (size_t)test->count, sizeof *test->levels);
    test->right = bal_calloc(s->ctx, classes * BAL_CUDA_LEVELS, sizeof *test->right);
    test->logits = bal_calloc(s->ctx, (size_t)batch * classes, sizeof *test->logits);
    return test->items && test->levels && test->right && test->logits ? BAL_OK : BAL_NO_MEMORY;
}

static void close_test(const bal_class_strength *s, level_test *test)
{
    bal_free(s->ctx, test->items);
    bal_free(s->ctx, test->levels);
    bal_free(s->ctx, test->right);
    bal_free(s->ctx, test->logits);
}

/* Images of each class, with repetition. */
static void draw_items(const bal_class_strength *s, bal_random *random, level_test *test)
{
    int64_t at = 0;
    for (int c = 0; c < s->given.classes; c++) {
        const int64_t first = s->first[c], count = s->first[c + 1] - first, tests = tests_of(s, c);
        for (int64_t k = 0; k < tests; k++, at++) {
            test->items[at] =
                s->by_class[first + (int64_t)bal_random_below(random, (uint64_t)count)];
            test->levels[at] = (uint8_t)bal_cuda_test_level(s->augment, k);
        }
    }
}

static void count_right(const bal_class_strength *s, const bal_loader_batch *batch, int64_t at,
                        level_test *test)
{
    const size_t classes = (size_t)s->given.classes;
    for (int i = 0; i < batch->count; i++) {
        const float *row = test->logits + (size_t)i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        if (best == (size_t)batch->labels[i])
            test->right[best * BAL_CUDA_LEVELS + test->levels[at + i]]++;
    }
}

static bal_status run_test(const bal_class_strength *s, bal_plan *plan, bal_loader *loader,
                           const bal_loader_pass *pass, level_test *test)
{
    int output, classes;
    bal_status status = bal_score_output(s->ctx, plan->graph, &output, &classes);
    bal_loader_begin(loader, pass);
    for (int64_t at = 0; status == BAL_OK && at < pass->count;) {
        bal_loader_batch batch;
        status = bal_loader_next(loader, &batch);
        if (status == BAL_OK && bal_interrupted(s->ctx))
            status = bal_fail(s->ctx, BAL_INTERRUPTED, "interrupted while levels were tested");
        if (status == BAL_OK)
            status = bal_plan_forward(plan,
                                      &(bal_forward){.inputs = (const float *const[]){batch.images},
                                                     .batch = batch.count});
        if (status == BAL_OK)
            status = bal_plan_read_output(plan, output, test->logits);
        if (status != BAL_OK)
            break;
        count_right(s, &batch, at, test);
        at += batch.count;
    }
    bal_loader_stop(loader);
    return status;
}

bal_status bal_class_strength_epoch(bal_class_strength *s, bal_plan *plan, bal_loader *loader,
                                    int epoch)
{
    if (!by_levels(s) || s->tested_epoch == epoch + 1)
        return BAL_OK;
    bal_random random = bal_random_at(s->given.seed, BAL_STREAM_CURRICULUM, (uint64_t)epoch, 0);
    level_test test = {0};
    bal_status status = open_test(s, plan->settings.batch, &test);
    if (status == BAL_OK) {
        draw_items(s, &random, &test);
        const bal_loader_pass pass = {.items = test.items,
                                      .count = test.count,
                                      .augment = s->augment,
                                      .seed = bal_random_u64(&random),
                                      .epoch = (uint64_t)epoch,
                                      .item_level = test.levels};
        status = run_test(s, plan, loader, &pass, &test);
    }
    for (int c = 0; status == BAL_OK && c < s->given.classes; c++)
        if (tests_of(s, c) > 0)
            s->level[c] = bal_cuda_next_level(s->augment, s->level[c],
                                              test.right + (size_t)c * BAL_CUDA_LEVELS);
    if (status == BAL_OK) {
        s->tested_epoch = epoch + 1;
        s->tested = test.count;
    }
    close_test(s, &test);
    return status;
}

/* ---- the state of a run ---- */

bal_status bal_class_strength_save(const bal_class_strength *s, bal_weights *state)
{
    const int64_t shape[] = {s->given.classes + BEFORE_LEVELS};
    if (s->tested_epoch == 0)
        return BAL_OK;
    BAL_TRY(bal_weights_add(state, STATE, 1, shape, NULL));
    float *to = bal_weights_find(state, STATE)->data;
    to[0] = (float)s->tested_epoch;
    to[1] = (float)s->tested; /* whole up to 2^24, which 25,000 classes at level 10 reach */
    for (int c = 0; c < s->given.classes; c++)
        to[c + BEFORE_LEVELS] = (float)s->level[c];
    return BAL_OK;
}

bal_status bal_class_strength_restore(bal_class_strength *s, const bal_weights *state,
                                      const char *path)
{
    const bal_tensor *from = bal_weights_find(state, STATE);
    if (!from)
        return BAL_OK;
    bool fits = from->count == s->given.classes + BEFORE_LEVELS && from->data[0] >= 1.0f &&
                from->data[0] <= 1e6f && from->data[1] >= 0.0f && from->data[1] <= 1e15f;
    for (int64_t c = BEFORE_LEVELS; fits && c < from->count; c++)
        fits = from->data[c] >= 0.0f && from->data[c] < BAL_CUDA_LEVELS;
    if (!fits)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s: %s are no levels of %d classes, 0 to %d each",
                        path, STATE, s->given.classes, BAL_CUDA_LEVELS - 1);
    s->tested_epoch = (int)from->data[0];
    s->tested = (int64_t)from->data[1];
    for (int c = 0; c < s->given.classes; c++)
        s->level[c] = (int)from->data[c + BEFORE_LEVELS];
    return BAL_OK;
}
