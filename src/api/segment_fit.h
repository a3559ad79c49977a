/*
 * segment_fit.h - rows of features in memory that a team shares, parted into clusters and judged
 */
#ifndef PROMOAI_API_SEGMENT_FIT_H
#define PROMOAI_API_SEGMENT_FIT_H

#include "postgres.h"

#include "api/segment_source.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/team.h"
#include "core/segment/cluster_quality.h"
#include "core/segment/kmeans.h"
#include "core/segment/scale.h"

#define SILHOUETTE_ROWS 5000 /* judged at most */

/* What the trainer, the sweep and the window function are asked for; each has those that it declares. */
typedef struct SegmentOptions
{
	int32 k;
	int32 k_min, k_max;
	int32 standardize;
	int32 restarts;
	int32 iterations;
	double tolerance;
	int64 seed;
	int32 batch_rows; /* -1: rows are to stay in memory if they can */
	char *memory;
	bool verbose;
} SegmentOptions;

/* The options of kmeans_train; of the others those that they declare, the rest getting their defaults. */
extern const Option segment_options[];

/* The scaling behind the argument "standardize". */
extern ScaleMethod segment_scaling(const SegmentOptions *options);

extern KmeansParams segment_params(const SegmentOptions *options, int32 k);

/* The region; see segment_fit.c. */
typedef struct SegmentRegion SegmentRegion;

typedef struct SegmentFit
{
	Team *team; /* NULL: in no region */
	SegmentRegion *region;
	PgEnv env;
	int64 n;
	int32 features;
	FeatureScale *scales; /* [features] */

	/* in the region */
	float *rows; /* [n x features] scaled */
	float *centroids; /* [k x features] */
	int64 *sizes; /* [k] */
	int32 *labels; /* [n] */
	KmeansReport report;
} SegmentFit;

/* Bytes that a fit with up to k clusters takes, reading not counted. */
extern uint64 segment_fit_bytes(const SegmentOptions *options, int32 k, uint64 n, int32 features,
								int workers);

/* A region for n rows and up to k clusters, its rows to be filled in by the caller. */
extern void segment_fit_create(SegmentFit *fit, int64 n, int32 features, const SegmentOptions *options,
							   int32 k, int workers);

/* Rows from a source that was read into memory for up to k clusters, scaled. */
extern void segment_fit_open(SegmentFit *fit, SegmentSource *in, const SegmentOptions *options, int32 k,
							 int workers);
extern void segment_fit_run(SegmentFit *fit, const SegmentOptions *options, int32 k);
extern void segment_fit_judge(SegmentFit *fit, const SegmentOptions *options, Quality *quality);
extern void segment_fit_close(SegmentFit *fit);

/* Names of features that are the same in all rows, as text[]; says so in a NOTICE when there are any. */
extern Datum segment_constants(const SegmentSource *in, const FeatureScale *scales);

/* Called from segment_init: the job that members of a team do. */
extern void segment_fit_init(void);

#endif
