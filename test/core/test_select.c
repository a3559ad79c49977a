/*
 * test_select.c - lists by the rules of a shop against a sort of everything, on random catalogues, filters and limits
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/select.h"
#include "rng.h"

#define MOST 700
#define CASES 400

/* A catalogue and what may be asked of it; everything follows from the number of the case. */
typedef struct Shop
{
	int32_t items;
	float scores[MOST];
	float popularity[MOST];
	float likeness[MOST]; /* one number an item: similarity is 1 - |difference|, from -1 to 1 */
	int32_t candidates[MOST];
	int32_t exclude[MOST];
	int32_t category[MOST];
	float boost[MOST];
	SelectRules rules;
} Shop;

static uint32_t
draw(int which, int stream, int64_t index, uint32_t below)
{
	return rng_below((uint64_t) which, (uint64_t) stream, (uint64_t) index, below);
}

static CoreStatus
similar(void *arg, int32_t item, const int32_t *others, int32_t n, float *similarity)
{
	const Shop *shop = arg;

	for (int32_t i = 0; i < n; i++)
		similarity[i] = 1 - fabsf(shop->likeness[item] - shop->likeness[others[i]]);
	return CORE_OK;
}

/* Few distinct scores, so that there are ties; some are none, some are not numbers. */
static float
drawn_score(int which, int32_t item)
{
	uint32_t sort = draw(which, 1, item, 20);

	if (sort == 0)
		return -INFINITY;
	if (sort == 1)
		return NAN;
	return ((float) draw(which, 2, item, 40) - 15) / 8;
}

static void
shop_make(Shop *shop, int which)
{
	SelectRules *rules = &shop->rules;
	uint32_t part = draw(which, 3, 0, 10) + 1;

	memset(shop, 0, sizeof(*shop));
	shop->items = (int32_t) draw(which, 0, 0, which % 5 == 0 ? 8 : MOST - 1) + 1;
	for (int32_t i = 0; i < shop->items; i++)
	{
		shop->scores[i] = drawn_score(which, i);
		shop->popularity[i] = (float) draw(which, 4, i, 30);
		shop->likeness[i] = 2 * (float) rng_uniform((uint64_t) which, 5, (uint64_t) i);
		if (draw(which, 6, i, 10) < part)
			shop->candidates[rules->filter.n_candidates++] = i;
		if (draw(which, 7, i, 4) == 0)
			shop->exclude[rules->filter.n_exclude++] = i;
	}
	rules->k = (int32_t) draw(which, 8, 0, 40);
	rules->similar = similar;
	rules->similar_arg = shop;
	rules->filter.exclude = shop->exclude;
	if (which % 3 == 0)
		return;
	rules->filter.candidates = shop->candidates;
	for (int32_t c = 0; c < rules->filter.n_candidates; c++)
	{
		int32_t most = rules->filter.n_candidates < 6 ? rules->filter.n_candidates : 6;

		shop->category[c] = (int32_t) draw(which, 9, c, (uint32_t) most + 1) - 1;
		shop->boost[c] = 0.25f * (float) (1 + draw(which, 10, c, 12));
	}
	if (which % 3 == 2)
		rules->boost = shop->boost;
	if (draw(which, 11, 0, 2) == 0)
	{
		rules->category = shop->category;
		rules->max_per_category = (int32_t) draw(which, 12, 0, 4);
	}
}

/* ---- the reference: everything, sorted ---- */

typedef struct Entry
{
	int32_t item;
	int32_t category;
	bool filled;
	float score;
	float boosted;
} Entry;

static int
compare_entries(const void *left, const void *right)
{
	const Entry *a = left;
	const Entry *b = right;

	if (a->filled != b->filled)
		return a->filled ? 1 : -1;
	if (a->boosted != b->boosted)
		return a->boosted > b->boosted ? -1 : 1;
	return a->item - b->item;
}

static bool
among(const int32_t *list, int32_t n, int32_t item)
{
	for (int32_t i = 0; i < n; i++)
		if (list[i] == item)
			return true;
	return false;
}

