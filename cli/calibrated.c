/* What a calibration changed: the same items measured without and with it. */
#include "cli.h"

#include <string.h>

/* What probabilities and decisions are judged by. */
static const bal_metric shown[] = {BAL_METRIC_ece,      BAL_METRIC_classwise_ece,
                                   BAL_METRIC_nll,      BAL_METRIC_brier,
                                   BAL_METRIC_accuracy, BAL_METRIC_balanced_accuracy,
                                   BAL_METRIC_macro_f1, BAL_METRIC_worst_class_recall};
#define SHOWN ((int)(sizeof shown / sizeof shown[0]))

static void method_names(const bal_calibration *calibration, char *text, size_t size)
{
    const bal_calibration_step *step;
    *text = '\0';
    for (int i = 0; (step = bal_calibration_step_at(calibration, i)); i++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", i ? ", " : "", step->method);
    }
}

void cli_say_calibrated(cli *c, const bal_calibration *calibration)
{
    char names[1024];
    if (!calibration)
        return;
    method_names(calibration, names, sizeof names);
    cli_say(c, "calibrated by %s (--no-calibration leaves that out)", names);
}

bal_status cli_put_calibrated(cli *c, const bal_calibration *calibration,
                              const bal_evaluation *plain, const bal_evaluation *calibrated)
{
    char names[1024];
    bal_table *t;
    bal_status status = bal_table_open(&t, c->ctx, 3, "lrr");
    if (status != BAL_OK)
        return status;
    method_names(calibration, names, sizeof names);
    printf("\ncalibrated by %s; all above is with it\n\n", names);
    bal_table_cell(t, "%s", "metric");
    bal_table_cell(t, "%s", "without");
    bal_table_cell(t, "%s", "calibrated");
    bal_table_rule(t);
    for (int k = 0; k < SHOWN; k++) {
        bal_table_cell(t, "%s", bal_metric_key(shown[k]));
        bal_table_number(t, bal_evaluation_metric(plain, shown[k]), 4);
        bal_table_number(t, bal_evaluation_metric(calibrated, shown[k]), 4);
    }
    return cli_put_table(c, &t);
}

json_t *cli_json_calibrated(const bal_calibration *calibration, const bal_evaluation *plain,
                            const bal_evaluation *calibrated)
{
    json_t *methods = json_array(), *before = json_object(), *after = json_object();
    const bal_calibration_step *step;
    for (int i = 0; (step = bal_calibration_step_at(calibration, i)); i++)
        json_array_append_new(methods, json_string(step->method));
    for (int k = 0; k < SHOWN; k++) {
        const char *key = bal_metric_key(shown[k]);
        json_object_set_new(before, key, cli_json_real(bal_evaluation_metric(plain, shown[k])));
        json_object_set_new(after, key, cli_json_real(bal_evaluation_metric(calibrated, shown[k])));
    }
    return json_pack("{s:o, s:o, s:o}", "methods", methods, "before", before, "after", after);
}
