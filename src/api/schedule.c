/*
 * schedule.c - schedules in SQL: schedule_retrain, unschedule_retrain, cancel_run
 *
 * Arguments are checked here, as far as they can be without reading a row; rows are written in src/model.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>
#include <signal.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "bridge/args.h"
#include "bridge/json.h"
#include "bridge/rows.h"
#include "bridge/settings.h"
#include "bridge/source.h"
#include "model/kind.h"
#include "model/registry.h"
#include "model/schedules.h"

PG_FUNCTION_INFO_V1(promoai_schedule_retrain);
PG_FUNCTION_INFO_V1(promoai_unschedule_retrain);
PG_FUNCTION_INFO_V1(promoai_cancel_run);

static Interval *
interval_or_null(const Args *args, const char *name)
{
	return args_null(args, name) ? NULL : DatumGetIntervalP(args_datum(args, name, NULL));
}

/* From now it must lead into the past. */
static Interval *
span_or_null(const Args *args, const char *name)
{
	Interval *span = interval_or_null(args, name);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz then;

	if (span == NULL)
		return NULL;
	then = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), IntervalPGetDatum(span)));
	if (then >= now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be more than nothing, got %s", name,
							   DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(span))))));
	return span;
}

static int64
count_or_none(const Args *args, const char *name)
{
	int64 value;

	if (args_null(args, name))
		return -1;
	value = DatumGetInt64(args_datum(args, name, NULL));
	if (value < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be 0 or more, got " INT64_FORMAT, name, value)));
	return value;
}

static GuardChoice
guard_choice(const Args *args)
{
	char *text = args_text(args, "guard");

	for (int i = 0; guard_choices[i] != NULL; i++)
		if (strcmp(guard_choices[i], text) == 0)
			return (GuardChoice) i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("argument \"guard\" must be one of \"auto\", \"compare\", \"none\", got \"%s\"",
						   args_quoted(text)),
					errhint("A query of your own goes into guard_query.")));
}

static Jsonb *
settings_or_empty(const Args *args)
{
	JsonObject none;
	Jsonb *settings;

	if (args_null(args, "settings"))
	{
		json_open(&none);
		return json_close(&none);
	}
	settings = DatumGetJsonbPCopy(args_datum(args, "settings", NULL));
	settings_check(settings);
	return settings;
}

/* What the worker will run. */
static char *
statements_or_null(const Args *args, const char *name)
{
	char *statements = args_text_or_null(args, name);

	if (statements != NULL)
		source_require_short(statements, psprintf("argument \"%s\"", name));
	return statements;
}

static void
check_together(const Schedule *schedule)
{
	if ((schedule->every == NULL) == (schedule->cron == NULL))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("one of the arguments \"every\" and \"cron\" must be given%s",
							   schedule->every == NULL ? "" : ", not both"),
						errhint("As in every => '1 day', or cron => '30 3 * * *'.")));
	if (schedule->guard == GUARD_NONE)
	{
		option_refuse(schedule->validation != NULL, "validation", "guard => 'none'", NULL);
		option_refuse(schedule->holdout != NULL, "holdout", "guard => 'none'", NULL);
	}
	if (schedule->validation != NULL && schedule->holdout != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"validation\" and \"holdout\" exclude each other")));
}

static void
schedule_from_call(const Args *args, Schedule *schedule)
{
	GuardOptions guards;

	*schedule = (Schedule){.every = interval_or_null(args, "every"),
						   .cron = args_text_or_null(args, "cron"),
						   .time_zone = args_text_or_null(args, "time_zone"),
						   .min_new_rows = count_or_none(args, "min_new_rows"),
						   .max_age = span_or_null(args, "max_age"),
						   .guard = guard_choice(args),
						   .holdout = span_or_null(args, "holdout"),
						   .validation = statements_or_null(args, "validation"),
						   .guard_query = statements_or_null(args, "guard_query"),
						   .after = statements_or_null(args, "after"),
						   .settings = settings_or_empty(args),
						   .search_path = pstrdup(namespace_search_path),
						   .keep = args_int_or(args, "keep", 1, INT_MAX, -1),
						   .max_failures = args_int(args, "max_failures", 1, INT_MAX)};
	options_from_call(guard_options, args, &guards);
	schedule->guards = options_to_jsonb(guard_options, &guards);
	if (schedule->time_zone == NULL)
		schedule->time_zone = pstrdup(pg_get_timezone_name(session_timezone));
	check_together(schedule);
	schedule_check_time(schedule);
}

Datum
promoai_schedule_retrain(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *name = args_text(args, "model");
	TimestampTz now = GetCurrentTimestamp();
	Schedule schedule;
	Model *model;
	Datum values[2];
	bool nulls[2] = {0};

	schedule_from_call(args, &schedule);
	PreventCommandDuringRecovery("schedule_retrain()");
	PreventCommandIfReadOnly("schedule_retrain()");
	PreventCommandIfParallelMode("schedule_retrain()");
	model = registry_open(name, MODEL_OWN);
	if (schedule.guard == GUARD_COMPARE && kind_find(model->kind)->evaluate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("models of kind \"%s\" cannot be evaluated, and so not compared", model->kind)));
	if (!schedule_next(&schedule, now, now, &schedule.next_run))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the schedule never comes")));
	schedule_put(model, &schedule);
	values[0] = CStringGetTextDatum(name);
	values[1] = TimestampTzGetDatum(schedule.next_run);
	return rows_single(fcinfo, values, nulls);
}

Datum
promoai_unschedule_retrain(PG_FUNCTION_ARGS)
{
	char *name = args_text(args_open(fcinfo), "model");
	Model *model;

	PreventCommandDuringRecovery("unschedule_retrain()");
	PreventCommandIfReadOnly("unschedule_retrain()");
	PreventCommandIfParallelMode("unschedule_retrain()");
	model = registry_open(name, MODEL_OWN);
	if (!schedule_remove(model))
		ereport(NOTICE, (errmsg("model \"%s\" has no schedule", name)));
	PG_RETURN_VOID();
}

/* The worker's processes are a superuser's, so that pg_cancel_backend() is not for owners; sessions of others run others' jobs too. */
Datum
promoai_cancel_run(PG_FUNCTION_ARGS)
{
	char *name = args_text(args_open(fcinfo), "model");
	Model *model;
	bool worker = false;
	int pid;

	PreventCommandDuringRecovery("cancel_run()");
	PreventCommandIfParallelMode("cancel_run()");
	model = registry_open(name, MODEL_OWN);
	pid = run_process(&model->id, &worker);
	if (pid == 0)
	{
		ereport(NOTICE, (errmsg("no run of the schedule of model \"%s\" is on", name)));
		PG_RETURN_BOOL(false);
	}
	if (!worker)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the schedule of model \"%s\" is run by run_due_jobs(), in process %d", name, pid),
				 errhint("Whose session it is may end it by pg_cancel_backend().")));
	PG_RETURN_BOOL(kill(pid, SIGINT) == 0);
}
