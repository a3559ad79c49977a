/*
 * resample.h - how sure means over customers are, and whether two models differ on the same customers
 */
#ifndef CORE_RESAMPLE_H
#define CORE_RESAMPLE_H

#include "../env.h"

typedef struct MeanInterval
{
	double mean; /* NaN without a value */
	double low, high; /* 95 %; NaN for fewer than two values */
} MeanInterval;

/*
 * The means of several measures of the same n customers, values [measures] of [n], and their percentile intervals over
 * RESAMPLE_DRAWS bootstrap samples of the customers (Efron & Tibshirani 1993, chapter 13).  All measures see the same samples,
 * so the interval of a difference comes out of the array of differences.  Draws depend on seed and n alone.
 * O(RESAMPLE_DRAWS x n x measures); memory from env: RESAMPLE_DRAWS x measures doubles and 8 bytes a customer.
 */
#define RESAMPLE_DRAWS 1000
extern CoreStatus resample_means(Env *env, const double *const *values, int32_t measures, int64_t n,
								 uint64_t seed, MeanInterval *out);

/* Two-sided p-value of the paired t test that a [n] and b [n] have the same mean; NaN for fewer than two. */
extern double paired_t_test(const double *a, const double *b, int64_t n);

#endif
