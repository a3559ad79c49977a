/*
 * hierarchy.c - agglomerative clustering by nearest-neighbour chains (Benzecri 1982; Murtagh 1983; Müllner 2011)
 *
 * Equal rows are merged first, at distance 0; what follows works on distinct points with their weights.
 *
 *   single     the edges of the minimum spanning tree, over a k-d tree: memory as the points
 *   ward       chains, distances from centroids and sizes: memory as the points
 *   complete,  chains over the distances of all pairs, updated by Lance and Williams' (1967) formulas: 8 bytes for each of
 *   average    m (m - 1) / 2 pairs
 *
 * A chain goes from a cluster to its nearest neighbour, from that to its own, until two are each other's nearest: these are
 * merged, and the chain goes on before them.  For these linkages the merges, put into order of distance, are those of always
 * merging the nearest two.  Of equally near clusters the previous one in the chain is taken, else the first in order of
 * the rows.  Rounding may make a merged cluster nearer to one further back in the chain than it should be; the chain is then cut
 * there, so distances along it always fall and it ends.
 *
 * O(m^2) distances; every loop over clusters looks at the cancel flag after KD_STRETCH numbers at most.
 */
#include "hierarchy.h"
#include "kd_tree.h"
#include "labels.h"
#include "points.h"
#include "spanning.h"
#include "union_find.h"

#define NOTHING (-1)

typedef struct Chain
{
	Env *env;
	Linkage linkage;
	int32_t n; /* points */
	int32_t width;
	double *x; /* [n x width] centroids of clusters, at the place of one of their points; ward */
	double *pair; /* [n (n - 1) / 2] distances; complete, average */
	int32_t *active; /* [n] clusters that are left, ascending */
	int32_t n_active; /* with those that are gone since it was last closed up */
	int32_t *rows; /* [n] of a cluster, 0: gone */
	int32_t *link; /* [n] the chain */
	int32_t *position; /* [n] in the chain, or NOTHING */
	int32_t length;
	KdWork work;
} Chain;

/* ---- distances ---- */

/* Where the pair i < j stands. */
static inline size_t
pair_at(const Chain *chain, int32_t i, int32_t j)
{
	size_t n = (size_t) chain->n;
	size_t row = (size_t) i;

	return n * row - row * (row + 1) / 2 + (size_t) (j - i - 1);
}

/* Squared for ward. */
static inline double
cluster_distance(const Chain *chain, int32_t i, int32_t j)
{
	double a;
	double b;

	if (chain->linkage != LINKAGE_WARD)
		return chain->pair[i < j ? pair_at(chain, i, j) : pair_at(chain, j, i)];
	a = chain->rows[i];
	b = chain->rows[j];
	return 2 * a * b / (a + b) *
		   kd_distance2(chain->x + (size_t) i * chain->width, chain->x + (size_t) j * chain->width,
						chain->width);
}

static bool
fill_pairs(Chain *chain)
{
	size_t at = 0;

	for (int32_t i = 0; i < chain->n; i++)
		for (int32_t j = i + 1; j < chain->n; j++)
		{
			if (!kd_work_on(&chain->work, chain->width))
				return false;
			chain->pair[at++] = sqrt(kd_distance2(chain->x + (size_t) i * chain->width,
												  chain->x + (size_t) j * chain->width, chain->width));
		}
	return true;
}

/* Cluster b takes in a: its distance to each other cluster, or its centroid. */
static bool
update_distances(Chain *chain, int32_t a, int32_t b)
{
	double rows_a = chain->rows[a];
	double rows_b = chain->rows[b];
	double share = rows_a / (rows_a + rows_b);

	if (chain->linkage == LINKAGE_WARD)
	{
		for (int32_t c = 0; c < chain->width; c++)
		{
			double *centroid = &chain->x[(size_t) b * chain->width + c];

			*centroid += share * (chain->x[(size_t) a * chain->width + c] - *centroid);
		}
		return true;
	}
	for (int32_t at = 0; at < chain->n_active; at++)
	{
		int32_t i = chain->active[at];
		double *to_b;
		double to_a;

		if (!kd_work_on(&chain->work, 8))
			return false;
		if (i == a || i == b || chain->rows[i] == 0)
			continue;
		to_a = cluster_distance(chain, i, a);
		to_b = &chain->pair[i < b ? pair_at(chain, i, b) : pair_at(chain, b, i)];
		if (chain->linkage == LINKAGE_COMPLETE)
			*to_b = to_a > *to_b ? to_a : *to_b;
		else
			*to_b = (rows_a * to_a + rows_b * *to_b) / (rows_a + rows_b);
	}
	return true;
}

