/* What to train with. Each function looks whether its row of the table holds, and says why. */
#include "audit/rules/rules.h"

#include "ballast/balance.h"

#include <math.h>

static double ratio(const bal_verdict *v)
{
    return v->audit->extent.imbalance_ratio;
}

static int64_t training_images(const bal_verdict *v)
{
    return v->audit->extent.items[BAL_SPLIT_TRAIN];
}

/* ---- recipe ---- */

/* Mean over the classes; NaN where it was not measured. */
static double mean_kdn(const bal_verdict *v)
{
    if (!v->audit->asked[BAL_AUDIT_DIFFICULTY])
        return NAN;
    double sum = 0.0;
    int count = 0;
    for (int c = 0; c < v->audit->extent.classes; c++) {
        const double kdn = v->audit->difficulty.class_of[c].kdn;
        sum += isnan(kdn) ? 0.0 : kdn;
        count += !isnan(kdn);
    }
    return count > 0 ? sum / count : NAN;
}

void bal_rule_recipe_separable(bal_verdict *v)
{
    const double kdn = mean_kdn(v);
    const bool plain_anyway = bal_recipe_choice_for(ratio(v)) == bal_recipe_choice_at(0);
    if (!plain_anyway && ratio(v) < BAL_RATIO_SEPARABLE && kdn < BAL_KDN_SEPARABLE)
        bal_rule_say(v, BAL_SEVERITY_OK,
                     "imbalance ratio %.1f, but only %s of the neighbours are of another class: "
                     "imbalance does little harm where classes do not overlap",
                     ratio(v), bal_percent_of(kdn).text);
}

/* As `ballast train --recipe auto` chooses. */
void bal_rule_recipe_by_ratio(bal_verdict *v)
{
    const bal_recipe_choice *choice = bal_recipe_choice_for(ratio(v));
    bal_rule_say(v, BAL_SEVERITY_OK, "imbalance ratio %.*f: %s", ratio(v) < 10 ? 1 : 0, ratio(v),
                 choice->why);
    bal_rule_value(v, "%s", choice->recipe);
}

/* ---- model ---- */

void bal_rule_model_small(bal_verdict *v)
{
    if (training_images(v) < BAL_ITEMS_FEW)
        bal_rule_say(v, BAL_SEVERITY_OK,
                     "%s training images: a small network learns as much from them, and several "
                     "seeds cost what one run of a large one does",
                     bal_thousands(training_images(v)).text);
}

void bal_rule_model_large(bal_verdict *v)
{
    if (training_images(v) >= BAL_ITEMS_MANY && v->audit->extent.classes > BAL_CLASSES_FEW)
        bal_rule_say(v, BAL_SEVERITY_OK,
                     "%s training images of %d classes: enough for the deeper network that most "
                     "long-tail papers compare on",
                     bal_thousands(training_images(v)).text, v->audit->extent.classes);
}

void bal_rule_model_usual(bal_verdict *v)
{
    bal_rule_say(v, BAL_SEVERITY_OK,
                 "%s training images: deep enough, and a run takes two thirds of resnet32's time",
                 bal_thousands(training_images(v)).text);
}

/* ---- image size ---- */

static bal_dataset_settings given(const bal_verdict *v)
{
    bal_dataset_settings s;
    (void)bal_dataset_opened_as(v->audit->data, &s);
    return s;
}

/* The multiple of 8 that is nearest to a side, within what the networks are made for. */
static int rounded_side(int width, int height)
{
    const int side = ((width < height ? width : height) + 4) / 8 * 8;
    return side < BAL_SIDE_LEAST ? BAL_SIDE_LEAST : side > BAL_SIDE_MOST ? BAL_SIDE_MOST : side;
}

void bal_rule_size_given(bal_verdict *v)
{
    const int size = given(v).img_size;
    if (size == 0)
        return;
    bal_rule_say(v, BAL_SEVERITY_OK, "as it was given");
    bal_rule_value(v, "%d", size);
}

/* The size of all images; 0: not known, or not the same. */
static bool common_size(const bal_verdict *v, int *width, int *height)
{
    const bal_dataset_info info = bal_dataset_describe(v->audit->data);
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    *width = info.width;
    *height = info.height;
    if (info.width == 0 && v->audit->asked[BAL_AUDIT_CLEANLINESS] && clean->sizes == 1) {
        *width = clean->width;
        *height = clean->height;
    }
    return *width > 0;
}

void bal_rule_size_unknown(bal_verdict *v)
{
    int width, height;
    const bool scanned = v->audit->asked[BAL_AUDIT_CLEANLINESS] && v->audit->scan.clean.sizes > 0;
    if (common_size(v, &width, &height) || scanned)
        return;
    bal_rule_say(v, BAL_SEVERITY_OK,
                 "what the networks are made for; the sizes were not looked at");
    bal_rule_value(v, "%d", BAL_SIDE_LEAST);
}

void bal_rule_size_mixed(bal_verdict *v)
{
    int width, height;
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    if (common_size(v, &width, &height))
        return;
    bal_rule_say(v, BAL_SEVERITY_OK,
                 "images differ in size (median %d x %d) and a batch needs one; the networks are "
                 "made for %d to %d",
                 clean->width_median, clean->height_median, BAL_SIDE_LEAST, BAL_SIDE_MOST);
    bal_rule_value(v, "%d", rounded_side(clean->width_median, clean->height_median));
}

void bal_rule_size_large(bal_verdict *v)
{
    int width, height;
    if (!common_size(v, &width, &height) || (width <= BAL_SIDE_MOST && height <= BAL_SIDE_MOST))
        return;
    bal_rule_say(v, BAL_SEVERITY_OK,
                 "images are %d x %d; the networks are made for small images, and a step costs "
                 "%.0f times less than at that size",
                 width, height, (double)width * height / ((double)BAL_SIDE_MOST * BAL_SIDE_MOST));
    bal_rule_value(v, "%d", BAL_SIDE_MOST);
}

void bal_rule_size_own(bal_verdict *v)
{
    int width, height;
    (void)common_size(v, &width, &height);
    bal_rule_say(v, BAL_SEVERITY_OK, "images are %d x %d, as the networks want them", width,
                 height);
    bal_rule_value(v, "0");
}

/* ---- channels ---- */

void bal_rule_channels_given(bal_verdict *v)
{
    const int channels = given(v).channels;
    if (channels == 0)
        return;
    bal_rule_say(v, BAL_SEVERITY_OK, "as it was given");
    bal_rule_value(v, "%d", channels);
}

void bal_rule_channels_mixed(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    if (v->audit->asked[BAL_AUDIT_CLEANLINESS] && clean->grey > 0 && clean->colour > 0)
        bal_rule_say(v, BAL_SEVERITY_OK, "%s images are grey and %s in colour",
                     bal_thousands(clean->grey).text, bal_thousands(clean->colour).text);
}

void bal_rule_channels_own(bal_verdict *v)
{
    bal_rule_say(v, BAL_SEVERITY_OK, "as the images have it");
}

/* ---- the rest ---- */

void bal_rule_skip_bad(bal_verdict *v)
{
    const int64_t count = v->audit->scan.clean.unreadable_count;
    if (v->audit->asked[BAL_AUDIT_CLEANLINESS] && count > 0)
        bal_rule_say(v, BAL_SEVERITY_OK, "%s image%s cannot be read, and training would stop there",
                     bal_thousands(count).text, count == 1 ? "" : "s");
}
