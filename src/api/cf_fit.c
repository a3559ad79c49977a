/*
 * cf_fit.c - a recommender that goes by who had what, learned from interactions at hand
 *
 * Phases: the region is laid out and made; the leader fills in the matrix of customers x items and its transpose, weighed;
 * the team finds the lists; the leader turns them round, so that a row tells what an item speaks for, and adds what serving
 * needs.  Popularity and repeats need no team: they are sums over the entries, each halved every half-life.
 *
 * Memory: the region holds both matrices (12 bytes an entry each, with values), the lists (8 bytes an entry) and what the
 * kernel shares: for the closed form half a matrix of items x items doubles.  The model's own arrays stand beside it.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/cf_train.h"
#include "bridge/memory.h"
#include "core/recommend/ease.h"
#include "core/recommend/explicit.h"
#include "core/recommend/neighbour_weights.h"
#include "core/recommend/rp3beta.h"

#define CF_JOB "cf_fit"
#define STRETCH 65536 /* steps between two looks at the cancel flag */
#define DAY_USECS ((double) USECS_PER_DAY)

/*
 * What a customer bought in one order ties; the more popular items come first.  On Online Retail, before the period that figures
 * are given for: recall@20 of repeats by number alone 0.298, halved every 30, 60, 120, 240 days 0.287, 0.293, 0.298, 0.297.
 */
#define POPULARITY_SHARE 1e-4f
#define AGAIN_HALF_LIFE 120 /* days, where the source has times */

/* At the start of the region; arrays as offsets, since every member maps it elsewhere. */
typedef struct CfRegion
{
	CfOptions options;
	int32 customers, items;
	int32 width; /* of the lists */
	bool weighted; /* the matrices have values */
	Size user_start, user_col, user_value;
	Size item_start, item_col, item_value;
	Size lists;
	Size shared, shared_bytes;
	Size bytes;
} CfRegion;

/* ---- layout ---- */

/* Values are kept where they are not all 1. */
static bool
options_weigh(const CfOptions *options)
{
	return options->feedback == CF_EXPLICIT || options->value_transform > FEEDBACK_BINARY;
}

/* Rows of the lists: items, or customers. */
static uint64
list_rows(const CfOptions *options, uint64 customers, uint64 items)
{
	switch ((CfMethod) options->method)
	{
		case CF_EASE:
		case CF_ITEM_KNN:
		case CF_RP3BETA:
			return items;
		case CF_USER_KNN:
			return customers;
		default:
			return 0;
	}
}

static uint64
plan(CfRegion *region, const CfOptions *options, uint64 entries, int32 customers, int32 items)
{
	uint64 cursor = 0;
	uint64 rows = list_rows(options, customers, items);
	bool valued = options_weigh(options) || options->weighting > CF_UNWEIGHTED;

	*region = (CfRegion){.options = *options, .customers = customers, .items = items, .weighted = valued};
	region->options.memory = NULL;
	region->width = rows > 0 ? neighbour_lists_width(options->neighbours, (int32) rows) : 0;
	memory_take(&cursor, 1, sizeof(CfRegion));
	region->user_start = memory_take(&cursor, (uint64) customers + 1, sizeof(int64));
	region->user_col = memory_take(&cursor, entries, sizeof(int32));
	region->user_value = memory_take(&cursor, valued ? entries : 0, sizeof(float));
	region->item_start = memory_take(&cursor, (uint64) items + 1, sizeof(int64));
	region->item_col = memory_take(&cursor, entries, sizeof(int32));
	region->item_value = memory_take(&cursor, valued ? entries : 0, sizeof(float));
	region->lists =
		memory_take(&cursor, rows > 0 ? neighbour_lists_bytes((int32) rows, region->width) : 0, 1);
	if (options->method == CF_EASE)
		region->shared_bytes = ease_shared_bytes(items);
	else if (options->method == CF_RP3BETA)
		region->shared_bytes = rp3beta_shared_bytes(customers, items, (int64) entries);
	else if (rows > 0)
		region->shared_bytes = neighbours_shared_bytes((int32) rows);
	region->shared = memory_take(&cursor, region->shared_bytes, 1);
	region->bytes = cursor;
	return cursor;
}

