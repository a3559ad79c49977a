/*
 * content.c - items as vectors of their attributes, and how like one another they are
 *
 * Building: the sparse part is filled row by row, columns in their order, each block scaled as it is appended; the dense part
 * column by column; then every row is brought to length one and the sparse part is transposed.  Sums run in a fixed
 * order, in double precision.
 *
 * Asking: the query's items are added up into one row of the sparse part and one of the dense; the sparse row goes through
 * the inverted index, dimension by dimension in ascending order; the dense one meets every item.
 */
#include "content.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank_kernel.h"

#define STRETCH 65536 /* steps between two looks at the cancel flag */
#define DENSE_ROWS 4096

static bool
sparse_kind(ContentKind kind)
{
	return kind == CONTENT_LEVEL || kind == CONTENT_WORDS;
}

bool
content_extent(const ContentColumn *columns, int32_t n, int32_t items, int32_t *features, int32_t *width,
			   int64_t *entries)
{
	int64_t sparse = 0;
	int64_t dense = 0;

	*entries = 0;
	for (int32_t c = 0; c < n; c++)
	{
		if (sparse_kind(columns[c].kind))
			sparse += columns[c].width;
		else
			dense += columns[c].width;
		if (columns[c].kind == CONTENT_LEVEL)
			*entries += items;
		else if (columns[c].kind == CONTENT_WORDS)
			*entries += csr_entries(&columns[c].words);
	}
	*features = (int32_t) sparse;
	*width = (int32_t) dense;
	return sparse <= INT32_MAX && dense <= INT32_MAX;
}

/* ---- the sparse part ---- */

/* idf [words]: ln((1 + items) / (1 + items with the word)) + 1. */
static CoreStatus
weigh_words(Env *env, const Csr *words, double *idf)
{
	int64_t entries = csr_entries(words);

	for (int32_t w = 0; w < words->cols; w++)
		idf[w] = 0;
	for (int64_t e = 0; e < entries; e++)
	{
		if (e % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		idf[words->col[e]] += 1;
	}
	for (int32_t w = 0; w < words->cols; w++)
		idf[w] = log((1.0 + words->rows) / (1.0 + idf[w])) + 1;
	return CORE_OK;
}

/* An item's words behind entry `at`, as a block of length sqrt(weight); the new end. */
static int64_t
append_words(const ContentColumn *column, const double *idf, int32_t item, int32_t offset, int64_t at,
			 Csr *rows)
{
	const Csr *words = &column->words;
	double square = 0;
	double scale;

	for (int64_t e = words->start[item]; e < words->start[item + 1]; e++)
	{
		double value = (words->value != NULL ? words->value[e] : 1) * idf[words->col[e]];

		square += value * value;
	}
	scale = square > 0 ? sqrt(column->weight / square) : 0;
	for (int64_t e = words->start[item]; e < words->start[item + 1]; e++)
	{
		double value = (words->value != NULL ? words->value[e] : 1) * idf[words->col[e]];

		rows->col[at] = offset + words->col[e];
		rows->value[at++] = (float) (value * scale);
	}
	return at;
}

/* idf [all words of all columns], one column after the other. */
static CoreStatus
fill_sparse(Env *env, const ContentColumn *columns, int32_t n, const double *idf, Csr *rows)
{
	int64_t at = 0;

	for (int32_t i = 0; i < rows->rows; i++)
	{
		int32_t offset = 0;

		if (i % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		rows->start[i] = at;
		for (int32_t c = 0; c < n; c++)
		{
			const ContentColumn *column = &columns[c];

			if (!sparse_kind(column->kind))
				continue;
			if (column->kind == CONTENT_WORDS)
				at = append_words(column, idf + offset, i, offset, at, rows);
			else if (column->level[i] >= 0)
			{
				rows->col[at] = offset + column->level[i];
				rows->value[at++] = (float) sqrt(column->weight);
			}
			offset += column->width;
		}
	}
	rows->start[rows->rows] = at;
	return CORE_OK;
}

static CoreStatus
build_sparse(Env *env, const ContentColumn *columns, int32_t n, Csr *rows)
{
	double *idf = env->alloc(env, sizeof(double) * ((size_t) rows->cols + 1));
	CoreStatus status = CORE_OK;
	int32_t offset = 0;

	if (idf == NULL)
		return CORE_NO_MEMORY;
	for (int32_t c = 0; c < n && status == CORE_OK; c++)
	{
		if (!sparse_kind(columns[c].kind))
			continue;
		if (columns[c].kind == CONTENT_WORDS)
			status = weigh_words(env, &columns[c].words, idf + offset);
		offset += columns[c].width;
	}
	if (status == CORE_OK)
		status = fill_sparse(env, columns, n, idf, rows);
	env->release(env, idf);
	return status;
}

/* ---- the dense part ---- */

typedef struct Placed
{
	double number;
	int64_t item;
} Placed;

static int
compare_placed(const void *left, const void *right)
{
	const Placed *a = left;
	const Placed *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->item < b->item ? -1 : a->item > b->item;
}

/* from [n], sorted in stretches of `half`, into stretches twice as long. */
static void
merge_stretches(const Placed *from, int64_t n, int64_t half, Placed *to)
{
	for (int64_t lo = 0; lo < n; lo += 2 * half)
	{
		int64_t middle = lo + half < n ? lo + half : n;
		int64_t hi = lo + 2 * half < n ? lo + 2 * half : n;
		int64_t a = lo;
		int64_t b = middle;

		for (int64_t at = lo; at < hi; at++)
			to[at] =
				b == hi || (a < middle && compare_placed(&from[a], &from[b]) < 0) ? from[a++] : from[b++];
	}
}

/* Sort placed [n] with room [n] beside it, looking at the cancel flag; the sorted one of the two. */
static CoreStatus
sort_placed(Env *env, Placed *placed, Placed *room, int64_t n, Placed **sorted)
{
	*sorted = placed;
	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		qsort(placed + lo, (size_t) (n - lo < STRETCH ? n - lo : STRETCH), sizeof(Placed), compare_placed);
	}
	for (int64_t half = STRETCH; half < n; half *= 2)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		merge_stretches(placed, n, half, room);
		*sorted = room;
		room = placed;
		placed = *sorted;
	}
	return CORE_OK;
}

