/*
 * test_cg.c - conjugate gradients against the same steps in double precision and against the exact solver, and in a team
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/cg.h"
#include "recommend/cg_kernel.h"
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
} Shape;

static const Shape shapes[] = {
	{"usual", 60, 40, 8, 0.2, false, 0.02f},
	{"weighted", 60, 40, 17, 0.2, true, 0.02f},
	{"many empty rows", 80, 70, 6, 0.01, true, 0.02f},
	{"one user", 1, 30, 4, 0.5, true, 0.02f},
	{"one item", 30, 1, 4, 0.5, false, 0.02f},
	{"rows longer than a block", 12, 2300, 5, 0.7, true, 0.3f},
	{"unrolled strides", 50, 70, 32, 0.3, false, 0.02f},
	{"padded", 50, 70, 60, 0.3, true, 0.02f},
	{"two lines and more", 40, 30, 140, 0.3, true, 0.02f},
	{"Gram matrix in chunks", 2500, 12, 7, 0.3, false, 0.02f},
	{"no users", 0, 5, 3, 0.5, false, 0.02f},
	{"no items", 5, 0, 3, 0.5, true, 0.02f},
};
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))
#define GUARD 64 /* bytes behind the shared memory that nobody may touch */

typedef CoreStatus (*Trainer)(Env *env, const AlsProblem *problem, AlsModel *model, void *shared,
							  AlsReport *report);

typedef struct Fixture
{
	Trainer trainer;
	AlsProblem problem;
	AlsModel model; /* in one piece of shared memory */
	size_t bytes;
	unsigned char *shared;
	size_t shared_bytes;
	AlsReport *report; /* [members] */
	_Atomic int *joined;
} Fixture;

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
			uint64_t user = (uint64_t) (transposed ? c : r);
			uint64_t item = (uint64_t) (transposed ? r : c);

			if (rng_uniform(8, user, item) >= shape->density)
				continue;
			if (matrix.value != NULL)
				matrix.value[n] = 0.25f + 4.0f * (float) rng_uniform(9, user, item);
			matrix.col[n++] = c;
		}
	}
	matrix.start[rows] = n;
	return matrix;
}

static Fixture
fixture_make(Trainer trainer, const Shape *shape, int32_t iterations)
{
	size_t rows = (size_t) shape->users + (size_t) shape->items;
	Fixture f = {.trainer = trainer,
				 .problem = {.params = {.factors = shape->factors,
										.iterations = iterations,
										.regularization = shape->regularization,
										.unobserved_weight = 0.1f,
										.seed = 17},
							 .by_user = make_matrix(shape, false),
							 .by_item = make_matrix(shape, true)},
				 .bytes = rows * (size_t) shape->factors * sizeof(float)};

	f.model.user_factors = core_shared(f.bytes);
	f.model.item_factors = f.model.user_factors + (size_t) shape->users * (size_t) shape->factors;
	f.shared_bytes = (trainer == cg_train ? cg_shared_bytes : als_shared_bytes)(&f.problem.params,
																				shape->users, shape->items);
	f.shared = core_shared(f.shared_bytes + GUARD);
	f.report = core_shared(CORE_MAX_MEMBERS * sizeof(AlsReport));
	f.joined = core_shared(sizeof(int));
	return f;
}

static void
fixture_free(Fixture *f)
{
	core_shared_free(f->model.user_factors, f->bytes);
	core_shared_free(f->shared, f->shared_bytes + GUARD);
	core_shared_free(f->report, CORE_MAX_MEMBERS * sizeof(AlsReport));
	core_shared_free((void *) f->joined, sizeof(int));
	free(f->problem.by_user.start);
	free(f->problem.by_user.col);
	free(f->problem.by_user.value);
	free(f->problem.by_item.start);
	free(f->problem.by_item.col);
	free(f->problem.by_item.value);
}

static CoreStatus
run_member(Env *env, void *arg)
{
	Fixture *f = arg;
	int number = atomic_fetch_add(f->joined, 1);

	return f->trainer(env, &f->problem, &f->model, f->shared, &f->report[number]);
}

