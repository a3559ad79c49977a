/*
 * cg_kernel.h - products with a row's matrix for conjugate gradients, in plain C and for wider vectors
 */
#ifndef CORE_CG_KERNEL_H
#define CORE_CG_KERNEL_H

#include <stdint.h>

#define CG_LANES                                                                                             \
	16 /* all rows are padded with zeros to a stride, a multiple of this, and aligned to 64 bytes */
#define CG_ROWS 4 /* taken at a time */

typedef struct CgKernel
{
	/* block [n x stride] = the rows of y [.. x factors] that cols [n] names; y needs no alignment. */
	void (*gather)(const float *y, int32_t factors, const int32_t *cols, int64_t n, float *block,
				   int32_t stride);

	/*
	 * out [stride] += sum of weights [n] times (target - row.v) row, over the rows of block [n x stride]; n is a multiple of
	 * CG_ROWS.  Returns the sum of weight times row.v.
	 */
	double (*sweep)(const float *block, int32_t stride, const float *weights, int64_t n, float target,
					const float *v, float *out);

	/* out [stride] = gram [stride x stride], symmetric, times v [stride]. */
	void (*gram_times)(const float *gram, int32_t stride, const float *v, float *out);
} CgKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define CG_KERNELS 3
extern const CgKernel *cg_kernel_numbered(int number);

/* The best one. */
extern const CgKernel *cg_kernel(void);

#endif
