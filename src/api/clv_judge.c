/*
 * clv_judge.c - forecasts of orders held against the orders that came
 *
 * The probability of an order is judged by the area under its ROC curve, Brier score and, by tenths of the customers, the
 * share who ordered; expected orders by their mean absolute error, beside that of saying the mean of what came to
 * everybody.  Customers who came only later are no part of it.
 *
 * Where versions are compared, which know orders up to different days, both forecast the orders after the later of these: what
 * each expects up to the source's last day less what it expects up to then.  A customer's measure is the square error.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/clv_model.h"
#include "api/orders.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "core/binary_metrics.h"

#define Z95 1.959963984540054

static void
put_metric(ModelMetric *metrics, int *n, const char *name, const char *split, double value, double low,
		   double high, int64 cases)
{
	metrics[(*n)++] =
		(ModelMetric){.metric = name, .split = split, .value = value, .low = low, .high = high, .n = cases};
}

/* Predicted and observed by tenths of rising probability; the observed share with Wilson's interval. */
static void
put_bins(const BinaryMetrics *binary, const char *split, ModelMetric *metrics, int *n)
{
	for (int b = 0; b < BINARY_BINS; b++)
	{
		const BinaryBin *bin = &binary->bins[b];
		double cases = (double) bin->n;
		double share = (double) bin->yes / cases;
		double middle = (share + Z95 * Z95 / (2 * cases)) / (1 + Z95 * Z95 / cases);
		double half = Z95 / (1 + Z95 * Z95 / cases) *
					  sqrt(share * (1 - share) / cases + Z95 * Z95 / (4 * cases * cases));

		if (bin->n == 0)
			continue;
		put_metric(metrics, n, psprintf("p_order@%d", b + 1), split, bin->mean, NAN, NAN, bin->n);
		put_metric(metrics, n, psprintf("ordered@%d", b + 1), split, share, middle - half, middle + half,
				   bin->n);
	}
}

int
clv_judge(const ClvModel *model, double days, const int32 *observed, const char *split, ModelMetric *metrics)
{
	int32 customers = model->customers.n;
	double *probability = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (Size) customers);
	uint8 *outcome = MemoryContextAllocHuge(CurrentMemoryContext, customers);
	double predicted = 0;
	double came = 0;
	double error = 0;
	double mean_error = 0;
	BinaryMetrics binary;
	PgEnv env;
	int n = 0;

	for (int32 c = 0; c < customers; c++)
	{
		ClvForecast forecast = clv_forecast(model, c, days);

		CHECK_FOR_INTERRUPTS();
		probability[c] = forecast.any_order;
		outcome[c] = observed[c] > 0;
		predicted += forecast.orders;
		came += observed[c];
		error += fabs(forecast.orders - observed[c]);
	}
	for (int32 c = 0; c < customers; c++)
		mean_error += fabs(came / customers - observed[c]);
	env_init(&env, CurrentMemoryContext);
	env_check(&env, binary_metrics(&env.base, customers, probability, outcome, &binary), "evaluating");
	if (!isnan(binary.auc))
		put_metric(metrics, &n, "auc", split, binary.auc, fmax(binary.auc - Z95 * binary.auc_error, 0),
				   fmin(binary.auc + Z95 * binary.auc_error, 1), customers);
	put_metric(metrics, &n, "brier", split, binary.brier, NAN, NAN, customers);
	put_metric(metrics, &n, "mae_orders", split, error / customers, NAN, NAN, customers);
	put_metric(metrics, &n, "mean_mae_orders", split, mean_error / customers, NAN, NAN, customers);
	put_metric(metrics, &n, "orders_predicted", split, predicted, NAN, NAN, customers);
	put_metric(metrics, &n, "orders_observed", split, came, NAN, NAN, customers);
	put_bins(&binary, split, metrics, &n);
	pfree(probability);
	pfree(outcome);
	return n;
}

/* ---- evaluate ---- */

enum
{
	COLUMN_CUSTOMER,
	COLUMN_TIME,
	COLUMN_AMOUNT,
	N_COLUMNS
};

typedef struct Later
{
	SourceColumn columns[N_COLUMNS];
	TimestampTz after;
	TimestampTz newest;
	pg_tz *zone;
	OrderLog log;
} Later;

static void
add_later(void *arg, const SourceValue *values)
{
	Later *later = arg;
	TimestampTz at = values[COLUMN_TIME].time;
	bool valued = later->columns[COLUMN_AMOUNT].attno != 0;

	if (at <= later->after)
	{
		order_log_leave_out(&later->log, later->columns[COLUMN_CUSTOMER].ids);
		return;
	}
	later->log.ids = later->columns[COLUMN_CUSTOMER].ids;
	later->log.with_amounts = valued;
	later->newest = Max(later->newest, at);
	order_log_add(&later->log, values[COLUMN_CUSTOMER].index, -1, day_in_zone(at, later->zone),
				  valued ? values[COLUMN_AMOUNT].number : 1);
}

