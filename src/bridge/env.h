/*
 * env.h - the bridge's side of core/env.h: memory, cancel and errors
 *
 * Kernels never jump.  When PostgreSQL wants to stop the work (cancel, termination, a failed parallel worker) the
 * error is caught where it arises, kept in the PgEnv, and raised again by env_check once the kernel has unwound.
 */
#ifndef PROMOAI_BRIDGE_ENV_H
#define PROMOAI_BRIDGE_ENV_H

#include "postgres.h"

#include "core/env.h"

struct TeamControl;

typedef struct PgEnv
{
	Env base; /* first, so that an Env * of ours is a PgEnv * */
	MemoryContext memory; /* where kernels allocate */
	ErrorData *error; /* caught, to be raised by env_check */
	struct TeamControl *team; /* NULL when alone */
	bool report; /* the kernel's progress goes to training_progress */
	bool verbose; /* ... and to the client as NOTICEs */
	const char *phase; /* what such NOTICEs call the work */
	const char *remedy; /* what helps when numbers grow out of range; NULL: another source */
	void *own; /* what a job of the leader's own needs; NULL in workers */
} PgEnv;

/* A team of one: memory from `memory`, barrier returns at once. */
extern void env_init(PgEnv *env, MemoryContext memory);

/* Raise what went wrong: the caught error, out of memory, or an error that names `what` was computed. */
extern void env_check(PgEnv *env, CoreStatus status, const char *what);

/* In a PG_CATCH: keep the error for env_check and go back to the caller's memory context. */
extern void env_keep_error(PgEnv *env, MemoryContext caller);

/* Called once from _PG_init: OpenBLAS is held to one thread. */
extern void env_init_library(void);

#endif
