/*
 * recommend.c - recommendations in SQL: whom what, what goes with what, and the factors behind it
 *
 * Every function opens the model (one look at the registry under the caller's snapshot, with the caller's rights),
 * takes the version from the cache and answers from it.  Ids come as bigint, text or uuid in overloads that share one
 * C function; they are written in the kind that the model's ids have.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "api/interactions.h"
#include "api/mf_model.h"
#include "api/recommend.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/recommend/rank.h"
#include "model/cache.h"
#include "model/value.h"

/* ---- the model ---- */

static void
require_kind(const char *kind)
{
	if (strcmp(kind, MF_KIND) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a model of kind \"%s\" gives no recommendations", kind),
						errhint("Use a model trained by promoai.mf_train.")));
}

const MfModel *
recommend_model(const Args *args)
{
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	require_kind(model->kind);
	return cache_get(model, registry_version(model, wanted), CurrentMemoryContext)->state;
}

/* The same for a function that also takes the model as a value. */
static const MfModel *
open_model_or_value(Args *args)
{
	const LoadedModel *loaded;

	if (args->types[args_find(args, "model")] == TEXTOID)
		return recommend_model(args);
	loaded = value_get(args_datum(args, "model", NULL), &args->state, args->fcinfo->flinfo->fn_mcxt);
	require_kind(loaded->version->kind);
	return loaded->state;
}

/* ---- ids ---- */

/* The index of an id in a set, -1 when the model does not know it. */
static int32
find_id(const IdSet *set, Datum value, Oid type, const char *what)
{
	IdKey given = id_from_datum(value, type, what);
	IdKey key = id_convert(&given, set->kind, what);

	return idset_find(set, &key);
}

static int32
find_argument(const IdSet *set, const Args *args, const char *name)
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

/* An item that was given, with its weight. */
typedef struct GivenItem
{
	int32 index;
	int32 times; /* how often it was given */
	double weight; /* the sum */
} GivenItem;

static int
compare_given(const void *left, const void *right)
{
	int32 a = ((const GivenItem *) left)->index;
	int32 b = ((const GivenItem *) right)->index;

	return a < b ? -1 : a > b;
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

static int
array_elements(const Args *args, const char *name, Oid *element, Datum **values, bool **nulls)
{
	Oid type;
	ArrayType *array = DatumGetArrayTypeP(args_datum(args, name, &type));
	int16 length;
	bool by_value;
	char align;
	int n;

	*element = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(*element, &length, &by_value, &align);
	deconstruct_array(array, *element, length, by_value, align, values, nulls, &n);
	return n;
}

/* weights [n] or NULL, each finite and, unless they are ratings, not below zero. */
static double *
given_weights(const Args *args, int n, bool ratings)
{
	Datum *values;
	bool *nulls;
	Oid element;
	double *weights;

	if (args_null(args, "weights"))
		return NULL;
	if (array_elements(args, "weights", &element, &values, &nulls) != n)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("arguments \"items\" and \"weights\" must be of the same length")));
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

/*
 * The items of an array argument that the model knows, ascending and distinct.  NULLs and unknown items are passed
 * over.
 */
