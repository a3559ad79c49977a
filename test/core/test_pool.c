/*
 * test_pool.c - pooled elasticities: products by themselves, special cases, failures
 *
 * Figures against R are in test/pgtap/230_pooled.sql.
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/pool.h"
#include "rng.h"

#define PRODUCTS 120
#define WEEKS 12
#define ROWS (PRODUCTS * WEEKS)
#define CATEGORIES 4

typedef struct Shop
{
	int32_t item[ROWS];
	double quantity[ROWS];
	double price[ROWS];
	double season[ROWS];
	double constant[ROWS];
	int32_t *groups[1];
	double *columns[4];
	int32_t levels;
	Design design;
	double truth[PRODUCTS];
	int32_t category[PRODUCTS];
	OwnFit own[PRODUCTS];
	Pooled pooled[PRODUCTS];
	PoolMean mean[CATEGORIES + 1];
	VariancePrior prior;
} Shop;

static void
make_shop(Shop *shop, uint64_t seed, double spread, double noise)
{
	for (int i = 0; i < PRODUCTS; i++)
	{
		shop->category[i] = i % CATEGORIES;
		shop->truth[i] = -1 - 0.5 * shop->category[i] + spread * rng_normal(seed, 1, (uint64_t) i);
	}
	for (int r = 0; r < ROWS; r++)
	{
		shop->item[r] = r / WEEKS;
		shop->price[r] = log(10 + 3 * rng_uniform(seed, 2, (uint64_t) r));
		shop->season[r] = sin(0.5 * (r % WEEKS));
		shop->constant[r] = 3;
		shop->quantity[r] = 4 + shop->truth[r / WEEKS] * shop->price[r] + 0.3 * shop->season[r] +
							noise * rng_normal(seed, 3, (uint64_t) r);
	}
	shop->groups[0] = shop->item;
	shop->columns[0] = shop->quantity;
	shop->columns[1] = shop->price;
	shop->columns[2] = shop->season;
	shop->columns[3] = shop->constant;
	shop->levels = PRODUCTS;
	shop->design = (Design){.n = ROWS,
							.n_groups = 1,
							.group = shop->groups,
							.levels = &shop->levels,
							.n_columns = 4,
							.column = shop->columns};
}

static CoreStatus
pool_shop(CoreEnv *env, Shop *shop)
{
	CoreStatus status = pool_fit_own(&env->env, &shop->design, shop->own);

	if (status != CORE_OK)
		return status;
	return pool_products(&env->env, shop->own, shop->category, PRODUCTS, CATEGORIES, &shop->prior, shop->mean,
						 shop->pooled);
}

/* Over many shops the pooled slopes are nearer the truth, and their intervals hold it. */
static void
test_shops(double spread, double least_gain, double most_held)
{
	static Shop shop;
	double own = 0;
	double pooled = 0;
	double held = 0;
	int shops = 40;
	CoreEnv env;

	for (int seed = 1; seed <= shops; seed++)
	{
		core_env_init(&env);
		make_shop(&shop, (uint64_t) seed, spread, 0.3);
		if (!CHECK(pool_shop(&env, &shop) == CORE_OK && env.live == 0))
			return;
		for (int i = 0; i < PRODUCTS; i++)
		{
			double off = shop.pooled[i].slope - shop.truth[i];

			own += (shop.own[i].slope - shop.truth[i]) * (shop.own[i].slope - shop.truth[i]);
			pooled += off * off;
			held += fabs(off) <= 1.96 * shop.pooled[i].std_error;
		}
	}
	printf(
		"spread %.1f: mean squared error %.4f separate, %.4f pooled; intervals hold the truth in %.1f %%\n",
		spread, own / shops / PRODUCTS, pooled / shops / PRODUCTS, 100 * held / shops / PRODUCTS);
	CHECK(pooled < own / least_gain);
	CHECK(held >= 0.93 * shops * PRODUCTS && held <= most_held * shops * PRODUCTS);
}

static void
test_special(void)
{
	static Shop shop;
	CoreEnv env;

	core_env_init(&env);
	make_shop(&shop, 7, 0.5, 0);
	CHECK(pool_shop(&env, &shop) == CORE_OK);
	for (int i = 0; i < PRODUCTS; i++)
		CHECK_CLOSE(shop.own[i].slope, shop.truth[i], 1e-9);

	/* A product whose price stands still has no slope of its own; its category's mean answers. */
	make_shop(&shop, 7, 0.5, 0.3);
	for (int r = 0; r < WEEKS; r++)
		shop.price[r] = log(9.99);
	CHECK(pool_shop(&env, &shop) == CORE_OK);
	CHECK(isnan(shop.own[0].slope) && shop.own[0].df == 0 && shop.own[0].rows == WEEKS);
	CHECK(shop.pooled[0].own_weight == 0 && shop.pooled[0].slope == shop.mean[0].mean);
	CHECK(shop.pooled[0].std_error > sqrt(shop.mean[0].spread2));
	CHECK(shop.mean[0].n == PRODUCTS / CATEGORIES - 1);

	/* A category of two is pooled towards all products. */
	make_shop(&shop, 8, 0.5, 0.3);
	for (int i = 0; i < PRODUCTS; i++)
		shop.category[i] = i < 2 ? 3 : i % 3;
	CHECK(pool_shop(&env, &shop) == CORE_OK);
	CHECK(shop.mean[3].n == 2 && shop.pooled[0].kind == POOL_ALL && shop.pooled[5].kind == POOL_CATEGORY);
	CHECK(shop.mean[CATEGORIES].n == PRODUCTS);
	CHECK(env.live == 0);
}

static void
test_failures(void)
{
	static Shop shop;
	CoreEnv env;
	long allocations;
	long looks;

	core_env_init(&env);
	make_shop(&shop, 1, 0.5, 0.3);
	CHECK(pool_shop(&env, &shop) == CORE_OK);
	allocations = env.allocations;
	looks = env.looks;
	for (long at = 1; at <= allocations; at++)
	{
		core_env_init(&env);
		env.fail_at = at;
		CHECK(pool_shop(&env, &shop) == CORE_NO_MEMORY && env.live == 0);
	}
	for (long at = 1; at <= looks; at++)
	{
		core_env_init(&env);
		env.cancel_at = at;
		CHECK(pool_shop(&env, &shop) == CORE_CANCELLED && env.live == 0);
	}
}

int
main(void)
{
	test_shops(0.5, 1.5, 0.98);
	test_shops(0.2, 3, 1); /* where products hardly differ beside their noise, Morris's intervals are wide */
	test_special();
	test_failures();
	return check_finish();
}
