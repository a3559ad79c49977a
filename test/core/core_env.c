/*
 * core_env.c - Envs for the unit tests
 */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core_env.h"

#define ALIGNMENT 64

/* Every block is preceded by one line that holds its size. */
static void *
env_alloc(Env *base, size_t bytes)
{
	CoreEnv *env = (CoreEnv *) base;
	size_t whole = (bytes / ALIGNMENT + 2) * ALIGNMENT;
	char *memory;

	env->allocations++;
	if (env->allocations == env->fail_at || bytes > SIZE_MAX / 2)
		return NULL;
	memory = aligned_alloc(ALIGNMENT, whole);
	if (memory == NULL)
		return NULL;
	memcpy(memory, &bytes, sizeof(bytes));
	/* Not cleared: let nobody count on zeros. */
	memset(memory + ALIGNMENT, 0xff, whole - ALIGNMENT);
	env->live++;
	env->bytes += bytes;
	if (env->bytes > env->peak_bytes)
		env->peak_bytes = env->bytes;
	return memory + ALIGNMENT;
}

static void
env_release(Env *base, void *block)
{
	CoreEnv *env = (CoreEnv *) base;
	char *memory = (char *) block - ALIGNMENT;
	size_t bytes;

	memcpy(&bytes, memory, sizeof(bytes));
	env->live--;
	env->bytes -= bytes;
	free(memory);
}

/* Of this process, in user mode and in the kernel. */
static double
processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static bool
env_cancelled(Env *base)
{
	CoreEnv *env = (CoreEnv *) base;

	env->looks++;
	if (env->timed)
	{
		double now = processor_seconds();

		if (env->last_look > 0 && now - env->last_look > env->longest_gap)
			env->longest_gap = now - env->last_look;
		env->last_look = now;
	}
	return env->cancel_at > 0 && env->looks >= env->cancel_at;
}

static void
env_progress(Env *base, int step, int steps, double loss)
{
	CoreEnv *env = (CoreEnv *) base;

	(void) steps;
	if (env->steps < (int) (sizeof(env->losses) / sizeof(env->losses[0])))
		env->losses[env->steps] = loss;
	env->steps++;
	env->last_step = step;
}

static bool
env_barrier(Env *base)
{
	CoreEnv *env = (CoreEnv *) base;
	CoreTeam *team = env->team;
	struct timespec limit;
	unsigned round;
	bool moved;

	env->barriers++;
	if (team == NULL)
		return true;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += BARRIER_SECONDS;
	pthread_mutex_lock(&team->lock);
	round = team->round;
	if (++team->waiting == team->members)
	{
		team->waiting = 0;
		team->round++;
		pthread_cond_broadcast(&team->moved);
	}
	while (round == team->round && pthread_cond_timedwait(&team->moved, &team->lock, &limit) == 0)
		;
	moved = round != team->round;
	pthread_mutex_unlock(&team->lock);
	return moved;
}

void
core_env_init(CoreEnv *env)
{
	*env = (CoreEnv){.env = {.alloc = env_alloc,
							 .release = env_release,
							 .cancelled = env_cancelled,
							 .progress = env_progress,
							 .barrier = env_barrier,
							 .leader = true}};
}

/* What the processes of a team share beside the caller's arrays. */
typedef struct Common
{
	CoreTeam team;
	CoreStatus status[CORE_MAX_MEMBERS];
	CoreEnv envs[CORE_MAX_MEMBERS];
} Common;

static void
team_init(CoreTeam *team, int members)
{
	pthread_mutexattr_t lock;
	pthread_condattr_t moved;

	pthread_mutexattr_init(&lock);
	pthread_mutexattr_setpshared(&lock, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&team->lock, &lock);
	pthread_mutexattr_destroy(&lock);
	pthread_condattr_init(&moved);
	pthread_condattr_setpshared(&moved, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&team->moved, &moved);
	pthread_condattr_destroy(&moved);
	team->members = members;
}

/* Start member i; returns in the parent only. */
static pid_t
member_start(Common *common, int i, CoreBody body, void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
	{
		perror("fork");
		exit(2);
	}
	if (pid == 0)
	{
		common->status[i] = body(&common->envs[i].env, arg);
		_exit(0);
	}
	return pid;
}

void
core_team_run(CoreEnv *envs, int members, CoreBody body, void *arg, CoreStatus *status)
{
	Common *common = core_shared(sizeof(Common));
	pid_t pid[CORE_MAX_MEMBERS];

	team_init(&common->team, members);
	for (int i = 0; i < members; i++)
	{
		common->envs[i] = envs[i];
		common->envs[i].team = &common->team;
		common->envs[i].env.leader = i == 0;
	}
	for (int i = 1; i < members; i++)
		pid[i] = member_start(common, i, body, arg);
	common->status[0] = body(&common->envs[0].env, arg);
	for (int i = 1; i < members; i++)
	{
		int end;

		if (waitpid(pid[i], &end, 0) != pid[i] || !WIFEXITED(end) || WEXITSTATUS(end) != 0)
		{
			fprintf(stderr, "member %d of a team did not end well\n", i);
			exit(2);
		}
	}
	for (int i = 0; i < members; i++)
	{
		envs[i] = common->envs[i];
		envs[i].team = NULL;
		status[i] = common->status[i];
	}
	core_shared_free(common, sizeof(Common));
}

void *
core_shared(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
	{
		perror("mmap");
		exit(2);
	}
	return memory;
}

void
core_shared_free(void *block, size_t bytes)
{
	munmap(block, bytes > 0 ? bytes : 1);
}

double
core_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

void *
core_malloc(size_t bytes)
{
	void *memory = malloc(bytes > 0 ? bytes : 1);

	if (memory == NULL)
	{
		perror("malloc");
		exit(2);
	}
	return memory;
}
