/*
 * test_scale.c - scaling of features against scikit-learn's figures (test/reference/scale.py), and the odd cases
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/scale.h"

#define ROWS 7
#define FEATURES 3

static const double plain[ROWS][FEATURES] = {{1, 10.5, -3}, {2, 0, 5}, {30, 20.25, 0.5}, {4, 7, -8},
											 {500, 3, 2},   {6, 1, 1}, {7, 90, 4}};

static const double log_zscore[ROWS][FEATURES] = {
	{-1.0043594276553449, 0.29896193661555615, -0.77981286736505462},
	{-0.77118128574526112, -1.4466704914694779, 1.1610547136324145},
	{0.57186494102985619, 0.73781665597367441, 0.069316699321338188},
	{-0.47741156941732033, 0.039580452764058485, -1.9928551054884727},
	{2.1721158404979306, -0.45583652864712026, 0.43322937075836371},
	{-0.28391040403779627, -0.95125351005829906, 0.19062092313368001},
	{-0.20711809467206449, 1.7774014848216086, 0.91844626600773094},
};

static const double zscore[ROWS][FEATURES] = {
	{-0.45023234994197847, -0.2796182093307068, -0.77981286736505462},
	{-0.44442824966648337, -0.63244118591108356, 1.1610547136324145},
	{-0.28191344195262003, 0.048003126065357324, 0.069316699321338188},
	{-0.43282004911549316, -0.39722586819083233, -1.9928551054884727},
	{2.446013687530086, -0.53163462117383298, 0.43322937075836371},
	{-0.42121184856450289, -0.59883899766533333, 0.19062092313368001},
	{-0.41540774828900778, 2.3917557562064315, 0.91844626600773094},
};

static const double robust[ROWS][FEATURES] = {
	{-0.32258064516129031, 0.26168224299065418, -0.94117647058823528},
	{-0.25806451612903225, -0.52336448598130836, 0.94117647058823528},
	{1.5483870967741935, 0.99065420560747663, -0.11764705882352941},
	{-0.12903225806451613, 0, -2.1176470588235294},
	{31.870967741935484, -0.29906542056074764, 0.23529411764705882},
	{0, -0.44859813084112149, 0},
	{0.064516129032258063, 6.2056074766355138, 0.70588235294117652},
};

static void
compare(ScaleMethod method, const double (*expected)[FEATURES])
{
	CoreEnv env;
	double wide[ROWS * FEATURES];
	float narrow[ROWS * FEATURES];
	FeatureScale scales[FEATURES];
	FeatureScale narrow_scales[FEATURES];
	ScaleRows rows = {.n = ROWS, .features = FEATURES, .wide = wide};
	ScaleRows narrow_rows = {.n = ROWS, .features = FEATURES, .narrow = narrow};

	core_env_init(&env);
	memcpy(wide, plain, sizeof(plain));
	for (int i = 0; i < ROWS * FEATURES; i++)
		narrow[i] = (float) plain[i / FEATURES][i % FEATURES];
	CHECK(scale_rows(&env.env, method, &rows, scales) == CORE_OK);
	CHECK(scale_rows(&env.env, method, &narrow_rows, narrow_scales) == CORE_OK);
	for (int r = 0; r < ROWS; r++)
	{
		for (int f = 0; f < FEATURES; f++)
		{
			float x = (float) plain[r][f];

			CHECK_CLOSE(wide[r * FEATURES + f], expected[r][f], 1e-13);
			CHECK_CLOSE(narrow[r * FEATURES + f], expected[r][f], 1e-6);
			CHECK(scale_wide(&scales[f], plain[r][f]) == wide[r * FEATURES + f]);
			CHECK(scale_narrow(&narrow_scales[f], x) == narrow[r * FEATURES + f]);
			CHECK_CLOSE(scale_undo(&scales[f], wide[r * FEATURES + f]), plain[r][f], 1e-12);
		}
	}
	CHECK(env.live == 0 && env.peak_bytes <= 2 * scale_scratch_bytes(method, ROWS, FEATURES));
}

/* Rows that are known later get the scales of before. */
static void
test_apply(void)
{
	CoreEnv env;
	double wide[ROWS * FEATURES];
	FeatureScale scales[FEATURES];
	ScaleRows rows = {.n = ROWS, .features = FEATURES, .wide = wide};
	double later[FEATURES] = {-5, 3, 7}; /* a log feature below zero */
	ScaleRows one = {.n = 1, .features = FEATURES, .wide = later};

	core_env_init(&env);
	memcpy(wide, plain, sizeof(plain));
	CHECK(scale_rows(&env.env, SCALE_LOG_ZSCORE, &rows, scales) == CORE_OK);
	CHECK(scales[0].log && scales[1].log && !scales[2].log);
	CHECK(scale_apply(&env.env, scales, &one) == CORE_OK);
	CHECK(later[0] == scale_wide(&scales[0], 0));
	CHECK(later[1] == scale_wide(&scales[1], 3));
}

