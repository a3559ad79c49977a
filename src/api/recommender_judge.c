/*
 * recommender_judge.c - lists of any recommender, judged by what customers really had
 *
 * One customer after the other: the list that recommend_list would give, the longest length asked for, measured at each of the
 * lengths.  Customers of whom the model knows nothing get what is popular, as they would when served.
 *
 * Memory: for each customer (measures x lengths) doubles, and what one list takes.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/recommend.h"
#include "api/recommender_judge.h"

const char *const judge_measure_names[JUDGE_MEASURES] = {
	[RANK_PRECISION] = "precision", [RANK_RECALL] = "recall", [RANK_NDCG] = "ndcg",       [RANK_MAP] = "map",
	[RANK_HIT_RATE] = "hit_rate",   [RANK_MRR] = "mrr",       [JUDGE_NOVELTY] = "novelty"};

/* One call at work. */
typedef struct Judging
{
	const JudgeTask *task;
	PgEnv *env;
	Judged *judged;
	float *information; /* [items] -log2 of the share of the customers who had it */
	uint64 *listed; /* [lengths x words] a bit for each item that stood in a list */
	Size words;
	int32 *relevant; /* [items] of the customer at hand */
	TopEntry *top; /* [longest] */
} Judging;

static Taste
row_of(const Csr *matrix, int32 row)
{
	int64 start = matrix->start[row];

	return (Taste){.customer = -1,
				   .items = matrix->col + start,
				   .values = matrix->value != NULL ? matrix->value + start : NULL,
				   .n = (int32) (matrix->start[row + 1] - start)};
}

/* What the list is made for: the given history, or what the model was trained on, which knows nothing of strangers. */
static Taste
known_of(const JudgeTask *task, int32 customer)
{
	if (task->history.rows > 0)
		return row_of(&task->history, customer);
	return customer < task->model->customers.n ? recommender_history(task->model, customer)
											   : (Taste){.customer = -1};
}

/* What is to be found for a customer into relevant [*n], and how much more that the model does not know. */
static void
find_relevant(Judging *judging, int32 customer, const Taste *known, int32 *n, int32 *unreachable)
{
	Taste bought = row_of(&judging->task->relevant, customer);
	JudgeTargets targets = judging->task->targets;

	*n = 0;
	*unreachable = 0;
	for (int32 i = 0; i < bought.n; i++)
	{
		bool repeat = recommender_has(known->items, known->n, bought.items[i]);

		if (repeat ? targets == JUDGE_NEW : targets == JUDGE_REPEATS)
			continue;
		if (bought.items[i] >= judging->task->model->items.n)
			(*unreachable)++;
		else
			judging->relevant[(*n)++] = bought.items[i];
	}
}

static void
make_list(Judging *judging, int32 customer, const Taste *known, RecommendList *list)
{
	const JudgeTask *task = judging->task;
	const Recommender *model = task->model;
	Taste taste = {.customer = customer};
	SelectRules rules = {.k = Min(task->lengths[task->n_lengths - 1], model->items.n)};
	bool answers = known->n > 0 && !task->popularity;

	if (task->history.rows > 0)
	{
		taste = *known;
		answers = answers && model->methods->by_history != NULL;
	}
	if (task->exclude_seen)
	{
		rules.filter.exclude = known->items;
		rules.filter.n_exclude = known->n;
	}
	if (task->candidates != NULL)
	{
		Taste row = row_of(task->candidates, customer);

		rules.filter.candidates = row.items;
		rules.filter.n_candidates = row.n;
	}
	recommend_list(model, judging->env, answers ? &taste : NULL, &rules, list);
}

static double
novelty_of(const Judging *judging, int32 n)
{
	double sum = 0;

	for (int32 i = 0; i < n; i++)
		sum += judging->information[judging->top[i].index];
	return n > 0 ? sum / n : 0;
}

static void
measure_list(Judging *judging, const RecommendList *list, int32 n_relevant, int32 unreachable)
{
	const JudgeTask *task = judging->task;
	Judged *judged = judging->judged;

	for (int32 i = 0; i < list->n; i++)
		judging->top[i] = (TopEntry){.index = list->entry[i].item};
	for (int l = 0; l < task->n_lengths; l++)
	{
		int32 n = Min(list->n, task->lengths[l]);
		uint64 *listed = judging->listed + l * judging->words;
		double measures[RANK_MEASURES];

		rank_measure(judging->top, n, task->lengths[l], judging->relevant, n_relevant, unreachable, measures);
		for (int m = 0; m < RANK_MEASURES; m++)
			judged->measure[l][m][judged->n] = measures[m];
		judged->measure[l][JUDGE_NOVELTY][judged->n] = novelty_of(judging, n);
		for (int32 i = 0; i < n; i++)
			listed[judging->top[i].index / 64] |= UINT64CONST(1) << (judging->top[i].index % 64);
	}
}

