/*
 * spanning.c - the minimum spanning tree of points by Boruvka's algorithm over a k-d tree (March, Ram & Gray 2010, with single
 * searches in place of dual ones)
 *
 * Each round, every component looks for its shortest edge out: its points search in turn, each with the shortest edge found so
 * far as a bound, passing over nodes that lie wholly in the component.  The edges found are then added; those that would
 * close a circle (all of equal weight, or found from both ends) are left out.  Components at least halve in number, so there
 * are at most log2 n rounds.
 *
 * Memory: 24 bytes a point (component, best edge, the smallest core distance of nodes and their components), then as much
 * as the edges for sorting.
 */
#include "spanning.h"
#include "union_find.h"

#define STRETCH 65536 /* edges between two looks at the cancel flag */
#define MIXED (-1) /* component of a node that has several */

typedef struct Spanning
{
	Env *env;
	const KdTree *tree;
	const double *core2; /* or NULL */
	int32_t *parent; /* [n] by place */
	int32_t *component; /* [nodes] or MIXED */
	double *least; /* [nodes] smallest core2; NULL without core2 */
	Edge *best; /* [n] by root: the shortest edge out of the component */
	KdWork work;
} Spanning;

static inline double
core_of(const Spanning *spanning, int32_t place)
{
	return spanning->core2 == NULL ? 0 : spanning->core2[place];
}

static inline double
longer(double a, double b)
{
	return a > b ? a : b;
}

static void
start_nodes(Spanning *spanning)
{
	const KdTree *tree = spanning->tree;

	if (spanning->least == NULL)
		return;
	for (int32_t v = tree->n_nodes - 1; v >= 0; v--)
	{
		KdNode node = tree->node[v];
		double least = INFINITY;

		if (v < tree->first_leaf)
			least = fmin(spanning->least[2 * v + 1], spanning->least[2 * v + 2]);
		else
			for (int32_t i = node.begin; i < node.end; i++)
				least = fmin(least, spanning->core2[i]);
		spanning->least[v] = least;
	}
}

/* Which nodes lie wholly in one component now. */
static void
start_round(Spanning *spanning)
{
	const KdTree *tree = spanning->tree;

	for (int32_t place = 0; place < tree->n; place++)
	{
		spanning->parent[place] = union_find(spanning->parent, place);
		spanning->best[place].weight = INFINITY;
	}
	for (int32_t v = tree->n_nodes - 1; v >= 0; v--)
	{
		KdNode node = tree->node[v];
		int32_t component;

		if (v < tree->first_leaf)
		{
			component = spanning->component[2 * v + 1];
			if (component != spanning->component[2 * v + 2])
				component = MIXED;
		}
		else
		{
			component = spanning->parent[node.begin];
			for (int32_t i = node.begin + 1; i < node.end; i++)
				if (spanning->parent[i] != component)
					component = MIXED;
		}
		spanning->component[v] = component;
	}
}

/* No edge from a point of the component into the node is shorter. */
static inline double
node_bound(const Spanning *spanning, int32_t v, const double *q, double core, int32_t component)
{
	double bound;

	if (spanning->component[v] == component)
		return INFINITY;
	bound = longer(kd_nearest2(spanning->tree, v, q), core);
	return spanning->least == NULL ? bound : longer(bound, spanning->least[v]);
}

typedef struct BoundedNode
{
	double bound;
	int32_t node;
} BoundedNode;

/* Shorten the component's best edge by those from one place to a leaf. */
static void
search_leaf(Spanning *spanning, int32_t v, int32_t place, int32_t component)
{
	const KdTree *tree = spanning->tree;
	KdNode node = tree->node[v];
	const double *q = kd_point(tree, place);
	Edge *best = &spanning->best[component];

	for (int32_t i = node.begin; i < node.end; i++)
	{
		double weight;

		if (spanning->parent[i] == component)
			continue;
		weight = kd_distance2(kd_point(tree, i), q, tree->width);
		weight = longer(weight, longer(core_of(spanning, place), core_of(spanning, i)));
		if (weight < best->weight)
			*best = (Edge){.weight = weight, .a = place, .b = i};
	}
}

