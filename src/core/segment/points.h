/*
 * points.h - rows of numbers in canonical order, and equal rows as one point
 */
#ifndef CORE_SEGMENT_POINTS_H
#define CORE_SEGMENT_POINTS_H

#include "../env.h"

/*
 * Sort the rows of x [n x width], which hold no NaN, by their first column, then the second, and so on; row [n] is carried
 * along.  Rows that are equal throughout may stand in any order: nothing can tell them apart.  O(n log n); scratch
 * points_sort_bytes.
 */
extern CoreStatus points_sort(Env *env, double *x, int32_t n, int32_t width, int32_t *row);
extern uint64_t points_sort_bytes(int32_t n, int32_t width);

/*
 * Sorted rows of x [n x width] as distinct points, which are moved to the front of x.  Rows start[p] .. start[p + 1] - 1 were
 * point p; start [n + 1].
 */
extern CoreStatus points_distinct(Env *env, double *x, int32_t n, int32_t width, int32_t *start,
								  int32_t *distinct);

/* The squared diagonal of the box around x [n x width]: no squared distance is greater.  Infinite when it leaves the doubles. */
extern double points_diameter2(const double *x, int32_t n, int32_t width);

#endif
