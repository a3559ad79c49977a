/*
 * hybrid_recommender.c - answers of several recommenders together
 *
 * A score is the weighted sum of the members' scores for the same customer or history, each standardised over all items
 * (core/recommend/hybrid.h).  A member that does not know the customer goes by what the others know him to have had; one that
 * cannot answer at all is left out of the sum.  Because each scale rests on all items, the score of one item costs as
 * much as those of all.
 */
#include "postgres.h"

#include <math.h>

#include "api/hybrid_model.h"

static const HybridModel *
hybrid_of(const Recommender *base)
{
	return (const HybridModel *) base;
}

/* ---- asking a member ---- */

typedef struct Had
{
	int32 item; /* the member's index */
	float value;
} Had;

#define ST_SORT sort_had
#define ST_ELEMENT_TYPE Had
#define ST_COMPARE(a, b) ((a)->item < (b)->item ? -1 : (a)->item > (b)->item)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* What a member is asked; a history that had to be translated is one block at `items`, to be released. */
typedef struct MemberTaste
{
	Taste
		taste; /* in the member's customers and items; of a customer that it knows with his history beside */
	int32 *items;
} MemberTaste;

static void
member_taste_free(Env *env, MemberTaste *mine)
{
	if (mine->items != NULL)
		env->release(env, mine->items);
}

static CoreStatus
translate_history(const HybridMember *member, Env *env, const Taste *history, MemberTaste *mine)
{
	Had *had = env->alloc(env, sizeof(Had) * Max((Size) history->n, 1));
	float *values;
	int32 n = 0;

	mine->items = env->alloc(env, (sizeof(int32) + sizeof(float)) * Max((Size) history->n, 1));
	if (had != NULL && mine->items != NULL)
	{
		values = (float *) (mine->items + history->n);
		for (int32 i = 0; i < history->n; i++)
			if (member->item[history->items[i]] >= 0)
				had[n++] = (Had){.item = member->item[history->items[i]],
								 .value = history->values != NULL ? history->values[i] : 1};
		sort_had(had, n);
		for (int32 i = 0; i < n; i++)
		{
			mine->items[i] = had[i].item;
			values[i] = had[i].value;
		}
		mine->taste = (Taste){.customer = -1, .items = mine->items, .values = values, .n = n};
	}
	if (had == NULL)
		return CORE_NO_MEMORY;
	env->release(env, had);
	return mine->items != NULL ? CORE_OK : CORE_NO_MEMORY;
}

/* What member m is asked instead of `taste`; *answers is false when it has no way to answer. */
static CoreStatus
member_taste(const HybridModel *model, Env *env, int m, const Taste *taste, MemberTaste *mine, bool *answers)
{
	const HybridMember *member = &model->member[m];
	Taste history = *taste;
	CoreStatus status;

	*mine = (MemberTaste){0};
	*answers = true;
	if (taste->customer >= 0)
	{
		if (member->customer[taste->customer] >= 0)
		{
			mine->taste = recommender_history(member->model, member->customer[taste->customer]);
			mine->taste.customer = member->customer[taste->customer];
			return CORE_OK;
		}
		history = recommender_history(&model->base, taste->customer);
	}
	*answers = member->model->methods->by_history != NULL;
	if (!*answers)
		return CORE_OK;
	status = translate_history(member, env, &history, mine);
	*answers = status == CORE_OK && (mine->taste.n > 0 || member->model->methods->for_everybody);
	return status;
}

/* raw [member's items] into scores [items of the hybrid]. */
static void
spread(const HybridModel *model, int m, const float *raw, float *scores, uint8 *opinion)
{
	const HybridMember *member = &model->member[m];
	int32 items = model->base.items.n;
	HybridScale scale = hybrid_scale(raw, member->model->items.n, items);
	float none = hybrid_standard(&scale, -INFINITY);

	for (int32 i = 0; i < items; i++)
	{
		float score = member->item[i] < 0 ? -INFINITY : raw[member->item[i]];

		scores[i] = score == -INFINITY ? none : hybrid_standard(&scale, score);
		if (opinion != NULL && score != -INFINITY)
			opinion[i] = 1;
	}
}

