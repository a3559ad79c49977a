/*
 * cg_kernel.c - the kernels of conjugate gradients and the choice among them
 *
 * One body (cg_body.h) in GCC's vector types is compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512F.
 * Four rows are taken at a time: their products with v share one tree of sums, and v and the result are loaded and
 * stored a quarter as often.  Strides of 32, 64 and 128 have loops of their own, unrolled.  The kernels' answers differ by rounding; each alone gives equal bytes for equal input.
 */
#include "cg_kernel.h"

#include <stddef.h>

#include "vectors.h"

#define AHEAD 6 /* rows: so far ahead they are asked for */

#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include "cg_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define NAME(x) avx2_##x
#include "cg_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl")))
#define WIDTH 16
#define NAME(x) avx512_##x
#include "cg_body.h"
#undef WIDTH
#undef NAME
#undef TARGET
#endif

const CgKernel *
cg_kernel_numbered(int number)
{
	if (number == 0)
		return &plain_kernel;
#ifdef __x86_64__
	__builtin_cpu_init();
	if (number == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &avx2_kernel;
	if (number == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		return &avx512_kernel;
#endif
	return NULL;
}

const CgKernel *
cg_kernel(void)
{
	const CgKernel *best = NULL;

	for (int number = 0; number < CG_KERNELS; number++)
	{
		const CgKernel *kernel = cg_kernel_numbered(number);

		best = kernel != NULL ? kernel : best;
	}
	return best;
}
