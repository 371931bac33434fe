/* An evaluation as JSON text. Keys of the metrics come from the list in evaluate.h. */
#include "evaluate/evaluation.h"

#include "base/writer.h"

#include <math.h>

/* [low, high], or null where undefined */
static json_t *interval(bal_interval i)
{
    if (isnan(i.low) || isnan(i.high))
        return json_null();
    return json_pack("[o, o]", bal_json_real(i.low), bal_json_real(i.high));
}

/* Class names may be names of folders in any encoding; JSON is UTF-8. Bytes beyond ASCII become '?'
 * where the name is not valid. */
static json_t *name_text(bal_ctx *ctx, const char *name)
{
    json_t *text = json_string(name);
    char *plain = text ? NULL : bal_strdup(ctx, name);
    if (!plain)
        return text;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    text = json_string(plain);
    bal_free(ctx, plain);
    return text;
}

static json_t *one_class(const bal_evaluation *e, int c)
{
    const bal_class_metrics *m = &e->per_class[c];
    return json_pack("{s: o, s: I, s: I, s: o, s: o, s: o, s: o, s: o, s: o, s: o}", "name",
                     name_text(e->ctx, e->names[c]), "support", (json_int_t)m->support, "predicted",
                     (json_int_t)m->predicted, "precision", bal_json_real(m->precision), "recall",
                     bal_json_real(m->recall), "f1", bal_json_real(m->f1), "auroc",
                     bal_json_real(m->auroc), "average_precision",
                     bal_json_real(m->average_precision), "loss", bal_json_real(m->loss),
                     "recall_interval", interval(m->recall_interval));
}

static json_t *one_group(const bal_group_metrics *g)
{
    return json_pack("{s: s, s: i, s: o, s: o}", "name", g->name, "classes", g->classes, "recall",
                     bal_json_real(g->recall), "interval", interval(g->interval));
}

static json_t *one_item_group(const bal_evaluation *e, const bal_item_group_metrics *g)
{
    return json_pack("{s: o, s: I, s: i, s: o, s: o, s: o}", "name", name_text(e->ctx, g->name),
                     "items", (json_int_t)g->items, "classes", g->classes, "accuracy",
                     bal_json_real(g->accuracy), "recall", bal_json_real(g->recall),
                     "accuracy_interval", interval(g->accuracy_interval));
}

/* A name, or null for the number -1. */
static json_t *group_name(const bal_evaluation *e, int g)
{
    return g < 0 ? json_null() : name_text(e->ctx, e->item_groups[g].name);
}

static json_t *fairness(const bal_evaluation *e)
{
    const bal_fairness *f = &e->fairness;
    return json_pack(
        "{s: o, s: o, s: o, s: o, s: o, s: I, s: o, s: o, s: i, s: i}", "worst_group",
        group_name(e, f->worst_group), "best_group", group_name(e, f->best_group), "gap",
        bal_json_real(f->gap), "cell_group", group_name(e, f->cell_group), "cell_class",
        f->cell_class < 0 ? json_null() : name_text(e->ctx, e->names[f->cell_class]), "cell_items",
        (json_int_t)f->cell_items, "cell_recall", bal_json_real(f->cell_recall), "cell_interval",
        interval(f->cell_interval), "small_groups", f->small_groups, "small_cells", f->small_cells);
}

static json_t *confusion_row(const bal_evaluation *e, int truth)
{
    json_t *row = json_array();
    for (int c = 0; row && c < e->classes; c++)
        if (json_array_append_new(row, json_integer(bal_evaluation_confusion(e, truth, c))) != 0) {
            json_decref(row);
            return NULL;
        }
    return row;
}

/* Each returns 0, or another number where memory ran out. */
static int add_metrics(json_t *root, const bal_evaluation *e)
{
    int failed = 0;
    for (int k = 0; k < BAL_METRIC_COUNT; k++)
        failed |=
            json_object_set_new(root, bal_metric_key((bal_metric)k), bal_json_real(e->values[k]));
    return failed | json_object_set_new(root, "items", json_integer(e->items));
}

static int add_lists(json_t *root, const bal_evaluation *e)
{
    json_t *classes = json_array(), *groups = json_array(), *confusion = json_array();
    int failed = json_object_set_new(root, "per_class", classes) |
                 json_object_set_new(root, "groups", groups) |
                 json_object_set_new(root, "confusion", confusion);
    for (int c = 0; !failed && c < e->classes; c++)
        failed |= json_array_append_new(classes, one_class(e, c)) |
                  json_array_append_new(confusion, confusion_row(e, c));
    for (int g = 0; !failed && g < BAL_GROUP_COUNT; g++)
        failed |= json_array_append_new(groups, one_group(&e->groups[g]));
    if (failed || e->item_group_count == 0)
        return failed;
    json_t *item_groups = json_array();
    failed |= json_object_set_new(root, "item_groups", item_groups) |
              json_object_set_new(root, "fairness", fairness(e));
    for (int g = 0; !failed && g < e->item_group_count; g++)
        if (e->item_groups[g].items > 0)
            failed |= json_array_append_new(item_groups, one_item_group(e, &e->item_groups[g]));
    return failed;
}

static int add_per_metric(json_t *root, const bal_evaluation *e)
{
    json_t *ci = json_object(), *covered = json_object();
    int failed =
        json_object_set_new(root, "ci", ci) | json_object_set_new(root, "covered", covered);
    for (int k = 0; !failed && k < BAL_METRIC_COUNT; k++) {
        const char *key = bal_metric_key((bal_metric)k);
        if (!isnan(e->intervals[k].low))
            failed |= json_object_set_new(ci, key, interval(e->intervals[k]));
        if (e->covered[k] > 0)
            failed |= json_object_set_new(covered, key, json_integer(e->covered[k]));
    }
    return failed;
}

bal_status bal_evaluation_json(const bal_evaluation *e, bal_ctx *ctx, char **text)
{
    *text = NULL;
    json_t *root = json_object();
    if (!root || add_metrics(root, e) || add_lists(root, e) || add_per_metric(root, e)) {
        json_decref(root);
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory for an evaluation of %d classes as JSON",
                        e->classes);
    }
    *text = bal_json_text(ctx, root, false);
    json_decref(root);
    return *text ? BAL_OK : BAL_NO_MEMORY;
}