/* ---- the chain ---- */

/* The nearest cluster to the last in the chain; ties go to the one before it.  NOTHING on cancel. */
static int32_t
nearest_cluster(Chain *chain, double *distance)
{
	int32_t from = chain->link[chain->length - 1];
	int32_t nearest = NOTHING;

	*distance = INFINITY;
	if (chain->length > 1)
	{
		nearest = chain->link[chain->length - 2];
		*distance = cluster_distance(chain, from, nearest);
	}
	for (int32_t at = 0; at < chain->n_active; at++)
	{
		int32_t i = chain->active[at];
		double to;

		if (i == from || chain->rows[i] == 0)
			continue;
		if (!kd_work_on(&chain->work, chain->linkage == LINKAGE_WARD ? chain->width : 2))
			return NOTHING;
		to = cluster_distance(chain, from, i);
		if (to < *distance)
		{
			*distance = to;
			nearest = i;
		}
	}
	return nearest;
}

static void
chain_append(Chain *chain, int32_t cluster)
{
	chain->position[cluster] = chain->length;
	chain->link[chain->length++] = cluster;
}

static void
chain_cut(Chain *chain, int32_t length)
{
	while (chain->length > length)
		chain->position[chain->link[--chain->length]] = NOTHING;
}

/* Close the gaps in the list of clusters once half of it is gone. */
static void
close_up(Chain *chain, int32_t left)
{
	int32_t kept = 0;

	if (left > chain->n_active / 2)
		return;
	for (int32_t at = 0; at < chain->n_active; at++)
		if (chain->rows[chain->active[at]] > 0)
			chain->active[kept++] = chain->active[at];
	chain->n_active = kept;
}

/* Follow the chain to the next pair of mutual nearest neighbours, merge them and keep the merge in edge. */
static bool
next_merge(Chain *chain, int32_t *first, Edge *edge)
{
	double distance;
	int32_t nearest;
	int32_t a;
	int32_t b;

	if (chain->length == 0)
	{
		while (chain->rows[*first] == 0)
			(*first)++;
		chain_append(chain, *first);
	}
	for (;;)
	{
		nearest = nearest_cluster(chain, &distance);
		if (nearest == NOTHING)
			return false;
		if (chain->length > 1 && nearest == chain->link[chain->length - 2])
			break;
		if (chain->position[nearest] != NOTHING)
			chain_cut(chain, chain->position[nearest] + 1);
		else
			chain_append(chain, nearest);
	}
	a = chain->link[chain->length - 1] < nearest ? chain->link[chain->length - 1] : nearest;
	b = chain->link[chain->length - 1] < nearest ? nearest : chain->link[chain->length - 1];
	chain_cut(chain, chain->length - 2);
	*edge = (Edge){.weight = chain->linkage == LINKAGE_WARD ? sqrt(distance) : distance, .a = a, .b = b};
	if (!update_distances(chain, a, b))
		return false;
	chain->rows[b] += chain->rows[a];
	chain->rows[a] = 0;
	return true;
}

static CoreStatus
run_chain(Chain *chain, const int32_t *start, Edge *edge)
{
	int32_t first = 0;

	for (int32_t i = 0; i < chain->n; i++)
	{
		chain->active[i] = i;
		chain->position[i] = NOTHING;
		chain->rows[i] = start[i + 1] - start[i];
	}
	chain->n_active = chain->n;
	if (chain->pair != NULL && !fill_pairs(chain))
		return CORE_CANCELLED;
	for (int32_t merged = 0; merged < chain->n - 1; merged++)
	{
		if (!next_merge(chain, &first, &edge[merged]))
			return CORE_CANCELLED;
		close_up(chain, chain->n - 1 - merged);
	}
	return CORE_OK;
}

