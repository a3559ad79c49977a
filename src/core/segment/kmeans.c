/*
 * kmeans.c - rows parted into k clusters: starts, the best of them, the last run
 *
 * Phases of a team, with a barrier after each:
 *
 *   1. where there are more rows than the sample holds, it is gathered: one row of every n / sample, drawn by the seed
 *   2. members claim starts; each sows and iterates alone, on the sample or on all rows, and leaves centroids and inertia
 *   3. the leader takes the start with the least inertia.  Should the sample hold fewer distinct rows than k, it sows anew on
 *      all rows
 *   4. Lloyd's iterations on all rows by the whole team, see kmeans_lloyd.c
 *   5. the leader puts clusters in order of size and renumbers the labels
 *
 * Memory: shared, the sample, the starts' centroids and what the last run needs; each member, what one start on the sample
 * needs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../rng.h"
#include "../team.h"
#include "kmeans_lloyd.h"
#include "kmeans_seed.h"

#define SAMPLE_MIN 32768
#define SAMPLE_MAX 131072
#define SAMPLE_PER_CLUSTER 1024
#define GATHER_CHUNKS 64
#define SAMPLE_STREAM UINT64_C(0x73616d706c65) /* of random numbers; starts take those from 0 on */
#define BLOCK 65536 /* rows between looks at the cancel flag where a row costs next to nothing */

typedef struct Start
{
	int32_t found; /* clusters */
	int32_t iterations;
	double inertia;
} Start;

/* The shared memory's head. */
typedef struct Shared
{
	TeamShared team;
	int32_t clusters;
	int32_t iterations; /* of the start that was taken */
	int32_t kept; /* clusters that have rows in the end */
} Shared;

typedef struct Fit
{
	Env *env;
	Team team;
	const KmeansProblem *problem;
	const KmeansModel *model;
	const float *rows; /* on which starts compete */
	int64_t n; /* of them */

	Shared *shared;
	Start *starts; /* [restarts] */
	float *centroids; /* [restarts x k x features] */
	float *sample; /* [n x features] unless all rows take part */
	void *lloyd; /* of the last run */
} Fit;

/* ---- an Env for one member alone ---- */

typedef struct SoloEnv
{
	Env base; /* first, so that an Env * is a SoloEnv * */
	Env *outer;
} SoloEnv;

static void *
solo_alloc(Env *env, size_t bytes)
{
	Env *outer = ((SoloEnv *) env)->outer;

	return outer->alloc(outer, bytes);
}

static void
solo_release(Env *env, void *block)
{
	Env *outer = ((SoloEnv *) env)->outer;

	outer->release(outer, block);
}

static bool
solo_cancelled(Env *env)
{
	Env *outer = ((SoloEnv *) env)->outer;

	return outer->cancelled(outer);
}

static void
solo_progress(Env *env, int step, int steps, double loss)
{
	(void) env;
	(void) step;
	(void) steps;
	(void) loss;
}

static bool
solo_barrier(Env *env)
{
	(void) env;
	return true;
}

static SoloEnv
solo_env(Env *outer)
{
	return (SoloEnv){.base = {.alloc = solo_alloc,
							  .release = solo_release,
							  .cancelled = solo_cancelled,
							  .progress = solo_progress,
							  .barrier = solo_barrier,
							  .leader = true},
					 .outer = outer};
}

/* ---- memory ---- */

int64_t
kmeans_sample(int32_t k)
{
	int64_t rows = (int64_t) SAMPLE_PER_CLUSTER * k;

	return rows < SAMPLE_MIN ? SAMPLE_MIN : rows > SAMPLE_MAX ? SAMPLE_MAX : rows;
}

static LloydTask
lloyd_task(const KmeansParams *params, const float *rows, int64_t n, int32_t features, int32_t clusters)
{
	return (LloydTask){.rows = rows,
					   .n = n,
					   .features = features,
					   .k = clusters,
					   .planned = params->k,
					   .iterations = params->iterations,
					   .tolerance = params->tolerance,
					   .exhaustive = params->exhaustive};
}

static size_t
times(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* a + b in whole cache lines */
static size_t
plus(size_t a, size_t b)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum) || sum > SIZE_MAX - 64)
		return SIZE_MAX;
	return (sum + 63) & ~(size_t) 63;
}

/* Sets pointers into `base` unless it is NULL. */
static size_t
lay_out(Fit *fit, const KmeansParams *params, int64_t n, int32_t features, char *base)
{
	int64_t sample = kmeans_sample(params->k);
	LloydTask last = lloyd_task(params, NULL, n, features, params->k);
	size_t width = times((size_t) features, sizeof(float));
	size_t starts = plus(0, sizeof(Shared));
	size_t centroids = plus(starts, times((size_t) params->restarts, sizeof(Start)));
	size_t gathered = plus(centroids, times(times((size_t) params->restarts, (size_t) params->k), width));
	size_t lloyd = plus(gathered, n > sample ? times((size_t) sample, width) : 0);

	if (base != NULL)
	{
		fit->shared = (Shared *) base;
		fit->starts = (Start *) (base + starts);
		fit->centroids = (float *) (base + centroids);
		fit->sample = n > sample ? (float *) (base + gathered) : NULL;
		fit->lloyd = base + lloyd;
	}
	return plus(lloyd, lloyd_shared_bytes(&last));
}

