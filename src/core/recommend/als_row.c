/*
 * als_row.c - the normal equations of one row, and their solution
 *
 * The matrix is not built entry by entry: factor rows, scaled by the roots of their weights, are gathered into a block,
 * and the kernels of gram.h add the block's square to the Gram matrix, factorise and solve.  That costs n f^2 / 2 + f^3 / 6
 * multiplications a row, at many times the rate of the vector operations of conjugate gradients.
 *
 * A matrix that is not positive definite in single precision (no regularisation, few rows) is tried again with a
 * small ridge, growing from 1e-6 to 1e-2 of its mean diagonal; the loss told is then off by as little.  What no ridge
 * helps, and any row that is not finite, ends in CORE_NOT_FINITE.
 */
#include <math.h>
#include <string.h>

#include "als_row.h"
#include "chunks.h"
#include "als_short.h"

#define RIDGES 3

/* Floats of a member's arrays, rows of stride floats: gram, normal, block, rhs, solution, scratch. */
static size_t
work_rows(size_t stride)
{
	return stride + (stride + GRAM_LANES) + GRAM_BLOCK + 4;
}

size_t
als_member_bytes(const AlsParams *params)
{
	size_t stride = gram_stride((size_t) params->factors);

	size_t work = bytes_times(bytes_times(stride, sizeof(float)), work_rows(stride));

	return bytes_plus(work, als_spectrum_bytes(params));
}

CoreStatus
als_work_open(Env *env, const AlsParams *params, AlsWork *work)
{
	int64_t stride = (int64_t) gram_stride((size_t) params->factors);
	float *memory = env->alloc(env, (size_t) stride * work_rows((size_t) stride) * sizeof(float));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	work->kernel = gram_kernel();
	work->factors = params->factors;
	work->stride = stride;
	work->gram = memory;
	work->normal = work->gram + stride * stride;
	work->block = work->normal + stride * (stride + GRAM_LANES);
	work->rhs = work->block + stride * GRAM_BLOCK;
	work->solution = work->rhs + stride;
	work->scratch = work->solution + stride;
	work->spectrum = NULL;
	return CORE_OK;
}

void
als_work_close(Env *env, AlsWork *work)
{
	env->release(env, work->gram);
}

static int64_t
block_rows(int64_t left)
{
	return left < GRAM_BLOCK ? left : GRAM_BLOCK;
}

/* Fill work's normal matrix and right-hand side for a row of n > 0 entries; *weight receives W. */
static CoreStatus
row_assemble(Env *env, const AlsSide *side, AlsWork *work, const int32_t *cols, const float *weights,
			 int64_t n, double *weight)
{
	const AlsParams *params = side->params;
	const float *sum = work->gram;
	float diagonal;

	memset(work->rhs, 0, (size_t) work->stride * sizeof(float));
	*weight = 0.0;
	for (int64_t lo = 0; lo < n; lo += GRAM_BLOCK)
	{
		int64_t rows = block_rows(n - lo);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		*weight +=
			work->kernel->gather(side->y, work->factors, cols + lo, weights != NULL ? weights + lo : NULL,
								 rows, work->block, work->stride, work->rhs);
		work->kernel->add(work->block, rows, work->stride, sum, work->normal);
		sum = work->normal;
	}
	diagonal = (float) (params->regularization * (*weight + (double) params->unobserved_weight * side->n));
	for (int64_t j = 0; j < work->factors; j++)
		work->normal[j * (work->stride + 1)] += diagonal;
	for (int64_t j = work->factors; j < work->stride; j++)
		work->normal[j * (work->stride + 1)] = 1.0f;
	return CORE_OK;
}

/* Add `share` of the mean diagonal to the diagonal of work's normal matrix. */
static void
add_ridge(AlsWork *work, double share)
{
	int64_t step = work->stride + 1;
	double trace = 0.0;

	for (int64_t j = 0; j < work->factors; j++)
		trace += work->normal[j * step];
	for (int64_t j = 0; j < work->factors; j++)
		work->normal[j * step] += (float) (share * (trace / work->factors + 1e-20));
}

/* work->rhs and work->solution of a row, by as small a ridge as will do. */
static CoreStatus
row_solve_long(Env *env, const AlsSide *side, AlsWork *work, const int32_t *cols, const float *weights,
			   int64_t n, double *weight)
{
	static const double ridges[RIDGES + 1] = {0.0, 1e-6, 1e-4, 1e-2};
	bool solvable = false;

	for (int attempt = 0; !solvable; attempt++)
	{
		CoreStatus status;

		if (attempt > RIDGES)
			return CORE_NOT_FINITE;
		status = row_assemble(env, side, work, cols, weights, n, weight);
		if (status != CORE_OK)
			return status;
		if (attempt > 0)
			add_ridge(work, ridges[attempt]);
		solvable = work->kernel->factor(work->normal, work->stride);
	}
	memcpy(work->solution, work->rhs, (size_t) work->stride * sizeof(float));
	work->kernel->solve(work->normal, work->stride, work->solution);
	return CORE_OK;
}

CoreStatus
als_row_solve(Env *env, const AlsSide *side, AlsWork *work, const int32_t *cols, const float *weights,
			  int64_t n, float *x, AlsRowFit *fit)
{
	CoreStatus status = env->cancelled(env) ? CORE_CANCELLED : CORE_OK;

	if (status == CORE_OK && !als_short_solve(side, work, cols, weights, n, &fit->weight))
		status = row_solve_long(env, side, work, cols, weights, n, &fit->weight);
	if (status != CORE_OK)
		return status;
	memcpy(x, work->solution, (size_t) work->factors * sizeof(float));
	fit->explained = 0.0;
	fit->norm2 = 0.0;
	for (int32_t j = 0; j < work->factors; j++)
	{
		fit->explained += (double) work->rhs[j] * x[j];
		fit->norm2 += (double) x[j] * x[j];
	}
	return isfinite(fit->norm2) && isfinite(fit->explained) ? CORE_OK : CORE_NOT_FINITE;
}
