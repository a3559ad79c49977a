/*
 * customer_sides.c - events, coupons and reviews summed by customer, each in one pass
 *
 * Memory: 48 bytes a customer of the source, the ids of customers and kinds of events, and 16 to 43 bytes (while the table
 * grows and is put together some 100) for each of their pairs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/customer_sides.h"
#include "bridge/memory.h"
#include "core/pair_sum.h"

#define FIRST_ROOM 4096
#define STRETCH 4096 /* rows between two looks at what ids take */

enum
{
	COLUMN_CUSTOMER,
	COLUMN_TIME,
	COLUMN_THIRD,
	N_COLUMNS
};

typedef struct SideReading
{
	SideKind kind;
	Side *side;
	TimestampTz as_of;
	uint64 limit;
	uint64 held; /* bytes of it that are taken by others */
	SourceColumn columns[N_COLUMNS];
	bool *nulls;
	SourceReader reader;
	SideSums *sums; /* [room] by the source's own customers */
	int64 room;
} SideReading;

static const char *const side_names[] = {
	[SIDE_EVENTS] = "reading events", [SIDE_COUPONS] = "reading coupons", [SIDE_REVIEWS] = "reading reviews"};

static void
describe(SideReading *reading)
{
	static const SourceColumn columns[N_SIDES][N_COLUMNS] = {
		[SIDE_EVENTS] = {{.name = "customer", .kind = SOURCE_ID},
						 {.name = "happened_at", .kind = SOURCE_TIME},
						 {.name = "event", .kind = SOURCE_ID, .optional = true, .nullable = true}},
		[SIDE_COUPONS] = {{.name = "customer", .kind = SOURCE_ID},
						  {.name = "received_at", .kind = SOURCE_TIME},
						  {.name = "used_at", .kind = SOURCE_TIME, .optional = true, .nullable = true}},
		[SIDE_REVIEWS] = {{.name = "customer", .kind = SOURCE_ID},
						  {.name = "reviewed_at", .kind = SOURCE_TIME},
						  {.name = "rating", .kind = SOURCE_NUMBER, .optional = true, .nullable = true}},
	};

	memcpy(reading->columns, columns[reading->kind], sizeof(reading->columns));
}

/* Ids, and what their sorting takes. */
static uint64
ids_need(const SideReading *reading)
{
	uint64 need = 0;

	for (int c = 0; c < N_COLUMNS; c++)
	{
		const IdTable *ids = reading->columns[c].ids;

		if (ids != NULL)
			need = memory_add(need, memory_add(ids_memory(ids), ids_sort_memory(ids)));
	}
	return need;
}

/* `bytes` beside the customers' sums and the ids. */
static void
require(void *arg, uint64 bytes)
{
	SideReading *reading = arg;
	uint64 need = memory_add(bytes, memory_mul(reading->room, sizeof(SideSums)));

	memory_require(memory_add(reading->held, memory_add(need, ids_need(reading))), reading->limit,
				   side_names[reading->kind]);
}

static void
make_room(SideReading *reading, int32 customer)
{
	int64 room = reading->room == 0 ? FIRST_ROOM : Max(reading->room + reading->room / 2, customer + 1);
	Size bytes = sizeof(SideSums) * room;

	require(reading,
			memory_add(memory_mul(room, sizeof(SideSums)), pair_counts_memory(&reading->side->types)));
	reading->sums = reading->sums == NULL ? MemoryContextAllocHuge(CurrentMemoryContext, bytes)
										  : repalloc_huge(reading->sums, bytes);
	memset(reading->sums + reading->room, 0, sizeof(SideSums) * (room - reading->room));
	reading->room = room;
}

/* What the third column says, when it says something. */
static void
add_third(SideReading *reading, SideSums *sums, const SourceValue *values)
{
	switch (reading->kind)
	{
		case SIDE_EVENTS:
			pair_counts_add(&reading->side->types, values[COLUMN_CUSTOMER].index, values[COLUMN_THIRD].index,
							require, reading);
			sums->with_third++;
			break;
		case SIDE_COUPONS:
			if (values[COLUMN_THIRD].time > reading->as_of)
				return;
			pair_sum_add(&sums->sum, &sums->sum_low,
						 ((double) values[COLUMN_THIRD].time - (double) values[COLUMN_TIME].time) /
							 USECS_PER_DAY);
			sums->with_third++;
			break;
		default:
			pair_sum_add(&sums->sum, &sums->sum_low, values[COLUMN_THIRD].number);
			sums->with_third++;
	}
}

