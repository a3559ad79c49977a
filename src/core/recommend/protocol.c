/*
 * protocol.c - how interactions are parted into what a recommender learns from and what it is judged by
 *
 * Nothing depends on the order of the entries: parts go by time and by hashes of (seed, row, col).
 */
#include "protocol.h"

#include <stdlib.h>
#include <string.h>

#include "../rng.h"

#define SHOWN_SHARE 0.8
#define STRETCH 65536 /* entries between two looks at the cancel flag */

static bool
drawn(uint64_t seed, uint64_t a, uint64_t b, double share)
{
	return (double) (rng_hash3(seed, a, b) >> 11) * 0x1p-53 < share;
}

static bool
stopped(Env *env, int64_t entry)
{
	return entry % STRETCH == 0 && env->cancelled(env);
}

static CoreStatus
split_by_time(Env *env, const Protocol *protocol, int64_t n, const int64_t *time, uint8_t *part)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (stopped(env, i))
			return CORE_CANCELLED;
		part[i] = time[i] < protocol->from    ? PROTOCOL_TRAIN
				  : time[i] < protocol->until ? PROTOCOL_TEST
											  : PROTOCOL_NONE;
	}
	return CORE_OK;
}

static CoreStatus
split_by_customer(Env *env, const Protocol *protocol, const Coo *coo, uint8_t *part)
{
	for (int64_t i = 0; i < coo->n; i++)
	{
		uint64_t row = (uint64_t) coo->row[i];
		uint64_t col = (uint64_t) coo->col[i];

		if (stopped(env, i))
			return CORE_CANCELLED;
		if (!drawn(protocol->seed, row, UINT64_MAX, protocol->share))
			part[i] = PROTOCOL_TRAIN;
		else
			part[i] = drawn(protocol->seed, row, col, SHOWN_SHARE) ? PROTOCOL_SHOWN : PROTOCOL_TEST;
	}
	return CORE_OK;
}

/* Each row's last item: of those of its latest time the one with the smallest hash; what was returned is not bought. */
typedef struct Last
{
	int64_t time;
	uint64_t hash;
	int32_t col; /* -1: the row has none yet */
	bool others; /* there is something else to learn from */
} Last;

static bool
is_last(const Last *last, const Coo *coo, const int64_t *time, int64_t entry)
{
	const Last *row = &last[coo->row[entry]];

	return coo->col[entry] == row->col && time[entry] == row->time;
}

static CoreStatus
find_last(Env *env, const Protocol *protocol, const Coo *coo, const int64_t *time, Last *last)
{
	for (int64_t i = 0; i < coo->n; i++)
	{
		Last *row = &last[coo->row[i]];
		bool bought = coo->value == NULL || coo->value[i] > 0;
		uint64_t hash = rng_hash3(protocol->seed, (uint64_t) coo->row[i], (uint64_t) coo->col[i]);

		if (stopped(env, i))
			return CORE_CANCELLED;
		if (bought && (row->col < 0 || time[i] > row->time || (time[i] == row->time && hash < row->hash)))
			*row = (Last){.time = time[i], .hash = hash, .col = coo->col[i]};
	}
	for (int64_t i = 0; i < coo->n; i++)
	{
		if (stopped(env, i))
			return CORE_CANCELLED;
		if (!is_last(last, coo, time, i))
			last[coo->row[i]].others = true;
	}
	return CORE_OK;
}

static CoreStatus
split_last(Env *env, const Protocol *protocol, const Coo *coo, const int64_t *time, int32_t rows,
		   uint8_t *part)
{
	Last *last = env->alloc(env, sizeof(Last) * (size_t) (rows > 0 ? rows : 1));
	CoreStatus status;

	if (last == NULL)
		return CORE_NO_MEMORY;
	for (int32_t r = 0; r < rows; r++)
		last[r] = (Last){.time = INT64_MIN, .col = -1};
	status = find_last(env, protocol, coo, time, last);
	for (int64_t i = 0; i < coo->n && status == CORE_OK; i++)
	{
		if (stopped(env, i))
			status = CORE_CANCELLED;
		part[i] = last[coo->row[i]].others && is_last(last, coo, time, i) ? PROTOCOL_TEST : PROTOCOL_TRAIN;
	}
	env->release(env, last);
	return status;
}

