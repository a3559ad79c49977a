/*
 * spanning.h - the minimum spanning tree of points
 */
#ifndef CORE_SEGMENT_SPANNING_H
#define CORE_SEGMENT_SPANNING_H

#include "kd_tree.h"

/* An edge or a merge: two things at a distance. */
typedef struct Edge
{
	double weight;
	int32_t a;
	int32_t b;
} Edge;

/* Sort by weight, keeping the order of equal ones.  Scratch as large as edge. */
extern CoreStatus edges_sort(Env *env, Edge *edge, int32_t n);

/*
 * edge [tree->n - 1], between places, sorted by weight: the minimum spanning tree under the squared distance between two
 * points, or the greatest of it and their two core2 [tree->n] (mutual reachability) unless core2 is NULL.
 */
extern CoreStatus spanning_tree(Env *env, const KdTree *tree, const double *core2, Edge *edge);
extern uint64_t spanning_bytes(int32_t n); /* without edge */

#endif
