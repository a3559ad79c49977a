/*
 * worker.h - what the files of src/worker share: a job on its way, and who starts what
 *
 * README.md draws the states.
 */
#ifndef PROMOAI_WORKER_H
#define PROMOAI_WORKER_H

#include "postgres.h"

#include <signal.h>

#include "postmaster/bgworker.h"
#include "storage/dsm.h"

#include "bridge/json.h"
#include "bridge/settings.h"
#include "model/registry.h"
#include "model/schedules.h"

/* ---- jobs.c ---- */

/* One run of a schedule.  What outlives a phase lies in `memory`. */
typedef struct Job
{
	MemoryContext memory;
	MemoryContext phase_memory; /* emptied between phases */
	bool in_procedure; /* commits go through SPI */
	TimestampTz started;
	JobTimer timer;
	pg_uuid_t run_id;
	Schedule *schedule;
	GuardOptions guards;

	/* of the phase that is on */
	bool in_phase; /* its subtransaction has begun */
	Model *model; /* as it is now */
	Oid runner; /* who the session is */
	int runner_security;
	int guc_level;
	OwnerState *owner; /* while a source is read */

	/* so far */
	int32 champion; /* number of the published version; 0: none */
	int32 version; /* that was written; 0: none yet */
	JsonObject checks; /* what the guards found */
	Jsonb *profile; /* of the source; NULL: not looked at */
	double drift;
	char *verdict; /* why nothing is published; NULL: nothing speaks against it */
	char *remark; /* what is to be said of a good end */
	bool skip; /* the verdict is no guard's: there is nothing to be done */
	ErrorData *error; /* that ended a phase */
	ErrorData *cancel; /* that came after the phases: it is put off until the end is written down */
} Job;

/* Run the schedule of a model if it is due and nobody runs it.  False when that is so. */
extern bool job_run(const pg_uuid_t *model_id, const char *runner, bool in_procedure);

/* Bury runs that have crashed; due jobs that are left, and when the next one is due.  In a transaction of its own. */
extern DueJob *jobs_look(bool in_procedure, int *n, TimestampTz *next_run);

/* ModelKind.retrain's read_done: ends the reading transaction and begins another; arg is the Job. */
extern void job_read_done(void *arg);

/* ---- guards.c: each phase may leave a verdict ---- */

/* Before anything is trained: is there enough that is new, and is the source what it was? */
extern void guard_look(Job *job);

/* Compare the version that was written with the published one. */
extern void guard_compare(Job *job);

/* Ask the user's query. */
extern void guard_ask(Job *job);

/* ---- after.c ---- */

/* A phase: what follows a publication. */
extern void after_run(Job *job);

/* ---- runner.c, launcher.c ---- */

/* Told to stop: the job that is on is interrupted. */
extern volatile sig_atomic_t worker_stopping;

extern int worker_naptime; /* seconds */
extern int worker_max_running;
extern int worker_job_timeout; /* milliseconds; 0: none */

/* What a look at a database has found, in shared memory of the launcher's. */
typedef struct LookSlot
{
	TimestampTz next_run; /* DT_NOEND: none will be due; DT_NOBEGIN: the extension is not there */
	bool done; /* false: the look has not come to its end */
	bool left; /* no worker slot was free for the next job */
	pg_uuid_t job; /* its model */
} LookSlot;

/* Locks that belong to no database: a launcher's, and one for each job that may run. */
extern bool place_take(uint32 number, uint16 field);
extern void place_leave(uint32 number, uint16 field);

#define PLACE_LAUNCHER 0x706c /* number: the database, 0 for all */
#define PLACE_STARTER 0x7073 /* number: the database for which a launcher is being started */
#define PLACE_JOB 0x706a /* number: 0 to worker_max_running - 1 */

/* Start a look at a database by a process of its own. */
extern BackgroundWorkerHandle *runner_start(Oid database, dsm_handle slots, int slot);

/* A process for a job; false: there is no worker slot.  The launcher is told when it has ended: then there is a place again. */
extern bool job_start(Oid database, pid_t launcher, const pg_uuid_t *model_id);

/* Called once from _PG_init: defines the settings, and registers the launcher while the server preloads libraries. */
extern void worker_init(void);

#endif
