/*
 * test_drift.c - changes of a source, and paired cases
 *
 * Reference: test/reference/drift.py prints the figures below from NumPy and SciPy.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "drift.h"
#include "rng.h"

/* 1..1000 against values moved up by 150: index by NumPy. */
static void
test_index(void)
{
	DriftNumbers *before = calloc(1, sizeof(DriftNumbers));
	DriftNumbers *now = calloc(1, sizeof(DriftNumbers));
	DriftShape shape;

	CHECK(!drift_shape(before, &shape));
	for (int i = 1; i <= 1000; i++)
	{
		drift_add_number(before, i);
		drift_add_number(now, i + 150);
	}
	CHECK(drift_shape(before, &shape));
	CHECK(shape.cuts == 9);
	CHECK_CLOSE(drift_index(&shape, before), 0.0, 1e-12);
	CHECK_CLOSE(drift_index(&shape, now), 0.8693403361, 1e-9);

	memset(now, 0, sizeof(*now));
	CHECK(isnan(drift_index(&shape, now)));

	/* All the same: one bin, and nothing else to be seen. */
	memset(before, 0, sizeof(*before));
	for (int i = 0; i < 100; i++)
		drift_add_number(before, 5);
	CHECK(drift_shape(before, &shape));
	CHECK(shape.cuts == 0);
	CHECK_CLOSE(shape.share[0], 1.0, 1e-12);
	free(before);
	free(now);
}

/* The sample of many values is as good as all of them. */
static void
test_sample(void)
{
	DriftNumbers *numbers = calloc(1, sizeof(DriftNumbers));
	DriftShape shape;

	for (int i = 0; i < 300000; i++)
		drift_add_number(numbers, (double) i);
	CHECK(numbers->n == 300000);
	CHECK(drift_shape(numbers, &shape));
	for (int i = 0; i < shape.cuts; i++)
		CHECK(fabs(shape.cut[i] - 30000.0 * (i + 1)) < 8000); /* 5 standard errors of a quantile of 8,192 */
	free(numbers);
}

static void
test_unseen(void)
{
	DriftIds *before = calloc(1, sizeof(DriftIds));
	DriftIds *now = calloc(1, sizeof(DriftIds));

	CHECK(isnan(drift_unseen(before, now)));
	for (uint64_t i = 0; i < 100; i++)
		for (int again = 0; again < 3; again++)
			drift_add_id(before, rng_mix(i + 1));
	CHECK(before->n == 100);
	for (uint64_t i = 50; i < 150; i++)
		drift_add_id(now, rng_mix(i + 1));
	CHECK_CLOSE(drift_unseen(before, now), 0.5, 1e-12); /* few ids: exactly */
	CHECK_CLOSE(drift_unseen(before, before), 0.0, 1e-12);

	memset(before, 0, sizeof(*before));
	memset(now, 0, sizeof(*now));
	for (uint64_t i = 0; i < 100000; i++)
		drift_add_id(before, rng_mix(i + 1));
	for (uint64_t i = 20000; i < 120000; i++)
		drift_add_id(now, rng_mix(i + 1));
	CHECK(before->n == DRIFT_IDS);
	for (int i = 1; i < before->n; i++)
		CHECK(before->hash[i - 1] < before->hash[i]);
	CHECK(fabs(drift_unseen(before, now) - 100000.0 / 500000) <
		  0.05); /* 20,000 of 100,000 are new; 4 standard errors */
	free(before);
	free(now);
}

/* scipy.stats.ttest_1samp(b - a, -margin, alternative='less') */
static void
test_worse(void)
{
	const double a[] = {0.5, 0.6, 0.7, 0.2, 0.9, 0.4, 0.3, 0.8};
	const double b[] = {0.4, 0.6, 0.5, 0.2, 0.8, 0.4, 0.1, 0.7};

	CHECK_CLOSE(worse_than(a, b, 8, 0.0), 0.0104687851, 1e-9);
	CHECK_CLOSE(worse_than(a, b, 8, 0.1), 0.6577358322, 1e-9);
	CHECK_CLOSE(worse_than(a, a, 8, 0.0), 1.0, 0);
	CHECK(isnan(worse_than(a, b, 1, 0.0)));
	{
		const double lower[] = {0.25, 0.35, 0.45};
		const double higher[] = {0.5, 0.6, 0.7};

		CHECK(worse_than(higher, lower, 3, 0.1) < 1e-6);
		CHECK(worse_than(higher, lower, 3, 0.5) > 0.99);
	}
}

int
main(void)
{
	test_index();
	test_sample();
	test_unseen();
	test_worse();
	return check_finish();
}
