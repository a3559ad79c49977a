/*
 * schedules.c - schedules and their runs as rows
 *
 * All of it is constant SQL as the tables' owner (tables.h).  A schedule is one row and knows its run; the runs stand in a
 * table of their own, the last RUNS_KEPT of each model.
 *
 * The lock of a run (bridge/session_lock.h) is held over the run's transactions and subtransactions; an error that ends
 * one of its transactions altogether gives it back, as it should.
 *
 * Others may hold the row of a schedule for as long as they like, by schedule_retrain() in a transaction that they leave open.
 * Nobody waits for them: rows that are locked are not due, and not buried, until a later look, and a run that cannot
 * settle its schedule has its end written down all the same, and is settled by a later look.
 *
 * A run that fails is tried again after a minute, the next after two, four and so on to a day at most; after max_failures in
 * a row, or MAX_CRASHES crashes in a row, the schedule is switched off and says so.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/timestamp.h"

#include "bridge/session_lock.h"
#include "bridge/testpoint.h"
#include "bridge/wake.h"
#include "model/internal.h"
#include "model/schedules.h"
#include "model/tables.h"

#define RUNS_KEPT 500
#define MAX_CRASHES 3
#define BACKOFF_DOUBLINGS 11 /* a minute, doubled so often, is more than a day */

const char *const guard_choices[] = {
	[GUARD_AUTO] = "auto", [GUARD_COMPARE] = "compare", [GUARD_NONE] = "none", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(GuardOptions, field)

const Option guard_options[] = {
	{FIELD(tolerance), .type = OPTION_REAL, .min = 0, .max = 1, .missing = 0.05},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000, .missing = 20},
	{FIELD(min_rows_ratio), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{FIELD(max_null_share), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{FIELD(max_drift), .type = OPTION_REAL, .min = 0, .max = 1000, .nullable = true},
	{FIELD(max_unseen), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{.name = NULL},
};

/* ---- schedules ---- */

static TableArg
arg_optional_int4(int32 value)
{
	TableArg arg = arg_int4(value);

	arg.null = value < 0;
	return arg;
}

static TableArg
arg_optional_int8(int64 value)
{
	TableArg arg = arg_int8(value);

	arg.null = value < 0;
	return arg;
}

void
schedule_put(const Model *model, const Schedule *schedule)
{
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id),
					   arg_interval(schedule->every),
					   arg_text(schedule->cron),
					   arg_text(schedule->time_zone),
					   arg_optional_int8(schedule->min_new_rows),
					   arg_interval(schedule->max_age),
					   arg_text(guard_choices[schedule->guard]),
					   arg_jsonb(schedule->guards),
					   arg_interval(schedule->holdout),
					   arg_text(schedule->validation),
					   arg_text(schedule->guard_query),
					   arg_text(schedule->after),
					   arg_text(schedule->search_path),
					   arg_jsonb(schedule->settings),
					   arg_optional_int4(schedule->keep),
					   arg_int4(schedule->max_failures),
					   arg_time(schedule->next_run)};

	tables_enter(&writer);
	tables_execute(
		"INSERT INTO promoai.registry_schedules (model_id, every, cron, time_zone, min_new_rows, max_age, guard,"
		" guards, holdout, validation, guard_query, after_run, search_path, settings, keep, max_failures, enabled,"
		" next_run, failures, crashes, changed_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, true, $17, 0, 0,"
		" pg_catalog.clock_timestamp())"
		" ON CONFLICT (model_id) DO UPDATE SET (every, cron, time_zone, min_new_rows, max_age, guard, guards, holdout,"
		" validation, guard_query, after_run, search_path, settings, keep, max_failures, enabled, next_run, failures,"
		" crashes, message, planned, profile, changed_at) = ROW(EXCLUDED.every, EXCLUDED.cron, EXCLUDED.time_zone,"
		" EXCLUDED.min_new_rows, EXCLUDED.max_age, EXCLUDED.guard, EXCLUDED.guards, EXCLUDED.holdout,"
		" EXCLUDED.validation, EXCLUDED.guard_query, EXCLUDED.after_run, EXCLUDED.search_path, EXCLUDED.settings,"
		" EXCLUDED.keep, EXCLUDED.max_failures, true, EXCLUDED.next_run,"
		" (registry_schedules.run_id IS NOT NULL)::int, 0, NULL, NULL, NULL, EXCLUDED.changed_at)",
		args, lengthof(args));
	tables_leave(&writer);
	wake_at_commit(LAUNCHER_NAME);
}

bool
schedule_remove(const Model *model)
{
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id)};
	uint64 removed;

	tables_enter(&writer);
	removed =
		tables_execute("DELETE FROM promoai.registry_schedules WHERE model_id = $1", args, lengthof(args));
	tables_leave(&writer);
	return removed > 0;
}

