/*
 * sif.c - smooth inverse frequency and the common component (Arora, Liang & Ma 2017)
 *
 * A text is the mean of its words' vectors, each weighted by a / (a + p), p its share of the corpus, less its projection on the
 * first singular vector of all such means: that says which words are in every text, and nothing of this one.
 *
 * The singular vector is the first eigenvector of the sum of the texts' outer products, by power iterations.  At most
 * SAMPLE texts are looked at, spread evenly.  Memory: 12 bytes for each two dimensions, BATCH vectors.
 */
#include "sif.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define SAMPLE 50000
#define BATCH 256
#define ITERATIONS 200

void
sif_finish(const Sif *sif, float *sum, int64_t n)
{
	double along = 0;

	for (int32_t d = 0; d < sif->dim; d++)
	{
		sum[d] /= (float) (n > 0 ? n : 1);
		along += (double) sum[d] * sif->component[d];
	}
	for (int32_t d = 0; d < sif->dim; d++)
		sum[d] -= (float) along * sif->component[d];
}

static void
weigh(const Corpus *corpus, const Sif *sif, const float *vectors, int64_t document, float *out)
{
	int64_t n = corpus->start[document + 1] - corpus->start[document];

	memset(out, 0, sizeof(float) * (size_t) sif->dim);
	for (int64_t t = corpus->start[document]; t < corpus->start[document + 1]; t++)
	{
		const float *vector = vectors + (int64_t) corpus->token[t] * sif->dim;
		float weight = sif_weight(sif, corpus->count[corpus->token[t]]) / (float) n;

		for (int32_t d = 0; d < sif->dim; d++)
			out[d] += weight * vector[d];
	}
}

/* The unit vector along v; false when there is none. */
static bool
normalise(double *v, int32_t n)
{
	double length = 0;

	for (int32_t d = 0; d < n; d++)
		length += v[d] * v[d];
	length = sqrt(length);
	if (!(length > 0) || !isfinite(length))
		return false;
	for (int32_t d = 0; d < n; d++)
		v[d] /= length;
	return true;
}

/* From the row of the greatest diagonal element, which the first eigenvector is not orthogonal to unless all is nothing. */
static CoreStatus
first_vector(Env *env, const double *square, int32_t dim, double *v, double *next, float *component)
{
	int32_t most = 0;
	double sign;

	for (int32_t d = 1; d < dim; d++)
		if (square[(int64_t) d * dim + d] > square[(int64_t) most * dim + most])
			most = d;
	memcpy(v, square + (int64_t) most * dim, sizeof(double) * (size_t) dim);
	memset(component, 0, sizeof(float) * (size_t) dim);
	if (!normalise(v, dim))
		return CORE_OK;
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		cblas_dgemv(CblasRowMajor, CblasNoTrans, dim, dim, 1, square, dim, v, 1, 0, next, 1);
		if (!normalise(next, dim))
			return CORE_OK;
		memcpy(v, next, sizeof(double) * (size_t) dim);
	}
	most = 0;
	for (int32_t d = 1; d < dim; d++)
		if (fabs(v[d]) > fabs(v[most]))
			most = d;
	sign = v[most] < 0 ? -1 : 1;
	for (int32_t d = 0; d < dim; d++)
		component[d] = (float) (sign * v[d]);
	return CORE_OK;
}

/* square [dim x dim] of the texts' outer products, both halves. */
static CoreStatus
add_up(Env *env, const Corpus *corpus, const Sif *sif, const float *vectors, double *square, float *batch,
	   float *part)
{
	int32_t dim = sif->dim;
	int64_t cells = (int64_t) dim * dim;
	int64_t n = corpus->docs < SAMPLE ? corpus->docs : SAMPLE;

	memset(square, 0, sizeof(double) * (size_t) cells);
	for (int64_t from = 0; from < n; from += BATCH)
	{
		int64_t rows = n - from < BATCH ? n - from : BATCH;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t r = 0; r < rows; r++)
			weigh(corpus, sif, vectors,
				  (int64_t) ((double) (from + r) * ((double) corpus->docs / (double) n)), batch + r * dim);
		cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, dim, (int) rows, 1, batch, dim, 0, part, dim);
		for (int64_t i = 0; i < dim; i++)
			for (int64_t j = i; j < dim; j++)
				square[i * dim + j] += part[i * dim + j];
	}
	for (int64_t i = 0; i < dim; i++)
		for (int64_t j = 0; j < i; j++)
			square[i * dim + j] = square[j * dim + i];
	return CORE_OK;
}

CoreStatus
sif_component(Env *env, const Corpus *corpus, int32_t dim, const float *vectors, float *component)
{
	size_t cells = (size_t) dim * (size_t) dim;
	double *square = env->alloc(env, sizeof(double) * (cells + 2 * (size_t) dim));
	float *batch = env->alloc(env, sizeof(float) * (cells + BATCH * (size_t) dim));
	Sif sif = {.dim = dim, .total = (double) corpus->tokens, .component = component};
	CoreStatus status = CORE_NO_MEMORY;

	if (square != NULL && batch != NULL)
		status = add_up(env, corpus, &sif, vectors, square, batch, batch + BATCH * (size_t) dim);
	if (status == CORE_OK)
		status = first_vector(env, square, dim, square + cells, square + cells + dim, component);
	if (square != NULL)
		env->release(env, square);
	if (batch != NULL)
		env->release(env, batch);
	return status;
}