/* All items that may stand in a list, best first. */
static int32_t
sorted(const Shop *shop, Entry *out)
{
	const RankFilter *filter = &shop->rules.filter;
	int32_t n = 0;
	int32_t most = filter->candidates != NULL ? filter->n_candidates : shop->items;

	for (int32_t place = 0; place < most; place++)
	{
		int32_t item = filter->candidates != NULL ? filter->candidates[place] : place;
		bool filled = !(shop->scores[item] > -INFINITY);
		float score = filled ? shop->popularity[item] : shop->scores[item];
		float boost = shop->rules.boost != NULL ? shop->rules.boost[place] : 1;

		if (among(filter->exclude, filter->n_exclude, item))
			continue;
		out[n++] = (Entry){.item = item,
						   .category = shop->rules.category != NULL ? shop->rules.category[place] : -1,
						   .filled = filled,
						   .score = score,
						   .boosted = score < 0 ? score / boost : score * boost};
	}
	qsort(out, (size_t) n, sizeof(Entry), compare_entries);
	return n;
}

static bool
has_room(const Shop *shop, const Entry *taken, int32_t n, int32_t category)
{
	int32_t same = 0;

	for (int32_t i = 0; i < n; i++)
		same += taken[i].category == category;
	return shop->rules.max_per_category == 0 || category < 0 || same < shop->rules.max_per_category;
}

static int32_t
chosen_in_order(const Shop *shop, const Entry *all, int32_t n, Entry *out)
{
	int32_t length = 0;

	for (int32_t i = 0; i < n && length < shop->rules.k; i++)
		if (has_room(shop, out, length, all[i].category))
			out[length++] = all[i];
	return length;
}

/* How many items the limits let into a list of any length. */
static int32_t
possible(const Shop *shop, const Entry *all, int32_t n)
{
	Shop unlimited = *shop;
	Entry out[MOST];

	unlimited.rules.k = MOST;
	return chosen_in_order(&unlimited, all, n, out);
}

/* ---- tests ---- */

static void
check_entry(const Entry *wanted, const Selected *got)
{
	CHECK(got->item == wanted->item && got->filled == wanted->filled);
	CHECK(got->score == wanted->score && got->boosted == wanted->boosted);
}

static void
test_order(void)
{
	static Shop shop;
	static Entry all[MOST], wanted[MOST];
	static Selected out[MOST];

	for (int which = 0; which < CASES; which++)
	{
		int32_t n;
		int32_t length;
		CoreEnv env;

		shop_make(&shop, which);
		core_env_init(&env);
		length = chosen_in_order(&shop, all, sorted(&shop, all), wanted);
		CHECK(select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, out, &n) ==
			  CORE_OK);
		CHECK(n == length);
		for (int32_t i = 0; i < n && i < length; i++)
			check_entry(&wanted[i], &out[i]);
		CHECK(env.live == 0);
	}
}

/* The relevance of entry i of the pool: 0 .. 1 over those with an opinion, or over those without. */
static double
relevance_of(const Entry *all, int32_t pool, int32_t i)
{
	int32_t lo = i;
	int32_t hi = i;
	double range;

	while (lo > 0 && all[lo - 1].filled == all[i].filled)
		lo--;
	while (hi + 1 < pool && all[hi + 1].filled == all[i].filled)
		hi++;
	range = (double) all[lo].boosted - all[hi].boosted;
	return range > 0 ? (all[i].boosted - (double) all[hi].boosted) / range : 1;
}

/* The marginal relevance of entry i beside the first n of the list; -infinity where it may not come next. */
static double
marginal(const Shop *shop, const Entry *all, int32_t pool, int32_t i, const Selected *list,
		 const Entry *taken, int32_t n)
{
	double diversity = shop->rules.diversity;
	double nearest = 0;

	for (int32_t j = 0; j < n; j++)
	{
		if (list[j].item == all[i].item)
			return -INFINITY;
		nearest =
			fmax(nearest, 1 - fabs((double) shop->likeness[list[j].item] - shop->likeness[all[i].item]));
	}
	if (!has_room(shop, taken, n, all[i].category))
		return -INFINITY;
	return (1 - diversity) * relevance_of(all, pool, i) - diversity * nearest;
}

/* Each item of the list is the best of the pool beside those before it; true when the pool was of this size. */
static bool
follows(const Shop *shop, const Entry *all, int32_t pool, const Selected *list, int32_t n)
{
	static Entry taken[MOST];

	for (int32_t at = 0; at < n; at++)
	{
		double best[2] = {-INFINITY, -INFINITY};
		double own = -INFINITY;

		for (int32_t i = 0; i < pool; i++)
		{
			double value = marginal(shop, all, pool, i, list, taken, at);

			best[all[i].filled] = fmax(best[all[i].filled], value);
			if (all[i].item == list[at].item)
			{
				own = value;
				taken[at] = all[i];
			}
		}
		if (own == -INFINITY || (list[at].filled && best[0] > -INFINITY) ||
			own < best[list[at].filled] - 1e-5)
			return false;
	}
	return true;
}

