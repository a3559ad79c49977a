/*
 * test_explicit.c - explicit ratings: each solver against a naive one in double precision, and as a member of a team
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/explicit_als.h"
#include "rng.h"

/* What a problem looks like. */
typedef struct Shape
{
	const char *name;
	int32_t users;
	int32_t items;
	int32_t factors;
	double density;
	float regularization;
	float prior;
} Shape;

static const Shape shapes[] = {
	{"usual", 60, 40, 8, 0.3, 0.1f, 5.0f},
	{"many empty rows", 80, 70, 6, 0.01, 0.1f, 2.0f},
	{"one user", 1, 30, 4, 0.5, 0.1f, 1.0f},
	{"one item", 30, 1, 4, 0.5, 0.1f, 0.0f},
	{"one of each", 1, 1, 3, 1.0, 0.2f, 0.0f},
	{"more factors than rows", 7, 9, 20, 0.5, 0.1f, 1.0f},
	{"one factor", 40, 30, 1, 0.3, 0.1f, 3.0f},
	{"rows longer than a block", 12, 700, 5, 0.8, 0.1f, 3.0f},
	{"lanes and a rest", 50, 45, 37, 0.4, 0.1f, 3.0f},
	{"no users", 0, 5, 3, 0.5, 0.1f, 1.0f},
	{"no items", 5, 0, 3, 0.5, 0.1f, 1.0f},
};
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

/* A solver as the tests drive it. */
typedef struct Solver
{
	size_t (*shared_bytes)(const ExplicitProblem *problem);
	size_t (*member_bytes)(const ExplicitParams *params);
	CoreStatus (*train)(Env *env, const ExplicitProblem *problem, ExplicitModel *model, void *shared,
						ExplicitReport *report);
} Solver;

static size_t
als_shared(const ExplicitProblem *problem)
{
	(void) problem;
	return explicit_als_shared_bytes();
}

static const Solver als = {als_shared, explicit_als_member_bytes, explicit_als_train};

typedef struct Fixture
{
	const Solver *solver;
	ExplicitProblem problem;
	ExplicitModel model; /* arrays in one piece of shared memory */
	float *numbers; /* [n_numbers] user_bias, item_bias, user_factors, item_factors */
	size_t n_numbers;
	unsigned char *shared;
	size_t shared_bytes;
	ExplicitReport *report; /* [members], in shared memory */
} Fixture;

#define GUARD 64 /* bytes behind the shared memory that nobody may touch */

/* Ratings 1 .. 5 of rank 2 and some noise. */
static float
rating_of(int32_t user, int32_t item)
{
	double sum = 3.0 + 0.5 * rng_normal(1, (uint64_t) user, 0) + 0.5 * rng_normal(2, (uint64_t) item, 0);

	for (uint64_t j = 1; j <= 2; j++)
		sum += 0.6 * rng_normal(1, (uint64_t) user, j) * rng_normal(2, (uint64_t) item, j);
	return (float) fmin(5.0, fmax(1.0, round(sum + 0.3 * rng_normal(3, (uint64_t) user, (uint64_t) item))));
}

/* The matrix by rows, or its transpose. */
static Csr
make_matrix(const Shape *shape, bool transposed)
{
	int32_t rows = transposed ? shape->items : shape->users;
	int32_t cols = transposed ? shape->users : shape->items;
	size_t room = (size_t) rows * (size_t) cols;
	Csr matrix = {.rows = rows,
				  .cols = cols,
				  .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				  .col = core_malloc(room * sizeof(int32_t)),
				  .value = core_malloc(room * sizeof(float))};
	int64_t n = 0;

	for (int32_t r = 0; r < rows; r++)
	{
		matrix.start[r] = n;
		for (int32_t c = 0; c < cols; c++)
		{
			int32_t user = transposed ? c : r;
			int32_t item = transposed ? r : c;

			if (rng_uniform(8, (uint64_t) user, (uint64_t) item) >= shape->density)
				continue;
			matrix.col[n] = c;
			matrix.value[n++] = rating_of(user, item);
		}
	}
	matrix.start[rows] = n;
	return matrix;
}