static Csr
matrix_at(CfRegion *region, int32 rows, int32 cols, Size start, Size col, Size value)
{
	char *base = (char *) region;

	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = (int64 *) (base + start),
				 .col = (int32 *) (base + col),
				 .value = region->weighted ? (float *) (base + value) : NULL};
}

static Csr
by_user_of(CfRegion *region)
{
	return matrix_at(region, region->customers, region->items, region->user_start, region->user_col,
					 region->user_value);
}

static Csr
by_item_of(CfRegion *region)
{
	return matrix_at(region, region->items, region->customers, region->item_start, region->item_col,
					 region->item_value);
}

static NeighbourLists
lists_of(CfRegion *region)
{
	int32 rows = (int32) list_rows(&region->options, region->customers, region->items);

	return neighbour_lists_at((char *) region + region->lists, rows, region->width);
}

/* ---- the kernels' problems ---- */

static EaseProblem
ease_problem(CfRegion *region)
{
	return (EaseProblem){.params = {.lambda = region->options.regularization},
						 .by_user = by_user_of(region),
						 .by_item = by_item_of(region)};
}

static Rp3Problem
walk_problem(CfRegion *region)
{
	return (Rp3Problem){
		.params = {.alpha = region->options.alpha, .beta = region->options.beta, .keep = RP3_PER_TARGET},
		.by_user = by_user_of(region),
		.by_item = by_item_of(region)};
}

static NeighbourProblem
neighbour_problem(CfRegion *region)
{
	bool items = region->options.method == CF_ITEM_KNN;

	return (NeighbourProblem){.similarity = region->options.similarity == CF_PEARSON ? NEIGHBOUR_PEARSON
																					 : NEIGHBOUR_COSINE,
							  .shrinkage = region->options.shrinkage,
							  .rows = items ? by_item_of(region) : by_user_of(region),
							  .features = items ? by_user_of(region) : by_item_of(region)};
}

static CoreStatus
fit_job(Env *env, void *memory)
{
	CfRegion *region = memory;
	void *shared = (char *) memory + region->shared;
	NeighbourLists lists = lists_of(region);

	if (region->options.method == CF_EASE)
	{
		EaseProblem problem = ease_problem(region);

		return ease_train(env, &problem, &lists, shared);
	}
	if (region->options.method == CF_RP3BETA)
	{
		Rp3Problem problem = walk_problem(region);

		return rp3beta_train(env, &problem, &lists, shared);
	}
	else
	{
		NeighbourProblem problem = neighbour_problem(region);

		return neighbours_find(env, &problem, &lists, shared);
	}
}

static uint64
member_bytes(CfRegion *region)
{
	if (region->options.method == CF_EASE)
		return ease_member_bytes(region->items, region->width);
	if (region->options.method == CF_RP3BETA)
	{
		Rp3Problem problem = walk_problem(region);

		return rp3beta_member_bytes(&problem, region->width);
	}
	else
	{
		NeighbourProblem problem = neighbour_problem(region);

		return neighbours_member_bytes(&problem, region->width);
	}
}

uint64
cf_fit_bytes(const CfOptions *options, uint64 entries, uint64 customers, uint64 items, int workers)
{
	CfRegion region;
	uint64 bytes;
	uint64 lists;

	if (customers >= PG_INT32_MAX || items >= PG_INT32_MAX)
		return PG_UINT64_MAX;
	bytes = plan(&region, options, entries, (int32) customers, (int32) items);
	lists = memory_mul(list_rows(options, customers, items), memory_mul(region.width, 8));
	if (region.width > 0)
		bytes = memory_add(bytes, memory_mul(member_bytes(&region), workers + 1));
	bytes = memory_add(bytes, memory_mul(lists, 2)); /* turned round */
	if (options->method == CF_USER_KNN)
		bytes = memory_add(bytes, memory_mul(customers, 2 * sizeof(double)));
	return memory_add(bytes, memory_mul(memory_add(entries, items), 8));
}

/* How much work the lists are, for the number of workers. */
static double
fit_flops(CfRegion *region, const Csr *by_user)
{
	double items = region->items;
	double sum = 0;

	for (int32 u = 0; u < by_user->rows; u++)
	{
		double n = (double) (by_user->start[u + 1] - by_user->start[u]);

		sum += n * n;
	}
	return region->options.method == CF_EASE ? items * items * items + sum : 8 * sum;
}

