/*
 * kd_tree.h - points in a balanced tree of boxes, and searches by distance
 *
 * Node 0 is the root, 2 v + 1 and 2 v + 2 are the children of v; a node holds the points begin .. end - 1 in the tree's own
 * order ("places") and the smallest box around them.  Distances are squared and summed column by column, so the bounds of a
 * box hold for its points to the last bit.
 */
#ifndef CORE_SEGMENT_KD_TREE_H
#define CORE_SEGMENT_KD_TREE_H

#include <math.h>

#include "../env.h"

#define KD_STACK 64 /* nodes that a search holds at most: two a level, of at most 31 */
#define KD_STRETCH 262144 /* numbers looked at between two looks at the cancel flag */

typedef struct KdNode
{
	int32_t begin;
	int32_t end;
} KdNode;

typedef struct KdTree
{
	int32_t n;
	int32_t width;
	int32_t first_leaf; /* nodes from here on are leaves */
	int32_t n_nodes;
	KdNode *node; /* [n_nodes] */
	double *box; /* [n_nodes x 2 x width]: lower corner, upper corner */
	double *x; /* [n x width] by place */
	int32_t *index; /* [n] which point of the caller's stands at a place */
} KdTree;

/* x [n x width], finite, n > 0.  O(width n log n); memory kd_bytes, 24 bytes a point more while it is built. */
extern CoreStatus kd_build(Env *env, const double *x, int32_t n, int32_t width, KdTree *tree);
extern void kd_free(Env *env, KdTree *tree);
extern uint64_t kd_bytes(int32_t n, int32_t width); /* both */

/* A search's work, so that it can be left. */
typedef struct KdWork
{
	Env *env;
	int64_t left; /* until the next look at the cancel flag */
	bool cancelled;
} KdWork;

static inline KdWork
kd_work_start(Env *env)
{
	return (KdWork){.env = env, .left = KD_STRETCH};
}

/* So many numbers are looked at now; false: leave. */
static inline bool
kd_work_on(KdWork *work, int64_t numbers)
{
	work->left -= numbers;
	if (work->left < 0)
	{
		work->left = KD_STRETCH;
		work->cancelled = work->cancelled || work->env->cancelled(work->env);
	}
	return !work->cancelled;
}

static inline const double *
kd_point(const KdTree *tree, int32_t place)
{
	return tree->x + (size_t) place * tree->width;
}

static inline double
kd_distance2(const double *a, const double *b, int32_t width)
{
	double sum = 0;

	for (int32_t c = 0; c < width; c++)
		sum += (a[c] - b[c]) * (a[c] - b[c]);
	return sum;
}

/* From a point to the nearest place of a node's box. */
static inline double
kd_nearest2(const KdTree *tree, int32_t node, const double *q)
{
	int32_t width = tree->width;
	const double *low = tree->box + (size_t) node * 2 * width;
	double sum = 0;

	for (int32_t c = 0; c < width; c++)
	{
		double below = low[c] - q[c];
		double above = q[c] - low[width + c];
		double out = below > above ? below : above;

		out = out > 0 ? out : 0;
		sum += out * out;
	}
	return sum;
}

/* From a point to the farthest corner. */
static inline double
kd_farthest2(const KdTree *tree, int32_t node, const double *q)
{
	int32_t width = tree->width;
	const double *low = tree->box + (size_t) node * 2 * width;
	double sum = 0;

	for (int32_t c = 0; c < width; c++)
	{
		double below = q[c] - low[c];
		double above = low[width + c] - q[c];
		double out = below > above ? below : above;

		sum += out * out;
	}
	return sum;
}

/* Points repeat: prefix [n + 1] sums up how often, by place. */
typedef struct KdWeights
{
	const int32_t *prefix;
} KdWeights;

static inline int32_t
kd_weight(const KdWeights *weights, int32_t begin, int32_t end)
{
	return weights->prefix[end] - weights->prefix[begin];
}

/* The summed weight of points within a squared radius of q; counting stops at `enough`. */
extern int32_t kd_count(const KdTree *tree, const KdWeights *weights, const double *q, double radius2,
						int32_t enough, KdWork *work);

/* One point of a search for the nearest. */
typedef struct KdNear
{
	double distance2;
	int32_t weight;
} KdNear;

/*
 * The squared distance from q to the k-th nearest row, k > 0, at most the summed weight; heap [min(k, n) + 1] is scratch.  -1
 * when the search was left.
 */
extern double kd_kth_distance2(const KdTree *tree, const KdWeights *weights, const double *q, int32_t k,
							   KdNear *heap, KdWork *work);

/* Sorted rows as distinct points of a tree with their weights: what the clusterings by density start from. */
typedef struct KdRows
{
	int32_t n; /* rows */
	int32_t *start; /* [points + 1] rows of a point, in the caller's order of points */
	int32_t *prefix; /* [points + 1] summed weights by place */
	KdTree tree;
	KdWeights weights;
} KdRows;

/* x [n x width] sorted as by points_sort; its distinct rows are moved to its front. */
extern CoreStatus kd_rows_open(Env *env, double *x, int32_t n, int32_t width, KdRows *rows);
extern void kd_rows_close(Env *env, KdRows *rows);
extern uint64_t kd_rows_bytes(int32_t n, int32_t width);

/* label [n] of points becomes label [n] of rows. */
extern CoreStatus kd_rows_spread(Env *env, const KdRows *rows, int32_t *label);

/* kth [n]: each row's distance to its k-th nearest row, itself counted; NaN when there are fewer than k rows. */
extern CoreStatus kd_rows_kth_distance(Env *env, double *x, int32_t n, int32_t width, int32_t k, double *kth);
extern uint64_t kd_rows_kth_bytes(int32_t n, int32_t width, int32_t k);

#endif
