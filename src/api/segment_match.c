/*
 * segment_match.c - the segments of a new version under the numbers of those they follow
 *
 * A centroid of the new version goes back to the features' own units and from there into the measure of the old one; a feature
 * that was constant then has none, and stays out.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "api/segment_match.h"
#include "core/segment/match.h"

bool
segment_comparable(const SegmentModel *old, const SegmentModel *fresh)
{
	if (old->features != fresh->features)
		return false;
	for (int32 f = 0; f < old->features; f++)
		if (strcmp(old->names[f], fresh->names[f]) != 0)
			return false;
	return true;
}

static double
square_apart(const SegmentModel *old, int32 a, const SegmentModel *fresh, int32 b)
{
	double sum = 0;

	for (int32 f = 0; f < old->features; f++)
	{
		double own = scale_undo(&fresh->scales[f], fresh->centroids[(Size) b * old->features + f]);
		double apart =
			scale_wide(&old->scales[f], own) - (double) old->centroids[(Size) a * old->features + f];

		sum += apart * apart;
	}
	return Min(sum, 1e300); /* costs are to be finite */
}

/* partner [fresh->k] the old segment of each, or -1. */
static void
find_partners(PgEnv *env, const SegmentModel *old, const SegmentModel *fresh, int32 *partner)
{
	bool turned = fresh->k > old->k; /* the fewer are the rows */
	int32 n = Min(old->k, fresh->k);
	int32 m = Max(old->k, fresh->k);
	double *cost = palloc_extended(sizeof(double) * (Size) n * m, MCXT_ALLOC_HUGE);
	int32 *column = palloc(sizeof(int32) * n);

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int32 j = 0; j < m; j++)
			cost[(Size) i * m + j] = square_apart(old, turned ? i : j, fresh, turned ? j : i);
	}
	env_check(env, match_rows(&env->base, cost, n, m, column), "matching segments");
	for (int32 s = 0; s < fresh->k; s++)
		partner[s] = -1;
	for (int32 i = 0; i < n; i++)
		partner[turned ? column[i] : i] = turned ? i : column[i];
	pfree(cost);
	pfree(column);
}

void
segment_match(PgEnv *env, const SegmentModel *old, const SegmentModel *fresh, int32 *numbers)
{
	int32 *partner;
	int32 next = 1;

	for (int32 s = 0; s < fresh->k; s++)
		numbers[s] = s + 1;
	if (old == NULL || !segment_comparable(old, fresh))
		return;
	partner = palloc(sizeof(int32) * fresh->k);
	find_partners(env, old, fresh, partner);
	for (int32 s = 0; s < fresh->k; s++)
		numbers[s] = partner[s] < 0 ? 0 : old->numbers[partner[s]];
	for (int32 s = 0; s < fresh->k; s++)
	{
		bool taken = true;

		if (numbers[s] != 0)
			continue;
		while (taken)
		{
			taken = false;
			for (int32 other = 0; other < fresh->k; other++)
				taken |= numbers[other] == next;
			next += taken;
		}
		numbers[s] = next;
	}
}

SegmentMoves
segment_moves(const SegmentModel *old, const SegmentModel *fresh)
{
	SegmentMoves moves = {.known = true};

	if (old->members.kind != fresh->members.kind)
		return moves;
	/* Both go by ascending ids. */
	for (int32 i = 0, j = 0; i < fresh->members.n && j < old->members.n;)
	{
		IdKey now = idset_key(&fresh->members, i);
		IdKey then = idset_key(&old->members, j);
		int order = id_compare(&then, &now);

		if (unlikely(i % 4096 == 0))
			CHECK_FOR_INTERRUPTS();
		if (order == 0)
		{
			moves.both++;
			moves.moved += old->numbers[old->labels[j]] != fresh->numbers[fresh->labels[i]];
		}
		i += order >= 0;
		j += order <= 0;
	}
	return moves;
}
