/*
 * daily.c - promo_daily: order lines as a row for every listed item and day, zeros included
 *
 * Order lines know no day without a sale.  Averages over them are averages over days on which something was sold, and
 * the slower an item sells the more they hide: a promotion that doubles sales of 0.3 a day seems to bring a seventh.
 *
 * Lines are read into memory and sorted by item, day and amounts, so sums do not depend on the order of rows.  Then each
 * item's days from the first to the last asked for are walked along its sorted lines.  When an item is listed comes from a
 * second source; without one every item that was ever sold is taken as listed on all days.
 *
 * Memory: 24 bytes a line and what sorting takes; the answer itself goes to a tuplestore, which spills to disk.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "api/table.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/promote/design.h"

#define MOST_DAYS 36525 /* a hundred years */

enum
{
	SALE_ITEM,
	SALE_DAY,
	SALE_QUANTITY,
	SALE_REVENUE,
	SALE_COLUMNS
};

enum
{
	LISTED_ITEM,
	LISTED_FIRST,
	LISTED_LAST,
	LISTED_COLUMNS
};

typedef struct Daily
{
	Table sales;
	Table listings; /* its n is 0 without a second source */
	bool has_listings;
	int32 first, last; /* days */

	/* items: those sold in canonical order, then those listed and never sold */
	int32 n_sold;
	int32 n_items;
	int32 *never_sold; /* [n_items - n_sold] items of the listings */
	int64 *start; /* [n_items + 1] where an item's listings start in order */
	int64 *order; /* [listings.n] rows of the listings by item */

	/* one item's days, [days] each */
	int32 days;
	double *quantity;
	double *revenue;
	int64 *lines;
	bool *listed;
} Daily;

/* ---- reading ---- */

static pg_tz *
zone_argument(const Args *args)
{
	char *name = args_text_or_null(args, "time_zone");
	pg_tz *zone = name == NULL ? session_timezone : pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"time_zone\": time zone \"%s\" not recognized", args_quoted(name)),
						errhint("Names are listed in pg_timezone_names, such as 'Asia/Shanghai'.")));
	return zone;
}

static uint64
sort_need(const void *arg, uint64 rows)
{
	return design_scratch_bytes((int64) rows);
}

static void
read_sales(Daily *daily, const char *source)
{
	static const SourceColumn columns[SALE_COLUMNS] = {
		[SALE_ITEM] = {.name = "item", .kind = SOURCE_ID},
		[SALE_DAY] = {.name = "day", .kind = SOURCE_DAY},
		[SALE_QUANTITY] = {.name = "quantity", .kind = SOURCE_NUMBER},
		[SALE_REVENUE] = {.name = "revenue", .kind = SOURCE_NUMBER, .optional = true},
	};

	daily->sales.columns = palloc(sizeof(columns));
	memcpy(daily->sales.columns, columns, sizeof(columns));
	daily->sales.n_columns = SALE_COLUMNS;
	daily->sales.what = "reading sales";
	daily->sales.need = sort_need;
	table_read(source, &daily->sales);
	table_note_skipped(&daily->sales);
}

static void
check_listings(const Table *listings)
{
	const int32 *first = listings->day[LISTED_FIRST];
	const int32 *last = listings->day[LISTED_LAST];
	int32 worst = PG_INT32_MAX; /* the first item, whatever the order of rows */

	if (first == NULL || last == NULL)
		return;
	for (int64 i = 0; i < listings->n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (!listings->is_null[LISTED_FIRST][i] && !listings->is_null[LISTED_LAST][i] && first[i] > last[i])
			worst = Min(worst, listings->index[LISTED_ITEM][i]);
	}
	if (worst < PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"listed\": the last day of item \"%s\" lies before its first",
							   table_key_text(listings, LISTED_ITEM, worst))));
}

static void
read_listings(Daily *daily, const char *source)
{
	static const SourceColumn columns[LISTED_COLUMNS] = {
		[LISTED_ITEM] = {.name = "item", .kind = SOURCE_ID},
		[LISTED_FIRST] = {.name = "first_day", .kind = SOURCE_DAY, .optional = true, .nullable = true},
		[LISTED_LAST] = {.name = "last_day", .kind = SOURCE_DAY, .optional = true, .nullable = true},
	};

	daily->listings.columns = palloc(sizeof(columns));
	memcpy(daily->listings.columns, columns, sizeof(columns));
	daily->listings.n_columns = LISTED_COLUMNS;
	daily->listings.what = "reading what is listed";
	table_read(source, &daily->listings);
	check_listings(&daily->listings);
	daily->has_listings = true;
}

