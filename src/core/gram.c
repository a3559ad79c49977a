/*
 * gram.c - the kernels of gram.h for what the machine can do, chosen when the program runs
 */
#include <math.h>

#include "cpu.h"
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

static const CpuLevel needs[] = {
	CPU_PLAIN,
#ifdef __x86_64__
	CPU_AVX2,
	CPU_AVX512,
#endif
};

static const GramKernel *kernels[] = {
	&kernel_plain,
#ifdef __x86_64__
	&kernel_avx2,
	&kernel_avx512,
#endif
};

const GramKernel *
gram_kernel_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

const GramKernel *
gram_kernel(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