/* ---- filling in ---- */

/* Is the query cancelled?  To be asked at every step of a long loop. */
static inline void
look_up(int64 step)
{
	if (unlikely(step % STRETCH == 0))
		CHECK_FOR_INTERRUPTS();
}

static void
copy_array(void *to, const void *from, int64 n, Size width)
{
	for (int64 at = 0; at < n; at += STRETCH)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy((char *) to + at * width, (const char *) from + at * width, Min(n - at, STRETCH) * width);
	}
}

/* A copy of an array of the region, or of what else must outlive its place. */
static void *
keep(const void *array, int64 n, Size width)
{
	void *copy = memory_huge(n, width);

	copy_array(copy, array, n, width);
	return copy;
}

/* What the customers had, unweighed, as the model keeps it; buyers too. */
static void
fill_histories(CfModel *model, const CfOptions *options, const Interactions *in, const CfPart *part,
			   PgEnv *env)
{
	uint64 entries = in->coo.n;
	Csr had = {.rows = in->customers->n, .cols = in->items->n};
	float *buyers = memory_huge(had.cols, sizeof(float));
	CooMerge merge;

	had.start = memory_huge((uint64) had.rows + 1, sizeof(int64));
	had.col = memory_huge(entries, sizeof(int32));
	had.value = options_weigh(options) ? memory_huge(entries, sizeof(float)) : NULL;
	env_check(env, csr_from_coo(&env->base, &in->coo, part->keep, part->arg, &had, &merge),
			  "merging repeated pairs");
	env_check(env, feedback_popularity(&env->base, &had, buyers), "counting buyers");
	model->base = (Recommender){.methods = cf_methods(model->method, options->feedback == CF_EXPLICIT),
								.repeats = model->method == CF_BUY_AGAIN,
								.customers = *in->customers,
								.items = *in->items,
								.seen_start = had.start,
								.seen_item = had.col,
								.seen_value = had.value,
								.buyers = buyers};
}

/* Both matrices of the region from the histories: values weighed, and those of neighbours made comparable. */
static void
fill_region(CfRegion *region, CfModel *model, PgEnv *env)
{
	const CfOptions *options = &region->options;
	Csr by_user = by_user_of(region);
	Csr by_item = by_item_of(region);
	int64 entries = model->base.seen_start[region->customers];

	copy_array(by_user.start, model->base.seen_start, (int64) region->customers + 1, sizeof(int64));
	copy_array(by_user.col, model->base.seen_item, entries, sizeof(int32));
	for (int64 e = 0; e < entries && by_user.value != NULL; e++)
	{
		look_up(e);
		by_user.value[e] = model->base.seen_value != NULL ? model->base.seen_value[e] : 1;
	}
	if (options->feedback == CF_IMPLICIT)
		env_check(env, feedback_transform(&env->base, options->value_transform, &by_user), "weighing");
	env_check(env, csr_transpose(&env->base, &by_user, &by_item), "transposing");
	if (options->weighting > CF_UNWEIGHTED)
	{
		bool items = options->method == CF_ITEM_KNN;
		Csr *rows = items ? &by_item : &by_user;
		Csr *features = items ? &by_user : &by_item;

		model->weighted = true;
		model->weights =
			(NeighbourWeights){.weighting = options->weighting == CF_BM25 ? NEIGHBOUR_BM25 : NEIGHBOUR_TFIDF,
							   .k1 = options->weighting == CF_BM25 ? options->bm25_k1 : 0,
							   .b = options->weighting == CF_BM25 ? options->bm25_b : 0};
		model->mean_length = neighbour_weights_mean_length(rows);
		env_check(env,
				  neighbour_weights_apply(&env->base, &model->weights, rows, features, rows->value,
										  features->value),
				  "weighing");
	}
}

