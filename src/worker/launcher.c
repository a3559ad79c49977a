/*
 * launcher.c - the process that is always there: it looks after the databases, one after the other
 *
 * Preloaded, it serves every database that promoai.databases names (all, when it names none); started by
 * promoai.start_worker(), one.  It is connected to no database.  Every promoai.worker_naptime, and sooner where something is
 * known to be due sooner, it starts a runner in each, one at a time; a database without the extension is looked at less often.
 * What the runners find they leave in a piece of shared memory of the launcher's.
 *
 * Its latch is set when a job has begun or ended, or a schedule was made: then all are looked at soon.  The end of a runner sets
 * no latch, or looks would lead to looks for ever; while one is on, the launcher asks for its end every so often.  A runner that
 * gets nowhere, for a lock on its database or on our tables, is ended after a time, and its database put off.
 *
 * On a standby it starts when recovery has ended.
 */
#include "postgres.h"

#include <limits.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"

#include "bridge/compat.h"
#include "worker/worker.h"

#define MAX_DATABASES 1024
#define ABSENT_NAPS 10 /* a database without the extension is looked at every tenth time */
#define SHORTEST_MS 1000 /* between two looks at one database */
#define RESTART_SECONDS 10
#define LOOK_SECONDS 10 /* a look that takes longer is ended */
#define FIRST_POLL_MS 10 /* for the end of a look; doubled each time */
#define LAST_POLL_MS 1000
#define PLACE_MS 10 /* between two tries for the launcher's place */
#define PLACE_TRIES 20

/* After a start nothing is looked at for so long: whatever makes looking crash the server leaves it time to be stopped. */
#define FIRST_LOOK_SECONDS 10

extern PGDLLEXPORT void promoai_launcher_main(Datum argument);

int worker_naptime = 60;
int worker_max_running = 2;
int worker_job_timeout = 0;
static bool worker_enabled = true;
static char *worker_databases = NULL;

typedef struct LookedAt
{
	Oid database;
	bool there; /* found at the last look at pg_database */
	bool absent; /* the extension is not there */
	int lost; /* looks in a row that did not come to their end */
	TimestampTz last_look; /* 0: none yet */
	TimestampTz next_look;
} LookedAt;

typedef struct Launcher
{
	Oid only; /* the one database to serve; InvalidOid: all */
	MemoryContext scratch;
	dsm_segment *segment;
	LookedAt list[MAX_DATABASES];
	int n;
	TimestampTz next_list; /* when pg_database is read again */
	BackgroundWorkerHandle *runner; /* that is on; NULL: none */
	int runner_slot;
	long poll_ms; /* until its end is asked for again */
	bool short_of_workers; /* and has said so */
	bool short_for_jobs;
} Launcher;

/* ---- which databases ---- */

static bool
is_named(const char *database)
{
	List *names;
	ListCell *cell;

	if (worker_databases == NULL || worker_databases[0] == '\0')
		return true;
	if (!SplitIdentifierString(pstrdup(worker_databases), ',', &names))
		return false;
	foreach (cell, names)
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	return false;
}

static void
list_add(Launcher *launcher, Oid database, TimestampTz now)
{
	for (int i = 0; i < launcher->n; i++)
		if (launcher->list[i].database == database)
		{
			launcher->list[i].there = true;
			return;
		}
	if (launcher->n == MAX_DATABASES)
	{
		ereport(LOG, (errmsg("promoai: more than %d databases; the others are not looked at", MAX_DATABASES),
					  errhint("Name those that matter in promoai.databases.")));
		return;
	}
	launcher->list[launcher->n++] =
		(LookedAt){.database = database,
				   .there = true,
				   .next_look = TimestampTzPlusMilliseconds(now, Min(worker_naptime, FIRST_LOOK_SECONDS) *
																	 INT64CONST(1000))};
}

/* The slots of databases that are gone are used by others. */
static void
list_forget(Launcher *launcher)
{
	int kept = 0;

	for (int i = 0; i < launcher->n; i++)
		if (launcher->list[i].there)
			launcher->list[kept++] = launcher->list[i];
	launcher->n = kept;
}

static void
list_databases(Launcher *launcher, TimestampTz now)
{
	Relation table;
	TableScanDesc scan;
	HeapTuple tuple;

	for (int i = 0; i < launcher->n; i++)
		launcher->list[i].there = false;
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	table = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(table, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (!database->datallowconn || database->datistemplate || compat_database_is_invalid(database))
			continue;
		if (OidIsValid(launcher->only) ? database->oid == launcher->only
									   : is_named(NameStr(database->datname)))
			list_add(launcher, database->oid, now);
	}
	table_endscan(scan);
	table_close(table, AccessShareLock);
	CommitTransactionCommand();
	list_forget(launcher);
	launcher->next_list = TimestampTzPlusMilliseconds(now, worker_naptime * INT64CONST(1000));
}

/* ---- looks ---- */

