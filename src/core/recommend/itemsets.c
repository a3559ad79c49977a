/*
 * itemsets.c - frequent itemsets by depth-first search over projected bitmaps
 *
 * Eclat (Zaki 2000) finds the baskets of a set as the intersection of its parts' baskets.  Here the intersections are of
 * bitmaps, but not over all baskets: each frequent item has a projection of its own, the baskets that hold it, as in
 * FP-growth (Han, Pei & Yin 2000), whose bits are numbered from 0.
 *
 *   1. count items; rank the frequent ones, the rarest first
 *   2. write every basket as the ascending ranks of its frequent items, ended by -1, and for each item where in its baskets
 *      the following item stands: what is behind such a place are the items that may extend the set
 *   3. for each item in turn: walk its places once to count what may extend it (occurrence deliver, Uno, Kiyomi &
 *      Arimura 2004), and, where sets of three are asked for, once more to fill one bitmap per frequent extension
 *   4. search from there: two extensions' bitmaps intersected give the baskets of the set of both, counted by popcount
 *
 * An item is extended by more frequent ones only, so a long projection has few extensions, and step 3 touches each pair of
 * items in a basket once.  Bitmaps over all baskets cost item pairs x baskets / 64 words however rare the pairs are.
 *
 * Memory: 4 (entries of frequent items + baskets) + 8 (entries of frequent items + baskets) bytes; the bitmaps of one
 * path of the search, at most one projection's per depth; 12 bytes per set found, half as much again for growing.  All of it
 * is held against params->memory; past it the search ends and says so in `full`.
 *
 * No team: reading the rows takes longer than the search at any support that gives a list a person could read.
 */
#include <string.h>

#include "../merge_sort.h"
#include "chunks.h"
#include "itemsets.h"
#include "itemsets_kernel.h"

#define STRETCH 65536 /* steps between two looks at the cancel flag */
#define FIRST_SETS 1024

/* The bitmaps of one depth: extensions of the set at hand. */
typedef struct Level
{
	uint64_t *bits; /* [room], extension e at bits + e * words */
	size_t room; /* words */
	int32_t *rank; /* [frequent] of each extension, ascending */
	int32_t *count; /* [frequent] */
	int32_t n; /* extensions */
} Level;

typedef struct Search
{
	Env *env;
	const ItemsetParams *params;
	const ItemsetKernel *kernel;
	Itemsets *out;
	size_t bytes; /* taken in all */
	int32_t room; /* sets that out's arrays can hold */

	int32_t *flat; /* [entries + baskets] baskets as ranks, each ended by -1 */
	int64_t *place; /* [entries] for each rank in turn: where in flat its baskets go on */
	int64_t *start; /* [frequent + 1] where each rank's places begin */

	int32_t *seen; /* [frequent] how often each rank follows the item at hand; zeros in between */
	int32_t *slot; /* [frequent] an extension's number; -1 in between */
	int32_t *touched; /* [frequent] */
	Level level[ITEMSET_MAX];
	int64_t work; /* steps since the last look at the cancel flag */
} Search;

/* ---- memory ---- */

/* NULL, and `full` or CORE_NO_MEMORY, when it is not to be had. */
static void *
take(Search *search, size_t n, size_t width, CoreStatus *status)
{
	size_t bytes = bytes_times(n > 0 ? n : 1, width);
	void *block;

	if (bytes > search->params->memory || search->bytes > search->params->memory - bytes)
	{
		search->out->full = true;
		return NULL;
	}
	block = search->env->alloc(search->env, bytes);
	if (block == NULL)
		*status = CORE_NO_MEMORY;
	else
		search->bytes += bytes;
	return block;
}

static void
give(Search *search, void *block, size_t n, size_t width)
{
	if (block == NULL)
		return;
	search->bytes -= (n > 0 ? n : 1) * width;
	search->env->release(search->env, block);
}

static CoreStatus
look(Search *search, int64_t work)
{
	search->work += work;
	if (search->work < STRETCH)
		return CORE_OK;
	search->work = 0;
	return search->env->cancelled(search->env) ? CORE_CANCELLED : CORE_OK;
}