CoreStatus
hybrid_member_scores(const HybridModel *model, Env *env, int m, const Taste *taste, float *scores,
					 uint8 *opinion, bool *answers)
{
	const Recommender *member = model->member[m].model;
	MemberTaste mine;
	CoreStatus status = member_taste(model, env, m, taste, &mine, answers);
	float *raw = NULL;

	if (status == CORE_OK && *answers)
	{
		raw = env->alloc(env, sizeof(float) * Max((Size) member->items.n, 1));
		status = raw == NULL ? CORE_NO_MEMORY : member->methods->score(member, env, &mine.taste, raw);
	}
	if (status == CORE_OK && *answers)
		spread(model, m, raw, scores, opinion);
	if (raw != NULL)
		env->release(env, raw);
	member_taste_free(env, &mine);
	return status;
}

/* ---- scores ---- */

/* part [items] and opinion [items] are scratch. */
static CoreStatus
add_members(const HybridModel *model, Env *env, const Taste *taste, float *part, uint8 *opinion,
			float *scores)
{
	int32 items = model->base.items.n;
	CoreStatus status = CORE_OK;

	memset(scores, 0, sizeof(float) * items);
	memset(opinion, 0, items);
	for (int m = 0; m < model->n && status == CORE_OK; m++)
	{
		float weight = (float) model->member[m].weight;
		bool answers = false;

		if (weight == 0)
			continue;
		if (env->cancelled(env))
			return CORE_CANCELLED;
		status = hybrid_member_scores(model, env, m, taste, part, opinion, &answers);
		for (int32 i = 0; i < items && answers && status == CORE_OK; i++)
			scores[i] += weight * part[i];
	}
	for (int32 i = 0; i < items; i++)
		if (!opinion[i])
			scores[i] = -INFINITY;
	return status;
}

static CoreStatus
hybrid_score(const Recommender *base, Env *env, const Taste *taste, float *scores)
{
	Size items = Max((Size) base->items.n, 1);
	float *part = env->alloc(env, (sizeof(float) + 1) * items);
	CoreStatus status;

	if (part == NULL)
		return CORE_NO_MEMORY;
	status = add_members(hybrid_of(base), env, taste, part, (uint8 *) (part + items), scores);
	env->release(env, part);
	return status;
}

static CoreStatus
hybrid_score_one(const Recommender *base, Env *env, const Taste *taste, int32 item, float *score)
{
	float *scores = env->alloc(env, sizeof(float) * Max((Size) base->items.n, 1));
	CoreStatus status;

	if (scores == NULL)
		return CORE_NO_MEMORY;
	status = hybrid_score(base, env, taste, scores);
	*score = scores[item];
	env->release(env, scores);
	return status;
}

static CoreStatus
hybrid_suit(const Recommender *base, Env *env, int32 item, float *scores)
{
	float *all = env->alloc(env, sizeof(float) * Max((Size) base->items.n, 1));
	CoreStatus status = all == NULL ? CORE_NO_MEMORY : CORE_OK;

	for (int32 c = 0; c < base->customers.n && status == CORE_OK; c++)
	{
		Taste taste = {.customer = c};

		status = hybrid_score(base, env, &taste, all);
		scores[c] = all[item];
	}
	if (all != NULL)
		env->release(env, all);
	return status;
}

/* ---- what is like what ---- */

/* index [n] of others (NULL: all items) in member m; room [n]. */
static void
translate_items(const HybridMember *member, const int32 *others, int32 n, int32 *index)
{
	for (int32 i = 0; i < n; i++)
		index[i] = member->item[others != NULL ? others[i] : i];
}

/* Those of the others that the member knows, and what it says; sums [n] and weights [n] grow. */
static CoreStatus
add_similar(const HybridMember *member, Env *env, int32 item, const int32 *index, int32 n, int32 *known,
			float *part, float *sums, float *weights)
{
	int32 n_known = 0;
	CoreStatus status;

	for (int32 i = 0; i < n; i++)
		if (index[i] >= 0)
			known[n_known++] = index[i];
	status = member->model->methods->similar(member->model, env, member->item[item], known, n_known, part);
	for (int32 i = 0, k = 0; i < n && status == CORE_OK; i++)
	{
		float similarity;

		if (index[i] < 0)
			continue;
		similarity = part[k++];
		if (similarity == -INFINITY)
			continue;
		sums[i] += (float) member->weight * similarity;
		weights[i] += (float) member->weight;
	}
	return status;
}