static void
test_diversity(void)
{
	static Shop shop;
	static Entry all[MOST];
	static Selected out[MOST];

	for (int which = 0; which < CASES; which++)
	{
		int32_t most;
		int32_t pool;
		int32_t eligible;
		int32_t n;
		bool follow = false;
		CoreEnv env;

		shop_make(&shop, which);
		shop.rules.diversity = (1 + which % 10) / 10.0;
		core_env_init(&env);
		eligible = sorted(&shop, all);
		most = possible(&shop, all, eligible);
		CHECK(select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, out, &n) ==
			  CORE_OK);
		CHECK(n == (most < shop.rules.k ? most : shop.rules.k));
		pool =
			shop.rules.k * SELECT_POOL > SELECT_POOL_LEAST ? shop.rules.k * SELECT_POOL : SELECT_POOL_LEAST;
		for (; !follow; pool *= 4)
		{
			follow = follows(&shop, all, pool < eligible ? pool : eligible, out, n);
			if (pool >= eligible)
				break;
		}
		CHECK(follow);
		CHECK(env.live == 0);
	}
}

/* The pool is what the header says: an item behind it does not come in, however unlike the others. */
static void
test_pool(void)
{
	static Shop shop;
	Selected out[2];
	CoreEnv env;
	int32_t n;

	memset(&shop, 0, sizeof(shop));
	shop.items = 101;
	shop.rules = (SelectRules){.k = 2, .diversity = 1, .similar = similar, .similar_arg = &shop};
	for (int32_t i = 0; i < shop.items; i++)
		shop.scores[i] = (float) (1000 - i);
	shop.likeness[99] = 0.5f;
	shop.likeness[100] = 2;
	core_env_init(&env);
	CHECK(select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, out, &n) == CORE_OK);
	CHECK(n == 2 && out[0].item == 0 && out[1].item == 99);
	shop.rules.k = 20;
	{
		Selected longer[20];

		CHECK(select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, longer, &n) ==
			  CORE_OK);
		CHECK(n == 20 && longer[1].item == 100);
	}
}

/* No model knows anything of the last item; of the others, opposites. */
static CoreStatus
similar_in_part(void *arg, int32_t item, const int32_t *others, int32_t n, float *similarity)
{
	const Shop *shop = arg;

	for (int32_t i = 0; i < n; i++)
		similarity[i] = item == shop->items - 1 || others[i] == shop->items - 1 ? -INFINITY : -1;
	return CORE_OK;
}

/* A likeness below 0 or not known is no advantage: with nothing that is alike the order is that of the scores. */
static void
test_nothing_alike(void)
{
	static Shop shop;
	Selected out[4];
	CoreEnv env;
	int32_t n;

	memset(&shop, 0, sizeof(shop));
	shop.items = 4;
	shop.rules = (SelectRules){.k = 4, .similar_arg = &shop};
	memcpy(shop.scores, (float[]){3, 2, 1.9f, 1}, 4 * sizeof(float));
	memcpy(shop.likeness, (float[]){0, 1, 2, 2}, 4 * sizeof(float));
	core_env_init(&env);
	for (int which = 0; which < 2; which++)
	{
		shop.rules.similar = which == 0 ? similar_in_part : similar;
		shop.rules.k = which == 0 ? 4 : 2;
		shop.rules.diversity = which == 0 ? 0.01 : 0.9;
		CHECK(select_list(&env.env, shop.scores, shop.popularity, 4, &shop.rules, out, &n) == CORE_OK);
		CHECK(n == shop.rules.k && out[0].item == 0 && out[1].item == 1);
		CHECK(which == 1 || (out[2].item == 2 && out[3].item == 3));
	}
}

static CoreStatus
similar_nan(void *arg, int32_t item, const int32_t *others, int32_t n, float *similarity)
{
	(void) arg, (void) item, (void) others;
	for (int32_t i = 0; i < n; i++)
		similarity[i] = NAN;
	return CORE_OK;
}

