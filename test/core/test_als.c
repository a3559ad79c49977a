/*
 * test_als.c - the factorisation against a naive one in double precision, and as a member of a team
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/als_short.h"
#include "rng.h"

/* What a problem looks like. */
typedef struct Shape
{
	const char *name;
	int32_t users;
	int32_t items;
	int32_t factors;
	double density;
	bool weights;
	float regularization;
	float unobserved_weight;
} Shape;

static const Shape shapes[] = {
	{"usual", 60, 40, 8, 0.2, false, 0.01f, 0.1f},
	{"weighted", 60, 40, 8, 0.2, true, 0.01f, 0.1f},
	{"many empty rows", 80, 70, 6, 0.01, true, 0.05f, 0.3f},
	{"one user", 1, 30, 4, 0.5, true, 0.1f, 0.5f},
	{"one item", 30, 1, 4, 0.5, false, 0.1f, 0.5f},
	{"one of each", 1, 1, 3, 1.0, false, 0.1f, 0.5f},
	{"more factors than rows", 7, 9, 20, 0.5, true, 0.05f, 0.2f},
	{"one factor", 40, 30, 1, 0.3, false, 0.02f, 0.1f},
	{"rows longer than a block", 40, 1300, 5, 0.8, true, 0.3f, 0.1f},
	{"Gram matrix in chunks", 2500, 12, 7, 0.3, false, 0.02f, 0.1f},
	{"no users", 0, 5, 3, 0.5, false, 0.1f, 0.5f},
	{"no items", 5, 0, 3, 0.5, true, 0.1f, 0.5f},
	{"lanes and a rest", 50, 45, 21, 0.4, true, 0.05f, 0.1f},
	{"short histories", 500, 60, 34, 0.1, false, 0.05f, 0.1f},
	{"short histories, weighted", 500, 80, 40, 0.15, true, 0.1f, 0.2f},
	{"short both ways", 460, 450, 37, 0.02, true, 0.1f, 0.2f},
	{"short, badly conditioned", 500, 60, 34, 0.1, true, 0.015f, 0.05f},
};
#define SHORT_BOTH 15
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

typedef struct Fixture
{
	AlsProblem problem;
	AlsModel model; /* in shared memory */
	size_t user_bytes;
	size_t item_bytes;
	unsigned char *shared;
	size_t shared_bytes;
	AlsReport *report; /* [members], in shared memory */
} Fixture;

#define GUARD 64 /* bytes behind the shared memory that nobody may touch */

static float
weight_of(const Shape *shape, int32_t user, int32_t item)
{
	return shape->weights ? 0.25f + 4.0f * (float) rng_uniform(9, (uint64_t) user, (uint64_t) item) : 1.0f;
}

static bool
is_entry(const Shape *shape, int32_t user, int32_t item)
{
	return rng_uniform(8, (uint64_t) user, (uint64_t) item) < shape->density;
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
				  .value = shape->weights ? core_malloc(room * sizeof(float)) : NULL};
	int64_t n = 0;

	for (int32_t r = 0; r < rows; r++)
	{
		matrix.start[r] = n;
		for (int32_t c = 0; c < cols; c++)
		{
			int32_t user = transposed ? c : r;
			int32_t item = transposed ? r : c;

			if (!is_entry(shape, user, item))
				continue;
			matrix.col[n] = c;
			if (matrix.value != NULL)
				matrix.value[n] = weight_of(shape, user, item);
			n++;
		}
	}
	matrix.start[rows] = n;
	return matrix;
}

static Fixture
fixture_make(const Shape *shape, int32_t iterations)
{
	Fixture f = {.problem = {.params = {.factors = shape->factors,
										.iterations = iterations,
										.regularization = shape->regularization,
										.unobserved_weight = shape->unobserved_weight,
										.seed = 17},
							 .by_user = make_matrix(shape, false),
							 .by_item = make_matrix(shape, true)}};

	f.user_bytes = (size_t) shape->users * (size_t) shape->factors * sizeof(float);
	f.item_bytes = (size_t) shape->items * (size_t) shape->factors * sizeof(float);
	f.model.user_factors = core_shared(f.user_bytes);
	f.model.item_factors = core_shared(f.item_bytes);
	f.shared_bytes = als_shared_bytes(&f.problem.params, shape->users, shape->items);
	f.shared = core_shared(f.shared_bytes + GUARD);
	f.report = core_shared(CORE_MAX_MEMBERS * sizeof(AlsReport));
	return f;
}

