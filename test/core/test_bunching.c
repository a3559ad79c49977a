/*
 * test_bunching.c - threshold effects against a simulated truth
 *
 *   test_bunching [SEEDS]    how often the intervals hold the truth, over so many shops (default 100; a tenth of it in a
 *                            quick run); recover_bunching.txt keeps what 1000 gave
 *
 * A shop: amounts are lognormal; of those less than GAP below the threshold a part, the larger the nearer, moves to just above
 * it; a share of these sends something back so that the order falls below again; all others refund as they always do.
 * The truth is the expected number under this process, by quadrature.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/bunching.h"
#include "rng.h"

#define ORDERS 20000
#define THRESHOLD 200.0
#define GAP 30.0
#define LANDING 4.0 /* mean distance above the threshold of those who moved */
#define DISCOUNT 30.0
#define UNDO 0.25

typedef struct Shop
{
	BunchTask task;
	BunchCells cells;
	int64_t orders[100];
	double amount[100];
	int64_t undone[100];
	int64_t refunds[100 * BUNCH_SUBPOINTS + 1];
} Shop;

static const BunchTask usual = {.threshold = THRESHOLD,
								.width = THRESHOLD / 50,
								.discount = DISCOUNT,
								.below = 30,
								.above = 40,
								.out_below = 10,
								.out_above = 5,
								.degree = 7,
								.replicates = 500};

static void
shop_open(Shop *shop, uint64_t seed)
{
	shop->task = usual;
	shop->task.seed = seed;
	shop->cells = (BunchCells){
		.orders = shop->orders, .amount = shop->amount, .undone = shop->undone, .refunds = shop->refunds};
	bunch_clear(&shop->task, &shop->cells);
}

static double
move_chance(double amount)
{
	return amount >= THRESHOLD || amount < THRESHOLD - GAP ? 0 : 0.6 * (1 - (THRESHOLD - amount) / GAP);
}

static void
add_order(Shop *shop, uint64_t seed, uint64_t i)
{
	double amount = 150 * exp(0.6 * rng_normal(seed, 1, i));
	double refunded = 0;

	if (rng_uniform(seed, 2, i) < move_chance(amount))
	{
		/* an exponential deviate, cut at the end of the window */
		double all = 1 - exp(-usual.out_above * usual.width / LANDING);

		amount = THRESHOLD - LANDING * log(1 - rng_uniform(seed, 3, i) * all);
		if (rng_uniform(seed, 4, i) < UNDO)
			refunded = amount - THRESHOLD + 1 + 50 * rng_uniform(seed, 5, i);
	}
	else if (rng_uniform(seed, 6, i) < 0.08)
		refunded = amount * (0.02 + 0.98 * rng_uniform(seed, 7, i));
	bunch_add(&shop->task, &shop->cells, amount, refunded);
}

static void
expect_truth(double *truth)
{
	double end = usual.out_above * usual.width;
	double landing = THRESHOLD + LANDING - end / (exp(end / LANDING) - 1);
	double moved = 0;
	double spend = 0;
	double above = 0.5 * erfc(log(THRESHOLD / 150) / 0.6 / sqrt(2));

	for (int i = 0; i < 30000; i++)
	{
		double x = THRESHOLD - GAP * (i + 0.5) / 30000;
		double z = log(x / 150) / 0.6;
		double mass =
			exp(-0.5 * z * z) / sqrt(2 * 3.14159265358979323846) / (0.6 * x) * GAP / 30000 * move_chance(x);

		moved += mass;
		spend += mass * (landing - x);
	}
	truth[BUNCH_MOVED_UP] = truth[BUNCH_MISSING] = ORDERS * moved;
	truth[BUNCH_BALANCE] = 0;
	truth[BUNCH_EXTRA_SPEND] = ORDERS * spend;
	truth[BUNCH_UNDONE] = ORDERS * moved * UNDO;
	truth[BUNCH_ABOVE_ANYWAY] = ORDERS * above;
	truth[BUNCH_SHARE_ANYWAY] = above / (above + moved);
	truth[BUNCH_DISCOUNT_MOVED] = DISCOUNT * ORDERS * moved;
	truth[BUNCH_DISCOUNT_ANYWAY] = DISCOUNT * ORDERS * above;
}

