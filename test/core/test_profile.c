/*
 * test_profile.c - profiles, effect sizes and the stability index by their definitions; the assignment problem against all
 * permutations
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/match.h"
#include "segment/profile.h"

/* The least cost over all ways to give rows columns. */
static double
least_cost(const double *cost, int32_t n, int32_t m, int32_t row, unsigned taken)
{
	double least = INFINITY;

	if (row == n)
		return 0;
	for (int32_t j = 0; j < m; j++)
		if ((taken & (1u << j)) == 0)
			least = fmin(least, cost[row * m + j] + least_cost(cost, n, m, row + 1, taken | (1u << j)));
	return least;
}

static void
test_match(void)
{
	CoreEnv env;

	core_env_init(&env);
	for (uint64_t seed = 0; seed < 300; seed++)
	{
		int32_t m = 1 + (int32_t) (seed % 7);
		int32_t n = 1 + (int32_t) (seed / 7 % (uint64_t) m);
		double cost[49];
		int32_t column[7];
		unsigned taken = 0;
		double sum = 0;

		for (int32_t i = 0; i < n * m; i++) /* every third time with many ties */
			cost[i] = seed % 3 == 0 ? rng_below(seed, 0, (uint64_t) i, 3) : rng_normal(seed, 0, (uint64_t) i);
		CHECK(match_rows(&env.env, cost, n, m, column) == CORE_OK);
		for (int32_t i = 0; i < n; i++)
		{
			CHECK(column[i] >= 0 && column[i] < m && (taken & (1u << column[i])) == 0);
			taken |= 1u << column[i];
			sum += cost[i * m + column[i]];
		}
		CHECK_CLOSE(sum, least_cost(cost, n, m, 0, 0), 1e-12);
	}
	env.fail_at = env.allocations + 1;
	CHECK(match_rows(&env.env, (double[]){1}, 1, 1, (int32_t[1]){0}) == CORE_NO_MEMORY);
	env.cancel_at = 1;
	CHECK(match_rows(&env.env, (double[]){1}, 1, 1, (int32_t[1]){0}) == CORE_CANCELLED && env.live == 0);
}

/* Two segments of 300 rows of two features, one of them under a logarithm, against plain sums. */
static void
test_profile(void)
{
	enum
	{
		N = 300,
		F = 2,
		K = 2
	};
	double raw[N * F];
	float rows[N * F];
	int32_t labels[N];
	FeatureScale scales[F];
	double figures[(K + 1) * F * PROFILE_FIGURES];
	float cuts[F * DECILE_CUTS];
	double shares[F * DECILE_BINS];
	Profile profile = {.room = DECILE_CUTS, .figures = figures, .cuts = cuts, .shares = shares};
	ScaleRows scaled = {.n = N, .features = F, .narrow = rows};
	ProfileTask task = {.rows = rows, .n = N, .features = F, .scales = scales, .labels = labels, .k = K};
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < N; i++)
	{
		raw[i * F] = rng_below(1, 0, (uint64_t) i, 50);
		raw[i * F + 1] = rng_below(1, 1, (uint64_t) i, 100000) / 100.0 - 200;
		labels[i] = i % 3 == 0;
		rows[i * F] = (float) raw[i * F];
		rows[i * F + 1] = (float) raw[i * F + 1];
	}
	CHECK(scale_rows(&env.env, SCALE_LOG_ZSCORE, &scaled, scales) == CORE_OK && scales[0].log &&
		  !scales[1].log);
	CHECK(profile_rows(&env.env, &task, &profile) == CORE_OK && env.live == 0);
	for (int f = 0; f < F; f++)
	{
		double whole = 0;

		for (int s = 0; s <= K; s++)
		{
			const double *got = figures + (s * F + f) * PROFILE_FIGURES;
			double n = 0;
			double sum = 0;
			double squares = 0;
			int below = 0;

			for (int i = 0; i < N; i++)
				if (s == K || labels[i] == s)
				{
					n++;
					sum += raw[i * F + f];
					below += raw[i * F + f] < got[PROFILE_MEDIAN];
				}
			for (int i = 0; i < N; i++)
				if (s == K || labels[i] == s)
					squares += pow(raw[i * F + f] - sum / n, 2);
			CHECK_CLOSE(got[PROFILE_MEAN], sum / n, 1e-6);
			CHECK_CLOSE(got[PROFILE_SD], sqrt(squares / n), 1e-6);
			CHECK(below <= n / 2 && below >= n / 2 - 10);
			CHECK(got[PROFILE_QUARTER] <= got[PROFILE_MEDIAN] &&
				  got[PROFILE_MEDIAN] <= got[PROFILE_THREE_QUARTERS]);
		}
		CHECK_CLOSE(figures[(K * F + f) * PROFILE_FIGURES + PROFILE_SCALED_MEAN], 0, 1e-6);
		CHECK_CLOSE(figures[(K * F + f) * PROFILE_FIGURES + PROFILE_SCALED_SD], 1, 1e-6);
		for (int bin = 0; bin < DECILE_BINS; bin++)
			whole += shares[f * DECILE_BINS + bin];
		CHECK_CLOSE(whole, 1, 1e-12);
	}
	/* What was written comes back as it was. */
	for (int i = 0; i < N * F; i++)
		CHECK(fabs(profile_value(&scales[i % F], rows[i]) - raw[i]) < 1e-12);
	for (long at = 1; at <= 2; at++)
	{
		core_env_init(&env);
		env.cancel_at = at;
		CHECK(profile_rows(&env.env, &task, &profile) == CORE_CANCELLED && env.live == 0);
	}
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(profile_rows(&env.env, &task, &profile) == CORE_NO_MEMORY);
}

