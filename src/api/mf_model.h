/*
 * mf_model.h - a factor model as it is stored and served
 */
#ifndef PROMOAI_API_MF_MODEL_H
#define PROMOAI_API_MF_MODEL_H

#include "postgres.h"

#include "api/mf_team.h"
#include "api/recommender.h"
#include "core/recommend/feedback.h"
#include "core/recommend/rank_index.h"

#define MF_KIND "mf"

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct MfModel
{
	Recommender base;
	MfFit fit; /* what fold-in needs of it: factors, regularization and the like */
	FeedbackTransform transform;
	int32 width; /* of the rows below: factors, and one more for the bias with ratings */
	const float *user_factors; /* [customers x width]; with ratings the last is 1 */
	const float *item_factors; /* [items x width]; with ratings the last is the item's bias */
	const float *user_bias; /* [customers]; NULL without ratings */
	double low, high; /* predictions are held between; infinite when they are not */
	const float *gram; /* [factors x factors] unobserved_weight * Y'Y; zeros with ratings */
	const float *inverse_norms; /* [items] 1 / |factors of the item|, without its bias */
	bool indexed; /* rows can be ranked through `index`; models of the first release have none */
	RankIndex index; /* over item_factors */
} MfModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void mf_model_write(const MfModel *model, Payload *payload);

/* ModelKind.load: state becomes an MfModel *. */
extern bool mf_model_load(LoadedModel *loaded, MemoryContext memory);

/* What a factor model answers; in mf_recommender.c. */
extern const RecommenderMethods mf_methods;
extern const RecommenderMethods mf_rating_methods;

/* Is it a factor model? */
static inline bool
mf_is_factors(const Recommender *model)
{
	return model->methods == &mf_methods || model->methods == &mf_rating_methods;
}

#endif
