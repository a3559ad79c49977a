/*
 * test_explicit.c - explicit ratings: each solver against a naive one in double precision, and as a member of a team
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/explicit_als.h"
#include "recommend/sgd.h"
#include "recommend/sgd_kernel.h"
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

static size_t
sgd_shared(const ExplicitProblem *problem)
{
	return sgd_shared_bytes(&problem->params, problem->by_user.rows, problem->by_user.cols,
							csr_entries(&problem->by_user));
}

static const Solver als = {als_shared, explicit_als_member_bytes, explicit_als_train};
static const Solver sgd = {sgd_shared, sgd_member_bytes, sgd_train};

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
	/* Stochastic gradients take no memory of their own. */
	for (int failing = 0; failing < members && solver == &als; failing++)
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

/* A rating that is no number, or (for als, which does not rescale) that no float can square. */
static void
test_not_finite(const Solver *solver)
{
	static const float wild[] = {NAN, INFINITY, 3e38f};

	for (int w = 0; w < (solver == &als ? 3 : 2); w++)
	{
		Fixture f = fixture_make(solver, &shapes[0], 3);
		CoreEnv envs[2];
		CoreStatus status[2];

		f.problem.by_user.value[5] = wild[w];
		for (int64_t e = 0; e < csr_entries(&f.problem.by_item); e++)
		{
			if (f.problem.by_item.col[e] == 0)
				f.problem.by_item.value[e] = wild[w];
		}
		for (int i = 0; i < 2; i++)
			core_env_init(&envs[i]);
		train_with(&f, envs, 2, status);
		CHECK(status[0] == CORE_NOT_FINITE && status[1] == CORE_NOT_FINITE);
		fixture_free(&f);
	}
}

/* One step in double precision, as sgd_kernel.h has it; rows as the kernels take them. */
static double
naive_step(const SgdStep *step, double *p, double *q, float value)
{
	double slow = fmin(step->factors, SGD_LANES);
	double p_rate[3];
	double q_rate[3];
	double p_add[3] = {0};
	double q_add[3] = {0};
	double error = value - p[SGD_BIAS] - q[SGD_BIAS];

	for (int j = 0; j < step->factors; j++)
		error -= p[SGD_HEAD + j] * q[SGD_HEAD + j];
	for (int s = 0; s < 3; s++)
	{
		p_rate[s] = step->learning_rate / sqrt(p[s]);
		q_rate[s] = step->learning_rate / sqrt(q[s]);
	}
	for (int j = 0; j < (step->slow_only ? (int) slow : step->factors); j++)
	{
		int s = j < SGD_LANES ? SGD_SLOW : SGD_FAST;
		double share = s == SGD_SLOW ? slow : step->factors - slow;
		double x = p[SGD_HEAD + j];
		double y = q[SGD_HEAD + j];
		double x_gradient = error * y - p[SGD_PENALTY] * x;
		double y_gradient = error * x - q[SGD_PENALTY] * y;

		p_add[s] += x_gradient * x_gradient / share;
		q_add[s] += y_gradient * y_gradient / share;
		p[SGD_HEAD + j] += p_rate[s] * x_gradient;
		q[SGD_HEAD + j] += q_rate[s] * y_gradient;
	}
	p_add[2] = pow(error - p[SGD_BIAS_PENALTY] * p[SGD_BIAS], 2);
	q_add[2] = pow(error - q[SGD_BIAS_PENALTY] * q[SGD_BIAS], 2);
	p[SGD_BIAS] += p_rate[2] * (error - p[SGD_BIAS_PENALTY] * p[SGD_BIAS]);
	q[SGD_BIAS] += q_rate[2] * (error - q[SGD_BIAS_PENALTY] * q[SGD_BIAS]);
	for (int s = 0; s < 3; s++)
	{
		p[s] += p_add[s];
		q[s] += q_add[s];
	}
	return error * error;
}

