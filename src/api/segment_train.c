/*
 * segment_train.c - kmeans_train: segments trained, matched to those before, published; kmeans_sweep: how many there should be
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read; rows go into the team's region in the
 * order of their ids and are scaled; k-means; quality and profile; the segments get the numbers of those they follow in the
 * published version, if there is one; version, metrics and payload are written.
 *
 * Rows that do not fit into memory, or are not to, go to a store on disk while they are read, and segments are made by batches:
 * segment_batch.c.
 *
 * Memory: as segment_fit.c says, beside the ids; all of it is counted while the source is read.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/segment_batch.h"
#include "api/segment_fit.h"
#include "api/segment_match.h"
#include "api/segment_model.h"
#include "api/segment_train.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "model/cache.h"

#define MAX_METRICS 5
#define NORMAL_95 1.959963984540054

typedef struct Training
{
	SegmentOptions options;
	SegmentSource in;
	int workers; /* at most: as set when the training began, whatever the source does to the setting */
	SegmentFit fit;
	bool batched; /* by batches from a store on disk */
	SegmentBatch batch;
	Quality quality;
	const SegmentModel *before; /* the published version, or NULL */
	SegmentMoves moves;
	SegmentModel model;
	Datum constants;
	ModelMetric metrics[MAX_METRICS];
	int n_metrics;
	ModelDraft draft;
} Training;

/* ---- reading ---- */

static uint64
training_need(const void *arg, uint64 rows)
{
	const Training *training = arg;
	const SegmentOptions *options = &training->options;

	return segment_fit_bytes(options, Max(options->k, options->k_max), rows, training->in.features,
							 training->workers);
}

static void
training_read(Training *training, const char *what, bool may_batch)
{
	training->workers = max_parallel_maintenance_workers;
	training->in.limit = memory_limit(training->options.memory);
	training->in.what = what;
	training->in.need = training_need;
	training->in.need_arg = training;
	training->in.spills = may_batch;
	training->in.spill_all = may_batch && training->options.batch_rows > 0;
	training->in.seed = (uint64) training->options.seed;
	segment_source_open(training->draft.source, &training->in);
	segment_source_read(training->draft.source, &training->in);
}

/* ---- training ---- */

static void
fit_in_memory(Training *training)
{
	const SegmentOptions *options = &training->options;
	SegmentFit *fit = &training->fit;

	segment_fit_open(fit, &training->in, options, options->k, training->workers);
	fit->env.report = true;
	fit->env.verbose = options->verbose;
	fit->env.phase = "training";
	segment_fit_run(fit, options, options->k);
}

static void
fit_by_batches(Training *training)
{
	if (!training->in.spill_all)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " rows do not fit into %s: segments are made by batches of %d rows",
						training->in.n, memory_pretty(training->in.limit - 1), SEGMENT_BATCH_ROWS),
				 errhint("Raise maintenance_work_mem or memory => ... to keep all rows in memory; set "
						 "batch_rows => %d to have it so in any case.",
						 SEGMENT_BATCH_ROWS)));
	segment_batch_fit(&training->batch, &training->fit, &training->in, &training->options, training->workers);
}

static void
training_fit(Training *training)
{
	const SegmentOptions *options = &training->options;
	SegmentFit *fit = &training->fit;

	progress_phase(PROGRESS_TRAINING, options->iterations);
	training->batched = training->in.store != NULL;
	if (training->batched)
		fit_by_batches(training);
	else
		fit_in_memory(training);
	training->constants = segment_constants(&training->in, fit->scales);
	fit->env.report = fit->env.verbose = false;
	if (fit->report.clusters < options->k)
		ereport(NOTICE,
				(errmsg("found %d of %d segments: the rows%s differ in no more ways", fit->report.clusters,
						options->k, training->batched ? " on which the starts compete" : "")));
	if (!fit->report.converged)
		ereport(NOTICE, (errmsg("segments still moved after %d iterations", fit->report.iterations),
						 errhint("Raise iterations => ... or tolerance => ....")));
}

static void
put_metric(Training *training, const char *metric, const char *split, double value, double error, int64 n)
{
	if (isnan(value))
		return;
	training->metrics[training->n_metrics++] = (ModelMetric){.metric = metric,
															 .split = split,
															 .value = value,
															 .low = value - NORMAL_95 * error,
															 .high = value + NORMAL_95 * error,
															 .n = n};
}

static void
training_judge(Training *training)
{
	const Quality *quality = &training->quality;
	const char *drawn = "training rows";

	if (training->batched)
		training->quality = training->batch.quality;
	else
		segment_fit_judge(&training->fit, &training->options, &training->quality);
	if (quality->silhouette_rows < quality->rows)
		drawn = psprintf(INT64_FORMAT " of the training rows, drawn evenly, seed " INT64_FORMAT,
						 quality->silhouette_rows, training->options.seed);
	put_metric(training, "inertia", "training rows", quality->inertia, NAN, quality->rows);
	put_metric(training, "silhouette", drawn, quality->silhouette, quality->silhouette_error,
			   quality->silhouette_rows);
	put_metric(training, "davies_bouldin", "training rows", quality->davies_bouldin, NAN, quality->rows);
	put_metric(training, "calinski_harabasz", "training rows", quality->calinski_harabasz, NAN,
			   quality->rows);
}

