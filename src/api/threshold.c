/*
 * threshold.c - promo_threshold, promo_threshold_bins: what a discount from a sum on did to orders
 *
 * Rows of one order are summed (order lines may be given as they are), orders are counted by bins of their amount, the rest
 * is core/promote/bunching.  The amount is what the threshold is held against: before the discount is taken off.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/table.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/promote/bunching.h"
#include "core/promote/design.h"

enum
{
	COLUMN_ORDER,
	COLUMN_AMOUNT,
	COLUMN_REFUNDED,
	N_COLUMNS
};

typedef struct Threshold
{
	double threshold;
	double discount; /* NaN: not given, as the next five */
	double bin;
	double lowest, highest;
	double below, above;
	int32 degree;
	int32 replicates;
	int64 seed;

	Table table;
	BunchTask task;
	BunchCells cells;
	BunchEstimate estimates[BUNCH_MEASURES];
	double *expected; /* [window] */
} Threshold;

/* ---- arguments ---- */

static double
given(double value, double otherwise)
{
	return isnan(value) ? otherwise : value;
}

/*
 * A distance in whole bins, at least one: those that lie within it, or all that it reaches into.  A quotient off a whole
 * number by its rounding alone is that number.
 */
static int32
bins_in(double distance, double width, bool within, const char *argument)
{
	double bins = within ? floor(distance / width + 1e-9) : ceil(distance / width - 1e-9);

	if (!(bins >= 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" leaves no bin of width %g", argument, width)));
	if (bins > BUNCH_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" asks for %.0f bins of width %g, more than the %d that are possible",
						argument, bins, width, BUNCH_MAX_BINS),
				 errhint("Raise bin.")));
	return (int32) bins;
}

static void
settle_task(Threshold *threshold)
{
	BunchTask *task = &threshold->task;
	double t = threshold->threshold;

	task->threshold = t;
	task->width = given(threshold->bin, t / 50);
	task->discount = given(threshold->discount, 0);
	task->degree = threshold->degree;
	task->replicates = threshold->replicates;
	task->seed = (uint64) threshold->seed;
	task->below = bins_in(t - given(threshold->lowest, 0.4 * t), task->width, true, "lowest");
	task->above = bins_in(given(threshold->highest, 1.8 * t) - t, task->width, true, "highest");
	task->out_below = bins_in(given(threshold->below, 0.2 * t), task->width, false, "below");
	task->out_above = bins_in(given(threshold->above, 0.1 * t), task->width, false, "above");
	if (task->below + task->above > BUNCH_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"lowest\" and \"highest\" ask for %d bins of width %g, more than the %d "
						"that are possible",
						task->below + task->above, task->width, BUNCH_MAX_BINS),
				 errhint("Raise bin.")));
	if (task->out_below >= task->below || task->out_above >= task->above)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the window about the threshold leaves nothing to compare with"),
						errdetail("Looked at are amounts from %g to %g, the window reaches from %g to %g.",
								  t - task->below * task->width, t + task->above * task->width,
								  t - task->out_below * task->width, t + task->out_above * task->width),
						errhint("Lower below or above, or widen lowest and highest.")));
}

static void
read_arguments(Threshold *threshold, const Args *args)
{
	static const double huge = 1e15;
	const Option options[] = {
		{"threshold", OPTION_REAL, offsetof(Threshold, threshold), .min = 1e-6, .max = huge},
		{"discount", OPTION_REAL, offsetof(Threshold, discount), .min = 0, .max = huge, .nullable = true},
		{"bin", OPTION_REAL, offsetof(Threshold, bin), .min = 1e-9, .max = huge, .nullable = true},
		{"lowest", OPTION_REAL, offsetof(Threshold, lowest), .min = 0, .max = huge, .nullable = true},
		{"highest", OPTION_REAL, offsetof(Threshold, highest), .min = 0, .max = huge, .nullable = true},
		{"below", OPTION_REAL, offsetof(Threshold, below), .min = 0, .max = huge, .nullable = true},
		{"above", OPTION_REAL, offsetof(Threshold, above), .min = 0, .max = huge, .nullable = true},
		{"degree", OPTION_INT, offsetof(Threshold, degree), .min = 0, .max = BUNCH_MAX_DEGREE},
		{"replicates", OPTION_INT, offsetof(Threshold, replicates), .min = 100, .max = 100000},
		{"seed", OPTION_BIGINT, offsetof(Threshold, seed), .min = (double) PG_INT64_MIN,
		 .max = (double) PG_INT64_MAX},
		{NULL}};

	options_from_call(options, args, threshold);
	settle_task(threshold);
	threshold->table.limit = memory_limit(args_text_or_null(args, "memory"));
}