static uint64_t
pairs_bytes(int32_t n, Linkage linkage)
{
	if (linkage != LINKAGE_COMPLETE && linkage != LINKAGE_AVERAGE)
		return 0;
	return (uint64_t) n * (uint64_t) (n > 0 ? n - 1 : 0) / 2 * sizeof(double);
}

/* edge [n - 1] between distinct points; ward changes x. */
static CoreStatus
chain_edges(Env *env, double *x, int32_t n, int32_t width, Linkage linkage, const int32_t *start, Edge *edge)
{
	size_t bytes = sizeof(int32_t) * (size_t) n;
	uint64_t pairs = pairs_bytes(n, linkage);
	Chain chain = {
		.env = env, .linkage = linkage, .n = n, .width = width, .x = x, .work = kd_work_start(env)};
	int32_t *block = env->alloc(env, 4 * bytes);
	CoreStatus status = CORE_NO_MEMORY;

	if (pairs > 0 && pairs < SIZE_MAX)
		chain.pair = env->alloc(env, (size_t) pairs);
	if (block != NULL && (pairs == 0 || chain.pair != NULL))
	{
		chain.active = block;
		chain.rows = block + n;
		chain.link = block + 2 * (size_t) n;
		chain.position = block + 3 * (size_t) n;
		status = run_chain(&chain, start, edge);
	}
	if (chain.pair != NULL)
		env->release(env, chain.pair);
	if (block != NULL)
		env->release(env, block);
	return status;
}

/* The same for single linkage. */
static CoreStatus
single_edges(Env *env, const double *x, int32_t n, int32_t width, Edge *edge)
{
	KdTree tree;
	CoreStatus status = kd_build(env, x, n, width, &tree);

	if (status != CORE_OK)
		return status;
	status = spanning_tree(env, &tree, NULL, edge);
	for (int32_t e = 0; status == CORE_OK && e < n - 1; e++)
	{
		edge[e].weight = sqrt(edge[e].weight);
		edge[e].a = tree.index[edge[e].a];
		edge[e].b = tree.index[edge[e].b];
	}
	kd_free(env, &tree);
	return status;
}

/* ---- merges of rows ---- */

/* One merge of two nodes, given by rows in them; top [n] by root of a set is the node that it is. */
static void
put_merge(Merge *merge, int32_t i, int32_t n, int32_t *parent, int32_t *top, int32_t a, int32_t b,
		  double distance)
{
	int32_t left = top[union_find(parent, a)];
	int32_t right = top[union_find(parent, b)];

	merge[i] =
		(Merge){.distance = distance,
				.left = left < right ? left : right,
				.right = left < right ? right : left,
				.rows = (left < n ? 1 : merge[left - n].rows) + (right < n ? 1 : merge[right - n].rows)};
	union_join(parent, a, b);
	top[union_find(parent, a)] = n + i;
}

/* Equal rows first, then the edges between points. */
static CoreStatus
put_merges(Env *env, int32_t n, int32_t points, const int32_t *start, const Edge *edge, Merge *merge)
{
	int32_t *parent = env->alloc(env, sizeof(int32_t) * (size_t) n);
	int32_t *top = env->alloc(env, sizeof(int32_t) * (size_t) n);
	CoreStatus status = CORE_NO_MEMORY;

	if (parent != NULL && top != NULL)
	{
		int32_t merged = 0;

		for (int32_t i = 0; i < n; i++)
			parent[i] = top[i] = i;
		for (int32_t p = 0; p < points; p++)
			for (int32_t row = start[p] + 1; row < start[p + 1]; row++)
				put_merge(merge, merged++, n, parent, top, start[p], row, 0);
		for (int32_t e = 0; e < points - 1; e++)
			put_merge(merge, merged++, n, parent, top, start[edge[e].a], start[edge[e].b], edge[e].weight);
		status = env->cancelled(env) ? CORE_CANCELLED : CORE_OK;
	}
	if (top != NULL)
		env->release(env, top);
	if (parent != NULL)
		env->release(env, parent);
	return status;
}

