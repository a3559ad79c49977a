/*
 * als.c - implicit alternating least squares, exactly and by a team
 *
 * Each half of an iteration keeps one side's factors Y fixed and solves every row x of the other side for itself
 * (Hu, Koren & Volinsky 2008; regularisation by frequency as in Rendle et al. 2021):
 *
 *   (a0 Y'Y  +  sum over the row's entries of w y y'  +  reg (W + a0 n) I) x  =  sum of w y
 *
 * Phases of an iteration, with a barrier after each:
 *
 *   1. Gram matrix of the item factors, by chunks of rows into shared memory
 *   2. user rows: every member adds up the Gram chunks in order, then claims chunks of rows
 *   3. Gram matrix of the user factors
 *   4. item rows, as in 2
 *
 * A row's normal matrix is not built entry by entry: its factor rows, scaled by the square root of their weights, are
 * gathered into a block of at most BLOCK rows, and ssyrk adds the block's square at the speed of matrix products;
 * spotrf and two triangular solves follow.  That costs n f^2 + f^3 / 3 multiplications a row, and beats conjugate
 * gradients in time up to a few hundred factors because it runs at ten times their rate.
 *
 * The loss costs nothing: at the solution of row i its share of the objective is W_i - b_i . y_i, so the item rows'
 * shares plus the users' penalty (taken down while the users were solved) make the whole.
 *
 * Same bytes for any number of members: chunk bounds follow from the sizes alone, a row is solved by one member from
 * shared numbers, and sums over chunks run in chunk order.
 *
 * Memory: shared, GRAM_CHUNKS Gram matrices and the chunks' sums; each member, two matrices, the block and a vector.
 *
 * A matrix that is not positive definite in single precision (no regularisation, few rows) is tried again with a
 * small ridge, growing from 1e-6 to 1e-2 of its mean diagonal; the loss told is then off by as little.  What no ridge
 * helps, and any row that is not finite, ends in CORE_NOT_FINITE.
 */
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "als.h"
#include "../rng.h"
#include "../team.h"

#define BLOCK 384 /* factor rows gathered for one ssyrk */
#define GRAM_CHUNKS 16 /* at most */
#define GRAM_ROWS 1024 /* in a chunk, at least, while there are fewer than GRAM_CHUNKS */
#define SOLVE_CHUNKS 256
#define RIDGES 3

/*
 * Eight floats at any address: GCC 12 leaves the gather loop scalar at -O2, where it takes a quarter of the time.  The
 * sanitizers start too late for the resolvers of target_clones.
 */
#define LANES 8
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("default", "avx2")))
#else
#define WIDE
#endif

typedef struct AlsShared
{
	TeamShared team;
	double user_penalty[SOLVE_CHUNKS]; /* sum of (W_u + a0 n_items) |x_u|^2 by chunk of users */
	double item_loss[SOLVE_CHUNKS]; /* sum of W_i - b_i . y_i by chunk of items */
	float gram[]; /* [gram_chunks x factors x factors], lower triangles, without a0 */
} AlsShared;

/* What one member works with. */
typedef struct Work
{
	int32_t factors;
	float *gram; /* [factors x factors] a0 Y'Y, symmetric */
	float *normal; /* [factors x factors] column by column, lower triangle; then its Cholesky factor */
	float *block; /* [BLOCK x factors] gathered rows */
	float *rhs; /* [factors] */
} Work;

/* One side of the problem as the other side's rows see it. */
typedef struct Side
{
	const AlsParams *params;
	const float *y; /* [n x factors] fixed factors */
	int32_t n;
} Side;

/* What solving a row found out. */
typedef struct RowFit
{
	double weight; /* W, the sum of the weights */
	double explained; /* b . x */
	double norm2; /* |x|^2 */
} RowFit;

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* a * b, or SIZE_MAX when that is too much. */
static size_t
times(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* a + b rounded up to whole cache lines, or SIZE_MAX when that is too much. */
static size_t
plus_aligned(size_t a, size_t b)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum) || sum > SIZE_MAX - 63)
		return SIZE_MAX;
	return (sum + 63) & ~(size_t) 63;
}