static GivenItem *
given_items(const MfModel *model, const Args *args, const char *name, bool weighted, int32 *n)
{
	Datum *values;
	bool *nulls;
	Oid element;
	int length = array_elements(args, name, &element, &values, &nulls);
	double *weights = weighted ? given_weights(args, length, model->fit.rated) : NULL;
	GivenItem *given = palloc(sizeof(GivenItem) * Max(length, 1));
	char *what = psprintf("argument \"%s\"", name);
	int32 found = 0;

	for (int i = 0; i < length; i++)
	{
		int32 index = nulls[i] ? -1 : find_id(&model->items, values[i], element, what);

		if (index >= 0)
			given[found++] =
				(GivenItem){.index = index, .times = 1, .weight = weights == NULL ? 1 : weights[i]};
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
recommend_candidates(const MfModel *model, const Args *args, int32 *n)
{
	GivenItem *given;

	*n = 0;
	if (args_null(args, "candidates"))
		return NULL;
	given = given_items(model, args, "candidates", false, n);
	return indices_of(given, *n);
}

/* ---- ranking ---- */

/* What may stand in an answer, and how long it is. */
typedef struct Ask
{
	const MfModel *model;
	int32 k; /* at most the number of items */
	RankFilter filter;
	PgEnv env;
	float *scratch; /* [RANK_TILE] */
	TopEntry *heap; /* [k] */
	TopK top;
} Ask;

static void
ask_open(Ask *ask, const MfModel *model, const Args *args, bool candidates)
{
	memset(ask, 0, sizeof(*ask));
	ask->model = model;
	ask->k = Min(args_int(args, "k", 1, RECOMMEND_MAX_K), model->items.n);
	env_init(&ask->env, CurrentMemoryContext);
	ask->scratch = palloc(sizeof(float) * RANK_TILE);
	ask->heap = palloc(sizeof(TopEntry) * ask->k);
	if (candidates)
		ask->filter.candidates = recommend_candidates(model, args, &ask->filter.n_candidates);
}

static void
ask_exclude(Ask *ask, const int32 *items, int32 n)
{
	ask->filter.exclude = items;
	ask->filter.n_exclude = n;
}

/*
 * By factors: query [width]; scale [items] or NULL multiplies each score.  Through the index, whose answer is that of the full
 * scan, unless few items are asked for, or cosines of rows without their bias, whose norms the index does not know.
 */
static void
ask_rank(Ask *ask, const float *query, const float *scale)
{
	const MfModel *model = ask->model;

	topk_init(&ask->top, ask->heap, ask->k);
	if (model->indexed && ask->filter.candidates == NULL && !(scale != NULL && model->fit.rated))
		env_check(&ask->env,
				  rank_index_lists(&ask->env.base, &model->index, model->item_factors, query, scale,
								   &ask->filter, 1, &ask->top),
				  "ranking items");
	else
		env_check(&ask->env,
				  rank_items(&ask->env.base, model->item_factors, model->items.n, model->width, query, scale,
							 &ask->filter, ask->scratch, &ask->top),
				  "ranking items");
}

/* Scores of ratings are predictions: the mean and the customer's bias added, held to the scale where that was asked for. */
static void
ask_rank_ratings(Ask *ask, const float *query, float bias)
{
	ask_rank(ask, query, NULL);
	for (int32 i = 0; i < ask->top.n; i++)
		ask->heap[i].score = mf_rating(ask->model, ask->heap[i].score + bias);
}

/* For a customer that the model knows. */
static void
ask_rank_customer(Ask *ask, int32 customer)
{
	const MfModel *model = ask->model;
	const float *query = model->user_factors + (Size) customer * model->width;

	if (model->fit.rated)
		ask_rank_ratings(ask, query, model->user_bias[customer]);
	else
		ask_rank(ask, query, NULL);
}

/* By the share of the customers who bought: a factor model of one factor. */
static void
ask_rank_popular(Ask *ask)
{
	const MfModel *model = ask->model;
	const float one = 1;

	topk_init(&ask->top, ask->heap, ask->k);
	env_check(&ask->env,
			  rank_items(&ask->env.base, model->buyers, model->items.n, 1, &one, NULL, &ask->filter,
						 ask->scratch, &ask->top),
			  "ranking items");
	for (int32 i = 0; i < ask->top.n; i++)
		ask->heap[i].score /= (float) model->customers.n;
}

/* Rows (rank, item, item_no, score, answered_by). */
static void
put_answer(FunctionCallInfo fcinfo, const Ask *ask, const char *answered_by)
{
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int32 i = 0; i < ask->top.n; i++)
	{
		Datum values[5];
		bool nulls[5] = {0};

		values[0] = Int32GetDatum(i + 1);
		recommend_put_id(&ask->model->items, ask->heap[i].index, &values[1], &nulls[1]);
		values[3] = Float4GetDatum(ask->heap[i].score);
		if (answered_by != NULL)
			values[4] = CStringGetTextDatum(answered_by);
		rows_put(rows, values, nulls);
	}
}

/*
 * cf_recommend(model, customer, k, exclude_seen, candidates, version) -> (rank, item, item_no, score, answered_by)
 *
 * A customer the model does not know, or NULL, gets what is popular.  O(items x factors) at most; the index leaves most of it out.
 */
PG_FUNCTION_INFO_V1(promoai_cf_recommend);
Datum
promoai_cf_recommend(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const MfModel *model = recommend_model(args);
	int32 customer = args_null(args, "customer") ? -1 : find_argument(&model->customers, args, "customer");
	bool exclude_seen = args_bool(args, "exclude_seen");
	Ask ask;

	ask_open(&ask, model, args, true);
	if (customer < 0)
	{
		ask_rank_popular(&ask);
		put_answer(fcinfo, &ask, "popularity");
		return (Datum) 0;
	}
	if (exclude_seen)
	{
		int32 n;
		const int32 *seen = mf_seen(model, customer, &n);

		ask_exclude(&ask, seen, n);
	}
	ask_rank_customer(&ask, customer);
	put_answer(fcinfo, &ask, "factors");
	return (Datum) 0;
}

/* Rank by the factors of someone who bought these items and nothing else. */
static void
ask_rank_bought(Ask *ask, const GivenItem *given, int32 n)
{
	const MfModel *model = ask->model;
	float *weights = palloc(sizeof(float) * Max(n, 1));
	float *query = palloc(sizeof(float) * model->width);

	for (int32 i = 0; i < n; i++)
		weights[i] = feedback_weight(model->transform, (float) given[i].weight);
	env_check(&ask->env,
			  als_fold_in(&ask->env.base, &model->fit.implicit, model->item_factors, model->items.n,
						  model->gram, indices_of(given, n), weights, n, query),
			  "folding a history in");
	ask_rank(ask, query, NULL);
}

/* ... or who rated these items so and no others. */
static void
ask_rank_rated(Ask *ask, const GivenItem *given, int32 n)
{
	const MfModel *model = ask->model;
	Size width = model->width;
	float *ratings = palloc(sizeof(float) * Max(n, 1));
	float *items = palloc(sizeof(float) * width * Max(n, 1));
	float *query = palloc(sizeof(float) * width);
	float bias;

	for (int32 i = 0; i < n; i++)
	{
		ratings[i] = (float) (given[i].weight / given[i].times);
		memcpy(items + i * width, model->item_factors + given[i].index * width, sizeof(float) * width);
	}
	env_check(
		&ask->env,
		explicit_fold_in(&ask->env.base, &model->fit.ratings, model->mean, items, ratings, n, query, &bias),
		"folding a history in");
	query[width - 1] = 1;
	ask_rank_ratings(ask, query, bias);
}

/* Items of weight zero say nothing: they are not bought. */
static int32
drop_weightless(GivenItem *given, int32 n)
{
	int32 kept = 0;

	for (int32 i = 0; i < n; i++)
		if (given[i].weight > 0)
			given[kept++] = given[i];
	return kept;
}

/*
 * cf_recommend_basket(model, items, weights, k, exclude_seen, candidates, version)
 *		-> (rank, item, item_no, score, answered_by)
 *
 * A history is folded in by one exact solve.  Without any item that the model knows the answer is popularity.
 * O(n x factors^2 + factors^3 + items x factors) for n items given.
 */
PG_FUNCTION_INFO_V1(promoai_cf_recommend_basket);
Datum
promoai_cf_recommend_basket(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const MfModel *model = recommend_model(args);
	bool exclude_seen = args_bool(args, "exclude_seen");
	int32 n;
	GivenItem *given = given_items(model, args, "items", true, &n);
	Ask ask;

	if (!model->fit.rated)
		n = drop_weightless(given, n);
	else if (n > 0 && args_null(args, "weights"))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("a model of ratings needs the ratings of the items given"),
						errhint("Pass them as the argument \"weights\".")));
	ask_open(&ask, model, args, true);
	if (exclude_seen)
		ask_exclude(&ask, indices_of(given, n), n);
	if (n == 0)
	{
		ask_rank_popular(&ask);
		put_answer(fcinfo, &ask, "popularity");
	}
	else
	{
		if (model->fit.rated)
			ask_rank_rated(&ask, given, n);
		else
			ask_rank_bought(&ask, given, n);
		put_answer(fcinfo, &ask, "fold-in");
	}
	return (Datum) 0;
}

