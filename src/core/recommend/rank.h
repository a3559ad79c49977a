/*
 * rank.h - the best items for one user by a factor model, and how good such lists are
 */
#ifndef CORE_RANK_H
#define CORE_RANK_H

#include "../env.h"
#include "../sparse.h"
#include "../topk.h"

/* Which items may be ranked. */
typedef struct RankFilter
{
	const int32_t *exclude; /* [n_exclude], ascending and distinct */
	int32_t n_exclude;
	const int32_t *candidates; /* [n_candidates], ascending and distinct; NULL: every item */
	int32_t n_candidates;
} RankFilter;

/*
 * The best items for query [factors]: score = query . item_factors[i], times scale[i] where scale [items] is given
 * (inverse norms make it a cosine).  top is initialised by the caller and finished on return: exactly k entries whenever the filter leaves k items.  scratch [min(items, RANK_TILE)].
 * O(items x factors), or O(candidates x factors) when there are candidates.
 */
#define RANK_TILE 4096
extern CoreStatus rank_items(Env *env, const float *item_factors, int32_t items, int32_t factors,
							 const float *query, const float *scale, const RankFilter *filter, float *scratch,
							 TopK *top);

/* Measures of one list of k items against the relevant ones, in this order in RankScores. */
typedef enum RankMeasure
{
	RANK_PRECISION, /* hits / k */
	RANK_RECALL, /* hits / min(k, relevant) */
	RANK_NDCG, /* binary gains, discount 1/log2(rank + 1), divided by the best possible */
	RANK_MAP, /* average precision at k: sum of precision at each hit / min(k, relevant) */
	RANK_HIT_RATE, /* 1 if there is any hit */
	RANK_MRR, /* 1 / rank of the first hit, 0 without any */
	RANK_MEASURES
} RankMeasure;

/*
 * list [n] best first; relevant [n_relevant] ascending and distinct.  `unreachable` more are relevant that no list can
 * hold; n_relevant + unreachable > 0.  out [RANK_MEASURES].
 */
extern void rank_measure(const TopEntry *list, int32_t n, int32_t k, const int32_t *relevant,
						 int32_t n_relevant, int32_t unreachable, double *out);

/*
 * Lists for many users, judged.  For each user with at least one item in `relevant` that `seen` lacks, the k best
 * items outside `seen` are judged against those; other users are skipped.
 */
typedef struct RankTask
{
	const float *user_factors; /* [users x factors] */
	const float *item_factors; /* [items x factors] */
	int32_t factors;
	int32_t k;
	Csr seen; /* users x items: left out of the lists; its values are not read */
	Csr relevant; /* what was really bought; items from seen.cols on are outside the catalogue and count as misses */
	bool known_only; /* skip users of whom nothing is seen */
} RankTask;

/* What a team leaves in shared memory for rank_summary to read. */
typedef struct RankShared RankShared;

/*
 * Bytes of shared memory, aligned to 8 and cleared by the caller; bytes each member takes from its Env, at up to
 * RANK_MAX_FACTORS factors: 512, a bias, popularity, and what fills up four.
 */
#define RANK_MAX_FACTORS 516
extern size_t rank_evaluate_bytes(int32_t users, int32_t items, int32_t factors);
extern size_t rank_member_bytes(int32_t items, int32_t k);

/* Every member of the team calls this; shared was cleared to zero by the caller. */
extern CoreStatus rank_evaluate(Env *env, const RankTask *task, void *shared);

typedef struct RankSummary
{
	int64_t users; /* judged */
	double mean[RANK_MEASURES];
	double std_error[RANK_MEASURES]; /* of the mean over users; 0 for fewer than two users */
	double coverage; /* share of the catalogue that stands in at least one list */
} RankSummary;

/* Called by the leader after rank_evaluate.  Sums run in order of users. */
extern void rank_summary(const RankTask *task, const void *shared, RankSummary *out);

#endif
