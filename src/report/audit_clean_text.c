/* What was found among the images: a line a kind, then the first of each list. */
#include "report/audit_text.h"

#include <stdio.h>
#include <string.h>

#define LISTED 5
#define COLUMN 21

static void line(const bal_audit_page *p, const char *name, const char *words)
{
    bal_page_words(p, fprintf(p->out, "%s", name), COLUMN, words);
}

/* The split of each item. */
static uint8_t *read_splits(const bal_audit_page *p)
{
    const bal_dataset_info info = bal_dataset_describe(p->data);
    int64_t all = 0;
    for (int s = 0; s < BAL_SPLIT_COUNT; s++)
        all += info.items[s];
    uint8_t *splits = bal_calloc(p->ctx, (size_t)all, 1);
    for (int s = 0; splits && s < BAL_SPLIT_COUNT; s++) {
        const int64_t *items = bal_dataset_items(p->data, (bal_split)s);
        for (int64_t i = 0; i < info.items[s]; i++)
            splits[items[i]] = (uint8_t)s;
    }
    return splits;
}

static void summary(const bal_audit_page *p, const bal_audit_cleanliness *c)
{
    char words[400];
    line(p, "images", bal_page_count(c->scanned).text);
    snprintf(words, sizeof words, "%s unreadable, %s blank, %s far from their class",
             bal_page_count(c->unreadable_count).text, bal_page_count(c->blank_count).text,
             bal_page_count(c->outlier_count).text);
    line(p, "damaged or odd", words);
    snprintf(words, sizeof words, "%s images repeat another exactly, in %s groups",
             bal_page_count(c->copied).text, bal_page_count(c->copies_count).text);
    line(p, "exact copies", words);
    if (!c->near_searched)
        snprintf(words, sizeof words, "not searched");
    else
        snprintf(words, sizeof words, "%s pairs%s", bal_page_count(c->near_count).text,
                 c->near_cut ? "; not all images of a crowd were compared, there may be more" : "");
    line(p, "near copies", words);
    snprintf(words, sizeof words,
             "%s validation and test images are in training too, %s more nearly",
             bal_page_count(c->leaked).text, bal_page_count(c->leaked_near).text);
    line(p, "leaks", words);
    snprintf(words, sizeof words, "%s images look like one of another class",
             bal_page_count(c->conflicting).text);
    line(p, "conflicting labels", words);
    if (c->sizes == 1)
        snprintf(words, sizeof words, "%d x %d", c->width, c->height);
    else
        snprintf(words, sizeof words,
                 "%s different ones, median %d x %d, from %d x %d to %d x %d; %s odd",
                 bal_page_count(c->sizes).text, c->width_median, c->height_median, c->width_min,
                 c->height_min, c->width_max, c->height_max, bal_page_count(c->odd_count).text);
    if (c->sizes > 0)
        line(p, "sizes (w x h)", words);
    snprintf(words, sizeof words, "%s grey, %s colour", bal_page_count(c->grey).text,
             bal_page_count(c->colour).text);
    line(p, "channels", words);
}

/* ---- lists ---- */

static void begin(const bal_audit_page *p, const char *title)
{
    fprintf(p->out, "\n%s\n", title);
}

static void end(const bal_audit_page *p, int64_t count)
{
    if (count > LISTED)
        fprintf(p->out, "  ... and %s more (--json has all)\n",
                bal_page_count(count - LISTED).text);
}

/* "NAME (Coat, train)" */
static void write_item(const bal_audit_page *p, const uint8_t *splits, const char *before,
                       int64_t item)
{
    fprintf(p->out, "%s%s (%s, %s)\n", before, bal_page_item(p, item).text,
            bal_page_class(p, bal_dataset_label(p->data, item), 20).text,
            bal_split_name((bal_split)splits[item]));
}

/* Those across splits or classes come first: they matter most. */
static void list_copies(const bal_audit_page *p, const bal_audit_cleanliness *c,
                        const uint8_t *splits)
{
    int64_t listed = 0;
    if (c->copies_count == 0)
        return;
    begin(p, "exact copies");
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t g = 0; g < c->copies_count && listed < LISTED; g++) {
            const bal_audit_copies *group = &c->copies[g];
            if ((group->across_splits || group->conflict) == (pass == 1))
                continue;
            listed++;
            for (int64_t i = 0; i < group->count && i < 3; i++)
                write_item(p, splits, i ? "  = " : "  ", group->items[i]);
            if (group->count > 3)
                fprintf(p->out, "  = %s more\n", bal_page_count(group->count - 3).text);
        }
    }
    end(p, c->copies_count);
}

