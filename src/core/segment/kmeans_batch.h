/*
 * kmeans_batch.h - centroids moved by batches of rows, for more rows than memory holds
 *
 * Mini-batch k-means (Sculley 2010, "Web-scale k-means clustering"): a batch's rows get the labels of their nearest centroids,
 * and each centroid then moves towards the mean of its rows of the batch at a rate of its own, the share that they are of all
 * rows it has ever had.  Centroids and the rows that they have had come from a fit of a sample.
 */
#ifndef CORE_SEGMENT_KMEANS_BATCH_H
#define CORE_SEGMENT_KMEANS_BATCH_H

#include "../env.h"
#include "kmeans_kernel.h"

typedef struct KmeansBatch
{
	/* set by the caller */
	int32_t k;
	int32_t features;

	/* set by kmeans_batch_open */
	const KmeansKernel *kernel;
	KmeansPanels panels;
	float *centroids; /* [k x features] */
	double *exact; /* [k x features] the same before they were rounded */
	double *weight; /* [k] rows that each has had */
	double *sums; /* [k x features] of the batch at hand */
	int64_t *counts; /* [k] of the batch at hand */
	int32_t *label; /* [KMEANS_BATCH_BLOCK] */
	int32_t *none; /* [KMEANS_BATCH_BLOCK] -1: no label before */
	float *score; /* [KMEANS_BATCH_BLOCK] */
	double inertia; /* of the epoch so far: squared distances to the centroids as each batch found them */
	double before; /* of the epoch before; infinite in the first */
} KmeansBatch;

#define KMEANS_BATCH_BLOCK 1024 /* rows labelled at a time */

/* Bytes of what kmeans_batch_open lays out; SIZE_MAX when that is too much. */
extern size_t kmeans_batch_bytes(int32_t k, int32_t features);

/* Start from centroids [k x features] and the rows [k] that each has had, in memory [kmeans_batch_bytes] aligned to 64 bytes. */
extern void kmeans_batch_open(KmeansBatch *batch, const float *centroids, const int64_t *sizes, void *memory);

/* One batch of rows [n x features].  Serial, O(n x k x features). */
extern CoreStatus kmeans_batch_step(Env *env, KmeansBatch *batch, const float *rows, int64_t n);

/*
 * Behind the last batch of an epoch: true when its inertia is less than that of the epoch before by no more than this share of
 * it, and another would be for nothing.  CORE_NOT_FINITE in status when distances overflow.
 */
extern bool kmeans_batch_epoch(KmeansBatch *batch, double tolerance, CoreStatus *status);

/* The nearest centroids of rows [n x features], n at most KMEANS_BATCH_BLOCK, into label [n]. */
extern void kmeans_batch_label(const KmeansBatch *batch, const float *rows, int64_t n, int32_t *label);

#endif
