/*
 * ridge_explain.c - which part of a prediction comes from which observation
 *
 * One Cholesky factorisation of A and one solution for the query; the observations' parts are inner products with it.
 * Memory: width^2 + width doubles from env.
 */
#include "ridge_explain.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#define RIDGES 3

/* base += sum over j of w_j h_j h_j', upper triangle by rows. */
static CoreStatus
add_rows(Env *env, int32_t width, double *base, const float *rows, const float *weights, int32_t n)
{
	for (int32_t j = 0; j < n; j++)
	{
		const float *h = rows + (int64_t) j * width;
		double w = weights != NULL ? weights[j] : 1.0;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t a = 0; a < width; a++)
			for (int32_t b = a; b < width; b++)
				base[(int64_t) a * width + b] += w * h[a] * h[b];
	}
	return CORE_OK;
}

/* z [width] = A^-1 query; a is not changed, factor [width x width] is scratch. */
static bool
solve(int32_t width, const double *a, double *factor, const float *query, double *z)
{
	static const double ridges[RIDGES + 1] = {0.0, 1e-9, 1e-6, 1e-3};
	double trace = 0.0;

	for (int32_t i = 0; i < width; i++)
		trace += a[(int64_t) i * width + i];
	for (int attempt = 0; attempt <= RIDGES; attempt++)
	{
		int info;
		int one = 1;

		memcpy(factor, a, (size_t) width * width * sizeof(double));
		for (int32_t i = 0; i < width; i++)
		{
			factor[(int64_t) i * width + i] += ridges[attempt] * (trace / width + 1e-20);
			z[i] = query[i];
		}
		/* The upper triangle by rows is the lower one by columns. */
		LAPACK_dposv("L", &width, &one, factor, &width, z, &width, &info);
		if (info == 0)
			return true;
	}
	return false;
}

CoreStatus
ridge_explain(Env *env, int32_t width, double *base, const float *rows, const float *weights,
			  const float *targets, int32_t n, const float *query, double *parts)
{
	size_t square = (size_t) width * width;
	double *factor = env->alloc(env, (square + width) * sizeof(double));
	double *z = factor + square;
	CoreStatus status;

	if (factor == NULL)
		return CORE_NO_MEMORY;
	status = add_rows(env, width, base, rows, weights, n);
	if (status == CORE_OK && !solve(width, base, factor, query, z))
		status = CORE_NOT_FINITE;
	for (int32_t j = 0; status == CORE_OK && j < n; j++)
	{
		const float *h = rows + (int64_t) j * width;
		double sum = 0.0;

		for (int32_t a = 0; a < width; a++)
			sum += h[a] * z[a];
		parts[j] = sum * (weights != NULL ? weights[j] : 1.0) * (targets != NULL ? targets[j] : 1.0);
		if (!isfinite(parts[j]))
			status = CORE_NOT_FINITE;
	}
	env->release(env, factor);
	return status;
}
