/*
 * cg_kernel.c - the kernels of conjugate gradients and the choice among them
 *
 * One body (cg_body.h) in GCC's vector types is compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512F.
 * Four rows are taken at a time: their products with v share one tree of sums, and v and the result are loaded and
 * stored a quarter as often.  Strides of 32, 64 and 128 have loops of their own, unrolled.  The kernels' answers differ by rounding; each alone gives equal bytes for equal input.
 */
#include "cg_kernel.h"

#include <stddef.h>

#include "../vectors.h"
#include "../cpu.h"

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

static const CpuLevel needs[] = {
	CPU_PLAIN,
#ifdef __x86_64__
	CPU_AVX2,
	CPU_AVX512,
#endif
};

static const CgKernel *kernels[] = {
	&plain_kernel,
#ifdef __x86_64__
	&avx2_kernel,
	&avx512_kernel,
#endif
};

const CgKernel *
cg_kernel_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

const CgKernel *
cg_kernel(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
