/*
 * content_ridge.c - a number of items regressed on their attributes, by conjugate gradients
 *
 * With x centred at its mean m over the items given, the system is (Xc'Xc + regularization I) b = Xc'(y - mean y).  A product
 * with Xc is one with X less m.v in every row; a product with Xc' of numbers that add up to zero is one with X'.
 */
#include "content_ridge.h"

#include <math.h>
#include <string.h>

#define ROWS 1024 /* between two looks at the cancel flag */

typedef struct System
{
	const ContentVectors *vectors;
	const int32_t *item; /* [n] */
	int32_t n;
	int32_t size; /* features + width */
	double regularization;
	double *mean; /* [size] */
	double *row; /* [n] */
} System;

static double
row_times(const ContentVectors *vectors, int32_t item, const double *v)
{
	const float *dense = vectors->dense + (size_t) item * (size_t) vectors->width;
	const double *of_dense = v + vectors->rows.cols;
	double sum = 0;

	for (int64_t e = vectors->rows.start[item]; e < vectors->rows.start[item + 1]; e++)
		sum += vectors->rows.value[e] * v[vectors->rows.col[e]];
	for (int32_t d = 0; d < vectors->width; d++)
		sum += dense[d] * of_dense[d];
	return sum;
}

/* out += scale x. */
static void
add_row(const ContentVectors *vectors, int32_t item, double scale, double *out)
{
	const float *dense = vectors->dense + (size_t) item * (size_t) vectors->width;
	double *of_dense = out + vectors->rows.cols;

	for (int64_t e = vectors->rows.start[item]; e < vectors->rows.start[item + 1]; e++)
		out[vectors->rows.col[e]] += scale * vectors->rows.value[e];
	for (int32_t d = 0; d < vectors->width; d++)
		of_dense[d] += scale * dense[d];
}

static double
dot(const double *a, const double *b, int32_t n)
{
	double sum = 0;

	for (int32_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* out = X' row, of numbers that add up to zero. */
static CoreStatus
transposed_times(Env *env, const System *system, double *out)
{
	memset(out, 0, sizeof(double) * (size_t) system->size);
	for (int32_t i = 0; i < system->n; i++)
	{
		if (i % ROWS == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		add_row(system->vectors, system->item[i], system->row[i], out);
	}
	return CORE_OK;
}

/* out = (Xc'Xc + regularization I) v. */
static CoreStatus
system_times(Env *env, const System *system, const double *v, double *out)
{
	double offset = dot(system->mean, v, system->size);
	CoreStatus status;

	for (int32_t i = 0; i < system->n; i++)
	{
		if (i % ROWS == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		system->row[i] = row_times(system->vectors, system->item[i], v) - offset;
	}
	status = transposed_times(env, system, out);
	for (int32_t d = 0; d < system->size; d++)
		out[d] += system->regularization * v[d];
	return status;
}

/* b starts at zero, residual at the right-hand side; direction and product are scratch, all [size]. */
static CoreStatus
solve(Env *env, const System *system, double tolerance, int32_t iterations, double *b, double *residual,
	  double *direction, double *product)
{
	size_t bytes = sizeof(double) * (size_t) system->size;
	double square = dot(residual, residual, system->size);
	double enough = square * tolerance * tolerance;

	memset(b, 0, bytes);
	memcpy(direction, residual, bytes);
	for (int32_t k = 0; k < iterations && square > enough; k++)
	{
		CoreStatus status = system_times(env, system, direction, product);
		double step = square / dot(direction, product, system->size);
		double before = square;

		if (status != CORE_OK)
			return status;
		if (!isfinite(step))
			return CORE_NOT_FINITE;
		for (int32_t d = 0; d < system->size; d++)
		{
			b[d] += step * direction[d];
			residual[d] -= step * product[d];
		}
		square = dot(residual, residual, system->size);
		for (int32_t d = 0; d < system->size; d++)
			direction[d] = residual[d] + square / before * direction[d];
	}
	return CORE_OK;
}

CoreStatus
content_ridge_fit(Env *env, const ContentVectors *vectors, const int32_t *item, int32_t n,
				  const double *target, double regularization, double tolerance, int32_t iterations,
				  ContentRidge *out)
{
	int32_t size = vectors->rows.cols + vectors->width;
	double *room = env->alloc(env, sizeof(double) * (4 * (size_t) size + (size_t) n + 1));
	System system = {.vectors = vectors,
					 .item = item,
					 .n = n,
					 .size = size,
					 .regularization = regularization,
					 .mean = room,
					 .row = room + 4 * (size_t) size};
	double mean = 0;
	CoreStatus status;

	if (room == NULL)
		return CORE_NO_MEMORY;
	for (int32_t i = 0; i < n; i++)
	{
		mean += target[i] / n;
		system.row[i] = 1.0 / n;
	}
	status = transposed_times(env, &system, system.mean);
	for (int32_t i = 0; i < n; i++)
		system.row[i] = target[i] - mean;
	if (status == CORE_OK)
		status = transposed_times(env, &system, room + size);
	if (status == CORE_OK)
		status = solve(env, &system, tolerance, iterations, out->coefficient, room + size,
					   room + 2 * (size_t) size, room + 3 * (size_t) size);
	out->intercept = mean - dot(system.mean, out->coefficient, size);
	env->release(env, room);
	return status;
}

double
content_ridge_predict(const ContentVectors *vectors, const ContentRidge *ridge, int32_t item)
{
	return ridge->intercept + row_times(vectors, item, ridge->coefficient);
}