/* The runner has left a job for want of a worker slot; the one that it had itself is free now. */
static void
start_left(Launcher *launcher, const LookedAt *at, const LookSlot *slot)
{
	bool started = job_start(at->database, MyProcPid, &slot->job);

	if (!started && !launcher->short_for_jobs)
		ereport(LOG, (errmsg("promoai: no background worker slot is free for a schedule that is due"),
					  errhint("Raise max_worker_processes, or lower promoai.max_running.")));
	launcher->short_for_jobs = !started;
}

static void
look_over(Launcher *launcher, TimestampTz now)
{
	LookedAt *at = &launcher->list[launcher->runner_slot];
	LookSlot *slot = (LookSlot *) dsm_segment_address(launcher->segment) + launcher->runner_slot;
	int64 nap = worker_naptime * INT64CONST(1000);

	at->lost = slot->done ? 0 : at->lost + 1;
	at->absent = slot->next_run == DT_NOBEGIN;
	at->next_look = TimestampTzPlusMilliseconds(now, at->absent || at->lost > 1 ? nap * ABSENT_NAPS : nap);
	if (!at->absent && slot->next_run < at->next_look)
		at->next_look = Max(slot->next_run, TimestampTzPlusMilliseconds(now, SHORTEST_MS));
	pfree(launcher->runner);
	launcher->runner = NULL;
	if (slot->left)
		start_left(launcher, at, slot);
}

static void
look_start(Launcher *launcher, int which, TimestampTz now)
{
	LookedAt *at = &launcher->list[which];

	at->last_look = now;
	((LookSlot *) dsm_segment_address(launcher->segment))[which] = (LookSlot){.next_run = DT_NOEND};
	launcher->runner = runner_start(at->database, dsm_segment_handle(launcher->segment), which);
	launcher->runner_slot = which;
	launcher->poll_ms = FIRST_POLL_MS;
	if (launcher->runner == NULL)
	{
		if (!launcher->short_of_workers)
			ereport(LOG, (errmsg("promoai: no background worker slot is free to look for schedules"),
						  errhint("Raise max_worker_processes.")));
		at->next_look = TimestampTzPlusMilliseconds(now, worker_naptime * INT64CONST(1000));
	}
	launcher->short_of_workers = launcher->runner == NULL;
}

/* The one whose look is most overdue; -1: none is. */
static int
most_overdue(const Launcher *launcher, TimestampTz now)
{
	int which = -1;

	for (int i = 0; i < launcher->n; i++)
		if (launcher->list[i].next_look <= now &&
			(which < 0 || launcher->list[i].next_look < launcher->list[which].next_look))
			which = i;
	return which;
}

/*
 * A process has ended, perhaps a job whose place another may have; or there is a new schedule somewhere.  A first look comes no
 * sooner for it: the latch is set for many reasons when a server starts.
 */
static void
hurry(Launcher *launcher)
{
	for (int i = 0; i < launcher->n; i++)
	{
		LookedAt *at = &launcher->list[i];
		int64 pause = at->absent || at->lost > 0 ? worker_naptime * INT64CONST(1000) : SHORTEST_MS;

		if (at->last_look != 0)
			at->next_look = Min(at->next_look, TimestampTzPlusMilliseconds(at->last_look, pause));
	}
}

static long
wait_ms(const Launcher *launcher, TimestampTz now)
{
	TimestampTz until = launcher->next_list;

	if (launcher->runner != NULL)
		return launcher->poll_ms;
	for (int i = 0; i < launcher->n; i++)
		until = Min(until, launcher->list[i].next_look);
	return TimestampDifferenceMilliseconds(now, until);
}

static void
launcher_step(Launcher *launcher)
{
	TimestampTz now = GetCurrentTimestamp();
	pid_t pid;
	int which;

	if (launcher->runner != NULL && GetBackgroundWorkerPid(launcher->runner, &pid) == BGWH_STOPPED)
		look_over(launcher, now);
	if (launcher->runner != NULL)
	{
		launcher->poll_ms = Min(launcher->poll_ms * 2, LAST_POLL_MS);
		if (TimestampDifferenceExceeds(launcher->list[launcher->runner_slot].last_look, now,
									   LOOK_SECONDS * 1000))
			TerminateBackgroundWorker(launcher->runner);
		return;
	}
	if (now >= launcher->next_list)
	{
		list_databases(launcher, now);
		if (OidIsValid(launcher->only) && launcher->n == 0)
			proc_exit(0); /* the database was dropped */
	}
	which = most_overdue(launcher, now);
	if (which >= 0)
		look_start(launcher, which, now);
}

static void
launcher_loop(Launcher *launcher)
{
	while (!ShutdownRequestPending)
	{
		MemoryContext caller = MemoryContextSwitchTo(launcher->scratch);
		int event;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			launcher->next_list = 0;
		}
		MemoryContextSwitchTo(caller);
		launcher_step(launcher);
		MemoryContextSwitchTo(caller);
		event = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						  wait_ms(launcher, GetCurrentTimestamp()), PG_WAIT_EXTENSION);
		if (event & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			hurry(launcher);
		}
		MemoryContextReset(launcher->scratch);
	}
}

