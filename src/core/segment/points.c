/*
 * points.c - rows of numbers in canonical order, and equal rows as one point
 *
 * The sort is a merge sort of pairs (key, row): the key is the first column as an unsigned number, and rows are compared as a
 * whole only where keys are equal.  The rows themselves move once, along the cycles of the permutation.
 *
 * Memory: 16 bytes a row for the pairs, as much again for merging, and one row.  Every loop looks at the cancel flag after
 * STRETCH rows at most.
 */
#include <string.h>

#include "points.h"

#define STRETCH 32768 /* rows between two looks at the cancel flag */

typedef struct SortPair
{
	uint64_t key;
	int32_t row;
} SortPair;

static inline int32_t
smaller(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* Doubles in unsigned order; -0 with 0. */
static inline uint64_t
double_key(double value)
{
	uint64_t bits;

	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((bits >> 63) ? UINT64_MAX : UINT64_C(1) << 63);
}

static inline bool
pair_before(const double *x, int32_t width, const SortPair *a, const SortPair *b)
{
	const double *p = x + (size_t) a->row * width;
	const double *q = x + (size_t) b->row * width;

	if (a->key != b->key)
		return a->key < b->key;
	for (int32_t c = 1; c < width; c++)
		if (p[c] != q[c])
			return p[c] < q[c];
	return false;
}

/* Merge the runs of `run` pairs each into runs of twice the length. */
static CoreStatus
merge_runs(Env *env, const double *x, int32_t width, const SortPair *from, SortPair *to, int32_t n,
		   int64_t run)
{
	int32_t work = 0;

	for (int64_t lo = 0; lo < n; lo += 2 * run)
	{
		int64_t middle = lo + run < n ? lo + run : n;
		int64_t hi = lo + 2 * run < n ? lo + 2 * run : n;
		int64_t left = lo;
		int64_t right = middle;

		for (int64_t at = lo; at < hi; at++)
		{
			bool take_right =
				left == middle || (right < hi && pair_before(x, width, &from[right], &from[left]));

			to[at] = from[take_right ? right : left];
			right += take_right;
			left += !take_right;
			if (++work == STRETCH)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
		}
	}
	return CORE_OK;
}

/* Row pairs[i].row of x goes to place i; pairs are used up. */
static CoreStatus
move_rows(Env *env, double *x, int32_t n, int32_t width, int32_t *row, SortPair *pairs, double *spare)
{
	size_t bytes = sizeof(double) * (size_t) width;
	int32_t work = 0;

	for (int32_t first = 0; first < n; first++)
	{
		int32_t at = first;
		int32_t spare_row = row[first];

		if (pairs[first].row < 0)
			continue;
		memcpy(spare, x + (size_t) first * width, bytes);
		for (;;)
		{
			int32_t from = pairs[at].row;

			pairs[at].row = -1;
			if (++work == STRETCH)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
			if (from == first)
				break;
			memcpy(x + (size_t) at * width, x + (size_t) from * width, bytes);
			row[at] = row[from];
			at = from;
		}
		memcpy(x + (size_t) at * width, spare, bytes);
		row[at] = spare_row;
	}
	return CORE_OK;
}

static CoreStatus
sort_with(Env *env, double *x, int32_t n, int32_t width, int32_t *row, SortPair *pairs, SortPair *merged,
		  double *spare)
{
	for (int32_t lo = 0; lo < n; lo += STRETCH)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t i = lo; i < lo + smaller(STRETCH, n - lo); i++)
			pairs[i] = (SortPair){.key = double_key(x[(size_t) i * width]), .row = i};
	}
	for (int64_t run = 1; run < n; run *= 2)
	{
		SortPair *swap = pairs;
		CoreStatus status = merge_runs(env, x, width, pairs, merged, n, run);

		if (status != CORE_OK)
			return status;
		pairs = merged;
		merged = swap;
	}
	return move_rows(env, x, n, width, row, pairs, spare);
}

CoreStatus
points_sort(Env *env, double *x, int32_t n, int32_t width, int32_t *row)
{
	SortPair *pairs = env->alloc(env, sizeof(SortPair) * (size_t) n);
	SortPair *merged = env->alloc(env, sizeof(SortPair) * (size_t) n);
	double *spare = env->alloc(env, sizeof(double) * (size_t) width);
	CoreStatus status = CORE_NO_MEMORY;

	if (pairs != NULL && merged != NULL && spare != NULL)
		status = sort_with(env, x, n, width, row, pairs, merged, spare);
	if (spare != NULL)
		env->release(env, spare);
	if (merged != NULL)
		env->release(env, merged);
	if (pairs != NULL)
		env->release(env, pairs);
	return status;
}

uint64_t
points_sort_bytes(int32_t n, int32_t width)
{
	return 2 * sizeof(SortPair) * (uint64_t) n + sizeof(double) * (uint64_t) width;
}

CoreStatus
points_distinct(Env *env, double *x, int32_t n, int32_t width, int32_t *start, int32_t *distinct)
{
	int32_t points = 0;

	for (int32_t i = 0; i < n; i++)
	{
		const double *last = x + (size_t) (points - 1) * width;
		const double *this = x + (size_t) i * width;
		int32_t c = 0;

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		while (i > 0 && c < width && this[c] == last[c])
			c++;
		if (i > 0 && c == width)
			continue;
		memmove(x + (size_t) points * width, this, sizeof(double) * (size_t) width);
		start[points++] = i;
	}
	start[points] = n;
	*distinct = points;
	return CORE_OK;
}

double
points_diameter2(const double *x, int32_t n, int32_t width)
{
	double sum = 0;

	for (int32_t c = 0; c < width; c++)
	{
		double low = x[c];
		double high = x[c];

		for (int32_t i = 1; i < n; i++)
		{
			double value = x[(size_t) i * width + c];

			low = value < low ? value : low;
			high = value > high ? value : high;
		}
		sum += (high - low) * (high - low);
	}
	return sum;
}
