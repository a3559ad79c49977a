/*
 * recommend_args.c - what the SQL functions that recommend are given: models, ids, histories and rules
 *
 * Ids come as bigint, text or uuid in overloads that share one C function; they are written in the kind that the model's ids
 * have.
 *
 * Rules come as arrays, in a join the same ones for every row.  Looking thousands of ids up for each row would cost more than
 * ranking does, so what became of them is kept as long as the arrays stay the same, byte for byte.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "api/recommend.h"
#include "model/cache.h"
#include "model/value.h"

/* ---- the model ---- */

static const LoadedModel *
open_named(const Args *args)
{
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	return cache_get(model, registry_version(model, wanted), CurrentMemoryContext);
}

const Recommender *
recommend_model(const Args *args)
{
	return recommender_of(open_named(args));
}

const Recommender *
recommend_model_or_value(Args *args)
{
	if (args->types[args_find(args, "model")] == TEXTOID)
		return recommend_model(args);
	return recommender_of(
		value_get(args_datum(args, "model", NULL), &args->state, args->fcinfo->flinfo->fn_mcxt));
}

/* ---- ids ---- */

static int32
find_id(const IdSet *set, Datum value, Oid type, const char *what)
{
	IdKey given = id_from_datum(value, type, what);
	IdKey key = id_convert(&given, set->kind, what);

	return idset_find(set, &key);
}

int32
recommend_find(const IdSet *set, const Args *args, const char *name)
{
	Oid type;
	Datum value = args_datum(args, name, &type);

	return find_id(set, value, type, psprintf("argument \"%s\"", name));
}

void
recommend_put_id(const IdSet *set, int32 index, Datum *values, bool *nulls)
{
	IdKey key = idset_key(set, index);

	values[0] = CStringGetTextDatum(id_text(&key));
	values[1] = Int64GetDatum(key.number);
	nulls[1] = set->kind != ID_INTEGER;
}

void
recommend_unknown_item(const Args *args)
{
	Oid type;
	Datum value = args_datum(args, "item", &type);
	IdKey key = id_from_datum(value, type, "argument \"item\"");

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("item \"%s\" is not known to model \"%s\"", id_text(&key), args_text(args, "model")),
			 errhint("Items are known that somebody bought in the rows the model was trained on.")));
}

/* ---- arrays ---- */

/* Elements of an array argument; 0 when the SQL declaration lacks it or it is NULL. */
static int
array_elements(const Args *args, const char *name, Oid *element, Datum **values, bool **nulls)
{
	ArrayType *array;
	int16 length;
	bool by_value;
	char align;
	int n;

	if (!args_has(args, name) || args_null(args, name))
		return 0;
	array = DatumGetArrayTypeP(args_datum(args, name, NULL));
	*element = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(*element, &length, &by_value, &align);
	deconstruct_array(array, *element, length, by_value, align, values, nulls, &n);
	return n;
}

/* Is the array there at all? */
static bool
array_given(const Args *args, const char *name)
{
	return args_has(args, name) && !args_null(args, name);
}

static void
require_length(int n, int wanted, const char *name, const char *other)
{
	if (n != wanted)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("arguments \"%s\" and \"%s\" must be of the same length", other, name),
						errdetail("They have %d and %d elements.", wanted, n)));
}

/* An element of an array argument that the model knows. */
typedef struct GivenItem
{
	int32 index;
	int32 times; /* how often it was given */
	int32 place; /* where it stood first */
	double weight; /* the sum */
} GivenItem;

static int
compare_given(const void *left, const void *right)
{
	const GivenItem *a = left;
	const GivenItem *b = right;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Sort by index, add up the weights of repeated items; returns how many are left. */
static int32
merge_given(GivenItem *given, int32 n)
{
	int32 kept = 0;

	qsort(given, n, sizeof(GivenItem), compare_given);
	for (int32 i = 0; i < n; i++)
	{
		if (kept > 0 && given[kept - 1].index == given[i].index)
		{
			given[kept - 1].weight += given[i].weight;
			given[kept - 1].times++;
		}
		else
			given[kept++] = given[i];
	}
	return kept;
}

/* The elements of an array argument that the set knows, ascending and distinct; weights [elements] or NULL. */
static GivenItem *
given_items(const IdSet *set, const Args *args, const char *name, const double *weights, int32 *n)
{
	Datum *values;
	bool *nulls;
	Oid element;
	int length = array_elements(args, name, &element, &values, &nulls);
	GivenItem *given = palloc(sizeof(GivenItem) * Max(length, 1));
	char *what = psprintf("argument \"%s\"", name);
	int32 found = 0;

	for (int i = 0; i < length; i++)
	{
		int32 index = nulls[i] ? -1 : find_id(set, values[i], element, what);

		if (index >= 0)
			given[found++] = (GivenItem){
				.index = index, .times = 1, .place = i, .weight = weights == NULL ? 1 : weights[i]};
	}
	*n = merge_given(given, found);
	return given;
}

static int32 *
indices_of(const GivenItem *given, int32 n)
{
	int32 *indices = palloc(sizeof(int32) * Max(n, 1));

	for (int32 i = 0; i < n; i++)
		indices[i] = given[i].index;
	return indices;
}

const int32 *
recommend_indices(const IdSet *set, const Args *args, const char *name, int32 *n)
{
	GivenItem *given;

	*n = 0;
	if (!array_given(args, name))
		return NULL;
	given = given_items(set, args, name, NULL, n);
	return indices_of(given, *n);
}

/* ---- histories ---- */

/* weights [n] or NULL, each finite and, unless they are ratings, not below zero. */
static double *
history_weights(const Args *args, int n, bool ratings)
{
	Datum *values;
	bool *nulls;
	Oid element;
	double *weights;

	if (args_null(args, "weights"))
		return NULL;
	require_length(array_elements(args, "weights", &element, &values, &nulls), n, "weights", "items");
	weights = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		weights[i] = nulls[i] ? NAN : DatumGetFloat8(values[i]);
		if (!isfinite(weights[i]) || (weights[i] < 0 && !ratings))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"weights\" must hold numbers%s, got %s",
								   ratings ? "" : " of zero or more",
								   nulls[i] ? "NULL" : psprintf("%g", weights[i]))));
	}
	return weights;
}

