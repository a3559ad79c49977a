/*
 * neighbour_weights.c - TF-IDF and BM25 weights of a sparse matrix, in both its layouts
 *
 * A weight is a function of the value, of its thing's sum and of its feature's count, so each layout is gone through on its
 * own and both hold the same bytes.  Memory: a double per feature and one per thing.
 */
#include <math.h>

#include "chunks.h"
#include "neighbour_weights.h"

#define STRETCH 65536 /* entries between two looks at the cancel flag */

/* Factors of all things and features. */
typedef struct Factors
{
	NeighbourWeights weights;
	double *idf; /* [features] */
	double *length; /* [things] k1 (1 - b + b L / mean L); not set for TF-IDF */
} Factors;

/* factors->idf from the lengths of the features' rows. */
static CoreStatus
set_idf(Env *env, const Csr *features, Factors *factors)
{
	double all = log((double) features->cols);

	for (int64_t f = 0; f < features->rows; f++)
	{
		if (f % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		factors->idf[f] = all - log1p((double) (features->start[f + 1] - features->start[f]));
	}
	return CORE_OK;
}

/* factors->length from the sums of the things' rows. */
static CoreStatus
set_length(Env *env, const Csr *rows, Factors *factors)
{
	const NeighbourWeights *weights = &factors->weights;
	double mean = 0.0;
	int64_t work = 0;

	for (int64_t i = 0; i < rows->rows; i++)
	{
		double sum = 0.0;

		for (int64_t e = rows->start[i]; e < rows->start[i + 1]; e++)
			sum += rows->value != NULL ? (double) rows->value[e] : 1.0;
		factors->length[i] = sum;
		mean += sum / rows->rows;
		work += rows->start[i + 1] - rows->start[i] + 1;
		if (work >= STRETCH)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
	}
	for (int64_t i = 0; i < rows->rows; i++)
		factors->length[i] = weights->k1 * (1.0 - weights->b + weights->b * factors->length[i] / mean);
	return CORE_OK;
}

static inline double
weight_of(const Factors *factors, double x, int32_t thing, int32_t feature)
{
	double k1 = factors->weights.k1;

	if (factors->weights.weighting == NEIGHBOUR_TFIDF)
		return sqrt(x) * factors->idf[feature];
	return x * (k1 + 1.0) / (factors->length[thing] + x) * factors->idf[feature];
}

/* values [entries] from the matrix, whose rows are things or features. */
static CoreStatus
set_values(Env *env, const Csr *matrix, bool of_things, const Factors *factors, float *values)
{
	int64_t work = 0;

	for (int32_t r = 0; r < matrix->rows; r++)
	{
		for (int64_t e = matrix->start[r]; e < matrix->start[r + 1]; e++)
		{
			int32_t c = matrix->col[e];
			double x = matrix->value != NULL ? (double) matrix->value[e] : 1.0;

			values[e] = (float) weight_of(factors, x, of_things ? r : c, of_things ? c : r);
			if (!isfinite(values[e]))
				return CORE_NOT_FINITE;
			if (++work % STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
		}
	}
	return CORE_OK;
}

CoreStatus
neighbour_weights_apply(Env *env, const NeighbourWeights *weights, const Csr *rows, const Csr *features,
						float *row_values, float *feature_values)
{
	Factors factors = {.weights = *weights};
	size_t bytes = bytes_plus((size_t) features->rows * sizeof(double), (size_t) rows->rows * sizeof(double));
	CoreStatus status;

	factors.idf = env->alloc(env, bytes);
	if (factors.idf == NULL)
		return CORE_NO_MEMORY;
	factors.length = factors.idf + features->rows;
	status = set_idf(env, features, &factors);
	if (status == CORE_OK && weights->weighting == NEIGHBOUR_BM25)
		status = set_length(env, rows, &factors);

	if (status == CORE_OK)
		status = set_values(env, features, false, &factors, feature_values);
	if (status == CORE_OK)
		status = set_values(env, rows, true, &factors, row_values);
	env->release(env, factors.idf);
	return status;
}
