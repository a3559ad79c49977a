/*
 * test_neighbours.c - similar rows against all pairs computed plainly, scans of every kernel, walks, weights and scores
 */
#include "near_team.h"
#include "recommend/item_scores.h"
#include "recommend/neighbour_weights.h"
#include "recommend/neighbours.h"
#include "recommend/neighbours_kernel.h"
#include "recommend/rp3beta.h"

static const NearShape shapes[] = {
	{"many meetings", 120, 700, 0.3, false},
	{"many meetings, ratings", 120, 700, 0.3, true},
	{"few meetings", 300, 900, 0.008, false},
	{"few meetings, ratings", 300, 900, 0.008, true},
	{"fewer things than a vector", 50, 7, 0.6, true},
	{"one item", 30, 1, 0.7, false},
	{"one customer", 1, 150, 0.9, true},
	{"no customers", 0, 20, 0.5, false},
	{"no items", 20, 0, 0.5, true},
	{"everybody has everything", 16, 300, 10.0, false},
};
static const NearShape whole_blocks = {"as many things as whole blocks", 120, 512, 0.3, true};
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

static CoreStatus
body(Env *env, const void *problem, NeighbourLists *lists, void *shared)
{
	return neighbours_find(env, problem, lists, shared);
}

static CoreStatus
walk_body(Env *env, const void *problem, NeighbourLists *lists, void *shared)
{
	return rp3beta_train(env, problem, lists, shared);
}

static NearRun
run_of(const NeighbourProblem *problem, int32_t width)
{
	int32_t things = problem->rows.rows;

	return near_run_make(body, problem, neighbours_shared_bytes(things),
						 neighbours_member_bytes(problem, width), things, width);
}

static double
naive_pearson(const double *a, const double *b, int64_t n, double shrinkage)
{
	double count = 0.0;
	double mean_a = 0.0;
	double mean_b = 0.0;
	double aa = 0.0;
	double bb = 0.0;
	double ab = 0.0;

	for (int64_t f = 0; f < n; f++)
	{
		if (a[f] == 0.0 || b[f] == 0.0)
			continue;
		count++;
		mean_a += a[f];
		mean_b += b[f];
	}
	for (int64_t f = 0; f < n; f++)
	{
		double da = a[f] - mean_a / count;
		double db = b[f] - mean_b / count;

		if (a[f] == 0.0 || b[f] == 0.0)
			continue;
		aa += da * da;
		bb += db * db;
		ab += da * db;
	}
	return aa > 1e-9 && bb > 1e-9 ? ab / sqrt(aa * bb) * count / (count + shrinkage) : 0.0;
}

/* Of dense rows a and b [n]. */
static double
naive_similarity(const NeighbourProblem *problem, const double *a, const double *b, int64_t n)
{
	double aa = 0.0;
	double bb = 0.0;
	double ab = 0.0;

	if (problem->similarity == NEIGHBOUR_PEARSON)
		return naive_pearson(a, b, n, problem->shrinkage);
	for (int64_t f = 0; f < n; f++)
	{
		aa += a[f] * a[f];
		bb += b[f] * b[f];
		ab += a[f] * b[f];
	}
	if (problem->similarity == NEIGHBOUR_DOT || ab == 0.0)
		return ab;
	return ab / (sqrt(aa) * sqrt(bb) + problem->shrinkage);
}