size_t
kmeans_shared_bytes(const KmeansParams *params, int64_t n, int32_t features)
{
	return lay_out(NULL, params, n, features, NULL);
}

size_t
kmeans_member_bytes(const KmeansParams *params, int64_t n, int32_t features)
{
	int64_t sample = kmeans_sample(params->k);
	LloydTask start = lloyd_task(params, NULL, n < sample ? n : sample, features, params->k);
	LloydTask last = lloyd_task(params, NULL, n, features, params->k);
	size_t sowing = kmeans_seed_bytes(n, features);
	size_t alone = plus(plus(lloyd_shared_bytes(&start), (size_t) start.n * sizeof(int32_t)),
						lloyd_member_bytes(&start));

	return plus(plus(alone, sowing), lloyd_member_bytes(&last));
}

/* ---- phases ---- */

/* One row of each of as many stretches of the rows as the sample holds. */
static void
gather_chunk(Fit *fit, int64_t chunk)
{
	const KmeansProblem *problem = fit->problem;
	size_t width = (size_t) problem->features;
	int64_t stretch = problem->n / fit->n;
	int64_t rest = problem->n % fit->n;

	for (int64_t i = fit->n * chunk / GATHER_CHUNKS; i < fit->n * (chunk + 1) / GATHER_CHUNKS; i++)
	{
		int64_t begin = stretch * i + rest * i / fit->n;
		int64_t end = stretch * (i + 1) + rest * (i + 1) / fit->n;
		int64_t row = begin + (int64_t) (rng_uniform(problem->params.seed, SAMPLE_STREAM, (uint64_t) i) *
										 (double) (end - begin));

		memcpy(fit->sample + (size_t) i * width, problem->rows + (size_t) row * width, width * sizeof(float));
	}
}

static CoreStatus
gather_sample(Fit *fit)
{
	int64_t chunk;

	if (fit->sample == NULL)
		return CORE_OK;
	while ((chunk = team_claim(&fit->team, GATHER_CHUNKS)) >= 0)
		gather_chunk(fit, chunk);
	return team_meet(&fit->team);
}

static float *
start_centroids(const Fit *fit, int64_t number)
{
	return fit->centroids + number * fit->problem->params.k * fit->problem->features;
}

/* Start `number`, by one member alone. */
static CoreStatus
run_start(Fit *fit, int64_t number)
{
	const KmeansParams *params = &fit->problem->params;
	LloydTask task = lloyd_task(params, fit->rows, fit->n, fit->problem->features, params->k);
	SoloEnv solo = solo_env(fit->env);
	size_t bytes = lloyd_shared_bytes(&task);
	char *memory = fit->env->alloc(fit->env, bytes + (size_t) fit->n * sizeof(int32_t));
	KmeansSeed seed = {.rows = fit->rows,
					   .n = fit->n,
					   .features = fit->problem->features,
					   .k = params->k,
					   .seed = params->seed,
					   .stream = (uint64_t) number};
	KmeansReport report = {0};
	CoreStatus status;

	if (memory == NULL)
		return CORE_NO_MEMORY;
	memset(memory, 0, bytes);
	status = kmeans_seed(&solo.base, &seed, (float *) (memory + bytes), start_centroids(fit, number),
						 &fit->starts[number].found);
	task.k = fit->starts[number].found;
	if (status == CORE_OK)
		status = lloyd_run(&solo.base, &task, start_centroids(fit, number), (int32_t *) (memory + bytes),
						   memory, &report);
	fit->starts[number].iterations = report.iterations;
	fit->starts[number].inertia = report.inertia;
	fit->env->release(fit->env, memory);
	return status;
}

static CoreStatus
compete(Fit *fit)
{
	int64_t number;

	while ((number = team_claim(&fit->team, fit->problem->params.restarts)) >= 0)
		team_fail(&fit->team, run_start(fit, number));
	return team_meet(&fit->team);
}

/* The leader decides where the last run begins. */
static CoreStatus
choose_start(Fit *fit)
{
	const KmeansProblem *problem = fit->problem;
	const KmeansParams *params = &problem->params;
	size_t width = (size_t) problem->features * sizeof(float);
	int32_t best = 0;

	if (problem->start != NULL)
	{
		fit->shared->clusters = params->k;
		memcpy(fit->model->centroids, problem->start, (size_t) params->k * width);
		return CORE_OK;
	}
	for (int32_t s = 1; s < params->restarts; s++)
		if (fit->starts[s].found > fit->starts[best].found ||
			(fit->starts[s].found == fit->starts[best].found &&
			 fit->starts[s].inertia < fit->starts[best].inertia))
			best = s;
	fit->shared->clusters = fit->starts[best].found;
	if (fit->shared->clusters < params->k && fit->sample != NULL)
	{
		KmeansSeed seed = {.rows = problem->rows,
						   .n = problem->n,
						   .features = problem->features,
						   .k = params->k,
						   .seed = params->seed};

		/* Labels are not in use yet, and as wide. */
		return kmeans_seed(fit->env, &seed, (float *) fit->model->labels, fit->model->centroids,
						   &fit->shared->clusters);
	}
	fit->shared->iterations = fit->starts[best].iterations;
	memcpy(fit->model->centroids, start_centroids(fit, best), (size_t) fit->shared->clusters * width);
	return CORE_OK;
}

