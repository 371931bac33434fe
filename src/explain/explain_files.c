/* An explanation as files: CSV for the tables, NPY for the embeddings. */
#include "explain/explain_parts.h"

#include "ballast/array.h"
#include "base/writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct files {
    const bal_explain *e;
    bal_ctx *ctx;
    const char *folder;
    int side;
} files;

static bal_status open_file(const files *f, bal_writer **out, const char *name)
{
    char *path = f->side < BAL_SIDES ? bal_format(f->ctx, "%s/%s-%s", f->folder,
                                                  bal_side_name((bal_side)f->side), name)
                                     : bal_format(f->ctx, "%s/%s", f->folder, name);
    if (!path)
        return BAL_NO_MEMORY;
    const bal_status status = bal_writer_open(out, f->ctx, path);
    bal_free(f->ctx, path);
    if (status == BAL_OK)
        bal_writer_unflushed(*out);
    return status;
}

/* The shortest form that reads back as the same number; nothing where undefined. */
static void put_real(FILE *out, double value)
{
    if (!isnan(value))
        fprintf(out, ",%.17g", value);
    else
        fputc(',', out);
}

static const bal_explained_class *class_at(const files *f, int c)
{
    return &f->e->side[f->side].class_of[c];
}

/* ---- tables of classes ---- */

static bal_status write_classes(const files *f)
{
    bal_writer *w;
    BAL_TRY(open_file(f, &w, "classes.csv"));
    FILE *out = bal_writer_stream(w);
    fputs("class,name,train_count,group,items,right,wrong,predicted,lost_to,lost", out);
    for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
        const char *key = bal_figure_at(i)->key;
        fprintf(out, ",%s,%s_low,%s_high,%s_common,%s_common_low,%s_common_high", key, key, key,
                key, key, key);
    }
    fputc('\n', out);
    for (int c = 0; c < f->e->classes; c++) {
        const bal_explained_class *k = class_at(f, c);
        fprintf(out, "%d,", c);
        bal_csv_field(out, f->e->names[c]);
        fprintf(out, ",%" PRId64 ",%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%d,%" PRId64,
                f->e->train_counts[c], bal_explain_group(f->e, c), k->items, k->right, k->wrong,
                k->predicted, k->lost_to, k->lost);
        for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
            const bal_figure_value *v = &k->figures[i];
            put_real(out, v->value);
            put_real(out, v->interval.low);
            put_real(out, v->interval.high);
            put_real(out, v->common);
            put_real(out, v->common_interval.low);
            put_real(out, v->common_interval.high);
        }
        fputc('\n', out);
    }
    return bal_writer_commit(&w);
}

static bal_status write_top(const files *f)
{
    bal_writer *w;
    BAL_TRY(open_file(f, &w, "top.csv"));
    FILE *out = bal_writer_stream(w);
    fputs("class,place,feature,magnitude,given_need,frequency\n", out);
    for (int c = 0; c < f->e->classes; c++) {
        const bal_explained_class *k = class_at(f, c);
        for (int i = 0; i < k->top_count; i++) {
            fprintf(out, "%d,%d,%d", c, i, (int)k->top[i]);
            put_real(out, k->magnitude[i]);
            put_real(out, k->conditional[i]);
            put_real(out, k->frequency[k->top[i]]);
            fputc('\n', out);
        }
    }
    return bal_writer_commit(&w);
}

static bal_status write_features(const files *f)
{
    bal_writer *w;
    BAL_TRY(open_file(f, &w, "features.csv"));
    FILE *out = bal_writer_stream(w);
    fputs("class,feature,fe_mean,low,high,ce_mean,wrong_ce_mean,wrong_own_mean,frequency,"
          "frequency_all,holds\n",
          out);
    for (int c = 0; c < f->e->classes; c++) {
        const bal_explained_class *k = class_at(f, c);
        for (int i = 0; i < f->e->dim; i++) {
            fprintf(out, "%d,%d", c, i);
            put_real(out, k->feature_mean[i]);
            put_real(out, k->low[i]);
            put_real(out, k->high[i]);
            put_real(out, k->ce_mean[i]);
            put_real(out, k->wrong_ce_mean[i]);
            put_real(out, k->wrong_own_mean[i]);
            put_real(out, k->frequency[i]);
            put_real(out, k->frequency_all[i]);
            fprintf(out, ",%" PRId64 "\n",
                    f->e->side[f->side].holds[(size_t)c * (size_t)f->e->dim + (size_t)i]);
        }
    }
    return bal_writer_commit(&w);
}

