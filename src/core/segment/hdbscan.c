/*
 * hdbscan.c - HDBSCAN* (Campello, Moulavi & Sander 2013; Campello, Moulavi, Zimek & Sander 2015)
 *
 * Phases:
 *
 *   1. core distances: to the min_points-th nearest row
 *   2. the minimum spanning tree of mutual reachability, max(core distance of either end, distance)
 *   3. the dendrogram, from the shortest edge up.  Edges of equal weight are taken together, as the paper demands, so a node
 *      has two or more children and nothing depends on how ties fall
 *   4. from the root down, with density = 1 / distance: a node whose children include two or more of min_size rows ends its
 *      cluster and begins one for each of those; with one such child the cluster goes on in it, with none it ends; the rows of
 *      smaller children leave the cluster there.  A cluster's stability is the sum over its rows of the density at which
 *      they leave less that at which it began
 *   5. excess of mass: from the leaves up, a cluster is chosen where its stability is at least that of the best choice below
 *      it.  The root is never chosen: all rows in one cluster is no answer
 *
 * Equal rows are one point that breaks up at its own core distance.  That may be 0, whose density is infinite; density is
 * capped at that of the smallest distance above 0 in the dendrogram, so that piles of equal rows do not outweigh everything.
 *
 * Memory, for n distinct points: tree and weights (kd_rows_bytes), the search for core distances, 8 n for these, 16 n for the
 * edges, spanning_bytes, then 64 n for dendrogram and clusters.
 */
#include <string.h>

#include "hdbscan.h"
#include "labels.h"
#include "spanning.h"
#include "union_find.h"

#define STRETCH 65536 /* nodes between two looks at the cancel flag */
#define NOTHING (-1)

/* A node of the dendrogram.  The first n are the points, by place; children come before their parents. */
typedef struct TreeNode
{
	double distance2; /* at which it falls apart */
	int32_t rows;
	int32_t child; /* the first one, NOTHING in points */
	int32_t last_child;
	int32_t next; /* the parent's next child */
	int32_t cluster; /* that its rows belong to, NOTHING for a node that was taken into another */
	int32_t fallen; /* its rows have left their cluster further up */
} TreeNode;

typedef struct Cluster
{
	double birth; /* density */
	double stability;
	int32_t parent;
	int32_t label; /* the chosen cluster that it belongs to, 0: none */
} Cluster;

typedef struct Hdbscan
{
	Env *env;
	KdRows rows;
	int32_t n; /* points */
	int32_t min_size;
	double *core2; /* [n] by place */
	Edge *edge; /* [n - 1] */
	TreeNode *node; /* [2 n - 1] */
	int32_t n_nodes;
	int32_t *parent; /* [n] by place: sets while the dendrogram grows */
	int32_t *top; /* [n] by root: the node that is the whole set */
	Cluster *cluster; /* [2 n] */
	double *best; /* [2 n] stability of the best choice in and below a cluster */
	int32_t n_clusters;
	double least2; /* smallest squared distance above 0 in the dendrogram */
} Hdbscan;

static CoreStatus
core_distances(Hdbscan *scan, int32_t k, KdNear *heap)
{
	const KdTree *tree = &scan->rows.tree;
	KdWork work = kd_work_start(scan->env);

	for (int32_t place = 0; place < scan->n; place++)
	{
		scan->core2[place] =
			kd_kth_distance2(tree, &scan->rows.weights, kd_point(tree, place), k, heap, &work);
		if (work.cancelled)
			return CORE_CANCELLED;
	}
	return CORE_OK;
}

/* ---- the dendrogram ---- */

static void
adopt(Hdbscan *scan, TreeNode *node, int32_t child)
{
	if (node->child == NOTHING)
		node->child = child;
	else
		scan->node[node->last_child].next = child;
	node->last_child = child;
	node->rows += scan->node[child].rows;
}

/* All children of `other`, which is no node any more, become children of `node`. */
static void
absorb(Hdbscan *scan, TreeNode *node, TreeNode *other)
{
	scan->node[node->last_child].next = other->child;
	node->last_child = other->last_child;
	node->rows += other->rows;
	other->child = NOTHING;
	other->cluster = NOTHING;
	other->rows = 0;
}

