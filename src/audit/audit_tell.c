/* How far an audit is, for its caller. */
#include "audit/audit_parts.h"

#include "base/clock.h"

#define REPORTS_APART 0.1 /* seconds */

void bal_audit_tell(bal_audit_teller *teller, const char *what, int64_t done, int64_t total)
{
    const bal_audit_settings *s = teller->settings;
    const double now = bal_clock();
    if (!s->progress || (now - teller->last < REPORTS_APART && done < total))
        return;
    teller->last = now;
    const bal_audit_progress report = {what, done, total};
    s->progress(s->progress_user, &report);
}