/* Train with members whose Envs the caller has set up. */
static void
train_with(Fixture *f, CoreEnv *envs, int members, CoreStatus *status)
{
	bool guarded = true;

	*f->joined = 0;
	memset(f->shared, 0, f->shared_bytes);
	memset(f->shared + f->shared_bytes, 0x5a, GUARD);
	memset(f->model.user_factors, 0xff, f->bytes);
	core_team_run(envs, members, run_member, f, status);
	for (int i = 0; i < GUARD; i++)
		guarded &= f->shared[f->shared_bytes + (size_t) i] == 0x5a;
	CHECK(guarded);
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(f->trainer != cg_train || envs[i].peak_bytes <= cg_member_bytes(&f->problem.params));
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

/* a [f x f] and b [f] of row r, entry by entry. */
static void
naive_system(const Csr *matrix, const AlsParams *params, const double *y, int32_t r, double *a, double *b)
{
	int f = params->factors;
	double weight = 0.0;

	memset(a, 0, (size_t) (f * f) * sizeof(double));
	memset(b, 0, (size_t) f * sizeof(double));
	for (int32_t i = 0; i < matrix->cols; i++)
	{
		for (int j = 0; j < f * f; j++)
			a[j] +=
				(double) params->unobserved_weight * y[(int64_t) i * f + j / f] * y[(int64_t) i * f + j % f];
	}
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
}

static void
times(const double *a, const double *x, int f, double *out)
{
	for (int j = 0; j < f; j++)
	{
		out[j] = 0.0;
		for (int k = 0; k < f; k++)
			out[j] += a[j * f + k] * x[k];
	}
}

static double
product(const double *x, const double *y, int f)
{
	double sum = 0.0;

	for (int j = 0; j < f; j++)
		sum += x[j] * y[j];
	return sum;
}

/* Textbook conjugate gradients for rows x [matrix->rows x f] from y [matrix->cols x f]. */
static void
naive_half(const Csr *matrix, const AlsParams *params, const double *y, double *x)
{
	int f = params->factors;
	double *a = core_malloc((size_t) (f * f) * sizeof(double));
	double *vectors = core_malloc((size_t) (4 * f) * sizeof(double));
	double *b = vectors;
	double *r = vectors + f;
	double *p = vectors + 2 * f;
	double *ap = vectors + 3 * f;

	for (int32_t row = 0; row < matrix->rows; row++)
	{
		double *z = x + (int64_t) row * f;

		if (matrix->start[row] == matrix->start[row + 1])
			continue;
		naive_system(matrix, params, y, row, a, b);
		times(a, z, f, r);
		for (int j = 0; j < f; j++)
			p[j] = r[j] = b[j] - r[j];
		for (int step = 0; step < CG_STEPS && product(r, r, f) > 1e-20; step++)
		{
			double squares = product(r, r, f);
			double alpha;

			times(a, p, f, ap);
			alpha = squares / product(p, ap, f);
			for (int j = 0; j < f; j++)
			{
				z[j] += alpha * p[j];
				r[j] -= alpha * ap[j];
			}
			for (int j = 0; j < f; j++)
				p[j] = r[j] + product(r, r, f) / squares * p[j];
		}
	}
	free(a);
	free(vectors);
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
	Fixture f = fixture_make(cg_train, shape, ITERATIONS);
	int64_t n_users = (int64_t) shape->users * shape->factors;
	int64_t n_items = (int64_t) shape->items * shape->factors;
	double *x = calloc((size_t) n_users + 1, sizeof(double));
	double *y = calloc((size_t) n_items + 1, sizeof(double));
	CoreEnv leader;

	for (int64_t i = 0; i < n_items; i++)
	{
		int64_t item = i / shape->factors;

		if (f.problem.by_item.start[item] < f.problem.by_item.start[item + 1])
			y[i] = (float) (0.1 / sqrt(shape->factors) *
							rng_normal(17, (uint64_t) item, (uint64_t) (i % shape->factors)));
	}
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		naive_half(&f.problem.by_user, &f.problem.params, y, x);
		naive_half(&f.problem.by_item, &f.problem.params, x, y);
	}
	CHECK(train(&f, 1, &leader));
	if (!CHECK(difference(f.model.user_factors, x, n_users) < 1e-4) ||
		!CHECK(difference(f.model.item_factors, y, n_items) < 1e-4))
		printf("%s: users %g, items %g\n", shape->name, difference(f.model.user_factors, x, n_users),
			   difference(f.model.item_factors, y, n_items));
	CHECK_CLOSE(f.report[0].loss, naive_loss(&f.problem, &f.model), 1e-5);
	CHECK(leader.steps == ITERATIONS && leader.losses[ITERATIONS - 1] == f.report[0].loss);
	for (int step = 1; step < ITERATIONS; step++)
		CHECK(leader.losses[step] <= leader.losses[step - 1] * (1 + 1e-6));
	free(x);
	free(y);
	fixture_free(&f);
}

