/*
 * design.h - rows of a regression as columns in memory, and the order they are put into
 */
#ifndef CORE_PROMOTE_DESIGN_H
#define CORE_PROMOTE_DESIGN_H

#include "../env.h"

/*
 * n rows.  Groups are what rows share (store, week, cluster): level numbers from 0.  Columns are numbers: sales first,
 * then promo, then covariates.  Without rows the arrays may be NULL.
 */
typedef struct Design
{
	int64_t n;
	int32_t n_groups;
	int32_t **group; /* [n_groups] of [n], each level in 0 .. levels - 1 */
	int32_t *levels; /* [n_groups] */
	int32_t n_columns;
	double **column; /* [n_columns] of [n], finite */
} Design;

/*
 * Sort the rows by the groups in turn, then by the columns in turn, so that nothing computed from them depends on the
 * order in which they came.  O(n log n); scratch 40 bytes a row.
 */
extern CoreStatus design_sort(Env *env, Design *design);

/*
 * The same promise at a third of the price, where any order will do: rows of one level of group 0 stand together, in
 * an order that is chance but depends on the rows alone.  O(n) unless rows repeat; scratch as design_sort's.
 */
extern CoreStatus design_settle(Env *env, Design *design);

/*
 * Take out rows that are alone in a level of one of the first n_effects groups, again and again until none is left (Correia
 * 2015): the level's effect explains such a row wholly, so it tells nothing of the slopes.  Then number each
 * group's levels that are left from 0 on, in their old order.  Scratch 8 bytes a level.
 */
extern CoreStatus design_drop_singletons(Env *env, Design *design, int32_t n_effects, int64_t *dropped);

/* True when every level of `inner` lies within one level of `outer`.  Scratch 4 bytes a level of inner. */
extern CoreStatus design_nested(Env *env, const Design *design, int32_t inner, int32_t outer, bool *nested);

/* Bytes of scratch that the functions above ask for at most, for n rows. */
extern size_t design_scratch_bytes(int64_t n);

#endif
