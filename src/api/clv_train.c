/*
 * clv_train.c - training of models of customers' future orders and their value
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into orders by customer and day (orders.c);
 * what is known of each customer (orders after the first, days to the last, days to as_of, mean value of the orders after
 * the first) is derived here, so that nobody feeds it wrong; with a holdout a model is fitted to what was known before it
 * and judged by the orders in it; then the model that is published is fitted to all.
 *
 * Memory: orders.c's with amounts, and some 130 bytes a customer.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/clv_model.h"
#include "api/orders.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"

#define DEFAULT_HOLDOUT 0.25
#define FEWEST_VALUED 2 /* customers with orders after the first, for a model of their value */
#define Z95 1.959963984540054

enum
{
	COLUMN_CUSTOMER,
	COLUMN_TIME,
	COLUMN_AMOUNT,
	N_COLUMNS
};

typedef struct ClvOptions
{
	int32 unit;
	OptionTime as_of;
	double holdout;
	OptionTime holdout_after;
	double penalizer;
	char *time_zone;
	char *memory;
} ClvOptions;

static const char *const unit_choices[] = {"day", "week", "month", NULL};
static const double unit_days[] = {1, 7, 365.25 / 12};

#define FIELD(field) .name = #field, .offset = offsetof(ClvOptions, field)

static const Option clv_options[] = {
	{FIELD(unit), .type = OPTION_CHOICE, .choices = unit_choices, .missing = 1},
	{FIELD(as_of), .type = OPTION_TIME},
	{FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9, .nullable = true},
	{FIELD(holdout_after), .type = OPTION_TIME},
	{FIELD(penalizer), .type = OPTION_REAL, .min = 0, .max = 1000},
	{FIELD(time_zone), .type = OPTION_TEXT},
	{FIELD(memory), .type = OPTION_TEXT},
	{.name = NULL},
};

/* Customers as they were known on some day. */
typedef struct Known
{
	int32 n;
	int32 *customer; /* [n] their numbers */
	int32 *x; /* [n] */
	int32 *last; /* [n] */
	int32 *age; /* [n] */
	double *mean_value; /* [n] */
	int32 repeat; /* of them, with an order after the first */
	int64 orders;
} Known;

typedef struct Fitted
{
	BgNbdFit orders;
	bool valued;
	GammaGammaFit value;
} Fitted;

typedef struct ClvTraining
{
	ClvOptions options;
	pg_tz *zone;
	SourceColumn columns[N_COLUMNS];
	OrderLog log;
	TimestampTz newest;
	int64 rows_later; /* after as_of */
	int64 rows_read, rows_skipped;
	int64 days_dropped; /* of a customer: nothing bought on balance */
	int32 first_day;
	int32 last_day; /* the day of as_of */
	Known known;
	Fitted fitted;
	PgEnv env;
	ModelMetric metrics[CLV_JUDGE_METRICS + 16];
	int n_metrics;
	ModelDraft draft;
} ClvTraining;

static const char *const order_parameters[] = {"r", "alpha", "a", "b"};
static const char *const value_parameters[] = {"p", "q", "gamma"};

/* ---- arguments ---- */

static void
settle_options(ClvTraining *training)
{
	ClvOptions *options = &training->options;

	require_finite_time(&options->as_of, "as_of");
	require_finite_time(&options->holdout_after, "holdout_after");
	if (options->holdout_after.set && !isnan(options->holdout))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"holdout\" and \"holdout_after\" exclude each other"),
						errhint("Give one of them; holdout => 0 alone means no evaluation.")));
	if (options->holdout_after.set && options->as_of.set && options->holdout_after.at >= options->as_of.at)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"holdout_after\" must be before \"as_of\"")));
	if (!options->holdout_after.set && isnan(options->holdout))
		options->holdout = DEFAULT_HOLDOUT;
	training->zone = options->time_zone == NULL ? session_timezone : pg_tzset(options->time_zone);
	if (training->zone == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"time_zone\": time zone \"%s\" not recognized",
							   args_quoted(options->time_zone)),
						errhint("Names are listed in pg_timezone_names, such as 'Asia/Shanghai'.")));
	/* retraining, in whatever session, cuts days as now */
	options->time_zone = pstrdup(pg_get_timezone_name(training->zone));
	training->log.limit = memory_limit(options->memory);
}