/* The days asked for; without an argument the first and the last that occur. */
static void
choose_days(Daily *daily, const Args *args)
{
	int32 first = PG_INT32_MAX;
	int32 last = PG_INT32_MIN;

	for (int64 i = 0; i < daily->sales.n; i++)
	{
		first = Min(first, daily->sales.day[SALE_DAY][i]);
		last = Max(last, daily->sales.day[SALE_DAY][i]);
	}
	daily->first =
		args_null(args, "first_day") ? first : DatumGetDateADT(args_datum(args, "first_day", NULL));
	daily->last = args_null(args, "last_day") ? last : DatumGetDateADT(args_datum(args, "last_day", NULL));
}

static void
check_days(const Args *args)
{
	DateADT days[2] = {0, 0};
	static const char *const names[] = {"first_day", "last_day"};

	for (int i = 0; i < 2; i++)
	{
		if (args_null(args, names[i]))
			continue;
		days[i] = DatumGetDateADT(args_datum(args, names[i], NULL));
		if (DATE_NOT_FINITE(days[i]))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"%s\" must be a finite date", names[i])));
	}
	if (!args_null(args, names[0]) && !args_null(args, names[1]) && days[0] > days[1])
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"first_day\" must not be after \"last_day\"")));
}

/* Lines by item and day, those of one day by quantity and revenue.  (Days before 2000 stand behind: no matter.) */
static void
sort_sales(Daily *daily)
{
	Table *sales = &daily->sales;
	bool has_revenue = sales->number[SALE_REVENUE] != NULL;
	int32 *groups[] = {sales->index[SALE_ITEM], sales->day[SALE_DAY]};
	int32 levels[] = {0, 0};
	double *columns[] = {sales->number[SALE_QUANTITY], sales->number[SALE_REVENUE]};
	Design design = {.n = sales->n,
					 .n_groups = 2,
					 .group = groups,
					 .levels = levels,
					 .n_columns = has_revenue ? 2 : 1,
					 .column = columns};
	PgEnv env;

	env_init(&env, sales->memory);
	env_check(&env, design_sort(&env.base, &design), "sorting sales");
}

/* ---- what is listed when ---- */

/* The item's number for each item of the listings, in place [listings' items]. */
static void
match_items(Daily *daily, int32 *place)
{
	const IdSet *sold = daily->sales.n > 0 ? daily->sales.ids[SALE_ITEM] : NULL;
	const IdSet *listed = daily->listings.ids[LISTED_ITEM];

	if (sold != NULL && sold->kind != listed->kind)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("items of argument \"listed\" are of kind %s, those of \"source\" of kind %s",
							   id_kind_name(listed->kind), id_kind_name(sold->kind)),
						errhint("Cast one of the two.")));
	daily->never_sold = palloc(sizeof(int32) * Max(listed->n, 1));
	for (int32 i = 0; i < listed->n; i++)
	{
		IdKey key = idset_key(listed, i);

		place[i] = sold == NULL ? -1 : idset_find(sold, &key);
		if (place[i] < 0)
		{
			daily->never_sold[daily->n_items - daily->n_sold] = i;
			place[i] = daily->n_items++;
		}
	}
}

static void
order_listings(Daily *daily)
{
	Table *listings = &daily->listings;
	int32 *place;

	daily->n_sold = daily->sales.n > 0 ? daily->sales.ids[SALE_ITEM]->n : 0;
	daily->n_items = daily->n_sold;
	if (listings->n == 0)
	{
		daily->start = palloc0(sizeof(int64) * ((Size) daily->n_items + 1));
		return;
	}
	place = palloc(sizeof(int32) * listings->ids[LISTED_ITEM]->n);
	match_items(daily, place);
	daily->start = palloc0(sizeof(int64) * ((Size) daily->n_items + 2));
	daily->order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * (Size) listings->n);

	/* counting sort: start is shifted by two while counting, by one while placing */
	for (int64 i = 0; i < listings->n; i++)
		daily->start[place[listings->index[LISTED_ITEM][i]] + 2]++;
	for (int32 i = 1; i < daily->n_items + 1; i++)
		daily->start[i + 1] += daily->start[i];
	for (int64 i = 0; i < listings->n; i++)
		daily->order[daily->start[place[listings->index[LISTED_ITEM][i]] + 1]++] = i;
}

/* A bound of row i of the listings, open where the column or the value is not there. */
static int32
listing_bound(const Daily *daily, int column, int64 i, int32 open)
{
	const Table *listings = &daily->listings;

	if (listings->day[column] == NULL || listings->is_null[column][i])
		return open;
	return listings->day[column][i];
}

static void
mark_listed(Daily *daily, int32 item)
{
	memset(daily->listed, !daily->has_listings, daily->days);
	for (int64 l = daily->start[item]; daily->has_listings && l < daily->start[item + 1]; l++)
	{
		int64 row = daily->order[l];
		int64 from = Max(listing_bound(daily, LISTED_FIRST, row, daily->first), daily->first);
		int64 to = Min(listing_bound(daily, LISTED_LAST, row, daily->last), daily->last);

		if (from <= to)
			memset(daily->listed + (from - daily->first), true, to - from + 1);
	}
}

