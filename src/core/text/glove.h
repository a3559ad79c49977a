/*
 * glove.h - word vectors from counts of words near each other
 */
#ifndef CORE_TEXT_GLOVE_H
#define CORE_TEXT_GLOVE_H

#include "../radix.h"
#include "corpus.h"

typedef struct GloveParams
{
	int32_t dim;
	int32_t epochs;
	float learning_rate;
	float x_max; /* counts from here on have the full weight */
	uint64_t seed;
} GloveParams;

/* One pair of words, as often as they stand near each other. */
typedef struct GlovePair
{
	int32_t word; /* <= other */
	int32_t other;
	float log_count;
	float weight;
} GlovePair;

/* A row: padded dimensions, then 16 floats of which the first is the bias. */
#define GLOVE_LANES 16

typedef struct GloveProblem
{
	GloveParams params;
	int32_t words;
	int64_t n;
	const GlovePair *pairs; /* [n] in random order */
	float *rows[2]; /* [words x stride] of words, of contexts; aligned to 64 bytes */
	float *squares[2]; /* [words x stride] their sums of squared steps */
} GloveProblem;

/*
 * Add up 1 / distance of words within `window` of each other, whatever their order: *n sums in items, by key
 * word << 32 | other, word <= other, index: the sum in units of 2^-32.  items, scratch [room]; CORE_NO_MEMORY when there
 * are more pairs than half of it.
 */
extern CoreStatus glove_count(Env *env, const Corpus *corpus, int32_t window, RadixItem *items,
							  RadixItem *scratch, int64_t room, int64_t *n);

/* The sums as pairs, in an order drawn by the seed. */
extern CoreStatus glove_pairs(Env *env, const GloveParams *params, const RadixItem *items, int64_t n,
							  GlovePair *pairs);

extern int64_t glove_stride(int32_t dim);
extern size_t glove_shared_bytes(void);

/* As sgns_train: one member gives the same bytes for the same input, several do not.  loss: weighted squared error a pair. */
extern CoreStatus glove_train(Env *env, const GloveProblem *problem, void *shared, double *loss);

/* A word's vector is the sum of its two: vectors [words x dim]. */
extern CoreStatus glove_vectors(Env *env, const GloveProblem *problem, float *vectors);

#endif
