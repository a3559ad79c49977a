/*
 * select.c - a list of k items out of their scores, by the rules of a shop
 *
 * Phases: one pass over the candidates (or all items) beside the excluded ones, each offered to one of two heaps, items with
 * an opinion of the model and items without; the heaps, one after the other, are the order; from its front the list is
 * chosen.  Where a limit per category leaves the list short, a longer front is taken, four times as long each time, until
 * the list is full or there are no more items.
 */
#include "select.h"

#include <math.h>
#include <string.h>

typedef struct Front
{
	int32_t n;
	int32_t opinions; /* the first so many have a score */
	Selected *entry; /* [n] best first */
	int32_t *category; /* [n] -1: none */
} Front;

/* Workspace of one call; everything in `memory`. */
typedef struct Work
{
	const float *scores;
	const float *popularity;
	int32_t items;
	const SelectRules *rules;
	int32_t *place; /* [eligible] place among the candidates, or the item itself */
	int32_t eligible;
	int32_t *held; /* [n_candidates] how many of each category the list has; NULL: no limit */
} Work;

static int32_t
item_at(const Work *work, int32_t place)
{
	const int32_t *candidates = work->rules->filter.candidates;

	return candidates != NULL ? candidates[place] : place;
}

/* Places of the items that may stand in the list: both lists ascend. */
static void
find_eligible(Work *work)
{
	const RankFilter *filter = &work->rules->filter;
	int32_t n = filter->candidates != NULL ? filter->n_candidates : work->items;
	int32_t next = 0;

	work->eligible = 0;
	for (int32_t place = 0; place < n; place++)
	{
		int32_t item = item_at(work, place);

		while (next < filter->n_exclude && filter->exclude[next] < item)
			next++;
		if (next == filter->n_exclude || filter->exclude[next] != item)
			work->place[work->eligible++] = place;
	}
}

static float
boosted(const Work *work, int32_t place, float score)
{
	float boost;

	if (work->rules->boost == NULL)
		return score;
	boost = work->rules->boost[place];
	return score >= 0 ? score * boost : score / boost;
}

/* Fill front with the best `size` places; heaps [2 x size]. */
static void
take_front(const Work *work, int32_t size, TopEntry *heaps, Front *front)
{
	TopK top[2];

	topk_init(&top[0], heaps, size);
	topk_init(&top[1], heaps + size, size);
	for (int32_t e = 0; e < work->eligible; e++)
	{
		int32_t place = work->place[e];
		int32_t item = item_at(work, place);
		bool opinion = work->scores[item] > -INFINITY;
		float score = boosted(work, place, opinion ? work->scores[item] : work->popularity[item]);
		TopK *heap = &top[opinion ? 0 : 1];

		if (topk_wants(heap, score, place))
			topk_push(heap, score, place);
	}
	topk_finish(&top[0]);
	topk_finish(&top[1]);
	front->opinions = top[0].n;
	front->n = top[0].n + top[1].n < size ? top[0].n + top[1].n : size;
	for (int32_t i = 0; i < front->n; i++)
	{
		bool filled = i >= top[0].n;
		const TopEntry *entry = filled ? &top[1].heap[i - top[0].n] : &top[0].heap[i];
		int32_t item = item_at(work, entry->index);

		front->entry[i] = (Selected){.item = item,
									 .score = filled ? work->popularity[item] : work->scores[item],
									 .boosted = entry->score,
									 .filled = filled};
		front->category[i] = work->rules->category != NULL ? work->rules->category[entry->index] : -1;
	}
}

/* True while the rules let another item of this category in. */
static bool
category_has_room(const Work *work, int32_t category)
{
	return work->held == NULL || category < 0 || work->held[category] < work->rules->max_per_category;
}

static void
category_take(const Work *work, int32_t category)
{
	if (work->held != NULL && category >= 0)
		work->held[category]++;
}

/* By order alone.  Returns the length of the list. */
static int32_t
choose_in_order(const Work *work, const Front *front, Selected *out)
{
	int32_t n = 0;

	for (int32_t i = 0; i < front->n && n < work->rules->k; i++)
	{
		if (!category_has_room(work, front->category[i]))
			continue;
		category_take(work, front->category[i]);
		out[n++] = front->entry[i];
	}
	return n;
}

/* relevance [n]: the boosted score scaled to 0 .. 1 over lo .. hi - 1. */
static void
scale_relevance(const Front *front, int32_t lo, int32_t hi, float *relevance)
{
	double most;
	double range;

	if (lo >= hi)
		return;
	most = front->entry[lo].boosted;
	range = most - front->entry[hi - 1].boosted;
	for (int32_t i = lo; i < hi; i++)
		relevance[i] =
			range > 0 && isfinite(range) ? (float) (1 - (most - front->entry[i].boosted) / range) : 1;
}

/* What choose_diverse keeps of each item of the front; an item that is taken has likeness NaN. */
typedef struct Pool
{
	float *relevance; /* [n] */
	float *likeness; /* [n] largest similarity to a chosen item, at least 0 */
	float *row; /* [n] */
	int32_t *item; /* [n] */
} Pool;