/* After the same iterations the loss is within half a percent of the exact solver's, and falls all the way. */
static void
test_against_exact(void)
{
	static const Shape shape = {"larger", 600, 400, 24, 0.05, false, 0.02f};

	for (int32_t iterations = 1; iterations <= 15; iterations += 7)
	{
		Fixture f = fixture_make(cg_train, &shape, iterations);
		Fixture exact = fixture_make(als_train, &shape, iterations);
		CoreEnv leader;

		CHECK(train(&f, 1, &leader) && train(&exact, 1, NULL));
		if (!CHECK(f.report[0].loss < 1.005 * exact.report[0].loss))
			printf("after %d: %g against %g\n", iterations, f.report[0].loss, exact.report[0].loss);
		for (int step = 1; step < leader.steps; step++)
			CHECK(leader.losses[step] <= leader.losses[step - 1] * (1 + 1e-6));
		fixture_free(&f);
		fixture_free(&exact);
	}
}

static void
test_same_bytes(const Shape *shape)
{
	Fixture f = fixture_make(cg_train, shape, 4);
	float *numbers = core_malloc(f.bytes);
	double loss;

	CHECK(train(&f, 1, NULL));
	memcpy(numbers, f.model.user_factors, f.bytes);
	loss = f.report[0].loss;
	for (int members = 2; members <= 3; members++)
	{
		CHECK(train(&f, members, NULL));
		CHECK(memcmp(numbers, f.model.user_factors, f.bytes) == 0);
		for (int i = 0; i < members; i++)
			CHECK(f.report[i].loss == loss && f.report[i].iterations == 4);
	}
	f.problem.params.seed++;
	CHECK(train(&f, 1, NULL));
	CHECK(memcmp(numbers, f.model.user_factors, f.bytes) != 0 || csr_entries(&f.problem.by_user) == 0);
	free(numbers);
	fixture_free(&f);
}

static void
test_stops(int members)
{
	Fixture f = fixture_make(cg_train, &shapes[2], 2);
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	bool right = true;
	long stopped = 0;

	for (long look = 1; look < 600; look += 13)
	{
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
		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[failing].fail_at = 1;
		train_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_NO_MEMORY);
	}
	fixture_free(&f);
}

static void
test_details(void)
{
	Fixture f = fixture_make(cg_train, &shapes[0], 200);
	CoreEnv envs[2];
	CoreStatus status[2];
	bool finite = true;

	f.problem.params.tolerance = 1e-3;
	CHECK(train(&f, 2, NULL));
	CHECK(f.report[0].iterations > 1 && f.report[0].iterations < 200);
	CHECK(f.report[0].iterations == f.report[1].iterations && f.report[0].loss == f.report[1].loss);
	fixture_free(&f);

	/* Without regularisation: singular systems are no obstacle. */
	f = fixture_make(cg_train, &shapes[8], 10);
	f.problem.params.regularization = 0.0f;
	CHECK(train(&f, 1, NULL));
	for (size_t i = 0; i < f.bytes / sizeof(float); i++)
		finite &= isfinite(f.model.user_factors[i]);
	CHECK(finite);
	fixture_free(&f);

	f = fixture_make(cg_train, &shapes[1], 3);
	f.problem.by_user.value[3] = INFINITY;
	core_env_init(&envs[0]);
	core_env_init(&envs[1]);
	train_with(&f, envs, 2, status);
	CHECK(status[0] == CORE_NOT_FINITE && status[1] == CORE_NOT_FINITE);
	f.problem.params.factors = INT32_MAX / 2;
	CHECK(cg_shared_bytes(&f.problem.params, 5, 5) > (size_t) 1 << 60);
	fixture_free(&f);
}

