/*
 * density.c - clusters without centroids as window functions: dbscan_segment, dbscan_kdist, hdbscan_segment,
 * hierarchical_segment
 *
 * partition_matrix collects the rows, core/segment does the rest.
 */
#include "postgres.h"

#include "api/linkage.h"
#include "api/partition_matrix.h"
#include "api/standardize.h"
#include "bridge/memory.h"
#include "core/segment/dbscan.h"
#include "core/segment/hdbscan.h"
#include "core/segment/hierarchy.h"
#include "core/segment/kd_tree.h"

PG_FUNCTION_INFO_V1(promoai_dbscan_segment);
PG_FUNCTION_INFO_V1(promoai_dbscan_kdist);
PG_FUNCTION_INFO_V1(promoai_hdbscan_segment);
PG_FUNCTION_INFO_V1(promoai_hierarchical_segment);

/* Of all functions here; each reads those that it has. */
typedef struct DensityParameters
{
	double eps;
	int32 min_points;
	int32 min_size;
	int32 k;
	int32 linkage;
	int32 standardize;
} DensityParameters;

static const Option eps_option = {"eps", OPTION_REAL, offsetof(DensityParameters, eps), .min = DBSCAN_MIN_EPS,
								  .max = DBSCAN_MAX_EPS};
static const Option min_points_option = {"min_points", OPTION_INT, offsetof(DensityParameters, min_points),
										 .min = 1, .max = PG_INT32_MAX};
static const Option min_size_option = {"min_size", OPTION_INT, offsetof(DensityParameters, min_size),
									   .min = 2, .max = PG_INT32_MAX};
static const Option k_option = {"k", OPTION_INT, offsetof(DensityParameters, k), .min = 1,
								.max = PG_INT32_MAX};
static const Option linkage_option = {"linkage", OPTION_CHOICE, offsetof(DensityParameters, linkage),
									  .choices = linkage_choices};
static const Option standardize_option = {
	"standardize", OPTION_CHOICE, offsetof(DensityParameters, standardize), .choices = standardize_choices};

static DensityParameters *
read_parameters(const Option *table, const Args *args)
{
	DensityParameters *parameters = palloc0(sizeof(DensityParameters));

	options_from_call(table, args, parameters);
	return parameters;
}

static uint64
with_standardizing(int32 n, int32 width, const DensityParameters *parameters, uint64 work)
{
	return memory_add(work, standardize_bytes(parameters->standardize, n, width));
}

static void
prepare(PartitionMatrix *matrix, const DensityParameters *parameters)
{
	standardize_rows(matrix->env, parameters->standardize, matrix->x, matrix->n, matrix->width);
}

/* ---- dbscan_segment ---- */

static void *
dbscan_parameters(const Args *args)
{
	const Option table[] = {eps_option, min_points_option, standardize_option, {NULL}};

	return read_parameters(table, args);
}

static uint64
dbscan_need(int32 n, int32 width, const void *parameters)
{
	return with_standardizing(n, width, parameters, dbscan_bytes(n, width));
}

static void
dbscan_work(PartitionMatrix *matrix, const void *parameters)
{
	const DensityParameters *p = parameters;

	prepare(matrix, p);
	env_check(matrix->env,
			  dbscan_label(&matrix->env->base, matrix->x, matrix->n, matrix->width, p->eps, p->min_points,
						   matrix->label),
			  "looking for clusters");
}

Datum
promoai_dbscan_segment(PG_FUNCTION_ARGS)
{
	static const PartitionTask task = {
		.what = "dbscan_segment", .parameters = dbscan_parameters, .need = dbscan_need, .work = dbscan_work};

	return partition_answer(fcinfo, &task);
}

/* ---- dbscan_kdist ---- */

static void *
kdist_parameters(const Args *args)
{
	const Option table[] = {min_points_option, standardize_option, {NULL}};

	return read_parameters(table, args);
}

static uint64
kdist_need(int32 n, int32 width, const void *parameters)
{
	const DensityParameters *p = parameters;

	return with_standardizing(n, width, p, kd_rows_kth_bytes(n, width, p->min_points));
}

static void
kdist_work(PartitionMatrix *matrix, const void *parameters)
{
	const DensityParameters *p = parameters;

	prepare(matrix, p);
	env_check(matrix->env,
			  kd_rows_kth_distance(&matrix->env->base, matrix->x, matrix->n, matrix->width, p->min_points,
								   matrix->value),
			  "looking for neighbours");
}

Datum
promoai_dbscan_kdist(PG_FUNCTION_ARGS)
{
	static const PartitionTask task = {.what = "dbscan_kdist",
									   .numbers = true,
									   .parameters = kdist_parameters,
									   .need = kdist_need,
									   .work = kdist_work};

	return partition_answer(fcinfo, &task);
}

/* ---- hdbscan_segment ---- */

static void *
hdbscan_parameters(const Args *args)
{
	const Option table[] = {min_size_option, standardize_option, {NULL}};
	DensityParameters *p = read_parameters(table, args);

	p->min_points = args_int_or(args, min_points_option.name, 1, PG_INT32_MAX, p->min_size);
	return p;
}

static uint64
hdbscan_need(int32 n, int32 width, const void *parameters)
{
	const DensityParameters *p = parameters;

	return with_standardizing(n, width, p, hdbscan_bytes(n, width, p->min_points));
}

static void
hdbscan_work(PartitionMatrix *matrix, const void *parameters)
{
	const DensityParameters *p = parameters;

	prepare(matrix, p);
	env_check(matrix->env,
			  hdbscan_label(&matrix->env->base, matrix->x, matrix->n, matrix->width, p->min_size,
							p->min_points, matrix->label),
			  "looking for clusters");
}

Datum
promoai_hdbscan_segment(PG_FUNCTION_ARGS)
{
	static const PartitionTask task = {.what = "hdbscan_segment",
									   .parameters = hdbscan_parameters,
									   .need = hdbscan_need,
									   .work = hdbscan_work};

	return partition_answer(fcinfo, &task);
}

/* ---- hierarchical_segment ---- */

static void *
hierarchical_parameters(const Args *args)
{
	const Option table[] = {k_option, linkage_option, standardize_option, {NULL}};

	return read_parameters(table, args);
}

static uint64
hierarchical_need(int32 n, int32 width, const void *parameters)
{
	const DensityParameters *p = parameters;

	return with_standardizing(n, width, p, hierarchy_label_bytes(n, width, (Linkage) p->linkage));
}

static void
hierarchical_work(PartitionMatrix *matrix, const void *parameters)
{
	const DensityParameters *p = parameters;

	prepare(matrix, p);
	env_check(matrix->env,
			  hierarchy_label(&matrix->env->base, matrix->x, matrix->n, matrix->width, (Linkage) p->linkage,
							  p->k, matrix->label),
			  "merging clusters");
}

Datum
promoai_hierarchical_segment(PG_FUNCTION_ARGS)
{
	static const PartitionTask task = {.what = "hierarchical_segment",
									   .parameters = hierarchical_parameters,
									   .need = hierarchical_need,
									   .work = hierarchical_work};

	return partition_answer(fcinfo, &task);
}
