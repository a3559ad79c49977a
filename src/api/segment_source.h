/*
 * segment_source.h - a source of (id, numbers ...) as rows of features
 */
#ifndef PROMOAI_API_SEGMENT_SOURCE_H
#define PROMOAI_API_SEGMENT_SOURCE_H

#include "postgres.h"

#include "api/segment_store.h"
#include "api/table.h"

typedef struct SegmentSource
{
	/* set by the caller */
	uint64 limit; /* bytes */
	const char *what; /* as in Table */
	uint64 (*need)(const void *arg, uint64 rows); /* as in Table */
	const void *need_arg;
	bool spills; /* rows may go to a store on disk: past the limit, or all of them */
	bool spill_all;
	uint64 seed; /* of the store's order */

	/* filled by segment_source_open */
	int32 features;
	char **names; /* [features] */

	/* filled by segment_source_read */
	Table table; /* index[0]: place of each row in the order of ids; rows: the features */
	IdSet *ids; /* [n]; NULL while rows are in the store */
	int64 n;
	SegmentStore *store; /* the rows, when they were spilled; NULL: they are in the table */
} SegmentSource;

/* Look at the columns. */
extern void segment_source_open(const char *source, SegmentSource *in);

/* Read; ERROR 21000 when an id comes twice (in a store: when it is arranged), 22023 when there is no row. */
extern void segment_source_read(const char *source, SegmentSource *in);

/* The rows in the order of ids into to [n x features], and free what they were read into. */
extern void segment_source_take(SegmentSource *in, float *to);

#endif
