/*
 * vectors.h - small vectors in GCC's types, for kernels compiled for several widths
 */
#ifndef CORE_VECTORS_H
#define CORE_VECTORS_H

/* clang warns of vectors as arguments; here they pass between functions that are always inlined, so no ABI is involved. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpsabi"
#endif

typedef float Four __attribute__((vector_size(16), may_alias));
typedef float Eight __attribute__((vector_size(32), may_alias));

static inline __attribute__((always_inline)) float
four_total(Four v)
{
	return (v[0] + v[2]) + (v[1] + v[3]);
}

#endif
