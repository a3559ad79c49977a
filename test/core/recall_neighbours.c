/*
 * recall_neighbours.c - recall@20 of popularity, EASE, neighbours and random walks under the protocol of reference_als.py
 *
 *   recall_neighbours PAIRS [others|all [test|validation [METHOD [ARGUMENT...]]]]
 *
 *   ease NEIGHBOURS LAMBDA
 *   item_knn NEIGHBOURS SHRINKAGE cosine|dot none|tfidf|bm25 source|target [K1 B]
 *   user_knn NEIGHBOURS SHRINKAGE cosine|dot none|tfidf|bm25
 *   rp3beta NEIGHBOURS ALPHA BETA source|target
 *
 * PAIRS is what reference_als.py --write wrote.  "others" trains on customers outside the test only, "all" on the test
 * customers' histories too; either way lists are made from the histories.  "validation" looks at no test customer: every
 * fifth of the others plays the test customer, a fifth of the items held out by hash.  Without a method: all by defaults,
 * which were chosen by the validation among usual values:
 *
 *   ease      50 neighbours per target 0.347, 1,000 0.330, all 0.330 (lambda 100); lambda 50 0.347, 200 0.341, 400 0.327
 *   item_knn  20 neighbours per target: plain 0.294, TF-IDF 0.300, BM25 (1.2, 0.75) by dot product 0.302; TF-IDF: 5 neighbours
 *             0.320, 50 0.287; 100 neighbours, plain: per target 0.263, per source 0.200
 *   rp3beta   20 neighbours per target, alpha 0.7, beta 0.3 0.310, 1 and 0 0.238; 100 neighbours: 0.8, 0.2 per target 0.290,
 *             the best per source (0.6, 0.6) 0.262
 *   user_knn  100 neighbours 0.225, 50 0.222, 200 0.205; TF-IDF 0.227 with 100 and with 50
 *
 * Standard errors are 0.010.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/ease.h"
#include "recommend/item_scores.h"
#include "recommend/neighbour_weights.h"
#include "recommend/neighbours.h"
#include "recommend/rank.h"
#include "recommend/rp3beta.h"
#include "rng.h"

#define K 20

enum
{
	OTHERS,
	HISTORY,
	HELD_OUT,
	NOWHERE
};

typedef struct Parts
{
	const unsigned char *part; /* [n] */
	unsigned wanted;
} Parts;

/* What is trained on and what is asked. */
typedef struct Data
{
	CoreEnv env;
	Csr by_user;
	Csr by_item;
	Csr history;
	Csr held;
} Data;

static void
fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static bool
of_parts(const Coo *coo, int64_t entry, const void *arg)
{
	const Parts *parts = arg;

	(void) coo;
	return (parts->wanted >> parts->part[entry] & 1) != 0;
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

/* Parts of a split within the customers outside the test. */
static void
split_others(const Coo *coo, unsigned char *part)
{
	for (int64_t e = 0; e < coo->n; e++)
	{
		uint64_t user = (uint64_t) coo->row[e];

		if (part[e] != OTHERS)
			part[e] = NOWHERE;
		else if (rng_below(11, 0, user, 5) == 0)
			part[e] = rng_below(12, user, (uint64_t) coo->col[e], 5) == 0 ? HELD_OUT : HISTORY;
	}
}

static Csr
csr_room(int32_t rows, int64_t entries)
{
	return (Csr){.rows = rows,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) entries * sizeof(int32_t))};
}

static void
csr_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
	free(matrix->value);
}

static Csr
matrix_of(Env *env, const Coo *coo, const unsigned char *part, unsigned wanted, int users, int items)
{
	Parts parts = {.part = part, .wanted = wanted};
	CooMerge merge;
	Csr matrix = csr_room(users, coo->n);

	matrix.cols = items;
	if (csr_from_coo(env, coo, of_parts, &parts, &matrix, &merge) != CORE_OK)
		fail("no matrix");
	return matrix;
}

static Csr
transpose_of(Env *env, const Csr *matrix)
{
	Csr out = csr_room(matrix->cols, csr_entries(matrix));

	if (matrix->value != NULL)
		out.value = core_malloc((size_t) csr_entries(matrix) * sizeof(float));
	if (csr_transpose(env, matrix, &out) != CORE_OK)
		fail("no transpose");
	return out;
}

