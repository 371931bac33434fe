/* Learning rate schedules, and amounts of training in epochs or percent. */
#include "train/recipe/schedule.h"

#include <math.h>
#include <string.h>

#define MOST_EPOCHS 100000
#define MOST_IMAGES ((int64_t)1 << 40)

bal_schedule_kind bal_schedule_kind_of(const char *name)
{
    if (strcmp(name, "cosine") == 0)
        return BAL_SCHEDULE_COSINE;
    return strcmp(name, "constant") == 0 ? BAL_SCHEDULE_CONSTANT : BAL_SCHEDULE_STEP;
}

static double after_drops(const bal_schedule *s, int epoch)
{
    double lr = s->lr;
    for (int i = 0; i < s->drop_count && s->drops[i] <= epoch; i++)
        lr *= s->factor;
    return lr;
}

static double along_cosine(const bal_schedule *s, int epoch)
{
    const double pi = 3.14159265358979323846;
    const double passed = (double)(epoch - s->warmup) / (s->epochs - s->warmup);
    return s->min_lr + (s->lr - s->min_lr) * 0.5 * (1.0 + cos(pi * passed));
}

double bal_schedule_lr(const bal_schedule *s, int epoch)
{
    if (s->swa_lr > 0.0 && epoch >= s->swa_first)
        return s->swa_lr;
    if (epoch < s->warmup)
        return s->lr * (epoch + 1) / s->warmup;
    switch (s->kind) {
    case BAL_SCHEDULE_STEP:
        return after_drops(s, epoch);
    case BAL_SCHEDULE_COSINE:
        return along_cosine(s, epoch);
    case BAL_SCHEDULE_CONSTANT:
        break;
    }
    return s->lr;
}

bal_status bal_schedule_amount(bal_ctx *ctx, const char *name, const char *text, int total,
                               double *epochs)
{
    static const bal_option whole = {.kind = BAL_OPTION_INT, .name = "epochs", .max = MOST_EPOCHS};
    static const bal_option percent = {.kind = BAL_OPTION_REAL, .name = "percentage", .max = 100};
    char number[32];
    const size_t length = strlen(text);
    const bool is_percent = length > 0 && text[length - 1] == '%';
    const size_t digits = is_percent ? length - 1 : length;
    if (digits > 0 && digits < sizeof number) {
        memcpy(number, text, digits);
        number[digits] = '\0';
        int count;
        double share;
        if (is_percent && bal_option_set(ctx, &percent, &share, "", number) == BAL_OK) {
            *epochs = share * total / 100.0;
            return BAL_OK;
        }
        if (!is_percent && bal_option_set(ctx, &whole, &count, "", number) == BAL_OK) {
            *epochs = count;
            return BAL_OK;
        }
    }
    return bal_fail(ctx, BAL_BAD_ARG,
                    "%s wants epochs or a percentage, for instance 160 or 80%%, got \"%s\"", name,
                    text);
}

bal_status bal_schedule_images(bal_ctx *ctx, const char *name, const char *text, int64_t total,
                               int64_t *images)
{
    static const bal_option number = {
        .kind = BAL_OPTION_REAL, .name = "images", .min = 1, .max = (double)MOST_IMAGES};
    static const bal_option percent = {
        .kind = BAL_OPTION_REAL, .name = "percentage", .min = 1e-9, .max = 1e6};
    char digits[32];
    const size_t length = strlen(text);
    const bool is_percent = length > 0 && text[length - 1] == '%';
    double value = 0.0;
    *images = 0;
    if (strcmp(text, BAL_IMAGES_NATURAL) == 0)
        return BAL_OK;
    if (length > 0 && length < sizeof digits) {
        memcpy(digits, text, length - is_percent);
        digits[length - is_percent] = '\0';
        if (is_percent && bal_option_set(ctx, &percent, &value, "", digits) == BAL_OK) {
            value = floor(value * (double)total / 100.0 + 0.5);
            *images = value < 1.0 ? 1 : value < MOST_IMAGES ? (int64_t)value : MOST_IMAGES;
            return BAL_OK;
        }
        if (!is_percent && bal_option_set(ctx, &number, &value, "", digits) == BAL_OK &&
            value == floor(value)) {
            *images = (int64_t)value;
            return BAL_OK;
        }
    }
    return bal_fail(ctx, BAL_BAD_ARG,
                    "%s wants a number of images, a percentage of the training images or "
                    "\"" BAL_IMAGES_NATURAL "\", for instance 50000 or 80%%, got \"%s\"",
                    name, text);
}

int bal_schedule_round(double epochs)
{
    return (int)floor(epochs + 0.5);
}
