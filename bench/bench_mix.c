/* What mixing costs in a training step: bench_mix DATA [MODEL [BATCHES]]. For each mixing the
 * processor time that a loader takes for a batch of 128 beyond what it takes without mixing (a
 * second stream's images are decoded and augmented in it), beside that of a training step with
 * cross entropy on the same images; for manifold mixup also what the step takes beyond it with the
 * places in the network. Processor time, since a busy machine disturbs it little. One line of JSON
 * each. */
#include "train/images/loader.h"
#include "train/speed/step_timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 128
#define STEPS 5
#define ALL_STEPS (STEPS + 3) /* with the warm-up of bal_time_steps */
#define ROUNDS 3

static double busy(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Milliseconds of a step. */
static bal_status time_step(bal_ctx *ctx, const char *model, const int64_t *shape, bool places,
                            double *ms)
{
    bal_model_settings as = bal_model_defaults();
    bal_graph *graph = NULL;
    bal_plan *plan = NULL;
    bal_weights *weights = NULL;
    bal_loss *loss = NULL;
    bal_loss_settings ce = bal_loss_defaults();
    const bal_plan_settings how = {.batch = BATCH, .training = true, .seed = 1};
    const bal_engine *engine;
    bal_step_times times;
    bal_status status;
    as.name = model;
    as.classes = ce.classes = (int)shape[3];
    as.input = (bal_shape){(int)shape[0], (int)shape[1], (int)shape[2]};
    as.mix_places = places;
    BAL_GOTO(bal_engine_find(ctx, NULL, &engine));
    BAL_GOTO(bal_model_build(&graph, ctx, &as));
    BAL_GOTO(bal_plan_open(&plan, ctx, engine, graph, &how));
    BAL_GOTO(bal_weights_init(&weights, ctx, graph, 1));
    BAL_GOTO(bal_plan_load(plan, weights));
    BAL_GOTO(bal_loss_open(&loss, ctx, &ce));
    *ms = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        const double began = busy();
        BAL_GOTO(bal_time_steps(plan, loss, STEPS, &times));
        const double took = 1e3 * (busy() - began) / ALL_STEPS;
        *ms = took < *ms ? took : *ms;
    }
fail:
    bal_loss_close(&loss);
    bal_weights_close(&weights);
    bal_plan_close(&plan);
    bal_graph_close(&graph);
    return status;
}

/* Milliseconds of a batch, the best of some passes. */
static bal_status time_pass(bal_loader *loader, const bal_loader_pass *pass, double *ms)
{
    *ms = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        bal_loader_batch batch;
        int64_t batches = 0;
        const double began = busy();
        bal_loader_begin(loader, pass);
        do
            BAL_TRY(bal_loader_next(loader, &batch));
        while (batch.count > 0 && ++batches);
        const double took = 1e3 * (busy() - began) / (double)batches;
        *ms = took < *ms ? took : *ms;
    }
    return BAL_OK;
}

static bal_status measure(bal_ctx *ctx, const char *where, const char *model, int64_t batches)
{
    bal_dataset *data = NULL;
    bal_image_store *store = NULL;
    bal_loader *loader = NULL;
    int64_t *second = NULL, *counts = NULL;
    double step, with_places, plain, took;
    bal_status status;
    BAL_GOTO(bal_dataset_open(&data, ctx, where, NULL));
    const bal_dataset_info info = bal_dataset_describe(data);
    const int64_t shape[] = {info.channels, info.height, info.width, info.classes};
    const int64_t *items = bal_dataset_items(data, BAL_SPLIT_TRAIN);
    int64_t count = batches * BATCH;
    count = count < info.items[BAL_SPLIT_TRAIN] ? count : info.items[BAL_SPLIT_TRAIN];
    second = bal_calloc(ctx, (size_t)count, sizeof *second);
    counts = bal_calloc(ctx, (size_t)info.classes, sizeof *counts);
    status = second && counts ? BAL_OK : BAL_NO_MEMORY;
    if (status != BAL_OK)
        goto fail;
    for (int64_t i = 0; i < count; i++)
        second[i] = items[count - 1 - i];
    bal_dataset_counts(data, BAL_SPLIT_TRAIN, counts);
    BAL_GOTO(time_step(ctx, model, shape, false, &step));
    BAL_GOTO(time_step(ctx, model, shape, true, &with_places));
    const bal_image_store_settings kept = {.data = data,
                                           .keep = {[BAL_SPLIT_TRAIN] = true},
                                           .limit = (size_t)1 << 30,
                                           .sums = true,
                                           .seed = 1};
    BAL_GOTO(bal_image_store_open(&store, ctx, &kept));
    const bal_loader_settings loading = {
        .store = store,
        .batch = BATCH,
        .norm = bal_pixel_sums_norm(bal_image_store_sums(store), info.channels),
        .mix_classes = info.classes};
    BAL_GOTO(bal_loader_open(&loader, ctx, &loading));
    bal_augment_settings augment = bal_augment_defaults();
    augment.crop_padding = 4;
    augment.hflip = 0.5;
    bal_loader_pass pass = {
        .items = items, .count = count, .augment = &augment, .seed = 1, .second = second};
    BAL_GOTO(time_pass(loader, &pass, &plain));
    const bal_method_info *row;
    for (int i = 1; (row = bal_mix_at(i)); i++) {
        bal_mix *mix;
        bal_mix_settings settings = bal_mix_defaults();
        settings.name = row->name;
        settings.classes = info.classes;
        settings.counts = counts;
        BAL_GOTO(bal_mix_open(&mix, ctx, &settings));
        pass.mix = mix;
        status = time_pass(loader, &pass, &took);
        bal_mix_close(&mix);
        if (status != BAL_OK)
            goto fail;
        double adds = took - plain;
        if (bal_mix_is_hidden(row->name))
            adds += with_places - step;
        printf("{\"mix\": \"%s\", \"model\": \"%s\", \"step_ms\": %.2f, \"batch_ms\": %.3f, "
               "\"adds_ms\": %.3f, \"adds_percent\": %.2f}\n",
               row->name, model, step, plain, adds, 100.0 * adds / (step + plain));
    }
fail:
    bal_loader_close(&loader);
    bal_image_store_close(&store);
    bal_free(ctx, second);
    bal_free(ctx, counts);
    bal_dataset_close(&data);
    return status;
}

int main(int count, char **arguments)
{
    bal_ctx *ctx;
    if (count < 2) {
        fprintf(stderr, "bench_mix DATA [MODEL [BATCHES]]\n");
        return 2;
    }
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 1;
    const char *model = count > 2 ? arguments[2] : "resnet32";
    const int64_t batches = count > 3 ? strtoll(arguments[3], NULL, 10) : 40;
    const bal_status status = measure(ctx, arguments[1], model, batches > 0 ? batches : 1);
    if (status != BAL_OK)
        fprintf(stderr, "%s\n", bal_error(ctx));
    bal_ctx_close(&ctx);
    return status != BAL_OK;
}
