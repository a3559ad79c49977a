/*
 * recommend.c - recommendations in SQL: what for whom, whom for what, what goes with what, and why
 *
 * Every function opens the model (one look at the registry under the caller's snapshot, with the caller's rights),
 * takes the version from the cache and asks it through its methods (recommender.h), whatever kind of model it is.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/interactions.h"
#include "api/mf_model.h"
#include "api/recommend.h"
#include "bridge/language.h"
#include "bridge/memory.h"
#include "bridge/rows.h"

/* ---- lists ---- */

/* SelectRules.similar */
typedef struct Similarity
{
	const Recommender *model;
	Env *env;
} Similarity;

static CoreStatus
similar_items(void *arg, int32 item, const int32 *others, int32 n, float *similarity)
{
	Similarity *asked = arg;

	return asked->model->methods->similar(asked->model, asked->env, item, others, n, similarity);
}

bool
recommend_only_filters(const SelectRules *rules)
{
	return rules->category == NULL && rules->boost == NULL && rules->diversity == 0;
}

/* The model's own way; false when it has none. */
static bool
rank_directly(const Recommender *model, PgEnv *env, const Taste *taste, const SelectRules *rules,
			  RecommendList *list)
{
	TopEntry *heap;
	TopK top;

	if (model->methods->rank == NULL || !recommend_only_filters(rules))
		return false;
	heap = palloc(sizeof(TopEntry) * Max(rules->k, 1));
	topk_init(&top, heap, rules->k);
	env_check(env, model->methods->rank(model, &env->base, taste, &rules->filter, &top), "ranking items");
	for (int32 i = 0; i < top.n; i++)
		list->entry[i] = (Selected){.item = heap[i].index, .score = heap[i].score, .boosted = heap[i].score};
	list->n = top.n;
	pfree(heap);
	return true;
}

static void
rank_by_scores(const Recommender *model, PgEnv *env, const Taste *taste, SelectRules *rules,
			   RecommendList *list)
{
	Similarity asked = {.model = model, .env = &env->base};
	int32 items = model->items.n;
	float *scores = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max((Size) items, 1));

	rules->similar = similar_items;
	rules->similar_arg = &asked;
	if (taste != NULL)
		env_check(env, model->methods->score(model, &env->base, taste, scores), "scoring items");
	else
		for (int32 i = 0; i < items; i++)
			scores[i] = -INFINITY;
	env_check(env, select_list(&env->base, scores, model->buyers, items, rules, list->entry, &list->n),
			  "ranking items");
	pfree(scores);
}

/* Popularity is the share of the customers; predictions are held to their scale. */
static void
show_scores(const Recommender *model, RecommendList *list)
{
	for (int32 i = 0; i < list->n; i++)
	{
		Selected *entry = &list->entry[i];

		if (entry->filled)
		{
			entry->score /= (float) Max(model->customers.n, 1);
			entry->boosted /= (float) Max(model->customers.n, 1);
		}
		else if (model->methods->shown != NULL)
		{
			entry->boosted =
				entry->boosted == entry->score ? model->methods->shown(model, entry->score) : entry->boosted;
			entry->score = model->methods->shown(model, entry->score);
		}
	}
}

void
recommend_list(const Recommender *model, PgEnv *env, const Taste *taste, SelectRules *rules,
			   RecommendList *list)
{
	static const Taste stranger = {.customer = -1};

	if (taste == NULL && model->methods->for_everybody)
		taste = &stranger;
	list->entry = palloc(sizeof(Selected) * Max(rules->k, 1));
	list->answered_by = "popularity";
	if (taste != NULL)
		list->answered_by = taste->customer >= 0 ? model->methods->by_customer : model->methods->by_history;
	if (taste == NULL || !rank_directly(model, env, taste, rules, list))
		rank_by_scores(model, env, taste, rules, list);
	show_scores(model, list);
}

