/*
 * basket_evaluate.c - published rules judged by a source of baskets
 *
 * One item is left out of each basket of two or more, drawn by the model's seed; is it among the k answers to the rest?  Items
 * that the model does not know cannot be answered; left out they count as misses.  Where versions are compared, the item left out
 * is drawn by its id, so that it is the same for both, and a basket's measure is the NDCG of that item's place.
 *
 * Memory: the source's pairs twice, within maintenance_work_mem.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/basket_model.h"
#include "api/basket_train.h"
#include "api/interactions.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "core/recommend/feedback.h"

static uint64
evaluation_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const Interactions *in = arg;

	return memory_add(memory_add(interactions_bytes(in, entries), memory_mul(entries, 8)),
					  memory_add(memory_mul(customers, 28), memory_mul(items, 12)));
}

/* Where each item of the source stands in the model; those that it does not know get places after the last. */
static int32 *
map_items(const IdSet *from, const IdSet *to)
{
	int32 *place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) Max(from->n, 1));
	int32 next = to->n;

	for (int32 i = 0; i < from->n; i++)
	{
		IdKey key = idset_key(from, i);
		IdKey converted = id_convert(&key, to->kind, "an item of the source");

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		place[i] = idset_find(to, &converted);
		if (place[i] < 0)
			place[i] = next++;
	}
	return place;
}

/* The keys of the columns in use: hashes of the source's items. */
static uint64 *
hash_items(const IdSet *items, const int32 *place, int32 columns)
{
	uint64 *hash = memory_huge(columns, sizeof(uint64));

	for (int32 i = 0; i < items->n; i++)
	{
		IdKey key = idset_key(items, i);

		hash[place[i]] = id_hash(&key);
	}
	return hash;
}

/* Each judged basket as a case. */
static void
put_cases(const IdSet *baskets, const int32 *place, int32 k, EvaluateCases *cases)
{
	cases->measure = psprintf("ndcg@%d", k);
	cases->lower_is_better = false;
	cases->key = memory_huge(baskets->n, sizeof(uint64));
	cases->value = memory_huge(baskets->n, sizeof(double));
	for (int32 b = 0; b < baskets->n; b++)
	{
		IdKey key = idset_key(baskets, b);

		if (place[b] < 0)
			continue;
		cases->key[cases->n] = id_hash(&key);
		cases->value[cases->n++] = place[b] > 0 ? 1 / log2(1.0 + place[b]) : 0;
	}
}

ModelMetric *
basket_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
				int *n_metrics)
{
	const FeedbackSplit all = {.part = FEEDBACK_ALL};
	const BasketState *state = loaded->state;
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * BASKET_METRICS);
	Interactions in = {.memory = CurrentMemoryContext,
					   .who = "basket",
					   .what = "evaluating",
					   .need = evaluation_need,
					   .limit = memory_limit(NULL)};
	BasketJudgement judgement;
	BasketCases wanted;
	int32 *item_place;
	CooMerge merge;
	PgEnv env;
	Csr baskets;

	if (request->history != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a model of basket rules is evaluated without a history"),
						errhint("One item of each basket is left out, the others are its history.")));
	in.need_arg = &in;
	interactions_read(request->source, &in);
	if (in.coo.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no rows")));
	item_place = map_items(in.items, &state->items);
	interactions_renumber(in.coo.col, in.coo.n, item_place);
	baskets = (Csr){
		.rows = in.customers->n,
		.cols = state->items.n + in.items->n,
		.start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) in.customers->n + 1)),
		.col = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) in.coo.n)};
	env_init(&env, CurrentMemoryContext);
	env_check(&env, csr_from_coo(&env.base, &in.coo, feedback_keep, &all, &baskets, &merge),
			  "merging repeated pairs");
	interactions_free_entries(&in);
	if (request->cases != NULL)
		wanted = (BasketCases){.item_key = hash_items(in.items, item_place, baskets.cols),
							   .place = memory_huge(baskets.rows, sizeof(int32))};
	env_check(&env,
			  basket_judge(&env.base, &state->model, &baskets, NULL, 0, request->k,
						   request->cases == NULL ? state->seed : 0, request->cases == NULL ? NULL : &wanted,
						   &judgement),
			  "evaluating");
	if (request->cases != NULL)
		put_cases(in.customers, wanted.place, request->k, request->cases);
	*n_metrics = judgement.judged > 0 ? BASKET_METRICS : 0;
	if (judgement.judged > 0)
		basket_metrics(&judgement, request->k, "given source; one item left out of each basket", metrics);
	else
		ereport(NOTICE, (errmsg("nothing to judge by: the source has no basket of two items")));
	return metrics;
}
