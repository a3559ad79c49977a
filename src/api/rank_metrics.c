/*
 * rank_metrics.c - a ranking's measures as named metrics of a model
 */
#include "postgres.h"

#include <math.h>

#include "api/rank_metrics.h"

/* Half-width of a 95 % interval in standard errors. */
#define NORMAL_95 1.959963984540054

void
rank_metrics(const RankSummary *summary, const char *prefix, int32 k, const char *split, ModelMetric *out)
{
	static const char *const names[RANK_MEASURES] = {
		[RANK_PRECISION] = "precision", [RANK_RECALL] = "recall", [RANK_NDCG] = "ndcg", [RANK_MAP] = "map",
		[RANK_HIT_RATE] = "hit_rate",   [RANK_MRR] = "mrr"};

	for (int m = 0; m < RANK_MEASURES; m++)
	{
		double half = NORMAL_95 * summary->std_error[m];

		out[m] = (ModelMetric){.metric = psprintf("%s%s@%d", prefix, names[m], k),
							   .split = split,
							   .value = summary->mean[m],
							   .low = Max(summary->mean[m] - half, 0),
							   .high = Min(summary->mean[m] + half, 1),
							   .n = summary->users};
	}
	out[RANK_MEASURES] = (ModelMetric){.metric = psprintf("%scoverage@%d", prefix, k),
									   .split = split,
									   .value = summary->coverage,
									   .low = NAN,
									   .high = NAN,
									   .n = summary->users};
}
