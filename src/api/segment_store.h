/*
 * segment_store.h - rows of features on disk, in an order that is random and always the same
 */
#ifndef PROMOAI_API_SEGMENT_STORE_H
#define PROMOAI_API_SEGMENT_STORE_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/ids.h"
#include "core/segment/scale.h"

typedef struct SegmentStore SegmentStore;

/* Rows of so many features; the seed decides their order. */
extern SegmentStore *segment_store_create(int32 features, uint64 seed);

/* One row, as Table.spill wants it: arg is the store. */
extern void segment_store_add(void *arg, const IdKey *id, const float *numbers);

/* Bytes that arranging takes, of what was added so far, and those of the ids as segment_store_ids returns them. */
extern uint64 segment_store_arrange_bytes(const SegmentStore *store);
extern uint64 segment_store_ids_bytes(const SegmentStore *store);

/* Bytes that the store has all the time. */
extern uint64 segment_store_bytes(void);

/*
 * Put the rows in order and find the features' scales [features]; quartiles are those of the first `sample` rows.  ERROR 21000
 * when an id came twice.
 */
extern void segment_store_arrange(SegmentStore *store, PgEnv *env, ScaleMethod method, int64 sample,
								  FeatureScale *scales);

/* From the first row on. */
extern void segment_store_rewind(SegmentStore *store);

/* The next rows, scaled, into to [rows x features]; how many there were. */
extern int64 segment_store_read(SegmentStore *store, float *to, int64 rows);

/* All ids in their order; each row's label [n], in the order of reading, goes to its id's place in sorted [n]. */
extern IdSet *segment_store_ids(SegmentStore *store, const int32 *labels, int32 *sorted);

/* The files are gone; an error and the end of the transaction do the same. */
extern void segment_store_close(SegmentStore *store);

#endif
