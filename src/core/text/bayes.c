/*
 * bayes.c - naive Bayes by sums of features
 *
 * Multinomial: McCallum & Nigam 1998, "A Comparison of Event Models for Naive Bayes Text Classification"; the weight of a feature
 * in a class is the logarithm of its smoothed share of the class' sum, the bias that of the class' share of the rows.
 * Complement: Rennie, Shih, Teevan & Karger 2003, "Tackling the Poor Assumptions of Naive Bayes Text Classifiers"; a
 * feature's weight is minus the logarithm of its share of what all other classes sum to, without a prior.
 *
 * Phases: rows are put in order of class; the features' sums over all rows; class by class its own.  One process: it takes
 * a moment.  Memory: 16 bytes a feature, 4 a row, 8 a class.
 */
#include "bayes.h"

#include <math.h>
#include <string.h>

#define LOOK 1024 /* rows, or thousands of features, between two looks at the cancel flag */

uint64_t
bayes_bytes(uint64_t rows, uint64_t features, uint64_t classes)
{
	return 2 * sizeof(double) * (features + 1) + sizeof(int32_t) * rows + sizeof(int64_t) * (classes + 2) +
		   4 * 64;
}

typedef struct Sums
{
	double *all; /* [features] over all rows */
	double *own; /* [features] over the rows of a class */
	int32_t *row; /* [rows] by class */
	int64_t *start; /* [classes + 1] */
} Sums;

static void
order_rows(const Labelled *rows, Sums *sums)
{
	memset(sums->start, 0, sizeof(int64_t) * ((size_t) rows->classes + 2));
	for (int32_t i = 0; i < rows->x.rows; i++)
		sums->start[rows->label[i] + 2]++;
	for (int32_t c = 0; c < rows->classes; c++)
		sums->start[c + 2] += sums->start[c + 1];
	for (int32_t i = 0; i < rows->x.rows; i++)
		sums->row[sums->start[rows->label[i] + 1]++] = i;
}

static CoreStatus
sum_rows(Env *env, const Csr *x, const int32_t *row, int64_t n, double *sum)
{
	memset(sum, 0, sizeof(double) * (size_t) x->cols);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % LOOK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t at = x->start[row[i]]; at < x->start[row[i] + 1]; at++)
			sum[x->col[at]] += x->value[at];
	}
	return CORE_OK;
}

/* The column of a class. */
static void
put_class(const Labelled *rows, const BayesParams *params, const Sums *sums, int32_t class, float *weights)
{
	int32_t features = rows->x.cols;
	size_t classes = (size_t) rows->classes;
	int64_t n = sums->start[class + 1] - sums->start[class];
	double total = 0;

	for (int32_t f = 0; f < features; f++)
		total += params->smoothing + (params->complement ? sums->all[f] - sums->own[f] : sums->own[f]);
	for (int32_t f = 0; f < features; f++)
	{
		/* What is left of a difference of sums may lie below nought by a rounding. */
		double sum = params->complement ? fmax(sums->all[f] - sums->own[f], 0) : sums->own[f];
		double share = log((sum + params->smoothing) / total);

		weights[(size_t) f * classes + class] = (float) (params->complement ? -share : share);
	}
	weights[(size_t) features * classes + class] =
		params->complement ? 0.0f : (float) log((n > 0 ? (double) n : 1.0) / (double) rows->x.rows);
}

CoreStatus
bayes_train(Env *env, const Labelled *rows, const BayesParams *params, float *weights)
{
	size_t features = (size_t) rows->x.cols + 1;
	Sums sums = {.all = env->alloc(env, sizeof(double) * features),
				 .own = env->alloc(env, sizeof(double) * features),
				 .row = env->alloc(env, sizeof(int32_t) * ((size_t) rows->x.rows + 1)),
				 .start = env->alloc(env, sizeof(int64_t) * ((size_t) rows->classes + 2))};
	void *blocks[] = {sums.all, sums.own, sums.row, sums.start};
	CoreStatus status = CORE_NO_MEMORY;

	if (sums.all != NULL && sums.own != NULL && sums.row != NULL && sums.start != NULL)
	{
		order_rows(rows, &sums);
		status = sum_rows(env, &rows->x, sums.row, rows->x.rows, sums.all);
		for (int32_t c = 0; c < rows->classes && status == CORE_OK; c++)
		{
			status = sum_rows(env, &rows->x, sums.row + sums.start[c], sums.start[c + 1] - sums.start[c],
							  sums.own);
			put_class(rows, params, &sums, c, weights);
			if (status == CORE_OK && env->cancelled(env))
				status = CORE_CANCELLED;
		}
	}
	for (int i = 0; i < 4; i++)
		if (blocks[i] != NULL)
			env->release(env, blocks[i]);
	return status;
}