static Data
read_data(const char *path, bool all, bool validation)
{
	Data data;
	unsigned char *part;
	int users;
	int items;
	Coo coo = read_pairs(path, &users, &items, &part);
	unsigned training = all ? 1u << OTHERS | 1u << HISTORY : 1u << OTHERS;

	core_env_init(&data.env);
	if (validation)
		split_others(&coo, part);
	data.by_user = matrix_of(&data.env.env, &coo, part, training, users, items);
	data.by_item = transpose_of(&data.env.env, &data.by_user);
	data.history = matrix_of(&data.env.env, &coo, part, 1u << HISTORY, users, items);
	data.held = matrix_of(&data.env.env, &coo, part, 1u << HELD_OUT, users, items);
	free(coo.row);
	free(coo.col);
	free(part);
	return data;
}

/* Sums over customers. */
typedef struct Judgement
{
	double sum;
	double squares;
	int n;
} Judgement;

static void
judge_user(const Data *data, int32_t user, const float *scores, Judgement *judgement)
{
	const int32_t *seen = data->history.col + data->history.start[user];
	const int32_t *seen_end = data->history.col + data->history.start[user + 1];
	int64_t held = data->held.start[user];
	TopEntry heap[K];
	TopK top;
	double measures[RANK_MEASURES];

	topk_init(&top, heap, K);
	for (int32_t i = 0; i < data->history.cols; i++)
	{
		if (seen < seen_end && *seen == i)
			seen++;
		else if (topk_wants(&top, scores[i], i))
			topk_push(&top, scores[i], i);
	}
	topk_finish(&top);
	rank_measure(heap, top.n, K, data->held.col + held, (int32_t) (data->held.start[user + 1] - held), 0,
				 measures);
	judgement->sum += measures[RANK_RECALL];
	judgement->squares += measures[RANK_RECALL] * measures[RANK_RECALL];
	judgement->n++;
}

static void
print_judgement(const Judgement *judgement)
{
	double n = judgement->n;

	printf("recall@%d %.4f +- %.4f over %d customers\n", K, judgement->sum / n,
		   sqrt((judgement->squares - judgement->sum * judgement->sum / n) / (n - 1) / n), judgement->n);
}

static bool
is_judged(const Data *data, int32_t user)
{
	return data->held.start[user] < data->held.start[user + 1];
}

static void
judge_popular(const Data *data)
{
	float *scores = core_malloc((size_t) data->by_item.rows * sizeof(float));
	Judgement judgement = {0};

	for (int32_t i = 0; i < data->by_item.rows; i++)
		scores[i] = (float) (data->by_item.start[i + 1] - data->by_item.start[i]);
	for (int32_t user = 0; user < data->held.rows; user++)
	{
		if (is_judged(data, user))
			judge_user(data, user, scores, &judgement);
	}
	print_judgement(&judgement);
	free(scores);
}

/* Lists per target are turned round. */
static void
judge_lists(Data *data, const NeighbourLists *lists, bool per_target)
{
	int64_t entries = neighbour_lists_entries(lists);
	Csr matrix = csr_room(lists->rows, entries);
	float *scores = core_malloc((size_t) lists->rows * sizeof(float));
	Judgement judgement = {0};
	double begun;

	matrix.value = core_malloc((size_t) entries * sizeof(float));
	if (neighbour_lists_csr(&data->env.env, lists, lists->rows, &matrix) != CORE_OK)
		fail("no lists");
	if (per_target)
	{
		Csr turned = transpose_of(&data->env.env, &matrix);

		csr_free(&matrix);
		matrix = turned;
	}
	begun = core_seconds();
	for (int32_t user = 0; user < data->held.rows; user++)
	{
		int64_t at = data->history.start[user];
		ScoreCauses causes = {.rows = data->history.col + at,
							  .n = (int32_t) (data->history.start[user + 1] - at)};

		if (!is_judged(data, user))
			continue;
		item_scores(&data->env.env, &matrix, &causes, scores);
		judge_user(data, user, scores, &judgement);
	}
	printf("%.1f us a list; ", 1e6 * (core_seconds() - begun) / judgement.n);
	print_judgement(&judgement);
	csr_free(&matrix);
	free(scores);
}

static const char *
argument(int argc, char **argv, int at, const char *otherwise)
{
	return argc > at ? argv[at] : otherwise;
}

static NeighbourLists
lists_make(int32_t rows, int32_t neighbours)
{
	int32_t width = neighbour_lists_width(neighbours, rows);

	return neighbour_lists_at(core_malloc(neighbour_lists_bytes(rows, width)), rows, width);
}

