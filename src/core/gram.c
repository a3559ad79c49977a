/*
 * gram.c - the kernels of gram.h for what the machine can do, chosen when the program runs
 *
 * Chosen by a call and not by the loader (target_clones, ifunc): the sanitizers start too late for its resolvers.
 */
#include <math.h>

#include "gram.h"

/* Four lanes are what every 64-bit machine has. */
#define LANES 4
#define ROWS 4
#define VECTORS 2
#define TARGET
#define NAMED(x) x##_plain
#include "gram_kernel.h"

#if defined(__x86_64__)

/* 12 of 16 registers for sums. */
#define LANES 8
#define ROWS 4
#define VECTORS 3
#define TARGET __attribute__((target("avx2,fma")))
#define NAMED(x) x##_avx2
#include "gram_kernel.h"

/* 16 of 32 registers for sums: more wait for memory no less, and two vectors fit 64 factors better than three. */
#define LANES 16
#define ROWS 8
#define VECTORS 2
#define TARGET __attribute__((target("avx512f")))
#define NAMED(x) x##_avx512
#include "gram_kernel.h"

#endif

const GramKernel *
gram_kernel_numbered(int number)
{
#if defined(__x86_64__)
	if (number == 2)
		return __builtin_cpu_supports("avx512f") ? &kernel_avx512 : NULL;
	if (number == 1)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernel_avx2 : NULL;
#endif
	return number == 0 ? &kernel_plain : NULL;
}

const GramKernel *
gram_kernel(void)
{
	const GramKernel *best = NULL;

	for (int number = GRAM_KERNELS - 1; best == NULL; number--)
		best = gram_kernel_numbered(number);
	return best;
}
