/*
 * segment_batch.c - segments of more rows than memory holds
 *
 * Rows stand in a store on disk in random order (segment_store.h).  Phases:
 *
 *   1. the first kmeans_sample rows, which are a random sample, are parted in memory as all rows would be: restarts, a team
 *   2. centroids go on from there by mini-batches (Sculley 2010, core/segment/kmeans_batch.h), epoch by epoch, until an epoch
 *      is hardly better than that before
 *   3. one more pass labels all rows and sums up what quality and profile tell; quantiles and the silhouette are those of the
 *      sample
 *   4. segments go by size, labels by their ids
 *
 * Phases 2 and 3 are this process's alone: they read as fast as they compute, and their order is what makes the answer.
 *
 * Memory: the greatest of what each phase takes.  That is in 1 what segment_fit.c says of the sample, in 2 a batch, in 3 and 4
 * the ids and 8 bytes a row for labels, and the sample.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/segment_batch.h"
#include "bridge/memory.h"
#include "core/segment/kmeans_batch.h"

typedef struct Batches
{
	SegmentBatch *result;
	SegmentFit *fit;
	SegmentSource *in;
	const SegmentOptions *options;
	int64 sample; /* rows */
	KmeansBatch state;
	void *memory; /* of state */
	int32 *labels; /* [n] in the order of the store */
	int64 *counts; /* [k] */
} Batches;

/* ---- sizes ---- */

static QualityTask
quality_task(const Batches *batches, int32 k)
{
	return (QualityTask){.n = batches->sample,
						 .features = batches->in->features,
						 .k = k,
						 .judged = SILHOUETTE_ROWS,
						 .seed = (uint64) batches->options->seed};
}

static void
require_memory(const Batches *batches, int workers)
{
	const SegmentOptions *options = batches->options;
	const SegmentSource *in = batches->in;
	uint64 width = sizeof(float) * (uint64) in->features;
	uint64 cells = memory_mul((uint64) options->k + 1, in->features);
	QualityTask quality = quality_task(batches, options->k);
	ProfileTask profile = {.n = batches->sample, .features = in->features, .k = options->k};
	uint64 judging = Max(cluster_quality_bytes(&quality), profile_bytes(&profile));
	uint64 moving =
		memory_add(memory_mul(batches->result->rows, width), kmeans_batch_bytes(options->k, in->features));
	uint64 fitting = segment_fit_bytes(options, options->k, (uint64) batches->sample, in->features, workers);
	uint64 ids = memory_add(segment_store_ids_bytes(in->store), sizeof(int32) * (uint64) in->n);
	uint64 ending;
	uint64 need;

	judging = memory_add(judging, memory_mul(batches->sample, width));
	ending = memory_add(memory_mul(in->n, sizeof(int32)), memory_mul(cells, sizeof(double) * 16));
	ending = memory_add(ending, Max(ids, memory_add(moving, judging)));
	need = Max(segment_store_arrange_bytes(in->store), Max(fitting, ending));
	if (options->standardize == SCALE_ROBUST)
		need = Max(need, memory_add(memory_mul(batches->sample, width),
									scale_scratch_bytes(SCALE_ROBUST, batches->sample, in->features)));
	memory_require(memory_add(need, segment_store_bytes()), in->limit, "training by batches");
}

/* ---- the sample ---- */

/* Centroids of the sample's best fit to begin with; the region is gone afterwards. */
static void
fit_sample(Batches *batches, int workers)
{
	const SegmentOptions *options = batches->options;
	SegmentFit *fit = batches->fit;
	FeatureScale *scales = fit->scales;

	segment_fit_create(fit, batches->sample, batches->in->features, options, options->k, workers);
	fit->scales = scales;
	segment_store_read(batches->in->store, fit->rows, batches->sample);
	segment_fit_run(fit, options, options->k);
	batches->state = (KmeansBatch){.k = fit->report.clusters, .features = batches->in->features};
	batches->memory =
		palloc_extended(kmeans_batch_bytes(batches->state.k, batches->state.features) + 64, MCXT_ALLOC_HUGE);
	kmeans_batch_open(&batches->state, fit->centroids, fit->sizes, (void *) TYPEALIGN(64, batches->memory));
	segment_fit_close(fit);
}

