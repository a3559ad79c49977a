/*
 * neighbour_lists.h - for each row the few others that matter most to it, and their weights
 *
 * What ease.c, neighbours.c and rp3beta.c leave behind.  Every row has room for `width` entries, so that the members of a
 * team fill rows in any order; neighbour_lists_csr closes the gaps.
 */
#ifndef CORE_NEIGHBOUR_LISTS_H
#define CORE_NEIGHBOUR_LISTS_H

#include "../sparse.h"
#include "../topk.h"

typedef struct NeighbourLists
{
	int32_t rows;
	int32_t width; /* entries that a row has room for */
	int32_t *count; /* [rows] entries that it has */
	int32_t *col; /* [rows x width], the first count[r] of row r ascending */
	float *value; /* [rows x width], as col */
} NeighbourLists;

/* Lists of n things that are not their own neighbours need no more than this. */
static inline int32_t
neighbour_lists_width(int32_t neighbours, int32_t n)
{
	int32_t others = n > 1 ? n - 1 : 1;

	return neighbours < others ? neighbours : others;
}

/* Bytes of the three arrays; SIZE_MAX when that is more than there can be.  They stand one after another. */
extern size_t neighbour_lists_bytes(int32_t rows, int32_t width);
extern NeighbourLists neighbour_lists_at(void *memory, int32_t rows, int32_t width);

/* Row `row` gets what top kept, whatever order it is in; the order of top's heap is lost. */
extern void neighbour_lists_put(NeighbourLists *lists, int32_t row, TopK *top);

extern int64_t neighbour_lists_entries(const NeighbourLists *lists);

/*
 * The same as compressed rows of `cols` columns; out's arrays have room for as many entries as there are.  out->col and
 * out->value may be lists->col and lists->value.  What the transpose of that is: csr_transpose.
 */
extern CoreStatus neighbour_lists_csr(Env *env, const NeighbourLists *lists, int32_t cols, Csr *out);

#endif
