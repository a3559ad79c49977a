/*
 * explicit_als.c - explicit ratings by alternating least squares, exactly and by a team
 *
 * Each half of an iteration keeps one side's factors Y and biases c fixed and solves every row of the other side for its
 * factors and bias at once (Zhou et al. 2008, with biases): z = (x, b) minimises
 *
 *   sum over the row's n ratings of (e - z.(y, 1))^2  +  (n + prior) reg |x|^2  +  bias_reg b^2,   e = rating - mean - c
 *
 * so with D the rows (y, 1) of the row's ratings, (D'D + diag((n + prior) reg, .., bias_reg)) z = D'e.
 *
 * Phases, with a barrier after each:
 *
 *   0. item factors are drawn, item biases cleared, by chunks of items; every member computes the mean for itself
 *   1. user rows, by chunks of about equal work
 *   2. item rows, likewise; 1 and 2 repeat
 *
 * The rows (y, 1, e) are gathered into a block, and the block's square is added (core/gram.h): its upper triangle holds D'D,
 * and D'e in the last column.  The matrix' factorisation and two triangular solves follow: n f^2 + f^3 / 3 multiplications
 * a row.
 *
 * The loss costs nothing: at the solution of item i its share of the objective is sum e^2 - z.D'e, and the users'
 * penalty was taken down while they were solved.  The squared errors alone are that less the items' penalty.
 *
 * Same bytes for any number of members: chunk bounds follow from the sizes alone, a row is solved by one member, and sums
 * over chunks run in chunk order.
 *
 * Memory: shared, the chunks' sums; each member, two matrices of order factors + 2, the block and two
 * vectors, padded.
 */
#include <math.h>
#include <string.h>

#include "chunks.h"
#include "explicit_als.h"
#include "../gram.h"
#include "../rng.h"
#include "../team.h"

#define SOLVE_CHUNKS 256
#define RIDGES 3

typedef struct Sums
{
	double penalty; /* of the chunk's rows: (n + prior) reg |x|^2 + bias_reg b^2 */
	double loss; /* of the chunk's rows: sum e^2 - z.D'e, errors and penalty */
} Sums;

typedef struct Shared
{
	TeamShared team;
	/* Of odd and even iterations: some members may be in the next while others still add up. */
	Sums users[2][SOLVE_CHUNKS];
	Sums items[2][SOLVE_CHUNKS];
} Shared;

/* What one member works with. */
typedef struct Work
{
	const GramKernel *kernel;
	int32_t order; /* factors + 1: of the equations */
	int64_t stride; /* order + 1, padded */
	float *base; /* [stride x stride] zero, but for ones on the diagonal from `order` on */
	float *normal; /* [stride x (stride + GRAM_LANES)] upper triangle; then its Cholesky factor */
	float *block; /* [GRAM_BLOCK x stride] rows (y, 1, e) */
	float *rhs; /* [stride] D'e */
	float *z; /* [stride] */
} Work;

/* One side as the other side's rows see it, and the arrays of those rows. */
typedef struct Half
{
	const ExplicitParams *params;
	double mean;
	const float *y; /* [matrix->cols x factors] fixed factors */
	const float *c; /* [matrix->cols] fixed biases */
	const Csr *matrix;
	float *x; /* [matrix->rows x factors] to be solved */
	float *b; /* [matrix->rows] */
} Half;

size_t
explicit_als_shared_bytes(void)
{
	return sizeof(Shared);
}

size_t
explicit_als_member_bytes(const ExplicitParams *params)
{
	size_t stride = gram_stride((size_t) params->factors + 2);

	return bytes_times(stride * sizeof(float), 2 * stride + GRAM_LANES + GRAM_BLOCK + 2);
}

