/*
 * segment_model.h - segments around centroids as they are stored and served
 */
#ifndef PROMOAI_API_SEGMENT_MODEL_H
#define PROMOAI_API_SEGMENT_MODEL_H

#include "postgres.h"

#include "bridge/ids.h"
#include "core/payload.h"
#include "core/segment/kmeans_kernel.h"
#include "core/segment/profile.h"
#include "model/kind.h"

#define SEGMENT_KIND "kmeans"
#define SEGMENT_MAX_K 1000
#define SEGMENT_MAX_FEATURES 1663 /* a query's columns, less the id */

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct SegmentModel
{
	int32 k;
	int32 features;
	int64 n; /* customers */
	char **names; /* [features] */
	FeatureScale *scales; /* [features] */
	const float *centroids; /* [k x features] scaled */
	const int32 *numbers; /* [k] what each segment is called: ascending, from 1 */
	const int64 *sizes; /* [k] */
	Profile profile;
	IdSet members; /* [n] */
	const int32 *labels; /* [n] segment of each member, 0 .. k - 1 */

	/* made by loading */
	const KmeansKernel *kernel;
	KmeansPanels panels;
} SegmentModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void segment_model_write(const SegmentModel *model, Payload *payload);

/* ModelKind.load: state becomes a SegmentModel *. */
extern bool segment_model_load(LoadedModel *loaded, MemoryContext memory);

/* The nearest segment, 0 .. k - 1, of scaled rows [n x features], and its score. */
static inline void
segment_nearest(const SegmentModel *model, const float *rows, int64 n, int32 *label, float *score)
{
	model->kernel->nearest(&model->panels, rows, n, label, score, NULL);
}

#endif
