/*
 * bench_explicit.c - seconds per iteration of the factorisations of explicit ratings, and their error on held-out ratings
 *
 *   bench_explicit                          synthetic ratings, both solvers, one and two members
 *   bench_explicit --write TRAIN TEST       the synthetic ratings as LIBMF reads them: lines of user item rating
 *   bench_explicit --sgd ITERATIONS [REGULARIZATION [PRIOR [LEARNING_RATE]]]
 *                                           seconds an iteration and error of sgd alone, in one line (bench_libmf.sh)
 *
 * Synthetic: 1 M distinct pairs of 6,040 x 3,706 by power laws; ratings of rank 10 with biases and noise, rounded to
 * 1 .. 5 by halves; a tenth is held out.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/explicit_als.h"
#include "recommend/sgd.h"
#include "rng.h"

#define USERS 6040
#define ITEMS 3706
#define DRAWS 1215000 /* leave about 1.1 M pairs */

static float
rating_of(int32_t user, int32_t item)
{
	double sum = 3.5 + 0.4 * rng_normal(1, (uint64_t) user, 0) + 0.5 * rng_normal(2, (uint64_t) item, 0);

	for (uint64_t j = 1; j <= 10; j++)
		sum += 0.2 * rng_normal(1, (uint64_t) user, j) * rng_normal(2, (uint64_t) item, j);
	sum += 0.7 * rng_normal(3, (uint64_t) user, (uint64_t) item);
	return (float) fmin(5.0, fmax(1.0, round(2.0 * sum) / 2.0));
}

/* A pair is drawn more than once as itself only: its value is set, not summed, after merging. */
static Coo
draw_pairs(void)
{
	Coo coo = {
		.n = DRAWS, .row = core_malloc(DRAWS * sizeof(int32_t)), .col = core_malloc(DRAWS * sizeof(int32_t))};

	for (int64_t e = 0; e < DRAWS; e++)
	{
		double u = rng_uniform(1, 0, (uint64_t) e);
		double v = rng_uniform(1, 1, (uint64_t) e);

		coo.row[e] = (int32_t) ((uint64_t) (USERS * pow(u, 1.7)) * 7919 % USERS);
		coo.col[e] = (int32_t) ((uint64_t) (ITEMS * pow(v, 2.0)) * 7919 % ITEMS);
	}
	return coo;
}

static bool
is_held(const Coo *coo, int64_t entry, const void *arg)
{
	bool held = rng_below(4, (uint64_t) coo->row[entry], (uint64_t) coo->col[entry], 10) == 0;

	return held == *(const bool *) arg;
}

static Csr
ratings_of(Env *env, const Coo *coo, bool held)
{
	Csr matrix = {.rows = USERS,
				  .cols = ITEMS,
				  .start = core_malloc((USERS + 1) * sizeof(int64_t)),
				  .col = core_malloc(DRAWS * sizeof(int32_t)),
				  .value = core_malloc(DRAWS * sizeof(float))};
	CooMerge merge;

	if (csr_from_coo(env, coo, is_held, &held, &matrix, &merge) != CORE_OK)
		exit(2);
	for (int32_t u = 0; u < USERS; u++)
	{
		for (int64_t e = matrix.start[u]; e < matrix.start[u + 1]; e++)
			matrix.value[e] = rating_of(u, matrix.col[e]);
	}
	return matrix;
}

static void
write_ratings(const Csr *ratings, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		exit(2);
	for (int32_t u = 0; u < ratings->rows; u++)
	{
		for (int64_t e = ratings->start[u]; e < ratings->start[u + 1]; e++)
			fprintf(file, "%d %d %g\n", u, ratings->col[e], ratings->value[e]);
	}
	fclose(file);
}

typedef struct Training
{
	bool sgd;
	ExplicitProblem problem;
	ExplicitModel model;
	void *shared;
	ExplicitReport report; /* the leader's */
} Training;

static CoreStatus
train_member(Env *env, void *arg)
{
	Training *training = arg;
	ExplicitReport unused;
	ExplicitReport *report = env->leader ? &training->report : &unused;

	if (training->sgd)
		return sgd_train(env, &training->problem, &training->model, training->shared, report);
	return explicit_als_train(env, &training->problem, &training->model, training->shared, report);
}