static int32_t
gram_chunks(int32_t rows)
{
	int32_t chunks = rows / GRAM_ROWS + 1;

	return chunks < GRAM_CHUNKS ? chunks : GRAM_CHUNKS;
}

size_t
als_shared_bytes(const AlsParams *params, int32_t users, int32_t items)
{
	size_t factors = (size_t) params->factors;
	size_t chunks = (size_t) gram_chunks(users > items ? users : items);
	size_t gram = times(times(factors, factors), times(chunks, sizeof(float)));

	return plus_aligned(sizeof(AlsShared), gram);
}

size_t
als_member_bytes(const AlsParams *params)
{
	size_t row = times((size_t) params->factors, sizeof(float));
	size_t square = plus_aligned(times(row, (size_t) params->factors), 0);
	size_t bytes = plus_aligned(square, square);

	bytes = plus_aligned(bytes, times(row, BLOCK));
	return plus_aligned(bytes, row);
}

static CoreStatus
work_open(Env *env, const AlsParams *params, Work *work)
{
	size_t factors = (size_t) params->factors;
	size_t square = plus_aligned(factors * factors * sizeof(float), 0);
	char *memory = env->alloc(env, als_member_bytes(params));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	work->factors = params->factors;
	work->gram = (float *) memory;
	work->normal = (float *) (memory + square);
	work->block = (float *) (memory + 2 * square);
	work->rhs = (float *) (memory + plus_aligned(2 * square, BLOCK * factors * sizeof(float)));
	return CORE_OK;
}

static void
work_close(Env *env, Work *work)
{
	env->release(env, work->gram);
}

/* square [factors x factors] = Y'Y of y [rows x factors], lower triangle column by column. */
static CoreStatus
gram_of_rows(Env *env, const float *y, int64_t rows, int32_t factors, float *square)
{
	memset(square, 0, (size_t) factors * (size_t) factors * sizeof(float));
	for (int64_t lo = 0; lo < rows; lo += BLOCK)
	{
		if (env->cancelled(env))
			return CORE_CANCELLED;
		cblas_ssyrk(CblasColMajor, CblasLower, CblasNoTrans, factors, (int) smaller(BLOCK, rows - lo), 1.0f,
					y + lo * factors, factors, 1.0f, square, factors);
	}
	return CORE_OK;
}

/* Chunk `chunk` of the Gram matrix of side, to be added up by gram_sum. */
static CoreStatus
gram_chunk(Env *env, const Side *side, int64_t chunk, float *square)
{
	int32_t factors = side->params->factors;
	int64_t chunks = gram_chunks(side->n);
	int64_t lo = side->n * chunk / chunks;
	int64_t hi = side->n * (chunk + 1) / chunks;

	return gram_of_rows(env, side->y + lo * factors, hi - lo, factors, square);
}

/* gram [factors x factors] += square, or = square for the first chunk; lower triangles. */
static void
gram_add(const float *square, int32_t factors, bool first, float *gram)
{
	for (int32_t col = 0; col < factors; col++)
	{
		for (size_t at = (size_t) col * (size_t) factors + (size_t) col;
			 at < (size_t) (col + 1) * (size_t) factors; at++)
			gram[at] = first ? square[at] : gram[at] + square[at];
	}
}

/* The sum of the chunks is complete: apply the weight and fill in the upper triangle. */
static void
gram_finish(const AlsParams *params, float *gram)
{
	size_t factors = (size_t) params->factors;

	for (size_t col = 0; col < factors; col++)
	{
		for (size_t row = col; row < factors; row++)
		{
			gram[col * factors + row] *= params->unobserved_weight;
			gram[row * factors + col] = gram[col * factors + row];
		}
	}
}

CoreStatus
als_gram(Env *env, const AlsParams *params, const float *y, int32_t rows, float *gram)
{
	size_t factors = (size_t) params->factors;
	float *square = env->alloc(env, times(factors * factors, sizeof(float)));
	Side side = {.params = params, .y = y, .n = rows};
	CoreStatus status = square != NULL ? CORE_OK : CORE_NO_MEMORY;

	for (int32_t chunk = 0; status == CORE_OK && chunk < gram_chunks(rows); chunk++)
	{
		status = gram_chunk(env, &side, chunk, square);
		if (status == CORE_OK)
			gram_add(square, params->factors, chunk == 0, gram);
	}
	if (status == CORE_OK)
		gram_finish(params, gram);
	if (square != NULL)
		env->release(env, square);
	return status;
}

