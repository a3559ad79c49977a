/*
 * recommend_all.c - lists for all customers that a model knows
 *
 * Every list is what cf_recommend gives, to the last bit.  Models without factors, and rules beyond a filter, take the general
 * way, one customer after the other.  For the rest customers go through core/recommend/rank_batch.c a window at a
 * time, in their order: while the team ranks one window, this backend turns the lists of the one before into rows and
 * brings the customers of the next.
 *
 * Parallel workers are used where they are worth their start (max_parallel_maintenance_workers: a list for everybody is a
 * batch job, as training is) and the caller's plan is not parallel itself; inside a worker, or beside a Gather, the
 * function runs alone.
 *
 * Memory: two windows, the items' texts, and with workers a copy of the item factors and their index in the team's
 * region, all within maintenance_work_mem; when that copy does not fit, there are no workers.  Rows beyond work_mem go to
 * disk, as the tuplestore sees fit.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/mf_model.h"
#include "api/recommend.h"
#include "bridge/args.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "bridge/team.h"
#include "bridge/testpoint.h"
#include "core/recommend/rank_batch.h"

#define JOB_LISTS "recommend_all"
#define WINDOW_USERS 2048 /* at most */
#define WINDOW_BYTES                                                                                         \
	((uint64) 8 * 1024 * 1024) /* of the users of one window, at most while there are several */

#define COPY_BYTES ((Size) 16 * 1024 * 1024) /* between two looks at interrupts */

/* What a list is worth in multiplications, for the question whether workers pay: the index leaves most of a scan out. */
#define SCAN_SHARE 8
#define ROW_WORTH 10000

/*
 * At the start of the region: sizes, and where the arrays stand.  The items' arrays are there for workers only; the leader
 * has the model's own.
 */
typedef struct ListsRegion
{
	RankBatch batch; /* its pointers are set by every member for itself */
	bool indexed;
	bool candidates;
	Size item_factors, codes, order, limits, candidate; /* offsets */
	Size shared; /* of rank_batch */
	Size bytes; /* of all */
} ListsRegion;

/* The leader's side. */
typedef struct Lists
{
	const MfModel *model;
	bool exclude_seen;
	Datum answered_by; /* text */
	bool indexed;
	RankIndex index;
	RankBatch batch;
	PgEnv env;
	ReturnSetInfo *rows;
	int32 filled; /* customers that were brought so far */
	int32 taken; /* ... and carried away */
	MemoryContext per_customer;
	MemoryContext per_row;
	MemoryContext texts;
	Datum *item_text; /* [items] as text, made when first met; 0 before, and where there is no room */
	uint64 text_room; /* bytes left for them */
} Lists;

/* ---- windows ---- */

/* RankBatch.fill: the customers that come next, as many as there is room for. */
static CoreStatus
fill_window(Env *env, void *arg, RankWindow *window)
{
	Lists *lists = arg;
	const MfModel *model = lists->model;
	Size width = model->width;
	int32 users = 0;
	int64 seen = 0;

	window->seen_start[0] = 0;
	while (users < lists->batch.window_users && lists->filled + users < model->base.customers.n)
	{
		int32 n = 0;
		const int32 *items =
			lists->exclude_seen ? recommender_seen(&model->base, lists->filled + users, &n) : NULL;

		if (seen + n > lists->batch.window_seen)
			break;
		if (n > 0)
			memcpy(window->seen + seen, items, sizeof(int32) * n);
		seen += n;
		window->seen_start[++users] = seen;
	}
	memcpy(window->queries, model->user_factors + lists->filled * width, sizeof(float) * users * width);
	window->users = users;
	lists->filled += users;
	return env->cancelled(env) ? CORE_CANCELLED : CORE_OK;
}

