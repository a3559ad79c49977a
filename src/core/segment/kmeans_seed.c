/*
 * kmeans_seed.c - the first centroids, by greedy k-means++
 *
 * closest [n] holds each row's squared distance to the nearest centroid so far; its sums over blocks of BLOCK rows let a
 * draw skip to the right block.  Candidates for the next centroid stand side by side in one panel, so that a row meets all of
 * them at once.
 */
#include <math.h>
#include <string.h>

#include "../rng.h"
#include "kmeans_kernel.h"
#include "kmeans_seed.h"

#define BLOCK 1024
#define MAX_TRIALS KMEANS_MAX_LANES

typedef struct Sower
{
	const KmeansSeed *task;
	Env *env;
	const KmeansKernel *kernel;
	int32_t trials;
	int64_t blocks;
	float *closest; /* [n] */
	double *block_sums; /* [blocks] of closest */
	double potential; /* sum of closest */
	float *squares; /* [BLOCK x MAX_TRIALS] */
	float *panel; /* [kmeans_panel_floats(MAX_TRIALS, features)] */
	float *candidates; /* [MAX_TRIALS x features] */
	uint64_t draws; /* so far */
} Sower;

static int64_t
block_count(int64_t n)
{
	return (n + BLOCK - 1) / BLOCK;
}

static int64_t
block_rows(const Sower *sower, int64_t block)
{
	int64_t left = sower->task->n - block * BLOCK;

	return left < BLOCK ? left : BLOCK;
}

static double
draw(Sower *sower)
{
	return rng_uniform(sower->task->seed, sower->task->stream, sower->draws++);
}

/* A row, with a probability in proportion to its closest. */
static int64_t
draw_row(Sower *sower)
{
	double target = draw(sower) * sower->potential;
	int64_t block = 0;
	int64_t found = -1;
	int64_t row;

	while (block < sower->blocks - 1 && target > sower->block_sums[block])
		target -= sower->block_sums[block++];
	while (block > 0 && sower->block_sums[block] <= 0) /* rounding led past the last row that counts */
		block--;
	row = block * BLOCK;
	for (int64_t i = row; i < row + block_rows(sower, block); i++)
	{
		if (sower->closest[i] <= 0)
			continue;
		found = i;
		target -= sower->closest[i];
		if (target <= 0)
			break;
	}
	return found >= 0 ? found : row;
}

static void
candidate_take(Sower *sower, int32_t place, int64_t row)
{
	size_t features = (size_t) sower->task->features;

	memcpy(sower->candidates + (size_t) place * features, sower->task->rows + (size_t) row * features,
		   features * sizeof(float));
}

/* The sum of closest for each of the first `count` candidates, were it the next centroid. */
static CoreStatus
weigh_candidates(Sower *sower, int32_t count, double *sums)
{
	KmeansPanels panels;
	int64_t width;

	kmeans_panels_init(&panels, sower->kernel, count, sower->task->features, sower->panel);
	kmeans_panels_pack(&panels, sower->candidates);
	width = (int64_t) panels.panels * panels.lanes;
	memset(sums, 0, sizeof(double) * (size_t) count);
	for (int64_t block = 0; block < sower->blocks; block++)
	{
		int64_t rows = block_rows(sower, block);
		const float *closest = sower->closest + block * BLOCK;
		double part[MAX_TRIALS] = {0};

		if (sower->env->cancelled(sower->env))
			return CORE_CANCELLED;
		sower->kernel->squares(&panels, sower->task->rows + block * BLOCK * sower->task->features, rows,
							   sower->squares);
		for (int64_t i = 0; i < rows; i++)
		{
			const float *square = sower->squares + i * width;

			for (int32_t t = 0; t < count; t++)
				part[t] += square[t] < closest[i] ? square[t] : closest[i];
		}
		for (int32_t t = 0; t < count; t++)
			sums[t] += part[t];
	}
	return CORE_OK;
}

