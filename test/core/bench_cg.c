/*
 * bench_cg.c - seconds per iteration and loss of conjugate gradients beside the exact solver, on pairs from a file
 *
 *   bench_cg PAIRS FACTORS [ITERATIONS]      PAIRS: lines of user<tab>item, numbered from 0
 *
 * One line: seconds an iteration of cg, of als; loss of cg, of als after the same iterations; the longest time between
 * looks at the cancel flag.  Setting up is not counted.  test/bench/peer_implicit.py takes the same file.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core_env.h"
#include "recommend/cg.h"

static Coo
read_pairs(const char *path, int32_t *users, int32_t *items)
{
	FILE *file = fopen(path, "r");
	int64_t room = 1 << 24;
	Coo coo = {.row = core_malloc((size_t) room * sizeof(int32_t)),
			   .col = core_malloc((size_t) room * sizeof(int32_t))};

	if (file == NULL)
		exit(2);
	while (coo.n < room && fscanf(file, "%d %d", &coo.row[coo.n], &coo.col[coo.n]) == 2)
	{
		*users = coo.row[coo.n] >= *users ? coo.row[coo.n] + 1 : *users;
		*items = coo.col[coo.n] >= *items ? coo.col[coo.n] + 1 : *items;
		coo.n++;
	}
	fclose(file);
	return coo;
}

static Csr
matrix_make(int32_t rows, int32_t cols, int64_t n)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) n * sizeof(int32_t))};
}

/* Seconds of a training, whose loss is left in *loss. */
static double
train(CoreEnv *env, AlsProblem *problem, AlsModel *model, bool cg, int32_t iterations, double *loss)
{
	int32_t users = problem->by_user.rows;
	int32_t items = problem->by_item.rows;
	size_t bytes = cg ? cg_shared_bytes(&problem->params, users, items)
					  : als_shared_bytes(&problem->params, users, items);
	void *shared = core_shared(bytes);
	AlsReport report;
	double begun = core_seconds();
	double seconds;

	problem->params.iterations = iterations;
	if ((cg ? cg_train : als_train)(&env->env, problem, model, shared, &report) != CORE_OK)
		exit(1);
	seconds = core_seconds() - begun;
	core_shared_free(shared, bytes);
	*loss = report.loss;
	return seconds;
}

int
main(int argc, char **argv)
{
	int32_t users = 0;
	int32_t items = 0;
	int32_t iterations = argc > 3 ? atoi(argv[3]) : 10;
	double loss[2];
	double seconds[2];
	CoreEnv env;
	CooMerge merge;

	if (argc < 3)
		return 2;
	core_env_init(&env);

	Coo coo = read_pairs(argv[1], &users, &items);
	AlsProblem problem = {
		.params = {.factors = atoi(argv[2]), .regularization = 0.01f, .unobserved_weight = 0.1f, .seed = 1},
		.by_user = matrix_make(users, items, coo.n),
		.by_item = matrix_make(items, users, coo.n)};
	size_t row = (size_t) problem.params.factors * sizeof(float);
	AlsModel model = {.user_factors = core_shared((size_t) users * row),
					  .item_factors = core_shared((size_t) items * row)};

	if (csr_from_coo(&env.env, &coo, NULL, NULL, &problem.by_user, &merge) != CORE_OK ||
		csr_transpose(&env.env, &problem.by_user, &problem.by_item) != CORE_OK)
		return 1;
	for (int exact = 0; exact < 2; exact++)
	{
		double few = train(&env, &problem, &model, !exact, 1, &loss[exact]);

		env.timed = !exact;
		env.last_look = 0.0;
		seconds[exact] =
			(train(&env, &problem, &model, !exact, 1 + iterations, &loss[exact]) - few) / iterations;
	}
	printf("%.4f %.4f s an iteration, loss %.8g %.8g after %d, looks within %.1f ms\n", seconds[0],
		   seconds[1], loss[0], loss[1], iterations + 1, 1e3 * env.longest_gap);
	return 0;
}
