/*
 * test_rng.c - counted random numbers: fixed values, moments, independence of neighbours
 */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "rng.h"

#define DRAWS 200000

/* Stored models rest on these. */
static void
test_fixed_values(void)
{
	CHECK(rng_mix(1) == UINT64_C(0x5692161d100b05e5));
	CHECK(rng_hash3(42, 1, 2) == UINT64_C(0x87391b04e9a92f9d));
	CHECK(rng_hash3(42, 2, 1) == UINT64_C(0x680bb9469d1ef088));
	CHECK(rng_hash3(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_C(0x5601b840d45706d7));
}

static void
test_uniform(void)
{
	double sum = 0.0;
	double squares = 0.0;
	double product = 0.0;
	double last = 0.5;
	bool inside = true;

	for (uint64_t i = 0; i < DRAWS; i++)
	{
		double u = rng_uniform(7, 3, i);

		inside &= u > 0.0 && u < 1.0;
		sum += u;
		squares += u * u;
		product += (u - 0.5) * (last - 0.5);
		last = u;
	}
	CHECK(inside);
	/* Four standard errors each. */
	CHECK(fabs(sum / DRAWS - 0.5) < 4 * sqrt(1.0 / 12 / DRAWS));
	CHECK(fabs(squares / DRAWS - 1.0 / 3) < 4 * sqrt(4.0 / 45 / DRAWS));
	CHECK(fabs(product / DRAWS) < 4 * sqrt(1.0 / 144 / DRAWS));
}

static void
test_normal(void)
{
	double power[5] = {0};
	double product = 0.0;

	for (uint64_t i = 0; i < DRAWS; i++)
	{
		double x = rng_normal(11, 5, i);

		for (int p = 1; p <= 4; p++)
			power[p] += pow(x, p) / DRAWS;
		product += x * rng_normal(11, 6, i) / DRAWS;
	}
	CHECK(fabs(power[1]) < 4 * sqrt(1.0 / DRAWS));
	CHECK(fabs(power[2] - 1.0) < 4 * sqrt(2.0 / DRAWS));
	CHECK(fabs(power[3]) < 4 * sqrt(15.0 / DRAWS));
	CHECK(fabs(power[4] - 3.0) < 4 * sqrt(96.0 / DRAWS));
	CHECK(fabs(product) < 4 * sqrt(1.0 / DRAWS));
}

/* The share held out is the share asked for, by user as well as over all. */
static void
test_hold_out(void)
{
	uint64_t limit = (uint64_t) (0.2 * 0x1p64);
	long all = 0;
	long worst = 0;

	for (uint64_t user = 0; user < 100; user++)
	{
		long held = 0;

		for (uint64_t item = 0; item < 1000; item++)
			held += rng_hash3(1, user, item) < limit;
		all += held;
		if (labs(held - 200) > worst)
			worst = labs(held - 200);
	}
	CHECK(labs(all - 20000) < 4 * sqrt(100000 * 0.2 * 0.8));
	CHECK(worst < 5 * sqrt(1000 * 0.2 * 0.8));
}

static void
test_below(void)
{
	long counts[7] = {0};

	for (uint64_t i = 0; i < 70000; i++)
		counts[rng_below(3, 1, i, 7)]++;
	for (int value = 0; value < 7; value++)
		CHECK(labs(counts[value] - 10000) < 5 * sqrt(70000.0 / 7));
	CHECK(rng_below(3, 1, 5, 1) == 0);
}

/* Any change of one input bit changes about half of the 64. */
static void
test_avalanche(void)
{
	for (int bit = 0; bit < 64; bit += 7)
	{
		long flips[3] = {0};

		for (uint64_t i = 0; i < 1000; i++)
		{
			uint64_t flip = UINT64_C(1) << bit;
			uint64_t hash = rng_hash3(i, i * 3, i * 7);

			flips[0] += __builtin_popcountll(hash ^ rng_hash3(i ^ flip, i * 3, i * 7));
			flips[1] += __builtin_popcountll(hash ^ rng_hash3(i, (i * 3) ^ flip, i * 7));
			flips[2] += __builtin_popcountll(hash ^ rng_hash3(i, i * 3, (i * 7) ^ flip));
		}
		for (int input = 0; input < 3; input++)
			CHECK(labs(flips[input] - 32000) < 600);
	}
}

int
main(void)
{
	test_fixed_values();
	test_uniform();
	test_normal();
	test_hold_out();
	test_below();
	test_avalanche();
	return check_finish();
}
