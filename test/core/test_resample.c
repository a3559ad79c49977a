/*
 * test_resample.c - bootstrap intervals against what the normal distribution says, paired t tests against SciPy
 *
 * recommend_reference.h is what reference_recommend.py prints.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/resample.h"
#include "recommend_reference.h"
#include "rng.h"
#include "stats.h"

#define N 2000

static void
resample(const double *const *values, int32_t measures, int64_t n, uint64_t seed, MeanInterval *out)
{
	CoreEnv env;

	core_env_init(&env);
	CHECK(resample_means(&env.env, values, measures, n, seed, out) == CORE_OK);
	CHECK(env.live == 0);
}

/* Ends within a tenth of the half-width of mean -+ 1.96 standard errors: 1000 draws leave a twentieth of it open. */
static void
check_normal(const double *values, int64_t n, const MeanInterval *got)
{
	double mean = 0;
	double squares = 0;
	double half;

	for (int64_t i = 0; i < n; i++)
		mean += values[i] / (double) n;
	for (int64_t i = 0; i < n; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	half = normal_quantile(0.975) * sqrt(squares / (double) (n - 1) / (double) n);
	CHECK_CLOSE(got->mean, mean, 1e-12);
	CHECK(fabs(got->low - (mean - half)) < 0.1 * half);
	CHECK(fabs(got->high - (mean + half)) < 0.1 * half);
}

static void
test_intervals(void)
{
	static double normal[N], hits[N], shifted[N], equal[N], zero[N];
	const double *values[] = {normal, hits, shifted, equal, zero};
	MeanInterval out[5], again[5], other[5], alone;

	for (uint64_t i = 0; i < N; i++)
	{
		normal[i] = 3 + 2 * rng_normal(1, 1, i);
		hits[i] = rng_uniform(1, 2, i) < 0.3;
		shifted[i] = normal[i] + 0.5;
		equal[i] = 0.25;
		zero[i] = normal[i] - normal[i];
	}
	resample(values, 5, N, 42, out);
	check_normal(normal, N, &out[0]);
	check_normal(hits, N, &out[1]);
	/* The same samples for all: an array that is larger by a constant has an interval that is. */
	CHECK_CLOSE(out[2].low - out[0].low, 0.5, 1e-9);
	CHECK_CLOSE(out[2].high - out[0].high, 0.5, 1e-9);
	CHECK_CLOSE(out[3].low, 0.25, 1e-12);
	CHECK_CLOSE(out[3].high, 0.25, 1e-12);
	CHECK(out[4].mean == 0 && out[4].low == 0 && out[4].high == 0);

	resample(values, 5, N, 42, again);
	CHECK(memcmp(out, again, sizeof(out)) == 0);
	resample(values + 1, 1, N, 42, &alone);
	CHECK(memcmp(&alone, &out[1], sizeof(alone)) == 0);
	resample(values, 5, N, 43, other);
	CHECK(other[0].mean == out[0].mean && other[0].low != out[0].low);
}

/* Every size, so that what is summed four at a time is summed to its end. */
static void
test_sizes(void)
{
	double values[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	const double *arrays[] = {values};
	MeanInterval out;

	for (int64_t n = 2; n <= 9; n++)
	{
		resample(arrays, 1, n, 7, &out);
		CHECK_CLOSE(out.mean, (double) (n + 1) / 2, 1e-12);
		CHECK(out.low >= 1 && out.low < out.mean && out.mean < out.high && out.high <= (double) n);
	}
	/* Both of two are drawn together half of the time, so the ends are the two themselves. */
	resample(arrays, 1, 2, 7, &out);
	CHECK(out.low == 1 && out.high == 2);
	resample(arrays, 1, 1, 7, &out);
	CHECK(out.mean == 1 && isnan(out.low) && isnan(out.high));
	resample(arrays, 1, 0, 7, &out);
	CHECK(isnan(out.mean) && isnan(out.low) && isnan(out.high));
}

static void
test_interrupted(void)
{
	double values[4] = {1, 2, 3, 4};
	const double *arrays[] = {values};
	MeanInterval out;
	CoreEnv env;

	core_env_init(&env);
	env.fail_at = 1;
	CHECK(resample_means(&env.env, arrays, 1, 4, 1, &out) == CORE_NO_MEMORY);
	for (long at = 1; at <= RESAMPLE_DRAWS; at += RESAMPLE_DRAWS - 1)
	{
		core_env_init(&env);
		env.cancel_at = at;
		CHECK(resample_means(&env.env, arrays, 1, 4, 1, &out) == CORE_CANCELLED);
		CHECK(env.live == 0);
	}
}

static void
test_t_tests(void)
{
	static const double shifts[] = {0, 0.02, 0.2};
	double a[200];
	double b[200];

	for (uint64_t i = 0; i < 200; i++)
		a[i] = rng_uniform(11, 0, i);
	for (int s = 0; s < 3; s++)
	{
		for (uint64_t i = 0; i < 200; i++)
			b[i] = 0.5 * a[i] + 0.5 * rng_uniform(11, 1, i) + shifts[s];
		CHECK(fabs(paired_t_test(a, b, 200) / reference_t_tests[2 * s] - 1) < 1e-8);
		CHECK(fabs(paired_t_test(b, a, 200) / reference_t_tests[2 * s] - 1) < 1e-8);
		CHECK_CLOSE(paired_t_test(a, b, 3), reference_t_tests[2 * s + 1], 1e-10);
	}
	CHECK(paired_t_test(a, a, 200) == 1);
	CHECK(paired_t_test((double[]){2, 3}, (double[]){1, 2}, 2) == 0);
	CHECK(isnan(paired_t_test(a, b, 1)) && isnan(paired_t_test(a, b, 0)));
}

int
main(void)
{
	test_intervals();
	test_sizes();
	test_interrupted();
	test_t_tests();
	return check_finish();
}
