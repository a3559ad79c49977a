/*
 * mf_evaluate.c - a published factor model judged by a source of what happened
 *
 * The answer is what cf_recommend (or, with a history given, cf_recommend_basket) would have recommended to each
 * customer of the source: trained or folded-in factors, popularity where neither is to be had, the items known
 * beforehand left out.  To rank all customers in one pass, factors are widened by one: popularity, with weight 1 for those who are
 * answered by it and 0 for the others.  Items that the model does not know cannot be recommended; they count as
 * misses.
 *
 * Memory: (customers of the source + items) x (factors + 1) floats and the two lists of pairs, within
 * maintenance_work_mem.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/interactions.h"
#include "api/mf_model.h"
#include "api/mf_train.h"
#include "api/rank_metrics.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "core/recommend/rank.h"

typedef struct Evaluation
{
	const MfModel *model;
	const EvaluateRequest *request;
	PgEnv env;
	Interactions target; /* what happened */
	Interactions history; /* when given */
	int32 *customer; /* [target customers] index in the model, or -1 */
	Csr relevant; /* target customers x (items, then unknown items) */
	Csr seen; /* target customers x items */
	float *seen_weight; /* [entries of seen] with a history */
	float *queries; /* [target customers x (factors + 1)] */
	float *items; /* [items x (factors + 1)] */
} Evaluation;

static void *
huge(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(memory_mul(n, width), 1));
}

static uint64
evaluation_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const Evaluation *evaluation = arg;
	uint64 width = (uint64) evaluation->model->width + 1;
	uint64 rows = memory_add(customers, evaluation->model->items.n);

	uint64 judging =
		rank_evaluate_bytes((int32) Min(customers, PG_INT32_MAX), evaluation->model->items.n, (int32) width);

	judging = memory_add(judging, rank_member_bytes(evaluation->model->items.n, evaluation->request->k));
	return memory_add(memory_add(memory_add(interactions_bytes(&evaluation->target, entries), judging),
								 memory_mul(entries, 12)),
					  memory_mul(rows, 4 * width + 16));
}

