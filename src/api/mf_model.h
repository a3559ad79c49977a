/*
 * mf_model.h - a factor model as it is stored and served
 */
#ifndef PROMOAI_API_MF_MODEL_H
#define PROMOAI_API_MF_MODEL_H

#include "postgres.h"

#include "bridge/ids.h"
#include "core/payload.h"
#include "core/recommend/als.h"
#include "core/recommend/feedback.h"
#include "model/kind.h"

#define MF_KIND "mf"

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct MfModel
{
	AlsParams params; /* factors, regularization, unobserved_weight: what fold-in needs */
	FeedbackTransform transform;
	IdSet customers;
	IdSet items;
	const float *user_factors; /* [customers x factors] */
	const float *item_factors; /* [items x factors] */
	const float *gram; /* [factors x factors] unobserved_weight * Y'Y */
	const float *inverse_norms; /* [items] 1 / |item_factors| */
	const int64 *seen_start; /* [customers + 1] */
	const int32 *seen_item; /* [seen_start[customers]] ascending for each customer */
	const float *buyers; /* [items] customers who bought it */
} MfModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void mf_model_write(const MfModel *model, Payload *payload);

/* ModelKind.load: state becomes an MfModel *. */
extern bool mf_model_load(LoadedModel *loaded, MemoryContext memory);

/* What customer u had bought when the model was trained: ascending item indices. */
static inline const int32 *
mf_seen(const MfModel *model, int32 u, int32 *n)
{
	*n = (int32) (model->seen_start[u + 1] - model->seen_start[u]);
	return model->seen_item + model->seen_start[u];
}

#endif
