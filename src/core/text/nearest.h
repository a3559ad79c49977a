/*
 * nearest.h - what is nearest to a vector by cosine
 */
#ifndef CORE_TEXT_NEAREST_H
#define CORE_TEXT_NEAREST_H

#include "../env.h"
#include "../topk.h"

/* `excluded` [n_excluded] are left out of the k nearest of vectors [n x dim] with lengths norms [n]; zero vectors too. */
typedef struct NearestTask
{
	const float *vectors;
	const float *norms; /* NULL: all are of length 1 */
	int64_t n;
	int32_t dim;
	const int32_t *excluded;
	int n_excluded;
} NearestTask;

/* top is filled and finished: scores are cosines.  query [dim] of any length but 0. */
extern CoreStatus nearest_find(Env *env, const NearestTask *task, const float *query, TopK *top);

/*
 * Are texts told by their neighbours?  vectors [n x dim] of length 1, labels [n]: how many of the texts 0 .. queries - 1 have the
 * label that most of their k nearest others have, of equally many that of greater cosines together.
 */
extern CoreStatus nearest_labels(Env *env, const float *vectors, const int32_t *label, int64_t n, int32_t dim,
								 int32_t k, int64_t queries, int64_t *right);

/* Are halves of texts told by each other?  How many of left's 0 .. queries - 1 have fewer than k nearer in right than their own. */
extern CoreStatus nearest_halves(Env *env, const float *left, const float *right, int64_t n, int32_t dim,
								 int32_t k, int64_t queries, int64_t *found);

#endif
