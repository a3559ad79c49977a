/*
 * test_near_reference.c - EASE, neighbours, random walks and predictions against plain NumPy on 200 x 100, to 1e-6
 *
 * neighbours_reference.h is what reference_neighbours.py prints.
 */
#include "check.h"
#include "near_case.h"
#include "neighbours_reference.h"
#include "recommend/ease.h"
#include "recommend/item_scores.h"
#include "recommend/neighbour_weights.h"
#include "recommend/neighbours.h"
#include "recommend/rp3beta.h"

#define TOLERANCE 1e-6

static NeighbourLists
lists_make(int32_t rows, int32_t width)
{
	return neighbour_lists_at(core_malloc(neighbour_lists_bytes(rows, width)), rows, width);
}

/* Every row's count and sums against reference [rows][3]; the lists are freed. */
static void
check_lists(NeighbourLists *lists, int32_t cols, const double (*reference)[3])
{
	for (int32_t r = 0; r < lists->rows; r++)
	{
		double sum = 0.0;
		double weighted = 0.0;

		for (int32_t e = 0; e < lists->count[r]; e++)
		{
			int64_t at = (int64_t) r * lists->width + e;

			sum += lists->value[at];
			weighted += lists->value[at] * (lists->col[at] + 1.0) / cols;
		}
		CHECK(lists->count[r] == (int32_t) reference[r][0]);
		CHECK_CLOSE(sum, reference[r][1], TOLERANCE);
		CHECK_CLOSE(weighted, reference[r][2], TOLERANCE);
	}
	free(lists->count);
}

static void
check_ease(bool ratings, double lambda, int32_t width, const double (*reference)[3])
{
	NearShape shape = NEAR_REFERENCE(ratings);
	NearCase data = near_make(&shape);
	EaseProblem problem = {.params = {.lambda = lambda}, .by_user = data.by_user, .by_item = data.by_item};
	NeighbourLists lists = lists_make(shape.items, width);
	size_t bytes = ease_shared_bytes(shape.items);
	void *shared = core_shared(bytes);
	CoreEnv env;

	core_env_init(&env);
	CHECK(ease_train(&env.env, &problem, &lists, shared) == CORE_OK);
	check_lists(&lists, shape.items, reference);
	core_shared_free(shared, bytes);
	near_free(&data);
}

/* rows and features of data, weighted unless weights is NULL. */
static NeighbourLists
find(NearCase *data, bool users, const NeighbourWeights *weights, NeighbourProblem *problem, int32_t width)
{
	NeighbourLists lists;
	size_t bytes;
	void *shared;
	CoreEnv env;

	core_env_init(&env);
	problem->rows = users ? data->by_user : data->by_item;
	problem->features = users ? data->by_item : data->by_user;
	if (weights != NULL)
		CHECK(neighbour_weights_apply(&env.env, weights, &problem->rows, &problem->features,
									  problem->rows.value, problem->features.value) == CORE_OK);
	lists = lists_make(problem->rows.rows, width);
	bytes = neighbours_shared_bytes(problem->rows.rows);
	shared = core_shared(bytes);
	CHECK(neighbours_find(&env.env, problem, &lists, shared) == CORE_OK);
	CHECK(env.live == 0);
	core_shared_free(shared, bytes);
	return lists;
}

static void
check_neighbours(bool ratings, bool users, const NeighbourWeights *weights, NeighbourProblem problem,
				 int32_t width, const double (*reference)[3])
{
	NearShape shape = NEAR_REFERENCE(ratings);
	NearCase data = near_make(&shape);
	NeighbourLists lists = find(&data, users, weights, &problem, width);

	check_lists(&lists, lists.rows, reference);
	near_free(&data);
}