static void
unknown_item(const Args *args)
{
	Oid type;
	Datum value = args_datum(args, "item", &type);
	IdKey key = id_from_datum(value, type, "argument \"item\"");

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("item \"%s\" is not known to model \"%s\"", id_text(&key), args_text(args, "model")),
			 errhint("Items are known that somebody bought in the rows the model was trained on.")));
}

/*
 * cf_similar_items(model, item, k, candidates, version) -> (rank, item, item_no, similarity)
 *
 * Cosine of the items' factors; the item itself is left out.  O(items x factors) at most.
 */
PG_FUNCTION_INFO_V1(promoai_cf_similar_items);
Datum
promoai_cf_similar_items(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const MfModel *model = recommend_model(args);
	int32 item = find_argument(&model->items, args, "item");
	int32 factors = model->fit.implicit.factors;
	float *query = palloc0(sizeof(float) * model->width); /* a bias makes no items alike */
	Ask ask;

	if (item < 0)
		unknown_item(args);
	ask_open(&ask, model, args, true);
	ask_exclude(&ask, &item, 1);
	for (int32 f = 0; f < factors; f++)
		query[f] = model->item_factors[(Size) item * model->width + f] * model->inverse_norms[item];
	ask_rank(&ask, query, model->inverse_norms);
	put_answer(fcinfo, &ask, NULL);
	return (Datum) 0;
}

