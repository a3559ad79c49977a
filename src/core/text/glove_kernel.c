/*
 * glove_kernel.c - the kernels of AdaGrad over pairs of words and the choice among them
 */
#include "glove_kernel.h"

#include <math.h>
#include <stddef.h>

#include "../kernel_table.h"
#include "../vectors.h"

#define KERNEL_BODY "text/glove_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(GloveKernel, glove_kernel, {CPU_PLAIN, plain_run},
			 ON_X86({CPU_AVX2, avx2_run}, {CPU_AVX512, avx512_run}))
