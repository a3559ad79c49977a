/*
 * test_merge_sort.c - in order, stable, the same items, and left at any look at the cancel flag
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "merge_sort.h"
#include "rng.h"

typedef struct Item
{
	int32_t key;
	int32_t place; /* where it stood */
} Item;

static int
by_key(const void *left, const void *right, const void *arg)
{
	int32_t a = ((const Item *) left)->key;
	int32_t b = ((const Item *) right)->key;

	return *(const int *) arg * ((a > b) - (a < b));
}

static void
test_order(int64_t n, uint32_t keys, int direction)
{
	void *items = core_malloc(sizeof(Item) * ((size_t) n + 1));
	void *spare = core_malloc(sizeof(Item) * ((size_t) n + 1));
	Item *item = items;
	char *seen = calloc((size_t) n + 1, 1);
	bool right = true;
	CoreEnv env;

	core_env_init(&env);
	for (int64_t i = 0; i < n; i++)
		item[i] =
			(Item){.key = (int32_t) rng_below(1, (uint64_t) n, (uint64_t) i, keys), .place = (int32_t) i};
	CHECK(merge_sort(&env.env, &items, &spare, n, sizeof(Item), by_key, &direction) == CORE_OK);
	item = items;
	for (int64_t i = 0; i < n; i++)
	{
		right &= !seen[item[i].place];
		seen[item[i].place] = 1;
		right &= item[i].key == (int32_t) rng_below(1, (uint64_t) n, (uint64_t) item[i].place, keys);
		right &= i == 0 || direction * item[i - 1].key < direction * item[i].key ||
				 (item[i - 1].key == item[i].key && item[i - 1].place < item[i].place);
	}
	CHECK(right);
	free(items);
	free(spare);
	free(seen);
}

static void
test_cancel(void)
{
	const int64_t n = 100000;
	int direction = 1;
	long looks = 1;

	for (long at = 1; at <= looks; at++)
	{
		void *items = core_malloc(sizeof(Item) * (size_t) n);
		void *spare = core_malloc(sizeof(Item) * (size_t) n);
		CoreEnv env;

		core_env_init(&env);
		env.cancel_at = at == 1 ? 0 : at - 1;
		memset(items, 0, sizeof(Item) * (size_t) n);
		CHECK(merge_sort(&env.env, &items, &spare, n, sizeof(Item), by_key, &direction) ==
			  (at == 1 ? CORE_OK : CORE_CANCELLED));
		looks = at == 1 ? env.looks : looks;
		free(items);
		free(spare);
	}
	CHECK(looks > 100);
}

int
main(void)
{
	static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, 4097, 50000};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
	{
		test_order(sizes[s], 1, 1);
		test_order(sizes[s], 10, 1);
		test_order(sizes[s], 1000000, 1);
		test_order(sizes[s], 100, -1);
	}
	test_cancel();
	return check_finish();
}
