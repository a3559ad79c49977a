/*
 * neighbours_kernel.c - the scan of neighbours_body.h for what the machine can do, chosen when the program runs
 */
#include "neighbours_kernel.h"

#include "../kernel_table.h"

/* GCC tells that passing such vectors to functions depends on the target: none here is passed out of line. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define KERNEL_BODY "recommend/neighbours_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(const NeighboursKernel *, neighbours_kernel, {CPU_PLAIN, &plain_kernel},
			 ON_X86({CPU_AVX2, &avx2_kernel}, {CPU_AVX512, &avx512_kernel}))
