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
	CHECK(shape.deciles.cuts == 9);
	CHECK_CLOSE(drift_index(&shape, before), 0.0, 1e-12);
	CHECK_CLOSE(drift_index(&shape, now), 0.8693403361, 1e-9);

	memset(now, 0, sizeof(*now));
	CHECK(isnan(drift_index(&shape, now)));

	/* Cut nowhere, as an earlier version has a constant: nothing can be told. */
	drift_add_number(now, 5);
	shape.deciles.cuts = 0;
	shape.share[0] = 1;
	CHECK(drift_shape_valid(&shape));
	CHECK(isnan(drift_index(&shape, now)));
	free(before);
	free(now);
}

/* A column of `n` rows, the first `some` of them one value and the others another. */
static DriftNumbers *
two_values(int n, int some, double one, double other)
{
	DriftNumbers *numbers = calloc(1, sizeof(DriftNumbers));

	for (int i = 0; i < n; i++)
		drift_add_number(numbers, i < some ? one : other);
	return numbers;
}

/* The index of 1,000 rows that had two values in these numbers and have others now. */
static double
index_of_two(int some, double one, double other, int some_now, double one_now, double other_now)
{
	DriftNumbers *before = two_values(1000, some, one, other);
	DriftNumbers *now = two_values(1000, some_now, one_now, other_now);
	DriftShape shape;
	double index;

	CHECK(drift_shape(before, &shape) && drift_shape_valid(&shape));
	CHECK_CLOSE(drift_index(&shape, before), 0, 1e-12);
	index = drift_index(&shape, now);
	free(before);
	free(now);
	return index;
}

/* Frequent values, wherever they lie, move to neither side unseen. */
static void
test_frequent(void)
{
	CHECK_CLOSE(index_of_two(1000, 1.5, 0, 1000, 150, 0), 2 * 0.9999 * log(1e4),
				1e-9); /* a constant rises, */
	CHECK_CLOSE(index_of_two(1000, 1.5, 0, 1000, 1.4, 0), 2 * 0.9999 * log(1e4), 1e-9); /* falls, */
	CHECK_CLOSE(index_of_two(1000, 1.5, 0, 200, 2, 1.5), 1.5640491119, 1e-9); /* or a fifth of it does */
	CHECK(index_of_two(100, 0, 5, 100, 0, 500) > 1); /* the largest, */
	CHECK(index_of_two(100, 0, 5, 100, 0, 4) > 1); /* down to the other, */
	CHECK(index_of_two(100, 0, 5, 100, -1, 5) > 0.5); /* the least, */
	CHECK(index_of_two(100, 0, 5, 100, 4, 5) > 0.5);
	CHECK(index_of_two(100, 1, 0, 100, 3, 0) > 0.5); /* and a flag of a tenth */
	CHECK(index_of_two(900, 1, 0, 880, 1, 0) < 0.01); /* a few more of one are no drift */
}

/* As many cuts as there can be, and no more by noise than one bin more has: 2 / n. */
static void
test_ratings(void)
{
	DriftNumbers *before = calloc(1, sizeof(DriftNumbers));
	DriftNumbers *now = calloc(1, sizeof(DriftNumbers));
	DriftShape shape;

	for (int i = 0; i < 1000; i++)
		drift_add_number(before, i % 10);
	CHECK(drift_shape(before, &shape) && drift_shape_valid(&shape));
	CHECK(shape.deciles.cuts == DECILE_CUTS);
	CHECK_CLOSE(drift_index(&shape, before), 0, 1e-12);
	for (uint64_t draw = 0; draw < 100; draw++)
	{
		memset(before, 0, sizeof(*before));
		memset(now, 0, sizeof(*now));
		for (uint64_t i = 0; i < 2000; i++) /* few of 1 and many of 5; and now and then 0.5 more */
		{
			double rating =
				5 - floor(5 * pow(rng_uniform(draw, 0, i), 2)) + 0.5 * (rng_uniform(draw, 1, i) < 0.1);

			drift_add_number(i % 2 == 0 ? before : now, rating);
		}
		CHECK(drift_shape(before, &shape) && drift_shape_valid(&shape));
		CHECK(drift_index(&shape, now) < 0.1);
	}
	free(before);
	free(now);
}

/* What was read may be anything. */
static void
test_forged(void)
{
	const DriftShape good = {.deciles = {.cuts = 3, .cut = {1, 2, 2}}, .share = {0.2, 0.3, 0.3, 0.2}};
	DriftShape bad = good;

	CHECK(drift_shape_valid(&good));
	bad.deciles.cut[0] = 2;
	CHECK(!drift_shape_valid(&bad)); /* three times */
	bad.deciles.cut[0] = 3;
	CHECK(!drift_shape_valid(&bad));
	bad.deciles.cut[0] = NAN;
	CHECK(!drift_shape_valid(&bad));
	bad.deciles.cut[0] = -INFINITY;
	CHECK(!drift_shape_valid(&bad));
	bad = good;
	bad.share[3] = NAN;
	CHECK(!drift_shape_valid(&bad));
	bad.share[3] = -0.1;
	CHECK(!drift_shape_valid(&bad));
	bad.share[3] = 1.5;
	CHECK(!drift_shape_valid(&bad));
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
	for (int i = 0; i < shape.deciles.cuts; i++)
		CHECK(fabs(shape.deciles.cut[i] - 30000.0 * (i + 1)) <
			  8000); /* 5 standard errors of a quantile of 8,192 */
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
	test_frequent();
	test_ratings();
	test_forged();
	test_sample();
	test_unseen();
	test_worse();
	return check_finish();
}