static void
fixture_free(Fixture *f)
{
	core_shared_free(f->model.user_factors, f->user_bytes);
	core_shared_free(f->model.item_factors, f->item_bytes);
	core_shared_free(f->shared, f->shared_bytes + GUARD);
	core_shared_free(f->report, CORE_MAX_MEMBERS * sizeof(AlsReport));
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

	return als_train(env, &f->problem, &f->model, f->shared, &f->report[number]);
}

/* Train with members whose Envs the caller has set up. */
static void
train_with(Fixture *f, CoreEnv *envs, int members, CoreStatus *status)
{
	Run run = {.fixture = f, .joined = core_shared(sizeof(int))};

	memset(f->shared, 0, f->shared_bytes);
	memset(f->shared + f->shared_bytes, 0x5a, GUARD);
	memset(f->model.user_factors, 0xff, f->user_bytes);
	memset(f->model.item_factors, 0xff, f->item_bytes);
	core_team_run(envs, members, run_member, &run, status);
	core_shared_free((void *) run.joined, sizeof(int));
	for (int i = 0; i < GUARD; i++)
	{
		if (f->shared[f->shared_bytes + (size_t) i] != 0x5a)
		{
			CHECK(!"nothing is written behind the shared memory");
			break;
		}
	}
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(envs[i].peak_bytes <= als_member_bytes(&f->problem.params));
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
		for (int k = 0; k < n; k++)
		{
			double swap = a[c * n + k];

			a[c * n + k] = a[pivot * n + k];
			a[pivot * n + k] = swap;
		}
		double swap = b[c];

		b[c] = b[pivot];
		b[pivot] = swap;
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

/* What all rows' matrices have in common, [f x f]; to be freed. */
static double *
naive_gram(const Csr *matrix, const AlsParams *params, const double *y)
{
	int f = params->factors;
	double *gram = core_malloc((size_t) (f * f) * sizeof(double));

	memset(gram, 0, (size_t) (f * f) * sizeof(double));
	for (int32_t i = 0; i < matrix->cols; i++)
	{
		for (int j = 0; j < f * f; j++)
			gram[j] +=
				(double) params->unobserved_weight * y[(int64_t) i * f + j / f] * y[(int64_t) i * f + j % f];
	}
	return gram;
}

/* a [f x f] and b [f] of row r from y [matrix->cols x f], entry by entry; false for a row without entries. */
static bool
naive_row(const Csr *matrix, const AlsParams *params, const double *gram, const double *y, int32_t r,
		  double *a, double *b)
{
	int f = params->factors;
	double weight = 0.0;

	memcpy(a, gram, (size_t) (f * f) * sizeof(double));
	memset(b, 0, (size_t) f * sizeof(double));
	for (int64_t e = matrix->start[r]; e < matrix->start[r + 1]; e++)
	{
		double w = matrix->value != NULL ? matrix->value[e] : 1.0;
		const double *row = y + (int64_t) matrix->col[e] * f;

		weight += w;
		for (int j = 0; j < f * f; j++)
			a[j] += w * row[j / f] * row[j % f];
		for (int j = 0; j < f; j++)
			b[j] += w * row[j];
	}
	for (int j = 0; j < f; j++)
		a[j * f + j] +=
			(double) params->regularization * (weight + (double) params->unobserved_weight * matrix->cols);
	return matrix->start[r] < matrix->start[r + 1];
}

/* Rows x [matrix->rows x f] from y [matrix->cols x f]. */
static void
naive_half(const Csr *matrix, const AlsParams *params, const double *y, double *x)
{
	int f = params->factors;
	double *a = core_malloc((size_t) (f * f) * sizeof(double));
	double *gram = naive_gram(matrix, params, y);

	for (int32_t r = 0; r < matrix->rows; r++)
	{
		if (naive_row(matrix, params, gram, y, r, a, x + (int64_t) r * f))
			gauss(a, x + (int64_t) r * f, f);
	}
	free(gram);
	free(a);
}

/*
 * The largest backward error of rows x from y: |a x - b| as a share of |a| |x| + |b|.  Unlike the error of x itself it
 * does not grow with the condition of a.
 */
static double
backward_error(const Csr *matrix, const AlsParams *params, const float *y, const float *x)
{
	int f = params->factors;
	int64_t n = (int64_t) matrix->cols * f;
	double *wide = core_malloc((size_t) n * sizeof(double));
	double *a = core_malloc((size_t) (f * f) * sizeof(double));
	double *b = core_malloc((size_t) f * sizeof(double));
	double *gram;
	double most = 0.0;

	for (int64_t i = 0; i < n; i++)
		wide[i] = y[i];
	gram = naive_gram(matrix, params, wide);
	for (int32_t r = 0; r < matrix->rows; r++)
	{
		const float *row = x + (int64_t) r * f;
		double residual2 = 0.0;
		double a2 = 0.0;
		double b2 = 0.0;
		double x2 = 0.0;

		if (!naive_row(matrix, params, gram, wide, r, a, b))
			continue;
		for (int j = 0; j < f; j++)
		{
			double residual = -b[j];

			for (int k = 0; k < f; k++)
			{
				residual += a[j * f + k] * row[k];
				a2 += a[j * f + k] * a[j * f + k];
			}
			residual2 += residual * residual;
			b2 += b[j] * b[j];
			x2 += (double) row[j] * row[j];
		}
		most = fmax(most, sqrt(residual2) / (sqrt(a2 * x2) + sqrt(b2)));
	}
	free(wide);
	free(gram);
	free(a);
	free(b);
	return most;
}

/* Item factors as als_train starts with them. */
static void
naive_start(const AlsProblem *problem, double *y)
{
	int f = problem->params.factors;

	for (int32_t i = 0; i < problem->by_item.rows; i++)
	{
		bool empty = problem->by_item.start[i] == problem->by_item.start[i + 1];

		for (int j = 0; j < f; j++)
		{
			double normal = rng_normal(problem->params.seed, (uint64_t) i, (uint64_t) j);

			y[(int64_t) i * f + j] = empty ? 0.0 : (double) (float) (0.1 / sqrt(f) * normal);
		}
	}
}

/* The objective of als.h, term by term. */
static double
naive_loss(const AlsProblem *problem, const AlsModel *model)
{
	int f = problem->params.factors;
	double a0 = problem->params.unobserved_weight;
	double loss = 0.0;
	const Csr *sides[2] = {&problem->by_user, &problem->by_item};
	const float *factors[2] = {model->user_factors, model->item_factors};

	for (int32_t u = 0; u < problem->by_user.rows; u++)
	{
		int64_t e = problem->by_user.start[u];

		for (int32_t i = 0; i < problem->by_user.cols; i++)
		{
			double score = 0.0;

			for (int j = 0; j < f; j++)
				score += (double) model->user_factors[(int64_t) u * f + j] *
						 model->item_factors[(int64_t) i * f + j];
			loss += a0 * score * score;
			if (e < problem->by_user.start[u + 1] && problem->by_user.col[e] == i)
			{
				double w = problem->by_user.value != NULL ? problem->by_user.value[e] : 1.0;

				loss += w * (1.0 - score) * (1.0 - score);
				e++;
			}
		}
	}
	for (int side = 0; side < 2; side++)
	{
		for (int32_t r = 0; r < sides[side]->rows; r++)
		{
			double weight = 0.0;
			double norm2 = 0.0;

			for (int64_t e = sides[side]->start[r]; e < sides[side]->start[r + 1]; e++)
				weight += sides[side]->value != NULL ? sides[side]->value[e] : 1.0;
			for (int j = 0; j < f; j++)
				norm2 += pow(factors[side][(int64_t) r * f + j], 2);
			loss += problem->params.regularization * (weight + a0 * sides[side]->cols) * norm2;
		}
	}
	return loss;
}

/* Largest difference, as a share of the largest magnitude. */
static double
difference(const float *a, const double *b, int64_t n)
{
	double most = 0.0;
	double scale = 1e-30;

	for (int64_t i = 0; i < n; i++)
	{
		most = fmax(most, fabs((double) a[i] - b[i]));
		scale = fmax(scale, fabs(b[i]));
	}
	return most / scale;
}

static void
test_against_naive(const Shape *shape)
{
	enum
	{
		ITERATIONS = 3
	};
	Fixture f = fixture_make(shape, ITERATIONS);
	int64_t n_users = (int64_t) shape->users * shape->factors;
	int64_t n_items = (int64_t) shape->items * shape->factors;
	double *x = core_malloc((size_t) n_users * sizeof(double));
	double *y = core_malloc((size_t) n_items * sizeof(double));
	CoreEnv leader;

	naive_start(&f.problem, y);
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		naive_half(&f.problem.by_user, &f.problem.params, y, x);
		naive_half(&f.problem.by_item, &f.problem.params, x, y);
	}
	CHECK(train(&f, 1, &leader));
	if (!CHECK(difference(f.model.user_factors, x, n_users) < 1e-5) ||
		!CHECK(difference(f.model.item_factors, y, n_items) < 1e-5))
		printf("%s: users %g, items %g\n", shape->name, difference(f.model.user_factors, x, n_users),
			   difference(f.model.item_factors, y, n_items));
	CHECK(backward_error(&f.problem.by_item, &f.problem.params, f.model.user_factors, f.model.item_factors) <
		  1e-6);
	CHECK_CLOSE(f.report[0].loss, naive_loss(&f.problem, &f.model), 1e-5);
	CHECK(f.report[0].iterations == ITERATIONS);
	CHECK(leader.steps == ITERATIONS && leader.last_step == ITERATIONS);
	CHECK(leader.losses[ITERATIONS - 1] == f.report[0].loss);
	for (int step = 1; step < ITERATIONS; step++)
		CHECK(leader.losses[step] <= leader.losses[step - 1] * (1 + 1e-6));
	free(x);
	free(y);
	fixture_free(&f);
}