static void
judge_customer(Judging *judging, int32 customer)
{
	const JudgeTask *task = judging->task;
	Taste known = known_of(task, customer);
	RecommendList list;
	int32 n_relevant;
	int32 unreachable;

	if (task->known_only && known.n == 0)
		return;
	find_relevant(judging, customer, &known, &n_relevant, &unreachable);
	if (n_relevant + unreachable == 0)
		return;
	make_list(judging, customer, &known, &list);
	measure_list(judging, &list, n_relevant, unreachable);
	judging->judged->customer[judging->judged->n++] = customer;
}

static void
judging_open(Judging *judging, const JudgeTask *task, PgEnv *env, Judged *judged)
{
	MemoryContext memory = CurrentMemoryContext;
	const Recommender *model = task->model;
	Size customers = Max(task->relevant.rows, 1);
	Size items = Max(model->items.n, 1);

	*judging = (Judging){.task = task, .env = env, .judged = judged, .words = (items + 63) / 64};
	judged->n = 0;
	judged->customer = MemoryContextAllocHuge(memory, customers * sizeof(int32));
	for (int l = 0; l < task->n_lengths; l++)
		for (int m = 0; m < JUDGE_MEASURES; m++)
			judged->measure[l][m] = MemoryContextAllocHuge(memory, customers * sizeof(double));
	judging->information = MemoryContextAllocHuge(memory, items * sizeof(float));
	for (int32 i = 0; i < model->items.n; i++)
		judging->information[i] = -log2f(Max(model->buyers[i], 1) / (float) model->customers.n);
	judging->listed = MemoryContextAllocZero(memory, judging->words * task->n_lengths * sizeof(uint64));
	judging->relevant = MemoryContextAllocHuge(memory, items * sizeof(int32));
	judging->top = palloc(sizeof(TopEntry) * task->lengths[task->n_lengths - 1]);
}

static void
judging_close(Judging *judging)
{
	const JudgeTask *task = judging->task;

	for (int l = 0; l < task->n_lengths; l++)
	{
		int64 listed = 0;

		for (Size w = 0; w < judging->words; w++)
			listed += __builtin_popcountll(judging->listed[l * judging->words + w]);
		judging->judged->coverage[l] = (double) listed / Max(task->model->items.n, 1);
	}
	pfree(judging->information);
	pfree(judging->listed);
	pfree(judging->relevant);
	pfree(judging->top);
}

void
recommender_judge(PgEnv *env, const JudgeTask *task, Judged *judged)
{
	MemoryContext per_list =
		AllocSetContextCreate(CurrentMemoryContext, "promoai judged list", ALLOCSET_DEFAULT_SIZES);
	PgEnv list_env = *env;
	Judging judging;
	MemoryContext caller;

	judging_open(&judging, task, &list_env, judged);
	list_env.memory = per_list;
	caller = MemoryContextSwitchTo(per_list);
	for (int32 customer = 0; customer < task->relevant.rows; customer++)
	{
		CHECK_FOR_INTERRUPTS();
		judge_customer(&judging, customer);
		MemoryContextReset(per_list);
	}
	MemoryContextSwitchTo(caller);
	judging_close(&judging);
	MemoryContextDelete(per_list);
}

RankSummary
judged_summary(const Judged *judged, int which)
{
	RankSummary summary = {.users = judged->n, .coverage = judged->coverage[which]};

	for (int m = 0; m < RANK_MEASURES; m++)
	{
		const double *values = judged->measure[which][m];
		double squares = 0;

		for (int32 i = 0; i < judged->n; i++)
			summary.mean[m] += values[i] / judged->n;
		for (int32 i = 0; i < judged->n; i++)
			squares += (values[i] - summary.mean[m]) * (values[i] - summary.mean[m]);
		if (judged->n > 1)
			summary.std_error[m] = sqrt(squares / (judged->n - 1) / judged->n);
	}
	return summary;
}
