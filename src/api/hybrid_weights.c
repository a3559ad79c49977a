/*
 * hybrid_weights.c - the weights of a hybrid's members, fitted on a validation part of interactions
 *
 * Phases: the interactions are parted, by time where they have one; each member is learned from the earlier part by its stored
 * definition; for up to MAX_JUDGED customers who had something in the later part, the items that stand high with any member become
 * candidates, with every member's standardised score; then weights are searched for (core/recommend/hybrid.h).
 *
 * What is reported is honest about the fitting: customers are parted in two halves, weights fitted on one are judged on the
 * other, and the other way round.  The published weights are fitted on both.
 *
 * Memory: the members as they are learned, one score for each item and member, and 9 + 4 members bytes for each candidate,
 * of which a customer has at most `BEST` times the members.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/hybrid_weights.h"
#include "api/holdout.h"
#include "api/recommender_judge.h"
#include "bridge/memory.h"
#include "core/recommend/feedback.h"
#include "core/rng.h"

#define MAX_JUDGED 2000
#define BEST 100 /* of each member, or five times the list's length */
#define STREAM_FOLD UINT64CONST(0x666f6c64)

static void *
room(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, memory_mul(Max(n, 1), width));
}

/* ---- the parts ---- */

typedef struct Parting
{
	FeedbackSplit split;
	uint8 *late; /* [entries] NULL: by a hash of the pair */
	char *description;
} Parting;

static int64
count_after(const Interactions *in, int64 at)
{
	int64 n = 0;

	CHECK_FOR_INTERRUPTS();
	for (int64 i = 0; i < in->coo.n; i++)
		n += in->time[i] > at;
	return n;
}

