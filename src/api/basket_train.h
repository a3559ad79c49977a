/*
 * basket_train.h - training of basket rules: the SQL function, retraining and evaluating
 */
#ifndef PROMOAI_API_BASKET_TRAIN_H
#define PROMOAI_API_BASKET_TRAIN_H

#include "postgres.h"

#include "core/recommend/basket.h"
#include "model/kind.h"

/* Metrics of one judgement, at most. */
#define BASKET_METRICS 5

/* Writes BASKET_METRICS metrics: recall@k and mrr@k, the same by popularity, and the share of baskets for which a rule spoke. */
extern void basket_metrics(const BasketJudgement *judgement, int32 k, const char *split, ModelMetric *out);

/* ModelKind.evaluate (basket_evaluate.c) */
extern ModelMetric *basket_evaluate(const Model *model, const LoadedModel *loaded,
									const EvaluateRequest *request, int *n_metrics);

/* Called once from _PG_init: registers the kind. */
extern void basket_init(void);

#endif
