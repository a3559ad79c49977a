/*
 * team.c - several processes at one computation
 *
 * The region is a dynamic shared memory segment of its own, created before parallel mode is entered and mapped until
 * team_destroy, so that rows can be read into it before a run and results written to tables after one.  Each run is a
 * ParallelContext whose own segment holds only the TeamControl below.
 *
 * Start of a run.  The leader initialises the control, launches workers, learns how many were granted, sizes the
 * barrier for them and itself and opens the gate.  Workers wait at the gate, so a barrier is never used with the wrong
 * count.  WaitForParallelWorkersToAttach turns a worker that could not be forked into an error instead of a hang.
 *
 * Errors.  Inside the job nothing jumps: errors that a barrier or an interrupt raises are kept in the PgEnv and raised
 * once the kernel has unwound.  A failing worker reports through its error queue; the leader meets that report in its
 * next look at interrupts or at the barrier.  A failing leader ends the transaction's parallel context, which
 * terminates the workers.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/barrier.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/dsm_impl.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bridge/memory.h"
#include "bridge/team.h"

#define TEAM_KEY_CONTROL UINT64CONST(0x70726f6d6f616901)
#define TEAM_MAX_JOBS 16
#define TEAM_ALIGN 64
#define CLEAR_BYTES ((Size) 4 * 1024 * 1024) /* between two looks at interrupts */

/* Below this many operations per worker, starting it costs more than it brings. */
#define TEAM_FLOPS_PER_WORKER 2e9

/* One run's meeting place, in the parallel context's segment. */
typedef struct TeamControl
{
	char job[NAMEDATALEN];
	dsm_handle region;
	slock_t lock;
	int members; /* 0 until the leader knows how many workers were granted */
	int arrived; /* workers that have started */
	ConditionVariable gate;
	Barrier barrier;
} TeamControl;

struct Team
{
	dsm_segment *segment; /* NULL: private memory */
	void *raw; /* private memory as allocated */
	void *memory; /* aligned */
	int workers; /* wanted */
};

static struct
{
	const char *name;
	TeamJob job;
} team_jobs[TEAM_MAX_JOBS];
static int n_team_jobs = 0;

void
team_register(const char *name, TeamJob job)
{
	Assert(n_team_jobs < TEAM_MAX_JOBS);
	team_jobs[n_team_jobs].name = name;
	team_jobs[n_team_jobs].job = job;
	n_team_jobs++;
}

static TeamJob
team_job(const char *name)
{
	for (int i = 0; i < n_team_jobs; i++)
		if (strcmp(team_jobs[i].name, name) == 0)
			return team_jobs[i].job;
	elog(ERROR, "team job \"%s\" is not registered", name);
}

int
team_workers(double flops)
{
	double worth = flops / TEAM_FLOPS_PER_WORKER;

	if (IsInParallelMode() || worth < 1)
		return 0;
	return (int) Min(worth, (double) max_parallel_maintenance_workers);
}

/* ---- the region ---- */

/* Clear memory that may be large: touching a gigabyte for the first time takes half a second. */
static void
clear_memory(char *memory, Size bytes)
{
	for (Size at = 0; at < bytes; at += CLEAR_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		memset(memory + at, 0, Min(CLEAR_BYTES, bytes - at));
	}
}

Team *
team_create(Size bytes, int workers)
{
	Team *team = palloc0(sizeof(Team));

	bytes = memory_add(Max(bytes, 1), TEAM_ALIGN);
	if (workers > 0 && !memory_shared_has_room(bytes, false))
		ereport(NOTICE, (errmsg("going without parallel workers: /dev/shm has no room for %s",
								memory_pretty(bytes))));
	else if (workers > 0 && (team->segment = memory_shared_create(bytes)) == NULL)
		ereport(NOTICE, (errmsg("going without parallel workers: the system gives no shared memory of %s",
								memory_pretty(bytes))));
	if (team->segment != NULL)
	{
		team->workers = workers;
		team->memory = (void *) TYPEALIGN(TEAM_ALIGN, dsm_segment_address(team->segment));
		/* Fresh segments are zeros, but a piece of the pool allocated at server start may have been used before. */
		if (min_dynamic_shared_memory > 0)
			clear_memory(team->memory, bytes - TEAM_ALIGN);
		return team;
	}
	team->raw = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	team->memory = (void *) TYPEALIGN(TEAM_ALIGN, team->raw);
	clear_memory(team->memory, bytes - TEAM_ALIGN);
	return team;
}

void *
team_memory(Team *team)
{
	return team->memory;
}

void
team_destroy(Team *team)
{
	if (team->segment != NULL)
		dsm_detach(team->segment);
	if (team->raw != NULL)
		pfree(team->raw);
	pfree(team);
}

/* ---- a run ---- */