/* ---- reading ---- */

static void
add_row(void *arg, const SourceValue *values)
{
	ClvTraining *training = arg;
	TimestampTz at = values[COLUMN_TIME].time;
	bool valued = training->columns[COLUMN_AMOUNT].attno != 0;

	if (training->options.as_of.set && at > training->options.as_of.at)
	{
		training->rows_later++;
		order_log_leave_out(&training->log, training->columns[COLUMN_CUSTOMER].ids);
		return;
	}
	training->log.ids = training->columns[COLUMN_CUSTOMER].ids;
	training->log.with_amounts = valued;
	training->newest = training->log.n == 0 ? at : Max(training->newest, at);
	order_log_add(&training->log, values[COLUMN_CUSTOMER].index, -1, day_in_zone(at, training->zone),
				  valued ? values[COLUMN_AMOUNT].number : 1);
}

static uint64
training_need(const void *arg, uint64 customers, uint64 orders)
{
	return memory_mul(customers, 2 * (4 * sizeof(int32) + sizeof(double)) + 4 * sizeof(double) +
									 2 * 2 * sizeof(int64) + sizeof(int32));
}

static void
read_orders(ClvTraining *training)
{
	static const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_CUSTOMER] = {.name = "customer", .kind = SOURCE_ID},
		[COLUMN_TIME] = {.name = "ordered_at", .kind = SOURCE_TIME},
		[COLUMN_AMOUNT] = {.name = "amount", .kind = SOURCE_NUMBER, .optional = true},
	};
	SourceReader reader = {.columns = training->columns,
						   .n_columns = N_COLUMNS,
						   .memory = CurrentMemoryContext,
						   .row = add_row,
						   .arg = training};

	memcpy(training->columns, columns, sizeof(columns));
	training->log.memory = CurrentMemoryContext;
	training->log.what = "training";
	training->log.beside = training_need;
	source_read(training->draft.source, &reader);
	training->rows_read = reader.rows_read;
	training->rows_skipped = reader.rows_skipped;
	order_log_settle(&training->log, training->columns[COLUMN_CUSTOMER].ids);
	if (training->log.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no orders to train on"),
				 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT
										" of them skipped for a NULL, " INT64_FORMAT " later than as_of.",
						   training->rows_read, training->rows_skipped, training->rows_later)));
}

/* Take out days on which a customer bought nothing on balance, and find the days that orders span. */
static void
drop_days(ClvTraining *training)
{
	OrderLists *lists = &training->log.lists;
	int64 to = 0;

	training->first_day = PG_INT32_MAX;
	training->last_day = day_in_zone(
		training->options.as_of.set ? training->options.as_of.at : training->newest, training->zone);
	for (int32 c = 0; c < lists->customers; c++)
	{
		int64 start = lists->start[c];

		lists->start[c] = to;
		CHECK_FOR_INTERRUPTS();
		for (int64 i = start; i < lists->start[c + 1]; i++)
		{
			if (lists->amount != NULL && !(lists->amount[i] > 0))
			{
				training->days_dropped++;
				continue;
			}
			lists->at[to] = lists->at[i];
			if (lists->amount != NULL)
				lists->amount[to] = lists->amount[i];
			training->first_day = Min(training->first_day, (int32) lists->at[to]);
			to++;
		}
	}
	lists->start[lists->customers] = to;
	if (to == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source has no order with an amount above zero")));
	if ((int64) training->last_day - training->first_day > CLV_MOST_DAYS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("orders span " INT64_FORMAT " days, more than the %d that are possible",
							   (int64) training->last_day - training->first_day, CLV_MOST_DAYS),
						errhint("A mistyped year in the source, or in as_of, may be the reason.")));
}