static Fixture
fixture_make(const Solver *solver, const Shape *shape, int32_t iterations)
{
	size_t users = (size_t) shape->users;
	size_t items = (size_t) shape->items;
	Fixture f = {.solver = solver,
				 .problem = {.params = {.factors = shape->factors,
										.iterations = iterations,
										.regularization = shape->regularization,
										.prior = shape->prior,
										.bias_regularization = 2.0f,
										.learning_rate = 0.1f,
										.seed = 17},
							 .by_user = make_matrix(shape, false),
							 .by_item = make_matrix(shape, true)}};

	f.n_numbers = (users + items) * ((size_t) shape->factors + 1);
	f.numbers = core_shared(f.n_numbers * sizeof(float));
	f.model.user_bias = f.numbers;
	f.model.item_bias = f.numbers + users;
	f.model.user_factors = f.model.item_bias + items;
	f.model.item_factors = f.model.user_factors + users * (size_t) shape->factors;
	f.shared_bytes = solver->shared_bytes(&f.problem);
	f.shared = core_shared(f.shared_bytes + GUARD);
	f.report = core_shared(CORE_MAX_MEMBERS * sizeof(ExplicitReport));
	return f;
}

static void
fixture_free(Fixture *f)
{
	core_shared_free(f->numbers, f->n_numbers * sizeof(float));
	core_shared_free(f->shared, f->shared_bytes + GUARD);
	core_shared_free(f->report, CORE_MAX_MEMBERS * sizeof(ExplicitReport));
	free(f->problem.by_user.start);
	free(f->problem.by_user.col);
	free(f->problem.by_user.value);
	free(f->problem.by_item.start);
	free(f->problem.by_item.col);
	free(f->problem.by_item.value);
}

/* Each member finds out its own number, to leave its report where it belongs. */
typedef struct Run
{
	Fixture *fixture;
	_Atomic int *joined;
} Run;

static CoreStatus
run_member(Env *env, void *arg)
{
	Run *run = arg;
	Fixture *f = run->fixture;
	int number = atomic_fetch_add(run->joined, 1);

	return f->solver->train(env, &f->problem, &f->model, f->shared, &f->report[number]);
}

/* Train with members whose Envs the caller has set up. */
static void
train_with(Fixture *f, CoreEnv *envs, int members, CoreStatus *status)
{
	Run run = {.fixture = f, .joined = core_shared(sizeof(int))};
	bool guarded = true;

	memset(f->shared, 0, f->shared_bytes);
	memset(f->shared + f->shared_bytes, 0x5a, GUARD);
	memset(f->numbers, 0xff, f->n_numbers * sizeof(float));
	core_team_run(envs, members, run_member, &run, status);
	core_shared_free((void *) run.joined, sizeof(int));
	for (int i = 0; i < GUARD; i++)
		guarded &= f->shared[f->shared_bytes + (size_t) i] == 0x5a;
	CHECK(guarded);
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(envs[i].peak_bytes <= f->solver->member_bytes(&f->problem.params));
	}
}

static bool
train(Fixture *f, int members, CoreEnv *leader)
{
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	bool good = true;

	for (int i = 0; i < members; i++)
		core_env_init(&envs[i]);
	train_with(f, envs, members, status);
	for (int i = 0; i < members; i++)
		good &= status[i] == CORE_OK;
	if (leader != NULL)
		*leader = envs[0];
	return good;
}

/* Solve a [n x n] x = b by Gaussian elimination with pivoting; a and b are lost, b becomes x. */
static void
gauss(double *a, double *b, int n)
{
	for (int c = 0; c < n; c++)
	{
		int pivot = c;

		for (int r = c + 1; r < n; r++)
			pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
		for (int k = 0; k <= n; k++)
		{
			double *one = k < n ? &a[c * n + k] : &b[c];
			double *other = k < n ? &a[pivot * n + k] : &b[pivot];
			double swap = *one;

			*one = *other;
			*other = swap;
		}
		for (int r = c + 1; r < n; r++)
		{
			double times = a[r * n + c] / a[c * n + c];

			for (int k = c; k < n; k++)
				a[r * n + k] -= times * a[c * n + k];
			b[r] -= times * b[c];
		}
	}
	for (int r = n - 1; r >= 0; r--)
	{
		for (int k = r + 1; k < n; k++)
			b[r] -= a[r * n + k] * b[k];
		b[r] /= a[r * n + r];
	}
}

