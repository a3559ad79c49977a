/*
 * interactions.c - a source of (customer, item[, value][, time]) as a list of entries
 *
 * Reading: each row appends one entry (4 + 4 bytes, + 4 with a value, + 1 with a time to split by, + 8 with
 * times to keep) whose indices are in
 * order of arrival.  Then the ids are sorted and the indices replaced by their ranks: from there on nothing depends on
 * the order in which rows came.
 *
 * Memory: arrays grow by half; the kernel's need is asked for whenever they do.  Past the limit entries are only counted, so
 * that the error can say what the whole source would need.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/interactions.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/source.h"

enum
{
	COLUMN_CUSTOMER,
	COLUMN_ITEM,
	COLUMN_VALUE,
	COLUMN_TIME,
	N_COLUMNS
};

#define FIRST_ROOM 4096
#define STRETCH 65536 /* entries between two looks at interrupts */

/* What the ids may take while rows are only counted, beside the limit. */
#define COUNTING_BYTES (UINT64CONST(64) * 1024 * 1024)

typedef struct Collector
{
	Interactions *in;
	SourceColumn columns[N_COLUMNS];
	int64 room;
	bool full; /* past the limit: only count */
} Collector;

static void
describe_columns(Collector *collector, SourceReader *reader)
{
	const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_CUSTOMER] = {.name = "customer", .kind = SOURCE_ID},
		[COLUMN_ITEM] = {.name = "item", .kind = SOURCE_ID},
		[COLUMN_VALUE] = {.name = "value", .kind = SOURCE_NUMBER, .optional = true},
		[COLUMN_TIME] = {.name = "time", .kind = SOURCE_TIME, .optional = true},
	};

	memcpy(collector->columns, columns, sizeof(columns));
	if (collector->in->who != NULL)
		collector->columns[COLUMN_CUSTOMER].name = collector->in->who;
	reader->columns = collector->columns;
	reader->n_columns = N_COLUMNS;
	reader->memory = collector->in->memory;
	reader->arg = collector;
}

uint64
interactions_bytes(const Interactions *in, uint64 entries)
{
	uint64 entry = 2 * sizeof(int32) + sizeof(float) + (in->late_after.set ? sizeof(uint8) : 0) +
				   (in->timed ? sizeof(int64) : 0);

	/* Arrays have grown by half at most beyond what they hold. */
	return memory_mul(memory_add(entries, entries / 2), entry);
}

/*
 * What all of it takes at its peak: either while the ids are sorted, beside the entries, or later, when the caller does what it
 * has announced.
 */
static uint64
collector_need(const Collector *collector, uint64 entries)
{
	const Interactions *in = collector->in;
	const IdTable *customers = collector->columns[COLUMN_CUSTOMER].ids;
	const IdTable *items = collector->columns[COLUMN_ITEM].ids;
	uint64 ids = memory_add(ids_memory(customers), ids_memory(items));
	uint64 sorting =
		memory_add(interactions_bytes(in, entries), Max(ids_sort_memory(customers), ids_sort_memory(items)));
	uint64 using = in->need(in->need_arg, entries, ids_count(customers), ids_count(items));

	return memory_add(ids, Max(sorting, using));
}

static void
collector_grow(Collector *collector)
{
	Interactions *in = collector->in;

	if (in->need != NULL && collector_need(collector, in->coo.n) > in->limit)
	{
		collector->full = true;
		return;
	}
	collector->room += collector->room / 2;
	in->coo.row = repalloc_huge(in->coo.row, collector->room * sizeof(int32));
	in->coo.col = repalloc_huge(in->coo.col, collector->room * sizeof(int32));
	if (in->coo.value != NULL)
		in->coo.value = repalloc_huge(in->coo.value, collector->room * sizeof(float));
	if (in->late != NULL)
		in->late = repalloc_huge(in->late, collector->room);
	if (in->time != NULL)
		in->time = repalloc_huge(in->time, collector->room * sizeof(int64));
}

