/*
 * kmeans_kernel.h - which of many centroids is nearest, in plain C and for wider vectors
 *
 * Of |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c) only the bracket, here called the score, differs between centroids.  Centroids
 * are packed into panels in which the lanes of a vector are centroids, so that a row's features are spread one after the
 * other over a tile of scores that stays in registers, and the least of them is found before any of them is stored.  For 8
 * features that is several times faster than a general matrix product with a pass over its result, for 32 it is on a par.
 *
 * A score is summed up feature by feature, whatever tile it is in: a row gets the same answer alone and among others.  Of
 * equal scores the lowest centroid counts.
 */
#ifndef CORE_SEGMENT_KMEANS_KERNEL_H
#define CORE_SEGMENT_KMEANS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define KMEANS_MAX_LANES 16

typedef struct KmeansPanels
{
	int32_t k;
	int32_t features;
	int32_t lanes; /* as the kernel's */
	int32_t panels; /* k / lanes, rounded up */
	float *packed; /* [panels x features x lanes]; 0 beyond the last centroid */
	float *
		half; /* [panels x lanes] half the squared norms; so large that it never counts beyond the last centroid */
} KmeansPanels;

typedef struct KmeansKernel
{
	int32_t lanes;

	/*
	 * For rows [n x features] the label [n] of the nearest centroid and its score [n]; second [n] the least score of the
	 * others, unless NULL.
	 */
	void (*nearest)(const KmeansPanels *panels, const float *rows, int64_t n, int32_t *label, float *score,
					float *second);

	/* out [n x panels * lanes] = squared distances, taken as they are: 0 between equal points and nowhere else. */
	void (*squares)(const KmeansPanels *panels, const float *rows, int64_t n, float *out);

	/* out [n] = the rows' squared norms. */
	void (*norms)(const float *rows, int64_t n, int32_t features, float *out);

	/*
	 * Rows of which label [n] differs from before [n] leave the sums [k x stride] and counts [k] of their old cluster (-1:
	 * none) for the new one.  Returns how many did.
	 */
	int64_t (*move)(const float *rows, int64_t n, int32_t features, const int32_t *before,
					const int32_t *label, double *sums, int64_t stride, int64_t *counts);

	/* The sum of squared distances of rows to the centroids [k x features] of their labels, in double precision. */
	double (*inertia)(const float *rows, int64_t n, int32_t features, const int32_t *label,
					  const float *centroids);
} KmeansKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define KMEANS_KERNELS 3
extern const KmeansKernel *kmeans_kernel_numbered(int number);

/* The best one for so many centroids. */
extern const KmeansKernel *kmeans_kernel(int32_t k);

/* Floats that panels of any kernel take at most; SIZE_MAX when that is too many. */
extern size_t kmeans_panel_floats(int32_t k, int32_t features);

/* Lays panels out in memory [kmeans_panel_floats], aligned to 64 bytes. */
extern void kmeans_panels_init(KmeansPanels *panels, const KmeansKernel *kernel, int32_t k, int32_t features,
							   float *memory);

/* Fill them from centroids [k x features]. */
extern void kmeans_panels_pack(KmeansPanels *panels, const float *centroids);

#endif
