/*
 * neighbours_kernel.c - the scan of neighbours_body.h for what the machine can do, chosen when the program runs
 */
#include "neighbours_kernel.h"

#include <stddef.h>

/* GCC tells that passing such vectors to functions depends on the target: none here is passed out of line. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define WIDTH 2
#define NAME(x) plain_##x
#define TARGET
#include "neighbours_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 4
#define NAME(x) avx2_##x
#include "neighbours_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq")))
#define WIDTH 8
#define NAME(x) avx512_##x
#include "neighbours_body.h"
#undef WIDTH
#undef NAME
#undef TARGET
#endif

const NeighboursKernel *
neighbours_kernel_numbered(int number)
{
	if (number == 0)
		return &plain_kernel;
#ifdef __x86_64__
	__builtin_cpu_init();
	if (number == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &avx2_kernel;
	if (number == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512dq"))
		return &avx512_kernel;
#endif
	return NULL;
}

const NeighboursKernel *
neighbours_kernel(void)
{
	const NeighboursKernel *best = NULL;

	for (int number = 0; number < NEIGHBOURS_KERNELS; number++)
	{
		const NeighboursKernel *kernel = neighbours_kernel_numbered(number);

		best = kernel != NULL ? kernel : best;
	}
	return best;
}
