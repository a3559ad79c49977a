/*
 * hdbscan.h - clusters of density at every scale (Campello, Moulavi, Zimek & Sander 2015)
 */
#ifndef CORE_SEGMENT_HDBSCAN_H
#define CORE_SEGMENT_HDBSCAN_H

#include "../env.h"

/*
 * x [n x width], sorted as by points_sort, is changed.  label [n] receives each row's cluster, numbered from 1 by size, or 0
 * for noise.  min_size >= 2 rows make a cluster; a row's core distance is that to its min_points-th nearest row, itself counted.
 */
extern CoreStatus hdbscan_label(Env *env, double *x, int32_t n, int32_t width, int32_t min_size,
								int32_t min_points, int32_t *label);
extern uint64_t hdbscan_bytes(int32_t n, int32_t width, int32_t min_points);

#endif
