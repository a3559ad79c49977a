/*
 * runner.c - a look at one database, and one job, each in a process that ends with it
 *
 * The launcher starts a runner in each database every so often.  The runner buries crashed runs, starts a worker for each job
 * that is due as long as there are places, tells the launcher when it should look again, and exits: between two looks no
 * process of ours is connected to the database, which can be dropped, or used as a template, as if we were not there.
 *
 * A job takes one of promoai.max_running places, which are locks of no database, so they bind all databases together and are
 * free again whatever becomes of the process (bridge/session_lock.h).
 *
 * Told to stop, a job is cancelled, so that its end can be written down.  Code of the owner's may catch a cancel, again and
 * again: STOP_MS later the process ends whatever is on, and the run looks like a crash.
 *
 * A job that promoai.job_timeout, cancel_run or pg_cancel_backend cancels in vain ends likewise, some seconds later.
 *
 * Both connect as the bootstrap superuser, since owners may be roles that cannot log in; jobs.c becomes the owner.
 */
#include "postgres.h"

#include <limits.h>
#include <signal.h>
#include <time.h>

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "bridge/session_lock.h"
#include "model/tables.h"
#include "worker/worker.h"

#define LOCK_TIMEOUT "5s" /* of a look: somebody may be altering our tables */
#define STOP_MS 600
#define GRACE_SECONDS 5 /* for a job that does not end by promoai.job_timeout, or when it is cancelled */

extern PGDLLEXPORT void promoai_runner_main(Datum argument);
extern PGDLLEXPORT void promoai_job_main(Datum argument);

/* bgw_extra */
typedef struct RunnerTask
{
	Oid database;
	dsm_handle slots;
	int slot;
	pid_t launcher;
} RunnerTask;

typedef struct JobTask
{
	Oid database;
	pg_uuid_t model_id;
} JobTask;

StaticAssertDecl(sizeof(RunnerTask) <= BGW_EXTRALEN && sizeof(JobTask) <= BGW_EXTRALEN,
				 "a task fits into bgw_extra");

/* ---- places ---- */

static SessionLock
lock_of_place(uint32 number, uint16 field)
{
	return (SessionLock){InvalidOid, SESSION_LOCK_PLACE, number, field};
}

bool
place_take(uint32 number, uint16 field)
{
	SessionLock lock = lock_of_place(number, field);

	return session_lock(&lock);
}

void
place_leave(uint32 number, uint16 field)
{
	SessionLock lock = lock_of_place(number, field);

	session_unlock(&lock);
}

static int
places_free(void)
{
	int n = 0;

	for (int i = 0; i < worker_max_running; i++)
		if (place_take((uint32) i, PLACE_JOB))
		{
			place_leave((uint32) i, PLACE_JOB);
			n++;
		}
	return n;
}

static bool
place_of_job(void)
{
	for (int i = 0; i < worker_max_running; i++)
		if (place_take((uint32) i, PLACE_JOB))
			return true;
	return false;
}

/* ---- starting ---- */

static void
describe_worker(BackgroundWorker *worker, const char *name, const char *function, const void *task,
				Size bytes)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "promoai", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, name, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, name, sizeof(worker->bgw_type));
	memcpy(worker->bgw_extra, task, bytes);
}