/* True when the search is to end: with the status, or since the memory is full. */
static bool
ended(const Search *search, CoreStatus status)
{
	return status != CORE_OK || search->out->full;
}

/* ---- what is found ---- */

/* Make room for half as many sets again. */
static CoreStatus
grow(Search *search)
{
	Itemsets *out = search->out;
	int64_t room = search->room + (search->room > 0 ? search->room / 2 : FIRST_SETS);
	CoreStatus status = CORE_OK;

	if (room > INT32_MAX)
		room = INT32_MAX;
	if (room == search->room)
		out->full = true;
	for (int a = 0; a < 3 && !ended(search, status); a++)
	{
		int32_t **array = a == 0 ? &out->last : a == 1 ? &out->parent : &out->together;
		int32_t *wider = take(search, (size_t) room, sizeof(int32_t), &status);

		if (wider == NULL)
			break;
		if (out->n > 0)
			memcpy(wider, *array, (size_t) out->n * sizeof(int32_t));
		give(search, *array, (size_t) search->room, sizeof(int32_t));
		*array = wider;
	}
	if (!ended(search, status))
		search->room = (int32_t) room;
	return status;
}

/* Add a set of `size` items. */
static CoreStatus
emit(Search *search, int32_t parent, int32_t rank, int32_t together, int32_t size)
{
	Itemsets *out = search->out;

	if (out->n == search->room)
	{
		CoreStatus status = grow(search);

		if (ended(search, status))
			return status;
	}
	out->last[out->n] = rank;
	out->parent[out->n] = parent;
	out->together[out->n] = together;
	out->n++;
	out->of_size[size]++;
	return CORE_OK;
}

/* ---- steps 1 and 2 ---- */