/* The index of values [n], not scaled, against what a profile says of feature f. */
static double
index_of(const Profile *profile, const FeatureScale *scales, int32_t f, const float *values, int n)
{
	ProfileShares shares;
	double actual[DECILE_BINS];

	profile_shares(profile, &scales[f], f, &shares);
	for (int i = 0; i < n; i++)
		profile_count(&shares, &scales[f], values[i]);
	for (int bin = 0; bin <= shares.deciles.cuts; bin++)
		actual[bin] = (double) shares.counts[bin] / n;
	return profile_stability(shares.expected, actual, shares.deciles.cuts + 1);
}

/* A constant, a flag that a tenth has, and eight tenths of the least value under a logarithm: what they become is seen. */
static void
test_shares(void)
{
	enum
	{
		N = 1000,
		F = 3
	};
	float rows[N * F];
	float column[F][N];
	int32_t labels[N] = {0};
	FeatureScale scales[F];
	double figures[2 * F * PROFILE_FIGURES];
	float cuts[F * DECILE_CUTS];
	double shares[F * DECILE_BINS];
	Profile profile = {.room = DECILE_CUTS, .figures = figures, .cuts = cuts, .shares = shares};
	ScaleRows scaled = {.n = N, .features = F, .narrow = rows};
	ProfileTask task = {.rows = rows, .n = N, .features = F, .scales = scales, .labels = labels, .k = 1};
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < N; i++)
	{
		rows[i * F] = column[0][i] = 1.1F;
		rows[i * F + 1] = column[1][i] = i % 10 == 0;
		rows[i * F + 2] = column[2][i] = i % 5 == 0 ? (float) i : 0;
	}
	CHECK(scale_rows(&env.env, SCALE_LOG_ZSCORE, &scaled, scales) == CORE_OK && scales[2].log);
	CHECK(profile_rows(&env.env, &task, &profile) == CORE_OK && env.live == 0);
	for (int f = 0; f < F; f++)
		CHECK_CLOSE(index_of(&profile, scales, f, column[f], N), 0, 1e-12);
	for (int i = 0; i < N; i++)
	{
		column[0][i] = 1.0F;
		column[1][i] *= 50;
		column[2][i] = column[2][i] == 0 ? -1 : column[2][i];
	}
	for (int f = 0; f < F; f++)
		CHECK(index_of(&profile, scales, f, column[f], N) > 0.25);
	for (int i = 0; i < N; i++)
		column[0][i] = i % 5 == 0 ? 1.2F : 1.1F;
	CHECK_CLOSE(index_of(&profile, scales, 0, column[0], N), 1.5640491119,
				1e-9); /* test/reference/drift.py */

	/* As earlier versions have it: 0 for seven deciles, 1 and 2, and all of the zeros in the first bin. */
	{
		float old_cuts[PROFILE_EARLIER_CUTS] = {0, 0, 0, 0, 0, 0, 0, 1, 2};
		double old_shares[PROFILE_EARLIER_CUTS + 1] = {0.75, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 0.05};
		Profile old = {.room = PROFILE_EARLIER_CUTS, .cuts = old_cuts, .shares = old_shares};
		FeatureScale plain = {.scale = 1};
		FeatureScale constant = {.center = 5};
		ProfileShares got;

		for (int i = 0; i < 20; i++)
			column[0][i] = i < 15 ? 0 : i < 17 ? 1 : i < 19 ? 2 : 3;
		CHECK_CLOSE(index_of(&old, &plain, 0, column[0], 20), 0, 1e-12);
		profile_shares(&old, &plain, 0, &got);
		CHECK(got.deciles.cuts == 3 && got.expected[0] == 0.75 && got.expected[3] == 0.05);
		for (int i = 0; i < 20; i++)
			column[0][i] = 5;
		CHECK_CLOSE(index_of(&old, &constant, 0, column[0], 20), 0, 1e-12);
		column[0][0] = 4;
		CHECK(index_of(&old, &constant, 0, column[0], 20) > 0.25);
	}
}