/* The model, its segments still the largest first. */
static void
training_describe(Training *training)
{
	SegmentFit *fit = &training->fit;
	SegmentModel *model = &training->model;
	Size k = (Size) fit->report.clusters;
	Size features = (Size) fit->features;
	ProfileTask task = {.rows = fit->rows,
						.n = fit->n,
						.features = fit->features,
						.scales = fit->scales,
						.labels = fit->labels,
						.k = fit->report.clusters};

	*model = (SegmentModel){.k = fit->report.clusters,
							.features = fit->features,
							.n = fit->n,
							.names = training->in.names,
							.scales = fit->scales,
							.centroids = fit->centroids,
							.sizes = fit->sizes,
							.members = *training->in.ids,
							.labels = fit->labels};
	if (training->batched)
	{
		model->profile = training->batch.profile;
		return;
	}
	model->profile.figures =
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (k + 1) * features * PROFILE_FIGURES);
	model->profile.room = DECILE_CUTS;
	model->profile.cuts = palloc(sizeof(float) * features * DECILE_CUTS);
	model->profile.shares = palloc(sizeof(double) * features * DECILE_BINS);
	env_check(&fit->env, profile_rows(&fit->env.base, &task, &model->profile), "describing segments");
}

/* What is stored goes by ascending numbers: place [k] of each segment in that order. */
static void
put_in_order(Training *training, const int32 *numbers)
{
	SegmentModel *model = &training->model;
	Size k = (Size) model->k;
	Size width = (Size) model->features;
	Size block = width * PROFILE_FIGURES;
	int32 *place = palloc0(sizeof(int32) * k);
	int32 *sorted = palloc(sizeof(int32) * k);
	int64 *sizes = palloc(sizeof(int64) * k);
	float *centroids = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * k * width);
	double *figures = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (k + 1) * block);

	for (Size s = 0; s < k; s++)
	{
		for (Size other = 0; other < k; other++)
			place[s] += numbers[other] < numbers[s];
		sorted[place[s]] = numbers[s];
		sizes[place[s]] = model->sizes[s];
		memcpy(centroids + place[s] * width, model->centroids + s * width, sizeof(float) * width);
		memcpy(figures + place[s] * block, model->profile.figures + s * block, sizeof(double) * block);
	}
	memcpy(figures + k * block, model->profile.figures + k * block, sizeof(double) * block);
	for (int64 i = 0; i < model->n; i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		training->fit.labels[i] = place[training->fit.labels[i]];
	}
	model->numbers = sorted;
	model->sizes = sizes;
	model->centroids = centroids;
	model->profile.figures = figures;
}

static void
training_match(Training *training)
{
	int32 *numbers = palloc(sizeof(int32) * training->model.k);

	segment_match(&training->fit.env, training->before, &training->model, numbers);
	put_in_order(training, numbers);
	if (training->before == NULL || !segment_comparable(training->before, &training->model))
		return;
	training->moves = segment_moves(training->before, &training->model);
	put_metric(training, "moved", "customers of this version and the one before", training->moves.moved, NAN,
			   training->moves.both);
}

/* The version that is published now, to be followed by the new one. */
static const SegmentModel *
published_version(const char *name)
{
	Model *model;

	if (!registry_may(name, MODEL_USE))
		return NULL;
	model = registry_open(name, MODEL_USE);
	if (!model->published || strcmp(model->kind, SEGMENT_KIND) != 0)
		return NULL;
	return cache_get(model, registry_version(model, 0), CurrentMemoryContext)->state;
}

/* ---- publishing ---- */

static Jsonb *
training_sizes(const Training *training)
{
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "customers", training->fit.n);
	json_put_int(&sizes, "features", training->fit.features);
	json_put_int(&sizes, "segments", training->model.k);
	json_put_int(&sizes, "iterations", training->fit.report.iterations);
	if (training->batched)
	{
		json_put_int(&sizes, "batch_rows", training->batch.rows);
		json_put_int(&sizes, "epochs", training->batch.epochs);
	}
	return json_close(&sizes);
}

static ModelVersion *
training_publish(Training *training)
{
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	segment_model_write(&training->model, &payload);
	training->draft.kind = SEGMENT_KIND;
	training->draft.arguments = options_to_jsonb(segment_options, &training->options);
	training->draft.rows_read = training->in.table.rows_read;
	training->draft.rows_skipped = training->in.table.rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	segment_fit_close(&training->fit);
	progress_end();
	return version;
}

static ModelVersion *
training_finish(Training *training)
{
	training_fit(training);
	training_judge(training);
	training_describe(training);
	training->before = published_version(training->draft.model);
	training_match(training);
	return training_publish(training);
}

