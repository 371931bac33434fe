/* The metrics by name, from the list in evaluate.h. */
#include "ballast/evaluate.h"

#include <string.h>

static const struct {
    const char *key, *about;
} rows[BAL_METRIC_COUNT] = {
#define ROW(field, name, text, interval) [BAL_METRIC_##field] = {name, text},
    BAL_METRIC_LIST(ROW)
#undef ROW
};

const char *bal_metric_key(bal_metric metric)
{
    return (unsigned)metric < BAL_METRIC_COUNT ? rows[metric].key : NULL;
}

const char *bal_metric_about(bal_metric metric)
{
    return (unsigned)metric < BAL_METRIC_COUNT ? rows[metric].about : NULL;
}

bal_metric bal_metric_find(const char *key)
{
    int metric = 0;
    while (metric < BAL_METRIC_COUNT && (!key || strcmp(rows[metric].key, key) != 0))
        metric++;
    return (bal_metric)metric;
}

bool bal_metric_is_loss(bal_metric metric)
{
    return metric == BAL_METRIC_ece || metric == BAL_METRIC_classwise_ece ||
           metric == BAL_METRIC_nll || metric == BAL_METRIC_brier ||
           metric == BAL_METRIC_class_recall_gap || metric == BAL_METRIC_group_recall_gap;
}
