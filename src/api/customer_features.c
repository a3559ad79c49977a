/*
 * customer_features.c - customer_features(source, ...): a portrait of every customer, one row each
 *
 * The orders' first three columns are customer, ordered_at and amount; others are known by name and may be missing.  One pass
 * over each source: sums and counts by customer are kept while rows come (core/pair_sum.h, so that they do not depend on
 * the order of rows), and the times of orders, since the spread of gaps needs them in order.  Then each customer's row is
 * made from them.
 *
 * Memory: 12 and then 8 bytes an order (orders.c), 120 bytes a customer, and 64 bytes for each pair of customer and category
 * or promotion; while events, coupons and reviews are read what is left of the orders counts with them.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/customer_sides.h"
#include "api/orders.h"
#include "api/pair_counts.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/pair_sum.h"
#include "core/segment/rfm.h"

#define FIRST_ROOM 4096
#define HOURS 24
#define WEEKDAYS 7
#define FEATURE_COLUMNS 39

/* The columns that may be had of orders; those from ORDER_ID on by name. */
typedef enum Role
{
	ROLE_CUSTOMER,
	ROLE_TIME,
	ROLE_AMOUNT,
	ROLE_ORDER_ID,
	ROLE_DISCOUNT,
	ROLE_PROMOTION,
	ROLE_CATEGORY,
	ROLE_PRICE,
	ROLE_QUANTITY,
	N_ROLES
} Role;

static const SourceColumn role_columns[N_ROLES] = {
	[ROLE_CUSTOMER] = {.name = "customer", .kind = SOURCE_ID},
	[ROLE_TIME] = {.name = "ordered_at", .kind = SOURCE_TIME},
	[ROLE_AMOUNT] = {.name = "amount", .kind = SOURCE_NUMBER},
	[ROLE_ORDER_ID] = {.name = "order_id", .kind = SOURCE_ID},
	[ROLE_DISCOUNT] = {.name = "discount", .kind = SOURCE_NUMBER, .nullable = true},
	[ROLE_PROMOTION] = {.name = "promotion_type", .kind = SOURCE_ID, .nullable = true},
	[ROLE_CATEGORY] = {.name = "category", .kind = SOURCE_ID, .nullable = true},
	[ROLE_PRICE] = {.name = "price", .kind = SOURCE_NUMBER, .nullable = true},
	[ROLE_QUANTITY] = {.name = "quantity", .kind = SOURCE_NUMBER, .nullable = true},
};

/* A number summed over rows. */
typedef struct RowSum
{
	double high, low;
	int64 n; /* rows that have it */
} RowSum;

/* A customer's rows. */
typedef struct CustomerSums
{
	int64 lines;
	int64 discounted; /* with a discount above zero */
	int64 promoted; /* with a promotion_type */
	RowSum discount;
	RowSum price;
	RowSum quantity;
} CustomerSums;

typedef struct Features
{
	OptionTime as_of;
	pg_tz *zone;
	uint64 limit;

	SourceColumn *columns; /* [n_columns] */
	int n_columns;
	int column[N_ROLES]; /* where each role stands, -1: not there */
	SourceReader reader;
	OrderLog log;
	TimestampTz newest;
	CustomerSums *sums; /* [room], by customer once settled */
	int64 room;
	PairCounts promotions;
	PairCounts categories;
	Side sides[N_SIDES];

	int32 today;
	uint8 *price_band; /* [customers]; 0: no price */
} Features;

/* ---- the columns ---- */

static Role
role_named(const char *name)
{
	for (int role = ROLE_ORDER_ID; role < N_ROLES; role++)
		if (strcmp(role_columns[role].name, name) == 0)
			return (Role) role;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("source has a column \"%s\", which customer_features does not know", name),
					errhint("After customer, ordered_at and amount come, by name and in any order: order_id, "
							"discount, promotion_type, category, price, quantity.")));
}

static void
choose_columns(Features *features, const char *source)
{
	int n;
	SourceField *fields = source_describe(source, &n);

	features->n_columns = Max(n, ROLE_AMOUNT + 1);
	features->columns = palloc0(sizeof(SourceColumn) * features->n_columns);
	for (int role = 0; role < N_ROLES; role++)
		features->column[role] = -1;
	for (int i = 0; i < features->n_columns; i++)
	{
		Role role = i <= ROLE_AMOUNT ? (Role) i : role_named(fields[i].name);

		if (features->column[role] >= 0)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
							errmsg("source has several columns \"%s\"", role_columns[role].name)));
		features->column[role] = i;
		features->columns[i] = role_columns[role];
	}
}

