/*
 * rank_index.c - exact top-k by a first pass over codes of one byte, in order of falling norm
 *
 * Items stand in blocks of 16 by falling norm.  Block b has a step s_b; item y has codes z = round(y / s_b) in -127 .. 127,
 * and a query x likewise codes v of step t.  With e_b the largest |y - s_b z| of the block, n_b its largest |y|,
 *
 *   x.y = t s_b (v.z) + x.(y - s_b z) + (x - t v).(s_b z)
 *      <= t s_b (v.z) + |x| e_b + |x - t v| (n_b + e_b)
 *
 * by Cauchy and Schwarz, so an item whose v.z lies below (h - |x| e_b - |x - t v| (n_b + e_b)) / (t s_b) cannot have a score
 * of h.  h is the worst score of the list so far; RankKernel.least computes these limits in floats with room for rounding
 * (2 units and 1e-6 of the terms), and `scan` compares whole numbers, which are exact.  The few items that pass are scored
 * from their factors as rank_items would.  Once |x| n_b lies below h, no later block can hold anything: the list is done.
 * For cosines h becomes h times the norm of the block's smallest (h < 0: largest) item, and there is no such end.
 *
 * On trained factors norms differ and the end comes early; on random ones it does not, and codes take a quarter of the
 * memory traffic of factors.  Tried beside it: norms and factors alone, without codes (the same end, four times the bytes
 * up to it); codes without the order.
 *
 * Users are taken in one sweep over the codes, tile by tile, eight at a time.  A tile's limits are from before the tile, so
 * the first tiles are small: the lists fill from the items of greatest norm.
 */
#include "rank_index.h"

#include <math.h>
#include <string.h>

#include "rank_kernel.h"

#define TILE 64 /* blocks, at most; a multiple of 8, as is the first */
#define FIRST_TILE 8
#define QUAD_BYTES (RANK_LANES * 4)
#define ROUND_UP (1.0 + 1e-6)
#define BUILD_STRETCH 4096 /* items between two looks at the cancel flag */
#define SORT_STRETCH 65536 /* keys between two looks */

static int32_t
quads_of(int32_t factors)
{
	return (factors + 3) / 4;
}

int32_t
rank_index_blocks(int32_t items)
{
	int64_t blocks = ((int64_t) items + RANK_LANES - 1) / RANK_LANES;

	return (int32_t) ((blocks + 7) / 8 * 8);
}

uint64_t
rank_index_code_bytes(int32_t items, int32_t factors)
{
	return (uint64_t) rank_index_blocks(items) * (uint64_t) quads_of(factors) * QUAD_BYTES;
}

static double
norm_of(const float *row, int32_t factors)
{
	double sum = 0.0;

	for (int32_t j = 0; j < factors; j++)
		sum += (double) row[j] * row[j];
	return sqrt(sum);
}

static float
largest_of(const float *row, int32_t factors)
{
	float largest = 0.0f;

	for (int32_t j = 0; j < factors; j++)
		largest = fmaxf(largest, fabsf(row[j]));
	return largest;
}

/* A float that is certainly no less than number. */
static float
above(double number)
{
	return nextafterf((float) (number * ROUND_UP), INFINITY);
}

/* The code of number in units of step; 0 when there is no step. */
static int
code_of(float number, float step)
{
	double code = step > 0.0f ? rint((double) number / step) : 0.0;

	return (int) fmin(127.0, fmax(-127.0, code));
}

/* Codes of one item into its lane of a block; returns the error that they leave. */
static double
encode_item(const float *row, int32_t factors, float step, uint8_t *lane)
{
	double squares = 0.0;

	for (int32_t j = 0; j < factors; j++)
	{
		int code = code_of(row[j], step);
		double off = row[j] - (double) step * code;

		squares += off * off;
		lane[j / 4 * QUAD_BYTES + j % 4] = (uint8_t) (128 + code);
	}
	return sqrt(squares);
}