/* Join what an edge connects; nodes from first_new on have the edge's weight. */
static void
add_edge(Hdbscan *scan, const Edge *edge, int32_t first_new)
{
	int32_t a = scan->top[union_find(scan->parent, edge->a)];
	int32_t b = scan->top[union_find(scan->parent, edge->b)];
	int32_t joined;

	if (a >= first_new && b >= first_new)
	{
		joined = a;
		absorb(scan, &scan->node[a], &scan->node[b]);
	}
	else if (a >= first_new || b >= first_new)
	{
		joined = a >= first_new ? a : b;
		adopt(scan, &scan->node[joined], joined == a ? b : a);
	}
	else
	{
		joined = scan->n_nodes++;
		scan->node[joined] =
			(TreeNode){.distance2 = edge->weight, .child = NOTHING, .last_child = NOTHING, .next = NOTHING};
		adopt(scan, &scan->node[joined], a);
		adopt(scan, &scan->node[joined], b);
	}
	union_join(scan->parent, edge->a, edge->b);
	scan->top[union_find(scan->parent, edge->a)] = joined;
}

static CoreStatus
grow_dendrogram(Hdbscan *scan)
{
	int32_t first_new = scan->n;

	scan->least2 = INFINITY;
	for (int32_t place = 0; place < scan->n; place++)
	{
		scan->node[place] = (TreeNode){.distance2 = scan->core2[place],
									   .rows = kd_weight(&scan->rows.weights, place, place + 1),
									   .child = NOTHING,
									   .last_child = NOTHING,
									   .next = NOTHING};
		scan->parent[place] = place;
		scan->top[place] = place;
		if (scan->core2[place] > 0 && scan->core2[place] < scan->least2)
			scan->least2 = scan->core2[place];
	}
	scan->n_nodes = scan->n;
	for (int32_t e = 0; e < scan->n - 1; e++)
	{
		double weight = scan->edge[e].weight;

		if (e % STRETCH == 0 && scan->env->cancelled(scan->env))
			return CORE_CANCELLED;
		if (e > 0 && weight != scan->edge[e - 1].weight)
			first_new = scan->n_nodes;
		if (weight > 0 && weight < scan->least2)
			scan->least2 = weight;
		add_edge(scan, &scan->edge[e], first_new);
	}
	return CORE_OK;
}

/* ---- clusters ---- */

static double
density_at(const Hdbscan *scan, double distance2)
{
	return 1 / sqrt(distance2 > scan->least2 ? distance2 : scan->least2);
}

static int32_t
new_cluster(Hdbscan *scan, int32_t parent, double birth)
{
	scan->cluster[scan->n_clusters] = (Cluster){.birth = birth, .parent = parent};
	return scan->n_clusters++;
}

/* A node's children leave its cluster, go on in it, or begin their own. */
static void
part_node(Hdbscan *scan, const TreeNode *node)
{
	double density = density_at(scan, node->distance2);
	Cluster *cluster = &scan->cluster[node->cluster];
	int32_t large = 0;

	for (int32_t c = node->child; c != NOTHING; c = scan->node[c].next)
		large += scan->node[c].rows >= scan->min_size;
	for (int32_t c = node->child; c != NOTHING; c = scan->node[c].next)
	{
		TreeNode *child = &scan->node[c];

		child->cluster = node->cluster;
		child->fallen = node->fallen || child->rows < scan->min_size;
		if (node->fallen || (large == 1 && !child->fallen))
			continue;
		cluster->stability += child->rows * (density - cluster->birth);
		if (!child->fallen)
			child->cluster = new_cluster(scan, node->cluster, density);
	}
	/* A point breaks up into its equal rows, none of which is a cluster: min_size is at least 2. */
	if (node->child == NOTHING && !node->fallen)
		cluster->stability += node->rows * (density - cluster->birth);
}

static CoreStatus
part_clusters(Hdbscan *scan)
{
	/* The last node is the root unless it was absorbed: then it is what absorbed it. */
	int32_t root = scan->top[union_find(scan->parent, 0)];

	scan->n_clusters = 0;
	scan->node[root].cluster = new_cluster(scan, NOTHING, 0);
	scan->node[root].fallen = scan->node[root].rows < scan->min_size;
	for (int32_t v = scan->n_nodes - 1; v >= 0; v--)
	{
		if (v % STRETCH == 0 && scan->env->cancelled(scan->env))
			return CORE_CANCELLED;
		if (scan->node[v].cluster != NOTHING)
			part_node(scan, &scan->node[v]);
	}
	return CORE_OK;
}

