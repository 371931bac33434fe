/* Class and probability of image files, with a model that ballast trained.
 *
 * Use: predict_from_c RUN IMAGE...
 *      predict_from_c runs/example shoe.png bag.jpg
 *
 * Build: cc -std=c11 predict_from_c.c $(pkg-config --cflags --libs ballast) -lm -o predict_from_c
 */
#include <ballast/ballast.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The largest logit's class, and its share of the softmax. */
static int best_class(const float *logits, int classes, double *probability)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    double sum = 0.0;
    for (int c = 0; c < classes; c++)
        sum += exp((double)logits[c] - logits[best]); /* at most 1 each: no overflow */
    *probability = 1.0 / sum;
    return best;
}

static bal_status predict(bal_ctx *ctx, const char *run, char **images, int count)
{
    bal_model *model = NULL;
    uint8_t *pixels = NULL;
    float *logits = NULL;

    bal_predictor_settings settings = bal_predictor_defaults();
    settings.run = run; /* its best.safetensors, and the normalisation that it was trained with */
    bal_status status = bal_model_open(&model, ctx, &settings);
    if (status != BAL_OK)
        goto done;
    const bal_shape input = bal_model_input(model);
    const int classes = bal_model_classes(model);
    bal_dataset_settings as_in_run;
    const bal_image_wanted wanted = {input.channels, input.height, input.width,
                                     bal_model_data(model, &as_in_run) ? &as_in_run : NULL};
    pixels = malloc((size_t)input.channels * (size_t)input.height * (size_t)input.width);
    logits = malloc((size_t)classes * sizeof *logits);
    if (!pixels || !logits) {
        status = BAL_NO_MEMORY;
        goto done;
    }
    for (int i = 0; i < count; i++) {
        /* Decoded, cropped, resized and converted to the model's channels, as a data set does it.
         */
        status = bal_image_read(ctx, images[i], &wanted, pixels);
        if (status != BAL_OK)
            goto done;
        status = bal_model_logits(model, pixels, 1, logits);
        if (status != BAL_OK)
            goto done;
        double probability;
        const int c = best_class(logits, classes, &probability);
        const char *name = bal_model_class_name(model, c);
        if (name)
            printf("%s: %s %.3f\n", images[i], name, probability);
        else
            printf("%s: class %d %.3f\n", images[i], c, probability);
    }
done:
    free(pixels);
    free(logits);
    bal_model_close(&model);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s RUN IMAGE...\n", argv[0]);
        return bal_status_exit_code(BAL_BAD_ARG);
    }
    bal_ctx *ctx;
    bal_status status = bal_ctx_open(&ctx, NULL);
    if (status != BAL_OK) {
        fprintf(stderr, "%s\n", bal_status_text(status));
        return bal_status_exit_code(status);
    }
    status = predict(ctx, argv[1], argv + 2, argc - 2);
    if (status != BAL_OK)
        fprintf(stderr, "%s: %s\n", bal_status_text(status), bal_error(ctx));
    bal_ctx_close(&ctx);
    return bal_status_exit_code(status);
}
