/*
 * segment_match.h - the segments of a new version under the numbers of those they follow
 */
#ifndef PROMOAI_API_SEGMENT_MATCH_H
#define PROMOAI_API_SEGMENT_MATCH_H

#include "postgres.h"

#include "api/segment_model.h"
#include "bridge/env.h"

typedef struct SegmentMoves
{
	bool known; /* there is a version before, with the same features */
	int64 both; /* customers of both versions */
	int64 moved; /* of them, in a segment of another number */
} SegmentMoves;

/*
 * Give the segments of `fresh` [k], the largest first, numbers [k]: that of the old segment they are matched to, in the measure
 * of the old version, so that the distances between centroids are least in all; new ones the lowest that are free.  Without
 * an old model 1 .. k.
 */
extern void segment_match(PgEnv *env, const SegmentModel *old, const SegmentModel *fresh, int32 *numbers);

/* True when both have the same features in the same order. */
extern bool segment_comparable(const SegmentModel *old, const SegmentModel *fresh);

/* Who moved, by the numbers of both. */
extern SegmentMoves segment_moves(const SegmentModel *old, const SegmentModel *fresh);

#endif
