/*
 * segment.c - segments in SQL: whose a customer is, who is in them, what makes them, and whether they still fit
 *
 * Every function opens the model (one look at the registry under the caller's snapshot, with the caller's rights), takes the
 * version from the cache and answers from it.  A row of features is scaled in single precision by the very steps that training
 * took and labelled by the same kernel, so a customer whose features have not changed is in the segment that segment_members
 * says.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/segment_model.h"
#include "api/segment_serve.h"
#include "bridge/env.h"
#include "bridge/rows.h"
#include "model/cache.h"
#include "model/value.h"

/* ---- the model ---- */

static void
require_kind(const char *kind)
{
	if (strcmp(kind, SEGMENT_KIND) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("a model of kind \"%s\" has no segments", kind),
				 errhint("Use a model trained by promoai.kmeans_train.")));
}

const SegmentModel *
segment_open(const Args *args)
{
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	require_kind(model->kind);
	return cache_get(model, registry_version(model, wanted), CurrentMemoryContext)->state;
}

static const SegmentModel *
open_model_or_value(Args *args)
{
	const LoadedModel *loaded;

	if (args->types[args_find(args, "model")] == TEXTOID)
		return segment_open(args);
	loaded = value_get(args_datum(args, "model", NULL), &args->state, args->fcinfo->flinfo->fn_mcxt);
	require_kind(loaded->version->kind);
	return loaded->state;
}

/* ---- one row of features ---- */

/* to [features] the argument "features", scaled; false when it is NULL or holds one. */
static bool
take_features(const SegmentModel *model, const Args *args, float *to)
{
	ArrayType *array;
	const float8 *values;

	if (args_null(args, "features"))
		return false;
	array = DatumGetArrayTypeP(args_datum(args, "features", NULL));
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != model->features)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"features\" must be an array of %d numbers, got %d",
							   model->features, ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))),
						errdetail("The model was trained on %s.", segment_names(model))));
	if (array_contains_nulls(array))
		return false;
	values = (const float8 *) ((char *) array +
							   (ARR_HASNULL(array) ? array->dataoffset : (int32) ARR_OVERHEAD_NONULLS(1)));
	for (int32 f = 0; f < model->features; f++)
	{
		float value = (float) values[f];

		to[f] = isfinite(value) ? scale_narrow(&model->scales[f], value) : value;
		if (!isfinite(to[f]))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("argument \"features\" must hold finite numbers, got %g as \"%s\"",
								   values[f], model->names[f])));
	}
	return true;
}

/* segment_assign(model or value, features, version): the number of the nearest segment; NULL for a NULL among the features. */
PG_FUNCTION_INFO_V1(promoai_segment_assign);
Datum
promoai_segment_assign(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const SegmentModel *model = open_model_or_value(args);
	float *features = palloc(sizeof(float) * model->features);
	int32 label;
	float score;

	if (!take_features(model, args, features))
		PG_RETURN_NULL();
	segment_nearest(model, features, 1, &label, &score);
	if (!isfinite(score))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("argument \"features\" is too far from every segment to be measured")));
	PG_RETURN_INT32(model->numbers[label]);
}

typedef struct Distance
{
	double distance;
	int32 number;
} Distance;