/* Arrays exist once it is known which columns there are, that is with the first row. */
static void
collector_begin(Collector *collector)
{
	Interactions *in = collector->in;

	collector->room = FIRST_ROOM;
	in->coo.average = in->rated;
	in->coo.row = MemoryContextAlloc(in->memory, FIRST_ROOM * sizeof(int32));
	in->coo.col = MemoryContextAlloc(in->memory, FIRST_ROOM * sizeof(int32));
	if (collector->columns[COLUMN_VALUE].attno != 0)
		in->coo.value = MemoryContextAlloc(in->memory, FIRST_ROOM * sizeof(float));
	if (in->late_after.set)
		in->late = MemoryContextAlloc(in->memory, FIRST_ROOM);
	if (in->timed && collector->columns[COLUMN_TIME].attno != 0)
		in->time = MemoryContextAlloc(in->memory, FIRST_ROOM * sizeof(int64));
}

/* Counting goes on past the limit, so that the error can say what all rows need; but not for ever: ids take memory. */
static void
collector_count(Collector *collector)
{
	Interactions *in = collector->in;
	uint64 ids;

	in->coo.n++;
	if (in->coo.n % (1 << 20) != 0)
		return;
	ids = memory_add(ids_memory(collector->columns[COLUMN_CUSTOMER].ids),
					 ids_memory(collector->columns[COLUMN_ITEM].ids));
	if (ids > memory_add(in->limit, COUNTING_BYTES))
		memory_require(collector_need(collector, in->coo.n), in->limit, "training on the rows read so far");
}

/* Values are kept in single precision. */
static float
value_of(const Collector *collector, const SourceValue *values)
{
	double value = values[COLUMN_VALUE].number;

	if (fabs(value) > FLT_MAX)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("source has %g in column \"%s\", beyond the largest allowed, %g", value,
							   collector->columns[COLUMN_VALUE].field, FLT_MAX),
						errdetail("The first such row is of %s %s.", collector->columns[COLUMN_CUSTOMER].name,
								  ids_text(collector->columns[COLUMN_CUSTOMER].ids,
										   values[COLUMN_CUSTOMER].index))));
	return (float) value;
}

static void
collect_row(void *arg, const SourceValue *values)
{
	Collector *collector = arg;
	Interactions *in = collector->in;
	int64 n = in->coo.n;

	if (collector->room == 0)
		collector_begin(collector);
	if (n == collector->room && !collector->full)
		collector_grow(collector);
	if (collector->full)
	{
		collector_count(collector);
		return;
	}

	in->coo.row[n] = values[COLUMN_CUSTOMER].index;
	in->coo.col[n] = values[COLUMN_ITEM].index;
	if (in->coo.value != NULL)
		in->coo.value[n] = value_of(collector, values);
	if (in->late != NULL)
		in->late[n] = values[COLUMN_TIME].time > in->late_after.at;
	if (in->time != NULL)
		in->time[n] = values[COLUMN_TIME].time;
	in->coo.n = n + 1;
}

/* What the caller asked for must be there. */
static void
require_columns(const Collector *collector)
{
	if (collector->in->late_after.set && collector->columns[COLUMN_TIME].attno == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"holdout_after\" needs a time in the source"),
						errhint("Add a timestamp as the source's last column.")));
	if (collector->in->rated && collector->columns[COLUMN_VALUE].attno == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("explicit feedback needs a value in the source"),
						errhint("Add the rating as the source's third column.")));
}

void
interactions_renumber(int32 *indices, int64 n, const int32 *place)
{
	for (int64 i = 0; i < n; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		indices[i] = place[indices[i]];
	}
}

static IdSet *
sort_ids(IdTable *table, MemoryContext memory, int32 *indices, int64 n)
{
	int32 *rank = MemoryContextAllocHuge(memory, sizeof(int32) * (Size) Max(ids_count(table), 1));
	IdSet *set = ids_sort(table, memory, rank);

	interactions_renumber(indices, n, rank);
	pfree(rank);
	ids_free(table);
	return set;
}

void
interactions_check(const char *source, Interactions *in)
{
	Collector collector = {.in = in};
	SourceReader reader = {.row = collect_row};

	describe_columns(&collector, &reader);
	source_check_columns(source, &reader);
	require_columns(&collector);
}

void
interactions_read(const char *source, Interactions *in)
{
	Collector collector = {.in = in};
	SourceReader reader = {.row = collect_row};

	interactions_check(source, in);
	describe_columns(&collector, &reader);
	source_read(source, &reader);
	in->rows_read = reader.rows_read;
	in->rows_skipped = reader.rows_skipped;

	if (in->need != NULL && in->coo.n > 0)
	{
		uint64 need = collector_need(&collector, in->coo.n);

		/* Past the limit entries were only counted: there is no going on, whatever the need has become meanwhile. */
		memory_require(collector.full ? Max(need, in->limit + 1) : need, in->limit,
					   in->what == NULL ? "training" : in->what);
	}
	in->customers = sort_ids(collector.columns[COLUMN_CUSTOMER].ids, in->memory, in->coo.row, in->coo.n);
	in->items = sort_ids(collector.columns[COLUMN_ITEM].ids, in->memory, in->coo.col, in->coo.n);
}

