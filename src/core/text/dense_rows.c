/*
 * dense_rows.c - the kernels of dense_rows.h and the choice among them
 *
 * One body (dense_rows_body.h) in GCC's vector types is compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512F.
 * Rows are asked for some places ahead, since they lie anywhere in a table of many megabytes.
 */
#include "dense_rows.h"

#include "../cpu.h"

#define AHEAD 4 /* rows: so far ahead they are asked for */
#define LINE 16 /* floats in a line of the cache */

#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include "dense_rows_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define NAME(x) avx2_##x
#include "dense_rows_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl")))
#define WIDTH 16
#define NAME(x) avx512_##x
#include "dense_rows_body.h"
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

static const DenseRows *const kernels[] = {
	&plain_dense_rows,
#ifdef __x86_64__
	&avx2_dense_rows,
	&avx512_dense_rows,
#endif
};

const DenseRows *
dense_rows_numbered(int number)
{
	int n = sizeof(needs) / sizeof(needs[0]);

	return number < n && cpu_runs(needs[number]) ? kernels[number] : NULL;
}

const DenseRows *
dense_rows(void)
{
	return kernels[cpu_best(needs, sizeof(needs) / sizeof(needs[0]))];
}
