/*
 * cpu.c - what the machine can do
 */
#include "cpu.h"

static CpuLevel held = CPU_VNNI;

void
cpu_hold(CpuLevel level)
{
	held = level;
}

bool
cpu_runs(CpuLevel level)
{
	if (level > held)
		return false;
#if defined(__x86_64__)
	__builtin_cpu_init();
	switch (level)
	{
		case CPU_PLAIN:
			return true;
		case CPU_SSE42:
			return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
		case CPU_AVX2:
			return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
		case CPU_AVX512:
			return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
				   __builtin_cpu_supports("avx512vl");
		case CPU_VNNI:
			return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
				   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
	}
#endif
	return level == CPU_PLAIN;
}
