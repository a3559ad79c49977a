/*
 * rank_index.h - the exact best items for one user or many without looking at every item's factors
 *
 * An index over the rows of a factor model: ids by falling norm, and the rows in codes of one byte a factor, with bounds on
 * what the codes leave out.  The answer is that of rank_items to the last bit, ties included.
 *
 * A stored model needs, beside the item factors themselves (25.6 MB for 100,000 items x 64 factors), with blocks = items / 16
 * rounded up to a multiple of 8 and width = factors rounded up to a multiple of 4:
 *
 *   codes   16 x blocks x width bytes    (6.4 MB)
 *   order   16 x blocks x 4 bytes        (0.4 MB)
 *   limits  4 x blocks x 4 bytes         (0.1 MB)
 */
#ifndef CORE_RANK_INDEX_H
#define CORE_RANK_INDEX_H

#include "rank.h"

typedef struct RankIndex
{
	int32_t items;
	int32_t factors;
	int32_t blocks; /* rank_index_blocks(items) */
	const uint8_t *codes; /* [blocks x quads x 16 x 4] 128 + code; quads: of factors, rounded up */
	const int32_t *order; /* [blocks x 16] items by falling norm, ties by index; -1 where there is none */
	const float *limits; /* [4 x blocks] step, largest error, largest norm, smallest norm of each block */
} RankIndex;

extern int32_t rank_index_blocks(int32_t items);
extern uint64_t rank_index_code_bytes(int32_t items, int32_t factors);

/*
 * Fills codes, order and limits, which the caller provides, from item_factors [items x factors].  CORE_NOT_FINITE when a
 * norm is no finite float.  Takes 16 bytes an item from env for the time of the call.
 */
extern CoreStatus rank_index_build(Env *env, const float *item_factors, int32_t items, int32_t factors,
								   uint8_t *codes, int32_t *order, float *limits, RankIndex *index);

/*
 * False when arrays of these sizes cannot be an index of items x factors, or hold ids out of range: for payloads that
 * somebody may have forged.  Any other content is safe to use, and at worst gives wrong answers.
 */
extern bool rank_index_check(const RankIndex *index, uint64_t codes, uint64_t order, uint64_t limits);

/*
 * The best items for each of queries [n x factors], n <= RANK_INDEX_USERS.  inverse_norms [items] (NULL: plain products)
 * makes scores cosines and must be what feedback_inverse_norms gives.  filters [n], whose candidates are NULL: rank_items is
 * the way to rank few.  tops [n] are initialised by the caller and finished on return.  Takes memory from env for the time
 * of the call: less than 100 kB and n x (factors + 64) bytes.
 */
#define RANK_INDEX_USERS 64
extern CoreStatus rank_index_lists(Env *env, const RankIndex *index, const float *item_factors,
								   const float *queries, const float *inverse_norms,
								   const RankFilter *filters, int32_t n, TopK *tops);

#endif
