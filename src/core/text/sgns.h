/*
 * sgns.h - word vectors by negative sampling, with or without subwords
 */
#ifndef CORE_TEXT_SGNS_H
#define CORE_TEXT_SGNS_H

#include "corpus.h"

typedef struct SgnsParams
{
	int32_t dim;
	int32_t window; /* up to SGNS_WINDOW_MAX */
	int32_t negatives; /* 1 to SGNS_NEGATIVES_MAX */
	int32_t epochs;
	bool cbow; /* the mean of a window foretells its centre; else each word of it does */
	float learning_rate; /* falls to 0 */
	double sample; /* words above this share of the tokens are thinned out; 0: none */
	uint64_t seed;
} SgnsParams;

typedef struct SgnsProblem
{
	SgnsParams params;
	Corpus corpus; /* of 2 words at least */
	int32_t rows; /* words, and n-grams behind them */
	const int64_t *sub_start; /* [words + 1]; NULL: words have no n-grams */
	const int32_t *sub_row; /* rows of n-grams of each word */
	float *in; /* [rows x stride] aligned to 64 bytes; the answer */
	float *out; /* [words x stride] aligned to 64 bytes */
} SgnsProblem;

/* Floats from one row to the next. */
extern int64_t sgns_stride(int32_t dim);

/* Bytes of the scratch that a team shares, cleared to zero and aligned to 64, and of what each member takes. */
extern size_t sgns_shared_bytes(int32_t words);
extern size_t sgns_member_bytes(int32_t dim);

/*
 * Every member calls it.  A member alone gives the same bytes for the same input; several change rows under each other's hands
 * (Recht et al. 2011), so that no two runs are equal.  loss receives the mean of the last epoch's pairs.
 */
extern CoreStatus sgns_train(Env *env, const SgnsProblem *problem, void *shared, double *loss);

/* The vector of each word, the mean of its rows: vectors [words x dim], to be had of one process. */
extern CoreStatus sgns_vectors(Env *env, const SgnsProblem *problem, float *vectors);

#endif
