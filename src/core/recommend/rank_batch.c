/*
 * rank_batch.c - the best items for very many users, by a team, a window of users at a time
 *
 * There are two windows.  While the team ranks one of them, the leader first carries the lists of the other away and
 * fills it anew; then it ranks with the others.  So rows are written while lists are made, and however many users there
 * are, memory is that of two windows.  A phase for each window, with a barrier after it:
 *
 *   before    the leader fills the first window
 *   phase w   the leader takes window w - 1 and fills window w + 1; members claim blocks of window w
 *   end       the phase whose window is empty: the leader takes the last one
 *
 * Lists are those of rank_items to the last bit, by the index where there is one.  Whoever ranks a block writes to the
 * users' own places, so the answer does not depend on the size of the team.
 *
 * Memory: shared, two windows; each member, what rank_index_lists takes, or a tile of scores.
 */
#include "rank_batch.h"

#include <string.h>

#include "../team.h"

#define BLOCKS                                                                                               \
	16 /* in a window, at least, while there are users enough: members finish at about the same time */
#define LIST_BYTES 102400 /* what rank_index_lists takes beside its codes, at most */

typedef struct Shared
{
	TeamShared team;
	int32_t users[2]; /* in each window */
} Shared;

/* a + b * c, SIZE_MAX on overflow. */
static size_t
plus_times(size_t a, size_t b, size_t c)
{
	size_t product;
	size_t sum;

	return __builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &sum) ? SIZE_MAX
																							  : sum;
}

/* Bytes of a window's arrays, widest elements first. */
static size_t
window_bytes(const RankBatch *batch)
{
	size_t users = (size_t) batch->window_users;
	size_t entries = plus_times(0, users, (size_t) batch->k);
	size_t bytes = plus_times(0, users + 1, sizeof(int64_t));

	bytes = plus_times(bytes, entries, sizeof(TopEntry));
	bytes = plus_times(bytes, plus_times(0, users, (size_t) batch->factors), sizeof(float));
	bytes = plus_times(bytes, (size_t) batch->window_seen, sizeof(int32_t));
	bytes = plus_times(bytes, users, sizeof(int32_t));
	return bytes > SIZE_MAX - 7 ? SIZE_MAX : (bytes + 7) & ~(size_t) 7;
}

size_t
rank_batch_shared_bytes(const RankBatch *batch)
{
	return plus_times(sizeof(Shared), 2, window_bytes(batch));
}

size_t
rank_batch_member_bytes(const RankBatch *batch)
{
	return RANK_TILE * sizeof(float) + LIST_BYTES + RANK_INDEX_USERS * ((size_t) batch->factors + 64);
}

/* Window `number` of the shared memory, as this member sees it. */
static RankWindow
window_of(const RankBatch *batch, Shared *shared, int64_t number)
{
	size_t users = (size_t) batch->window_users;
	char *base = (char *) (shared + 1) + (size_t) (number & 1) * window_bytes(batch);
	RankWindow window = {.users = shared->users[number & 1], .seen_start = (int64_t *) base};

	window.lists = (TopEntry *) (window.seen_start + users + 1);
	window.queries = (float *) (window.lists + users * (size_t) batch->k);
	window.seen = (int32_t *) (window.queries + users * (size_t) batch->factors);
	window.length = window.seen + batch->window_seen;
	return window;
}

/* Users in a block: as many as the index takes at once, fewer when windows are small. */
static int32_t
block_users(const RankBatch *batch)
{
	int32_t users = batch->window_users / BLOCKS;

	return users < 1 ? 1 : users < RANK_INDEX_USERS ? users : RANK_INDEX_USERS;
}

/* Lists for users first .. first + n - 1 of a window, n <= RANK_INDEX_USERS. */
static CoreStatus
rank_block(Env *env, const RankBatch *batch, const RankWindow *window, int32_t first, int32_t n,
		   float *scratch)
{
	const float *queries = window->queries + (int64_t) first * batch->factors;
	RankFilter filters[RANK_INDEX_USERS];
	TopK tops[RANK_INDEX_USERS];
	CoreStatus status = CORE_OK;

	for (int32_t u = 0; u < n; u++)
	{
		const int64_t *start = window->seen_start + first + u;

		filters[u] = (RankFilter){.exclude = window->seen + start[0],
								  .n_exclude = (int32_t) (start[1] - start[0]),
								  .candidates = batch->candidates,
								  .n_candidates = batch->n_candidates};
		topk_init(&tops[u], window->lists + (int64_t) (first + u) * batch->k, batch->k);
	}
	if (batch->index != NULL && batch->candidates == NULL)
		status = rank_index_lists(env, batch->index, batch->item_factors, queries, NULL, filters, n, tops);
	else
	{
		for (int32_t u = 0; status == CORE_OK && u < n; u++)
			status = rank_items(env, batch->item_factors, batch->items, batch->factors,
								queries + (int64_t) u * batch->factors, NULL, &filters[u], scratch, &tops[u]);
	}
	for (int32_t u = 0; status == CORE_OK && u < n; u++)
		window->length[first + u] = tops[u].n;
	return status;
}

/* The leader's part of phase `number`, before it ranks. */
static CoreStatus
exchange(Env *env, const RankBatch *batch, Shared *shared, int64_t number)
{
	RankWindow other = window_of(batch, shared, number + 1);
	CoreStatus status = number > 0 ? batch->take(env, batch->arg, &other) : CORE_OK;

	/* Nothing comes after an empty window. */
	if (status != CORE_OK || shared->users[number & 1] == 0)
		return status;
	other.users = 0;
	status = batch->fill(env, batch->arg, &other);
	shared->users[(number + 1) & 1] = other.users;
	return status;
}

/* Phase `number`. */
static CoreStatus
window_phase(Team *team, const RankBatch *batch, Shared *shared, int64_t number, float *scratch)
{
	RankWindow window = window_of(batch, shared, number);
	int32_t users = block_users(batch);
	int64_t blocks = ((int64_t) window.users + users - 1) / users;
	int64_t block;

	if (team->env->leader)
		team_fail(team, exchange(team->env, batch, shared, number));
	while ((block = team_claim(team, blocks)) >= 0)
	{
		int32_t first = (int32_t) block * users;
		int32_t left = window.users - first;

		team_fail(team, rank_block(team->env, batch, &window, first, left < users ? left : users, scratch));
	}
	return team_meet(team);
}

/* The phase before the first window. */
static CoreStatus
first_phase(Team *team, const RankBatch *batch, Shared *shared)
{
	if (team->env->leader)
	{
		RankWindow first = window_of(batch, shared, 0);

		first.users = 0;
		team_fail(team, batch->fill(team->env, batch->arg, &first));
		shared->users[0] = first.users;
	}
	return team_meet(team);
}

CoreStatus
rank_batch(Env *env, const RankBatch *batch, void *memory)
{
	Shared *shared = memory;
	Team team = team_join(env, &shared->team);
	float *scratch = env->alloc(env, RANK_TILE * sizeof(float));
	CoreStatus status;

	/* A member without memory still comes to the first barrier, to tell the others. */
	if (scratch == NULL)
		team_fail(&team, CORE_NO_MEMORY);
	status = first_phase(&team, batch, shared);
	for (int64_t number = 0; status == CORE_OK; number++)
	{
		/* During the phase this is the other window's turn to change. */
		bool last = shared->users[number & 1] == 0;

		status = window_phase(&team, batch, shared, number, scratch);
		if (last)
			break;
	}
	if (scratch != NULL)
		env->release(env, scratch);
	return status;
}
