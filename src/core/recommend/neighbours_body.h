/*
 * neighbours_body.h - the scan of neighbours_kernel.h, once for each instruction set and kind of sum
 *
 * The includer defines
 *
 *   WIDTH    doubles in a vector, a divisor of NEIGHBOURS_BLOCK
 *   TARGET   the attribute that asks for the instruction set
 *   NAME(x)  x with a prefix of its own
 */
typedef double NAME(Doubles) __attribute__((vector_size(WIDTH * 8), aligned(8), may_alias));
typedef int64_t NAME(Longs) __attribute__((vector_size(WIDTH * 8), aligned(8), may_alias));
typedef int32_t NAME(Ints) __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

/* Does any lane say yes? */
TARGET static inline __attribute__((always_inline)) bool
NAME(any)(NAME(Longs) yes)
{
	int64_t all = 0;

#pragma GCC unroll 8
	for (int lane = 0; lane < WIDTH; lane++)
		all |= yes[lane];
	return all != 0;
}

TARGET static int32_t
NAME(scan_counts)(const int32_t *counts, const double *norms, int32_t n, double norm, double shrinkage,
				  double limit, int32_t *blocks)
{
	double slope = limit * norm;
	double height = limit * shrinkage;
	int32_t found = 0;

	for (int32_t at = 0; at < n; at += NEIGHBOURS_BLOCK)
	{
		NAME(Longs) above = {0};

#pragma GCC unroll 8
		for (int32_t i = at; i < at + NEIGHBOURS_BLOCK; i += WIDTH)
		{
			NAME(Doubles) sum = __builtin_convertvector(*(const NAME(Ints) *) (counts + i), NAME(Doubles));

			above |= sum > slope * *(const NAME(Doubles) *) (norms + i) + height;
		}
		blocks[found] = at / NEIGHBOURS_BLOCK;
		found += NAME(any)(above);
	}
	return found;
}

TARGET static int32_t
NAME(scan_sums)(const double *sums, const double *norms, int32_t n, double norm, double shrinkage,
				double limit, int32_t *blocks)
{
	double slope = limit * norm;
	double height = limit * shrinkage;
	int32_t found = 0;

	for (int32_t at = 0; at < n; at += NEIGHBOURS_BLOCK)
	{
		NAME(Longs) above = {0};

#pragma GCC unroll 8
		for (int32_t i = at; i < at + NEIGHBOURS_BLOCK; i += WIDTH)
			above |=
				*(const NAME(Doubles) *) (sums + i) > slope * *(const NAME(Doubles) *) (norms + i) + height;
		blocks[found] = at / NEIGHBOURS_BLOCK;
		found += NAME(any)(above);
	}
	return found;
}

static const NeighboursKernel NAME(kernel) = {NAME(scan_counts), NAME(scan_sums)};
