/* What each remedy costs a training step: epochs of a few steps, each right after one of plain
 * cross entropy on the same images, so that a busy machine is busy for both.
 *
 *   bench_remedies DATA [--model M] [--rounds N] [--images N] [ROW ...]
 *
 * One line of JSON a remedy: the medians over the rounds of the ratios of processor time and of
 * wall time; above 1 the remedy is slower. Processor time, from the second step on and of all
 * threads, is the figure to read on a machine that others use. Loading, augmentation and mixing are
 * included, reading the data is not. Every loss of the library is a row; the other rows are below.
 */
#include "ballast/ballast.h"
#include "numeric/statistics/quantile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_ROUNDS 64
#define MOST_KEYS 5

typedef struct row {
    const char *name;
    const char *keys[MOST_KEYS]; /* KEY=VALUE over recipe ce */
} row;

static const row rows[] = {
    {"plain again", {NULL}},
    {"cosine head", {"head=cosine"}},
    {"class weights", {"loss.weight=effective"}},
    {"class-balanced", {"stages.sampler=class-balanced"}},
    {"mixup", {"mix.name=mixup"}},
    {"cutmix", {"mix.name=cutmix"}},
    {"remix", {"mix.name=remix"}},
    {"mamix", {"mix.name=mamix"}},
    {"cmo", {"mix.name=cmo"}},
    {"affine", {"augment.degrees=15", "augment.translate=0.1"}},
    {"color-jitter", {"augment.brightness=0.4", "augment.contrast=0.4", "augment.hue=0.1"}},
    {"gaussian-blur", {"augment.gaussian_blur=0.5"}},
    {"gaussian-noise", {"augment.gaussian_noise=0.05"}},
    {"cutout", {"augment.cutout=16"}},
    {"random-erasing", {"augment.random_erasing=0.5"}},
    {"autoaugment", {"augment.auto_augment=autoaugment-cifar10"}},
    {"randaugment", {"augment.auto_augment=randaugment"}},
    {"trivialaugment", {"augment.auto_augment=trivialaugment"}},
    {"adamw", {"optimizer.name=adamw", "optimizer.lr=0.001"}},
    {"clip-grad", {"optimizer.clip_grad=0.01"}},
    {"grad-accum", {"optimizer.grad_accum_steps=2"}},
    {"ema", {"optimizer.ema_decay=0.999"}},
    {"swa", {"epochs=1", "optimizer.swa_start=99%"}},
    {"sam", {"optimizer.sam_rho=0.05"}},
    {"imbsam", {"optimizer.sam_rho=0.05", "optimizer.sam_eta=100"}},
};

typedef struct bench {
    bal_ctx *ctx;
    bal_dataset *data;
    const char *model;
    char length[64]; /* stages.epoch_length=N */
    int rounds;
    double wall, cpu;  /* of the last epoch */
    clock_t after_one; /* when its first step was done */
} bench;

/* The epoch is what is measured: the test split need not be read. */
static void after_epoch(void *user, const bal_epoch_report *report)
{
    bench *b = user;
    b->cpu = (double)(clock() - b->after_one);
    b->wall = 1.0 / report->images_per_second;
    bal_ctx_interrupt(b->ctx);
}

static void after_step(void *user, const bal_progress *progress)
{
    bench *b = user;
    if (progress->step == 1)
        b->after_one = clock();
}

static bal_status set(bal_recipe *r, const char *text)
{
    char key[128];
    const char *equals = strchr(text, '=');
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    return bal_recipe_set(r, key, equals + 1);
}

