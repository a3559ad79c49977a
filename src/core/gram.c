/*
 * gram.c - the kernels of gram.h for what the machine can do, chosen when the program runs
 */
#include <math.h>

#include "gram.h"
#include "kernel_table.h"

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

KERNEL_TABLE(const GramKernel *, gram_kernel, {CPU_PLAIN, &kernel_plain},
			 ON_X86({CPU_AVX2, &kernel_avx2}, {CPU_AVX512, &kernel_avx512}))
