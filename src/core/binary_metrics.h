/*
 * binary_metrics.h - how good probabilities of yes or no are
 */
#ifndef CORE_BINARY_METRICS_H
#define CORE_BINARY_METRICS_H

#include "env.h"

#define BINARY_BINS 10

typedef struct BinaryBin
{
	int64_t n;
	int64_t yes;
	double mean; /* of the probabilities */
} BinaryBin;

typedef struct BinaryMetrics
{
	int64_t n;
	int64_t yes;
	double auc; /* probability that a yes stands above a no, ties by half; NaN unless there are both */
	double
		auc_error; /* its standard error (DeLong, DeLong & Clarke-Pearson 1988); NaN with fewer than two of either */
	double brier; /* mean squared difference of probability and outcome */
	BinaryBin bins
		[BINARY_BINS]; /* by rising probability, of nearly equal size; fewer cases than bins leave some empty */
} BinaryMetrics;

/*
 * probability [n], finite; outcome [n] 0 or 1.  Equal probabilities fall into bins in the order in which they stand.
 * O(n); scratch 32 bytes a case.
 */
extern CoreStatus binary_metrics(Env *env, int64_t n, const double *probability, const uint8_t *outcome,
								 BinaryMetrics *metrics);

#endif