/* held [items]: in how many baskets each stands. */
static CoreStatus
count_items(Search *search, const Csr *baskets, int32_t *held)
{
	int64_t entries = csr_entries(baskets);

	memset(held, 0, (size_t) baskets->cols * sizeof(*held));
	for (int64_t lo = 0; lo < entries; lo += STRETCH)
	{
		int64_t hi = chunks_smaller(lo + STRETCH, entries);

		if (search->env->cancelled(search->env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
			held[baskets->col[e]]++;
	}
	return CORE_OK;
}

/* Rarer items first, of equally rare ones the smaller; held [items] baskets. */
static int
compare_rarity(const void *left, const void *right, const void *held)
{
	int32_t a = *(const int32_t *) left;
	int32_t b = *(const int32_t *) right;
	int32_t held_a = ((const int32_t *) held)[a];
	int32_t held_b = ((const int32_t *) held)[b];

	return held_a != held_b ? (held_a < held_b ? -1 : 1) : (a > b) - (a < b);
}

/* Sort items [n] by how rare they are; spare [n] is scratch.  The sorted array is *items. */
static CoreStatus
sort_by_rarity(Search *search, const int32_t *held, int32_t n, int32_t **items, int32_t **spare)
{
	void *sorted = *items;
	void *scratch = *spare;
	CoreStatus status = merge_sort(search->env, &sorted, &scratch, n, sizeof(int32_t), compare_rarity, held);

	*items = sorted;
	*spare = scratch;
	return status;
}

/* The frequent ones among `items`, into out->item [frequent] unless it is NULL; returns how many, -1 when cancelled. */
static int32_t
pick_frequent(Search *search, int32_t items, const int32_t *held)
{
	int32_t n = 0;

	for (int32_t i = 0; i < items; i++)
	{
		if (look(search, 1) != CORE_OK)
			return -1;
		if (held[i] < search->params->min_baskets)
			continue;
		if (search->out->item != NULL)
			search->out->item[n] = i;
		n++;
	}
	return n;
}

/* held [items] becomes each item's rank, or -1. */
static CoreStatus
invert_ranks(Search *search, int32_t items, int32_t *held)
{
	for (int32_t i = 0; i < items; i++)
	{
		if (look(search, 1) != CORE_OK)
			return CORE_CANCELLED;
		held[i] = -1;
	}
	for (int32_t r = 0; r < search->out->frequent; r++)
		held[search->out->item[r]] = r;
	return CORE_OK;
}

/* out->item and out->count; held [items] becomes each item's rank, or -1. */
static CoreStatus
rank_by_rarity(Search *search, int32_t items, int32_t *held)
{
	Itemsets *out = search->out;
	int32_t n = pick_frequent(search, items, held);
	CoreStatus status = n < 0 ? CORE_CANCELLED : CORE_OK;

	if (status != CORE_OK)
		return status;
	out->frequent = n;
	out->item = take(search, (size_t) n, sizeof(int32_t), &status);
	out->count = out->item != NULL ? take(search, (size_t) n, sizeof(int32_t), &status) : NULL;
	if (out->count == NULL)
		return status;
	if (pick_frequent(search, items, held) < 0)
		return CORE_CANCELLED;
	status = sort_by_rarity(search, held, n, &out->item, &out->count);
	if (status != CORE_OK)
		return status;
	for (int32_t r = 0; r < n; r++)
		out->count[r] = held[out->item[r]];
	return invert_ranks(search, items, held);
}

/* place: for each rank its baskets, ascending; end [baskets]: where each basket's ranks begin in flat. */
static CoreStatus
list_baskets(Search *search, const Csr *baskets, const int32_t *rank, int64_t *end)
{
	int64_t *next = search->start + 1; /* each rank's next free place: start is left one behind */
	int64_t at = 0;

	for (int32_t b = 0; b < baskets->rows; b++)
	{
		end[b] = at;
		for (int64_t e = baskets->start[b]; e < baskets->start[b + 1]; e++)
		{
			int32_t r = rank[baskets->col[e]];

			if (r >= 0)
			{
				search->place[next[r]++] = b;
				at++;
			}
			if (look(search, 1) != CORE_OK)
				return CORE_CANCELLED;
		}
		at++;
		if (look(search, 1) != CORE_OK)
			return CORE_CANCELLED;
	}
	return CORE_OK;
}

/* flat: rank by rank, each put behind its baskets' earlier ones; place becomes where it is gone on from. */
static CoreStatus
write_baskets(Search *search, int32_t n_baskets, int64_t *end)
{
	for (int32_t r = 0; r < search->out->frequent; r++)
	{
		for (int64_t p = search->start[r]; p < search->start[r + 1]; p++)
		{
			int64_t *at = &end[search->place[p]];

			search->flat[*at] = r;
			search->place[p] = ++*at;
			if (look(search, 1) != CORE_OK)
				return CORE_CANCELLED;
		}
	}
	for (int32_t b = 0; b < n_baskets; b++)
	{
		search->flat[end[b]] = -1;
		if (look(search, 1) != CORE_OK)
			return CORE_CANCELLED;
	}
	return CORE_OK;
}

static CoreStatus
lay_out(Search *search, const Csr *baskets, const int32_t *rank)
{
	const Itemsets *out = search->out;
	size_t n = (size_t) out->frequent;
	CoreStatus status = CORE_OK;
	int64_t entries = 0;
	int64_t *end;

	for (size_t r = 0; r < n; r++)
		entries += out->count[r];
	search->start = take(search, n + 2, sizeof(int64_t), &status);
	if (search->start != NULL)
		search->place = take(search, (size_t) entries, sizeof(int64_t), &status);
	if (search->place != NULL)
		search->flat = take(search, (size_t) entries + (size_t) baskets->rows, sizeof(int32_t), &status);
	if (search->flat == NULL)
		return status;
	end = take(search, (size_t) baskets->rows, sizeof(int64_t), &status);
	if (end == NULL)
		return status;

	search->start[0] = 0;
	search->start[1] = 0;
	for (size_t r = 0; r < n; r++)
		search->start[r + 2] = search->start[r + 1] + out->count[r];
	status = list_baskets(search, baskets, rank, end);
	if (status == CORE_OK)
		status = write_baskets(search, baskets->rows, end);
	give(search, end, (size_t) baskets->rows, sizeof(int64_t));
	return status;
}

/* ---- steps 3 and 4 ---- */

/* A level can hold n extensions of so many words. */
static CoreStatus
level_room(Search *search, Level *level, int32_t n, size_t words)
{
	size_t frequent = (size_t) search->out->frequent;
	size_t need = bytes_times((size_t) n, words);
	CoreStatus status = CORE_OK;

	if (level->rank == NULL)
		level->rank = take(search, frequent, sizeof(int32_t), &status);
	if (level->rank != NULL && level->count == NULL)
		level->count = take(search, frequent, sizeof(int32_t), &status);
	if (ended(search, status) || need <= level->room)
		return status;
	give(search, level->bits, level->room, sizeof(uint64_t));
	level->room = 0;
	level->bits = take(search, need, sizeof(uint64_t), &status);
	if (level->bits != NULL)
		level->room = need;
	return status;
}

/* Sets of `set`, which has `size` items, and more, by the bitmaps of its extensions. */
static CoreStatus
search_level(Search *search, int32_t set, int32_t size, int32_t depth, size_t words)
{
	const ItemsetParams *params = search->params;
	Level *here = &search->level[depth];
	Level *below = &search->level[depth + 1];
	bool more = size + 2 < params->max_items; /* sets of three items beyond `set` are asked for */

	for (int32_t a = 0; a < here->n; a++)
	{
		int32_t pair = search->out->n;
		CoreStatus status = emit(search, set, here->rank[a], here->count[a], size + 1);

		if (ended(search, status))
			return status;
		if (size + 2 > params->max_items || a + 1 == here->n)
			continue;
		status = level_room(search, below, more ? here->n - a - 1 : 1, words);
		if (ended(search, status))
			return status;
		below->n = 0;
		for (int32_t b = a + 1; b < here->n; b++)
		{
			int64_t count =
				search->kernel->intersect(here->bits + (size_t) a * words, here->bits + (size_t) b * words,
										  words, below->bits + (more ? (size_t) below->n * words : 0));

			status = look(search, (int64_t) words + 1);
			if (status != CORE_OK)
				return status;
			if (count < params->min_baskets)
				continue;
			below->rank[below->n] = here->rank[b];
			below->count[below->n++] = (int32_t) count;
		}
		status = search_level(search, pair, size + 1, depth + 1, words);
		if (ended(search, status))
			return status;
	}
	return CORE_OK;
}

/* How often each rank follows item r in a basket: seen, and which they are: touched. */
static CoreStatus
count_followers(Search *search, int32_t r, int32_t *n_touched)
{
	int32_t n = 0;

	for (int64_t p = search->start[r]; p < search->start[r + 1]; p++)
	{
		for (const int32_t *follower = search->flat + search->place[p]; *follower >= 0; follower++)
		{
			if (search->seen[*follower]++ == 0)
				search->touched[n++] = *follower;
			if (look(search, 1) != CORE_OK)
				return CORE_CANCELLED;
		}
		if (look(search, 1) != CORE_OK)
			return CORE_CANCELLED;
	}
	*n_touched = n;
	return CORE_OK;
}

/* One bitmap over item r's baskets for each extension. */
static CoreStatus
fill_bitmaps(Search *search, int32_t r, Level *level, size_t words)
{
	memset(level->bits, 0, (size_t) level->n * words * sizeof(uint64_t));
	for (int64_t p = search->start[r]; p < search->start[r + 1]; p++)
	{
		uint64_t bit = (uint64_t) (p - search->start[r]);

		for (const int32_t *follower = search->flat + search->place[p]; *follower >= 0; follower++)
		{
			int32_t slot = search->slot[*follower];

			if (slot >= 0)
				level->bits[(size_t) slot * words + bit / 64] |= UINT64_C(1) << (bit % 64);
			if (look(search, 1) != CORE_OK)
				return CORE_CANCELLED;
		}
	}
	return CORE_OK;
}

/* Those of the touched ranks that are frequent with item r, ascending; seen is zeros again. */
static CoreStatus
choose_extensions(Search *search, Level *level, int32_t n_touched)
{
	CoreStatus status = CORE_OK;

	level->n = 0;
	for (int32_t t = 0; t < n_touched; t++)
		if (search->seen[search->touched[t]] >= search->params->min_baskets)
			level->rank[level->n++] = search->touched[t];
	/* Ranks ascend by rarity, so this sorts them by number. */
	status = sort_by_rarity(search, search->out->count, level->n, &level->rank, &level->count);
	for (int32_t e = 0; e < level->n; e++)
		level->count[e] = search->seen[level->rank[e]];
	for (int32_t t = 0; t < n_touched; t++)
		search->seen[search->touched[t]] = 0;
	return status;
}

/* All sets that begin with item r. */
static CoreStatus
search_item(Search *search, int32_t r)
{
	Level *level = &search->level[0];
	size_t words = ((size_t) search->out->count[r] + 63) / 64;
	int32_t set = search->out->n;
	int32_t n_touched;
	CoreStatus status = emit(search, -1, r, search->out->count[r], 1);

	if (ended(search, status) || search->params->max_items < 2)
		return status;
	status = level_room(search, level, 0, 0);
	if (!ended(search, status))
		status = count_followers(search, r, &n_touched);
	if (!ended(search, status))
		status = choose_extensions(search, level, n_touched);
	if (!ended(search, status) && search->params->max_items > 2 && level->n > 1)
	{
		status = level_room(search, level, level->n, words);
		if (ended(search, status))
			return status;
		for (int32_t e = 0; e < level->n; e++)
			search->slot[level->rank[e]] = e;
		status = fill_bitmaps(search, r, level, words);
		for (int32_t e = 0; e < level->n; e++)
			search->slot[level->rank[e]] = -1;
	}
	if (ended(search, status))
		return status;
	return search_level(search, set, 1, 0, words);
}

static CoreStatus
search_all(Search *search, const Csr *baskets)
{
	size_t items = (size_t) baskets->cols;
	size_t n;
	CoreStatus status = CORE_OK;
	int32_t *held = take(search, items, sizeof(int32_t), &status);

	if (held == NULL)
		return status;
	status = count_items(search, baskets, held);
	if (status == CORE_OK)
		status = rank_by_rarity(search, baskets->cols, held);
	if (!ended(search, status))
		status = lay_out(search, baskets, held);
	give(search, held, items, sizeof(int32_t));
	if (ended(search, status))
		return status;

	n = (size_t) search->out->frequent;
	search->seen = take(search, n, sizeof(int32_t), &status);
	search->slot = search->seen != NULL ? take(search, n, sizeof(int32_t), &status) : NULL;
	search->touched = search->slot != NULL ? take(search, n, sizeof(int32_t), &status) : NULL;
	if (search->touched == NULL)
		return status;
	memset(search->seen, 0, n * sizeof(int32_t));
	memset(search->slot, 0xff, n * sizeof(int32_t));
	for (int32_t r = 0; r < search->out->frequent && !ended(search, status); r++)
		status = search_item(search, r);
	return status;
}

static void
release(Env *env, void *block)
{
	if (block != NULL)
		env->release(env, block);
}

CoreStatus
itemsets_find(Env *env, const Csr *baskets, const ItemsetParams *params, Itemsets *out)
{
	Search search = {.env = env, .params = params, .kernel = itemset_kernel(), .out = out};
	CoreStatus status;

	*out = (Itemsets){.baskets = baskets->rows, .max_items = params->max_items};
	status = search_all(&search, baskets);
	release(env, search.flat);
	release(env, search.place);
	release(env, search.start);
	release(env, search.seen);
	release(env, search.slot);
	release(env, search.touched);
	for (int depth = 0; depth < ITEMSET_MAX; depth++)
	{
		release(env, search.level[depth].bits);
		release(env, search.level[depth].rank);
		release(env, search.level[depth].count);
	}
	out->bytes = sizeof(int32_t) * (3 * (size_t) search.room + 2 * (size_t) out->frequent);
	return status;
}

void
itemsets_free(Env *env, Itemsets *sets)
{
	release(env, sets->item);
	release(env, sets->count);
	release(env, sets->last);
	release(env, sets->parent);
	release(env, sets->together);
	*sets = (Itemsets){0};
}

int32_t
itemset_ranks(const Itemsets *sets, int32_t s, int32_t *ranks)
{
	int32_t n = 0;

	for (int32_t at = s; at >= 0; at = sets->parent[at])
		n++;
	for (int32_t at = s, i = n; at >= 0; at = sets->parent[at])
		ranks[--i] = sets->last[at];
	return n;
}
