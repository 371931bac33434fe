/* A ring of prepared batches between worker threads and the caller. Batch b lies in slot
 * b % slots; a worker may begin it once the caller has let go of batch b - slots. */
#include "train/images/loader.h"

#include "data/image/dataset_picture.h"
#include "train/images/batch_mixer.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

typedef struct slot {
    float *images;
    int32_t *labels;
    float *weights;    /* NULL: the data has none */
    float *targets;    /* NULL: no pass mixes */
    int32_t *partners; /* likewise */
    float *shares;
    bool mixed;
    int place;     /* of the network; 0: the images are mixed */
    int64_t ready; /* number of the batch that lies here, -1: none */
    int count;
    bal_status status;
    char error[BAL_ERROR_LENGTH];
} slot;

typedef struct worker {
    bal_loader *loader;
    pthread_t thread;
    bal_ctx *ctx;
    uint8_t *pixels, *scratch; /* one image each */
    bal_batch_mixer *mixer;    /* NULL: no pass mixes */
} worker;

struct bal_loader {
    bal_ctx *ctx;
    const bal_image_store *store;
    const bal_dataset *data;
    int batch, slot_count, worker_count, started, mix_classes;
    bal_image_shape shape;
    size_t area, image_floats;
    bal_pixel_table table;
    uint8_t mean[BAL_CHANNELS_MAX]; /* of the data, where an augmentation erases */
    slot *slots;
    worker *workers; /* the first is the caller's where there are no threads */

    bal_loader_pass pass;
    bal_augment_settings augment;
    bool augments;
    int64_t batches; /* of the pass */

    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    int64_t next;   /* batch that a worker takes next */
    int64_t wanted; /* batch that the caller gets next; all before it are let go */
    int busy;       /* workers within a batch */
    bool active, closing;
    atomic_bool give_up; /* the pass is of no interest any more */
};

/* ---- one batch ---- */

/* A random box of the picture, by its place in the pass. */
typedef struct random_box {
    const bal_augment_settings *settings;
    bal_augment_draw draw;
} random_box;

static bal_box random_view(const void *user, int height, int width)
{
    const random_box *box = user;
    const bal_augment_region r = bal_augment_box(box->settings, &box->draw, height, width);
    return (bal_box){r.left, r.top, r.width, r.height};
}

/* An image by its item, and the place that its augmentation is drawn at. */
typedef struct shown {
    int64_t item;
    uint64_t place;
} shown;

static bal_status read_image(bal_loader *l, worker *w, shown what)
{
    if (!l->augments || !l->augment.resized_crop)
        return bal_image_store_read(l->store, w->ctx, what.item, w->pixels);
    const random_box box = {&l->augment,
                            {.seed = l->pass.seed, .epoch = l->pass.epoch, .item = what.place}};
    return bal_dataset_image_through(l->data, w->ctx, &(bal_through){what.item, random_view, &box},
                                     w->pixels);
}

static void augment_image(bal_loader *l, worker *w, shown what)
{
    const bal_loader_pass *pass = &l->pass;
    bal_augment_draw draw = {pass->seed, pass->epoch, what.place, NULL, 0, false};
    const int32_t label = (int32_t)bal_dataset_label(l->data, what.item);
    if (pass->class_strength)
        draw.strength = &pass->class_strength[label];
    if (pass->class_level)
        draw.level = pass->class_level[label];
    if (pass->item_level && what.place < BAL_LOADER_SECOND_PLACES) {
        draw.level = pass->item_level[what.place];
        draw.always = true;
    }
    bal_augment(&l->augment, l->shape, &draw, w->pixels, w->scratch);
}

static bal_status prepare_image(bal_loader *l, worker *w, shown what, float *planes)
{
    BAL_TRY(read_image(l, w, what));
    if (l->augments)
        augment_image(l, w, what);
    bal_pixel_planes(&l->table, l->area, w->pixels, planes);
    return BAL_OK;
}

/* The second stream's images, those that are mixed in. */
static bal_status prepare_second(bal_loader *l, worker *w, int64_t first, int count)
{
    for (int i = 0; i < count; i++) {
        bal_mixer_seat seat;
        if (!bal_batch_mixer_wants(w->mixer, i, &seat))
            continue;
        const int64_t item = l->pass.second[first + i];
        *seat.label = (int32_t)bal_dataset_label(l->data, item);
        *seat.weight = (float)bal_dataset_weight(l->data, item);
        BAL_TRY(prepare_image(l, w, (shown){item, BAL_LOADER_SECOND_PLACES + (uint64_t)(first + i)},
                              seat.image));
    }
    return BAL_OK;
}

static bal_status mix(bal_loader *l, worker *w, int64_t first, slot *s)
{
    const bal_mix_batch where = {
        .seed = l->pass.seed, .epoch = l->pass.epoch, .first = (uint64_t)first, .count = s->count};
    s->mixed = l->pass.mix && bal_batch_mixer_draw(w->mixer, l->pass.mix, where);
    if (!s->mixed)
        return BAL_OK;
    BAL_TRY(prepare_second(l, w, first, s->count));
    const bal_mixed_batch batch = {s->images,  s->labels,   s->weights,
                                   s->targets, s->partners, s->shares};
    s->place = bal_batch_mixer_apply(w->mixer, &batch);
    return BAL_OK;
}

