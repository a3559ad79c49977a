/*
 * jobs.c - a run of a schedule, by the worker or by run_due_jobs()
 *
 * A run is a row of transactions: claim; look at the source; read, and train; compare; publish; what comes after; end.
 * README.md draws them.  Each but the first and the last is a phase: it runs as the model's owner, under the owner's settings
 * and the schedule's, in a subtransaction, so that an error in it ends the phase and not the run, which goes on to write down
 * what happened.  Between reading and training the phase commits: what it has read lies in its own memory, so no snapshot is
 * held for as long as a training takes.
 *
 * The claim is committed before the work begins, and a lock of the session's is held from before the claim until
 * after the end.
 *
 * The worker and run_due_jobs() differ in one thing: how they commit.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "bridge/progress.h"
#include "bridge/testpoint.h"
#include "model/kind.h"
#include "model/manage.h"
#include "worker/worker.h"

#define CHANNEL "promoai_published"
#define END_LOCK_TIMEOUT "2s"
#define WRITE_TRIES 5 /* of what cancels interrupt */

volatile sig_atomic_t worker_stopping = false;

/* ---- transactions ---- */

/* Commit, and begin again. */
static void
job_commit(bool in_procedure)
{
	MemoryContext caller = CurrentMemoryContext;

	if (in_procedure)
		SPI_commit();
	else
	{
		CommitTransactionCommand();
		StartTransactionCommand();
	}
	/* Rows claimed by another are passed over, not a reason to fail. */
	XactIsoLevel = XACT_READ_COMMITTED;
	MemoryContextSwitchTo(caller);
}

/* From here on the session is the model's owner. */
static void
become_owner(Job *job)
{
	Model *model = registry_open(job->schedule->model, MODEL_OWN);

	if (!OidIsValid(model->owner_oid))
		registry_leave_owner(registry_enter_owner(model)); /* says that the owner is gone */
	if (model->owner_oid != job->schedule->owner ||
		memcmp(&model->id, &job->schedule->model_id, sizeof(model->id)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" was handed over, or made anew, while its schedule ran", model->name)));
	job->model = model;
	GetUserIdAndSecContext(&job->runner, &job->runner_security);
	SetUserIdAndSecContext(model->owner_oid, job->runner_security | SECURITY_LOCAL_USERID_CHANGE);
	job->guc_level = NewGUCNestLevel();
	(void) set_config_option("TimeZone", job->schedule->time_zone, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	settings_apply(model->owner_oid, job->schedule->settings);
	timer_start(&job->timer, job->started, worker_job_timeout);
}

static void
become_runner(Job *job)
{
	AtEOXact_GUC(false, job->guc_level);
	SetUserIdAndSecContext(job->runner, job->runner_security);
}

static void
phase_begin(Job *job)
{
	MemoryContext caller = CurrentMemoryContext;

	BeginInternalSubTransaction(NULL);
	job->in_phase = true;
	MemoryContextSwitchTo(caller);
	if (worker_stopping)
		ereport(ERROR, (errcode(ERRCODE_ADMIN_SHUTDOWN), errmsg("the worker was told to stop")));
	test_point("phase");
	CHECK_FOR_INTERRUPTS();
	PushActiveSnapshot(GetTransactionSnapshot());
	become_owner(job);
}

static void
phase_end(Job *job)
{
	MemoryContext caller = CurrentMemoryContext;

	become_runner(job);
	PopActiveSnapshot();
	ReleaseCurrentSubTransaction();
	job->in_phase = false;
	MemoryContextSwitchTo(caller);
}

static void
phase_failed(Job *job)
{
	MemoryContextSwitchTo(job->memory);
	job->error = CopyErrorData();
	FlushErrorState();
	registry_direct(NULL);
	RollbackAndReleaseCurrentSubTransaction();
	job->in_phase = false;
	MemoryContextSwitchTo(job->memory);
}

/*
 * One phase; false when it ended in an error, which is then job->error.  An error between two subtransactions, of a commit
 * while the source is read, ends the run: it has ended the transaction, and given back the run's lock.
 */
