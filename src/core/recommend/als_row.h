/*
 * als_row.h - one row of a factorisation: its normal equations and their solution
 */
#ifndef CORE_ALS_ROW_H
#define CORE_ALS_ROW_H

#include "als.h"
#include "../gram.h"

/* One side of the problem as the other side's rows see it. */
typedef struct AlsSide
{
	const AlsParams *params;
	const float *y; /* [n x factors] fixed factors */
	int32_t n;
} AlsSide;

/* What one member works with; stride is gram_stride(factors), matrices are as in gram.h. */
typedef struct AlsWork
{
	const GramKernel *kernel;
	int32_t factors;
	int64_t stride;
	float *gram; /* [stride x stride] a0 Y'Y */
	float *normal; /* [stride x (stride + GRAM_LANES)] a row's matrix, then its Cholesky factor */
	float *block; /* [GRAM_BLOCK x stride] gathered rows */
	float *rhs; /* [stride] */
	float *solution; /* [stride] */
	float *scratch; /* [2 x stride] */
	const float *spectrum; /* als_short.h; NULL when rows are solved in the basis of y itself */
} AlsWork;

/* What solving a row found out. */
typedef struct AlsRowFit
{
	double weight; /* W, the sum of the weights */
	double explained; /* b . x */
	double norm2; /* |x|^2 */
} AlsRowFit;

/* One block of als_member_bytes from env; released by als_work_close. */
extern CoreStatus als_work_open(Env *env, const AlsParams *params, AlsWork *work);
extern void als_work_close(Env *env, AlsWork *work);

/* x [factors]: the row for n > 0 entries of columns cols [n] and weights [n] (NULL: all 1); work->gram is filled in. */
extern CoreStatus als_row_solve(Env *env, const AlsSide *side, AlsWork *work, const int32_t *cols,
								const float *weights, int64_t n, float *x, AlsRowFit *fit);

#endif
