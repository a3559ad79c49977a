/*
 * basket_evaluate.c - published rules judged by a source of baskets
 *
 * One item is left out of each basket of two or more, drawn by the model's seed; is it among the k answers to the rest?  Items
 * that the model does not know cannot be answered; left out they count as misses.
 *
 * Memory: the source's pairs twice, within maintenance_work_mem.
 */
#include "postgres.h"

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
					  memory_add(memory_mul(customers, 8), memory_mul(items, 4)));
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
	interactions_renumber(in.coo.col, in.coo.n, map_items(in.items, &state->items));
	baskets = (Csr){
		.rows = in.customers->n,
		.cols = state->items.n + in.items->n,
		.start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) in.customers->n + 1)),
		.col = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) in.coo.n)};
	env_init(&env, CurrentMemoryContext);
	env_check(&env, csr_from_coo(&env.base, &in.coo, feedback_keep, &all, &baskets, &merge),
			  "merging repeated pairs");
	interactions_free_entries(&in);
	env_check(&env,
			  basket_judge(&env.base, &state->model, &baskets, NULL, 0, request->k, state->seed, &judgement),
			  "evaluating");
	*n_metrics = judgement.judged > 0 ? BASKET_METRICS : 0;
	if (judgement.judged > 0)
		basket_metrics(&judgement, request->k, "given source; one item left out of each basket", metrics);
	else
		ereport(NOTICE, (errmsg("nothing to judge by: the source has no basket of two items")));
	return metrics;
}
