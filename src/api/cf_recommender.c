/*
 * cf_recommender.c - the answers of recommenders that go by who had what
 *
 * Lists (closed form, item neighbours, random walks): the score of an item is the sum over a history of value times what
 * the history's item says for it.  User neighbours: the same sum over the neighbours of what they had; with ratings the
 * classical mean-centred mean.  Popularity and repeats need no sum.  A sum of exactly zero is no opinion.
 */
#include "postgres.h"

#include <math.h>

#include "api/cf_model.h"
#include "core/recommend/item_scores.h"

static const CfModel *
cf_of(const Recommender *base)
{
	return (const CfModel *) base;
}

/* Scores that nothing speaks for or against are none. */
static void
silence_zeros(float *scores, int32 n)
{
	for (int32 i = 0; i < n; i++)
		if (scores[i] == 0)
			scores[i] = -INFINITY;
}

/* The history of a taste: a customer's own, or what is given. */
static Taste
taste_history(const Recommender *base, const Taste *taste)
{
	return taste->customer >= 0 ? recommender_history(base, taste->customer) : *taste;
}

/* weights [n] of a history's items; NULL when there is no memory. */
static float *
history_weights(const CfModel *model, Env *env, const Taste *history)
{
	float *weights = env->alloc(env, sizeof(float) * Max(history->n, 1));

	for (int32 i = 0; weights != NULL && i < history->n; i++)
		weights[i] = feedback_weight(model->transform, history->values != NULL ? history->values[i] : 1);
	return weights;
}

/* ---- lists of items ---- */

static CoreStatus
lists_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	const CfModel *model = cf_of(base);
	Taste history = taste_history(base, taste);
	float *weights = history_weights(model, env, &history);
	ScoreCauses causes = {.rows = history.items, .weights = weights, .n = history.n};
	CoreStatus status = CORE_NO_MEMORY;

	if (weights == NULL)
		return status;
	status = item_scores(env, &model->lists, &causes, scores);
	if (status == CORE_OK)
		silence_zeros(scores, base->items.n);
	env->release(env, weights);
	return status;
}

/* parts [history->n] of one item's score. */
static CoreStatus
lists_parts(const CfModel *model, Env *env, const Taste *history, int32 item, float *parts, float *score)
{
	float *weights = history_weights(model, env, history);
	ScoreCauses causes = {.rows = history->items, .weights = weights, .n = history->n};

	if (weights == NULL)
		return CORE_NO_MEMORY;
	item_scores_parts(&model->lists, &causes, item, parts);
	env->release(env, weights);
	*score = 0;
	for (int32 i = 0; i < history->n; i++)
		*score += parts[i];
	return CORE_OK;
}

static CoreStatus
lists_explain(const Recommender *base, Env *env, const Taste *taste, int32 item, float *parts, float *score)
{
	return lists_parts(cf_of(base), env, taste, item, parts, score);
}

static CoreStatus
lists_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	Taste history = taste_history(base, taste);
	float *parts = env->alloc(env, sizeof(float) * Max(history.n, 1));
	CoreStatus status;

	if (parts == NULL)
		return CORE_NO_MEMORY;
	status = lists_parts(cf_of(base), env, &history, item, parts, score);
	silence_zeros(score, 1);
	env->release(env, parts);
	return status;
}

/* What row `cause` says for column `item`, 0 where nothing. */
static float
entry_of(const Csr *matrix, int32 cause, int32 item)
{
	ScoreCauses causes = {.rows = &cause, .n = 1};
	float value;

	item_scores_parts(matrix, &causes, item, &value);
	return value;
}

/* The largest magnitude of what `item` says for others and others for it: by it closed form and walks are brought to -1 .. 1. */
static float
largest_of(const CfModel *model, int32 item)
{
	float largest = 0;

	if (model->method == CF_ITEM_KNN)
		return 1;
	for (int64 e = model->lists.start[item]; e < model->lists.start[item + 1]; e++)
		largest = Max(largest, fabsf(model->lists.value[e]));
	for (int32 i = 0; i < model->lists.rows; i++)
		largest = Max(largest, fabsf(entry_of(&model->lists, i, item)));
	return largest > 0 ? largest : 1;
}