/* ---- what is known of customers ---- */

/* From the orders on days before `end`, as seen on day `today`. */
static void
derive(const ClvTraining *training, int32 end, int32 today, Known *known)
{
	const OrderLists *lists = &training->log.lists;
	Size room = lists->customers;

	*known = (Known){.customer = memory_huge(room, sizeof(int32)),
					 .x = memory_huge(room, sizeof(int32)),
					 .last = memory_huge(room, sizeof(int32)),
					 .age = memory_huge(room, sizeof(int32)),
					 .mean_value = memory_huge(room, sizeof(double))};
	for (int32 c = 0; c < lists->customers; c++)
	{
		int64 start = lists->start[c];
		int64 i = start;
		int32 n = known->n;
		double total = 0;

		CHECK_FOR_INTERRUPTS();
		for (; i < lists->start[c + 1] && lists->at[i] < end; i++)
			total += i > start && lists->amount != NULL ? lists->amount[i] : 0;
		if (i == start)
			continue;
		known->customer[n] = c;
		known->x[n] = (int32) (i - start - 1);
		known->last[n] = (int32) (lists->at[i - 1] - lists->at[start]);
		known->age[n] = (int32) (today - lists->at[start]);
		known->mean_value[n] = known->x[n] > 0 ? total / known->x[n] : 0;
		known->repeat += known->x[n] > 0;
		known->orders += i - start;
		known->n++;
	}
}

/* ---- fitting ---- */

static void
fit_orders(ClvTraining *training, const Known *known, BgNbdFit *fit)
{
	Size n = known->n;
	Histories histories = {.n = known->n,
						   .x = memory_huge(n, sizeof(int32)),
						   .last = memory_huge(n, sizeof(int32)),
						   .age = memory_huge(n, sizeof(int32)),
						   .count = memory_huge(n, sizeof(double))};

	memcpy(histories.x, known->x, sizeof(int32) * n);
	memcpy(histories.last, known->last, sizeof(int32) * n);
	memcpy(histories.age, known->age, sizeof(int32) * n);
	env_check(&training->env, histories_group(&training->env.base, &histories), "grouping customers");
	env_check(&training->env,
			  bgnbd_fit(&training->env.base, &histories, unit_days[training->options.unit],
						training->options.penalizer, fit),
			  "fitting orders");
	pfree(histories.x);
	pfree(histories.last);
	pfree(histories.age);
	pfree(histories.count);
}

static void
fit_value(ClvTraining *training, const Known *known, GammaGammaFit *fit)
{
	int32 *x = memory_huge(known->repeat, sizeof(int32));
	double *value = memory_huge(known->repeat, sizeof(double));
	int64 n = 0;

	for (int32 c = 0; c < known->n; c++)
	{
		if (known->x[c] == 0)
			continue;
		x[n] = known->x[c];
		value[n++] = known->mean_value[c];
	}
	env_check(&training->env,
			  gamma_gamma_fit(&training->env.base, n, x, value, training->options.penalizer, fit),
			  "fitting the orders' value");
	pfree(x);
	pfree(value);
}

static void
fit(ClvTraining *training, const Known *known, Fitted *fitted)
{
	fit_orders(training, known, &fitted->orders);
	fitted->valued = training->log.with_amounts && known->repeat >= FEWEST_VALUED;
	if (fitted->valued)
		fit_value(training, known, &fitted->value);
}

