/*
 * pair_counts.c - how often a customer and a key come together: an open-addressing table of 16 bytes a slot
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/pair_counts.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "core/radix.h"
#include "core/rng.h"

#define FIRST_SLOTS 1024
#define PAIR_NONE PG_UINT64_MAX
#define SETTLING_BYTES 48 /* per pair: sorting and the list */

uint64
pair_counts_memory(const PairCounts *counts)
{
	return memory_add(memory_mul(counts->slots, sizeof(uint64) + sizeof(int64)),
					  memory_mul(counts->used, SETTLING_BYTES));
}

static uint64
find_slot(const PairCounts *counts, uint64 pair)
{
	uint64 at = rng_mix(pair) & (counts->slots - 1);

	while (counts->pair[at] != PAIR_NONE && counts->pair[at] != pair)
		at = (at + 1) & (counts->slots - 1);
	return at;
}

static void
grow(PairCounts *counts)
{
	PairCounts next = *counts;

	next.slots = counts->slots == 0 ? FIRST_SLOTS : counts->slots * 2;
	next.pair = MemoryContextAllocHuge(counts->memory, sizeof(uint64) * next.slots);
	next.count = MemoryContextAllocHuge(counts->memory, sizeof(int64) * next.slots);
	memset(next.pair, 0xff, sizeof(uint64) * next.slots);
	for (uint64 i = 0; i < counts->slots; i++)
	{
		uint64 at;

		if (unlikely(i % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		if (counts->pair[i] == PAIR_NONE)
			continue;
		at = find_slot(&next, counts->pair[i]);
		next.pair[at] = counts->pair[i];
		next.count[at] = counts->count[i];
	}
	if (counts->slots > 0)
	{
		pfree(counts->pair);
		pfree(counts->count);
	}
	*counts = next;
}

void
pair_counts_add(PairCounts *counts, int32 customer, int32 key, void (*require)(void *arg, uint64 bytes),
				void *arg)
{
	uint64 pair = (uint64) customer << 32 | (uint32) key;
	uint64 at;

	if (unlikely(counts->used >= counts->slots - counts->slots / 4))
	{
		require(arg, memory_mul(memory_add(counts->slots, counts->slots / 2),
								2 * (sizeof(uint64) + sizeof(int64)) + SETTLING_BYTES));
		grow(counts);
	}
	at = find_slot(counts, pair);
	if (counts->pair[at] == PAIR_NONE)
	{
		counts->pair[at] = pair;
		counts->count[at] = 0;
		counts->used++;
	}
	counts->count[at]++;
}

/* Fill items with the pairs of customers that stay, customer and key as they are numbered now; returns how many. */
static int64
collect(PairCounts *counts, const int32 *place, const int32 *rank, RadixItem *items)
{
	int64 n = 0;

	for (uint64 i = 0; i < counts->slots; i++)
	{
		uint64 pair = counts->pair[i];
		int32 customer;
		int32 key;

		if (unlikely(i % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		if (pair == PAIR_NONE)
			continue;
		customer = place[pair >> 32];
		key = rank[(uint32) pair];
		if (customer < 0)
			continue;
		items[n++] = (RadixItem){.key = (uint64) customer << 32 | (uint32) key, .index = counts->count[i]};
		counts->by_key[key] += counts->count[i];
		counts->total += counts->count[i];
	}
	return n;
}

void
pair_counts_settle(PairCounts *counts, const int32 *place, int32 customers, IdTable *keys)
{
	Size n_keys = Max(ids_count(keys), 1);
	int32 *rank = MemoryContextAllocHuge(counts->memory, sizeof(int32) * n_keys);
	RadixItem *items = MemoryContextAllocHuge(counts->memory, sizeof(RadixItem) * (counts->used + 1));
	RadixItem *scratch = MemoryContextAllocHuge(counts->memory, sizeof(RadixItem) * (counts->used + 1));
	int64 n;
	int64 at = 0;
	PgEnv env;

	counts->keys = ids_sort(keys, counts->memory, rank);
	counts->by_key =
		MemoryContextAllocExtended(counts->memory, sizeof(int64) * n_keys, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	counts->list = MemoryContextAllocHuge(counts->memory, sizeof(PairCount) * (counts->used + 1));
	counts->start = MemoryContextAllocHuge(counts->memory, sizeof(int64) * ((Size) customers + 1));
	n = collect(counts, place, rank, items);
	env_init(&env, counts->memory);
	env_check(&env, radix_sort(&env.base, items, scratch, n), "sorting counts");
	for (int32 c = 0; c < customers; c++)
	{
		counts->start[c] = at;
		for (; at < n && (int32) (items[at].key >> 32) == c; at++)
			counts->list[at] = (PairCount){.key = (int32) (uint32) items[at].key, .count = items[at].index};
	}
	counts->start[customers] = at;
	pfree(rank);
	pfree(items);
	pfree(scratch);
}
