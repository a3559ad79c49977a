/*
 * deciles.c - values parted at their deciles
 */
#include "deciles.h"

#include <math.h>

static bool
has_decile(int64_t begin, int64_t end, int64_t last)
{
	for (int32_t decile = 1; decile < DECILES; decile++)
	{
		int64_t place = last * decile / DECILES;

		if (place >= begin && place < end)
			return true;
	}
	return false;
}

/* Of a handful of values each one is a tenth: frequent is what comes twice, or alone. */
static bool
is_frequent(int64_t begin, int64_t end, int64_t n)
{
	int64_t run = end - begin;

	return run == n || (run > 1 && run >= (n + DECILES - 1) / DECILES);
}

/* The largest value is no cut where it is not frequent: nothing would be above it. */
void
deciles_add(Deciles *deciles, double value, int64_t begin, int64_t end, int64_t n, int64_t last)
{
	int times = is_frequent(begin, end, n) ? 2 : end < n && has_decile(begin, end, last);

	for (int i = 0; i < times && deciles->cuts < DECILE_CUTS; i++)
		deciles->cut[deciles->cuts++] = value;
}

bool
deciles_valid(const Deciles *deciles)
{
	for (int32_t i = 0; i < deciles->cuts; i++)
	{
		if (!isfinite(deciles->cut[i]) || (i > 0 && deciles->cut[i] < deciles->cut[i - 1]) ||
			(i > 1 && deciles->cut[i] == deciles->cut[i - 2]))
			return false;
	}
	return true;
}