/* ---- orders ---- */

static uint64
sort_need(const void *arg, uint64 rows)
{
	return design_scratch_bytes((int64) rows);
}

static void
read_rows(Threshold *threshold, const char *source)
{
	static const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_ORDER] = {.name = "order", .kind = SOURCE_ID},
		[COLUMN_AMOUNT] = {.name = "amount", .kind = SOURCE_NUMBER},
		[COLUMN_REFUNDED] = {.name = "refunded", .kind = SOURCE_NUMBER, .optional = true, .nullable = true},
	};
	Table *table = &threshold->table;

	table->memory = CurrentMemoryContext;
	table->columns = palloc(sizeof(columns));
	memcpy(table->columns, columns, sizeof(columns));
	table->n_columns = N_COLUMNS;
	table->what = "counting orders";
	table->need = sort_need;
	table_read(source, table);
	table_note_skipped(table);
}

/* No refund where there is none; ERROR when one is negative. */
static void
settle_refunds(Table *table)
{
	double *refunded = table->number[COLUMN_REFUNDED];
	int32 worst = PG_INT32_MAX; /* the first order, whatever the order of rows */

	for (int64 i = 0; refunded != NULL && i < table->n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (isnan(refunded[i]))
			refunded[i] = 0;
		if (refunded[i] < 0)
			worst = Min(worst, table->index[COLUMN_ORDER][i]);
	}
	if (worst < PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("order \"%s\" has a negative refund", table_key_text(table, COLUMN_ORDER, worst)),
				 errhint("Give refunds as amounts above zero, such as abs(refunded).")));
}

static void
allocate_cells(Threshold *threshold)
{
	const BunchTask *task = &threshold->task;
	Size bins = task->below + task->above;

	threshold->cells.orders = palloc(sizeof(int64) * bins);
	threshold->cells.amount = palloc(sizeof(double) * bins);
	threshold->cells.undone = palloc(sizeof(int64) * task->out_above);
	threshold->cells.refunds = palloc(sizeof(int64) * ((Size) task->out_above * BUNCH_SUBPOINTS + 1));
	threshold->expected = palloc(sizeof(double) * (task->out_below + task->out_above));
	bunch_clear(task, &threshold->cells);
}

static void
count_orders(Threshold *threshold)
{
	Table *table = &threshold->table;
	double *refunded = table->number[COLUMN_REFUNDED];
	double *columns[] = {table->number[COLUMN_AMOUNT], refunded};
	int32 levels = 0;
	Design design = {.n = table->n,
					 .n_groups = 1,
					 .group = &table->index[COLUMN_ORDER],
					 .levels = &levels,
					 .n_columns = refunded == NULL ? 1 : 2,
					 .column = columns};
	PgEnv env;

	allocate_cells(threshold);
	if (table->n == 0)
		return;
	settle_refunds(table);
	env_init(&env, table->memory);
	env_check(&env, design_settle(&env.base, &design), "sorting rows");
	for (int64 i = 0; i < table->n;)
	{
		int32 order = table->index[COLUMN_ORDER][i];
		double amount = 0;
		double back = 0;

		for (; i < table->n && table->index[COLUMN_ORDER][i] == order; i++)
		{
			if (unlikely(i % 65536 == 0))
				CHECK_FOR_INTERRUPTS();
			amount += columns[0][i];
			back += refunded == NULL ? 0 : refunded[i];
		}
		bunch_add(&threshold->task, &threshold->cells, amount, Min(back, Max(amount, 0)));
	}
}

static void
estimate(Threshold *threshold)
{
	PgEnv env;
	bool enough;

	env_init(&env, CurrentMemoryContext);
	env_check(&env,
			  bunch_estimate(&env.base, &threshold->task, &threshold->cells, threshold->estimates,
							 threshold->expected, &enough),
			  "estimating the counterfactual");
	if (!enough)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("source has orders in too few bins for a polynomial of degree %d",
							   threshold->task.degree),
						errdetail("It has " INT64_FORMAT " orders.", threshold->cells.total),
						errhint("Lower degree, or raise bin.")));
}

static void
run(FunctionCallInfo fcinfo, Threshold *threshold)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");

	read_arguments(threshold, args);
	read_rows(threshold, source);
	count_orders(threshold);
	estimate(threshold);
}

/* ---- answers ---- */

