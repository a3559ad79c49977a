/*
 * feedback.c - weights, parts and popularity of customers' behaviour
 */
#include "feedback.h"

#include <math.h>
#include <string.h>

#include "../rng.h"

#define STRETCH 65536 /* entries between two looks at the cancel flag */
#define NORM_ROWS 4096 /* the same in rows of factors */

/* Streams of the seed, so that pairs and rows are drawn independently of each other. */
#define STREAM_PAIRS UINT64_C(0x70616972)
#define STREAM_ROWS UINT64_C(0x726f7773)

static inline int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

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

/* What a value of which this is the weight was. */
static float
value_of_weight(FeedbackTransform transform, float weight)
{
	return transform == FEEDBACK_LOG1P ? expm1f(weight) : weight;
}

static CoreStatus
each_value(Env *env, FeedbackTransform transform, float (*change)(FeedbackTransform transform, float value),
		   Csr *a)
{
	int64_t entries = a->value != NULL ? csr_entries(a) : 0;

	for (int64_t lo = 0; lo < entries; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, entries);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
			a->value[e] = change(transform, a->value[e]);
	}
	return CORE_OK;
}

CoreStatus
feedback_transform(Env *env, FeedbackTransform transform, Csr *a)
{
	return each_value(env, transform, feedback_weight, a);
}

CoreStatus
feedback_restore(Env *env, FeedbackTransform transform, Csr *a)
{
	return each_value(env, transform, value_of_weight, a);
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

CoreStatus
feedback_popularity(Env *env, const Csr *a, float *count)
{
	int64_t entries = csr_entries(a);

	for (int32_t i = 0; i < a->cols; i++)
		count[i] = 0;
	for (int64_t lo = 0; lo < entries; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, entries);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
			count[a->col[e]] += 1;
	}
	return CORE_OK;
}

CoreStatus
feedback_inverse_norms(Env *env, const float *factors, int32_t rows, int32_t width, float *inverse)
{
	for (int32_t r = 0; r < rows; r++)
	{
		const float *row = factors + (size_t) r * (size_t) width;
		double sum = 0;

		if (r % NORM_ROWS == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t f = 0; f < width; f++)
			sum += (double) row[f] * row[f];
		inverse[r] = sum > 0 ? (float) (1.0 / sqrt(sum)) : 0.0f;
	}
	return CORE_OK;
}
