/*
 * near_team.h - one run of a team that fills neighbour lists, with what must hold after each
 */
#ifndef TEST_CORE_NEAR_TEAM_H
#define TEST_CORE_NEAR_TEAM_H

#include "check.h"
#include "near_case.h"
#include "recommend/neighbour_lists.h"

#define NEAR_GUARD 64 /* bytes behind the shared memory that nobody may touch */

typedef CoreStatus (*NearBody)(Env *env, const void *problem, NeighbourLists *lists, void *shared);

typedef struct NearRun
{
	NearBody body;
	const void *problem;
	size_t shared_bytes;
	size_t member_bytes;
	NeighbourLists lists; /* in shared memory */
	size_t lists_bytes;
	unsigned char *shared;
} NearRun;

static inline NearRun
near_run_make(NearBody body, const void *problem, size_t shared_bytes, size_t member_bytes, int32_t rows,
			  int32_t width)
{
	NearRun run = {.body = body,
				   .problem = problem,
				   .shared_bytes = shared_bytes,
				   .member_bytes = member_bytes,
				   .lists_bytes = neighbour_lists_bytes(rows, width)};

	run.lists = neighbour_lists_at(core_shared(run.lists_bytes), rows, width);
	run.shared = core_shared(shared_bytes + NEAR_GUARD);
	return run;
}

static inline void
near_run_free(NearRun *run)
{
	core_shared_free(run->lists.count, run->lists_bytes);
	core_shared_free(run->shared, run->shared_bytes + NEAR_GUARD);
}

static inline CoreStatus
near_member(Env *env, void *arg)
{
	NearRun *run = arg;

	return run->body(env, run->problem, &run->lists, run->shared);
}

/* With members whose Envs the caller has set up. */
static inline void
near_run_with(NearRun *run, CoreEnv *envs, int members, CoreStatus *status)
{
	bool untouched = true;

	memset(run->shared, 0, run->shared_bytes);
	memset(run->shared + run->shared_bytes, 0x5a, NEAR_GUARD);
	memset(run->lists.count, 0xff, run->lists_bytes);
	core_team_run(envs, members, near_member, run, status);
	for (int i = 0; i < NEAR_GUARD; i++)
		untouched &= run->shared[run->shared_bytes + (size_t) i] == 0x5a;
	CHECK(untouched);
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(envs[i].peak_bytes <= run->member_bytes);
	}
}

/* All members end with this. */
static inline void
near_run_ends(NearRun *run, CoreEnv *envs, int members, CoreStatus wanted)
{
	CoreStatus status[CORE_MAX_MEMBERS];

	near_run_with(run, envs, members, status);
	for (int i = 0; i < members; i++)
		CHECK(status[i] == wanted);
}

static inline void
near_run(NearRun *run, int members, CoreStatus wanted)
{
	CoreEnv envs[CORE_MAX_MEMBERS];

	for (int i = 0; i < members; i++)
		core_env_init(&envs[i]);
	near_run_ends(run, envs, members, wanted);
}

/* Entries behind a row's count keep what was there before, so whole rows can be compared. */
static inline void
near_same_bytes(NearRun *run)
{
	unsigned char *alone = core_malloc(run->lists_bytes);

	near_run(run, 1, CORE_OK);
	memcpy(alone, run->lists.count, run->lists_bytes);
	for (int members = 2; members <= 3; members++)
	{
		near_run(run, members, CORE_OK);
		CHECK(memcmp(alone, run->lists.count, run->lists_bytes) == 0);
	}
	free(alone);
}

/* Cancelled at many moments, by each member in turn, all members end so. */
static inline void
near_cancel(NearRun *run, int members)
{
	CoreEnv envs[CORE_MAX_MEMBERS];
	long looks;

	core_env_init(&envs[0]);
	near_run_ends(run, envs, 1, CORE_OK);
	looks = envs[0].looks;
	CHECK(looks > 4);
	for (int step = 0; step < 12; step++)
	{
		CoreStatus status[CORE_MAX_MEMBERS];
		int one = step % members;
		bool same = true;

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[one].cancel_at = 1 + (looks - 1) * step / 12 / members;
		near_run_with(run, envs, members, status);
		/* Where others have taken all the work, a member may never get to look so often. */
		for (int i = 1; i < members; i++)
			same &= status[i] == status[0];
		CHECK(same);
		CHECK(status[0] == (envs[one].looks >= envs[one].cancel_at ? CORE_CANCELLED : CORE_OK));
	}
}

static inline void
near_no_memory(NearRun *run, int members)
{
	for (int failing = 0; failing < members; failing++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[failing].fail_at = 1;
		near_run_ends(run, envs, members, CORE_NO_MEMORY);
	}
}

/* Columns ascend within a row, and are in range and not the row itself. */
static inline void
near_well_formed(const NeighbourLists *lists)
{
	bool right = true;

	for (int32_t r = 0; r < lists->rows; r++)
	{
		const int32_t *col = lists->col + (int64_t) r * lists->width;

		right &= lists->count[r] >= 0 && lists->count[r] <= lists->width;
		for (int32_t e = 0; right && e < lists->count[r]; e++)
			right &= col[e] >= 0 && col[e] < lists->rows && col[e] != r && (e == 0 || col[e - 1] < col[e]);
	}
	CHECK(right);
}

#endif
