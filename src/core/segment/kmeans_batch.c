/*
 * kmeans_batch.c - centroids moved by batches of rows
 *
 * A batch is gone through in blocks, from which sums and counts by cluster are taken with the centroids held still; then the
 * centroids move.  A centroid is at any time the mean of all rows that it was ever given, so late batches move it little, and
 * the order of batches, which is random, hardly tells.
 *
 * Memory: centroids twice, sums and buffers for a block; rows belong to the caller.
 */
#include <math.h>
#include <string.h>

#include "kmeans_batch.h"

/* `count` elements of `width` bytes from a cursor on, at whole cache lines; SIZE_MAX sticks. */
static size_t
take(size_t *cursor, size_t count, size_t width)
{
	size_t at = *cursor;
	size_t bytes;

	if (at == SIZE_MAX || __builtin_mul_overflow(count, width, &bytes) ||
		__builtin_add_overflow(at, bytes, cursor) || *cursor > SIZE_MAX - 64)
		*cursor = SIZE_MAX;
	else
		*cursor = (*cursor + 63) & ~(size_t) 63;
	return at;
}

/* Sets pointers into `base` unless it is NULL; returns the bytes. */
static size_t
lay_out(KmeansBatch *batch, int32_t k, int32_t features, char *base)
{
	size_t cells = (size_t) k * (size_t) features;
	size_t cursor = 0;
	size_t centroids = take(&cursor, cells, sizeof(float));
	size_t exact = take(&cursor, cells, sizeof(double));
	size_t weight = take(&cursor, (size_t) k, sizeof(double));
	size_t sums = take(&cursor, cells, sizeof(double));
	size_t counts = take(&cursor, (size_t) k, sizeof(int64_t));
	size_t label = take(&cursor, KMEANS_BATCH_BLOCK, sizeof(int32_t));
	size_t none = take(&cursor, KMEANS_BATCH_BLOCK, sizeof(int32_t));
	size_t score = take(&cursor, KMEANS_BATCH_BLOCK, sizeof(float));
	size_t panels = take(&cursor, kmeans_panel_floats(k, features), sizeof(float));

	if (base == NULL)
		return cursor;
	batch->centroids = (float *) (base + centroids);
	batch->exact = (double *) (base + exact);
	batch->weight = (double *) (base + weight);
	batch->sums = (double *) (base + sums);
	batch->counts = (int64_t *) (base + counts);
	batch->label = (int32_t *) (base + label);
	batch->none = (int32_t *) (base + none);
	batch->score = (float *) (base + score);
	kmeans_panels_init(&batch->panels, batch->kernel, k, features, (float *) (base + panels));
	return cursor;
}

size_t
kmeans_batch_bytes(int32_t k, int32_t features)
{
	return lay_out(NULL, k, features, NULL);
}

void
kmeans_batch_open(KmeansBatch *batch, const float *centroids, const int64_t *sizes, void *memory)
{
	int64_t cells = (int64_t) batch->k * batch->features;

	batch->kernel = kmeans_kernel(batch->k);
	lay_out(batch, batch->k, batch->features, memory);
	for (int64_t i = 0; i < cells; i++)
		batch->exact[i] = batch->centroids[i] = centroids[i];
	for (int32_t c = 0; c < batch->k; c++)
		batch->weight[c] = (double) sizes[c];
	memset(batch->none, 0xff, KMEANS_BATCH_BLOCK * sizeof(int32_t));
	kmeans_panels_pack(&batch->panels, batch->centroids);
	batch->inertia = 0;
	batch->before = INFINITY;
}

void
kmeans_batch_label(const KmeansBatch *batch, const float *rows, int64_t n, int32_t *label)
{
	batch->kernel->nearest(&batch->panels, rows, n, label, batch->score, NULL);
}

/* Each centroid goes to the mean of all rows that it has had, those of the batch included. */
static void
move_centroids(KmeansBatch *batch)
{
	for (int32_t c = 0; c < batch->k; c++)
	{
		int64_t at = (int64_t) c * batch->features;
		double rate;

		if (batch->counts[c] == 0)
			continue;
		batch->weight[c] += (double) batch->counts[c];
		rate = (double) batch->counts[c] / batch->weight[c];
		for (int32_t f = 0; f < batch->features; f++, at++)
		{
			batch->exact[at] += rate * (batch->sums[at] / (double) batch->counts[c] - batch->exact[at]);
			batch->centroids[at] = (float) batch->exact[at];
		}
	}
	kmeans_panels_pack(&batch->panels, batch->centroids);
}

CoreStatus
kmeans_batch_step(Env *env, KmeansBatch *batch, const float *rows, int64_t n)
{
	memset(batch->sums, 0, (size_t) batch->k * (size_t) batch->features * sizeof(double));
	memset(batch->counts, 0, (size_t) batch->k * sizeof(int64_t));
	for (int64_t from = 0; from < n; from += KMEANS_BATCH_BLOCK)
	{
		int64_t count = n - from < KMEANS_BATCH_BLOCK ? n - from : KMEANS_BATCH_BLOCK;
		const float *x = rows + from * batch->features;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		kmeans_batch_label(batch, x, count, batch->label);
		batch->inertia += batch->kernel->inertia(x, count, batch->features, batch->label, batch->centroids);
		batch->kernel->move(x, count, batch->features, batch->none, batch->label, batch->sums,
							batch->features, batch->counts);
	}
	move_centroids(batch);
	return CORE_OK;
}

bool
kmeans_batch_epoch(KmeansBatch *batch, double tolerance, CoreStatus *status)
{
	bool done = batch->before - batch->inertia <= tolerance * batch->before && isfinite(batch->before);

	*status = isfinite(batch->inertia) ? CORE_OK : CORE_NOT_FINITE;
	batch->before = batch->inertia;
	batch->inertia = 0;
	return done;
}