static CoreStatus
similar_fails(void *arg, int32_t item, const int32_t *others, int32_t n, float *similarity)
{
	(void) item, (void) others, (void) n, (void) similarity;
	return *(CoreStatus *) arg;
}

static void
test_edges(void)
{
	float scores[4] = {INFINITY, NAN, -INFINITY, 1};
	float popularity[4] = {1, NAN, 2, 3};
	float boost[4] = {1, 1, 1, 1e6f};
	int32_t all[4] = {0, 1, 2, 3};
	CoreStatus failure = CORE_CANCELLED;
	SelectRules rules = {.k = 4};
	Selected out[4];
	CoreEnv env;
	int32_t n;

	core_env_init(&env);
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK);
	CHECK(n == 4 && out[0].item == 0 && out[1].item == 3 && out[2].item == 2 && out[3].item == 1);
	CHECK(!out[1].filled && out[2].filled && out[3].filled);

	rules.diversity = 0.5;
	rules.similar = similar_nan;
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK);
	CHECK(n == 4 && out[0].item == 0 && out[1].item == 3);
	rules.similar = similar_fails;
	rules.similar_arg = &failure;
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_CANCELLED);
	rules.diversity = 0;

	rules.filter = (RankFilter){.candidates = all, .n_candidates = 4};
	rules.boost = boost;
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK);
	CHECK(n == 4 && out[1].item == 3 && out[1].boosted == 1e6f && out[1].score == 1);

	rules.filter.n_candidates = 0;
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK && n == 0);
	rules.filter = (RankFilter){.exclude = all, .n_exclude = 4};
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK && n == 0);
	rules.filter = (RankFilter){0};
	rules.k = 0;
	CHECK(select_list(&env.env, scores, popularity, 4, &rules, out, &n) == CORE_OK && n == 0);
	rules.k = 4;
	CHECK(select_list(&env.env, scores, popularity, 0, &rules, out, &n) == CORE_OK && n == 0);
	CHECK(env.live == 0);
}

/* A limit that leaves a list short is settled in a moment, however many items are behind it. */
static void
test_limit_unmet(void)
{
	int32_t items = 200000;
	int32_t k = 10000;
	float *scores = core_malloc(sizeof(float) * (size_t) items);
	int32_t *category = core_malloc(sizeof(int32_t) * (size_t) items);
	int32_t *candidates = core_malloc(sizeof(int32_t) * (size_t) items);
	Selected *out = core_malloc(sizeof(Selected) * (size_t) k);
	SelectRules rules = {.k = k, .max_per_category = 1};
	double began;
	CoreEnv env;
	int32_t n;

	for (int32_t i = 0; i < items; i++)
	{
		scores[i] = (float) rng_uniform(1, 2, (uint64_t) i);
		category[i] = i % (k - 1);
		candidates[i] = i;
	}
	rules.category = category;
	rules.filter = (RankFilter){.candidates = candidates, .n_candidates = items};
	core_env_init(&env);
	began = core_seconds();
	CHECK(select_list(&env.env, scores, scores, items, &rules, out, &n) == CORE_OK);
	CHECK(n == k - 1);
	CHECK(core_seconds() - began < 3);
	CHECK(env.live == 0);
	free(scores);
	free(category);
	free(candidates);
	free(out);
}

static void
test_interrupted(void)
{
	static Shop shop;
	static Selected out[MOST];
	bool ended = false;
	CoreEnv env;
	int32_t n;

	for (int which = 5; !ended; which++) /* a case with a limit, diversity and a list */
	{
		shop_make(&shop, which);
		shop.rules.diversity = 0.5;
		ended = shop.rules.max_per_category > 0 && shop.rules.k > 5 && shop.items > 200;
	}
	for (long at = 1; at < 4; at++)
	{
		core_env_init(&env);
		env.fail_at = at;
		CHECK((select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, out, &n) ==
			   CORE_NO_MEMORY) == (at < 3));
		CHECK(env.live == 0);
		core_env_init(&env);
		env.cancel_at = at;
		CHECK(select_list(&env.env, shop.scores, shop.popularity, shop.items, &shop.rules, out, &n) ==
			  CORE_CANCELLED);
		CHECK(env.live == 0);
	}
}

int
main(void)
{
	test_order();
	test_diversity();
	test_pool();
	test_nothing_alike();
	test_edges();
	test_limit_unmet();
	test_interrupted();
	return check_finish();
}
