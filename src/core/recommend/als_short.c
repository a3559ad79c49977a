/*
 * als_short.c - rows with fewer entries than factors, in the basis where the Gram matrix is diagonal
 *
 * A row's matrix is G + s I + Z' W Z, where G = a0 Y'Y is the same for all rows, s = reg (W + a0 n) is not, and Z are the
 * row's n factor rows.  With G = Q L Q', found once, and Y rotated once into the basis Q, its first part is the diagonal
 * D = L + s I, and for n < f it is cheaper to solve with n unknowns than with f (Woodbury's identity):
 *
 *   B = W^1/2 Z D^-1/2,   (I + B B') v = W^1/2 1,   x = D^-1 Z' W^1/2 v
 *
 * for n^2 f / 2 + n^3 / 6 multiplications instead of n f^2 / 2 + f^3 / 6.  The solutions are rotated back by whole blocks.
 *
 * I + B B' has no eigenvalue below 1, so that its trace bounds its condition: where that is beyond TRACE_MOST a row of
 * many large weights or hardly any regularisation has to go the other way, as one too long.
 *
 * Y is rotated in place, for it is not read again as it was: the half that comes next overwrites it.  (After the last
 * half, als.c rotates back what was not overwritten.)  Not for more than FACTORS_MOST factors: the decomposition is one
 * call of LAPACK, which does not look at the cancel flag.
 */
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "als_short.h"

#define FACTORS_LEAST 33
#define FACTORS_MOST 256 /* some 20 ms */
#define TRACE_MOST 64.0 /* beyond the order */

/* Entries of the longest row that is short: its matrix and its block fit work->normal. */
static int64_t
short_most(int32_t factors)
{
	return factors >= FACTORS_LEAST && factors <= FACTORS_MOST ? factors / 2 / GRAM_LANES * GRAM_LANES : 0;
}

size_t
als_spectrum_floats(const AlsParams *params)
{
	size_t factors = (size_t) params->factors;

	return short_most(params->factors) > 0 ? factors + factors * factors : 0;
}

bool
als_spectrum_pays(const AlsParams *params, const Csr *matrix)
{
	int64_t factors = params->factors;
	int64_t most = short_most(params->factors);
	int64_t rows = 0;

	for (int32_t r = 0; most > 0 && r < matrix->rows; r++)
	{
		int64_t n = matrix->start[r + 1] - matrix->start[r];

		rows += n > 0 && n <= most;
	}
	/* Saved: about f^3 / 4 a row.  Spent: f^2 to rotate each row of either side, and the decomposition. */
	return rows * factors / 4 > (int64_t) matrix->rows + matrix->cols + 64 * factors;
}

/* Doubles and integers that dsyevd works with, by its documentation. */
static lapack_int
doubles_of(lapack_int n)
{
	return 1 + 6 * n + 2 * n * n;
}

static lapack_int
integers_of(lapack_int n)
{
	return 3 + 5 * n;
}

size_t
als_spectrum_bytes(const AlsParams *params)
{
	lapack_int n = params->factors;

	if (als_spectrum_floats(params) == 0)
		return 0;
	return (size_t) (n * n + n + doubles_of(n)) * sizeof(double) +
		   (size_t) integers_of(n) * sizeof(lapack_int);
}

CoreStatus
als_spectrum_find(Env *env, const AlsWork *work, float *spectrum)
{
	AlsParams params = {.factors = work->factors};
	lapack_int n = work->factors;
	lapack_int doubles = doubles_of(n);
	lapack_int integers = integers_of(n);
	lapack_int info;
	double *vectors = env->alloc(env, als_spectrum_bytes(&params));
	double *values;
	double *room;
	double sum = 0.0;

	if (vectors == NULL)
		return CORE_NO_MEMORY;
	values = vectors + n * n;
	room = values + n;
	/* Row by row, upper triangle: LAPACK takes it for column by column, lower triangle. */
	for (int64_t i = 0; i < n; i++)
	{
		for (int64_t j = i; j < n; j++)
		{
			vectors[i * n + j] = work->gram[i * work->stride + j];
			sum += fabs(vectors[i * n + j]);
		}
	}
	if (!isfinite(sum))
	{
		env->release(env, vectors);
		return CORE_NOT_FINITE;
	}
	LAPACK_dsyevd("V", "L", &n, vectors, &n, values, room, &doubles, (lapack_int *) (room + doubles),
				  &integers, &info);
	for (int64_t i = 0; i < n; i++)
		spectrum[i] = (float) fmax(values[i], 0.0);
	for (int64_t i = 0; i < (int64_t) n * n; i++)
		spectrum[n + i] = (float) vectors[i];
	env->release(env, vectors);
	return info == 0 && isfinite(spectrum[n - 1]) ? CORE_OK : CORE_NOT_FINITE;
}