static void
encode_block(const float *item_factors, int32_t factors, const int32_t *order, uint8_t *codes, float *limits,
			 int32_t blocks, int32_t block)
{
	uint8_t *at = codes + (int64_t) block * quads_of(factors) * QUAD_BYTES;
	float step = 0.0f;
	double error = 0.0;
	double largest = 0.0;
	double smallest = INFINITY;

	memset(at, 128, (size_t) quads_of(factors) * QUAD_BYTES);
	for (int lane = 0; lane < RANK_LANES && order[lane] >= 0; lane++)
		step = fmaxf(step, largest_of(item_factors + (int64_t) order[lane] * factors, factors) / 127.0f);
	for (int lane = 0; lane < RANK_LANES && order[lane] >= 0; lane++)
	{
		const float *row = item_factors + (int64_t) order[lane] * factors;
		double norm = norm_of(row, factors);

		error = fmax(error, encode_item(row, factors, step, at + lane * 4));
		largest = fmax(largest, norm);
		smallest = fmin(smallest, norm);
	}
	limits[block] = step;
	limits[blocks + block] = above(error);
	limits[2 * blocks + block] = above(largest);
	limits[3 * blocks + block] = nextafterf((float) (fmin(smallest, largest) / ROUND_UP), -INFINITY);
}

/*
 * Sort keys [n] by their upper halves, a digit at a time from the lowest; equal ones keep their order.  The result is in
 * keys again, since there are four digits.
 */
