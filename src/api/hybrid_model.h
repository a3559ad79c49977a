/*
 * hybrid_model.h - several recommenders behind one name, as they are stored and served
 */
#ifndef PROMOAI_API_HYBRID_MODEL_H
#define PROMOAI_API_HYBRID_MODEL_H

#include "postgres.h"

#include "api/recommender.h"
#include "core/recommend/hybrid.h"

#define HYBRID_KIND "hybrid"

typedef struct HybridMember
{
	const Recommender *model;
	const int32 *customer; /* [customers of the hybrid] the member's index, -1: not known to it */
	const int32 *item; /* [items of the hybrid] likewise */
	double weight;

	/* where it came from, when it is embedded */
	const LoadedModel *loaded;
} HybridMember;

typedef struct HybridModel
{
	Recommender base;
	RecommenderMethods methods; /* of base: what some member can answer */
	int n;
	HybridMember member[HYBRID_MAX_MEMBERS];
} HybridModel;

/*
 * A hybrid of models (their customers and items taken together) in the current memory context, from members [n] whose models
 * and weights are set.  Histories are those of the members, taken together.
 */
extern HybridModel *hybrid_make(const HybridMember *members, int n, bool repeats);

/*
 * Member m's scores [items of the hybrid] for a taste, standardised; where it has an opinion, opinion [items] (NULL: not wanted) is
 * set to 1.  *answers is false, and nothing is filled, when it has no way to answer.
 */
extern CoreStatus hybrid_member_scores(const HybridModel *model, Env *env, int m, const Taste *taste,
									   float *scores, uint8 *opinion, bool *answers);

/* In hybrid_recommender.c: fills model->methods by what the members can answer. */
extern void hybrid_set_methods(HybridModel *model);

/* Bytes that hybrid_make and hybrid_model_write take for these members. */
extern uint64 hybrid_bytes(const HybridMember *members, int n);

/* Append the model's sections, the members' payloads among them; the arrays must outlive the payload. */
extern void hybrid_model_write(const HybridModel *model, PgEnv *env, Payload *payload);

/* ModelKind.load: state becomes a HybridModel *. */
extern bool hybrid_model_load(LoadedModel *loaded, MemoryContext memory);

#endif