static void
test_none_and_constant(void)
{
	CoreEnv env;
	double wide[8] = {5, 1, 5, -2, 5, 3, 5, 4};
	FeatureScale scales[2];
	ScaleRows rows = {.n = 4, .features = 2, .wide = wide};
	static const ScaleMethod methods[] = {SCALE_LOG_ZSCORE, SCALE_ZSCORE, SCALE_ROBUST, SCALE_NONE};

	core_env_init(&env);
	for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++)
	{
		double again[8] = {5, 1, 5, -2, 5, 3, 5, 4};

		memcpy(wide, again, sizeof(again));
		CHECK(scale_rows(&env.env, methods[m], &rows, scales) == CORE_OK);
		CHECK(scales[0].scale == 0 && wide[0] == 0 && wide[6] == 0);
		CHECK_CLOSE(scale_undo(&scales[0], 0), 5, 1e-15);
		CHECK(scales[1].scale > 0);
		if (methods[m] == SCALE_NONE)
			CHECK(wide[1] == 1 && wide[3] == -2 && wide[5] == 3 && wide[7] == 4);
	}
	memcpy(wide, (double[8]){5, 1, 5, -2, 5, 3, 5, 4}, sizeof(wide));
	CHECK(scale_rows(&env.env, SCALE_CENTER, &rows, scales) == CORE_OK);
	CHECK(scales[0].scale == 0 && scales[1].scale == 1 && scales[1].center == 1.5 && wide[3] == -3.5);
	rows.n = 1;
	CHECK(scale_rows(&env.env, SCALE_ZSCORE, &rows, scales) == CORE_OK);
	CHECK(scales[0].scale == 0 && scales[1].scale == 0);
	rows.n = 0;
	CHECK(scale_rows(&env.env, SCALE_ZSCORE, &rows, scales) == CORE_OK);
}

/* Narrow rows: a constant is told as it was given, whatever a float would make of its logarithm. */
static void
test_narrow_constant(void)
{
	static const ScaleMethod methods[] = {SCALE_LOG_ZSCORE, SCALE_ZSCORE, SCALE_ROBUST, SCALE_NONE};
	CoreEnv env;
	FeatureScale scales[2];

	core_env_init(&env);
	for (int constant = 0; constant < 1000; constant++)
	{
		float given = (float) constant;
		float narrow[4] = {given, 1, given, 2};
		ScaleRows rows = {.n = 2, .features = 2, .narrow = narrow};

		CHECK(scale_rows(&env.env, methods[constant % 4], &rows, scales) == CORE_OK);
		CHECK(scales[0].scale == 0 && narrow[0] == 0 && narrow[2] == 0);
		CHECK(scale_undo(&scales[0], 0) == given);
	}
	CHECK(env.live == 0);
}

/* A quartile range of zero gives way to the standard deviation. */
static void
test_robust_zeros(void)
{
	CoreEnv env;
	double wide[8] = {0, 0, 0, 0, 0, 0, 0, 8};
	FeatureScale scale;
	ScaleRows rows = {.n = 8, .features = 1, .wide = wide};

	core_env_init(&env);
	CHECK(scale_rows(&env.env, SCALE_ROBUST, &rows, &scale) == CORE_OK);
	CHECK_CLOSE(scale.center, 1, 1e-15);
	CHECK_CLOSE(scale.scale, sqrt(7.0), 1e-15);
}

