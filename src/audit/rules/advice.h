/* What is recommended, from the choices that the rules made, and the command that does it. */
#ifndef BAL_ADVICE_H
#define BAL_ADVICE_H

#include "audit/audit_handle.h"

BAL_MUST_CHECK bal_status bal_audit_advise(bal_audit *a);

#endif
