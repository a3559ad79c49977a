/*
 * kernel_table.h - a kernel for each kind of machine, and the choice among them when the program runs
 *
 *   KERNEL_TABLE(const CgKernel *, cg_kernel, {CPU_PLAIN, &plain_kernel},
 *                ON_X86({CPU_AVX2, &avx2_kernel}, {CPU_AVX512, &avx512_kernel}))
 *
 * defines two functions: cg_kernel_numbered(number), the kernels by number from 0, NULL where this machine cannot run one or
 * there is none such, for tests; and cg_kernel(), the last that runs.  Entries stand from plain C, which every machine runs, to the
 * widest vectors.  Chosen by a call and not by the loader (target_clones, ifunc): the sanitizers start too late for its
 * resolvers.
 */
#ifndef CORE_KERNEL_TABLE_H
#define CORE_KERNEL_TABLE_H

#include <stddef.h>

#include "cpu.h"

/* Entries for x86-64; elsewhere none. */
#ifdef __x86_64__
#define ON_X86(...) __VA_ARGS__
#else
#define ON_X86(...)
#endif

/* The functions alone that tests ask, for kernels whose choice depends on more than the machine. */
#define KERNEL_NUMBERED(Kernel, name, ...)                                                                   \
	static const struct                                                                                      \
	{                                                                                                        \
		CpuLevel needs;                                                                                      \
		Kernel kernel;                                                                                       \
	} name##_table[] = {__VA_ARGS__};                                                                        \
                                                                                                             \
	Kernel name##_numbered(int number)                                                                       \
	{                                                                                                        \
		int n = sizeof(name##_table) / sizeof(name##_table[0]);                                              \
                                                                                                             \
		return number < n && cpu_runs(name##_table[number].needs) ? name##_table[number].kernel : NULL;      \
	}

#define KERNEL_TABLE(Kernel, name, ...)                                                                      \
	KERNEL_NUMBERED(Kernel, name, __VA_ARGS__)                                                               \
                                                                                                             \
	Kernel name(void)                                                                                        \
	{                                                                                                        \
		int best = sizeof(name##_table) / sizeof(name##_table[0]) - 1;                                       \
                                                                                                             \
		while (best > 0 && !cpu_runs(name##_table[best].needs))                                              \
			best--;                                                                                          \
		return name##_table[best].kernel;                                                                    \
	}

#endif
