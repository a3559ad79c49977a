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

#include "vectors.h"

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

SgdKernel
sgd_kernel_numbered(int number)
{
	if (number == 0)
		return plain_run;
#ifdef __x86_64__
	__builtin_cpu_init();
	if (number == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return avx2_run;
	if (number == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		return avx512_run;
#endif
	return NULL;
}

SgdKernel
sgd_kernel(void)
{
	SgdKernel best = NULL;

	for (int number = 0; number < SGD_KERNELS; number++)
	{
		SgdKernel kernel = sgd_kernel_numbered(number);

		best = kernel != NULL ? kernel : best;
	}
	return best;
}