/* Nearly collinear factors and little regularisation: the rows must be as good as single precision can make them. */
static void
test_ill_conditioned(void)
{
	Shape shape = {"ill-conditioned", 40, 1300, 5, 0.8, true, 0.02f, 0.1f};
	Fixture f = fixture_make(&shape, 5);

	CHECK(train(&f, 1, NULL));
	CHECK(backward_error(&f.problem.by_item, &f.problem.params, f.model.user_factors, f.model.item_factors) <
		  1e-6);
	CHECK_CLOSE(f.report[0].loss, naive_loss(&f.problem, &f.model), 1e-5);
	fixture_free(&f);
}

/* Longer, for the loss to fall all the way. */
static void
test_loss_falls(void)
{
	Fixture f = fixture_make(&shapes[1], 40);
	CoreEnv leader;
	bool falls = true;

	CHECK(train(&f, 1, &leader));
	for (int step = 1; step < leader.steps; step++)
		falls &= leader.losses[step] <= leader.losses[step - 1] * (1 + 1e-6);
	CHECK(falls);
	CHECK(leader.losses[39] < 0.9 * leader.losses[0]);
	fixture_free(&f);
}

static void
test_same_bytes(const Shape *shape)
{
	Fixture f = fixture_make(shape, 4);
	float *x = core_malloc(f.user_bytes);
	float *y = core_malloc(f.item_bytes);
	double loss;

	CHECK(train(&f, 1, NULL));
	memcpy(x, f.model.user_factors, f.user_bytes);
	memcpy(y, f.model.item_factors, f.item_bytes);
	loss = f.report[0].loss;
	for (int members = 2; members <= 3; members++)
	{
		CHECK(train(&f, members, NULL));
		CHECK(memcmp(x, f.model.user_factors, f.user_bytes) == 0);
		CHECK(memcmp(y, f.model.item_factors, f.item_bytes) == 0);
		for (int i = 0; i < members; i++)
			CHECK(f.report[i].loss == loss && f.report[i].iterations == 4);
	}
	f.problem.params.seed++;
	CHECK(train(&f, 1, NULL));
	CHECK(memcmp(x, f.model.user_factors, f.user_bytes) != 0 || shape->users * shape->items <= 1);
	free(x);
	free(y);
	fixture_free(&f);
}

