/*
 * segment_train.h - the kind 'kmeans': training, retraining, evaluation
 */
#ifndef PROMOAI_API_SEGMENT_TRAIN_H
#define PROMOAI_API_SEGMENT_TRAIN_H

#include "postgres.h"

#include "model/kind.h"

/* Called once from _PG_init: registers the kind and the team's job. */
extern void segment_init(void);

/* ModelKind.evaluate */
extern ModelMetric *segment_evaluate(const Model *model, const LoadedModel *loaded,
									 const EvaluateRequest *request, int *n_metrics);

#endif
