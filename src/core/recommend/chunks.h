/*
 * chunks.h - how the rows of a sparse matrix are parted among a team, and sizes that cannot overflow
 */
#ifndef CORE_CHUNKS_H
#define CORE_CHUNKS_H

#include "../sparse.h"

static inline int64_t
chunks_smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * First row of chunk `chunk` of `chunks`: the first before which the share chunk / chunks of the work lies, a row costing
 * its entries and `fixed` more.  Depends on the matrix alone, so that the answer does not depend on who takes what.
 */
static inline int32_t
chunks_begin(const Csr *matrix, int64_t fixed, int64_t chunk, int64_t chunks)
{
	int64_t total = csr_entries(matrix) + fixed * matrix->rows;
	int64_t target = total / chunks * chunk + total % chunks * chunk / chunks;
	int64_t lo = 0;
	int64_t hi = matrix->rows;

	while (lo < hi)
	{
		int64_t mid = lo + (hi - lo) / 2;

		if (matrix->start[mid] + fixed * mid < target)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int32_t) lo;
}

/* a * b, or SIZE_MAX when that is too much. */
static inline size_t
bytes_times(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* a + b rounded up to whole cache lines, or SIZE_MAX when that is too much. */
static inline size_t
bytes_plus(size_t a, size_t b)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum) || sum > SIZE_MAX - 63)
		return SIZE_MAX;
	return (sum + 63) & ~(size_t) 63;
}

#endif