static CoreStatus
lists_similar(const Recommender *base, Env *env, int32 item, const int32 *others, int32 n, float *similarity)
{
	const CfModel *model = cf_of(base);
	float largest = largest_of(model, item);

	for (int32 i = 0; i < n; i++)
	{
		int32 other = others != NULL ? others[i] : i;
		float forth = entry_of(&model->lists, item, other);
		float back = entry_of(&model->lists, other, item);
		float stronger = fabsf(forth) >= fabsf(back) ? forth : back;

		if (unlikely(i % 4096 == 0) && env->cancelled(env))
			return CORE_CANCELLED;
		similarity[i] = Max(Min(stronger / largest, 1), -1);
		if (others == NULL && other != item)
			silence_zeros(&similarity[i], 1);
	}
	return CORE_OK;
}

/* column [items]: what each item says for `item`; then one pass over all histories. */
static CoreStatus
lists_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	const CfModel *model = cf_of(base);
	float *column = env->alloc(env, sizeof(float) * Max(base->items.n, 1));

	if (column == NULL)
		return CORE_NO_MEMORY;
	for (int32 j = 0; j < base->items.n; j++)
		column[j] = entry_of(&model->lists, j, item);
	for (int32 u = 0; u < base->customers.n; u++)
	{
		float sum = 0;

		if (unlikely(u % 4096 == 0) && env->cancelled(env))
		{
			env->release(env, column);
			return CORE_CANCELLED;
		}
		for (int64 e = base->seen_start[u]; e < base->seen_start[u + 1]; e++)
			sum += column[base->seen_item[e]] *
				   feedback_weight(model->transform, base->seen_value != NULL ? base->seen_value[e] : 1);
		scores[u] = sum;
	}
	silence_zeros(scores, base->customers.n);
	env->release(env, column);
	return CORE_OK;
}

/* ---- neighbours among customers ---- */

/* What the neighbours had, as a matrix of weights or ratings. */
static Csr
seen_matrix(const CfModel *model)
{
	const Recommender *base = &model->base;

	return (Csr){.rows = base->customers.n,
				 .cols = base->items.n,
				 .start = (int64 *) base->seen_start,
				 .col = (int32 *) base->seen_item,
				 .value = (float *) base->seen_value};
}

/* What it counts for that a neighbour had something of this value: a rating as it is. */
static float
had_weight(const CfModel *model, float value)
{
	return model->base.methods->rated ? value : feedback_weight(model->transform, value);
}

/* The neighbours of a taste: the customer's, or found for a history into heap [neighbours]; the caller releases *room. */
static CoreStatus
find_neighbours(const CfModel *model, Env *env, const Taste *taste, ScoreCauses *causes, void **room)
{
	NeighbourProblem problem = {.similarity = model->similarity,
								.shrinkage = model->shrinkage,
								.rows = seen_matrix(model),
								.features = model->by_item};
	NeighbourHistory history = {.features = taste->items, .n = taste->n, .self = -1};
	float *values;
	Size k = Max(model->neighbours, 1);
	char *block;
	TopK top;
	CoreStatus status;

	*room = NULL;
	if (taste->customer >= 0)
	{
		int64 start = model->lists.start[taste->customer];

		*causes = (ScoreCauses){.rows = model->lists.col + start,
								.weights = model->lists.value + start,
								.n = (int32) (model->lists.start[taste->customer + 1] - start)};
		return CORE_OK;
	}
	block =
		env->alloc(env, k * (sizeof(TopEntry) + sizeof(int32) + sizeof(float)) + sizeof(float) * taste->n);
	if (block == NULL)
		return CORE_NO_MEMORY;
	*room = block;
	topk_init(&top, (TopEntry *) block, model->neighbours);
	causes->rows = (int32 *) (block + k * sizeof(TopEntry));
	causes->weights = (float *) (causes->rows + k);
	values = (float *) (causes->weights + k);
	history.values = values;
	for (int32 i = 0; i < taste->n; i++)
		values[i] = had_weight(model, taste->values != NULL ? taste->values[i] : 1);
	if (model->weighted)
		neighbour_weights_history(&model->weights, &model->by_item, model->mean_length, taste->items, values,
								  taste->n, values);
	status = neighbours_query(env, &problem, model->norms, &history, &top);
	causes->n = top.n;
	for (int32 i = 0; i < top.n; i++)
	{
		((int32 *) causes->rows)[i] = top.heap[i].index;
		((float *) causes->weights)[i] = top.heap[i].score;
	}
	return status;
}

