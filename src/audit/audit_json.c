/* An audit as JSON: all figures and whole lists. Names are in any encoding, JSON is UTF-8: bytes
 * beyond ASCII become '?' where a name is not valid. */
#include "audit/audit_handle.h"

#include "base/writer.h"

#include <math.h>
#include <string.h>

#define NAME_LENGTH 4096

static json_t *text_value(const bal_audit *a, const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text);
    char *plain = value ? NULL : bal_strdup(a->ctx, text);
    if (!plain)
        return value;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(plain);
    bal_free(a->ctx, plain);
    return value;
}

static json_t *class_name(const bal_audit *a, int c)
{
    return text_value(a, bal_dataset_class_name(a->data, c));
}

static json_t *item_name(const bal_audit *a, int64_t item)
{
    char name[NAME_LENGTH];
    return text_value(a, bal_dataset_item_name(a->data, item, name, sizeof name));
}

/* {"item": 17, "name": ..., "class": ...} */
static json_t *item_value(const bal_audit *a, int64_t item)
{
    return json_pack("{s:I, s:o, s:o}", "item", (json_int_t)item, "name", item_name(a, item),
                     "class", class_name(a, bal_dataset_label(a->data, item)));
}

static json_t *splits_value(const int64_t *items)
{
    json_t *value = json_object();
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        json_object_set_new(value, bal_split_name((bal_split)s), json_integer(items[s]));
    return value;
}

static json_t *interval_value(bal_interval i)
{
    if (isnan(i.low) || isnan(i.high))
        return json_null();
    return json_pack("[o, o]", bal_json_real(i.low), bal_json_real(i.high));
}

/* ---- extent ---- */

static json_t *extent_class(const bal_audit *a, int c)
{
    const bal_audit_class_extent *of = &a->extent.of[c];
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:b}", "name", class_name(a, c),
                     "items", splits_value(of->items), "share", bal_json_real(of->share),
                     "effective", bal_json_real(of->effective), "group",
                     a->extent.group_names[of->group], "measured", (json_int_t)of->measured,
                     "right", (json_int_t)of->right, "interval", interval_value(of->interval),
                     "too_rare", of->too_rare);
}

static json_t *extent_value(const bal_audit *a)
{
    const bal_audit_extent *e = &a->extent;
    json_t *classes = json_array(), *groups = json_array();
    for (int c = 0; c < e->classes; c++)
        json_array_append_new(classes, extent_class(a, c));
    for (int g = 0; g < BAL_GROUP_COUNT; g++)
        json_array_append_new(groups, json_pack("{s:s, s:i, s:I}", "name", e->group_names[g],
                                                "classes", e->group_classes[g], "items",
                                                (json_int_t)e->group_items[g]));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:s, s:i, s:o, s:o}", "items",
        splits_value(e->items), "largest", class_name(a, e->largest_class), "smallest",
        class_name(a, e->smallest_class), "imbalance_ratio", bal_json_real(e->imbalance_ratio),
        "imbalance_degree", bal_json_real(e->imbalance_degree), "lrid", bal_json_real(e->lrid),
        "evenness", bal_json_real(e->evenness), "gini", bal_json_real(e->gini), "beta",
        BAL_AUDIT_BETA, "effective", bal_json_real(e->effective), "largest_images",
        json_integer(e->largest), "smallest_images", json_integer(e->smallest), "measured_on",
        bal_split_name(e->measured_on), "too_rare", e->too_rare, "groups", groups, "classes",
        classes);
}

/* ---- cleanliness ---- */

static json_t *copies_value(const bal_audit *a, const bal_audit_copies *group)
{
    json_t *items = json_array();
    for (int64_t i = 0; i < group->count; i++)
        json_array_append_new(items, item_value(a, group->items[i]));
    return json_pack("{s:b, s:b, s:o}", "across_splits", group->across_splits, "conflict",
                     group->conflict, "items", items);
}

static json_t *pair_value(const bal_audit *a, const bal_audit_pair *pair)
{
    return json_pack("{s:i, s:b, s:b, s:o, s:o}", "distance", pair->distance, "across_splits",
                     pair->across_splits, "conflict", pair->conflict, "a", item_value(a, pair->a),
                     "b", item_value(a, pair->b));
}

