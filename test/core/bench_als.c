/*
 * bench_als.c - seconds per iteration of the factorisation, seconds to build a matrix, lists a second
 *
 * Synthetic pairs: users and items by power laws, distinct within a user.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/als.h"
#include "recommend/rank.h"
#include "rng.h"

/* Arrays of a matrix with room for n entries. */
static Csr
matrix_make(int32_t rows, int32_t cols, int64_t n, bool values)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) n * sizeof(int32_t)),
				 .value = values ? core_malloc((size_t) n * sizeof(float)) : NULL};
}

static void
matrix_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
	free(matrix->value);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
median(double *values, int n)
{
	qsort(values, (size_t) n, sizeof(double), by_value);
	return values[n / 2];
}

/* n entries by power laws: row and column are skewed towards small numbers, then scattered. */
static Coo
coo_make(int32_t rows, int32_t cols, int64_t n, bool values)
{
	Coo coo = {.n = n,
			   .row = core_malloc((size_t) n * sizeof(int32_t)),
			   .col = core_malloc((size_t) n * sizeof(int32_t)),
			   .value = values ? core_malloc((size_t) n * sizeof(float)) : NULL};

	for (int64_t e = 0; e < n; e++)
	{
		double u = rng_uniform(1, 0, (uint64_t) e);
		double v = rng_uniform(1, 1, (uint64_t) e);

		coo.row[e] = (int32_t) ((uint64_t) (rows * pow(u, 1.7)) * 7919 % (uint64_t) rows);
		coo.col[e] = (int32_t) ((uint64_t) (cols * pow(v, 2.0)) * 7919 % (uint64_t) cols);
		if (values)
			coo.value[e] = 1.0f + (float) (rng_hash3(1, 2, (uint64_t) e) % 5);
	}
	return coo;
}

static void
coo_free(Coo *coo)
{
	free(coo->row);
	free(coo->col);
	free(coo->value);
}

typedef struct Training
{
	AlsProblem problem;
	AlsModel model;
	void *shared;
	AlsReport report; /* the leader's */
	double gap; /* the leader's longest time between two looks at the cancel flag */
} Training;

static CoreStatus
train_member(Env *env, void *arg)
{
	Training *training = arg;
	AlsReport unused;

	return als_train(env, &training->problem, &training->model, training->shared,
					 env->leader ? &training->report : &unused);
}

/* Train and return the seconds; the loss is left in the report. */
static double
train_timed(Training *training, int members)
{
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	AlsProblem *problem = &training->problem;
	size_t bytes = als_shared_bytes(&problem->params, problem->by_user.rows, problem->by_item.rows);
	double begun;
	double seconds;

	training->shared = core_shared(bytes);
	for (int i = 0; i < members; i++)
	{
		core_env_init(&envs[i]);
		envs[i].timed = true;
	}
	begun = core_seconds();
	core_team_run(envs, members, train_member, training, status);
	seconds = core_seconds() - begun;
	core_shared_free(training->shared, bytes);
	training->gap = envs[0].longest_gap;
	for (int i = 0; i < members; i++)
	{
		if (status[i] != CORE_OK)
		{
			printf("member %d: status %d\n", i, (int) status[i]);
			exit(1);
		}
	}
	return seconds;
}

static Training
training_make(const Csr *by_user, const Csr *by_item, AlsParams params)
{
	size_t factors = (size_t) params.factors;

	return (Training){
		.problem = {.params = params, .by_user = *by_user, .by_item = *by_item},
		.model = {.user_factors = core_shared((size_t) by_user->rows * factors * sizeof(float)),
				  .item_factors = core_shared((size_t) by_item->rows * factors * sizeof(float))}};
}

static void
training_free(Training *training)
{
	const AlsProblem *problem = &training->problem;
	size_t row = (size_t) problem->params.factors * sizeof(float);

	core_shared_free(training->model.user_factors, (size_t) problem->by_user.rows * row);
	core_shared_free(training->model.item_factors, (size_t) problem->by_item.rows * row);
}

static void
bench_train(int32_t users, int32_t items, int64_t wanted, int32_t factors, bool values, int members)
{
	Coo coo = coo_make(users, items, wanted, values);
	Csr by_user = matrix_make(users, items, wanted, values);
	Csr by_item;
	CoreEnv env;
	CooMerge merge;
	Training training;
	double seconds[5];
	AlsParams params = {
		.factors = factors, .iterations = 3, .regularization = 0.01f, .unobserved_weight = 0.1f, .seed = 1};

	core_env_init(&env);
	csr_from_coo(&env.env, &coo, NULL, NULL, &by_user, &merge);
	by_item = matrix_make(items, users, csr_entries(&by_user), values);
	csr_transpose(&env.env, &by_user, &by_item);
	training = training_make(&by_user, &by_item, params);
	for (int run = 0; run < 5; run++)
		seconds[run] = train_timed(&training, members) / params.iterations;
	printf(
		"als %8lld pairs, %6d x %6d, %3d factors, %s, %d member(s): %.3f s an iteration, loss %.6g, looks within %.1f ms\n",
		(long long) csr_entries(&by_user), users, items, factors, values ? "weights" : "no weights", members,
		median(seconds, 5), training.report.loss, 1e3 * training.gap);
	training_free(&training);
	matrix_free(&by_user);
	matrix_free(&by_item);
	coo_free(&coo);
}

