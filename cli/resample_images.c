/* ballast resample --images: a data set's training images in, an image folder or a sheet out. */
#include "resample_result.h"

enum { SHEET_COLUMNS = 8 };

static bal_status put_files(cli *c, bal_image_resample *r)
{
    const cli_resample *files = &c->settings.resample_files;
    bal_status status = cli_resample_origins(c, bal_image_resample_plan(r));
    if (status == BAL_OK && files->sheet)
        status = bal_image_resample_sheet(r, files->sheet, SHEET_COLUMNS);
    if (status == BAL_OK && files->out)
        status = bal_image_resample_write(r, files->out);
    return status;
}

static bal_status resample(cli *c, const bal_dataset *data)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    bal_image_resample_settings settings = c->settings.images;
    settings.resample.progress = cli_resample_progress;
    settings.resample.progress_user = c;
    bal_image_resample *r = NULL;
    cli_resample_result result = {.data = data,
                                  .rows = info.items[BAL_SPLIT_TRAIN],
                                  .columns = (int64_t)info.channels * info.height * info.width,
                                  .planning = cli_clock()};
    cli_catch_interrupt(c->ctx);
    bal_status status = bal_image_resample_open(&r, c->ctx, data, &settings);
    result.writing = cli_clock();
    result.planning = result.writing - result.planning;
    if (status == BAL_OK)
        status = put_files(c, r);
    result.writing = cli_clock() - result.writing;
    cli_catch_interrupt(NULL);
    cli_bar_clear(c);
    if (status == BAL_OK) {
        result.plan = bal_image_resample_plan(r);
        result.error = bal_image_resample_error(r);
        status = cli_resample_put(c, &result);
    }
    bal_image_resample_close(&r);
    return status;
}

bal_status cli_resample_images(cli *c)
{
    bal_dataset_settings how = c->settings.dataset;
    bal_dataset *data;
    how.seed = c->settings.images.resample.seed;
    bal_status status = bal_dataset_open(&data, c->ctx, c->settings.resample_files.images, &how);
    if (status == BAL_OK)
        status = resample(c, data);
    bal_dataset_close(&data);
    return status;
}