static json_t *with(json_t *item, const char *key, json_t *value)
{
    json_object_set_new(item, key, value);
    return item;
}

static json_t *outlier_value(const bal_audit *a, const bal_audit_outlier *o)
{
    json_t *item = item_value(a, o->item);
    json_object_set_new(item, "kind", json_string(bal_audit_outlier_name(o->kind)));
    json_object_set_new(item, "value", bal_json_real(o->value));
    json_object_set_new(item, "typical", bal_json_real(o->typical));
    return with(item, "score", bal_json_real(o->score));
}

static json_t *sizes_value(const bal_audit_cleanliness *c)
{
    return json_pack("{s:i, s:[i, i], s:I, s:[i, i], s:[i, i], s:[i, i]}", "different", c->sizes,
                     "most_common", c->width, c->height, "most_common_images",
                     (json_int_t)c->common, "median", c->width_median, c->height_median, "width",
                     c->width_min, c->width_max, "height", c->height_min, c->height_max);
}

static json_t *class_levels(const bal_audit *a, const bal_audit_cleanliness *c)
{
    json_t *classes = json_array();
    for (int k = 0; k < a->extent.classes; k++)
        json_array_append_new(
            classes,
            json_pack("{s:o, s:o, s:o}", "name", class_name(a, k), "brightness",
                      bal_json_real(c->class_brightness ? c->class_brightness[k] : NAN), "contrast",
                      bal_json_real(c->class_contrast ? c->class_contrast[k] : NAN)));
    return classes;
}

static json_t *cleanliness_value(const bal_audit *a)
{
    const bal_audit_cleanliness *c = &a->scan.clean;
    json_t *copies = json_array(), *near = json_array(), *unreadable = json_array(),
           *blank = json_array(), *odd = json_array(), *outliers = json_array();
    for (int64_t i = 0; i < c->copies_count; i++)
        json_array_append_new(copies, copies_value(a, &c->copies[i]));
    for (int64_t i = 0; i < c->near_count; i++)
        json_array_append_new(near, pair_value(a, &c->near[i]));
    for (int64_t i = 0; i < c->unreadable_count; i++)
        json_array_append_new(unreadable, with(item_value(a, c->unreadable[i].item), "reason",
                                               text_value(a, c->unreadable[i].reason)));
    for (int64_t i = 0; i < c->blank_count; i++)
        json_array_append_new(blank, item_value(a, c->blank[i]));
    for (int64_t i = 0; i < c->odd_count; i++) {
        json_t *item = with(item_value(a, c->odd[i].item), "width", json_integer(c->odd[i].width));
        json_array_append_new(odd, with(item, "height", json_integer(c->odd[i].height)));
    }
    for (int64_t i = 0; i < c->outlier_count; i++)
        json_array_append_new(outliers, outlier_value(a, &c->outliers[i]));
    json_t *value = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:o, s:o}", "scanned",
        (json_int_t)c->scanned, "copied", (json_int_t)c->copied, "leaked", (json_int_t)c->leaked,
        "leaked_near", (json_int_t)c->leaked_near, "conflicting", (json_int_t)c->conflicting,
        "near_searched", c->near_searched, "near_cut", c->near_cut, "grey", (json_int_t)c->grey,
        "colour", (json_int_t)c->colour, "sizes", sizes_value(c), "classes", class_levels(a, c));
    json_object_set_new(value, "unreadable", unreadable);
    json_object_set_new(value, "blank", blank);
    json_object_set_new(value, "odd_sizes", odd);
    json_object_set_new(value, "outliers", outliers);
    json_object_set_new(value, "exact_copies", copies);
    json_object_set_new(value, "near_copies", near);
    return value;
}

/* ---- difficulty ---- */

static json_t *drawn_value(const bal_drawn *d)
{
    return json_pack("{s:o, s:o, s:o}", "median", bal_json_real(d->median), "low",
                     bal_json_real(d->low), "high", bal_json_real(d->high));
}