static void prepare(bal_loader *l, worker *w, int64_t batch, slot *s)
{
    const int64_t first = batch * l->batch, left = l->pass.count - first;
    s->count = left < l->batch ? (int)left : l->batch;
    s->status = BAL_OK;
    for (int i = 0; i < s->count && s->status == BAL_OK; i++) {
        if (atomic_load_explicit(&l->give_up, memory_order_relaxed))
            return;
        const int64_t item = l->pass.items[first + i];
        s->labels[i] = (int32_t)bal_dataset_label(l->data, item);
        if (s->weights)
            s->weights[i] = (float)bal_dataset_weight(l->data, item);
        s->status = prepare_image(l, w, (shown){item, (uint64_t)(first + i)},
                                  s->images + (size_t)i * l->image_floats);
    }
    if (s->status == BAL_OK)
        s->status = mix(l, w, first, s);
    if (s->status != BAL_OK)
        memcpy(s->error, bal_error(w->ctx), strlen(bal_error(w->ctx)) + 1);
}

/* ---- threads ---- */

static bool has_work(const bal_loader *l)
{
    return l->active && l->next < l->batches && l->next < l->wanted + l->slot_count;
}

static void *worker_main(void *argument)
{
    worker *w = argument;
    bal_loader *l = w->loader;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->closing && !has_work(l))
            pthread_cond_wait(&l->work, &l->mutex);
        if (l->closing)
            break;
        const int64_t batch = l->next++;
        slot *s = &l->slots[batch % l->slot_count];
        l->busy++;
        pthread_mutex_unlock(&l->mutex);
        prepare(l, w, batch, s);
        pthread_mutex_lock(&l->mutex);
        l->busy--;
        s->ready = batch;
        pthread_cond_broadcast(&l->done);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static bal_status start_worker(bal_loader *l, worker *w)
{
    sigset_t all, old; /* signals are for the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int error = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return bal_fail(l->ctx, BAL_IO, "cannot start a thread that loads images: %s",
                        strerror(error));
    l->started++;
    return BAL_OK;
}

/* ---- open and close ---- */

static bal_status open_slots(bal_loader *l)
{
    const size_t batch = (size_t)l->batch;
    const bool weighted = bal_dataset_describe(l->data).weighted;
    l->slots = bal_calloc(l->ctx, (size_t)l->slot_count, sizeof *l->slots);
    if (!l->slots)
        return BAL_NO_MEMORY;
    for (int i = 0; i < l->slot_count; i++) {
        slot *s = &l->slots[i];
        s->ready = -1;
        s->images = bal_calloc_aligned(l->ctx, batch * l->image_floats, sizeof *s->images);
        s->labels = bal_calloc(l->ctx, batch, sizeof *s->labels);
        if (weighted)
            s->weights = bal_calloc(l->ctx, batch, sizeof *s->weights);
        if (l->mix_classes) {
            s->targets = bal_calloc(l->ctx, batch * (size_t)l->mix_classes, sizeof *s->targets);
            s->partners = bal_calloc(l->ctx, batch, sizeof *s->partners);
            s->shares = bal_calloc(l->ctx, batch, sizeof *s->shares);
        }
        if (!s->images || !s->labels || (weighted && !s->weights) ||
            (l->mix_classes && (!s->targets || !s->partners || !s->shares)))
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

static bal_status open_workers(bal_loader *l)
{
    const int seats = l->worker_count > 0 ? l->worker_count : 1;
    l->workers = bal_calloc(l->ctx, (size_t)seats, sizeof *l->workers);
    if (!l->workers)
        return BAL_NO_MEMORY;
    for (int i = 0; i < seats; i++) {
        worker *w = &l->workers[i];
        w->loader = l;
        BAL_TRY(bal_worker_ctx_open(&w->ctx, l->ctx));
        w->pixels = bal_calloc(l->ctx, l->image_floats, 1);
        w->scratch = bal_calloc(l->ctx, l->image_floats, 1);
        if (!w->pixels || !w->scratch)
            return BAL_NO_MEMORY;
        if (l->mix_classes)
            BAL_TRY(bal_batch_mixer_open(
                &w->mixer, l->ctx,
                &(bal_batch_mixer_settings){l->batch, l->mix_classes, l->shape}));
    }
    for (int i = 0; i < l->worker_count; i++)
        BAL_TRY(start_worker(l, &l->workers[i]));
    return BAL_OK;
}

/* The nearest byte to a mean in 0..1; what is outside is refused or a matter of the table. */
static uint8_t mean_value(double mean)
{
    return (uint8_t)(mean > 0.0 ? mean < 1.0 ? mean * 255.0 + 0.5 : 255.0 : 0.0);
}

bal_status bal_loader_open(bal_loader **out, bal_ctx *ctx, const bal_loader_settings *settings)
{
    *out = NULL;
    if (settings->batch < 1 || settings->workers < 0 || settings->workers > BAL_LOADER_WORKERS_MAX)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "a loader of batch %d with %d workers: batch must be at least 1, workers 0 "
                        "to %d",
                        settings->batch, settings->workers, BAL_LOADER_WORKERS_MAX);
    bal_loader *l = bal_calloc(ctx, 1, sizeof *l);
    if (!l)
        return BAL_NO_MEMORY;
    l->ctx = ctx;
    l->store = settings->store;
    l->data = bal_image_store_data(settings->store);
    const bal_dataset_info info = bal_dataset_describe(l->data);
    l->shape = (bal_image_shape){info.channels, info.height, info.width};
    l->area = (size_t)info.height * (size_t)info.width;
    l->image_floats = l->area * (size_t)info.channels;
    l->batch = settings->batch;
    l->mix_classes = settings->mix_classes;
    l->worker_count = settings->workers;
    l->slot_count = settings->workers > 0 ? settings->workers + 2 : 1;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    atomic_init(&l->give_up, false);
    for (int c = 0; c < BAL_CHANNELS_MAX; c++)
        l->mean[c] = mean_value(settings->norm.mean[c]);
    bal_status status;
    BAL_GOTO(bal_pixel_table_make(&l->table, ctx, info.channels, &settings->norm));
    BAL_GOTO(open_slots(l));
    BAL_GOTO(open_workers(l));
    *out = l;
    return BAL_OK;
fail:
    bal_loader_close(&l);
    return status;
}

void bal_loader_close(bal_loader **loader)
{
    if (!loader || !*loader)
        return;
    bal_loader *l = *loader;
    atomic_store(&l->give_up, true);
    pthread_mutex_lock(&l->mutex);
    l->closing = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->workers[i].thread, NULL);
    for (int i = 0; l->workers && i < (l->worker_count > 0 ? l->worker_count : 1); i++) {
        bal_free(l->ctx, l->workers[i].pixels);
        bal_free(l->ctx, l->workers[i].scratch);
        bal_batch_mixer_close(&l->workers[i].mixer);
        bal_ctx_close(&l->workers[i].ctx);
    }
    for (int i = 0; l->slots && i < l->slot_count; i++) {
        bal_free_aligned(l->ctx, l->slots[i].images);
        bal_free(l->ctx, l->slots[i].labels);
        bal_free(l->ctx, l->slots[i].weights);
        bal_free(l->ctx, l->slots[i].targets);
        bal_free(l->ctx, l->slots[i].partners);
        bal_free(l->ctx, l->slots[i].shares);
    }
    bal_free(l->ctx, l->workers);
    bal_free(l->ctx, l->slots);
    pthread_cond_destroy(&l->done);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    bal_free(l->ctx, l);
    *loader = NULL;
}

/* ---- a pass ---- */

void bal_loader_stop(bal_loader *l)
{
    atomic_store(&l->give_up, true);
    pthread_mutex_lock(&l->mutex);
    l->active = false;
    while (l->busy > 0)
        pthread_cond_wait(&l->done, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->slot_count; i++)
        l->slots[i].ready = -1;
    atomic_store(&l->give_up, false);
}

void bal_loader_begin(bal_loader *l, const bal_loader_pass *pass)
{
    bal_loader_stop(l);
    pthread_mutex_lock(&l->mutex);
    l->pass = *pass;
    l->augments = pass->augment && bal_augment_any(pass->augment);
    if (l->augments) {
        l->augment = *pass->augment;
        memcpy(l->augment.mean, l->mean, sizeof l->mean);
    }
    l->batches = (pass->count + l->batch - 1) / l->batch;
    l->next = pass->first_batch;
    l->wanted = pass->first_batch - 1; /* nothing is held by the caller yet */
    l->active = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
}

bal_status bal_loader_next(bal_loader *l, bal_loader_batch *batch)
{
    *batch = (bal_loader_batch){0};
    pthread_mutex_lock(&l->mutex);
    const int64_t wanted = l->active ? ++l->wanted : l->batches;
    slot *s = &l->slots[wanted % l->slot_count];
    if (wanted < l->batches && l->worker_count > 0) {
        pthread_cond_broadcast(&l->work);
        while (s->ready != wanted)
            pthread_cond_wait(&l->done, &l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    if (wanted >= l->batches)
        return BAL_OK;
    if (l->worker_count == 0)
        prepare(l, &l->workers[0], wanted, s);
    if (s->status != BAL_OK)
        return bal_fail(l->ctx, s->status, "%s", s->error);
    *batch = (bal_loader_batch){.images = s->images,
                                .labels = s->labels,
                                .targets = s->mixed ? s->targets : NULL,
                                .mix_place = s->mixed ? s->place : 0,
                                .partners = s->partners,
                                .shares = s->shares,
                                .weights = s->weights,
                                .count = s->count};
    return BAL_OK;
}
