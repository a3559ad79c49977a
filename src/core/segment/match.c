/*
 * match.c - the assignment problem by shortest augmenting paths
 *
 * Rows enter one by one.  For each, a shortest path in reduced costs is grown from it over columns that are taken to one that
 * is free, as Dijkstra does; prices of the columns and rows on the way keep reduced costs at zero or above.  Column 0 and row 0
 * stand for "none": the others count from 1.
 */
#include <math.h>

#include "match.h"

typedef struct Matching
{
	const double *cost; /* [n x m] */
	int32_t n, m;
	double *row_price; /* [n + 1] */
	double *price; /* [m + 1] */
	double *least; /* [m + 1] cost of the shortest path to a column so far */
	int32_t *row; /* [m + 1] that has the column; 0: none */
	int32_t *before; /* [m + 1] the column before it on the path */
	bool *done; /* [m + 1] */
} Matching;

/* Row `first` takes part; columns along the path change hands. */
static void
augment(Matching *matching, int32_t first)
{
	int32_t at = 0;

	matching->row[0] = first;
	for (int32_t j = 0; j <= matching->m; j++)
	{
		matching->least[j] = INFINITY;
		matching->done[j] = false;
	}
	do
	{
		int32_t row = matching->row[at];
		int32_t next = 0;
		double step = INFINITY;

		matching->done[at] = true;
		for (int32_t j = 1; j <= matching->m; j++)
		{
			double reduced;

			if (matching->done[j])
				continue;
			reduced = matching->cost[(int64_t) (row - 1) * matching->m + j - 1] - matching->row_price[row] -
					  matching->price[j];
			if (reduced < matching->least[j])
			{
				matching->least[j] = reduced;
				matching->before[j] = at;
			}
			if (matching->least[j] < step)
			{
				step = matching->least[j];
				next = j;
			}
		}
		for (int32_t j = 0; j <= matching->m; j++)
		{
			if (matching->done[j])
			{
				matching->row_price[matching->row[j]] += step;
				matching->price[j] -= step;
			}
			else
				matching->least[j] -= step;
		}
		at = next;
	} while (matching->row[at] != 0);
	for (; at != 0; at = matching->before[at])
		matching->row[at] = matching->row[matching->before[at]];
}

CoreStatus
match_rows(Env *env, const double *cost, int32_t n, int32_t m, int32_t *column)
{
	size_t rows = (size_t) n + 1;
	size_t columns = (size_t) m + 1;
	size_t doubles = rows + 2 * columns;
	double *memory =
		env->alloc(env, doubles * sizeof(double) + 2 * columns * sizeof(int32_t) + columns * sizeof(bool));
	Matching matching = {.cost = cost, .n = n, .m = m, .row_price = memory};

	if (memory == NULL)
		return CORE_NO_MEMORY;
	matching.price = memory + rows;
	matching.least = matching.price + columns;
	matching.row = (int32_t *) (matching.least + columns);
	matching.before = matching.row + columns;
	matching.done = (bool *) (matching.before + columns);
	for (size_t i = 0; i < doubles; i++)
		memory[i] = 0;
	for (size_t j = 0; j < columns; j++)
		matching.row[j] = matching.before[j] = 0;
	for (int32_t i = 1; i <= n; i++)
	{
		if (env->cancelled(env))
		{
			env->release(env, memory);
			return CORE_CANCELLED;
		}
		augment(&matching, i);
	}
	for (int32_t j = 1; j <= m; j++)
		if (matching.row[j] > 0)
			column[matching.row[j] - 1] = j - 1;
	env->release(env, memory);
	return CORE_OK;
}