/* Rows z [matrix->rows x (f + 1)], factors then bias, from rows w [matrix->cols x (f + 1)]. */
static void
naive_half(const Csr *matrix, const ExplicitParams *params, double mean, const double *w, double *z)
{
	int f = params->factors;
	int order = f + 1;
	double *a = core_malloc((size_t) (order * order) * sizeof(double));

	for (int32_t r = 0; r < matrix->rows; r++)
	{
		double *b = z + (int64_t) r * order;
		double n = (double) (matrix->start[r + 1] - matrix->start[r]);

		memset(a, 0, (size_t) (order * order) * sizeof(double));
		memset(b, 0, (size_t) order * sizeof(double));
		if (n == 0)
			continue;
		for (int64_t e = matrix->start[r]; e < matrix->start[r + 1]; e++)
		{
			const double *row = w + (int64_t) matrix->col[e] * order;

			for (int j = 0; j < order; j++)
			{
				double d = j < f ? row[j] : 1.0;

				b[j] += d * (matrix->value[e] - mean - row[f]);
				for (int k = 0; k < order; k++)
					a[j * order + k] += d * (k < f ? row[k] : 1.0);
			}
		}
		for (int j = 0; j < f; j++)
			a[j * order + j] += (double) params->regularization * (n + params->prior);
		a[order * order - 1] += params->bias_regularization;
		gauss(a, b, order);
	}
	free(a);
}

static double
naive_mean(const Csr *matrix)
{
	double sum = 0.0;

	for (int64_t e = 0; e < csr_entries(matrix); e++)
		sum += matrix->value[e];
	return sum / (double) csr_entries(matrix);
}

static double
squared_errors(const Fixture *f)
{
	const Csr *ratings = &f->problem.by_user;
	double sum = 0.0;

	for (int32_t u = 0; u < ratings->rows; u++)
	{
		for (int64_t e = ratings->start[u]; e < ratings->start[u + 1]; e++)
			sum += pow(ratings->value[e] -
						   explicit_predict(&f->model, f->problem.params.factors, u, ratings->col[e]),
					   2);
	}
	return sum;
}

/* The objective of explicit.h, term by term. */
static double
naive_loss(const Fixture *f)
{
	const ExplicitParams *params = &f->problem.params;
	const Csr *sides[2] = {&f->problem.by_user, &f->problem.by_item};
	const float *factors[2] = {f->model.user_factors, f->model.item_factors};
	const float *biases[2] = {f->model.user_bias, f->model.item_bias};
	double loss = squared_errors(f);

	for (int side = 0; side < 2; side++)
	{
		for (int32_t r = 0; r < sides[side]->rows; r++)
		{
			double n = (double) (sides[side]->start[r + 1] - sides[side]->start[r]);
			double norm2 = 0.0;

			for (int j = 0; j < params->factors; j++)
				norm2 += pow(factors[side][(int64_t) r * params->factors + j], 2);
			loss += (double) params->regularization * (n + params->prior) * norm2;
			loss += (double) params->bias_regularization * pow(biases[side][r], 2);
		}
	}
	return loss;
}

/* Largest difference between rows of factors and biases and rows z, as a share of the largest magnitude. */
static double
difference(const float *factors, const float *biases, const double *z, int64_t rows, int f)
{
	double most = 0.0;
	double scale = 1e-30;

	for (int64_t r = 0; r < rows; r++)
	{
		for (int j = 0; j <= f; j++)
		{
			double number = j < f ? factors[r * f + j] : biases[r];

			most = fmax(most, fabs(number - z[r * (f + 1) + j]));
			scale = fmax(scale, fabs(z[r * (f + 1) + j]));
		}
	}
	return most / scale;
}

