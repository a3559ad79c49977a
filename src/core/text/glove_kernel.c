/*
 * glove_kernel.c - the kernels of AdaGrad over pairs of words and the choice among them
 *
 * As in sgns_kernel.c.  Square roots and quotients are exact ones: the processors' approximations differ from maker to maker.
 */
#include "glove_kernel.h"

#include <math.h>
#include <stddef.h>

#include "../cpu.h"
#include "../vectors.h"

#ifdef __SSE__
#include <immintrin.h>
#define ROOTS(v) ((plain_Vector) _mm_sqrt_ps((__m128) (v)))
#else
#define ROOTS(v) ((plain_Vector){sqrtf((v)[0]), sqrtf((v)[1]), sqrtf((v)[2]), sqrtf((v)[3])})
#endif
#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include "glove_body.h"
#undef WIDTH
#undef NAME
#undef TARGET
#undef ROOTS

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define NAME(x) avx2_##x
#define ROOTS(v) ((avx2_Vector) _mm256_sqrt_ps((__m256) (v)))
#include "glove_body.h"
#undef WIDTH
#undef NAME
#undef TARGET
#undef ROOTS

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl")))
#define WIDTH 16
#define NAME(x) avx512_##x
#define ROOTS(v) ((avx512_Vector) _mm512_sqrt_ps((__m512) (v)))
#include "glove_body.h"
#undef WIDTH
#undef NAME
#undef TARGET
#undef ROOTS
#endif

static const CpuLevel needs[] = {
	CPU_PLAIN,
#ifdef __x86_64__
	CPU_AVX2,
	CPU_AVX512,
#endif
};

static const GloveKernel kernels[] = {
	plain_run,
#ifdef __x86_64__
	avx2_run,
	avx512_run,
#endif
};

GloveKernel
glove_kernel_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

GloveKernel
glove_kernel(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
