/*
 * vectors_body.h - sums of lanes for one width of vectors; included by the bodies that kernel_widths.h compiles
 */
typedef float NAME(Vector) __attribute__((vector_size(WIDTH * sizeof(float)), may_alias));

/* In each stretch of four lanes: a0 b0 a1 b1, a2 b2 a3 b3; a0 a1 b0 b1, a2 a3 b2 b3. */
#if WIDTH == 16
#define LOW_PAIRS 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define HIGH_PAIRS 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define LOW_HALVES 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH_HALVES 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#elif WIDTH == 8
#define LOW_PAIRS 0, 8, 1, 9, 4, 12, 5, 13
#define HIGH_PAIRS 2, 10, 3, 11, 6, 14, 7, 15
#define LOW_HALVES 0, 1, 8, 9, 4, 5, 12, 13
#define HIGH_HALVES 2, 3, 10, 11, 6, 7, 14, 15
#elif WIDTH == 4
#define LOW_PAIRS 0, 4, 1, 5
#define HIGH_PAIRS 2, 6, 3, 7
#define LOW_HALVES 0, 1, 4, 5
#define HIGH_HALVES 2, 3, 6, 7
#endif

/* The sums of the lanes of four vectors. */
TARGET static inline __attribute__((always_inline)) Four
NAME(sums)(NAME(Vector) a, NAME(Vector) b, NAME(Vector) c, NAME(Vector) d)
{
	NAME(Vector) ab = __builtin_shufflevector(a, b, LOW_PAIRS) + __builtin_shufflevector(a, b, HIGH_PAIRS);
	NAME(Vector) cd = __builtin_shufflevector(c, d, LOW_PAIRS) + __builtin_shufflevector(c, d, HIGH_PAIRS);
	NAME(Vector)
	all = __builtin_shufflevector(ab, cd, LOW_HALVES) + __builtin_shufflevector(ab, cd, HIGH_HALVES);

#if WIDTH == 4
	return all;
#else
#if WIDTH == 16
	Eight half = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7) +
				 __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
#else
	Eight half = all;
#endif
	return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#endif
}

/* The sum of the lanes of one vector. */
TARGET static inline __attribute__((always_inline)) float
NAME(total)(NAME(Vector) v)
{
#if WIDTH == 4
	return four_total(v);
#else
#if WIDTH == 16
	Eight half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
				 __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#else
	Eight half = v;
#endif
	return four_total(__builtin_shufflevector(half, half, 0, 1, 2, 3) +
					  __builtin_shufflevector(half, half, 4, 5, 6, 7));
#endif
}

#undef LOW_PAIRS
#undef HIGH_PAIRS
#undef LOW_HALVES
#undef HIGH_HALVES