/* start_worker() takes it for a moment, to see whether it is free. */
static bool
take_own_place(Oid database)
{
	for (int i = 0; i < PLACE_TRIES; i++)
	{
		if (place_take(database, PLACE_LAUNCHER))
			return true;
		pg_usleep(PLACE_MS * 1000L);
	}
	return false;
}

void
promoai_launcher_main(Datum argument)
{
	Launcher *launcher;

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", LAUNCHER_NAME, PGC_USERSET, PGC_S_OVERRIDE);
	pgstat_report_appname(LAUNCHER_NAME);

	launcher = MemoryContextAllocZero(TopMemoryContext, sizeof(Launcher));
	launcher->only = DatumGetObjectId(argument);
	if (!take_own_place(launcher->only))
		proc_exit(0); /* another serves already */
	launcher->scratch = AllocSetContextCreate(TopMemoryContext, "promoai launcher", ALLOCSET_DEFAULT_SIZES);
	launcher->segment = dsm_create(sizeof(LookSlot) * MAX_DATABASES, 0);
	MemoryContextSwitchTo(TopMemoryContext);
	launcher_loop(launcher);
	proc_exit(0);
}

/* ---- starting it ---- */

static void
describe_launcher(BackgroundWorker *worker, Oid database)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = RESTART_SECONDS;
	worker->bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker->bgw_library_name, "promoai", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "promoai_launcher_main", sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, LAUNCHER_NAME, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, LAUNCHER_NAME, sizeof(worker->bgw_type));
}

static void
serves_already(void)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("a worker serves this database already"),
					errhint("pg_stat_activity shows it: backend_type is \"promoai launcher\".")));
}

static void
check_place_free(Oid database)
{
	if (!place_take(database, PLACE_LAUNCHER))
		serves_already();
	place_leave(database, PLACE_LAUNCHER);
}

/* Others who want to start one look for its place, so we stay until it is taken. */
static bool
has_its_place(BackgroundWorkerHandle *handle)
{
	pid_t pid;

	while (GetBackgroundWorkerPid(handle, &pid) == BGWH_STARTED)
	{
		if (!place_take(MyDatabaseId, PLACE_LAUNCHER))
			return true;
		place_leave(MyDatabaseId, PLACE_LAUNCHER);
		CHECK_FOR_INTERRUPTS();
		pg_usleep(PLACE_MS * 1000L);
	}
	return false;
}

PG_FUNCTION_INFO_V1(promoai_start_worker);
Datum
promoai_start_worker(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t pid = 0;

	PreventCommandDuringRecovery("start_worker()");
	if (!place_take(MyDatabaseId, PLACE_STARTER))
		serves_already();
	if (is_named(get_database_name(MyDatabaseId)))
		check_place_free(InvalidOid);
	check_place_free(MyDatabaseId);
	describe_launcher(&worker, MyDatabaseId);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle) ||
		WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED || !has_its_place(handle))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("the worker cannot be started"),
						errhint("Raise max_worker_processes; the server's log may say more.")));
	place_leave(MyDatabaseId, PLACE_STARTER);
	PG_RETURN_INT32((int32) pid);
}

/* ---- settings ---- */

static bool
check_databases(char **value, void **extra, GucSource source)
{
	List *names;
	bool good = *value == NULL || SplitIdentifierString(pstrdup(*value), ',', &names);

	if (!good)
		GUC_check_errdetail("It must be a list of databases, separated by commas.");
	return good;
}

void
worker_init(void)
{
	BackgroundWorker worker;

	DefineCustomIntVariable(
		"promoai.worker_naptime",
		"Sets how often the worker looks into a database for schedules that are new or due.", NULL,
		&worker_naptime, 60, 1, INT_MAX / 10000, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("promoai.max_running",
							"Sets how many jobs of the worker may run at once, in all databases together.",
							NULL, &worker_max_running, 2, 0, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("promoai.job_timeout",
							"Sets how long a run of a schedule may take; 0: as long as it takes.",
							"Owners cannot raise it by their own settings.", &worker_job_timeout, 0, 0,
							INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("promoai.databases", "Lists the databases that the worker serves; empty: all.",
							   NULL, &worker_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL,
							   NULL);
	/* Known also where it is of no effect, as it may stand in the configuration; there it can no longer be of that kind. */
	DefineCustomBoolVariable(
		"promoai.worker", "Starts the worker with the server, where promoai is preloaded.", NULL,
		&worker_enabled, true, process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0,
		NULL, NULL, NULL);
	if (!process_shared_preload_libraries_in_progress || !worker_enabled || IsBinaryUpgrade)
		return;
	describe_launcher(&worker, InvalidOid);
	RegisterBackgroundWorker(&worker);
}
