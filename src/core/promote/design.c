/*
 * design.c - the canonical order of a regression's rows, rows that stand alone, groups within groups
 *
 * design_sort is a merge sort of (key, row): the key holds the first two groups, or the first column where there are none,
 * and rows are compared as a whole only when keys are equal.  Then each column is put into that order through one
 * spare column.  Rows that agree in everything may stand in any order: nothing can tell them apart.
 *
 * design_settle has in its key the first group and 32 bits of a hash of the whole row (64 where there is no group), sorts that
 * by digits, and compares rows only where keys are equal, which without repeated rows is hardly ever.
 *
 * Memory: 16 bytes a row for the pairs, as much again for merging, 8 for the spare column.  Every loop looks at the cancel
 * flag after STRETCH rows at most.
 */
#include <string.h>

#include "../rng.h"
#include "design.h"

#define STRETCH 32768 /* rows between two looks at the cancel flag */

typedef struct SortPair
{
	uint64_t key;
	int64_t row;
} SortPair;

static inline int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Doubles in unsigned order; -0 with 0. */
static inline uint64_t
double_key(double value)
{
	uint64_t bits;

	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((bits >> 63) ? UINT64_MAX : UINT64_C(1) << 63);
}

static inline uint64_t
row_key(const Design *design, int64_t row)
{
	if (design->n_groups == 0)
		return double_key(design->column[0][row]);
	return (uint64_t) (uint32_t) design->group[0][row] << 32 |
		   (design->n_groups > 1 ? (uint32_t) design->group[1][row] : 0);
}

static bool
pair_before(const Design *design, const SortPair *a, const SortPair *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	for (int32_t g = 0; g < design->n_groups; g++)
		if (design->group[g][a->row] != design->group[g][b->row])
			return design->group[g][a->row] < design->group[g][b->row];
	for (int32_t c = 0; c < design->n_columns; c++)
		if (design->column[c][a->row] != design->column[c][b->row])
			return design->column[c][a->row] < design->column[c][b->row];
	return false;
}

/* Merge the sorted left [n_left] and right [n_right], which follows it, into out. */
static CoreStatus
merge_pairs(Env *env, const Design *design, const SortPair *left, int64_t n_left, int64_t n_right,
			SortPair *out)
{
	const SortPair *right = left + n_left;
	int64_t i = 0;
	int64_t j = 0;

	for (int64_t step = 1; i < n_left && j < n_right; step++)
	{
		if (step % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (pair_before(design, &right[j], &left[i]))
			*out++ = right[j++];
		else
			*out++ = left[i++];
	}
	memcpy(out, left + i, (size_t) (n_left - i) * sizeof(*out));
	memcpy(out + (n_left - i), right + j, (size_t) (n_right - j) * sizeof(*out));
	return CORE_OK;
}

/* Sort (*pairs) [n] with (*spare) [n] as room; the two may have changed places on return. */
static CoreStatus
sort_pairs(Env *env, const Design *design, SortPair **pairs, SortPair **spare, int64_t n)
{
	for (int64_t width = 1; width < n; width *= 2)
	{
		SortPair *swap = *pairs;

		for (int64_t lo = 0; lo < n; lo += 2 * width)
		{
			int64_t n_left = smaller(width, n - lo);
			int64_t n_right = smaller(width, n - lo - n_left);
			CoreStatus status;

			if (lo % STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			status = merge_pairs(env, design, *pairs + lo, n_left, n_right, *spare + lo);
			if (status != CORE_OK)
				return status;
		}
		*pairs = *spare;
		*spare = swap;
	}
	return CORE_OK;
}

/* values [n] of `size` bytes each into the order of pairs, through spare. */
static CoreStatus
permute(Env *env, void *values, size_t size, const SortPair *pairs, int64_t n, void *spare)
{
	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		if (size == sizeof(double))
			for (int64_t i = lo; i < hi; i++)
				((double *) spare)[i] = ((double *) values)[pairs[i].row];
		else
			for (int64_t i = lo; i < hi; i++)
				((int32_t *) spare)[i] = ((int32_t *) values)[pairs[i].row];
	}
	/* Without rows there may be no array, which memcpy must not be given. */
	if (n > 0)
		memcpy(values, spare, size * (size_t) n);
	return CORE_OK;
}

/* ---- by digits ---- */

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* Everything that a row holds, mixed. */
static uint64_t
row_hash(const Design *design, int64_t row)
{
	uint64_t hash = 0;

	for (int32_t g = 0; g < design->n_groups; g++)
		hash = rng_mix(hash + UINT64_C(0x9e3779b97f4a7c15) + (uint32_t) design->group[g][row]);
	for (int32_t c = 0; c < design->n_columns; c++)
		hash = rng_mix(hash + UINT64_C(0x9e3779b97f4a7c15)) ^ double_key(design->column[c][row]);
	return rng_mix(hash);
}

static uint64_t
settle_key(const Design *design, int64_t row)
{
	uint64_t hash = row_hash(design, row);

	if (design->n_groups == 0)
		return hash;
	return (uint64_t) (uint32_t) design->group[0][row] << 32 | hash >> 32;
}

/* One pass: pairs [n] into out by the digit at `shift`; count [DIGITS] is scratch.  *same: all have one digit, out untouched. */
static CoreStatus
digit_pass(Env *env, const SortPair *pairs, SortPair *out, int64_t n, int shift, int64_t *count, bool *same)
{
	int64_t sum = 0;

	memset(count, 0, sizeof(*count) * DIGITS);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		count[pairs[i].key >> shift & (DIGITS - 1)]++;
	}
	*same = n == 0 || count[pairs[0].key >> shift & (DIGITS - 1)] == n;
	if (*same)
		return CORE_OK;
	for (int d = 0; d < DIGITS; d++)
	{
		int64_t here = count[d];

		count[d] = sum;
		sum += here;
	}
	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		out[count[pairs[i].key >> shift & (DIGITS - 1)]++] = pairs[i];
	}
	return CORE_OK;
}