/* ---- rows ---- */

static uint64
features_need(const void *arg, uint64 customers, uint64 orders)
{
	const Features *features = arg;
	uint64 need = memory_mul(Max(customers, (uint64) features->room), sizeof(CustomerSums) + 48);

	for (int i = 0; i < features->n_columns; i++)
		if (i != ROLE_CUSTOMER && features->columns[i].ids != NULL) /* customers' are in the log's need */
			need = memory_add(need, memory_mul(2, ids_memory(features->columns[i].ids)));
	need = memory_add(need, pair_counts_memory(&features->promotions));
	return memory_add(need, pair_counts_memory(&features->categories));
}

/* PairCounts' table is to grow. */
static void
require(void *arg, uint64 bytes)
{
	Features *features = arg;

	memory_require(memory_add(bytes, features_need(features, features->room, features->log.n)),
				   features->limit, "reading orders");
}

static void
make_room(Features *features, int32 customer)
{
	int64 room = features->room == 0 ? FIRST_ROOM : Max(features->room + features->room / 2, customer + 1);
	Size bytes = sizeof(CustomerSums) * room;

	memory_require(features_need(features, room, 0), features->limit, "reading orders");
	features->sums = features->sums == NULL ? MemoryContextAllocHuge(features->log.memory, bytes)
											: repalloc_huge(features->sums, bytes);
	memset(features->sums + features->room, 0, sizeof(CustomerSums) * (room - features->room));
	features->room = room;
}

/* The value of a role in the row at hand, NULL when it is not there. */
static const SourceValue *
value_of(const Features *features, const SourceValue *values, Role role)
{
	int column = features->column[role];

	return column < 0 || features->reader.nulls[column] ? NULL : &values[column];
}

static void
add_number(RowSum *sum, const SourceValue *value)
{
	if (value == NULL)
		return;
	pair_sum_add(&sum->high, &sum->low, value->number);
	sum->n++;
}

static void
add_row(void *arg, const SourceValue *values)
{
	Features *features = arg;
	int32 customer = values[ROLE_CUSTOMER].index;
	TimestampTz at = values[ROLE_TIME].time;
	const SourceValue *order = value_of(features, values, ROLE_ORDER_ID);
	const SourceValue *discount = value_of(features, values, ROLE_DISCOUNT);
	const SourceValue *promotion = value_of(features, values, ROLE_PROMOTION);
	const SourceValue *category = value_of(features, values, ROLE_CATEGORY);
	CustomerSums *sums;

	if (features->as_of.set && at > features->as_of.at)
	{
		order_log_leave_out(&features->log, features->columns[ROLE_CUSTOMER].ids);
		return;
	}
	features->log.ids = features->columns[ROLE_CUSTOMER].ids;
	features->newest = features->log.n == 0 ? at : Max(features->newest, at);
	order_log_add(&features->log, customer, order == NULL ? -1 : order->index, at,
				  values[ROLE_AMOUNT].number);
	if (unlikely(customer >= features->room))
		make_room(features, customer);
	sums = &features->sums[customer];
	sums->lines++;
	sums->discounted += discount != NULL && discount->number > 0;
	sums->promoted += promotion != NULL;
	add_number(&sums->discount, discount);
	add_number(&sums->price, value_of(features, values, ROLE_PRICE));
	add_number(&sums->quantity, value_of(features, values, ROLE_QUANTITY));
	if (promotion != NULL)
		pair_counts_add(&features->promotions, customer, promotion->index, require, features);
	if (category != NULL)
		pair_counts_add(&features->categories, customer, category->index, require, features);
}

static void
settle_counts(Features *features, PairCounts *counts, Role role)
{
	if (features->column[role] >= 0)
		pair_counts_settle(counts, features->log.place, features->log.customers->n,
						   features->columns[features->column[role]].ids);
}

static void
read_orders(Features *features, const char *source)
{
	IdTable *ids;
	CustomerSums *sums;
	int32 n;

	choose_columns(features, source);
	features->log = (OrderLog){.memory = CurrentMemoryContext,
							   .limit = features->limit,
							   .what = "reading orders",
							   .with_ids = features->column[ROLE_ORDER_ID] >= 0,
							   .beside = features_need,
							   .beside_arg = features};
	features->promotions.memory = features->categories.memory = CurrentMemoryContext;
	features->reader = (SourceReader){.columns = features->columns,
									  .n_columns = features->n_columns,
									  .memory = CurrentMemoryContext,
									  .row = add_row,
									  .arg = features};
	source_read(source, &features->reader);
	ids = features->columns[ROLE_CUSTOMER].ids;
	order_log_settle(&features->log, ids);
	n = features->log.customers->n;
	sums = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(CustomerSums) * Max((Size) n, 1));
	for (int32 c = 0; c < ids_count(ids); c++)
		if (features->log.place[c] >= 0)
			sums[features->log.place[c]] = features->sums[c];
	if (features->sums != NULL)
		pfree(features->sums);
	features->sums = sums;
	settle_counts(features, &features->promotions, ROLE_PROMOTION);
	settle_counts(features, &features->categories, ROLE_CATEGORY);
}

