/*
 * radix.c - least significant digit first, 11 bits at a time; digits in which no keys differ are passed over
 */
#include "radix.h"

#define DIGIT_BITS 11
#define DIGITS 6
#define BUCKETS (1 << DIGIT_BITS)
#define STRETCH (1 << 17) /* items between two looks at the cancel flag */

static inline int
digit_of(uint64_t key, int digit)
{
	return (int) (key >> (DIGIT_BITS * digit)) & (BUCKETS - 1);
}

/* Bits in which the keys differ. */
static CoreStatus
find_differences(Env *env, const RadixItem *items, int64_t n, uint64_t *differ)
{
	*differ = 0;
	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		*differ |= items[i].key ^ items[0].key;
	}
	return CORE_OK;
}

static CoreStatus
pass(Env *env, const RadixItem *from, RadixItem *to, int64_t n, int digit)
{
	int64_t place[BUCKETS + 1] = {0};

	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		place[digit_of(from[i].key, digit) + 1]++;
	}
	for (int b = 0; b < BUCKETS; b++)
		place[b + 1] += place[b];
	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		to[place[digit_of(from[i].key, digit)]++] = from[i];
	}
	return CORE_OK;
}

CoreStatus
radix_sort(Env *env, RadixItem *items, RadixItem *scratch, int64_t n)
{
	RadixItem *from = items;
	RadixItem *to = scratch;
	uint64_t differ;
	CoreStatus status = find_differences(env, items, n, &differ);

	for (int digit = 0; digit < DIGITS && status == CORE_OK; digit++)
	{
		RadixItem *swap = from;

		if (digit_of(differ, digit) == 0)
			continue;
		status = pass(env, from, to, n, digit);
		from = to;
		to = swap;
	}
	if (status == CORE_OK && from != items)
		memcpy(items, from, sizeof(RadixItem) * (size_t) n);
	return status;
}