/* Days from as_of on to the end of the source's last day. */
static double
days_ahead(const ClvModel *model, const Later *later)
{
	int32 today = day_in_zone(model->as_of, later->zone);

	return day_in_zone(later->newest, later->zone) + 1 - today -
		   (double) (model->as_of - day_start(today, later->zone)) / USECS_PER_DAY;
}

/* Each customer of the model as a case. */
static void
put_cases(const ClvModel *model, const Later *later, const int32 *observed, EvaluateCases *cases)
{
	int32 customers = model->customers.n;
	double before = (double) (later->after - model->as_of) / USECS_PER_DAY;
	double days = days_ahead(model, later);

	cases->measure = "square_error_of_orders";
	cases->lower_is_better = true;
	cases->n = customers;
	cases->key = memory_huge(customers, sizeof(uint64));
	cases->value = memory_huge(customers, sizeof(double));
	for (int32 c = 0; c < customers; c++)
	{
		IdKey key = idset_key(&model->customers, c);
		double expected = clv_forecast(model, c, days).orders;

		CHECK_FOR_INTERRUPTS();
		if (before > 0)
			expected -= clv_forecast(model, c, before).orders;
		cases->key[c] = id_hash(&key);
		cases->value[c] = (expected - observed[c]) * (expected - observed[c]);
	}
}

/* Up to when the model, or the later one of those that are compared, has seen the orders. */
static TimestampTz
seen_until(const ClvModel *model, const EvaluateCases *cases)
{
	TimestampTz until = model->as_of;

	if (cases != NULL)
	{
		until = Max(until, ((const ClvModel *) cases->champion->state)->as_of);
		until = Max(until, ((const ClvModel *) cases->challenger->state)->as_of);
	}
	return until;
}

/* The model's customers who ordered, and how often; days on which nothing was bought on balance are none. */
static int64
match_orders(const ClvModel *model, const Later *later, int32 *observed)
{
	const OrderLists *lists = &later->log.lists;
	int64 strangers = 0;

	for (int32 c = 0; c < later->log.customers->n; c++)
	{
		IdKey key = idset_key(later->log.customers, c);
		IdKey own = id_convert(&key, model->customers.kind, "a customer of the source");
		int32 customer = idset_find(&model->customers, &own);

		CHECK_FOR_INTERRUPTS();
		if (customer < 0)
		{
			strangers++;
			continue;
		}
		for (int64 i = lists->start[c]; i < lists->start[c + 1]; i++)
			observed[customer] += lists->amount == NULL || lists->amount[i] > 0;
	}
	return strangers;
}

ModelMetric *
clv_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
			 int *n_metrics)
{
	static const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_CUSTOMER] = {.name = "customer", .kind = SOURCE_ID},
		[COLUMN_TIME] = {.name = "ordered_at", .kind = SOURCE_TIME},
		[COLUMN_AMOUNT] = {.name = "amount", .kind = SOURCE_NUMBER, .optional = true},
	};
	const ClvModel *model = loaded->state;
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * CLV_JUDGE_METRICS);
	Later *later = palloc0(sizeof(Later));
	SourceReader reader = {.columns = later->columns,
						   .n_columns = N_COLUMNS,
						   .memory = CurrentMemoryContext,
						   .row = add_later,
						   .arg = later};
	int32 *observed;
	int64 strangers;
	double days;

	if (request->history != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a model of future orders is evaluated without a history")));
	memcpy(later->columns, columns, sizeof(columns));
	later->after = later->newest = seen_until(model, request->cases);
	later->zone = pg_tzset(model->time_zone);
	if (later->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of the model is not known to this server", model->time_zone)));
	later->log =
		(OrderLog){.memory = CurrentMemoryContext, .limit = memory_limit(NULL), .what = "evaluating"};
	source_read(request->source, &reader);
	order_log_settle(&later->log, later->columns[COLUMN_CUSTOMER].ids);
	if (later->log.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source has no orders after %s, up to which the model has seen them",
							   timestamptz_to_str(later->after))));
	observed = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int32) * (Size) model->customers.n,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	strangers = match_orders(model, later, observed);
	if (strangers > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " customers of the source are not known to the model", strangers)));
	if (request->cases != NULL)
	{
		put_cases(model, later, observed, request->cases);
		*n_metrics = 0; /* they forecast from as_of on */
		return metrics;
	}
	days = days_ahead(model, later);
	*n_metrics = clv_judge(model, days, observed, psprintf("given source, %g days", round(days)), metrics);
	return metrics;
}