static CoreStatus
sort_digits(Env *env, SortPair **pairs, SortPair **spare, int64_t n)
{
	int64_t count[DIGITS];
	CoreStatus status = CORE_OK;

	for (int shift = 0; status == CORE_OK && shift < 64; shift += DIGIT_BITS)
	{
		SortPair *swap = *pairs;
		bool same;

		status = digit_pass(env, *pairs, *spare, n, shift, count, &same);
		if (status == CORE_OK && !same)
		{
			*pairs = *spare;
			*spare = swap;
		}
	}
	return status;
}

/* Order rows with equal keys by what they hold. */
static CoreStatus
settle_ties(Env *env, const Design *design, SortPair *pairs, SortPair *spare, int64_t n)
{
	for (int64_t first = 0, last; first < n; first = last)
	{
		SortPair *run = pairs + first;
		SortPair *room = spare + first;
		CoreStatus status;

		for (last = first + 1; last < n && pairs[last].key == pairs[first].key; last++)
			;
		if (first / STRETCH != last / STRETCH && env->cancelled(env))
			return CORE_CANCELLED;
		if (last - first < 2)
			continue;
		status = sort_pairs(env, design, &run, &room, last - first);
		if (status != CORE_OK)
			return status;
		if (run != pairs + first)
			memcpy(pairs + first, run, sizeof(*run) * (size_t) (last - first));
	}
	return CORE_OK;
}

/* ---- either way ---- */

static CoreStatus
order_with(Env *env, Design *design, bool settle, SortPair *pairs, SortPair *room, double *spare)
{
	CoreStatus status;

	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		pairs[i] = (SortPair){.key = settle ? settle_key(design, i) : row_key(design, i), .row = i};
	}
	if (settle)
	{
		status = sort_digits(env, &pairs, &room, design->n);
		if (status == CORE_OK)
			status = settle_ties(env, design, pairs, room, design->n);
	}
	else
		status = sort_pairs(env, design, &pairs, &room, design->n);
	for (int32_t g = 0; status == CORE_OK && g < design->n_groups; g++)
		status = permute(env, design->group[g], sizeof(int32_t), pairs, design->n, spare);
	for (int32_t c = 0; status == CORE_OK && c < design->n_columns; c++)
		status = permute(env, design->column[c], sizeof(double), pairs, design->n, spare);
	return status;
}

