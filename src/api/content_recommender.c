/*
 * content_recommender.c - answers from items' attributes
 *
 * A customer is the mean of the vectors of what he had, weighted by the values: the score of an item is the weighted mean of its
 * cosines with them.  So the parts of a score are those cosines, each with its weight.  Items without attributes have no
 * score, and do not count in a history.
 */
#include "postgres.h"

#include <math.h>

#include "api/content_model.h"

static const ContentModel *
content_of(const Recommender *base)
{
	return (const ContentModel *) base;
}

/* A history's items that have attributes, and their weights, which add up to 1. */
typedef struct Profile
{
	int32 *items; /* [n] */
	float *weights; /* [n] */
	int32 n;
} Profile;

static void
profile_free(Env *env, Profile *profile)
{
	if (profile->items != NULL)
		env->release(env, profile->items);
}

static CoreStatus
profile_of(const ContentModel *model, Env *env, const Taste *taste, Profile *profile)
{
	Taste history = taste->customer >= 0 ? recommender_history(&model->mf.base, taste->customer) : *taste;
	double total = 0;

	*profile = (Profile){0};
	profile->items = env->alloc(env, (sizeof(int32) + sizeof(float)) * Max((Size) history.n, 1));
	if (profile->items == NULL)
		return CORE_NO_MEMORY;
	profile->weights = (float *) (profile->items + history.n);
	for (int32 i = 0; i < history.n; i++)
	{
		float weight = feedback_weight(model->transform, history.values != NULL ? history.values[i] : 1);

		if (weight <= 0 || !content_has(&model->vectors, history.items[i]))
			continue;
		profile->items[profile->n] = history.items[i];
		profile->weights[profile->n++] = weight;
		total += weight;
	}
	for (int32 i = 0; i < profile->n; i++)
		profile->weights[i] = (float) (profile->weights[i] / total);
	return CORE_OK;
}

static void
blank_without_attributes(const ContentModel *model, float *scores)
{
	for (int32 i = 0; i < model->vectors.items; i++)
		if (!content_has(&model->vectors, i))
			scores[i] = -INFINITY;
}

static CoreStatus
no_opinion(float *scores, int32 n)
{
	for (int32 i = 0; i < n; i++)
		scores[i] = -INFINITY;
	return CORE_OK;
}

static CoreStatus
content_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	const ContentModel *model = content_of(base);
	Profile profile;
	CoreStatus status = profile_of(model, env, taste, &profile);

	if (status == CORE_OK && profile.n == 0)
		status = no_opinion(scores, base->items.n);
	else if (status == CORE_OK)
	{
		status = content_scores(env, &model->vectors, profile.items, profile.weights, profile.n, scores);
		blank_without_attributes(model, scores);
	}
	profile_free(env, &profile);
	return status;
}

/* The cosines one by one: what a single item costs. */
static CoreStatus
content_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	const ContentModel *model = content_of(base);
	Profile profile;
	CoreStatus status = profile_of(model, env, taste, &profile);
	double sum = 0;

	for (int32 i = 0; status == CORE_OK && i < profile.n; i++)
	{
		if (i % 4096 == 0 && env->cancelled(env))
			status = CORE_CANCELLED;
		sum += (double) profile.weights[i] * content_cosine(&model->vectors, profile.items[i], item);
	}
	*score = profile.n > 0 && content_has(&model->vectors, item) ? (float) sum : -INFINITY;
	profile_free(env, &profile);
	return status;
}

static CoreStatus
content_similar(const Recommender *base, Env *env, int32 item, const int32 *others, int32 n,
				float *similarity)
{
	const ContentModel *model = content_of(base);
	const float one = 1;
	CoreStatus status;

	if (!content_has(&model->vectors, item))
		return no_opinion(similarity, n);
	if (others == NULL)
	{
		status = content_scores(env, &model->vectors, &item, &one, 1, similarity);
		blank_without_attributes(model, similarity);
		return status;
	}
	for (int32 i = 0; i < n; i++)
	{
		if (i % 4096 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		similarity[i] = content_has(&model->vectors, others[i])
							? content_cosine(&model->vectors, item, others[i])
							: -INFINITY;
	}
	return CORE_OK;
}

/* Each customer's weighted mean of the item's cosines with what he had. */
static CoreStatus
content_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	const ContentModel *model = content_of(base);
	float *cosine = env->alloc(env, sizeof(float) * Max((Size) base->items.n, 1));
	CoreStatus status = CORE_NO_MEMORY;

	if (cosine != NULL)
		status = content_similar(base, env, item, NULL, base->items.n, cosine);
	for (int32 c = 0; status == CORE_OK && c < base->customers.n; c++)
	{
		Taste history = recommender_history(base, c);
		double total = 0;
		double sum = 0;

		if (c % 256 == 0 && env->cancelled(env))
			status = CORE_CANCELLED;
		for (int32 i = 0; i < history.n; i++)
		{
			float weight = feedback_weight(model->transform, history.values != NULL ? history.values[i] : 1);

			if (weight <= 0 || cosine[history.items[i]] == -INFINITY)
				continue;
			total += weight;
			sum += (double) weight * cosine[history.items[i]];
		}
		scores[c] = total > 0 ? (float) (sum / total) : -INFINITY;
	}
	if (cosine != NULL)
		env->release(env, cosine);
	return status;
}

static CoreStatus
content_explain(const Recommender *base, Env *env, const Taste *taste, int32 item, float *parts, float *score)
{
	const ContentModel *model = content_of(base);
	bool known = content_has(&model->vectors, item);
	Profile profile;
	CoreStatus status = profile_of(model, env, taste, &profile);
	double sum = 0;

	for (int32 i = 0, p = 0; status == CORE_OK && i < taste->n; i++)
	{
		parts[i] = 0;
		if (p == profile.n || profile.items[p] != taste->items[i])
			continue;
		if (known)
			parts[i] = profile.weights[p] * content_cosine(&model->vectors, taste->items[i], item);
		sum += parts[i];
		p++;
	}
	*score = (float) sum;
	profile_free(env, &profile);
	return status;
}

const RecommenderMethods content_methods = {.by_customer = "attributes",
											.by_history = "attributes",
											.score = content_score,
											.score_one = content_score_one,
											.similar = content_similar,
											.suit = content_suit,
											.explain = content_explain};