/*
 * block [n x factors] = the rows of y that cols [n] name, scaled by the roots of their weights [n] (NULL: all 1);
 * rhs [factors] += the sum of weight times row; returns the sum of the weights.
 */
WIDE static double
gather_rows(const float *restrict y, int32_t factors, const int32_t *cols, const float *weights, int32_t n,
			float *restrict block, float *restrict rhs)
{
	double sum = 0.0;

	for (int32_t e = 0; e < n; e++)
	{
		const float *restrict from = y + (int64_t) cols[e] * factors;
		float *restrict to = block + (int64_t) e * factors;
		float weight = weights != NULL ? weights[e] : 1.0f;
		float root = sqrtf(weight);
		int32_t j = 0;

		sum += weight;
		for (; j + LANES <= factors; j += LANES)
		{
			Lanes row = *(const Lanes *) (from + j);

			*(Lanes *) (to + j) = root * row;
			*(Lanes *) (rhs + j) += weight * row;
		}
		for (; j < factors; j++)
		{
			to[j] = root * from[j];
			rhs[j] += weight * from[j];
		}
	}
	return sum;
}

/* Fill work's normal matrix and right-hand side for a row of n entries; *weight receives W. */
static CoreStatus
row_assemble(Env *env, const Side *side, Work *work, const int32_t *cols, const float *weights, int64_t n,
			 double *weight)
{
	int32_t factors = work->factors;
	const AlsParams *params = side->params;
	float diagonal;

	memcpy(work->normal, work->gram, (size_t) factors * (size_t) factors * sizeof(float));
	memset(work->rhs, 0, (size_t) factors * sizeof(float));
	*weight = 0.0;
	for (int64_t lo = 0; lo < n; lo += BLOCK)
	{
		int32_t rows = (int32_t) smaller(BLOCK, n - lo);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		*weight += gather_rows(side->y, factors, cols + lo, weights != NULL ? weights + lo : NULL, rows,
							   work->block, work->rhs);
		cblas_ssyrk(CblasColMajor, CblasLower, CblasNoTrans, factors, rows, 1.0f, work->block, factors, 1.0f,
					work->normal, factors);
	}
	diagonal = (float) (params->regularization * (*weight + (double) params->unobserved_weight * side->n));
	for (int64_t j = 0; j < factors; j++)
		work->normal[j * (factors + 1)] += diagonal;
	return CORE_OK;
}

/* Add `share` of the mean diagonal to the diagonal of work's normal matrix. */
static void
add_ridge(Work *work, double share)
{
	int64_t step = (int64_t) work->factors + 1;
	double trace = 0.0;

	for (int64_t j = 0; j < work->factors; j++)
		trace += work->normal[j * step];
	for (int64_t j = 0; j < work->factors; j++)
		work->normal[j * step] += (float) (share * (trace / work->factors + 1e-20));
}

/* x [factors]: the row for n > 0 entries of columns cols [n] and weights [n] (NULL: all 1). */
static CoreStatus
solve_row(Env *env, const Side *side, Work *work, const int32_t *cols, const float *weights, int64_t n,
		  float *x, RowFit *fit)
{
	static const double ridges[RIDGES + 1] = {0.0, 1e-6, 1e-4, 1e-2};
	int32_t factors = work->factors;
	lapack_int info = 1;

	for (int attempt = 0; info != 0; attempt++)
	{
		CoreStatus status;

		if (attempt > RIDGES)
			return CORE_NOT_FINITE;
		status = row_assemble(env, side, work, cols, weights, n, &fit->weight);
		if (status != CORE_OK)
			return status;
		if (attempt > 0)
			add_ridge(work, ridges[attempt]);
		LAPACK_spotrf("L", &factors, work->normal, &factors, &info);
	}
	memcpy(x, work->rhs, (size_t) factors * sizeof(float));
	cblas_strsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, factors, work->normal, factors, x, 1);
	cblas_strsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, factors, work->normal, factors, x, 1);
	fit->explained = 0.0;
	fit->norm2 = 0.0;
	for (int32_t j = 0; j < factors; j++)
	{
		fit->explained += (double) work->rhs[j] * x[j];
		fit->norm2 += (double) x[j] * x[j];
	}
	return isfinite(fit->norm2) && isfinite(fit->explained) ? CORE_OK : CORE_NOT_FINITE;
}

