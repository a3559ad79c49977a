/*
 * neighbours_kernel.h - which of many sums may be among the best: the scan behind neighbours.c
 *
 * Written once in neighbours_body.h for counts and for sums, compiled for each instruction set by neighbours_kernel.c.
 */
#ifndef CORE_NEIGHBOURS_KERNEL_H
#define CORE_NEIGHBOURS_KERNEL_H

#include <stdint.h>

#define NEIGHBOURS_BLOCK 16 /* sums that a scan passes over at a time */

/*
 * sums [n] against limit * (norm * norms[i] + shrinkage), n a multiple of NEIGHBOURS_BLOCK: the blocks that hold one above it,
 * as block numbers in blocks [n / NEIGHBOURS_BLOCK]; returns how many.
 */
typedef struct NeighboursKernel
{
	int32_t (*scan_counts)(const int32_t *counts, const double *norms, int32_t n, double norm,
						   double shrinkage, double limit, int32_t *blocks);
	int32_t (*scan_sums)(const double *sums, const double *norms, int32_t n, double norm, double shrinkage,
						 double limit, int32_t *blocks);
} NeighboursKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it or there is none such. */
#define NEIGHBOURS_KERNELS 3
extern const NeighboursKernel *neighbours_kernel_numbered(int number);

/* The best one. */
extern const NeighboursKernel *neighbours_kernel(void);

#endif
