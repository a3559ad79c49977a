/*
 * segment_drift.c - whether segments still fit: the model held against a source of today
 *
 * segment_drift compares shares, of segments and of each feature's deciles at training (core/deciles.h), by the population
 * stability index; evaluate(model, source) measures what training measured, on other rows.
 *
 * Where versions are compared, each row is a case: its square distance to the centre of the segment that a version puts it in,
 * in the scales of the published version whichever is evaluated, so that scales learnt from other rows do not decide.
 *
 * Memory: the source's rows, 4 bytes a feature and 4 a row, twice where they are measured, within maintenance_work_mem or
 * memory =>; where versions are compared, once more and 16 a row.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/segment_fit.h"
#include "api/segment_serve.h"
#include "api/segment_train.h"
#include "bridge/memory.h"
#include "bridge/rows.h"

#define BLOCK 1024
#define MODERATE 0.1 /* as credit scoring has it (Siddiqi 2006) */
#define LARGE 0.25

typedef struct Today
{
	const SegmentModel *model;
	SegmentSource in;
	bool measured; /* the silhouette and the like are wanted */
	EvaluateCases *cases; /* NULL: not wanted */
	float *as_read; /* [n x features] with cases: not scaled */
	ProfileShares *shares; /* [features] NULL: not wanted */
	PgEnv env;
	float *rows; /* [n x features] scaled */
	int32 *labels; /* [n] */
} Today;

static uint64
today_need(const void *arg, uint64 rows)
{
	const Today *today = arg;
	QualityTask quality = {.n = (int64) rows,
						   .features = today->model->features,
						   .k = today->model->k,
						   .judged = SILHOUETTE_ROWS};
	uint64 need = memory_mul(rows, sizeof(float) * (uint64) today->model->features + sizeof(int32));

	if (today->measured)
		need = memory_add(need, cluster_quality_bytes(&quality));
	if (today->cases != NULL)
		need = memory_add(need, memory_mul(rows, sizeof(float) * (uint64) today->model->features +
													 sizeof(uint64) + sizeof(double)));
	return need;
}

/* ERROR for a row, from row `begin` on, that is nowhere near any segment: its distances are no numbers. */
static void
refuse_endless(const SegmentSource *in, int64 begin, const float *score)
{
	for (int64 i = 0; i < Min(in->n - begin, BLOCK); i++)
		if (unlikely(!isfinite(score[i])))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("source has a row too far from every segment to be measured, of id %s",
								   table_key_text(&in->table, 0, (int32) (begin + i)))));
}

/* Before they are scaled: a constant feature becomes 0 whatever it is. */
static void
count_shares(const Today *today)
{
	const SegmentModel *model = today->model;

	for (int32 f = 0; f < model->features; f++)
		profile_shares(&model->profile, &model->scales[f], f, &today->shares[f]);
	for (int64 i = 0; i < today->in.n; i++)
	{
		if (unlikely(i % BLOCK == 0))
			CHECK_FOR_INTERRUPTS();
		for (int32 f = 0; f < model->features; f++)
			profile_count(&today->shares[f], &model->scales[f], today->rows[i * model->features + f]);
	}
}

/* Read, put in order, scaled and labelled. */
static void
read_today(Today *today, const char *source, const char *memory, const char *what)
{
	const SegmentModel *model = today->model;
	SegmentSource *in = &today->in;
	ScaleRows rows = {.features = model->features};
	float score[BLOCK];

	in->limit = memory_limit(memory);
	in->what = what;
	in->need = today_need;
	in->need_arg = today;
	segment_source_open(source, in);
	if (in->features != model->features)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source must have an id and %d features, got %d columns", model->features,
							   in->features + 1),
						errdetail("The model was trained on %s.", segment_names(model))));
	segment_source_read(source, in);
	env_init(&today->env, CurrentMemoryContext);
	today->rows =
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) in->n * (Size) model->features);
	today->labels = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) in->n);
	segment_source_take(in, today->rows);
	if (today->cases != NULL)
	{
		today->as_read = memory_huge(in->n, sizeof(float) * (Size) model->features);
		memcpy(today->as_read, today->rows, sizeof(float) * (Size) in->n * (Size) model->features);
	}
	if (today->shares != NULL)
		count_shares(today);
	rows.n = in->n;
	rows.narrow = today->rows;
	env_check(&today->env, scale_apply(&today->env.base, model->scales, &rows), "standardizing");
	for (int64 i = 0; i < in->n; i += BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		segment_nearest(model, today->rows + i * model->features, Min(in->n - i, BLOCK), today->labels + i,
						score);
		refuse_endless(in, i, score);
	}
}

/* ---- drift ---- */

