/*
 * segment_batch.h - segments of more rows than memory holds
 */
#ifndef PROMOAI_API_SEGMENT_BATCH_H
#define PROMOAI_API_SEGMENT_BATCH_H

#include "postgres.h"

#include "api/segment_fit.h"
#include "core/segment/profile.h"

#define SEGMENT_BATCH_ROWS 16384 /* in a batch, when nobody says how many */

/* What a fit gives that is not in SegmentFit. */
typedef struct SegmentBatch
{
	int32 rows; /* in a batch */
	int32 epochs; /* times that batches went through all rows */
	Quality quality;
	Profile profile;
} SegmentBatch;

/*
 * Rows of in->store parted by batches.  Of fit, scales, centroids, sizes, labels and report are filled, not in a region; in->ids
 * become those of the rows, and the store is closed.  ERROR 53400 when even this needs more than in->limit.
 */
extern void segment_batch_fit(SegmentBatch *batch, SegmentFit *fit, SegmentSource *in,
							  const SegmentOptions *options, int workers);

#endif