/* Bytes that the orders go on holding while the other sources are read. */
static uint64
held_bytes(const Features *features)
{
	const OrderLog *log = &features->log;
	const IdTable *ids = features->columns[ROLE_CUSTOMER].ids;
	uint64 customers = log->customers->n;
	uint64 held = features_need(features, customers, 0);

	held = memory_add(held, memory_mul(log->n, sizeof(int64)));
	held = memory_add(held, memory_mul(customers, sizeof(int64) + sizeof(double) + sizeof(int32)));
	return memory_add(held, memory_add(ids_memory(ids), ids_sort_memory(ids)));
}

static void
read_sides(Features *features, const Args *args)
{
	uint64 held = held_bytes(features);

	static const char *const names[N_SIDES] = {
		[SIDE_EVENTS] = "events", [SIDE_COUPONS] = "coupons", [SIDE_REVIEWS] = "reviews"};

	for (int side = 0; side < N_SIDES; side++)
		if (!args_null(args, names[side]))
			side_read((SideKind) side, args_text(args, names[side]), features->log.customers,
					  features->as_of.at, features->limit, &held, &features->sides[side]);
}

static double
mean_of(const RowSum *sum)
{
	return (sum->high + sum->low) / (double) sum->n;
}

/* Mean prices scored like RFM's values, among the customers that have any. */
static void
score_prices(Features *features)
{
	int32 n = features->log.customers->n;
	Size room = Max((Size) n, 1);
	double *price = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * room);
	uint8 *band = MemoryContextAllocHuge(CurrentMemoryContext, room);
	int32 priced = 0;
	PgEnv env;

	features->price_band =
		MemoryContextAllocExtended(CurrentMemoryContext, room, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int32 c = 0; c < n; c++)
		if (features->sums[c].price.n > 0)
			price[priced++] = mean_of(&features->sums[c].price);
	env_init(&env, CurrentMemoryContext);
	env_check(&env, rfm_score(&env.base, priced, price, RFM_TIES_HIGH, band), "scoring");
	priced = 0;
	for (int32 c = 0; c < n; c++)
		if (features->sums[c].price.n > 0)
			features->price_band[c] = band[priced++];
	pfree(price);
	pfree(band);
}

/* ---- a customer's row ---- */

/* Columns are appended one after the other. */
typedef struct Row
{
	Datum values[FEATURE_COLUMNS];
	bool nulls[FEATURE_COLUMNS];
	int n;
} Row;

static void
put(Row *row, Datum value, bool known)
{
	row->values[row->n] = value;
	row->nulls[row->n] = !known;
	row->n++;
}

static void
put_real(Row *row, double value)
{
	put(row, Float8GetDatum(value), isfinite(value));
}

/* Moments may lie further apart than a 64-bit number of microseconds tells. */
static double
days_between(TimestampTz from, TimestampTz to)
{
	return ((double) to - (double) from) / USECS_PER_DAY;
}

static void
put_gaps(const Features *features, int32 customer, Row *row)
{
	const OrderLists *lists = &features->log.lists;
	const int64 *at = lists->at + lists->start[customer];
	int64 gaps = lists->start[customer + 1] - lists->start[customer] - 1;
	double mean = gaps < 1 ? NAN : days_between(at[0], at[gaps]) / (double) gaps;
	double squares = 0;

	for (int64 i = 0; i < gaps; i++)
	{
		double off = days_between(at[i], at[i + 1]) - mean;

		squares += off * off;
	}
	put_real(row, mean);
	put_real(row, gaps < 2 ? NAN : sqrt(squares / (double) (gaps - 1)));
}

static void
put_orders(const Features *features, int32 customer, Row *row)
{
	const OrderLists *lists = &features->log.lists;
	const CustomerSums *sums = &features->sums[customer];
	int64 start = lists->start[customer];
	int64 orders = lists->start[customer + 1] - start;
	double total = features->log.total[customer];

	put(row, Int32GetDatum(features->today - day_in_zone(lists->at[start + orders - 1], features->zone)),
		true);
	put(row, Int64GetDatum(orders), true);
	put_real(row, total);
	put_real(row, total / (double) orders);
	put(row, Int32GetDatum(features->today - day_in_zone(lists->at[start], features->zone)), true);
	put_gaps(features, customer, row);
	put(row, Int64GetDatum(sums->lines), true);
	put_real(row, (double) sums->lines / (double) orders);
	put_real(row, features->column[ROLE_QUANTITY] < 0
					  ? NAN
					  : (sums->quantity.high + sums->quantity.low) / (double) orders);
}

