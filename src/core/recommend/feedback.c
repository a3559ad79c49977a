/*
 * feedback.c - weights, parts and popularity of customers' behaviour
 */
#include "feedback.h"

#include <math.h>
#include <stdlib.h>

#include "../rng.h"

/* Streams of the seed, so that pairs and rows are drawn independently of each other. */
#define STREAM_PAIRS UINT64_C(0x70616972)
#define STREAM_ROWS UINT64_C(0x726f7773)

float
feedback_weight(FeedbackTransform transform, float value)
{
	switch (transform)
	{
		case FEEDBACK_BINARY:
			return 1.0f;
		case FEEDBACK_LOG1P:
			return log1pf(value);
		case FEEDBACK_NONE:
			return value;
	}
	return value;
}

void
feedback_transform(FeedbackTransform transform, Csr *a)
{
	if (a->value == NULL)
		return;
	for (int64_t i = 0; i < csr_entries(a); i++)
		a->value[i] = feedback_weight(transform, a->value[i]);
}

/* True with probability `share`, always the same for the same numbers. */
static bool
drawn(uint64_t seed, uint64_t a, uint64_t b, double share)
{
	return (double) (rng_hash3(seed, a, b) >> 11) * 0x1p-53 < share;
}

bool
feedback_keep(const Coo *coo, int64_t entry, const void *arg)
{
	const FeedbackSplit *split = arg;
	int32_t row = coo->row[entry];
	int32_t col = coo->col[entry];
	bool test;

	if (row < 0 || col < 0)
		return false;
	if (split->part == FEEDBACK_ALL)
		return true;
	if (split->late != NULL)
		test = split->late[entry] != 0;
	else
		test = drawn(split->seed ^ STREAM_PAIRS, (uint64_t) row, (uint64_t) col, split->share);
	if (split->part == FEEDBACK_TRAIN)
		return !test;
	return test && (split->judged_rows >= 1.0 ||
					drawn(split->seed ^ STREAM_ROWS, (uint64_t) row, 0, split->judged_rows));
}

void
feedback_popularity(const Csr *a, float *count)
{
	for (int32_t i = 0; i < a->cols; i++)
		count[i] = 0;
	for (int64_t i = 0; i < csr_entries(a); i++)
		count[a->col[i]] += 1;
}

typedef struct Counted
{
	float count;
	int32_t index;
} Counted;

static int
compare_counted(const void *left, const void *right)
{
	const Counted *a = left;
	const Counted *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

CoreStatus
feedback_order(Env *env, const float *count, int32_t n, int32_t *order)
{
	Counted *counted = env->alloc(env, sizeof(Counted) * ((size_t) n + 1));

	if (counted == NULL)
		return CORE_NO_MEMORY;
	for (int32_t i = 0; i < n; i++)
		counted[i] = (Counted){.count = count[i], .index = i};
	qsort(counted, (size_t) n, sizeof(Counted), compare_counted);
	for (int32_t i = 0; i < n; i++)
		order[i] = counted[i].index;
	env->release(env, counted);
	return CORE_OK;
}

void
feedback_inverse_norms(const float *factors, int32_t rows, int32_t width, float *inverse)
{
	for (int32_t r = 0; r < rows; r++)
	{
		const float *row = factors + (size_t) r * (size_t) width;
		double sum = 0;

		for (int32_t f = 0; f < width; f++)
			sum += (double) row[f] * row[f];
		inverse[r] = sum > 0 ? (float) (1.0 / sqrt(sum)) : 0.0f;
	}
}