bool
team_barrier(PgEnv *env)
{
	MemoryContext caller = CurrentMemoryContext;

	if (env->error != NULL)
		return false;
	if (env->team == NULL)
		return !env->base.cancelled(&env->base);

	PG_TRY();
	{
		BarrierArriveAndWait(&env->team->barrier, PG_WAIT_EXTENSION);
	}
	PG_CATCH();
	{
		env_keep_error(env, caller);
	}
	PG_END_TRY();
	return env->error == NULL;
}

static TeamControl *
control_create(ParallelContext *context, const Team *team, const char *job)
{
	TeamControl *control = shm_toc_allocate(context->toc, sizeof(TeamControl));

	strlcpy(control->job, job, sizeof(control->job));
	control->region = dsm_segment_handle(team->segment);
	SpinLockInit(&control->lock);
	control->members = 0;
	control->arrived = 0;
	ConditionVariableInit(&control->gate);
	shm_toc_insert(context->toc, TEAM_KEY_CONTROL, control);
	return control;
}

static void
gate_open(TeamControl *control, int members)
{
	BarrierInit(&control->barrier, members);
	SpinLockAcquire(&control->lock);
	control->members = members;
	SpinLockRelease(&control->lock);
	ConditionVariableBroadcast(&control->gate);
}

static bool
gate_is_open(TeamControl *control)
{
	bool open;

	SpinLockAcquire(&control->lock);
	open = control->members > 0;
	SpinLockRelease(&control->lock);
	return open;
}

static void
gate_wait(TeamControl *control)
{
	ConditionVariablePrepareToSleep(&control->gate);
	while (!gate_is_open(control))
		ConditionVariableSleep(&control->gate, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

/* The barrier would keep us waiting for the others anyway. */
static void
wait_for_arrival(TeamControl *control, int workers)
{
	ConditionVariablePrepareToSleep(&control->gate);
	for (;;)
	{
		int arrived;

		SpinLockAcquire(&control->lock);
		arrived = control->arrived;
		SpinLockRelease(&control->lock);
		if (arrived >= workers)
			break;
		ConditionVariableSleep(&control->gate, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/* This worker has imported what it needs. */
static void
arrive(TeamControl *control)
{
	SpinLockAcquire(&control->lock);
	control->arrived++;
	SpinLockRelease(&control->lock);
	ConditionVariableBroadcast(&control->gate);
}

static void
run_with_workers(Team *team, const char *job, PgEnv *env, const char *what)
{
	ParallelContext *context;
	CoreStatus status;

	EnterParallelMode();
	context = CreateParallelContext("$libdir/promoai", "promoai_team_worker", team->workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(TeamControl));
	shm_toc_estimate_keys(&context->estimator, 1);
	/* Workers import a snapshot when they start; a training that has none of its own holds one until they all have. */
	PushActiveSnapshot(ActiveSnapshotSet() ? GetActiveSnapshot() : GetTransactionSnapshot());
	InitializeParallelDSM(context);
	if (context->seg != NULL)
	{
		env->team = control_create(context, team, job);
		LaunchParallelWorkers(context);
		gate_open(env->team, context->nworkers_launched + 1);
		WaitForParallelWorkersToAttach(context);
		wait_for_arrival(env->team, context->nworkers_launched);
	}
	PopActiveSnapshot();
	status = team_job(job)(&env->base, team->memory);
	env->team = NULL;
	env_check(env, status, what);
	WaitForParallelWorkersToFinish(context);
	DestroyParallelContext(context);
	ExitParallelMode();
}

void
team_run(Team *team, const char *job, PgEnv *env, const char *what)
{
	if (team->segment != NULL && !IsInParallelMode())
		run_with_workers(team, job, env, what);
	else
		env_check(env, team_job(job)(&env->base, team->memory), what);
}

/* Where parallel workers start. */
extern PGDLLEXPORT void promoai_team_worker(dsm_segment *segment, shm_toc *toc);

void
promoai_team_worker(dsm_segment *segment, shm_toc *toc)
{
	TeamControl *control = shm_toc_lookup(toc, TEAM_KEY_CONTROL, false);
	dsm_segment *region;
	PgEnv env;
	CoreStatus status;

	/*
	 * Nothing is read here, and vacuum should not be held back for as long as this takes: neither by the leader's snapshot
	 * nor by the catalog's, which PostgreSQL 18 has taken since.
	 */
	PopActiveSnapshot();
	InvalidateCatalogSnapshot();
	arrive(control);
	gate_wait(control);
	region = dsm_attach(control->region);
	if (region == NULL)
		elog(ERROR, "could not map the team's memory");

	env_init(&env,
			 AllocSetContextCreate(CurrentMemoryContext, "promoai team worker", ALLOCSET_DEFAULT_SIZES));
	env.base.leader = false;
	env.team = control;
	status = team_job(control->job)(&env.base, (void *) TYPEALIGN(TEAM_ALIGN, dsm_segment_address(region)));
	env_check(&env, status, "working in parallel");
	dsm_detach(region);
	PushActiveSnapshot(GetTransactionSnapshot()); /* our caller takes it off */
}