void
als_spectrum_use(AlsWork *work, const float *spectrum)
{
	work->spectrum = spectrum;
	if (spectrum == NULL)
		return;
	memset(work->gram, 0, (size_t) (work->stride * work->stride) * sizeof(float));
	for (int64_t j = 0; j < work->factors; j++)
		work->gram[j * (work->stride + 1)] = spectrum[j];
}

CoreStatus
als_rotate(Env *env, AlsWork *work, const float *spectrum, bool back, float *rows, int64_t n)
{
	int32_t factors = work->factors;

	for (int64_t lo = 0; lo < n; lo += GRAM_BLOCK)
	{
		int block = (int) (n - lo < GRAM_BLOCK ? n - lo : GRAM_BLOCK);
		float *at = rows + lo * factors;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		memcpy(work->block, at, (size_t) block * (size_t) factors * sizeof(float));
		cblas_sgemm(CblasRowMajor, CblasNoTrans, back ? CblasNoTrans : CblasTrans, block, factors, factors,
					1.0f, work->block, factors, spectrum + factors, factors, 0.0f, at, factors);
	}
	return CORE_OK;
}

/* scale [stride] = D^-1/2, zeros behind; false when D is not positive. */
static bool
short_scale(const AlsWork *work, float shift, float *scale)
{
	if (!(work->spectrum[0] + shift > 0.0f))
		return false;
	for (int64_t j = 0; j < work->factors; j++)
		scale[j] = sqrtf(1.0f / (work->spectrum[j] + shift));
	for (int64_t j = work->factors; j < work->stride; j++)
		scale[j] = 0.0f;
	return true;
}

/* matrix [order x order] = I + b'b for b [rows x order], factorised; false when its trace is too large. */
static bool
short_factor(const GramKernel *kernel, const float *b, int64_t rows, int64_t order, float *matrix)
{
	double trace = 0.0;

	memset(matrix, 0, (size_t) (order * order) * sizeof(float));
	for (int64_t e = 0; e < order; e++)
		matrix[e * (order + 1)] = 1.0f;
	kernel->add(b, rows, order, matrix, matrix);
	for (int64_t e = 0; e < order; e++)
		trace += matrix[e * (order + 1)];
	return trace - (double) order <= TRACE_MOST && kernel->factor(matrix, order);
}

bool
als_short_solve(const AlsSide *side, AlsWork *work, const int32_t *cols, const float *weights, int64_t n,
				double *weight)
{
	int64_t order = (int64_t) gram_stride((size_t) n);
	float *matrix = work->normal;
	float *across = matrix + order * (order + GRAM_LANES); /* [stride x order] B' */
	float *scale = work->scratch;
	float *times = work->scratch + work->stride;
	double pull = (double) side->params->unobserved_weight * side->n;

	if (work->spectrum == NULL || n > short_most(work->factors))
		return false;
	memset(work->rhs, 0, (size_t) work->stride * sizeof(float));
	*weight =
		work->kernel->gather(side->y, work->factors, cols, weights, n, work->block, work->stride, work->rhs);
	if (!short_scale(work, (float) (side->params->regularization * (*weight + pull)), scale))
		return false;
	work->kernel->transpose(work->block, n, work->stride, scale, across, order);
	if (!short_factor(work->kernel, across, work->factors, order, matrix))
		return false;
	for (int64_t e = 0; e < order; e++)
		times[e] = e < n ? (weights != NULL ? sqrtf(weights[e]) : 1.0f) : 0.0f;
	work->kernel->solve(matrix, order, times);
	work->kernel->combine(work->block, n, work->stride, times, work->solution);
	for (int64_t j = 0; j < work->factors; j++)
		work->solution[j] *= scale[j] * scale[j];
	return true;
}
