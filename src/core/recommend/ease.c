/*
 * ease.c - the Gram matrix of a sparse matrix, its inverse in place by a team, and the strongest weights of each column
 *
 * Phases, with a barrier after each:
 *
 *   1. G = X'X + lambda I.  The column of an item below the diagonal is summed up in one dense row: for each of its
 *      customers, the items of the customer's history that do not stand before it
 *   2. G is inverted by sweeping one block of `tile` items after another (Goodnight 1979, "A Tutorial on the SWEEP
 *      Operator", in blocks and in the symmetric form: G becomes -G^-1):
 *        a. D = G_kk^-1 by LAPACK's Cholesky factorisation and inverse of one tile; a copy of the block column k
 *        b. G_ik = G_ik D, and G_kk = -D
 *        c. G_ij = G_ij - (G_ik D) G_jk' with the copy of G_jk, for all i and j other than k
 *   3. the strongest entries of each column, divided by the diagonal
 *
 * The sweep does the n^3 operations of a Cholesky factorisation and an inverse from it (dpotrf and dpotri), its pivots are
 * the squared Cholesky pivots of the same matrix and so tell as well whether it is positive definite; but it is one step
 * repeated, nearly all of it products of tiles that do not depend on each other, which is what a team needs, and it works
 * in place on one triangle without room for a second factor.
 *
 * Same bytes for any number of members: tiles follow from the number of items, each is written by one member at a time, in
 * the order of the sweeps.  A member looks at the cancel flag after PIECE tile products, some 4 ms.
 *
 * Memory: shared, the lower triangle in tiles (tile row i: tile x (i + 1) * tile, column by column, hence n (n + tile) / 2
 * doubles), the copy of a block column (tile x n) and one tile; each member, a row of n doubles and LANES heaps.
 */
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "../team.h"
#include "chunks.h"
#include "ease.h"

#define TILE 256 /* items in a tile, at most */
#define ROUND 8 /* tiles have a multiple of so many items */
#define PIECE 4 /* tiles of a product */
#define GRAM_ITEMS 16 /* in a chunk of phase 1 */
#define LANES 16 /* target items whose columns are read together */
#define STRETCH 65536 /* additions between two looks at the cancel flag */

typedef struct EaseShared
{
	TeamShared team;
	double numbers[]; /* the triangle; the panel; the pivot */
} EaseShared;

/* One member's view. */
typedef struct Ease
{
	Team team;
	const EaseProblem *problem;
	int64_t items;
	int64_t tile; /* items in a tile */
	int64_t tiles; /* in a row; the last may reach beyond the items: there G is the unit matrix */
	double *triangle; /* tile rows */
	double *panel; /* [tiles][tile x tile]: G_jk' while k is swept */
	double *pivot; /* [tile x tile]: D */
	double *row; /* [tiles * tile], this member's, zero between items */
	TopEntry *heaps; /* [LANES x width], this member's */
} Ease;

/* Tiles of about equal size, so that little is computed for items that are not there. */
static int64_t
tile_of(int64_t items, int64_t *tiles)
{
	int64_t tile;

	*tiles = items > TILE ? (items + TILE - 1) / TILE : 1;
	tile = (items + *tiles - 1) / *tiles;
	return tile > 0 ? (tile + ROUND - 1) / ROUND * ROUND : ROUND;
}

size_t
ease_shared_bytes(int32_t items)
{
	int64_t tiles;
	int64_t tile = tile_of(items, &tiles);
	size_t count = (size_t) (tiles * (tiles + 1) / 2 + tiles + 1);

	return bytes_plus(sizeof(EaseShared), bytes_times(count, (size_t) (tile * tile) * sizeof(double)));
}

size_t
ease_member_bytes(int32_t items, int32_t width)
{
	int64_t tiles;
	size_t order = (size_t) tile_of(items, &tiles);

	order = bytes_times(order, (size_t) tiles);
	return bytes_plus(bytes_times(order, sizeof(double)),
					  bytes_times((size_t) width, LANES * sizeof(TopEntry)));
}

/* Tile (i, j), j <= i: [tile x tile], column by column; tile (i, j + 1) follows it. */
static inline double *
tile_at(const Ease *ease, int64_t i, int64_t j)
{
	return ease->triangle + (i * (i + 1) / 2 + j) * ease->tile * ease->tile;
}

