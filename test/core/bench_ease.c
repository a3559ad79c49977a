/*
 * bench_ease.c - what ease_train takes, beside LAPACK's dpotrf and dpotri alone on the same Gram matrix
 *
 *   bench_ease [ITEMS [ROUNDS [USERS [LENGTH [MEMBERS]]]]]
 *
 * Histories of LENGTH items on average, popularity falling as in a shop.  One process and one thread (the serial OpenBLAS,
 * or OPENBLAS_NUM_THREADS=1), in alternation; medians of processor seconds, their ratio, and the longest time without
 * a look at the cancel flag.  With MEMBERS, ours is a team of so many processes, and seconds are those of the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cblas.h>
#include <lapacke.h>

#include "core_env.h"
#include "recommend/ease.h"
#include "rng.h"

#define LAMBDA 100.0
#define MOST_ROUNDS 15

static bool alone; /* then processor time counts, for other programs may want the core too */

static double
seconds(void)
{
	return alone ? (double) clock() / CLOCKS_PER_SEC : core_seconds();
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
median(double *values, int n)
{
	qsort(values, (size_t) n, sizeof(double), ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static Csr
csr_of(int32_t rows, int64_t entries)
{
	return (Csr){.rows = rows,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) entries * sizeof(int32_t))};
}

/* users x length draws of items, the smaller numbers more often. */
static EaseProblem
make_problem(CoreEnv *env, int32_t users, int32_t items, int32_t length)
{
	Coo coo = {.n = (int64_t) users * length};
	EaseProblem problem = {.params = {.lambda = LAMBDA}};
	CooMerge merge;

	coo.row = core_malloc((size_t) coo.n * sizeof(int32_t));
	coo.col = core_malloc((size_t) coo.n * sizeof(int32_t));
	for (int64_t e = 0; e < coo.n; e++)
	{
		double draw = rng_uniform(3, 1, (uint64_t) e);

		coo.row[e] = (int32_t) (e / length);
		coo.col[e] = (int32_t) (draw * draw * items);
	}
	problem.by_user = csr_of(users, coo.n);
	problem.by_user.cols = items;
	problem.by_item = csr_of(items, coo.n);
	if (csr_from_coo(&env->env, &coo, NULL, NULL, &problem.by_user, &merge) != CORE_OK ||
		csr_transpose(&env->env, &problem.by_user, &problem.by_item) != CORE_OK)
		exit(1);
	free(coo.row);
	free(coo.col);
	return problem;
}

/* Seconds of dpotrf and dpotri on the Gram matrix. */
static double
lapack(const EaseProblem *problem, double *gram)
{
	int n = problem->by_item.rows;
	int info = 0;
	double begun;

	memset(gram, 0, (size_t) n * (size_t) n * sizeof(double));
	for (int64_t u = 0; u < problem->by_user.rows; u++)
	{
		for (int64_t e = problem->by_user.start[u]; e < problem->by_user.start[u + 1]; e++)
		{
			for (int64_t f = e; f < problem->by_user.start[u + 1]; f++)
				gram[(int64_t) problem->by_user.col[e] * n + problem->by_user.col[f]] += 1.0;
		}
	}
	for (int64_t i = 0; i < n; i++)
		gram[i * n + i] += LAMBDA;
	begun = seconds();
	LAPACK_dpotrf("L", &n, gram, &n, &info);
	if (info == 0)
		LAPACK_dpotri("L", &n, gram, &n, &info);
	if (info != 0)
		exit(1);
	return seconds() - begun;
}

typedef struct Run
{
	const EaseProblem *problem;
	NeighbourLists lists;
	void *shared;
} Run;

static CoreStatus
member(Env *env, void *arg)
{
	Run *run = arg;

	return ease_train(env, run->problem, &run->lists, run->shared);
}

static double
ours(const EaseProblem *problem, int members, double *gap)
{
	int32_t items = problem->by_item.rows;
	size_t bytes = ease_shared_bytes(items);
	size_t lists_bytes = neighbour_lists_bytes(items, 50);
	void *memory = core_shared(lists_bytes);
	Run run = {.problem = problem, .shared = core_shared(bytes)};
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	double begun = seconds();

	run.lists = neighbour_lists_at(memory, items, neighbour_lists_width(50, items));
	for (int i = 0; i < members; i++)
	{
		core_env_init(&envs[i]);
		envs[i].timed = true;
	}
	core_team_run(envs, members, member, &run, status);
	begun = seconds() - begun;
	if (status[0] != CORE_OK)
		exit(1);
	if (envs[0].longest_gap > *gap)
		*gap = envs[0].longest_gap;
	core_shared_free(run.shared, bytes);
	core_shared_free(memory, lists_bytes);
	return begun;
}

int
main(int argc, char **argv)
{
	int32_t items = argc > 1 ? atoi(argv[1]) : 4000;
	int rounds = argc > 2 ? atoi(argv[2]) : 3;
	int32_t users = argc > 3 ? atoi(argv[3]) : 50000;
	int32_t length = argc > 4 ? atoi(argv[4]) : 20;
	int members = argc > 5 ? atoi(argv[5]) : 1;
	double *gram = core_malloc((size_t) items * (size_t) items * sizeof(double));
	double theirs[MOST_ROUNDS];
	double mine[MOST_ROUNDS];
	double gap = 0.0;
	CoreEnv env;
	EaseProblem problem;

	alone = members == 1;
	rounds = rounds < 1 ? 1 : rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
	core_env_init(&env);
	problem = make_problem(&env, users, items, length);
	for (int r = 0; r < rounds; r++)
	{
		theirs[r] = lapack(&problem, gram);
		mine[r] = ours(&problem, members, &gap);
	}
	printf("%d items, %lld pairs, %d member(s): dpotrf + dpotri %.3f s, ease_train %.3f s, ratio %.2f; "
		   "longest time without a look at cancel %.1f ms; shared memory %.0f MB\n",
		   items, (long long) csr_entries(&problem.by_user), members, median(theirs, rounds),
		   median(mine, rounds), median(mine, rounds) / median(theirs, rounds), 1e3 * gap,
		   (double) ease_shared_bytes(items) / 1e6);
	free(gram);
	free(problem.by_user.start);
	free(problem.by_user.col);
	free(problem.by_item.start);
	free(problem.by_item.col);
	return 0;
}
