/*
 * neighbours_body.h - the scan of neighbours_kernel.h; neighbours_kernel.c has it compiled for each width (kernel_widths.h)
 */
#define LANES (WIDTH / 2) /* doubles in a vector: the kernel's lanes */

typedef double NAME(Doubles) __attribute__((vector_size(LANES * 8), aligned(8), may_alias));
typedef int64_t NAME(Longs) __attribute__((vector_size(LANES * 8), aligned(8), may_alias));
typedef int32_t NAME(Ints) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float NAME(Floats) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* The larger of each lane; what is no number in x does not count. */
#define LARGER(x, most)                                                                                      \
	((NAME(Doubles))(((NAME(Longs))(x) & ((x) > (most))) | ((NAME(Longs))(most) & ~((x) > (most)))))

#define MAXIMA(read)                                                                                         \
	for (int32_t at = 0; at < n; at += LANES * NEIGHBOURS_BLOCK)                                             \
	{                                                                                                        \
		NAME(Doubles) most = {0};                                                                            \
		for (int32_t i = at; i < at + LANES * NEIGHBOURS_BLOCK; i += LANES)                                  \
		{                                                                                                    \
			NAME(Doubles) other = *(const NAME(Doubles) *) (norms->norms + i);                               \
			NAME(Doubles) x = (read) / (norms->norm * other + norms->shrinkage);                             \
			most = LARGER(x, most);                                                                          \
		}                                                                                                    \
		*(NAME(Floats) *) (maxima + at / NEIGHBOURS_BLOCK) = __builtin_convertvector(most, NAME(Floats));    \
	}

TARGET static void
NAME(count_maxima)(const int32_t *counts, int32_t n, const NeighboursNorms *norms, float *maxima){
	MAXIMA(__builtin_convertvector(*(const NAME(Ints) *) (counts + i), NAME(Doubles)))}

TARGET
	static void NAME(sum_maxima)(const double *sums, int32_t n, const NeighboursNorms *norms, float *maxima)
{
	MAXIMA(*(const NAME(Doubles) *) (sums + i))
}

static const NeighboursKernel NAME(kernel) = {LANES, NAME(count_maxima), NAME(sum_maxima)};

#undef LARGER
#undef MAXIMA
#undef LANES
