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
	double *saturates; /* [things] k1 (1 - b + b L / mean L) */
} Factors;

/* The idf of feature f. */
static inline double
idf_of(const Csr *features, int64_t f)
{
	return log((double) features->cols) - log1p((double) (features->start[f + 1] - features->start[f]));
}

/* The sum of n values. */
static inline double
length_of(const float *values, int64_t n)
{
	double sum = 0.0;

	if (values == NULL)
		return (double) n;
	for (int64_t e = 0; e < n; e++)
		sum += values[e];
	return sum;
}

/* What stands below the fraction beside x, for a thing of that length. */
static inline double
saturation(const NeighbourWeights *weights, double length, double mean_length)
{
	return weights->k1 * (1.0 - weights->b + weights->b * length / mean_length);
}

static inline double
weight_of(const NeighbourWeights *weights, double x, double idf, double saturates)
{
	if (weights->weighting == NEIGHBOUR_TFIDF)
		return sqrt(x) * idf;
	return x * (weights->k1 + 1.0) / (saturates + x) * idf;
}

static inline const float *
values_of(const Csr *rows, int64_t i)
{
	return rows->value != NULL ? rows->value + rows->start[i] : NULL;
}

double
neighbour_weights_mean_length(const Csr *rows)
{
	double sum = 0.0;

	for (int64_t i = 0; i < rows->rows; i++)
		sum += length_of(values_of(rows, i), rows->start[i + 1] - rows->start[i]);
	return sum / (rows->rows > 0 ? rows->rows : 1);
}

/* Factors of all features and things. */
static CoreStatus
set_factors(Env *env, const Csr *rows, const Csr *features, Factors *factors)
{
	double mean = 0.0;
	int64_t work = 0;

	for (int64_t f = 0; f < features->rows; f++)
	{
		if (f % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		factors->idf[f] = idf_of(features, f);
	}
	for (int64_t i = 0; i < rows->rows; i++)
	{
		int64_t n = rows->start[i + 1] - rows->start[i];

		factors->saturates[i] = length_of(values_of(rows, i), n);
		mean += factors->saturates[i];
		work += n + 1;
		if (work < STRETCH)
			continue;
		if (env->cancelled(env))
			return CORE_CANCELLED;
		work = 0;
	}
	mean /= rows->rows > 0 ? rows->rows : 1;
	for (int64_t i = 0; i < rows->rows; i++)
		factors->saturates[i] = saturation(&factors->weights, factors->saturates[i], mean);
	return CORE_OK;
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

			values[e] = (float) weight_of(&factors->weights, x, factors->idf[of_things ? c : r],
										  factors->saturates[of_things ? r : c]);
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
	factors.saturates = factors.idf + features->rows;
	status = set_factors(env, rows, features, &factors);
	if (status == CORE_OK)
		status = set_values(env, features, false, &factors, feature_values);
	if (status == CORE_OK)
		status = set_values(env, rows, true, &factors, row_values);
	env->release(env, factors.idf);
	return status;
}

void
neighbour_weights_history(const NeighbourWeights *weights, const Csr *features, double mean_length,
						  const int32_t *history, const float *values, int32_t n, float *out)
{
	double saturates = saturation(weights, length_of(values, n), mean_length);

	for (int32_t h = 0; h < n; h++)
		out[h] = (float) weight_of(weights, values != NULL ? (double) values[h] : 1.0,
								   idf_of(features, history[h]), saturates);
}
