/*
 * near_case.h - customers and items for the tests of what is near to what
 *
 * Who has what, and how they rate it, follows from counted random numbers that reference_neighbours.py computes too.
 */
#ifndef TEST_CORE_NEAR_CASE_H
#define TEST_CORE_NEAR_CASE_H

#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "rng.h"
#include "sparse.h"

typedef struct NearShape
{
	const char *name;
	int32_t users;
	int32_t items;
	double density; /* of the most popular items */
	bool ratings; /* 1 .. 5 instead of ones */
} NearShape;

typedef struct NearCase
{
	Csr by_user;
	Csr by_item;
} NearCase;

/* The case of reference_neighbours.py: 200 x 100. */
#define NEAR_REFERENCE(with_ratings)                                                                         \
	((NearShape){.name = "reference", .users = 200, .items = 100, .density = 0.5, .ratings = with_ratings})

/* Item 17 and customer 23 have nothing; the higher an item's number, the more popular it is. */
static inline bool
near_has(const NearShape *shape, int32_t user, int32_t item)
{
	double place = ((double) item + 1.0) / shape->items;

	if (item == 17 || user == 23)
		return false;
	return rng_uniform(8, (uint64_t) user, (uint64_t) item) < shape->density * (0.1 + 0.9 * place * place);
}

static inline float
near_value(const NearShape *shape, int32_t user, int32_t item)
{
	return shape->ratings ? 1.0f + (float) rng_below(9, (uint64_t) user, (uint64_t) item, 5) : 1.0f;
}

static inline Csr
near_matrix(const NearShape *shape, bool transposed)
{
	int32_t rows = transposed ? shape->items : shape->users;
	int32_t cols = transposed ? shape->users : shape->items;
	size_t room = (size_t) rows * (size_t) cols;
	Csr matrix = {.rows = rows,
				  .cols = cols,
				  .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				  .col = core_malloc(room * sizeof(int32_t)),
				  .value = shape->ratings ? core_malloc(room * sizeof(float)) : NULL};
	int64_t n = 0;

	for (int32_t r = 0; r < rows; r++)
	{
		matrix.start[r] = n;
		for (int32_t c = 0; c < cols; c++)
		{
			int32_t user = transposed ? c : r;
			int32_t item = transposed ? r : c;

			if (!near_has(shape, user, item))
				continue;
			matrix.col[n] = c;
			if (matrix.value != NULL)
				matrix.value[n] = near_value(shape, user, item);
			n++;
		}
	}
	matrix.start[rows] = n;
	return matrix;
}

static inline NearCase
near_make(const NearShape *shape)
{
	return (NearCase){.by_user = near_matrix(shape, false), .by_item = near_matrix(shape, true)};
}

static inline void
near_csr_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
	free(matrix->value);
}

static inline void
near_free(NearCase *data)
{
	near_csr_free(&data->by_user);
	near_csr_free(&data->by_item);
}

/* [rows x cols] of the matrix, to be freed. */
static inline double *
near_dense(const Csr *matrix)
{
	size_t n = (size_t) matrix->rows * (size_t) matrix->cols;
	double *dense = core_malloc(n * sizeof(double));

	memset(dense, 0, n * sizeof(double));
	for (int32_t r = 0; r < matrix->rows; r++)
	{
		for (int64_t e = matrix->start[r]; e < matrix->start[r + 1]; e++)
			dense[(int64_t) r * matrix->cols + matrix->col[e]] =
				matrix->value != NULL ? (double) matrix->value[e] : 1.0;
	}
	return dense;
}

#endif