/* {"key": share, ...}; with `against`, shares over those of all customers. */
static Datum
shares_json(const PairCounts *counts, int32 customer, int64 rows, int64 against)
{
	JsonObject object;

	json_open(&object);
	for (int64 i = counts->start[customer]; i < counts->start[customer + 1]; i++)
	{
		const PairCount *pair = &counts->list[i];
		double share = (double) pair->count / (double) rows;

		if (against > 0)
			share /= (double) counts->by_key[pair->key] / (double) against;
		json_put_real(&object, idset_text(counts->keys, pair->key), share);
	}
	return JsonbPGetDatum(json_close(&object));
}

static void
put_promotions(const Features *features, int64 all_lines, int32 customer, Row *row)
{
	const CustomerSums *sums = &features->sums[customer];
	double discount = sums->discount.high + sums->discount.low;
	double listed = discount + features->log.total[customer];
	bool has_discount = features->column[ROLE_DISCOUNT] >= 0;
	bool has_type = features->column[ROLE_PROMOTION] >= 0;

	put_real(row, has_discount && listed > 0 ? discount / listed : NAN);
	put_real(row, has_discount ? (double) sums->discounted / (double) sums->lines : NAN);
	put_real(row, has_type ? (double) sums->promoted / (double) sums->lines : NAN);
	put(row, has_type ? shares_json(&features->promotions, customer, sums->lines, 0) : 0, has_type);
	put(row, has_type ? shares_json(&features->promotions, customer, sums->lines, all_lines) : 0, has_type);
}

static void
put_prices(const Features *features, int32 customer, Row *row)
{
	const CustomerSums *sums = &features->sums[customer];

	put_real(row, sums->price.n > 0 ? mean_of(&sums->price) : NAN);
	put(row, Int32GetDatum(features->price_band[customer]), features->price_band[customer] > 0);
}

static void
put_categories(const Features *features, int32 customer, Row *row)
{
	const PairCounts *counts = &features->categories;
	bool has = features->column[ROLE_CATEGORY] >= 0;
	const PairCount *list = has ? counts->list + counts->start[customer] : NULL;
	int64 n = has ? counts->start[customer + 1] - counts->start[customer] : 0;
	int64 rows = 0;
	int64 top = 0;
	double entropy = 0;

	for (int64 i = 0; i < n; i++)
	{
		rows += list[i].count;
		top = list[i].count > list[top].count ? i : top;
	}
	for (int64 i = 0; i < n; i++)
	{
		double share = (double) list[i].count / (double) rows;

		entropy -= share * log(share);
	}
	put(row, Int32GetDatum((int32) n), has);
	put_real(row, n > 0 ? fmax(entropy, 0) : NAN);
	put(row, n > 0 ? CStringGetTextDatum(idset_text(counts->keys, list[top].key)) : 0, n > 0);
	put_real(row, n > 0 ? (double) list[top].count / (double) rows : NAN);
	put(row, has ? shares_json(counts, customer, rows, 0) : 0, has);
}

static Datum
share_array(const int64 *count, int n, int64 total)
{
	Datum elements[HOURS];

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum((double) count[i] / (double) total);
	return PointerGetDatum(
		construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* When the customer orders: hours from 0, weekdays from Monday. */
static void
put_habits(const Features *features, int32 customer, Row *row)
{
	const OrderLists *lists = &features->log.lists;
	int64 hour[HOURS] = {0};
	int64 weekday[WEEKDAYS] = {0};
	int64 orders = lists->start[customer + 1] - lists->start[customer];
	int top = 0;

	for (int64 i = lists->start[customer]; i < lists->start[customer + 1]; i++)
	{
		struct pg_tm tm;
		fsec_t fraction;
		int offset;

		if (timestamp2tm(lists->at[i], &offset, &tm, &fraction, NULL, features->zone) != 0)
			ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
		hour[tm.tm_hour]++;
		weekday[(j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday)) + 6) % WEEKDAYS]++;
	}
	for (int h = 1; h < HOURS; h++)
		top = hour[h] > hour[top] ? h : top;
	put(row, Int32GetDatum(top), true);
	put(row, share_array(hour, HOURS, orders), true);
	put(row, share_array(weekday, WEEKDAYS, orders), true);
	put_real(row, (double) (weekday[5] + weekday[6]) / (double) orders);
}

