/*
 * model.c - models in SQL: publish, roll back, drop, prune, grant, hand over, retrain, evaluate
 *
 * Arguments are checked here, the work is done in src/model, rows go back.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "bridge/args.h"
#include "bridge/rows.h"
#include "model/cache.h"
#include "model/kind.h"
#include "model/manage.h"
#include "model/registry.h"

PG_FUNCTION_INFO_V1(promoai_model_publish);
PG_FUNCTION_INFO_V1(promoai_model_rollback);
PG_FUNCTION_INFO_V1(promoai_model_drop);
PG_FUNCTION_INFO_V1(promoai_model_prune);
PG_FUNCTION_INFO_V1(promoai_model_grant);
PG_FUNCTION_INFO_V1(promoai_model_revoke);
PG_FUNCTION_INFO_V1(promoai_model_owner);
PG_FUNCTION_INFO_V1(promoai_model_definition);
PG_FUNCTION_INFO_V1(promoai_model_usable);
PG_FUNCTION_INFO_V1(promoai_model_owned);
PG_FUNCTION_INFO_V1(promoai_retrain);
PG_FUNCTION_INFO_V1(promoai_evaluate);

#define EVALUATE_MAX_K 10000

/* ---- which version is current ---- */

static Datum
answer_version(FunctionCallInfo fcinfo, const char *model, const ModelVersion *version)
{
	Datum values[] = {CStringGetTextDatum(model), Int32GetDatum(version->version)};
	bool nulls[lengthof(values)] = {0};

	return rows_single(fcinfo, values, nulls);
}

Datum
promoai_model_publish(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	return answer_version(fcinfo, model, model_publish(model, args_int(args, "version", 1, INT_MAX)));
}

Datum
promoai_model_rollback(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	return answer_version(fcinfo, model, model_rollback(model));
}

/* ---- removing, granting, handing over ---- */

Datum
promoai_model_drop(PG_FUNCTION_ARGS)
{
	model_drop(args_text(args_open(fcinfo), "model"));
	PG_RETURN_VOID();
}

Datum
promoai_model_prune(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	PG_RETURN_INT32(model_prune(model, args_int(args, "keep", 1, INT_MAX)));
}

/* No role's name is as long as what messages quote whole. */
static const char *
role_given(const Args *args)
{
	return args_quoted(args_text(args, "role"));
}

Datum
promoai_model_grant(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	model_grant(model, role_given(args));
	PG_RETURN_VOID();
}

Datum
promoai_model_revoke(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	model_revoke(model, role_given(args));
	PG_RETURN_VOID();
}

Datum
promoai_model_owner(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *model = args_text(args, "model");

	model_hand_over(model, role_given(args));
	PG_RETURN_VOID();
}

/* ---- looking at models ---- */

Datum
promoai_model_definition(PG_FUNCTION_ARGS)
{
	Model *model = registry_open(args_text(args_open(fcinfo), "model"), MODEL_OWN);
	Datum values[] = {CStringGetTextDatum(model->source), CStringGetTextDatum(model->search_path),
					  JsonbPGetDatum(model->arguments)};
	bool nulls[lengthof(values)] = {0};

	return rows_single(fcinfo, values, nulls);
}

Datum
promoai_model_usable(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(registry_may(text_to_cstring(PG_GETARG_TEXT_PP(0)), MODEL_USE));
}

Datum
promoai_model_owned(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(registry_may(text_to_cstring(PG_GETARG_TEXT_PP(0)), MODEL_OWN));
}

/* ---- training again ---- */

/* (model, version, kind, rows_read, rows_skipped, sizes, metrics, seconds) */
static Datum
answer_training(FunctionCallInfo fcinfo, const char *model, const ModelVersion *version)
{
	int n_metrics;
	ModelMetric *metrics = registry_metrics(version, &n_metrics);
	Datum values[] = {CStringGetTextDatum(model),
					  Int32GetDatum(version->version),
					  CStringGetTextDatum(version->kind),
					  Int64GetDatum(version->rows_read),
					  Int64GetDatum(version->rows_skipped),
					  JsonbPGetDatum(version->sizes),
					  JsonbPGetDatum(registry_metrics_jsonb(metrics, n_metrics)),
					  Float8GetDatum(version->seconds)};
	bool nulls[lengthof(values)] = {0};

	return rows_single(fcinfo, values, nulls);
}

Datum
promoai_retrain(PG_FUNCTION_ARGS)
{
	char *model = args_text(args_open(fcinfo), "model");
	ModelVersion *version = model_retrain(model);
	Datum answer;

	PushActiveSnapshot(GetTransactionSnapshot()); /* the statement's own does not see the new version */
	answer = answer_training(fcinfo, model, version);
	PopActiveSnapshot();
	return answer;
}

/* ---- evaluating ---- */

static void
put_metric(ReturnSetInfo *rows, const ModelMetric *metric)
{
	Datum values[] = {CStringGetTextDatum(metric->metric),
					  Float8GetDatum(metric->value),
					  Float8GetDatum(metric->low),
					  Float8GetDatum(metric->high),
					  Int64GetDatum(metric->n),
					  CStringGetTextDatum(metric->split)};
	bool nulls[] = {false, isnan(metric->value), isnan(metric->low), isnan(metric->high), metric->n < 0,
					false};

	rows_put(rows, values, nulls);
}

Datum
promoai_evaluate(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	ModelVersion *version = registry_version(model, args_int_or(args, "version", 1, PG_INT32_MAX, 0));
	EvaluateRequest request = {.source = args_text(args, "source"),
							   .history = args_text_or_null(args, "history"),
							   .k = args_int(args, "k", 1, EVALUATE_MAX_K)};
	const ModelKind *kind = kind_find(version->kind);
	const LoadedModel *loaded = cache_get(model, version, CurrentMemoryContext);
	int n_metrics;
	ModelMetric *metrics = kind->evaluate(model, loaded, &request, &n_metrics);
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int i = 0; i < n_metrics; i++)
		put_metric(rows, &metrics[i]);
	return (Datum) 0;
}
