/*
 * rank_batch.h - the best items for very many users, by a team, a window of users at a time
 */
#ifndef CORE_RANK_BATCH_H
#define CORE_RANK_BATCH_H

#include "rank_index.h"

/* Users on their way: what is asked for them and what came of it. */
typedef struct RankWindow
{
	int32_t users; /* set by fill; 0: there are no more */
	float *queries; /* [window_users x factors] */
	int64_t *seen_start; /* [window_users + 1] */
	int32_t *seen; /* [window_seen] for each user ascending and distinct: left out of the list */
	int32_t *length; /* [window_users] of each list */
	TopEntry *lists; /* [window_users x k] each best first */
} RankWindow;

typedef struct RankBatch
{
	const float *item_factors; /* [items x factors] */
	int32_t items;
	int32_t factors;
	const RankIndex *index; /* over item_factors; NULL: every item is looked at */
	const int32_t *candidates; /* [n_candidates], ascending and distinct; NULL: every item */
	int32_t n_candidates;
	int32_t k; /* at most the number of items */
	int32_t window_users; /* in a window, at most */
	int64_t window_seen; /* items in all of a window's `seen`, at most */

	/*
	 * In the leader alone: fill brings the next users, take carries lists away.  Windows are filled and taken in turn, and
	 * a status other than CORE_OK ends the work.
	 */
	CoreStatus (*fill)(Env *env, void *arg, RankWindow *window);
	CoreStatus (*take)(Env *env, void *arg, const RankWindow *window);
	void *arg;
} RankBatch;

/*
 * Bytes of shared memory, aligned to 8 and cleared by the caller, and bytes that each member takes from its Env; SIZE_MAX
 * when that overflows.
 */
extern size_t rank_batch_shared_bytes(const RankBatch *batch);
extern size_t rank_batch_member_bytes(const RankBatch *batch);

/* Every member of the team calls this, with the same batch but for the places of its arrays. */
extern CoreStatus rank_batch(Env *env, const RankBatch *batch, void *shared);

#endif