void
interactions_free_entries(Interactions *in)
{
	if (in->coo.row != NULL)
	{
		pfree(in->coo.row);
		pfree(in->coo.col);
	}
	if (in->coo.value != NULL)
		pfree(in->coo.value);
	if (in->late != NULL)
		pfree(in->late);
	if (in->time != NULL)
		pfree(in->time);
	memset(&in->coo, 0, sizeof(in->coo));
	in->late = NULL;
	in->time = NULL;
}

/* ---- pairs that sum to nothing ---- */

/* keep [n] becomes each index's new place, or -1. */
static void
number_kept(int32 *keep, int32 n)
{
	int32 kept = 0;

	for (int32 i = 0; i < n; i++)
		keep[i] = keep[i] ? kept++ : -1;
}

/* Entries whose customer or item is gone, out. */
static void
keep_placed(Interactions *in)
{
	int64 n = 0;

	for (int64 i = 0; i < in->coo.n; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		if (in->coo.row[i] < 0 || in->coo.col[i] < 0)
			continue;
		in->coo.row[n] = in->coo.row[i];
		in->coo.col[n] = in->coo.col[i];
		if (in->coo.value != NULL)
			in->coo.value[n] = in->coo.value[i];
		if (in->late != NULL)
			in->late[n] = in->late[i];
		if (in->time != NULL)
			in->time[n] = in->time[i];
		n++;
	}
	in->coo.n = n;
}

/* Where the customers and items of the pairs that are left will stand; -1: in none. */
static void
find_places(const Interactions *in, const Csr *pairs, InteractionsPlaces *places)
{
	places->customer = MemoryContextAllocExtended(in->memory, sizeof(int32) * ((Size) pairs->rows + 1),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	places->item = MemoryContextAllocExtended(in->memory, sizeof(int32) * ((Size) pairs->cols + 1),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int32 c = 0; c < pairs->rows; c++)
		places->customer[c] = pairs->start[c + 1] > pairs->start[c];
	for (int64 i = 0; i < in->pairs; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		places->item[pairs->col[i]] = 1;
	}
	number_kept(places->customer, pairs->rows);
	number_kept(places->item, pairs->cols);
}

/* The ids that have a place, and the entries that have them. */
static void
keep_used(Interactions *in, const InteractionsPlaces *places)
{
	idset_keep(in->customers, places->customer);
	idset_keep(in->items, places->item);
	interactions_renumber(in->coo.row, in->coo.n, places->customer);
	interactions_renumber(in->coo.col, in->coo.n, places->item);
	keep_placed(in);
}

static bool
pair_is_left(const Csr *pairs, int32 row, int32 col)
{
	int64 lo = pairs->start[row];
	int64 hi = pairs->start[row + 1];

	while (lo < hi)
	{
		int64 middle = lo + (hi - lo) / 2;

		if (pairs->col[middle] == col)
			return true;
		if (pairs->col[middle] < col)
			lo = middle + 1;
		else
			hi = middle;
	}
	return false;
}

/* Rows of the pairs that are left: neither returns nor what was wholly returned tells of repeats. */
static int64
count_purchases(const Interactions *in, const Csr *pairs)
{
	int64 n = 0;

	if (in->coo.value == NULL || in->rated)
		return in->coo.n;
	for (int64 i = 0; i < in->coo.n; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		n += in->coo.value[i] > 0 &&
			 (in->pairs_dropped == 0 || pair_is_left(pairs, in->coo.row[i], in->coo.col[i]));
	}
	return n;
}

/* The distinct pairs with a value above zero, and the counts. */
static Csr
merge_pairs(Interactions *in)
{
	Csr pairs = {.rows = in->customers->n, .cols = in->items->n};
	CooMerge merge;
	PgEnv env;

	env_init(&env, in->memory);
	pairs.start = MemoryContextAllocHuge(in->memory, sizeof(int64) * ((Size) pairs.rows + 1));
	pairs.col = MemoryContextAllocHuge(in->memory, sizeof(int32) * Max((Size) in->coo.n, 1));
	env_check(&env, csr_from_coo(&env.base, &in->coo, NULL, NULL, &pairs, &merge), "merging repeated pairs");
	in->rows_merged = merge.merged;
	in->pairs_dropped = merge.dropped;
	in->pairs = csr_entries(&pairs);
	in->purchases = count_purchases(in, &pairs);
	return pairs;
}

void
interactions_settle(Interactions *in)
{
	Csr pairs;

	if (in->coo.n == 0 && in->who == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no rows to train on"),
				 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them skipped for a NULL.",
						   in->rows_read, in->rows_skipped)));
	pairs = merge_pairs(in);
	if (in->pairs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has no pair of %s and item with a value above zero",
						in->who != NULL ? in->who : "customer"),
				 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them skipped for a NULL.",
						   in->rows_read, in->rows_skipped)));
	if (in->pairs_dropped > 0)
	{
		InteractionsPlaces places;

		find_places(in, &pairs, &places);
		keep_used(in, &places);
		pfree(places.customer);
		pfree(places.item);
	}
	pfree(pairs.start);
	pfree(pairs.col);
}