static bool
job_phase(Job *job, void (*work)(Job *job))
{
	MemoryContext caller = MemoryContextSwitchTo(job->phase_memory);

	job->error = NULL;
	PG_TRY();
	{
		phase_begin(job);
		work(job);
		phase_end(job);
	}
	PG_CATCH();
	{
		if (!job->in_phase)
			PG_RE_THROW();
		phase_failed(job);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	test_point("between phases");
	job_commit(job->in_procedure);
	MemoryContextReset(job->phase_memory);
	return job->error == NULL;
}

/* Was the model changed while its source was read?  Its lock is taken again, and held to the end of the training. */
static void
check_unchanged(const Job *job, const Model *before)
{
	const Model *now = job->model;

	if (strcmp(now->source, before->source) != 0 || strcmp(now->search_path, before->search_path) != 0 ||
		compareJsonbContainers(&now->arguments->root, &before->arguments->root) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("model \"%s\" was defined anew while its schedule ran", now->name)));
}

void
job_read_done(void *arg)
{
	Job *job = arg;
	Model *before = job->model;

	registry_leave_owner(job->owner);
	phase_end(job);
	job_commit(job->in_procedure);
	phase_begin(job);
	check_unchanged(job, before);
	registry_begin(job->model->name, job->model->kind);
	PopActiveSnapshot();
	InvalidateCatalogSnapshot();
}

/* ---- the phases ---- */

static void
work_look(Job *job)
{
	test_point("claimed");
	guard_look(job);
}

/* A new version beside the published one. */
static void
work_train(Job *job)
{
	PublishTo beside = {.mode = PUBLISH_BESIDE};
	Model *model = job->model;
	ModelVersion *version;

	if (model->published)
		job->champion = registry_version(model, 0)->version;
	registry_begin(model->name, model->kind);
	job->owner = registry_enter_owner(model);
	registry_direct(&beside);
	version = kind_find(model->kind)->retrain(model, job_read_done, job);
	registry_direct(NULL);
	job->version = version->version;
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
work_publish(Job *job)
{
	ModelVersion *version;

	if (job->model->published ? registry_version(job->model, 0)->version != job->champion
							  : job->champion != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("another version of model \"%s\" was published while its schedule ran",
							   job->model->name)));
	version = model_publish(job->model->name, job->version);
	Async_Notify(CHANNEL, DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&version->id))));
	if (job->schedule->keep > 0)
		(void) model_prune(job->model->name, job->schedule->keep);
}

static void
work_prune(Job *job)
{
	(void) model_prune(job->model->name, job->schedule->keep);
}

/* Code of an owner's may raise an error of the same SQLSTATE, but not from where the server looks for cancels. */
static bool
is_cancel(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED && error->funcname != NULL &&
		   strcmp(error->funcname, "ProcessInterrupts") == 0;
}

/* Was it the job's own time that ran out? */
static bool
timed_out(const Job *job)
{
	return job->timer.deadline != 0 && GetCurrentTimestamp() >= job->timer.deadline;
}

/* The cancel by the user, or by the session's timeout, that ends run_due_jobs() and not only the job; NULL: there was none. */
static ErrorData *
cancel_of_session(const Job *job)
{
	return job->error != NULL && is_cancel(job->error) && !timed_out(job) ? job->error : NULL;
}

/* Versions that are held back, or could not be judged, are pruned as well; what stops that says so in the log only. */
static void
prune_unpublished(Job *job)
{
	ErrorData *error = job->error;

	if (job->version == 0 || job->schedule->keep <= 0 || worker_stopping)
		return;
	if (!job_phase(job, work_prune))
	{
		job->cancel = cancel_of_session(job);
		ereport(LOG, (errmsg("promoai: the versions of model \"%s\" could not be pruned: %s",
							 job->schedule->model, job->error->message)));
	}
	job->error = error;
}

/* ---- how it ended ---- */

static char *
error_text(const Job *job)
{
	const ErrorData *error = job->error;

	if (is_cancel(error) && timed_out(job) && job->timer.at_limit)
		return psprintf("canceled after promoai.job_timeout, %d ms", worker_job_timeout);
	return error->detail == NULL ? error->message : psprintf("%s (%s)", error->message, error->detail);
}