static CoreStatus
design_order(Env *env, Design *design, bool settle)
{
	size_t n = (size_t) design->n;
	SortPair *pairs = env->alloc(env, n * sizeof(SortPair) + 1);
	SortPair *room = env->alloc(env, n * sizeof(SortPair) + 1);
	double *spare = env->alloc(env, n * sizeof(double) + 1);
	CoreStatus status = CORE_NO_MEMORY;

	if (pairs != NULL && room != NULL && spare != NULL)
		status = order_with(env, design, settle, pairs, room, spare);
	if (pairs != NULL)
		env->release(env, pairs);
	if (room != NULL)
		env->release(env, room);
	if (spare != NULL)
		env->release(env, spare);
	return status;
}

CoreStatus
design_sort(Env *env, Design *design)
{
	return design_order(env, design, false);
}

CoreStatus
design_settle(Env *env, Design *design)
{
	return design_order(env, design, true);
}

size_t
design_scratch_bytes(int64_t n)
{
	return (size_t) n * (2 * sizeof(SortPair) + sizeof(double)) + 4096;
}

/* ---- rows that stand alone ---- */

/* Keep the rows that are not alone in their level of group g; count [levels] is scratch. */
static CoreStatus
drop_alone(Env *env, Design *design, int32_t g, int64_t *count, int64_t *dropped)
{
	const int32_t *level = design->group[g];
	int64_t kept = 0;

	memset(count, 0, sizeof(*count) * (size_t) design->levels[g]);
	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		count[level[i]]++;
	}
	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (count[level[i]] == 1)
			continue;
		if (kept < i)
		{
			for (int32_t h = 0; h < design->n_groups; h++)
				design->group[h][kept] = design->group[h][i];
			for (int32_t c = 0; c < design->n_columns; c++)
				design->column[c][kept] = design->column[c][i];
		}
		kept++;
	}
	*dropped += design->n - kept;
	design->n = kept;
	return CORE_OK;
}

/* Number the levels of group g that occur from 0 on; place [levels] is scratch. */
static CoreStatus
renumber(Env *env, Design *design, int32_t g, int64_t *place)
{
	int32_t *level = design->group[g];
	int32_t next = 0;

	memset(place, 0, sizeof(*place) * (size_t) design->levels[g]);
	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		place[level[i]] = 1;
	}
	for (int32_t l = 0; l < design->levels[g]; l++)
		place[l] = place[l] ? next++ : -1;
	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		level[i] = (int32_t) place[level[i]];
	}
	design->levels[g] = next;
	return CORE_OK;
}

static size_t
most_levels(const Design *design)
{
	int32_t most = 1;

	for (int32_t g = 0; g < design->n_groups; g++)
		if (design->levels[g] > most)
			most = design->levels[g];
	return (size_t) most;
}

CoreStatus
design_drop_singletons(Env *env, Design *design, int32_t n_effects, int64_t *dropped)
{
	int64_t *scratch = env->alloc(env, most_levels(design) * sizeof(*scratch));
	CoreStatus status = scratch == NULL ? CORE_NO_MEMORY : CORE_OK;
	int64_t before = -1;

	*dropped = 0;
	while (status == CORE_OK && before != *dropped)
	{
		before = *dropped;
		for (int32_t g = 0; status == CORE_OK && g < n_effects; g++)
			status = drop_alone(env, design, g, scratch, dropped);
	}
	for (int32_t g = 0; status == CORE_OK && g < design->n_groups; g++)
		status = renumber(env, design, g, scratch);
	if (scratch != NULL)
		env->release(env, scratch);
	return status;
}

/* ---- groups within groups ---- */

CoreStatus
design_nested(Env *env, const Design *design, int32_t inner, int32_t outer, bool *nested)
{
	const int32_t *in = design->group[inner];
	const int32_t *out = design->group[outer];
	int32_t *seen = env->alloc(env, (size_t) design->levels[inner] * sizeof(*seen) + 1);
	CoreStatus status = CORE_OK;

	*nested = true;
	if (seen == NULL)
		return CORE_NO_MEMORY;
	memset(seen, 0xff, (size_t) design->levels[inner] * sizeof(*seen));
	for (int64_t i = 0; *nested && i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
		{
			status = CORE_CANCELLED;
			break;
		}
		if (seen[in[i]] < 0)
			seen[in[i]] = out[i];
		*nested = seen[in[i]] == out[i];
	}
	env->release(env, seen);
	return status;
}