static Datum
number_array(const double *numbers, int32 n)
{
	Datum *elements = palloc(sizeof(Datum) * n);

	for (int32 i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(
		construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A row (feature, psi, verdict, expected, actual, rows); name NULL: the segments. */
static void
put_drift(ReturnSetInfo *rows, const char *name, const double *expected, const double *actual, int32 n,
		  int64 read)
{
	double psi = profile_stability(expected, actual, n);
	Datum values[6];
	bool nulls[6] = {0};

	nulls[0] = name == NULL;
	values[0] = name == NULL ? (Datum) 0 : CStringGetTextDatum(name);
	values[1] = Float8GetDatum(psi);
	values[2] = CStringGetTextDatum(psi >= LARGE ? "large" : psi >= MODERATE ? "moderate" : "small");
	values[3] = number_array(expected, n);
	values[4] = number_array(actual, n);
	values[5] = Int64GetDatum(read);
	rows_put(rows, values, nulls);
}

static void
drift_of_segments(const Today *today, ReturnSetInfo *rows)
{
	const SegmentModel *model = today->model;
	double *expected = palloc(sizeof(double) * model->k);
	double *actual = palloc(sizeof(double) * model->k);
	int64 *counts = palloc0(sizeof(int64) * model->k);

	for (int64 i = 0; i < today->in.n; i++)
		counts[today->labels[i]]++;
	for (int32 s = 0; s < model->k; s++)
	{
		expected[s] = (double) model->sizes[s] / (double) model->n;
		actual[s] = (double) counts[s] / (double) today->in.n;
	}
	put_drift(rows, NULL, expected, actual, model->k, today->in.n);
}

static void
drift_of_feature(const Today *today, int32 f, ReturnSetInfo *rows)
{
	const ProfileShares *shares = &today->shares[f];
	int32 bins = shares->deciles.cuts + 1;
	double actual[DECILE_BINS];

	for (int32 bin = 0; bin < bins; bin++)
		actual[bin] = (double) shares->counts[bin] / (double) today->in.n;
	put_drift(rows, today->model->names[f], shares->expected, actual, bins, today->in.n);
}

/* segment_drift(model, source, version, memory): the segments first, then each feature. */
PG_FUNCTION_INFO_V1(promoai_segment_drift);
Datum
promoai_segment_drift(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Today today = {.model = segment_open(args)};
	char *source = args_text(args, "source");
	ReturnSetInfo *rows;

	today.shares = memory_huge(today.model->features, sizeof(ProfileShares));
	read_today(&today, source, args_text_or_null(args, "memory"), "reading the source");
	rows = rows_open(fcinfo);
	drift_of_segments(&today, rows);
	for (int32 f = 0; f < today.model->features; f++)
		drift_of_feature(&today, f, rows);
	return (Datum) 0;
}

/* ---- evaluate ---- */

/* The centroids [k x features] of one version in the scales of another. */
static double *
centroids_in(const SegmentModel *model, const FeatureScale *scales)
{
	double *centroids = memory_huge((uint64) model->k * model->features, sizeof(double));

	for (int32 s = 0; s < model->k; s++)
		for (int32 f = 0; f < model->features; f++)
		{
			Size at = (Size) s * model->features + f;

			centroids[at] = scale_wide(&scales[f], scale_undo(&model->scales[f], model->centroids[at]));
		}
	return centroids;
}

static void
put_cases(const Today *today)
{
	const SegmentModel *model = today->model;
	const SegmentModel *champion = today->cases->champion->state;
	EvaluateCases *cases = today->cases;
	double *centroids;

	if (champion->features != model->features)
		return;
	centroids = centroids_in(model, champion->scales);
	cases->measure = "mean_square_distance";
	cases->lower_is_better = true;
	cases->n = today->in.n;
	cases->key = memory_huge(cases->n, sizeof(uint64));
	cases->value = memory_huge(cases->n, sizeof(double));
	for (int64 i = 0; i < cases->n; i++)
	{
		IdKey key = idset_key(today->in.ids, (int32) i);
		const double *centroid = centroids + (Size) today->labels[i] * model->features;
		double sum = 0;

		if (unlikely(i % 4096 == 0))
			CHECK_FOR_INTERRUPTS();
		for (int32 f = 0; f < model->features; f++)
		{
			double apart =
				scale_wide(&champion->scales[f], today->as_read[i * model->features + f]) - centroid[f];

			sum += apart * apart;
		}
		cases->key[i] = id_hash(&key);
		cases->value[i] = sum;
	}
}

ModelMetric *
segment_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
				 int *n_metrics)
{
	Today today = {.model = loaded->state, .measured = true, .cases = request->cases};
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * 5);
	Quality quality;
	double squares;
	int n = 0;

	if (request->history != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a model of kind \"%s\" is evaluated without a history", SEGMENT_KIND)));
	read_today(&today, request->source, NULL, "evaluating");
	QualityTask task = {.rows = today.rows,
						.n = today.in.n,
						.features = today.model->features,
						.labels = today.labels,
						.k = today.model->k,
						.judged = SILHOUETTE_ROWS,
						.seed = 42};

	if (request->cases != NULL)
		put_cases(&today);
	env_check(&today.env, cluster_quality(&today.env.base, &task, &quality), "evaluating");
	squares = today.model->kernel->inertia(today.rows, today.in.n, today.model->features, today.labels,
										   today.model->centroids);
	const struct
	{
		const char *name;
		double value, error;
		int64 n;
	} found[] = {{"inertia", squares, NAN, quality.rows},
				 {"mean_square_distance", squares / (double) quality.rows, NAN, quality.rows},
				 {"silhouette", quality.silhouette, quality.silhouette_error, quality.silhouette_rows},
				 {"davies_bouldin", quality.davies_bouldin, NAN, quality.rows},
				 {"calinski_harabasz", quality.calinski_harabasz, NAN, quality.rows}};

	for (int m = 0; m < (int) lengthof(found); m++)
		if (!isnan(found[m].value))
			metrics[n++] = (ModelMetric){.metric = found[m].name,
										 .split = "given source",
										 .value = found[m].value,
										 .low = found[m].value - 1.959963984540054 * found[m].error,
										 .high = found[m].value + 1.959963984540054 * found[m].error,
										 .n = found[m].n};
	*n_metrics = n;
	return metrics;
}
