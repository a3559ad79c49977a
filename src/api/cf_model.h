/*
 * cf_model.h - recommenders that go by who had what: closed form, neighbours, random walks, popularity, repeats
 */
#ifndef PROMOAI_API_CF_MODEL_H
#define PROMOAI_API_CF_MODEL_H

#include "postgres.h"

#include "api/recommender.h"
#include "core/recommend/feedback.h"
#include "core/recommend/neighbour_weights.h"
#include "core/recommend/neighbours.h"

#define CF_KIND "cf"

typedef enum CfMethod
{
	CF_EASE, /* Steck 2019 */
	CF_ITEM_KNN, /* items most like those a customer had */
	CF_USER_KNN, /* what customers most like this one had */
	CF_RP3BETA, /* Paudel et al. 2017 */
	CF_POPULAR, /* what most customers have, lately if so wanted */
	CF_BUY_AGAIN, /* what this customer had, often and lately */
	CF_METHODS
} CfMethod;

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct CfModel
{
	Recommender base;
	CfMethod method;
	FeedbackTransform transform; /* of values of a history */
	NeighbourSimilarity similarity; /* CF_USER_KNN */
	double shrinkage; /* CF_USER_KNN */
	int32 neighbours; /* CF_USER_KNN: of a history that is none of the customers' */
	bool weighted; /* CF_USER_KNN: histories are weighed by `weights` before they are compared */
	NeighbourWeights weights;
	double mean_length; /* of the customers' histories before that */

	/*
	 * CF_EASE, CF_ITEM_KNN, CF_RP3BETA: items x items, row j what having j says for each item.  CF_USER_KNN: customers x
	 * customers, the neighbours of each.  Otherwise no rows.
	 */
	Csr lists;

	Csr by_item; /* CF_USER_KNN: items x customers, values as weighed; otherwise no rows */
	const double *norms; /* [customers] CF_USER_KNN: what neighbours_query must know */
	const double *means; /* [customers] of ratings; NULL without */
	const float *popularity; /* [items] CF_POPULAR */
	const float *again; /* [entries of seen] CF_BUY_AGAIN */
} CfModel;

/* The methods of this model: by its method, and whether it is one of ratings. */
extern const RecommenderMethods *cf_methods(CfMethod method, bool rated);

/* Append the model's sections; the arrays must outlive the payload. */
extern void cf_model_write(const CfModel *model, Payload *payload);

/* ModelKind.load: state becomes a CfModel *. */
extern bool cf_model_load(LoadedModel *loaded, MemoryContext memory);

#endif
