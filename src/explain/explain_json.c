/* An explanation as JSON. */
#include "explain/explain_parts.h"

#include "base/writer.h"

#include <math.h>
#include <string.h>

static json_t *text_value(const bal_explain *e, const char *text)
{
    json_t *value = json_string(text);
    char *plain = value ? NULL : bal_strdup(e->ctx, text);
    for (char *c = plain; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    if (plain)
        value = json_string(plain);
    bal_free(e->ctx, plain);
    return value;
}

static json_t *interval_value(bal_interval i)
{
    if (isnan(i.low) || isnan(i.high))
        return json_null();
    return json_pack("[o, o]", bal_json_real(i.low), bal_json_real(i.high));
}

static json_t *class_number(int c)
{
    return c < 0 ? json_null() : json_integer(c);
}

static json_t *figures_value(const bal_explained_class *of_class)
{
    json_t *all = json_object();
    for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
        const bal_figure_value *v = &of_class->figures[i];
        json_object_set_new(all, bal_figure_at(i)->key,
                            json_pack("{s:o, s:o, s:o, s:o}", "value", bal_json_real(v->value),
                                      "interval", interval_value(v->interval), "common",
                                      bal_json_real(v->common), "common_interval",
                                      interval_value(v->common_interval)));
    }
    return all;
}

static json_t *top_value(const bal_explained_class *of_class)
{
    json_t *list = json_array();
    for (int i = 0; i < of_class->top_count; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:o, s:o, s:o}", "feature", (int)of_class->top[i], "magnitude",
                            bal_json_real(of_class->magnitude[i]), "given_need",
                            bal_json_real(of_class->conditional[i]), "frequency",
                            bal_json_real(of_class->frequency[of_class->top[i]])));
    return list;
}

static json_t *archetypes_value(const bal_explained_class *of_class)
{
    json_t *all = json_object();
    for (int a = 0; a < BAL_ARCHETYPES; a++)
        json_object_set_new(
            all, bal_archetype_name(a),
            json_pack("{s:I, s:o}", "items", (json_int_t)of_class->archetypes[a], "medoid",
                      of_class->medoids[a] < 0 ? json_null()
                                               : json_integer((json_int_t)of_class->medoids[a])));
    return all;
}

static json_t *class_value(const bal_explain *e, const bal_explained_side *side, int c)
{
    const bal_explained_class *of_class = &side->class_of[c];
    return json_pack("{s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o}",
                     "name", text_value(e, e->names[c]), "train_count",
                     (json_int_t)e->train_counts[c], "group", bal_explain_group(e, c), "items",
                     (json_int_t)of_class->items, "right", (json_int_t)of_class->right, "wrong",
                     (json_int_t)of_class->wrong, "predicted", (json_int_t)of_class->predicted,
                     "lost_to", class_number(of_class->lost_to), "lost", (json_int_t)of_class->lost,
                     "adversary", class_number(of_class->adversary), "adversary_share",
                     bal_json_real(of_class->adversary_share), "top", top_value(of_class),
                     "archetypes", archetypes_value(of_class), "figures", figures_value(of_class));
}

static json_t *collapse_value(const bal_collapse *k)
{
    const struct {
        const char *key;
        double value;
    } parts[] = {
        {"nc1", k->nc1},
        {"cdnv", k->cdnv},
        {"mean_norm_spread", k->mean_norm_spread},
        {"weight_norm_spread", k->weight_norm_spread},
        {"mean_angle", k->mean_angle},
        {"weight_angle", k->weight_angle},
        {"duality", k->duality},
        {"disagreement", k->disagreement},
        {"tail_cosine", k->tail_cosine},
        {"head_cosine", k->head_cosine},
    };
    json_t *all = json_pack("{s:i, s:i, s:i}", "classes", k->classes, "tail_classes",
                            k->tail_classes, "head_classes", k->head_classes);
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++)
        json_object_set_new(all, parts[i].key, bal_json_real(parts[i].value));
    return all;
}

static json_t *matrix_value(const bal_explain *e, const double *values, const int64_t *counts)
{
    const size_t classes = (size_t)e->classes;
    if (!values && !counts)
        return json_null();
    json_t *rows = json_array();
    for (size_t r = 0; r < classes; r++) {
        json_t *row = json_array();
        for (size_t c = 0; c < classes; c++)
            json_array_append_new(row, counts ? json_integer((json_int_t)counts[r * classes + c])
                                              : bal_json_real(values[r * classes + c]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *side_value(const bal_explain *e, bal_side which)
{
    const bal_explained_side *side = bal_explain_side(e, which);
    if (!side)
        return json_null();
    json_t *classes = json_array();
    for (int c = 0; c < e->classes; c++)
        json_array_append_new(classes, class_value(e, side, c));
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "items", (json_int_t)side->items,
        "measured", (json_int_t)side->measured, "common", (json_int_t)side->common, "recall",
        bal_json_real(side->recall), "classes", classes, "collapse",
        collapse_value(&side->collapse), "confusion", matrix_value(e, NULL, side->confusion),
        "overlap", matrix_value(e, side->overlap, NULL), "density",
        matrix_value(e, side->density, NULL), "adversaries",
        matrix_value(e, side->adversaries, NULL), "cdnv", matrix_value(e, side->cdnv, NULL));
}

static json_t *trends_value(const bal_explain *e)
{
    json_t *list = json_array();
    for (int i = 0; i < e->trend_count; i++) {
        const bal_trend *t = &e->trends[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "figure",
                                        bal_figure_at((int)t->figure)->key, "side",
                                        bal_side_name(t->side), "classes", t->classes, "recall",
                                        bal_json_real(t->recall), "size", bal_json_real(t->size),
                                        "common_recall", bal_json_real(t->common_recall),
                                        "common_size", bal_json_real(t->common_size),
                                        "recall_given_size", bal_json_real(t->recall_given_size)));
    }
    return list;
}

static json_t *findings_value(const bal_explain *e)
{
    json_t *list = json_array();
    for (int i = 0; i < e->finding_count; i++) {
        const bal_explain_rule *rule = e->findings[i].rule;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:s?, s:s}", "rule", rule->name, "measure",
                                        rule->measure, "text", text_value(e, e->findings[i].text),
                                        "remedy", rule->remedy, "source", rule->source));
    }
    return list;
}

bal_status bal_explain_json(const bal_explain *e, bal_ctx *ctx, char **text)
{
    json_t *value = json_pack("{s:i, s:i, s:i, s:b, s:b, s:o, s:o, s:o, s:o}", "classes",
                              e->classes, "features", e->dim, "top", e->top, "head",
                              e->weight != NULL, "cosine", e->weight && e->s.head.cosine, "train",
                              side_value(e, BAL_SIDE_TRAIN), "test", side_value(e, BAL_SIDE_TEST),
                              "trends", trends_value(e), "findings", findings_value(e));
    *text = NULL;
    if (value)
        *text = bal_json_text(ctx, value, true);
    json_decref(value);
    return *text ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for the JSON text");
}
