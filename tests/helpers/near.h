/* Comparison of two numbers in double. */
#ifndef BAL_TEST_NEAR_H
#define BAL_TEST_NEAR_H

/* Fails unless got is within tolerance of want, absolutely; NaN only equals NaN, an infinity only
 * itself. */
void test_near(const char *what, double want, double got, double tolerance);

#endif
