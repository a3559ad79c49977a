/*
 * team.h - what the members of a team share: failure, the next piece of work, the step to the next phase
 *
 * A kernel is a row of phases with a barrier after each.  Within a phase, members claim chunks from one counter.
 * A member that fails (cancelled, out of memory, not finite) still comes to the barrier that ends the phase, and
 * behind it every member learns of the failure and leaves: nobody is left waiting.
 *
 * Everything in TeamShared is kept twice, for even and for odd phases.  A member may already be in phase p + 1
 * while another still reads what phase p left behind, but never in phase p + 2; so the leader clears the counter of
 * p + 1 during p, and a failure of p + 1 cannot be taken for one of p.
 */
#ifndef CORE_TEAM_H
#define CORE_TEAM_H

#include <stdatomic.h>

#include "env.h"

/* In shared memory, cleared to zero before the first member starts. */
typedef struct TeamShared
{
	_Atomic int64_t next[2]; /* first chunk that nobody has claimed */
	_Atomic int32_t failure[2]; /* the first CoreStatus other than CORE_OK */
} TeamShared;

/* One member's view. */
typedef struct Team
{
	Env *env;
	TeamShared *shared;
	unsigned phase;
} Team;

static inline Team
team_join(Env *env, TeamShared *shared)
{
	return (Team){.env = env, .shared = shared, .phase = 0};
}

/* Tell the team of a failure; the caller goes to team_meet without further work.  CORE_OK tells nothing. */
static inline void
team_fail(Team *team, CoreStatus status)
{
	int32_t none = CORE_OK;

	if (status == CORE_OK)
		return;
	atomic_compare_exchange_strong(&team->shared->failure[team->phase & 1], &none, (int32_t) status);
}

/* True when the phase has failed or the caller wants an end: look at it between pieces of a few milliseconds. */
static inline bool
team_stopped(Team *team)
{
	if (team->env->cancelled(team->env))
		team_fail(team, CORE_CANCELLED);
	return atomic_load_explicit(&team->shared->failure[team->phase & 1], memory_order_relaxed) != CORE_OK;
}

/* The next chunk of 0 .. chunks - 1 for this member, or -1 when the phase has no more or is to stop. */
static inline int64_t
team_claim(Team *team, int64_t chunks)
{
	int64_t chunk;

	if (team_stopped(team))
		return -1;
	chunk = atomic_fetch_add(&team->shared->next[team->phase & 1], 1);
	return chunk < chunks ? chunk : -1;
}

/* End the phase; every member gets the same answer, unless the barrier itself was told to stop. */
static inline CoreStatus
team_meet(Team *team)
{
	unsigned half = team->phase & 1;

	if (team->env->leader)
		atomic_store(&team->shared->next[half ^ 1], 0);
	if (!team->env->barrier(team->env))
		return CORE_CANCELLED;
	team->phase++;
	return (CoreStatus) atomic_load(&team->shared->failure[half]);
}

#endif
