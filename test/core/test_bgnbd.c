/*
 * test_bgnbd.c - BG/NBD and Gamma-Gamma: likelihood and predictions against SciPy, parameters recovered, failures
 *
 * Figures: `python3 test/reference/clv.py cdnow`, `points` and `few PEN`; the likelihoods are clv.py's bgnbd_loglik and
 * gamma_gamma_loglik at the places given.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/bgnbd.h"
#include "segment/gamma_gamma.h"

static const BgNbd cdnow = {0.243, 4.414, 0.793, 2.426};

/* ---- figures ---- */

static void
test_published(void)
{
	CHECK(fabs(bgnbd_expected_orders(&cdnow, 2, 30.43, 38.86, 39) - 1.226) < 0.0005);
	CHECK_CLOSE(bgnbd_expected_orders(&cdnow, 2, 30.43, 38.86, 39), 1.22602817477, 1e-11);
	CHECK_CLOSE(bgnbd_alive(&cdnow, 2, 30.43, 38.86), 0.726578570081, 1e-11);
	CHECK_CLOSE(bgnbd_any_order(&cdnow, 2, 30.43, 38.86, 39), 0.554627137917, 1e-11);
	CHECK(bgnbd_alive(&cdnow, 0, 0, 38.86) == 1);
	CHECK(bgnbd_expected_orders(&cdnow, 2, 30.43, 38.86, 0) == 0);
	CHECK(bgnbd_any_order(&cdnow, 2, 30.43, 38.86, 0) == 0);
}

/* Model, x, t_x, age, t and what is expected of a customer who may have left. */
static const struct
{
	double r, alpha, a, b, x, t_x, age, t, orders, tolerance;
} points[] = {
	{0.243, 4.414, 0.793, 2.426, 2, 30.43, 38.86, 39, 1.22602817476714, 1e-13},
	{0.243, 4.414, 1, 2.426, 2, 30.43, 38.86, 39, 1.10213678603996, 1e-13},
	{0.5, 10, 1e-3, 3, 4, 20, 30, 52, 5.84416034106, 1e-10},
	{0.5, 10, 0.3, 0.2, 0, 0, 1, 5000, 21.2994599374903, 1e-13},
	{2, 1, 5, 50, 300, 90, 100, 400, 1.3033400652497e-10, 1e-10},
	{50, 200, 40, 4000, 3, 90, 100, 40, 6.43334088559, 1e-11},
	{0.02, 0.5, 0.1, 0.1, 1, 0.1, 0.2, 20000, 4957.37484075091, 1e-12},
	{1.5, 8, 3, 1, 0, 0, 0, 1e-6, 1.87499978027346e-07, 1e-13},
};

static void
test_points(void)
{
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
	{
		BgNbd model = {points[i].r, points[i].alpha, points[i].a, points[i].b};
		double wanted = points[i].orders;
		double got = bgnbd_expected_orders(&model, points[i].x, points[i].t_x, points[i].age, points[i].t);

		if (!CHECK(fabs(got - wanted) <= points[i].tolerance * wanted))
			printf("point %zu: %.15g against %.15g\n", i, got, wanted);
	}
}

/* Both ways to the expectation agree all over the place, and it lies between its bounds. */
static void
test_two_ways(void)
{
	int compared = 0;

	for (uint64_t i = 0; i < 4000; i++)
	{
		double u[8];
		BgNbd model;
		double x;
		double age;
		double t;
		double series;
		double quadrature;
		double most;

		for (uint64_t k = 0; k < 8; k++)
			u[k] = rng_uniform(3, i, k);
		model = (BgNbd){exp(9 * u[0] - 5), exp(10 * u[1] - 4), exp(12 * u[2] - 7), exp(12 * u[3] - 5)};
		x = floor(exp(6 * u[4]) - 1);
		age = 500 * u[5];
		t = exp(10 * u[6] - 4);
		series = bgnbd_expected_by_series(&model, x, age, t);
		quadrature = bgnbd_expected_by_quadrature(&model, x, age, t);
		most = (model.r + x) / (model.alpha + age) * t;
		if (!CHECK(quadrature >= 0 && quadrature <= most * (1 + 1e-9)))
			printf("%.15g beyond %.15g at %d\n", quadrature, most, (int) i);
		if (isnan(series))
			continue;
		compared++;
		if (!CHECK(fabs(series - quadrature) <= 1e-10 * series))
			printf("r %g alpha %g a %g b %g x %g age %g t %g: %.15g against %.15g\n", model.r, model.alpha,
				   model.a, model.b, x, age, t, series, quadrature);
	}
	CHECK(compared > 2000);
}