static ClvModel
make_model(const ClvTraining *training, const Known *known, const Fitted *fitted)
{
	return (ClvModel){.orders = fitted->orders.model,
					  .valued = fitted->valued,
					  .value = fitted->value.model,
					  .days_per_unit = unit_days[training->options.unit],
					  .as_of = training->options.as_of.set ? training->options.as_of.at : training->newest,
					  .time_zone = training->options.time_zone,
					  .customers = {.n = known->n},
					  .x = known->x,
					  .last = known->last,
					  .age = known->age,
					  .mean_value = known->mean_value};
}

/* ---- evaluation ---- */

/* The first day held out, with holdout_after the first that starts then or later; behind the last day when none is. */
static int32
holdout_start(const ClvTraining *training)
{
	const ClvOptions *options = &training->options;
	int32 days = training->last_day - training->first_day + 1;

	if (options->holdout_after.set)
		return day_in_zone(options->holdout_after.at - 1, training->zone) + 1;
	return training->last_day + 1 - (int32) floor(options->holdout * days);
}

/* Fit to what was known before the holdout, judge by what came in it. */
static void
evaluate(ClvTraining *training)
{
	const OrderLists *lists = &training->log.lists;
	int32 start = holdout_start(training);
	int32 days = training->last_day + 1 - start;
	Known known;
	Fitted fitted;
	ClvModel model;
	int32 *observed;

	if (days <= 0)
	{
		if (training->options.holdout_after.set)
			ereport(NOTICE, (errmsg("no evaluation: no day up to as_of starts at holdout_after or later")));
		return;
	}
	derive(training, start, start, &known);
	if (known.repeat == 0)
	{
		ereport(NOTICE, (errmsg("no evaluation: no customer has a second order before the holdout")));
		return;
	}
	progress_phase(PROGRESS_EVALUATING, 0);
	fit(training, &known, &fitted);
	observed = memory_huge(known.n, sizeof(int32));
	for (int32 k = 0; k < known.n; k++)
	{
		int32 c = known.customer[k];

		/* all its orders are before the holdout, but for those that are in it */
		observed[k] = (int32) (lists->start[c + 1] - lists->start[c]) - known.x[k] - 1;
	}
	model = make_model(training, &known, &fitted);
	training->n_metrics = clv_judge(
		&model, days, observed,
		psprintf("orders of the last %d days, by a model of those before; customers known then", days),
		training->metrics);
}

/* ---- parameters as metrics ---- */

static void
put_metric(ClvTraining *training, const char *name, double value, double low, double high, int64 n)
{
	if (isfinite(value))
		training->metrics[training->n_metrics++] = (ModelMetric){.metric = name,
																 .split = "training, all orders",
																 .value = value,
																 .low = low,
																 .high = high,
																 .n = n};
}

/* Each with its 95 % interval, symmetric on the log scale. */
static void
put_parameters(ClvTraining *training, const char *const *names, int n, const double *parameter,
			   const double *std_error, int64 cases)
{
	for (int i = 0; i < n; i++)
	{
		double factor = exp(Z95 * std_error[i] / parameter[i]);
		bool known = isfinite(factor);

		put_metric(training, names[i], parameter[i], known ? parameter[i] / factor : NAN,
				   known ? parameter[i] * factor : NAN, cases);
	}
}

/* Of the number of orders and their mean value over customers: the model of value takes it to be near zero. */
static double
value_correlation(const Known *known)
{
	double n = known->repeat;
	double sum[5] = {0}; /* x, v, xx, vv, xv about the means */
	double mean[2];

	for (int32 c = 0; c < known->n; c++)
	{
		sum[0] += known->x[c];
		sum[1] += known->mean_value[c];
	}
	mean[0] = sum[0] / n;
	mean[1] = sum[1] / n;
	for (int32 c = 0; c < known->n; c++)
	{
		double x = known->x[c] - mean[0];
		double v = known->mean_value[c] - mean[1];

		if (known->x[c] == 0)
			continue;
		sum[2] += x * x;
		sum[3] += v * v;
		sum[4] += x * v;
	}
	return sum[4] / sqrt(sum[2] * sum[3]);
}

