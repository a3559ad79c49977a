/*
 * merge_sort.h - a stable sort that can be left at any point
 */
#ifndef CORE_MERGE_SORT_H
#define CORE_MERGE_SORT_H

#include "env.h"

/* Negative when left comes before right, 0 when neither does. */
typedef int (*MergeCompare)(const void *left, const void *right, const void *arg);

/*
 * Sort items [n], `width` bytes each; spare [n] is scratch, and may hold the result: items and spare are exchanged as often as
 * needed, so that *items is sorted on return, and both are still the caller's.
 */
extern CoreStatus merge_sort(Env *env, void **items, void **spare, int64_t n, size_t width,
							 MergeCompare compare, const void *arg);

#endif
