/*
 * kmeans_seed.h - the first centroids, by greedy k-means++
 */
#ifndef CORE_SEGMENT_KMEANS_SEED_H
#define CORE_SEGMENT_KMEANS_SEED_H

#include "kmeans.h"

typedef struct KmeansSeed
{
	const float *rows; /* [n x features] */
	int64_t n;
	int32_t features;
	int32_t k;
	uint64_t seed;
	uint64_t stream; /* which start */
} KmeansSeed;

/*
 * centroids [k x features] become rows: the first drawn evenly, each next the best of 2 + log k that are drawn with a
 * probability in proportion to the squared distance to the nearest centroid so far.  *found < k when all rows lie on
 * centroids before.  closest [n] is scratch.
 */
extern CoreStatus kmeans_seed(Env *env, const KmeansSeed *task, float *closest, float *centroids,
							  int32_t *found);

/* Scratch beside closest. */
extern size_t kmeans_seed_bytes(int64_t n, int32_t features);

#endif