/* ---- the order of clusters ---- */

typedef struct Rank
{
	int64_t size;
	const float *centroid;
	int32_t features;
	int32_t label;
} Rank;

/* The largest first; equal ones by their centroids. */
static int
compare_ranks(const void *left, const void *right)
{
	const Rank *a = left;
	const Rank *b = right;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	for (int32_t f = 0; f < a->features; f++)
		if (a->centroid[f] != b->centroid[f])
			return a->centroid[f] < b->centroid[f] ? -1 : 1;
	return a->label < b->label ? -1 : a->label > b->label;
}

/* Clusters in order, empty ones left out; labels follow. */
static CoreStatus
put_in_order(Fit *fit, const int64_t *sizes)
{
	const KmeansProblem *problem = fit->problem;
	size_t clusters = (size_t) fit->shared->clusters;
	size_t features = (size_t) problem->features;
	float *copy = fit->env->alloc(fit->env, clusters * features * sizeof(float));
	Rank *ranks = fit->env->alloc(fit->env, clusters * sizeof(Rank));
	int32_t *place = fit->env->alloc(fit->env, clusters * sizeof(int32_t));
	CoreStatus status = copy == NULL || ranks == NULL || place == NULL ? CORE_NO_MEMORY : CORE_OK;

	if (status == CORE_OK)
	{
		memcpy(copy, fit->model->centroids, clusters * features * sizeof(float));
		for (size_t c = 0; c < clusters; c++)
			ranks[c] = (Rank){.size = sizes[c],
							  .centroid = copy + c * features,
							  .features = problem->features,
							  .label = (int32_t) c};
		qsort(ranks, clusters, sizeof(Rank), compare_ranks);
		fit->shared->kept = 0;
		for (size_t c = 0; c < clusters; c++)
		{
			place[ranks[c].label] = (int32_t) c;
			fit->shared->kept += ranks[c].size > 0;
			fit->model->sizes[c] = ranks[c].size;
			memcpy(fit->model->centroids + c * features, ranks[c].centroid, features * sizeof(float));
		}
	}
	for (int64_t i = 0; i < problem->n && status == CORE_OK; i++)
	{
		if (i % BLOCK == 0 && fit->env->cancelled(fit->env))
			status = CORE_CANCELLED;
		fit->model->labels[i] = place[fit->model->labels[i]];
	}
	if (copy != NULL)
		fit->env->release(fit->env, copy);
	if (ranks != NULL)
		fit->env->release(fit->env, ranks);
	if (place != NULL)
		fit->env->release(fit->env, place);
	return status;
}

/* ---- all of it ---- */

static CoreStatus
run_last(Fit *fit, KmeansReport *report)
{
	const KmeansProblem *problem = fit->problem;
	LloydTask task =
		lloyd_task(&problem->params, problem->rows, problem->n, problem->features, fit->shared->clusters);
	CoreStatus status =
		lloyd_run(fit->env, &task, fit->model->centroids, fit->model->labels, fit->lloyd, report);

	if (status != CORE_OK)
		return status;
	if (fit->env->leader)
		team_fail(&fit->team, put_in_order(fit, lloyd_sizes(&task, fit->lloyd)));
	status = team_meet(&fit->team);
	report->clusters = fit->shared->kept;
	report->iterations += fit->shared->iterations;
	return status;
}

CoreStatus
kmeans_fit(Env *env, const KmeansProblem *problem, const KmeansModel *model, void *shared,
		   KmeansReport *report)
{
	Fit fit = {.env = env, .problem = problem, .model = model};
	CoreStatus status = CORE_OK;

	lay_out(&fit, &problem->params, problem->n, problem->features, shared);
	fit.team = team_join(env, &fit.shared->team);
	fit.rows = fit.sample != NULL ? fit.sample : problem->rows;
	fit.n = fit.sample != NULL ? kmeans_sample(problem->params.k) : problem->n;
	if (problem->start == NULL)
	{
		status = gather_sample(&fit);
		if (status == CORE_OK)
			status = compete(&fit);
	}
	if (status != CORE_OK)
		return status;
	if (env->leader)
		team_fail(&fit.team, choose_start(&fit));
	status = team_meet(&fit.team);
	return status == CORE_OK ? run_last(&fit, report) : status;
}
