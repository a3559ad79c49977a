/*
 * neighbours_kernel.h - how large similarities get in many sums: the scan behind neighbours.c
 *
 * Written once in neighbours_body.h, compiled for each instruction set by neighbours_kernel.c.
 */
#ifndef CORE_NEIGHBOURS_KERNEL_H
#define CORE_NEIGHBOURS_KERNEL_H

#include <stdint.h>

/*
 * Similarities, sum / (norm * norms[i] + shrinkage), are looked at in blocks of NEIGHBOURS_BLOCK.  Those of a block stand
 * `lanes` apart, so that vectors need no sums across themselves: block b has the sums
 * b / lanes * lanes * NEIGHBOURS_BLOCK + b % lanes + v * lanes for v < NEIGHBOURS_BLOCK.
 */
#define NEIGHBOURS_BLOCK 16

typedef struct NeighboursNorms
{
	const double *norms; /* [n] */
	double norm;
	double shrinkage;
} NeighboursNorms;

/*
 * maxima [n / NEIGHBOURS_BLOCK]: the largest similarity of each block among sums [n], 0 where none is above it, to some 1e-7;
 * n is a multiple of lanes * NEIGHBOURS_BLOCK.
 */
typedef struct NeighboursKernel
{
	int32_t lanes;
	void (*count_maxima)(const int32_t *counts, int32_t n, const NeighboursNorms *norms, float *maxima);
	void (*sum_maxima)(const double *sums, int32_t n, const NeighboursNorms *norms, float *maxima);
} NeighboursKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it or there is none such. */
#define NEIGHBOURS_KERNELS 3
extern const NeighboursKernel *neighbours_kernel_numbered(int number);

/* The best one. */
extern const NeighboursKernel *neighbours_kernel(void);

#endif