/* An item's text, which lives at least as long as the row. */
static Datum
item_text(Lists *lists, int32 item)
{
	const IdSet *items = &lists->model->base.items;
	MemoryContext caller;
	Datum text = lists->item_text[item];
	IdKey key;
	char *letters;
	uint64 bytes;

	if (text != (Datum) 0)
		return text;
	key = idset_key(items, item);
	letters = id_text(&key);
	/* What the memory context makes of it: a power of two, and its own header. */
	bytes = pg_nextpower2_64(Max(strlen(letters) + VARHDRSZ, 8)) + 2 * sizeof(void *);
	if (bytes > lists->text_room)
		return CStringGetTextDatum(letters);
	caller = MemoryContextSwitchTo(lists->texts);
	text = CStringGetTextDatum(letters);
	MemoryContextSwitchTo(caller);
	lists->text_room -= bytes;
	lists->item_text[item] = text;
	return text;
}

/* One customer's rows (customer, customer_no, rank, item, item_no, score, answered_by, boosted_score). */
static void
put_list(Lists *lists, int32 customer, const TopEntry *list, int32 n)
{
	const MfModel *model = lists->model;
	bool item_numbers = model->base.items.kind == ID_INTEGER;
	Datum values[8];
	bool nulls[8] = {0};

	recommend_put_id(&model->base.customers, customer, &values[0], &nulls[0]);
	values[6] = lists->answered_by;
	nulls[4] = !item_numbers;
	values[4] = (Datum) 0;
	MemoryContextSwitchTo(lists->per_row);
	for (int32 i = 0; i < n; i++)
	{
		int32 item = list[i].index;
		float score = list[i].score;

		if (model->fit.rated)
			score = model->base.methods->shown(
				&model->base, score + (float) (model->base.mean + model->user_bias[customer]));

		values[2] = Int32GetDatum(i + 1);
		values[3] = item_text(lists, item);
		if (item_numbers)
			values[4] = Int64GetDatum(model->base.items.numbers[item]);
		values[5] = Float4GetDatum(score);
		values[7] = values[5];
		rows_put(lists->rows, values, nulls);
		MemoryContextReset(lists->per_row);
		CHECK_FOR_INTERRUPTS();
	}
}

/* RankBatch.take: lists become rows. */
static CoreStatus
take_window(Env *env, void *arg, const RankWindow *window)
{
	Lists *lists = arg;
	PgEnv *own = (PgEnv *) env;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		test_point("listing");
		for (int32 u = 0; u < window->users; u++)
		{
			MemoryContextSwitchTo(lists->per_customer);
			put_list(lists, lists->taken + u, window->lists + (Size) u * lists->batch.k, window->length[u]);
			MemoryContextReset(lists->per_customer);
		}
		MemoryContextSwitchTo(caller);
		lists->taken += window->users;
	}
	PG_CATCH();
	{
		env_keep_error(own, caller);
	}
	PG_END_TRY();
	return own->error == NULL ? CORE_OK : CORE_CANCELLED;
}

/* ---- the team ---- */

/* Every member's view of the batch; a worker's items are those of the region. */
static CoreStatus
lists_job(Env *env, void *memory)
{
	ListsRegion *region = memory;
	const Lists *lists = ((PgEnv *) env)->own;
	char *base = memory;
	RankBatch batch = region->batch;
	RankIndex index;

	if (lists != NULL)
		return rank_batch(env, &lists->batch, base + region->shared);
	batch.item_factors = (const float *) (base + region->item_factors);
	if (region->candidates)
		batch.candidates = (const int32 *) (base + region->candidate);
	if (region->indexed)
	{
		index = (RankIndex){.items = batch.items,
							.factors = batch.factors,
							.blocks = rank_index_blocks(batch.items),
							.codes = (const uint8 *) (base + region->codes),
							.order = (const int32 *) (base + region->order),
							.limits = (const float *) (base + region->limits)};
		batch.index = &index;
	}
	return rank_batch(env, &batch, base + region->shared);
}

void
recommend_all_init(void)
{
	team_register(JOB_LISTS, lists_job);
}

