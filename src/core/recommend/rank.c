/*
 * rank.c - the best items by a factor model: one user's list, and many users' lists judged
 *
 * One user: scores a tile of items at a time (rank_kernel.h: the same on every machine), then the heap behind its
 * threshold.  Items that must not be listed are ascending, so they cut a tile into stretches; within a stretch nothing but
 * the threshold is looked at.
 *
 * rank_evaluate, in two phases with a barrier after each:
 *
 *   1. the leader lists the users to be judged, in order, and makes an index of the items when there are so many users that
 *      this pays (rank_index.h: the same lists)
 *   2. members claim blocks of that list; a user's measures go to the user's own place in shared memory, and each item
 *      that was listed sets a bit
 *
 * Nothing depends on who does a block, and rank_summary adds up in order of users, so the answer does not depend on
 * the size of the team.  Nor does it on the machine: scores are the same on every one.
 *
 * Memory: shared, (8 RANK_MEASURES + 4) bytes a user, a bit an item, and the index; each member, a block's user factors,
 * lists and relevant items, and what the index takes to be made and asked.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "rank.h"
#include "rank_index.h"
#include "rank_kernel.h"
#include "../team.h"

#define BLOCK_USERS RANK_INDEX_USERS /* at most; fewer when lists are very long */
#define BLOCK_ENTRIES 65536 /* list entries in a block, at most while a block has several users */
#define INDEX_PAYS 64 /* users: making an index takes as long as some 30 to 60 full scans */
#define STRETCH 65536 /* small steps between two looks at the cancel flag */

