/*
 * pair_counts.h - how often a customer and a key (a category, a promotion) come together
 */
#ifndef PROMOAI_API_PAIR_COUNTS_H
#define PROMOAI_API_PAIR_COUNTS_H

#include "postgres.h"

#include "bridge/ids.h"

/* A customer's rows of one key. */
typedef struct PairCount
{
	int32 key;
	int64 count;
} PairCount;

typedef struct PairCounts
{
	MemoryContext memory;
	uint64 *pair; /* [slots] customer in the upper half, key in the lower; PAIR_NONE: empty */
	int64 *count; /* [slots] */
	uint64 slots; /* a power of two, at most three quarters full; 0: none yet */
	uint64 used;

	/* settled: the pairs of customer c stand at start[c] .. start[c + 1] - 1, by key */
	IdSet *keys;
	PairCount *list;
	int64 *start; /* [customers + 1] */
	int64 *by_key; /* [keys] rows of all customers */
	int64 total;
} PairCounts;

/* Count one row.  `require(arg, bytes)` is asked before the table grows, with what it will take. */
extern void pair_counts_add(PairCounts *counts, int32 customer, int32 key,
							void (*require)(void *arg, uint64 bytes), void *arg);

extern uint64 pair_counts_memory(const PairCounts *counts);

/* Put together by customer: place [ids] gives each customer's number among `customers`, -1: left out.  Takes the keys' table. */
extern void pair_counts_settle(PairCounts *counts, const int32 *place, int32 customers, IdTable *keys);

#endif
