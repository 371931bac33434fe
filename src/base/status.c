/* Texts and exit codes of the statuses, from the one list. */
#include "ballast/base.h"

static const char *const texts[BAL_STATUS_COUNT] = {
#define STATUS_TEXT(name, exit_code, text) [BAL_##name] = text,
    BAL_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
};

static const int exit_codes[BAL_STATUS_COUNT] = {
#define STATUS_CODE(name, exit_code, text) [BAL_##name] = exit_code,
    BAL_STATUS_LIST(STATUS_CODE)
#undef STATUS_CODE
};

static bool known(bal_status status)
{
    return (int)status >= 0 && status < BAL_STATUS_COUNT;
}

const char *bal_status_text(bal_status status)
{
    return known(status) ? texts[status] : "unknown status";
}

int bal_status_exit_code(bal_status status)
{
    return known(status) ? exit_codes[status] : 1;
}

const char *bal_version(void)
{
    return BAL_VERSION;
}