/* The team's lists as rows of causes: of items turned round unless they are so already. */
static void
take_lists(CfModel *model, CfRegion *region, PgEnv *env)
{
	NeighbourLists lists = lists_of(region);
	int64 entries = neighbour_lists_entries(&lists);
	Csr direct = {.rows = lists.rows, .cols = lists.rows};

	direct.start = memory_huge((uint64) lists.rows + 1, sizeof(int64));
	direct.col = memory_huge(entries, sizeof(int32));
	direct.value = memory_huge(entries, sizeof(float));
	env_check(env, neighbour_lists_csr(&env->base, &lists, lists.rows, &direct), "collecting neighbours");
	model->lists = direct;
	if (model->method == CF_USER_KNN)
		return;
	model->lists.start = memory_huge((uint64) lists.rows + 1, sizeof(int64));
	model->lists.col = memory_huge(entries, sizeof(int32));
	model->lists.value = memory_huge(entries, sizeof(float));
	env_check(env, csr_transpose(&env->base, &direct, &model->lists), "turning the lists round");
	pfree(direct.start);
	pfree(direct.col);
	pfree(direct.value);
}

/* What a history that is none of the customers' needs to find its neighbours, and what ratings need. */
static void
take_users(CfModel *model, CfRegion *region, PgEnv *env)
{
	NeighbourProblem problem = neighbour_problem(region);
	Csr by_item = by_item_of(region);
	int64 entries = csr_entries(&by_item);
	int32 customers = region->customers;
	double *norms = memory_huge(customers, sizeof(double));

	model->similarity = problem.similarity;
	model->shrinkage = problem.shrinkage;
	model->neighbours = region->width;
	env_check(env, neighbours_norms(&env->base, &problem, norms), "measuring customers");
	model->norms = norms;
	model->by_item = by_item;
	model->by_item.start = keep(by_item.start, (int64) by_item.rows + 1, sizeof(int64));
	model->by_item.col = keep(by_item.col, entries, sizeof(int32));
	model->by_item.value = memory_huge(entries, sizeof(float));
	for (int64 e = 0; e < entries; e++)
	{
		look_up(e);
		model->by_item.value[e] = by_item.value != NULL ? by_item.value[e] : 1;
	}
	if (model->base.methods->rated)
	{
		double *means = memory_huge(customers, sizeof(double));
		Csr ratings = {.rows = customers,
					   .start = (int64 *) model->base.seen_start,
					   .value = (float *) model->base.seen_value};

		env_check(env, explicit_mean(&env->base, &ratings, &model->base.mean), "averaging ratings");
		for (int32 u = 0; u < customers; u++)
		{
			int64 start = model->base.seen_start[u];
			int64 n = model->base.seen_start[u + 1] - start;

			CHECK_FOR_INTERRUPTS();
			means[u] = 0;
			for (int64 e = start; e < start + n; e++)
				means[u] += model->base.seen_value[e] / n;
		}
		model->means = means;
	}
}

/* ---- popularity and repeats ---- */

/* Weight of an entry: halved every half-life. */
static float
entry_weight(double half_life, const Interactions *in, const CfPart *part, int64 entry)
{
	double age;

	if (isnan(half_life))
		return 1;
	age = (double) (part->latest - in->time[entry]) / DAY_USECS;
	return (float) exp2(-Max(age, 0) / half_life);
}

/*
 * Sums of weights over the entries of each pair, aligned to the histories: csr_from_coo sums in an order that does not depend on
 * that of the rows.
 */
static float *
sum_entries(const CfModel *model, const CfOptions *options, const Interactions *in, const CfPart *part,
			PgEnv *env)
{
	Coo coo = {.n = in->coo.n, .row = in->coo.row, .col = in->coo.col};
	int32 customers = model->base.customers.n;
	Csr sums = {.rows = customers, .cols = model->base.items.n};
	float *again = memory_huge(model->base.seen_start[customers], sizeof(float));
	double half_life = isnan(options->half_life) && in->time != NULL ? AGAIN_HALF_LIFE : options->half_life;
	CooMerge merge;

	coo.value = memory_huge(coo.n, sizeof(float));
	for (int64 e = 0; e < coo.n; e++)
	{
		look_up(e);
		coo.value[e] =
			in->coo.value != NULL && in->coo.value[e] <= 0 ? 0 : entry_weight(half_life, in, part, e);
	}
	sums.start = memory_huge((uint64) customers + 1, sizeof(int64));
	sums.col = memory_huge(coo.n, sizeof(int32));
	sums.value = memory_huge(coo.n, sizeof(float));
	env_check(env, csr_from_coo(&env->base, &coo, part->keep, part->arg, &sums, &merge), "summing purchases");
	for (int32 u = 0; u < customers; u++)
	{
		int64 s = sums.start[u];

		CHECK_FOR_INTERRUPTS();
		for (int64 e = model->base.seen_start[u]; e < model->base.seen_start[u + 1]; e++)
		{
			while (s < sums.start[u + 1] && sums.col[s] < model->base.seen_item[e])
				s++;
			again[e] = s < sums.start[u + 1] && sums.col[s] == model->base.seen_item[e] ? sums.value[s] : 0;
			again[e] += POPULARITY_SHARE * model->base.buyers[model->base.seen_item[e]] / (float) customers;
		}
	}
	pfree(coo.value);
	pfree(sums.start);
	pfree(sums.col);
	pfree(sums.value);
	return again;
}