static void
put_measure(ReturnSetInfo *rows, const char *measure, const BunchEstimate *estimate, const char *meaning)
{
	Datum values[5];
	bool nulls[5] = {0};

	values[0] = CStringGetTextDatum(measure);
	values[1] = Float8GetDatum(estimate->value);
	values[2] = Float8GetDatum(estimate->low);
	values[3] = Float8GetDatum(estimate->high);
	values[4] = CStringGetTextDatum(meaning);
	for (int i = 1; i < 4; i++)
		nulls[i] = isnan(DatumGetFloat8(values[i]));
	rows_put(rows, values, nulls);
}

static void
put_count(ReturnSetInfo *rows, const char *measure, int64 count, const char *meaning)
{
	BunchEstimate estimate = {.value = (double) count, .low = NAN, .high = NAN};

	put_measure(rows, measure, &estimate, meaning);
}

/* promo_threshold(source, threshold, ...) -> (measure, value, ci_low, ci_high, meaning) */
PG_FUNCTION_INFO_V1(promoai_promo_threshold);
Datum
promoai_promo_threshold(PG_FUNCTION_ARGS)
{
	static const struct
	{
		BunchMeasure measure;
		const char *name;
		const char *meaning;
	} measures[] = {
		{BUNCH_MOVED_UP, "moved_up",
		 "orders just above the threshold beyond those expected without it: baskets filled up"},
		{BUNCH_MISSING, "missing_below", "orders that are missing just below the threshold"},
		{BUNCH_BALANCE, "moved_less_missing",
		 "near zero when window and polynomial fit; else widen below or above, or look for other causes"},
		{BUNCH_EXTRA_SPEND, "extra_spend", "what filling up added to the amounts of orders, before refunds"},
		{BUNCH_UNDONE, "undone_by_refunds",
		 "orders just above that refunds brought below the threshold, beyond the usual"},
		{BUNCH_ABOVE_ANYWAY, "above_anyway",
		 "orders that would have reached the threshold without the discount"},
		{BUNCH_SHARE_ANYWAY, "share_above_anyway", "their share of all orders at or above the threshold"},
		{BUNCH_DISCOUNT_MOVED, "discount_to_moved", "discount given to orders moved up"},
		{BUNCH_DISCOUNT_ANYWAY, "discount_to_above_anyway", "discount given to orders above anyway"},
	};
	Threshold threshold = {0};
	ReturnSetInfo *rows;
	int64 above;

	run(fcinfo, &threshold);
	above = threshold.cells.beyond;
	for (int32 b = threshold.task.below; b < threshold.task.below + threshold.task.above; b++)
		above += threshold.cells.orders[b];
	rows = rows_open(fcinfo);
	put_count(rows, "orders", threshold.cells.total, "orders in the source");
	put_count(rows, "orders_above", above, "of these at or above the threshold");
	for (int i = 0; i < (int) lengthof(measures); i++)
	{
		BunchEstimate estimate = threshold.estimates[measures[i].measure];

		if (measures[i].measure >= BUNCH_DISCOUNT_MOVED && isnan(threshold.discount))
			estimate = (BunchEstimate){NAN, NAN, NAN};
		if (measures[i].measure == BUNCH_UNDONE && threshold.table.number[COLUMN_REFUNDED] == NULL)
			estimate = (BunchEstimate){NAN, NAN, NAN};
		put_measure(rows, measures[i].name, &estimate, measures[i].meaning);
	}
	return (Datum) 0;
}

/* promo_threshold_bins(source, threshold, ...) -> (amount_from, amount_to, orders, expected) */
PG_FUNCTION_INFO_V1(promoai_promo_threshold_bins);
Datum
promoai_promo_threshold_bins(PG_FUNCTION_ARGS)
{
	Threshold threshold = {0};
	const BunchTask *task = &threshold.task;
	ReturnSetInfo *rows;

	run(fcinfo, &threshold);
	rows = rows_open(fcinfo);
	for (int32 j = -task->below; j < task->above; j++)
	{
		bool inside = j >= -task->out_below && j < task->out_above;
		Datum values[4];
		bool nulls[4] = {0};

		CHECK_FOR_INTERRUPTS();
		values[0] = Float8GetDatum(task->threshold + j * task->width);
		values[1] = Float8GetDatum(task->threshold + (j + 1) * task->width);
		values[2] = Int64GetDatum(threshold.cells.orders[j + task->below]);
		values[3] = Float8GetDatum(inside ? threshold.expected[j + task->out_below] : 0);
		nulls[3] = !inside;
		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}
