/*
 * dbscan.c - clusters of density (Ester, Kriegel, Sander & Xu 1996; Schubert et al. 2017) over a k-d tree
 *
 * Phases, over distinct points with their weights, in the tree's order so that neighbours are near in memory:
 *
 *   1. count: which points have min_points rows within eps; a node wholly inside counts at once, and counting stops there
 *   2. join: core points within eps of each other.  A node whose core points are known to be of one cluster is united by one of
 *      them, and passed over by points of that cluster, so dense places cost little however large eps is
 *   3. border: each other point within eps of a core point joins the cluster whose first core row stands first
 *   4. clusters numbered by size
 *
 * Phase 3 is what the usual loop over the rows does, which lets a cluster grow to its end before the next one starts: it
 * hands out border points by the clusters' first core rows.  Here the rows are sorted, so the answer does not depend on the
 * order in which they came.
 *
 * Memory: the tree and the rows' weights (kd_rows_bytes); 9 bytes a point, 4 a node, and labels_bytes.
 */
#include <stdlib.h>

#include "dbscan.h"
#include "kd_tree.h"
#include "labels.h"
#include "union_find.h"

typedef struct Dbscan
{
	Env *env;
	KdRows rows;
	double radius2;
	int32_t min_points;
	uint8_t *core; /* [points] by place */
	int32_t *cluster; /* [points] by place: sets of core points */
	int32_t *first; /* [points] by place of the set's root: its first core point, in the order of rows */
	int32_t *united; /* [nodes] a core place whose cluster holds all core points of the node; NONE, UNKNOWN */
	KdWork work;
} Dbscan;

#define UNKNOWN (-1)
#define NONE (-2) /* no core point */

static void
find_core(Dbscan *scan)
{
	const KdTree *tree = &scan->rows.tree;

	for (int32_t place = 0; place < tree->n && !scan->work.cancelled; place++)
	{
		int32_t count = kd_weight(&scan->rows.weights, place, place + 1);

		if (count < scan->min_points)
			count = kd_count(tree, &scan->rows.weights, kd_point(tree, place), scan->radius2,
							 scan->min_points, &scan->work);
		scan->core[place] = count >= scan->min_points;
		scan->cluster[place] = place;
		scan->first[place] = tree->index[place];
	}
}

/* Which nodes have no core point at all, from the leaves up. */
static void
start_united(Dbscan *scan)
{
	const KdTree *tree = &scan->rows.tree;

	for (int32_t v = tree->n_nodes - 1; v >= 0; v--)
	{
		KdNode node = tree->node[v];

		scan->united[v] = NONE;
		if (v < tree->first_leaf)
		{
			if (scan->united[2 * v + 1] != NONE || scan->united[2 * v + 2] != NONE)
				scan->united[v] = UNKNOWN;
			continue;
		}
		for (int32_t i = node.begin; i < node.end; i++)
			if (scan->core[i])
				scan->united[v] = UNKNOWN;
	}
}

/* An inner node is united when its children are and belong together. */
static void
look_at_children(Dbscan *scan, int32_t v)
{
	int32_t left = scan->united[2 * v + 1];
	int32_t right = scan->united[2 * v + 2];

	if (left == NONE)
		scan->united[v] = right;
	else if (right == NONE)
		scan->united[v] = left;
	else if (left >= 0 && right >= 0 && union_find(scan->cluster, left) == union_find(scan->cluster, right))
		scan->united[v] = left;
}

/* All core points of a node are within eps of a place of the same cluster. */
static void
unite_node(Dbscan *scan, int32_t v, int32_t place)
{
	KdNode node = scan->rows.tree.node[v];

	if (scan->united[v] >= 0)
		union_join(scan->cluster, scan->united[v], place);
	else
	{
		kd_work_on(&scan->work, node.end - node.begin);
		for (int32_t i = node.begin; i < node.end; i++)
			if (scan->core[i])
				union_join(scan->cluster, i, place);
	}
	scan->united[v] = place;
}

static void
join_leaf(Dbscan *scan, int32_t v, int32_t place)
{
	const KdTree *tree = &scan->rows.tree;
	KdNode node = tree->node[v];
	const double *q = kd_point(tree, place);
	bool all = true;

	kd_work_on(&scan->work, (int64_t) (node.end - node.begin) * tree->width);
	for (int32_t i = node.begin; i < node.end; i++)
	{
		if (!scan->core[i])
			continue;
		if (kd_distance2(kd_point(tree, i), q, tree->width) <= scan->radius2)
			union_join(scan->cluster, i, place);
		else
			all = all && union_find(scan->cluster, i) == union_find(scan->cluster, place);
	}
	if (all)
		scan->united[v] = place;
}

/* Join a core point with all core points within eps. */
static void
join_neighbours(Dbscan *scan, int32_t place)
{
	const KdTree *tree = &scan->rows.tree;
	const double *q = kd_point(tree, place);
	int32_t stack[KD_STACK];
	int32_t depth = 0;

	stack[depth++] = 0;
	while (depth > 0 && kd_work_on(&scan->work, tree->width))
	{
		int32_t v = stack[--depth];

		if (scan->united[v] == UNKNOWN && v < tree->first_leaf)
			look_at_children(scan, v);
		if (scan->united[v] == NONE ||
			(scan->united[v] >= 0 &&
			 union_find(scan->cluster, scan->united[v]) == union_find(scan->cluster, place)) ||
			kd_nearest2(tree, v, q) > scan->radius2)
			continue;
		if (kd_farthest2(tree, v, q) <= scan->radius2)
			unite_node(scan, v, place);
		else if (v >= tree->first_leaf)
			join_leaf(scan, v, place);
		else
		{
			stack[depth++] = 2 * v + 2;
			stack[depth++] = 2 * v + 1;
		}
	}
}