/* The two dimensions of a number: its angle by rank, equal numbers by the middle of their ranks. */
static CoreStatus
fill_number(Env *env, const ContentColumn *column, int32_t items, float *dense, int32_t width)
{
	Placed *room = env->alloc(env, 2 * sizeof(Placed) * ((size_t) items + 1));
	Placed *sorted;
	int64_t n = 0;
	CoreStatus status;

	if (room == NULL)
		return CORE_NO_MEMORY;
	for (int32_t i = 0; i < items; i++)
		if (!isnan(column->number[i]))
			room[n++] = (Placed){.number = column->number[i], .item = i};
	status = sort_placed(env, room, room + items, n, &sorted);
	for (int64_t lo = 0, hi; status == CORE_OK && lo < n; lo = hi)
	{
		double angle;

		for (hi = lo + 1; hi < n && sorted[hi].number == sorted[lo].number; hi++)
			;
		angle = acos(-1.0) * ((double) lo + (double) hi) / 2 / (double) n;
		for (int64_t at = lo; at < hi; at++)
		{
			float *row = dense + (size_t) sorted[at].item * (size_t) width;

			row[0] = (float) (sqrt(column->weight) * cos(angle));
			row[1] = (float) (sqrt(column->weight) * sin(angle));
		}
	}
	env->release(env, room);
	return status;
}

static CoreStatus
fill_vector(Env *env, const ContentColumn *column, int32_t items, float *dense, int32_t width)
{
	for (int32_t i = 0; i < items; i++)
	{
		const float *from = column->vector + (size_t) i * (size_t) column->width;
		float *to = dense + (size_t) i * (size_t) width;
		double square = 0;

		if (i % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t d = 0; d < column->width; d++)
			square += (double) from[d] * from[d];
		for (int32_t d = 0; d < column->width && square > 0; d++)
			to[d] = (float) (from[d] * sqrt(column->weight / square));
	}
	return CORE_OK;
}

