/*
 * resample.h - how sure a mean over customers is, and whether two models differ on the same customers
 */
#ifndef CORE_RESAMPLE_H
#define CORE_RESAMPLE_H

#include "../env.h"

typedef struct MeanInterval
{
	double mean;
	double low, high; /* 95 %; NaN for fewer than two values */
} MeanInterval;

/*
 * The mean of values [n], and its percentile interval over RESAMPLE_DRAWS bootstrap samples of the n customers (Efron &
 * Tibshirani 1993, chapter 13).  The draws depend on seed alone, so measures of the same customers are resampled alike.
 * O(RESAMPLE_DRAWS x n); memory from env: RESAMPLE_DRAWS doubles.
 */
#define RESAMPLE_DRAWS 1000
extern CoreStatus resample_mean(Env *env, const double *values, int64_t n, uint64_t seed, MeanInterval *out);

/* Two-sided p-value of the paired t test that a [n] and b [n] have the same mean; NaN for fewer than two, 1 when all are equal. */
extern double paired_t_test(const double *a, const double *b, int64_t n);

#endif