static void
run_ease(Data *data, int argc, char **argv)
{
	EaseProblem problem = {.params = {.lambda = atof(argument(argc, argv, 1, "100"))},
						   .by_user = data->by_user,
						   .by_item = data->by_item};
	size_t bytes = ease_shared_bytes(problem.by_item.rows);
	NeighbourLists lists = lists_make(problem.by_item.rows, atoi(argument(argc, argv, 0, "50")));
	void *shared = core_shared(bytes);
	double begun = core_seconds();

	if (ease_train(&data->env.env, &problem, &lists, shared) != CORE_OK)
		fail("no weights");
	printf("ease, %d neighbours, lambda %g: %.2f s; ", lists.width, problem.params.lambda,
		   core_seconds() - begun);
	judge_lists(data, &lists, true);
	core_shared_free(shared, bytes);
	free(lists.count);
}

static NeighbourWeights
weights_of(const char *how, const char *k1, const char *b)
{
	return (NeighbourWeights){.weighting = strcmp(how, "bm25") == 0 ? NEIGHBOUR_BM25 : NEIGHBOUR_TFIDF,
							  .k1 = atof(k1),
							  .b = atof(b)};
}

/* The matrices as the method wants them: weighted copies, unless "none". */
static void
weigh(Data *data, const char *how, NeighbourWeights weights, Csr *rows, Csr *features)
{
	size_t bytes = (size_t) csr_entries(rows) * sizeof(float);
	Csr plain_rows = *rows;
	Csr plain_features = *features;

	if (strcmp(how, "none") == 0)
		return;
	rows->value = core_malloc(bytes);
	features->value = core_malloc(bytes);
	if (neighbour_weights_apply(&data->env.env, &weights, &plain_rows, &plain_features, rows->value,
								features->value) != CORE_OK)
		fail("no weighting");
}

static void
run_item_knn(Data *data, int argc, char **argv)
{
	const char *how = argument(argc, argv, 3, "tfidf");
	bool per_target = strcmp(argument(argc, argv, 4, "target"), "target") == 0;
	NeighbourProblem problem = {.similarity = strcmp(argument(argc, argv, 2, "cosine"), "dot") == 0
												  ? NEIGHBOUR_DOT
												  : NEIGHBOUR_COSINE,
								.shrinkage = atof(argument(argc, argv, 1, "0")),
								.rows = data->by_item,
								.features = data->by_user};
	NeighbourLists lists = lists_make(problem.rows.rows, atoi(argument(argc, argv, 0, "20")));
	size_t bytes = neighbours_shared_bytes(problem.rows.rows);
	void *shared = core_shared(bytes);
	double begun;

	weigh(data, how, weights_of(how, argument(argc, argv, 5, "100"), argument(argc, argv, 6, "0.8")),
		  &problem.rows, &problem.features);
	begun = core_seconds();
	if (neighbours_find(&data->env.env, &problem, &lists, shared) != CORE_OK)
		fail("no neighbours");
	printf("item_knn, %d neighbours, shrinkage %g, %s, weighting %s, per %s: %.3f s; ", lists.width,
		   problem.shrinkage, argument(argc, argv, 2, "cosine"), how, per_target ? "target" : "source",
		   core_seconds() - begun);
	judge_lists(data, &lists, per_target);
	if (problem.rows.value != NULL)
		free(problem.rows.value);
	if (problem.features.value != NULL)
		free(problem.features.value);
	core_shared_free(shared, bytes);
	free(lists.count);
}

static void
run_rp3beta(Data *data, int argc, char **argv)
{
	bool per_target = strcmp(argument(argc, argv, 3, "target"), "target") == 0;
	Rp3Problem problem = {.params = {.alpha = atof(argument(argc, argv, 1, "0.7")),
									 .beta = atof(argument(argc, argv, 2, "0.3")),
									 .keep = per_target ? RP3_PER_TARGET : RP3_PER_SOURCE},
						  .by_user = data->by_user,
						  .by_item = data->by_item};
	NeighbourLists lists = lists_make(problem.by_item.rows, atoi(argument(argc, argv, 0, "20")));
	size_t bytes =
		rp3beta_shared_bytes(problem.by_user.rows, problem.by_user.cols, csr_entries(&problem.by_user));
	void *shared = core_shared(bytes);
	double begun = core_seconds();

	if (rp3beta_train(&data->env.env, &problem, &lists, shared) != CORE_OK)
		fail("no walks");
	printf("rp3beta, %d neighbours, alpha %g, beta %g, per %s: %.3f s; ", lists.width, problem.params.alpha,
		   problem.params.beta, per_target ? "target" : "source", core_seconds() - begun);
	judge_lists(data, &lists, per_target);
	core_shared_free(shared, bytes);
	free(lists.count);
}

