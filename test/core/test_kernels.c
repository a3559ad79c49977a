/*
 * test_kernels.c - every kernel that this machine runs against the plain one, and whole trainings on them
 *
 * The promise: within 1e-5 of the largest number, whichever machine answers.  That each kernel is right is tested with the
 * part it belongs to; here they are held against each other.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "cpu.h"
#include "crc32c.h"
#include "gram.h"
#include "recommend/als.h"
#include "recommend/cg.h"
#include "recommend/cg_kernel.h"
#include "recommend/explicit_als.h"
#include "recommend/rank_index.h"
#include "recommend/rank_kernel.h"
#include "recommend/sgd.h"
#include "recommend/sgd_kernel.h"
#include "rng.h"

#define PROMISE 1e-5

static const CpuLevel levels[] = {CPU_SSE42, CPU_AVX2, CPU_AVX512, CPU_VNNI};

/* n normal numbers, aligned to 64 bytes. */
static float *
normals(int64_t n, uint64_t seed)
{
	float *out = aligned_alloc(64, ((size_t) n * sizeof(float) + 63) / 64 * 64);

	if (out == NULL)
		exit(2);
	for (int64_t i = 0; i < n; i++)
		out[i] = (float) rng_normal(seed, 0, (uint64_t) i);
	return out;
}

/* The largest difference, as a share of the largest magnitude. */
static double
apart(const float *a, const float *b, int64_t n)
{
	double most = 0.0;
	double largest = 1e-30;

	for (int64_t i = 0; i < n; i++)
	{
		most = fmax(most, fabs((double) a[i] - b[i]));
		largest = fmax(largest, fabs(b[i]));
	}
	return isfinite(most) ? most / largest : INFINITY;
}

/* Copies of what a gram kernel makes: block, square, factor's solution, transposed, combined. */
typedef struct GramAnswers
{
	float *block, *square, *x, *turned, *combined;
} GramAnswers;

static GramAnswers
gram_answers(const GramKernel *kernel, int64_t width, int64_t n)
{
	int64_t stride = (int64_t) gram_stride((size_t) width);
	int64_t turned_stride = (int64_t) gram_stride((size_t) n);
	float *y = normals(n * width, 1);
	float *weights = normals(n, 2);
	float *rhs = normals(stride, 3);
	GramAnswers out = {.block = normals(n * stride, 4),
					   .square = normals(stride * (stride + GRAM_LANES), 5),
					   .x = normals(stride, 6),
					   .turned = normals(stride * turned_stride, 7),
					   .combined = normals(stride, 8)};
	float *from = normals(stride * stride, 9);

	for (int64_t e = 0; e < n; e++)
		weights[e] = fabsf(weights[e]);
	for (int64_t i = 0; i < stride * stride; i++)
		from[i] = i % (stride + 1) == 0 ? 2.0f + (float) width : 0.0f;
	kernel->gather(y, width, NULL, weights, n, out.block, stride, rhs);
	kernel->add(out.block, n, stride, from, out.square);
	CHECK(kernel->factor(out.square, stride));
	kernel->solve(out.square, stride, out.x);
	kernel->transpose(out.block, n, stride, rhs, out.turned, turned_stride);
	kernel->combine(out.block, n, stride, weights, out.combined);
	free(y);
	free(weights);
	free(rhs);
	free(from);
	return out;
}

static void
gram_free(GramAnswers *a)
{
	free(a->block);
	free(a->square);
	free(a->x);
	free(a->turned);
	free(a->combined);
}

static void
test_gram(const GramKernel *kernel, int64_t width, int64_t n)
{
	int64_t stride = (int64_t) gram_stride((size_t) width);
	GramAnswers plain = gram_answers(gram_kernel_numbered(0), width, n);
	GramAnswers other = gram_answers(kernel, width, n);

	CHECK(apart(other.block, plain.block, n * stride) < PROMISE);
	CHECK(apart(other.x, plain.x, stride) < PROMISE);
	CHECK(apart(other.turned, plain.turned, stride * (int64_t) gram_stride((size_t) n)) < PROMISE);
	CHECK(apart(other.combined, plain.combined, stride) < PROMISE);
	gram_free(&plain);
	gram_free(&other);
}

