/*
 * test_rfm.c - scores against their definition, the grid, orders put together by customer, sums in any order
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "pair_sum.h"
#include "rng.h"
#include "segment/order_lists.h"
#include "segment/rfm.h"

#define CUSTOMERS 3000

static void
test_scores(void)
{
	static double value[CUSTOMERS];
	static uint8_t high[CUSTOMERS];
	static uint8_t low[CUSTOMERS];
	CoreEnv env;
	bool right = true;

	core_env_init(&env);
	for (int i = 0; i < CUSTOMERS; i++)
		value[i] = (double) rng_below(1, 1, (uint64_t) i, 40) - 10;
	CHECK(rfm_score(&env.env, CUSTOMERS, value, RFM_TIES_HIGH, high) == CORE_OK);
	CHECK(rfm_score(&env.env, CUSTOMERS, value, RFM_TIES_LOW, low) == CORE_OK);
	for (int i = 0; i < CUSTOMERS; i += 7)
	{
		int below = 0;
		int equal = 0;

		for (int j = 0; j < CUSTOMERS; j++)
		{
			below += value[j] < value[i];
			equal += value[j] == value[i];
		}
		right &= high[i] == (5 * (below + equal) + CUSTOMERS - 1) / CUSTOMERS;
		right &= low[i] == 5 * below / CUSTOMERS + 1;
	}
	CHECK(right);
	CHECK(rfm_score(&env.env, 0, value, RFM_TIES_HIGH, high) == CORE_OK);
	for (int i = 0; i < CUSTOMERS; i++)
		value[i] = 1;
	CHECK(rfm_score(&env.env, CUSTOMERS, value, RFM_TIES_HIGH, high) == CORE_OK && high[5] == 5);
	CHECK(rfm_score(&env.env, CUSTOMERS, value, RFM_TIES_LOW, low) == CORE_OK && low[5] == 1);
	env.fail_at = env.allocations + 2;
	CHECK(rfm_score(&env.env, CUSTOMERS, value, RFM_TIES_LOW, low) == CORE_NO_MEMORY);
	CHECK(env.live == 0);
}

static void
test_grid(void)
{
	CHECK(strcmp(rfm_segment(5, 5, 5)->code, "champions") == 0);
	CHECK(strcmp(rfm_segment(4, 4, 4)->code, "champions") == 0);
	CHECK(strcmp(rfm_segment(5, 1, 2)->code, "new") == 0);
	CHECK(strcmp(rfm_segment(1, 5, 4)->code, "cannot_lose") == 0);
	CHECK(strcmp(rfm_segment(1, 1, 1)->code, "lost") == 0);
	for (int r = 1; r <= 5; r++)
		for (int f = 1; f <= 5; f++)
			for (int m = 1; m <= 5; m++)
				CHECK(rfm_segment(r, f, m)->code[0] != 0 && rfm_segment(r, f, m)->english[0] != 0 &&
					  rfm_segment(r, f, m)->chinese[0] != 0);
}

#define ORDERS 60000

typedef struct Rows
{
	int32_t customer[ORDERS];
	int64_t at[ORDERS];
	double amount[ORDERS];
	double low[ORDERS];
} Rows;

typedef struct Answer
{
	int64_t start[41];
	int64_t at[ORDERS];
	double amount[ORDERS];
	OrderLists lists;
} Answer;

/* Rows of 40 customers, one of whom has half of them; many at equal times. */
static void
make_rows(Rows *rows, uint64_t shift)
{
	for (uint64_t i = 0; i < ORDERS; i++)
	{
		uint64_t row = (i * 7919 + shift) % ORDERS; /* 7919 and the number of rows have no common factor */

		rows->customer[i] = row % 2 == 0 ? 3 : (int32_t) rng_below(2, 1, row, 39) + (int32_t) (row % 5 == 0);
		rows->at[i] = (int64_t) rng_below(2, 2, row, 9000) * 1000 - 4000000;
		rows->amount[i] = (double) rng_below(2, 3, row, 1000000) / 100 - 1000;
		rows->low[i] = 0;
	}
}

static CoreStatus
fill(CoreEnv *env, const Rows *rows, bool merge, Answer *answer)
{
	answer->lists =
		(OrderLists){.customers = 40, .start = answer->start, .at = answer->at, .amount = answer->amount};
	return order_lists_fill(&env->env, ORDERS, rows->customer, rows->at, rows->amount, rows->low, merge,
							&answer->lists);
}

static void
test_lists(void)
{
	Rows *rows = core_malloc(sizeof(Rows));
	Answer *one = core_malloc(sizeof(Answer));
	Answer *other = core_malloc(sizeof(Answer));
	CoreEnv env;
	double total = 0;
	double merged = 0;
	bool right = true;

	core_env_init(&env);
	make_rows(rows, 0);
	CHECK(fill(&env, rows, true, one) == CORE_OK);
	for (int i = 0; i < ORDERS; i++)
		total += rows->amount[i];
	for (int64_t i = 0; i < one->start[40]; i++)
		merged += one->amount[i];
	CHECK_CLOSE(merged, total, 1e-12);
	CHECK(one->start[40] < ORDERS && one->start[4] - one->start[3] <= 9000);
	for (int c = 0; c < 40; c++)
		for (int64_t i = one->start[c] + 1; i < one->start[c + 1]; i++)
			right &= one->at[i - 1] < one->at[i];
	CHECK(right);

	/* rows in another order: the same bytes */
	make_rows(rows, 1234);
	CHECK(fill(&env, rows, true, other) == CORE_OK);
	CHECK(memcmp(one->start, other->start, sizeof(one->start)) == 0);
	CHECK(memcmp(one->at, other->at, sizeof(int64_t) * (size_t) one->start[40]) == 0);
	CHECK(memcmp(one->amount, other->amount, sizeof(double) * (size_t) one->start[40]) == 0);

	/* not merged: all are there */
	CHECK(fill(&env, rows, false, other) == CORE_OK && other->start[40] == ORDERS);
	for (long failing = 1; failing <= 3; failing++)
	{
		env.fail_at = env.allocations + failing;
		CHECK(fill(&env, rows, true, other) == CORE_NO_MEMORY);
	}
	env.fail_at = 0;
	env.cancel_at = env.looks + 3;
	CHECK(fill(&env, rows, true, other) == CORE_CANCELLED);
	CHECK(env.live == 0);
	free(rows);
	free(one);
	free(other);
}

static void
test_pair_sum(void)
{
	double forth[2] = {0};
	double back[2] = {0};
	double plain = 0;

	for (int i = 0; i < 1000000; i++)
	{
		pair_sum_add(&forth[0], &forth[1], 0.1 * (i % 977));
		pair_sum_add(&back[0], &back[1], 0.1 * ((999999 - i) % 977));
		plain += 0.1 * (i % 977);
	}
	CHECK(forth[0] + forth[1] == back[0] + back[1]);
	CHECK(plain != forth[0] + forth[1]); /* what it is for */
	CHECK_CLOSE(plain, forth[0], 1e-9);
}

int
main(void)
{
	test_scores();
	test_grid();
	test_lists();
	test_pair_sum();
	return check_finish();
}
