/*
 * recommender_evaluate.c - a published recommender judged by a source of what happened
 *
 * The answer is what cf_recommend (or, with a history given, cf_recommend_basket) would have recommended to each customer of
 * the source: by what the model knows of him, or by the history, popularity where neither is to be had; what was known
 * beforehand left out unless the model is one of repeats.  Items that the model does not know cannot be recommended; they
 * count as misses.  A model of ratings is judged by the errors of its predictions.
 *
 * Memory: the two lists of pairs and, for each customer, the measures, within maintenance_work_mem.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/interactions.h"
#include "api/rank_metrics.h"
#include "api/recommender_evaluate.h"
#include "api/recommender_judge.h"
#include "bridge/memory.h"
#include "core/recommend/feedback.h"

typedef struct Evaluation
{
	const Recommender *model;
	const EvaluateRequest *request;
	PgEnv env;
	int32 customers; /* rows: the model's, then strangers of the source */
	int32 *row; /* [customers of the source] */
	Interactions target; /* what happened */
	Interactions history; /* when given */
} Evaluation;

static uint64
evaluation_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const Evaluation *evaluation = arg;
	uint64 rows = memory_add(customers, evaluation->model->customers.n);

	return memory_add(memory_add(interactions_bytes(&evaluation->target, entries), memory_mul(entries, 12)),
					  memory_mul(rows, 16 + sizeof(double) * JUDGE_MEASURES));
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

/* Where each id of `from` stands in `to`; unknown ones get -1, or places from `next` on when that is not NULL. */
static int32 *
map_ids(const IdSet *from, const IdSet *to, int32 *next, const char *what)
{
	int32 *place = memory_huge(from->n, sizeof(int32));

	for (int32 i = 0; i < from->n; i++)
	{
		IdKey key = idset_key(from, i);
		IdKey converted = id_convert(&key, to->kind, what);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		place[i] = idset_find(to, &converted);
		if (place[i] < 0 && next != NULL)
			place[i] = (*next)++;
	}
	return place;
}

static Csr
matrix_from(Evaluation *evaluation, Interactions *in, int32 rows, int32 cols, bool values)
{
	const FeedbackSplit all = {.part = FEEDBACK_ALL};
	Csr out = {.rows = rows, .cols = cols};
	CooMerge merge;

	out.start = memory_huge((uint64) rows + 1, sizeof(int64));
	out.col = memory_huge(in->coo.n, sizeof(int32));
	out.value = values ? memory_huge(in->coo.n, sizeof(float)) : NULL;
	env_check(&evaluation->env,
			  csr_from_coo(&evaluation->env.base, &in->coo, feedback_keep, &all, &out, &merge),
			  "merging repeated pairs");
	interactions_free_entries(in);
	return out;
}

/* The pairs to be found, over the model's customers and then strangers, the model's items and then others. */
static Csr
read_target(Evaluation *evaluation, bool rated)
{
	Interactions *target = &evaluation->target;
	const Recommender *model = evaluation->model;
	int32 items = model->items.n;

	target->rated = rated;
	read_pairs(evaluation, evaluation->request->source, target);
	evaluation->customers = model->customers.n;
	evaluation->row =
		map_ids(target->customers, &model->customers, &evaluation->customers, "a customer of the source");
	interactions_renumber(target->coo.row, target->coo.n, evaluation->row);
	interactions_renumber(target->coo.col, target->coo.n,
						  map_ids(target->items, &model->items, &items, "an item of the source"));
	return matrix_from(evaluation, target, evaluation->customers, items, rated);
}

/* What is known of the target's customers: a history given, items that the model does not know left out. */
static Csr
read_history(Evaluation *evaluation)
{
	Interactions *history = &evaluation->history;
	const Recommender *model = evaluation->model;
	int32 *customer;

	read_pairs(evaluation, evaluation->request->history, history);
	customer = map_ids(history->customers, evaluation->target.customers, NULL, "a customer of the history");
	for (int32 c = 0; c < history->customers->n; c++)
		if (customer[c] >= 0)
			customer[c] = evaluation->row[customer[c]];
	interactions_renumber(history->coo.row, history->coo.n, customer);
	interactions_renumber(history->coo.col, history->coo.n,
						  map_ids(history->items, &model->items, NULL, "an item of the history"));
	return matrix_from(evaluation, history, evaluation->customers, model->items.n, true);
}

