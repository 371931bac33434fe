/* Which images stand on the contact sheet of a class, and what is shown in them. */
#include "explain_sheets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROWS 5
#define PATH_LENGTH 4096

/* A row is made of items of a side: places in its arrays, and items of the data set. */
typedef struct row {
    char title[160];
    int64_t count, *places, *items;
    int32_t *classes; /* whose map is shown */
} row;

typedef struct sheets {
    cli *c;
    const explain_input *in;
    const bal_explain *e;
    bal_cam *cam;
    bal_side side; /* that the rows of right and wrong images are of */
    bool embedding;
    int columns;
    bool *features; /* classes x K: T_c; NULL: all */
    row rows[ROWS];
    int row_count;
} sheets;

static int64_t item_at(const sheets *s, bal_side side, int64_t place)
{
    return bal_dataset_items(s->in->data, s->in->side[side].split)[place];
}

static row *add_row(sheets *s)
{
    row *r = &s->rows[s->row_count++];
    r->count = 0;
    return r;
}

static void add_item(const sheets *s, row *r, bal_side side, int64_t place, int shown)
{
    r->places[r->count] = place;
    r->items[r->count] = item_at(s, side, place);
    r->classes[r->count++] = shown;
}

/* Places of class c that are right (or wrong), evenly over all of them. */
static void add_evenly(const sheets *s, row *r, int c, bool right)
{
    const bal_explained_side *side = bal_explain_side(s->e, s->side);
    const bal_explained_class *k = &side->class_of[c];
    const int64_t there = right ? k->right : k->wrong;
    const int32_t *labels = s->in->side[s->side].in.labels;
    int64_t seen = 0;
    for (int64_t i = 0; i < side->items && r->count < s->columns; i++) {
        if (labels[i] != c || (side->predictions[i] == c) != right)
            continue;
        if (there <= s->columns || seen * s->columns >= r->count * there)
            add_item(s, r, s->side, i, right ? c : side->predictions[i]);
        seen++;
    }
}

static void add_same(const sheets *s, row *r, const row *as, int c)
{
    for (int64_t i = 0; i < as->count; i++)
        add_item(s, r, s->side, as->places[i], c);
}

static void add_medoids(const sheets *s, row *r, int c)
{
    const bal_side side = bal_explain_side(s->e, BAL_SIDE_TRAIN) ? BAL_SIDE_TRAIN : s->side;
    const bal_explained_class *k = &bal_explain_side(s->e, side)->class_of[c];
    for (int a = 0; a < BAL_ARCHETYPES && r->count < s->columns; a++)
        if (k->medoids[a] >= 0) {
            const size_t used = strlen(r->title);
            snprintf(r->title + used, sizeof r->title - used, "%s%s", r->count ? ", " : "",
                     bal_archetype_name(a));
            add_item(s, r, side, k->medoids[a], c);
        }
}

/* The images of other classes that lie nearest to the wrong ones of the row above. */
static bal_status add_adversaries(const sheets *s, row *r, const row *wrong, int c)
{
    const bal_side among = bal_explain_side(s->e, BAL_SIDE_TRAIN) ? BAL_SIDE_TRAIN : s->side;
    for (int64_t i = 0; i < wrong->count; i++) {
        int64_t nearest;
        const bal_status status = bal_explain_nearest(
            s->e, s->c->ctx, &(bal_nearest_ask){s->side, wrong->places[i], among, c}, &nearest);
        if (status != BAL_OK)
            return status;
        if (nearest >= 0)
            add_item(s, r, among, nearest, s->in->side[among].in.labels[nearest]);
    }
    return BAL_OK;
}

static bal_status fill_rows(sheets *s, int c)
{
    const bal_explained_class *k = &bal_explain_side(s->e, s->side)->class_of[c];
    const char *name = bal_explain_class_name(s->e, c), *of = bal_side_name(s->side);
    s->row_count = 0;
    row *right = add_row(s), *wrong = add_row(s), *own = add_row(s), *archetypes = add_row(s),
        *adversaries = add_row(s);
    snprintf(right->title, sizeof right->title, "%lld %s images that are right: what speaks for %s",
             (long long)k->right, of, name);
    add_evenly(s, right, c, true);
    snprintf(wrong->title, sizeof wrong->title,
             "%lld that are wrong: what speaks for the class they are taken for",
             (long long)k->wrong);
    add_evenly(s, wrong, c, false);
    snprintf(own->title, sizeof own->title, "the same: what speaks for %s", name);
    add_same(s, own, wrong, c);
    snprintf(archetypes->title, sizeof archetypes->title, "medoids of the training images: ");
    add_medoids(s, archetypes, c);
    snprintf(adversaries->title, sizeof adversaries->title,
             "training images of other classes nearest to the wrong ones");
    return add_adversaries(s, adversaries, wrong, c);
}