static void
test_cg_kernel(const CgKernel *kernel, int32_t stride, int64_t n)
{
	const CgKernel *kernels[2] = {cg_kernel_numbered(0), kernel};
	float *block = normals(n * stride, 11);
	float *gram = normals((int64_t) stride * stride, 12);
	float *v = normals(stride, 13);
	float *weights = normals(n, 14);
	float *out[2];
	float *product[2];
	double explained[2];

	for (int64_t i = 0; i < stride; i++)
	{
		for (int64_t j = 0; j < i; j++)
			gram[i * stride + j] = gram[j * stride + i];
	}
	for (int k = 0; k < 2; k++)
	{
		out[k] = normals(stride, 15);
		product[k] = normals(stride, 16);
		explained[k] = kernels[k]->sweep(block, stride, weights, n, 1.0f, v, out[k]);
		kernels[k]->gram_times(gram, stride, v, product[k]);
	}
	CHECK(apart(out[1], out[0], stride) < PROMISE);
	CHECK(apart(product[1], product[0], stride) < PROMISE);
	CHECK_CLOSE(explained[1], explained[0], PROMISE);
	for (int k = 0; k < 2; k++)
	{
		free(out[k]);
		free(product[k]);
	}
	free(block);
	free(gram);
	free(v);
	free(weights);
}

static void
test_sgd_kernel(SgdKernel kernel, int32_t factors, bool slow_only)
{
	enum
	{
		ROWS = 9,
		RATINGS = 200
	};
	SgdKernel kernels[2] = {sgd_kernel_numbered(0), kernel};
	int64_t stride = SGD_HEAD + (factors + SGD_LANES - 1) / SGD_LANES * SGD_LANES;
	float *rows[2];
	double squares[2];
	SgdRating ratings[RATINGS];

	for (int e = 0; e < RATINGS; e++)
		ratings[e] = (SgdRating){.user = (int32_t) rng_below(21, 0, (uint64_t) e, ROWS),
								 .item = (int32_t) rng_below(21, 1, (uint64_t) e, ROWS),
								 .value = (float) rng_normal(21, 2, (uint64_t) e)};
	for (int k = 0; k < 2; k++)
	{
		SgdStep step = {.stride = stride, .factors = factors, .learning_rate = 0.05f, .slow_only = slow_only};

		rows[k] = normals(2 * ROWS * stride, 22);
		for (int r = 0; r < 2 * ROWS; r++)
		{
			float *row = rows[k] + r * stride;

			for (int64_t j = 0; j < stride; j++)
				row[j] *= j < SGD_HEAD || j >= SGD_HEAD + factors ? 0.0f : 0.5f / sqrtf((float) factors);
			row[SGD_SLOW] = row[SGD_FAST] = row[SGD_BIAS_SUM] = 1.0f;
			row[SGD_PENALTY] = row[SGD_BIAS_PENALTY] = 0.05f;
		}
		step.users = rows[k];
		step.items = rows[k] + ROWS * stride;
		squares[k] = kernels[k](&step, ratings, RATINGS);
	}
	CHECK(apart(rows[1], rows[0], 2 * ROWS * stride) < PROMISE);
	CHECK_CLOSE(squares[1], squares[0], PROMISE);
	free(rows[0]);
	free(rows[1]);
}

static void
test_rank_kernel(const RankKernel *kernel, int32_t factors)
{
	enum
	{
		N = 77
	};
	float *rows = normals((int64_t) N * factors, 31);
	float scores[2][N];

	rank_kernel_numbered(0)->scores(rows, N, factors, rows + factors, scores[0]);
	kernel->scores(rows, N, factors, rows + factors, scores[1]);
	CHECK(memcmp(scores[0], scores[1], sizeof(scores[0])) == 0);
	free(rows);
}

static void
test_each_kernel(void)
{
	for (int number = 1; number < GRAM_KERNELS; number++)
	{
		for (int32_t width = 1; width < 140; width += 9)
		{
			if (gram_kernel_numbered(number) != NULL)
				test_gram(gram_kernel_numbered(number), width, 1 + 3 * width % 50);
			if (cg_kernel_numbered(number) != NULL)
				test_cg_kernel(cg_kernel_numbered(number), (int32_t) gram_stride((size_t) width),
							   4 * (width % 9 + 1));
			if (rank_kernel_numbered(number) != NULL)
				test_rank_kernel(rank_kernel_numbered(number), width);
			if (sgd_kernel_numbered(number) == NULL)
				continue;
			test_sgd_kernel(sgd_kernel_numbered(number), width, false);
			test_sgd_kernel(sgd_kernel_numbered(number), width, true);
		}
	}
}

/* ---- whole trainings ---- */

