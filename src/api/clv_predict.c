/*
 * clv_predict.c - what customers will order and pay, in SQL: by a model, or by parameters that are given
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/clv_model.h"
#include "api/orders.h"
#include "bridge/args.h"
#include "bridge/rows.h"
#include "model/cache.h"

#define PREDICT_COLUMNS 11
#define LARGEST 1e9 /* parameter, number or time that the functions of given parameters take */

static const ClvModel *
open_model(const Args *args)
{
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	if (strcmp(model->kind, CLV_KIND) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a model of kind \"%s\" foresees no orders", model->kind),
						errhint("Use a model trained by promoai.clv_train.")));
	return cache_get(model, registry_version(model, wanted), CurrentMemoryContext)->state;
}

/* The days from the model's as_of to that and the interval; months are those of the calendar. */
static double
days_of_interval(const ClvModel *model, Datum interval)
{
	Timestamp end = DatumGetTimestamp(
		DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(model->as_of), interval));

	return TIMESTAMP_NOT_FINITE(end) ? INFINITY : (double) (end - model->as_of) / USECS_PER_DAY;
}

static double
horizon_days(const Args *args, const ClvModel *model)
{
	bool by_units = !args_null(args, "units");
	double days;

	if (by_units == !args_null(args, "horizon"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("one of the arguments \"horizon\" and \"units\" must be given"),
						errhint("Write horizon => '3 months', or units => 13 of the unit that the model was "
								"trained with.")));
	days = by_units ? DatumGetFloat8(args_datum(args, "units", NULL)) * model->days_per_unit
					: days_of_interval(model, args_datum(args, "horizon", NULL));
	if (!(days > 0 && days <= CLV_MOST_DAYS))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be above zero and at most %d days, got %g days",
							   by_units ? "units" : "horizon", CLV_MOST_DAYS, days)));
	return days;
}

/*
 * clv_predict(model, horizon, units, version) -> (customer, customer_no, expected_orders, p_order, p_alive, churn,
 *		expected_order_value, expected_value, x, t_x, age)
 */
PG_FUNCTION_INFO_V1(promoai_clv_predict);
Datum
promoai_clv_predict(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const ClvModel *model = open_model(args);
	double days = horizon_days(args, model);
	ReturnSetInfo *rows = rows_open(fcinfo);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "promoai clv", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int32 c = 0; c < model->customers.n; c++)
	{
		ClvForecast forecast = clv_forecast(model, c, days);
		Datum values[PREDICT_COLUMNS];
		bool nulls[PREDICT_COLUMNS] = {0};

		CHECK_FOR_INTERRUPTS();
		put_customer(&model->customers, c, values, nulls);
		values[2] = Float8GetDatum(forecast.orders);
		values[3] = Float8GetDatum(forecast.any_order);
		values[4] = Float8GetDatum(forecast.alive);
		values[5] = Float8GetDatum(1 - forecast.any_order);
		values[6] = Float8GetDatum(forecast.order_value);
		values[7] = Float8GetDatum(forecast.order_value * forecast.orders);
		nulls[6] = nulls[7] = !isfinite(forecast.order_value * forecast.orders);
		values[8] = Int32GetDatum(model->x[c]);
		values[9] = Float8GetDatum(model->last[c] / model->days_per_unit);
		values[10] = Float8GetDatum(model->age[c] / model->days_per_unit);
		rows_put(rows, values, nulls);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}

/* ---- by parameters that are given ---- */

typedef struct Given
{
	BgNbd model;
	double x, t_x, age;
	double horizon; /* 0 where the function has none */
} Given;

static double
number_argument(const Args *args, const char *name, double least, bool above)
{
	double value = DatumGetFloat8(args_datum(args, name, NULL));

	if (!(value >= least && value <= LARGEST) || (above && value == least))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be %s %g and at most %g, got %g", name,
							   above ? "above" : "at least", least, LARGEST, value)));
	return value;
}

static Given
given_arguments(FunctionCallInfo fcinfo)
{
	Args *args = args_open(fcinfo);
	Given given;

	given.model = (BgNbd){number_argument(args, "r", 0, true), number_argument(args, "alpha", 0, true),
						  number_argument(args, "a", 0, true), number_argument(args, "b", 0, true)};
	given.x = number_argument(args, "x", 0, false);
	given.t_x = number_argument(args, "t_x", 0, false);
	given.age = number_argument(args, "age", 0, false);
	given.horizon = args_has(args, "horizon") ? number_argument(args, "horizon", 0, false) : 0;
	if (given.x != floor(given.x))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"x\" must be a whole number of orders, got %g", given.x)));
	if (given.t_x > given.age)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"t_x\" must be at most \"age\", %g, got %g", given.age, given.t_x)));
	return given;
}

/* Parameters beyond reason may leave the numbers; such a result is an error, never published. */
static Datum
finite_result(double value)
{
	if (!isfinite(value))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the arguments are too large or too small to compute with")));
	return Float8GetDatum(value);
}

/* clv_expected_orders(r, alpha, a, b, x, t_x, age, horizon) */
PG_FUNCTION_INFO_V1(promoai_clv_expected_orders);
Datum
promoai_clv_expected_orders(PG_FUNCTION_ARGS)
{
	Given given = given_arguments(fcinfo);

	return finite_result(bgnbd_expected_orders(&given.model, given.x, given.t_x, given.age, given.horizon));
}

/* clv_p_order(r, alpha, a, b, x, t_x, age, horizon) */
PG_FUNCTION_INFO_V1(promoai_clv_p_order);
Datum
promoai_clv_p_order(PG_FUNCTION_ARGS)
{
	Given given = given_arguments(fcinfo);

	return finite_result(bgnbd_any_order(&given.model, given.x, given.t_x, given.age, given.horizon));
}

/* clv_p_alive(r, alpha, a, b, x, t_x, age) */
PG_FUNCTION_INFO_V1(promoai_clv_p_alive);
Datum
promoai_clv_p_alive(PG_FUNCTION_ARGS)
{
	Given given = given_arguments(fcinfo);

	return finite_result(bgnbd_alive(&given.model, given.x, given.t_x, given.age));
}
