/*
 * dense_rows.c - the kernels of dense_rows.h and the choice among them
 *
 * Rows are asked for some places ahead, since they lie anywhere in a table of many megabytes.
 */
#include "dense_rows.h"

#include "../kernel_table.h"

#define AHEAD 4 /* rows: so far ahead they are asked for */
#define LINE 16 /* floats in a line of the cache */

#define KERNEL_BODY "text/dense_rows_body.h"
#include "../kernel_widths.h"

KERNEL_TABLE(const DenseRows *, dense_rows, {CPU_PLAIN, &plain_dense_rows},
			 ON_X86({CPU_AVX2, &avx2_dense_rows}, {CPU_AVX512, &avx512_dense_rows}))
