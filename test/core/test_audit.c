/*
 * test_audit.c - outliers, mixed units, accounts that order like machines
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/audit.h"
#include "rng.h"

#define ROWS 1000

static void
test_spread(void)
{
	double values[ROWS];
	AuditSpread spread;
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < ROWS; i++)
		values[i] = 100 * exp(0.1 * rng_normal(1, 1, (uint64_t) i));
	CHECK(audit_spread(&env.env, values, ROWS, &spread) == CORE_OK);
	CHECK(spread.n == ROWS && !spread.whole);
	CHECK_CLOSE(spread.median, 100, 0.02);
	CHECK_CLOSE(log(spread.high / spread.median), AUDIT_FAR * 0.1, 0.1);

	/* NaN, infinity and what is not above zero take no part; more than half equal still has a spread. */
	for (int i = 0; i < ROWS; i++)
		values[i] = i % 4 == 0 ? 20 : 10;
	values[1] = NAN;
	values[2] = INFINITY;
	values[3] = -5;
	values[5] = 0;
	CHECK(audit_spread(&env.env, values, ROWS, &spread) == CORE_OK);
	CHECK(spread.n == ROWS - 4 && spread.whole && spread.tens == 1 && spread.median > 9.99 &&
		  spread.median < 10.01);
	CHECK(spread.high > 20 && spread.high < 100);
	CHECK(audit_spread(&env.env, values, 8, &spread) == CORE_OK && isinf(spread.high));
	CHECK(audit_spread(&env.env, values, 0, &spread) == CORE_OK && spread.n == 0);
	env.fail_at = env.allocations + 1;
	CHECK(audit_spread(&env.env, values, ROWS, &spread) == CORE_NO_MEMORY);
	env.cancel_at = env.looks + 2;
	env.fail_at = 0;
	CHECK(audit_spread(&env.env, values, ROWS, &spread) == CORE_CANCELLED);
	CHECK(env.live == 0);
}

static void
test_units(void)
{
	int32_t item[] = {2, 0, 0, 0, 0, 1, 1, 1, 2, -1, -1, -1, 0};
	double amount[] = {9.9, 10, 11, 990, 0, 5, 520, 6, 990, 1, 1, 100, NAN};
	int32_t *groups[] = {item};
	double *columns[] = {amount};
	int32_t levels = 3;
	uint8_t flag[13];
	int flagged = 0;
	Design design = {
		.n = 12, .n_groups = 1, .group = groups, .levels = &levels, .n_columns = 1, .column = columns};
	CoreEnv env;

	core_env_init(&env);
	CHECK(audit_mixed_units(&env.env, &design, flag) == CORE_OK);
	for (int i = 0; i < 12; i++)
	{
		if (!flag[i])
			continue;
		flagged++;
		CHECK((item[i] == 0 && amount[i] == 990) || (item[i] == 1 && amount[i] == 520));
	}
	CHECK(flagged == 2);
	CHECK(env.live == 0);
}

/* Account 0 buys this and that, 1 repeats one item at one amount on different days, 2 takes one item five times in a day. */
static void
test_accounts(void)
{
	enum
	{
		N = 60
	};
	int32_t account[N];
	int32_t item[N];
	int32_t day[N];
	double amount[N];
	int32_t *groups[] = {account, item, day};
	double *columns[] = {amount};
	int32_t levels[] = {4, 0, 0};
	uint8_t flags[4];
	int64_t rows[4];
	CoreEnv env;

	for (int groups_used = 2; groups_used <= 3; groups_used++)
	{
		Design design = {.n = N,
						 .n_groups = groups_used,
						 .group = groups,
						 .levels = levels,
						 .n_columns = 1,
						 .column = columns};

		for (int i = 0; i < N; i++)
		{
			account[i] = i % 3 == 2 && i > 45 ? -1 : i % 3;
			item[i] = account[i] == 1 ? 7 : i;
			day[i] = account[i] == 1 ? i / 3 / 2 : i;
			amount[i] = account[i] == 1 ? 19.9 : i;
		}
		for (int k = 0; k < 5; k++)
		{
			item[2 + 3 * k] = 99;
			day[2 + 3 * k] = -400;
		}
		core_env_init(&env);
		CHECK(audit_accounts(&env.env, &design, flags, rows) == CORE_OK);
		CHECK(flags[0] == 0 && flags[1] == AUDIT_REPEATING && flags[3] == 0 && rows[3] == 0);
		CHECK(flags[2] == (groups_used == 3 ? AUDIT_BURSTING : 0));
		CHECK(rows[0] == 20 && rows[1] == 20 && rows[2] < 20);
		CHECK(design.n_groups == groups_used && env.live == 0);
	}
}

/* An account of `n` rows, `equal` of them of one item at one amount. */
static bool
repeats(int n, int equal)
{
	int32_t account[20] = {0};
	int32_t item[20];
	double amount[20];
	int32_t *groups[] = {account, item};
	double *columns[] = {amount};
	int32_t levels[] = {1, 0};
	Design design = {
		.n = n, .n_groups = 2, .group = groups, .levels = levels, .n_columns = 1, .column = columns};
	uint8_t flags[1];
	int64_t rows[1];
	CoreEnv env;

	for (int i = 0; i < n; i++)
	{
		item[i] = i < equal ? 5 : 100 + i;
		amount[i] = 3;
	}
	core_env_init(&env);
	CHECK(audit_accounts(&env.env, &design, flags, rows) == CORE_OK && rows[0] == n && env.live == 0);
	return flags[0] == AUDIT_REPEATING;
}

/* Ten rows of the account are enough, and 80 % of them. */
static void
test_repeats(void)
{
	CHECK(repeats(10, 8) && repeats(10, 9) && repeats(10, 10) && repeats(20, 16));
	CHECK(!repeats(10, 7) && !repeats(9, 9) && !repeats(20, 15));
}

int
main(void)
{
	test_spread();
	test_units();
	test_accounts();
	test_repeats();
	return check_finish();
}
