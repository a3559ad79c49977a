/*
 * segment_fit.c - rows of features in memory that a team shares, parted into clusters and judged
 *
 * The region holds the rows, scaled and in the order of their ids, what k-means answers and what its members share.  Arrays
 * stand as offsets, since every member maps the region elsewhere.
 *
 * Memory, counted before it is taken: the rows twice while they move into the region, 4 bytes a row for labels and 4 for the
 * order, what core/segment/kmeans.c says for the team and each member, and afterwards, in its stead, what judging takes.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/segment_fit.h"
#include "api/segment_model.h"
#include "api/standardize.h"
#include "bridge/memory.h"

#define SEGMENT_JOB "kmeans"

struct SegmentRegion
{
	KmeansParams params;
	int64 n;
	int32 features;
	KmeansReport report;
	Size rows, centroids, sizes, labels, shared; /* offsets */
};

#define FIELD(field) .name = #field, .offset = offsetof(SegmentOptions, field)

const Option segment_options[] = {
	{FIELD(k), .type = OPTION_INT, .min = 1, .max = SEGMENT_MAX_K, .missing = 1},
	{FIELD(k_min), .type = OPTION_INT, .min = 1, .max = SEGMENT_MAX_K, .missing = 1, .transient = true},
	{FIELD(k_max), .type = OPTION_INT, .min = 1, .max = SEGMENT_MAX_K, .missing = 1, .transient = true},
	{FIELD(standardize), .type = OPTION_CHOICE, .choices = standardize_choices},
	{FIELD(restarts), .type = OPTION_INT, .min = 1, .max = 1000, .missing = 10},
	{FIELD(iterations), .type = OPTION_INT, .min = 1, .max = 100000, .missing = 300},
	{FIELD(tolerance), .type = OPTION_REAL, .min = 0, .max = 1, .missing = 1e-4},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0,
	 .missing = 42},
	{FIELD(batch_rows), .type = OPTION_INT, .min = 1, .max = 1 << 24, .missing = -1, .nullable = true},
	{FIELD(memory), .type = OPTION_TEXT},
	{FIELD(verbose), .type = OPTION_BOOL, .transient = true},
	{.name = NULL},
};

ScaleMethod
segment_scaling(const SegmentOptions *options)
{
	return options->standardize == SCALE_NONE ? SCALE_CENTER : (ScaleMethod) options->standardize;
}

KmeansParams
segment_params(const SegmentOptions *options, int32 k)
{
	return (KmeansParams){.k = k,
						  .restarts = options->restarts,
						  .iterations = options->iterations,
						  .tolerance = options->tolerance,
						  .seed = (uint64) options->seed};
}

/* ---- the region ---- */

/* What k-means shares, for any number of clusters of a sweep up to k. */
static uint64
shared_bytes(const SegmentOptions *options, int32 k, int64 n, int32 features)
{
	uint64 most = 0;

	for (int32 some = k == options->k_max ? options->k_min : k; some <= k; some++)
	{
		KmeansParams params = segment_params(options, some);
		uint64 bytes = kmeans_shared_bytes(&params, n, features);

		most = Max(most, bytes);
	}
	return most;
}

/* Lays the region out; returns what it takes. */
static uint64
region_plan(SegmentRegion *region, const SegmentOptions *options, int32 k, int64 n, int32 features)
{
	uint64 cursor = 0;
	uint64 width = sizeof(float) * (uint64) features;

	*region = (SegmentRegion){.n = n, .features = features};
	memory_take(&cursor, 1, sizeof(SegmentRegion));
	region->rows = memory_take(&cursor, n, width);
	region->centroids = memory_take(&cursor, k, width);
	region->sizes = memory_take(&cursor, k, sizeof(int64));
	region->labels = memory_take(&cursor, n, sizeof(int32));
	region->shared = memory_take(&cursor, shared_bytes(options, k, n, features), 1);
	return cursor;
}

static CoreStatus
fit_job(Env *env, void *memory)
{
	SegmentRegion *region = memory;
	char *base = memory;
	KmeansProblem problem = {.params = region->params,
							 .n = region->n,
							 .features = region->features,
							 .rows = (float *) (base + region->rows)};
	KmeansModel model = {.centroids = (float *) (base + region->centroids),
						 .sizes = (int64 *) (base + region->sizes),
						 .labels = (int32 *) (base + region->labels)};
	KmeansReport report = {0};
	CoreStatus status = kmeans_fit(env, &problem, &model, base + region->shared, &report);

	if (env->leader)
		region->report = report;
	return status;
}

