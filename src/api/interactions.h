/*
 * interactions.h - a source of (customer, item[, value][, time]) as a list of entries
 */
#ifndef PROMOAI_API_INTERACTIONS_H
#define PROMOAI_API_INTERACTIONS_H

#include "postgres.h"

#include "bridge/args.h"
#include "bridge/ids.h"
#include "core/sparse.h"
#include "model/registry.h"

typedef struct Interactions
{
	MemoryContext memory;
	OptionTime late_after; /* entries after this time are marked late */
	bool rated; /* values are ratings: there must be some, and repeated ones are averaged */
	bool timed; /* keep the time of each entry, where the source has one */
	const char *who; /* as messages call the first column; NULL: "customer" */
	const char *what; /* completes "... needs 81 MB of memory"; NULL: "training" */

	/*
	 * What the training will need in all for so many entries, customers and items; asked while reading, so that too
	 * large a source ends early.  NULL: no limit.
	 */
	uint64 (*need)(const void *arg, uint64 entries, uint64 customers, uint64 items);
	const void *need_arg;
	uint64 limit;

	/* filled */
	IdSet *customers;
	IdSet *items;
	Coo coo; /* row: customer, col: item */
	uint8 *late; /* [coo.n] when late_after is set, else NULL */
	int64 *time; /* [coo.n] TimestampTz when timed and the source has one, else NULL */
	int64 rows_read;
	int64 rows_skipped;
	int64 rows_merged; /* rows of a pair that had come before */
	int64 pairs_dropped; /* pairs whose values summed to zero or less */
	int64 pairs; /* that are left */
	int64 purchases; /* rows of those, without the returns among them */
} Interactions;

/* The columns are checked, no row is read. */
extern void interactions_check(const char *source, Interactions *in);

/* Read and put into canonical order. */
extern void interactions_read(const char *source, Interactions *in);

/*
 * Take customers and items out that are left without any pair once repeated pairs are summed, and fill the counts.  ERROR
 * 22023 when there is no row, or nothing is left.  Takes 4 bytes an entry and 12 a customer and item for the time of the call.
 */
extern void interactions_settle(Interactions *in);

/*
 * A part of the entries as interactions of their own, in the current memory context: it knows the customers and items that it has
 * pairs of and no others, as if nothing else had been read.  places: where all those of `in` stand now, what the part does not know
 * behind what it knows, each in the old order.  pairs 0: it has none, and nothing is known.
 *
 * Takes a copy of the entries and of the ids (interactions_ids_bytes), 4 bytes a customer and item for the places, and what
 * interactions_settle takes.
 */
typedef struct InteractionsPlaces
{
	int32 *customer; /* [in->customers->n] */
	int32 *item; /* [in->items->n] */
} InteractionsPlaces;

extern Interactions interactions_part(const Interactions *in, CooKeep keep, const void *arg,
									  InteractionsPlaces *places);

/* Other entries, with their values, under the part's indices. */
extern Coo interactions_placed(const Interactions *in, CooKeep keep, const void *arg,
							   const InteractionsPlaces *places);

/* Bytes of the ids. */
extern uint64 interactions_ids_bytes(const Interactions *in);

/* The share of the purchases that repeat an earlier one of the same customer and item, as a metric of the training. */
extern ModelMetric interactions_repeat_share(const Interactions *in);

/* indices [n]: each becomes place[it]. */
extern void interactions_renumber(int32 *indices, int64 n, const int32 *place);

/* Bytes that reading so many entries takes at most, beside the ids. */
extern uint64 interactions_bytes(const Interactions *in, uint64 entries);

/* Free what interactions_read took, but for the id sets. */
extern void interactions_free_entries(Interactions *in);

#endif