static void
test_als_against_naive(const Shape *shape)
{
	enum
	{
		ITERATIONS = 3
	};
	Fixture f = fixture_make(&als, shape, ITERATIONS);
	const ExplicitParams *params = &f.problem.params;
	int order = shape->factors + 1;
	double mean = naive_mean(&f.problem.by_user);
	double *z = core_malloc((size_t) shape->users * (size_t) order * sizeof(double));
	double *w = core_malloc((size_t) shape->items * (size_t) order * sizeof(double));
	CoreEnv leader;

	for (int32_t i = 0; i < shape->items; i++)
	{
		for (int j = 0; j < order; j++)
		{
			bool drawn = j < order - 1 && f.problem.by_item.start[i] < f.problem.by_item.start[i + 1];

			w[(int64_t) i * order + j] = drawn
											 ? (float) (0.1 / sqrt(shape->factors) *
														rng_normal(params->seed, (uint64_t) i, (uint64_t) j))
											 : 0.0;
		}
	}
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		naive_half(&f.problem.by_user, params, mean, w, z);
		naive_half(&f.problem.by_item, params, mean, z, w);
	}
	if (csr_entries(&f.problem.by_user) == 0)
	{
		CHECK(train(&f, 1, NULL));
		CHECK(f.report[0].loss == 0.0 && isnan(f.report[0].rmse));
		for (size_t i = 0; i < f.n_numbers; i++)
			CHECK(f.numbers[i] == 0.0f);
	}
	else
	{
		CHECK(train(&f, 1, &leader));
		if (!CHECK(difference(f.model.user_factors, f.model.user_bias, z, shape->users, order - 1) < 1e-4) ||
			!CHECK(difference(f.model.item_factors, f.model.item_bias, w, shape->items, order - 1) < 1e-4))
			printf("%s: users %g, items %g\n", shape->name,
				   difference(f.model.user_factors, f.model.user_bias, z, shape->users, order - 1),
				   difference(f.model.item_factors, f.model.item_bias, w, shape->items, order - 1));
		CHECK_CLOSE(f.model.mean, mean, 1e-12);
		CHECK_CLOSE(f.report[0].loss, naive_loss(&f), 1e-5);
		CHECK_CLOSE(f.report[0].rmse, sqrt(squared_errors(&f) / (double) csr_entries(&f.problem.by_user)),
					1e-4);
		CHECK(f.report[0].iterations == ITERATIONS);
		CHECK(leader.steps == ITERATIONS && leader.losses[ITERATIONS - 1] == f.report[0].loss);
	}
	free(z);
	free(w);
	fixture_free(&f);
}

static void
test_als_loss_falls(void)
{
	Fixture f = fixture_make(&als, &shapes[0], 40);
	CoreEnv leader;
	bool falls = true;

	CHECK(train(&f, 1, &leader));
	for (int step = 1; step < leader.steps; step++)
		falls &= leader.losses[step] <= leader.losses[step - 1] * (1 + 1e-6);
	CHECK(falls);
	CHECK(leader.losses[39] < 0.9 * leader.losses[0]);

	/* And stops where it falls no more. */
	f.problem.params.tolerance = 0.01;
	CHECK(train(&f, 2, &leader));
	CHECK(f.report[0].iterations > 1 && f.report[0].iterations < 40);
	CHECK(f.report[1].iterations == f.report[0].iterations);
	fixture_free(&f);
}

/* Nothing but ratings: as many factors as rows, no penalty.  Rows must fit, or the caller must hear of it. */
static void
test_als_without_regularization(void)
{
	Shape shape = {"no regularization", 12, 9, 20, 0.7, 0.0f, 0.0f};
	Fixture f = fixture_make(&als, &shape, 4);

	f.problem.params.bias_regularization = 0.0f;
	CHECK(train(&f, 1, NULL));
	CHECK(f.report[0].rmse < 0.05);
	fixture_free(&f);
}

static void
test_same_bytes(const Solver *solver, const Shape *shape)
{
	Fixture f = fixture_make(solver, shape, 4);
	float *numbers = core_malloc(f.n_numbers * sizeof(float));
	ExplicitReport report;

	CHECK(train(&f, 1, NULL));
	memcpy(numbers, f.numbers, f.n_numbers * sizeof(float));
	report = f.report[0];
	for (int members = 2; members <= 3; members++)
	{
		CHECK(train(&f, members, NULL));
		CHECK(memcmp(numbers, f.numbers, f.n_numbers * sizeof(float)) == 0);
		for (int i = 0; i < members; i++)
			CHECK(f.report[i].loss == report.loss && f.report[i].rmse == report.rmse &&
				  f.report[i].iterations == 4);
	}
	f.problem.params.seed++;
	CHECK(train(&f, 1, NULL));
	CHECK(memcmp(numbers, f.numbers, f.n_numbers * sizeof(float)) != 0 || shape->users * shape->items <= 1);
	free(numbers);
	fixture_free(&f);
}