/* ---- what it takes ---- */

/* Lay the region out, with the items' arrays when there are workers; returns its size. */
static uint64
plan_region(const Lists *lists, bool workers, ListsRegion *region)
{
	const RankBatch *batch = &lists->batch;
	uint64 cursor = 0;
	uint64 items = workers ? batch->items : 0;
	uint64 blocks = workers && batch->index != NULL ? batch->index->blocks : 0;

	memset(region, 0, sizeof(*region));
	region->batch = *batch;
	region->batch.item_factors = NULL;
	region->batch.index = NULL;
	region->batch.candidates = NULL;
	region->batch.arg = NULL;
	region->indexed = batch->index != NULL;
	region->candidates = batch->candidates != NULL;
	memory_take(&cursor, 1, sizeof(ListsRegion));
	region->shared = memory_take(&cursor, rank_batch_shared_bytes(batch), 1);
	region->item_factors = memory_take(&cursor, items * batch->factors, sizeof(float));
	region->codes = memory_take(&cursor, blocks > 0 ? rank_index_code_bytes(batch->items, batch->factors) : 0,
								sizeof(uint8));
	region->order = memory_take(&cursor, 16 * blocks, sizeof(int32));
	region->limits = memory_take(&cursor, 4 * blocks, sizeof(float));
	region->candidate = memory_take(&cursor, workers ? batch->n_candidates : 0, sizeof(int32));
	region->bytes = cursor;
	return cursor;
}

/* All that the call takes: the region, each member's own, the index made here, and where texts are kept. */
static uint64
lists_need(const Lists *lists, int workers, ListsRegion *region)
{
	const RankBatch *batch = &lists->batch;
	uint64 need = plan_region(lists, workers > 0, region);
	uint64 blocks = rank_index_blocks(batch->items);

	need = memory_add(need, memory_mul(rank_batch_member_bytes(batch), workers + 1));
	need = memory_add(need, memory_mul(batch->items, sizeof(Datum)));
	if (batch->index != NULL && !lists->model->indexed)
		need = memory_add(need,
						  rank_index_code_bytes(batch->items, batch->factors) + blocks * 20 * sizeof(float));
	return need;
}

/* How many customers a window takes: of `room` bytes, if that holds one, and the longest history must fit. */
static void
size_windows(Lists *lists, uint64 room)
{
	const MfModel *model = lists->model;
	RankBatch *batch = &lists->batch;
	int32 customers = model->base.customers.n;
	int64 entries = lists->exclude_seen ? model->base.seen_start[customers] : 0;
	int64 longest = 0;
	uint64 user = (uint64) batch->k * sizeof(TopEntry) + model->width * sizeof(float) + 12 +
				  2 * sizeof(int32) * (entries / Max(customers, 1) + 1);

	for (int32 u = 0; entries > 0 && u < customers; u++)
		longest = Max(longest, model->base.seen_start[u + 1] - model->base.seen_start[u]);
	batch->window_users = (int32) Min(Min(Max(room / user, 1), WINDOW_USERS), (uint64) Max(customers, 1));
	batch->window_seen = Max(longest, entries / Max(customers, 1) * 2 * batch->window_users);
	batch->window_seen = Min(batch->window_seen, entries);
}

/*
 * Workers as many as pay, by the settings, and as memory allows; the layout of the region goes to *region.  An ERROR says
 * what is needed when there is not enough even without them.
 */