/* The mean of what the members say that know both items, by their weights. */
static CoreStatus
hybrid_similar(const Recommender *base, Env *env, int32 item, const int32 *others, int32 n, float *similarity)
{
	const HybridModel *model = hybrid_of(base);
	Size size = Max((Size) n, 1);
	int32 *index = env->alloc(env, 4 * sizeof(int32) * size);
	CoreStatus status = CORE_OK;
	float *part;
	float *weights;

	if (index == NULL)
		return CORE_NO_MEMORY;
	part = (float *) (index + 2 * size);
	weights = part + size;
	memset(weights, 0, sizeof(float) * size);
	memset(similarity, 0, sizeof(float) * n);
	for (int m = 0; m < model->n && status == CORE_OK; m++)
	{
		const HybridMember *member = &model->member[m];

		if (member->weight == 0 || member->model->methods->similar == NULL || member->item[item] < 0)
			continue;
		translate_items(member, others, n, index);
		status = add_similar(member, env, item, index, n, index + size, part, similarity, weights);
	}
	for (int32 i = 0; i < n; i++)
		similarity[i] = weights[i] > 0 ? similarity[i] / weights[i] : -INFINITY;
	env->release(env, index);
	return status;
}

/* ---- why ---- */

/* parts [taste->n] grow by share times what the member says of the same items, own [mine->n]. */
static void
add_parts(const HybridMember *member, const Taste *taste, const Taste *mine, double share, const float *own,
		  float *parts)
{
	for (int32 i = 0; i < taste->n; i++)
	{
		int32 index = member->item[taste->items[i]];
		int32 place = index < 0 ? -1 : recommender_place(mine->items, mine->n, index);

		if (place >= 0)
			parts[i] += (float) (share * own[place]);
	}
}

/* Member m's share of the explanation: parts [taste->n] and *score grow. */
static CoreStatus
explain_member(const HybridModel *model, Env *env, int m, const Taste *taste, const Taste *mine, int32 item,
			   float *parts, double *score)
{
	const HybridMember *member = &model->member[m];
	const RecommenderMethods *methods = member->model->methods;
	int32 items = member->model->items.n;
	int32 index = member->item[item];
	float *raw = env->alloc(env, sizeof(float) * ((Size) items + mine->n + 1));
	CoreStatus status;

	if (raw == NULL)
		return CORE_NO_MEMORY;
	status = methods->score(member->model, env, mine, raw);
	if (status == CORE_OK)
	{
		HybridScale scale = hybrid_scale(raw, items, model->base.items.n);
		double share = member->weight * scale.inverse;

		*score += member->weight * hybrid_standard(&scale, index < 0 ? -INFINITY : raw[index]);
		if (methods->explain != NULL && index >= 0 && raw[index] != -INFINITY)
		{
			float whole;

			status = methods->explain(member->model, env, mine, index, raw + items, &whole);
			if (status == CORE_OK)
				add_parts(member, taste, mine, share, raw + items, parts);
		}
	}
	env->release(env, raw);
	return status;
}

/*
 * What an item of the history adds is what it adds with each member, on the member's scale.  What belongs to no item (the scales'
 * means, members that give no reasons) is in the score alone.
 */
static CoreStatus
hybrid_explain(const Recommender *base, Env *env, const Taste *taste, int32 item, float *parts, float *score)
{
	const HybridModel *model = hybrid_of(base);
	CoreStatus status = CORE_OK;
	double sum = 0;

	memset(parts, 0, sizeof(float) * taste->n);
	for (int m = 0; m < model->n && status == CORE_OK; m++)
	{
		MemberTaste mine;
		bool answers;

		if (model->member[m].weight == 0)
			continue;
		status = member_taste(model, env, m, taste, &mine, &answers);
		if (status == CORE_OK && answers)
			status = explain_member(model, env, m, taste, &mine.taste, item, parts, &sum);
		member_taste_free(env, &mine);
	}
	*score = (float) sum;
	return status;
}

void
hybrid_set_methods(HybridModel *model)
{
	model->methods = (RecommenderMethods){
		.by_customer = "hybrid", .score = hybrid_score, .score_one = hybrid_score_one, .suit = hybrid_suit};
	for (int m = 0; m < model->n; m++)
	{
		const RecommenderMethods *methods = model->member[m].model->methods;

		if (model->member[m].weight == 0)
			continue;
		if (methods->by_history != NULL)
			model->methods.by_history = "hybrid";
		if (methods->similar != NULL)
			model->methods.similar = hybrid_similar;
		if (methods->explain != NULL)
			model->methods.explain = hybrid_explain;
	}
	model->base.methods = &model->methods;
}
