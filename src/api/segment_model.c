/*
 * segment_model.c - segments to payload sections and back
 *
 * Reading trusts nothing: the sections' lengths must agree with one another, numbers must be finite where something is
 * computed from them, and every label must be one, since the checksum of a payload proves only that it is whole.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"

#include "api/segment_model.h"

/* Numbers of a feature in the section "scales". */
enum
{
	STORED_CENTER,
	STORED_SCALE,
	STORED_LOG,
	STORED_NUMBERS
};

static Size
figures_of(const SegmentModel *model)
{
	return ((Size) model->k + 1) * model->features * PROFILE_FIGURES;
}

/* All names, each with its zero. */
static char *
join_names(const SegmentModel *model, Size *bytes)
{
	char *joined;
	char *to;

	*bytes = 0;
	for (int32 f = 0; f < model->features; f++)
		*bytes += strlen(model->names[f]) + 1;
	joined = to = palloc(*bytes);
	for (int32 f = 0; f < model->features; f++)
		to = stpcpy(to, model->names[f]) + 1;
	return joined;
}

void
segment_model_write(const SegmentModel *model, Payload *payload)
{
	Size k = (Size) model->k;
	Size features = (Size) model->features;
	double *scales = palloc(sizeof(double) * features * STORED_NUMBERS);
	Size name_bytes;
	char *names = join_names(model, &name_bytes);

	for (Size f = 0; f < features; f++)
	{
		scales[f * STORED_NUMBERS + STORED_CENTER] = model->scales[f].center;
		scales[f * STORED_NUMBERS + STORED_SCALE] = model->scales[f].scale;
		scales[f * STORED_NUMBERS + STORED_LOG] = model->scales[f].log;
	}
	payload_add(payload, "names", 1, name_bytes, names);
	payload_add(payload, "scales", sizeof(double), features * STORED_NUMBERS, scales);
	payload_add(payload, "centroids", sizeof(float), k * features, model->centroids);
	payload_add(payload, "numbers", sizeof(int32), k, model->numbers);
	payload_add(payload, "sizes", sizeof(int64), k, model->sizes);
	payload_add(payload, "figures", sizeof(double), figures_of(model), model->profile.figures);
	payload_add(payload, "cuts", sizeof(float), features * DECILE_CUTS, model->profile.cuts);
	payload_add(payload, "shares", sizeof(double), features * DECILE_BINS, model->profile.shares);
	idset_write(&model->members, "member", payload);
	payload_add(payload, "labels", sizeof(int32), model->n, model->labels);
}

/* A section of exactly `count` elements, or NULL. */
static const void *
section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return found == count ? data : NULL;
}

static bool
read_names(const Payload *payload, SegmentModel *model, MemoryContext memory)
{
	uint64 bytes;
	const char *names = payload_get(payload, "names", 1, &bytes);
	int32 found = 0;

	if (names == NULL || bytes == 0 || names[bytes - 1] != '\0')
		return false;
	for (uint64 i = 0; i < bytes; i++)
		found += names[i] == '\0';
	if (found > SEGMENT_MAX_FEATURES)
		return false;
	model->features = found;
	model->names = MemoryContextAlloc(memory, sizeof(char *) * found);
	for (int32 f = 0; f < found; f++)
	{
		if (!pg_verify_mbstr(GetDatabaseEncoding(), names, (int) strlen(names), true))
			return false;
		model->names[f] = (char *) names;
		names += strlen(names) + 1;
	}
	return true;
}

static bool
read_scales(const Payload *payload, SegmentModel *model, MemoryContext memory)
{
	const double *stored =
		section(payload, "scales", sizeof(double), (uint64) model->features * STORED_NUMBERS);

	if (stored == NULL)
		return false;
	model->scales = MemoryContextAlloc(memory, sizeof(FeatureScale) * model->features);
	for (int32 f = 0; f < model->features; f++, stored += STORED_NUMBERS)
	{
		if (!isfinite(stored[STORED_CENTER]) || !isfinite(stored[STORED_SCALE]) || stored[STORED_SCALE] < 0)
			return false;
		model->scales[f] = (FeatureScale){
			.center = stored[STORED_CENTER], .scale = stored[STORED_SCALE], .log = stored[STORED_LOG] != 0};
	}
	return true;
}

/* numbers ascend from 1 on, sizes are those of the labels. */
static bool
read_segments(const Payload *payload, SegmentModel *model)
{
	uint64 k;
	int64 rows = 0;
	int64 *counts;
	bool good = true;

	model->numbers = payload_get(payload, "numbers", sizeof(int32), &k);
	if (model->numbers == NULL || k < 1 || k > SEGMENT_MAX_K)
		return false;
	model->k = (int32) k;
	model->sizes = section(payload, "sizes", sizeof(int64), k);
	model->centroids = section(payload, "centroids", sizeof(float), k * model->features);
	model->labels = section(payload, "labels", sizeof(int32), model->n);
	if (model->sizes == NULL || model->centroids == NULL || model->labels == NULL)
		return false;
	if (payload->trusted)
		return true;
	for (uint64 i = 0; i < k * model->features; i++)
		good &= isfinite(model->centroids[i]);
	counts = palloc0(sizeof(int64) * k);
	for (int64 i = 0; i < model->n && good; i++)
	{
		good &= model->labels[i] >= 0 && model->labels[i] < model->k;
		if (good)
			counts[model->labels[i]]++;
	}
	for (int32 s = 0; s < model->k; s++)
	{
		good &= model->numbers[s] > (s == 0 ? 0 : model->numbers[s - 1]);
		good &= model->sizes[s] >= 1 && model->sizes[s] == counts[s];
		rows += counts[s];
	}
	pfree(counts);
	return good && rows == model->n;
}

static bool
read_profile(const Payload *payload, SegmentModel *model)
{
	uint64 features = model->features;
	uint64 cuts;

	if (payload_get(payload, "cuts", sizeof(float), &cuts) == NULL)
		return false;
	model->profile.room = cuts == features * PROFILE_EARLIER_CUTS ? PROFILE_EARLIER_CUTS : DECILE_CUTS;
	cuts = model->profile.room;
	/* Nothing is written through these. */
	model->profile.figures = (double *) section(payload, "figures", sizeof(double), figures_of(model));
	model->profile.cuts = (float *) section(payload, "cuts", sizeof(float), features * cuts);
	model->profile.shares = (double *) section(payload, "shares", sizeof(double), features * (cuts + 1));
	return model->profile.figures != NULL && model->profile.cuts != NULL && model->profile.shares != NULL;
}

bool
segment_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	SegmentModel *model = MemoryContextAllocZero(memory, sizeof(SegmentModel));
	float *panels;

	if (!read_names(payload, model, memory) || !read_scales(payload, model, memory) ||
		!idset_read(payload, "member", &model->members))
		return false;
	model->n = model->members.n;
	if (!read_segments(payload, model) || !read_profile(payload, model))
		return false;
	model->kernel = kmeans_kernel(model->k);
	panels =
		MemoryContextAllocHuge(memory, kmeans_panel_floats(model->k, model->features) * sizeof(float) + 64);
	kmeans_panels_init(&model->panels, model->kernel, model->k, model->features,
					   (float *) TYPEALIGN(64, panels));
	kmeans_panels_pack(&model->panels, model->centroids);
	loaded->state = model;
	return true;
}
