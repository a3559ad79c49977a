/*
 * basket_model.h - rules as they are stored and served, and as rows
 */
#ifndef PROMOAI_API_BASKET_MODEL_H
#define PROMOAI_API_BASKET_MODEL_H

#include "postgres.h"

#include "funcapi.h"

#include "bridge/args.h"
#include "bridge/ids.h"
#include "core/payload.h"
#include "core/recommend/basket.h"
#include "model/kind.h"

#define BASKET_KIND "basket"

typedef struct BasketState
{
	IdSet items;
	BasketModel model;
	uint64 seed; /* by which evaluate draws the items to leave out */
} BasketState;

/* Append the model's sections; the arrays must outlive the payload. */
extern void basket_model_write(const BasketState *state, Payload *payload);

/* ModelKind.load: state becomes a BasketState *. */
extern bool basket_model_load(LoadedModel *loaded, MemoryContext memory);

/* The version that a call names by "model" and "version"; ERROR 42809 for a model of another kind. */
extern const BasketState *basket_model_open(const Args *args);

/* Items [n] as text[], and as bigint[] where ids are integers (else *null): values [2], nulls [2]. */
extern void basket_put_items(const IdSet *ids, const int32 *items, int32 n, Datum *values, bool *nulls);

/* One row of type basket_rule. */
extern void basket_put_rule(ReturnSetInfo *rows, const IdSet *ids, const int32 *antecedent,
							int32 n_antecedent, int32 consequent, const Contingency *counts, int64 tests);

#endif