/* ---- items ---- */

static bal_status write_items(const files *f)
{
    const bal_side_work *s = &f->e->side[f->side];
    bal_writer *w;
    BAL_TRY(open_file(f, &w, "items.csv"));
    FILE *out = bal_writer_stream(w);
    fputs("item,label,prediction,needed,archetype\n", out);
    for (int64_t i = 0; i < s->in.items; i++) {
        fprintf(out, "%" PRId64 ",%d,", i, (int)s->in.labels[i]);
        if (s->predictions)
            fprintf(out, "%d", (int)s->predictions[i]);
        fputc(',', out);
        if (s->needed)
            fprintf(out, "%d", (int)s->needed[i]);
        fprintf(out, ",%s\n",
                s->archetypes[i] < BAL_ARCHETYPES ? bal_archetype_name(s->archetypes[i]) : "");
    }
    return bal_writer_commit(&w);
}

/* ---- matrices ---- */

typedef struct matrix {
    const char *name;
    const double *values;
    const int64_t *counts;
} matrix;

static bal_status write_matrix(const files *f, const matrix *m)
{
    bal_writer *w;
    if (!m->values && !m->counts)
        return BAL_OK;
    BAL_TRY(open_file(f, &w, m->name));
    FILE *out = bal_writer_stream(w);
    const size_t classes = (size_t)f->e->classes;
    fputs("class", out);
    for (size_t c = 0; c < classes; c++)
        fprintf(out, ",%zu", c);
    fputc('\n', out);
    for (size_t r = 0; r < classes; r++) {
        fprintf(out, "%zu", r);
        for (size_t c = 0; c < classes; c++)
            if (m->counts)
                fprintf(out, ",%" PRId64, m->counts[r * classes + c]);
            else
                put_real(out, m->values[r * classes + c]);
        fputc('\n', out);
    }
    return bal_writer_commit(&w);
}

static bal_status write_matrices(const files *f)
{
    const bal_side_work *s = &f->e->side[f->side];
    const matrix all[] = {
        {"confusion.csv", NULL, s->confusion}, {"overlap.csv", s->overlap, NULL},
        {"density.csv", s->density, NULL},     {"adversaries.csv", s->adversaries, NULL},
        {"cdnv.csv", s->cdnv, NULL},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(all); i++)
        BAL_TRY(write_matrix(f, &all[i]));
    return BAL_OK;
}

/* ---- NPY ---- */

static bal_status open_array(const files *f, bal_array_writer **out, const char *name,
                             const bal_array *like)
{
    char *path = bal_format(f->ctx, "%s/%s-%s", f->folder, bal_side_name((bal_side)f->side), name);
    if (!path)
        return BAL_NO_MEMORY;
    const bal_status status = bal_array_writer_open(out, f->ctx, path, like);
    bal_free(f->ctx, path);
    return status;
}

static bal_status write_means(const files *f, const char *name, bal_class_part part)
{
    const bal_explain *e = f->e;
    const bal_array like = {.type = BAL_ARRAY_F64, .dims = 2, .shape = {e->classes, e->dim}};
    bal_array_writer *w;
    BAL_TRY(open_array(f, &w, name, &like));
    bal_status status = BAL_OK;
    for (int c = 0; c < e->classes && status == BAL_OK; c++)
        status =
            bal_array_writer_put(w, bal_class_vector(&e->side[f->side], c, part, e->dim), e->dim);
    if (status == BAL_OK)
        return bal_array_writer_commit(&w);
    bal_array_writer_abandon(&w);
    return status;
}

static bal_status put_ce(const files *f, bal_array_writer *w, double *ce, float *row)
{
    const bal_explain *e = f->e;
    for (int64_t i = 0; i < e->side[f->side].in.items; i++) {
        BAL_TRY(bal_explain_ce(e, f->ctx, (bal_ce_ask){(bal_side)f->side, i, -1}, ce));
        for (int k = 0; k < e->dim; k++)
            row[k] = (float)ce[k];
        BAL_TRY(bal_array_writer_put(w, row, e->dim));
    }
    return BAL_OK;
}