static void
join_core(Dbscan *scan)
{
	int32_t n = scan->rows.tree.n;

	for (int32_t place = 0; place < n && !scan->work.cancelled; place++)
		if (scan->core[place])
			join_neighbours(scan, place);
	for (int32_t place = 0; place < n; place++)
	{
		int32_t *first = &scan->first[union_find(scan->cluster, place)];

		if (scan->core[place] && scan->rows.tree.index[place] < *first)
			*first = scan->rows.tree.index[place];
	}
}

/* Of the clusters within eps of a point, the first by first core row: a core place of it, or UNKNOWN. */
static int32_t
border_cluster(Dbscan *scan, int32_t place)
{
	const KdTree *tree = &scan->rows.tree;
	const double *q = kd_point(tree, place);
	int32_t stack[KD_STACK];
	int32_t depth = 0;
	int32_t best = UNKNOWN;
	int32_t best_first = INT32_MAX;

	stack[depth++] = 0;
	while (depth > 0 && kd_work_on(&scan->work, tree->width))
	{
		int32_t v = stack[--depth];
		KdNode node = tree->node[v];

		if (scan->united[v] == UNKNOWN && v < tree->first_leaf)
			look_at_children(scan, v);
		if (scan->united[v] == NONE ||
			(scan->united[v] >= 0 && scan->first[union_find(scan->cluster, scan->united[v])] >= best_first) ||
			kd_nearest2(tree, v, q) > scan->radius2)
			continue;
		if (v < tree->first_leaf)
		{
			stack[depth++] = 2 * v + 2;
			stack[depth++] = 2 * v + 1;
			continue;
		}
		kd_work_on(&scan->work, (int64_t) (node.end - node.begin) * tree->width);
		for (int32_t i = node.begin; i < node.end; i++)
		{
			int32_t first = scan->core[i] ? scan->first[union_find(scan->cluster, i)] : INT32_MAX;

			if (first < best_first && kd_distance2(kd_point(tree, i), q, tree->width) <= scan->radius2)
			{
				best = i;
				best_first = first;
			}
		}
	}
	return best;
}

/* label [points], in the order of points: the place of the cluster's root + 1. */
static void
label_points(Dbscan *scan, int32_t *label)
{
	const KdTree *tree = &scan->rows.tree;

	for (int32_t place = 0; place < tree->n && !scan->work.cancelled; place++)
	{
		int32_t member = scan->core[place] ? place : border_cluster(scan, place);

		label[tree->index[place]] = member < 0 ? 0 : union_find(scan->cluster, member) + 1;
	}
}

static CoreStatus
run(Dbscan *scan, int32_t *label)
{
	CoreStatus status;

	find_core(scan);
	if (!scan->work.cancelled)
	{
		start_united(scan);
		join_core(scan);
	}
	if (!scan->work.cancelled)
		label_points(scan, label);
	if (scan->work.cancelled)
		return CORE_CANCELLED;
	status = kd_rows_spread(scan->env, &scan->rows, label);
	return status != CORE_OK ? status : labels_by_size(scan->env, label, scan->rows.n);
}

static CoreStatus
run_with_arrays(Dbscan *scan, int32_t *label)
{
	Env *env = scan->env;
	size_t points = (size_t) scan->rows.tree.n;
	CoreStatus status = CORE_NO_MEMORY;

	scan->core = env->alloc(env, points);
	scan->cluster = env->alloc(env, sizeof(int32_t) * points);
	scan->first = env->alloc(env, sizeof(int32_t) * points);
	scan->united = env->alloc(env, sizeof(int32_t) * (size_t) scan->rows.tree.n_nodes);
	if (scan->core != NULL && scan->cluster != NULL && scan->first != NULL && scan->united != NULL)
		status = run(scan, label);
	if (scan->united != NULL)
		env->release(env, scan->united);
	if (scan->first != NULL)
		env->release(env, scan->first);
	if (scan->cluster != NULL)
		env->release(env, scan->cluster);
	if (scan->core != NULL)
		env->release(env, scan->core);
	return status;
}

CoreStatus
dbscan_label(Env *env, double *x, int32_t n, int32_t width, double eps, int32_t min_points, int32_t *label)
{
	Dbscan scan = {.env = env, .radius2 = eps * eps, .min_points = min_points, .work = kd_work_start(env)};
	CoreStatus status = kd_rows_open(env, x, n, width, &scan.rows);

	if (status != CORE_OK)
		return status;
	status = run_with_arrays(&scan, label);
	kd_rows_close(env, &scan.rows);
	return status;
}

uint64_t
dbscan_bytes(int32_t n, int32_t width)
{
	/* There are fewer nodes than points, or one. */
	return kd_rows_bytes(n, width) + (uint64_t) n * 13 + 4 + labels_bytes(n);
}