static bool
search_from(Spanning *spanning, int32_t place)
{
	const KdTree *tree = spanning->tree;
	const double *q = kd_point(tree, place);
	int32_t component = spanning->parent[place];
	double core = core_of(spanning, place);
	const Edge *best = &spanning->best[component];
	BoundedNode stack[KD_STACK];
	int32_t depth = 0;

	stack[depth++] = (BoundedNode){.bound = core, .node = 0};
	while (depth > 0)
	{
		BoundedNode top = stack[--depth];
		int32_t left = 2 * top.node + 1;
		BoundedNode near;
		BoundedNode far;

		if (top.bound >= best->weight)
			continue;
		if (!kd_work_on(&spanning->work, 16 * (int64_t) tree->width))
			return false;
		if (top.node >= tree->first_leaf)
		{
			search_leaf(spanning, top.node, place, component);
			continue;
		}
		near = (BoundedNode){node_bound(spanning, left, q, core, component), left};
		far = (BoundedNode){node_bound(spanning, left + 1, q, core, component), left + 1};
		if (far.bound < near.bound)
		{
			BoundedNode swap = near;

			near = far;
			far = swap;
		}
		if (far.bound < best->weight)
			stack[depth++] = far;
		if (near.bound < best->weight)
			stack[depth++] = near;
	}
	return true;
}

/* Add the edges that were found; returns how many edges there are now. */
static int32_t
add_edges(Spanning *spanning, Edge *edge, int32_t n)
{
	for (int32_t root = 0; root < spanning->tree->n; root++)
	{
		const Edge *best = &spanning->best[root];

		if (best->weight == INFINITY ||
			union_find(spanning->parent, best->a) == union_find(spanning->parent, best->b))
			continue;
		union_join(spanning->parent, best->a, best->b);
		edge[n++] = *best;
	}
	return n;
}

static CoreStatus
run(Spanning *spanning, Edge *edge)
{
	int32_t n = spanning->tree->n;
	int32_t n_edges = 0;

	for (int32_t place = 0; place < n; place++)
		spanning->parent[place] = place;
	start_nodes(spanning);
	while (n_edges < n - 1)
	{
		start_round(spanning);
		for (int32_t place = 0; place < n; place++)
			if (!search_from(spanning, place))
				return CORE_CANCELLED;
		n_edges = add_edges(spanning, edge, n_edges);
	}
	return CORE_OK;
}

CoreStatus
spanning_tree(Env *env, const KdTree *tree, const double *core2, Edge *edge)
{
	Spanning spanning = {.env = env, .tree = tree, .core2 = core2, .work = kd_work_start(env)};
	size_t nodes = (size_t) tree->n_nodes;
	CoreStatus status = CORE_NO_MEMORY;

	spanning.parent = env->alloc(env, sizeof(int32_t) * (size_t) tree->n);
	spanning.component = env->alloc(env, sizeof(int32_t) * nodes);
	spanning.best = env->alloc(env, sizeof(Edge) * (size_t) tree->n);
	if (core2 != NULL)
		spanning.least = env->alloc(env, sizeof(double) * nodes);
	if (spanning.parent != NULL && spanning.component != NULL && spanning.best != NULL &&
		(core2 == NULL || spanning.least != NULL))
		status = run(&spanning, edge);
	if (spanning.least != NULL)
		env->release(env, spanning.least);
	if (spanning.best != NULL)
		env->release(env, spanning.best);
	if (spanning.component != NULL)
		env->release(env, spanning.component);
	if (spanning.parent != NULL)
		env->release(env, spanning.parent);
	return status != CORE_OK ? status : edges_sort(env, edge, tree->n - 1);
}

uint64_t
spanning_bytes(int32_t n)
{
	/* There are fewer nodes than points, or one. */
	return (uint64_t) n * (2 * sizeof(int32_t) + sizeof(Edge) + sizeof(double)) + 64;
}

/* ---- sorting ---- */

static CoreStatus
merge_runs(Env *env, const Edge *from, Edge *to, int32_t n, int64_t run)
{
	int32_t work = 0;

	for (int64_t lo = 0; lo < n; lo += 2 * run)
	{
		int64_t middle = lo + run < n ? lo + run : n;
		int64_t hi = lo + 2 * run < n ? lo + 2 * run : n;
		int64_t left = lo;
		int64_t right = middle;

		for (int64_t at = lo; at < hi; at++)
		{
			bool take_right = left == middle || (right < hi && from[right].weight < from[left].weight);

			to[at] = from[take_right ? right : left];
			right += take_right;
			left += !take_right;
			if (++work == STRETCH)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
		}
	}
	return CORE_OK;
}

CoreStatus
edges_sort(Env *env, Edge *edge, int32_t n)
{
	Edge *spare;
	Edge *from = edge;
	CoreStatus status = CORE_OK;

	if (n < 2)
		return CORE_OK;
	spare = env->alloc(env, sizeof(Edge) * (size_t) n);
	if (spare == NULL)
		return CORE_NO_MEMORY;
	for (int64_t run = 1; status == CORE_OK && run < n; run *= 2)
	{
		Edge *to = from == edge ? spare : edge;

		status = merge_runs(env, from, to, n, run);
		from = to;
	}
	if (from != edge)
		for (int32_t i = 0; i < n; i++)
			edge[i] = from[i];
	env->release(env, spare);
	return status;
}