static CoreStatus
work_open(Env *env, const ExplicitParams *params, Work *work)
{
	size_t stride = gram_stride((size_t) params->factors + 2);
	float *memory = env->alloc(env, explicit_als_member_bytes(params));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	*work = (Work){.kernel = gram_kernel(),
				   .order = params->factors + 1,
				   .stride = (int64_t) stride,
				   .base = memory,
				   .normal = memory + stride * stride,
				   .block = memory + stride * (2 * stride + GRAM_LANES),
				   .rhs = memory + stride * (2 * stride + GRAM_LANES + GRAM_BLOCK),
				   .z = memory + stride * (2 * stride + GRAM_LANES + GRAM_BLOCK + 1)};
	memset(work->base, 0, stride * stride * sizeof(float));
	for (size_t j = (size_t) work->order; j < stride; j++)
		work->base[j * (stride + 1)] = 1.0f;
	return CORE_OK;
}

/* block [n x stride] = rows (y, 1, e) of cols [n]; returns the sum of e^2. */
static double
gather_rows(const Half *half, const Work *work, const int32_t *cols, const float *ratings, int64_t n)
{
	int32_t factors = work->order - 1;
	double squares = 0.0;

	/* The sum of the rows, which it adds to z, is of no use here. */
	work->kernel->gather(half->y, factors, cols, NULL, n, work->block, work->stride, work->z);
	for (int64_t k = 0; k < n; k++)
	{
		float *row = work->block + k * work->stride;
		float e = (float) (ratings[k] - half->mean - half->c[cols[k]]);

		row[factors] = 1.0f;
		row[factors + 1] = e;
		squares += (double) e * e;
	}
	return squares;
}

/* What |x|^2 is multiplied by in the objective for a row of n ratings. */
static double
factor_penalty(const ExplicitParams *params, int64_t n)
{
	return params->regularization * ((double) n + params->prior);
}

/* Fill work's normal matrix and right-hand side for row r, n ratings; *squares receives the sum of e^2. */
static CoreStatus
row_assemble(Env *env, const Half *half, Work *work, int32_t r, double ridge, double *squares)
{
	int64_t order = work->order;
	int64_t stride = work->stride;
	int64_t begin = half->matrix->start[r];
	int64_t n = half->matrix->start[r + 1] - begin;
	const ExplicitParams *params = half->params;

	memset(work->z, 0, (size_t) stride * sizeof(float));
	*squares = 0.0;
	for (int64_t lo = 0; lo < n; lo += GRAM_BLOCK)
	{
		int64_t rows = chunks_smaller(GRAM_BLOCK, n - lo);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		*squares +=
			gather_rows(half, work, half->matrix->col + begin + lo, half->matrix->value + begin + lo, rows);
		work->kernel->add(work->block, rows, stride, lo == 0 ? work->base : work->normal, work->normal);
	}
	memset(work->rhs, 0, (size_t) stride * sizeof(float));
	for (int64_t j = 0; j < order; j++)
	{
		double penalty = j + 1 < order ? factor_penalty(params, n) : params->bias_regularization;

		work->rhs[j] = work->normal[j * stride + order];
		work->normal[j * stride + order] = 0.0f;
		work->normal[j * (stride + 1)] += (float) (penalty + ridge * (double) n);
	}
	work->normal[order * (stride + 1)] = 1.0f;
	return CORE_OK;
}

/* The factors and bias of row r, which has ratings; its sums are added to *sums. */
static CoreStatus
solve_row(Env *env, const Half *half, Work *work, int32_t r, Sums *sums)
{
	static const double ridges[RIDGES + 1] = {0.0, 1e-6, 1e-4, 1e-2};
	const ExplicitParams *params = half->params;
	int32_t order = work->order;
	int32_t factors = params->factors;
	int64_t n = half->matrix->start[r + 1] - half->matrix->start[r];
	double squares;
	double explained = 0.0;
	double norm2 = 0.0;
	double bias;
	bool solved = false;

	for (int attempt = 0; !solved; attempt++)
	{
		CoreStatus status;

		if (attempt > RIDGES)
			return CORE_NOT_FINITE;
		status = row_assemble(env, half, work, r, ridges[attempt], &squares);
		if (status != CORE_OK)
			return status;
		solved = work->kernel->factor(work->normal, work->stride);
	}
	memcpy(work->z, work->rhs, (size_t) work->stride * sizeof(float));
	work->kernel->solve(work->normal, work->stride, work->z);
	memcpy(half->x + (int64_t) r * factors, work->z, (size_t) factors * sizeof(float));
	half->b[r] = work->z[factors];
	bias = work->z[factors];
	for (int32_t j = 0; j < order; j++)
		explained += (double) work->rhs[j] * work->z[j];
	for (int32_t j = 0; j < factors; j++)
		norm2 += (double) work->z[j] * work->z[j];
	sums->penalty += factor_penalty(params, n) * norm2 + params->bias_regularization * bias * bias;
	sums->loss += squares - explained;
	return isfinite(norm2) && isfinite(explained) && isfinite(bias) ? CORE_OK : CORE_NOT_FINITE;
}