/* ---- batches ---- */

static void
run_epochs(Batches *batches)
{
	const SegmentOptions *options = batches->options;
	SegmentBatch *result = batches->result;
	SegmentStore *store = batches->in->store;
	PgEnv *env = &batches->fit->env;
	int64 rows;
	CoreStatus status;
	float *batch =
		palloc_extended(sizeof(float) * (Size) result->rows * (Size) batches->in->features, MCXT_ALLOC_HUGE);

	batches->fit->report.converged = false;
	while (result->epochs < options->iterations && !batches->fit->report.converged)
	{
		segment_store_rewind(store);
		while ((rows = segment_store_read(store, batch, result->rows)) > 0)
			env_check(env, kmeans_batch_step(&env->base, &batches->state, batch, rows), "making segments");
		result->epochs++;
		env->base.progress(&env->base, result->epochs, options->iterations,
						   batches->state.inertia / (double) batches->in->n);
		batches->fit->report.converged = kmeans_batch_epoch(&batches->state, options->tolerance, &status);
		env_check(env, status, "making segments");
	}
	batches->fit->report.iterations += result->epochs;
	pfree(batch);
}

/* ---- labels, quality, profile ---- */

/* All rows once more: their labels, and sums of what they say of their segments. */
static void
label_rows(Batches *batches, QualityStream *quality, ProfileSums *sums)
{
	int32 features = batches->state.features;
	SegmentStore *store = batches->in->store;
	int64 done = 0;
	int64 rows;
	float *block = palloc_extended(sizeof(float) * KMEANS_BATCH_BLOCK * (Size) features, MCXT_ALLOC_HUGE);

	segment_store_rewind(store);
	quality_begin(quality);
	profile_begin(sums);
	while ((rows = segment_store_read(store, block, KMEANS_BATCH_BLOCK)) > 0)
	{
		int32 *labels = batches->labels + done;

		kmeans_batch_label(&batches->state, block, rows, labels);
		quality_add(quality, block, labels, rows);
		profile_add(sums, block, labels, rows);
		done += rows;
	}
	pfree(block);
}

/* The silhouette of the sample, and with its rows what profile_end wants. */
static void
judge_sample(Batches *batches, ProfileSums *sums, ProfileTask *task)
{
	PgEnv *env = &batches->fit->env;
	Quality *all = &batches->result->quality;
	QualityTask quality = quality_task(batches, batches->state.k);
	Quality drawn;
	float *rows =
		palloc_extended(sizeof(float) * (Size) batches->sample * (Size) task->features, MCXT_ALLOC_HUGE);

	segment_store_rewind(batches->in->store);
	segment_store_read(batches->in->store, rows, batches->sample);
	quality.rows = task->rows = rows;
	quality.labels = task->labels = batches->labels;
	task->n = batches->sample;
	env_check(&batches->fit->env, profile_end(&env->base, sums), "describing segments");
	env_check(&batches->fit->env, cluster_quality(&env->base, &quality, &drawn), "judging segments");
	all->silhouette = drawn.silhouette;
	all->silhouette_error = drawn.silhouette_error;
	all->silhouette_rows = drawn.silhouette_rows;
	pfree(rows);
}

static void
judge(Batches *batches)
{
	int32 k = batches->state.k;
	int32 features = batches->state.features;
	Size cells = (Size) k * features;
	SegmentBatch *result = batches->result;
	PgEnv *env = &batches->fit->env;
	ProfileTask task = {.features = features, .scales = batches->fit->scales, .k = k};
	ProfileSums sums = {.task = &task,
						.profile = &result->profile,
						.counts = palloc(sizeof(int64) * k),
						.origin = palloc(sizeof(double) * features)};
	QualityStream quality = {.k = k,
							 .features = features,
							 .centroids = batches->state.centroids,
							 .mean = palloc_extended(sizeof(double) * cells, MCXT_ALLOC_HUGE),
							 .apart = palloc(sizeof(double) * k),
							 .count = batches->counts};

	result->profile.figures =
		palloc_extended(sizeof(double) * (cells + features) * PROFILE_FIGURES, MCXT_ALLOC_HUGE);
	result->profile.room = DECILE_CUTS;
	result->profile.cuts = palloc(sizeof(float) * features * DECILE_CUTS);
	result->profile.shares = palloc(sizeof(double) * features * DECILE_BINS);
	label_rows(batches, &quality, &sums);
	env_check(env, quality_end(&env->base, &quality, &result->quality), "judging segments");
	judge_sample(batches, &sums, &task);
	pfree(quality.mean);
}

