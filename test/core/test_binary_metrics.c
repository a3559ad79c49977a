/*
 * test_binary_metrics.c - area, its error, Brier score and bins against scikit-learn and DeLong's definition
 *
 * The figures are those of roc_auc_score and brier_score_loss (scikit-learn 1.2) and of the placements written out in
 * NumPy: psi = (P[:, None] > N) + (P[:, None] == N) / 2; sqrt(var(psi.mean(1)) / m + var(psi.mean(0)) / n), ddof 1.
 */
#include <string.h>

#include "binary_metrics.h"
#include "check.h"
#include "core_env.h"
#include "rng.h"

static void
test_figures(void)
{
	const double p[] = {.1, .4, .35, .8, .8, .2, .9, .8, .05, .4, .6, .7};
	const uint8_t y[] = {0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0};
	CoreEnv env;
	BinaryMetrics metrics;
	int64_t n = 0;
	int64_t yes = 0;

	core_env_init(&env);
	CHECK(binary_metrics(&env.env, 12, p, y, &metrics) == CORE_OK);
	CHECK_CLOSE(metrics.auc, 0.763888888888889, 1e-14);
	CHECK_CLOSE(metrics.brier, 0.197916666666667, 1e-14);
	CHECK_CLOSE(metrics.auc_error, 0.145667895579188, 1e-13);
	for (int b = 0; b < BINARY_BINS; b++)
	{
		n += metrics.bins[b].n;
		yes += metrics.bins[b].yes;
		CHECK(b == 0 || metrics.bins[b].mean >= metrics.bins[b - 1].mean);
	}
	CHECK(n == 12 && yes == 6 && metrics.yes == 6);
	CHECK(env.live == 0);
}

static void
test_edges(void)
{
	const double p[] = {.5, .5, .5};
	const uint8_t same[] = {1, 1, 1};
	const uint8_t mixed[] = {1, 0, 1};
	CoreEnv env;
	BinaryMetrics metrics;

	core_env_init(&env);
	CHECK(binary_metrics(&env.env, 0, p, same, &metrics) == CORE_OK && isnan(metrics.auc) && metrics.n == 0);
	CHECK(binary_metrics(&env.env, 3, p, same, &metrics) == CORE_OK && isnan(metrics.auc));
	CHECK(binary_metrics(&env.env, 3, p, mixed, &metrics) == CORE_OK && metrics.auc == 0.5);
	CHECK(isnan(metrics.auc_error));
	for (long fail = 1; fail <= 2; fail++)
	{
		env.fail_at = env.allocations + fail;
		CHECK(binary_metrics(&env.env, 3, p, mixed, &metrics) == CORE_NO_MEMORY);
	}
	CHECK(env.live == 0);
}

/* Probabilities that are true: the bins agree with what happens, and the area is that of a uniform probability, 5/6. */
#define CASES 200000

static void
test_truth(void)
{
	static double p[CASES];
	static uint8_t y[CASES];
	CoreEnv env;
	BinaryMetrics metrics;

	core_env_init(&env);
	for (int i = 0; i < CASES; i++)
	{
		p[i] = rng_uniform(7, 1, (uint64_t) i);
		y[i] = rng_uniform(7, 2, (uint64_t) i) < p[i];
	}
	CHECK(binary_metrics(&env.env, CASES, p, y, &metrics) == CORE_OK);
	CHECK(fabs(metrics.auc - 5.0 / 6) < 4 * metrics.auc_error && metrics.auc_error < 0.002);
	CHECK_CLOSE(metrics.brier, 1.0 / 6, 0.005);
	for (int b = 0; b < BINARY_BINS; b++)
		CHECK(fabs((double) metrics.bins[b].yes / (double) metrics.bins[b].n - metrics.bins[b].mean) < 0.016);
	env.cancel_at = env.looks + 3;
	CHECK(binary_metrics(&env.env, CASES, p, y, &metrics) == CORE_CANCELLED);
	CHECK(env.live == 0);
}

int
main(void)
{
	test_figures();
	test_edges();
	test_truth();
	return check_finish();
}
