/*
 * sgns_kernel.h - the steps of negative sampling over a stretch of words, in plain C and for wider vectors
 *
 * Rows have `stride` floats, a multiple of SGNS_LANES, zero behind the dimensions; they are aligned to 64 bytes.
 */
#ifndef CORE_TEXT_SGNS_KERNEL_H
#define CORE_TEXT_SGNS_KERNEL_H

#include "word_draw.h"

#define SGNS_LANES 16
#define SGNS_WINDOW_MAX 50
#define SGNS_NEGATIVES_MAX 63
#define SGNS_SLOTS (2 * SGNS_WINDOW_MAX + 1)

/* What stays the same over a training; pointers of this process. */
typedef struct SgnsStep
{
	int64_t stride;
	int32_t words;
	int32_t window;
	int32_t negatives;
	bool cbow;
	float *in; /* [rows x stride] words first, n-grams behind them */
	float *out; /* [words x stride] */
	const int64_t *sub_start; /* [words + 1]; NULL: a word is its own row alone */
	const int32_t *sub_row; /* rows that a word is the mean of */
	const WordColumn *draw; /* [words] */

	float *composed; /* [SGNS_SLOTS x stride] words of the window as they are now; this member's */
	float *entered; /* [SGNS_SLOTS x stride] as they were when they came into it */
	float *moves; /* [SGNS_SLOTS x stride] of one centre word */
	float *mean; /* [stride] of the words about it */
} SgnsStep;

typedef struct SgnsSums
{
	double loss; /* of the pairs that were looked at */
	int64_t pairs; /* how many they were: word and target, one for each positive */
} SgnsSums;

/* Learn from words [n] in their order, n <= SGNS_STRETCH.  state: of the random numbers. */
#define SGNS_STRETCH 1024
typedef void (*SgnsKernel)(const SgnsStep *step, const int32_t *words, int32_t n, float rate, uint64_t *state,
						   SgnsSums *sums);

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define SGNS_KERNELS 3
extern SgnsKernel sgns_kernel_numbered(int number);

/* The best one. */
extern SgnsKernel sgns_kernel(void);

#endif
