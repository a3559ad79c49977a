/*
 * test_optimise.c - minima that are known, curvature, failures; and sorting by 64-bit keys
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "optimise.h"
#include "radix.h"
#include "rng.h"

/* Rosenbrock's valley in pairs of variables: the minimum is 0 at all ones. */
static CoreStatus
valley(Env *env, const void *arg, const double *x, double *value, double *gradient)
{
	int n = *(const int *) arg;

	(void) env;
	*value = 0;
	for (int i = 0; i < n; i += 2)
	{
		double off = x[i + 1] - x[i] * x[i];

		*value += 100 * off * off + (1 - x[i]) * (1 - x[i]);
		gradient[i] = -400 * off * x[i] - 2 * (1 - x[i]);
		gradient[i + 1] = 200 * off;
	}
	return CORE_OK;
}

/* x - log(x), which is out of bounds at 0 and below; the minimum is at 1. */
static CoreStatus
bounded(Env *env, const void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	(void) arg;
	*value = NAN;
	if (x[0] > 0)
	{
		*value = x[0] - log(x[0]);
		gradient[0] = 1 - 1 / x[0];
	}
	return CORE_OK;
}

/* exp(-x): falls for ever. */
static CoreStatus
falling(Env *env, const void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	(void) arg;
	*value = exp(-x[0]);
	gradient[0] = -*value;
	return CORE_OK;
}

static CoreStatus
fails(Env *env, const void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	(void) arg;
	(void) x;
	(void) value;
	(void) gradient;
	return CORE_NO_MEMORY;
}

static void
test_minima(void)
{
	CoreEnv env;
	Optimum optimum;
	double x[OPTIMISE_MAX];
	double hessian[4];
	const double wanted[4] = {802, -400, -400, 200};

	core_env_init(&env);
	for (int n = 2; n <= OPTIMISE_MAX; n *= 2)
	{
		Objective objective = {.n = n, .evaluate = valley, .arg = &n};

		for (int i = 0; i < n; i++)
			x[i] = i % 2 == 0 ? -1.2 : 1;
		CHECK(optimise_minimise(&env.env, &objective, 1e-9, 500, x, &optimum) == CORE_OK);
		CHECK(optimum.converged && optimum.gradient <= 1e-9 && optimum.iterations > 5);
		for (int i = 0; i < n; i++)
			CHECK_CLOSE(x[i], 1, 1e-9);
		if (n == 2)
		{
			CHECK(optimise_hessian(&env.env, &objective, x, hessian) == CORE_OK);
			for (int i = 0; i < 4; i++)
				CHECK_CLOSE(hessian[i], wanted[i], 1e-6);
		}
	}
	x[0] = 40;
	CHECK(optimise_minimise(&env.env, &(Objective){1, bounded, NULL}, 1e-12, 500, x, &optimum) == CORE_OK);
	CHECK_CLOSE(x[0], 1, 1e-12);
	x[0] = 0;
	CHECK(optimise_minimise(&env.env, &(Objective){1, falling, NULL}, 1e-9, 500, x, &optimum) == CORE_OK);
	CHECK(optimum.converged && x[0] > 20);
	x[0] = 0;
	CHECK(optimise_minimise(&env.env, &(Objective){1, falling, NULL}, 0, 3, x, &optimum) == CORE_OK);
	CHECK(!optimum.converged && optimum.iterations == 3);
}

static void
test_failures(void)
{
	CoreEnv env;
	Optimum optimum;
	int n = 2;
	Objective objective = {.n = 2, .evaluate = valley, .arg = &n};
	double x[2] = {-1, 2};

	core_env_init(&env);
	env.cancel_at = 5;
	CHECK(optimise_minimise(&env.env, &objective, 1e-9, 500, x, &optimum) == CORE_CANCELLED);
	CHECK(x[0] == -1 && x[1] == 2);
	core_env_init(&env);
	CHECK(optimise_minimise(&env.env, &(Objective){2, fails, NULL}, 1e-9, 500, x, &optimum) ==
		  CORE_NO_MEMORY);
	x[0] = -1;
	CHECK(optimise_minimise(&env.env, &(Objective){1, bounded, NULL}, 1e-9, 500, x, &optimum) ==
		  CORE_NOT_FINITE);
}

/* Beside the bounds there is no curvature, and no inverse is made of what was never set. */
static void
test_bounds(void)
{
	CoreEnv env;
	double x = 1e-9;
	double hessian = 1;
	double inverse;

	core_env_init(&env);
	CHECK(optimise_hessian(&env.env, &(Objective){1, bounded, NULL}, &x, &hessian) == CORE_OK);
	CHECK(isnan(hessian) && !optimise_invert(1, &hessian, &inverse));
	x = 2;
	CHECK(optimise_hessian(&env.env, &(Objective){1, bounded, NULL}, &x, &hessian) == CORE_OK);
	CHECK_CLOSE(hessian, 0.25, 1e-8);
}

static void
test_inverse(void)
{
	const double matrix[9] = {4, 1, 0.5, 1, 3, -1, 0.5, -1, 2};
	const double indefinite[4] = {1, 2, 2, 1};
	double inverse[9];

	CHECK(optimise_invert(3, matrix, inverse));
	for (int i = 0; i < 3; i++)
	{
		for (int j = 0; j < 3; j++)
		{
			double sum = 0;

			for (int k = 0; k < 3; k++)
				sum += matrix[i * 3 + k] * inverse[k * 3 + j];
			CHECK_CLOSE(sum, i == j, 1e-14);
		}
	}
	CHECK(!optimise_invert(2, indefinite, inverse));
}

#define ITEMS 300000

static void
test_radix(void)
{
	CoreEnv env;
	RadixItem *items = core_malloc(sizeof(RadixItem) * ITEMS);
	RadixItem *scratch = core_malloc(sizeof(RadixItem) * ITEMS);
	const double numbers[] = {-INFINITY, -2.5, -1e-300, 0, 1e-300, 3, 3e10, INFINITY};
	bool right = true;

	core_env_init(&env);
	for (int shift = 0; shift < 64; shift += 21)
	{
		for (int64_t i = 0; i < ITEMS; i++)
			items[i] = (RadixItem){rng_hash3(1, 2, (uint64_t) i) >> shift, i};
		CHECK(radix_sort(&env.env, items, scratch, ITEMS) == CORE_OK);
		for (int64_t i = 1; i < ITEMS; i++)
			right &= items[i - 1].key < items[i].key ||
					 (items[i - 1].key == items[i].key && items[i - 1].index < items[i].index);
		for (int64_t i = 0; i < ITEMS; i++)
			right &= items[i].key == rng_hash3(1, 2, (uint64_t) items[i].index) >> shift;
	}
	CHECK(right);
	for (int i = 1; i < 8; i++)
		CHECK(radix_key_real(numbers[i - 1]) < radix_key_real(numbers[i]));
	CHECK(radix_key_real(-0.0) == radix_key_real(0));
	CHECK(radix_key_integer(-5) < radix_key_integer(-4) && radix_key_integer(-1) < radix_key_integer(0));
	CHECK(radix_sort(&env.env, items, scratch, 0) == CORE_OK);
	env.cancel_at = env.looks + 4;
	CHECK(radix_sort(&env.env, items, scratch, ITEMS) == CORE_CANCELLED);
	free(items);
	free(scratch);
}

int
main(void)
{
	test_minima();
	test_failures();
	test_bounds();
	test_inverse();
	test_radix();
	return check_finish();
}