CoreStatus
protocol_split(Env *env, const Protocol *protocol, const Coo *coo, const int64_t *time, int32_t rows,
			   uint8_t *part)
{
	if (env->cancelled(env))
		return CORE_CANCELLED;
	switch (protocol->kind)
	{
		case PROTOCOL_NEXT_PERIOD:
			return split_by_time(env, protocol, coo->n, time, part);
		case PROTOCOL_STRONG_GENERALIZATION:
			return split_by_customer(env, protocol, coo, part);
		case PROTOCOL_LEAVE_LAST_OUT:
		case PROTOCOL_SAMPLED:
			return split_last(env, protocol, coo, time, rows, part);
	}
	return CORE_CORRUPT;
}

int64_t
protocol_candidates_room(const Csr *test)
{
	int64_t room = csr_entries(test);

	for (int32_t row = 0; row < test->rows; row++)
		if (test->start[row] < test->start[row + 1])
			room += PROTOCOL_NEGATIVES;
	return room;
}

static int
compare_items(const void *left, const void *right)
{
	int32_t a = *(const int32_t *) left;
	int32_t b = *(const int32_t *) right;

	return a < b ? -1 : a > b;
}

/* Mark the items of a row with its number. */
static void
mark_row(const Csr *matrix, int32_t row, int32_t *mark)
{
	if (row >= matrix->rows)
		return;
	for (int64_t e = matrix->start[row]; e < matrix->start[row + 1]; e++)
		mark[matrix->col[e]] = row;
}

/*
 * The candidates of one row among the first `cols` items; draws end after a while, so that a catalogue with too few others gives
 * fewer.
 */
static int64_t
draw_row(const Protocol *protocol, const Csr *test, int32_t cols, int32_t row, int32_t *mark, int32_t *out)
{
	uint64_t most = cols > 0 ? 50 * (uint64_t) PROTOCOL_NEGATIVES : 0;
	int64_t n = 0;
	int32_t found = 0;

	for (int64_t e = test->start[row]; e < test->start[row + 1]; e++)
		if (test->col[e] < cols)
			out[n++] = test->col[e];
	for (uint64_t draw = 0; draw < most && found < PROTOCOL_NEGATIVES; draw++)
	{
		int32_t item =
			(int32_t) rng_below(protocol->seed ^ UINT64_C(0x5bd1e995), (uint64_t) row, draw, (uint32_t) cols);

		if (mark[item] == row)
			continue;
		mark[item] = row;
		out[n + found++] = item;
	}
	n += found;
	qsort(out, (size_t) n, sizeof(int32_t), compare_items);
	return n;
}

CoreStatus
protocol_candidates(Env *env, const Protocol *protocol, const Csr *known, const Csr *test, Csr *out)
{
	int32_t *mark = env->alloc(env, sizeof(int32_t) * (size_t) (test->cols > 0 ? test->cols : 1));
	CoreStatus status = CORE_OK;

	if (mark == NULL)
		return CORE_NO_MEMORY;
	for (int32_t i = 0; i < test->cols; i++)
		mark[i] = -1;
	out->rows = test->rows;
	out->cols = known->cols;
	out->start[0] = 0;
	for (int32_t row = 0; status == CORE_OK && row < test->rows; row++)
	{
		int64_t start = out->start[row];

		out->start[row + 1] = start;
		if (row % 256 == 0 && env->cancelled(env))
			status = CORE_CANCELLED;
		if (test->start[row] == test->start[row + 1])
			continue;
		mark_row(known, row, mark);
		mark_row(test, row, mark);
		out->start[row + 1] = start + draw_row(protocol, test, known->cols, row, mark, out->col + start);
	}
	env->release(env, mark);
	return status;
}