static GuardChoice
guard_of(const char *text)
{
	for (int i = 0; guard_choices[i] != NULL; i++)
		if (strcmp(guard_choices[i], text) == 0)
			return (GuardChoice) i;
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid stored guard: \"%s\"", text)));
}

static Interval *
interval_value(int column)
{
	bool null;
	Datum value = tables_value(0, column, &null);
	Interval *copy;

	if (null)
		return NULL;
	copy = palloc(sizeof(Interval));
	*copy = *DatumGetIntervalP(value);
	return copy;
}

static int64
int_value(int column, int64 missing)
{
	bool null;
	Datum value = tables_value(0, column, &null);

	return null ? missing : DatumGetInt64(value);
}

static Jsonb *
jsonb_value(int column)
{
	bool null;
	Datum value = tables_value(0, column, &null);

	return null ? NULL : DatumGetJsonbPCopy(value);
}

static char *
text_value(int column)
{
	char *text = tables_text(0, column);

	return text == NULL ? NULL : pstrdup(text);
}

/* Of three columns. */
static Oid
owner_from_row(int column)
{
	bool null;

	return registry_role(tables_value(0, column, &null), tables_value(0, column + 1, &null),
						 tables_value(0, column + 2, &null));
}

static Schedule *
schedule_from_row(void)
{
	Schedule *schedule = palloc0(sizeof(Schedule));
	int c = 0;

	schedule->model = text_value(++c);
	schedule->every = interval_value(++c);
	schedule->cron = text_value(++c);
	schedule->time_zone = text_value(++c);
	schedule->min_new_rows = int_value(++c, -1);
	schedule->max_age = interval_value(++c);
	schedule->guard = guard_of(tables_text(0, ++c));
	schedule->guards = jsonb_value(++c);
	schedule->holdout = interval_value(++c);
	schedule->validation = text_value(++c);
	schedule->guard_query = text_value(++c);
	schedule->after = text_value(++c);
	schedule->search_path = text_value(++c);
	schedule->settings = jsonb_value(++c);
	schedule->keep = (int32) int_value(++c, -1);
	schedule->max_failures = (int32) int_value(++c, 0);
	schedule->enabled = int_value(++c, 0) != 0;
	schedule->next_run = int_value(++c, 0); /* a timestamptz is a 64-bit number */
	schedule->failures = (int32) int_value(++c, 0);
	schedule->crashes = (int32) int_value(++c, 0);
	schedule->profile = jsonb_value(++c);
	schedule->planned = int_value(++c, 0);
	schedule->owner = owner_from_row(++c);
	return schedule;
}

Schedule *
schedule_read(const pg_uuid_t *model_id)
{
	MemoryContext caller = CurrentMemoryContext;
	TableWriter writer;
	TableArg args[] = {arg_uuid(model_id)};
	Schedule *schedule = NULL;

	tables_enter(&writer);
	if (tables_execute(
			"SELECT m.model, every, cron, time_zone, min_new_rows, max_age, guard, guards, holdout,"
			" validation, guard_query, after_run, search_path, settings, keep::bigint,"
			" max_failures::bigint, enabled::int::bigint, next_run, failures::bigint, crashes::bigint,"
			" profile, coalesce(planned, next_run), m.owner_name, m.owner_oid, m.owner_cluster"
			" FROM promoai.registry_schedules s JOIN promoai.registry_models m USING (model_id)"
			" WHERE s.model_id = $1",
			args, lengthof(args)) > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		schedule = schedule_from_row();
		schedule->model_id = *model_id;
		MemoryContextSwitchTo(spi);
	}
	tables_leave(&writer);
	return schedule;
}

/* ---- what is due ---- */