static void
test_not_finite(void)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY};
	CoreEnv env;
	FeatureScale scale;

	core_env_init(&env);
	for (int b = 0; b < 3; b++)
	{
		double wide[3] = {1, bad[b], 2};
		ScaleRows rows = {.n = 3, .features = 1, .wide = wide};

		CHECK(scale_rows(&env.env, SCALE_ZSCORE, &rows, &scale) == CORE_NOT_FINITE);
	}
	double far[2] = {-1.7e308, 1.7e308};
	ScaleRows rows = {.n = 2, .features = 1, .wide = far};
	CHECK(scale_rows(&env.env, SCALE_ZSCORE, &rows, &scale) == CORE_NOT_FINITE);
	double large[2] = {1e300, 1.5e300};
	rows.wide = large;
	CHECK(scale_rows(&env.env, SCALE_ZSCORE, &rows, &scale) == CORE_OK);
	CHECK_CLOSE(large[0], -1, 1e-12);
	CHECK(env.live == 0);
}

/* Many rows: quartiles by selection against a sort, memory that fails, cancel. */
static int
ascending(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
test_many(void)
{
	int64_t n = 20001;
	CoreEnv env;
	double *wide = core_malloc(sizeof(double) * (size_t) n);
	double *sorted = core_malloc(sizeof(double) * (size_t) n);
	FeatureScale scale;
	ScaleRows rows = {.n = n, .features = 1, .wide = wide};

	for (int64_t i = 0; i < n; i++)
		wide[i] = sorted[i] = floor(50 * rng_normal(1, 2, (uint64_t) i));
	qsort(sorted, (size_t) n, sizeof(double), ascending);
	core_env_init(&env);
	CHECK(scale_rows(&env.env, SCALE_ROBUST, &rows, &scale) == CORE_OK);
	CHECK(scale.center == sorted[n / 2] && scale.scale == sorted[3 * (n / 4)] - sorted[n / 4]);
	for (int fail = 1; fail <= 2; fail++)
	{
		core_env_init(&env);
		env.fail_at = fail;
		CHECK(scale_rows(&env.env, SCALE_ROBUST, &rows, &scale) == CORE_NO_MEMORY && env.live == 0);
	}
	for (int look = 1; look <= 9; look += 4)
	{
		core_env_init(&env);
		env.cancel_at = look;
		CHECK(scale_rows(&env.env, SCALE_ROBUST, &rows, &scale) == CORE_CANCELLED && env.live == 0);
	}
	free(wide);
	free(sorted);
}

/* Values that rise and then fall, as a season does: as quick as any others, and never long without a look at the cancel flag. */
static void
test_season(void)
{
	int64_t n = 400000;
	CoreEnv env;
	double *wide = core_malloc(sizeof(double) * (size_t) n);
	FeatureScale scale;
	ScaleRows rows = {.n = n, .features = 1, .wide = wide};
	double start = core_seconds();

	for (int64_t i = 0; i < n; i++)
		wide[i] = (double) (i < n / 2 ? i : n - i);
	core_env_init(&env);
	env.timed = true;
	CHECK(scale_rows(&env.env, SCALE_ROBUST, &rows, &scale) == CORE_OK);
	CHECK(scale.center == 100000 && scale.scale == 100000);
	CHECK(core_seconds() - start < 5);
	CHECK(env.longest_gap < 1);
	free(wide);
}

int
main(void)
{
	compare(SCALE_LOG_ZSCORE, log_zscore);
	compare(SCALE_ZSCORE, zscore);
	compare(SCALE_ROBUST, robust);
	test_apply();
	test_none_and_constant();
	test_narrow_constant();
	test_robust_zeros();
	test_not_finite();
	test_many();
	test_season();
	return check_finish();
}