/* The largest difference of rows a and b, as a share of the largest magnitude. */
static double
row_difference(const float *a, const float *b, int n)
{
	double most = 0.0;
	double scale = 1e-30;

	for (int i = 0; i < n; i++)
	{
		most = fmax(most, fabs((double) a[i] - b[i]));
		scale = fmax(scale, fabs(b[i]));
	}
	return most / scale;
}

/*
 * The last user factors came from the item factors of one iteration less.  The same bytes where no row was solved as a
 * short one.
 */
static void
test_fold_in(const Shape *shape)
{
	Fixture f = fixture_make(shape, 2);
	Fixture before = fixture_make(shape, 1);
	const Csr *users = &f.problem.by_user;
	const AlsParams *params = &f.problem.params;
	size_t row = (size_t) shape->factors * sizeof(float);
	float *gram = core_malloc(row * (size_t) shape->factors);
	float *x = core_malloc(row);
	CoreEnv env;
	bool same = true;
	bool rotated = als_spectrum_pays(params, users) || als_spectrum_pays(params, &f.problem.by_item);
	double off = 0.0;

	core_env_init(&env);
	CHECK(train(&f, 1, NULL) && train(&before, 1, NULL));
	CHECK(als_gram(&env.env, params, before.model.item_factors, shape->items, gram) == CORE_OK);
	for (int32_t u = 0; u < shape->users; u++)
	{
		int64_t at = users->start[u];
		CoreStatus status = als_fold_in(&env.env, params, before.model.item_factors, shape->items, gram,
										users->col + at, users->value != NULL ? users->value + at : NULL,
										(int32_t) (users->start[u + 1] - at), x);

		same &= status == CORE_OK;
		same &= rotated || memcmp(x, f.model.user_factors + (int64_t) u * shape->factors, row) == 0;
		off =
			fmax(off, row_difference(x, f.model.user_factors + (int64_t) u * shape->factors, shape->factors));
	}
	CHECK(same);
	if (!CHECK(off < 1e-5))
		printf("%s: %g\n", shape->name, off);
	CHECK(env.live == 0);
	for (int32_t i = 0; i < shape->factors * shape->factors; i++)
		same &= gram[i] == gram[i % shape->factors * shape->factors + i / shape->factors];
	CHECK(same);
	free(gram);
	free(x);
	fixture_free(&f);
	fixture_free(&before);
}

