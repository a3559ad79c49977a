/*
 * clv_model.h - a model of customers' future orders as it is stored and served
 */
#ifndef PROMOAI_API_CLV_MODEL_H
#define PROMOAI_API_CLV_MODEL_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "bridge/ids.h"
#include "core/segment/bgnbd.h"
#include "core/segment/gamma_gamma.h"
#include "model/kind.h"

#define CLV_KIND "clv"
#define CLV_MOST_DAYS 36525 /* a hundred years: that orders span, and that a horizon may be long */

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct ClvModel
{
	BgNbd orders;
	bool valued; /* there is a model of the orders' value */
	GammaGamma value;
	double days_per_unit;
	int64 as_of; /* TimestampTz: what came later the model has not seen */
	const char *time_zone; /* in which days begin */
	IdSet customers;
	const int32 *x; /* [customers] orders after the first */
	const int32 *last; /* [customers] days from the first to the last */
	const int32 *age; /* [customers] days from the first to as_of */
	const double *mean_value; /* [customers] of the orders after the first; 0 where there is none */
} ClvModel;

/* What the model says of one customer. */
typedef struct ClvForecast
{
	double orders;
	double any_order;
	double alive;
	double order_value; /* NaN: the model has none */
} ClvForecast;

extern ClvForecast clv_forecast(const ClvModel *model, int32 customer, double days);

/* Append the model's sections; the arrays must outlive the payload. */
extern void clv_model_write(const ClvModel *model, Payload *payload);

/* ModelKind.load: state becomes a ClvModel *. */
extern bool clv_model_load(LoadedModel *loaded, MemoryContext memory);

/* ---- how good it is (clv_judge.c) ---- */

#define CLV_JUDGE_METRICS 26

/* Metrics of forecasts for so many days against the orders observed [customers]; returns how many were written. */
extern int clv_judge(const ClvModel *model, double days, const int32 *observed, const char *split,
					 ModelMetric *metrics);

/* ModelKind.evaluate */
extern ModelMetric *clv_evaluate(const Model *model, const LoadedModel *loaded,
								 const EvaluateRequest *request, int *n_metrics);

/* Called once from _PG_init: registers the kind. */
extern void clv_init(void);

#endif