static void
put_sides(const Features *features, int32 customer, Row *row)
{
	const OrderLists *lists = &features->log.lists;
	int64 start = lists->start[customer];
	int64 orders = lists->start[customer + 1] - start;
	double weeks = Max(days_between(lists->at[start], features->as_of.at), 1) / 7;
	const Side *sides = features->sides;
	static const SideSums none = {0};
	const SideSums *sums[N_SIDES];
	bool typed = sides[SIDE_EVENTS].given && sides[SIDE_EVENTS].has_third;

	for (int side = 0; side < N_SIDES; side++)
		sums[side] = sides[side].given ? &sides[side].sums[customer] : &none;

	put(row, Int64GetDatum(sums[SIDE_EVENTS]->n), sides[SIDE_EVENTS].given);
	put_real(row, sides[SIDE_EVENTS].given ? (double) sums[SIDE_EVENTS]->n / weeks : NAN);
	put(row,
		Int32GetDatum(sums[SIDE_EVENTS]->n == 0
						  ? 0
						  : features->today - day_in_zone(sums[SIDE_EVENTS]->latest, features->zone)),
		sums[SIDE_EVENTS]->n > 0);
	put(row, typed ? shares_json(&sides[SIDE_EVENTS].types, customer, sums[SIDE_EVENTS]->with_third, 0) : 0,
		typed);

	put(row, Int64GetDatum(sums[SIDE_COUPONS]->n), sides[SIDE_COUPONS].given);
	put_real(row, sides[SIDE_COUPONS].has_third
					  ? (double) sums[SIDE_COUPONS]->with_third / (double) sums[SIDE_COUPONS]->n
					  : NAN);
	put_real(row, (sums[SIDE_COUPONS]->sum + sums[SIDE_COUPONS]->sum_low) /
					  (double) sums[SIDE_COUPONS]->with_third);

	put(row, Int64GetDatum(sums[SIDE_REVIEWS]->n), sides[SIDE_REVIEWS].given);
	put_real(row, sides[SIDE_REVIEWS].given ? (double) sums[SIDE_REVIEWS]->n / (double) orders : NAN);
	put_real(row, (sums[SIDE_REVIEWS]->sum + sums[SIDE_REVIEWS]->sum_low) /
					  (double) sums[SIDE_REVIEWS]->with_third);
}

static void
put_rows(Features *features, ReturnSetInfo *rows)
{
	MemoryContext per_row =
		AllocSetContextCreate(CurrentMemoryContext, "promoai features", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);
	int64 all_lines = 0;

	for (int32 c = 0; c < features->log.customers->n; c++)
		all_lines += features->sums[c].lines;
	for (int32 c = 0; c < features->log.customers->n; c++)
	{
		Row row = {.n = 2};

		CHECK_FOR_INTERRUPTS();
		put_customer(features->log.customers, c, row.values, row.nulls);
		put(&row, TimestampTzGetDatum(features->as_of.at), true);
		put_orders(features, c, &row);
		put_promotions(features, all_lines, c, &row);
		put_prices(features, c, &row);
		put_categories(features, c, &row);
		put_habits(features, c, &row);
		put_sides(features, c, &row);
		Assert(row.n == FEATURE_COLUMNS);
		rows_put(rows, row.values, row.nulls);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
}

/* customer_features(source, as_of, events, coupons, reviews, time_zone, memory) */
PG_FUNCTION_INFO_V1(promoai_customer_features);
Datum
promoai_customer_features(PG_FUNCTION_ARGS)
{
	static const Option options[] = {
		{.name = "as_of", .type = OPTION_TIME, .offset = offsetof(Features, as_of)}, {.name = NULL}};
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	Features *features = palloc0(sizeof(Features));
	ReturnSetInfo *rows;

	options_from_call(options, args, features);
	require_finite_time(&features->as_of, "as_of");
	features->zone = time_zone_argument(args);
	features->limit = memory_limit(args_text_or_null(args, "memory"));
	read_orders(features, source);
	rows = rows_open(fcinfo);
	if (features->log.customers->n == 0)
		return (Datum) 0;
	if (!features->as_of.set)
		features->as_of.at = day_start(day_in_zone(features->newest, features->zone) + 1, features->zone);
	features->today = day_in_zone(features->as_of.at, features->zone);
	read_sides(features, args);
	score_prices(features);
	put_rows(features, rows);
	return (Datum) 0;
}
