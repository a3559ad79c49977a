/*
 * drift.h - has a source changed since a model was trained on it?
 *
 * Numbers: a uniform sample of the values is cut at the deciles that an earlier sample had, frequent values apart (deciles.h),
 * and the shares are compared by the population stability index (Siddiqi 2006, Credit Risk Scorecards; it is the symmetrised
 * Kullback-Leibler divergence).
 *
 * Ids: of all distinct values the k with the smallest hashes are kept (Cohen & Kaplan 2007, bottom-k sketches).  A value is in
 * the sketch or not by its hash alone, so two sketches of the same ids are the same, and what share of the ids is new can be
 * told from the hashes below which both sketches are complete.
 *
 * No memory is taken but the callers'.
 */
#ifndef CORE_DRIFT_H
#define CORE_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "deciles.h"

#define DRIFT_SAMPLE 8192
#define DRIFT_IDS 1024

/* A uniform sample of the values of a column (Vitter 1985, algorithm R), drawn by counting numbers. */
typedef struct DriftNumbers
{
	int64_t n; /* values seen */
	double value[DRIFT_SAMPLE]; /* the first min(n, DRIFT_SAMPLE) are filled */
} DriftNumbers;

extern void drift_add_number(DriftNumbers *numbers, double value);

/* How the values lie: the share of each bin. */
typedef struct DriftShape
{
	Deciles deciles;
	double share[DECILE_BINS]; /* [cuts + 1] sum to 1 */
} DriftShape;

/* Sorts the sample.  False without values. */
extern bool drift_shape(DriftNumbers *numbers, DriftShape *shape);

/* Whether what was read can be a shape. */
extern bool drift_shape_valid(const DriftShape *shape);

/* The population stability index of the values against an earlier shape; NaN without values, or cuts to tell them apart by. */
extern double drift_index(const DriftShape *before, const DriftNumbers *now);

typedef struct DriftIds
{
	int32_t n;
	uint64_t hash[DRIFT_IDS]; /* [n] ascending: the smallest of all */
} DriftIds;

extern void drift_add_id(DriftIds *ids, uint64_t hash);

/* The share of the distinct ids of `now` that `before` did not have; NaN when there is none to judge by. */
extern double drift_unseen(const DriftIds *before, const DriftIds *now);

/*
 * One-sided paired test that b is worse than a by more than `margin`: the p-value of mean(b - a) >= -margin, small when b is
 * worse beyond it.  Measures [n] of the same cases, higher is better.  Without spread the answer is 0 or 1; NaN for n < 2.
 */
extern double worse_than(const double *a, const double *b, int64_t n, double margin);

#endif
