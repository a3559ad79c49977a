/*
 * basket_mine.c - from a source of (basket, item) to rules
 *
 * The reader is that of all recommenders, with baskets for customers: repeated rows count once, values (quantities) are
 * summed, and a pair whose sum is zero or less is dropped, so that returns take back what they return.
 *
 * Memory: what reading takes; then 4 bytes per pair and 8 per basket; all that is left of the limit may be taken by the
 * search for itemsets, and then by the rules.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "api/basket_mine.h"
#include "bridge/memory.h"
#include "bridge/testpoint.h"
#include "core/recommend/feedback.h"

static uint64
baskets_bytes(uint64 pairs, uint64 baskets)
{
	return memory_add(memory_mul(pairs, sizeof(int32)), memory_mul(memory_add(baskets, 1), sizeof(int64)));
}

/* Interactions.need: entries as they are read, beside the baskets made of them. */
static uint64
reading_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const BasketMine *mine = arg;
	uint64 need = memory_add(interactions_bytes(&mine->in, entries), baskets_bytes(entries, customers));

	return memory_add(need, memory_mul(entries, sizeof(float))); /* while values are summed */
}

static uint64
ids_bytes(const IdSet *ids)
{
	switch (ids->kind)
	{
		case ID_INTEGER:
			return memory_mul(ids->n, sizeof(int64));
		case ID_UUID:
			return memory_mul(ids->n, 16);
		case ID_TEXT:
			return memory_add(memory_mul(ids->n, sizeof(uint64)), ids->start[ids->n]);
	}
	return 0;
}

static Csr
room_for_baskets(const Interactions *in)
{
	return (Csr){
		.rows = in->customers->n,
		.cols = in->items->n,
		.start = MemoryContextAllocHuge(in->memory, sizeof(int64) * ((Size) in->customers->n + 1)),
		.col = MemoryContextAllocHuge(in->memory, sizeof(int32) * (Size) Max(in->coo.n, 1)),
	};
}

void
basket_mine_read(BasketMine *mine, const char *source, uint64 limit)
{
	const FeedbackSplit all = {.part = FEEDBACK_ALL};
	Interactions *in = &mine->in;
	CooMerge merge;

	in->memory = CurrentMemoryContext;
	in->who = "basket";
	in->what = "finding rules";
	in->need = reading_need;
	in->need_arg = mine;
	in->limit = limit;
	env_init(&mine->env, CurrentMemoryContext);
	interactions_read(source, in);
	interactions_settle(in);
	mine->baskets = room_for_baskets(in);
	env_check(&mine->env,
			  csr_from_coo(&mine->env.base, &in->coo, feedback_keep, &all, &mine->baskets, &merge),
			  "merging repeated pairs");
	mine->held = memory_add(baskets_bytes(in->coo.n, in->customers->n),
							memory_add(ids_bytes(in->customers), ids_bytes(in->items)));
	interactions_free_entries(in);
}

/* The fewest baskets a set must be in: the smallest number whose share is min_support or more, and min_baskets. */
static int32
fewest_baskets(const BasketThresholds *thresholds, int32 baskets)
{
	double least = floor(thresholds->min_support * baskets);

	while (least < baskets && least / baskets < thresholds->min_support)
		least++;
	return (int32) Max(least, thresholds->min_baskets);
}

static void
too_much(const BasketMine *mine, const char *what, int64 found, int32 fewest)
{
	uint64 limit = mine->in.limit;

	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("finding rules needs more than the allowed %s of memory", memory_pretty(limit - 1)),
			 errdetail("It ended after " INT64_FORMAT " %s of items that are together in %d baskets or more.",
					   found, what, fewest),
			 errhint("Raise min_support or min_baskets, lower max_items, raise maintenance_work_mem, or "
					 "pass memory => '%s'.",
					 memory_pretty(memory_mul(limit, 2) - 1))));
}

void
basket_mine_find(BasketMine *mine, const BasketThresholds *thresholds, const Csr *baskets, uint64 beside,
				 Itemsets *sets, Rules *rules)
{
	uint64 held = memory_add(mine->held, beside);
	uint64 left = mine->in.limit > held ? mine->in.limit - held : 0;
	ItemsetParams search = {.min_baskets = fewest_baskets(thresholds, baskets->rows),
							.max_items = thresholds->max_items,
							.memory = left};
	RuleParams choice = {.min_confidence = thresholds->min_confidence,
						 .min_lift = thresholds->min_lift,
						 .max_rules = thresholds->max_rules};

	env_check(&mine->env, itemsets_find(&mine->env.base, baskets, &search, sets), "finding itemsets");
	if (sets->full || sets->bytes > left)
		too_much(mine, "sets", sets->n, search.min_baskets);
	choice.memory = left - sets->bytes;
	test_point("solving");
	env_check(&mine->env, rules_find(&mine->env.base, sets, &choice, rules), "finding rules");
	if (rules->full)
		too_much(mine, "rules", rules->n, search.min_baskets);
}