static inline int32_t
smaller(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* Offer scores [n] of items first .. first + n - 1. */
static void
offer_stretch(TopK *top, const float *scores, int32_t first, int32_t n)
{
	int32_t i = 0;

	for (; i < n && top->n < top->k; i++)
		topk_push(top, scores[i], first + i);
	if (top->k == 0)
		return;
	/* Most groups have nothing above the threshold; a score that is not a number passes and topk_wants decides. */
	for (; i + 16 <= n; i += 16)
	{
		float threshold = top->heap[0].score;
		int above = 0;

		for (int lane = 0; lane < 16; lane++)
			above |= !(scores[i + lane] < threshold);
		if (!above)
			continue;
		for (int lane = 0; lane < 16; lane++)
		{
			if (topk_wants(top, scores[i + lane], first + i + lane))
				topk_push(top, scores[i + lane], first + i + lane);
		}
	}
	for (; i < n; i++)
	{
		if (topk_wants(top, scores[i], first + i))
			topk_push(top, scores[i], first + i);
	}
}

/*
 * Offer scores [n] of items first .. first + n - 1 except those in exclude [n_exclude], of which the first `at` lie before
 * `first`.  Returns how many lie before first + n: the `at` of the next tile.
 */
static int64_t
offer_tile(TopK *top, const float *scores, int32_t first, int32_t n, const int32_t *exclude,
		   int64_t n_exclude, int64_t at)
{
	int32_t done = 0;

	for (; at < n_exclude && exclude[at] < first + n; at++)
	{
		int32_t stop = exclude[at] - first;

		offer_stretch(top, scores + done, first + done, stop - done);
		done = stop + 1;
	}
	offer_stretch(top, scores + done, first + done, n - done);
	return at;
}

/* rank_items where every item is a candidate. */
static CoreStatus
rank_all(Env *env, const float *item_factors, int32_t items, int32_t factors, const float *query,
		 const float *scale, const RankFilter *filter, float *scratch, TopK *top)
{
	int64_t at = 0;

	for (int32_t lo = 0; lo < items;)
	{
		int32_t n = smaller(RANK_TILE, items - lo);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		rank_kernel()->scores(item_factors + (int64_t) lo * factors, n, factors, query, scratch);
		for (int32_t i = 0; scale != NULL && i < n; i++)
			scratch[i] *= scale[lo + i];
		at = offer_tile(top, scratch, lo, n, filter->exclude, filter->n_exclude, at);
		lo += n;
	}
	return CORE_OK;
}

/* rank_items where candidates are given. */
static CoreStatus
rank_candidates(Env *env, const float *item_factors, int32_t factors, const float *query, const float *scale,
				const RankFilter *filter, TopK *top)
{
	const RankKernel *kernel = rank_kernel();
	int32_t at = 0;

	for (int32_t c = 0; c < filter->n_candidates; c++)
	{
		int32_t item = filter->candidates[c];
		float score;

		if (c % RANK_TILE == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		while (at < filter->n_exclude && filter->exclude[at] < item)
			at++;
		if (at < filter->n_exclude && filter->exclude[at] == item)
			continue;
		kernel->scores(item_factors + (int64_t) item * factors, 1, factors, query, &score);
		if (scale != NULL)
			score *= scale[item];
		if (topk_wants(top, score, item))
			topk_push(top, score, item);
	}
	return CORE_OK;
}

CoreStatus
rank_items(Env *env, const float *item_factors, int32_t items, int32_t factors, const float *query,
		   const float *scale, const RankFilter *filter, float *scratch, TopK *top)
{
	CoreStatus status;

	if (filter->candidates != NULL)
		status = rank_candidates(env, item_factors, factors, query, scale, filter, top);
	else
		status = rank_all(env, item_factors, items, factors, query, scale, filter, scratch, top);
	if (status == CORE_OK)
		topk_finish(top);
	return status;
}

/* True when id stands in ids [n], ascending. */
static bool
contains(const int32_t *ids, int32_t n, int32_t id)
{
	int32_t lo = 0;
	int32_t hi = n;

	while (lo < hi)
	{
		int32_t mid = lo + (hi - lo) / 2;

		if (ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && ids[lo] == id;
}

void
rank_measure(const TopEntry *list, int32_t n, int32_t k, const int32_t *relevant, int32_t n_relevant,
			 int32_t unreachable, double *out)
{
	int32_t possible = n_relevant >= k - unreachable ? k : n_relevant + unreachable;
	int32_t hits = 0;
	double gain = 0.0;
	double best_gain = 0.0;
	double precisions = 0.0;
	double first = 0.0;

	for (int32_t rank = 1; rank <= smaller(n, k); rank++)
	{
		if (!contains(relevant, n_relevant, list[rank - 1].index))
			continue;
		hits++;
		if (hits == 1)
			first = 1.0 / rank;
		gain += 1.0 / log2((double) rank + 1.0);
		precisions += (double) hits / rank;
	}
	for (int32_t rank = 1; rank <= possible; rank++)
		best_gain += 1.0 / log2((double) rank + 1.0);
	out[RANK_PRECISION] = (double) hits / k;
	out[RANK_RECALL] = (double) hits / possible;
	out[RANK_NDCG] = gain / best_gain;
	out[RANK_MAP] = precisions / possible;
	out[RANK_HIT_RATE] = hits > 0;
	out[RANK_MRR] = first;
}

/* Shared memory: this, then the arrays that shared_view finds. */
struct RankShared
{
	TeamShared team;
	int64_t judged; /* users to be judged */
	bool indexed; /* there is an index of the items */
};

typedef struct SharedView
{
	RankShared *head;
	double *measures; /* [judged x RANK_MEASURES], in the order of user */
	_Atomic uint64_t *listed; /* [items / 64 rounded up] a bit for each item in a list */
	int32_t *user; /* [judged] */
	int32_t *order; /* the index: its order, limits and codes */
	float *limits;
	uint8_t *codes;
} SharedView;

static size_t
listed_words(int32_t items)
{
	return ((size_t) items + 63) / 64;
}

static SharedView
shared_view(void *shared, int32_t users, int32_t items)
{
	SharedView view = {.head = shared};
	size_t blocks = (size_t) rank_index_blocks(items);

	view.measures = (double *) (view.head + 1);
	view.listed = (_Atomic uint64_t *) (view.measures + (size_t) users * RANK_MEASURES);
	view.user = (int32_t *) (view.listed + listed_words(items));
	view.order = view.user + users;
	view.limits = (float *) (view.order + blocks * RANK_LANES);
	view.codes = (uint8_t *) (view.limits + 4 * blocks);
	return view;
}

/* Sizes of 32 bits cannot overflow a sum of 64, and where size_t has 32 the answer is "too much". */
static size_t
bytes_of(uint64_t bytes)
{
	return bytes < SIZE_MAX ? (size_t) bytes : SIZE_MAX;
}

size_t
rank_evaluate_bytes(int32_t users, int32_t items, int32_t factors)
{
	uint64_t bytes = sizeof(RankShared);

	bytes += (uint64_t) users * (RANK_MEASURES * sizeof(double) + sizeof(int32_t));
	bytes += (uint64_t) listed_words(items) * sizeof(uint64_t);
	bytes += (uint64_t) rank_index_blocks(items) * (RANK_LANES + 4) * sizeof(float);
	bytes += rank_index_code_bytes(items, factors);
	return bytes_of(bytes);
}

/* Users in a block, by the length of their lists. */
static int32_t
block_users(int32_t k)
{
	int32_t users = k > 0 ? BLOCK_ENTRIES / k : BLOCK_USERS;

	return users < 1 ? 1 : smaller(users, BLOCK_USERS);
}

/* What one member works with. */
typedef struct Work
{
	int32_t k; /* no longer than the catalogue */
	int32_t block; /* users in a block */
	TopEntry *heaps; /* [block x k] */
	float *scores; /* [RANK_TILE] */
	float *queries; /* [block x factors] */
	int32_t *relevant; /* [items] of one user, without those seen */
} Work;

/* Bytes of each array, rounded up to whole cache lines; returns the sum. */
static uint64_t
work_bytes(int32_t items, int32_t factors, int32_t k, uint64_t bytes[4])
{
	uint64_t block = (uint64_t) block_users(smaller(k, items));
	uint64_t sum = 0;

	bytes[0] = block * (uint64_t) smaller(k, items) * sizeof(TopEntry);
	bytes[1] = RANK_TILE * sizeof(float);
	bytes[2] = block * (uint64_t) factors * sizeof(float);
	bytes[3] = (uint64_t) items * sizeof(int32_t);
	for (int i = 0; i < 4; i++)
	{
		bytes[i] = (bytes[i] + 63) & ~UINT64_C(63);
		sum += bytes[i];
	}
	return sum;
}

size_t
rank_member_bytes(int32_t items, int32_t k)
{
	uint64_t bytes[4];
	uint64_t index = 16 * (uint64_t) items; /* to make it, or to ask it */

	if (index < 102400 + RANK_INDEX_USERS * (RANK_MAX_FACTORS + 64))
		index = 102400 + RANK_INDEX_USERS * (RANK_MAX_FACTORS + 64);
	return bytes_of(work_bytes(items, RANK_MAX_FACTORS, k, bytes) + index);
}

static CoreStatus
work_open(Env *env, const RankTask *task, Work *work)
{
	int32_t items = task->seen.cols;
	uint64_t bytes[4];
	char *memory = env->alloc(env, bytes_of(work_bytes(items, task->factors, task->k, bytes)));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	work->k = smaller(task->k, items);
	work->block = block_users(work->k);
	work->heaps = (TopEntry *) memory;
	work->scores = (float *) (memory + bytes[0]);
	work->queries = (float *) (memory + bytes[0] + bytes[1]);
	work->relevant = (int32_t *) (memory + bytes[0] + bytes[1] + bytes[2]);
	return CORE_OK;
}

/*
 * How many items of `user` are relevant and not seen; those of the catalogue go into out [items], the count of the others
 * into *unreachable.  With out NULL the answer is only whether there is any.
 */
static int32_t
relevant_unseen(const RankTask *task, int32_t user, int32_t *out, int32_t *unreachable)
{
	int64_t seen = task->seen.start[user];
	int64_t seen_end = task->seen.start[user + 1];
	int32_t n = 0;

	for (int64_t e = task->relevant.start[user]; e < task->relevant.start[user + 1]; e++)
	{
		int32_t item = task->relevant.col[e];

		while (seen < seen_end && task->seen.col[seen] < item)
			seen++;
		if (seen < seen_end && task->seen.col[seen] == item)
			continue;
		if (out == NULL)
			return 1;
		if (item < task->seen.cols)
			out[n++] = item;
		else
			(*unreachable)++;
	}
	return n;
}

/* Phase 1. */
static CoreStatus
list_judged(Env *env, const RankTask *task, SharedView *view)
{
	int64_t work = 0;
	int64_t judged = 0;

	for (int32_t user = 0; user < task->relevant.rows; user++)
	{
		work += 1 + task->relevant.start[user + 1] - task->relevant.start[user];
		work += task->seen.start[user + 1] - task->seen.start[user];
		if (work >= STRETCH)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
		if (task->known_only && task->seen.start[user] == task->seen.start[user + 1])
			continue;
		if (relevant_unseen(task, user, NULL, NULL) > 0)
			view->user[judged++] = user;
	}
	view->head->judged = judged;
	return CORE_OK;
}

/* An index for the members, unless a norm is beyond the floats. */
static CoreStatus
index_items(Env *env, const RankTask *task, SharedView *view)
{
	RankIndex index;
	CoreStatus status = rank_index_build(env, task->item_factors, task->seen.cols, task->factors, view->codes,
										 view->order, view->limits, &index);

	view->head->indexed = status == CORE_OK;
	return status == CORE_NOT_FINITE ? CORE_OK : status;
}

/* The lists of users user [n], n <= work->block, into work's heaps. */
static CoreStatus
rank_block(Env *env, const RankTask *task, Work *work, const SharedView *view, const int32_t *user, int32_t n,
		   TopK *top)
{
	RankIndex index = {.items = task->seen.cols,
					   .factors = task->factors,
					   .blocks = rank_index_blocks(task->seen.cols),
					   .codes = view->codes,
					   .order = view->order,
					   .limits = view->limits};
	int32_t factors = task->factors;
	RankFilter filters[BLOCK_USERS];
	CoreStatus status = CORE_OK;

	for (int32_t u = 0; u < n; u++)
	{
		int64_t seen = task->seen.start[user[u]];

		memcpy(work->queries + (int64_t) u * factors, task->user_factors + (int64_t) user[u] * factors,
			   (size_t) factors * sizeof(float));
		filters[u] = (RankFilter){.exclude = task->seen.col + seen,
								  .n_exclude = (int32_t) (task->seen.start[user[u] + 1] - seen)};
		topk_init(&top[u], work->heaps + (int64_t) u * work->k, work->k);
	}
	if (view->head->indexed)
		return rank_index_lists(env, &index, task->item_factors, work->queries, NULL, filters, n, top);
	for (int32_t u = 0; status == CORE_OK && u < n; u++)
		status = rank_items(env, task->item_factors, task->seen.cols, factors,
							work->queries + (int64_t) u * factors, NULL, &filters[u], work->scores, &top[u]);
	return status;
}

/* Block `block` of the users to be judged, lists and measures. */
static CoreStatus
judge_block(Team *team, const RankTask *task, Work *work, const SharedView *view, int64_t block)
{
	int64_t first = block * work->block;
	int64_t left = view->head->judged - first;
	int32_t n = left < work->block ? (int32_t) left : work->block;
	TopK top[BLOCK_USERS];
	CoreStatus status = rank_block(team->env, task, work, view, view->user + first, n, top);

	for (int32_t u = 0; status == CORE_OK && u < n; u++)
	{
		int32_t unreachable = 0;
		int32_t n_relevant = relevant_unseen(task, view->user[first + u], work->relevant, &unreachable);

		if (team_stopped(team))
			return CORE_CANCELLED;
		rank_measure(top[u].heap, top[u].n, task->k, work->relevant, n_relevant, unreachable,
					 view->measures + (first + u) * RANK_MEASURES);
		for (int32_t i = 0; i < top[u].n; i++)
		{
			uint32_t item = (uint32_t) top[u].heap[i].index;

			atomic_fetch_or_explicit(&view->listed[item / 64], UINT64_C(1) << (item % 64),
									 memory_order_relaxed);
		}
	}
	return status;
}

CoreStatus
rank_evaluate(Env *env, const RankTask *task, void *shared)
{
	SharedView view = shared_view(shared, task->relevant.rows, task->seen.cols);
	Team team = team_join(env, &view.head->team);
	Work work = {0};
	CoreStatus opened = work_open(env, task, &work);
	CoreStatus status;

	/* A member without memory still comes to the barrier, to tell the others. */
	team_fail(&team, opened);
	if (env->leader && opened == CORE_OK)
		team_fail(&team, list_judged(env, task, &view));
	if (env->leader && !team_stopped(&team) && view.head->judged >= INDEX_PAYS)
		team_fail(&team, index_items(env, task, &view));
	status = team_meet(&team);
	if (status == CORE_OK)
	{
		int64_t blocks = (view.head->judged + work.block - 1) / work.block;
		int64_t block;

		while ((block = team_claim(&team, blocks)) >= 0)
			team_fail(&team, judge_block(&team, task, &work, &view, block));
		status = team_meet(&team);
	}
	if (opened == CORE_OK)
		env->release(env, work.heaps);
	return status;
}

/* Mean and standard error of measure `measure`, in order of users. */
static void
summarise(const SharedView *view, int measure, RankSummary *out)
{
	int64_t n = view->head->judged;
	double sum = 0.0;
	double squares = 0.0;

	for (int64_t u = 0; u < n; u++)
		sum += view->measures[u * RANK_MEASURES + measure];
	out->mean[measure] = sum / (double) n;
	for (int64_t u = 0; u < n; u++)
	{
		double off = view->measures[u * RANK_MEASURES + measure] - out->mean[measure];

		squares += off * off;
	}
	out->std_error[measure] = n > 1 ? sqrt(squares / (double) (n - 1) / (double) n) : 0.0;
}

void
rank_summary(const RankTask *task, const void *shared, RankSummary *out)
{
	int32_t items = task->seen.cols;
	SharedView view = shared_view((void *) shared, task->relevant.rows, items);
	int64_t listed = 0;

	*out = (RankSummary){.users = view.head->judged};
	if (out->users == 0)
		return;
	for (int measure = 0; measure < RANK_MEASURES; measure++)
		summarise(&view, measure, out);
	for (size_t word = 0; word < listed_words(items); word++)
		listed += __builtin_popcountll(view.listed[word]);
	out->coverage = (double) listed / items;
}