/* row [order] += the products of item's column of X with those of the items from it on. */
static CoreStatus
gram_add(const Ease *ease, int32_t item)
{
	const Csr *users = &ease->problem->by_user;
	const Csr *items = &ease->problem->by_item;
	int64_t work = 0;

	for (int64_t e = items->start[item]; e < items->start[item + 1]; e++)
	{
		int64_t at = users->start[items->col[e] + (int64_t) 1];
		int64_t begin = users->start[items->col[e]];
		int64_t last = at;

		if (items->value == NULL)
		{
			while (--at >= begin && users->col[at] >= item)
				ease->row[users->col[at]] += 1.0;
		}
		else
		{
			while (--at >= begin && users->col[at] >= item)
				ease->row[users->col[at]] += (double) items->value[e] * users->value[at];
		}
		work += last - at + 8;
		if (work >= STRETCH)
		{
			if (ease->team.env->cancelled(ease->team.env))
				return CORE_CANCELLED;
			work = 0;
		}
	}
	return CORE_OK;
}

/*
 * Column `item` of G from row, which is cleared again: below the diagonal, and mirrored within the tile on it.  What is not
 * finite in the column is told by its diagonal, the sum of its squares.
 */
static CoreStatus
gram_store(const Ease *ease, int64_t item)
{
	int64_t block = item / ease->tile;
	int64_t at = item % ease->tile;
	double *tile = tile_at(ease, block, block);

	ease->row[item] += item < ease->items ? ease->problem->params.lambda : 1.0;
	if (!isfinite(ease->row[item]))
		return CORE_NOT_FINITE;
	for (int64_t i = at; i < ease->tile; i++)
	{
		tile[at * ease->tile + i] = ease->row[block * ease->tile + i];
		tile[i * ease->tile + at] = ease->row[block * ease->tile + i];
	}
	for (int64_t i = block + 1; i < ease->tiles; i++)
		memcpy(tile_at(ease, i, block) + at * ease->tile, ease->row + i * ease->tile,
			   (size_t) ease->tile * sizeof(double));
	memset(ease->row + item, 0, (size_t) (ease->tiles * ease->tile - item) * sizeof(double));
	return CORE_OK;
}

static CoreStatus
gram_phase(Ease *ease)
{
	int64_t order = ease->tiles * ease->tile;
	int64_t chunk;

	while ((chunk = team_claim(&ease->team, (order + GRAM_ITEMS - 1) / GRAM_ITEMS)) >= 0)
	{
		int64_t end = chunks_smaller((chunk + 1) * GRAM_ITEMS, order);

		for (int64_t item = chunk * GRAM_ITEMS; item < end; item++)
		{
			CoreStatus status = item < ease->items ? gram_add(ease, (int32_t) item) : CORE_OK;

			if (status == CORE_OK)
				status = gram_store(ease, item);
			team_fail(&ease->team, status);
			if (status != CORE_OK)
				break;
		}
	}
	return team_meet(&ease->team);
}

/* pivot = G_kk^-1. */
static CoreStatus
pivot_invert(const Ease *ease, int64_t k)
{
	int order = (int) ease->tile;
	int info = 0;
	double trace = 0.0;

	memcpy(ease->pivot, tile_at(ease, k, k), (size_t) (ease->tile * ease->tile) * sizeof(double));
	LAPACK_dpotrf("L", &order, ease->pivot, &order, &info);
	if (info != 0)
		return CORE_NOT_FINITE;
	LAPACK_dpotri("L", &order, ease->pivot, &order, &info);
	if (info != 0)
		return CORE_NOT_FINITE;
	for (int64_t j = 0; j < ease->tile; j++)
	{
		for (int64_t i = j; i < ease->tile; i++)
		{
			ease->pivot[i * ease->tile + j] = ease->pivot[j * ease->tile + i];
			trace += fabs(ease->pivot[j * ease->tile + i]);
		}
	}
	return isfinite(trace) ? CORE_OK : CORE_NOT_FINITE;
}

/* to [tile x tile] = the transpose of from, in squares that fit the nearest cache. */
static void
transpose_tile(const double *from, double *to, int64_t tile)
{
	for (int64_t left = 0; left < tile; left += ROUND)
	{
		for (int64_t top = 0; top < tile; top += ROUND)
		{
			for (int64_t j = left; j < left + ROUND; j++)
			{
				for (int64_t i = top; i < top + ROUND; i++)
					to[i * tile + j] = from[j * tile + i];
			}
		}
	}
}

