/*
 * resample.c - how sure a mean over customers is, and whether two models differ on the same customers
 */
#include "resample.h"

#include <math.h>
#include <stdlib.h>

#include "../rng.h"
#include "../stats.h"

static int
compare_doubles(const void *left, const void *right)
{
	double a = *(const double *) left;
	double b = *(const double *) right;

	return a < b ? -1 : a > b;
}

static double
mean_of(const double *values, int64_t n)
{
	double sum = 0.0;

	for (int64_t i = 0; i < n; i++)
		sum += values[i];
	return sum / (double) n;
}

/* times [n]: how often each customer stands in a sample. */
static void
draw_sample(uint64_t seed, uint64_t draw, int64_t n, double *times)
{
	for (int64_t i = 0; i < n; i++)
		times[i] = 0.0;
	for (int64_t i = 0; i < n; i++)
		times[rng_below(seed, draw, (uint64_t) i, (uint32_t) n)] += 1.0;
}

static double
mean_of_sample(const double *values, const double *times, int64_t n)
{
	double sums[4] = {0};
	int64_t i = 0;

	for (; i + 4 <= n; i += 4)
		for (int lane = 0; lane < 4; lane++)
			sums[lane] += values[i + lane] * times[i + lane];
	for (; i < n; i++)
		sums[0] += values[i] * times[i];
	return (sums[0] + sums[1] + sums[2] + sums[3]) / (double) n;
}

/* The quantile of sorted values by linear interpolation. */
static double
quantile(const double *sorted, int n, double p)
{
	double place = p * (n - 1);
	int below = (int) place;
	double share = place - below;

	return below + 1 < n ? sorted[below] * (1 - share) + sorted[below + 1] * share : sorted[n - 1];
}

CoreStatus
resample_means(Env *env, const double *const *values, int32_t measures, int64_t n, uint64_t seed,
			   MeanInterval *out)
{
	size_t draws = RESAMPLE_DRAWS;
	double *means;
	double *times;

	for (int32_t m = 0; m < measures; m++)
		out[m] = (MeanInterval){.mean = n > 0 ? mean_of(values[m], n) : NAN, .low = NAN, .high = NAN};
	if (n < 2 || measures == 0)
		return CORE_OK;
	means = env->alloc(env, (draws * (size_t) measures + (size_t) n) * sizeof(double));
	if (means == NULL)
		return CORE_NO_MEMORY;
	times = means + draws * (size_t) measures;
	for (size_t draw = 0; draw < draws; draw++)
	{
		if (env->cancelled(env))
		{
			env->release(env, means);
			return CORE_CANCELLED;
		}
		draw_sample(seed, draw, n, times);
		for (int32_t m = 0; m < measures; m++)
			means[(size_t) m * draws + draw] = mean_of_sample(values[m], times, n);
	}
	for (int32_t m = 0; m < measures; m++)
	{
		double *sorted = means + (size_t) m * draws;

		qsort(sorted, draws, sizeof(double), compare_doubles);
		out[m].low = quantile(sorted, RESAMPLE_DRAWS, 0.025);
		out[m].high = quantile(sorted, RESAMPLE_DRAWS, 0.975);
	}
	env->release(env, means);
	return CORE_OK;
}

double
paired_t_test(const double *a, const double *b, int64_t n)
{
	double mean = 0.0;
	double squares = 0.0;

	if (n < 2)
		return NAN;
	for (int64_t i = 0; i < n; i++)
		mean += a[i] - b[i];
	mean /= (double) n;
	for (int64_t i = 0; i < n; i++)
		squares += (a[i] - b[i] - mean) * (a[i] - b[i] - mean);
	if (squares == 0.0)
		return mean == 0.0 ? 1.0 : 0.0;
	return student_t_two_sided(mean / sqrt(squares / (double) (n - 1) / (double) n), (double) (n - 1));
}
