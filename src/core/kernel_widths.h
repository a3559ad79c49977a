/*
 * kernel_widths.h - one body in GCC's vector types, compiled for 4 lanes (any machine), for AVX2 with FMA and for AVX-512
 *
 * The includer defines KERNEL_BODY, the body's path from src/core.  The body, which is included three times, uses
 *
 *   WIDTH    floats in a vector: 4, 8 or 16
 *   TARGET   the attribute that asks for the instruction set; before each function
 *   NAME(x)  x with the kernel's prefix: plain_, avx2_ or avx512_
 *
 * The kernels add up in different orders, so their answers differ by rounding; each alone gives equal bytes for equal input.
 * No guard: one file may have several bodies.
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define WIDTH 4
#define TARGET
#define NAME(x) plain_##x
#include KERNEL_BODY
#undef WIDTH
#undef TARGET
#undef NAME

#ifdef __x86_64__
#define WIDTH 8
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#include KERNEL_BODY
#undef WIDTH
#undef TARGET
#undef NAME

#define WIDTH 16
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq")))
#define NAME(x) avx512_##x
#include KERNEL_BODY
#undef WIDTH
#undef TARGET
#undef NAME
#endif

#undef KERNEL_BODY