/* Extremes end in numbers. */
static void
test_extremes(void)
{
	const double parameters[] = {1e-4, 1, 1e4};
	const double times[] = {0, 1e-9, 1, 1e4, 1e9};
	const double orders[] = {0, 1, 1e5};

	for (int i = 0; i < 3 * 3 * 3 * 3; i++)
	{
		BgNbd model = {parameters[i % 3], parameters[i / 3 % 3], parameters[i / 9 % 3], parameters[i / 27]};

		for (int k = 0; k < 5 * 5 * 3; k++)
		{
			double age = times[k % 5];
			double t = times[k / 5 % 5];
			double x = orders[k / 25];
			double any = bgnbd_any_order(&model, x, age / 2, age, t);
			double expected = bgnbd_expected_orders(&model, x, age / 2, age, t);

			CHECK(any >= 0 && any <= 1 && isfinite(expected) && expected >= any * (1 - 1e-9));
		}
	}
}

static void
test_likelihood(void)
{
	int32_t x[] = {0, 0, 1, 1, 2, 5, 0, 12, 0};
	int32_t last[] = {0, 0, 10, 100, 250, 300, 0, 350, 0};
	int32_t age[] = {30, 365, 40, 400, 260, 365, 0, 360, 30};
	double count[9];
	Histories histories = {.n = 9, .x = x, .last = last, .age = age, .count = count};
	double value;
	CoreEnv env;

	core_env_init(&env);
	CHECK(histories_group(&env.env, &histories) == CORE_OK);
	CHECK(histories.n == 8 && x[0] == 0 && age[0] == 0 && age[1] == 30 && count[1] == 2 && x[7] == 12);
	CHECK(bgnbd_log_likelihood(&env.env, &histories, 7, &cdnow, &value) == CORE_OK);
	CHECK_CLOSE(value, -72.1973957651136 - 0.164877657005108, 1e-13);
	CHECK(env.live == 0);
}

static void
test_value(void)
{
	const GammaGamma model = {6.25, 3.74, 15.44}; /* the CDNOW parameters of Fader & Hardie (2013) */
	const GammaGamma endless = {2, 0.5, 10};

	CHECK_CLOSE(gamma_gamma_expected(&model, 0, 0), 6.25 * 15.44 / 2.74, 1e-14);
	CHECK_CLOSE(gamma_gamma_expected(&model, 2, 50), 6.25 * 115.44 / (12.5 + 3.74 - 1), 1e-14);
	CHECK(isnan(gamma_gamma_expected(&endless, 0, 0)));
	CHECK(isfinite(gamma_gamma_expected(&endless, 1, 20)));
}

/* ---- simulated customers ---- */

/* A stream of random numbers. */
typedef struct Stream
{
	uint64_t seed, stream, next;
} Stream;

static double
uniform(Stream *stream)
{
	return rng_uniform(stream->seed, stream->stream, stream->next++);
}

/* Gamma(shape, 1) by Marsaglia & Tsang (2000). */
static double
gamma_deviate(Stream *stream, double shape)
{
	double boost = shape < 1 ? pow(uniform(stream), 1 / shape) : 1;
	double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
	double c = 1 / sqrt(9 * d);

	for (;;)
	{
		double radius = sqrt(-2 * log(uniform(stream)));
		double z = radius * cos(2 * 3.14159265358979323846 * uniform(stream));
		double v = (1 + c * z) * (1 + c * z) * (1 + c * z);

		if (v > 0 && log(uniform(stream)) < z * z / 2 + d - d * v + d * log(v))
			return boost * d * v;
	}
}

static void
simulate(const BgNbd *truth, int64_t n, uint64_t seed, Histories *histories)
{
	histories->n = n;
	histories->x = core_malloc(sizeof(int32_t) * (size_t) n);
	histories->last = core_malloc(sizeof(int32_t) * (size_t) n);
	histories->age = core_malloc(sizeof(int32_t) * (size_t) n);
	histories->count = core_malloc(sizeof(double) * (size_t) n);
	for (int64_t i = 0; i < n; i++)
	{
		Stream stream = {seed, (uint64_t) i, 0};
		double rate = gamma_deviate(&stream, truth->r) / truth->alpha;
		double leaves = gamma_deviate(&stream, truth->a);
		double age = 7 * (27 + 12 * uniform(&stream));
		double at = 0;
		bool gone = false;

		leaves /= leaves + gamma_deviate(&stream, truth->b);
		histories->x[i] = histories->last[i] = 0;
		histories->age[i] = (int32_t) age;
		while (!gone)
		{
			at += -7 * log(uniform(&stream)) / rate;
			if (!(at < histories->age[i]))
				break;
			histories->x[i]++;
			histories->last[i] = (int32_t) round(at);
			gone = uniform(&stream) < leaves;
		}
	}
}

