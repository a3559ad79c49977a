/*
 * kd_tree.c - a balanced k-d tree (Bentley 1975; Friedman, Bentley & Finkel 1977): building it, counting within a radius, k-th
 * distances
 *
 * Every level cuts its nodes at the median of the column in which their box is longest; a leaf holds LEAF points at most, more
 * than half of that unless there are fewer.  The median is found by quickselect (Hoare 1961) with three parts, since columns
 * of shop data repeat, and pivots from a counted random number.
 *
 * Memory: a copy of the points, 4 bytes for each one's number, 16 width + 8 bytes a node (at most 4 n / LEAF + 1 nodes), and
 * 24 bytes a point while the tree is built.  All loops look at the cancel flag after KD_STRETCH numbers at most.
 */
#include <string.h>

#include "../rng.h"
#include "kd_tree.h"
#include "points.h"

#define LEAF 16

/* ---- building ---- */

/* One point while the tree is built. */
typedef struct SelectPair
{
	double value; /* in the column of the cut */
	int32_t point;
} SelectPair;

static int32_t
levels_of(int32_t n)
{
	int32_t levels = 0;

	while (((int64_t) LEAF << levels) < n)
		levels++;
	return levels;
}

/* pairs [begin, end) around the pivot's value: smaller ones to the front, larger ones to the back.  Sets the bounds of those equal. */
static void
three_parts(SelectPair *pairs, int32_t begin, int32_t end, double pivot, int32_t *equal, int32_t *larger)
{
	int32_t low = begin;
	int32_t at = begin;
	int32_t high = end;

	while (at < high)
	{
		SelectPair pair = pairs[at];

		if (pair.value < pivot)
		{
			pairs[at++] = pairs[low];
			pairs[low++] = pair;
		}
		else if (pair.value > pivot)
		{
			pairs[at] = pairs[--high];
			pairs[high] = pair;
		}
		else
			at++;
	}
	*equal = low;
	*larger = high;
}

/* Put the smallest `middle - begin` of pairs [begin, end) first. */
static bool
select_median(SelectPair *pairs, int32_t begin, int32_t end, int32_t middle, KdWork *work)
{
	uint64_t draw = 0;

	while (end - begin > 1)
	{
		uint32_t at = rng_below((uint64_t) begin, (uint64_t) end, draw++, (uint32_t) (end - begin));
		int32_t equal;
		int32_t larger;

		if (!kd_work_on(work, end - begin))
			return false;
		three_parts(pairs, begin, end, pairs[begin + (int32_t) at].value, &equal, &larger);
		if (middle < equal)
			end = equal;
		else if (middle >= larger)
			begin = larger;
		else
			return true;
	}
	return true;
}

/* The box of a node's points; returns its longest column. */
static int32_t
node_box(const double *x, int32_t width, const SelectPair *pairs, KdNode node, double *low)
{
	double *high = low + width;
	int32_t longest = 0;

	for (int32_t i = node.begin; i < node.end; i++)
	{
		const double *point = x + (size_t) pairs[i].point * width;

		for (int32_t c = 0; c < width; c++)
		{
			if (i == node.begin || point[c] < low[c])
				low[c] = point[c];
			if (i == node.begin || point[c] > high[c])
				high[c] = point[c];
		}
	}
	for (int32_t c = 1; c < width; c++)
		if (high[c] - low[c] > high[longest] - low[longest])
			longest = c;
	return longest;
}

/* The box of node v, and its points cut in two unless it is a leaf. */
static bool
build_node(const double *x, KdTree *tree, int32_t v, SelectPair *pairs, KdWork *work)
{
	KdNode node = tree->node[v];
	int32_t longest;
	int32_t middle = node.begin + (node.end - node.begin) / 2;

	if (!kd_work_on(work, (int64_t) (node.end - node.begin) * tree->width))
		return false;
	longest = node_box(x, tree->width, pairs, node, tree->box + (size_t) v * 2 * tree->width);
	if (v >= tree->first_leaf)
		return true;
	for (int32_t i = node.begin; i < node.end; i++)
		pairs[i].value = x[(size_t) pairs[i].point * tree->width + longest];
	tree->node[2 * v + 1] = (KdNode){.begin = node.begin, .end = middle};
	tree->node[2 * v + 2] = (KdNode){.begin = middle, .end = node.end};
	return select_median(pairs, node.begin, node.end, middle, work);
}

