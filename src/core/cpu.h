/*
 * cpu.h - what the machine can do, asked when the program runs; kernel_table.h chooses by it
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>

typedef enum CpuLevel
{
	CPU_PLAIN, /* any machine */
	CPU_SSE42, /* with the counting of bits */
	CPU_AVX2, /* with FMA */
	CPU_AVX512, /* foundation, double words, shorter vectors */
	CPU_VNNI /* AVX-512 with bytes and the sums of products of bytes */
} CpuLevel;

/* True when this machine runs code compiled for that level. */
extern bool cpu_runs(CpuLevel level);

/* For tests: from here on nothing above `level` is taken to run. */
extern void cpu_hold(CpuLevel level);

#endif
