/*
 * cpu.h - what the machine can do, asked when the program runs
 *
 * A kernel that is compiled for several kinds of machine keeps them in a table, from plain C to the widest vectors, with
 * what each needs of the machine beside it, and takes the best that runs.  Chosen by a call and not by the loader
 * (target_clones, ifunc): the sanitizers start too late for its resolvers.
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>

typedef enum CpuLevel
{
	CPU_PLAIN, /* any machine */
	CPU_SSE42,
	CPU_AVX2, /* with FMA */
	CPU_AVX512, /* foundation, shorter vectors */
	CPU_VNNI /* AVX-512 with bytes, double words and the sums of products of bytes */
} CpuLevel;

/* True when this machine runs code compiled for that level. */
extern bool cpu_runs(CpuLevel level);

/* Which of a table's entries to take: the last of needs [n] that this machine runs.  The first is CPU_PLAIN. */
extern int cpu_best(const CpuLevel *needs, int n);

/* For tests: from here on nothing above `level` is taken to run. */
extern void cpu_hold(CpuLevel level);

#endif