/* The rows of one chunk; rows without ratings become zero. */
static CoreStatus
solve_chunk(Env *env, const Half *half, Work *work, int64_t chunk, Sums *sums)
{
	int32_t factors = half->params->factors;
	int64_t fixed = factors / 3 + 8; /* the Cholesky factorisation, in ratings */
	int32_t end = chunks_begin(half->matrix, fixed, chunk + 1, SOLVE_CHUNKS);

	*sums = (Sums){0};
	for (int32_t r = chunks_begin(half->matrix, fixed, chunk, SOLVE_CHUNKS); r < end; r++)
	{
		CoreStatus status = CORE_OK;

		if (half->matrix->start[r] < half->matrix->start[r + 1])
			status = solve_row(env, half, work, r, sums);
		else
		{
			memset(half->x + (int64_t) r * factors, 0, (size_t) factors * sizeof(float));
			half->b[r] = 0.0f;
		}
		if (status != CORE_OK)
			return status;
	}
	return CORE_OK;
}

/* Phase 1 or 2. */
static CoreStatus
solve_phase(Team *team, const Half *half, Work *work, Sums *sums)
{
	int64_t chunk;

	while ((chunk = team_claim(team, SOLVE_CHUNKS)) >= 0)
		team_fail(team, solve_chunk(team->env, half, work, chunk, &sums[chunk]));
	return team_meet(team);
}

/* Rows lo .. hi - 1 of the items before the first iteration. */
static void
start_items(const ExplicitProblem *problem, int64_t lo, int64_t hi, ExplicitModel *model)
{
	int64_t factors = problem->params.factors;
	double deviation = 0.1 / sqrt((double) factors);

	for (int64_t i = lo; i < hi; i++)
	{
		bool empty = problem->by_item.start[i] == problem->by_item.start[i + 1];

		model->item_bias[i] = 0.0f;
		for (int64_t j = 0; j < factors; j++)
		{
			double normal = empty ? 0.0 : rng_normal(problem->params.seed, (uint64_t) i, (uint64_t) j);

			model->item_factors[i * factors + j] = (float) (deviation * normal);
		}
	}
}

/* Phase 0.  The users need no start: the first half of the first iteration sets them from the items alone. */
static CoreStatus
start_phase(Team *team, const ExplicitProblem *problem, ExplicitModel *model)
{
	int64_t items = problem->by_item.rows;
	int64_t rows = 65536 / problem->params.factors + 1;
	int64_t chunks = (items + rows - 1) / rows;
	int64_t chunk;

	team_fail(team, explicit_mean(team->env, &problem->by_user, &model->mean));
	while ((chunk = team_claim(team, chunks)) >= 0)
		start_items(problem, chunk * rows, chunks_smaller((chunk + 1) * rows, items), model);
	return team_meet(team);
}

