/*
 * sgns_kernel.c - the kernels of negative sampling and the choice among them
 */
#include "sgns_kernel.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "../kernel_table.h"
#include "../vectors.h"

#define TARGETS 6 /* handled at once: a word and the usual five negatives */
#define LOSS_EVERY 16 /* one centre word of so many is looked at for the loss */

/* -log sigma(x), without overflow. */
static double
surprise(float x)
{
	return x > 0 ? log1p(exp(-(double) x)) : -(double) x + log1p(exp((double) x));
}

#define KERNEL_BODY "text/sgns_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(SgnsKernel, sgns_kernel, {CPU_PLAIN, plain_run},
			 ON_X86({CPU_AVX2, avx2_run}, {CPU_AVX512, avx512_run}))
