/*
 * sparse.c - a list of entries put into compressed rows, and the transpose
 *
 * csr_from_coo is a counting sort by row straight into the caller's arrays, then a sort of each row by (column, value)
 * and a merge of what is equal, which closes the gaps from the front:
 *
 *   1. count the entries of each row, sum up the counts to positions
 *   2. put each entry at its row's next free position
 *   3. per row: make one 64-bit key of column and value, sort the keys, add up what has one column
 *
 * Scratch: two arrays of keys as long as the longest row; one float per entry taken when the list has values but the
 * matrix is to have none.  Every loop looks at the cancel flag after STRETCH entries at most.
 *
 * The keys are merge sorted: the time is bounded whatever the data, a merge can be left at any point, and the inner loop
 * has no branch to mispredict.  (Radix sort would win on long rows only, and rows are short.)
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "sparse.h"

#define STRETCH                                                                                              \
	8192 /* entries between two looks at the cancel flag: each may touch a page for the first time */
#define RUN 16 /* keys sorted by insertion before merging starts */

static inline int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Column in the high half, value in the low half, both in unsigned order. */
static inline uint64_t
key_of(int32_t col, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bits ^= (bits >> 31) ? UINT32_MAX : UINT32_C(1) << 31;
	return (uint64_t) (uint32_t) col << 32 | bits;
}

static inline float
key_value(uint64_t key)
{
	uint32_t bits = (uint32_t) key;
	float value;

	bits ^= (bits >> 31) ? UINT32_C(1) << 31 : UINT32_MAX;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline int32_t
key_col(uint64_t key)
{
	return (int32_t) (key >> 32);
}

/* Clear start [n], stretch by stretch. */
static CoreStatus
clear_starts(Env *env, int64_t *start, int64_t n)
{
	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		memset(start + lo, 0, (size_t) smaller(STRETCH, n - lo) * sizeof(*start));
	}
	return CORE_OK;
}

/*
 * start [rows + 1] holds the count of row r at r + 1; make it the position where row r begins, at r.  Returns the
 * longest row in *longest.
 */
static CoreStatus
sum_starts(Env *env, int64_t *start, int32_t rows, int64_t *longest)
{
	int64_t most = 0;

	for (int64_t lo = 0; lo < rows; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, rows);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t r = lo; r < hi; r++)
		{
			if (start[r + 1] > most)
				most = start[r + 1];
			start[r + 1] += start[r];
		}
	}
	*longest = most;
	return CORE_OK;
}

