/*
 * dense_rows.h - sums over few rows of a wide table: the weights of a document's features for all classes, and back
 */
#ifndef CORE_TEXT_DENSE_ROWS_H
#define CORE_TEXT_DENSE_ROWS_H

#include <stddef.h>
#include <stdint.h>

typedef struct DenseRows
{
	/* sum [width] += sum over e of weight[e] times row row[e] of rows [.. x width]. */
	void (*gather)(const float *rows, int32_t width, const int32_t *row, const float *weight, int32_t n,
				   float *sum);

	/* Row row[e] of rows [.. x width] += weight[e] times add [width], for each e in turn. */
	void (*scatter)(float *rows, int32_t width, const int32_t *row, const float *weight, int32_t n,
					const float *add);

	/* dots [n] = rows [n x width] times right [width]; then row e += left[e] times right. */
	void (*outer)(float *rows, int32_t width, int32_t n, const float *left, const float *right, float *dots);
} DenseRows;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define DENSE_ROWS_KERNELS 3
extern const DenseRows *dense_rows_numbered(int number);

/* The best one. */
extern const DenseRows *dense_rows(void);

#endif
