/*
 * env.h - what a kernel may ask of whoever calls it
 *
 * The core knows nothing of PostgreSQL.  Memory, cancel, progress and team
 * work come in through an Env that the caller fills: the bridge inside the
 * server, core_env.c in the unit tests.  A kernel never jumps: it looks at
 * `cancelled` at least every few milliseconds of work, frees what it took and
 * returns a status; the bridge turns the status into an error.
 *
 * Kernels that work in a team are written once for any number of members
 * (single program, multiple data): every member calls the same function on
 * the same shared arrays, takes chunks from shared counters and meets the
 * others at barriers.  With one member the barrier returns at once.  Nothing
 * that a result depends on may depend on how many members there are: chunk
 * bounds are fixed by the sizes, and sums over chunks run in chunk order.
 */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CoreStatus
{
	CORE_OK = 0,
	CORE_CANCELLED, /* env->cancelled or env->barrier said stop */
	CORE_NO_MEMORY, /* env->alloc returned NULL */
	CORE_NOT_FINITE, /* the computation left the finite numbers */
	CORE_CORRUPT, /* stored bytes are not what they claim to be */
	CORE_TOO_LARGE, /* more than the kernel counts to */
	CORE_LIBRARY /* a library that the kernel calls has failed; the kernel says how */
} CoreStatus;

typedef struct Env Env;
struct Env
{
	/* Memory aligned to 64 bytes, not cleared; NULL when it is not to be had. */
	void *(*alloc)(Env *env, size_t bytes);
	void (*release)(Env *env, void *block);

	/* True when the work is to stop; the kernel then returns CORE_CANCELLED. */
	bool (*cancelled)(Env *env);

	/* Step `step` of `steps` is done; loss is NaN where there is none.  Called by the leader only. */
	void (*progress)(Env *env, int step, int steps, double loss);

	/* Wait for the whole team; false when the work is to stop. */
	bool (*barrier)(Env *env);

	bool leader; /* exactly one member of a team has this set */
};

#endif