static int
argument_length(const Args *args, const char *name)
{
	ArrayType *array = DatumGetArrayTypeP(args_datum(args, name, NULL));

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

Taste
recommend_history(const Recommender *model, const Args *args)
{
	bool rated = model->methods->rated;
	double *weights = history_weights(args, argument_length(args, "items"), rated);
	int32 n;
	int32 kept = 0;
	GivenItem *given = given_items(&model->items, args, "items", weights, &n);
	int32 *items = palloc(sizeof(int32) * Max(n, 1));
	float *values = palloc(sizeof(float) * Max(n, 1));

	if (rated && n > 0 && weights == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("a model of ratings needs the ratings of the items given"),
						errhint("Pass them as the argument \"weights\".")));
	for (int32 i = 0; i < n; i++)
	{
		if (!rated && given[i].weight <= 0)
			continue;
		items[kept] = given[i].index;
		values[kept++] = (float) (rated ? given[i].weight / given[i].times : given[i].weight);
	}
	return (Taste){.customer = -1, .items = items, .values = values, .n = kept};
}

/* ---- rules ---- */

bool
recommend_excludes_seen(const Recommender *model, const Args *args)
{
	return args_null(args, "exclude_seen") ? !model->repeats : args_bool(args, "exclude_seen");
}

/* What array arguments became, kept at the call site. */
typedef struct HeldRules
{
	MemoryContext memory; /* of everything below */
	pg_uuid_t version; /* of the model */
	Size bytes; /* of the arrays in `arrays` */
	char *arrays;
	int32 n_candidates;
	int32 *candidates; /* NULL: every item */
	int32 *category;
	float *boost;
	int32 n_exclude;
	int32 *exclude;
} HeldRules;

static const char *const rule_arrays[] = {"candidates", "exclude", "categories", "boosts"};

/* All array arguments one after the other, and which of them are there. */
static char *
rules_key(const Args *args, Size *bytes)
{
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < (int) lengthof(rule_arrays); i++)
	{
		struct varlena *array;

		appendStringInfoChar(&key, array_given(args, rule_arrays[i]) ? '+' : '-');
		if (!array_given(args, rule_arrays[i]))
			continue;
		array = PG_DETOAST_DATUM(args_datum(args, rule_arrays[i], NULL));
		appendBinaryStringInfo(&key, (char *) array, VARSIZE(array));
	}
	*bytes = key.len;
	return key.data;
}

/* category [n_candidates]: equal texts share a number, NULL is -1. */
static int32 *
read_categories(const Args *args, const GivenItem *given, int32 n)
{
	Datum *values;
	bool *nulls;
	Oid element;
	int length = array_elements(args, "categories", &element, &values, &nulls);
	int32 *category = palloc(sizeof(int32) * Max(n, 1));
	IdTable *names = ids_create(ID_TEXT, CurrentMemoryContext);

	require_length(length, argument_length(args, "candidates"), "categories", "candidates");
	for (int32 i = 0; i < n; i++)
	{
		int32 place = given[i].place;
		text *name = nulls[place] ? NULL : DatumGetTextPP(values[place]);

		category[i] = name == NULL ? -1 : ids_add_bytes(names, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
	ids_free(names);
	return category;
}

/* boost [n_candidates]; NULL is 1. */
static float *
read_boosts(const Args *args, const GivenItem *given, int32 n)
{
	Datum *values;
	bool *nulls;
	Oid element;
	int length = array_elements(args, "boosts", &element, &values, &nulls);
	float *boost = palloc(sizeof(float) * Max(n, 1));

	require_length(length, argument_length(args, "candidates"), "boosts", "candidates");
	for (int i = 0; i < length; i++)
		if (!nulls[i] && !(DatumGetFloat8(values[i]) >= 1e-6 && DatumGetFloat8(values[i]) <= 1e6))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"boosts\" must hold numbers between 1e-06 and 1e+06, got %g",
								   DatumGetFloat8(values[i])),
							errhint("1 leaves an item's score as it is.")));
	for (int32 i = 0; i < n; i++)
		boost[i] = nulls[given[i].place] ? 1 : (float) DatumGetFloat8(values[given[i].place]);
	return boost;
}

