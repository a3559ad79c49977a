/*
 * merge_sort.c - a stable sort that can be left at any point
 *
 * Bottom-up merging: n log2 n comparisons at most whatever the data, and a look at the cancel flag every few thousand of
 * them, which qsort cannot do.
 */
#include <string.h>

#include "merge_sort.h"

#define STRETCH 8192 /* comparisons between two looks at the cancel flag */

CoreStatus
merge_sort(Env *env, void **items, void **spare, int64_t n, size_t width, MergeCompare compare,
		   const void *arg)
{
	int64_t work = 0;

	for (int64_t run = 1; run < n; run *= 2)
	{
		const char *from = *items;
		char *to = *spare;

		for (int64_t lo = 0; lo < n; lo += 2 * run)
		{
			int64_t middle = lo + run < n ? lo + run : n;
			int64_t end = middle + run < n ? middle + run : n;
			int64_t i = lo;
			int64_t j = middle;

			for (int64_t at = lo; at < end; at++)
			{
				const char *left = from + (size_t) i * width;
				const char *right = from + (size_t) j * width;
				bool take_right = i == middle || (j < end && compare(right, left, arg) < 0);

				memcpy(to + (size_t) at * width, take_right ? right : left, width);
				j += take_right;
				i += !take_right;
				if (++work % STRETCH == 0 && env->cancelled(env))
					return CORE_CANCELLED;
			}
		}
		*spare = *items;
		*items = to;
	}
	return CORE_OK;
}