/* "3-T-shirt_top.png" */
static void path_of(const sheets *s, int c, char *path, size_t size)
{
    snprintf(path, size, "%s/%d-%s.png", s->c->settings.explain_files.sheets, c,
             bal_explain_class_name(s->e, c));
    for (char *at = path + strlen(s->c->settings.explain_files.sheets) + 1; *at; at++)
        if (*at == '/' || (unsigned char)*at <= ' ')
            *at = '_';
}

static bal_status write_sheet(sheets *s, int c)
{
    bal_cam_row rows[ROWS];
    char title[256], path[PATH_LENGTH];
    const bal_explained_class *k = &bal_explain_side(s->e, s->side)->class_of[c];
    bal_status status = fill_rows(s, c);
    if (status != BAL_OK)
        return status;
    for (int i = 0; i < s->row_count; i++)
        rows[i] =
            (bal_cam_row){s->rows[i].title, s->rows[i].count, s->rows[i].items, s->rows[i].classes};
    if (s->features)
        snprintf(title, sizeof title, "%s: map of its %d most important features",
                 bal_explain_class_name(s->e, c), k->top_count);
    else
        snprintf(title, sizeof title, "%s: Grad-CAM at %s", bal_explain_class_name(s->e, c),
                 bal_cam_layer(s->cam));
    path_of(s, c, path, sizeof path);
    return bal_cam_sheet_write(s->cam,
                               &(bal_cam_sheet){.data = s->in->data,
                                                .title = title,
                                                .rows = rows,
                                                .row_count = s->row_count,
                                                .features = s->features},
                               path);
}

/* T_c of every class; all features of a class that has none. */
static bal_status take_features(sheets *s)
{
    const int dim = bal_explain_dim(s->e), classes = bal_explain_classes(s->e);
    s->features = cli_calloc(s->c, (size_t)classes, (size_t)dim * sizeof *s->features);
    if (!s->features)
        return BAL_NO_MEMORY;
    for (int c = 0; c < classes; c++) {
        const bal_explained_class *k = &bal_explain_side(s->e, s->side)->class_of[c];
        bool *own = s->features + (size_t)c * (size_t)dim;
        for (int i = 0; i < dim; i++)
            own[i] = k->top_count == 0;
        for (int i = 0; i < k->top_count; i++)
            own[k->top[i]] = true;
    }
    return BAL_OK;
}

static bal_status open_sheets(sheets *s)
{
    const cli_explain *how = &s->c->settings.explain_files;
    const bool pools = bal_model_pools(s->in->model) && bal_explain_has_head(s->e);
    bal_cam_settings settings = bal_cam_defaults();
    settings.kind = how->cam ? how->cam : pools && !how->cam_layer ? "ce" : "gradcam";
    settings.layer = how->cam_layer;
    settings.engine = s->c->settings.source.engine;
    s->embedding = strcmp(settings.kind, "ce") == 0;
    s->columns = how->columns;
    s->side = bal_explain_side(s->e, BAL_SIDE_TEST) ? BAL_SIDE_TEST : BAL_SIDE_TRAIN;
    for (int i = 0; i < ROWS; i++) {
        row *r = &s->rows[i];
        r->places = cli_calloc(s->c, (size_t)s->columns, sizeof *r->places);
        r->items = cli_calloc(s->c, (size_t)s->columns, sizeof *r->items);
        r->classes = cli_calloc(s->c, (size_t)s->columns, sizeof *r->classes);
        if (!r->places || !r->items || !r->classes)
            return BAL_NO_MEMORY;
    }
    const bal_status status = bal_cam_open(&s->cam, s->c->ctx, s->in->model, &settings);
    return status == BAL_OK && s->embedding ? take_features(s) : status;
}

static void close_sheets(sheets *s)
{
    for (int i = 0; i < ROWS; i++) {
        free(s->rows[i].places);
        free(s->rows[i].items);
        free(s->rows[i].classes);
    }
    bal_cam_close(&s->cam);
    free(s->features);
}

bal_status explain_sheets(cli *c, const explain_input *in, const bal_explain *e)
{
    const char *folder = c->settings.explain_files.sheets;
    sheets s = {.c = c, .in = in, .e = e};
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return cli_fail(c, BAL_IO, "%s: %s", folder, strerror(errno));
    bal_status status = open_sheets(&s);
    for (int k = 0; k < bal_explain_classes(e) && status == BAL_OK; k++) {
        cli_bar_share(c, "sheets", k, bal_explain_classes(e));
        if (bal_explain_side(e, s.side)->class_of[k].items > 0)
            status = write_sheet(&s, k);
    }
    cli_bar_clear(c);
    close_sheets(&s);
    if (status == BAL_OK)
        cli_say(c, "contact sheets are in %s", folder);
    return status;
}