static void
test_fold_in_fails(void)
{
	static const float y[4] = {1, 2, 3, 4};
	static const int32_t items[2] = {0, 1};
	AlsParams params = {.factors = 2, .regularization = 0.1f, .unobserved_weight = 0.1f};
	float gram[4];
	float x[2];
	CoreEnv env;

	core_env_init(&env);
	env.fail_at = 1;
	CHECK(als_gram(&env.env, &params, y, 2, gram) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.cancel_at = 1;
	CHECK(als_gram(&env.env, &params, y, 2, gram) == CORE_CANCELLED && env.live == 0);
	core_env_init(&env);
	CHECK(als_gram(&env.env, &params, y, 2, gram) == CORE_OK);
	CHECK_CLOSE(gram[0], 0.1 * 10, 1e-6);
	CHECK_CLOSE(gram[1], 0.1 * 14, 1e-6);
	CHECK_CLOSE(gram[3], 0.1 * 20, 1e-6);
	env.fail_at = env.allocations + 1;
	CHECK(als_fold_in(&env.env, &params, y, 2, gram, items, NULL, 2, x) == CORE_NO_MEMORY);
	env.cancel_at = env.looks + 1;
	CHECK(als_fold_in(&env.env, &params, y, 2, gram, items, NULL, 2, x) == CORE_CANCELLED);
	CHECK(env.live == 0);
}

/* Cancelled at one look after the other, each time by another member. */
static void
test_cancel(const Shape *shape, int members)
{
	Fixture f = fixture_make(shape, 2);
	bool quick = getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != 0;
	bool right = true;
	long stopped = 0;

	for (long look = 1; look < 2000; look += quick ? 97 : members)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		CoreEnv *one = &envs[look / members % members];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		one->cancel_at = look;
		train_with(&f, envs, members, status);
		/* All alike, and none but cancelled unless the look never came. */
		for (int i = 1; i < members; i++)
			right &= status[i] == status[0];
		right &= status[0] == (one->looks >= look ? CORE_CANCELLED : CORE_OK);
		stopped += status[0] == CORE_CANCELLED;
	}
	CHECK(right);
	CHECK(stopped > (quick ? 2 : 20));
	fixture_free(&f);
}