/* The mean rating of a taste. */
static double
mean_of(const CfModel *model, const Taste *taste)
{
	double sum = 0;

	if (taste->customer >= 0)
		return model->means[taste->customer];
	for (int32 i = 0; i < taste->n; i++)
		sum += taste->values[i];
	return taste->n > 0 ? sum / taste->n : 0;
}

/* Items that no neighbour has rated are without a prediction. */
static CoreStatus
predict_ratings(const CfModel *model, Env *env, const Taste *taste, const ScoreCauses *causes, float *scores)
{
	Csr ratings = seen_matrix(model);
	float *support = env->alloc(env, sizeof(float) * Max(ratings.cols, 1));
	CoreStatus status;

	if (support == NULL)
		return CORE_NO_MEMORY;
	status = item_scores_rated(env, &ratings, model->means, causes, mean_of(model, taste), scores, support);
	for (int32 i = 0; status == CORE_OK && i < ratings.cols; i++)
		if (support[i] == 0)
			scores[i] = -INFINITY;
	env->release(env, support);
	return status;
}

/* scores [items] = the sums over the neighbours of similarity times what they had; unweighed values are summed by core. */
static CoreStatus
sum_neighbours(const CfModel *model, Env *env, const ScoreCauses *causes, float *scores)
{
	Csr had = seen_matrix(model);

	if (had.value == NULL || model->transform == FEEDBACK_NONE)
		return item_scores(env, &had, causes, scores);
	memset(scores, 0, sizeof(float) * had.cols);
	for (int32 v = 0; v < causes->n; v++)
	{
		int32 neighbour = causes->rows[v];

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64 e = had.start[neighbour]; e < had.start[neighbour + 1]; e++)
			scores[had.col[e]] += causes->weights[v] * had_weight(model, had.value[e]);
	}
	return CORE_OK;
}

static CoreStatus
users_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	const CfModel *model = cf_of(base);
	ScoreCauses causes;
	void *room;
	CoreStatus status = find_neighbours(model, env, taste, &causes, &room);

	if (status == CORE_OK && base->methods->rated)
		status = predict_ratings(model, env, taste, &causes, scores);
	else if (status == CORE_OK)
	{
		status = sum_neighbours(model, env, &causes, scores);
		silence_zeros(scores, base->items.n);
	}
	if (room != NULL)
		env->release(env, room);
	return status;
}

/* Through all scores: a prediction of ratings needs the neighbours anyhow. */
static CoreStatus
users_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	float *scores = env->alloc(env, sizeof(float) * Max(base->items.n, 1));
	CoreStatus status = CORE_OK;

	if (scores == NULL)
		return CORE_NO_MEMORY;
	*score = -INFINITY;
	if (item >= 0 && (taste->customer >= 0 || taste->n > 0))
		status = users_score(base, env, taste, scores);
	if (status == CORE_OK && item >= 0 && (taste->customer >= 0 || taste->n > 0))
		*score = scores[item];
	env->release(env, scores);
	return status;
}

/* A customer's score for one item, from the neighbours who had it. */
static float
users_suit_one(const CfModel *model, const float *had, int32 customer)
{
	bool rated = model->base.methods->rated;
	double sum = 0;
	double support = 0;

	for (int64 e = model->lists.start[customer]; e < model->lists.start[customer + 1]; e++)
	{
		int32 v = model->lists.col[e];

		if (isnan(had[v]))
			continue;
		sum += model->lists.value[e] * (rated ? had[v] - model->means[v] : had[v]);
		support += fabs(model->lists.value[e]);
	}
	if (support == 0)
		return -INFINITY;
	return (float) (rated ? model->means[customer] + sum / support : sum);
}