/* The rows are customers and items as the model has them, or beyond its last ones. */
static bool
predict(const Recommender *model, PgEnv *env, int32 customer, int32 item, float *rating)
{
	Taste taste = {.customer = customer < model->customers.n ? customer : -1};

	env_check(env,
			  model->methods->score_one(model, &env->base, &taste, item < model->items.n ? item : -1, rating),
			  "predicting");
	if (model->methods->shown != NULL && *rating > -INFINITY)
		*rating = model->methods->shown(model, *rating);
	return *rating > -INFINITY;
}

int
recommender_rating_metrics(const Recommender *model, PgEnv *env, const Csr *ratings, double mean,
						   const char *split, ModelMetric *metrics)
{
	static const char *const names[RECOMMENDER_RATING_METRICS] = {"rmse", "mae", "mean_rmse", "mean_mae"};
	double sums[RECOMMENDER_RATING_METRICS] = {0};
	int64 n = 0;

	for (int32 u = 0; u < ratings->rows; u++)
		for (int64 e = ratings->start[u]; e < ratings->start[u + 1]; e++)
		{
			double rating = ratings->value[e];
			float predicted;

			if (unlikely(e % 1024 == 0))
				CHECK_FOR_INTERRUPTS();
			if (!predict(model, env, u, ratings->col[e], &predicted))
				continue;
			sums[0] += (predicted - rating) * (predicted - rating);
			sums[1] += fabs(predicted - rating);
			sums[2] += (mean - rating) * (mean - rating);
			sums[3] += fabs(mean - rating);
			n++;
		}
	if (n == 0)
	{
		ereport(NOTICE, (errmsg("no evaluation: there is no rating to be predicted")));
		return 0;
	}
	for (int m = 0; m < RECOMMENDER_RATING_METRICS; m++)
		metrics[m] = (ModelMetric){.metric = names[m],
								   .split = split,
								   .value = m % 2 == 0 ? sqrt(sums[m] / n) : sums[m] / n,
								   .low = NAN,
								   .high = NAN,
								   .n = n};
	return RECOMMENDER_RATING_METRICS;
}

static void
judge(Evaluation *evaluation, JudgeTask *task, bool popularity, Judged *judged)
{
	task->popularity = popularity;
	recommender_judge(&evaluation->env, task, judged);
}

static ModelMetric *
evaluate_lists(Evaluation *evaluation, int *n_metrics)
{
	const EvaluateRequest *request = evaluation->request;
	const Recommender *model = evaluation->model;
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * 2 * RANK_METRICS);
	JudgeTask task = {.model = model,
					  .lengths = {request->k},
					  .n_lengths = 1,
					  .relevant = read_target(evaluation, false),
					  .targets = model->repeats ? JUDGE_ALL : JUDGE_NEW,
					  .exclude_seen = !model->repeats};
	const char *split = "given source";
	RankSummary summary;
	Judged judged;

	if (request->history != NULL)
	{
		task.history = read_history(evaluation);
		split = model->repeats ? "given source; given history taken in"
							   : "given source; given history folded in and left out";
	}
	else if (!model->repeats)
		split = "given source; what the model was trained on left out";
	*n_metrics = 0;
	judge(evaluation, &task, false, &judged);
	if (judged.n == 0)
	{
		ereport(NOTICE,
				(errmsg("nothing to judge by: the source has no item that its customer had not had before")));
		return metrics;
	}
	summary = judged_summary(&judged, 0);
	rank_metrics(&summary, "", request->k, split, metrics);
	judge(evaluation, &task, true, &judged);
	summary = judged_summary(&judged, 0);
	rank_metrics(&summary, "popularity_", request->k, split, metrics + RANK_METRICS);
	*n_metrics = 2 * RANK_METRICS;
	return metrics;
}

ModelMetric *
recommender_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
					 int *n_metrics)
{
	Evaluation evaluation = {.model = recommender_of(loaded), .request = request};
	ModelMetric *metrics;
	Csr ratings;

	env_init(&evaluation.env, CurrentMemoryContext);
	if (!evaluation.model->methods->rated)
		return evaluate_lists(&evaluation, n_metrics);
	if (request->history != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a model of ratings is evaluated without a history")));
	metrics = palloc(sizeof(ModelMetric) * RECOMMENDER_RATING_METRICS);
	ratings = read_target(&evaluation, true);
	*n_metrics = recommender_rating_metrics(evaluation.model, &evaluation.env, &ratings,
											evaluation.model->mean, "given source", metrics);
	return metrics;
}
