/*
 * test_kmeans_batch.c - rows that come block by block: scales and quality against those of all rows at once, centroids
 * against their definition, inertia against Lloyd's iterations on the same rows
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/cluster_quality.h"
#include "segment/kmeans.h"
#include "segment/kmeans_batch.h"
#include "segment/scale.h"

#define N 5000
#define FEATURES 5
#define K 4
#define STEP 700

static float rows[N * FEATURES];
static int32_t labels[N];

static void
make_rows(void)
{
	for (int64_t i = 0; i < N; i++)
		for (int64_t f = 0; f < FEATURES; f++)
		{
			double center = 3 * rng_normal(1, rng_below(2, 0, (uint64_t) i, K), (uint64_t) f);

			rows[i * FEATURES + f] = (float) (center + rng_normal(3, (uint64_t) i, (uint64_t) f));
			if (f == 0)
				rows[i * FEATURES] = expf(rows[i * FEATURES]);
			if (f == 4)
				rows[i * FEATURES + 4] = 7;
		}
}

static void
test_scales(ScaleMethod method)
{
	CoreEnv env;
	float *all = core_malloc(sizeof(rows));
	float *some = core_malloc(sizeof(rows));
	float low[FEATURES];
	float high[FEATURES];
	double mean[FEATURES];
	double squares[FEATURES];
	FeatureScale scales[FEATURES];
	FeatureScale found[FEATURES];
	ScaleRows whole = {.n = N, .features = FEATURES, .narrow = all};
	ScaleStream stream = {.method = method,
						  .features = FEATURES,
						  .low = low,
						  .high = high,
						  .scales = found,
						  .mean = mean,
						  .squares = squares};

	core_env_init(&env);
	memcpy(all, rows, sizeof(rows));
	memcpy(some, rows, sizeof(rows));
	for (int f = 0; f < FEATURES; f++)
	{
		low[f] = high[f] = rows[f];
		for (int i = 1; i < N; i++)
		{
			low[f] = fminf(low[f], rows[i * FEATURES + f]);
			high[f] = fmaxf(high[f], rows[i * FEATURES + f]);
		}
	}
	CHECK(scale_rows(&env.env, method, &whole, scales) == CORE_OK);
	CHECK(scale_stream_open(&stream) == CORE_OK);
	for (int64_t from = 0; from < N; from += STEP)
		scale_stream_add(&stream, some + from * FEATURES, N - from < STEP ? N - from : STEP);
	CHECK(scale_stream_close(&env.env, &stream, some, N) == CORE_OK);
	scale_stream_apply(&stream, some, N);
	for (int f = 0; f < FEATURES; f++)
	{
		CHECK((found[f].scale == 0) == (f == 4));
		CHECK_CLOSE(found[f].scale, scales[f].scale, 1e-9);
		if (f < 4)
			CHECK_CLOSE(found[f].center, scales[f].center, 1e-9);
	}
	for (int64_t i = 0; i < N * FEATURES; i++)
	{
		CHECK_CLOSE(some[i], all[i], 1e-6);
		CHECK(some[i] == scale_narrow(&found[i % FEATURES], rows[i]));
	}
	low[0] = -INFINITY;
	CHECK(scale_stream_open(&stream) == CORE_NOT_FINITE);
	memcpy(rows, method == SCALE_ZSCORE ? all : rows, sizeof(rows));
	free(all);
	free(some);
}

/* A centroid is the mean of the rows that it had before and those of the batch. */
static void
test_step(void)
{
	CoreEnv env;
	KmeansBatch batch = {.k = 2, .features = 1};
	const float start[] = {0, 10};
	const int64_t sizes[] = {3, 1};
	const float batch_rows[] = {1, 2, 20};
	CoreStatus status;
	void *memory = aligned_alloc(64, kmeans_batch_bytes(2, 1));

	core_env_init(&env);
	kmeans_batch_open(&batch, start, sizes, memory);
	CHECK(kmeans_batch_step(&env.env, &batch, batch_rows, 3) == CORE_OK);
	CHECK_CLOSE(batch.centroids[0], 3.0 / 5, 1e-6);
	CHECK_CLOSE(batch.centroids[1], 15, 1e-6);
	CHECK_CLOSE(batch.inertia, 1 + 4 + 100, 1e-9);
	CHECK(!kmeans_batch_epoch(&batch, 1e-4, &status) && status == CORE_OK);
	CHECK(kmeans_batch_step(&env.env, &batch, batch_rows, 3) == CORE_OK);
	CHECK(!kmeans_batch_epoch(&batch, 1e-4, &status) && status == CORE_OK);
	CHECK(kmeans_batch_epoch(&batch, 1, &status) && status == CORE_OK);
	free(memory);
}