static void
due_from_row(uint64 row, DueJob *job)
{
	bool null;

	memcpy(&job->model_id, DatumGetUUIDP(tables_value(row, 1, &null)), sizeof(job->model_id));
	job->model = pstrdup(tables_text(row, 2));
	job->claimed = DatumGetBool(tables_value(row, 3, &null));
}

/* n more jobs after the first `before`. */
static DueJob *
due_rows(DueJob *jobs, int before, int n, MemoryContext memory)
{
	MemoryContext spi = MemoryContextSwitchTo(memory);
	Size bytes = sizeof(DueJob) * Max(before + n, 1);

	jobs = jobs == NULL ? palloc(bytes) : repalloc(jobs, bytes);
	for (int i = 0; i < n; i++)
		due_from_row((uint64) i, &jobs[before + i]);
	MemoryContextSwitchTo(spi);
	return jobs;
}

DueJob *
schedules_due(TimestampTz now, int *n, TimestampTz *next_run)
{
	MemoryContext caller = CurrentMemoryContext;
	TableWriter writer;
	TableArg args[] = {arg_time(now)};
	DueJob *jobs;
	int orphans;
	Datum next;
	bool null;

	tables_enter(&writer);
	/* Runs whose schedule was taken away while they were on. */
	orphans = (int) tables_execute(
		"SELECT DISTINCT r.model_id, m.model, true FROM promoai.registry_runs r"
		" JOIN promoai.registry_models m USING (model_id) WHERE r.state = 'running' AND NOT EXISTS"
		" (SELECT 1 FROM promoai.registry_schedules s WHERE s.run_id = r.run_id)",
		NULL, 0);
	jobs = due_rows(NULL, 0, orphans, caller);
	*n = (int) tables_execute(
		"SELECT s.model_id, m.model, run_id IS NOT NULL FROM promoai.registry_schedules s"
		" JOIN promoai.registry_models m USING (model_id)"
		" WHERE run_id IS NOT NULL OR (enabled AND next_run <= $1) ORDER BY next_run, m.model"
		" FOR UPDATE OF s SKIP LOCKED",
		args, lengthof(args));
	jobs = due_rows(jobs, orphans, *n, caller);
	*n += orphans;
	tables_execute("SELECT pg_catalog.min(next_run) FROM promoai.registry_schedules"
				   " WHERE enabled AND run_id IS NULL AND next_run > $1",
				   args, lengthof(args));
	next = tables_value(0, 1, &null);
	*next_run = null ? DT_NOEND : DatumGetTimestampTz(next);
	tables_leave(&writer);
	return jobs;
}

/* ---- the lock ---- */

static SessionLock
lock_of_run(const pg_uuid_t *model_id)
{
	uint32 words[2];

	memcpy(words, model_id->data + 8, sizeof(words)); /* random but for two bits */
	return (SessionLock){MyDatabaseId, SESSION_LOCK_RUN, words[0], (uint16) words[1]};
}

/* False also to a run of this very session, which has called us. */
bool
run_lock(const pg_uuid_t *model_id)
{
	SessionLock lock = lock_of_run(model_id);

	return session_lock(&lock);
}

void
run_unlock(const pg_uuid_t *model_id)
{
	SessionLock lock = lock_of_run(model_id);

	session_unlock(&lock);
}

/* Whoever holds the lock: a process that has crashed may have left its number to another. */
int
run_process(const pg_uuid_t *model_id, bool *worker)
{
	SessionLock lock = lock_of_run(model_id);
	TableWriter writer;
	TableArg args[] = {arg_uuid(model_id), arg_oid(lock.database), arg_oid(lock.kind), arg_oid(lock.number),
					   arg_int4((int16) lock.more)};
	int pid = 0;
	bool null;

	tables_enter(&writer);
	if (tables_execute("SELECT l.pid, r.runner = 'worker' FROM promoai.registry_runs r"
					   " JOIN pg_catalog.pg_locks l ON l.pid = r.pid AND l.locktype = 'object' AND l.granted"
					   " WHERE r.model_id = $1 AND r.state = 'running' AND l.database = $2 AND l.classid = $3"
					   " AND l.objid = $4 AND l.objsubid = $5",
					   args, lengthof(args)) > 0)
	{
		pid = DatumGetInt32(tables_value(0, 1, &null));
		*worker = DatumGetBool(tables_value(0, 2, &null));
	}
	tables_leave(&writer);
	return pid;
}

/* ---- runs ---- */