static CoreStatus
sort_keys(Env *env, uint64_t *keys, uint64_t *spare, int32_t n)
{
	for (int shift = 32; shift < 64; shift += 8)
	{
		int32_t next[257] = {0};
		uint64_t *swap = keys;

		for (int32_t i = 0; i < n; i++)
			next[(keys[i] >> shift & 255) + 1]++;
		for (int digit = 0; digit < 256; digit++)
			next[digit + 1] += next[digit];
		for (int32_t i = 0; i < n; i++)
		{
			if (i % SORT_STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			spare[next[keys[i] >> shift & 255]++] = keys[i];
		}
		keys = spare;
		spare = swap;
	}
	return CORE_OK;
}

/* keys [items]: in the upper half what falls as the norm rises, in the lower the index. */
static CoreStatus
norm_keys(Env *env, const float *item_factors, int32_t items, int32_t factors, uint64_t *keys)
{
	for (int32_t i = 0; i < items; i++)
	{
		float norm = above(norm_of(item_factors + (int64_t) i * factors, factors));
		uint32_t bits;

		if (i % BUILD_STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (!isfinite(norm))
			return CORE_NOT_FINITE;
		/* Floats that are not negative stand in the order of their bits. */
		memcpy(&bits, &norm, sizeof(bits));
		keys[i] = (uint64_t) ~bits << 32 | (uint32_t) i;
	}
	return CORE_OK;
}

/* order [blocks x 16]: items by falling norm. */
static CoreStatus
order_items(Env *env, const float *item_factors, int32_t items, int32_t factors, int32_t blocks,
			int32_t *order)
{
	uint64_t *keys = env->alloc(env, 2 * sizeof(uint64_t) * (size_t) items);
	CoreStatus status = keys != NULL ? norm_keys(env, item_factors, items, factors, keys) : CORE_NO_MEMORY;

	if (status == CORE_OK)
		status = sort_keys(env, keys, keys + items, items);
	for (int64_t i = 0; status == CORE_OK && i < (int64_t) blocks * RANK_LANES; i++)
		order[i] = i < items ? (int32_t) (uint32_t) keys[i] : -1;
	if (keys != NULL)
		env->release(env, keys);
	return status;
}

CoreStatus
rank_index_build(Env *env, const float *item_factors, int32_t items, int32_t factors, uint8_t *codes,
				 int32_t *order, float *limits, RankIndex *index)
{
	int32_t blocks = rank_index_blocks(items);
	CoreStatus status = order_items(env, item_factors, items, factors, blocks, order);

	for (int32_t block = 0; status == CORE_OK && block < blocks; block++)
	{
		if (block % (BUILD_STRETCH / RANK_LANES) == 0 && env->cancelled(env))
			status = CORE_CANCELLED;
		encode_block(item_factors, factors, order + (int64_t) block * RANK_LANES, codes, limits, blocks,
					 block);
	}
	*index = (RankIndex){.items = items,
						 .factors = factors,
						 .blocks = blocks,
						 .codes = codes,
						 .order = order,
						 .limits = limits};
	return status;
}

bool
rank_index_check(const RankIndex *index, uint64_t codes, uint64_t order, uint64_t limits)
{
	uint64_t blocks = (uint64_t) index->blocks;

	if (index->blocks != rank_index_blocks(index->items) || order != blocks * RANK_LANES ||
		limits != blocks * 4 || codes != rank_index_code_bytes(index->items, index->factors))
		return false;
	for (uint64_t i = 0; i < order; i++)
	{
		if (index->order[i] < -1 || index->order[i] >= index->items)
			return false;
	}
	return true;
}

/* One user on the way through the blocks. */
typedef struct Asker
{
	RankQuery query;
	const float *factors;
	const RankFilter *filter;
	TopK *top;
} Asker;

/* The call's memory. */
typedef struct Work
{
	Asker askers[RANK_INDEX_USERS]; /* those not done yet stand first */
	RankQuery queries[RANK_QUERIES];
	int32_t least[RANK_QUERIES * TILE];
	RankHit hits[RANK_QUERIES * TILE];
	int8_t codes[]; /* [n x quads x 4] of the queries */
} Work;

typedef struct Sweep
{
	const RankIndex *index;
	const RankKernel *kernel;
	RankLimits limits;
	const float *item_factors;
	const float *inverse_norms;
	Work *work;
} Sweep;

static void
encode_query(const float *x, int32_t factors, int8_t *codes, RankQuery *query)
{
	float step = largest_of(x, factors) / 127.0f;
	double squares = 0.0;
	int32_t sum = 0;

	memset(codes, 0, (size_t) quads_of(factors) * 4);
	for (int32_t j = 0; j < factors; j++)
	{
		int code = code_of(x[j], step);
		double off = x[j] - (double) step * code;

		codes[j] = (int8_t) code;
		sum += code;
		squares += off * off;
	}
	*query = (RankQuery){.codes = codes,
						 .step = step,
						 .norm = above(norm_of(x, factors)),
						 .error = above(sqrt(squares)),
						 .offset = 128 * sum};
}

static bool
is_excluded(const RankFilter *filter, int32_t item)
{
	int32_t lo = 0;
	int32_t hi = filter->n_exclude;

	while (lo < hi)
	{
		int32_t mid = lo + (hi - lo) / 2;

		if (filter->exclude[mid] < item)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < filter->n_exclude && filter->exclude[lo] == item;
}

/* The worst score that would still be kept; -INFINITY while the list is not full. */
static float
threshold_of(const TopK *top)
{
	return top->n < top->k ? -INFINITY : top->heap[0].score;
}

/* Score the items of a block whose dots reach `least`, and offer them. */
static void
offer_block(const Sweep *sweep, const Asker *asker, const RankHit *hit, int32_t least)
{
	const RankIndex *index = sweep->index;
	const int32_t *order = index->order + (int64_t) hit->block * RANK_LANES;

	for (int lane = 0; lane < RANK_LANES; lane++)
	{
		int32_t item = order[lane];
		float score;

		if (hit->dots[lane] < least || item < 0)
			continue;
		sweep->kernel->scores(sweep->item_factors + (int64_t) item * index->factors, 1, index->factors,
							  asker->factors, &score);
		if (sweep->inverse_norms != NULL)
			score *= sweep->inverse_norms[item];
		if (topk_wants(asker->top, score, item) && !is_excluded(asker->filter, item))
			topk_push(asker->top, score, item);
	}
}

/* Blocks from .. from + n - 1 for askers [count]. */
static void
sweep_group(const Sweep *sweep, int32_t from, int32_t n, const Asker *askers, int32_t count)
{
	Work *work = sweep->work;
	int cosine = sweep->inverse_norms != NULL;
	float before[RANK_QUERIES];
	int32_t found;

	for (int32_t q = 0; q < count; q++)
	{
		before[q] = threshold_of(askers[q].top);
		work->queries[q] = askers[q].query;
		sweep->kernel->least(&sweep->limits, from, n, &askers[q].query, before[q], cosine,
							 work->least + (int64_t) q * n);
	}
	found = sweep->kernel->scan(sweep->index->codes, quads_of(sweep->index->factors), from, n, work->queries,
								count, work->least, work->hits);
	for (int32_t h = 0; h < found; h++)
	{
		const RankHit *hit = &work->hits[h];
		const Asker *asker = &askers[hit->query];
		float now = threshold_of(asker->top);
		int32_t *least = work->least + (int64_t) hit->query * n + (hit->block - from) / 8 * 8;

		/* The list has become better since: so may the limits. */
		if (now != before[hit->query])
			sweep->kernel->least(&sweep->limits, hit->block / 8 * 8, 8, &asker->query, now, cosine, least);
		offer_block(sweep, asker, hit, least[hit->block % 8]);
	}
}

/* Keep the askers for whom block `block` or a later one may hold something; returns how many. */
static int32_t
keep_asking(const Sweep *sweep, int32_t block, Asker *askers, int32_t n)
{
	int32_t kept = 0;

	for (int32_t u = 0; u < n; u++)
	{
		/* Rounded to float as scores are: what overflows for them does so here. */
		float most =
			(float) ((double) askers[u].query.norm * sweep->limits.largest[block] * ROUND_UP + 1e-37);

		if (sweep->inverse_norms == NULL && most < threshold_of(askers[u].top))
			continue;
		askers[kept++] = askers[u];
	}
	return kept;
}

static CoreStatus
sweep_blocks(Env *env, const Sweep *sweep, int32_t n)
{
	Asker *askers = sweep->work->askers;
	int32_t tile = FIRST_TILE;

	for (int32_t from = 0; from < sweep->index->blocks; from += tile, tile = tile < TILE ? 2 * tile : TILE)
	{
		int32_t blocks = sweep->index->blocks - from < tile ? sweep->index->blocks - from : tile;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		n = keep_asking(sweep, from, askers, n);
		if (n == 0)
			break;
		for (int32_t u = 0; u < n; u += RANK_QUERIES)
			sweep_group(sweep, from, blocks, askers + u, n - u < RANK_QUERIES ? n - u : RANK_QUERIES);
	}
	return CORE_OK;
}

/* True when codes say nothing of the query, or the list is so long that all items are wanted anyway. */
static bool
needs_scan(const RankIndex *index, const RankQuery *query, const TopK *top)
{
	return !(query->norm > 0.0f && isfinite(query->norm) && query->step > 0.0f) || top->k > index->items / 4;
}

/* One user's list by rank_items. */
static CoreStatus
scan_items(Env *env, const RankIndex *index, const float *item_factors, const float *query,
		   const float *inverse_norms, const RankFilter *filter, TopK *top)
{
	float *scratch = env->alloc(env, RANK_TILE * sizeof(float));
	CoreStatus status = CORE_NO_MEMORY;

	if (scratch != NULL)
	{
		status = rank_items(env, item_factors, index->items, index->factors, query, inverse_norms, filter,
							scratch, top);
		env->release(env, scratch);
	}
	return status;
}

CoreStatus
rank_index_lists(Env *env, const RankIndex *index, const float *item_factors, const float *queries,
				 const float *inverse_norms, const RankFilter *filters, int32_t n, TopK *tops)
{
	size_t width = (size_t) quads_of(index->factors) * 4;
	const float *limits = index->limits;
	int64_t blocks = index->blocks;
	Work *work = env->alloc(env, sizeof(Work) + (size_t) n * width);
	Sweep sweep = {.index = index,
				   .kernel = rank_kernel(),
				   .limits = {limits, limits + blocks, limits + 2 * blocks, limits + 3 * blocks},
				   .item_factors = item_factors,
				   .inverse_norms = inverse_norms,
				   .work = work};
	int32_t asking = 0;
	CoreStatus status = work != NULL ? CORE_OK : CORE_NO_MEMORY;

	for (int32_t u = 0; status == CORE_OK && u < n; u++)
	{
		const float *x = queries + (int64_t) u * index->factors;
		Asker *asker = &work->askers[asking];

		*asker = (Asker){.factors = x, .filter = &filters[u], .top = &tops[u]};
		encode_query(x, index->factors, work->codes + (size_t) u * width, &asker->query);
		if (needs_scan(index, &asker->query, &tops[u]))
			status = scan_items(env, index, item_factors, x, inverse_norms, &filters[u], &tops[u]);
		else
			asking++;
	}
	if (status == CORE_OK)
	{
		TopK *asked[RANK_INDEX_USERS]; /* the sweep forgets who is done */

		for (int32_t u = 0; u < asking; u++)
			asked[u] = work->askers[u].top;
		status = sweep_blocks(env, &sweep, asking);
		for (int32_t u = 0; status == CORE_OK && u < asking; u++)
			topk_finish(asked[u]);
	}
	if (work != NULL)
		env->release(env, work);
	return status;
}
