/*
 * test_ease.c - item weights against a plain Cholesky solution, over one tile and several, and as a member of a team
 */
#include "near_team.h"
#include "recommend/ease.h"

static const NearShape shapes[] = {
	{"one tile", 90, 70, 0.3, false},          {"ratings", 90, 70, 0.3, true},
	{"three tiles", 300, 530, 0.1, false},     {"two tiles and a bit, ratings", 200, 515, 0.1, true},
	{"exactly one tile", 60, 256, 0.2, false}, {"one more than a tile", 60, 257, 0.2, true},
	{"one item", 20, 1, 0.8, false},           {"two items", 20, 2, 0.8, false},
	{"one customer", 1, 60, 0.8, true},        {"no customers", 0, 12, 0.5, false},
};
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

static CoreStatus
body(Env *env, const void *problem, NeighbourLists *lists, void *shared)
{
	return ease_train(env, problem, lists, shared);
}

static NearRun
run_of(const EaseProblem *problem, int32_t width)
{
	int32_t items = problem->by_item.rows;

	return near_run_make(body, problem, ease_shared_bytes(items), ease_member_bytes(items, width), items,
						 width);
}

static EaseProblem
problem_of(const NearCase *data, double lambda)
{
	return (EaseProblem){.params = {.lambda = lambda}, .by_user = data->by_user, .by_item = data->by_item};
}

/* The Cholesky factor L of X'X + lambda I, lower, [n x n] row by row; to be freed. */
static double *
naive_factor(const Csr *by_user, double lambda)
{
	int64_t n = by_user->cols;
	double *x = near_dense(by_user);
	double *a = core_malloc((size_t) (n * n) * sizeof(double));

	memset(a, 0, (size_t) (n * n) * sizeof(double));
	for (int64_t u = 0; u < by_user->rows; u++)
	{
		for (int64_t i = 0; i < n; i++)
		{
			for (int64_t j = 0; x[u * n + i] != 0.0 && j <= i; j++)
				a[i * n + j] += x[u * n + i] * x[u * n + j];
		}
	}
	for (int64_t i = 0; i < n; i++)
	{
		a[i * n + i] += lambda;
		for (int64_t j = 0; j <= i; j++)
		{
			for (int64_t k = 0; k < j; k++)
				a[i * n + j] -= a[i * n + k] * a[j * n + k];
			a[i * n + j] = i == j ? sqrt(a[i * n + j]) : a[i * n + j] / a[j * n + j];
		}
	}
	free(x);
	return a;
}

/* b [n]: column j of B. */
static void
naive_column(const double *factor, int64_t n, int64_t j, double *b)
{
	double diagonal;

	for (int64_t i = 0; i < n; i++)
	{
		b[i] = i == j;
		for (int64_t k = 0; k < i; k++)
			b[i] -= factor[i * n + k] * b[k];
		b[i] /= factor[i * n + i];
	}
	for (int64_t i = n - 1; i >= 0; i--)
	{
		for (int64_t k = i + 1; k < n; k++)
			b[i] -= factor[k * n + i] * b[k];
		b[i] /= factor[i * n + i];
	}
	diagonal = b[j];
	for (int64_t i = 0; i < n; i++)
		b[i] = i == j ? 0.0 : -b[i] / diagonal;
}

/* Row j of the lists has the strongest of b [n]. */
static void
check_row(const NeighbourLists *lists, int64_t n, int64_t j, const double *b)
{
	const int32_t *col = lists->col + j * lists->width;
	const float *value = lists->value + j * lists->width;
	double weakest = INFINITY;
	int32_t stronger = 0;
	int32_t others = 0;

	for (int32_t e = 0; e < lists->count[j]; e++)
	{
		CHECK_CLOSE(value[e], b[col[e]], 1e-6);
		weakest = fmin(weakest, fabs(b[col[e]]));
	}
	for (int64_t i = 0; i < n; i++)
	{
		others += b[i] != 0.0;
		stronger += fabs(b[i]) > weakest * (1.0 + 1e-5);
	}
	CHECK(stronger <= lists->count[j]);
	if (others <= lists->width)
		CHECK(lists->count[j] == others);
	else
		CHECK(lists->count[j] == lists->width);
}

static void
test_against_naive(const NearShape *shape, double lambda, int32_t width)
{
	NearCase data = near_make(shape);
	EaseProblem problem = problem_of(&data, lambda);
	NearRun run = run_of(&problem, neighbour_lists_width(width, shape->items));
	double *factor = naive_factor(&data.by_user, lambda);
	double *b = core_malloc((size_t) shape->items * sizeof(double));
	int32_t step = shape->items > 100 ? 13 : 1;

	near_run(&run, 1, CORE_OK);
	near_well_formed(&run.lists);
	for (int32_t j = 0; j < shape->items; j += step)
	{
		naive_column(factor, shape->items, j, b);
		check_row(&run.lists, shape->items, j, b);
	}
	near_same_bytes(&run);
	free(factor);
	free(b);
	near_run_free(&run);
	near_free(&data);
}

