/*
 * resample.c - how sure a mean over customers is, and whether two models differ on the same customers
 */
#include "resample.h"

#include <math.h>
#include <stdlib.h>

#include "../rng.h"
#include "../stats.h"

#define CANCEL_EVERY 16 /* draws */

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

static double
mean_of_draw(const double *values, int64_t n, uint64_t seed, uint64_t draw)
{
	double sum = 0.0;

	for (int64_t i = 0; i < n; i++)
		sum += values[rng_below(seed, draw, (uint64_t) i, (uint32_t) n)];
	return sum / (double) n;
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
resample_mean(Env *env, const double *values, int64_t n, uint64_t seed, MeanInterval *out)
{
	double *means;

	*out = (MeanInterval){.mean = n > 0 ? mean_of(values, n) : NAN, .low = NAN, .high = NAN};
	if (n < 2)
		return CORE_OK;
	means = env->alloc(env, RESAMPLE_DRAWS * sizeof(double));
	if (means == NULL)
		return CORE_NO_MEMORY;
	for (int draw = 0; draw < RESAMPLE_DRAWS; draw++)
	{
		if (draw % CANCEL_EVERY == 0 && env->cancelled(env))
		{
			env->release(env, means);
			return CORE_CANCELLED;
		}
		means[draw] = mean_of_draw(values, n, seed, (uint64_t) draw);
	}
	qsort(means, RESAMPLE_DRAWS, sizeof(double), compare_doubles);
	out->low = quantile(means, RESAMPLE_DRAWS, 0.025);
	out->high = quantile(means, RESAMPLE_DRAWS, 0.975);
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
