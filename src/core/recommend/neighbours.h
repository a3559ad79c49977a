/*
 * neighbours.h - the rows most like each row of a sparse matrix: items by their customers, customers by their items
 *
 * cosine     dot(a, b) / (|a| |b| + shrinkage), sums over the columns that both have.  Shrinkage as in Ferrari Dacrema et
 *            al. 2019, "Are We Really Making Much Progress?": what rests on few common columns counts for less
 * dot        dot(a, b): what the library `implicit` takes for BM25
 * pearson    the correlation r of the values in the n columns that both have, each about its mean over those columns, times
 *            n / (n + shrinkage) (Koren 2008, "Factorization Meets the Neighborhood").  For explicit ratings
 * discounted dot(a, b) / weight(b), for weights that come with the problem: what rp3beta.c is made of
 *
 * A neighbour's similarity is above zero: rows that have nothing in common, or the opposite, are none's neighbours (for
 * ratings see Herlocker et al. 1999, "An Algorithmic Framework for Performing Collaborative Filtering").  No row is its
 * own neighbour.  Of equally similar ones the smaller index comes first.
 */
#ifndef CORE_NEIGHBOURS_H
#define CORE_NEIGHBOURS_H

#include "neighbour_lists.h"

typedef enum NeighbourSimilarity
{
	NEIGHBOUR_COSINE,
	NEIGHBOUR_DOT,
	NEIGHBOUR_PEARSON,
	NEIGHBOUR_DISCOUNTED
} NeighbourSimilarity;

typedef struct NeighbourProblem
{
	NeighbourSimilarity similarity;
	double shrinkage; /* >= 0; not read by dot and discounted */
	Csr rows; /* things x features, finite values; what is asked about */
	Csr features; /* features x things, the things they are held against: the transpose of rows, its values may be others */
	const double *weights; /* [things] > 0 where things have features, read by discounted alone */
} NeighbourProblem;

/* Bytes of memory shared by the team, aligned to 8 and cleared to zero by the caller; bytes each member takes from its Env. */
extern size_t neighbours_shared_bytes(int32_t things);
extern size_t neighbours_member_bytes(const NeighbourProblem *problem, int32_t width);

/*
 * Every member of the team calls this with the same problem, lists and shared memory.  lists, of as many rows as there are
 * things, receives for each the `width` most similar others.  Time: the sum over features of the square of their length;
 * memory for no matrix of things x things.  CORE_NOT_FINITE when a sum leaves the finite numbers.
 */
extern CoreStatus neighbours_find(Env *env, const NeighbourProblem *problem, NeighbourLists *lists,
								  void *shared);

/*
 * norms [things]: what neighbours_query must know of each thing, from problem->rows.  O(entries).  CORE_NOT_FINITE when a value
 * is not finite.
 */
extern CoreStatus neighbours_norms(Env *env, const NeighbourProblem *problem, double *norms);

/*
 * The things most similar to one that need not be among them: a history of n distinct features, ascending, with values (NULL:
 * all 1).  `self` is left out, -1: nobody.  top was initialised by the caller and is finished on return.  Takes
 * neighbours_member_bytes from env for a width of 0.
 */
typedef struct NeighbourHistory
{
	const int32_t *features; /* [n] */
	const float *values; /* [n] */
	int32_t n;
	int32_t self;
} NeighbourHistory;
extern CoreStatus neighbours_query(Env *env, const NeighbourProblem *problem, const double *norms,
								   const NeighbourHistory *history, TopK *top);

#endif
