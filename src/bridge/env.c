/*
 * env.c - memory, cancel and errors for core kernels
 *
 * Blocks come from a memory context, so an error anywhere frees them; kernels see NULL instead of an error when memory
 * runs out.  `cancelled` lets PostgreSQL process its interrupts, catches the error that this may raise and keeps it:
 * the kernel unwinds, env_check raises it again.
 */
#include "postgres.h"

#include <cblas.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge/env.h"
#include "bridge/progress.h"
#include "bridge/team.h"
#include "bridge/testpoint.h"
#include "core/dense.h"

#define ENV_ALIGN 64

/* Blocks are aligned by hand: the address that palloc gave stands just before the block. */
static void *
env_alloc(Env *base, size_t bytes)
{
	PgEnv *env = (PgEnv *) base;
	char *raw;
	char *block;

	if (bytes > SIZE_MAX / 4)
		return NULL;
	raw = MemoryContextAllocExtended(env->memory, bytes + ENV_ALIGN + sizeof(void *),
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (raw == NULL)
		return NULL;
	block = (char *) TYPEALIGN(ENV_ALIGN, raw + sizeof(void *));
	((void **) block)[-1] = raw;
	return block;
}

static void
env_release(Env *base, void *block)
{
	if (block != NULL)
		pfree(((void **) block)[-1]);
}

/* Keep the error that was just caught, unless an earlier one is kept already. */
void
env_keep_error(PgEnv *env, MemoryContext caller)
{
	MemoryContextSwitchTo(env->memory);
	if (env->error == NULL)
		env->error = CopyErrorData();
	FlushErrorState();
	MemoryContextSwitchTo(caller);
}

static bool
env_cancelled(Env *base)
{
	PgEnv *env = (PgEnv *) base;
	MemoryContext caller = CurrentMemoryContext;

	if (env->error != NULL)
		return true;
	if (!INTERRUPTS_PENDING_CONDITION())
		return false;

	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		env_keep_error(env, caller);
	}
	PG_END_TRY();
	return env->error != NULL;
}

static void
env_progress(Env *base, int step, int steps, double loss)
{
	PgEnv *env = (PgEnv *) base;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		if (env->report)
			progress_step(step, loss);
		if (env->verbose)
			ereport(NOTICE, (errmsg("%s: iteration %d of %d, loss %.6g", env->phase, step, steps, loss)));
		test_point("solving");
	}
	PG_CATCH();
	{
		env_keep_error(env, caller);
	}
	PG_END_TRY();
}

static bool
env_barrier(Env *base)
{
	return team_barrier((PgEnv *) base);
}

/* Before the first computation of a backend; not in _PG_init, where an error would keep a preloading server down. */
static void
require_sound_blas(void)
{
	static bool sound = false;

	if (sound)
		return;
	if (!dense_selftest())
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR), errmsg("the BLAS library computes wrong results on this CPU"),
				 errdetail("It says of itself: %s, kernels for %s.", openblas_get_config(),
						   openblas_get_corename()),
				 errhint("Set OPENBLAS_CORETYPE, for instance to Haswell, in the server's environment.")));
	sound = true;
}

void
env_init(PgEnv *env, MemoryContext memory)
{
	require_sound_blas();
	memset(env, 0, sizeof(*env));
	env->base.alloc = env_alloc;
	env->base.release = env_release;
	env->base.cancelled = env_cancelled;
	env->base.progress = env_progress;
	env->base.barrier = env_barrier;
	env->base.leader = true;
	env->memory = memory;
}

void
env_check(PgEnv *env, CoreStatus status, const char *what)
{
	if (env->error != NULL)
		ReThrowError(env->error);

	switch (status)
	{
		case CORE_OK:
			return;
		case CORE_NO_MEMORY:
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory while %s", what)));
			break;
		case CORE_NOT_FINITE:
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("the numbers grew out of range while %s", what),
							errhint("%s", env->remedy != NULL ? env->remedy
															  : "Look for extreme values in the source.")));
			break;
		case CORE_CANCELLED:
		case CORE_CORRUPT:
		case CORE_TOO_LARGE:
		case CORE_LIBRARY:
			elog(ERROR, "unexpected status %d while %s", (int) status, what);
	}
}

void
env_init_library(void)
{
	openblas_set_num_threads(1);
}