/* An epoch with the keys; its times are then in b. */
static bal_status epoch(bench *b, const char *const *keys)
{
    bal_recipe *r = NULL;
    bal_trainer *t = NULL;
    bal_train_settings settings = bal_train_defaults();
    const bal_train_callbacks callbacks = {.epoch = after_epoch, .progress = after_step, .user = b};
    settings.model = b->model;
    settings.out = "/tmp/bench_remedies";
    settings.overwrite = true;
    bal_status status = bal_recipe_open(&r, b->ctx, "ce");
    const char *const shared[] = {"epochs=1", "optimizer.lr=0.01", b->length};
    for (int i = 0; status == BAL_OK && i < 3; i++)
        status = set(r, shared[i]);
    for (int i = 0; status == BAL_OK && i < MOST_KEYS && keys[i]; i++)
        status = set(r, keys[i]);
    if (status == BAL_OK)
        status = bal_trainer_open(&t, b->ctx, b->data, r, &settings);
    if (status == BAL_OK)
        status = bal_trainer_run(t, "bench_remedies", &callbacks, NULL);
    bal_trainer_close(&t);
    bal_recipe_close(&r);
    return status == BAL_INTERRUPTED ? BAL_OK : status;
}

static int measure(bench *b, const char *name, const char *const *keys)
{
    static const char *const plain[MOST_KEYS] = {NULL};
    double wall[MOST_ROUNDS], cpu[MOST_ROUNDS];
    for (int i = 0; i < b->rounds; i++) {
        if (epoch(b, plain) != BAL_OK)
            break;
        const double plain_wall = b->wall, plain_cpu = b->cpu;
        if (epoch(b, keys) != BAL_OK)
            break;
        wall[i] = b->wall / plain_wall;
        cpu[i] = b->cpu / plain_cpu;
        if (i + 1 < b->rounds)
            continue;
        printf("{\"remedy\": \"%s\", \"cpu_over_ce\": %.3f, \"wall_over_ce\": %.3f, "
               "\"rounds\": %d}\n",
               name, bal_median(cpu, b->rounds), bal_median(wall, b->rounds), b->rounds);
        fflush(stdout);
        return 0;
    }
    fprintf(stderr, "%s: %s\n", name, bal_error(b->ctx));
    return 1;
}

static bool wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

static int run(bench *b, char **names, int count)
{
    int failed = 0;
    const bal_loss_info *loss;
    for (int i = 0; (loss = bal_loss_at(i)); i++) {
        char name[64], label[64];
        snprintf(name, sizeof name, "loss.name=%s", loss->name);
        snprintf(label, sizeof label, "loss %s", loss->name);
        const char *const keys[MOST_KEYS] = {name, loss->needs_cosine_head ? "head=cosine" : NULL};
        if (wanted(label, names, count))
            failed += measure(b, label, keys);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (wanted(rows[i].name, names, count))
            failed += measure(b, rows[i].name, rows[i].keys);
    return failed;
}

int main(int argc, char **argv)
{
    bench b = {.model = "resnet32", .rounds = 5};
    const char *images = "1280";
    int at = 2;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--model") == 0)
            b.model = argv[at + 1];
        else if (strcmp(argv[at], "--rounds") == 0)
            b.rounds = atoi(argv[at + 1]);
        else if (strcmp(argv[at], "--images") == 0)
            images = argv[at + 1];
    }
    if (argc < 2 || b.rounds < 1 || b.rounds > MOST_ROUNDS) {
        fprintf(stderr,
                "usage: bench_remedies DATA [--model M] [--rounds 1..%d] [--images N] "
                "[ROW ...]\n",
                MOST_ROUNDS);
        return 2;
    }
    snprintf(b.length, sizeof b.length, "stages.epoch_length=%s", images);
    bal_dataset_settings data = bal_dataset_defaults();
    data.longtail = "exp:100";
    data.val_fraction = 0.0;
    const bal_ctx_settings one = {.threads = 1};
    if (bal_ctx_open(&b.ctx, &one) != BAL_OK)
        return 1;
    int failed = 1;
    if (bal_dataset_open(&b.data, b.ctx, argv[1], &data) == BAL_OK)
        failed = run(&b, argv + at, argc - at);
    else
        fprintf(stderr, "%s\n", bal_error(b.ctx));
    bal_dataset_close(&b.data);
    bal_ctx_close(&b.ctx);
    return failed > 0;
}