static void
test_stops(const Solver *solver, int members)
{
	Fixture f = fixture_make(solver, &shapes[0], 3);
	bool right = true;
	long stopped = 0;

	for (long look = 1; look < 400; look += 7)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		CoreEnv *one = &envs[look % members];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		one->cancel_at = look;
		train_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			right &= status[i] == (one->looks >= look ? CORE_CANCELLED : CORE_OK);
		stopped += status[0] == CORE_CANCELLED;
	}
	CHECK(right);
	CHECK(stopped > 3);
	for (int failing = 0; failing < members; failing++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[failing].fail_at = 1;
		train_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_NO_MEMORY);
	}
	fixture_free(&f);
}

/* A rating that is no number, or that no float can square. */
static void
test_not_finite(const Solver *solver)
{
	static const float wild[] = {NAN, INFINITY, 3e38f};

	for (int w = 0; w < 3; w++)
	{
		Fixture f = fixture_make(solver, &shapes[0], 3);
		CoreEnv envs[2];
		CoreStatus status[2];

		f.problem.by_user.value[5] = wild[w];
		for (int64_t e = 0; e < csr_entries(&f.problem.by_item); e++)
		{
			if (f.problem.by_item.col[e] == 0 && w < 3)
				f.problem.by_item.value[e] = wild[w];
		}
		for (int i = 0; i < 2; i++)
			core_env_init(&envs[i]);
		train_with(&f, envs, 2, status);
		CHECK(status[0] == CORE_NOT_FINITE && status[1] == CORE_NOT_FINITE);
		fixture_free(&f);
	}
}

static void
test_errors(void)
{
	/* Two users, two items, one factor: predictions 3 + 0.5 + 0.25 + 1 = 4.75, and 3 - 0.5 + 0.25 - 2 = 0.75 */
	float user_bias[2] = {0.5f, -0.5f};
	float item_bias[2] = {0.25f, 0.0f};
	float x[2] = {1.0f, -2.0f};
	float y[2] = {1.0f, 0.5f};
	ExplicitModel model = {
		.mean = 3.0, .user_bias = user_bias, .item_bias = item_bias, .user_factors = x, .item_factors = y};
	int64_t start[3] = {0, 1, 2};
	int64_t none[3] = {0, 0, 0};
	int32_t col[2] = {0, 0};
	float value[2] = {4.0f, 1.0f};
	Csr held = {.rows = 2, .cols = 2, .start = start, .col = col, .value = value};
	ExplicitErrors errors;
	CoreEnv env;

	core_env_init(&env);
	CHECK(explicit_predict(&model, 1, 0, 0) == 4.75);
	CHECK(explicit_errors(&env.env, &model, 1, &held, -INFINITY, INFINITY, &errors) == CORE_OK);
	CHECK(errors.n == 2);
	CHECK_CLOSE(errors.rmse, sqrt((0.75 * 0.75 + 0.25 * 0.25) / 2), 1e-12);
	CHECK_CLOSE(errors.mae, 0.5, 1e-12);
	CHECK(explicit_errors(&env.env, &model, 1, &held, 1.0, 4.5, &errors) == CORE_OK);
	CHECK_CLOSE(errors.rmse, sqrt(0.25 / 2), 1e-12);
	CHECK_CLOSE(errors.mae, 0.25, 1e-12);
	held.start = none;
	CHECK(explicit_errors(&env.env, &model, 1, &held, 1.0, 4.5, &errors) == CORE_OK);
	CHECK(errors.n == 0 && isnan(errors.rmse) && isnan(errors.mae));
	held.start = start;
	x[0] = NAN;
	CHECK(explicit_errors(&env.env, &model, 1, &held, 1.0, 4.5, &errors) == CORE_NOT_FINITE);
}

int
main(void)
{
	test_errors();
	for (int s = 0; s < SHAPES; s++)
		test_als_against_naive(&shapes[s]);
	test_als_loss_falls();
	test_als_without_regularization();
	for (int s = 0; s < SHAPES - 2; s++)
		test_same_bytes(&als, &shapes[s]);
	test_stops(&als, 1);
	test_stops(&als, 3);
	test_not_finite(&als);
	return check_finish();
}
