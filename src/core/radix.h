/*
 * radix.h - sorting by 64-bit keys
 */
#ifndef CORE_RADIX_H
#define CORE_RADIX_H

#include <string.h>

#include "env.h"

typedef struct RadixItem
{
	uint64_t key;
	int64_t index; /* what the key stands for */
} RadixItem;

/*
 * Sort ascending by key, equal keys in the order in which they stand.  scratch [n]; the answer is in items.  O(n) for each
 * 11 bits in which keys differ.
 */
extern CoreStatus radix_sort(Env *env, RadixItem *items, RadixItem *scratch, int64_t n);

/* A key that sorts as the number does; -0 as 0. */
static inline uint64_t
radix_key_real(double number)
{
	uint64_t bits;

	number += 0.0;
	memcpy(&bits, &number, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline uint64_t
radix_key_integer(int64_t number)
{
	return (uint64_t) number ^ UINT64_C(1) << 63;
}

#endif
