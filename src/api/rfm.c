/*
 * rfm.c - rfm(source): recency, frequency and monetary value of every customer, their scores and segment
 *
 * Rows are read once into orders (orders.c); scores come from core/segment/rfm.
 *
 * Memory: orders.c's, and 60 bytes a customer while scoring.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/orders.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/language.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/segment/rfm.h"

enum
{
	COLUMN_CUSTOMER,
	COLUMN_TIME,
	COLUMN_AMOUNT,
	N_COLUMNS
};

#define RFM_COLUMNS 12

typedef struct RfmOptions
{
	OptionTime as_of;
	int32 ties;
} RfmOptions;

static const char *const ties_choices[] = {[RFM_TIES_HIGH] = "high", [RFM_TIES_LOW] = "low", NULL};

static const Option rfm_options[] = {
	{.name = "as_of", .type = OPTION_TIME, .offset = offsetof(RfmOptions, as_of)},
	{.name = "ties", .type = OPTION_CHOICE, .offset = offsetof(RfmOptions, ties), .choices = ties_choices},
	{.name = NULL},
};

typedef struct Rfm
{
	RfmOptions options;
	pg_tz *zone;
	SourceColumn columns[N_COLUMNS];
	OrderLog log;
	TimestampTz newest; /* of all orders */
	int32 today; /* the day of as_of */
	double *value; /* [customers] what is scored */
	uint8 *score[3]; /* [customers] recency, frequency, monetary */
} Rfm;

static void
add_row(void *arg, const SourceValue *values)
{
	Rfm *rfm = arg;
	TimestampTz at = values[COLUMN_TIME].time;

	if (rfm->options.as_of.set && at > rfm->options.as_of.at)
	{
		order_log_leave_out(&rfm->log, rfm->columns[COLUMN_CUSTOMER].ids);
		return;
	}
	rfm->log.ids = rfm->columns[COLUMN_CUSTOMER].ids;
	rfm->newest = rfm->log.n == 0 ? at : Max(rfm->newest, at);
	order_log_add(&rfm->log, values[COLUMN_CUSTOMER].index, -1, at, values[COLUMN_AMOUNT].number);
}

/* Bytes of the scores and of sorting them. */
static uint64
scoring_need(const void *arg, uint64 customers, uint64 orders)
{
	return memory_mul(customers, sizeof(double) + 3 + 32);
}

static void
read_orders(Rfm *rfm, const char *source)
{
	static const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_CUSTOMER] = {.name = "customer", .kind = SOURCE_ID},
		[COLUMN_TIME] = {.name = "ordered_at", .kind = SOURCE_TIME},
		[COLUMN_AMOUNT] = {.name = "amount", .kind = SOURCE_NUMBER},
	};
	SourceReader reader = {.columns = rfm->columns,
						   .n_columns = N_COLUMNS,
						   .memory = CurrentMemoryContext,
						   .row = add_row,
						   .arg = rfm};

	memcpy(rfm->columns, columns, sizeof(columns));
	rfm->log.memory = CurrentMemoryContext;
	rfm->log.what = "reading orders";
	rfm->log.beside = scoring_need;
	source_read(source, &reader);
	order_log_settle(&rfm->log, rfm->columns[COLUMN_CUSTOMER].ids);
}

static int64
orders_of(const Rfm *rfm, int32 customer)
{
	return rfm->log.lists.start[customer + 1] - rfm->log.lists.start[customer];
}

static int32
days_since(const Rfm *rfm, int32 customer)
{
	const OrderLists *lists = &rfm->log.lists;

	return rfm->today - day_in_zone(lists->at[lists->start[customer + 1] - 1], rfm->zone);
}

static void
score(Rfm *rfm, int which)
{
	int32 n = rfm->log.customers->n;
	PgEnv env;

	rfm->score[which] = MemoryContextAllocHuge(CurrentMemoryContext, Max((Size) n, 1));
	env_init(&env, CurrentMemoryContext);
	env_check(&env, rfm_score(&env.base, n, rfm->value, (RfmTies) rfm->options.ties, rfm->score[which]),
			  "scoring");
}

static void
score_all(Rfm *rfm)
{
	int32 n = rfm->log.customers->n;

	rfm->value = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max((Size) n, 1));
	for (int32 c = 0; c < n; c++)
		rfm->value[c] = -days_since(rfm, c);
	score(rfm, 0);
	for (int32 c = 0; c < n; c++)
		rfm->value[c] = (double) orders_of(rfm, c);
	score(rfm, 1);
	memcpy(rfm->value, rfm->log.total, sizeof(double) * (Size) n);
	score(rfm, 2);
	for (int32 c = 0; c < n; c++)
		if (rfm->log.total[c] < 0)
			rfm->score[2][c] = 1;
}

static void
put_rows(Rfm *rfm, ReturnSetInfo *rows)
{
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "promoai rfm", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int32 c = 0; c < rfm->log.customers->n; c++)
	{
		const RfmSegment *segment = rfm_segment(rfm->score[0][c], rfm->score[1][c], rfm->score[2][c]);
		const char *chinese = language_chinese(segment->chinese);
		Datum values[RFM_COLUMNS];
		bool nulls[RFM_COLUMNS] = {0};

		CHECK_FOR_INTERRUPTS();
		put_customer(rfm->log.customers, c, values, nulls);
		values[2] = Int32GetDatum(days_since(rfm, c));
		values[3] = Int64GetDatum(orders_of(rfm, c));
		values[4] = Float8GetDatum(rfm->log.total[c]);
		for (int s = 0; s < 3; s++)
			values[5 + s] = Int32GetDatum(rfm->score[s][c]);
		values[8] = CStringGetTextDatum(segment->code);
		values[9] = CStringGetTextDatum(segment->english);
		nulls[10] = chinese == NULL;
		values[10] = chinese == NULL ? (Datum) 0 : CStringGetTextDatum(chinese);
		values[11] = TimestampTzGetDatum(rfm->options.as_of.at);
		rows_put(rows, values, nulls);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * rfm(source, as_of, ties, time_zone, memory) -> (customer, customer_no, days_since_last_order, orders, total_paid, r, f, m,
 *		segment_code, segment, segment_zh, as_of)
 */
PG_FUNCTION_INFO_V1(promoai_rfm);
Datum
promoai_rfm(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	Rfm *rfm = palloc0(sizeof(Rfm));
	ReturnSetInfo *rows;

	options_from_call(rfm_options, args, &rfm->options);
	require_finite_time(&rfm->options.as_of, "as_of");
	rfm->zone = time_zone_argument(args);
	rfm->log.limit = memory_limit(args_text_or_null(args, "memory"));
	read_orders(rfm, source);
	rows = rows_open(fcinfo);
	if (rfm->log.customers->n == 0)
		return (Datum) 0;
	if (!rfm->options.as_of.set)
		rfm->options.as_of.at = day_start(day_in_zone(rfm->newest, rfm->zone) + 1, rfm->zone);
	rfm->today = day_in_zone(rfm->options.as_of.at, rfm->zone);
	score_all(rfm);
	put_rows(rfm, rows);
	return (Datum) 0;
}
