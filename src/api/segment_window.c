/*
 * segment_window.c - kmeans_segment: the segment of each row of a window's partition
 *
 * partition_matrix collects the rows, in the order of their values; they are taken over in single precision, and from there it
 * is what kmeans_train does, by one process.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "api/partition_matrix.h"
#include "api/segment_fit.h"
#include "bridge/memory.h"

static void *
window_parameters(const Args *args)
{
	SegmentOptions *options = palloc0(sizeof(SegmentOptions));

	options_from_call(segment_options, args, options);
	return options;
}

static uint64
window_need(int32 n, int32 width, const void *parameters)
{
	const SegmentOptions *options = parameters;

	return segment_fit_bytes(options, options->k, n, width, 0);
}

/* Rows too large for single precision are as good as infinite. */
static void
narrow_rows(const PartitionMatrix *matrix, float *rows)
{
	for (int64 i = 0; i < (int64) matrix->n * matrix->width; i++)
	{
		rows[i] = (float) matrix->x[i];
		if (unlikely(isinf(rows[i])))
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"features\" must be within the range of type real, got %g as element %d",
						matrix->x[i], (int) (i % matrix->width) + 1)));
	}
}

static void
window_work(PartitionMatrix *matrix, const void *parameters)
{
	const SegmentOptions *options = parameters;
	PgEnv *env = matrix->env;
	MemoryContext memory = env->memory;
	Size width = sizeof(float) * (Size) matrix->width;
	float *rows = MemoryContextAllocHuge(memory, width * (Size) matrix->n);
	FeatureScale *scales = MemoryContextAlloc(memory, sizeof(FeatureScale) * matrix->width);
	ScaleRows scaled = {.n = matrix->n, .features = matrix->width, .narrow = rows};
	KmeansProblem problem = {.params = segment_params(options, options->k),
							 .n = matrix->n,
							 .features = matrix->width,
							 .rows = rows};
	KmeansModel model = {.centroids = MemoryContextAllocHuge(memory, width * options->k),
						 .sizes = MemoryContextAlloc(memory, sizeof(int64) * options->k),
						 .labels = matrix->label};
	Size bytes = kmeans_shared_bytes(&problem.params, matrix->n, matrix->width);
	void *shared = env->base.alloc(&env->base, bytes);
	KmeansReport report;

	if (shared == NULL)
		env_check(env, CORE_NO_MEMORY, "making segments");
	memset(shared, 0, bytes);
	narrow_rows(matrix, rows);
	env_check(env, scale_rows(&env->base, segment_scaling(options), &scaled, scales), "standardizing");
	env_check(env, kmeans_fit(&env->base, &problem, &model, shared, &report), "making segments");
	for (int32 i = 0; i < matrix->n; i++)
		matrix->label[i]++;
}

/* kmeans_segment(features, k, standardize, restarts, iterations, tolerance, seed) OVER (...) */
PG_FUNCTION_INFO_V1(promoai_kmeans_segment);
Datum
promoai_kmeans_segment(PG_FUNCTION_ARGS)
{
	static const PartitionTask task = {
		.what = "kmeans_segment", .parameters = window_parameters, .need = window_need, .work = window_work};

	return partition_answer(fcinfo, &task);
}