enum
{
	USERS = 220,
	ITEMS = 130,
	FACTORS = 24
};

typedef struct Data
{
	Csr by_user;
	Csr by_item;
} Data;

/* Users with a few entries and users with most of them, so that rows of every length are solved. */
static Data
data_make(void)
{
	Data d = {.by_user = {.rows = USERS, .cols = ITEMS}, .by_item = {.rows = ITEMS, .cols = USERS}};
	CoreEnv env;
	int64_t n = 0;

	core_env_init(&env);
	for (int side = 0; side < 2; side++)
	{
		Csr *m = side == 0 ? &d.by_user : &d.by_item;

		m->start = core_malloc((size_t) (m->rows + 1) * sizeof(int64_t));
		m->col = core_malloc(USERS * ITEMS * sizeof(int32_t));
		m->value = core_malloc(USERS * ITEMS * sizeof(float));
	}
	for (int32_t u = 0; u < USERS; u++)
	{
		d.by_user.start[u] = n;
		for (int32_t i = 0; i < ITEMS; i++)
		{
			if (rng_uniform(41, (uint64_t) u, (uint64_t) i) >= (u % 11 == 0 ? 0.7 : 0.06))
				continue;
			d.by_user.col[n] = i;
			d.by_user.value[n++] = 1.0f + (float) rng_below(42, (uint64_t) u, (uint64_t) i, 5);
		}
	}
	d.by_user.start[USERS] = n;
	CHECK(csr_transpose(&env.env, &d.by_user, &d.by_item) == CORE_OK);
	return d;
}

static void
data_free(Data *d)
{
	free(d->by_user.start);
	free(d->by_user.col);
	free(d->by_user.value);
	free(d->by_item.start);
	free(d->by_item.col);
	free(d->by_item.value);
}

typedef enum Solver
{
	ALS,
	CG,
	EXPLICIT_ALS,
	SGD,
	SOLVERS
} Solver;

/* scores [USERS x ITEMS] by a model trained with what cpu_hold leaves; they do not turn with the basis of the factors. */
static void
train(const Data *d, Solver solver, float *scores)
{
	float *x = core_malloc(USERS * FACTORS * sizeof(float));
	float *y = core_malloc(ITEMS * FACTORS * sizeof(float));
	float user_bias[USERS] = {0};
	float item_bias[ITEMS] = {0};
	AlsParams als = {
		.factors = FACTORS, .iterations = 3, .regularization = 0.05f, .unobserved_weight = 0.1f, .seed = 5};
	AlsProblem implicit = {.params = als, .by_user = d->by_user, .by_item = d->by_item};
	AlsModel factors = {.user_factors = x, .item_factors = y};
	ExplicitParams rated = {.factors = FACTORS,
							.iterations = 3,
							.regularization = 0.1f,
							.prior = 5,
							.bias_regularization = 2,
							.learning_rate = 0.05f,
							.seed = 5};
	ExplicitProblem ratings = {.params = rated, .by_user = d->by_user, .by_item = d->by_item};
	ExplicitModel model = {
		.user_bias = user_bias, .item_bias = item_bias, .user_factors = x, .item_factors = y};
	size_t bytes = solver == ALS   ? als_shared_bytes(&als, USERS, ITEMS)
				   : solver == CG  ? cg_shared_bytes(&als, USERS, ITEMS)
				   : solver == SGD ? sgd_shared_bytes(&rated, USERS, ITEMS, csr_entries(&d->by_user))
								   : explicit_als_shared_bytes();
	void *shared = core_shared(bytes);
	AlsReport report;
	ExplicitReport told;
	CoreEnv env;
	CoreStatus status;

	core_env_init(&env);
	if (solver == ALS)
		status = als_train(&env.env, &implicit, &factors, shared, &report);
	else if (solver == CG)
		status = cg_train(&env.env, &implicit, &factors, shared, &report);
	else if (solver == EXPLICIT_ALS)
		status = explicit_als_train(&env.env, &ratings, &model, shared, &told);
	else
		status = sgd_train(&env.env, &ratings, &model, shared, &told);
	CHECK(status == CORE_OK);
	for (int32_t u = 0; u < USERS; u++)
	{
		for (int32_t i = 0; i < ITEMS; i++)
		{
			double score = user_bias[u] + item_bias[i];

			for (int f = 0; f < FACTORS; f++)
				score += (double) x[u * FACTORS + f] * y[i * FACTORS + f];
			scores[u * ITEMS + i] = (float) score;
		}
	}
	core_shared_free(shared, bytes);
	free(x);
	free(y);
}