static int
ascending(const void *a, const void *b)
{
	int32_t x = *(const int32_t *) a;
	int32_t y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

/* Row r of the lists has the largest of similar [things], and of equal ones the first. */
static void
check_row(const NeighbourLists *lists, int64_t r, const double *similar)
{
	const int32_t *col = lists->col + r * lists->width;
	const float *value = lists->value + r * lists->width;
	double least = INFINITY;
	int32_t above = 0;
	int32_t larger = 0;
	int32_t at = 0;
	bool first = true;

	for (int32_t e = 0; e < lists->count[r]; e++)
	{
		CHECK_CLOSE(value[e], similar[col[e]], 1e-6);
		least = fmin(least, value[e]);
	}
	for (int32_t i = 0; i < lists->rows; i++)
	{
		bool listed = at < lists->count[r] && col[at] == i;

		at += listed;
		if (i == r || !(similar[i] > 1e-12))
			continue;
		above++;
		larger += similar[i] > least * (1.0 + 1e-5) && !listed;
		/* Who comes first among equals is told where they are equal to the last bit. */
		for (int32_t j = i + 1; !listed && j < lists->rows; j++)
			first &= similar[j] != similar[i] ||
					 !(at < lists->count[r] &&
					   bsearch(&j, col, (size_t) lists->count[r], sizeof(*col), ascending) != NULL);
	}
	CHECK(larger == 0);
	CHECK(first);
	CHECK(lists->count[r] == (above < lists->width ? above : lists->width));
}

static void
check_against_naive(const NeighbourProblem *problem, const NeighbourLists *lists)
{
	int64_t n = problem->rows.cols;
	double *dense = near_dense(&problem->rows);
	double *similar = core_malloc((size_t) lists->rows * sizeof(double));
	int32_t step = lists->rows > 200 ? 7 : 1;

	near_well_formed(lists);
	for (int32_t r = 0; r < lists->rows; r += step)
	{
		for (int64_t i = 0; i < lists->rows; i++)
			similar[i] = naive_similarity(problem, dense + r * n, dense + i * n, n);
		check_row(lists, r, similar);
	}
	free(dense);
	free(similar);
}

/* A history equal to a thing's own finds what the thing's list has. */
static void
check_query(const NeighbourProblem *problem, const NeighbourLists *lists)
{
	double *norms = core_malloc((size_t) lists->rows * sizeof(double));
	TopEntry *heap = core_malloc((size_t) lists->width * sizeof(TopEntry));
	CoreEnv env;

	core_env_init(&env);
	CHECK(neighbours_norms(&env.env, problem, norms) == CORE_OK);
	for (int32_t r = 0; r < lists->rows; r += 11)
	{
		int64_t at = problem->rows.start[r];
		NeighbourHistory history = {.features = problem->rows.col + at,
									.values = problem->rows.value != NULL ? problem->rows.value + at : NULL,
									.n = (int32_t) (problem->rows.start[r + 1] - at),
									.self = r};
		TopK top;
		bool same = true;

		topk_init(&top, heap, lists->width);
		CHECK(neighbours_query(&env.env, problem, norms, &history, &top) == CORE_OK);
		CHECK(top.n == lists->count[r]);
		for (int32_t e = 0; e + 1 < top.n; e++)
			same &= heap[e].score >= heap[e + 1].score;
		for (int32_t e = 0; e < top.n; e++)
		{
			const int32_t *col = lists->col + (int64_t) r * lists->width;
			const int32_t *found = bsearch(&heap[e].index, col, (size_t) top.n, sizeof(*col), ascending);

			same &=
				found != NULL && lists->value[(int64_t) r * lists->width + (found - col)] == heap[e].score;
		}
		CHECK(same);
	}
	CHECK(env.live == 0);
	free(norms);
	free(heap);
}

static void
test_against_naive(const NearShape *shape, bool users, NeighbourSimilarity similarity, double shrinkage,
				   int32_t width)
{
	NearCase data = near_make(shape);
	NeighbourProblem problem = {.similarity = similarity,
								.shrinkage = shrinkage,
								.rows = users ? data.by_user : data.by_item,
								.features = users ? data.by_item : data.by_user};
	NearRun run = run_of(&problem, neighbour_lists_width(width, problem.rows.rows));

	near_run(&run, 1, CORE_OK);
	check_against_naive(&problem, &run.lists);
	check_query(&problem, &run.lists);
	near_same_bytes(&run);
	near_run_free(&run);
	near_free(&data);
}

/* Each kernel's maxima are those of plain loops. */
static void
test_kernel(int number)
{
	enum
	{
		N = 8 * NEIGHBOURS_BLOCK * 3
	};
	const NeighboursKernel *kernel = neighbours_kernel_numbered(number);
	double sums[N];
	double norms[N];
	int32_t counts[N];
	float sum_maxima[N / NEIGHBOURS_BLOCK];
	float count_maxima[N / NEIGHBOURS_BLOCK];
	NeighboursNorms how = {.norms = norms, .norm = 1.5, .shrinkage = 0.0};

	if (kernel == NULL)
		return;
	CHECK(8 % kernel->lanes == 0);
	for (int i = 0; i < N; i++)
	{
		counts[i] = (int32_t) rng_below(1, 0, (uint64_t) i, 50);
		sums[i] = rng_uniform(1, 1, (uint64_t) i) - 0.5;
		norms[i] = 1.0 + rng_uniform(1, 2, (uint64_t) i);
	}
	/* 0 / 0 is no maximum, in whichever lane it stands. */
	for (int i = 5; i < N; i += 17)
	{
		counts[i] = 0;
		sums[i] = 0.0;
		norms[i] = 0.0;
	}
	kernel->count_maxima(counts, N, &how, count_maxima);
	kernel->sum_maxima(sums, N, &how, sum_maxima);
	for (int b = 0; b < N / NEIGHBOURS_BLOCK; b++)
	{
		double of_counts = 0.0;
		double of_sums = 0.0;

		for (int v = 0; v < NEIGHBOURS_BLOCK; v++)
		{
			int i =
				b / kernel->lanes * kernel->lanes * NEIGHBOURS_BLOCK + b % kernel->lanes + v * kernel->lanes;

			of_counts = fmax(of_counts, counts[i] / (how.norm * norms[i]));
			of_sums = fmax(of_sums, sums[i] / (how.norm * norms[i]));
		}
		CHECK_CLOSE(count_maxima[b], of_counts, 1e-6);
		CHECK_CLOSE(sum_maxima[b], of_sums, 1e-6);
	}
}

static void
test_interrupted(const NearShape *shape, NeighbourSimilarity similarity)
{
	NearCase data = near_make(shape);
	NeighbourProblem problem = {.similarity = similarity, .rows = data.by_item, .features = data.by_user};
	NearRun run = run_of(&problem, 20);

	near_cancel(&run, 1);
	near_cancel(&run, 3);
	near_no_memory(&run, 1);
	near_no_memory(&run, 3);
	near_run_free(&run);
	near_free(&data);
}

static void
test_not_finite(NeighbourSimilarity similarity, float value)
{
	NearCase data = near_make(&shapes[1]);
	NeighbourProblem problem = {.similarity = similarity, .rows = data.by_item, .features = data.by_user};
	NearRun run = run_of(&problem, 20);

	data.by_item.value[1234] = value;
	near_run(&run, 1, CORE_NOT_FINITE);
	near_run(&run, 3, CORE_NOT_FINITE);
	near_run_free(&run);
	near_free(&data);
}

/* Dot products that no float holds end in a status; cosines of the same are fine. */
static void
test_huge(const NearShape *shape)
{
	NearCase data = near_make(shape);
	NeighbourProblem problem = {.similarity = NEIGHBOUR_DOT, .rows = data.by_item, .features = data.by_user};
	NearRun run = run_of(&problem, 20);

	for (int64_t e = 0; e < csr_entries(&data.by_user); e++)
	{
		data.by_user.value[e] *= 1e35f;
		data.by_item.value[e] *= 1e35f;
	}
	near_run(&run, 2, CORE_NOT_FINITE);
	problem.similarity = NEIGHBOUR_COSINE;
	near_run(&run, 2, CORE_OK);
	check_against_naive(&problem, &run.lists);
	near_run_free(&run);
	near_free(&data);
}

/* The same weights in both layouts, and for a history of its own. */
static void
test_weights(NeighbourWeighting weighting)
{
	NearCase data = near_make(&shapes[3]);
	NeighbourWeights weights = {.weighting = weighting, .k1 = 1.2, .b = 0.75};
	int64_t entries = csr_entries(&data.by_user);
	float *rows = core_malloc((size_t) entries * sizeof(float));
	Csr weighted = data.by_item;
	Csr turned = {.start = core_malloc(((size_t) data.by_user.rows + 1) * sizeof(int64_t)),
				  .col = core_malloc((size_t) entries * sizeof(int32_t)),
				  .value = core_malloc((size_t) entries * sizeof(float))};
	double mean = neighbour_weights_mean_length(&data.by_item);
	float out[300];
	CoreEnv env;

	core_env_init(&env);
	for (int32_t r = 0; r < data.by_item.rows; r++)
	{
		int64_t at = data.by_item.start[r];
		int32_t n = (int32_t) (data.by_item.start[r + 1] - at);

		neighbour_weights_history(&weights, &data.by_user, mean, data.by_item.col + at,
								  data.by_item.value + at, n, out);
		memcpy(rows + at, out, (size_t) n * sizeof(float));
	}
	env.cancel_at = 1;
	CHECK(neighbour_weights_apply(&env.env, &weights, &data.by_item, &data.by_user, data.by_item.value,
								  data.by_user.value) == CORE_CANCELLED);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(neighbour_weights_apply(&env.env, &weights, &data.by_item, &data.by_user, data.by_item.value,
								  data.by_user.value) == CORE_NO_MEMORY);
	core_env_init(&env);
	CHECK(neighbour_weights_apply(&env.env, &weights, &data.by_item, &data.by_user, data.by_item.value,
								  data.by_user.value) == CORE_OK);
	CHECK(env.live == 0);
	CHECK(memcmp(rows, data.by_item.value, (size_t) entries * sizeof(float)) == 0);
	CHECK(csr_transpose(&env.env, &weighted, &turned) == CORE_OK);
	CHECK(memcmp(turned.value, data.by_user.value, (size_t) entries * sizeof(float)) == 0);
	free(rows);
	near_csr_free(&turned);
	near_free(&data);
}

static void
test_walks(const NearShape *shape, Rp3Keep keep)
{
	NearCase data = near_make(shape);
	Rp3Problem problem = {.params = {.alpha = 0.8, .beta = 0.3, .keep = keep},
						  .by_user = data.by_user,
						  .by_item = data.by_item};
	int32_t width = neighbour_lists_width(15, shape->items);
	NearRun run = near_run_make(
		walk_body, &problem,
		rp3beta_shared_bytes(problem.by_user.rows, problem.by_user.cols, csr_entries(&problem.by_user)),
		rp3beta_member_bytes(&problem, width), shape->items, width);

	near_same_bytes(&run);
	near_well_formed(&run.lists);
	if (csr_entries(&data.by_user) > 1000)
	{
		near_cancel(&run, 1);
		near_cancel(&run, 3);
		near_no_memory(&run, 3);
	}
	if (shape->ratings && csr_entries(&data.by_user) > 0)
	{
		data.by_user.value[0] = NAN;
		near_run(&run, 2, CORE_NOT_FINITE);
	}
	near_run_free(&run);
	near_free(&data);
}

/* Scores are sums over rows, parts add up to them, and lists turn into rows as they are. */
static void
test_scores(void)
{
	NearCase data = near_make(&shapes[1]);
	NeighbourProblem problem = {
		.similarity = NEIGHBOUR_COSINE, .rows = data.by_item, .features = data.by_user};
	NearRun run = run_of(&problem, 20);
	int32_t items = data.by_item.rows;
	int32_t history[] = {3, 17, 250, 699, 250};
	float weights[] = {1.0f, 2.0f, 0.5f, 3.0f, 1.5f};
	ScoreCauses causes = {.rows = history, .weights = weights, .n = 5};
	float parts[5];
	float *scores = core_malloc((size_t) items * sizeof(float));
	double *dense;
	CoreEnv env;
	Csr matrix = {.start = core_malloc(((size_t) items + 1) * sizeof(int64_t))};

	near_run(&run, 1, CORE_OK);
	matrix.col = core_malloc((size_t) neighbour_lists_entries(&run.lists) * sizeof(int32_t));
	matrix.value = core_malloc((size_t) neighbour_lists_entries(&run.lists) * sizeof(float));
	core_env_init(&env);
	CHECK(neighbour_lists_csr(&env.env, &run.lists, items, &matrix) == CORE_OK);
	CHECK(csr_entries(&matrix) == neighbour_lists_entries(&run.lists));
	dense = near_dense(&matrix);
	for (int pass = 0; pass < 2; pass++)
	{
		causes.weights = pass == 0 ? weights : NULL;
		CHECK(item_scores(&env.env, &matrix, &causes, scores) == CORE_OK);
		for (int32_t i = 0; i < items; i++)
		{
			double sum = 0.0;
			float of_parts = 0.0f;

			item_scores_parts(&matrix, &causes, i, parts);
			for (int c = 0; c < causes.n; c++)
			{
				sum += dense[(int64_t) history[c] * items + i] * (pass == 0 ? weights[c] : 1.0f);
				of_parts += parts[c];
			}
			CHECK_CLOSE(scores[i], sum, 1e-6);
			CHECK_CLOSE(scores[i], of_parts, 1e-6);
		}
	}
	causes.n = 0;
	CHECK(item_scores(&env.env, &matrix, &causes, scores) == CORE_OK);
	CHECK(scores[0] == 0.0f && scores[items - 1] == 0.0f);
	free(scores);
	free(dense);
	near_csr_free(&matrix);
	near_run_free(&run);
	near_free(&data);
}

/* Lists closed up in their own arrays. */
static void
test_lists_in_place(void)
{
	NeighbourLists lists = neighbour_lists_at(core_malloc(neighbour_lists_bytes(3, 2)), 3, 2);
	int64_t start[4];
	Csr matrix = {.start = start, .col = lists.col, .value = lists.value};
	TopEntry heap[3][2] = {{{0.5f, 2}, {0.9f, 1}}, {{0.0f, 0}}, {{0.25f, 0}}};
	CoreEnv env;

	for (int32_t r = 0; r < 3; r++)
	{
		TopK top = {.heap = heap[r], .k = 2, .n = r == 0 ? 2 : r - 1};

		neighbour_lists_put(&lists, r, &top);
	}
	core_env_init(&env);
	CHECK(neighbour_lists_csr(&env.env, &lists, 3, &matrix) == CORE_OK);
	CHECK(start[0] == 0 && start[1] == 2 && start[2] == 2 && start[3] == 3);
	CHECK(matrix.col[0] == 1 && matrix.col[1] == 2 && matrix.col[2] == 0);
	CHECK(matrix.value[0] == 0.9f && matrix.value[1] == 0.5f && matrix.value[2] == 0.25f);
	free(lists.count);
}

int
main(void)
{
	for (int number = 0; number < NEIGHBOURS_KERNELS; number++)
		test_kernel(number);
	for (int s = 0; s < SHAPES; s++)
	{
		test_against_naive(&shapes[s], false, NEIGHBOUR_COSINE, 0, 10);
		test_against_naive(&shapes[s], false, NEIGHBOUR_COSINE, 5, 1000);
		test_against_naive(&shapes[s], true, NEIGHBOUR_COSINE, 0, 100);
		test_against_naive(&shapes[s], false, NEIGHBOUR_DOT, 0, 30);
		test_against_naive(&shapes[s], false, NEIGHBOUR_PEARSON, 2, 10);
		test_against_naive(&shapes[s], true, NEIGHBOUR_PEARSON, 0, 10);
		test_walks(&shapes[s], RP3_PER_SOURCE);
		test_walks(&shapes[s], RP3_PER_TARGET);
	}
	test_interrupted(&shapes[0], NEIGHBOUR_COSINE);
	test_interrupted(&shapes[3], NEIGHBOUR_COSINE);
	test_interrupted(&shapes[1], NEIGHBOUR_PEARSON);
	test_not_finite(NEIGHBOUR_COSINE, NAN);
	test_not_finite(NEIGHBOUR_DOT, INFINITY);
	test_not_finite(NEIGHBOUR_PEARSON, -INFINITY);
	test_huge(&shapes[1]);
	test_huge(&whole_blocks);
	test_weights(NEIGHBOUR_TFIDF);
	test_weights(NEIGHBOUR_BM25);
	test_scores();
	test_lists_in_place();
	return check_finish();
}
