/*
 * topk.h - the k best of many scores
 *
 * A heap of k entries behind a threshold.  Higher scores come first; of equal scores the smaller index, so the answer
 * is the same whatever order the scores arrive in.  A score that is not a number counts, and is kept, as minus infinity.
 */
#ifndef CORE_TOPK_H
#define CORE_TOPK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TopEntry
{
	float score;
	int32_t index;
} TopEntry;

typedef struct TopK
{
	TopEntry *heap; /* [k], provided by the caller; the worst kept entry on top while filling */
	int32_t k;
	int32_t n; /* kept so far */
} TopK;

static inline void
topk_init(TopK *top, TopEntry *heap, int32_t k)
{
	top->heap = heap;
	top->k = k;
	top->n = 0;
}

/* The score as the heap orders it. */
static inline float
topk_order(float score)
{
	return isnan(score) ? -INFINITY : score;
}

/* True when (score, index) would be kept: the cheap test before topk_push. */
static inline bool
topk_wants(const TopK *top, float score, int32_t index)
{
	if (top->n < top->k)
		return true;
	score = topk_order(score);
	return top->k > 0 &&
		   (score > top->heap[0].score || (score == top->heap[0].score && index < top->heap[0].index));
}

extern void topk_push(TopK *top, float score, int32_t index);

/* Order the heap best first; the TopK takes no more entries afterwards.  O(k log k). */
extern void topk_finish(TopK *top);

#endif