static int
plan_team(Lists *lists, ListsRegion *region)
{
	const RankBatch *batch = &lists->batch;
	double looked_at = batch->candidates != NULL ? batch->n_candidates
					   : batch->index != NULL    ? (double) batch->items / SCAN_SHARE
												 : batch->items;
	int workers = team_workers(lists->model->base.customers.n *
							   (2 * looked_at * batch->factors + (double) ROW_WORTH * batch->k));
	uint64 limit = memory_limit(NULL);
	uint64 need;

	size_windows(lists, Min(WINDOW_BYTES, limit / 8));
	need = lists_need(lists, workers, region);
	if (workers > 0 && need > limit)
	{
		workers = 0;
		need = lists_need(lists, 0, region);
	}
	if (need > limit)
	{
		size_windows(lists, 0);
		need = lists_need(lists, 0, region);
	}
	memory_require_setting(need, psprintf("a list of %d items for every customer", batch->k));
	lists->text_room = limit - need;
	return workers;
}

/* An array into the region, at `offset`; it may be so large that a cancel would wait for it. */
static void
copy_array(ListsRegion *region, Size offset, const void *array, Size bytes)
{
	char *to = (char *) region + offset;

	for (Size at = 0; at < bytes; at += COPY_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(to + at, (const char *) array + at, Min(COPY_BYTES, bytes - at));
	}
}

/* The items' arrays, for workers. */
static void
copy_items(const RankBatch *batch, ListsRegion *region)
{
	const RankIndex *index = batch->index;

	copy_array(region, region->item_factors, batch->item_factors,
			   sizeof(float) * (Size) batch->items * batch->factors);
	if (batch->candidates != NULL)
		copy_array(region, region->candidate, batch->candidates, sizeof(int32) * (Size) batch->n_candidates);
	if (index == NULL)
		return;
	copy_array(region, region->codes, index->codes, rank_index_code_bytes(batch->items, batch->factors));
	copy_array(region, region->order, index->order, sizeof(int32) * 16 * (Size) index->blocks);
	copy_array(region, region->limits, index->limits, sizeof(float) * 4 * (Size) index->blocks);
}

/*
 * The model's index, or for a model of the first release one made here: for everybody's lists that pays at once.  Without
 * one (norms beyond the floats, or too little memory) every item is looked at, and the lists are the same.
 */
static void
lists_index(Lists *lists)
{
	const MfModel *model = lists->model;
	int32 items = model->base.items.n;
	Size blocks = (Size) rank_index_blocks(items);
	uint64 codes = rank_index_code_bytes(items, model->width);
	MemoryContext memory = CurrentMemoryContext;
	CoreStatus status;

	if (lists->batch.candidates != NULL)
		return;
	if (model->indexed)
	{
		lists->index = model->index;
		lists->batch.index = &lists->index;
		return;
	}
	if (codes + blocks * 20 * sizeof(float) + (uint64) items * 16 > memory_limit(NULL) / 4)
		return;
	status = rank_index_build(&lists->env.base, model->item_factors, items, model->width,
							  MemoryContextAllocHuge(memory, codes),
							  MemoryContextAllocHuge(memory, sizeof(int32) * 16 * blocks),
							  MemoryContextAllocHuge(memory, sizeof(float) * 4 * blocks), &lists->index);
	if (status == CORE_NOT_FINITE)
		return;
	env_check(&lists->env, status, "indexing items");
	lists->batch.index = &lists->index;
}

static void
lists_open(Lists *lists, const MfModel *model, bool exclude_seen, const SelectRules *rules)
{
	RankBatch *batch = &lists->batch;

	memset(lists, 0, sizeof(*lists));
	lists->model = model;
	lists->exclude_seen = exclude_seen;
	lists->answered_by = CStringGetTextDatum(model->base.methods->by_customer);
	*batch = (RankBatch){.item_factors = model->item_factors,
						 .items = model->base.items.n,
						 .factors = model->width,
						 .k = rules->k,
						 .candidates = rules->filter.candidates,
						 .n_candidates = rules->filter.n_candidates,
						 .fill = fill_window,
						 .take = take_window,
						 .arg = lists};
	if (batch->candidates != NULL)
		batch->k = Min(batch->k, batch->n_candidates);
	env_init(&lists->env, CurrentMemoryContext);
	lists->env.own = lists;
	lists->per_customer = AllocSetContextCreate(CurrentMemoryContext, "promoai list", ALLOCSET_DEFAULT_SIZES);
	lists->per_row = AllocSetContextCreate(CurrentMemoryContext, "promoai list row", ALLOCSET_SMALL_SIZES);
	/* Small blocks, so that no more is taken than counted. */
	lists->texts = AllocSetContextCreate(CurrentMemoryContext, "promoai item texts", ALLOCSET_DEFAULT_MINSIZE,
										 ALLOCSET_DEFAULT_INITSIZE, 8 * ALLOCSET_DEFAULT_INITSIZE);
}