/* Sort keys [n], n small, in place. */
static void
sort_run(uint64_t *keys, int64_t n)
{
	for (int64_t i = 1; i < n; i++)
	{
		uint64_t key = keys[i];
		int64_t j = i;

		for (; j > 0 && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

/* Merge the sorted left [n_left] and right [n_right], which follows it, into out. */
static CoreStatus
merge_runs(Env *env, const uint64_t *left, int64_t n_left, int64_t n_right, uint64_t *out)
{
	const uint64_t *right = left + n_left;
	int64_t i = 0;
	int64_t j = 0;

	while (i < n_left && j < n_right)
	{
		/* So many steps can be taken before either side can be used up. */
		int64_t steps = smaller(smaller(n_left - i, n_right - j), STRETCH);

		if (steps == STRETCH && env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t s = 0; s < steps; s++)
		{
			bool from_right = right[j] < left[i];

			*out++ = from_right ? right[j] : left[i];
			j += from_right;
			i += !from_right;
		}
	}
	memcpy(out, left + i, (size_t) (n_left - i) * sizeof(*out));
	memcpy(out + (n_left - i), right + j, (size_t) (n_right - j) * sizeof(*out));
	return CORE_OK;
}

static CoreStatus
sort_keys(Env *env, uint64_t **keys, uint64_t **spare, int64_t n)
{
	for (int64_t lo = 0; lo < n; lo += RUN)
	{
		if (lo % STRETCH == 0 && lo > 0 && env->cancelled(env))
			return CORE_CANCELLED;
		sort_run(*keys + lo, smaller(RUN, n - lo));
	}
	for (int64_t width = RUN; width < n; width *= 2)
	{
		uint64_t *swap = *keys;

		for (int64_t lo = 0; lo < n; lo += 2 * width)
		{
			int64_t n_left = smaller(width, n - lo);
			int64_t n_right = smaller(width, n - lo - n_left);
			CoreStatus status;

			if (lo % STRETCH == 0 && lo > 0 && env->cancelled(env))
				return CORE_CANCELLED;
			status = merge_runs(env, *keys + lo, n_left, n_right, *spare + lo);
			if (status != CORE_OK)
				return status;
		}
		*keys = *spare;
		*spare = swap;
	}
	return CORE_OK;
}

/* Step 1; start [rows + 1] receives where each row begins. */
static CoreStatus
count_rows(Env *env, const Coo *coo, CooKeep keep, const void *arg, Csr *out, int64_t *longest)
{
	CoreStatus status = clear_starts(env, out->start, (int64_t) out->rows + 1);

	for (int64_t lo = 0; status == CORE_OK && lo < coo->n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, coo->n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
		{
			if (keep == NULL || keep(coo, e, arg))
				out->start[coo->row[e] + (int64_t) 1]++;
		}
	}
	return status != CORE_OK ? status : sum_starts(env, out->start, out->rows, longest);
}

/* Step 2; afterwards start[r] is where row r ends.  value [taken] or NULL. */
static CoreStatus
scatter_entries(Env *env, const Coo *coo, CooKeep keep, const void *arg, Csr *out, float *value)
{
	for (int64_t lo = 0; lo < coo->n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, coo->n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
		{
			int64_t at;

			if (keep != NULL && !keep(coo, e, arg))
				continue;
			at = out->start[coo->row[e]]++;
			out->col[at] = coo->col[e];
			if (value != NULL)
				value[at] = coo->value[e];
		}
	}
	return CORE_OK;
}

/* Make keys of col [n] and value [n] (NULL: all 1); returns whether they are in order already. */
static bool
make_keys(const int32_t *col, const float *value, int64_t n, uint64_t *keys)
{
	uint64_t last = 0;
	bool ordered = true;

	for (int64_t e = 0; e < n; e++)
	{
		uint64_t key = key_of(col[e], value != NULL ? value[e] : 1.0f);

		ordered &= key >= last;
		last = key;
		keys[e] = key;
	}
	return ordered;
}

/* The entry of the merged row that is being added up. */
typedef struct Pending
{
	int64_t n; /* entries added so far */
	int32_t col;
	double sum;
	double size; /* sum of the values' sizes */
} Pending;

/*
 * Nothing is left, or nothing but what single precision took from the values: 1.1 + 2.2 - 3.3 is 2e-7 there.
 */
static bool
sums_to_nothing(const Pending *pending)
{
	return pending->sum <= 0 || pending->sum < pending->size * (FLT_EPSILON / 2);
}

/* Write the pending entry at out's position *write, unless it is to be dropped. */
static CoreStatus
flush_pending(const Pending *pending, bool average, Csr *out, int64_t *write, CooMerge *merge)
{
	float total = (float) (average ? pending->sum / (double) pending->n : pending->sum);

	if (pending->n == 0)
		return CORE_OK;
	merge->merged += pending->n - 1;
	if (!average && sums_to_nothing(pending))
	{
		merge->dropped++;
		return CORE_OK;
	}
	if (!isfinite(total))
		return CORE_NOT_FINITE;
	out->col[*write] = pending->col;
	if (out->value != NULL)
		out->value[*write] = total;
	(*write)++;
	return CORE_OK;
}

/* Add up sorted keys [n] by column; the last column stays pending. */
static CoreStatus
merge_keys(const uint64_t *keys, int64_t n, Pending *pending, bool average, Csr *out, int64_t *write,
		   CooMerge *merge)
{
	for (int64_t e = 0; e < n; e++)
	{
		if (pending->n == 0 || key_col(keys[e]) != pending->col)
		{
			CoreStatus status = flush_pending(pending, average, out, write, merge);

			if (status != CORE_OK)
				return status;
			*pending = (Pending){.col = key_col(keys[e])};
		}
		pending->sum += key_value(keys[e]);
		pending->size += fabs((double) key_value(keys[e]));
		pending->n++;
	}
	return CORE_OK;
}

/* One row of step 3: entries begin .. end - 1, their values in value (NULL: all 1). */
static CoreStatus
merge_row(Env *env, const float *value, bool average, int64_t begin, int64_t end, uint64_t **keys,
		  uint64_t **spare, Csr *out, int64_t *write, CooMerge *merge)
{
	int64_t n = end - begin;
	bool ordered = true;
	Pending pending = {0};
	CoreStatus status = CORE_OK;

	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		int64_t stretch = smaller(STRETCH, n - lo);

		if (lo > 0 && env->cancelled(env))
			return CORE_CANCELLED;
		ordered &=
			make_keys(out->col + begin + lo, value != NULL ? value + begin + lo : NULL, stretch, *keys + lo);
		if (lo > 0)
			ordered &= (*keys)[lo] >= (*keys)[lo - 1];
	}
	if (!ordered)
		status = sort_keys(env, keys, spare, n);
	for (int64_t lo = 0; status == CORE_OK && lo < n; lo += STRETCH)
	{
		if (lo > 0 && env->cancelled(env))
			return CORE_CANCELLED;
		status = merge_keys(*keys + lo, smaller(STRETCH, n - lo), &pending, average, out, write, merge);
	}
	return status != CORE_OK ? status : flush_pending(&pending, average, out, write, merge);
}

/* Step 3; start[r] is where row r ends and becomes where the merged row begins. */
static CoreStatus
merge_rows(Env *env, const float *value, bool average, uint64_t *keys, uint64_t *spare, Csr *out,
		   CooMerge *merge)
{
	int64_t begin = 0;
	int64_t write = 0;
	int64_t work = STRETCH;

	for (int32_t r = 0; r < out->rows; r++)
	{
		int64_t end = out->start[r];
		CoreStatus status;

		work -= end - begin + 1;
		if (work < 0)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = STRETCH;
		}
		out->start[r] = write;
		status = merge_row(env, value, average, begin, end, &keys, &spare, out, &write, merge);
		if (status != CORE_OK)
			return status;
		begin = end;
	}
	out->start[out->rows] = write;
	return CORE_OK;
}

/* Steps 2 and 3 with their scratch. */
static CoreStatus
fill_rows(Env *env, const Coo *coo, CooKeep keep, const void *arg, int64_t longest, Csr *out, CooMerge *merge)
{
	int64_t taken = out->start[out->rows];
	size_t keys_bytes = (size_t) longest * sizeof(uint64_t);
	bool own_values = coo->value != NULL && out->value == NULL;
	uint64_t *keys = env->alloc(env, keys_bytes);
	uint64_t *spare = env->alloc(env, keys_bytes);
	float *value = own_values ? env->alloc(env, (size_t) taken * sizeof(float)) : NULL;
	CoreStatus status = CORE_NO_MEMORY;

	merge->taken = taken;
	if (keys != NULL && spare != NULL && (value != NULL || !own_values))
	{
		if (coo->value != NULL && !own_values)
			value = out->value;
		status = scatter_entries(env, coo, keep, arg, out, value);
		if (status == CORE_OK)
			status = merge_rows(env, value, coo->average, keys, spare, out, merge);
	}
	if (own_values && value != NULL)
		env->release(env, value);
	if (spare != NULL)
		env->release(env, spare);
	if (keys != NULL)
		env->release(env, keys);
	return status;
}

CoreStatus
csr_from_coo(Env *env, const Coo *coo, CooKeep keep, const void *arg, Csr *out, CooMerge *merge)
{
	int64_t longest = 0;
	CoreStatus status;

	*merge = (CooMerge){0};
	status = count_rows(env, coo, keep, arg, out, &longest);
	if (status != CORE_OK || out->start[out->rows] == 0)
		return status;
	return fill_rows(env, coo, keep, arg, longest, out, merge);
}

/* Count the columns of a into start [cols + 1], one place on. */
static CoreStatus
count_cols(Env *env, const Csr *a, int64_t *start)
{
	int64_t entries = csr_entries(a);
	CoreStatus status = clear_starts(env, start, (int64_t) a->cols + 1);

	for (int64_t lo = 0; status == CORE_OK && lo < entries; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, entries);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
			start[a->col[e] + (int64_t) 1]++;
	}
	return status;
}

