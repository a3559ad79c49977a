/*
 * mf_recommender.c - a factor model's answers: inner products of a customer's factors, trained or folded in, with the items'
 *
 * With ratings a score is the prediction: mean, biases and product.  Scores are not held to the scale before they are ranked,
 * so items at its top stay in their order; what is shown is (mf_shown).
 */
#include "postgres.h"

#include "api/mf_model.h"
#include "core/recommend/rank_kernel.h"
#include "core/recommend/ridge_explain.h"

#define TILE_ROWS 16384

static const MfModel *
mf_of(const Recommender *base)
{
	return (const MfModel *) base;
}

/* ---- whose factors ---- */

/* query [width] of somebody who bought these items and nothing else. */
static CoreStatus
fold_in_bought(const MfModel *model, Env *env, const Taste *taste, float *query)
{
	float *weights = env->alloc(env, sizeof(float) * Max(taste->n, 1));
	CoreStatus status;

	if (weights == NULL)
		return CORE_NO_MEMORY;
	for (int32 i = 0; i < taste->n; i++)
		weights[i] = feedback_weight(model->transform, taste->values != NULL ? taste->values[i] : 1);
	status = als_fold_in(env, &model->fit.implicit, model->item_factors, model->base.items.n, model->gram,
						 taste->items, weights, taste->n, query);
	env->release(env, weights);
	return status;
}

/* items [n x width] of a history; the caller releases them. */
static float *
gather_items(const MfModel *model, Env *env, const Taste *taste)
{
	Size row = sizeof(float) * model->width;
	float *items = env->alloc(env, row * Max(taste->n, 1));

	for (Size i = 0; items != NULL && i < (Size) taste->n; i++)
		memcpy(items + i * model->width, model->item_factors + (Size) taste->items[i] * model->width, row);
	return items;
}

/* ... or who rated these items so and no others. */
static CoreStatus
fold_in_rated(const MfModel *model, Env *env, const Taste *taste, float *query, float *bias)
{
	float *items = gather_items(model, env, taste);
	float *ratings = env->alloc(env, sizeof(float) * Max(taste->n, 1));
	CoreStatus status = CORE_NO_MEMORY;

	if (items != NULL && ratings != NULL)
	{
		memcpy(ratings, taste->values, sizeof(float) * taste->n);
		status = explicit_fold_in(env, &model->fit.ratings, model->base.mean, items, ratings, taste->n, query,
								  bias);
		query[model->width - 1] = 1;
	}
	if (items != NULL)
		env->release(env, items);
	if (ratings != NULL)
		env->release(env, ratings);
	return status;
}

/* query [width], and the bias of ratings; room [width] holds the query where it is not the model's own. */
static CoreStatus
find_query(const MfModel *model, Env *env, const Taste *taste, float *room, const float **query, float *bias)
{
	*bias = 0;
	*query = room;
	if (taste->customer < 0)
		return model->fit.rated ? fold_in_rated(model, env, taste, room, bias)
								: fold_in_bought(model, env, taste, room);
	*query = model->user_factors + (Size) taste->customer * model->width;
	if (model->fit.rated)
		*bias = model->user_bias[taste->customer];
	return CORE_OK;
}

/* ---- scores ---- */

/* out [n] = offset + rows . query, stopping when told to. */
static CoreStatus
multiply(Env *env, const float *rows, int32 n, int32 width, const float *query, float offset, float *out)
{
	for (int32 from = 0; from < n; from += TILE_ROWS)
	{
		int32 count = Min(TILE_ROWS, n - from);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		rank_kernel()->scores(rows + (Size) from * width, count, width, query, out + from);
		for (int32 i = from; i < from + count && offset != 0; i++)
			out[i] += offset;
	}
	return CORE_OK;
}

static CoreStatus
mf_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	const MfModel *model = mf_of(base);
	float room[RANK_MAX_FACTORS + 1];
	const float *query;
	float bias;
	CoreStatus status = find_query(model, env, taste, room, &query, &bias);

	if (status != CORE_OK)
		return status;
	return multiply(env, model->item_factors, base->items.n, model->width, query,
					(float) (model->base.mean + bias), scores);
}

/* A model of ratings predicts from what is known: the item's bias for a stranger. */
static CoreStatus
mf_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	const MfModel *model = mf_of(base);
	float room[RANK_MAX_FACTORS + 1] = {0};
	const float *query = room;
	float bias = 0;
	CoreStatus status = CORE_OK;

	if (taste->customer >= 0 || taste->n > 0)
		status = find_query(model, env, taste, room, &query, &bias);
	else
		room[model->width - 1] = 1;
	*score = 0;
	if (status == CORE_OK && item >= 0)
		rank_kernel()->scores(model->item_factors + (Size) item * model->width, 1, model->width, query,
							  score);
	*score += (float) (model->base.mean + bias);
	return status;
}

static CoreStatus
mf_rank(const Recommender *base, Env *env, const Taste *taste, const RankFilter *filter, TopK *top)
{
	const MfModel *model = mf_of(base);
	float room[RANK_MAX_FACTORS + 1];
	float scratch[RANK_TILE];
	const float *query;
	float bias;
	CoreStatus status = find_query(model, env, taste, room, &query, &bias);

	if (status == CORE_OK && model->indexed && filter->candidates == NULL)
		status = rank_index_lists(env, &model->index, model->item_factors, query, NULL, filter, 1, top);
	else if (status == CORE_OK)
		status = rank_items(env, model->item_factors, base->items.n, model->width, query, NULL, filter,
							scratch, top);
	for (int32 i = 0; status == CORE_OK && i < top->n && model->fit.rated; i++)
		top->heap[i].score += (float) (model->base.mean + bias);
	return status;
}

