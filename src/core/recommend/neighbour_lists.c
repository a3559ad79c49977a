/*
 * neighbour_lists.c - rows of neighbours with room for a fixed number each
 *
 * No memory beside the lists: a row is sorted by column inside the heap that it comes from.
 */
#include <string.h>

#include "chunks.h"
#include "neighbour_lists.h"

#define ROWS_A_LOOK 1024 /* rows moved between two looks at the cancel flag, at most */
#define SHORT 64 /* entries */
#define ENTRIES_A_LOOK 262144 /* entries, about */

size_t
neighbour_lists_bytes(int32_t rows, int32_t width)
{
	size_t entries = bytes_times((size_t) rows, (size_t) width);
	size_t counts = bytes_times((size_t) rows, sizeof(int32_t));

	return bytes_plus(counts, bytes_times(entries, sizeof(int32_t) + sizeof(float)));
}

NeighbourLists
neighbour_lists_at(void *memory, int32_t rows, int32_t width)
{
	NeighbourLists lists = {.rows = rows, .width = width, .count = memory};

	lists.col = lists.count + rows;
	lists.value = (float *) (lists.col + (int64_t) rows * width);
	return lists;
}

/* Put `entry` at `at` or below, so that no child has a higher index than its parent. */
static void
sift_down(TopEntry *heap, int32_t n, int32_t at, TopEntry entry)
{
	while (at < n / 2)
	{
		int32_t child = 2 * at + 1;

		if (child + 1 < n && heap[child + 1].index > heap[child].index)
			child++;
		if (entry.index >= heap[child].index)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

/* In place: short lists by insertion, long ones by a heap, which is bounded whatever comes. */
static void
sort_by_index(TopEntry *entries, int32_t n)
{
	for (int32_t i = 1; n <= SHORT && i < n; i++)
	{
		TopEntry entry = entries[i];
		int32_t at = i;

		for (; at > 0 && entries[at - 1].index > entry.index; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
	if (n <= SHORT)
		return;
	for (int32_t at = n / 2 - 1; at >= 0; at--)
		sift_down(entries, n, at, entries[at]);
	for (int32_t last = n - 1; last > 0; last--)
	{
		TopEntry entry = entries[last];

		entries[last] = entries[0];
		sift_down(entries, last, 0, entry);
	}
}

void
neighbour_lists_put(NeighbourLists *lists, int32_t row, TopK *top)
{
	int64_t begin = (int64_t) row * lists->width;

	sort_by_index(top->heap, top->n);
	lists->count[row] = top->n;
	for (int32_t e = 0; e < top->n; e++)
	{
		lists->col[begin + e] = top->heap[e].index;
		lists->value[begin + e] = top->heap[e].score;
	}
}

int64_t
neighbour_lists_entries(const NeighbourLists *lists)
{
	int64_t entries = 0;

	for (int32_t r = 0; r < lists->rows; r++)
		entries += lists->count[r];
	return entries;
}

CoreStatus
neighbour_lists_csr(Env *env, const NeighbourLists *lists, int32_t cols, Csr *out)
{
	int64_t write = 0;
	int64_t work = 0;

	out->rows = lists->rows;
	out->cols = cols;
	for (int32_t r = 0; r < lists->rows; r++)
	{
		int64_t begin = (int64_t) r * lists->width;
		int64_t n = lists->count[r];

		work += n + ENTRIES_A_LOOK / ROWS_A_LOOK;
		if (work >= ENTRIES_A_LOOK)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
		out->start[r] = write;
		/* To the front or to where it stands: never over what is still to be read. */
		memmove(out->col + write, lists->col + begin, (size_t) n * sizeof(int32_t));
		memmove(out->value + write, lists->value + begin, (size_t) n * sizeof(float));
		write += n;
	}
	out->start[out->rows] = write;
	return CORE_OK;
}
