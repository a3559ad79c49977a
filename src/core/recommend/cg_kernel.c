/*
 * cg_kernel.c - the kernels of conjugate gradients and the choice among them
 *
 * Four rows are taken at a time: their products with v share one tree of sums, and v and the result are loaded and
 * stored a quarter as often.  Strides of 32, 64 and 128 have loops of their own, unrolled.
 */
#include "cg_kernel.h"

#include <stddef.h>

#include "../kernel_table.h"
#include "../vectors.h"

#define AHEAD 6 /* rows: so far ahead they are asked for */

#define KERNEL_BODY "recommend/cg_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(const CgKernel *, cg_kernel, {CPU_PLAIN, &plain_kernel},
			 ON_X86({CPU_AVX2, &avx2_kernel}, {CPU_AVX512, &avx512_kernel}))
