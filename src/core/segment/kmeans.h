/*
 * kmeans.h - rows parted into k clusters around their means
 *
 * Centroids are sown by greedy k-means++ (Arthur & Vassilvitskii 2007, with 2 + log k trials for each as scikit-learn) and
 * moved by Lloyd's iterations (1982), several times; the start with the least inertia is kept.
 *
 * Where there are more rows than kmeans_sample, starts compete on a sample of so many, drawn evenly over the rows' order, and
 * the best is then moved on all rows.  Fewer distinct rows than k make fewer clusters.
 *
 * Rows come in single precision, scaled and centred by the caller: far from zero the scores would lose digits.
 */
#ifndef CORE_SEGMENT_KMEANS_H
#define CORE_SEGMENT_KMEANS_H

#include "../env.h"

typedef struct KmeansParams
{
	int32_t k;
	int32_t restarts;
	int32_t iterations; /* at most, of each start and of the last run */
	double
		tolerance; /* stop when all centroids together move less than this share of the mean variance, squared */
	uint64_t seed;
	bool exhaustive; /* never leave a distance out by bounds: the answer is the same */
} KmeansParams;

typedef struct KmeansProblem
{
	KmeansParams params;
	int64_t n; /* at least 1 */
	int32_t features; /* at least 1 */
	const float *rows; /* [n x features] */
	const float *start; /* [k x features] centroids to begin with instead of sowing, or NULL */
} KmeansProblem;

/* Filled by the leader and shared by the team. */
typedef struct KmeansModel
{
	float *centroids; /* [k x features], the largest cluster first */
	int64_t *sizes; /* [k] */
	int32_t *labels; /* [n] in 0 .. clusters - 1 */
} KmeansModel;

typedef struct KmeansReport
{
	int32_t clusters; /* at most k */
	int32_t iterations; /* of the start that was taken and the last run */
	bool converged;
	double inertia; /* sum of squared distances to the centroids */
	double pruned; /* share of the rows of the last run's iterations whose distances bounds left out */
} KmeansReport;

/* Rows on which starts compete. */
extern int64_t kmeans_sample(int32_t k);

/* What a team shares, cleared to zero before the start, and what each member takes; SIZE_MAX when that is too much. */
extern size_t kmeans_shared_bytes(const KmeansParams *params, int64_t n, int32_t features);
extern size_t kmeans_member_bytes(const KmeansParams *params, int64_t n, int32_t features);

/*
 * Called by every member of a team with the same arrays.  CORE_NOT_FINITE when distances overflow.  O(restarts x sample x
 * k x features x trials + iterations x n x k x features).
 */
extern CoreStatus kmeans_fit(Env *env, const KmeansProblem *problem, const KmeansModel *model, void *shared,
							 KmeansReport *report);

#endif