/* Put entries lo .. hi - 1 of row r at the next free positions of their columns. */
static void
scatter_row(const Csr *a, int32_t r, int64_t lo, int64_t hi, Csr *out)
{
	for (int64_t e = lo; e < hi; e++)
	{
		int64_t at = out->start[a->col[e]]++;

		out->col[at] = r;
		if (out->value != NULL)
			out->value[at] = a->value[e];
	}
}

/* Rows are visited in order, so those of the transpose come out ascending. */
static CoreStatus
scatter_rows(Env *env, const Csr *a, Csr *out)
{
	int64_t work = 0;

	for (int32_t r = 0; r < a->rows; r++)
	{
		int64_t lo = a->start[r];

		do
		{
			int64_t hi = smaller(lo + STRETCH, a->start[r + 1]);

			scatter_row(a, r, lo, hi, out);
			work += hi - lo + 1;
			lo = hi;
			if (work >= STRETCH)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
		} while (lo < a->start[r + 1]);
	}
	return CORE_OK;
}

CoreStatus
csr_transpose(Env *env, const Csr *a, Csr *out)
{
	int64_t longest;
	CoreStatus status;

	out->rows = a->cols;
	out->cols = a->rows;
	status = count_cols(env, a, out->start);
	if (status == CORE_OK)
		status = sum_starts(env, out->start, out->rows, &longest);
	if (status == CORE_OK)
		status = scatter_rows(env, a, out);
	/* Each start has moved on to the end of its row, which is where the next begins: move them back. */
	for (int64_t hi = out->rows; status == CORE_OK && hi > 0; hi -= STRETCH)
	{
		int64_t lo = hi > STRETCH ? hi - STRETCH : 0;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		memmove(out->start + lo + 1, out->start + lo, (size_t) (hi - lo) * sizeof(int64_t));
	}
	if (status == CORE_OK)
		out->start[0] = 0;
	return status;
}
