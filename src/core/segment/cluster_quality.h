/*
 * cluster_quality.h - how well labels part rows: inertia, silhouette, Davies-Bouldin, Calinski-Harabasz
 *
 * As scikit-learn defines them, over Euclidean distances between the rows as they are given.
 */
#ifndef CORE_SEGMENT_CLUSTER_QUALITY_H
#define CORE_SEGMENT_CLUSTER_QUALITY_H

#include "../env.h"

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

#endif