CoreStatus
als_fold_in(Env *env, const AlsParams *params, const float *item_factors, int32_t n_items, const float *gram,
			const int32_t *items, const float *weights, int32_t n, float *x)
{
	size_t factors = (size_t) params->factors;
	Side side = {.params = params, .y = item_factors, .n = n_items};
	Work work;
	RowFit fit;
	CoreStatus status;

	if (n == 0)
	{
		memset(x, 0, factors * sizeof(float));
		return CORE_OK;
	}
	status = work_open(env, params, &work);
	if (status != CORE_OK)
		return status;
	memcpy(work.gram, gram, factors * factors * sizeof(float));
	status = solve_row(env, &side, &work, items, weights, n, x, &fit);
	work_close(env, &work);
	return status;
}

/*
 * First row of chunk `chunk` of SOLVE_CHUNKS: the first before which the share chunk / SOLVE_CHUNKS of the work lies,
 * a row costing its entries and `fixed` more.
 */
static int32_t
chunk_begin(const Csr *matrix, int64_t fixed, int64_t chunk)
{
	int64_t total = csr_entries(matrix) + fixed * matrix->rows;
	int64_t target = total / SOLVE_CHUNKS * chunk + total % SOLVE_CHUNKS * chunk / SOLVE_CHUNKS;
	int64_t lo = 0;
	int64_t hi = matrix->rows;

	while (lo < hi)
	{
		int64_t mid = lo + (hi - lo) / 2;

		if (matrix->start[mid] + fixed * mid < target)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int32_t) lo;
}

/* The rows of one chunk; *penalty and *loss receive the chunk's sums. */
static CoreStatus
solve_chunk(Env *env, const Side *side, Work *work, const Csr *matrix, int64_t chunk, float *x,
			double *penalty, double *loss)
{
	int32_t factors = work->factors;
	int64_t fixed = factors / 3 + 8; /* the Cholesky factorisation, in entries */
	int32_t end = chunk_begin(matrix, fixed, chunk + 1);
	double pull = (double) side->params->unobserved_weight * side->n;

	*penalty = 0.0;
	*loss = 0.0;
	for (int32_t r = chunk_begin(matrix, fixed, chunk); r < end; r++)
	{
		int64_t begin = matrix->start[r];
		int64_t n = matrix->start[r + 1] - begin;
		float *row = x + (int64_t) r * factors;
		const float *weights = matrix->value != NULL ? matrix->value + begin : NULL;
		RowFit fit = {0};
		CoreStatus status = CORE_OK;

		if (n > 0)
			status = solve_row(env, side, work, matrix->col + begin, weights, n, row, &fit);
		else
			memset(row, 0, (size_t) factors * sizeof(float));
		if (status != CORE_OK)
			return status;
		*penalty += (fit.weight + pull) * fit.norm2;
		*loss += fit.weight - fit.explained;
	}
	return CORE_OK;
}

/* Phases 1 and 2, or 3 and 4: the rows x of matrix from the other side; sums by chunk into penalty and loss. */
static CoreStatus
half_iteration(Team *team, const Side *side, Work *work, const Csr *matrix, float *x, AlsShared *shared,
			   double *penalty, double *loss)
{
	size_t square = (size_t) work->factors * (size_t) work->factors;
	int32_t chunks = gram_chunks(side->n);
	double unused;
	int64_t chunk;
	CoreStatus status;

	while ((chunk = team_claim(team, chunks)) >= 0)
		team_fail(team, gram_chunk(team->env, side, chunk, shared->gram + (size_t) chunk * square));
	status = team_meet(team);
	if (status != CORE_OK)
		return status;

	for (chunk = 0; chunk < chunks; chunk++)
		gram_add(shared->gram + (size_t) chunk * square, work->factors, chunk == 0, work->gram);
	gram_finish(side->params, work->gram);
	while ((chunk = team_claim(team, SOLVE_CHUNKS)) >= 0)
	{
		team_fail(team, solve_chunk(team->env, side, work, matrix, chunk, x,
									penalty != NULL ? penalty + chunk : &unused,
									loss != NULL ? loss + chunk : &unused));
	}
	return team_meet(team);
}

