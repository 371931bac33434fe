/* What every manifest that was accepted must be. */
#ifndef BAL_TEST_MANIFESTS_H
#define BAL_TEST_MANIFESTS_H

#include "data/readers/source.h"

/* Aborts unless the source is whole, or there is a sentence about the failure. */
void test_manifest_sound(const bal_source *source, bal_status status);

#endif
