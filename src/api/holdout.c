/*
 * holdout.c - what trainers of recommenders hold out of the pairs, how they say so, and how lists are judged by it
 */
#include "postgres.h"

#include <math.h>

#include "api/holdout.h"
#include "api/recommender_judge.h"

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