/* Rows lo .. hi - 1 of the item factors before the first iteration; items that nobody has are zero throughout. */
static void
start_items(const AlsProblem *problem, int64_t lo, int64_t hi, float *y)
{
	int64_t factors = problem->params.factors;
	double deviation = 0.1 / sqrt((double) factors);

	for (int64_t i = lo; i < hi; i++)
	{
		bool empty = problem->by_item.start[i] == problem->by_item.start[i + 1];

		for (int64_t j = 0; j < factors; j++)
		{
			double normal = empty ? 0.0 : rng_normal(problem->params.seed, (uint64_t) i, (uint64_t) j);

			y[i * factors + j] = (float) (deviation * normal);
		}
	}
}

/* Phase 0.  The user factors need no start: the first half of the first iteration sets them from the items alone. */
static CoreStatus
start_phase(Team *team, const AlsProblem *problem, float *y)
{
	int64_t items = problem->by_item.rows;
	int64_t rows = 65536 / problem->params.factors + 1;
	int64_t chunks = (items + rows - 1) / rows;
	int64_t chunk;

	while ((chunk = team_claim(team, chunks)) >= 0)
		start_items(problem, chunk * rows, smaller((chunk + 1) * rows, items), y);
	return team_meet(team);
}

/* One iteration; *loss is the same in every member. */
static CoreStatus
iterate(Team *team, const AlsProblem *problem, Work *work, AlsModel *model, AlsShared *shared, double *loss)
{
	const AlsParams *params = &problem->params;
	Side items = {.params = params, .y = model->item_factors, .n = problem->by_item.rows};
	Side users = {.params = params, .y = model->user_factors, .n = problem->by_user.rows};
	double fit = 0.0;
	double penalty = 0.0;
	CoreStatus status;

	status = half_iteration(team, &items, work, &problem->by_user, model->user_factors, shared,
							shared->user_penalty, NULL);
	if (status != CORE_OK)
		return status;
	status = half_iteration(team, &users, work, &problem->by_item, model->item_factors, shared, NULL,
							shared->item_loss);
	if (status != CORE_OK)
		return status;
	for (int chunk = 0; chunk < SOLVE_CHUNKS; chunk++)
	{
		fit += shared->item_loss[chunk];
		penalty += shared->user_penalty[chunk];
	}
	*loss = fit + params->regularization * penalty;
	return isfinite(*loss) ? CORE_OK : CORE_NOT_FINITE;
}

/* All iterations, once there is memory. */
static CoreStatus
run_iterations(Team *team, const AlsProblem *problem, Work *work, AlsModel *model, AlsShared *shared,
			   AlsReport *report)
{
	const AlsParams *params = &problem->params;

	for (int32_t done = 1; done <= params->iterations; done++)
	{
		double before = report->loss;
		CoreStatus status = iterate(team, problem, work, model, shared, &report->loss);

		if (status != CORE_OK)
			return status;
		report->iterations = done;
		if (team->env->leader)
			team->env->progress(team->env, done, params->iterations, report->loss);
		if (params->tolerance > 0 && done > 1 && before - report->loss < params->tolerance * before)
			break;
	}
	return CORE_OK;
}

CoreStatus
als_train(Env *env, const AlsProblem *problem, AlsModel *model, void *shared, AlsReport *report)
{
	AlsShared *common = shared;
	Team team = team_join(env, &common->team);
	Work work;
	CoreStatus opened = work_open(env, &problem->params, &work);
	CoreStatus status;

	*report = (AlsReport){.iterations = 0, .loss = NAN};
	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&team, opened);
	status = start_phase(&team, problem, model->item_factors);
	if (status == CORE_OK)
		status = run_iterations(&team, problem, &work, model, common, report);
	if (opened == CORE_OK)
		work_close(env, &work);
	return status;
}
