/*
 * hybrid_weights.h - the weights of a hybrid's members, fitted on a validation part of interactions
 */
#ifndef PROMOAI_API_HYBRID_WEIGHTS_H
#define PROMOAI_API_HYBRID_WEIGHTS_H

#include "postgres.h"

#include "api/hybrid_model.h"
#include "api/interactions.h"
#include "api/rank_metrics.h"

typedef struct HybridFit
{
	/* set by the caller */
	Model **models; /* [n] definitions, opened with MODEL_OWN */
	int n;
	bool repeats; /* lists hold what the customer had, and repeats are to be found */
	double holdout; /* share of the rows, the newest where they have times, otherwise of the pairs */
	OptionTime after; /* or what came after this */
	int32 k;
	uint64 seed;
	uint64 limit; /* bytes */
	uint64 member_limit; /* bytes of a member's training; 0: what its definition allows */
	const double *given; /* [n] weights that are judged only; NULL: to be fitted */

	/* filled */
	double weights[HYBRID_MAX_MEMBERS];
	ModelMetric metrics[(HYBRID_MAX_MEMBERS + 1) * RANK_METRICS];
	int n_metrics; /* 0: there was nothing to judge by, and weights that were not given are equal */
} HybridFit;

/* Every member is learned from the other part of the interactions by its definition. */
extern void hybrid_fit_weights(HybridFit *fit, const Interactions *in, PgEnv *env);

/* A hybrid of the members learned by their definitions from these interactions, in the current memory context. */
extern HybridModel *hybrid_fit_members(Model **models, int n, const double *weights, bool repeats,
									   const Interactions *in, uint64 limit);

#endif