static json_t *diversity_value(const bal_class_diversity *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "effective_rank",
                     bal_json_real(d->all.effective_rank), "spread", bal_json_real(d->all.spread),
                     "cosine", bal_json_real(d->all.cosine), "drawn_effective_rank",
                     drawn_value(&d->effective_rank), "drawn_spread", drawn_value(&d->spread),
                     "drawn_cosine", drawn_value(&d->cosine), "rank_against_head",
                     drawn_value(&d->rank_against_head), "spread_against_head",
                     drawn_value(&d->spread_against_head), "cosine_against_head",
                     drawn_value(&d->cosine_against_head));
}

static json_t *difficulty_class(const bal_audit *a, int c)
{
    const bal_audit_class_difficulty *of = &a->difficulty.class_of[c];
    json_t *types = json_object();
    for (int t = 0; t < BAL_EXAMPLE_COUNT; t++)
        json_object_set_new(types, bal_example_type_name((bal_example_type)t),
                            json_integer(of->types[t]));
    json_t *value = json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                              class_name(a, c), "items", (json_int_t)of->items, "kdn",
                              bal_json_real(of->kdn), "kdn_median", bal_json_real(of->kdn_median),
                              "hard", bal_json_real(of->hard), "n1", bal_json_real(of->n1), "n3",
                              bal_json_real(of->n3), "silhouette", bal_json_real(of->silhouette),
                              "fisher", bal_json_real(of->fisher), "types", types);
    json_object_set_new(value, "chance", bal_json_real(of->chance));
    json_object_set_new(value, "diversity", diversity_value(&of->diversity));
    json_object_set_new(value, "diversity_against_head", bal_json_real(of->diversity_against_head));
    return value;
}

/* true, false, or null where it was not measured. */
static json_t *truth(uint8_t value)
{
    return value == BAL_UNMEASURED ? json_null() : json_boolean(value);
}

static json_t *difficulty_item(const bal_audit *a, int64_t i)
{
    const bal_audit_difficulty *d = &a->difficulty;
    const bal_audit_item_difficulty *each = &d->each[i];
    return json_pack("{s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:I}", "item", (json_int_t)d->items[i],
                     "name", item_name(a, d->items[i]), "kdn", bal_json_real((double)each->kdn),
                     "silhouette", bal_json_real((double)each->silhouette), "type",
                     bal_example_type_name((bal_example_type)each->type), "n1", truth(each->n1),
                     "n3", truth(each->n3), "neighbour",
                     (json_int_t)(each->neighbour >= 0 ? d->items[each->neighbour] : -1));
}