/* ---- the answer ---- */

/* Add up the lines of one item from row *at on; *at moves behind them. */
static void
add_lines(Daily *daily, int32 item, int64 *at)
{
	const Table *sales = &daily->sales;

	memset(daily->quantity, 0, sizeof(double) * daily->days);
	memset(daily->revenue, 0, sizeof(double) * daily->days);
	memset(daily->lines, 0, sizeof(int64) * daily->days);
	for (; *at < sales->n && sales->index[SALE_ITEM][*at] == item; (*at)++)
	{
		int64 day = (int64) sales->day[SALE_DAY][*at] - daily->first;

		if (unlikely(*at % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (day < 0 || day >= daily->days)
			continue;
		daily->quantity[day] += sales->number[SALE_QUANTITY][*at];
		if (sales->number[SALE_REVENUE] != NULL)
			daily->revenue[day] += sales->number[SALE_REVENUE][*at];
		daily->lines[day]++;
	}
}

/* Rows (item, item_no, day, quantity, revenue, lines, is_listed). */
static void
put_item(Daily *daily, int32 item, ReturnSetInfo *rows)
{
	bool sold = item < daily->n_sold;
	IdKey key = sold ? idset_key(daily->sales.ids[SALE_ITEM], item)
					 : idset_key(daily->listings.ids[LISTED_ITEM], daily->never_sold[item - daily->n_sold]);
	Datum values[7];
	bool nulls[7] = {0};

	values[0] = CStringGetTextDatum(id_text(&key));
	values[1] = Int64GetDatum(key.number);
	nulls[1] = key.kind != ID_INTEGER;
	nulls[4] = daily->sales.columns[SALE_REVENUE].attno == 0;
	for (int32 day = 0; day < daily->days; day++)
	{
		if (!daily->listed[day] && daily->lines[day] == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (!isfinite(daily->quantity[day]) || !isfinite(daily->revenue[day]))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("the sums of item \"%s\" grew out of range", id_text(&key))));
		values[2] = DateADTGetDatum(daily->first + day);
		values[3] = Float8GetDatum(daily->quantity[day]);
		values[4] = Float8GetDatum(daily->revenue[day]);
		values[5] = Int64GetDatum(daily->lines[day]);
		values[6] = BoolGetDatum(daily->listed[day]);
		rows_put(rows, values, nulls);
	}
}

static void
put_items(Daily *daily, ReturnSetInfo *rows)
{
	MemoryContext per_item =
		AllocSetContextCreate(CurrentMemoryContext, "promoai item", ALLOCSET_DEFAULT_SIZES);
	int64 at = 0;

	daily->days = daily->last - daily->first + 1;
	daily->quantity = palloc(sizeof(double) * daily->days);
	daily->revenue = palloc(sizeof(double) * daily->days);
	daily->lines = palloc(sizeof(int64) * daily->days);
	daily->listed = palloc(sizeof(bool) * daily->days);
	for (int32 item = 0; item < daily->n_items; item++)
	{
		MemoryContext caller = MemoryContextSwitchTo(per_item);

		CHECK_FOR_INTERRUPTS();
		add_lines(daily, item, &at);
		mark_listed(daily, item);
		put_item(daily, item, rows);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_item);
	}
}

/* promo_daily(source, first_day, last_day, listed, time_zone, memory) -> (item, item_no, day, quantity, revenue, lines, is_listed) */
PG_FUNCTION_INFO_V1(promoai_promo_daily);
Datum
promoai_promo_daily(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	char *listed = args_text_or_null(args, "listed");
	Daily daily = {.has_listings = false};
	ReturnSetInfo *rows;

	check_days(args);
	daily.sales.memory = daily.listings.memory = CurrentMemoryContext;
	daily.sales.limit = daily.listings.limit = memory_limit(args_text_or_null(args, "memory"));
	daily.sales.zone = daily.listings.zone = zone_argument(args);
	read_sales(&daily, source);
	if (listed != NULL)
		read_listings(&daily, listed);
	choose_days(&daily, args);
	rows = rows_open(fcinfo);
	if (daily.first > daily.last)
		return (Datum) 0;
	if ((int64) daily.last - daily.first >= MOST_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the days asked for span " INT64_FORMAT " days, more than the %d that are possible",
						(int64) daily.last - daily.first + 1, MOST_DAYS),
				 errhint("A mistyped year in the source may be the reason: give first_day and last_day.")));
	if (daily.sales.n > 0)
		sort_sales(&daily);
	order_listings(&daily);
	put_items(&daily, rows);
	return (Datum) 0;
}