/* The latest whole second, or the one before it, after which at least a share of the entries lies. */
static int64
time_before_newest(const Interactions *in, double share)
{
	int64 low = in->time[0];
	int64 high = in->time[0];
	int64 wanted = (int64) ceil(share * (double) in->coo.n);

	for (int64 i = 0; i < in->coo.n; i++)
	{
		low = Min(low, in->time[i]);
		high = Max(high, in->time[i]);
	}
	low -= 1;
	while (high - low > USECS_PER_SEC)
	{
		int64 middle = low + (high - low) / 2;

		if (count_after(in, middle) >= wanted)
			low = middle;
		else
			high = middle;
	}
	return low - (low % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC;
}

static Parting
part_interactions(const HybridFit *fit, const Interactions *in)
{
	Parting parting = {.split = {.judged_rows = 1, .share = fit->holdout, .seed = fit->seed}};
	OptionTime after = fit->after;

	if (!after.set && in->time != NULL && in->coo.n > 0)
		after = (OptionTime){.set = true, .at = time_before_newest(in, fit->holdout)};
	if (after.set)
	{
		parting.late = room(in->coo.n, 1);
		for (int64 i = 0; i < in->coo.n; i++)
			parting.late[i] = in->time[i] > after.at;
		parting.split.late = parting.late;
		parting.description = psprintf("rows after %s", option_time_text(&after));
	}
	else
		parting.description = psprintf("%g of the pairs, seed " UINT64_FORMAT, fit->holdout, fit->seed);
	return parting;
}

/* The entries to learn from, with the same customers and items. */
static Interactions
earlier_part(const Interactions *in, const Parting *parting)
{
	FeedbackSplit split = parting->split;
	Interactions part = *in;
	int64 n = 0;

	split.part = FEEDBACK_TRAIN;
	part.memory = CurrentMemoryContext;
	part.late = NULL;
	part.late_after.set = false;
	part.coo.row = room(in->coo.n, sizeof(int32));
	part.coo.col = room(in->coo.n, sizeof(int32));
	part.coo.value = in->coo.value == NULL ? NULL : room(in->coo.n, sizeof(float));
	part.time = in->time == NULL ? NULL : room(in->coo.n, sizeof(int64));
	for (int64 i = 0; i < in->coo.n; i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		if (!feedback_keep(&in->coo, i, &split))
			continue;
		part.coo.row[n] = in->coo.row[i];
		part.coo.col[n] = in->coo.col[i];
		if (part.coo.value != NULL)
			part.coo.value[n] = in->coo.value[i];
		if (part.time != NULL)
			part.time[n] = in->time[i];
		n++;
	}
	part.coo.n = n;
	part.pairs = n;
	return part;
}

static Csr
later_part(const Interactions *in, const Parting *parting, PgEnv *env)
{
	FeedbackSplit split = parting->split;
	Csr held = {.rows = in->customers->n, .cols = in->items->n};
	CooMerge merge;

	split.part = FEEDBACK_TEST;
	held.start = room((uint64) held.rows + 1, sizeof(int64));
	held.col = room(in->coo.n, sizeof(int32));
	env_check(env, csr_from_coo(&env->base, &in->coo, feedback_keep, &split, &held, &merge),
			  "merging repeated pairs");
	return held;
}

/* By time: nothing is learned from the future, so the earlier part knows no customer and item but its own. */
static void
part_by_time(const Interactions *in, const Parting *parting, PgEnv *env, Interactions *earlier, Csr *held)
{
	HoldoutCut cut;

	holdout_cut(in, parting->split, PG_INT32_MAX, &cut);
	held->start = room((uint64) cut.rest.customers->n + 1, sizeof(int64));
	held->col = room(cut.late.n, sizeof(int32));
	held->value = NULL;
	holdout_cut_matrix(&cut, env, held);
	*earlier = cut.rest;
}

/* ---- members ---- */

HybridModel *
hybrid_fit_members(Model **models, int n, const double *weights, bool repeats, const Interactions *in,
				   uint64 limit)
{
	HybridMember members[HYBRID_MAX_MEMBERS] = {0};

	for (int m = 0; m < n; m++)
	{
		const ModelKind *kind = kind_find(models[m]->kind);

		members[m].model = kind->fit(models[m], in, limit, CurrentMemoryContext);
		members[m].weight = weights != NULL ? weights[m] : 1.0 / n;
	}
	return hybrid_make(members, n, repeats);
}

/* ---- candidates ---- */

/* Arrays of the problem while they grow. */
typedef struct Gathering
{
	HybridFit *fit;
	PgEnv *env;
	const HybridModel *model;
	const Csr *held;
	int32 best; /* items taken of each member */
	float *scores; /* [n x items] */
	uint8 *opinion; /* [items] */
	uint8 *chosen; /* [items] */
	TopEntry *heap; /* [best] */
	int64 n; /* candidates */
	int64 room;
	HybridProblem problem;
	int64 *start;
	int32 *item;
	float *score;
	uint8 *relevant;
	int32 *wanted;
	uint8 *fold;
} Gathering;

static void
make_room(Gathering *gathering, int64 more)
{
	int members = gathering->fit->n;
	uint64 each = sizeof(int32) + sizeof(uint8) + sizeof(float) * members;
	int64 wanted = gathering->n + more;

	if (wanted <= gathering->room)
		return;
	wanted = Max(wanted, gathering->room + gathering->room / 2);
	memory_require(memory_mul(wanted, each), gathering->fit->limit, "fitting weights");
	if (gathering->room == 0)
	{
		gathering->item = room(wanted, sizeof(int32));
		gathering->relevant = room(wanted, 1);
		gathering->score = room(wanted, sizeof(float) * members);
	}
	else
	{
		gathering->item = repalloc_huge(gathering->item, wanted * sizeof(int32));
		gathering->relevant = repalloc_huge(gathering->relevant, wanted);
		gathering->score = repalloc_huge(gathering->score, wanted * sizeof(float) * members);
	}
	gathering->room = wanted;
}

/* Mark the best items of member m; those seen are no candidates where repeats are not wanted. */
static void
choose_best(Gathering *gathering, int m, const Taste *history)
{
	const float *scores = gathering->scores + (Size) m * gathering->model->base.items.n;
	int32 seen = 0;
	TopK top;

	topk_init(&top, gathering->heap, gathering->best);
	for (int32 i = 0; i < gathering->model->base.items.n; i++)
	{
		while (seen < history->n && history->items[seen] < i)
			seen++;
		if (!gathering->opinion[i] ||
			(!gathering->fit->repeats && seen < history->n && history->items[seen] == i))
			continue;
		if (topk_wants(&top, scores[i], i))
			topk_push(&top, scores[i], i);
	}
	for (int32 i = 0; i < top.n; i++)
		gathering->chosen[gathering->heap[i].index] = 1;
}

/* All members' scores of a customer, and which items become candidates. */
static void
score_customer(Gathering *gathering, int32 customer, const Taste *history)
{
	Taste taste = {.customer = customer};
	int32 items = gathering->model->base.items.n;

	memset(gathering->chosen, 0, items);
	for (int m = 0; m < gathering->fit->n; m++)
	{
		float *scores = gathering->scores + (Size) m * items;
		bool answers;

		memset(gathering->opinion, 0, items);
		env_check(gathering->env,
				  hybrid_member_scores(gathering->model, &gathering->env->base, m, &taste, scores,
									   gathering->opinion, &answers),
				  "scoring items");
		if (answers)
			choose_best(gathering, m, history);
		else
			memset(scores, 0, sizeof(float) * items);
	}
}

static void
gather_customer(Gathering *gathering, int32 customer)
{
	const Csr *held = gathering->held;
	const HybridFit *fit = gathering->fit;
	Taste history = recommender_history(&gathering->model->base, customer);
	const int32 *bought = held->col + held->start[customer];
	int32 n_bought = (int32) (held->start[customer + 1] - held->start[customer]);
	int32 items = gathering->model->base.items.n;
	int32 wanted = 0;

	for (int32 i = 0; i < n_bought; i++)
		wanted += fit->repeats || !recommender_has(history.items, history.n, bought[i]);
	if (wanted == 0 || history.n == 0)
		return;
	score_customer(gathering, customer, &history);
	make_room(gathering, (int64) gathering->best * fit->n);
	for (int32 i = 0, b = 0; i < items; i++)
	{
		if (!gathering->chosen[i])
			continue;
		while (b < n_bought && bought[b] < i)
			b++;
		gathering->item[gathering->n] = i;
		gathering->relevant[gathering->n] = b < n_bought && bought[b] == i;
		for (int m = 0; m < fit->n; m++)
			gathering->score[gathering->n * fit->n + m] = gathering->scores[(Size) m * items + i];
		gathering->n++;
	}
	gathering->wanted[gathering->problem.customers] = wanted;
	gathering->fold[gathering->problem.customers] =
		(uint8) (rng_hash3(fit->seed, STREAM_FOLD, (uint64) customer) & 1);
	gathering->problem.customers++;
	gathering->start[gathering->problem.customers] = gathering->n;
}

/* Customers in an order drawn by the seed, until there are enough. */
static void
gather(Gathering *gathering)
{
	HybridFit *fit = gathering->fit;
	int32 items = gathering->model->base.items.n;
	int32 customers = gathering->held->rows;
	int64 have = 0;
	double share;

	gathering->best = Min(Max(BEST, 5 * fit->k), Max(items, 1));
	gathering->scores = room((uint64) items * fit->n, sizeof(float));
	gathering->opinion = room(items, 1);
	gathering->chosen = room(items, 1);
	gathering->heap = palloc(sizeof(TopEntry) * gathering->best);
	gathering->start = room((uint64) customers + 1, sizeof(int64));
	gathering->wanted = room(customers, sizeof(int32));
	gathering->fold = room(customers, 1);
	gathering->start[0] = 0;
	for (int32 c = 0; c < customers; c++)
		have += gathering->held->start[c + 1] > gathering->held->start[c];
	share = (double) MAX_JUDGED / Max(have, 1);
	for (int32 c = 0; c < customers; c++)
	{
		if (gathering->held->start[c + 1] == gathering->held->start[c] ||
			rng_uniform(fit->seed, STREAM_FOLD + 1, (uint64) c) >= share)
			continue;
		CHECK_FOR_INTERRUPTS();
		gather_customer(gathering, c);
	}
	gathering->problem.members = fit->n;
	gathering->problem.k = fit->k;
	gathering->problem.start = gathering->start;
	gathering->problem.item = gathering->item;
	gathering->problem.score = gathering->score;
	gathering->problem.relevant = gathering->relevant;
	gathering->problem.wanted = gathering->wanted;
	gathering->problem.fold = gathering->fold;
}

/* ---- metrics ---- */

/* List of customer c by weights, measured into judged. */
static void
measure(const Gathering *gathering, const double *weights, int32 c, Judged *judged, uint8 *listed)
{
	const HybridProblem *problem = &gathering->problem;
	const int64 start = problem->start[c];
	TopEntry *heap = palloc(sizeof(TopEntry) * problem->k);
	int32 *found = room(problem->start[c + 1] - start, sizeof(int32));
	double measures[RANK_MEASURES];
	int32 n_found = 0;
	TopK top;

	topk_init(&top, heap, problem->k);
	hybrid_list(problem, weights, c, &top);
	for (int64 e = start; e < problem->start[c + 1]; e++)
		if (problem->relevant[e])
			found[n_found++] = problem->item[e];
	for (int32 i = 0; i < top.n; i++)
	{
		heap[i].index = problem->item[start + heap[i].index];
		listed[heap[i].index] = 1;
	}
	rank_measure(heap, top.n, problem->k, found, n_found, problem->wanted[c] - n_found, measures);
	for (int m = 0; m < RANK_MEASURES; m++)
		judged->measure[0][m][c] = measures[m];
	pfree(heap);
	pfree(found);
}

/* Metrics of the lists that weights of each fold [2] make. */
static void
report(Gathering *gathering, const double weights[2][HYBRID_MAX_MEMBERS], const char *prefix,
	   const char *split)
{
	HybridFit *fit = gathering->fit;
	int32 items = gathering->model->base.items.n;
	uint8 *listed = MemoryContextAllocExtended(CurrentMemoryContext, Max((Size) items, 1),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Judged judged = {.n = gathering->problem.customers};
	RankSummary summary;

	for (int m = 0; m < JUDGE_MEASURES; m++)
		judged.measure[0][m] = room(judged.n, sizeof(double));
	for (int32 c = 0; c < judged.n; c++)
	{
		if (unlikely(c % 256 == 0))
			CHECK_FOR_INTERRUPTS();
		measure(gathering, weights[gathering->fold[c]], c, &judged, listed);
	}
	for (int32 i = 0; i < items; i++)
		judged.coverage[0] += listed[i];
	judged.coverage[0] /= Max(items, 1);
	summary = judged_summary(&judged, 0);
	rank_metrics(&summary, prefix, fit->k, split, fit->metrics + fit->n_metrics);
	fit->n_metrics += RANK_METRICS;
	for (int m = 0; m < JUDGE_MEASURES; m++)
		pfree(judged.measure[0][m]);
	pfree(listed);
}

static void
report_members(Gathering *gathering, const char *split)
{
	for (int m = 0; m < gathering->fit->n; m++)
	{
		double alone[2][HYBRID_MAX_MEMBERS] = {{0}};

		alone[0][m] = alone[1][m] = 1;
		report(gathering, alone, psprintf("%s_", gathering->fit->models[m]->name), split);
	}
}

/* ---- weights ---- */

static void
search(Gathering *gathering, int32 without, double *weights)
{
	double ndcg;

	env_check(gathering->env, hybrid_fit(&gathering->env->base, &gathering->problem, without, weights, &ndcg),
			  "fitting weights");
}

static void
choose_weights(Gathering *gathering, const char *description)
{
	HybridFit *fit = gathering->fit;
	double folds[2][HYBRID_MAX_MEMBERS] = {{0}};
	const char *targets = fit->repeats ? "all items" : "new items only";

	if (fit->given != NULL)
		for (int f = 0; f < 2; f++)
			memcpy(folds[f], fit->given, sizeof(double) * fit->n);
	else
	{
		for (int f = 0; f < 2; f++)
			search(gathering, f, folds[f]);
		search(gathering, -1, fit->weights);
	}
	report(gathering, folds, "",
		   psprintf("%s; %s%s", description, targets,
					fit->given != NULL ? "" : "; weights fitted on the other half of the customers"));
	report_members(gathering, psprintf("%s; %s", description, targets));
}

void
hybrid_fit_weights(HybridFit *fit, const Interactions *in, PgEnv *env)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "promoai hybrid weights", ALLOCSET_DEFAULT_SIZES);
	PgEnv inner = *env;
	Gathering gathering = {.fit = fit, .env = &inner};
	Interactions earlier;
	Parting parting;
	Csr held;

	fit->n_metrics = 0;
	for (int m = 0; m < fit->n; m++)
		fit->weights[m] = fit->given != NULL ? fit->given[m] : 1.0 / fit->n;
	MemoryContextSwitchTo(scratch);
	inner.memory = scratch;
	parting = part_interactions(fit, in);
	if (parting.late != NULL)
		part_by_time(in, &parting, &inner, &earlier, &held);
	else
	{
		earlier = earlier_part(in, &parting);
		held = later_part(in, &parting, &inner);
	}
	if (earlier.pairs > 0 && csr_entries(&held) > 0)
	{
		gathering.held = &held;
		gathering.model =
			hybrid_fit_members(fit->models, fit->n, NULL, fit->repeats, &earlier, fit->member_limit);
		gather(&gathering);
	}
	MemoryContextSwitchTo(caller);
	if (gathering.problem.customers > 0)
		choose_weights(&gathering, pstrdup(parting.description));
	else
		ereport(NOTICE, (errmsg("no evaluation: no customer has both rows in the validation part and others"),
						 fit->given != NULL ? 0 : errdetail("The members' weights are equal.")));
	MemoryContextDelete(scratch);
}
