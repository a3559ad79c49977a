/*
 * test_rank_batch.c - lists for many users by a team, a window at a time, against the full scan for each
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/rank_batch.h"
#include "rng.h"

/* A model, a history for each user, and the lists as they were taken. */
typedef struct Shop
{
	RankBatch batch;
	int32_t users;
	float *x; /* [users x factors] */
	float *y; /* [items x factors] */
	uint8_t *codes;
	int32_t *order;
	float *limits;
	RankIndex index;
	int64_t *seen_start; /* [users + 1] */
	int32_t *seen;
	int32_t *candidates;
	int32_t filled;
	int32_t taken;
	int32_t most; /* users in a window so far */
	int32_t *length; /* [users] */
	TopEntry *lists; /* [users x k] */
	long turns; /* calls of fill and take */
	long fail_turn; /* the one that fails, from 1; 0: none */
	size_t bytes;
	void *shared;
} Shop;

static CoreStatus
turn(Shop *shop)
{
	return ++shop->turns == shop->fail_turn ? CORE_CORRUPT : CORE_OK;
}

static CoreStatus
fill(Env *env, void *arg, RankWindow *window)
{
	Shop *shop = arg;
	int32_t users = 0;
	int64_t seen = 0;

	CHECK(env->leader);
	window->seen_start[0] = 0;
	while (users < shop->batch.window_users && shop->filled < shop->users)
	{
		int64_t from = shop->seen_start[shop->filled];
		int64_t n = shop->seen_start[shop->filled + 1] - from;

		if (seen + n > shop->batch.window_seen)
			break;
		memcpy(window->seen + seen, shop->seen + from, (size_t) n * sizeof(int32_t));
		memcpy(window->queries + (int64_t) users * shop->batch.factors,
			   shop->x + (int64_t) shop->filled * shop->batch.factors,
			   (size_t) shop->batch.factors * sizeof(float));
		seen += n;
		window->seen_start[++users] = seen;
		shop->filled++;
	}
	window->users = users;
	shop->most = users > shop->most ? users : shop->most;
	return turn(shop);
}

static CoreStatus
carry(Env *env, void *arg, const RankWindow *window)
{
	Shop *shop = arg;
	int64_t k = shop->batch.k;

	CHECK(env->leader);
	memcpy(shop->length + shop->taken, window->length, (size_t) window->users * sizeof(int32_t));
	memcpy(shop->lists + shop->taken * k, window->lists,
		   (size_t) window->users * (size_t) k * sizeof(TopEntry));
	shop->taken += window->users;
	return turn(shop);
}

/* Whole numbers, so that many scores are equal. */
static float *
numbers(int64_t n, uint64_t seed)
{
	float *out = core_malloc((size_t) n * sizeof(float));

	for (int64_t i = 0; i < n; i++)
		out[i] = (float) rng_below(seed, 0, (uint64_t) i, 7) - 3.0f;
	return out;
}

/* User u has seen about `share` of the items; every fifth none, and one all. */
static void
make_seen(Shop *shop, double share, uint64_t seed)
{
	int32_t items = shop->batch.items;
	int64_t n = 0;

	shop->seen_start = core_malloc(((size_t) shop->users + 1) * sizeof(int64_t));
	shop->seen = core_malloc((size_t) shop->users * (size_t) items * sizeof(int32_t));
	for (int32_t u = 0; u < shop->users; u++)
	{
		double chance = u % 5 == 0 ? 0.0 : u == 7 ? 1.0 : share;

		shop->seen_start[u] = n;
		for (int32_t i = 0; i < items; i++)
		{
			if (rng_uniform(seed, (uint64_t) u, (uint64_t) i) < chance)
				shop->seen[n++] = i;
		}
	}
	shop->seen_start[shop->users] = n;
}

typedef enum Way
{
	SCAN,
	INDEX,
	CANDIDATES
} Way;

static Shop *
shop_make(int32_t users, int32_t items, int32_t factors, int32_t k, int32_t window_users, Way way)
{
	Shop *shop = calloc(1, sizeof(Shop));
	int32_t blocks = rank_index_blocks(items);
	CoreEnv env;

	core_env_init(&env);
	shop->users = users;
	shop->x = numbers((int64_t) users * factors, 11);
	shop->y = numbers((int64_t) items * factors, 12);
	shop->codes = core_malloc(rank_index_code_bytes(items, factors));
	shop->order = core_malloc((size_t) blocks * 16 * sizeof(int32_t));
	shop->limits = core_malloc((size_t) blocks * 4 * sizeof(float));
	shop->candidates = core_malloc((size_t) items * sizeof(int32_t));
	shop->batch = (RankBatch){.item_factors = shop->y,
							  .items = items,
							  .factors = factors,
							  .k = k < items ? k : items,
							  .window_users = window_users,
							  .window_seen = (int64_t) items + window_users,
							  .fill = fill,
							  .take = carry,
							  .arg = shop};
	CHECK(rank_index_build(&env.env, shop->y, items, factors, shop->codes, shop->order, shop->limits,
						   &shop->index) == CORE_OK);
	if (way == INDEX)
		shop->batch.index = &shop->index;
	for (int32_t i = 0; way == CANDIDATES && i < items; i += 3)
		shop->candidates[shop->batch.n_candidates++] = i;
	if (way == CANDIDATES)
		shop->batch.candidates = shop->candidates;
	make_seen(shop, 0.05, 13);
	shop->length = core_malloc((size_t) users * sizeof(int32_t));
	shop->lists = core_malloc((size_t) users * (size_t) shop->batch.k * sizeof(TopEntry));
	shop->bytes = rank_batch_shared_bytes(&shop->batch);
	shop->shared = core_shared(shop->bytes);
	return shop;
}