static void
put_training_metrics(ClvTraining *training)
{
	const Fitted *fitted = &training->fitted;
	const BgNbd *orders = &fitted->orders.model;
	const GammaGamma *value = &fitted->value.model;
	const double of_orders[] = {orders->r, orders->alpha, orders->a, orders->b};
	int64 n = training->known.n;
	int64 repeat = training->known.repeat;

	put_parameters(training, order_parameters, BGNBD_PARAMETERS, of_orders, fitted->orders.std_error, n);
	put_metric(training, "log_likelihood", fitted->orders.log_likelihood, NAN, NAN, n);
	if (!fitted->valued)
		return;
	put_parameters(training, value_parameters, GAMMA_GAMMA_PARAMETERS,
				   (const double[]){value->p, value->q, value->gamma}, fitted->value.std_error, repeat);
	put_metric(training, "value_log_likelihood", fitted->value.log_likelihood, NAN, NAN, repeat);
	put_metric(training, "value_correlation", value_correlation(&training->known), NAN, NAN, repeat);
}

/* Names of parameters that the data do not hold, as text[]; a WARNING names them. */
static Datum
diverging(const Fitted *fitted, bool warn)
{
	Datum names[BGNBD_PARAMETERS + GAMMA_GAMMA_PARAMETERS];
	StringInfoData list;
	int n = 0;

	initStringInfo(&list);
	for (int i = 0; i < BGNBD_PARAMETERS + GAMMA_GAMMA_PARAMETERS; i++)
	{
		bool of_value = i >= BGNBD_PARAMETERS;
		const char *name = of_value ? value_parameters[i - BGNBD_PARAMETERS] : order_parameters[i];

		if (of_value ? !fitted->valued || !fitted->value.diverging[i - BGNBD_PARAMETERS]
					 : !fitted->orders.diverging[i])
			continue;
		appendStringInfo(&list, "%s%s", n == 0 ? "" : ", ", name);
		names[n++] = CStringGetTextDatum(name);
	}
	if (n > 0 && warn)
		ereport(
			WARNING,
			(errmsg("the orders do not hold the parameter%s %s, which left for nought or infinity",
					n == 1 ? "" : "s", list.data),
			 errhint(
				 "Judge the forecasts by the model's metrics; a small penalizer, such as 0.001, holds the parameters.")));
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---- training ---- */

static void
train(ClvTraining *training)
{
	env_init(&training->env, CurrentMemoryContext);
	drop_days(training);
	derive(training, training->last_day + 1, training->last_day, &training->known);
	if (training->known.repeat == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("no customer has orders on two days: there is nothing to learn from")));
	evaluate(training);
	progress_phase(PROGRESS_TRAINING, 0);
	fit(training, &training->known, &training->fitted);
	put_training_metrics(training);
	if (!training->fitted.orders.converged || (training->fitted.valued && !training->fitted.value.converged))
		ereport(WARNING, (errmsg("the search for the parameters ended before it had converged"),
						  errhint("Try a small penalizer, such as 0.001.")));
	if (!training->fitted.valued)
		ereport(NOTICE, (errmsg("the value of orders is not modelled: %s",
								training->log.with_amounts ? "too few customers have a second order"
														   : "the source has no amounts")));
	else if (training->fitted.value.model.q <= 1)
		ereport(WARNING, (errmsg("the model of the orders' value has no mean (q = %g): customers without a "
								 "second order, and those of few orders, get no expected value",
								 training->fitted.value.model.q)));
}

static Jsonb *
training_sizes(const ClvTraining *training)
{
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "customers", training->known.n);
	json_put_int(&sizes, "repeat_customers", training->known.repeat);
	json_put_int(&sizes, "orders", training->known.orders);
	json_put_int(&sizes, "rows_later", training->rows_later);
	json_put_int(&sizes, "days_dropped", training->days_dropped);
	return json_close(&sizes);
}