/* Candidate `place` becomes a centroid: closest, its sums and the potential follow. */
static CoreStatus
settle(Sower *sower, int32_t place)
{
	KmeansPanels panels;
	int64_t width;

	kmeans_panels_init(&panels, sower->kernel, 1, sower->task->features, sower->panel);
	kmeans_panels_pack(&panels, sower->candidates + (int64_t) place * sower->task->features);
	width = (int64_t) panels.panels * panels.lanes;
	sower->potential = 0;
	for (int64_t block = 0; block < sower->blocks; block++)
	{
		int64_t rows = block_rows(sower, block);
		float *closest = sower->closest + block * BLOCK;
		double sum = 0;

		if (sower->env->cancelled(sower->env))
			return CORE_CANCELLED;
		sower->kernel->squares(&panels, sower->task->rows + block * BLOCK * sower->task->features, rows,
							   sower->squares);
		for (int64_t i = 0; i < rows; i++)
		{
			float square = sower->squares[i * width];

			closest[i] = square < closest[i] ? square : closest[i];
			sum += closest[i];
		}
		sower->block_sums[block] = sum;
		sower->potential += sum;
	}
	return isfinite(sower->potential) ? CORE_OK : CORE_NOT_FINITE;
}

static CoreStatus
sow(Sower *sower, float *centroids, int32_t *found)
{
	const KmeansSeed *task = sower->task;
	size_t features = (size_t) task->features;
	int32_t best = 0;
	CoreStatus status;

	for (int64_t i = 0; i < task->n; i++)
		sower->closest[i] = INFINITY;
	candidate_take(sower, 0, (int64_t) (draw(sower) * (double) task->n));
	for (*found = 0; *found < task->k; (*found)++)
	{
		double sums[MAX_TRIALS];

		if (*found > 0)
		{
			if (sower->potential <= 0)
				return CORE_OK;
			for (int32_t t = 0; t < sower->trials; t++)
				candidate_take(sower, t, draw_row(sower));
			status = weigh_candidates(sower, sower->trials, sums);
			if (status != CORE_OK)
				return status;
			best = 0;
			for (int32_t t = 1; t < sower->trials; t++)
				best = sums[t] < sums[best] ? t : best;
		}
		memcpy(centroids + (size_t) *found * features, sower->candidates + (size_t) best * features,
			   features * sizeof(float));
		status = settle(sower, best);
		if (status != CORE_OK)
			return status;
	}
	return CORE_OK;
}

size_t
kmeans_seed_bytes(int64_t n, int32_t features)
{
	size_t blocks = (size_t) block_count(n) * sizeof(double);

	return blocks +
		   (BLOCK * MAX_TRIALS + kmeans_panel_floats(MAX_TRIALS, features) +
			(size_t) MAX_TRIALS * (size_t) features) *
			   sizeof(float) +
		   256;
}

CoreStatus
kmeans_seed(Env *env, const KmeansSeed *task, float *closest, float *centroids, int32_t *found)
{
	Sower sower = {.task = task, .env = env, .closest = closest, .blocks = block_count(task->n)};
	char *memory = env->alloc(env, kmeans_seed_bytes(task->n, task->features));
	CoreStatus status;

	*found = 0;
	if (memory == NULL)
		return CORE_NO_MEMORY;
	sower.trials = 2 + (int32_t) log((double) task->k);
	if (sower.trials > MAX_TRIALS)
		sower.trials = MAX_TRIALS;
	sower.kernel = kmeans_kernel(sower.trials);
	sower.panel = (float *) memory; /* aligned, as vectors are read from it */
	sower.squares = sower.panel + kmeans_panel_floats(MAX_TRIALS, task->features);
	sower.candidates = sower.squares + BLOCK * MAX_TRIALS;
	sower.block_sums = (double *) (((uintptr_t) (sower.candidates + MAX_TRIALS * (int64_t) task->features) +
									sizeof(double) - 1) &
								   ~(uintptr_t) (sizeof(double) - 1));
	status = sow(&sower, centroids, found);
	env->release(env, memory);
	return status;
}