/* The row is locked before it is looked at: nobody else claims it, changes it or takes it away until we commit. */
bool
run_claim(const pg_uuid_t *model_id, const char *runner, pg_uuid_t *run_id)
{
	TableWriter writer;
	TableArg key[] = {arg_uuid(model_id)};
	TableArg run[] = {arg_uuid(run_id), arg_uuid(model_id), arg_text(runner), arg_int4(MyProcPid)};
	bool due;

	uuid_random(run_id);
	tables_enter(&writer);
	due = tables_execute(
			  "SELECT 1 FROM promoai.registry_schedules WHERE model_id = $1 AND enabled AND run_id IS NULL"
			  " AND next_run <= pg_catalog.clock_timestamp() FOR UPDATE SKIP LOCKED",
			  key, lengthof(key)) > 0;
	if (due)
	{
		tables_execute("INSERT INTO promoai.registry_runs (run_id, model_id, runner, pid, started_at, state)"
					   " VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp(), 'running')",
					   run, lengthof(run));
		tables_execute(
			"UPDATE promoai.registry_schedules SET run_id = $1, failures = failures + 1 WHERE model_id = $2",
			run, 2);
		test_point("claiming");
	}
	tables_leave(&writer);
	return due;
}

static TimestampTz
backoff(int32 failures, TimestampTz now)
{
	double minutes = exp2(Min(Max(failures, 1) - 1, BACKOFF_DOUBLINGS));

	return now + (TimestampTz) (Min(minutes, 24.0 * 60) * 60 * USECS_PER_SEC);
}

static const char *const state_names[] = {[RUN_PUBLISHED] = "published", [RUN_AFTER_FAILED] = "after failed",
										  [RUN_KEPT] = "kept",           [RUN_SKIPPED] = "skipped",
										  [RUN_FAILED] = "failed",       [RUN_INTERRUPTED] = "interrupted"};

static void
end_run(const pg_uuid_t *run_id, const char *state, const RunEnd *end)
{
	TableArg args[] = {
		arg_uuid(run_id),       arg_text(state),
		arg_int4(end->version), arg_text(end->sqlstate == 0 ? NULL : unpack_sql_state(end->sqlstate)),
		arg_text(end->message), arg_jsonb(end->checks)};

	args[2].null = end->version == 0;
	tables_execute(
		"UPDATE promoai.registry_runs SET ended_at = pg_catalog.clock_timestamp(), state = $2, version = $3,"
		" sqlstate = $4, message = $5, checks = $6 WHERE run_id = $1",
		args, lengthof(args));
}

/* Runs long past are forgotten. */
static void
forget_runs(const pg_uuid_t *model_id)
{
	TableArg args[] = {arg_uuid(model_id), arg_int4(RUNS_KEPT)};

	tables_execute(
		"DELETE FROM promoai.registry_runs WHERE model_id = $1 AND run_id IN"
		" (SELECT run_id FROM promoai.registry_runs WHERE model_id = $1 ORDER BY started_at DESC OFFSET $2)",
		args, lengthof(args));
}

void
run_end(const pg_uuid_t *model_id, const pg_uuid_t *run_id, const RunEnd *end)
{
	TableWriter writer;

	tables_enter(&writer);
	end_run(run_id, state_names[end->state], end);
	forget_runs(model_id);
	tables_leave(&writer);
}

void
run_settle(const Schedule *schedule, const pg_uuid_t *run_id, const RunEnd *end)
{
	TimestampTz now = GetCurrentTimestamp();
	bool failed = end->state == RUN_FAILED;
	bool interrupted = end->state == RUN_INTERRUPTED;
	bool off = failed && schedule->failures >= schedule->max_failures;
	char *message = NULL;
	TimestampTz next = now;
	TableWriter writer;

	if (failed)
		next = backoff(schedule->failures, now);
	else if (!interrupted && !schedule_next(schedule, schedule->planned, now, &next))
		message = "switched off: it never comes again";
	if (off)
		message = psprintf("switched off after %d failures in a row: %s", schedule->failures, end->message);

	tables_enter(&writer);
	{
		TableArg args[] = {arg_uuid(&schedule->model_id),
						   arg_uuid(run_id),
						   arg_time(next),
						   arg_text(message),
						   arg_bool(failed),
						   arg_bool(interrupted),
						   arg_jsonb(end->profile),
						   arg_float8(end->drift)};

		tables_execute(
			"UPDATE promoai.registry_schedules SET run_id = NULL, next_run = $3,"
			" enabled = enabled AND $4 IS NULL, message = coalesce($4, message),"
			" failures = CASE WHEN $5 THEN failures WHEN $6 THEN greatest(failures - 1, 0) ELSE 0 END,"
			" crashes = CASE WHEN $6 THEN crashes ELSE 0 END,"
			" planned = CASE WHEN $5 OR $6 THEN coalesce(planned, next_run) END,"
			" profile = coalesce($7, profile), drift = coalesce($8, drift)"
			" WHERE model_id = $1 AND run_id = $2",
			args, lengthof(args));
	}
	tables_leave(&writer);
}