static CoreStatus
build_dense(Env *env, const ContentColumn *columns, int32_t n, ContentVectors *out)
{
	CoreStatus status = CORE_OK;
	int32_t offset = 0;

	memset(out->dense, 0, sizeof(float) * (size_t) out->items * (size_t) out->width);
	for (int32_t c = 0; c < n && status == CORE_OK; c++)
	{
		if (sparse_kind(columns[c].kind))
			continue;
		if (columns[c].kind == CONTENT_NUMBER)
			status = fill_number(env, &columns[c], out->items, out->dense + offset, out->width);
		else
			status = fill_vector(env, &columns[c], out->items, out->dense + offset, out->width);
		offset += columns[c].width;
	}
	return status;
}

/* ---- both ---- */

static CoreStatus
normalise(Env *env, ContentVectors *vectors)
{
	for (int32_t i = 0; i < vectors->items; i++)
	{
		float *dense = vectors->dense + (size_t) i * (size_t) vectors->width;
		double square = 0;
		double scale;

		if (i % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = vectors->rows.start[i]; e < vectors->rows.start[i + 1]; e++)
			square += (double) vectors->rows.value[e] * vectors->rows.value[e];
		for (int32_t d = 0; d < vectors->width; d++)
			square += (double) dense[d] * dense[d];
		scale = square > 0 ? 1 / sqrt(square) : 0;
		for (int64_t e = vectors->rows.start[i]; e < vectors->rows.start[i + 1]; e++)
			vectors->rows.value[e] = (float) (vectors->rows.value[e] * scale);
		for (int32_t d = 0; d < vectors->width; d++)
			dense[d] = (float) (dense[d] * scale);
	}
	return CORE_OK;
}

CoreStatus
content_build(Env *env, const ContentColumn *columns, int32_t n, ContentVectors *out)
{
	CoreStatus status = build_sparse(env, columns, n, &out->rows);

	if (status == CORE_OK)
		status = build_dense(env, columns, n, out);
	if (status == CORE_OK)
		status = normalise(env, out);
	if (status == CORE_OK)
		status = csr_transpose(env, &out->rows, &out->index);
	return status;
}