static CoreStatus
users_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	const CfModel *model = cf_of(base);
	Csr seen = seen_matrix(model);
	float *had = env->alloc(env, sizeof(float) * Max(base->customers.n, 1));
	CoreStatus status = CORE_OK;

	if (had == NULL)
		return CORE_NO_MEMORY;
	for (int32 u = 0; u < base->customers.n && status == CORE_OK; u++)
	{
		int32 n;
		const int32 *items = recommender_seen(base, u, &n);

		if (unlikely(u % 4096 == 0) && env->cancelled(env))
			status = CORE_CANCELLED;
		had[u] = NAN;
		if (recommender_has(items, n, item))
			had[u] = had_weight(model, seen.value != NULL ? entry_of(&seen, u, item) : 1);
	}
	for (int32 u = 0; u < base->customers.n && status == CORE_OK; u++)
	{
		scores[u] = users_suit_one(model, had, u);
		if (unlikely(u % 4096 == 0) && env->cancelled(env))
			status = CORE_CANCELLED;
	}
	env->release(env, had);
	return status;
}

/* Cosine of the customers who had the two items. */
static CoreStatus
users_similar(const Recommender *base, Env *env, int32 item, const int32 *others, int32 n, float *similarity)
{
	const Csr *by_item = &cf_of(base)->by_item;
	int64 start = by_item->start[item];
	int32 own = (int32) (by_item->start[item + 1] - start);

	for (int32 i = 0; i < n; i++)
	{
		int32 other = others != NULL ? others[i] : i;
		int32 common = 0;
		int64 e = start;

		if (unlikely(i % 256 == 0) && env->cancelled(env))
			return CORE_CANCELLED;
		for (int64 o = by_item->start[other]; o < by_item->start[other + 1]; o++)
		{
			while (e < start + own && by_item->col[e] < by_item->col[o])
				e++;
			common += e < start + own && by_item->col[e] == by_item->col[o];
		}
		similarity[i] =
			common == 0 ? 0
						: common / sqrtf((float) own * (by_item->start[other + 1] - by_item->start[other]));
		if (others == NULL)
			silence_zeros(&similarity[i], 1);
	}
	return CORE_OK;
}

/* What the items of a history weigh in the customer's own row: own [history->n]. */
static void
own_weights(const CfModel *model, const Taste *history, double *own)
{
	bool weighed = !model->base.methods->rated && history->customer >= 0;

	for (int32 j = 0; j < history->n; j++)
		own[j] = weighed ? entry_of(&model->by_item, history->items[j], history->customer) : 1;
}

/*
 * A neighbour's part of the score is shared among the items that both had, by what each adds to their product (of ratings:
 * evenly).  own and product [history->n]: own_weights, and room.
 */
static void
share_neighbour(const CfModel *model, const Taste *history, int32 neighbour, double part, const double *own,
				double *product, float *parts)
{
	bool weighed = !model->base.methods->rated && history->customer >= 0;
	int32 n;
	const int32 *had = recommender_seen(&model->base, neighbour, &n);
	int32 at = 0;
	double whole = 0;

	for (int32 j = 0; j < history->n; j++)
	{
		while (at < n && had[at] < history->items[j])
			at++;
		product[j] = 0;
		if (at == n || had[at] != history->items[j])
			continue;
		product[j] = weighed ? entry_of(&model->by_item, history->items[j], neighbour) * own[j] : 1;
		whole += product[j];
	}
	for (int32 j = 0; j < history->n && whole != 0; j++)
		parts[j] += (float) (part * product[j] / whole);
}

static CoreStatus
users_explain(const Recommender *base, Env *env, const Taste *taste, int32 item, float *parts, float *score)
{
	const CfModel *model = cf_of(base);
	Csr had = seen_matrix(model);
	double *own = env->alloc(env, 2 * sizeof(double) * Max(taste->n, 1));
	ScoreCauses causes;
	double support = 0;
	void *room;
	CoreStatus status;

	if (own == NULL)
		return CORE_NO_MEMORY;
	own_weights(model, taste, own);
	status = find_neighbours(model, env, taste, &causes, &room);
	memset(parts, 0, sizeof(float) * taste->n);
	for (int pass = 0; status == CORE_OK && pass < 2; pass++)
		for (int32 v = 0; v < causes.n; v++)
		{
			double similarity = causes.weights[v];
			int32 neighbour = causes.rows[v];
			int32 n;
			const int32 *items = recommender_seen(base, neighbour, &n);
			double value;

			if (!recommender_has(items, n, item))
				continue;
			value = had_weight(model, had.value != NULL ? entry_of(&had, neighbour, item) : 1);
			if (base->methods->rated)
				value -= model->means[neighbour];
			if (pass == 0)
				support += fabs(similarity);
			else
				share_neighbour(model, taste, neighbour,
								similarity * value / (base->methods->rated ? support : 1), own,
								own + taste->n, parts);
		}
	if (room != NULL)
		env->release(env, room);
	env->release(env, own);
	*score = (float) (base->methods->rated && status == CORE_OK ? mean_of(model, taste) : 0);
	for (int32 j = 0; j < taste->n; j++)
		*score += parts[j];
	return status;
}