static CoreStatus
build_with(Env *env, const double *x, KdTree *tree, SelectPair *pairs)
{
	KdWork work = kd_work_start(env);

	for (int32_t i = 0; i < tree->n; i++)
		pairs[i] = (SelectPair){.point = i};
	tree->node[0] = (KdNode){.begin = 0, .end = tree->n};
	for (int32_t v = 0; v < tree->n_nodes; v++)
		if (!build_node(x, tree, v, pairs, &work))
			return CORE_CANCELLED;
	for (int32_t place = 0; place < tree->n; place++)
	{
		if (!kd_work_on(&work, tree->width))
			return CORE_CANCELLED;
		tree->index[place] = pairs[place].point;
		memcpy(tree->x + (size_t) place * tree->width, x + (size_t) pairs[place].point * tree->width,
			   sizeof(double) * (size_t) tree->width);
	}
	return CORE_OK;
}

CoreStatus
kd_build(Env *env, const double *x, int32_t n, int32_t width, KdTree *tree)
{
	int32_t levels = levels_of(n);
	size_t row = sizeof(double) * (size_t) width;
	SelectPair *pairs = env->alloc(env, sizeof(SelectPair) * (size_t) n);
	CoreStatus status = CORE_NO_MEMORY;

	*tree = (KdTree){.n = n,
					 .width = width,
					 .first_leaf = (1 << levels) - 1,
					 .n_nodes = (int32_t) ((UINT32_C(2) << levels) - 1)};
	tree->node = env->alloc(env, sizeof(KdNode) * (size_t) tree->n_nodes);
	tree->box = env->alloc(env, 2 * row * (size_t) tree->n_nodes);
	tree->x = env->alloc(env, row * (size_t) n);
	tree->index = env->alloc(env, sizeof(int32_t) * (size_t) n);
	if (pairs != NULL && tree->node != NULL && tree->box != NULL && tree->x != NULL && tree->index != NULL)
		status = build_with(env, x, tree, pairs);
	if (pairs != NULL)
		env->release(env, pairs);
	if (status != CORE_OK)
		kd_free(env, tree);
	return status;
}

void
kd_free(Env *env, KdTree *tree)
{
	if (tree->index != NULL)
		env->release(env, tree->index);
	if (tree->x != NULL)
		env->release(env, tree->x);
	if (tree->box != NULL)
		env->release(env, tree->box);
	if (tree->node != NULL)
		env->release(env, tree->node);
	*tree = (KdTree){0};
}

uint64_t
kd_bytes(int32_t n, int32_t width)
{
	uint64_t nodes = (UINT64_C(2) << levels_of(n)) - 1;
	uint64_t row = sizeof(double) * (uint64_t) width;

	return nodes * (sizeof(KdNode) + 2 * row) + (uint64_t) n * (row + sizeof(int32_t) + sizeof(SelectPair));
}

/* ---- searching ---- */

int32_t
kd_count(const KdTree *tree, const KdWeights *weights, const double *q, double radius2, int32_t enough,
		 KdWork *work)
{
	int32_t stack[KD_STACK];
	int32_t depth = 0;
	int32_t count = 0;

	stack[depth++] = 0;
	while (depth > 0 && count < enough)
	{
		int32_t v = stack[--depth];
		KdNode node = tree->node[v];

		if (!kd_work_on(work, tree->width))
			return count;
		if (kd_nearest2(tree, v, q) > radius2)
			continue;
		if (kd_farthest2(tree, v, q) <= radius2)
			count += kd_weight(weights, node.begin, node.end);
		else if (v < tree->first_leaf)
		{
			stack[depth++] = 2 * v + 2;
			stack[depth++] = 2 * v + 1;
		}
		else
		{
			if (!kd_work_on(work, (int64_t) LEAF * tree->width))
				return count;
			for (int32_t i = node.begin; i < node.end; i++)
				if (kd_distance2(kd_point(tree, i), q, tree->width) <= radius2)
					count += kd_weight(weights, i, i + 1);
		}
	}
	return count;
}

