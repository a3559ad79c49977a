/*
 * ease.h - item weights in closed form
 *
 * Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data": the matrix B with a zero diagonal that minimises
 *
 *   | X - X B |^2  +  lambda * | B |^2        for X, customers x items
 *
 * is B_ij = - P_ij / P_jj for i != j, where P = (X'X + lambda I)^-1.  A customer's scores are x B: B_ij is what having
 * bought i says for buying j.  Of each column j, the target, only the strongest entries by magnitude are kept.
 */
#ifndef CORE_EASE_H
#define CORE_EASE_H

#include "neighbour_lists.h"

typedef struct EaseParams
{
	double lambda; /* > 0 */
} EaseParams;

typedef struct EaseProblem
{
	EaseParams params;
	Csr by_user; /* users x items, any finite values */
	Csr by_item; /* its transpose */
} EaseProblem;

/*
 * Bytes of memory shared by the team, aligned to 8 and cleared to zero by the caller: half a matrix of items x items doubles
 * and some.  SIZE_MAX when that is more than there can be.
 */
extern size_t ease_shared_bytes(int32_t items);

/* Bytes that each member takes from its Env, for lists of that width. */
extern size_t ease_member_bytes(int32_t items, int32_t width);

/*
 * Every member of the team calls this with the same problem, lists and shared memory.  lists, of as many rows as there are
 * items, says how many are kept (width) and receives, per target item j, the items i with the largest |B_ij| > 0 and their
 * B_ij; of equal ones the smaller index.  CORE_NOT_FINITE when a value is not finite or lambda is too small for the
 * matrix to be positive definite in double precision.  O(items^3 + the sum of the squared lengths of histories).
 */
extern CoreStatus ease_train(Env *env, const EaseProblem *problem, NeighbourLists *lists, void *shared);

#endif