/* ---- the SQL functions ---- */

static Datum
report_row(FunctionCallInfo fcinfo, const Training *training, const ModelVersion *version)
{
	Datum values[14];
	bool nulls[14] = {0};
	int i = 0;

	values[i++] = CStringGetTextDatum(training->draft.model);
	values[i++] = Int32GetDatum(version->version);
	values[i++] = CStringGetTextDatum(SEGMENT_KIND);
	values[i++] = Int64GetDatum(training->in.table.rows_read);
	values[i++] = Int64GetDatum(training->in.table.rows_skipped);
	values[i++] = Int64GetDatum(training->fit.n);
	values[i++] = Int32GetDatum(training->fit.features);
	values[i++] = Int32GetDatum(training->model.k);
	values[i++] = Int32GetDatum(training->fit.report.iterations);
	values[i++] = training->constants;
	nulls[i] = !training->batched;
	values[i++] = Int32GetDatum(training->batch.rows);
	nulls[i] = !training->moves.known;
	values[i++] = Int64GetDatum(training->moves.moved);
	values[i++] = JsonbPGetDatum(registry_metrics_jsonb(training->metrics, training->n_metrics));
	values[i++] = Float8GetDatum(draft_seconds(&training->draft));
	return rows_single(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(promoai_kmeans_train);
Datum
promoai_kmeans_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Training training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(segment_options, args, &training.options);
	registry_begin(training.draft.model, SEGMENT_KIND);

	progress_start(training.draft.model);
	training_read(&training, "training", true);
	version = training_finish(&training);
	return report_row(fcinfo, &training, version);
}

static ModelVersion *
segment_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	Training training = {.draft = draft_of_model(model)};

	options_from_jsonb(segment_options, model->arguments, &training.options);

	progress_start(model->name);
	training_read(&training, "training", true);
	read_done(arg);
	return training_finish(&training);
}

/* ---- how many segments ---- */

typedef struct SweepRow
{
	int32 k;
	int32 segments;
	Quality quality;
} SweepRow;

static void
put_sweep_row(ReturnSetInfo *rows, const SweepRow *row, bool suggested)
{
	const Quality *quality = &row->quality;
	double figures[] = {quality->inertia,
						quality->silhouette,
						quality->silhouette - NORMAL_95 * quality->silhouette_error,
						quality->silhouette + NORMAL_95 * quality->silhouette_error,
						quality->davies_bouldin,
						quality->calinski_harabasz};
	Datum values[9];
	bool nulls[9] = {0};

	values[0] = Int32GetDatum(row->k);
	values[1] = Int32GetDatum(row->segments);
	for (int i = 0; i < (int) lengthof(figures); i++)
	{
		values[2 + i] = Float8GetDatum(figures[i]);
		nulls[2 + i] = isnan(figures[i]);
	}
	values[8] = BoolGetDatum(suggested);
	rows_put(rows, values, nulls);
}

/*
 * kmeans_sweep(source, k_min, k_max, standardize, restarts, iterations, tolerance, seed, memory) -> a row for each k
 */
PG_FUNCTION_INFO_V1(promoai_kmeans_sweep);
Datum
promoai_kmeans_sweep(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Training training = {0};
	SegmentOptions *options = &training.options;
	ReturnSetInfo *rows;
	SweepRow *sweep;
	int32 best = -1;
	int32 n = 0;

	training.draft.source = args_text(args, "source");
	options_from_call(segment_options, args, options);
	if (options->k_min > options->k_max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"k_max\" must be at least \"k_min\", %d, got %d", options->k_min,
							   options->k_max)));
	training_read(&training, "the sweep", false);
	segment_fit_open(&training.fit, &training.in, options, options->k_max, training.workers);
	segment_constants(&training.in, training.fit.scales);
	sweep = palloc(sizeof(SweepRow) * (options->k_max - options->k_min + 1));
	for (int32 k = options->k_min; k <= options->k_max; k++)
	{
		segment_fit_run(&training.fit, options, k);
		segment_fit_judge(&training.fit, options, &training.quality);
		sweep[n] = (SweepRow){.k = k, .segments = training.fit.report.clusters, .quality = training.quality};
		if (!isnan(training.quality.silhouette) &&
			(best < 0 || training.quality.silhouette > sweep[best].quality.silhouette))
			best = n;
		n++;
	}
	rows = rows_open(fcinfo);
	for (int32 i = 0; i < n; i++)
		put_sweep_row(rows, &sweep[i], i == best);
	segment_fit_close(&training.fit);
	return (Datum) 0;
}

void
segment_init(void)
{
	static const ModelKind kind = {.name = SEGMENT_KIND,
								   .compared_by_draw = true,
								   .retrain = segment_retrain,
								   .load = segment_model_load,
								   .evaluate = segment_evaluate};

	kind_register(&kind);
	segment_fit_init();
}
