/*
 * team.h - several processes at one computation
 *
 * A team is a region of memory and a number of parallel workers that may join.  The region is dynamic shared memory
 * when workers are wanted and there is room, private memory otherwise (then everything runs in this process, with a
 * NOTICE when that is not what was asked for).  A job is a core kernel written for any number of members: every
 * process calls it with the same region.  Pointers must not stand in the region: members map it at different addresses.
 *
 *   team_create   region is there; PostgreSQL is not in parallel mode; rows may be read, arrays filled
 *   team_run      enters parallel mode, launches workers, runs the job in all members, leaves parallel mode
 *   team_destroy  region is gone (an error or the end of the transaction does the same)
 *
 * The region outlives each run, so several jobs can follow one another, and results are written to tables from it after
 * parallel mode is left.  While a job runs the team meets at a PostgreSQL Barrier and blocks there, never spins.
 */
#ifndef PROMOAI_BRIDGE_TEAM_H
#define PROMOAI_BRIDGE_TEAM_H

#include "postgres.h"

#include "bridge/env.h"

typedef CoreStatus (*TeamJob)(Env *env, void *memory);

typedef struct Team Team;

/* Jobs are found by name in every process; called from _PG_init. */
extern void team_register(const char *name, TeamJob job);

/* `bytes` cleared bytes, aligned to 64; at most `workers` workers beside the leader (0: private memory). */
extern Team *team_create(Size bytes, int workers);
extern void *team_memory(Team *team);
extern void team_run(Team *team, const char *job, PgEnv *env, const char *what);
extern void team_destroy(Team *team);

/* The Env's barrier: wait for the whole team; false when the work is to stop. */
extern bool team_barrier(PgEnv *env);

/* How many workers a computation of about `flops` operations is worth, by settings and size. */
extern int team_workers(double flops);

#endif