static void
test_no_memory(int members)
{
	Fixture f = fixture_make(&shapes[SHORT_BOTH], 2);

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
	/* The leader's memory for the eigenvectors. */
	for (long fail_at = 2; fail_at < 6; fail_at++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[0].fail_at = fail_at;
		train_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_NO_MEMORY);
	}
	fixture_free(&f);
}

static void
test_tolerance(void)
{
	Fixture f = fixture_make(&shapes[0], 200);
	CoreEnv leader;

	f.problem.params.tolerance = 1e-3;
	CHECK(train(&f, 2, &leader));
	CHECK(f.report[0].iterations == f.report[1].iterations);
	CHECK(f.report[0].loss == f.report[1].loss);
	CHECK(f.report[0].iterations > 1 && f.report[0].iterations < 200);
	CHECK(leader.steps == f.report[0].iterations);
	fixture_free(&f);
}

static bool
all_finite(const float *numbers, size_t bytes)
{
	bool finite = true;

	for (size_t i = 0; i < bytes / sizeof(float); i++)
		finite &= isfinite(numbers[i]);
	return finite;
}

/* Without regularisation and with more factors than rows no matrix is positive definite: the ridge must help. */
static void
test_singular(Shape shape)
{
	Fixture f;

	shape.regularization = 0.0f;
	f = fixture_make(&shape, 5);
	CHECK(train(&f, 2, NULL));
	CHECK(all_finite(f.model.user_factors, f.user_bytes));
	CHECK(all_finite(f.model.item_factors, f.item_bytes));
	CHECK(isfinite(f.report[0].loss));
	fixture_free(&f);
}

/* Weights that single precision cannot square up with end in a status, in every member, and not in infinity. */
static void
test_not_finite(const Shape *shape)
{
	Fixture f = fixture_make(shape, 3);
	CoreEnv envs[2];
	CoreStatus status[2];

	f.problem.by_user.value[3] = INFINITY;
	core_env_init(&envs[0]);
	core_env_init(&envs[1]);
	train_with(&f, envs, 2, status);
	CHECK(status[0] == CORE_NOT_FINITE && status[1] == CORE_NOT_FINITE);
	fixture_free(&f);
}

static void
test_bytes_do_not_overflow(void)
{
	AlsParams params = {.factors = INT32_MAX};

	CHECK(als_shared_bytes(&params, INT32_MAX, INT32_MAX) == SIZE_MAX);
	CHECK(als_member_bytes(&params) == SIZE_MAX);
	params.factors = 512;
	CHECK(als_shared_bytes(&params, INT32_MAX, INT32_MAX) > (size_t) 16 * 512 * 512 * 4);
	CHECK(als_shared_bytes(&params, INT32_MAX, INT32_MAX) < (size_t) 17 * 512 * 512 * 4);
}

/* Without that the shapes would test nothing. */
static void
test_short_is_tested(void)
{
	int both = 0;
	int one = 0;

	for (int s = 0; s < SHAPES; s++)
	{
		Fixture f = fixture_make(&shapes[s], 1);
		bool users = als_spectrum_pays(&f.problem.params, &f.problem.by_user);
		bool items = als_spectrum_pays(&f.problem.params, &f.problem.by_item);

		both += users && items;
		one += users && !items;
		fixture_free(&f);
	}
	CHECK(both >= 1 && one >= 3);
}

int
main(void)
{
	test_short_is_tested();
	for (int s = 0; s < SHAPES; s++)
	{
		test_against_naive(&shapes[s]);
		test_same_bytes(&shapes[s]);
		test_fold_in(&shapes[s]);
	}
	test_ill_conditioned();
	test_loss_falls();
	test_fold_in_fails();
	test_cancel(&shapes[2], 1);
	test_cancel(&shapes[2], 3);
	test_cancel(&shapes[SHORT_BOTH], 3);
	test_no_memory(1);
	test_no_memory(3);
	test_tolerance();
	test_singular(shapes[6]);
	test_singular(shapes[SHORT_BOTH]);
	test_not_finite(&shapes[1]);
	test_not_finite(&shapes[SHORT_BOTH]);
	test_bytes_do_not_overflow();
	return check_finish();
}