static void
free_histories(Histories *histories)
{
	free(histories->x);
	free(histories->last);
	free(histories->age);
	free(histories->count);
}

static void
test_recovery(void)
{
	const BgNbd truths[] = {{0.243, 4.414, 0.793, 2.426}, {1.2, 8, 0.6, 3}};
	int64_t n = getenv("CORE_TEST_QUICK") != NULL ? 20000 : 100000;

	for (int k = 0; k < 2; k++)
	{
		Histories histories;
		BgNbdFit fit;
		CoreEnv env;
		double at_truth;

		core_env_init(&env);
		simulate(&truths[k], n, 11 + (uint64_t) k, &histories);
		CHECK(histories_group(&env.env, &histories) == CORE_OK);
		CHECK(bgnbd_fit(&env.env, &histories, 7, 0, &fit) == CORE_OK);
		CHECK(bgnbd_log_likelihood(&env.env, &histories, 7, &truths[k], &at_truth) == CORE_OK);
		CHECK(fit.converged && fit.log_likelihood >= at_truth && fit.log_likelihood < at_truth + 15);
		CHECK(fabs(fit.model.r - truths[k].r) < 4 * fit.std_error[0]);
		CHECK(fabs(fit.model.alpha - truths[k].alpha) < 4 * fit.std_error[1]);
		CHECK(fabs(fit.model.a - truths[k].a) < 4 * fit.std_error[2]);
		CHECK(fabs(fit.model.b - truths[k].b) < 4 * fit.std_error[3]);
		CHECK(fit.std_error[0] < 0.05 * truths[k].r && fit.std_error[3] < 0.3 * truths[k].b);
		for (int p = 0; p < BGNBD_PARAMETERS; p++)
			CHECK(!fit.diverging[p]);
		CHECK(env.live == 0);

		/* in other units the same */
		{
			BgNbdFit days;

			CHECK(bgnbd_fit(&env.env, &histories, 1, 0, &days) == CORE_OK);
			CHECK_CLOSE(days.model.alpha, 7 * fit.model.alpha, 1e-6);
			CHECK_CLOSE(days.model.b, fit.model.b, 1e-6);
		}
		free_histories(&histories);
	}
}

/* All leave with the same chance: a and b have no bound, but their ratio has. */
static void
test_diverging(void)
{
	const BgNbd alike = {0.9, 12, 1e6, 4e6};
	Histories histories;
	BgNbdFit fit;
	BgNbdFit held;
	CoreEnv env;

	core_env_init(&env);
	simulate(&alike, 20000, 5, &histories);
	CHECK(histories_group(&env.env, &histories) == CORE_OK);
	CHECK(bgnbd_fit(&env.env, &histories, 7, 0, &fit) == CORE_OK);
	CHECK(!fit.diverging[2] && fit.diverging[3] && isnan(fit.std_error[3]));
	CHECK(!fit.diverging[0] && !fit.diverging[1] && fit.std_error[0] > 0 && fit.std_error[1] > 0);
	CHECK(fabs(fit.model.r - alike.r) < 4 * fit.std_error[0]);
	CHECK_CLOSE(fit.model.a / (fit.model.a + fit.model.b), 0.2, 0.01);
	CHECK(bgnbd_fit(&env.env, &histories, 7, 0.001, &held) == CORE_OK);
	CHECK(!held.diverging[2] && !held.diverging[3] && held.model.b < 100 &&
		  held.log_likelihood < fit.log_likelihood);
	free_histories(&histories);
}