static void list_pairs(const bal_audit_page *p, const bal_audit_cleanliness *c,
                       const uint8_t *splits)
{
    int64_t listed = 0;
    if (c->near_count == 0)
        return;
    begin(p, "near copies (and in how many bits their hashes differ)");
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < c->near_count && listed < LISTED; i++) {
            const bal_audit_pair *pair = &c->near[i];
            char before[16];
            if ((pair->across_splits || pair->conflict) == (pass == 1))
                continue;
            listed++;
            snprintf(before, sizeof before, "  %2d  ", pair->distance);
            write_item(p, splits, before, pair->a);
            write_item(p, splits, "      ", pair->b);
        }
    }
    end(p, c->near_count);
}

static bal_status list_unreadable(const bal_audit_page *p, const bal_audit_cleanliness *c)
{
    if (c->unreadable_count > 0)
        begin(p, "unreadable");
    for (int64_t i = 0; i < c->unreadable_count && i < LISTED; i++) {
        char *reason = bal_page_plain(p, c->unreadable[i].reason);
        if (!reason)
            return BAL_NO_MEMORY;
        fprintf(p->out, "  %s\n", reason);
        bal_free(p->ctx, reason);
    }
    end(p, c->unreadable_count);
    return BAL_OK;
}

static void list_blank(const bal_audit_page *p, const bal_audit_cleanliness *c)
{
    if (c->blank_count > 0)
        begin(p, "blank");
    for (int64_t i = 0; i < c->blank_count && i < LISTED; i++)
        fprintf(p->out, "  %s\n", bal_page_item(p, c->blank[i]).text);
    end(p, c->blank_count);
}

static void list_odd(const bal_audit_page *p, const bal_audit_cleanliness *c)
{
    if (c->odd_count > 0)
        begin(p, "odd sizes (w x h)");
    for (int64_t i = 0; i < c->odd_count && i < LISTED; i++)
        fprintf(p->out, "  %s  %d x %d\n", bal_page_item(p, c->odd[i].item).text, c->odd[i].width,
                c->odd[i].height);
    end(p, c->odd_count);
}

/* The farthest first. */
static void list_outliers(const bal_audit_page *p, const bal_audit_cleanliness *c)
{
    int64_t shown[LISTED];
    if (c->outlier_count > 0)
        begin(p, "far from their class");
    for (int n = 0; n < LISTED && n < c->outlier_count; n++) {
        int64_t best = -1;
        for (int64_t i = 0; i < c->outlier_count; i++) {
            bool taken = false;
            for (int k = 0; k < n; k++)
                taken = taken || shown[k] == i;
            /* channels have no score: they come last */
            if (!taken && (best < 0 || c->outliers[i].score > c->outliers[best].score ||
                           (c->outliers[best].kind == BAL_AUDIT_CHANNELS &&
                            c->outliers[i].kind != BAL_AUDIT_CHANNELS)))
                best = i;
        }
        shown[n] = best;
        const bal_audit_outlier *o = &c->outliers[best];
        fprintf(p->out, "  %s (%s): %s %.0f, the class has %.0f\n", bal_page_item(p, o->item).text,
                bal_page_class(p, bal_dataset_label(p->data, o->item), 20).text,
                bal_audit_outlier_name(o->kind), o->value, o->typical);
    }
    end(p, c->outlier_count);
}

bal_status bal_page_cleanliness(const bal_audit_page *p)
{
    const bal_audit_cleanliness *c = bal_audit_get_cleanliness(p->audit);
    uint8_t *splits = read_splits(p);
    if (!splits)
        return BAL_NO_MEMORY;
    summary(p, c);
    list_copies(p, c, splits);
    list_pairs(p, c, splits);
    const bal_status status = list_unreadable(p, c);
    list_blank(p, c);
    list_odd(p, c);
    list_outliers(p, c);
    bal_free(p->ctx, splits);
    return status;
}
