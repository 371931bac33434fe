/* Perceptual hashes against SciPy's; look.json is written by make_look_golden.py. */
#include "audit/scan/look.h"
#include "helpers/formula.h"
#include "helpers/helpers.h"
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

static uint64_t word(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    assert_non_null(text);
    return strtoull(text, NULL, 16);
}

static void hashes_are_scipys(void **state)
{
    (void)state;
    json_t *golden = json_load_file(test_path(BAL_TEST_DATA, "look.json"), 0, NULL);
    const json_t *pictures = json_object_get(golden, "pictures");
    int sure_bits = 0;
    assert_int_equal(json_array_size(pictures), 12);
    for (size_t i = 0; i < json_array_size(pictures); i++) {
        const json_t *rows = json_array_get(pictures, i);
        float grey[BAL_SMALL_AREA];
        char name[32];
        bal_look look;
        snprintf(name, sizeof name, "look%zu", i);
        const formula f = formula_of(name);
        for (int k = 0; k < BAL_SMALL_AREA; k++)
            grey[k] = (float)(128.0 + 100.0 * unit_at(f, k));
        bal_look_of(grey, &look);
        assert_int_equal(json_array_size(rows), BAL_LOOKS);
        for (size_t c = 0; c < BAL_LOOKS; c++) {
            const json_t *row = json_array_get(rows, c);
            const uint64_t sure = word(row, "sure");
            if ((look.hash[c] ^ word(row, "hash")) & sure)
                fail_msg("picture %zu, crop %zu: hash %016llx", i, c,
                         (unsigned long long)look.hash[c]);
            for (uint64_t rest = sure; rest; rest &= rest - 1)
                sure_bits++;
        }
    }
    assert_true(sure_bits > 12 * BAL_LOOKS * BAL_LOOK_BITS * 8 / 10);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_scipys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
