/*
 * recommender_evaluate.h - a published recommender judged by a source of what happened
 */
#ifndef PROMOAI_API_RECOMMENDER_EVALUATE_H
#define PROMOAI_API_RECOMMENDER_EVALUATE_H

#include "postgres.h"

#include "api/recommender.h"

/* ModelKind.evaluate of every kind that recommends. */
extern ModelMetric *recommender_evaluate(const Model *definition, const LoadedModel *loaded,
										 const EvaluateRequest *request, int *n_metrics);

/*
 * RECOMMENDER_RATING_METRICS errors of predictions for ratings [customers x items], beside those of always saying `mean`.  Pairs
 * without a prediction are left out.  0 metrics and a NOTICE when there are none.
 */
#define RECOMMENDER_RATING_METRICS 4
extern int recommender_rating_metrics(const Recommender *model, PgEnv *env, const Csr *ratings, double mean,
									  const char *split, ModelMetric *metrics);

#endif