static void
test_sgd_kernel(SgdKernel kernel, int32_t factors, bool slow_only)
{
	enum
	{
		ROWS = 7,
		RATINGS = 300
	};
	int64_t stride = SGD_HEAD + (factors + SGD_LANES - 1) / SGD_LANES * SGD_LANES;
	size_t n = (size_t) (2 * ROWS * stride);
	float *rows = core_shared(n * sizeof(float));
	double *exact = core_malloc(n * sizeof(double));
	SgdStep step = {.users = rows,
					.items = rows + ROWS * stride,
					.stride = stride,
					.factors = factors,
					.learning_rate = 0.05f,
					.slow_only = slow_only};
	SgdRating ratings[RATINGS];
	double squares = 0.0;
	double sum;
	double most = 0.0;

	for (int r = 0; r < 2 * ROWS; r++)
	{
		float *row = rows + r * stride;

		for (int s = 0; s < 3; s++)
			row[s] = 1.0f;
		row[SGD_BIAS] = 0.1f * (float) (r - ROWS);
		row[SGD_PENALTY] = 0.05f + 0.01f * (float) r;
		row[SGD_BIAS_PENALTY] = 0.02f * (float) r;
		for (int j = 0; j < factors; j++)
			row[SGD_HEAD + j] = (float) (0.5 / sqrt(factors) * rng_normal(5, (uint64_t) r, (uint64_t) j));
	}
	for (size_t i = 0; i < n; i++)
		exact[i] = rows[i];
	for (int e = 0; e < RATINGS; e++)
	{
		ratings[e] = (SgdRating){.user = (int32_t) rng_below(6, 0, (uint64_t) e, ROWS),
								 .item = (int32_t) rng_below(6, 1, (uint64_t) e, ROWS),
								 .value = (float) rng_normal(6, 2, (uint64_t) e)};
		squares += naive_step(&step, exact + ratings[e].user * stride,
							  exact + (ROWS + ratings[e].item) * stride, ratings[e].value);
	}
	sum = kernel(&step, ratings, RATINGS);
	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs(rows[i] - exact[i]) / fmax(1.0, fabs(exact[i])));
	CHECK_CLOSE(sum, squares, 1e-5);
	if (!CHECK(most < 1e-5))
		printf("%d factors: off by %g\n", factors, most);
	core_shared_free(rows, n * sizeof(float));
	free(exact);
}

static void
test_sgd_kernels(void)
{
	static const int32_t factors[] = {1, 8, 16, 17, 32, 37, 64, 80, 128, 200};
	int kernels = 0;

	for (int number = 0; number < SGD_KERNELS; number++)
	{
		SgdKernel kernel = sgd_kernel_numbered(number);

		if (kernel == NULL)
			continue;
		kernels++;
		for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++)
		{
			test_sgd_kernel(kernel, factors[f], false);
			test_sgd_kernel(kernel, factors[f], true);
		}
	}
	CHECK(kernels >= 1);
	CHECK(sgd_kernel_numbered(SGD_KERNELS) == NULL);
}

/* The steps must come down to about where the exact solver does: errors, and the objective they share. */
static void
test_sgd_against_als(double scale)
{
	Shape shape = {"larger", 200, 150, 4, 0.5, 0.05f, 3.0f};
	Fixture f = fixture_make(&sgd, &shape, 100);
	Fixture exact = fixture_make(&als, &shape, 30);

	/* Ratings on another scale: the penalty of factors goes with it, that of biases is on the same scale as errors. */
	for (int64_t e = 0; e < csr_entries(&f.problem.by_user); e++)
	{
		f.problem.by_user.value[e] *= (float) scale;
		f.problem.by_item.value[e] *= (float) scale;
		exact.problem.by_user.value[e] *= (float) scale;
		exact.problem.by_item.value[e] *= (float) scale;
	}
	f.problem.params.regularization *= (float) scale;
	exact.problem.params.regularization *= (float) scale;
	CHECK(train(&f, 1, NULL) && train(&exact, 1, NULL));
	CHECK_CLOSE(f.model.mean, exact.model.mean, 1e-9);
	CHECK(naive_loss(&f) < 1.02 * naive_loss(&exact));
	CHECK_CLOSE(f.report[0].rmse / exact.report[0].rmse, 1.0, 0.03);
	CHECK_CLOSE(f.report[0].loss, pow(f.report[0].rmse, 2) * (double) csr_entries(&f.problem.by_user), 1e-9);
	CHECK_CLOSE(sqrt(squared_errors(&f) / (double) csr_entries(&f.problem.by_user)) / f.report[0].rmse, 1.0,
				0.03);
	fixture_free(&f);
	fixture_free(&exact);
}