static bal_status write_ce(const files *f)
{
    const bal_explain *e = f->e;
    const bal_array like = {
        .type = BAL_ARRAY_F32, .dims = 2, .shape = {e->side[f->side].in.items, e->dim}};
    bal_array_writer *w = NULL;
    double *ce = bal_calloc(f->ctx, (size_t)e->dim, sizeof *ce);
    float *row = bal_calloc(f->ctx, (size_t)e->dim, sizeof *row);
    bal_status status = ce && row ? open_array(f, &w, "ce.npy", &like) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = put_ce(f, w, ce, row);
    if (status == BAL_OK)
        status = bal_array_writer_commit(&w);
    bal_array_writer_abandon(&w);
    bal_free(f->ctx, ce);
    bal_free(f->ctx, row);
    return status;
}

static bal_status write_whole(const files *f, const char *name, const bal_array *array)
{
    bal_array_writer *w;
    int64_t count = array->shape[0];
    BAL_TRY(open_array(f, &w, name, array));
    if (array->dims > 1)
        count *= array->shape[1];
    const bal_status status = bal_array_writer_put(w, array->data, count);
    if (status == BAL_OK)
        return bal_array_writer_commit(&w);
    bal_array_writer_abandon(&w);
    return status;
}

static bal_status write_arrays(const files *f)
{
    const bal_explain *e = f->e;
    const bal_embedding *in = &e->side[f->side].in;
    const bal_array features = {.type = BAL_ARRAY_F32,
                                .dims = 2,
                                .shape = {in->items, e->dim},
                                .data = (void *)(uintptr_t)in->features};
    const bal_array labels = {.type = BAL_ARRAY_I32,
                              .dims = 1,
                              .shape = {in->items},
                              .data = (void *)(uintptr_t)in->labels};
    BAL_TRY(write_whole(f, "fe.npy", &features));
    BAL_TRY(write_whole(f, "labels.npy", &labels));
    BAL_TRY(write_means(f, "fe-mean.npy", BAL_VECTOR_FEATURE));
    if (!e->weight)
        return BAL_OK;
    BAL_TRY(write_means(f, "ce-mean.npy", BAL_VECTOR_CE));
    return write_ce(f);
}

/* ---- all ---- */

static bal_status write_trends(const files *f)
{
    bal_writer *w;
    BAL_TRY(open_file(f, &w, "trends.csv"));
    FILE *out = bal_writer_stream(w);
    fputs("figure,side,classes,recall,size,common_recall,common_size,recall_given_size\n", out);
    for (int i = 0; i < f->e->trend_count; i++) {
        const bal_trend *t = &f->e->trends[i];
        fprintf(out, "%s,%s,%d", bal_figure_at((int)t->figure)->key, bal_side_name(t->side),
                t->classes);
        put_real(out, t->recall);
        put_real(out, t->size);
        put_real(out, t->common_recall);
        put_real(out, t->common_size);
        put_real(out, t->recall_given_size);
        fputc('\n', out);
    }
    return bal_writer_commit(&w);
}

static bal_status write_all(files *f)
{
    for (f->side = 0; f->side < BAL_SIDES; f->side++) {
        if (!bal_side_present(f->e, f->side))
            continue;
        BAL_TRY(write_classes(f));
        BAL_TRY(write_top(f));
        BAL_TRY(write_features(f));
        BAL_TRY(write_items(f));
        BAL_TRY(write_matrices(f));
        BAL_TRY(write_arrays(f));
    }
    return write_trends(f);
}

bal_status bal_explain_write(const bal_explain *e, bal_ctx *ctx, const char *folder)
{
    char *part;
    BAL_TRY(bal_folder_begin(ctx, folder, &part));
    files f = {.e = e, .ctx = ctx, .folder = part};
    const bal_status status = write_all(&f);
    if (status == BAL_OK)
        return bal_folder_commit(ctx, folder, &part);
    bal_folder_abandon(ctx, &part);
    return status;
}
