/*
 * holdout.c - what trainers of recommenders hold out of the pairs, how they say so, and how lists are judged by it
 */
#include "postgres.h"

#include <math.h>

#include "api/holdout.h"
#include "api/recommender_judge.h"
#include "bridge/memory.h"

FeedbackSplit
holdout_split(const Holdout *holdout, const Interactions *in, FeedbackPart part)
{
	double judged = (double) HOLDOUT_CUSTOMERS / Max(in->customers->n, 1);

	return (FeedbackSplit){.part = part,
						   .late = in->late,
						   .share = isnan(holdout->share) ? 0 : holdout->share,
						   .judged_rows = Min(judged, 1.0),
						   .seed = (uint64) holdout->seed};
}

char *
holdout_words(const Holdout *holdout, const Interactions *in, bool new_only)
{
	StringInfoData text;

	initStringInfo(&text);
	if (holdout->after.set)
		appendStringInfo(&text, "pairs first bought after %s", option_time_text(&holdout->after));
	else
		appendStringInfo(&text, "%g of the pairs, seed " INT64_FORMAT, holdout->share, holdout->seed);
	if (in->customers->n > HOLDOUT_CUSTOMERS)
		appendStringInfo(&text, ", about %d customers drawn", HOLDOUT_CUSTOMERS);
	if (new_only)
		appendStringInfoString(&text, "; new items only");
	return text.data;
}

/* ---- by time ---- */

uint64
holdout_cut_bytes(const Interactions *in, uint64 entries, uint64 customers, uint64 items)
{
	return memory_add(memory_add(interactions_bytes(in, entries), memory_mul(entries, 4)),
					  memory_mul(memory_add(customers, items), 12));
}

void
holdout_cut(const Interactions *in, FeedbackSplit split, int32 most, HoldoutCut *cut)
{
	InteractionsPlaces places;

	if (in->need != NULL)
	{
		uint64 need = in->need(in->need_arg, in->coo.n, in->customers->n, in->items->n);

		memory_require(memory_add(need, memory_mul(interactions_ids_bytes(in), 2)), in->limit, "training");
	}
	split.judged_rows = 1;
	split.part = FEEDBACK_TRAIN;
	cut->rest = interactions_part(in, feedback_keep, &split, &places);
	split.part = FEEDBACK_TEST;
	cut->late = interactions_placed(in, feedback_keep, &split, &places);
	cut->items = in->items->n;
	cut->judged = (FeedbackSplit){.part = FEEDBACK_TEST,
								  .share = 1,
								  .judged_rows = Min((double) most / Max(cut->rest.customers->n, 1), 1.0),
								  .seed = split.seed};
	pfree(places.customer);
	pfree(places.item);
}

static bool
is_judged(const Coo *coo, int64 entry, const void *arg)
{
	const HoldoutCut *cut = arg;

	return coo->row[entry] < cut->rest.customers->n && feedback_keep(coo, entry, &cut->judged);
}

void
holdout_cut_matrix(const HoldoutCut *cut, PgEnv *env, Csr *out)
{
	CooMerge merge;

	out->rows = cut->rest.customers->n;
	out->cols = cut->items;
	env_check(env, csr_from_coo(&env->base, &cut->late, is_judged, cut, out, &merge),
			  "merging repeated pairs");
}

void
holdout_cut_free(HoldoutCut *cut)
{
	Interactions late = {.coo = cut->late};

	interactions_free_entries(&late);
	interactions_free_entries(&cut->rest);
}

/* ---- judging ---- */

int
holdout_judge(const Holdout *holdout, const Recommender *model, PgEnv *env, const Csr *held,
			  const char *words, ModelMetric *metrics)
{
	JudgeTask task = {.model = model,
					  .lengths = {holdout->k},
					  .n_lengths = 1,
					  .relevant = *held,
					  .targets = model->repeats ? JUDGE_ALL : JUDGE_NEW,
					  .exclude_seen = !model->repeats,
					  .known_only = true};
	RankSummary summary;
	Judged judged;

	recommender_judge(env, &task, &judged);
	if (judged.n == 0)
	{
		ereport(NOTICE, (errmsg("no evaluation: no customer has both held-out items and others")));
		return 0;
	}
	summary = judged_summary(&judged, 0);
	rank_metrics(&summary, "", holdout->k, words, metrics);
	task.popularity = true;
	recommender_judge(env, &task, &judged);
	summary = judged_summary(&judged, 0);
	rank_metrics(&summary, "popularity_", holdout->k, words, metrics + RANK_METRICS);
	return 2 * RANK_METRICS;
}