/* Phase 2a: the pivot by whoever comes first, and the copy of the block column. */
static CoreStatus
pivot_phase(Ease *ease, int64_t k)
{
	int64_t square = ease->tile * ease->tile;
	int64_t chunk;

	while ((chunk = team_claim(&ease->team, ease->tiles + 1)) >= 0)
	{
		int64_t j = chunk - 1;

		if (chunk == 0)
			team_fail(&ease->team, pivot_invert(ease, k));
		else if (j < k)
			memcpy(ease->panel + j * square, tile_at(ease, k, j), (size_t) square * sizeof(double));
		else if (j > k)
			transpose_tile(tile_at(ease, j, k), ease->panel + j * square, ease->tile);
	}
	return team_meet(&ease->team);
}

/* to = beta to + alpha a b, or a' b; a [tile x tile], b and to [tile x cols], column by column. */
static void
multiply(const Ease *ease, bool a_transposed, const double *a, const double *b, int64_t cols, double alpha,
		 double beta, double *to)
{
	int tile = (int) ease->tile;

	cblas_dgemm(CblasColMajor, a_transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, tile, (int) cols, tile,
				alpha, a, tile, b, tile, beta, to, tile);
}

/* Phase 2b. */
static CoreStatus
panel_phase(Ease *ease, int64_t k)
{
	int64_t square = ease->tile * ease->tile;
	int64_t i;

	while ((i = team_claim(&ease->team, ease->tiles)) >= 0)
	{
		const double *copy = ease->panel + i * square;
		double *to = i > k ? tile_at(ease, i, k) : tile_at(ease, k, i);

		if (i > k)
			multiply(ease, true, copy, ease->pivot, ease->tile, 1.0, 0.0, to);
		else if (i < k)
			multiply(ease, false, ease->pivot, copy, ease->tile, 1.0, 0.0, to);
		else
		{
			for (int64_t e = 0; e < square; e++)
				to[e] = -ease->pivot[e];
		}
	}
	return team_meet(&ease->team);
}

/* Tiles (i, from .. to - 1) take off what row block i and the panel make; i is not k, nor is any of from .. to - 1. */
static void
update_tiles(const Ease *ease, int64_t k, int64_t i, int64_t from, int64_t to)
{
	int64_t square = ease->tile * ease->tile;
	const double *scaled = i > k ? tile_at(ease, i, k) : tile_at(ease, k, i);

	if (from < to)
		multiply(ease, i < k, scaled, ease->panel + from * square, (to - from) * ease->tile, -1.0, 1.0,
				 tile_at(ease, i, from));
}

/* Phase 2c, by pieces of at most PIECE tiles of a row. */
static CoreStatus
update_phase(Ease *ease, int64_t k)
{
	int64_t i = 0;
	int64_t before = 0; /* pieces of the rows before i */
	int64_t chunk;

	while ((chunk = team_claim(&ease->team, INT64_MAX)) >= 0)
	{
		int64_t from;
		int64_t to;

		while (i < ease->tiles && chunk >= before + i / PIECE + 1)
			before += i++ / PIECE + 1;
		if (i == ease->tiles)
			break;
		from = (chunk - before) * PIECE;
		to = chunks_smaller(from + PIECE, i + 1);
		if (i == k)
			continue;
		if (k < from || k >= to)
			update_tiles(ease, k, i, from, to);
		else
		{
			update_tiles(ease, k, i, from, k);
			update_tiles(ease, k, i, k + 1, to);
		}
	}
	return team_meet(&ease->team);
}

/* Phase 2: the triangle becomes that of -G^-1. */
static CoreStatus
invert(Ease *ease)
{
	for (int64_t k = 0; k < ease->tiles; k++)
	{
		CoreStatus status = pivot_phase(ease, k);

		if (status == CORE_OK)
			status = panel_phase(ease, k);
		if (status == CORE_OK)
			status = update_phase(ease, k);
		if (status != CORE_OK)
			return status;
		if (ease->team.env->leader)
			ease->team.env->progress(ease->team.env, (int) k + 1, (int) ease->tiles, NAN);
	}
	return CORE_OK;
}

/* Entry (i, j) of the triangle's matrix, i and j in any order. */
static inline double
entry_of(const Ease *ease, int64_t i, int64_t j)
{
	int64_t row = i > j ? i : j;
	int64_t col = i > j ? j : i;

	return tile_at(ease, row / ease->tile,
				   col / ease->tile)[col % ease->tile * ease->tile + row % ease->tile];
}

