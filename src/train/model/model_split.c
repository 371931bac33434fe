/* A trained model on the items of a data set: logits, and the features that its head reads. */
#include "train/model/trained_model.h"

#include <string.h>

static bal_status check_data(const bal_model *m, const bal_dataset_info *info)
{
    if (info->classes != m->classes)
        return bal_fail(m->ctx, BAL_MISMATCH, "the model has %d classes, %s has %d", m->classes,
                        info->name, info->classes);
    if (info->channels != m->input.channels || info->height != m->input.height ||
        info->width != m->input.width)
        return bal_fail(m->ctx, BAL_MISMATCH,
                        "the model reads images of %d x %d x %d (channels, height, width), %s has "
                        "%d x %d x %d",
                        m->input.channels, m->input.height, m->input.width, info->name,
                        info->channels, info->height, info->width);
    return BAL_OK;
}

static bal_status check_items(const bal_model *m, const bal_dataset_info *info,
                              const bal_score_pass *pass)
{
    int64_t items = 0;
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        items += info->items[s];
    for (int64_t i = 0; i < pass->count; i++)
        if (pass->items[i] < 0 || pass->items[i] >= items)
            return bal_fail(m->ctx, BAL_BAD_ARG, "item %lld of the list is %lld, %s has 0 to %lld",
                            (long long)i, (long long)pass->items[i], info->name,
                            (long long)items - 1);
    return BAL_OK;
}

static void compare_names(const bal_model *m, const bal_dataset *data)
{
    for (int c = 0; m->held && c < m->classes; c++) {
        const char *here = bal_dataset_class_name(data, c);
        if (strcmp(m->data.class_names[c], here) == 0)
            continue;
        bal_log(m->ctx, BAL_LOG_WARN, "class %d is \"%s\" in the run and \"%s\" in the data", c,
                m->data.class_names[c], here);
        return;
    }
}

static bal_status run_items(bal_model *m, const bal_dataset *data, const bal_score_pass *pass)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    BAL_TRY(check_data(m, &info));
    BAL_TRY(check_items(m, &info, pass));
    compare_names(m, data);
    bal_image_store *store = NULL;
    bal_loader *loader = NULL;
    bal_status status;
    BAL_GOTO(bal_image_store_open(&store, m->ctx, &(bal_image_store_settings){.data = data}));
    const bal_loader_settings settings = {
        .store = store, .batch = m->batch, .workers = 1, .norm = m->norm};
    BAL_GOTO(bal_loader_open(&loader, m->ctx, &settings));
    status = bal_plan_score_items(m->plan, loader, pass);
    if (status == BAL_INTERRUPTED)
        bal_take_interrupt(m->ctx);
fail:
    bal_loader_close(&loader);
    bal_image_store_close(&store);
    return status;
}

bal_status bal_model_run_split(bal_model *m, const bal_dataset *data, bal_split split,
                               float *scores, int32_t *labels)
{
    return run_items(m, data,
                     &(bal_score_pass){.items = bal_dataset_items(data, split),
                                       .count = bal_dataset_describe(data).items[split],
                                       .scores = scores,
                                       .labels = labels});
}

int bal_model_feature_count(const bal_model *model)
{
    return model->features;
}

bal_status bal_model_features(bal_model *m, const bal_dataset *data, const bal_feature_ask *ask)
{
    bal_score_pass pass = {.items = ask->items,
                           .count = ask->count,
                           .scores = ask->logits,
                           .features = ask->features,
                           .labels = ask->labels};
    if (!ask->items) {
        pass.items = bal_dataset_items(data, ask->split);
        pass.count = bal_dataset_describe(data).items[ask->split];
    }
    return run_items(m, data, &pass);
}
