/*
 * folds_explicit.c - cross-validated RMSE of explicit ratings
 *
 *   folds_explicit RATINGS als|sgd [FACTORS [REGULARIZATION [PRIOR [BIAS_REGULARIZATION [ITERATIONS [LEARNING_RATE [SEED]]]]]]]
 *
 * RATINGS: a first line `users items ratings`, then lines `user item rating`, numbered from 0.  Rating number e of the file
 * belongs to fold rng_below(seed 2026, 0, e, 5); each fold is predicted by a model of the other four, predictions clipped to
 * the scale of the training ratings.  Prints the RMSE over all folds together, and each fold's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/explicit_als.h"
#include "recommend/sgd.h"
#include "rng.h"

#define FOLDS 5
#define FOLD_SEED 2026

static void
fail(const char *what)
{
	fprintf(stderr, "folds_explicit: %s\n", what);
	exit(2);
}

static Coo
read_ratings(const char *path, int *users, int *items)
{
	FILE *file = fopen(path, "r");
	long n;
	Coo coo;

	if (file == NULL || fscanf(file, "%d %d %ld", users, items, &n) != 3)
		fail("no ratings");
	coo = (Coo){.n = n,
				.row = core_malloc((size_t) n * sizeof(int32_t)),
				.col = core_malloc((size_t) n * sizeof(int32_t)),
				.value = core_malloc((size_t) n * sizeof(float))};
	for (long e = 0; e < n; e++)
	{
		if (fscanf(file, "%d %d %f", &coo.row[e], &coo.col[e], &coo.value[e]) != 3)
			fail("too few ratings");
	}
	fclose(file);
	return coo;
}

typedef struct Fold
{
	uint32_t number;
	bool held; /* the fold itself instead of the others */
} Fold;

static bool
in_fold(const Coo *coo, int64_t entry, const void *arg)
{
	const Fold *fold = arg;

	(void) coo;
	return (rng_below(FOLD_SEED, 0, (uint64_t) entry, FOLDS) == fold->number) == fold->held;
}

static Csr
matrix_of(Env *env, const Coo *coo, Fold fold, int users, int items)
{
	Csr matrix = {.rows = users,
				  .cols = items,
				  .start = core_malloc(((size_t) users + 1) * sizeof(int64_t)),
				  .col = core_malloc((size_t) coo->n * sizeof(int32_t)),
				  .value = core_malloc((size_t) coo->n * sizeof(float))};
	CooMerge merge;

	if (csr_from_coo(env, coo, in_fold, &fold, &matrix, &merge) != CORE_OK)
		fail("no matrix");
	return matrix;
}

static void
matrix_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
	free(matrix->value);
}

static void
scale_of(const Csr *ratings, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (int64_t e = 0; e < csr_entries(ratings); e++)
	{
		*low = fmin(*low, ratings->value[e]);
		*high = fmax(*high, ratings->value[e]);
	}
}

static CoreStatus
train(Env *env, bool sgd, const ExplicitProblem *problem, ExplicitModel *model, ExplicitReport *report)
{
	size_t bytes = sgd ? sgd_shared_bytes(&problem->params, problem->by_user.rows, problem->by_user.cols,
										  csr_entries(&problem->by_user))
					   : explicit_als_shared_bytes();
	void *shared = core_shared(bytes);
	CoreStatus status;

	if (sgd)
		status = sgd_train(env, problem, model, shared, report);
	else
		status = explicit_als_train(env, problem, model, shared, report);
	core_shared_free(shared, bytes);
	return status;
}

static ExplicitErrors
judge_fold(const Coo *coo, uint32_t number, bool sgd, ExplicitParams params, int users, int items)
{
	CoreEnv env;
	ExplicitProblem problem = {.params = params};
	ExplicitModel model = {
		.user_bias = core_malloc((size_t) users * sizeof(float)),
		.item_bias = core_malloc((size_t) items * sizeof(float)),
		.user_factors = core_malloc((size_t) users * (size_t) params.factors * sizeof(float)),
		.item_factors = core_malloc((size_t) items * (size_t) params.factors * sizeof(float))};
	ExplicitReport report;
	ExplicitErrors errors;
	Csr held;
	double low;
	double high;

	core_env_init(&env);
	problem.by_user = matrix_of(&env.env, coo, (Fold){.number = number}, users, items);
	held = matrix_of(&env.env, coo, (Fold){.number = number, .held = true}, users, items);
	problem.by_item = (Csr){.start = core_malloc(((size_t) items + 1) * sizeof(int64_t)),
							.col = core_malloc((size_t) coo->n * sizeof(int32_t)),
							.value = core_malloc((size_t) coo->n * sizeof(float))};
	if (csr_transpose(&env.env, &problem.by_user, &problem.by_item) != CORE_OK)
		fail("no transpose");
	if (train(&env.env, sgd, &problem, &model, &report) != CORE_OK)
		fail("training failed");
	scale_of(&problem.by_user, &low, &high);
	if (explicit_errors(&env.env, &model, params.factors, &held, low, high, &errors) != CORE_OK)
		fail("judging failed");
	if (getenv("FOLDS_VERBOSE") != NULL)
		for (int i = 0; i < env.steps && i < 256; i++)
			printf("  iteration %d loss %.4f\n", i + 1, env.losses[i]);
	matrix_free(&problem.by_user);
	matrix_free(&problem.by_item);
	matrix_free(&held);
	free(model.user_bias);
	free(model.item_bias);
	free(model.user_factors);
	free(model.item_factors);
	return errors;
}

static double
number_or(int argc, char **argv, int at, double otherwise)
{
	return argc > at ? strtod(argv[at], NULL) : otherwise;
}

int
main(int argc, char **argv)
{
	int users;
	int items;
	double squares = 0.0;
	double absolute = 0.0;
	int64_t n = 0;

	if (argc < 3)
		fail(
			"RATINGS als|sgd [FACTORS [REGULARIZATION [PRIOR [BIAS_REGULARIZATION [ITERATIONS [LEARNING_RATE [SEED]]]]]]]");

	bool sgd = strcmp(argv[2], "sgd") == 0;
	Coo coo = read_ratings(argv[1], &users, &items);
	ExplicitParams params = {.factors = (int32_t) number_or(argc, argv, 3, 64),
							 .regularization = (float) number_or(argc, argv, 4, 0.1),
							 .prior = (float) number_or(argc, argv, 5, 20),
							 .bias_regularization = (float) number_or(argc, argv, 6, 2),
							 .iterations = (int32_t) number_or(argc, argv, 7, 15),
							 .learning_rate = (float) number_or(argc, argv, 8, 0.1),
							 .seed = (uint64_t) number_or(argc, argv, 9, 1)};

	printf("%s, factors %d, regularization %g, prior %g, bias_regularization %g, iterations %d, ", argv[2],
		   params.factors, params.regularization, params.prior, params.bias_regularization,
		   params.iterations);
	if (sgd)
		printf("learning_rate %g, ", params.learning_rate);
	printf("seed %llu: folds", (unsigned long long) params.seed);
	for (uint32_t fold = 0; fold < FOLDS; fold++)
	{
		ExplicitErrors errors = judge_fold(&coo, fold, sgd, params, users, items);

		printf(" %.4f", errors.rmse);
		squares += errors.rmse * errors.rmse * (double) errors.n;
		absolute += errors.mae * (double) errors.n;
		n += errors.n;
	}
	printf("; RMSE %.4f, MAE %.4f over %lld ratings\n", sqrt(squares / (double) n), absolute / (double) n,
		   (long long) n);
	free(coo.row);
	free(coo.col);
	free(coo.value);
	return 0;
}
