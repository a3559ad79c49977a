/*
 * orders.h - order rows of a source as orders by customer and time
 *
 * Rows may come in any order, one per order or one per order line.  What makes rows one order is said by the caller: an id
 * of its own, or the same customer and the same time (or day).
 */
#ifndef PROMOAI_API_ORDERS_H
#define PROMOAI_API_ORDERS_H

#include "postgres.h"

#include "pgtime.h"

#include "bridge/args.h"
#include "bridge/ids.h"
#include "bridge/source.h"
#include "core/segment/order_lists.h"

/* What a row is held against and added to: together, since rows come in any order and each touches one of them. */
typedef struct CustomerTally
{
	int64 latest; /* the customer's latest order in the log, -1 */
	int64 latest_at;
	double total, total_low; /* sum of amounts, a pair */
	double largest; /* amount, by size */
	int64 rows;
} CustomerTally;

typedef struct OrderLog
{
	/* set by the caller */
	MemoryContext memory;
	uint64 limit; /* bytes */
	const char *what; /* completes "... needs 81 MB of memory" */
	bool with_ids; /* orders have ids: row by row their index comes to order_log_add */
	bool with_amounts; /* amounts are kept by order, not only by customer */
	uint64 (*beside)(const void *arg, uint64 customers,
					 uint64 orders); /* bytes of the work to come; NULL: none */
	const void *beside_arg;

	/* while rows come */
	IdTable *ids; /* of the customers, the reader's */
	int64 n; /* orders, those of one customer and time not yet merged */
	int64 room;
	int32 *customer; /* [room] */
	int64 *at; /* [room] */
	double *amount; /* [room] with_amounts; sums as pairs (core/pair_sum.h) */
	double *amount_low; /* [room] */
	int64 *order_of_id; /* [id_room] with_ids: -1 for ids without an order */
	int64 id_room;
	int64 customer_room;
	int64 n_left_out;
	CustomerTally *tally; /* [customer_room] */

	/* settled: customers in canonical order, those without an order left out */
	IdSet *customers;
	OrderLists lists;
	double *total; /* [customers] sum of amounts */
	double *rounding; /* [customers] what such a sum may be off by; gone in the end */
	int32 *place; /* [as they were numbered while rows came] each customer's number now, -1 */
} OrderLog;

/* One row.  order: its id's index, or -1; an id that belongs to several customers ends in an error. */
extern void order_log_add(OrderLog *log, int32 customer, int64 order, int64 at, double amount);

/* One row that is left out: nothing is kept of it but its ids, which the reader has put into its tables (`ids`: customers'). */
extern void order_log_leave_out(OrderLog *log, IdTable *ids);

/* All rows have come: fill customers, lists, total and place.  Frees what is not needed. */
extern void order_log_settle(OrderLog *log, IdTable *ids);

/* The columns (id text, id_no bigint) of an answer. */
extern void put_customer(const IdSet *customers, int32 customer, Datum *values, bool *nulls);

/* The time zone that the argument "time_zone" names, the session's when NULL. */
extern pg_tz *time_zone_argument(const Args *args);

/* The day of a moment in a zone, in days from 2000-01-01. */
extern int32 day_in_zone(TimestampTz at, pg_tz *zone);

/* The first moment of a day in a zone. */
extern TimestampTz day_start(int32 day, pg_tz *zone);

/* ERROR when a time option is infinite. */
extern void require_finite_time(const OptionTime *time, const char *argument);

#endif
