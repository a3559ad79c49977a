/*
 * mf_model.h - a factor model as it is stored and served
 */
#ifndef PROMOAI_API_MF_MODEL_H
#define PROMOAI_API_MF_MODEL_H

#include "postgres.h"

#include "bridge/ids.h"
#include "core/payload.h"
#include "api/mf_team.h"
#include "core/recommend/feedback.h"
#include "core/recommend/rank_index.h"
#include "model/kind.h"

#define MF_KIND "mf"

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct MfModel
{
	MfFit fit; /* what fold-in needs of it: factors, regularization and the like */
	FeedbackTransform transform;
	IdSet customers;
	IdSet items;
	int32 width; /* of the rows below: factors, and one more for the bias with ratings */
	const float *user_factors; /* [customers x width]; with ratings the last is 1 */
	const float *item_factors; /* [items x width]; with ratings the last is the item's bias */
	const float *user_bias; /* [customers]; NULL without ratings */
	double mean; /* of the ratings; 0 without */
	double low, high; /* predictions are held between; infinite when they are not */
	const float *gram; /* [factors x factors] unobserved_weight * Y'Y; zeros with ratings */
	const float *inverse_norms; /* [items] 1 / |factors of the item|, without its bias */
	bool indexed; /* rows can be ranked through `index`; models of the first release have none */
	RankIndex index; /* over item_factors */
	const int64 *seen_start; /* [customers + 1] */
	const int32 *seen_item; /* [seen_start[customers]] ascending for each customer */
	const float *buyers; /* [items] customers who bought it */
} MfModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void mf_model_write(const MfModel *model, Payload *payload);

/* ModelKind.load: state becomes an MfModel *. */
extern bool mf_model_load(LoadedModel *loaded, MemoryContext memory);

/* A rating predicted by `score` (bias and factors) beside the mean, held to the scale. */
static inline float
mf_rating(const MfModel *model, double score)
{
	return (float) Min(Max(model->mean + score, model->low), model->high);
}

/*
 * The score of a pair: the inner product, and with ratings the prediction.  An index of -1 is one that is not known: only
 * a model of ratings can be asked of it, and predicts from what is known.
 */
extern double mf_predict(const MfModel *model, int32 customer, int32 item);

/* What customer u had bought when the model was trained: ascending item indices. */
static inline const int32 *
mf_seen(const MfModel *model, int32 u, int32 *n)
{
	*n = (int32) (model->seen_start[u + 1] - model->seen_start[u]);
	return model->seen_item + model->seen_start[u];
}

#endif