static int
nearest_first(const void *left, const void *right)
{
	const Distance *a = left;
	const Distance *b = right;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* segment_distances(model, features, version) -> (segment, distance), the nearest first. */
PG_FUNCTION_INFO_V1(promoai_segment_distances);
Datum
promoai_segment_distances(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const SegmentModel *model = segment_open(args);
	float *features = palloc(sizeof(float) * model->features);
	Distance *distances = palloc(sizeof(Distance) * model->k);
	ReturnSetInfo *rows = rows_open(fcinfo);

	if (!take_features(model, args, features))
		return (Datum) 0;
	for (int32 s = 0; s < model->k; s++)
	{
		double sum = 0;

		for (int32 f = 0; f < model->features; f++)
		{
			double apart = (double) features[f] - model->centroids[(Size) s * model->features + f];

			sum += apart * apart;
		}
		distances[s] = (Distance){.distance = sqrt(sum), .number = model->numbers[s]};
	}
	qsort(distances, model->k, sizeof(Distance), nearest_first);
	for (int32 s = 0; s < model->k; s++)
	{
		Datum values[] = {Int32GetDatum(distances[s].number), Float8GetDatum(distances[s].distance)};
		bool nulls[] = {false, false};

		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- who is in them ---- */

/* segment_members(model, version) -> (customer, customer_no, segment) */
PG_FUNCTION_INFO_V1(promoai_segment_members);
Datum
promoai_segment_members(PG_FUNCTION_ARGS)
{
	const SegmentModel *model = segment_open(args_open(fcinfo));
	ReturnSetInfo *rows = rows_open(fcinfo);
	MemoryContext per_row =
		AllocSetContextCreate(CurrentMemoryContext, "promoai member", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int32 i = 0; i < model->members.n; i++)
	{
		IdKey key = idset_key(&model->members, i);
		Datum values[] = {CStringGetTextDatum(id_text(&key)), Int64GetDatum(key.number),
						  Int32GetDatum(model->numbers[model->labels[i]])};
		bool nulls[] = {false, model->members.kind != ID_INTEGER, false};

		CHECK_FOR_INTERRUPTS();
		rows_put(rows, values, nulls);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}

/* ---- what makes them ---- */

static const double *
figures_of(const SegmentModel *model, int32 segment, int32 feature)
{
	return model->profile.figures + ((Size) segment * model->features + feature) * PROFILE_FIGURES;
}

/* The strongest first; features that the model leaves out last. */
static int
strongest_first(const void *left, const void *right)
{
	const SegmentTrait *a = left;
	const SegmentTrait *b = right;
	double x = isnan(a->size.effect) ? -1 : fabs(a->size.effect);
	double y = isnan(b->size.effect) ? -1 : fabs(b->size.effect);

	if (x != y)
		return x > y ? -1 : 1;
	return a->feature - b->feature;
}

SegmentTrait *
segment_traits(const SegmentModel *model, int32 segment)
{
	SegmentTrait *traits = palloc(sizeof(SegmentTrait) * model->features);

	for (int32 f = 0; f < model->features; f++)
	{
		traits[f] = (SegmentTrait){
			.feature = f, .here = figures_of(model, segment, f), .all = figures_of(model, model->k, f)};
		traits[f].size = profile_effect(traits[f].here, model->sizes[segment], traits[f].all, model->n);
	}
	qsort(traits, model->features, sizeof(SegmentTrait), strongest_first);
	return traits;
}

char *
segment_names(const SegmentModel *model)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int32 f = 0; f < model->features; f++)
		appendStringInfo(&list, "%s\"%s\"", f == 0 ? "" : ", ", model->names[f]);
	return list.data;
}

static void
put_trait(ReturnSetInfo *rows, const SegmentModel *model, int32 segment, const SegmentTrait *trait,
		  int32 importance)
{
	const FeatureScale *scale = &model->scales[trait->feature];
	double centroid = scale_undo(scale, model->centroids[(Size) segment * model->features + trait->feature]);
	double figures[] = {(double) model->sizes[segment] / (double) model->n,
						centroid,
						trait->here[PROFILE_MEAN],
						trait->here[PROFILE_SD],
						trait->here[PROFILE_QUARTER],
						trait->here[PROFILE_MEDIAN],
						trait->here[PROFILE_THREE_QUARTERS],
						trait->all[PROFILE_MEAN],
						trait->all[PROFILE_MEDIAN],
						trait->size.effect,
						trait->size.low,
						trait->size.high};
	Datum values[4 + lengthof(figures)];
	bool nulls[lengthof(values)] = {0};
	int i = 0;

	values[i++] = Int32GetDatum(model->numbers[segment]);
	values[i++] = CStringGetTextDatum(model->names[trait->feature]);
	values[i++] = Int64GetDatum(model->sizes[segment]);
	for (int figure = 0; figure < (int) lengthof(figures); figure++)
	{
		nulls[i] = isnan(figures[figure]);
		values[i++] = Float8GetDatum(figures[figure]);
	}
	values[i++] = Int32GetDatum(importance);
	rows_put(rows, values, nulls);
}

/* segment_profile(model, version): a row for each segment and feature, by segment and importance. */
PG_FUNCTION_INFO_V1(promoai_segment_profile);
Datum
promoai_segment_profile(PG_FUNCTION_ARGS)
{
	const SegmentModel *model = segment_open(args_open(fcinfo));
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int32 s = 0; s < model->k; s++)
	{
		SegmentTrait *traits = segment_traits(model, s);

		CHECK_FOR_INTERRUPTS();
		for (int32 t = 0; t < model->features; t++)
			put_trait(rows, model, s, &traits[t], t + 1);
		pfree(traits);
	}
	return (Datum) 0;
}