/* Arrays that run beside the candidates make no sense without them. */
static void
require_candidates(const Args *args, const char *name)
{
	if (array_given(args, name) && !array_given(args, "candidates"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" needs argument \"candidates\"", name),
						errdetail("Its elements belong to the candidates, one each.")));
}

static void
read_rules(const Recommender *model, const Args *args, HeldRules *held)
{
	GivenItem *given;

	require_candidates(args, "categories");
	require_candidates(args, "boosts");
	held->exclude = (int32 *) recommend_indices(&model->items, args, "exclude", &held->n_exclude);
	if (!array_given(args, "candidates"))
		return;
	given = given_items(&model->items, args, "candidates", NULL, &held->n_candidates);
	held->candidates = indices_of(given, held->n_candidates);
	if (array_given(args, "categories"))
		held->category = read_categories(args, given, held->n_candidates);
	if (array_given(args, "boosts"))
		held->boost = read_boosts(args, given, held->n_candidates);
}

/* The rules of this call, read anew unless they are those of the last one. */
static const HeldRules *
hold_rules(const Recommender *model, Args *args)
{
	HeldRules *held = args->state;
	Size bytes;
	char *arrays = rules_key(args, &bytes);
	MemoryContext memory;
	MemoryContext caller;

	if (held != NULL && memcmp(&held->version, &model->version, sizeof(pg_uuid_t)) == 0 &&
		held->bytes == bytes && memcmp(held->arrays, arrays, bytes) == 0)
	{
		pfree(arrays);
		return held;
	}
	args->state = NULL;
	if (held != NULL)
		MemoryContextDelete(held->memory);
	memory =
		AllocSetContextCreate(args->fcinfo->flinfo->fn_mcxt, "promoai list rules", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	held = palloc0(sizeof(HeldRules));
	*held = (HeldRules){.memory = memory, .version = model->version, .bytes = bytes, .arrays = palloc(bytes)};
	memcpy(held->arrays, arrays, bytes);
	read_rules(model, args, held);
	MemoryContextSwitchTo(caller);
	args->state = held;
	return held;
}

/* a and b, both ascending and distinct, as one such list. */
static const int32 *
merge_indices(const int32 *a, int32 n_a, const int32 *b, int32 n_b, int32 *n)
{
	int32 *merged;
	int32 i = 0;
	int32 j = 0;

	*n = n_a;
	if (n_b == 0)
		return a;
	*n = n_b;
	if (n_a == 0)
		return b;
	merged = palloc(sizeof(int32) * ((Size) n_a + n_b));
	*n = 0;
	while (i < n_a || j < n_b)
	{
		int32 next = j == n_b || (i < n_a && a[i] <= b[j]) ? a[i] : b[j];

		i += i < n_a && a[i] == next;
		j += j < n_b && b[j] == next;
		merged[(*n)++] = next;
	}
	return merged;
}

static double
diversity_of(const Args *args)
{
	double diversity;

	if (!args_has(args, "diversity") || args_null(args, "diversity"))
		return 0;
	diversity = DatumGetFloat8(args_datum(args, "diversity", NULL));
	if (!(diversity >= 0 && diversity <= 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"diversity\" must be between 0 and 1, got %g", diversity)));
	return diversity;
}

void
recommend_rules(const Recommender *model, Args *args, const int32 *seen, int32 n_seen, SelectRules *rules)
{
	const HeldRules *held;

	*rules = (SelectRules){.k = Min(args_int(args, "k", 1, RECOMMEND_MAX_K), model->items.n),
						   .diversity = diversity_of(args)};
	if (args_has(args, "max_per_category"))
		rules->max_per_category = args_int_or(args, "max_per_category", 1, PG_INT32_MAX, 0);
	if (rules->max_per_category > 0 && !array_given(args, "categories"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"max_per_category\" needs argument \"categories\"")));
	if (rules->diversity > 0 && model->methods->similar == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("argument \"diversity\" needs a model that knows which items are alike")));
	held = hold_rules(model, args);
	rules->filter.candidates = held->candidates;
	rules->filter.n_candidates = held->n_candidates;
	rules->filter.exclude =
		merge_indices(held->exclude, held->n_exclude, seen, n_seen, &rules->filter.n_exclude);
	rules->category = held->category;
	rules->boost = held->boost;
}
