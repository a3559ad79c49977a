/*
 * test_ridge_explain.c - the parts of a prediction against NumPy's, and what they sum to
 *
 * recommend_reference.h is what reference_recommend.py prints.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/ridge_explain.h"
#include "recommend_reference.h"
#include "rng.h"

#define OBSERVED 12
#define WIDTH 5

typedef struct Regression
{
	double base[WIDTH * WIDTH];
	float rows[OBSERVED * WIDTH];
	float query[WIDTH];
	float weights[OBSERVED];
	float targets[OBSERVED];
} Regression;

static void
regression_make(Regression *r)
{
	double half[WIDTH][WIDTH];

	for (int i = 0; i < OBSERVED * WIDTH; i++)
		r->rows[i] = (float) (rng_uniform(12, 0, (uint64_t) i) - 0.5);
	for (int i = 0; i < WIDTH * WIDTH; i++)
		half[i / WIDTH][i % WIDTH] = rng_uniform(12, 1, (uint64_t) i) - 0.5;
	for (int a = 0; a < WIDTH; a++)
		for (int b = 0; b < WIDTH; b++)
		{
			double sum = a == b ? 0.1 : 0;

			for (int f = 0; f < WIDTH; f++)
				sum += half[a][f] * half[b][f];
			r->base[a * WIDTH + b] = sum;
		}
	for (int i = 0; i < WIDTH; i++)
		r->query[i] = (float) (rng_uniform(12, 2, (uint64_t) i) - 0.5);
	for (int i = 0; i < OBSERVED; i++)
	{
		r->weights[i] = (float) (1 + rng_uniform(12, 3, (uint64_t) i));
		r->targets[i] = (float) (4 * rng_uniform(12, 4, (uint64_t) i) - 2);
	}
}

static CoreStatus
explain(Regression *r, bool weighted, bool targeted, int32_t n, double *parts)
{
	CoreEnv env;
	CoreStatus status;

	core_env_init(&env);
	status = ridge_explain(&env.env, WIDTH, r->base, r->rows, weighted ? r->weights : NULL,
						   targeted ? r->targets : NULL, n, r->query, parts);
	CHECK(env.live == 0);
	return status;
}

static void
check_parts(bool weighted, bool targeted, const double *reference)
{
	double parts[OBSERVED];
	Regression r;

	regression_make(&r);
	CHECK(explain(&r, weighted, targeted, OBSERVED, parts) == CORE_OK);
	for (int j = 0; j < OBSERVED; j++)
		CHECK_CLOSE(parts[j], reference[j], 1e-11);
}

/* x solves A x = sum w t h by elimination; the parts sum to x . query. */
static void
test_sum(void)
{
	double a[WIDTH][WIDTH + 1];
	double parts[OBSERVED];
	double sum = 0;
	double predicted = 0;
	Regression r;

	regression_make(&r);
	for (int i = 0; i < WIDTH; i++)
	{
		a[i][WIDTH] = 0;
		for (int k = 0; k < WIDTH; k++)
			a[i][k] = r.base[i * WIDTH + k];
	}
	for (int j = 0; j < OBSERVED; j++)
		for (int i = 0; i < WIDTH; i++)
		{
			double h = r.rows[j * WIDTH + i];

			a[i][WIDTH] += (double) r.weights[j] * r.targets[j] * h;
			for (int k = 0; k < WIDTH; k++)
				a[i][k] += r.weights[j] * h * r.rows[j * WIDTH + k];
		}
	for (int i = 0; i < WIDTH; i++)
		for (int other = 0; other < WIDTH; other++)
		{
			double times = a[other][i] / a[i][i];

			for (int k = i; other != i && k <= WIDTH; k++)
				a[other][k] -= times * a[i][k];
		}
	for (int i = 0; i < WIDTH; i++)
		predicted += a[i][WIDTH] / a[i][i] * r.query[i];
	CHECK(explain(&r, true, true, OBSERVED, parts) == CORE_OK);
	for (int j = 0; j < OBSERVED; j++)
		sum += parts[j];
	CHECK_CLOSE(sum, predicted, 1e-11);
}

static void
test_edges(void)
{
	double parts[OBSERVED] = {0};
	CoreEnv env;
	Regression r;

	regression_make(&r);
	CHECK(explain(&r, true, true, 0, parts) == CORE_OK);

	/* One observation and no base: singular, so a small ridge comes in; the prediction of what was observed is nearly 1. */
	regression_make(&r);
	memset(r.base, 0, sizeof(r.base));
	memcpy(r.query, r.rows, sizeof(r.query));
	CHECK(explain(&r, false, false, 1, parts) == CORE_OK);
	CHECK_CLOSE(parts[0], 1, 1e-2);

	memset(r.base, 0, sizeof(r.base));
	memset(r.rows, 0, sizeof(r.rows));
	CHECK(explain(&r, false, false, 3, parts) == CORE_OK);
	CHECK(parts[0] == 0 && parts[2] == 0);

	regression_make(&r);
	r.rows[7] = NAN;
	CHECK(explain(&r, false, false, OBSERVED, parts) == CORE_NOT_FINITE);
	regression_make(&r);
	r.targets[2] = INFINITY;
	CHECK(explain(&r, false, true, OBSERVED, parts) == CORE_NOT_FINITE);
	regression_make(&r);
	for (int i = 0; i < WIDTH; i++)
		r.base[i * WIDTH + i] = -9;
	CHECK(explain(&r, false, false, OBSERVED, parts) == CORE_NOT_FINITE);

	regression_make(&r);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(ridge_explain(&env.env, WIDTH, r.base, r.rows, NULL, NULL, OBSERVED, r.query, parts) ==
		  CORE_NO_MEMORY);
	for (long at = 1; at <= OBSERVED; at += OBSERVED - 1)
	{
		regression_make(&r);
		core_env_init(&env);
		env.cancel_at = at;
		CHECK(ridge_explain(&env.env, WIDTH, r.base, r.rows, NULL, NULL, OBSERVED, r.query, parts) ==
			  CORE_CANCELLED);
		CHECK(env.live == 0);
	}
}

int
main(void)
{
	check_parts(false, false, reference_parts_plain);
	check_parts(true, false, reference_parts_weighted);
	check_parts(false, true, reference_parts_rated);
	check_parts(true, true, reference_parts_both);
	test_sum();
	test_edges();
	return check_finish();
}