/* Seconds for so many iterations. */
static double
train_timed(Training *training, int32_t iterations, int members, double *gap)
{
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	const Csr *ratings = &training->problem.by_user;
	size_t bytes;
	double begun;
	double seconds;

	training->problem.params.iterations = iterations;
	bytes = training->sgd ? sgd_shared_bytes(&training->problem.params, ratings->rows, ratings->cols,
											 csr_entries(ratings))
						  : explicit_als_shared_bytes();
	training->shared = core_shared(bytes);
	for (int i = 0; i < members; i++)
	{
		core_env_init(&envs[i]);
		envs[i].timed = gap != NULL;
	}
	begun = core_seconds();
	core_team_run(envs, members, train_member, training, status);
	seconds = core_seconds() - begun;
	for (int i = 0; i < members; i++)
	{
		if (status[i] != CORE_OK)
			exit(1);
	}
	if (gap != NULL)
		*gap = envs[0].longest_gap;
	core_shared_free(training->shared, bytes);
	return seconds;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Median over rounds of the seconds an iteration takes, setting up and finishing not counted. */
static double
seconds_an_iteration(Training *training, int32_t iterations, int members, double *gap)
{
	double seconds[5];

	for (int round = 0; round < 5; round++)
	{
		double few = train_timed(training, 2, members, NULL);

		seconds[round] = (train_timed(training, 2 + iterations, members, gap) - few) / iterations;
	}
	qsort(seconds, 5, sizeof(double), by_value);
	return seconds[2];
}

static Training
training_make(Env *env, Csr by_user, bool sgd)
{
	ExplicitParams params = {.factors = 64,
							 .regularization = 0.05f,
							 .prior = 10.0f,
							 .bias_regularization = 2.0f,
							 /* at which both solvers do best here */
							 .learning_rate = 0.05f,
							 .seed = 1};
	size_t n = (size_t) csr_entries(&by_user);
	Training training = {.sgd = sgd, .problem = {.params = params, .by_user = by_user}};

	training.problem.by_item = (Csr){.start = core_malloc((ITEMS + 1) * sizeof(int64_t)),
									 .col = core_malloc(n * sizeof(int32_t)),
									 .value = core_malloc(n * sizeof(float))};
	if (csr_transpose(env, &by_user, &training.problem.by_item) != CORE_OK)
		exit(2);
	training.model = (ExplicitModel){.user_bias = core_shared(USERS * sizeof(float)),
									 .item_bias = core_shared(ITEMS * sizeof(float)),
									 .user_factors = core_shared(USERS * 64 * sizeof(float)),
									 .item_factors = core_shared(ITEMS * 64 * sizeof(float))};
	return training;
}

static void
bench(Env *env, const Csr *train, const Csr *held, bool sgd, int members)
{
	Training training = training_make(env, *train, sgd);
	int32_t iterations = sgd ? 18 : 6;
	double gap = 0.0;
	double seconds = seconds_an_iteration(&training, iterations, members, &gap);
	ExplicitErrors errors;

	explicit_errors(env, &training.model, 64, held, 1.0, 5.0, &errors);
	printf(
		"%s %lld ratings, %d x %d, 64 factors, %d member(s): %.4f s an iteration, RMSE %.4f trained, %.4f held out "
		"after %d, looks within %.1f ms\n",
		sgd ? "sgd" : "als", (long long) csr_entries(train), USERS, ITEMS, members, seconds,
		training.report.rmse, errors.rmse, training.report.iterations, 1e3 * gap);
}

/* One line for a script: seconds an iteration, held-out RMSE. */
static void
bench_sgd(Env *env, const Csr *train, const Csr *held, int argc, char **argv)
{
	int32_t iterations = atoi(argv[2]);
	Training training = training_make(env, *train, true);
	ExplicitParams *params = &training.problem.params;
	double few;
	double seconds;
	ExplicitErrors errors;

	params->regularization = argc > 3 ? strtof(argv[3], NULL) : params->regularization;
	params->prior = argc > 4 ? strtof(argv[4], NULL) : params->prior;
	params->learning_rate = argc > 5 ? strtof(argv[5], NULL) : params->learning_rate;
	few = train_timed(&training, 2, 1, NULL);
	seconds = (train_timed(&training, 2 + iterations, 1, NULL) - few) / iterations;
	train_timed(&training, iterations, 1, NULL);
	explicit_errors(env, &training.model, 64, held, -INFINITY, INFINITY, &errors);
	printf("%.5f %.4f\n", seconds, errors.rmse);
}

int
main(int argc, char **argv)
{
	CoreEnv env;
	Coo coo = draw_pairs();
	Csr train;
	Csr held;

	core_env_init(&env);
	train = ratings_of(&env.env, &coo, false);
	held = ratings_of(&env.env, &coo, true);
	if (argc == 4 && strcmp(argv[1], "--write") == 0)
	{
		write_ratings(&train, argv[2]);
		write_ratings(&held, argv[3]);
	}
	else if (argc >= 3 && strcmp(argv[1], "--sgd") == 0)
		bench_sgd(&env.env, &train, &held, argc, argv);
	else
	{
		bench(&env.env, &train, &held, true, 1);
		bench(&env.env, &train, &held, true, 2);
		bench(&env.env, &train, &held, false, 1);
		bench(&env.env, &train, &held, false, 2);
	}
	return 0;
}