/* Rows without ratings stay zero, and stopping by tolerance is the same in every member. */
static void
test_sgd_details(void)
{
	Fixture f = fixture_make(&sgd, &shapes[1], 3);
	bool zero = true;

	CHECK(train(&f, 1, NULL));
	for (int32_t u = 0; u < shapes[1].users; u++)
	{
		bool empty = f.problem.by_user.start[u] == f.problem.by_user.start[u + 1];

		for (int j = 0; empty && j < shapes[1].factors; j++)
			zero &= f.model.user_factors[u * shapes[1].factors + j] == 0.0f && f.model.user_bias[u] == 0.0f;
	}
	for (int32_t i = 0; i < shapes[1].items; i++)
	{
		bool empty = f.problem.by_item.start[i] == f.problem.by_item.start[i + 1];

		for (int j = 0; empty && j < shapes[1].factors; j++)
			zero &= f.model.item_factors[i * shapes[1].factors + j] == 0.0f && f.model.item_bias[i] == 0.0f;
	}
	CHECK(zero);
	fixture_free(&f);

	f = fixture_make(&sgd, &shapes[0], 60);
	f.problem.params.tolerance = 0.02;
	CHECK(train(&f, 2, NULL));
	CHECK(f.report[0].iterations > 2 && f.report[0].iterations < 60);
	CHECK(f.report[1].iterations == f.report[0].iterations);
	fixture_free(&f);

	/* Steps that run away are told. */
	f = fixture_make(&sgd, &shapes[0], 60);
	f.problem.params.learning_rate = 1e30f;
	CHECK(!train(&f, 2, NULL));
	fixture_free(&f);

	/* Nothing to learn from. */
	f = fixture_make(&sgd, &shapes[SHAPES - 1], 3);
	CHECK(train(&f, 2, NULL));
	CHECK(f.report[0].loss == 0.0 && isnan(f.report[0].rmse));
	fixture_free(&f);
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

/* One rating, one factor: the row is the solution of two equations that can be written down. */
static void
test_fold_in(void)
{
	ExplicitParams params = {.factors = 1, .regularization = 0.5f, .prior = 1, .bias_regularization = 2};
	const float item[] = {2, 0.25f}; /* factor, bias */
	float rating[] = {5};
	double error = 5 - 3 - 0.25;
	double a = 2 * 2 + 0.5 * (1 + 1); /* (y^2 + reg (n + prior)) x + y b = y e;  y x + (1 + bias_reg) b = e */
	double d = a * 3 - 2 * 2;
	float x;
	float bias;
	CoreEnv env;

	core_env_init(&env);
	CHECK(explicit_fold_in(&env.env, &params, 3, item, rating, 1, &x, &bias) == CORE_OK);
	CHECK_CLOSE(x, (2 * error * 3 - 2 * error) / d, 1e-6);
	CHECK_CLOSE(bias, (a * error - 2 * 2 * error) / d, 1e-6);
	CHECK(explicit_fold_in(&env.env, &params, 3, item, rating, 0, &x, &bias) == CORE_OK);
	CHECK(x == 0 && bias == 0);
}

int
main(void)
{
	test_fold_in();
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
	test_sgd_kernels();
	test_sgd_against_als(1.0);
	test_sgd_against_als(40.0);
	test_sgd_details();
	for (int s = 0; s < SHAPES - 2; s++)
		test_same_bytes(&sgd, &shapes[s]);
	test_stops(&sgd, 1);
	test_stops(&sgd, 3);
	test_not_finite(&sgd);
	return check_finish();
}