/*
 * cf_predict(model or value, customer, item, version): the score cf_recommend ranks by.  NULL when either is not known;
 * a model of ratings then predicts from what is known: the mean, and the bias of the one that is.
 */
PG_FUNCTION_INFO_V1(promoai_cf_predict);
Datum
promoai_cf_predict(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const MfModel *model;
	int32 customer;
	int32 item;

	if (args_null(args, "customer") || args_null(args, "item"))
		PG_RETURN_NULL();
	model = open_model_or_value(args);
	customer = find_argument(&model->customers, args, "customer");
	item = find_argument(&model->items, args, "item");
	if (!model->fit.rated && (customer < 0 || item < 0))
		PG_RETURN_NULL();

	PG_RETURN_FLOAT4((float) mf_predict(model, customer, item));
}

/* ---- factors as rows ---- */

/* Rows (id text, id_no bigint, factors real[]). */
static Datum
put_factors(FunctionCallInfo fcinfo, const IdSet *ids, const float *factors, int32 width)
{
	ReturnSetInfo *rows = rows_open(fcinfo);
	Datum *elements = palloc(sizeof(Datum) * width);
	MemoryContext per_row =
		AllocSetContextCreate(CurrentMemoryContext, "promoai factors", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int32 i = 0; i < ids->n; i++)
	{
		Datum values[3];
		bool nulls[3] = {0};

		CHECK_FOR_INTERRUPTS();
		recommend_put_id(ids, i, values, nulls);
		for (int32 f = 0; f < width; f++)
			elements[f] = Float4GetDatum(factors[(Size) i * width + f]);
		values[2] =
			PointerGetDatum(construct_array(elements, width, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
		rows_put(rows, values, nulls);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}

/* mf_user_factors(model, version) -> (customer, customer_no, factors real[]) */
PG_FUNCTION_INFO_V1(promoai_mf_user_factors);
Datum
promoai_mf_user_factors(PG_FUNCTION_ARGS)
{
	const MfModel *model = recommend_model(args_open(fcinfo));

	return put_factors(fcinfo, &model->customers, model->user_factors, model->width);
}

/* mf_item_factors(model, version) -> (item, item_no, factors real[]) */
PG_FUNCTION_INFO_V1(promoai_mf_item_factors);
Datum
promoai_mf_item_factors(PG_FUNCTION_ARGS)
{
	const MfModel *model = recommend_model(args_open(fcinfo));

	return put_factors(fcinfo, &model->items, model->item_factors, model->width);
}

static uint64
scan_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const Interactions none = {0};

	return interactions_bytes(&none, entries);
}

/*
 * source_scan(source) -> (rows_read, rows_skipped, customers, items, seconds)
 *
 * Reads a source as a trainer does, into dense columns in canonical order within maintenance_work_mem, and keeps nothing.
 */
PG_FUNCTION_INFO_V1(promoai_source_scan);
Datum
promoai_source_scan(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TimestampTz started = GetCurrentTimestamp();
	Interactions in = {.memory = CurrentMemoryContext, .need = scan_need, .limit = memory_limit(NULL)};
	Datum values[5];
	bool nulls[5] = {0};

	interactions_read(args_text(args, "source"), &in);
	values[0] = Int64GetDatum(in.rows_read);
	values[1] = Int64GetDatum(in.rows_skipped);
	values[2] = Int32GetDatum(in.customers->n);
	values[3] = Int32GetDatum(in.items->n);
	values[4] = Float8GetDatum((GetCurrentTimestamp() - started) / 1e6);
	return rows_single(fcinfo, values, nulls);
}
