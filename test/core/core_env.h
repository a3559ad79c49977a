/*
 * core_env.h - Envs for the unit tests: malloc, failing allocations, cancels on demand, teams of processes
 *
 * A team is made of processes, as in the server: the serial OpenBLAS may not be entered by two threads at a time.
 */
#ifndef TEST_CORE_ENV_H
#define TEST_CORE_ENV_H

#include <pthread.h>
#include <stdatomic.h>

#include "env.h"

/* A barrier between processes; gives up when nobody comes for BARRIER_SECONDS. */
#define BARRIER_SECONDS 300
#define CORE_MAX_MEMBERS 8
typedef struct CoreTeam
{
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int members;
	int waiting;
	unsigned round;
} CoreTeam;

typedef struct CoreEnv
{
	Env env; /* first, so that an Env * is a CoreEnv * */
	CoreTeam *team; /* NULL when alone */
	long allocations; /* asked for so far */
	long live; /* blocks not yet released */
	size_t bytes; /* held now */
	size_t peak_bytes;
	long fail_at; /* the allocation that fails, from 1; 0: none */
	long looks; /* at the cancel flag, so far */
	long cancel_at; /* the look from which on the answer is yes, from 1; 0: none */
	/* Measure the processor's time between looks: on a busy machine the clock on the wall tells of others' work. */
	bool timed;
	double last_look; /* when it was; 0: not yet */
	double longest_gap; /* seconds between two looks, at most */
	long barriers; /* passed so far */
	int steps; /* progress reports so far */
	int last_step;
	double losses[256]; /* as reported */
} CoreEnv;

/* An Env of one member. */
extern void core_env_init(CoreEnv *env);

/*
 * Run body(env, arg) in `members` processes with an Env each.  envs [members] are initialised by the caller and tell
 * afterwards what happened; status [members] receives what each returned.  The leader runs in the caller's process;
 * what the others write is seen in memory from core_shared alone.
 */
typedef CoreStatus (*CoreBody)(Env *env, void *arg);
extern void core_team_run(CoreEnv *envs, int members, CoreBody body, void *arg, CoreStatus *status);

/* Memory that processes share, cleared to zero. */
extern void *core_shared(size_t bytes);
extern void core_shared_free(void *block, size_t bytes);

/* Seconds on a clock that never goes back. */
extern double core_seconds(void);

/* malloc that ends the program when there is no memory: for the tests' own arrays. */
extern void *core_malloc(size_t bytes);

#endif