CoreStatus
content_select(Env *env, const ContentVectors *from, const int32_t *row, ContentVectors *out)
{
	size_t width = (size_t) from->width;
	int64_t at = 0;

	for (int32_t i = 0; i < out->items; i++)
	{
		int64_t start = row[i] < 0 ? 0 : from->rows.start[row[i]];
		int64_t n = row[i] < 0 ? 0 : from->rows.start[row[i] + 1] - start;

		if (i % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		out->rows.start[i] = at;
		memcpy(out->rows.col + at, from->rows.col + start, sizeof(int32_t) * (size_t) n);
		memcpy(out->rows.value + at, from->rows.value + start, sizeof(float) * (size_t) n);
		at += n;
		if (row[i] >= 0)
			memcpy(out->dense + (size_t) i * width, from->dense + (size_t) row[i] * width,
				   sizeof(float) * width);
		else
			memset(out->dense + (size_t) i * width, 0, sizeof(float) * width);
	}
	out->rows.start[out->items] = at;
	return csr_transpose(env, &out->rows, &out->index);
}

bool
content_has(const ContentVectors *vectors, int32_t item)
{
	const float *dense = vectors->dense + (size_t) item * (size_t) vectors->width;

	if (vectors->rows.start[item] < vectors->rows.start[item + 1])
		return true;
	for (int32_t d = 0; d < vectors->width; d++)
		if (dense[d] != 0)
			return true;
	return false;
}

float
content_cosine(const ContentVectors *vectors, int32_t a, int32_t b)
{
	const Csr *rows = &vectors->rows;
	const float *left = vectors->dense + (size_t) a * (size_t) vectors->width;
	const float *right = vectors->dense + (size_t) b * (size_t) vectors->width;
	int64_t i = rows->start[a];
	int64_t j = rows->start[b];
	double sum = 0;

	while (i < rows->start[a + 1] && j < rows->start[b + 1])
	{
		if (rows->col[i] == rows->col[j])
			sum += (double) rows->value[i++] * rows->value[j++];
		else if (rows->col[i] < rows->col[j])
			i++;
		else
			j++;
	}
	for (int32_t d = 0; d < vectors->width; d++)
		sum += (double) left[d] * right[d];
	return (float) sum;
}

/* ---- asking ---- */

/* profile [features] and dense [width]: the query's items added up. */
static CoreStatus
add_up(Env *env, const ContentVectors *vectors, const int32_t *query, const float *weights, int32_t n,
	   double *profile, double *dense)
{
	memset(profile, 0, sizeof(double) * (size_t) vectors->rows.cols);
	memset(dense, 0, sizeof(double) * (size_t) vectors->width);
	for (int32_t h = 0; h < n; h++)
	{
		double weight = weights != NULL ? weights[h] : 1.0 / n;
		const float *row = vectors->dense + (size_t) query[h] * (size_t) vectors->width;

		if (h % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = vectors->rows.start[query[h]]; e < vectors->rows.start[query[h] + 1]; e++)
			profile[vectors->rows.col[e]] += weight * vectors->rows.value[e];
		for (int32_t d = 0; d < vectors->width; d++)
			dense[d] += weight * row[d];
	}
	return CORE_OK;
}

static CoreStatus
walk_index(Env *env, const ContentVectors *vectors, const double *profile, float *scores)
{
	const Csr *index = &vectors->index;
	int64_t walked = 0;

	for (int32_t f = 0; f < index->rows; f++)
	{
		float weight = (float) profile[f];

		if (weight == 0)
			continue;
		for (int64_t lo = index->start[f]; lo < index->start[f + 1]; lo += STRETCH)
		{
			int64_t hi = lo + STRETCH < index->start[f + 1] ? lo + STRETCH : index->start[f + 1];

			for (int64_t e = lo; e < hi; e++)
				scores[index->col[e]] += weight * index->value[e];
			walked += hi - lo;
			if (walked >= STRETCH)
			{
				walked = 0;
				if (env->cancelled(env))
					return CORE_CANCELLED;
			}
		}
	}
	return CORE_OK;
}

/* The dense part of the scores, as a matrix times the profile. */
static CoreStatus
multiply_dense(Env *env, const ContentVectors *vectors, const float *profile, float *scores)
{
	float part[DENSE_ROWS];

	for (int32_t from = 0; from < vectors->items && vectors->width > 0; from += DENSE_ROWS)
	{
		int32_t rows = vectors->items - from < DENSE_ROWS ? vectors->items - from : DENSE_ROWS;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		rank_kernel()->scores(vectors->dense + (size_t) from * (size_t) vectors->width, rows, vectors->width,
							  profile, part);
		for (int32_t i = 0; i < rows; i++)
			scores[from + i] += part[i];
	}
	return CORE_OK;
}

CoreStatus
content_scores(Env *env, const ContentVectors *vectors, const int32_t *query, const float *weights, int32_t n,
			   float *scores)
{
	size_t features = (size_t) vectors->rows.cols;
	size_t width = (size_t) vectors->width;
	double *profile = env->alloc(env, sizeof(double) * (features + width + 1) + sizeof(float) * width);
	CoreStatus status;

	if (profile == NULL)
		return CORE_NO_MEMORY;
	status = add_up(env, vectors, query, weights, n, profile, profile + features);
	memset(scores, 0, sizeof(float) * (size_t) vectors->items);
	if (status == CORE_OK)
		status = walk_index(env, vectors, profile, scores);
	if (status == CORE_OK)
	{
		float *dense = (float *) (profile + features + width);

		for (size_t d = 0; d < width; d++)
			dense[d] = (float) profile[features + d];
		status = multiply_dense(env, vectors, dense, scores);
	}
	env->release(env, profile);
	return status;
}

/* ---- what was stored ---- */

static bool
rows_are_good(const Csr *rows, int64_t entries)
{
	if (rows->start[0] != 0 || rows->start[rows->rows] != entries)
		return false;
	for (int32_t r = 0; r < rows->rows; r++)
	{
		if (rows->start[r] > rows->start[r + 1] || rows->start[r + 1] > entries)
			return false;
		for (int64_t e = rows->start[r]; e < rows->start[r + 1]; e++)
			if (rows->col[e] < 0 || rows->col[e] >= rows->cols || !isfinite(rows->value[e]) ||
				(e > rows->start[r] && rows->col[e] <= rows->col[e - 1]))
				return false;
	}
	return true;
}

bool
content_check(const ContentVectors *vectors, int64_t entries)
{
	if (!rows_are_good(&vectors->rows, entries) || !rows_are_good(&vectors->index, entries))
		return false;
	for (int64_t d = 0; d < (int64_t) vectors->items * vectors->width; d++)
		if (!isfinite(vectors->dense[d]))
			return false;
	return true;
}