/* ---- the k-th nearest ---- */

/* The nearest points seen, the farthest on top; `rows` is their summed weight. */
typedef struct NearHeap
{
	KdNear *entry;
	int32_t n;
	int32_t rows;
	int32_t k;
} NearHeap;

static void
heap_up(NearHeap *heap, KdNear near)
{
	int32_t at = heap->n++;

	while (at > 0 && heap->entry[(at - 1) / 2].distance2 < near.distance2)
	{
		heap->entry[at] = heap->entry[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entry[at] = near;
	heap->rows += near.weight;
}

static void
heap_drop_top(NearHeap *heap)
{
	KdNear last = heap->entry[--heap->n];
	int32_t at = 0;

	heap->rows -= heap->entry[0].weight;
	for (int32_t child = 1; child < heap->n; child = 2 * at + 1)
	{
		if (child + 1 < heap->n && heap->entry[child + 1].distance2 > heap->entry[child].distance2)
			child++;
		if (heap->entry[child].distance2 <= last.distance2)
			break;
		heap->entry[at] = heap->entry[child];
		at = child;
	}
	heap->entry[at] = last;
}

static inline double
heap_bound(const NearHeap *heap)
{
	return heap->rows < heap->k ? INFINITY : heap->entry[0].distance2;
}

/* Without what lies beyond it there must still be k rows. */
static void
heap_take(NearHeap *heap, double distance2, int32_t weight)
{
	if (distance2 >= heap_bound(heap))
		return;
	heap_up(heap, (KdNear){.distance2 = distance2, .weight = weight});
	while (heap->rows - heap->entry[0].weight >= heap->k)
		heap_drop_top(heap);
}

typedef struct NearNode
{
	double distance2;
	int32_t node;
} NearNode;

double
kd_kth_distance2(const KdTree *tree, const KdWeights *weights, const double *q, int32_t k, KdNear *entries,
				 KdWork *work)
{
	NearHeap heap = {.entry = entries, .k = k};
	NearNode stack[KD_STACK];
	int32_t depth = 0;

	stack[depth++] = (NearNode){.node = 0};
	while (depth > 0)
	{
		NearNode top = stack[--depth];
		KdNode node = tree->node[top.node];

		if (top.distance2 >= heap_bound(&heap))
			continue;
		if (!kd_work_on(work, (int64_t) LEAF * tree->width))
			return -1;
		if (top.node < tree->first_leaf)
		{
			int32_t left = 2 * top.node + 1;
			double to_left = kd_nearest2(tree, left, q);
			double to_right = kd_nearest2(tree, left + 1, q);
			bool left_first = to_left <= to_right;

			stack[depth++] = left_first ? (NearNode){to_right, left + 1} : (NearNode){to_left, left};
			stack[depth++] = left_first ? (NearNode){to_left, left} : (NearNode){to_right, left + 1};
			continue;
		}
		for (int32_t i = node.begin; i < node.end; i++)
			heap_take(&heap, kd_distance2(kd_point(tree, i), q, tree->width), kd_weight(weights, i, i + 1));
	}
	return heap.entry[0].distance2;
}

/* ---- rows ---- */

static CoreStatus
open_tree(Env *env, double *x, int32_t n, int32_t width, KdRows *rows)
{
	int32_t points;
	CoreStatus status = points_distinct(env, x, n, width, rows->start, &points);

	if (status == CORE_OK)
		status = kd_build(env, x, points, width, &rows->tree);
	if (status != CORE_OK)
		return status;
	/* No distance is longer than the diagonal of the whole box. */
	if (!isfinite(kd_farthest2(&rows->tree, 0, rows->tree.box)))
		return CORE_NOT_FINITE;
	rows->prefix[0] = 0;
	for (int32_t place = 0; place < points; place++)
	{
		int32_t point = rows->tree.index[place];

		rows->prefix[place + 1] = rows->prefix[place] + rows->start[point + 1] - rows->start[point];
	}
	rows->weights.prefix = rows->prefix;
	return CORE_OK;
}

CoreStatus
kd_rows_open(Env *env, double *x, int32_t n, int32_t width, KdRows *rows)
{
	size_t bytes = sizeof(int32_t) * ((size_t) n + 1);
	CoreStatus status = CORE_NO_MEMORY;

	*rows = (KdRows){.n = n, .start = env->alloc(env, bytes), .prefix = env->alloc(env, bytes)};
	if (rows->start != NULL && rows->prefix != NULL)
		status = open_tree(env, x, n, width, rows);
	if (status != CORE_OK)
		kd_rows_close(env, rows);
	return status;
}

void
kd_rows_close(Env *env, KdRows *rows)
{
	kd_free(env, &rows->tree);
	if (rows->prefix != NULL)
		env->release(env, rows->prefix);
	if (rows->start != NULL)
		env->release(env, rows->start);
	*rows = (KdRows){0};
}

uint64_t
kd_rows_bytes(int32_t n, int32_t width)
{
	return kd_bytes(n, width) + 2 * sizeof(int32_t) * ((uint64_t) n + 1);
}

CoreStatus
kd_rows_spread(Env *env, const KdRows *rows, int32_t *label)
{
	int32_t work = 0;

	/* No row stands before its point, so from the back nothing is overwritten that is still to be read. */
	for (int32_t point = rows->tree.n - 1; point >= 0; point--)
	{
		int32_t value = label[point];

		for (int32_t row = rows->start[point]; row < rows->start[point + 1]; row++)
		{
			label[row] = value;
			if (++work == KD_STRETCH)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
		}
	}
	return CORE_OK;
}

static int32_t
heap_room(int32_t n, int32_t k)
{
	return (k < n ? k : n) + 1;
}

static CoreStatus
fill_kth(Env *env, const KdRows *rows, int32_t k, KdNear *heap, double *kth)
{
	KdWork work = kd_work_start(env);

	for (int32_t place = 0; place < rows->tree.n; place++)
	{
		int32_t point = rows->tree.index[place];
		double distance2 =
			kd_kth_distance2(&rows->tree, &rows->weights, kd_point(&rows->tree, place), k, heap, &work);

		if (work.cancelled)
			return CORE_CANCELLED;
		for (int32_t row = rows->start[point]; row < rows->start[point + 1]; row++)
			kth[row] = sqrt(distance2);
	}
	return CORE_OK;
}

CoreStatus
kd_rows_kth_distance(Env *env, double *x, int32_t n, int32_t width, int32_t k, double *kth)
{
	KdRows rows;
	KdNear *heap;
	CoreStatus status = CORE_OK;

	if (k > n)
	{
		for (int32_t i = 0; i < n; i++)
			kth[i] = NAN;
		return CORE_OK;
	}
	heap = env->alloc(env, sizeof(KdNear) * (size_t) heap_room(n, k));
	if (heap == NULL)
		return CORE_NO_MEMORY;
	status = kd_rows_open(env, x, n, width, &rows);
	if (status == CORE_OK)
	{
		status = fill_kth(env, &rows, k, heap, kth);
		kd_rows_close(env, &rows);
	}
	env->release(env, heap);
	return status;
}

uint64_t
kd_rows_kth_bytes(int32_t n, int32_t width, int32_t k)
{
	return kd_rows_bytes(n, width) + sizeof(KdNear) * (uint64_t) heap_room(n, k);
}
