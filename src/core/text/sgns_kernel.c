/*
 * sgns_kernel.c - the kernels of negative sampling and the choice among them
 *
 * One body (sgns_body.h) in GCC's vector types is compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512F.
 * The kernels add up in different orders, so their answers differ by rounding; each alone gives equal bytes for equal input.
 */
#include "sgns_kernel.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "../cpu.h"
#include "../vectors.h"

#define TARGETS 6 /* handled at once: a word and the usual five negatives */
#define LOSS_EVERY 16 /* one centre word of so many is looked at for the loss */

/* -log sigma(x), without overflow. */
static double
surprise(float x)
{
	return x > 0 ? log1p(exp(-(double) x)) : -(double) x + log1p(exp((double) x));
}

#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include "sgns_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define NAME(x) avx2_##x
#include "sgns_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl")))
#define WIDTH 16
#define NAME(x) avx512_##x
#include "sgns_body.h"
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

static const SgnsKernel kernels[] = {
	plain_run,
#ifdef __x86_64__
	avx2_run,
	avx512_run,
#endif
};

SgnsKernel
sgns_kernel_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

SgnsKernel
sgns_kernel(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
