/*
 * hierarchy.h - agglomerative clustering: the two nearest clusters are merged until one is left
 */
#ifndef CORE_SEGMENT_HIERARCHY_H
#define CORE_SEGMENT_HIERARCHY_H

#include "../env.h"

/* How far apart two clusters are. */
typedef enum Linkage
{
	LINKAGE_WARD, /* by how much merging raises the sum of squares; for single rows the Euclidean distance */
	LINKAGE_COMPLETE, /* the farthest two rows */
	LINKAGE_AVERAGE, /* the mean over pairs of rows */
	LINKAGE_SINGLE /* the nearest two rows */
} Linkage;

/* Rows are nodes 0 .. n - 1; merge i makes node n + i. */
typedef struct Merge
{
	double distance;
	int32_t left; /* the smaller number */
	int32_t right;
	int32_t rows;
} Merge;

/*
 * x [n x width], n > 0, sorted as by points_sort, is changed.  merge [n - 1] by rising distance; merges of equal rows come first.
 * *distinct, unless NULL, receives the number of distinct rows.
 */
extern CoreStatus hierarchy_merges(Env *env, double *x, int32_t n, int32_t width, Linkage linkage,
								   Merge *merge, int32_t *distinct);

/*
 * The last k - 1 merges undone: label [n] from 1 by size.  Equal rows stay together, so there are at most as many clusters as
 * distinct rows.
 */
extern CoreStatus hierarchy_label(Env *env, double *x, int32_t n, int32_t width, Linkage linkage, int32_t k,
								  int32_t *label);

/* UINT64_MAX on overflow.  Complete and average linkage keep a distance for every pair of distinct rows. */
extern uint64_t hierarchy_bytes(int32_t n, int32_t width,
								Linkage linkage); /* hierarchy_merges, without merge */
extern uint64_t hierarchy_label_bytes(int32_t n, int32_t width, Linkage linkage);

#endif
