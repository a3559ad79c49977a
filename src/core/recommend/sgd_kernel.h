/*
 * sgd_kernel.h - the steps of stochastic gradients over a block of ratings, in plain C and for wider vectors
 *
 * A row (of a user or an item) is SGD_HEAD floats of state followed by its factors, padded with zeros to a multiple of
 * SGD_LANES; rows are aligned to 64 bytes.
 */
#ifndef CORE_SGD_KERNEL_H
#define CORE_SGD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#define SGD_LANES 16 /* floats; also how many factors learn at a rate of their own */
#define SGD_HEAD 16

/* Where what stands in a row's head. */
enum
{
	SGD_SLOW, /* 1 + sum of mean squared gradients of the first SGD_LANES factors */
	SGD_FAST, /* ... of the other factors */
	SGD_BIAS_SUM, /* ... of the bias */
	SGD_BIAS,
	SGD_PENALTY, /* of a factor, in one step */
	SGD_BIAS_PENALTY
};

typedef struct SgdRating
{
	int32_t user; /* row */
	int32_t item; /* row */
	float value; /* less the mean, in units of the standard deviation */
} SgdRating;

typedef struct SgdStep
{
	float *users; /* [.. x stride] */
	float *items; /* [.. x stride] */
	int64_t stride; /* SGD_HEAD + padded factors */
	int32_t factors;
	float learning_rate;
	bool slow_only; /* the first SGD_LANES factors and the biases alone learn */
} SgdStep;

/* Takes a step for each of ratings [n] in their order; returns the sum of squared errors before the steps. */
typedef double (*SgdKernel)(const SgdStep *step, const SgdRating *ratings, int64_t n);

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define SGD_KERNELS 3
extern SgdKernel sgd_kernel_numbered(int number);

/* The best one. */
extern SgdKernel sgd_kernel(void);

#endif
