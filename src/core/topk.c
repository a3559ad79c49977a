/*
 * topk.c - the heap behind topk.h
 *
 * A binary heap with the worst kept entry on top.  "Better" is a total order (score, then index), and a score that is
 * not a number counts as minus infinity, so no input can leave the heap in disorder.
 */
#include "topk.h"

static inline bool
better(TopEntry a, TopEntry b)
{
	return a.score > b.score || (a.score == b.score && a.index < b.index);
}

/* Put `entry` at `at` or below, where both children are better than it. */
static void
sift_down(TopEntry *heap, int32_t n, int32_t at, TopEntry entry)
{
	while (at < n / 2)
	{
		int32_t child = 2 * at + 1;

		if (child + 1 < n && better(heap[child], heap[child + 1]))
			child++;
		if (!better(entry, heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

void
topk_push(TopK *top, float score, int32_t index)
{
	TopEntry entry = {.score = topk_order(score), .index = index};
	TopEntry *heap = top->heap;

	if (top->n < top->k)
	{
		int32_t at = top->n++;

		while (at > 0 && better(heap[(at - 1) / 2], entry))
		{
			heap[at] = heap[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		heap[at] = entry;
	}
	else if (top->k > 0 && better(entry, heap[0]))
		sift_down(heap, top->n, 0, entry);
}

void
topk_finish(TopK *top)
{
	/* The worst goes to the end, again and again: what remains stands best first. */
	for (int32_t n = top->n - 1; n > 0; n--)
	{
		TopEntry last = top->heap[n];

		top->heap[n] = top->heap[0];
		sift_down(top->heap, n, 0, last);
	}
}
