/*
 * rfm.h - scores of recency, frequency and monetary value, and the segments they name
 */
#ifndef CORE_SEGMENT_RFM_H
#define CORE_SEGMENT_RFM_H

#include "../env.h"

#define RFM_SCORES 5

/* How equal values at a boundary are scored. */
typedef enum RfmTies
{
	RFM_TIES_HIGH, /* by the share at or below: ceil(5 cume_dist) */
	RFM_TIES_LOW /* by the share below: 6 - ceil(5 (share at or above)) */
} RfmTies;

/* score [n] 1 .. 5 by the place of value [n] among all; equal values score equally.  O(n); scratch 32 bytes a value. */
extern CoreStatus rfm_score(Env *env, int64_t n, const double *value, RfmTies ties, uint8_t *score);

typedef struct RfmSegment
{
	const char *code; /* for joins: never changes */
	const char *english;
	const char *chinese;
} RfmSegment;

/* The segment of scores 1 .. 5. */
extern const RfmSegment *rfm_segment(int recency, int frequency, int monetary);

#endif