static RunEnd
end_with_error(const Job *job, RunState state, const char *before)
{
	return (RunEnd){.state = worker_stopping ? RUN_INTERRUPTED : state,
					.version = job->version,
					.sqlstate = job->error->sqlerrcode,
					.message = psprintf("%s%s", before, error_text(job))};
}

static RunEnd
end_without(const Job *job, RunState state)
{
	return (RunEnd){.state = state, .version = job->version, .message = job->verdict};
}

/* All phases, one after the other. */
static RunEnd
job_work(Job *job)
{
	RunEnd end;

	if (!job_phase(job, work_look))
		return end_with_error(job, RUN_FAILED, "");
	if (job->verdict != NULL)
		return end_without(job, job->skip ? RUN_SKIPPED : RUN_KEPT);
	if (!job_phase(job, work_train))
		return end_with_error(job, RUN_FAILED, "");
	if (!job_phase(job, guard_compare) || !job_phase(job, guard_ask))
		return end_with_error(job, RUN_FAILED, "not published, because it could not be judged: ");
	if (job->verdict != NULL)
		return end_without(job, RUN_KEPT);
	if (!job_phase(job, work_publish))
		return end_with_error(job, RUN_FAILED, "not published: ");
	end = (RunEnd){.state = RUN_PUBLISHED, .message = job->remark};
	if (job->schedule->after != NULL && !job_phase(job, after_run))
		end = end_with_error(job, RUN_AFTER_FAILED, "published, but the statements after it failed: ");
	end.version = job->version;
	end.profile = job->profile;
	return end;
}

static void
write_end(const Job *job, const RunEnd *end)
{
	run_end(&job->schedule->model_id, &job->run_id, end);
}

static void
settle(const Job *job, const RunEnd *end)
{
	Schedule *now = schedule_read(&job->schedule->model_id); /* it may have been replaced, or taken away */

	if (now != NULL)
		run_settle(now, &job->run_id, end);
}

/* False after an error, which is then *error. */
static bool
try_write(Job *job, const RunEnd *end, void (*write)(const Job *job, const RunEnd *end), ErrorData **error)
{
	*error = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(job->memory);
	PG_TRY();
	{
		int guc_level = NewGUCNestLevel();

		test_point("ending");
		(void) set_config_option("lock_timeout", END_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
		write(job, end);
		AtEOXact_GUC(false, guc_level);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(job->memory);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(job->memory);
	return *error == NULL;
}

/* In a transaction of its own.  A cancel is put off until it is written; any other error is logged. */
static void
job_write(Job *job, const RunEnd *end, void (*write)(const Job *job, const RunEnd *end))
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *error;

	for (int i = 0; i < WRITE_TRIES && !try_write(job, end, write, &error); i++)
	{
		if (error->sqlerrcode != ERRCODE_QUERY_CANCELED)
		{
			ereport(WARNING, (errcode(error->sqlerrcode),
							  errmsg("promoai: the end of a run of the schedule of model \"%s\" could not be "
									 "written down: %s",
									 job->schedule->model, error->message)));
			break;
		}
		job->cancel = error;
	}
	MemoryContextSwitchTo(caller);
	job_commit(job->in_procedure);
}

/*
 * The run is written down first, then its schedule, whose row others may have locked: they are waited for a moment, and later a
 * look settles it.  Where the run cannot be written down any more, it will look like a crash.
 */
static void
job_end(Job *job, RunEnd *end)
{
	if (worker_stopping) /* no standby is waited for */
		SetConfigOption("synchronous_commit", "local", PGC_USERSET, PGC_S_OVERRIDE);
	end->drift = job->drift;
	end->checks = json_close(&job->checks);
	job_write(job, end, write_end);
	job_write(job, end, settle);
}

static void
job_log(const Job *job, const RunEnd *end)
{
	bool bad = end->state == RUN_FAILED || end->state == RUN_AFTER_FAILED;

	ereport(bad ? WARNING : LOG,
			(errmsg("promoai: the schedule of model \"%s\" ran: %s", job->schedule->model,
					end->message != NULL ? end->message : "published")));
}

static bool
job_claim(Job *job, const pg_uuid_t *model_id, const char *runner)
{
	if (!run_lock(model_id))
		return false;
	if (run_claim(model_id, runner, &job->run_id))
	{
		job->schedule = schedule_read(model_id);
		options_from_jsonb(guard_options, job->schedule->guards, &job->guards);
		job_commit(job->in_procedure);
		return true;
	}
	job_commit(job->in_procedure);
	run_unlock(model_id);
	return false;
}

bool
job_run(const pg_uuid_t *model_id, const char *runner, bool in_procedure)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "promoai job", ALLOCSET_DEFAULT_SIZES);
	Job *job = MemoryContextAllocZero(memory, sizeof(Job));
	pg_uuid_t key = *model_id;
	RunEnd end;

	MemoryContextSwitchTo(memory);
	job->memory = memory;
	job->phase_memory = AllocSetContextCreate(memory, "promoai job phase", ALLOCSET_DEFAULT_SIZES);
	job->in_procedure = in_procedure;
	job->started = GetCurrentTimestamp();
	job->drift = NAN;
	if (!job_claim(job, &key, runner))
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(memory);
		return false;
	}
	json_open(&job->checks);
	end = job_work(job);
	if (end.state == RUN_KEPT || end.state == RUN_FAILED)
		prune_unpublished(job);
	progress_end();
	{
		ErrorData *cancel = cancel_of_session(job);

		timer_stop(&job->timer);
		job_end(job, &end);
		run_unlock(&key);
		job_log(job, &end);
		MemoryContextSwitchTo(caller);
		cancel = cancel != NULL ? cancel : job->cancel;
		if (in_procedure && cancel != NULL)
			ReThrowError(cancel);
	}
	MemoryContextDelete(memory);
	return true;
}

