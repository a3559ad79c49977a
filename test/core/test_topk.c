/*
 * test_topk.c - the heap against a full sort
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "topk.h"

static int
best_first(const void *a, const void *b)
{
	const TopEntry *x = a;
	const TopEntry *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Random scores with ties, infinities and scores that are not numbers. */
static float
wild_score(uint64_t seed, uint64_t i, uint32_t levels)
{
	uint32_t kind = rng_below(seed, 0, i, 40);

	if (levels > 0 && kind == 0)
		return NAN;
	if (levels > 0 && kind == 1)
		return -INFINITY;
	if (levels > 0 && kind == 2)
		return INFINITY;
	return levels > 0 ? (float) rng_below(seed, 1, i, levels) : (float) rng_normal(seed, 2, i);
}

/* Push n scores in some order and compare with the first k of all, sorted. */
static void
compare(int32_t n, int32_t k, uint32_t levels, uint64_t seed, bool ask)
{
	TopEntry *all = core_malloc((size_t) n * sizeof(TopEntry));
	TopEntry *heap = core_malloc((size_t) k * sizeof(TopEntry));
	int32_t kept = n < k ? n : k;
	TopK top;
	bool same = true;

	topk_init(&top, heap, k);
	for (int32_t i = 0; i < n; i++)
	{
		/* A permutation, as 7919 is a prime that divides no n used here. */
		int32_t index = (int32_t) ((int64_t) i * 7919 % n);
		float score = wild_score(seed, (uint64_t) index, levels);

		all[index] = (TopEntry){.score = topk_order(score), .index = index};
		if (!ask || topk_wants(&top, score, index))
			topk_push(&top, score, index);
	}
	topk_finish(&top);
	qsort(all, (size_t) n, sizeof(TopEntry), best_first);
	CHECK(top.n == kept);
	for (int32_t i = 0; i < kept; i++)
		same &= heap[i].index == all[i].index && heap[i].score == all[i].score;
	CHECK(same);
	free(all);
	free(heap);
}

static void
test_against_sort(void)
{
	static const int32_t sizes[] = {1, 2, 3, 10, 100, 1000, 5000};
	static const int32_t wanted[] = {1, 2, 5, 10, 64, 1000};
	static const uint32_t levels[] = {0, 1, 3, 50};
	uint64_t seed = 0;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
	{
		for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++)
		{
			for (size_t l = 0; l < sizeof(levels) / sizeof(levels[0]); l++)
			{
				seed++;
				compare(sizes[s], wanted[w], levels[l], seed, seed % 2 == 0);
			}
		}
	}
}

static void
test_nothing_wanted(void)
{
	TopK top;

	topk_init(&top, NULL, 0);
	CHECK(!topk_wants(&top, 1.0f, 0));
	topk_push(&top, 1.0f, 0);
	topk_finish(&top);
	CHECK(top.n == 0);
}

static void
test_not_a_number(void)
{
	TopEntry heap[2];
	TopK top;

	topk_init(&top, heap, 2);
	topk_push(&top, NAN, 7);
	topk_push(&top, NAN, 3);
	CHECK(topk_wants(&top, NAN, 5));
	CHECK(!topk_wants(&top, NAN, 9));
	CHECK(topk_wants(&top, -1e30f, 9));
	topk_push(&top, NAN, 5);
	topk_push(&top, 0.0f, 9);
	topk_finish(&top);
	CHECK(top.n == 2 && heap[0].index == 9 && heap[1].index == 3);
}

int
main(void)
{
	test_against_sort();
	test_nothing_wanted();
	test_not_a_number();
	return check_finish();
}
