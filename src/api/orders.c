/*
 * orders.c - order rows of a source as orders by customer and time
 *
 * Lines of one order mostly follow one another, so a row is first held against its customer's latest order: lines cost
 * no memory then.  What is still double is merged once all rows are there and sorted.
 *
 * Memory: 12 bytes an order (28 with amounts) and 48 a customer while rows come; 8 (16) an order and what sorting takes
 * beside them at the end.  Arrays grow by half.  Counted whenever they grow.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/orders.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/testpoint.h"
#include "core/pair_sum.h"

#define FIRST_ROOM 4096
#define LEFT_OUT_STRETCH 4096 /* rows left out between two looks at what their ids take */

/* ---- rows ---- */

/* Bytes of all that log and caller hold at the peak. */
static uint64
log_need(const OrderLog *log, uint64 customers, uint64 orders)
{
	uint64 order = sizeof(int32) + sizeof(int64) + (log->with_amounts ? 2 * sizeof(double) : 0);
	uint64 settled = sizeof(int64) + (log->with_amounts ? 2 * sizeof(double) : 0);
	uint64 customer = sizeof(CustomerTally) + 2 * sizeof(int64) + 2 * sizeof(double) + sizeof(int32);
	uint64 need = memory_add(memory_mul(orders, order + settled), memory_mul(customers, customer));

	need = memory_add(need, memory_mul(log->id_room, sizeof(int64)));

	if (log->ids != NULL)
		need = memory_add(need, memory_add(ids_memory(log->ids), ids_sort_memory(log->ids)));
	if (log->beside != NULL)
		need = memory_add(need, log->beside(log->beside_arg, customers, orders));
	return need;
}

static void *
grow(void *array, MemoryContext memory, Size bytes)
{
	return array == NULL ? MemoryContextAllocHuge(memory, bytes) : repalloc_huge(array, bytes);
}

static void
grow_orders(OrderLog *log)
{
	int64 room = log->room == 0 ? FIRST_ROOM : log->room + log->room / 2;

	if (log->room > 0)
		memory_require(log_need(log, log->customer_room, room), log->limit, log->what);
	log->customer = grow(log->customer, log->memory, sizeof(int32) * room);
	log->at = grow(log->at, log->memory, sizeof(int64) * room);
	if (log->with_amounts)
	{
		log->amount = grow(log->amount, log->memory, sizeof(double) * room);
		log->amount_low = grow(log->amount_low, log->memory, sizeof(double) * room);
	}
	log->room = room;
}

static void
grow_customers(OrderLog *log, int32 customer)
{
	int64 room = Max(log->customer_room == 0 ? FIRST_ROOM : log->customer_room + log->customer_room / 2,
					 (int64) customer + 1);

	if (log->customer_room > 0)
		memory_require(log_need(log, room, log->room), log->limit, log->what);
	log->tally = grow(log->tally, log->memory, sizeof(CustomerTally) * room);
	for (int64 c = log->customer_room; c < room; c++)
		log->tally[c] = (CustomerTally){.latest = -1};
	log->customer_room = room;
}

static void
append_order(OrderLog *log, int32 customer, int64 at)
{
	if (unlikely(log->n == log->room))
		grow_orders(log);
	log->customer[log->n] = customer;
	log->at[log->n] = at;
	if (log->with_amounts)
		log->amount[log->n] = log->amount_low[log->n] = 0;
	log->tally[customer].latest = log->n;
	log->tally[customer].latest_at = at;
	log->n++;
}

/* The place of the order with this id.  Rows that are left out have ids, too: not every id has an order. */
static int64
order_by_id(OrderLog *log, int32 customer, int64 order, int64 at)
{
	int64 place;

	if (order >= log->id_room)
	{
		int64 room = Max(log->id_room + log->id_room / 2, order + FIRST_ROOM);

		log->order_of_id = grow(log->order_of_id, log->memory, sizeof(int64) * room);
		for (int64 i = log->id_room; i < room; i++)
			log->order_of_id[i] = -1;
		log->id_room = room;
	}
	if (log->order_of_id[order] < 0)
	{
		log->order_of_id[order] = log->n;
		append_order(log, customer, at);
	}
	place = log->order_of_id[order];
	if (log->customer[place] != customer)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("source has an order of two customers, \"%s\" and \"%s\"",
							   ids_text(log->ids, log->customer[place]), ids_text(log->ids, customer)),
						errhint("Orders are told apart by order_id: each belongs to one customer.")));
	log->at[place] = Min(log->at[place], at);
	return place;
}

void
order_log_add(OrderLog *log, int32 customer, int64 order, int64 at, double amount)
{
	CustomerTally *tally;
	int64 place;

	if (unlikely(customer >= log->customer_room))
		grow_customers(log, customer);
	tally = &log->tally[customer];
	if (log->with_ids)
		place = order_by_id(log, customer, order, at);
	else
	{
		if (tally->latest < 0 || tally->latest_at != at)
			append_order(log, customer, at);
		place = tally->latest;
	}
	if (log->with_amounts)
		pair_sum_add(&log->amount[place], &log->amount_low[place], amount);
	pair_sum_add(&tally->total, &tally->total_low, amount);
	tally->largest = Max(tally->largest, fabs(amount));
	tally->rows++;
}

void
order_log_leave_out(OrderLog *log, IdTable *ids)
{
	log->ids = ids;
	if (unlikely(++log->n_left_out % LEFT_OUT_STRETCH == 0))
		memory_require(log_need(log, Max(log->customer_room, ids_count(ids)), log->room), log->limit,
					   log->what);
}

