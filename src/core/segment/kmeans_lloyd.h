/*
 * kmeans_lloyd.h - Lloyd's iterations in a team, with bounds where they pay
 */
#ifndef CORE_SEGMENT_KMEANS_LLOYD_H
#define CORE_SEGMENT_KMEANS_LLOYD_H

#include "kmeans.h"
#include "kmeans_kernel.h"

typedef struct LloydTask
{
	const float *rows; /* [n x features] */
	int64_t n;
	int32_t features;
	int32_t k;
	int32_t planned; /* what k was when memory was counted: as large or larger */
	int32_t iterations;
	double tolerance; /* as in KmeansParams */
	bool exhaustive;
} LloydTask;

/*
 * Move centroids [k x features], in place, and fill labels [n] with the nearest of them as they are in the end.  Every member
 * of the team calls it; shared is cleared before.  report: iterations, convergence, inertia, pruned.
 */
extern CoreStatus lloyd_run(Env *env, const LloydTask *task, float *centroids, int32_t *labels, void *shared,
							KmeansReport *report);

/* The rows in each cluster [k], once lloyd_run has come back well. */
extern const int64_t *lloyd_sizes(const LloydTask *task, const void *shared);

extern size_t lloyd_shared_bytes(const LloydTask *task);
extern size_t lloyd_member_bytes(const LloydTask *task);

#endif