/* Neighbours of each history among the customers trained on; a customer's own history is not asked. */
static void
run_user_knn(Data *data, int argc, char **argv)
{
	const char *how = argument(argc, argv, 3, "none");
	int32_t neighbours = atoi(argument(argc, argv, 0, "100"));
	NeighbourProblem problem = {.similarity = strcmp(argument(argc, argv, 2, "cosine"), "dot") == 0
												  ? NEIGHBOUR_DOT
												  : NEIGHBOUR_COSINE,
								.shrinkage = atof(argument(argc, argv, 1, "0")),
								.rows = data->by_user,
								.features = data->by_item};
	int32_t users = problem.rows.rows;
	double *norms = core_malloc((size_t) users * sizeof(double));
	float *scores = core_malloc((size_t) problem.rows.cols * sizeof(float));
	TopEntry *heap = core_malloc((size_t) neighbours * sizeof(TopEntry));
	int32_t *rows = core_malloc((size_t) neighbours * sizeof(int32_t));
	float *weights = core_malloc((size_t) neighbours * sizeof(float));
	float *values = strcmp(how, "none") != 0 ? core_malloc((size_t) problem.rows.cols * sizeof(float)) : NULL;
	NeighbourWeights wanted = weights_of(how, "100", "0.8");
	double mean_length = neighbour_weights_mean_length(&problem.rows);
	Judgement judgement = {0};
	double begun = core_seconds();

	weigh(data, how, wanted, &problem.rows, &problem.features);
	if (neighbours_norms(&data->env.env, &problem, norms) != CORE_OK)
		fail("no norms");
	for (int32_t user = 0; user < users; user++)
	{
		int64_t at = data->history.start[user];
		NeighbourHistory history = {.features = data->history.col + at,
									.values = values,
									.n = (int32_t) (data->history.start[user + 1] - at),
									.self = user};
		ScoreCauses causes = {.rows = rows, .weights = weights};
		TopK top;

		if (!is_judged(data, user))
			continue;
		if (values != NULL)
			neighbour_weights_history(&wanted, &problem.features, mean_length, history.features, NULL,
									  history.n, values);
		topk_init(&top, heap, neighbours);
		if (neighbours_query(&data->env.env, &problem, norms, &history, &top) != CORE_OK)
			fail("no neighbours");
		for (; causes.n < top.n; causes.n++)
		{
			rows[causes.n] = heap[causes.n].index;
			weights[causes.n] = heap[causes.n].score;
		}
		item_scores(&data->env.env, &data->by_user, &causes, scores);
		judge_user(data, user, scores, &judgement);
	}
	printf("user_knn, %d neighbours, shrinkage %g, %s, weighting %s: %.1f us a list; ", neighbours,
		   problem.shrinkage, argument(argc, argv, 2, "cosine"), how,
		   1e6 * (core_seconds() - begun) / judgement.n);
	print_judgement(&judgement);
	free(norms);
	free(scores);
	free(heap);
	free(rows);
	free(weights);
	free(values);
	free(problem.rows.value);
	free(problem.features.value);
}

int
main(int argc, char **argv)
{
	const char *method = argument(argc, argv, 4, "");
	Data data;

	if (argc < 2)
		fail("recall_neighbours PAIRS [others|all [test|validation [METHOD [ARGUMENT...]]]]");
	data = read_data(argv[1], strcmp(argument(argc, argv, 2, "others"), "all") == 0,
					 strcmp(argument(argc, argv, 3, "test"), "validation") == 0);
	if (*method == '\0' || strcmp(method, "popular") == 0)
	{
		printf("popular: ");
		judge_popular(&data);
	}
	if (*method == '\0' || strcmp(method, "ease") == 0)
		run_ease(&data, argc - 5, argv + 5);
	if (*method == '\0' || strcmp(method, "item_knn") == 0)
		run_item_knn(&data, argc - 5, argv + 5);
	if (*method == '\0' || strcmp(method, "user_knn") == 0)
		run_user_knn(&data, argc - 5, argv + 5);
	if (*method == '\0' || strcmp(method, "rp3beta") == 0)
		run_rp3beta(&data, argc - 5, argv + 5);
	csr_free(&data.by_user);
	csr_free(&data.by_item);
	csr_free(&data.history);
	csr_free(&data.held);
	return 0;
}