void
segment_fit_init(void)
{
	team_register(SEGMENT_JOB, fit_job);
}

/* ---- sizes ---- */

static uint64
judging_bytes(int32 k, int64 n, int32 features)
{
	QualityTask quality = {.n = n, .features = features, .k = k, .judged = SILHOUETTE_ROWS};
	ProfileTask profile = {.n = n, .features = features, .k = k};

	return Max(cluster_quality_bytes(&quality), profile_bytes(&profile));
}

uint64
segment_fit_bytes(const SegmentOptions *options, int32 k, uint64 n, int32 features, int workers)
{
	KmeansParams params = segment_params(options, k);
	SegmentRegion region;
	uint64 need;
	uint64 work = memory_mul(kmeans_member_bytes(&params, (int64) n, features), workers + 1);

	if (n > PG_INT64_MAX / sizeof(double))
		return PG_UINT64_MAX;
	need = region_plan(&region, options, k, (int64) n, features);
	work = Max(work, judging_bytes(k, (int64) n, features));
	work = Max(work, scale_scratch_bytes(segment_scaling(options), (int64) n, features));
	return memory_add(need, work);
}

/* ---- a fit ---- */

void
segment_fit_create(SegmentFit *fit, int64 n, int32 features, const SegmentOptions *options, int32 k,
				   int workers)
{
	int64 sample = Min(n, kmeans_sample(k));
	double flops = 2.0 * k * features * 30 * ((double) n + (double) options->restarts * (double) sample);
	SegmentRegion plan;
	uint64 bytes = region_plan(&plan, options, k, n, features);
	char *base;

	fit->team = team_create(bytes, Min(team_workers(flops), workers));
	fit->region = team_memory(fit->team);
	*fit->region = plan;
	base = (char *) fit->region;
	fit->n = n;
	fit->features = features;
	fit->rows = (float *) (base + plan.rows);
	fit->centroids = (float *) (base + plan.centroids);
	fit->sizes = (int64 *) (base + plan.sizes);
	fit->labels = (int32 *) (base + plan.labels);
	env_init(&fit->env, CurrentMemoryContext);
}

void
segment_fit_open(SegmentFit *fit, SegmentSource *in, const SegmentOptions *options, int32 k, int workers)
{
	ScaleRows rows = {.n = in->n, .features = in->features};

	segment_fit_create(fit, in->n, in->features, options, k, workers);
	fit->scales = palloc(sizeof(FeatureScale) * in->features);
	segment_source_take(in, fit->rows);
	rows.narrow = fit->rows;
	env_check(&fit->env, scale_rows(&fit->env.base, segment_scaling(options), &rows, fit->scales),
			  "standardizing");
}

void
segment_fit_run(SegmentFit *fit, const SegmentOptions *options, int32 k)
{
	KmeansParams params = segment_params(options, k);

	fit->region->params = params;
	memset((char *) fit->region + fit->region->shared, 0,
		   kmeans_shared_bytes(&params, fit->n, fit->features));
	team_run(fit->team, SEGMENT_JOB, &fit->env, "making segments");
	fit->report = fit->region->report;
}

void
segment_fit_judge(SegmentFit *fit, const SegmentOptions *options, Quality *quality)
{
	QualityTask task = {.rows = fit->rows,
						.n = fit->n,
						.features = fit->features,
						.labels = fit->labels,
						.k = fit->report.clusters,
						.judged = SILHOUETTE_ROWS,
						.seed = (uint64) options->seed};

	env_check(&fit->env, cluster_quality(&fit->env.base, &task, quality), "judging segments");
}

void
segment_fit_close(SegmentFit *fit)
{
	if (fit->team != NULL)
		team_destroy(fit->team);
	fit->team = NULL;
}

Datum
segment_constants(const SegmentSource *in, const FeatureScale *scales)
{
	Datum *names = palloc(sizeof(Datum) * in->features);
	StringInfoData list;
	int n = 0;

	initStringInfo(&list);
	for (int32 f = 0; f < in->features; f++)
	{
		if (scales[f].scale != 0)
			continue;
		appendStringInfo(&list, "%s\"%s\"", n == 0 ? "" : ", ", in->names[f]);
		names[n++] = CStringGetTextDatum(in->names[f]);
	}
	if (n > 0 && in->n > 1)
		ereport(NOTICE,
				(errmsg("features with the same value in all rows say nothing of segments: %s", list.data)));
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}
