/*
 * kind.h - what each kind of model must be able to do
 *
 * A capability registers its kind from _PG_init.  Retraining, evaluation and the cache go through this table and know
 * nothing of any kind.
 */
#ifndef PROMOAI_MODEL_KIND_H
#define PROMOAI_MODEL_KIND_H

#include "postgres.h"

#include "model/registry.h"

struct Interactions; /* api/interactions.h */
struct Recommender; /* api/recommender.h */

/* A published version in memory. */
typedef struct LoadedModel
{
	ModelVersion *version;
	Payload payload; /* sections point into this copy */
	void *state; /* what the kind's load returned */
} LoadedModel;

typedef struct EvaluateRequest
{
	const char *source; /* what happened, columns as in training */
	const char
		*history; /* what is known beforehand of the same customers; NULL: what the model was trained on */
	int32 k;
	const char
		*known; /* what is known already, columns as in training: not to be found again.  NULL: only what the
						* model was trained on */
	struct EvaluateCases *cases; /* NULL: not wanted */
} EvaluateRequest;

/*
 * What was measured case by case, such as for each customer, so that two versions can be compared on the same cases.  A kind
 * that does not fill it is compared by its metrics' intervals.  A kind whose measure depends on the version (its scales, the time
 * up to which it knows) takes what both need from the two versions: they are the same whichever of them is evaluated.
 */
typedef struct EvaluateCases
{
	const LoadedModel *champion; /* given: the versions that are compared; the published one */
	const LoadedModel *challenger;
	const char *measure; /* 'ndcg@20' */
	bool lower_is_better;
	int64 n;
	uint64 *key; /* [n] of the case: the same for every version */
	double *value; /* [n] */
} EvaluateCases;

typedef struct ModelKind
{
	const char *name;
	bool recommends; /* the state begins with a Recommender (api/recommender.h) */
	bool
		compared_by_draw; /* without a time in the source versions are compared on rows drawn by their first column */

	/*
	 * Train by a stored definition: the kind reads its arguments, reads source, trains and calls registry_publish.
	 * registry_begin was called; the caller has entered the owner's state for reading: the kind calls
	 * `read_done(arg)` when its source is read, before it writes.
	 */
	ModelVersion *(*retrain)(const Model *model, void (*read_done)(void *arg), void *arg);

	/*
	 * Train by a stored definition on interactions that are at hand, in `memory`, publishing nothing: how a model's way of
	 * learning is judged on a part of the rows.  Customers and items keep the indices they have in `in`; those without
	 * entries have empty histories.  limit: bytes that the training may take; 0: what the definition allows.  NULL: the kind
	 * does not learn from interactions.
	 */
	struct Recommender *(*fit)(const Model *model, const struct Interactions *in, uint64 limit,
							   MemoryContext memory);

	/* ERROR for arguments of a definition that the kind does not take.  NULL where `fit` is. */
	void (*check)(Jsonb *arguments);

	/*
	 * Make a loaded payload ready to serve; false when sections are missing or contradict one another.  A payload in
	 * shared memory is loaded by every process that serves from it: only where it is not trusted are its elements to be
	 * looked at one by one.
	 */
	bool (*load)(LoadedModel *loaded, MemoryContext memory);

	/* Measure on a source run as the caller; returns metrics palloc'd. */
	ModelMetric *(*evaluate)(const Model *model, const LoadedModel *loaded, const EvaluateRequest *request,
							 int *n_metrics);
} ModelKind;

extern void kind_register(const ModelKind *kind);
extern const ModelKind *kind_find(const char *name); /* ERROR when not registered */

#endif