/* One iteration; the report is the same in every member. */
static CoreStatus
iterate(Team *team, const ExplicitProblem *problem, Work *work, ExplicitModel *model, Shared *shared,
		int32_t iteration, ExplicitReport *report)
{
	Sums *user_sums = shared->users[iteration & 1];
	Sums *item_sums = shared->items[iteration & 1];
	Half users = {.params = &problem->params,
				  .mean = model->mean,
				  .y = model->item_factors,
				  .c = model->item_bias,
				  .matrix = &problem->by_user,
				  .x = model->user_factors,
				  .b = model->user_bias};
	Half items = {.params = &problem->params,
				  .mean = model->mean,
				  .y = model->user_factors,
				  .c = model->user_bias,
				  .matrix = &problem->by_item,
				  .x = model->item_factors,
				  .b = model->item_bias};
	double errors = 0.0;
	double penalty = 0.0;
	CoreStatus status = solve_phase(team, &users, work, user_sums);

	if (status == CORE_OK)
		status = solve_phase(team, &items, work, item_sums);
	if (status != CORE_OK)
		return status;
	for (int chunk = 0; chunk < SOLVE_CHUNKS; chunk++)
	{
		errors += item_sums[chunk].loss - item_sums[chunk].penalty;
		penalty += item_sums[chunk].penalty + user_sums[chunk].penalty;
	}
	report->loss = errors + penalty;
	/* Errors of next to nothing may come out below it by rounding. */
	report->rmse = sqrt(fmax(errors, 0.0) / (double) csr_entries(&problem->by_user));
	return isfinite(report->loss) ? CORE_OK : CORE_NOT_FINITE;
}

/* All iterations, once there is memory. */
static CoreStatus
run_iterations(Team *team, const ExplicitProblem *problem, Work *work, ExplicitModel *model, Shared *shared,
			   ExplicitReport *report)
{
	const ExplicitParams *params = &problem->params;

	for (int32_t done = 1; done <= params->iterations; done++)
	{
		double before = report->loss;
		CoreStatus status = iterate(team, problem, work, model, shared, done, report);

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
explicit_als_train(Env *env, const ExplicitProblem *problem, ExplicitModel *model, void *shared,
				   ExplicitReport *report)
{
	Shared *common = shared;
	Team team = team_join(env, &common->team);
	Work work;
	CoreStatus opened = work_open(env, &problem->params, &work);
	CoreStatus status;

	*report = (ExplicitReport){.iterations = 0, .loss = NAN, .rmse = NAN};
	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&team, opened);
	status = start_phase(&team, problem, model);
	if (status == CORE_OK)
		status = run_iterations(&team, problem, &work, model, common, report);
	if (opened == CORE_OK)
		env->release(env, work.base);
	return status;
}

/* Split items [n x (factors + 1)] into y [n x factors] and c [n], and number the columns. */
static void
split_items(const float *items, int32_t factors, int32_t n, float *y, float *c, int32_t *col)
{
	for (int32_t k = 0; k < n; k++)
	{
		const float *item = items + (int64_t) k * (factors + 1);

		memcpy(y + (int64_t) k * factors, item, (size_t) factors * sizeof(float));
		c[k] = item[factors];
		col[k] = k;
	}
}

CoreStatus
explicit_fold_in(Env *env, const ExplicitParams *params, double mean, const float *items, float *ratings,
				 int32_t n, float *x, float *bias)
{
	size_t factors = (size_t) params->factors;
	int64_t start[2] = {0, n};
	float *y = env->alloc(env, ((size_t) n * (factors + 2) + 1) * sizeof(float));
	float *c = y + (size_t) n * factors;
	Csr one = {.rows = 1, .cols = n, .start = start, .col = (int32_t *) (c + n), .value = ratings};
	Half half = {.params = params, .mean = mean, .y = y, .c = c, .matrix = &one, .x = x, .b = bias};
	Sums sums = {0};
	Work work;
	CoreStatus status = y != NULL ? CORE_OK : CORE_NO_MEMORY;

	memset(x, 0, factors * sizeof(float));
	*bias = 0.0f;
	if (status == CORE_OK && n > 0)
	{
		split_items(items, params->factors, n, y, c, one.col);
		status = work_open(env, params, &work);
		if (status == CORE_OK)
		{
			status = solve_row(env, &half, &work, 0, &sums);
			env->release(env, work.base);
		}
	}
	if (y != NULL)
		env->release(env, y);
	return status;
}
