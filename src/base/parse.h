/* Strict parsing of numbers: the whole text or nothing, no leading blanks, no hexadecimal, no "inf"
 * or "nan", and the decimal point is a point in every locale. */
#ifndef BAL_PARSE_H
#define BAL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

bool bal_parse_whole(const char *text, long long *out);
bool bal_parse_seed(const char *text, uint64_t *out);
bool bal_parse_real(const char *text, double *out);

#endif
