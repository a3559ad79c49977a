/*
 * match.h - the assignment problem: rows to columns, each to one other, at the least cost in all
 */
#ifndef CORE_SEGMENT_MATCH_H
#define CORE_SEGMENT_MATCH_H

#include "../env.h"

/*
 * cost [n x m], n <= m, finite; column [n] receives each row's column.  By shortest augmenting paths (Kuhn 1955, Munkres 1957,
 * in the form of Jonker & Volgenant 1987).  O(n^2 m); scratch 4 (m + 1) numbers.
 */
extern CoreStatus match_rows(Env *env, const double *cost, int32_t n, int32_t m, int32_t *column);

#endif