/* Epochs from any centroids end near Lloyd's inertia; quality of a stream is that of all rows. */
static void
test_fit(void)
{
	CoreEnv env;
	KmeansBatch batch = {.k = K, .features = FEATURES};
	int64_t sizes[K];
	CoreStatus status;
	void *memory = aligned_alloc(64, kmeans_batch_bytes(K, FEATURES));
	float lloyd[K * FEATURES];
	KmeansProblem problem = {
		.params = {.k = K, .restarts = 3, .iterations = 100, .tolerance = 1e-6, .seed = 5},
		.n = N,
		.features = FEATURES,
		.rows = rows};
	KmeansModel model = {.centroids = lloyd, .sizes = sizes, .labels = labels};
	KmeansReport report;
	size_t bytes = kmeans_shared_bytes(&problem.params, N, FEATURES);
	void *shared = aligned_alloc(64, (bytes + 63) & ~(size_t) 63);
	double mean[K * FEATURES];
	double apart[K];
	int64_t count[K];
	QualityStream stream = {
		.k = K, .features = FEATURES, .centroids = lloyd, .mean = mean, .apart = apart, .count = count};
	QualityTask task = {.rows = rows, .n = N, .features = FEATURES, .labels = labels, .k = K, .judged = 100};
	Quality some;
	Quality all;
	int epochs = 0;

	core_env_init(&env);
	memset(shared, 0, bytes);
	CHECK(kmeans_fit(&env.env, &problem, &model, shared, &report) == CORE_OK);
	quality_begin(&stream);
	for (int64_t from = 0; from < N; from += STEP)
		quality_add(&stream, rows + from * FEATURES, labels + from, N - from < STEP ? N - from : STEP);
	CHECK(quality_end(&env.env, &stream, &some) == CORE_OK);
	CHECK(cluster_quality(&env.env, &task, &all) == CORE_OK);
	CHECK(some.rows == N && some.clusters == K);
	CHECK_CLOSE(some.inertia, all.inertia, 1e-9);
	CHECK_CLOSE(some.calinski_harabasz, all.calinski_harabasz, 1e-9);
	CHECK_CLOSE(some.davies_bouldin, all.davies_bouldin, 1e-3);

	for (int c = 0; c < K; c++) /* as a sample's fit would leave them: a little off */
	{
		sizes[c] = 10;
		for (int f = 0; f < FEATURES; f++)
			lloyd[c * FEATURES + f] += (float) (0.3 * rng_normal(9, (uint64_t) c, (uint64_t) f));
	}
	kmeans_batch_open(&batch, lloyd, sizes, memory);
	do
		for (int64_t from = 0; from < N; from += STEP)
			CHECK(kmeans_batch_step(&env.env, &batch, rows + from * FEATURES,
									N - from < STEP ? N - from : STEP) == CORE_OK);
	while (!kmeans_batch_epoch(&batch, 1e-4, &status) && ++epochs < 100);
	CHECK(status == CORE_OK && epochs < 100);
	CHECK(batch.before < 1.01 * report.inertia);
	free(memory);
	free(shared);
}

int
main(void)
{
	make_rows();
	test_step();
	test_scales(SCALE_LOG_ZSCORE);
	test_scales(SCALE_ROBUST);
	test_scales(SCALE_CENTER);
	test_scales(SCALE_ZSCORE); /* leaves the rows scaled */
	test_fit();
	return check_finish();
}
