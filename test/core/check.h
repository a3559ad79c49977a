/*
 * check.h - the unit tests' frame
 *
 * A test program calls its test functions and ends with `return check_finish();`.  A failed check prints where and
 * what, and the program goes on; its last line counts checks, and it exits with 1 when any failed.
 */
#ifndef TEST_CORE_CHECK_H
#define TEST_CORE_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static long check_passed;
static long check_failed;

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)

/* Equal within `tolerance` of the larger magnitude (of 1 when both are smaller). */
#define CHECK_CLOSE(a, b, tolerance) check_close((a), (b), (tolerance), __FILE__, __LINE__, #a " = " #b)

static inline bool
check_that(bool right, const char *file, int line, const char *what)
{
	if (right)
		check_passed++;
	else
	{
		check_failed++;
		printf("%s:%d: failed: %s\n", file, line, what);
	}
	return right;
}

static inline bool
check_close(double a, double b, double tolerance, const char *file, int line, const char *what)
{
	double scale = fmax(1.0, fmax(fabs(a), fabs(b)));
	bool right = fabs(a - b) <= tolerance * scale;

	if (!right)
		printf("%.9g against %.9g, tolerance %g:\n", a, b, tolerance);
	return check_that(right, file, line, what);
}

static inline int
check_finish(void)
{
	printf("%ld passed, %ld failed\n", check_passed, check_failed);
	return check_failed > 0;
}

#endif