/* B_ij and its magnitude as lists have them; `times` is 1 / P_jj. */
static inline void
offer(TopK *top, double entry, double times, int64_t i, int64_t j)
{
	float score = (float) fabs(entry * times);

	if (score > 0.0f && i != j && topk_wants(top, score, (int32_t) i))
		topk_push(top, score, (int32_t) i);
}

/* The strongest entries of columns first .. last - 1, of one tile, at most LANES. */
static void
strongest(const Ease *ease, int64_t first, int64_t last, const double *times, TopK *tops)
{
	int64_t tile = ease->tile;
	int64_t block = first / tile;
	int64_t at = first % tile;
	const double *row = tile_at(ease, block, 0);

	for (int64_t i = 0; i < chunks_smaller((block + 1) * tile, ease->items); i++)
	{
		for (int64_t j = first; j < last; j++)
			offer(&tops[j - first], row[i * tile + at + j - first], times[j - first], i, j);
	}
	for (int64_t below = block + 1; below < ease->tiles; below++)
	{
		int64_t begin = below * tile;
		int64_t n = chunks_smaller(tile, ease->items - begin);

		for (int64_t j = first; j < last; j++)
		{
			const double *col = tile_at(ease, below, block) + (at + j - first) * tile;

			for (int64_t i = 0; i < n; i++)
				offer(&tops[j - first], col[i], times[j - first], begin + i, j);
		}
	}
}

/* The lists of columns first .. last - 1. */
static CoreStatus
list_columns(const Ease *ease, int64_t first, int64_t last, NeighbourLists *lists)
{
	TopK tops[LANES];
	double times[LANES];

	for (int64_t j = first; j < last; j++)
	{
		/* The matrix is -P. */
		times[j - first] = -1.0 / entry_of(ease, j, j);
		if (!isfinite(times[j - first]))
			return CORE_NOT_FINITE;
		topk_init(&tops[j - first], ease->heaps + (j - first) * lists->width, lists->width);
	}
	strongest(ease, first, last, times, tops);
	for (int64_t j = first; j < last; j++)
	{
		TopK *top = &tops[j - first];

		for (int32_t e = 0; e < top->n; e++)
		{
			if (entry_of(ease, top->heap[e].index, j) < 0.0)
				top->heap[e].score = -top->heap[e].score;
			if (!isfinite(top->heap[e].score))
				return CORE_NOT_FINITE;
		}
		neighbour_lists_put(lists, (int32_t) j, top);
	}
	return CORE_OK;
}

/* Phase 3, by LANES columns of one tile. */
static CoreStatus
list_phase(Ease *ease, NeighbourLists *lists)
{
	int64_t groups = (ease->tile + LANES - 1) / LANES; /* in a tile */
	int64_t chunk;

	while ((chunk = team_claim(&ease->team, ease->tiles * groups)) >= 0)
	{
		int64_t tile_end = (chunk / groups + 1) * ease->tile;
		int64_t first = chunk / groups * ease->tile + chunk % groups * LANES;
		int64_t last = chunks_smaller(chunks_smaller(first + LANES, tile_end), ease->items);

		if (first < last)
			team_fail(&ease->team, list_columns(ease, first, last, lists));
	}
	return team_meet(&ease->team);
}

static CoreStatus
ease_open(Env *env, Ease *ease, int32_t width)
{
	size_t order = (size_t) (ease->tiles * ease->tile);
	char *memory = env->alloc(env, ease_member_bytes((int32_t) ease->items, width));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	ease->row = (double *) memory;
	ease->heaps = (TopEntry *) (ease->row + order);
	memset(ease->row, 0, order * sizeof(double));
	return CORE_OK;
}

CoreStatus
ease_train(Env *env, const EaseProblem *problem, NeighbourLists *lists, void *shared)
{
	EaseShared *common = shared;
	Ease ease = {.team = team_join(env, &common->team), .problem = problem, .items = problem->by_item.rows};
	CoreStatus opened;
	CoreStatus status;

	ease.tile = tile_of(ease.items, &ease.tiles);
	ease.triangle = common->numbers;
	ease.panel = tile_at(&ease, ease.tiles, 0);
	ease.pivot = ease.panel + ease.tiles * ease.tile * ease.tile;
	opened = ease_open(env, &ease, lists->width);
	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&ease.team, opened);
	status = gram_phase(&ease);
	if (status == CORE_OK)
		status = invert(&ease);
	if (status == CORE_OK)
		status = list_phase(&ease, lists);
	if (opened == CORE_OK)
		env->release(env, ease.row);
	return status;
}
