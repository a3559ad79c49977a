/*
 * sparse.h - sparse matrices by rows, and how a list of entries becomes one
 */
#ifndef CORE_SPARSE_H
#define CORE_SPARSE_H

#include "env.h"

/* A list of entries in no particular order; the same (row, col) may recur. */
typedef struct Coo
{
	int64_t n;
	int32_t *row; /* [n] */
	int32_t *col; /* [n] */
	float *value; /* [n]; NULL: every value is 1 */
	bool average; /* repeated entries are averaged, and kept whatever their sign, instead of summed */
} Coo;

/*
 * Compressed sparse rows.  The entries of row r stand at start[r] .. start[r + 1] - 1,
 * their columns ascending and distinct.
 */
typedef struct Csr
{
	int32_t rows;
	int32_t cols;
	int64_t *start; /* [rows + 1] */
	int32_t *col; /* [start[rows]] */
	float *value; /* [start[rows]]; NULL: every value is 1 */
} Csr;

/* What happened to the entries of a list on their way into a matrix. */
typedef struct CooMerge
{
	int64_t taken; /* entries that `keep` let through */
	int64_t merged; /* entries that were added to an earlier one of the same (row, col) */
	int64_t dropped; /* distinct (row, col) whose sum was zero or less, but for rounding */
} CooMerge;

/* Says which entries take part; NULL takes all. */
typedef bool (*CooKeep)(const Coo *coo, int64_t entry, const void *arg);

/*
 * Fill `out` from `coo`: entries of one (row, col) are summed in double precision in ascending order of value (so
 * the sum does not depend on the order of the list), sums at or below zero are dropped, as are those that single
 * precision may have left of zero (2^-24 of the values' sizes together); a positive sum that is no
 * finite float ends in CORE_NOT_FINITE, as does one that is not a number.  Entries of a list without values add up to
 * their count.  The caller provides out's arrays: start [rows + 1], col and (if wanted) value with room for every entry
 * taken, and sets rows and cols.  `keep` is asked twice about each entry and must answer the same.
 * Time O(n + rows + sorting within rows); scratch 16 bytes per entry of the longest row, and 4 bytes per entry taken
 * when the list has values but out is to have none.
 */
extern CoreStatus csr_from_coo(Env *env, const Coo *coo, CooKeep keep, const void *arg, Csr *out,
							   CooMerge *merge);

/* Fill `out` (arrays provided, value NULL exactly where a's is) with the transpose of `a`.  O(entries + rows + cols). */
extern CoreStatus csr_transpose(Env *env, const Csr *a, Csr *out);

static inline int64_t
csr_entries(const Csr *a)
{
	return a->start[a->rows];
}

#endif