/* Hedges' g of {1, 2, 3} against {2, 4, 6, 8}: d = -3 / sqrt((2 + 20) / 5), times 1 - 3 / 19. */
static void
test_effect(void)
{
	double here[PROFILE_FIGURES] = {[PROFILE_SCALED_MEAN] = 2, [PROFILE_SCALED_SD] = sqrt(2.0 / 3)};
	double all[PROFILE_FIGURES] = {
		[PROFILE_SCALED_MEAN] = 26.0 / 7, [PROFILE_SCALED_SD] = sqrt(134.0 / 7 - (26.0 / 7) * (26.0 / 7))};
	double same[PROFILE_FIGURES] = {0};
	double apart[PROFILE_FIGURES] = {[PROFILE_SCALED_MEAN] = 1};
	double both[PROFILE_FIGURES] = {[PROFILE_SCALED_MEAN] = 0.5, [PROFILE_SCALED_SD] = 0.5};
	EffectSize size = profile_effect(here, 3, all, 7);
	double g = -3 / sqrt(22.0 / 5) * (1 - 3.0 / 19);

	CHECK_CLOSE(size.effect, g, 1e-12);
	CHECK_CLOSE(size.high - size.low, 2 * 1.959963984540054 * sqrt(7.0 / 12 + g * g / 14), 1e-12);
	CHECK(isnan(profile_effect(all, 7, all, 7).effect));
	CHECK(profile_effect(same, 3, same, 7).effect == 0);
	size = profile_effect(apart, 5, both, 10);
	CHECK(isinf(size.effect) && size.effect > 0 && isnan(size.low));
}

static void
test_stability(void)
{
	const double expected[] = {0.2, 0.3, 0.5, 0};
	const double actual[] = {0.3, 0.3, 0.2, 0.2};

	CHECK(profile_stability(expected, expected, 4) == 0);
	CHECK_CLOSE(profile_stability(expected, actual, 4),
				0.1 * log(1.5) - 0.3 * log(0.4) + (0.2 - 1e-4) * log(0.2 / 1e-4), 1e-12);
}

int
main(void)
{
	test_match();
	test_profile();
	test_shares();
	test_effect();
	test_stability();
	return check_finish();
}
