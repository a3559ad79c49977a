/*
 * sgd_kernel.c - the kernels of stochastic gradients and the choice among them
 *
 * One body (sgd_body.h) in GCC's vector types is compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512F.
 * The kernels add up in different orders, so their answers differ by rounding; each alone gives equal bytes for equal
 * input.  Square roots and quotients are exact ones: the processors' approximations differ from maker to maker.
 */
#include "sgd_kernel.h"

#include <math.h>
#include <stddef.h>

#include "../vectors.h"
#include "../cpu.h"

#ifdef __SSE__
#include <immintrin.h>

/* The lane of the bias may be below zero, and what comes of it is not used. */
static inline __attribute__((always_inline)) Four
four_roots(Four v)
{
	return (Four) _mm_sqrt_ps((__m128) v);
}
#else
static inline Four
four_roots(Four v)
{
	return (Four){sqrtf(v[0]), sqrtf(v[1]), sqrtf(v[2]), 1.0f};
}
#endif

#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include "sgd_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define NAME(x) avx2_##x
#include "sgd_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl")))
#define WIDTH 16
#define NAME(x) avx512_##x
#include "sgd_body.h"
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

static const SgdKernel kernels[] = {
	plain_run,
#ifdef __x86_64__
	avx2_run,
	avx512_run,
#endif
};

SgdKernel
sgd_kernel_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

SgdKernel
sgd_kernel(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