/* By factors, in a team. */
static void
list_by_factors(FunctionCallInfo fcinfo, const MfModel *model, bool exclude_seen, const SelectRules *rules)
{
	ListsRegion plan;
	Lists lists;
	Team *team;
	int workers;

	lists_open(&lists, model, exclude_seen, rules);
	lists.rows = rows_open(fcinfo);
	if (lists.batch.k == 0)
		return;
	lists_index(&lists);
	workers = plan_team(&lists, &plan);
	lists.item_text = MemoryContextAllocExtended(
		CurrentMemoryContext, sizeof(Datum) * (Size) model->base.items.n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	team = team_create(plan.bytes, workers);
	*(ListsRegion *) team_memory(team) = plan;
	if (workers > 0)
		copy_items(&lists.batch, team_memory(team));
	team_run(team, JOB_LISTS, &lists.env, "ranking items");
	team_destroy(team);
}

/* One customer after the other, as cf_recommend would. */
static void
list_one_by_one(FunctionCallInfo fcinfo, const Recommender *model, Args *args, bool exclude_seen)
{
	ReturnSetInfo *rows = rows_open(fcinfo);
	MemoryContext per_customer =
		AllocSetContextCreate(CurrentMemoryContext, "promoai list", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_customer);
	PgEnv env;

	env_init(&env, per_customer);
	for (int32 customer = 0; customer < model->customers.n; customer++)
	{
		Taste taste = {.customer = customer};
		int32 n_seen = 0;
		const int32 *seen = exclude_seen ? recommender_seen(model, customer, &n_seen) : NULL;
		SelectRules rules;
		RecommendList list;
		Datum values[8];
		bool nulls[8] = {0};

		CHECK_FOR_INTERRUPTS();
		recommend_rules(model, args, seen, n_seen, &rules);
		recommend_list(model, &env, &taste, &rules, &list);
		recommend_put_id(&model->customers, customer, &values[0], &nulls[0]);
		for (int32 i = 0; i < list.n; i++)
		{
			const Selected *entry = &list.entry[i];

			values[2] = Int32GetDatum(i + 1);
			recommend_put_id(&model->items, entry->item, &values[3], &nulls[3]);
			values[5] = Float4GetDatum(entry->score);
			values[6] = CStringGetTextDatum(entry->filled ? "popularity" : list.answered_by);
			values[7] = Float4GetDatum(entry->boosted);
			rows_put(rows, values, nulls);
		}
		MemoryContextReset(per_customer);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(per_customer);
}

/*
 * cf_recommend_all(model, k, exclude_seen, candidates, version, rules...)
 *		-> (customer, customer_no, rank, item, item_no, score, answered_by, boosted_score)
 */
PG_FUNCTION_INFO_V1(promoai_cf_recommend_all);
Datum
promoai_cf_recommend_all(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Recommender *model = recommend_model(args);
	bool exclude_seen = recommend_excludes_seen(model, args);
	SelectRules rules;

	recommend_rules(model, args, NULL, 0, &rules);
	if (mf_is_factors(model) && recommend_only_filters(&rules) && rules.filter.n_exclude == 0)
		list_by_factors(fcinfo, (const MfModel *) model, exclude_seen, &rules);
	else
		list_one_by_one(fcinfo, model, args, exclude_seen);
	return (Datum) 0;
}