static void
bench_build(int32_t rows, int32_t cols, int64_t n, bool values)
{
	Coo coo = coo_make(rows, cols, n, values);
	Csr matrix = matrix_make(rows, cols, n, values);
	Csr transpose = matrix_make(cols, rows, n, values);
	CoreEnv env;
	CooMerge merge;
	double build[3];
	double turn[3];

	core_env_init(&env);
	env.timed = true;
	for (int run = 0; run < 3; run++)
	{
		double begun = core_seconds();

		csr_from_coo(&env.env, &coo, NULL, NULL, &matrix, &merge);
		build[run] = core_seconds() - begun;
		begun = core_seconds();
		csr_transpose(&env.env, &matrix, &transpose);
		turn[run] = core_seconds() - begun;
	}
	printf("csr %lld entries into %d x %d, %s: %.3f s, transpose %.3f s, looks within %.1f ms\n",
		   (long long) n, rows, cols, values ? "weights" : "no weights", median(build, 3), median(turn, 3),
		   1e3 * env.longest_gap);
	matrix_free(&matrix);
	matrix_free(&transpose);
	coo_free(&coo);
}

/* Half of the entries, by arg. */
static bool
every_other(const Coo *coo, int64_t entry, const void *arg)
{
	(void) coo;
	return entry % 2 == *(const char *) arg;
}

/* Seconds of rank_evaluate, everything trained on being relevant too, and of rank_items for one user. */
static void
bench_rank(int32_t users, int32_t items, int32_t factors)
{
	int64_t n_users = (int64_t) users * factors;
	int64_t n_items = (int64_t) items * factors;
	float *x = core_malloc((size_t) n_users * sizeof(float));
	float *y = core_malloc((size_t) n_items * sizeof(float));
	float *scratch = core_malloc(RANK_TILE * sizeof(float));
	Coo coo = coo_make(users, items, (int64_t) users * 40, false);
	Csr seen = matrix_make(users, items, coo.n, false);
	Csr relevant = matrix_make(users, items, coo.n, false);
	size_t bytes = rank_evaluate_bytes(users, items, factors);
	TopEntry heap[10];
	TopK top;
	CoreEnv env;
	CooMerge merge;
	RankSummary summary;
	double seconds[5];
	double one[5];

	core_env_init(&env);
	env.timed = true;
	csr_from_coo(&env.env, &coo, every_other, "\0", &seen, &merge);
	csr_from_coo(&env.env, &coo, every_other, "\1", &relevant, &merge);
	for (int64_t i = 0; i < n_users; i++)
		x[i] = (float) rng_normal(5, 0, (uint64_t) i);
	for (int64_t i = 0; i < n_items; i++)
		y[i] = (float) rng_normal(5, 1, (uint64_t) i);
	for (int run = 0; run < 5; run++)
	{
		RankTask task = {.user_factors = x,
						 .item_factors = y,
						 .factors = factors,
						 .k = 10,
						 .seen = seen,
						 .relevant = relevant};
		void *shared = core_shared(bytes);
		double begun = core_seconds();

		env.last_look = 0;
		rank_evaluate(&env.env, &task, shared);
		rank_summary(&task, shared, &summary);
		seconds[run] = core_seconds() - begun;
		core_shared_free(shared, bytes);
		begun = core_seconds();
		for (int32_t user = 0; user < 100; user++)
		{
			RankFilter filter = {.exclude = seen.col + seen.start[user],
								 .n_exclude = (int32_t) (seen.start[user + 1] - seen.start[user])};

			topk_init(&top, heap, 10);
			rank_items(&env.env, y, items, factors, x + (int64_t) user * factors, NULL, &filter, scratch,
					   &top);
		}
		one[run] = (core_seconds() - begun) / 100;
	}
	printf(
		"rank top 10 of %d x %d factors: %.3f ms a user in blocks (%lld users judged), %.3f ms alone, looks within %.1f ms\n",
		items, factors, 1e3 * median(seconds, 5) / (double) summary.users, (long long) summary.users,
		1e3 * median(one, 5), 1e3 * env.longest_gap);
	free(x);
	free(y);
	free(scratch);
	matrix_free(&seen);
	matrix_free(&relevant);
	coo_free(&coo);
}

int
main(void)
{
	/* 1.09 M draws leave about 1 M distinct pairs. */
	bench_train(6040, 3706, 1090000, 64, false, 1);
	bench_train(6040, 3706, 1090000, 64, true, 1);
	bench_train(6040, 3706, 1090000, 64, false, 2);
	bench_train(6040, 3706, 1090000, 128, false, 1);
	/* A shop: short histories. */
	bench_train(4339, 3665, 276000, 64, false, 1);
	bench_train(4339, 3665, 276000, 128, false, 1);
	bench_train(100000, 20000, 1000000, 64, false, 1);
	bench_train(100000, 20000, 1000000, 128, false, 1);
	bench_train(2000, 1000, 300000, 512, true, 1);
	bench_build(10, 5000000, 10000000, true);
	bench_build(100000, 20000, 10000000, true);
	bench_build(100000, 20000, 10000000, false);
	bench_build(2000000, 50000, 10000000, true);
	bench_rank(2000, 100000, 64);
	bench_rank(6040, 3706, 64);
	return 0;
}
