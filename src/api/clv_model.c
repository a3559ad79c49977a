/*
 * clv_model.c - a model of customers' future orders: payload sections and back, and what it says of one customer
 *
 * Reading trusts nothing: lengths must agree and every number must be one that training could have written, since the
 * checksum of a payload proves only that it is whole, not that it was made by us.
 */
#include "postgres.h"

#include <math.h>

#include "utils/timestamp.h"

#include "api/clv_model.h"

/* The section "parameters": doubles in this order. */
enum
{
	PARAMETER_R,
	PARAMETER_ALPHA,
	PARAMETER_A,
	PARAMETER_B,
	PARAMETER_VALUED,
	PARAMETER_P,
	PARAMETER_Q,
	PARAMETER_GAMMA,
	PARAMETER_DAYS_PER_UNIT,
	N_PARAMETERS
};

#define ZONE_MAX 255

void
clv_model_write(const ClvModel *model, Payload *payload)
{
	double *parameters = palloc0(sizeof(double) * N_PARAMETERS);
	int64 *as_of = palloc(sizeof(int64));
	uint64 customers = model->customers.n;

	parameters[PARAMETER_R] = model->orders.r;
	parameters[PARAMETER_ALPHA] = model->orders.alpha;
	parameters[PARAMETER_A] = model->orders.a;
	parameters[PARAMETER_B] = model->orders.b;
	parameters[PARAMETER_VALUED] = model->valued;
	parameters[PARAMETER_P] = model->value.p;
	parameters[PARAMETER_Q] = model->value.q;
	parameters[PARAMETER_GAMMA] = model->value.gamma;
	parameters[PARAMETER_DAYS_PER_UNIT] = model->days_per_unit;
	*as_of = model->as_of;
	payload_add(payload, "parameters", sizeof(double), N_PARAMETERS, parameters);
	payload_add(payload, "as_of", sizeof(int64), 1, as_of);
	payload_add(payload, "time_zone", 1, strlen(model->time_zone), model->time_zone);
	idset_write(&model->customers, "customer", payload);
	payload_add(payload, "x", sizeof(int32), customers, model->x);
	payload_add(payload, "last", sizeof(int32), customers, model->last);
	payload_add(payload, "age", sizeof(int32), customers, model->age);
	payload_add(payload, "mean_value", sizeof(double), customers, model->mean_value);
}

/* A section of exactly `count` elements, or NULL. */
static const void *
section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return found == count ? data : NULL;
}

static bool
positive(double value)
{
	return value > 0 && isfinite(value);
}

/* Further out forecasts would take for ever; training comes nowhere near. */
static bool
computable(double value)
{
	return value >= 1e-9 && value <= 1e9;
}

static bool
read_parameters(const Payload *payload, ClvModel *model)
{
	const double *parameters = section(payload, "parameters", sizeof(double), N_PARAMETERS);
	const int64 *as_of = section(payload, "as_of", sizeof(int64), 1);

	if (parameters == NULL || as_of == NULL || !IS_VALID_TIMESTAMP(*as_of))
		return false;
	model->orders = (BgNbd){parameters[PARAMETER_R], parameters[PARAMETER_ALPHA], parameters[PARAMETER_A],
							parameters[PARAMETER_B]};
	model->valued = parameters[PARAMETER_VALUED] == 1;
	model->value =
		(GammaGamma){parameters[PARAMETER_P], parameters[PARAMETER_Q], parameters[PARAMETER_GAMMA]};
	model->days_per_unit = parameters[PARAMETER_DAYS_PER_UNIT];
	model->as_of = *as_of;
	return computable(model->orders.r) && computable(model->orders.alpha) && computable(model->orders.a) &&
		   computable(model->orders.b) && computable(model->days_per_unit) &&
		   (!model->valued ||
			(positive(model->value.p) && positive(model->value.q) && positive(model->value.gamma)));
}

static bool
read_zone(const Payload *payload, MemoryContext memory, ClvModel *model)
{
	uint64 length;
	const char *zone = payload_get(payload, "time_zone", 1, &length);
	char *copy;

	if (zone == NULL || length == 0 || length > ZONE_MAX || memchr(zone, 0, length) != NULL)
		return false;
	copy = MemoryContextAllocZero(memory, length + 1);
	memcpy(copy, zone, length);
	model->time_zone = copy;
	return true;
}

static bool
histories_are_good(const ClvModel *model)
{
	for (int32 c = 0; c < model->customers.n; c++)
		if (model->x[c] < 0 || model->last[c] < model->x[c] || model->age[c] < model->last[c] ||
			model->age[c] > CLV_MOST_DAYS || !(model->mean_value[c] >= 0) || !isfinite(model->mean_value[c]))
			return false;
	return true;
}

bool
clv_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	ClvModel *model = MemoryContextAllocZero(memory, sizeof(ClvModel));
	uint64 customers;

	if (!read_parameters(payload, model) || !read_zone(payload, memory, model) ||
		!idset_read(payload, "customer", &model->customers))
		return false;
	customers = model->customers.n;
	model->x = section(payload, "x", sizeof(int32), customers);
	model->last = section(payload, "last", sizeof(int32), customers);
	model->age = section(payload, "age", sizeof(int32), customers);
	model->mean_value = section(payload, "mean_value", sizeof(double), customers);
	loaded->state = model;
	return model->x != NULL && model->last != NULL && model->age != NULL && model->mean_value != NULL &&
		   histories_are_good(model);
}

ClvForecast
clv_forecast(const ClvModel *model, int32 customer, double days)
{
	double unit = model->days_per_unit;
	double x = model->x[customer];
	double t_x = model->last[customer] / unit;
	double age = model->age[customer] / unit;

	return (ClvForecast){
		.orders = bgnbd_expected_orders(&model->orders, x, t_x, age, days / unit),
		.any_order = bgnbd_any_order(&model->orders, x, t_x, age, days / unit),
		.alive = bgnbd_alive(&model->orders, x, t_x, age),
		.order_value =
			model->valued ? gamma_gamma_expected(&model->value, x, model->mean_value[customer]) : NAN};
}
