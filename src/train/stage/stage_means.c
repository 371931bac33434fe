/* The head's rows from the class means of the features: nearest class mean, Euclidean by
 * |f - m|^2 = |f|^2 - 2 (f m - |m|^2 / 2), or by the cosine. */
#include "train/stage/stage_actions.h"

#include "net/models/heads.h"
#include "net/weights.h"

#include <math.h>
#include <string.h>

#define CHUNK 4096 /* images whose features are held at once */

typedef struct means {
    const bal_training *g;
    int features;
    float *chunk;    /* CHUNK x features */
    int32_t *labels; /* CHUNK */
    double *sums;    /* classes x features, then their means */
} means;

static bal_status add_chunk(means *m, int64_t first, int64_t count)
{
    const bal_training *g = m->g;
    const bal_score_pass pass = {.items = bal_dataset_items(g->t->data, BAL_SPLIT_TRAIN) + first,
                                 .count = count,
                                 .features = m->chunk,
                                 .labels = m->labels};
    BAL_TRY(bal_plan_score_items(g->plan, g->loader, &pass));
    for (int64_t i = 0; i < count; i++)
        for (int f = 0; f < m->features; f++)
            m->sums[(int64_t)m->labels[i] * m->features + f] += m->chunk[i * m->features + f];
    return BAL_OK;
}

static bal_status take_means(means *m)
{
    const bal_trainer *t = m->g->t;
    const int64_t *counts = t->counts + BAL_SPLIT_TRAIN * t->classes;
    for (int64_t at = 0; at < t->train_items; at += CHUNK)
        BAL_TRY(add_chunk(m, at, t->train_items - at < CHUNK ? t->train_items - at : CHUNK));
    for (size_t c = 0; c < t->classes; c++)
        for (int f = 0; f < m->features; f++)
            m->sums[c * (size_t)m->features + (size_t)f] /= (double)counts[c];
    return BAL_OK;
}

static void set_row(bal_head_rows *head, int64_t j, const double *mean, bool cosine)
{
    double square = 0.0;
    for (int64_t i = 0; i < head->features; i++)
        square += mean[i] * mean[i];
    const double by = cosine && square > 0.0 ? sqrt(square) : 1.0;
    for (int64_t i = 0; i < head->features; i++)
        head->rows[j * head->features + i] = (float)(mean[i] / by);
    if (head->shift)
        head->shift[j] = cosine ? 0.0f : (float)(-square / 2.0);
}

static bal_status class_means(bal_training *g, int stage, bool cosine)
{
    means m = {.g = g};
    bal_head_rows head = {0};
    bal_status status;
    BAL_GOTO(bal_stage_reinit_head(g, stage)); /* scales and shifts of the classes, where it has */
    BAL_GOTO(bal_head_rows_open(&head, g->plan));
    m.features = (int)head.features;
    m.chunk = bal_calloc(g->ctx, (size_t)CHUNK * (size_t)head.features, sizeof *m.chunk);
    m.labels = bal_calloc(g->ctx, CHUNK, sizeof *m.labels);
    m.sums = bal_calloc(g->ctx, g->t->classes * (size_t)head.features, sizeof *m.sums);
    status = m.chunk && m.labels && m.sums ? take_means(&m) : BAL_NO_MEMORY;
    for (int64_t j = 0; status == BAL_OK && j < head.classes; j++)
        set_row(&head, j, m.sums + j * head.features, cosine);
    if (status == BAL_OK)
        status = bal_head_rows_replace(&head);
fail:
    bal_free(g->ctx, m.chunk);
    bal_free(g->ctx, m.labels);
    bal_free(g->ctx, m.sums);
    bal_head_rows_close(&head);
    return status;
}

bal_status bal_stage_class_means(bal_training *g, int stage)
{
    return class_means(g, stage, false);
}

bal_status bal_stage_class_means_cosine(bal_training *g, int stage)
{
    return class_means(g, stage, true);
}