/* Row r: where the neighbours of the items of class r are. */
static json_t *neighbour_shares(const bal_audit *a)
{
    const int classes = a->extent.classes;
    if (!a->difficulty.neighbour_share)
        return json_null();
    json_t *rows = json_array();
    for (int r = 0; r < classes; r++) {
        json_t *row = json_array();
        for (int c = 0; c < classes; c++)
            json_array_append_new(
                row, bal_json_real(
                         a->difficulty.neighbour_share[(size_t)r * (size_t)classes + (size_t)c]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *difficulty_value(const bal_audit *a)
{
    const bal_audit_difficulty *d = &a->difficulty;
    json_t *classes = json_array(), *overlaps = json_array(), *items = json_array();
    for (int c = 0; c < a->extent.classes; c++)
        json_array_append_new(classes, difficulty_class(a, c));
    for (int64_t i = 0; i < d->overlap_count; i++) {
        const bal_audit_overlap *o = &d->overlaps[i];
        json_array_append_new(
            overlaps,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "a", class_name(a, o->a), "b",
                      class_name(a, o->b), "share", bal_json_real(o->share), "a_in_b",
                      bal_json_real(o->a_in_b), "b_in_a", bal_json_real(o->b_in_a), "lift",
                      bal_json_real(o->lift), "fisher", bal_json_real(o->fisher)));
    }
    for (int64_t i = 0; d->each && i < d->count; i++)
        json_array_append_new(items, difficulty_item(a, i));
    json_t *value =
        json_pack("{s:o, s:i, s:i, s:o, s:i, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "features", text_value(a, d->features), "dim", d->dim, "components",
                  d->components, "explained", bal_json_real(d->explained), "neighbours",
                  d->neighbours, "of", (json_int_t)d->of, "count", (json_int_t)d->count, "sampled",
                  d->count < d->of, "kdn", bal_json_real(d->kdn), "n1", bal_json_real(d->n1), "n3",
                  bal_json_real(d->n3), "silhouette", bal_json_real(d->silhouette), "f1",
                  bal_json_real(d->f1), "fisher", bal_json_real(d->fisher));
    json_object_set_new(value, "kdn_median", bal_json_real(d->kdn_median));
    json_object_set_new(value, "hard", bal_json_real(d->hard));
    json_object_set_new(value, "common", json_integer(d->common));
    json_object_set_new(value, "draws", json_integer(d->draws));
    json_object_set_new(value, "neighbour_share", neighbour_shares(a));
    json_object_set_new(value, "classes", classes);
    json_object_set_new(value, "overlaps", overlaps);
    json_object_set_new(value, "items", items);
    return value;
}

/* ---- findings and advice ---- */

static json_t *findings_value(const bal_audit *a)
{
    json_t *findings = json_array();
    for (int i = 0; i < a->finding_count; i++) {
        const bal_audit_finding *f = &a->findings[i];
        json_array_append_new(
            findings,
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "rule", f->rule->name,
                      "section", bal_audit_section_name(f->rule->section), "severity",
                      bal_severity_name(f->severity), "text", text_value(a, f->text), "todo",
                      text_value(a, f->todo), "about", f->rule->about, "source", f->rule->source,
                      "mild", bal_json_real(f->rule->mild), "serious",
                      bal_json_real(f->rule->serious), "severe", bal_json_real(f->rule->severe)));
    }
    return findings;
}

static json_t *advice_value(const bal_audit *a)
{
    json_t *reasons = json_array();
    for (int i = 0; i < a->advice.reason_count; i++) {
        const bal_audit_reason *r = &a->reasons[i];
        json_array_append_new(reasons,
                              json_pack("{s:s, s:s, s:s, s:o, s:s}", "choice", r->rule->choice,
                                        "value", r->value, "rule", r->rule->name, "text",
                                        text_value(a, r->text), "source", r->rule->source));
    }
    return json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "recipe", a->advice.recipe, "model",
                     a->advice.model, "img_size", a->advice.img_size, "channels",
                     a->advice.channels, "command", text_value(a, a->advice.command), "reasons",
                     reasons);
}

static json_t *audit_value(const bal_audit *a)
{
    const bal_dataset_info info = bal_dataset_describe(a->data);
    json_t *severity = json_object(), *seconds = json_object();
    for (int s = 0; s < BAL_AUDIT_ADVICE; s++) {
        const char *name = bal_audit_section_name((bal_audit_section)s);
        json_object_set_new(severity, name,
                            a->asked[s] ? json_string(bal_severity_name(
                                              bal_audit_section_severity(a, (bal_audit_section)s)))
                                        : json_null());
        json_object_set_new(seconds, name, bal_json_real(a->seconds[s]));
    }
    json_object_set_new(severity, "worst", json_string(bal_severity_name(bal_audit_worst(a))));
    json_t *value =
        json_pack("{s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "name", text_value(a, info.name),
                  "format", info.format, "path", text_value(a, info.path), "class_count",
                  info.classes, "severity", severity, "seconds", seconds, "findings",
                  findings_value(a), "advice", advice_value(a), "extent", extent_value(a));
    if (value) {
        json_object_set_new(value, "cleanliness",
                            a->asked[BAL_AUDIT_CLEANLINESS] ? cleanliness_value(a) : json_null());
        json_object_set_new(value, "difficulty",
                            a->asked[BAL_AUDIT_DIFFICULTY] ? difficulty_value(a) : json_null());
    }
    return value;
}

bal_status bal_audit_json(const bal_audit *a, bal_ctx *ctx, char **text)
{
    json_t *value = audit_value(a);
    *text = value ? bal_json_text(ctx, value, true) : NULL;
    json_decref(value);
    return *text ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for the JSON of an audit");
}
