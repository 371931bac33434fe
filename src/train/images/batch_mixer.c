/* Mixing a batch: partners are copies of the batch's own images, or those of the second stream. */
#include "train/images/batch_mixer.h"

#include <string.h>

struct bal_batch_mixer {
    bal_ctx *ctx;
    bal_batch_mixer_settings settings;
    size_t image_floats;
    const bal_mix *mix; /* of the present batch */
    bool second;
    int count, place;
    bal_mix_pair *pairs;
    /* the partners: images of the batch before it is mixed, or of the second stream */
    float *images, *weights;
    int32_t *labels;
};

bal_status bal_batch_mixer_open(bal_batch_mixer **out, bal_ctx *ctx,
                                const bal_batch_mixer_settings *settings)
{
    *out = NULL;
    bal_batch_mixer *m = bal_calloc(ctx, 1, sizeof *m);
    if (!m)
        return BAL_NO_MEMORY;
    const size_t batch = (size_t)settings->batch;
    m->ctx = ctx;
    m->settings = *settings;
    m->image_floats = (size_t)settings->shape.channels * (size_t)settings->shape.height *
                      (size_t)settings->shape.width;
    m->pairs = bal_calloc(ctx, batch, sizeof *m->pairs);
    m->images = bal_calloc_aligned(ctx, batch * m->image_floats, sizeof *m->images);
    m->labels = bal_calloc(ctx, batch, sizeof *m->labels);
    m->weights = bal_calloc(ctx, batch, sizeof *m->weights);
    if (!m->pairs || !m->images || !m->labels || !m->weights) {
        bal_batch_mixer_close(&m);
        return BAL_NO_MEMORY;
    }
    *out = m;
    return BAL_OK;
}

void bal_batch_mixer_close(bal_batch_mixer **mixer)
{
    if (!mixer || !*mixer)
        return;
    bal_batch_mixer *m = *mixer;
    bal_free(m->ctx, m->pairs);
    bal_free_aligned(m->ctx, m->images);
    bal_free(m->ctx, m->labels);
    bal_free(m->ctx, m->weights);
    bal_free(m->ctx, m);
    *mixer = NULL;
}

bool bal_batch_mixer_draw(bal_batch_mixer *m, const bal_mix *mix, bal_mix_batch where)
{
    double q;
    m->mix = mix;
    m->second = bal_mix_second_stream(mix, &q);
    m->count = where.count;
    where.height = m->settings.shape.height;
    where.width = m->settings.shape.width;
    m->place = bal_mix_place(mix, &where);
    return bal_mix_draw(mix, &where, m->pairs);
}

bool bal_batch_mixer_wants(const bal_batch_mixer *m, int i, bal_mixer_seat *seat)
{
    *seat =
        (bal_mixer_seat){m->images + (size_t)i * m->image_floats, &m->labels[i], &m->weights[i]};
    return m->second && m->pairs[i].share < 1.0;
}

static void keep_originals(bal_batch_mixer *m, const bal_mixed_batch *batch)
{
    const size_t count = (size_t)m->count;
    memcpy(m->images, batch->images, count * m->image_floats * sizeof *m->images);
    memcpy(m->labels, batch->labels, count * sizeof *m->labels);
    if (batch->weights)
        memcpy(m->weights, batch->weights, count * sizeof *m->weights);
}

int bal_batch_mixer_apply(bal_batch_mixer *m, const bal_mixed_batch *batch)
{
    if (!m->second)
        keep_originals(m, batch);
    for (int i = 0; i < m->count; i++) {
        bal_mix_pair *pair = &m->pairs[i];
        const bool mixes = pair->share < 1.0;
        const int label = batch->labels[i], other = mixes ? m->labels[pair->partner] : label;
        float *image = batch->images + (size_t)i * m->image_floats;
        pair->label_share = bal_mix_label_share(m->mix, pair->share, label, other);
        bal_mix_target(pair->label_share, label, other, m->settings.classes,
                       batch->targets + (size_t)i * (size_t)m->settings.classes);
        batch->partners[i] = pair->partner;
        batch->shares[i] = (float)pair->share;
        if (!mixes)
            continue;
        if (m->place == 0)
            bal_mix_floats(pair, m->settings.shape, image,
                           m->images + (size_t)pair->partner * m->image_floats, image);
        batch->labels[i] = pair->label_share < 0.5 ? other : label;
        if (batch->weights)
            batch->weights[i] = (float)(pair->label_share * batch->weights[i] +
                                        (1.0 - pair->label_share) * m->weights[pair->partner]);
    }
    return m->place;
}
