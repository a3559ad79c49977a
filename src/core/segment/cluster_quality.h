/*
 * cluster_quality.h - how well labels part rows: inertia, silhouette, Davies-Bouldin, Calinski-Harabasz
 *
 * As scikit-learn defines them, over Euclidean distances between the rows as they are given.
 */
#ifndef CORE_SEGMENT_CLUSTER_QUALITY_H
#define CORE_SEGMENT_CLUSTER_QUALITY_H

#include "../env.h"
#include "kmeans_kernel.h"

typedef struct QualityTask
{
	const float *rows; /* [n x features] */
	int64_t n;
	int32_t features;
	const int32_t *labels; /* [n] in 0 .. k - 1; rows below 0 (noise) are left out */
	int32_t k;
	int64_t judged; /* the silhouette is taken of so many rows at most, drawn evenly, and among them */
	uint64_t seed; /* of the drawing */
} QualityTask;

/* NaN where something is not defined: fewer than two clusters, as many as rows. */
typedef struct Quality
{
	int32_t clusters; /* with rows */
	int64_t rows; /* with labels */
	double inertia; /* sum of squared distances to the clusters' means */
	double silhouette; /* mean over the judged rows, -1 to 1 */
	double silhouette_error; /* its standard error, the rows taken as drawn at random */
	int64_t silhouette_rows;
	double davies_bouldin; /* 0 and up; the less the better */
	double calinski_harabasz; /* the more the better */
} Quality;

/* O(n x features + judged^2 x features + k^2 x features); serial. */
extern CoreStatus cluster_quality(Env *env, const QualityTask *task, Quality *quality);

extern size_t cluster_quality_bytes(const QualityTask *task);

/*
 * The same of rows that come block by block around centroids that are not quite their means: quality_begin, quality_add for
 * each block, quality_end.  Davies & Bouldin's index takes the mean distances to the centroids; the silhouette is not taken.
 */
typedef struct QualityStream
{
	int32_t k;
	int32_t features;
	const float *centroids; /* [k x features] */
	const KmeansKernel *kernel;
	double inertia; /* around the centroids */
	double *mean; /* [k x features] the caller's: sums of deviations from the centroids, in the end means */
	double *apart; /* [k] the caller's: distances to the centroids */
	int64_t *count; /* [k] the caller's */
} QualityStream;

extern void quality_begin(QualityStream *stream);
extern void quality_add(QualityStream *stream, const float *rows, const int32_t *labels, int64_t n);
extern CoreStatus quality_end(Env *env, QualityStream *stream, Quality *quality);

#endif
