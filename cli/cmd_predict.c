/* ballast predict: classes and probabilities of single image files. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct prediction {
    int classes;
    double *probability; /* classes */
    int *order;          /* classes: the predicted one, then the most probable first */
} prediction;

/* Insertion sort: class lists are short, and equal probabilities keep label order. The prediction
 * comes first: offsets may choose a class that is not the most probable. */
static void rank(prediction *p, int predicted)
{
    for (int i = 0; i < p->classes; i++) {
        int at = i;
        for (; at > 0 && p->probability[p->order[at - 1]] < p->probability[i]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
    }
    int at = 0;
    while (p->order[at] != predicted)
        at++;
    memmove(p->order + 1, p->order, (size_t)at * sizeof *p->order);
    p->order[0] = predicted;
}

static const char *class_name(const bal_model *model, int j, char *buffer, size_t size)
{
    const char *name = bal_model_class_name(model, j);
    if (name)
        return name;
    snprintf(buffer, size, "%d", j);
    return buffer;
}

static void csv_field(const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void csv_header(const bal_model *model)
{
    char number[16];
    printf("image,class,probability");
    for (int j = 0; j < bal_model_classes(model); j++) {
        putchar(',');
        csv_field(class_name(model, j, number, sizeof number));
    }
    printf("\r\n");
}

static void csv_row(const bal_model *model, const char *image, const prediction *p)
{
    char number[16];
    csv_field(image);
    putchar(',');
    csv_field(class_name(model, p->order[0], number, sizeof number));
    printf(",%.6f", p->probability[p->order[0]]);
    for (int j = 0; j < p->classes; j++)
        printf(",%.6f", p->probability[j]);
    printf("\r\n");
}

static void text_row(const bal_model *model, const char *image, const prediction *p, int top)
{
    char number[16];
    printf("%s:", image);
    for (int i = 0; i < top && i < p->classes; i++)
        printf("%s %s %.3f", i ? "," : "", class_name(model, p->order[i], number, sizeof number),
               p->probability[p->order[i]]);
    putchar('\n');
}

static json_t *json_row(const bal_model *model, const char *image, const prediction *p)
{
    char number[16];
    json_t *all = json_array();
    for (int i = 0; i < p->classes; i++)
        json_array_append_new(
            all, json_pack("{s:o, s:f}", "class",
                           cli_json_text(class_name(model, p->order[i], number, sizeof number)),
                           "probability", p->probability[p->order[i]]));
    return json_pack("{s:o, s:o, s:f, s:b, s:o}", "image", cli_json_text(image), "class",
                     cli_json_text(class_name(model, p->order[0], number, sizeof number)),
                     "probability", p->probability[p->order[0]], "calibrated",
                     bal_model_calibration(model) != NULL, "probabilities", all);
}

/* What one pass through the model needs: at most `most` images at a time. */
typedef struct batch {
    int most;
    size_t image_bytes;
    uint8_t *pixels;
    float *logits;
} batch;

static bal_status predict_batch(cli *c, bal_model *model, const batch *b, int first, int count)
{
    const bal_shape in = bal_model_input(model);
    bal_dataset_settings of_run;
    const char *run = bal_model_data(model, &of_run);
    const bal_image_wanted wanted = {in.channels, in.height, in.width, run ? &of_run : NULL};
    bal_status status = BAL_OK;
    for (int i = 0; i < count && status == BAL_OK; i++)
        status = bal_image_read(c->ctx, c->args[first + i], &wanted,
                                b->pixels + (size_t)i * b->image_bytes);
    return status == BAL_OK ? bal_model_logits(model, b->pixels, count, b->logits) : status;
}

static bal_status predict_all(cli *c, bal_model *model, const batch *b, prediction *p)
{
    json_t *rows = json_array();
    bal_status status = BAL_OK;
    if (c->settings.predict.csv && cli_wants_text(c))
        csv_header(model);
    for (int first = 1; first < c->arg_count && status == BAL_OK; first += b->most) {
        const int left = c->arg_count - first;
        const int count = left < b->most ? left : b->most;
        status = predict_batch(c, model, b, first, count);
        for (int i = 0; i < count && status == BAL_OK; i++) {
            const char *image = c->args[first + i];
            rank(p, bal_calibration_predict(bal_model_calibration(model), p->classes,
                                            b->logits + (size_t)i * (size_t)p->classes,
                                            p->probability));
            if (cli_wants_json(c))
                json_array_append_new(rows, json_row(model, image, p));
            if (cli_wants_text(c) && c->settings.predict.csv)
                csv_row(model, image, p);
            else if (cli_wants_text(c))
                text_row(model, image, p, c->settings.predict.top);
        }
    }
    if (status == BAL_OK && cli_wants_json(c))
        return cli_put_json(c, rows);
    json_decref(rows);
    return status;
}

static bal_status run_predict(cli *c)
{
    bal_model *model = NULL;
    const int images = c->arg_count - 1;
    if (c->settings.source.batch_size > images)
        c->settings.source.batch_size = images;
    bal_status status = cli_open_model(c, &model, c->args[0], NULL);
    if (status != BAL_OK)
        return status;
    cli_say_calibrated(c, bal_model_calibration(model));
    const bal_shape in = bal_model_input(model);
    prediction p = {.classes = bal_model_classes(model)};
    batch b = {.most = c->settings.source.batch_size,
               .image_bytes = (size_t)in.channels * (size_t)in.height * (size_t)in.width};
    p.probability = cli_calloc(c, (size_t)p.classes, sizeof *p.probability);
    p.order = cli_calloc(c, (size_t)p.classes, sizeof *p.order);
    b.logits = cli_calloc(c, (size_t)b.most * (size_t)p.classes, sizeof *b.logits);
    b.pixels = cli_calloc(c, (size_t)b.most, b.image_bytes);
    status = p.probability && p.order && b.logits && b.pixels ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = predict_all(c, model, &b, &p);
    free(b.pixels);
    free(b.logits);
    free(p.order);
    free(p.probability);
    bal_model_close(&model);
    return status;
}

static const bal_option *predict_rows(void)
{
    static const bal_option rows[] = {
        {"top", BAL_OPTION_INT, offsetof(cli_predict, top), 1, 1000, "N", NULL,
         "how many classes the text names (default 3)"},
        {"csv", BAL_OPTION_FLAG, offsetof(cli_predict, csv), 0, 0, NULL, NULL,
         "a line an image with every class's probability, instead of text"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static const cli_group predict_groups[] = {
    {"prediction", predict_rows, offsetof(cli_settings, predict), CLI_ONCE},
    {"model", cli_running_rows, offsetof(cli_settings, source), CLI_ONCE},
    {"the run's calibration", cli_calibrated_rows, offsetof(cli_settings, source), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_predict = {
    .name = "predict",
    .usage = "RUN IMAGE... [options]",
    .about = "classes and probabilities of image files",
    .text = "Images are JPEG, PNG or WebP files of any size; they are cropped, resized and "
            "converted as\n"
            "the run's data set was. The probabilities are the softmax of the logits, "
            "calibrated\n"
            "where `ballast calibrate` stored something with the run. With offsets the class is "
            "not always\n"
            "the most probable one.",
    .run = run_predict,
    .groups = predict_groups,
    .arguments = (const cli_argument[]){{"RUN", "a run folder"}, {"IMAGE", "image files"}, {0}},
    .least = 2,
    .most = -1,
    .examples = (const cli_example[]){{"ballast predict runs/ce shoe.png bag.jpg", "two images"},
                                      {"ballast predict runs/ce shoe.png --csv", "as CSV"},
                                      {"ballast predict runs/ce shoe.png --json -", "as JSON"},
                                      {0}},
};
