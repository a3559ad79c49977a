/*
 * basket_recommend.c - what else goes into this basket, in SQL
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/basket_model.h"
#include "bridge/env.h"
#include "bridge/rows.h"

#define MAX_K 1000000

static int
compare_indices(const void *left, const void *right)
{
	int32 a = *(const int32 *) left;
	int32 b = *(const int32 *) right;

	return (a > b) - (a < b);
}

/* The items of an array argument that the model knows, ascending and distinct; NULLs and unknown items are passed over. */
static int32 *
items_of(const IdSet *ids, const Args *args, const char *name, int32 *n)
{
	Oid type;
	ArrayType *array = DatumGetArrayTypeP(args_datum(args, name, &type));
	Oid element = ARR_ELEMTYPE(array);
	char *what = psprintf("argument \"%s\"", name);
	int16 length;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int given;
	int32 *items;
	int32 found = 0;
	int32 kept = 0;

	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(array, element, length, by_value, align, &values, &nulls, &given);
	items = palloc(sizeof(int32) * Max(given, 1));
	for (int i = 0; i < given; i++)
	{
		IdKey key;

		if (nulls[i])
			continue;
		key = id_from_datum(values[i], element, what);
		key = id_convert(&key, ids->kind, what);
		items[found] = idset_find(ids, &key);
		found += items[found] >= 0;
	}
	qsort(items, found, sizeof(int32), compare_indices);
	for (int32 i = 0; i < found; i++)
		if (kept == 0 || items[kept - 1] != items[i])
			items[kept++] = items[i];
	*n = kept;
	return items;
}

/* Rows (rank, item, item_no, score, answered_by, because, because_no, confidence, lift). */
static void
put_answer(ReturnSetInfo *rows, const BasketState *state, int32 rank, const BasketAnswer *answer)
{
	const BasketModel *model = &state->model;
	IdKey key = idset_key(&state->items, answer->item);
	Datum values[9];
	bool nulls[9] = {0};

	values[0] = Int32GetDatum(rank);
	values[1] = CStringGetTextDatum(id_text(&key));
	values[2] = Int64GetDatum(key.number);
	nulls[2] = state->items.kind != ID_INTEGER;
	values[3] = Float4GetDatum((float4) answer->score);
	values[4] = CStringGetTextDatum(answer->rule >= 0 ? "rule" : "popularity");
	if (answer->rule >= 0)
	{
		int64 start = model->antecedent_start[answer->rule];
		Contingency counts = basket_rule_counts(model, answer->rule);

		basket_put_items(&state->items, model->antecedent + start,
						 (int32) (model->antecedent_start[answer->rule + 1] - start), &values[5], &nulls[5]);
		values[7] = Float8GetDatum(answer->score);
		values[8] = Float8GetDatum(contingency_lift(&counts));
	}
	else
		memset(&nulls[5], true, 4);
	rows_put(rows, values, nulls);
}

/* basket_recommend(model, items, k, candidates, version) */
PG_FUNCTION_INFO_V1(promoai_basket_recommend);
Datum
promoai_basket_recommend(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const BasketState *state = basket_model_open(args);
	BasketAsk ask = {.by_rules = true};
	BasketAnswer *answers;
	BasketDesk desk;
	ReturnSetInfo *rows;
	PgEnv env;
	int32 n;

	ask.k = Min(args_int(args, "k", 1, MAX_K), state->items.n);
	ask.given = items_of(&state->items, args, "items", &ask.n_given);
	if (!args_null(args, "candidates"))
		ask.candidates = items_of(&state->items, args, "candidates", &ask.n_candidates);
	answers = palloc(sizeof(BasketAnswer) * Max(ask.k, 1));
	env_init(&env, CurrentMemoryContext);
	env_check(&env, basket_desk_open(&env.base, &state->model, &desk), "recommending");
	env_check(&env, basket_rank(&env.base, &desk, &ask, answers, &n), "recommending");
	basket_desk_close(&env.base, &desk);

	rows = rows_open(fcinfo);
	for (int32 i = 0; i < n; i++)
		put_answer(rows, state, i + 1, &answers[i]);
	return (Datum) 0;
}
