/*
 * gram.h - sums of squares of factor rows, and the symmetric systems of equations that they make
 *
 * What implicit ALS does for every customer and item: gather a few rows Y_u out of many, add Y_u' W Y_u to a matrix, and
 * solve with the sum.  The orders are 16 to 512, where the general BLAS and LAPACK spend much of their time on getting
 * started; these kernels gather and scale in one go, keep tiles of sums in registers and solve by small inverted squares.
 *
 * All arrays are aligned to 64 bytes, and their rows padded to `stride` floats, a multiple of GRAM_LANES; a caller gives
 * padding rows and columns the values of the unit matrix.  Matrices are symmetric and kept as upper triangles, row by row;
 * what is below the diagonal is not read, and undefined in results.
 *
 * Sums run in a fixed order, so that equal input gives equal bytes; but each kernel has an order of its own.
 */
#ifndef CORE_GRAM_H
#define CORE_GRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAM_LANES 16 /* floats in the widest vector */
#define GRAM_BLOCK                                                                                           \
	128 /* rows of a block after which a caller does well to add and gather anew: 32 kB of 64 factors */

typedef struct GramKernel
{
	/*
	 * block [n x stride] = the rows of y [.. x width] that cols [n] names (NULL: the first n), scaled by the roots of their
	 * weights [n] (NULL: all 1), padded with zeros; rhs [stride] += the sum of weight times row.  Returns the sum of the
	 * weights.  y needs no alignment.
	 */
	double (*gather)(const float *y, int64_t width, const int32_t *cols, const float *weights, int64_t n,
					 float *block, int64_t stride, float *rhs);

	/* to [stride x stride] = from + block' block for block [n x stride]; to may be from. */
	void (*add)(const float *block, int64_t n, int64_t stride, const float *from, float *to);

	/*
	 * a [stride x (stride + GRAM_LANES)]: its first stride^2 floats, a matrix, become its Cholesky factor for `solve`, for
	 * which the rest is needed too.  False when the matrix is not positive definite.
	 */
	bool (*factor)(float *a, int64_t stride);

	/* x [stride] = A^-1 x for the matrix A that factor made into u. */
	void (*solve)(const float *u, int64_t stride, float *x);

	/* to [stride x to_stride], to[j][e] = scale[j] * block[e][j] for block [n x stride]; zeros for n <= e < to_stride. */
	void (*transpose)(const float *block, int64_t n, int64_t stride, const float *scale, float *to,
					  int64_t to_stride);

	/* x [stride] = the sum of times[e] * row e of block [n x stride]. */
	void (*combine)(const float *block, int64_t n, int64_t stride, const float *times, float *x);
} GramKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it or there is none such. */
#define GRAM_KERNELS 3
extern const GramKernel *gram_kernel_numbered(int number);

/* The best one. */
extern const GramKernel *gram_kernel(void);

/* n rounded up to a multiple of GRAM_LANES. */
static inline size_t
gram_stride(size_t n)
{
	return (n + GRAM_LANES - 1) / GRAM_LANES * GRAM_LANES;
}

#endif