/* ---- the order of segments ---- */

static int
largest_first(const void *left, const void *right, void *arg)
{
	const int64 *counts = arg;
	int32 a = *(const int32 *) left;
	int32 b = *(const int32 *) right;

	if (counts[a] != counts[b])
		return counts[a] > counts[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Segments by size, empty ones left out: centroids, sizes, profile; labels follow, and then go by the ids. */
static void
put_in_order(Batches *batches)
{
	Size k = (Size) batches->state.k;
	Size width = (Size) batches->state.features;
	Size block = width * PROFILE_FIGURES;
	SegmentFit *fit = batches->fit;
	double *figures = palloc_extended(sizeof(double) * (k + 1) * block, MCXT_ALLOC_HUGE);
	int32 *order = palloc(sizeof(int32) * k);
	int32 *place = palloc(sizeof(int32) * k);
	Size kept = 0;

	for (Size c = 0; c < k; c++)
		order[c] = (int32) c;
	qsort_arg(order, k, sizeof(int32), largest_first, batches->counts);
	fit->centroids = palloc_extended(sizeof(float) * k * width, MCXT_ALLOC_HUGE);
	fit->sizes = palloc(sizeof(int64) * k);
	for (; kept < k && batches->counts[order[kept]] > 0; kept++)
	{
		Size from = (Size) order[kept];

		place[from] = (int32) kept;
		fit->sizes[kept] = batches->counts[from];
		memcpy(fit->centroids + kept * width, batches->state.centroids + from * width, sizeof(float) * width);
		memcpy(figures + kept * block, batches->result->profile.figures + from * block,
			   sizeof(double) * block);
	}
	memcpy(figures + kept * block, batches->result->profile.figures + k * block, sizeof(double) * block);
	pfree(batches->result->profile.figures);
	batches->result->profile.figures = figures;
	fit->report.clusters = (int32) kept;
	for (int64 i = 0; i < fit->n; i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		batches->labels[i] = place[batches->labels[i]];
	}
}

void
segment_batch_fit(SegmentBatch *batch, SegmentFit *fit, SegmentSource *in, const SegmentOptions *options,
				  int workers)
{
	Batches batches = {.result = batch,
					   .fit = fit,
					   .in = in,
					   .options = options,
					   .sample = Min(in->n, kmeans_sample(options->k))};

	*batch = (SegmentBatch){.rows = options->batch_rows > 0 ? options->batch_rows : SEGMENT_BATCH_ROWS};
	batch->rows = (int32) Min(batch->rows, in->n);
	require_memory(&batches, workers);
	env_init(&fit->env, CurrentMemoryContext);
	fit->scales = palloc(sizeof(FeatureScale) * in->features);
	segment_store_arrange(in->store, &fit->env, segment_scaling(options), batches.sample, fit->scales);
	fit_sample(&batches, workers);
	fit->env.report = true;
	fit->env.verbose = options->verbose;
	fit->env.phase = "training";
	run_epochs(&batches);
	fit->n = in->n;
	fit->report.inertia = 0;
	batches.labels = palloc_extended(sizeof(int32) * (Size) in->n, MCXT_ALLOC_HUGE);
	batches.counts = palloc(sizeof(int64) * batches.state.k);
	judge(&batches);
	put_in_order(&batches);
	pfree(batches.memory);
	fit->labels = palloc_extended(sizeof(int32) * (Size) in->n, MCXT_ALLOC_HUGE);
	in->ids = segment_store_ids(in->store, batches.labels, fit->labels);
	pfree(batches.labels);
	pfree(batches.counts);
	segment_store_close(in->store);
	in->store = NULL;
	fit->rows = NULL;
}
