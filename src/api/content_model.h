/*
 * content_model.h - a model of items' attributes as it is stored and served
 */
#ifndef PROMOAI_API_CONTENT_MODEL_H
#define PROMOAI_API_CONTENT_MODEL_H

#include "postgres.h"

#include "api/mf_model.h"
#include "core/recommend/content.h"

#define CONTENT_KIND "content"

/*
 * Either of attributes alone (then only mf.base is used of the factor model), or with factors: then it is a factor model of
 * more items, which answers as such, and the attributes are what another fit of it starts from.
 */
typedef struct ContentModel
{
	MfModel mf; /* first: a factor model's methods take it for one */
	bool factored;
	FeedbackTransform transform; /* of the histories' values */
	ContentVectors vectors; /* of mf.base.items */
} ContentModel;

/* What asks attributes; in content_recommender.c. */
extern const RecommenderMethods content_methods;

/* Room for vectors of so many items, features, dense numbers and sparse entries; bytes: what it is. */
extern uint64 content_vectors_bytes(uint64 items, uint64 features, uint64 width, uint64 entries);
extern void content_vectors_make(ContentVectors *vectors, int32 items, int32 features, int32 width,
								 int64 entries);

/* Append the model's sections; the arrays must outlive the payload. */
extern void content_model_write(const ContentModel *model, Payload *payload);

/* ModelKind.load: state becomes a ContentModel *. */
extern bool content_model_load(LoadedModel *loaded, MemoryContext memory);

/* ---- factors from attributes (content_factors.c) ---- */

typedef struct ContentFactorOptions
{
	double regularization; /* NaN: chosen on held-out items */
	double holdout; /* share of the factor model's items held out to judge by; 0: none */
	int32 metrics_k;
	uint64 seed;
} ContentFactorOptions;

#define CONTENT_FACTOR_METRICS (2 * (RANK_MEASURES + 1) + 2)

/*
 * Complete a model whose attributes and items are there (among them all those of `factors`): the factor model's customers and
 * factors, and those of the other items predicted.  item_of [factors' items] is where they stand in the model.
 * Returns how many metrics were written.
 */
extern int content_factors(PgEnv *env, const MfModel *factors, const int32 *item_of,
						   const ContentFactorOptions *options, ContentModel *model, ModelMetric *metrics);

/* Bytes it takes for so many items, factors and attributes. */
extern uint64 content_factors_bytes(uint64 items, uint64 customers, uint64 width, uint64 attributes);

#endif
