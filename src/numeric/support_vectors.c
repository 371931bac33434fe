/* Rows as libsvm wants them: lists of numbered values, those that are 0 left out. */
#include "numeric/support_vectors.h"

#include <libsvm/svm.h>
#include <string.h>

typedef struct training {
    struct svm_problem problem;
    struct svm_node *nodes, **lists;
    double *classes;
    int *found; /* numbers of the support vectors, from 1 */
    struct svm_model *model;
} training;

static void say_nothing(const char *text)
{
    (void)text;
}

static bal_status make_room(training *t, bal_ctx *ctx, const bal_rows *rows)
{
    const int64_t all = rows->rows * rows->columns;
    int64_t count = rows->rows; /* each list has an end */
    for (int64_t i = 0; i < all; i++)
        count += rows->values[i] != 0.0f;
    t->nodes = bal_calloc(ctx, (size_t)count, sizeof *t->nodes);
    t->lists = bal_calloc(ctx, (size_t)rows->rows, sizeof *t->lists);
    t->classes = bal_calloc(ctx, (size_t)rows->rows, sizeof *t->classes);
    return t->nodes && t->lists && t->classes ? BAL_OK : BAL_NO_MEMORY;
}

static void fill(training *t, const bal_support_settings *s)
{
    struct svm_node *node = t->nodes;
    for (int64_t i = 0; i < s->rows.rows; i++) {
        t->lists[i] = node;
        t->classes[i] = s->classes[i];
        for (int64_t j = 0; j < s->rows.columns; j++) {
            const float value = s->rows.values[i * s->rows.columns + j];
            if (value != 0.0f)
                *node++ = (struct svm_node){(int)j + 1, (double)value};
        }
        (node++)->index = -1;
    }
    t->problem = (struct svm_problem){(int)s->rows.rows, t->classes, t->lists};
}

static double variance_of(const bal_rows *rows)
{
    const int64_t count = rows->rows * rows->columns;
    double mean = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count; i++)
        mean += (double)rows->values[i];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += ((double)rows->values[i] - mean) * ((double)rows->values[i] - mean);
    return squares / (double)count;
}

static bal_status train(training *t, bal_ctx *ctx, const bal_support_settings *s, bool *support)
{
    BAL_TRY(make_room(t, ctx, &s->rows));
    fill(t, s);
    const double variance = variance_of(&s->rows), columns = (double)s->rows.columns;
    const struct svm_parameter how = {.svm_type = C_SVC,
                                      .kernel_type = RBF,
                                      .gamma = variance > 0.0 ? 1.0 / (columns * variance) : 1.0,
                                      .cache_size =
                                          s->memory ? (double)s->memory / 1048576.0 : 200.0,
                                      .eps = 1e-3,
                                      .C = s->c,
                                      .shrinking = 1};
    const char *refused = svm_check_parameter(&t->problem, &how);
    if (refused)
        return bal_fail(ctx, BAL_BAD_ARG, "libsvm: %s", refused);
    svm_set_print_string_function(say_nothing);
    t->model = svm_train(&t->problem, &how);
    if (!t->model)
        return bal_fail(ctx, BAL_NO_MEMORY, "libsvm gave no model");
    const int count = svm_get_nr_sv(t->model);
    t->found = bal_calloc(ctx, (size_t)count, sizeof *t->found);
    if (!t->found)
        return BAL_NO_MEMORY;
    svm_get_sv_indices(t->model, t->found);
    memset(support, false, (size_t)s->rows.rows);
    for (int i = 0; i < count; i++)
        support[t->found[i] - 1] = true;
    return BAL_OK;
}

bal_status bal_support_vectors(bal_ctx *ctx, const bal_support_settings *settings, bool *support)
{
    BAL_TRY(bal_rows_check(ctx, "rows", &settings->rows));
    training t = {.model = NULL};
    const bal_status status = train(&t, ctx, settings, support);
    if (t.model)
        svm_free_and_destroy_model(&t.model);
    bal_free(ctx, t.found);
    bal_free(ctx, t.nodes);
    bal_free(ctx, t.lists);
    bal_free(ctx, t.classes);
    return status;
}
