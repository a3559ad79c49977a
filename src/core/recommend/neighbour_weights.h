/*
 * neighbour_weights.h - weights for a matrix of things x features before things are compared
 *
 * As the library `implicit` has them.  With x the value, N the number of things, df the number of things that have the
 * feature, L the sum of a thing's values:
 *
 *   TF-IDF    sqrt(x) * idf,  idf = log(N) - log(1 + df)
 *   BM25      x (k1 + 1) / (k1 (1 - b + b L / mean L) + x) * idf;  there k1 = 100, b = 0.8 are the defaults of bm25_weight
 *             and 1.2, 0.75 those of BM25Recommender
 *
 * Features that everybody has get a weight just below zero, as there.
 */
#ifndef CORE_NEIGHBOUR_WEIGHTS_H
#define CORE_NEIGHBOUR_WEIGHTS_H

#include "../sparse.h"

typedef enum NeighbourWeighting
{
	NEIGHBOUR_TFIDF,
	NEIGHBOUR_BM25
} NeighbourWeighting;

typedef struct NeighbourWeights
{
	NeighbourWeighting weighting;
	double k1; /* >= 0, finite */
	double b; /* 0 .. 1 */
} NeighbourWeights;

/*
 * row_values and feature_values [entries] receive the weighted values of rows (things x features) and of features, its
 * transpose; those may be rows->value and features->value.  Values are above zero.  Takes 8 bytes per thing and
 * per feature from env.  CORE_NOT_FINITE when a weight is no finite float.
 */
extern CoreStatus neighbour_weights_apply(Env *env, const NeighbourWeights *weights, const Csr *rows,
										  const Csr *features, float *row_values, float *feature_values);

/* The mean over things of the sum of a thing's values, against which BM25 measures lengths; of rows before their weighting. */
extern double neighbour_weights_mean_length(const Csr *rows);

/*
 * The same for a thing that need not be among them: a history of n features with values (NULL: all 1); out [n].  Of features
 * only the starts are read.
 */
extern void neighbour_weights_history(const NeighbourWeights *weights, const Csr *features,
									  double mean_length, const int32_t *history, const float *values,
									  int32_t n, float *out);

#endif
