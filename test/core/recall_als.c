/*
 * recall_als.c - recall@20 of the C kernel under the protocol of reference_als.py
 *
 *   recall_als PAIRS [others|all [FACTORS [REGULARIZATION [UNOBSERVED_WEIGHT [ITERATIONS [SEED]]]]]]
 *
 * PAIRS is what reference_als.py --write wrote.  "others" trains on customers outside the test only, "all" on the test
 * customers' histories too; either way the histories are folded in.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/als.h"
#include "recommend/rank.h"

#define K 20

enum
{
	OTHERS,
	HISTORY,
	HELD_OUT
};

/* Which parts of the pairs to take: bit p for part p. */
typedef struct Parts
{
	const unsigned char *part; /* [n] */
	unsigned wanted;
} Parts;

static bool
of_parts(const Coo *coo, int64_t entry, const void *arg)
{
	const Parts *parts = arg;

	(void) coo;
	return (parts->wanted >> parts->part[entry] & 1) != 0;
}

static void
fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static Coo
read_pairs(const char *path, int *users, int *items, unsigned char **part)
{
	FILE *file = fopen(path, "r");
	long long n;
	Coo coo = {0};

	if (file == NULL || fscanf(file, "%d %d %lld", users, items, &n) != 3)
		fail("no pairs");
	coo.n = n;
	coo.row = core_malloc((size_t) n * sizeof(int32_t));
	coo.col = core_malloc((size_t) n * sizeof(int32_t));
	*part = core_malloc((size_t) n);
	for (long long e = 0; e < n; e++)
	{
		int number;

		if (fscanf(file, "%d %d %d", &coo.row[e], &coo.col[e], &number) != 3)
			fail("too few pairs");
		(*part)[e] = (unsigned char) number;
	}
	fclose(file);
	return coo;
}

static Csr
matrix_of(Env *env, const Coo *coo, const unsigned char *part, unsigned wanted, int users, int items)
{
	Parts parts = {.part = part, .wanted = wanted};
	CooMerge merge;
	Csr matrix = {.rows = users,
				  .cols = items,
				  .start = core_malloc(((size_t) users + 1) * sizeof(int64_t)),
				  .col = core_malloc((size_t) coo->n * sizeof(int32_t))};

	if (csr_from_coo(env, coo, of_parts, &parts, &matrix, &merge) != CORE_OK)
		fail("no matrix");
	return matrix;
}

static void
matrix_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
}

static void
train(CoreEnv *env, const AlsProblem *problem, AlsModel *model)
{
	size_t bytes = als_shared_bytes(&problem->params, problem->by_user.rows, problem->by_item.rows);
	void *shared = core_shared(bytes);
	double begun = core_seconds();
	AlsReport report;

	if (als_train(&env->env, problem, model, shared, &report) != CORE_OK)
		fail("no model");
	printf("loss %.1f after %d iterations, %.2f s; ", report.loss, report.iterations, core_seconds() - begun);
	core_shared_free(shared, bytes);
}

/* Fold each test customer's history in and judge the list. */
static void
judge(CoreEnv *env, const AlsProblem *problem, const AlsModel *model, const Csr *history, const Csr *held)
{
	int32_t factors = problem->params.factors;
	float *gram = core_malloc((size_t) factors * (size_t) factors * sizeof(float));
	float *x = core_malloc((size_t) factors * sizeof(float));
	float *scratch = core_malloc(RANK_TILE * sizeof(float));
	double sum = 0.0;
	double squares = 0.0;
	int n = 0;

	als_gram(&env->env, &problem->params, model->item_factors, history->cols, gram);
	for (int32_t user = 0; user < held->rows; user++)
	{
		const int32_t *items = history->col + history->start[user];
		int32_t n_items = (int32_t) (history->start[user + 1] - history->start[user]);
		int32_t n_held = (int32_t) (held->start[user + 1] - held->start[user]);
		RankFilter filter = {.exclude = items, .n_exclude = n_items};
		TopEntry heap[K];
		TopK top;
		double measures[RANK_MEASURES];

		if (n_held == 0)
			continue;
		topk_init(&top, heap, K);
		als_fold_in(&env->env, &problem->params, model->item_factors, history->cols, gram, items, NULL,
					n_items, x);
		rank_items(&env->env, model->item_factors, history->cols, factors, x, NULL, &filter, scratch, &top);
		rank_measure(heap, top.n, K, held->col + held->start[user], n_held, 0, measures);
		sum += measures[RANK_RECALL];
		squares += measures[RANK_RECALL] * measures[RANK_RECALL];
		n++;
	}
	printf("recall@%d %.4f +- %.4f over %d customers\n", K, sum / n,
		   sqrt((squares - sum * sum / n) / (n - 1) / n), n);
	free(gram);
	free(x);
	free(scratch);
}

int
main(int argc, char **argv)
{
	unsigned char *part;
	int users;
	int items;
	CoreEnv env;

	if (argc < 2)
		fail(
			"recall_als PAIRS [others|all [FACTORS [REGULARIZATION [UNOBSERVED_WEIGHT [ITERATIONS [SEED]]]]]]");
	core_env_init(&env);

	Coo coo = read_pairs(argv[1], &users, &items, &part);
	unsigned training =
		argc > 2 && strcmp(argv[2], "others") == 0 ? 1u << OTHERS : 1u << OTHERS | 1u << HISTORY;
	AlsParams params = {.factors = argc > 3 ? atoi(argv[3]) : 64,
						.regularization = argc > 4 ? strtof(argv[4], NULL) : 0.01f,
						.unobserved_weight = argc > 5 ? strtof(argv[5], NULL) : 0.1f,
						.iterations = argc > 6 ? atoi(argv[6]) : 15,
						.seed = argc > 7 ? strtoull(argv[7], NULL, 10) : 1};
	Csr by_user = matrix_of(&env.env, &coo, part, training, users, items);
	Csr history = matrix_of(&env.env, &coo, part, 1u << HISTORY, users, items);
	Csr held = matrix_of(&env.env, &coo, part, 1u << HELD_OUT, users, items);
	Csr by_item = {.start = core_malloc(((size_t) items + 1) * sizeof(int64_t)),
				   .col = core_malloc((size_t) csr_entries(&by_user) * sizeof(int32_t))};
	AlsProblem problem = {.params = params, .by_user = by_user};
	AlsModel model = {.user_factors = core_malloc((size_t) users * (size_t) params.factors * sizeof(float)),
					  .item_factors = core_malloc((size_t) items * (size_t) params.factors * sizeof(float))};

	if (csr_transpose(&env.env, &by_user, &by_item) != CORE_OK)
		fail("no transpose");
	problem.by_item = by_item;
	printf("%s, factors %d, regularization %g, unobserved_weight %g, iterations %d, seed %llu: ",
		   argc > 2 ? argv[2] : "all", params.factors, params.regularization, params.unobserved_weight,
		   params.iterations, (unsigned long long) params.seed);
	train(&env, &problem, &model);
	judge(&env, &problem, &model, &history, &held);
	matrix_free(&by_user);
	matrix_free(&by_item);
	matrix_free(&history);
	matrix_free(&held);
	free(model.user_factors);
	free(model.item_factors);
	free(coo.row);
	free(coo.col);
	free(part);
	return 0;
}