static const RunEnd without_a_word = {
	.drift = NAN,
	.message = "the run ended without a word: the server crashed, or the session was terminated"};

/* A run whose schedule was taken away while it was on. */
static void
bury_orphans(const pg_uuid_t *model_id)
{
	TableArg args[] = {arg_uuid(model_id), arg_text(without_a_word.message)};

	tables_execute(
		"UPDATE promoai.registry_runs r SET ended_at = pg_catalog.clock_timestamp(), state = 'crashed',"
		" message = $2 WHERE model_id = $1 AND state = 'running' AND NOT EXISTS"
		" (SELECT 1 FROM promoai.registry_schedules s WHERE s.run_id = r.run_id)",
		args, lengthof(args));
}

/* A run that was written down, and could not settle its schedule. */
static void
settle_late(const pg_uuid_t *model_id, const pg_uuid_t *run_id, RunEnd *end, const char *state)
{
	Schedule *schedule = schedule_read(model_id);

	for (int i = 0; i < (int) lengthof(state_names); i++)
		if (strcmp(state_names[i], state) == 0)
			end->state = (RunState) i;
	if (schedule != NULL)
		run_settle(schedule, run_id, end);
}

/* How often it has crashed already is asked of the row behind its lock. */
void
run_bury(const pg_uuid_t *model_id)
{
	TimestampTz now = GetCurrentTimestamp();
	TableWriter writer;
	TableArg key[] = {arg_uuid(model_id)};
	RunEnd end = without_a_word;
	MemoryContext caller = CurrentMemoryContext;
	pg_uuid_t run_id;
	char *state = NULL;

	tables_enter(&writer);
	bury_orphans(model_id);
	if (tables_execute("SELECT s.run_id, crashes::bigint + 1, failures::bigint, r.state, r.message"
					   " FROM promoai.registry_schedules s JOIN promoai.registry_runs r USING (run_id)"
					   " WHERE s.model_id = $1 FOR UPDATE OF s SKIP LOCKED",
					   key, lengthof(key)) > 0)
	{
		bool null;

		run_id = *DatumGetUUIDP(tables_value(0, 1, &null));
		state = MemoryContextStrdup(caller, tables_text(0, 4));
		if (strcmp(state, "running") != 0 && tables_text(0, 5) != NULL)
			end.message = MemoryContextStrdup(caller, tables_text(0, 5));
	}
	if (state != NULL && strcmp(state, "running") == 0)
	{
		int32 crashes = (int32) int_value(2, 0);
		TimestampTz next = backoff((int32) int_value(3, 1), now);
		bool off = crashes >= MAX_CRASHES;
		char *message =
			off ? psprintf("switched off after %d crashes in a row: %s", crashes, end.message) : NULL;
		TableArg args[] = {arg_uuid(model_id), arg_int4(crashes), arg_time(next), arg_text(message)};

		end_run(&run_id, "crashed", &end);
		tables_execute(
			"UPDATE promoai.registry_schedules SET run_id = NULL, crashes = $2, planned = coalesce(planned, next_run),"
			" next_run = $3,"
			" enabled = enabled AND $4 IS NULL, message = coalesce($4, message) WHERE model_id = $1",
			args, lengthof(args));
		ereport(LOG, (errmsg("promoai: a run of a schedule crashed, %d in a row", crashes),
					  message == NULL ? 0 : errdetail_internal("%s", message)));
		state = NULL;
	}
	tables_leave(&writer);
	if (state != NULL)
		settle_late(model_id, &run_id, &end, state);
}
