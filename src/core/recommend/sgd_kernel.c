/*
 * sgd_kernel.c - the kernels of stochastic gradients and the choice among them
 *
 * Square roots and quotients are exact ones: the processors' approximations differ from maker to maker.
 */
#include "sgd_kernel.h"

#include <math.h>
#include <stddef.h>

#include "../kernel_table.h"
#include "../vectors.h"

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

#define KERNEL_BODY "recommend/sgd_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(SgdKernel, sgd_kernel, {CPU_PLAIN, plain_run},
			 ON_X86({CPU_AVX2, avx2_run}, {CPU_AVX512, avx512_run}))