/* Cosine of the items' factors; a bias makes no items alike. */
static CoreStatus
mf_similar(const Recommender *base, Env *env, int32 item, const int32 *others, int32 n, float *similarity)
{
	const MfModel *model = mf_of(base);
	Size width = (Size) model->width;
	float query[RANK_MAX_FACTORS + 1] = {0};
	CoreStatus status = CORE_OK;

	for (int32 f = 0; f < model->fit.implicit.factors; f++)
		query[f] = model->item_factors[item * width + f] * model->inverse_norms[item];
	if (others == NULL)
		status = multiply(env, model->item_factors, n, model->width, query, 0, similarity);
	for (int32 i = 0; status == CORE_OK && i < n; i++)
	{
		int32 other = others != NULL ? others[i] : i;

		if (others != NULL)
			rank_kernel()->scores(model->item_factors + other * width, 1, model->width, query,
								  &similarity[i]);
		similarity[i] *= model->inverse_norms[other];
	}
	return status;
}

static CoreStatus
mf_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	const MfModel *model = mf_of(base);
	CoreStatus status =
		multiply(env, model->user_factors, base->customers.n, model->width,
				 model->item_factors + (Size) item * model->width, (float) model->base.mean, scores);

	for (int32 u = 0; status == CORE_OK && u < base->customers.n && model->fit.rated; u++)
		scores[u] += model->user_bias[u];
	return status;
}

/* ---- why ---- */

/* What the regression is shrunk by beside the rows: a0 Y'Y and the penalty, or the penalties of factors and bias. */
static void
fill_base(const MfModel *model, const Taste *taste, const float *weights, double *base)
{
	int32 width = model->width;
	int32 factors = model->fit.implicit.factors;
	const AlsParams *implicit = &model->fit.implicit;
	const ExplicitParams *ratings = &model->fit.ratings;
	double penalty = ratings->regularization * ((double) taste->n + ratings->prior);

	memset(base, 0, sizeof(double) * width * width);
	if (!model->fit.rated)
	{
		penalty = (double) implicit->unobserved_weight * model->base.items.n;
		for (int32 j = 0; j < taste->n; j++)
			penalty += weights[j];
		penalty *= implicit->regularization;
		for (int32 a = 0; a < factors * factors; a++)
			base[a] = model->gram[a];
	}
	for (int32 f = 0; f < factors; f++)
		base[(Size) f * width + f] += penalty;
	if (model->fit.rated)
		base[(Size) width * width - 1] = ratings->bias_regularization;
}

/* Bought items pull towards 1, each by its weight; rated ones by their distance from mean and the item's bias. */
static CoreStatus
mf_explain(const Recommender *base, Env *env, const Taste *taste, int32 item, float *parts, float *score)
{
	const MfModel *model = mf_of(base);
	int32 width = model->width;
	bool rated = model->fit.rated;
	float *rows = gather_items(model, env, taste);
	float *numbers = env->alloc(env, sizeof(float) * (taste->n + width));
	double *matrix = env->alloc(env, sizeof(double) * ((Size) width * width + taste->n));
	CoreStatus status = CORE_NO_MEMORY;
	double sum = model->base.mean;

	if (rows != NULL && numbers != NULL && matrix != NULL)
	{
		float *query = numbers + taste->n;
		double *exact = matrix + (Size) width * width;

		memcpy(query, model->item_factors + (Size) item * width, sizeof(float) * width);
		for (int32 j = 0; j < taste->n; j++)
		{
			float *last = rows + (Size) (j + 1) * width - 1;

			numbers[j] =
				rated ? taste->values[j] - (float) model->base.mean - *last
					  : feedback_weight(model->transform, taste->values != NULL ? taste->values[j] : 1);
			if (rated)
				*last = 1;
		}
		if (rated)
		{
			sum += query[width - 1];
			query[width - 1] = 1;
		}
		fill_base(model, taste, numbers, matrix);
		status = ridge_explain(env, width, matrix, rows, rated ? NULL : numbers, rated ? numbers : NULL,
							   taste->n, query, exact);
		for (int32 j = 0; status == CORE_OK && j < taste->n; j++)
		{
			parts[j] = (float) exact[j];
			sum += exact[j];
		}
		*score = (float) sum;
	}
	if (rows != NULL)
		env->release(env, rows);
	if (numbers != NULL)
		env->release(env, numbers);
	if (matrix != NULL)
		env->release(env, matrix);
	return status;
}

static float
mf_shown(const Recommender *base, float score)
{
	const MfModel *model = mf_of(base);

	return (float) Min(Max(score, model->low), model->high);
}

const RecommenderMethods mf_methods = {.by_customer = "factors",
									   .by_history = "fold-in",
									   .score = mf_score,
									   .score_one = mf_score_one,
									   .rank = mf_rank,
									   .similar = mf_similar,
									   .suit = mf_suit,
									   .explain = mf_explain};

const RecommenderMethods mf_rating_methods = {.by_customer = "factors",
											  .by_history = "fold-in",
											  .rated = true,
											  .shown = mf_shown,
											  .score = mf_score,
											  .score_one = mf_score_one,
											  .rank = mf_rank,
											  .similar = mf_similar,
											  .suit = mf_suit,
											  .explain = mf_explain};