/* Parents come before their children. */
static void
choose_clusters(Hdbscan *scan)
{
	for (int32_t c = 0; c < scan->n_clusters; c++)
		scan->best[c] = 0;
	for (int32_t c = scan->n_clusters - 1; c > 0; c--)
	{
		Cluster *cluster = &scan->cluster[c];

		cluster->label = cluster->stability >= scan->best[c];
		if (cluster->label)
			scan->best[c] = cluster->stability;
		scan->best[cluster->parent] += scan->best[c];
	}
	for (int32_t c = 1; c < scan->n_clusters; c++)
	{
		Cluster *cluster = &scan->cluster[c];
		int32_t above = scan->cluster[cluster->parent].label;

		cluster->label = above != 0 ? above : cluster->label ? c : 0;
	}
}

static CoreStatus
find_clusters(Hdbscan *scan, int32_t *label)
{
	CoreStatus status = spanning_tree(scan->env, &scan->rows.tree, scan->core2, scan->edge);

	if (status == CORE_OK)
		status = grow_dendrogram(scan);
	if (status == CORE_OK)
		status = part_clusters(scan);
	if (status != CORE_OK)
		return status;
	choose_clusters(scan);
	for (int32_t place = 0; place < scan->n; place++)
		label[scan->rows.tree.index[place]] = scan->cluster[scan->node[place].cluster].label;
	status = kd_rows_spread(scan->env, &scan->rows, label);
	return status != CORE_OK ? status : labels_by_size(scan->env, label, scan->rows.n);
}

/* ---- memory ---- */

static int32_t
heap_room(int32_t n, int32_t min_points)
{
	return (min_points < n ? min_points : n) + 1;
}

static CoreStatus
run_core(Hdbscan *scan, int32_t min_points)
{
	KdNear *heap = scan->env->alloc(scan->env, sizeof(KdNear) * (size_t) heap_room(scan->n, min_points));
	CoreStatus status;

	if (heap == NULL)
		return CORE_NO_MEMORY;
	status = core_distances(scan, min_points, heap);
	scan->env->release(scan->env, heap);
	return status;
}

static CoreStatus
run_with_arrays(Hdbscan *scan, int32_t min_points, int32_t *label)
{
	Env *env = scan->env;
	size_t n = (size_t) scan->n;
	CoreStatus status = CORE_NO_MEMORY;

	scan->core2 = env->alloc(env, sizeof(double) * n);
	scan->edge = env->alloc(env, sizeof(Edge) * n);
	scan->node = env->alloc(env, sizeof(TreeNode) * 2 * n);
	scan->parent = env->alloc(env, sizeof(int32_t) * n);
	scan->top = env->alloc(env, sizeof(int32_t) * n);
	scan->cluster = env->alloc(env, sizeof(Cluster) * 2 * n);
	scan->best = env->alloc(env, sizeof(double) * 2 * n);
	if (scan->core2 != NULL && scan->edge != NULL && scan->node != NULL && scan->parent != NULL &&
		scan->top != NULL && scan->cluster != NULL && scan->best != NULL)
	{
		status = run_core(scan, min_points);
		if (status == CORE_OK)
			status = find_clusters(scan, label);
	}
	void *blocks[] = {scan->best, scan->cluster, scan->top,  scan->parent,
					  scan->node, scan->edge,    scan->core2};

	for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++)
		if (blocks[b] != NULL)
			env->release(env, blocks[b]);
	return status;
}

CoreStatus
hdbscan_label(Env *env, double *x, int32_t n, int32_t width, int32_t min_size, int32_t min_points,
			  int32_t *label)
{
	Hdbscan scan = {.env = env, .min_size = min_size};
	CoreStatus status;

	/* No row has so many neighbours, or there are too few rows for one cluster, let alone two. */
	if (min_points > n || min_size > n)
	{
		memset(label, 0, sizeof(int32_t) * (size_t) n);
		return CORE_OK;
	}
	status = kd_rows_open(env, x, n, width, &scan.rows);
	if (status != CORE_OK)
		return status;
	scan.n = scan.rows.tree.n;
	status = run_with_arrays(&scan, min_points, label);
	kd_rows_close(env, &scan.rows);
	return status;
}

uint64_t
hdbscan_bytes(int32_t n, int32_t width, int32_t min_points)
{
	uint64_t point = sizeof(double) + 2 * sizeof(Edge) + 2 * sizeof(TreeNode) + 2 * sizeof(int32_t) +
					 2 * sizeof(Cluster) + 2 * sizeof(double);

	return kd_rows_bytes(n, width) + sizeof(KdNear) * (uint64_t) heap_room(n, min_points) +
		   (uint64_t) n * point + spanning_bytes(n) + labels_bytes(n);
}