static ModelVersion *
publish(ClvTraining *training)
{
	const Known *known = &training->known;
	ClvModel model = make_model(training, known, &training->fitted);
	Payload payload = {0};
	ModelVersion *version;
	int32 *place = memory_huge(training->log.customers->n, sizeof(int32));

	progress_phase(PROGRESS_WRITING, 0);
	for (int32 c = 0; c < training->log.customers->n; c++)
		place[c] = -1;
	for (int32 k = 0; k < known->n; k++)
		place[known->customer[k]] = k;
	idset_keep(training->log.customers, place);
	model.customers = *training->log.customers;
	clv_model_write(&model, &payload);
	training->draft.kind = CLV_KIND;
	training->draft.arguments = options_to_jsonb(clv_options, &training->options);
	training->draft.rows_read = training->rows_read;
	training->draft.rows_skipped = training->rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

/* ---- the SQL function ---- */

static Datum
report_row(FunctionCallInfo fcinfo, const ClvTraining *training, const ModelVersion *version)
{
	const BgNbd *orders = &training->fitted.orders.model;
	const GammaGamma *value = &training->fitted.value.model;
	const double parameters[] = {orders->r, orders->alpha, orders->a,   orders->b,
								 value->p,  value->q,      value->gamma};
	Datum values[24];
	bool nulls[24] = {0};
	int i = 0;

	values[i++] = CStringGetTextDatum(training->draft.model);
	values[i++] = Int32GetDatum(version->version);
	values[i++] = CStringGetTextDatum(CLV_KIND);
	values[i++] = Int64GetDatum(training->rows_read);
	values[i++] = Int64GetDatum(training->rows_skipped);
	values[i++] = Int64GetDatum(training->rows_later);
	values[i++] = Int64GetDatum(training->days_dropped);
	values[i++] = Int64GetDatum(training->known.n);
	values[i++] = Int64GetDatum(training->known.repeat);
	values[i++] = Int64GetDatum(training->known.orders);
	values[i++] =
		TimestampTzGetDatum(training->options.as_of.set ? training->options.as_of.at : training->newest);
	for (int p = 0; p < (int) lengthof(parameters); p++)
	{
		nulls[i] = p >= BGNBD_PARAMETERS && !training->fitted.valued;
		values[i++] = Float8GetDatum(parameters[p]);
	}
	values[i++] = diverging(&training->fitted, true);
	values[i++] = JsonbPGetDatum(registry_metrics_jsonb(training->metrics, training->n_metrics));
	values[i++] = Float8GetDatum(draft_seconds(&training->draft));
	return rows_single(fcinfo, values, nulls);
}

/*
 * clv_train(model, source, unit, as_of, holdout, holdout_after, penalizer, time_zone, memory) -> clv_report
 */
PG_FUNCTION_INFO_V1(promoai_clv_train);
Datum
promoai_clv_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	ClvTraining *training = palloc0(sizeof(ClvTraining));
	ModelVersion *version;

	training->draft = draft_of_call(args, true);
	options_from_call(clv_options, args, &training->options);
	settle_options(training);
	registry_begin(training->draft.model, CLV_KIND);

	progress_start(training->draft.model);
	read_orders(training);
	train(training);
	version = publish(training);
	return report_row(fcinfo, training, version);
}

static ModelVersion *
clv_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	ClvTraining *training = palloc0(sizeof(ClvTraining));

	training->draft = draft_of_model(model);
	options_from_jsonb(clv_options, model->arguments, &training->options);
	settle_options(training);

	progress_start(model->name);
	read_orders(training);
	read_done(arg);
	train(training);
	diverging(&training->fitted, true);
	return publish(training);
}

void
clv_init(void)
{
	static const ModelKind kind = {
		.name = CLV_KIND, .retrain = clv_retrain, .load = clv_model_load, .evaluate = clv_evaluate};

	kind_register(&kind);
}