static void
read_pairs(Evaluation *evaluation, const char *source, Interactions *in)
{
	in->memory = CurrentMemoryContext;
	in->need = evaluation_need;
	in->need_arg = evaluation;
	in->limit = memory_limit(NULL);
	interactions_read(source, in);
	if (in->coo.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s has no rows", in == &evaluation->target ? "source" : "history")));
}

/* Where each id of `from` stands in `to`; unknown ones get -1, or places after the last when `append`. */
static int32 *
map_ids(const IdSet *from, const IdSet *to, bool append, const char *what)
{
	int32 *place = huge(from->n, sizeof(int32));
	int32 next = to->n;

	for (int32 i = 0; i < from->n; i++)
	{
		IdKey key = idset_key(from, i);
		IdKey converted = id_convert(&key, to->kind, what);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		place[i] = idset_find(to, &converted);
		if (place[i] < 0 && append)
			place[i] = next++;
	}
	return place;
}

static void
matrix_from(Evaluation *evaluation, Interactions *in, int32 rows, int32 cols, bool values, Csr *out)
{
	const FeedbackSplit all = {.part = FEEDBACK_ALL};
	CooMerge merge;

	*out = (Csr){.rows = rows, .cols = cols};
	out->start = huge((uint64) rows + 1, sizeof(int64));
	out->col = huge(in->coo.n, sizeof(int32));
	out->value = values ? huge(in->coo.n, sizeof(float)) : NULL;
	env_check(&evaluation->env,
			  csr_from_coo(&evaluation->env.base, &in->coo, feedback_keep, &all, out, &merge),
			  "merging repeated pairs");
	interactions_free_entries(in);
}

/* The pairs to be found, over the target's customers; and who these are in the model. */
static void
read_target(Evaluation *evaluation)
{
	Interactions *target = &evaluation->target;
	const MfModel *model = evaluation->model;
	int32 *item;

	read_pairs(evaluation, evaluation->request->source, target);
	evaluation->customer = map_ids(target->customers, &model->customers, false, "a customer of the source");
	item = map_ids(target->items, &model->items, true, "an item of the source");
	interactions_renumber(target->coo.col, target->coo.n, item);
	matrix_from(evaluation, target, target->customers->n, model->items.n + target->items->n, false,
				&evaluation->relevant);
}

/* What is known of the target's customers: a history given, items that the model does not know left out. */
static void
read_history(Evaluation *evaluation)
{
	Interactions *history = &evaluation->history;
	const MfModel *model = evaluation->model;
	int32 *customer;
	int32 *item;

	read_pairs(evaluation, evaluation->request->history, history);
	customer = map_ids(history->customers, evaluation->target.customers, false, "a customer of the history");
	item = map_ids(history->items, &model->items, false, "an item of the history");
	interactions_renumber(history->coo.row, history->coo.n, customer);
	interactions_renumber(history->coo.col, history->coo.n, item);
	matrix_from(evaluation, history, evaluation->target.customers->n, model->items.n, true,
				&evaluation->seen);
	env_check(&evaluation->env,
			  feedback_transform(&evaluation->env.base, model->transform, &evaluation->seen), "weighing");
}

/* ... or what the model was trained on. */
static void
take_trained_history(Evaluation *evaluation)
{
	const MfModel *model = evaluation->model;
	int32 customers = evaluation->target.customers->n;
	Csr *seen = &evaluation->seen;
	int64 entries = 0;
	int32 n;

	*seen = (Csr){.rows = customers, .cols = model->items.n};
	seen->start = huge((uint64) customers + 1, sizeof(int64));
	for (int32 c = 0; c < customers; c++)
	{
		seen->start[c] = entries;
		if (evaluation->customer[c] >= 0)
			entries += (mf_seen(model, evaluation->customer[c], &n), n);
	}
	seen->start[customers] = entries;
	memory_require(memory_add(evaluation_need(evaluation, 0, customers, model->items.n),
							  memory_mul(entries, sizeof(int32))),
				   evaluation->target.limit, "evaluating");
	seen->col = huge(entries, sizeof(int32));
	for (int32 c = 0; c < customers; c++)
	{
		const int32 *items;

		if (c % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (evaluation->customer[c] < 0)
			continue;
		items = mf_seen(model, evaluation->customer[c], &n);
		memcpy(seen->col + seen->start[c], items, sizeof(int32) * n);
	}
}

static void
widen_items(Evaluation *evaluation)
{
	const MfModel *model = evaluation->model;
	Size factors = model->width;

	evaluation->items = huge(model->items.n, sizeof(float) * (factors + 1));
	for (Size i = 0; i < (Size) model->items.n; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(evaluation->items + i * (factors + 1), model->item_factors + i * factors,
			   sizeof(float) * factors);
		evaluation->items[i * (factors + 1) + factors] = model->buyers[i];
	}
}

/* One customer's factors, or zeros and a weight for popularity. */
static void
fill_query(Evaluation *evaluation, int32 c, float *query)
{
	const MfModel *model = evaluation->model;
	const Csr *seen = &evaluation->seen;
	int32 factors = model->width;
	int32 n = (int32) (seen->start[c + 1] - seen->start[c]);
	float *weights;

	memset(query, 0, sizeof(float) * (factors + 1));
	if (evaluation->request->history == NULL && evaluation->customer[c] >= 0)
		memcpy(query, model->user_factors + (Size) evaluation->customer[c] * factors,
			   sizeof(float) * factors);
	else if (evaluation->request->history != NULL && n > 0)
	{
		weights = seen->value + seen->start[c];
		env_check(&evaluation->env,
				  als_fold_in(&evaluation->env.base, &model->fit.implicit, model->item_factors,
							  model->items.n, model->gram, seen->col + seen->start[c], weights, n, query),
				  "folding a history in");
	}
	else
		query[factors] = 1;
}

static void
judge(Evaluation *evaluation, bool popularity, RankSummary *summary)
{
	const MfModel *model = evaluation->model;
	int32 customers = evaluation->target.customers->n;
	Size width = popularity ? 1 : model->width + 1;
	float *ones = huge(customers, sizeof(float));
	uint64 bytes = rank_evaluate_bytes(customers, model->items.n, (int32) width);
	void *shared = MemoryContextAllocExtended(CurrentMemoryContext, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RankTask task = {.user_factors = popularity ? ones : evaluation->queries,
					 .item_factors = popularity ? model->buyers : evaluation->items,
					 .factors = width,
					 .k = evaluation->request->k,
					 .seen = evaluation->seen,
					 .relevant = evaluation->relevant};

	for (int32 c = 0; c < customers; c++)
		ones[c] = 1;
	task.relevant.cols = task.seen.cols;
	env_check(&evaluation->env, rank_evaluate(&evaluation->env.base, &task, shared), "evaluating");
	rank_summary(&task, shared, summary);
	pfree(shared);
	pfree(ones);
}

/* A model of ratings is judged by the errors of its predictions, beside those of always saying its mean. */
static ModelMetric *
evaluate_ratings(Evaluation *evaluation, int *n_metrics)
{
	static const char *const names[] = {"rmse", "mae", "mean_rmse", "mean_mae"};
	const MfModel *model = evaluation->model;
	Interactions *target = &evaluation->target;
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * lengthof(names));
	double sums[lengthof(names)] = {0};
	int32 *customer;
	int32 *item;

	if (evaluation->request->history != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a model of ratings is evaluated without a history")));
	target->rated = true;
	read_pairs(evaluation, evaluation->request->source, target);
	customer = map_ids(target->customers, &model->customers, false, "a customer of the source");
	item = map_ids(target->items, &model->items, false, "an item of the source");
	for (int64 i = 0; i < target->coo.n; i++)
	{
		double rating = target->coo.value[i];
		double error = mf_predict(model, customer[target->coo.row[i]], item[target->coo.col[i]]) - rating;

		if (unlikely(i % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		sums[0] += error * error;
		sums[1] += fabs(error);
		sums[2] += (model->mean - rating) * (model->mean - rating);
		sums[3] += fabs(model->mean - rating);
	}
	for (int m = 0; m < (int) lengthof(names); m++)
	{
		double value = sums[m] / (double) target->coo.n;

		metrics[m] = (ModelMetric){.metric = names[m],
								   .split = "given source",
								   .value = m % 2 == 0 ? sqrt(value) : value,
								   .low = NAN,
								   .high = NAN,
								   .n = target->coo.n};
	}
	*n_metrics = lengthof(names);
	return metrics;
}

ModelMetric *
mf_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
			int *n_metrics)
{
	Evaluation evaluation = {.model = loaded->state, .request = request};
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * 2 * RANK_METRICS);
	Size width = (Size) evaluation.model->width + 1;
	const char *split = request->history == NULL ? "given source; what the model was trained on left out"
												 : "given source; given history folded in and left out";
	RankSummary summary;

	env_init(&evaluation.env, CurrentMemoryContext);
	if (evaluation.model->fit.rated)
		return evaluate_ratings(&evaluation, n_metrics);
	read_target(&evaluation);
	if (request->history != NULL)
		read_history(&evaluation);
	else
		take_trained_history(&evaluation);
	widen_items(&evaluation);
	evaluation.queries = huge(evaluation.target.customers->n, sizeof(float) * width);
	for (int32 c = 0; c < evaluation.target.customers->n; c++)
		fill_query(&evaluation, c, evaluation.queries + c * width);

	judge(&evaluation, false, &summary);
	if (summary.users == 0)
	{
		ereport(NOTICE,
				(errmsg("nothing to judge by: the source has no item that its customer had not had before")));
		*n_metrics = 0;
		return metrics;
	}
	rank_metrics(&summary, "", request->k, split, metrics);
	judge(&evaluation, true, &summary);
	rank_metrics(&summary, "popularity_", request->k, split, metrics + RANK_METRICS);
	*n_metrics = 2 * RANK_METRICS;
	return metrics;
}