/* Item 17 has no customers: its list is empty, and it stands in no other's. */
static void
test_item_of_nobody(void)
{
	NearCase data = near_make(&shapes[0]);
	EaseProblem problem = problem_of(&data, 10);
	NearRun run = run_of(&problem, shapes[0].items - 1);
	bool absent = true;

	near_run(&run, 2, CORE_OK);
	CHECK(run.lists.count[17] == 0);
	for (int32_t r = 0; r < run.lists.rows; r++)
	{
		for (int32_t e = 0; e < run.lists.count[r]; e++)
			absent &= run.lists.col[(int64_t) r * run.lists.width + e] != 17;
	}
	CHECK(absent);
	near_run_free(&run);
	near_free(&data);
}

/* Two items with the same customers make a singular matrix without lambda; with it they speak for each other. */
static void
test_twins(void)
{
	int64_t user_start[] = {0, 2, 4, 6};
	int64_t item_start[] = {0, 3, 6};
	int32_t user_col[] = {0, 1, 0, 1, 0, 1};
	int32_t item_col[] = {0, 1, 2, 0, 1, 2};
	EaseProblem problem = {.params = {.lambda = 0.0},
						   .by_user = {.rows = 3, .cols = 2, .start = user_start, .col = user_col},
						   .by_item = {.rows = 2, .cols = 3, .start = item_start, .col = item_col}};
	NearRun run = run_of(&problem, 1);

	near_run(&run, 2, CORE_NOT_FINITE);
	problem.params.lambda = 1.0;
	near_run(&run, 2, CORE_OK);
	CHECK(run.lists.count[0] == 1 && run.lists.count[1] == 1);
	CHECK_CLOSE(run.lists.value[0], 0.75, 1e-6);
	CHECK_CLOSE(run.lists.value[1], 0.75, 1e-6);
	near_run_free(&run);
}

/* A value that is no finite number ends in a status in every member. */
static void
test_not_finite(double value)
{
	NearCase data = near_make(&shapes[3]);
	EaseProblem problem = problem_of(&data, 10);
	NearRun run = run_of(&problem, 5);
	int64_t user = data.by_item.col[data.by_item.start[500]];
	int64_t at = data.by_user.start[user];

	while (data.by_user.col[at] != 500)
		at++;
	data.by_user.value[at] = (float) value;
	data.by_item.value[data.by_item.start[500]] = (float) value;
	near_run(&run, 1, CORE_NOT_FINITE);
	near_run(&run, 3, CORE_NOT_FINITE);
	near_run_free(&run);
	near_free(&data);
}

static void
test_interrupted(const NearShape *shape)
{
	NearCase data = near_make(shape);
	EaseProblem problem = problem_of(&data, 10);
	NearRun run = run_of(&problem, neighbour_lists_width(5, shape->items));
	CoreEnv leader;

	core_env_init(&leader);
	near_run_ends(&run, &leader, 1, CORE_OK);
	CHECK(leader.steps == leader.last_step && leader.steps >= 1);
	near_cancel(&run, 1);
	near_cancel(&run, 3);
	near_no_memory(&run, 1);
	near_no_memory(&run, 3);
	near_run_free(&run);
	near_free(&data);
}

static void
test_bytes(void)
{
	/* Half a matrix and little more. */
	CHECK(ease_shared_bytes(20000) < (size_t) 20000 * 20000 * 8 * 54 / 100);
	CHECK(ease_shared_bytes(20000) > (size_t) 20000 * 20000 * 4);
	CHECK(ease_shared_bytes(INT32_MAX) > (size_t) INT32_MAX * INT32_MAX * 4);
	CHECK(neighbour_lists_bytes(INT32_MAX, INT32_MAX) > (size_t) INT32_MAX * INT32_MAX);
}

int
main(void)
{
	for (int s = 0; s < SHAPES; s++)
	{
		test_against_naive(&shapes[s], 10, 1000);
		test_against_naive(&shapes[s], 0.5, 3);
	}
	test_item_of_nobody();
	test_twins();
	test_not_finite(NAN);
	test_not_finite(INFINITY);
	test_interrupted(&shapes[0]);
	test_interrupted(&shapes[2]);
	test_bytes();
	return check_finish();
}
