/*
 * item_scores.c - scores from lists of what speaks for what
 *
 * One pass over the rows of the causes, each of whose entries is added to one dense row of scores.  No memory.
 */
#include <math.h>
#include <string.h>

#include "item_scores.h"

#define STRETCH 1048576 /* additions between two looks at the cancel flag */

static inline float
weight_of(const ScoreCauses *causes, int32_t at)
{
	return causes->weights != NULL ? causes->weights[at] : 1.0f;
}

/* scores += weight times row `row` of the matrix. */
static void
add_row(const Csr *matrix, int32_t row, float weight, float *scores)
{
	int64_t end = matrix->start[row + (int64_t) 1];

	if (matrix->value == NULL)
	{
		for (int64_t e = matrix->start[row]; e < end; e++)
			scores[matrix->col[e]] += weight;
		return;
	}
	for (int64_t e = matrix->start[row]; e < end; e++)
		scores[matrix->col[e]] += weight * matrix->value[e];
}

CoreStatus
item_scores(Env *env, const Csr *matrix, const ScoreCauses *causes, float *scores)
{
	int64_t work = 0;

	memset(scores, 0, (size_t) matrix->cols * sizeof(float));
	for (int32_t c = 0; c < causes->n; c++)
	{
		int32_t row = causes->rows[c];

		add_row(matrix, row, weight_of(causes, c), scores);
		work += matrix->start[row + (int64_t) 1] - matrix->start[row] + 1;
		if (work >= STRETCH)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
	}
	return CORE_OK;
}

/* Where column `col` stands in row `row`, or -1. */
static int64_t
entry_of(const Csr *matrix, int32_t row, int32_t col)
{
	int64_t lo = matrix->start[row];
	int64_t end = matrix->start[row + (int64_t) 1];
	int64_t hi = end;

	while (lo < hi)
	{
		int64_t mid = lo + (hi - lo) / 2;

		if (matrix->col[mid] < col)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < end && matrix->col[lo] == col ? lo : -1;
}

void
item_scores_parts(const Csr *matrix, const ScoreCauses *causes, int32_t item, float *parts)
{
	for (int32_t c = 0; c < causes->n; c++)
	{
		int64_t entry = entry_of(matrix, causes->rows[c], item);

		if (entry < 0)
			parts[c] = 0.0f;
		else
			parts[c] = weight_of(causes, c) * (matrix->value != NULL ? matrix->value[entry] : 1.0f);
	}
}

CoreStatus
item_scores_rated(Env *env, const Csr *ratings, const double *means, const ScoreCauses *neighbours,
				  double mean_u, float *predicted, float *support)
{
	int64_t work = 0;

	memset(predicted, 0, (size_t) ratings->cols * sizeof(float));
	memset(support, 0, (size_t) ratings->cols * sizeof(float));
	for (int32_t c = 0; c < neighbours->n; c++)
	{
		int32_t v = neighbours->rows[c];
		float weight = weight_of(neighbours, c);

		for (int64_t e = ratings->start[v]; e < ratings->start[v + (int64_t) 1]; e++)
		{
			double rating = ratings->value != NULL ? (double) ratings->value[e] : 1.0;

			predicted[ratings->col[e]] += (float) (weight * (rating - means[v]));
			support[ratings->col[e]] += fabsf(weight);
		}
		work += ratings->start[v + (int64_t) 1] - ratings->start[v] + 1;
		if (work >= STRETCH)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
	}
	for (int32_t i = 0; i < ratings->cols; i++)
		predicted[i] = (float) (mean_u + (support[i] > 0.0f ? predicted[i] / support[i] : 0.0f));
	return CORE_OK;
}