static void
shop_free(Shop *shop)
{
	core_shared_free(shop->shared, shop->bytes);
	free(shop->x);
	free(shop->y);
	free(shop->codes);
	free(shop->order);
	free(shop->limits);
	free(shop->seen_start);
	free(shop->seen);
	free(shop->candidates);
	free(shop->length);
	free(shop->lists);
	free(shop);
}

static CoreStatus
member(Env *env, void *arg)
{
	Shop *shop = arg;

	return rank_batch(env, &shop->batch, shop->shared);
}

static void
run(Shop *shop, CoreEnv *envs, int members, CoreStatus *status)
{
	shop->filled = shop->taken = shop->most = 0;
	shop->turns = 0;
	memset(shop->shared, 0, shop->bytes);
	core_team_run(envs, members, member, shop, status);
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(envs[i].peak_bytes <= rank_batch_member_bytes(&shop->batch));
	}
}

/* How many users' lists are what rank_items gives. */
static int32_t
right_lists(Shop *shop)
{
	int64_t k = shop->batch.k;
	TopEntry *heap = core_malloc((size_t) k * sizeof(TopEntry));
	float *scratch = core_malloc(RANK_TILE * sizeof(float));
	int32_t right = 0;
	CoreEnv env;

	core_env_init(&env);
	for (int32_t u = 0; u < shop->users; u++)
	{
		int64_t from = shop->seen_start[u];
		RankFilter filter = {.exclude = shop->seen + from,
							 .n_exclude = (int32_t) (shop->seen_start[u + 1] - from),
							 .candidates = shop->batch.candidates,
							 .n_candidates = shop->batch.n_candidates};
		TopK top;

		topk_init(&top, heap, (int32_t) k);
		CHECK(rank_items(&env.env, shop->y, shop->batch.items, shop->batch.factors,
						 shop->x + (int64_t) u * shop->batch.factors, NULL, &filter, scratch,
						 &top) == CORE_OK);
		right += top.n == shop->length[u] &&
				 memcmp(heap, shop->lists + u * k, (size_t) top.n * sizeof(TopEntry)) == 0;
	}
	free(heap);
	free(scratch);
	return right;
}

static void
test_batch(int32_t users, int32_t items, int32_t k, int32_t window_users, Way way)
{
	Shop *shop = shop_make(users, items, 6, k, window_users, way);

	for (int members = 1; members <= 3; members++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		memset(shop->lists, 0xff, (size_t) users * (size_t) shop->batch.k * sizeof(TopEntry));
		run(shop, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_OK);
		CHECK(shop->taken == users);
		CHECK(right_lists(shop) == users);
		CHECK(shop->most <= window_users);
	}
	shop_free(shop);
}

/* Wherever it is stopped, every member comes back with the reason and holds nothing. */
static void
test_stops(int members)
{
	Shop *shop = shop_make(200, 900, 6, 10, 50, INDEX);
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	bool right = true;
	long stopped = 0;
	long turns;

	for (long look = 1; look < 120; look++)
	{
		CoreEnv *one = &envs[look % members];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		one->cancel_at = look;
		run(shop, envs, members, status);
		for (int i = 0; i < members; i++)
			right &= status[i] == (one->looks >= look ? CORE_CANCELLED : CORE_OK);
		stopped += status[0] == CORE_CANCELLED;
	}
	CHECK(right);
	CHECK(stopped > 10);
	for (int failing = 0; failing < members; failing++)
	{
		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[failing].fail_at = 1;
		run(shop, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_NO_MEMORY);
	}
	for (int i = 0; i < members; i++)
		core_env_init(&envs[i]);
	run(shop, envs, members, status);
	turns = shop->turns;
	CHECK(turns >= 9); /* five fills, the last of them empty, and four takes */
	for (shop->fail_turn = 1; shop->fail_turn <= turns + 1; shop->fail_turn++)
	{
		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		run(shop, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == (shop->fail_turn <= turns ? CORE_CORRUPT : CORE_OK));
	}
	shop_free(shop);
}

/* Sizes beyond what there is are told, and not wrapped. */
static void
test_bytes(void)
{
	RankBatch batch = {
		.items = INT32_MAX, .factors = 512, .k = 1000000, .window_users = 2048, .window_seen = 1000};
	size_t more;

	more = rank_batch_shared_bytes(&batch);
	CHECK(more > (size_t) 2 * 2048 * 1000000 * sizeof(TopEntry));
	batch.window_seen = INT64_MAX;
	CHECK(rank_batch_shared_bytes(&batch) == SIZE_MAX);
}

int
main(void)
{
	static const int32_t windows[] = {1, 7, 64, 300, 2048};

	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++)
	{
		for (int way = SCAN; way <= CANDIDATES; way++)
		{
			test_batch(150, 400, 10, windows[w], (Way) way);
			test_batch(70, 30, 50, windows[w], (Way) way);
			test_batch(1, 1, 1, windows[w], (Way) way);
		}
	}
	test_batch(1500, 200, 3, 1100, INDEX);
	test_batch(0, 10, 3, 8, INDEX);
	test_stops(1);
	test_stops(3);
	test_bytes();
	return check_finish();
}
