/* Trains a small network on a long-tailed data set and prints what the rare classes got.
 *
 * Use: train_from_c DATA FOLDER [RECIPE]
 *      train_from_c fashion-mnist runs/example balanced-softmax
 *
 * Build: cc -std=c11 train_from_c.c $(pkg-config --cflags --libs ballast) -o train_from_c
 */
#include <ballast/ballast.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static bal_ctx *running; /* for Ctrl-C */

/* The library installs no signal handlers; asking it to stop is allowed in one. The trainer then
 * finishes its step, saves its state and returns BAL_INTERRUPTED. */
static void on_interrupt(int number)
{
    (void)number;
    bal_ctx_interrupt(running);
}

/* Called after every epoch, in the thread that called bal_trainer_run. */
static void after_epoch(void *user, const bal_epoch_report *r)
{
    (void)user;
    printf("epoch %d of %d: loss %.3f, validation balanced accuracy %.3f%s\n", r->epoch, r->epochs,
           r->train_loss, r->val_balanced_accuracy, r->best ? " (best so far)" : "");
}

/* Opens the data, trains, and leaves the run folder's name in result. Whatever was opened is closed
 * again on every path; closing NULL does nothing. */
static bal_status train(bal_ctx *ctx, const char *where, const char *out, const char *recipe,
                        bal_train_result *result)
{
    bal_dataset *data = NULL;
    bal_trainer *trainer = NULL;

    bal_dataset_settings cut = bal_dataset_defaults();
    cut.longtail = "exp:100"; /* the most frequent class has 100 times the images of the rarest */
    bal_status status = bal_dataset_open(&data, ctx, where, &cut);
    if (status != BAL_OK)
        goto done;

    bal_train_settings settings = bal_train_defaults();
    settings.model = "resnet8";
    settings.recipe = recipe;
    settings.epochs = 2;
    settings.out = out;
    /* Everything is checked here, before a file is written. NULL: open settings.recipe. */
    status = bal_trainer_open(&trainer, ctx, data, NULL, &settings);
    if (status != BAL_OK)
        goto done;
    const bal_train_callbacks callbacks = {.epoch = after_epoch};
    status = bal_trainer_run(trainer, "train_from_c", &callbacks, result);
done:
    bal_trainer_close(&trainer); /* before the data set, which it borrows */
    bal_dataset_close(&data);
    return status;
}

/* Scores of the test split and what they are worth, class by class. */
static bal_status measure(bal_ctx *ctx, const char *run)
{
    bal_model *model = NULL;
    bal_dataset *data = NULL;
    bal_evaluation *e = NULL;
    float *scores = NULL;
    int32_t *labels = NULL;

    bal_predictor_settings from = bal_predictor_defaults();
    from.run = run;
    bal_status status = bal_model_open(&model, ctx, &from);
    if (status != BAL_OK)
        goto done;
    /* The same data set again, with the same members: the run folder knows how it was opened. */
    bal_dataset_settings as_trained;
    const char *where = bal_model_data(model, &as_trained);
    status = bal_dataset_open(&data, ctx, where, &as_trained);
    if (status != BAL_OK)
        goto done;

    const int classes = bal_model_classes(model);
    const int64_t items = bal_dataset_describe(data).items[BAL_SPLIT_TEST];
    scores = malloc((size_t)items * (size_t)classes * sizeof *scores);
    labels = malloc((size_t)items * sizeof *labels);
    if (!scores || !labels) {
        status = BAL_NO_MEMORY;
        goto done;
    }
    status = bal_model_run_split(model, data, BAL_SPLIT_TEST, scores, labels);
    if (status != BAL_OK)
        goto done;

    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = classes;
    settings.items = items;
    settings.scores = scores;
    settings.labels = labels;
    settings.train_counts = bal_model_train_counts(model);
    status = bal_evaluate(&e, ctx, &settings);
    if (status != BAL_OK)
        goto done;

    printf("accuracy %.3f, balanced accuracy %.3f\n", bal_evaluation_metric(e, BAL_METRIC_accuracy),
           bal_evaluation_metric(e, BAL_METRIC_balanced_accuracy));
    for (int c = 0; c < classes; c++) {
        const bal_class_metrics *m = bal_evaluation_class(e, c);
        printf("%-12s %6lld training images, recall %.3f (%.3f to %.3f)\n",
               bal_dataset_class_name(data, c), (long long)settings.train_counts[c], m->recall,
               m->recall_interval.low, m->recall_interval.high);
    }
done:
    bal_evaluation_close(&e);
    free(scores);
    free(labels);
    bal_dataset_close(&data);
    bal_model_close(&model); /* after the data set: it owns the texts of as_trained */
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s DATA FOLDER [RECIPE]\n", argv[0]);
        return bal_status_exit_code(BAL_BAD_ARG);
    }
    bal_ctx *ctx;
    bal_status status = bal_ctx_open(&ctx, NULL);
    if (status != BAL_OK) {
        fprintf(stderr, "%s\n", bal_status_text(status));
        return bal_status_exit_code(status);
    }
    running = ctx;
    signal(SIGINT, on_interrupt);

    bal_train_result result;
    status = train(ctx, argv[1], argv[2], argc == 4 ? argv[3] : "ce", &result);
    if (status == BAL_OK) {
        printf("%s: best epoch %d, %.0f s\n", result.out, result.best_epoch, result.seconds);
        status = measure(ctx, result.out);
    }
    if (status != BAL_OK)
        fprintf(stderr, "%s: %s\n", bal_status_text(status), bal_error(ctx));
    signal(SIGINT, SIG_DFL);
    bal_ctx_close(&ctx);
    return bal_status_exit_code(status);
}
