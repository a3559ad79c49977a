/*
 * rank_metrics.h - a ranking's measures as named metrics of a model
 */
#ifndef PROMOAI_API_RANK_METRICS_H
#define PROMOAI_API_RANK_METRICS_H

#include "postgres.h"

#include "core/recommend/rank.h"
#include "model/registry.h"

#define RANK_METRICS (RANK_MEASURES + 1)

/*
 * Writes RANK_METRICS metrics: prefix + precision@k, recall@k, ndcg@k, map@k with 95 % intervals of the mean over
 * users, and coverage@k.
 */
extern void rank_metrics(const RankSummary *summary, const char *prefix, int32 k, const char *split,
						 ModelMetric *out);

#endif
