/*
 * hybrid.h - scores of several recommenders on one scale, and the weights with which they make the best lists
 *
 * Each member's scores for a customer are standardised over all items (z-scores): less their mean, divided by their standard
 * deviation.  That is linear, so a score's explanation stays a sum; and it keeps how far a member's favourites stand out, which
 * ranks lose and a scale from 0 to 1 gives to whichever member has one large score.  An item on which a member has no
 * opinion counts as a score of 0.
 */
#ifndef CORE_HYBRID_H
#define CORE_HYBRID_H

#include "../env.h"
#include "../topk.h"

typedef struct HybridScale
{
	double mean;
	double inverse; /* 1 / standard deviation; 0 when all scores are the same */
} HybridScale;

/* scores [n], of `items` in all: those beyond n have no opinion either. */
extern HybridScale hybrid_scale(const float *scores, int32_t n, int32_t items);

/* A score on that scale. */
static inline float
hybrid_standard(const HybridScale *scale, float score)
{
	return (float) (((score == -INFINITY ? 0 : (double) score) - scale->mean) * scale->inverse);
}

#define HYBRID_MAX_MEMBERS 8

/*
 * Customers to be judged by: the items that stand high with some member, and how each member scores them.  Customer c has
 * candidates start[c] .. start[c + 1] - 1, by item ascending.
 */
typedef struct HybridProblem
{
	int32_t members;
	int32_t customers;
	int32_t k; /* length of lists */
	const int64_t *start; /* [customers + 1] */
	const int32_t *item; /* [candidates] */
	const float *score; /* [candidates x members] standardised */
	const uint8_t *relevant; /* [candidates] */
	const int32_t *wanted; /* [customers] relevant items, candidates or not; above 0 */
	const uint8_t *fold; /* [customers] */
} HybridProblem;

/* The list of customer c by weights [members] into a heap of k. */
extern void hybrid_list(const HybridProblem *problem, const double *weights, int32_t c, TopK *top);

/*
 * weights [members], from 0 on, adding up to 1, that make the mean NDCG@k over the customers outside fold `without` (-1: over all)
 * as large as can be found: a search along one weight after the other in shrinking steps, from equal weights and from the
 * best single member.  *ndcg receives what they reach.  O(candidates x members) for each trial, of which there are
 * some 30 times the members.
 */
extern CoreStatus hybrid_fit(Env *env, const HybridProblem *problem, int32_t without, double *weights,
							 double *ndcg);

#endif