/* Rows (rank, item, item_no, score, answered_by, boosted_score). */
static void
put_list(FunctionCallInfo fcinfo, const Recommender *model, const RecommendList *list)
{
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int32 i = 0; i < list->n; i++)
	{
		const Selected *entry = &list->entry[i];
		Datum values[6];
		bool nulls[6] = {0};

		values[0] = Int32GetDatum(i + 1);
		recommend_put_id(&model->items, entry->item, &values[1], &nulls[1]);
		values[3] = Float4GetDatum(entry->score);
		values[4] = CStringGetTextDatum(entry->filled ? "popularity" : list->answered_by);
		values[5] = Float4GetDatum(entry->boosted);
		rows_put(rows, values, nulls);
	}
}

/*
 * cf_recommend(model, customer, k, exclude_seen, candidates, version, rules...)
 *		-> (rank, item, item_no, score, answered_by, boosted_score)
 *
 * A customer the model does not know, or NULL, gets what is popular.
 */
PG_FUNCTION_INFO_V1(promoai_cf_recommend);
Datum
promoai_cf_recommend(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	Taste taste = {
		.customer = args_null(args, "customer") ? -1 : recommend_find(&model->customers, args, "customer")};
	const int32 *seen = NULL;
	int32 n_seen = 0;
	SelectRules rules;
	RecommendList list;
	PgEnv env;

	if (recommend_excludes_seen(model, args) && taste.customer >= 0)
		seen = recommender_seen(model, taste.customer, &n_seen);
	recommend_rules(model, args, seen, n_seen, &rules);
	env_init(&env, CurrentMemoryContext);
	recommend_list(model, &env, taste.customer >= 0 ? &taste : NULL, &rules, &list);
	put_list(fcinfo, model, &list);
	return (Datum) 0;
}

/*
 * cf_recommend_basket(model, items, weights, k, exclude_seen, candidates, version, rules...)
 *		-> (rank, item, item_no, score, answered_by, boosted_score)
 *
 * For a history.  Without any item that the model knows, or by a model that goes by customers alone, the answer is popularity.
 */
PG_FUNCTION_INFO_V1(promoai_cf_recommend_basket);
Datum
promoai_cf_recommend_basket(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	Taste taste = recommend_history(model, args);
	bool answers = taste.n > 0 && model->methods->by_history != NULL;
	bool exclude_seen = recommend_excludes_seen(model, args);
	SelectRules rules;
	RecommendList list;
	PgEnv env;

	recommend_rules(model, args, exclude_seen ? taste.items : NULL, exclude_seen ? taste.n : 0, &rules);
	env_init(&env, CurrentMemoryContext);
	recommend_list(model, &env, answers ? &taste : NULL, &rules, &list);
	put_list(fcinfo, model, &list);
	return (Datum) 0;
}

/* ---- what is like what, what suits whom ---- */

/*
 * cf_similar_items(model, item, k, candidates, version) -> (rank, item, item_no, similarity)
 *
 * The item itself is left out.  Items of which the model knows no similarity come last, with 0.
 */
PG_FUNCTION_INFO_V1(promoai_cf_similar_items);
Datum
promoai_cf_similar_items(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	int32 item = recommend_find(&model->items, args, "item");
	int32 items = model->items.n;
	float *similarity = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max((Size) items, 1));
	ReturnSetInfo *rows;
	SelectRules rules;
	Selected *chosen;
	PgEnv env;
	int32 n;

	if (model->methods->similar == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" does not know which items are alike", args_text(args, "model"))));
	if (item < 0)
		recommend_unknown_item(args);
	env_init(&env, CurrentMemoryContext);
	env_check(&env, model->methods->similar(model, &env.base, item, NULL, items, similarity),
			  "comparing items");
	recommend_rules(model, args, &item, 1, &rules);
	chosen = palloc(sizeof(Selected) * Max(rules.k, 1));
	env_check(&env, select_list(&env.base, similarity, model->buyers, items, &rules, chosen, &n),
			  "ranking items");

	rows = rows_open(fcinfo);
	for (int32 i = 0; i < n; i++)
	{
		Datum values[4];
		bool nulls[4] = {0};

		values[0] = Int32GetDatum(i + 1);
		recommend_put_id(&model->items, chosen[i].item, &values[1], &nulls[1]);
		values[3] = Float4GetDatum(chosen[i].filled ? 0 : chosen[i].score);
		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}