/* ---- parts ---- */

static int64
count_entries(const Interactions *in, CooKeep keep, const void *arg)
{
	int64 n = 0;

	for (int64 i = 0; i < in->coo.n; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		n += keep(&in->coo, i, arg);
	}
	return n;
}

/* Entries in arrays of their own; time NULL: without times. */
static Coo
copy_entries(const Interactions *in, CooKeep keep, const void *arg, int64 **time)
{
	Coo out = {.average = in->coo.average};
	int64 n = count_entries(in, keep, arg);
	bool timed = time != NULL && in->time != NULL;

	out.row = memory_huge(n, sizeof(int32));
	out.col = memory_huge(n, sizeof(int32));
	out.value = in->coo.value != NULL ? memory_huge(n, sizeof(float)) : NULL;
	if (time != NULL)
		*time = timed ? memory_huge(n, sizeof(int64)) : NULL;
	for (int64 i = 0; i < in->coo.n; i++)
	{
		if (unlikely(i % STRETCH == 0))
			CHECK_FOR_INTERRUPTS();
		if (!keep(&in->coo, i, arg))
			continue;
		out.row[out.n] = in->coo.row[i];
		out.col[out.n] = in->coo.col[i];
		if (out.value != NULL)
			out.value[out.n] = in->coo.value[i];
		if (timed)
			(*time)[out.n] = in->time[i];
		out.n++;
	}
	return out;
}

/* What has no place gets one behind the others. */
static void
place_others(int32 *place, int32 n, int32 next)
{
	for (int32 i = 0; i < n; i++)
		if (place[i] < 0)
			place[i] = next++;
}

Interactions
interactions_part(const Interactions *in, CooKeep keep, const void *arg, InteractionsPlaces *places)
{
	Interactions out = *in;
	Csr pairs;

	out.memory = CurrentMemoryContext;
	out.late = NULL;
	out.late_after.set = false;
	out.coo = copy_entries(in, keep, arg, &out.time);
	out.customers = idset_copy(in->customers, out.memory);
	out.items = idset_copy(in->items, out.memory);
	pairs = merge_pairs(&out);
	find_places(&out, &pairs, places);
	keep_used(&out, places);
	place_others(places->customer, in->customers->n, out.customers->n);
	place_others(places->item, in->items->n, out.items->n);
	pfree(pairs.start);
	pfree(pairs.col);
	return out;
}

Coo
interactions_placed(const Interactions *in, CooKeep keep, const void *arg, const InteractionsPlaces *places)
{
	Coo out = copy_entries(in, keep, arg, NULL);

	interactions_renumber(out.row, out.n, places->customer);
	interactions_renumber(out.col, out.n, places->item);
	return out;
}

uint64
interactions_ids_bytes(const Interactions *in)
{
	return memory_add(idset_bytes(in->customers), idset_bytes(in->items));
}

ModelMetric
interactions_repeat_share(const Interactions *in)
{
	return (ModelMetric){.metric = "repeat_share",
						 .split = "rows of a pair that came before",
						 .value = (double) (in->purchases - in->pairs) / in->purchases,
						 .low = NAN,
						 .high = NAN,
						 .n = in->purchases};
}