static void
test_trainings(void)
{
	Data d = data_make();
	float *plain = core_malloc(USERS * ITEMS * sizeof(float));
	float *other = core_malloc(USERS * ITEMS * sizeof(float));

	for (int solver = ALS; solver < SOLVERS; solver++)
	{
		cpu_hold(CPU_PLAIN);
		train(&d, (Solver) solver, plain);
		for (size_t l = 0; l < sizeof(levels) / sizeof(levels[0]); l++)
		{
			double off;

			cpu_hold(levels[l]);
			train(&d, (Solver) solver, other);
			off = apart(other, plain, USERS * ITEMS);
			if (!CHECK(off < PROMISE))
				printf("solver %d, level %d: %g apart\n", solver, (int) levels[l], off);
		}
	}
	data_free(&d);
	free(plain);
	free(other);
}

/* Lists and checksums have the same bytes everywhere. */
static void
test_same_bytes(void)
{
	enum
	{
		CATALOGUE = 3000,
		WIDTH = 37,
		K = 10
	};
	float *y = normals((int64_t) CATALOGUE * WIDTH, 51);
	int32_t blocks = rank_index_blocks(CATALOGUE);
	uint8_t *codes = core_malloc(rank_index_code_bytes(CATALOGUE, WIDTH));
	int32_t *order = core_malloc((size_t) blocks * 16 * sizeof(int32_t));
	float *limits = core_malloc((size_t) blocks * 4 * sizeof(float));
	RankFilter filters[RANK_INDEX_USERS] = {{0}};
	TopEntry plain[RANK_INDEX_USERS][K];
	uint32_t sum = 0;
	RankIndex index;
	CoreEnv env;

	core_env_init(&env);
	CHECK(rank_index_build(&env.env, y, CATALOGUE, WIDTH, codes, order, limits, &index) == CORE_OK);
	for (int l = -1; l < (int) (sizeof(levels) / sizeof(levels[0])); l++)
	{
		TopEntry lists[RANK_INDEX_USERS][K];
		TopK tops[RANK_INDEX_USERS];

		cpu_hold(l < 0 ? CPU_PLAIN : levels[l]);
		for (int u = 0; u < RANK_INDEX_USERS; u++)
			topk_init(&tops[u], l < 0 ? plain[u] : lists[u], K);
		CHECK(rank_index_lists(&env.env, &index, y, y + WIDTH, NULL, filters, RANK_INDEX_USERS, tops) ==
			  CORE_OK);
		if (l < 0)
			sum = crc32c(0, y, CATALOGUE * WIDTH);
		CHECK(l < 0 || memcmp(lists, plain, sizeof(plain)) == 0);
		CHECK(crc32c(0, y, CATALOGUE * WIDTH) == sum);
	}
	free(y);
	free(codes);
	free(order);
	free(limits);
}

/* What is held back is not taken, and what a machine lacks never is. */
static void
test_choice(void)
{
	const CgKernel *best = cg_kernel();

	CHECK(cpu_runs(CPU_PLAIN) && cg_kernel_numbered(0) != NULL);
	for (int number = 0; number < CG_KERNELS; number++)
		best = cg_kernel_numbered(number) != NULL ? cg_kernel_numbered(number) : best;
	CHECK(cg_kernel() == best && cg_kernel_numbered(CG_KERNELS) == NULL);
	CHECK((cg_kernel_numbered(1) != NULL) == cpu_runs(CPU_AVX2));
	CHECK((cg_kernel_numbered(2) != NULL) == cpu_runs(CPU_AVX512));
	cpu_hold(CPU_PLAIN);
	CHECK(!cpu_runs(CPU_SSE42));
	CHECK(gram_kernel() == gram_kernel_numbered(0) && gram_kernel_numbered(1) == NULL);
	CHECK(cg_kernel() == cg_kernel_numbered(0) && cg_kernel_numbered(2) == NULL);
	CHECK(sgd_kernel() == sgd_kernel_numbered(0) && sgd_kernel_numbered(1) == NULL);
	CHECK(rank_kernel() == rank_kernel_numbered(0) && rank_kernel_numbered(2) == NULL);
	cpu_hold(CPU_VNNI);
	CHECK(cg_kernel() == best);
}

int
main(void)
{
	test_choice();
	test_each_kernel();
	test_trainings();
	test_same_bytes();
	return check_finish();
}
