/*
 * segment_serve.h - what the files that answer from segments share
 */
#ifndef PROMOAI_API_SEGMENT_SERVE_H
#define PROMOAI_API_SEGMENT_SERVE_H

#include "postgres.h"

#include "api/segment_model.h"
#include "bridge/args.h"

/* The model that the arguments "model" and "version" name; pinned until the caller's memory context goes. */
extern const SegmentModel *segment_open(const Args *args);

/* The features' names in quotes: for messages. */
extern char *segment_names(const SegmentModel *model);

/* What sets one feature of a segment apart. */
typedef struct SegmentTrait
{
	int32 feature;
	const double *here; /* [PROFILE_FIGURES] of the segment */
	const double *all; /* the same of all customers */
	EffectSize size;
} SegmentTrait;

/* [features] the strongest first, palloc'd. */
extern SegmentTrait *segment_traits(const SegmentModel *model, int32 segment);

#endif