/* The place in lo .. hi - 1 of the item to be chosen next, or -1. */
static int32_t
most_marginal(const Work *work, const Front *front, const Pool *pool, int32_t lo, int32_t hi)
{
	double diversity = work->rules->diversity;
	int32_t best = -1;
	double most = -INFINITY;

	for (int32_t i = lo; i < hi; i++)
	{
		double value = (1 - diversity) * pool->relevance[i] - diversity * pool->likeness[i];

		if (!(value > most) || !category_has_room(work, front->category[i]))
			continue;
		most = value;
		best = i;
	}
	return best;
}

/* The likeness of what is left to the item just taken.  One that is no number above 0 leaves the 0 that all begin with. */
static CoreStatus
compare_with(const SelectRules *rules, const Front *front, const Pool *pool, int32_t taken)
{
	CoreStatus status =
		rules->similar(rules->similar_arg, pool->item[taken], pool->item, front->n, pool->row);

	for (int32_t i = 0; status == CORE_OK && i < front->n; i++)
		if (pool->row[i] > pool->likeness[i])
			pool->likeness[i] = pool->row[i];
	pool->likeness[taken] = NAN;
	return status;
}

static CoreStatus
choose_diverse(Env *env, const Work *work, const Front *front, const Pool *pool, Selected *out,
			   int32_t *length)
{
	int32_t opinions = front->opinions < front->n ? front->opinions : front->n;
	CoreStatus status = CORE_OK;

	*length = 0;
	for (int32_t i = 0; i < front->n; i++)
	{
		pool->likeness[i] = 0;
		pool->item[i] = front->entry[i].item;
	}
	scale_relevance(front, 0, opinions, pool->relevance);
	scale_relevance(front, opinions, front->n, pool->relevance);
	while (status == CORE_OK && *length < work->rules->k)
	{
		int32_t next = most_marginal(work, front, pool, 0, opinions);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		if (next < 0)
			next = most_marginal(work, front, pool, opinions, front->n);
		if (next < 0)
			break;
		category_take(work, front->category[next]);
		status = compare_with(work->rules, front, pool, next);
		out[(*length)++] = front->entry[next];
	}
	return status;
}

/* One front of `size`, and the list chosen from it. */
static CoreStatus
choose(Env *env, const Work *work, int32_t size, Selected *out, int32_t *n)
{
	size_t each = 2 * sizeof(TopEntry) + sizeof(Selected) + 2 * sizeof(int32_t) + 3 * sizeof(float);
	TopEntry *heaps = env->alloc(env, each * size);
	Front front;
	Pool pool;
	CoreStatus status = CORE_OK;

	if (heaps == NULL)
		return CORE_NO_MEMORY;
	front.entry = (Selected *) (heaps + 2 * (size_t) size);
	front.category = (int32_t *) (front.entry + size);
	pool.item = front.category + size;
	pool.relevance = (float *) (pool.item + size);
	pool.likeness = pool.relevance + size;
	pool.row = pool.likeness + size;

	if (work->held != NULL)
		memset(work->held, 0, sizeof(int32_t) * (size_t) work->rules->filter.n_candidates);
	take_front(work, size, heaps, &front);
	if (work->rules->diversity > 0)
		status = choose_diverse(env, work, &front, &pool, out, n);
	else
		*n = choose_in_order(work, &front, out);
	env->release(env, heaps);
	return status;
}

static int32_t
first_front(const SelectRules *rules)
{
	int64_t size = rules->k;

	if (rules->diversity > 0)
		size = size * SELECT_POOL > SELECT_POOL_LEAST ? size * SELECT_POOL : SELECT_POOL_LEAST;
	else if (rules->max_per_category > 0)
		size *= 2;
	return size < INT32_MAX / 8 ? (int32_t) size : INT32_MAX / 8;
}

CoreStatus
select_list(Env *env, const float *scores, const float *popularity, int32_t items, const SelectRules *rules,
			Selected *out, int32_t *n)
{
	size_t most = (size_t) (rules->filter.candidates != NULL ? rules->filter.n_candidates : items);
	bool limited = rules->max_per_category > 0 && rules->category != NULL;
	Work work = {.scores = scores, .popularity = popularity, .items = items, .rules = rules};
	CoreStatus status = CORE_OK;
	int64_t size = first_front(rules);

	*n = 0;
	work.place = env->alloc(env, sizeof(int32_t) * ((limited ? 2 : 1) * most + 1));
	if (work.place == NULL)
		return CORE_NO_MEMORY;
	work.held = limited ? work.place + most : NULL;
	find_eligible(&work);
	while (status == CORE_OK && work.eligible > 0 && rules->k > 0)
	{
		if (size > work.eligible)
			size = work.eligible;
		status = env->cancelled(env) ? CORE_CANCELLED : choose(env, &work, (int32_t) size, out, n);
		if (*n == rules->k || size == work.eligible)
			break;
		size *= 4;
	}
	env->release(env, work.place);
	return status;
}