/* ---- popularity ---- */

static CoreStatus
popular_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	memcpy(scores, cf_of(base)->popularity, sizeof(float) * base->items.n);
	silence_zeros(scores, base->items.n);
	return CORE_OK;
}

static CoreStatus
popular_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	*score = cf_of(base)->popularity[item];
	silence_zeros(score, 1);
	return CORE_OK;
}

/* It suits everybody alike. */
static CoreStatus
popular_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	for (int32 u = 0; u < base->customers.n; u++)
		scores[u] = cf_of(base)->popularity[item];
	silence_zeros(scores, base->customers.n);
	return CORE_OK;
}

/* ---- repeats ---- */

/* Of a given history every item counts by its value. */
static CoreStatus
again_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	Taste history = taste_history(base, taste);
	const float *again =
		taste->customer >= 0 ? cf_of(base)->again + base->seen_start[taste->customer] : history.values;

	for (int32 i = 0; i < base->items.n; i++)
		scores[i] = -INFINITY;
	for (int32 i = 0; i < history.n; i++)
		scores[history.items[i]] = again != NULL ? again[i] : 1;
	return CORE_OK;
}

static CoreStatus
again_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	Taste history = taste_history(base, taste);
	const float *again =
		taste->customer >= 0 ? cf_of(base)->again + base->seen_start[taste->customer] : history.values;

	*score = -INFINITY;
	for (int32 i = 0; i < history.n; i++)
		if (history.items[i] == item)
			*score = again != NULL ? again[i] : 1;
	return CORE_OK;
}

static CoreStatus
again_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	for (int32 u = 0; u < base->customers.n; u++)
	{
		if (unlikely(u % 4096 == 0) && env->cancelled(env))
			return CORE_CANCELLED;
		scores[u] = -INFINITY;
		for (int64 e = base->seen_start[u]; e < base->seen_start[u + 1]; e++)
			if (base->seen_item[e] == item)
				scores[u] = cf_of(base)->again[e];
	}
	return CORE_OK;
}

const RecommenderMethods *
cf_methods(CfMethod method, bool rated)
{
	static const RecommenderMethods lists = {.by_customer = "neighbours",
											 .by_history = "neighbours",
											 .score = lists_score,
											 .score_one = lists_score_one,
											 .similar = lists_similar,
											 .suit = lists_suit,
											 .explain = lists_explain};
	static const RecommenderMethods users = {.by_customer = "neighbours",
											 .by_history = "neighbours",
											 .score = users_score,
											 .score_one = users_score_one,
											 .similar = users_similar,
											 .explain = users_explain,
											 .suit = users_suit};
	static const RecommenderMethods rated_users = {.by_customer = "neighbours",
												   .by_history = "neighbours",
												   .rated = true,
												   .score = users_score,
												   .score_one = users_score_one,
												   .similar = users_similar,
												   .explain = users_explain,
												   .suit = users_suit};
	static const RecommenderMethods popular = {.by_customer = "popularity",
											   .by_history = "popularity",
											   .for_everybody = true,
											   .score = popular_score,
											   .score_one = popular_score_one,
											   .suit = popular_suit};
	static const RecommenderMethods again = {.by_customer = "own purchases",
											 .by_history = "own purchases",
											 .score = again_score,
											 .score_one = again_score_one,
											 .suit = again_suit};

	switch (method)
	{
		case CF_EASE:
		case CF_ITEM_KNN:
		case CF_RP3BETA:
			return &lists;
		case CF_USER_KNN:
			return rated ? &rated_users : &users;
		case CF_POPULAR:
			return &popular;
		case CF_BUY_AGAIN:
			return &again;
		case CF_METHODS:
			break;
	}
	return NULL;
}
