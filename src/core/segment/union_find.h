/*
 * union_find.h - sets that are joined, by path halving (Tarjan & van Leeuwen 1984)
 */
#ifndef CORE_SEGMENT_UNION_FIND_H
#define CORE_SEGMENT_UNION_FIND_H

#include <stdint.h>

/* parent [n] starts as parent[i] = i. */
static inline int32_t
union_find(int32_t *parent, int32_t i)
{
	while (parent[i] != i)
	{
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

/* Joins two sets; the smaller of the two roots becomes the root. */
static inline void
union_join(int32_t *parent, int32_t a, int32_t b)
{
	a = union_find(parent, a);
	b = union_find(parent, b);
	if (a < b)
		parent[b] = a;
	else
		parent[a] = b;
}

#endif