/* Popularity: each customer counts once for an item, by his latest purchase of it. */
static float *
sum_latest(const CfModel *model, const CfOptions *options, const Interactions *in, const CfPart *part)
{
	int32 items = model->base.items.n;
	int64 entries = model->base.seen_start[model->base.customers.n];
	float *popularity = memory_huge(items, sizeof(float));
	double *sums = memory_huge(items, sizeof(double));
	float *latest;

	for (int32 i = 0; i < items; i++)
		popularity[i] = model->base.buyers[i] / (float) model->base.customers.n;
	if (isnan(options->half_life))
		return popularity;
	latest = memory_huge(entries, sizeof(float));
	for (int64 e = 0; e < entries; e++)
	{
		look_up(e);
		latest[e] = 0;
	}
	for (int64 i = 0; i < in->coo.n; i++)
	{
		const Recommender *base = &model->base;
		int32 n;
		const int32 *seen = recommender_seen(base, in->coo.row[i], &n);
		int32 place;

		look_up(i);
		if ((part->keep != NULL && !part->keep(&in->coo, i, part->arg)) ||
			(in->coo.value != NULL && in->coo.value[i] <= 0))
			continue;
		place = recommender_place(seen, n, in->coo.col[i]);
		if (place >= 0)
		{
			float *best = &latest[base->seen_start[in->coo.row[i]] + place];

			*best = Max(*best, entry_weight(options->half_life, in, part, i));
		}
	}
	memset(sums, 0, sizeof(double) * items);
	for (int64 e = 0; e < entries; e++)
	{
		look_up(e);
		sums[model->base.seen_item[e]] += latest[e];
	}
	for (int32 i = 0; i < items; i++)
		popularity[i] = (float) (sums[i] / model->base.customers.n);
	pfree(latest);
	pfree(sums);
	return popularity;
}

/* ---- all of it ---- */

static void
fit_lists(CfModel *model, const CfOptions *options, int workers, PgEnv *env)
{
	const Recommender *base = &model->base;
	CfRegion layout;
	uint64 bytes =
		plan(&layout, options, base->seen_start[base->customers.n], base->customers.n, base->items.n);
	Csr had = {.rows = base->customers.n, .start = (int64 *) base->seen_start};
	CfRegion *region;
	Team *team;

	team = team_create(bytes, Min(team_workers(fit_flops(&layout, &had)), workers));
	region = team_memory(team);
	*region = layout;
	fill_region(region, model, env);
	team_run(team, CF_JOB, env, "finding neighbours");
	take_lists(model, region, env);
	if (model->method == CF_USER_KNN)
		take_users(model, region, env);
	team_destroy(team);
}

CfModel *
cf_fit(const CfOptions *options, const Interactions *in, const CfPart *part, int workers, PgEnv *env)
{
	CfModel *model = palloc0(sizeof(CfModel));

	model->method = (CfMethod) options->method;
	model->transform = options->feedback == CF_EXPLICIT
						   ? FEEDBACK_NONE
						   : (FeedbackTransform) Max(options->value_transform, 0);
	if (!isnan(options->half_life) && in->time == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"half_life\" needs a time in the source"),
						errhint("Add a timestamp as the source's last column.")));
	fill_histories(model, options, in, part, env);
	if (model->method == CF_POPULAR)
		model->popularity = sum_latest(model, options, in, part);
	else if (model->method == CF_BUY_AGAIN)
		model->again = sum_entries(model, options, in, part, env);
	else
		fit_lists(model, options, workers, env);
	return model;
}

void
cf_fit_init(void)
{
	team_register(CF_JOB, fit_job);
}