/* ---- settling ---- */

/*
 * What may be left of a sum of nought by double precision, which holds few decimal fractions: 1.1 + 2.2 - 3.3 is 4e-16 there.
 * The sum itself loses nothing.
 */
static double
rounding_of(const CustomerTally *tally)
{
	return (double) tally->rows *
		   (tally->largest * (DBL_EPSILON / 2)); /* in this order, or it may be infinite */
}

/* Totals and customers' numbers in canonical order; those without an order go. */
static void
settle_customers(OrderLog *log, IdTable *ids)
{
	int32 n = ids_count(ids);
	int32 *rank = MemoryContextAllocHuge(log->memory, sizeof(int32) * Max((Size) n, 1));
	int32 *kept = MemoryContextAllocHuge(log->memory, sizeof(int32) * Max((Size) n, 1));
	double *total = MemoryContextAllocHuge(log->memory, sizeof(double) * Max((Size) n, 1));
	double *rounding = MemoryContextAllocHuge(log->memory, sizeof(double) * Max((Size) n, 1));
	int32 customers = 0;

	log->customers = ids_sort(ids, log->memory, rank);
	for (int32 c = 0; c < n; c++)
		kept[rank[c]] = c < log->customer_room && log->tally[c].latest >= 0 ? 1 : -1;
	for (int32 c = 0; c < n; c++)
		if (kept[c] >= 0)
			kept[c] = customers++;
	for (int32 c = 0; c < n; c++)
	{
		rank[c] = kept[rank[c]];
		if (rank[c] < 0)
			continue;
		total[rank[c]] = log->tally[c].total + log->tally[c].total_low;
		rounding[rank[c]] = rounding_of(&log->tally[c]);
		if (fabs(total[rank[c]]) <= rounding[rank[c]])
			total[rank[c]] = 0;
	}
	if (customers < n)
		idset_keep(log->customers, kept);
	pfree(kept);
	if (log->tally != NULL)
		pfree(log->tally);
	log->total = total;
	log->rounding = rounding;
	log->place = rank;
	log->lists.customers = customers;
}

static void
check_totals(const OrderLog *log)
{
	for (int32 c = 0; c < log->customers->n; c++)
		if (!isfinite(log->total[c]))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("amounts of customer \"%s\" sum to more than a number can hold",
								   idset_text(log->customers, c))));
}

/* Orders of nothing but rounding are of nothing. */
static void
clear_rounding(OrderLog *log)
{
	OrderLists *lists = &log->lists;

	for (int32 c = 0; c < lists->customers; c++)
	{
		if (unlikely(c % (1 << 14) == 0))
			CHECK_FOR_INTERRUPTS();
		for (int64 i = lists->start[c]; i < lists->start[c + 1]; i++)
			if (fabs(lists->amount[i]) <= log->rounding[c])
				lists->amount[i] = 0;
	}
}

void
order_log_settle(OrderLog *log, IdTable *ids)
{
	OrderLists *lists = &log->lists;
	PgEnv env;

	if (log->room > 0)
		memory_require(log_need(log, ids_count(ids), log->n), log->limit, log->what);
	settle_customers(log, ids);
	check_totals(log);
	for (int64 i = 0; i < log->n; i++)
	{
		if (unlikely(i % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		log->customer[i] = log->place[log->customer[i]];
	}
	lists->start = MemoryContextAllocHuge(log->memory, sizeof(int64) * ((Size) lists->customers + 1));
	lists->at = MemoryContextAllocHuge(log->memory, sizeof(int64) * Max((Size) log->n, 1));
	if (log->with_amounts)
		lists->amount = MemoryContextAllocHuge(log->memory, sizeof(double) * Max((Size) log->n, 1));
	env_init(&env, log->memory);
	env_check(&env,
			  order_lists_fill(&env.base, log->n, log->customer, log->at, log->amount, log->amount_low,
							   !log->with_ids, lists),
			  "sorting orders");
	if (log->with_amounts)
		clear_rounding(log);
	pfree(log->rounding);
	if (log->n > 0)
	{
		pfree(log->customer);
		pfree(log->at);
	}
	if (log->amount != NULL)
	{
		pfree(log->amount);
		pfree(log->amount_low);
	}
	if (log->order_of_id != NULL)
		pfree(log->order_of_id);
	test_point("solving");
}

/* ---- what all answers have ---- */

void
put_customer(const IdSet *customers, int32 customer, Datum *values, bool *nulls)
{
	IdKey key = idset_key(customers, customer);

	values[0] = CStringGetTextDatum(id_text(&key));
	values[1] = Int64GetDatum(key.number);
	nulls[1] = customers->kind != ID_INTEGER;
}

pg_tz *
time_zone_argument(const Args *args)
{
	char *name = args_text_or_null(args, "time_zone");
	pg_tz *zone = name == NULL ? session_timezone : pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"time_zone\": time zone \"%s\" not recognized", args_quoted(name)),
						errhint("Names are listed in pg_timezone_names, such as 'Asia/Shanghai'.")));
	return zone;
}

int32
day_in_zone(TimestampTz at, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t fraction;
	int offset;

	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, zone) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

TimestampTz
day_start(int32 day, pg_tz *zone)
{
	struct pg_tm tm = {0};
	TimestampTz at;
	int offset;

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &offset, &at) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	return at;
}

void
require_finite_time(const OptionTime *time, const char *argument)
{
	if (time->set && TIMESTAMP_NOT_FINITE(time->at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be a finite time", argument)));
}
