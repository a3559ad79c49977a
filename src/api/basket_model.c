/*
 * basket_model.c - rules to payload sections and back, and as rows
 *
 * Reading trusts nothing: the sections' lengths must agree with one another, and basket_check goes through every index and
 * count, since the checksum of a payload proves only that it is whole, not that it was made by us.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/basket_model.h"
#include "bridge/env.h"
#include "bridge/rows.h"
#include "model/cache.h"

/* The section "parameters": doubles in this order. */
enum
{
	PARAMETER_BASKETS,
	PARAMETER_TESTS,
	PARAMETER_SEED,
	N_PARAMETERS
};

void
basket_model_write(const BasketState *state, Payload *payload)
{
	const BasketModel *model = &state->model;
	double *parameters = palloc0(sizeof(double) * N_PARAMETERS);
	uint64 items = model->items;
	uint64 rules = model->rules;

	parameters[PARAMETER_BASKETS] = model->baskets;
	parameters[PARAMETER_TESTS] = (double) model->tests;
	parameters[PARAMETER_SEED] = (double) (int64) state->seed;
	payload_add(payload, "parameters", sizeof(double), N_PARAMETERS, parameters);
	idset_write(&state->items, "item", payload);
	payload_add(payload, "item_baskets", sizeof(int32), items, model->count);
	payload_add(payload, "popular", sizeof(int32), items, model->popular);
	payload_add(payload, "antecedent_start", sizeof(int64), rules + 1, model->antecedent_start);
	payload_add(payload, "antecedent", sizeof(int32), model->antecedent_start[rules], model->antecedent);
	payload_add(payload, "consequent", sizeof(int32), rules, model->consequent);
	payload_add(payload, "antecedent_baskets", sizeof(int32), rules, model->antecedent_count);
	payload_add(payload, "together", sizeof(int32), rules, model->together);
	payload_add(payload, "by_item_start", sizeof(int64), items + 1, model->by_item_start);
	payload_add(payload, "by_item", sizeof(int32), rules, model->by_item);
}

/* ---- loading ---- */

/* A section of exactly `count` elements, or NULL. */
static const void *
section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return data != NULL && found == count ? data : NULL;
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

static bool
read_parameters(const Payload *payload, BasketState *state)
{
	const double *parameters = section(payload, "parameters", sizeof(double), N_PARAMETERS);

	if (parameters == NULL || !whole_within(parameters[PARAMETER_BASKETS], 1, PG_INT32_MAX) ||
		!whole_within(parameters[PARAMETER_TESTS], 0, 9.2e18) ||
		!whole_within(parameters[PARAMETER_SEED], -9007199254740992.0, 9007199254740992.0))
		return false;
	state->model.baskets = (int32) parameters[PARAMETER_BASKETS];
	state->model.tests = (int64) parameters[PARAMETER_TESTS];
	state->seed = (uint64) (int64) parameters[PARAMETER_SEED];
	return true;
}

static bool
read_rules(const Payload *payload, BasketModel *model, uint64 *antecedents)
{
	uint64 rules;
	uint64 items = model->items;

	model->consequent = payload_get(payload, "consequent", sizeof(int32), &rules);
	model->antecedent = payload_get(payload, "antecedent", sizeof(int32), antecedents);
	if (model->consequent == NULL || model->antecedent == NULL || rules > PG_INT32_MAX)
		return false;
	model->rules = (int32) rules;
	model->antecedent_start = section(payload, "antecedent_start", sizeof(int64), rules + 1);
	model->antecedent_count = section(payload, "antecedent_baskets", sizeof(int32), rules);
	model->together = section(payload, "together", sizeof(int32), rules);
	model->by_item_start = section(payload, "by_item_start", sizeof(int64), items + 1);
	model->by_item = section(payload, "by_item", sizeof(int32), rules);
	model->count = section(payload, "item_baskets", sizeof(int32), items);
	model->popular = section(payload, "popular", sizeof(int32), items);
	return model->antecedent_start != NULL && model->antecedent_count != NULL && model->together != NULL &&
		   model->by_item_start != NULL && model->by_item != NULL && model->count != NULL &&
		   model->popular != NULL;
}

bool
basket_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	BasketState *state = MemoryContextAllocZero(memory, sizeof(BasketState));
	uint64 antecedents;
	CoreStatus status;
	PgEnv env;

	if (!read_parameters(payload, state) || !idset_read(payload, "item", &state->items))
		return false;
	state->model.items = state->items.n;
	if (!read_rules(payload, &state->model, &antecedents))
		return false;
	env_init(&env, memory);
	status = basket_check(&env.base, &state->model, (int64) antecedents);
	if (status == CORE_CORRUPT)
		return false;
	env_check(&env, status, "checking rules");
	loaded->state = state;
	return true;
}

const BasketState *
basket_model_open(const Args *args)
{
	char *name = args_text(args, "model");
	Model *model = registry_open(name, MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	if (strcmp(model->kind, BASKET_KIND) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" is of kind \"%s\", which has no basket rules", name, model->kind),
				 errhint("Use a model trained by promoai.basket_train.")));
	return cache_get(model, registry_version(model, wanted), CurrentMemoryContext)->state;
}

/* ---- rows ---- */

void
basket_put_items(const IdSet *ids, const int32 *items, int32 n, Datum *values, bool *nulls)
{
	Datum names[ITEMSET_MAX];
	Datum numbers[ITEMSET_MAX];

	for (int32 i = 0; i < n; i++)
	{
		IdKey key = idset_key(ids, items[i]);

		names[i] = CStringGetTextDatum(id_text(&key));
		numbers[i] = Int64GetDatum(key.number);
	}
	values[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[1] = ids->kind != ID_INTEGER;
	if (!nulls[1])
		values[1] = PointerGetDatum(
			construct_array(numbers, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void
basket_put_rule(ReturnSetInfo *rows, const IdSet *ids, const int32 *antecedent, int32 n_antecedent,
				int32 consequent, const Contingency *counts, int64 tests)
{
	Datum values[17];
	bool nulls[17] = {0};
	IdKey key = idset_key(ids, consequent);
	RuleMeasures measures;
	int i = 4;

	rule_measures(counts, &measures);
	basket_put_items(ids, antecedent, n_antecedent, &values[0], &nulls[0]);
	values[2] = CStringGetTextDatum(id_text(&key));
	values[3] = Int64GetDatum(key.number);
	nulls[3] = ids->kind != ID_INTEGER;
	values[i++] = Int64GetDatum(counts->both);
	values[i++] = Int64GetDatum(counts->first);
	values[i++] = Int64GetDatum(counts->second);
	values[i++] = Int64GetDatum(counts->all);
	values[i++] = Float8GetDatum(measures.support);
	values[i++] = Float8GetDatum(measures.confidence);
	values[i++] = Float8GetDatum(measures.lift);
	values[i++] = Float8GetDatum(measures.lift_low);
	values[i++] = Float8GetDatum(measures.lift_high);
	values[i++] = Float8GetDatum(measures.leverage);
	nulls[i] = isnan(measures.conviction);
	values[i++] = Float8GetDatum(measures.conviction);
	values[i++] = Float8GetDatum(measures.p_value);
	values[i++] = Int64GetDatum(tests);
	rows_put(rows, values, nulls);
}