static void
test_recovery(int seeds)
{
	static const char *const names[] = {"moved up",     "missing",        "balance",
										"extra spend",  "undone",         "above anyway",
										"share anyway", "discount moved", "discount anyway"};
	double truth[BUNCH_MEASURES];
	double sum[BUNCH_MEASURES] = {0};
	double half[BUNCH_MEASURES] = {0};
	int held[BUNCH_MEASURES] = {0};
	static Shop shop;
	double expected[100];
	CoreEnv env;
	bool enough;

	expect_truth(truth);
	for (int seed = 1; seed <= seeds; seed++)
	{
		BunchEstimate estimates[BUNCH_MEASURES];

		core_env_init(&env);
		shop_open(&shop, (uint64_t) seed);
		for (int i = 0; i < ORDERS; i++)
			add_order(&shop, (uint64_t) seed + 1000000, (uint64_t) i);
		if (!CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, estimates, expected, &enough) ==
					   CORE_OK &&
				   enough && env.live == 0))
			return;
		for (int m = 0; m < BUNCH_MEASURES; m++)
		{
			sum[m] += estimates[m].value;
			half[m] += 0.5 * (estimates[m].high - estimates[m].low);
			held[m] += estimates[m].low <= truth[m] && truth[m] <= estimates[m].high;
		}
	}
	printf("%d shops of %d orders, threshold %g\n", seeds, ORDERS, THRESHOLD);
	printf("%-16s %10s %10s %10s  in interval\n", "", "truth", "mean", "half width");
	for (int m = 0; m < BUNCH_MEASURES; m++)
	{
		printf("%-16s %10.4g %10.4g %10.3g  %.1f %%\n", names[m], truth[m], sum[m] / seeds, half[m] / seeds,
			   100.0 * held[m] / seeds);
		/* 93 % over 1,000; fewer seeds leave two standard errors of chance */
		CHECK(held[m] >= (seeds >= 1000 ? 0.93 : 0.95 - 2 * sqrt(0.95 * 0.05 / seeds) - 0.02) * seeds);
	}
}

/* Without anybody moving the polynomial's own degree is reproduced: counts on a parabola leave nothing in excess. */
static void
test_polynomial(void)
{
	static Shop shop;
	BunchEstimate estimates[BUNCH_MEASURES];
	double expected[100];
	CoreEnv env;
	bool enough;

	core_env_init(&env);
	shop_open(&shop, 3);
	for (int b = 0; b < 70; b++)
		shop.cells.orders[b] = 4900 - (b - 35) * (b - 35);
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, estimates, expected, &enough) == CORE_OK &&
		  enough);
	CHECK_CLOSE(estimates[BUNCH_MOVED_UP].value, 0, 1e-7);
	CHECK_CLOSE(estimates[BUNCH_MISSING].value, 0, 1e-7);
	CHECK_CLOSE(expected[0], 4900 - 15 * 15, 1e-9);
	CHECK(estimates[BUNCH_MOVED_UP].low < 0 && estimates[BUNCH_MOVED_UP].high > 0);
}

/* Amounts at an edge, sums that rounding left below it, amounts out of range. */
static void
test_edges(void)
{
	static Shop shop;

	shop_open(&shop, 1);
	bunch_add(&shop.task, &shop.cells, 200, 0);
	bunch_add(&shop.task, &shop.cells, 200 - 1e-12, 0);
	bunch_add(&shop.task, &shop.cells, 199.99, 0);
	bunch_add(&shop.task, &shop.cells, 80, 0);
	bunch_add(&shop.task, &shop.cells, 79.99, 0);
	bunch_add(&shop.task, &shop.cells, 0, 0);
	bunch_add(&shop.task, &shop.cells, 360, 0);
	bunch_add(&shop.task, &shop.cells, 1e300, 5);
	bunch_add(&shop.task, &shop.cells, 210, 10);
	bunch_add(&shop.task, &shop.cells, 210, 10.01);
	CHECK(shop.orders[30] == 2 && shop.orders[29] == 1 && shop.orders[0] == 1 && shop.orders[32] == 2);
	CHECK(shop.undone[2] == 1 && shop.undone[0] == 0);
	CHECK(shop.cells.beyond == 2 && shop.cells.total == 10);
}

static void
test_failures(void)
{
	static Shop shop;
	BunchEstimate one[BUNCH_MEASURES];
	BunchEstimate two[BUNCH_MEASURES];
	double expected[100];
	CoreEnv env;
	bool enough;

	core_env_init(&env);
	shop_open(&shop, 1);
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, one, expected, &enough) == CORE_OK && !enough);
	for (int i = 0; i < ORDERS; i++)
		add_order(&shop, 5, (uint64_t) i);
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, one, expected, &enough) == CORE_OK && enough);
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, two, expected, &enough) == CORE_OK);
	CHECK(memcmp(one, two, sizeof(one)) == 0);
	shop.task.seed++;
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, two, expected, &enough) == CORE_OK);
	CHECK(one[0].value == two[0].value && one[0].low != two[0].low);
	env.cancel_at = env.looks + 10;
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, two, expected, &enough) == CORE_CANCELLED);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(bunch_estimate(&env.env, &shop.task, &shop.cells, two, expected, &enough) == CORE_NO_MEMORY);
	CHECK(env.live == 0);
}

int
main(int argc, char **argv)
{
	int seeds = argc > 1 ? atoi(argv[1]) : 100;

	test_edges();
	test_polynomial();
	test_failures();
	test_recovery(getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != '\0' ? seeds / 10
																						  : seeds);
	return check_finish();
}