/* A penalizer holds the parameters alike in whatever unit of time the caller counts. */
static void
test_penalizer(void)
{
	static const struct
	{
		double penalizer, r, days, a, b; /* clv.py few PEN */
	} wanted[] = {
		{0.001, 1.503191687, 25.89709181, 1.305845463, 1.818510725},
		{0.1, 0.8113509986, 12.9687973, 0.5465475918, 0.5784260681},
	};
	const double days_per_unit[] = {1, 7, 365.25 / 12};
	int32_t x[] = {0, 1, 1, 2, 2, 5, 0, 12, 3, 1, 2};
	int32_t last[] = {0, 10, 20, 15, 30, 60, 0, 350, 25, 5, 40};
	int32_t age[] = {30, 400, 365, 300, 365, 365, 200, 360, 380, 390, 350};
	double count[11];
	Histories histories = {.n = 11, .x = x, .last = last, .age = age, .count = count};
	CoreEnv env;

	core_env_init(&env);
	CHECK(histories_group(&env.env, &histories) == CORE_OK);
	for (int i = 0; i < 2; i++)
		for (int u = 0; u < 3; u++)
		{
			BgNbdFit fit;

			CHECK(bgnbd_fit(&env.env, &histories, days_per_unit[u], wanted[i].penalizer, &fit) == CORE_OK);
			CHECK(fit.converged);
			CHECK_CLOSE(fit.model.r, wanted[i].r, 1e-6);
			CHECK_CLOSE(fit.model.alpha * days_per_unit[u], wanted[i].days, 1e-6);
			CHECK_CLOSE(fit.model.a, wanted[i].a, 1e-6);
			CHECK_CLOSE(fit.model.b, wanted[i].b, 1e-6);
		}
	CHECK(env.live == 0);
}

static void
test_gamma_gamma(void)
{
	const GammaGamma truth = {6.25, 3.74, 15.44};
	enum
	{
		CUSTOMERS = 40000
	};
	int32_t *x = core_malloc(sizeof(int32_t) * CUSTOMERS);
	double *value = core_malloc(sizeof(double) * CUSTOMERS);
	const int32_t some_x[] = {1, 2, 5};
	const double some_value[] = {20, 35.5, 12};
	GammaGammaFit fit;
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < CUSTOMERS; i++)
	{
		Stream stream = {9, (uint64_t) i, 0};
		double v = gamma_deviate(&stream, truth.q) / truth.gamma;

		x[i] = 1 + (int32_t) (6 * uniform(&stream));
		value[i] = gamma_deviate(&stream, truth.p * x[i]) / v / x[i];
	}
	CHECK(gamma_gamma_fit(&env.env, CUSTOMERS, x, value, 0, &fit) == CORE_OK);
	CHECK(fit.converged && fabs(fit.model.p - truth.p) < 4 * fit.std_error[0]);
	CHECK(fabs(fit.model.q - truth.q) < 4 * fit.std_error[1]);
	CHECK(fabs(fit.model.gamma - truth.gamma) < 4 * fit.std_error[2]);
	CHECK(fit.std_error[0] < 0.1 * truth.p && !fit.diverging[0] && !fit.diverging[1] && !fit.diverging[2]);

	/* the likelihood in the caller's money, at a place given: no lower than there, and close to it for these three */
	CHECK(gamma_gamma_fit(&env.env, 3, some_x, some_value, 0, &fit) == CORE_OK);
	CHECK(fit.log_likelihood > -11.733135919493);

	/* all the same: no spread between customers */
	for (int i = 0; i < CUSTOMERS; i++)
		value[i] = 25;
	CHECK(gamma_gamma_fit(&env.env, CUSTOMERS, x, value, 0, &fit) == CORE_OK);
	CHECK(fit.diverging[0] || fit.diverging[1] || fit.diverging[2]);
	CHECK_CLOSE(gamma_gamma_expected(&fit.model, 3, 25), 25, 1e-3);
	value[7] = INFINITY;
	CHECK(gamma_gamma_fit(&env.env, CUSTOMERS, x, value, 0, &fit) == CORE_NOT_FINITE);
	CHECK(env.live == 0);
	free(x);
	free(value);
}

static void
test_failures(void)
{
	Histories histories;
	BgNbdFit fit;
	CoreEnv env;

	core_env_init(&env);
	simulate(&cdnow, 5000, 1, &histories);
	env.fail_at = 2;
	CHECK(histories_group(&env.env, &histories) == CORE_NO_MEMORY);
	env.fail_at = 0;
	CHECK(histories_group(&env.env, &histories) == CORE_OK);
	env.fail_at = env.allocations + 1;
	CHECK(bgnbd_fit(&env.env, &histories, 7, 0, &fit) == CORE_NO_MEMORY);
	env.fail_at = 0;
	env.cancel_at = env.looks + 30;
	CHECK(bgnbd_fit(&env.env, &histories, 7, 0, &fit) == CORE_CANCELLED);
	CHECK(env.live == 0);
	free_histories(&histories);
}

int
main(void)
{
	test_published();
	test_points();
	test_two_ways();
	test_extremes();
	test_likelihood();
	test_value();
	test_recovery();
	test_diverging();
	test_penalizer();
	test_gamma_gamma();
	test_failures();
	return check_finish();
}
