/* What a finished audit answers, and the names of its enumerations. */
#include "audit/audit_handle.h"

#include <math.h>

static const char *const severities[BAL_SEVERITY_COUNT] = {
#define SEVERITY_NAME(name, text, about) text,
    BAL_SEVERITY_LIST(SEVERITY_NAME)
#undef SEVERITY_NAME
};

const char *bal_severity_name(bal_severity severity)
{
    return (int)severity >= 0 && severity < BAL_SEVERITY_COUNT ? severities[severity] : "unknown";
}

static const char *const sections[BAL_AUDIT_SECTION_COUNT] = {[BAL_AUDIT_EXTENT] = "extent",
                                                              [BAL_AUDIT_CLEANLINESS] =
                                                                  "cleanliness",
                                                              [BAL_AUDIT_DIFFICULTY] = "difficulty",
                                                              [BAL_AUDIT_ADVICE] = "advice"};

const char *bal_audit_section_name(bal_audit_section section)
{
    return (int)section >= 0 && section < BAL_AUDIT_SECTION_COUNT ? sections[section] : "unknown";
}

static const char *const outliers[BAL_AUDIT_OUTLIER_COUNT] = {[BAL_AUDIT_BRIGHTNESS] = "brightness",
                                                              [BAL_AUDIT_CONTRAST] = "contrast",
                                                              [BAL_AUDIT_COLOUR] = "colour",
                                                              [BAL_AUDIT_CHANNELS] = "channels"};

const char *bal_audit_outlier_name(bal_audit_outlier_kind kind)
{
    return (int)kind >= 0 && kind < BAL_AUDIT_OUTLIER_COUNT ? outliers[kind] : "unknown";
}

const bal_dataset *bal_audit_data(const bal_audit *a)
{
    return a->data;
}

double bal_audit_seconds(const bal_audit *a, bal_audit_section section)
{
    return (int)section >= 0 && section < BAL_AUDIT_ADVICE ? a->seconds[section] : NAN;
}

const bal_audit_extent *bal_audit_get_extent(const bal_audit *a)
{
    return &a->extent;
}

const bal_audit_cleanliness *bal_audit_get_cleanliness(const bal_audit *a)
{
    return a->asked[BAL_AUDIT_CLEANLINESS] ? &a->scan.clean : NULL;
}

const bal_audit_difficulty *bal_audit_get_difficulty(const bal_audit *a)
{
    return a->asked[BAL_AUDIT_DIFFICULTY] ? &a->difficulty : NULL;
}

const bal_audit_finding *bal_audit_finding_at(const bal_audit *a, int i)
{
    return i >= 0 && i < a->finding_count ? &a->findings[i] : NULL;
}

bal_severity bal_audit_section_severity(const bal_audit *a, bal_audit_section section)
{
    bal_severity worst = BAL_SEVERITY_OK;
    for (int i = 0; i < a->finding_count; i++)
        if (a->findings[i].rule->section == section && a->findings[i].severity > worst)
            worst = a->findings[i].severity;
    return worst;
}

bal_severity bal_audit_worst(const bal_audit *a)
{
    bal_severity worst = BAL_SEVERITY_OK;
    for (int i = 0; i < a->finding_count; i++)
        worst = a->findings[i].severity > worst ? a->findings[i].severity : worst;
    return worst;
}

const bal_audit_advice *bal_audit_get_advice(const bal_audit *a)
{
    return &a->advice;
}
