/*
 * dbscan.h - clusters of density (Ester, Kriegel, Sander & Xu 1996)
 */
#ifndef CORE_SEGMENT_DBSCAN_H
#define CORE_SEGMENT_DBSCAN_H

#include "../env.h"

/* Distances are squared on the way: outside these their squares would leave the normal doubles. */
#define DBSCAN_MIN_EPS 1e-150
#define DBSCAN_MAX_EPS 1e150

/*
 * x [n x width], sorted as by points_sort, is changed.  label [n] receives each row's cluster, numbered from 1 by size, or 0
 * for noise.  A row is a core row when at least min_points rows, itself among them, are at most eps away.  Core rows within
 * eps of each other share a cluster; any other row within eps of core rows joins that one of their clusters whose first core
 * row stands first in x.
 */
extern CoreStatus dbscan_label(Env *env, double *x, int32_t n, int32_t width, double eps, int32_t min_points,
							   int32_t *label);
extern uint64_t dbscan_bytes(int32_t n, int32_t width);

#endif