static void
check_walks(bool ratings, Rp3Params params, const double (*reference)[3])
{
	NearShape shape = NEAR_REFERENCE(ratings);
	NearCase data = near_make(&shape);
	Rp3Problem problem = {.params = params, .by_user = data.by_user, .by_item = data.by_item};
	NeighbourLists lists = lists_make(shape.items, 10);
	size_t bytes =
		rp3beta_shared_bytes(problem.by_user.rows, problem.by_user.cols, csr_entries(&problem.by_user));
	void *shared = core_shared(bytes);
	CoreEnv env;

	core_env_init(&env);
	CHECK(rp3beta_train(&env.env, &problem, &lists, shared) == CORE_OK);
	check_lists(&lists, shape.items, reference);
	core_shared_free(shared, bytes);
	near_free(&data);
}

static void
check_predictions(void)
{
	NearShape shape = NEAR_REFERENCE(true);
	NearCase data = near_make(&shape);
	NeighbourProblem problem = {.similarity = NEIGHBOUR_PEARSON, .shrinkage = 3};
	NeighbourLists lists = find(&data, true, NULL, &problem, 15);
	double *means = core_malloc((size_t) shape.users * sizeof(double));
	float *predicted = core_malloc((size_t) shape.items * sizeof(float));
	float *support = core_malloc((size_t) shape.items * sizeof(float));
	CoreEnv env;

	core_env_init(&env);
	CHECK(neighbours_norms(&env.env, &problem, means) == CORE_OK);
	for (int32_t u = 0; u < shape.users; u++)
	{
		int64_t at = (int64_t) u * lists.width;
		ScoreCauses causes = {.rows = lists.col + at, .weights = lists.value + at, .n = lists.count[u]};
		double sum = 0.0;
		double weighted = 0.0;

		CHECK(item_scores_rated(&env.env, &data.by_user, means, &causes, means[u], predicted, support) ==
			  CORE_OK);
		for (int32_t i = 0; i < shape.items; i++)
		{
			sum += predicted[i];
			weighted += predicted[i] * (i + 1.0) / shape.items;
			if (support[i] == 0.0f)
				CHECK(predicted[i] == (float) means[u]);
		}
		CHECK_CLOSE(sum, reference_predicted[u][1], TOLERANCE);
		CHECK_CLOSE(weighted, reference_predicted[u][2], TOLERANCE);
	}
	free(lists.count);
	free(means);
	free(predicted);
	free(support);
	near_free(&data);
}

int
main(void)
{
	NeighbourProblem cosine = {.similarity = NEIGHBOUR_COSINE};
	NeighbourProblem shrunk = {.similarity = NEIGHBOUR_COSINE, .shrinkage = 10};
	NeighbourProblem dot = {.similarity = NEIGHBOUR_DOT};
	NeighbourProblem pearson = {.similarity = NEIGHBOUR_PEARSON, .shrinkage = 3};
	NeighbourWeights tfidf = {.weighting = NEIGHBOUR_TFIDF};
	NeighbourWeights bm25 = {.weighting = NEIGHBOUR_BM25, .k1 = 1.2, .b = 0.75};

	check_ease(false, 5, 99, reference_ease_full);
	check_ease(true, 20, 7, reference_ease_few);
	check_neighbours(false, false, NULL, cosine, 10, reference_items_cosine);
	check_neighbours(true, false, NULL, shrunk, 10, reference_items_shrunk);
	check_neighbours(true, false, &tfidf, cosine, 99, reference_items_tfidf);
	check_neighbours(true, false, &bm25, dot, 10, reference_items_bm25);
	check_neighbours(false, true, NULL, cosine, 15, reference_users_cosine);
	check_neighbours(true, true, NULL, pearson, 15, reference_users_pearson);
	check_walks(true, (Rp3Params){.alpha = 0.7, .beta = 0.4, .keep = RP3_PER_SOURCE}, reference_walk_source);
	check_walks(false, (Rp3Params){.alpha = 0.8, .beta = 0.3, .keep = RP3_PER_TARGET}, reference_walk_target);
	check_predictions();
	return check_finish();
}