/* The customers who had an item, ascending. */
static int32 *
buyers_of(const Recommender *model, int32 item, int32 *n)
{
	int32 *buyers = NULL;
	int32 most = 0;

	*n = 0;
	for (int32 u = 0; u < model->customers.n; u++)
	{
		int32 had;
		const int32 *seen = recommender_seen(model, u, &had);

		if (unlikely(u % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		if (!recommender_has(seen, had, item))
			continue;
		if (*n == most)
		{
			most = Max(64, most * 2);
			buyers =
				buyers == NULL ? palloc(sizeof(int32) * most) : repalloc_huge(buyers, sizeof(int32) * most);
		}
		buyers[(*n)++] = u;
	}
	return buyers;
}

/*
 * cf_target_users(model, item, k, exclude_buyers, candidates, version) -> (rank, customer, customer_no, score)
 *
 * The customers that an item suits best by their scores for it.  Customers for whom the model has no opinion are left out.
 */
PG_FUNCTION_INFO_V1(promoai_cf_target_users);
Datum
promoai_cf_target_users(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	int32 item = recommend_find(&model->items, args, "item");
	int32 customers = model->customers.n;
	float *scores = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max((Size) customers, 1));
	SelectRules rules = {.k = Min(args_int(args, "k", 1, RECOMMEND_MAX_K), customers)};
	ReturnSetInfo *rows;
	Selected *chosen = palloc(sizeof(Selected) * Max(rules.k, 1));
	PgEnv env;
	int32 n;

	if (item < 0)
		recommend_unknown_item(args);
	env_init(&env, CurrentMemoryContext);
	env_check(&env, model->methods->suit(model, &env.base, item, scores), "scoring customers");
	rules.filter.candidates =
		recommend_indices(&model->customers, args, "candidates", &rules.filter.n_candidates);
	if (args_bool(args, "exclude_buyers"))
		rules.filter.exclude = buyers_of(model, item, &rules.filter.n_exclude);
	env_check(&env, select_list(&env.base, scores, scores, customers, &rules, chosen, &n),
			  "ranking customers");

	rows = rows_open(fcinfo);
	for (int32 i = 0; i < n && !chosen[i].filled; i++)
	{
		Datum values[4];
		bool nulls[4] = {0};

		values[0] = Int32GetDatum(i + 1);
		recommend_put_id(&model->customers, chosen[i].item, &values[1], &nulls[1]);
		values[3] = Float4GetDatum(
			model->methods->shown != NULL ? model->methods->shown(model, chosen[i].score) : chosen[i].score);
		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}

/*
 * cf_predict(model or value, customer, item, version): the score cf_recommend ranks by.  NULL when either is not known, or the
 * model has no opinion; a model of ratings predicts from what is known: the mean, and the bias of the one that is.
 */
PG_FUNCTION_INFO_V1(promoai_cf_predict);
Datum
promoai_cf_predict(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model;
	Taste taste = {0};
	int32 item;
	float score;
	PgEnv env;

	if (args_null(args, "customer") || args_null(args, "item"))
		PG_RETURN_NULL();
	model = recommend_model_or_value(args);
	taste.customer = recommend_find(&model->customers, args, "customer");
	item = recommend_find(&model->items, args, "item");
	if (!model->methods->rated && (taste.customer < 0 || item < 0))
		PG_RETURN_NULL();

	env_init(&env, CurrentMemoryContext);
	env_check(&env, model->methods->score_one(model, &env.base, &taste, item, &score), "predicting");
	if (score == -INFINITY)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(model->methods->shown != NULL ? model->methods->shown(model, score) : score);
}

/* ---- why ---- */

/* An item of a history, and what it adds to a score. */
typedef struct Part
{
	int32 item;
	float value;
} Part;

/* The largest addition first, of equal ones the smaller index. */
static int
compare_parts(const void *left, const void *right)
{
	const Part *a = left;
	const Part *b = right;

	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->item < b->item ? -1 : a->item > b->item;
}

static char *
reason_text(const Recommender *model, Language language, int32 cause)
{
	IdKey key = idset_key(&model->items, cause);
	const char *form = model->methods->rated
						   ? language_pick(language, "because of the rating of %s", "因为您对 %s 的评分")
						   : language_pick(language, "because %s was bought", "因为购买过 %s");

	return psprintf(form, id_text(&key));
}

/* Rows (rank, item, item_no, part, score, reason). */
static void
put_parts(FunctionCallInfo fcinfo, const Recommender *model, const Part *parts, int32 n, float score,
		  Language language)
{
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int32 i = 0; i < n; i++)
	{
		Datum values[6];
		bool nulls[6] = {0};

		values[0] = Int32GetDatum(i + 1);
		recommend_put_id(&model->items, parts[i].item, &values[1], &nulls[1]);
		values[3] = Float4GetDatum(parts[i].value);
		values[4] = Float4GetDatum(score);
		values[5] = CStringGetTextDatum(reason_text(model, language, parts[i].item));
		rows_put(rows, values, nulls);
	}
}

/*
 * cf_explain(model, customer, item, k, language, version) -> (rank, item, item_no, part, score, reason)
 *
 * What each item of the customer's history adds to the score of `item`, the largest first.  No rows for a customer the model
 * does not know, or whose history has nothing to do with the item.
 */
PG_FUNCTION_INFO_V1(promoai_cf_explain);
Datum
promoai_cf_explain(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	int32 customer = recommend_find(&model->customers, args, "customer");
	int32 item = recommend_find(&model->items, args, "item");
	int32 k = args_int(args, "k", 1, RECOMMEND_MAX_K);
	Taste taste = {.customer = -1};
	float score = 0;
	float *values;
	Part *parts;
	int32 n = 0;
	PgEnv env;

	if (model->methods->explain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" cannot say why it recommends an item", args_text(args, "model"))));
	if (item < 0)
		recommend_unknown_item(args);
	if (customer >= 0)
		taste = recommender_history(model, customer);
	taste.customer = customer;
	env_init(&env, CurrentMemoryContext);
	values = palloc(sizeof(float) * Max(taste.n, 1));
	parts = palloc(sizeof(Part) * Max(taste.n, 1));
	if (taste.n > 0)
		env_check(&env, model->methods->explain(model, &env.base, &taste, item, values, &score),
				  "explaining");
	for (int32 i = 0; i < taste.n; i++)
		if (values[i] != 0)
			parts[n++] = (Part){.item = taste.items[i], .value = values[i]};
	qsort(parts, n, sizeof(Part), compare_parts);
	put_parts(fcinfo, model, parts, Min(n, k), score, language_of(args));
	return (Datum) 0;
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

static const MfModel *
factor_model(const Args *args)
{
	const Recommender *model = recommend_model(args);

	if (!mf_is_factors(model))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("model \"%s\" has no factors", args_text(args, "model")),
						errhint("Use a model trained by promoai.mf_train.")));
	return (const MfModel *) model;
}

/* mf_user_factors(model, version) -> (customer, customer_no, factors real[]) */
PG_FUNCTION_INFO_V1(promoai_mf_user_factors);
Datum
promoai_mf_user_factors(PG_FUNCTION_ARGS)
{
	const MfModel *model = factor_model(args_open(fcinfo));

	return put_factors(fcinfo, &model->base.customers, model->user_factors, model->width);
}

/* mf_item_factors(model, version) -> (item, item_no, factors real[]) */
PG_FUNCTION_INFO_V1(promoai_mf_item_factors);
Datum
promoai_mf_item_factors(PG_FUNCTION_ARGS)
{
	const MfModel *model = factor_model(args_open(fcinfo));

	return put_factors(fcinfo, &model->base.items, model->item_factors, model->width);
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