static CoreStatus
merges_with(Env *env, double *x, int32_t n, int32_t width, Linkage linkage, int32_t *start, Edge *edge,
			Merge *merge, int32_t *distinct)
{
	int32_t points;
	CoreStatus status = points_distinct(env, x, n, width, start, &points);

	if (status != CORE_OK)
		return status;
	/* Ward's distances are squared and multiplied by up to the number of rows. */
	if (!isfinite(points_diameter2(x, points, width) * n))
		return CORE_NOT_FINITE;
	if (linkage == LINKAGE_SINGLE)
		status = single_edges(env, x, points, width, edge);
	else
		status = chain_edges(env, x, points, width, linkage, start, edge);
	if (status == CORE_OK)
		status = edges_sort(env, edge, points - 1);
	if (status == CORE_OK)
		status = put_merges(env, n, points, start, edge, merge);
	if (distinct != NULL)
		*distinct = points;
	return status;
}

CoreStatus
hierarchy_merges(Env *env, double *x, int32_t n, int32_t width, Linkage linkage, Merge *merge,
				 int32_t *distinct)
{
	int32_t *start = env->alloc(env, sizeof(int32_t) * ((size_t) n + 1));
	Edge *edge = env->alloc(env, sizeof(Edge) * (size_t) n);
	CoreStatus status = CORE_NO_MEMORY;

	if (start != NULL && edge != NULL)
		status = merges_with(env, x, n, width, linkage, start, edge, merge, distinct);
	if (edge != NULL)
		env->release(env, edge);
	if (start != NULL)
		env->release(env, start);
	return status;
}

/* ---- labels ---- */

/* Undo the merges from `merges` on: from the last node down, every node hands its cluster to its children. */
static CoreStatus
cut(Env *env, const Merge *merge, int32_t n, int32_t merges, int32_t *label)
{
	int32_t *cluster = env->alloc(env, sizeof(int32_t) * ((size_t) n + (size_t) merges));
	int32_t next = 0;

	if (cluster == NULL)
		return CORE_NO_MEMORY;
	for (int32_t node = 0; node < n + merges; node++)
		cluster[node] = 0;
	for (int32_t node = n + merges - 1; node >= 0; node--)
	{
		if (cluster[node] == 0)
			cluster[node] = ++next;
		if (node < n)
			label[node] = cluster[node];
		else
			cluster[merge[node - n].left] = cluster[merge[node - n].right] = cluster[node];
	}
	env->release(env, cluster);
	return labels_by_size(env, label, n);
}

CoreStatus
hierarchy_label(Env *env, double *x, int32_t n, int32_t width, Linkage linkage, int32_t k, int32_t *label)
{
	Merge *merge = env->alloc(env, sizeof(Merge) * (size_t) n);
	int32_t distinct;
	CoreStatus status;

	if (merge == NULL)
		return CORE_NO_MEMORY;
	status = hierarchy_merges(env, x, n, width, linkage, merge, &distinct);
	if (status == CORE_OK)
		status = cut(env, merge, n, n - (k < distinct ? k : distinct), label);
	env->release(env, merge);
	return status;
}

uint64_t
hierarchy_bytes(int32_t n, int32_t width, Linkage linkage)
{
	uint64_t rows = (uint64_t) n;
	uint64_t common = rows * (3 * sizeof(int32_t) + 2 * sizeof(Edge)) + sizeof(int32_t);
	uint64_t pairs = pairs_bytes(n, linkage);

	if (linkage == LINKAGE_SINGLE)
		return common + kd_bytes(n, width) + spanning_bytes(n);
	if (pairs > UINT64_MAX / 2)
		return UINT64_MAX;
	return common + pairs + 4 * sizeof(int32_t) * rows;
}

uint64_t
hierarchy_label_bytes(int32_t n, int32_t width, Linkage linkage)
{
	uint64_t merges = hierarchy_bytes(n, width, linkage);
	uint64_t own = (uint64_t) n * (sizeof(Merge) + 2 * sizeof(int32_t)) + labels_bytes(n);

	return merges > UINT64_MAX - own ? UINT64_MAX : merges + own;
}