/* ---- what is due ---- */

/* A claim whose lock is free is a crash. */
static void
bury_crashed(const DueJob *job, bool in_procedure)
{
	if (!run_lock(&job->model_id))
		return;
	run_bury(&job->model_id);
	job_commit(in_procedure);
	run_unlock(&job->model_id);
}

DueJob *
jobs_look(bool in_procedure, int *n, TimestampTz *next_run)
{
	DueJob *jobs = schedules_due(GetCurrentTimestamp(), n, next_run);
	int due = 0;

	for (int i = 0; i < *n; i++)
	{
		if (in_procedure)
		{
			bool mine;

			PushActiveSnapshot(GetTransactionSnapshot());
			mine = registry_may(jobs[i].model, MODEL_OWN);
			PopActiveSnapshot();
			if (!mine)
				continue;
		}
		if (jobs[i].claimed)
			bury_crashed(&jobs[i], in_procedure);
		else
			jobs[due++] = jobs[i];
	}
	*n = due;
	return jobs;
}

/* ---- run_due_jobs() ---- */

PG_FUNCTION_INFO_V1(promoai_run_due_jobs);
Datum
promoai_run_due_jobs(PG_FUNCTION_ARGS)
{
	CallContext *context = (CallContext *) fcinfo->context;
	DueJob *jobs;
	TimestampTz next_run;
	int n;

	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("run_due_jobs() cannot run in a transaction block or in a function"),
						errhint("It commits between jobs: CALL promoai.run_due_jobs() by itself.")));
	PreventCommandDuringRecovery("run_due_jobs()");
	PreventCommandIfReadOnly("run_due_jobs()");
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");
	MemoryContextSwitchTo(AllocSetContextCreate(PortalContext, "promoai due jobs", ALLOCSET_DEFAULT_SIZES));
	SPI_commit(); /* the first transaction has a snapshot of the CALL's own */
	XactIsoLevel = XACT_READ_COMMITTED;
	jobs = jobs_look(true, &n, &next_run);
	job_commit(true);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) job_run(&jobs[i].model_id, "run_due_jobs", true);
	}
	SPI_finish();
	return (Datum) 0;
}