BackgroundWorkerHandle *
runner_start(Oid database, dsm_handle slots, int slot)
{
	RunnerTask task = {.database = database, .slots = slots, .slot = slot, .launcher = MyProcPid};
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	describe_worker(&worker, "promoai runner", "promoai_runner_main", &task, sizeof(task));
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

bool
job_start(Oid database, pid_t launcher, const pg_uuid_t *model_id)
{
	JobTask task = {.database = database, .model_id = *model_id};
	BackgroundWorker worker;

	describe_worker(&worker, "promoai job", "promoai_job_main", &task, sizeof(task));
	worker.bgw_notify_pid = launcher;
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

static void
connect_to(Oid database, const char *application)
{
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	SetConfigOption("application_name", application, PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
}

/* Begin a transaction; false when our tables are not there. */
static bool
begin_work(void)
{
	bool there;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
	there = OidIsValid(get_extension_oid("promoai", true)) && tables_have_schedules();
	PopActiveSnapshot();
	MemoryContextSwitchTo(
		TopMemoryContext); /* jobs are more than one transaction, and the process ends with them */
	return there;
}

/* ---- a look ---- */

/* Start what is due, as far as there are places.  Where we have the last worker slot, the launcher may start one after us. */
static void
start_due(const RunnerTask *task, const DueJob *jobs, int n, LookSlot *found)
{
	int places = Min(places_free(), n);

	for (int i = 0; i < places; i++)
		if (!job_start(task->database, task->launcher, &jobs[i].model_id))
		{
			found->left = true;
			found->job = jobs[i].model_id;
			return;
		}
}

void
promoai_runner_main(Datum argument)
{
	RunnerTask task;
	dsm_segment *segment;
	LookSlot found = {.next_run = DT_NOBEGIN, .done = true};
	DueJob *jobs = NULL;
	int n = 0;

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	pqsignal(SIGTERM, die);
	connect_to(task.database, "promoai runner");
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_OVERRIDE);
	if (begin_work())
	{
		pgstat_report_activity(STATE_RUNNING, "promoai: looking for schedules that are due");
		jobs = jobs_look(false, &n, &found.next_run);
	}
	CommitTransactionCommand(); /* gives back the rows, which the jobs want to lock */
	start_due(&task, jobs, n, &found);

	segment = dsm_attach(task.slots);
	if (segment != NULL) /* the launcher may have gone */
		((LookSlot *) dsm_segment_address(segment))[task.slot] = found;
	proc_exit(0);
}

/* ---- a job ---- */

static timer_t stop_timer; /* sends us another SIGTERM */
static timer_t cancel_timer; /* sends us SIGUSR2 */

/* As a cancel, so that the run can be written down as interrupted; jobs look for cancels every few milliseconds. */
static void
stop_handler(SIGNAL_ARGS)
{
	const struct itimerspec wait = {.it_value = {.tv_nsec = STOP_MS * 1000000L}};
	int saved = errno;

	if (worker_stopping)
		ProcDiePending = true;
	else
		(void) timer_settime(stop_timer, 0, &wait, NULL); /* may be called in a handler */
	worker_stopping = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
	errno = saved;
}

static void
overdue_handler(void)
{
	ProcDiePending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
overdue_signal_handler(SIGNAL_ARGS)
{
	int saved = errno;

	overdue_handler();
	errno = saved;
}

/* A cancel, which the owner's code may catch. */
static void
cancel_handler(SIGNAL_ARGS)
{
	const struct itimerspec wait = {.it_value = {.tv_sec = GRACE_SECONDS}};
	int saved = errno;

	(void) timer_settime(cancel_timer, 0, &wait, NULL);
	errno = saved;
	StatementCancelHandler(postgres_signal_arg);
}

/* A job that goes on after its timeout, since the owner's code has caught that, ends with its process. */
static void
bound_time(void)
{
	TimeoutId overdue = RegisterTimeout(USER_TIMEOUT, overdue_handler);

	if (worker_job_timeout > 0)
		enable_timeout_after(overdue, (int) Min((int64) worker_job_timeout + GRACE_SECONDS * 1000, INT_MAX));
}

static void
timer_of_signal(int signal, timer_t *timer)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};

	if (timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
		ereport(FATAL, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not create a timer: %m")));
}

void
promoai_job_main(Datum argument)
{
	JobTask task;

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	timer_of_signal(SIGTERM, &stop_timer);
	timer_of_signal(SIGUSR2, &cancel_timer);
	pqsignal(SIGTERM, stop_handler);
	pqsignal(SIGUSR2, overdue_signal_handler);
	pqsignal(SIGINT, cancel_handler);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	connect_to(task.database, "promoai job");
	if (!place_of_job())
		proc_exit(0);
	bound_time();
	if (begin_work())
	{
		pgstat_report_activity(STATE_RUNNING, "promoai: running a schedule");
		(void) job_run(&task.model_id, "worker", false);
	}
	CommitTransactionCommand();
	proc_exit(0);
}
