/*
 * itemsets.h - items that are bought together often: frequent itemsets
 */
#ifndef CORE_ITEMSETS_H
#define CORE_ITEMSETS_H

#include "../env.h"
#include "../sparse.h"

#define ITEMSET_MAX 20 /* items of a set */

typedef struct ItemsetParams
{
	int32_t min_baskets; /* a set is frequent that so many baskets hold; at least 1 */
	int32_t max_items; /* sets of up to so many items, 1 .. ITEMSET_MAX */
	size_t memory; /* bytes that may be taken at once */
} ItemsetParams;

/*
 * A tree of prefixes: set s is its parent's items and one more.  Parents stand before their children.  Items are numbered
 * by rank, the rarest frequent one first (of equally rare ones the smaller index), and ascend within a set.
 */
typedef struct Itemsets
{
	int32_t baskets; /* that were looked at */
	int32_t max_items; /* of a set, as asked for */
	int32_t frequent; /* items */
	int32_t *item; /* [frequent] index of the item of each rank */
	int32_t *count; /* [frequent] baskets that hold it */

	int32_t n; /* sets */
	int32_t *last; /* [n] rank of the set's last item */
	int32_t *parent; /* [n] the set without it; -1 when it is alone */
	int32_t *together; /* [n] baskets that hold the whole set */
	int64_t of_size[ITEMSET_MAX + 1]; /* sets of so many items */

	bool full; /* the memory did not suffice: the sets are not all */
	size_t bytes; /* held by these arrays */
} Itemsets;

/*
 * All sets of items that at least min_baskets rows of `baskets` hold (its values are not read).  What is found is freed with
 * itemsets_free, also after a status other than CORE_OK.
 */
extern CoreStatus itemsets_find(Env *env, const Csr *baskets, const ItemsetParams *params, Itemsets *out);

extern void itemsets_free(Env *env, Itemsets *sets);

/* The ranks of set s, ascending, into ranks [ITEMSET_MAX]; returns how many. */
extern int32_t itemset_ranks(const Itemsets *sets, int32_t s, int32_t *ranks);

#endif