static void
add_row(void *arg, const SourceValue *values)
{
	SideReading *reading = arg;
	int32 customer = values[COLUMN_CUSTOMER].index;
	TimestampTz at = values[COLUMN_TIME].time;
	SideSums *sums;
	MemoryContext caller;

	/* ids grow with rows that are left out, too */
	if (unlikely(reading->reader.rows_read % STRETCH == 0))
		require(reading, pair_counts_memory(&reading->side->types));
	if (at > reading->as_of)
		return;
	caller = MemoryContextSwitchTo(reading->reader.memory);
	if (unlikely(customer >= reading->room))
		make_room(reading, customer);
	sums = &reading->sums[customer];
	sums->latest = sums->n == 0 ? at : Max(sums->latest, at);
	sums->n++;
	if (reading->columns[COLUMN_THIRD].attno != 0 && !reading->reader.nulls[COLUMN_THIRD])
		add_third(reading, sums, values);
	MemoryContextSwitchTo(caller);
}

/* Each of the source's customers: their number among those of the orders, -1. */
static int32 *
match(SideReading *reading, const IdSet *customers, int64 *strangers)
{
	IdTable *ids = reading->columns[COLUMN_CUSTOMER].ids;
	int32 n = ids_count(ids);
	int32 *rank = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max((Size) n, 1));
	int32 *found = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max((Size) n, 1));
	IdSet *own = ids_sort(ids, CurrentMemoryContext, rank);

	*strangers = 0;
	for (int32 i = 0; i < n; i++)
	{
		IdKey key = idset_key(own, i);
		IdKey wanted = id_convert(&key, customers->kind, "a customer of the source");

		CHECK_FOR_INTERRUPTS();
		found[i] = idset_find(customers, &wanted);
		*strangers += found[i] < 0;
	}
	for (int32 c = 0; c < n; c++)
		rank[c] = found[rank[c]];
	pfree(found);
	return rank;
}

void
side_read(SideKind kind, const char *source, const IdSet *customers, TimestampTz as_of, uint64 limit,
		  uint64 *held, Side *side)
{
	SideReading *reading = palloc0(sizeof(SideReading));
	int32 *place;
	int64 strangers;

	*reading = (SideReading){.kind = kind, .side = side, .as_of = as_of, .limit = limit, .held = *held};
	describe(reading);
	reading->reader = (SourceReader){.columns = reading->columns,
									 .n_columns = N_COLUMNS,
									 .memory = CurrentMemoryContext,
									 .row = add_row,
									 .arg = reading};
	side->given = true;
	side->types.memory = CurrentMemoryContext;
	source_read(source, &reading->reader);
	side->has_third = reading->columns[COLUMN_THIRD].attno != 0;
	require(reading,
			memory_add(memory_mul(customers->n, sizeof(SideSums)), pair_counts_memory(&side->types)));
	side->sums =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(SideSums) * Max((Size) customers->n, 1),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	place = match(reading, customers, &strangers);
	for (int32 c = 0; c < ids_count(reading->columns[COLUMN_CUSTOMER].ids) && c < reading->room; c++)
		if (place[c] >= 0)
			side->sums[place[c]] = reading->sums[c];
	if (kind == SIDE_EVENTS && side->has_third)
		pair_counts_settle(&side->types, place, customers->n, reading->columns[COLUMN_THIRD].ids);
	if (strangers > 0)
		ereport(NOTICE, (errmsg("%s: " INT64_FORMAT " customers without orders are left out",
								side_names[kind], strangers)));
	if (reading->sums != NULL)
		pfree(reading->sums);
	pfree(place);
	*held = memory_add(*held, memory_mul(customers->n, sizeof(SideSums)));
	*held = memory_add(*held, memory_add(ids_need(reading), pair_counts_memory(&side->types)));
}