/* One kernel against sums in double precision. */
static void
test_kernel(const CgKernel *kernel, int32_t factors, int64_t n)
{
	enum
	{
		ROWS = 50,
		MOST = 64
	};
	int32_t stride = (factors + CG_LANES - 1) / CG_LANES * CG_LANES;
	size_t row = (size_t) stride * sizeof(float);
	float *y = core_malloc((size_t) (ROWS * factors) * sizeof(float));
	float *block = core_shared(MOST * row);
	float *gram = core_shared(row * (size_t) stride);
	float *v = core_shared(3 * row);
	float *out = v + stride;
	float *from = v + 2 * stride;
	float weights[MOST] __attribute__((aligned(64)));
	int32_t cols[MOST];
	double explained = 0.0;
	double most = 0.0;
	double sum;

	for (int64_t i = 0; i < (int64_t) ROWS * factors; i++)
		y[i] = (float) rng_normal(1, 0, (uint64_t) i);
	memset(block, 0xff, MOST * row);
	for (int64_t e = 0; e < n; e++)
	{
		cols[e] = (int32_t) rng_below(1, 1, (uint64_t) e, ROWS);
		weights[e] = (float) rng_uniform(1, 2, (uint64_t) e);
	}
	for (int j = 0; j < factors; j++)
	{
		v[j] = (float) rng_normal(1, 3, (uint64_t) j);
		out[j] = from[j] = (float) rng_normal(1, 4, (uint64_t) j);
		for (int k = 0; k <= j; k++)
			gram[k * stride + j] = gram[j * stride + k] = (float) rng_normal(2, (uint64_t) j, (uint64_t) k);
	}
	kernel->gather(y, factors, cols, n, block, stride);
	sum = kernel->sweep(block, stride, weights, n, 1.5f, v, out);
	for (int j = 0; j < stride; j++)
	{
		double expected = from[j];

		for (int64_t e = 0; e < n; e++)
		{
			double dot = 0.0;

			for (int k = 0; k < factors; k++)
				dot += (double) y[cols[e] * factors + k] * v[k];
			if (j == 0)
				explained += weights[e] * dot;
			if (j < factors)
				expected += weights[e] * (1.5 - dot) * y[cols[e] * factors + j];
		}
		most = fmax(most, fabs(out[j] - expected) / fmax(1.0, fabs(expected)));
	}
	if (!CHECK(most < 1e-4))
		printf("%d factors, %d rows: off by %g\n", factors, (int) n, most);
	CHECK_CLOSE(sum, explained, 1e-4);
	kernel->gram_times(gram, stride, v, out);
	most = 0.0;
	for (int j = 0; j < stride; j++)
	{
		double expected = 0.0;

		for (int k = 0; k < stride; k++)
			expected += (double) gram[j * stride + k] * v[k];
		most = fmax(most, fabs(out[j] - expected) / fmax(1.0, fabs(expected)));
	}
	CHECK(most < 1e-4);
	free(y);
	core_shared_free(block, MOST * row);
	core_shared_free(gram, row * (size_t) stride);
	core_shared_free(v, 3 * row);
}

static void
test_kernels(void)
{
	static const int32_t factors[] = {1, 5, 16, 20, 32, 60, 64, 100, 128, 200};
	int kernels = 0;

	for (int number = 0; number < CG_KERNELS; number++)
	{
		const CgKernel *kernel = cg_kernel_numbered(number);

		if (kernel == NULL)
			continue;
		kernels++;
		for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++)
		{
			test_kernel(kernel, factors[f], 0);
			test_kernel(kernel, factors[f], 4);
			test_kernel(kernel, factors[f], 28);
		}
	}
	CHECK(kernels >= 1);
	CHECK(cg_kernel_numbered(CG_KERNELS) == NULL);
}

int
main(void)
{
	test_kernels();
	for (int s = 0; s < SHAPES; s++)
	{
		test_against_naive(&shapes[s]);
		test_same_bytes(&shapes[s]);
	}
	test_against_exact();
	test_stops(1);
	test_stops(3);
	test_details();
	return check_finish();
}
