/*
 * cg.c - implicit alternating least squares by conjugate gradients and by a team
 *
 * A row's system of equations is that of als.c: A x = b with
 *
 *   A = a0 Y'Y  +  sum over the row's entries of w y y'  +  reg (W + a0 n) I,   b = sum of w y.
 *
 * It is not solved but improved: CG_STEPS steps of conjugate gradients from the row's values of the iteration before (from
 * zero in the first), at n f + f^2 multiplications a step instead of n f^2 + f^3 / 3 in all.  A is never built: a sweep over
 * the row's entries takes y.v and adds its multiple of y while y is at hand.  Up to BLOCK entries are gathered once for all
 * sweeps, into the level-two cache; of longer rows each sweep gathers block by block.
 *
 * Phases of an iteration, with a barrier after each: Gram matrix of the items by chunks; user rows; Gram matrix of the
 * users; item rows.
 *
 * The loss costs nothing here either.  Row i's share of the objective is W + F(x), F(x) = x'Ax - 2 b'x.  With the residual
 * r = b - A x at the start, F = -x.r - b.x, where b.x is the sum of w y.x that the first sweep brings; each step of length
 * alpha takes alpha r.r from it.
 *
 * Same bytes for any number of members: chunk bounds follow from the sizes alone, a row is done by one member, and sums
 * over chunks run in chunk order.
 *
 * Memory: shared, the chunks' Gram matrices (gram_sum.c) and the chunks' sums; each member, a matrix, the block and four
 * vectors.
 */
#include "cg.h"

#include <math.h>
#include <string.h>

#include "cg_kernel.h"
#include "chunks.h"
#include "gram_sum.h"
#include "../rng.h"
#include "../team.h"

#define BLOCK                                                                                                \
	1024 /* entries gathered at a time: 256 kB of 64 factors; no less than GRAM_BLOCK and the most factors */
#define STRETCH 64 /* entries gathered and swept at once; divides BLOCK */
#define SOLVE_CHUNKS 256

typedef struct Shared
{
	TeamShared team;
	double user_penalty[SOLVE_CHUNKS]; /* sum of (W_u + a0 n_items) |x_u|^2 by chunk of users */
	double item_loss[SOLVE_CHUNKS]; /* sum of W_i + F(y_i) by chunk of items */
	float gram[]; /* [gram_sum_shared_floats] */
} Shared;

/* What one member works with; padded to stride with zeros. */
typedef struct Work
{
	const CgKernel *kernel;
	int32_t factors;
	int32_t stride;
	float *gram; /* [stride x stride] a0 Y'Y, symmetric */
	float *x; /* [stride] the row */
	float *residual; /* [stride] b - A x */
	float *direction; /* [stride] */
	float *product; /* [stride] A direction */
	float *block; /* [BLOCK x stride] gathered rows of the other side */
	float *weights; /* [BLOCK] of the gathered rows; zero for those that fill up to a multiple of CG_ROWS */
} Work;

/* One side as the other side's rows see it, and those rows. */
typedef struct Half
{
	const AlsParams *params;
	const float *y; /* [matrix->cols x factors] fixed */
	const Csr *matrix;
	float *x; /* [matrix->rows x factors] to be improved */
} Half;

/* A row's entries. */
typedef struct Row
{
	const int32_t *cols; /* [n] */
	const float *weights; /* [n]; NULL: all 1 */
	int64_t n;
	double weight; /* W */
	float diagonal; /* reg (W + a0 n) */
} Row;

static int32_t
stride_of(int32_t factors)
{
	return (factors + CG_LANES - 1) / CG_LANES * CG_LANES;
}

size_t
cg_shared_bytes(const AlsParams *params, int32_t users, int32_t items)
{
	size_t gram = gram_sum_shared_floats(params->factors, users > items ? users : items);

	return bytes_plus(sizeof(Shared), bytes_times(gram, sizeof(float)));
}

size_t
cg_member_bytes(const AlsParams *params)
{
	size_t stride = (size_t) stride_of(params->factors);

	return bytes_times(stride * (stride + 4 + BLOCK) + BLOCK, sizeof(float));
}

static CoreStatus
work_open(Env *env, const AlsParams *params, Work *work)
{
	size_t stride = (size_t) stride_of(params->factors);
	float *memory = env->alloc(env, cg_member_bytes(params));

	if (memory == NULL)
		return CORE_NO_MEMORY;
	memset(memory, 0, cg_member_bytes(params));
	*work = (Work){.kernel = cg_kernel(),
				   .factors = params->factors,
				   .stride = (int32_t) stride,
				   .gram = memory,
				   .x = memory + stride * stride,
				   .residual = memory + stride * (stride + 1),
				   .direction = memory + stride * (stride + 2),
				   .product = memory + stride * (stride + 3),
				   .block = memory + stride * (stride + 4),
				   .weights = memory + stride * (stride + 4 + BLOCK)};
	return CORE_OK;
}

/* A phase: work->gram of the half's fixed side, both triangles.  The block is room enough: nothing is gathered yet. */
static CoreStatus
gram_phase(Team *team, const Half *half, Shared *shared, Work *work)
{
	int64_t stride = work->stride;
	GramSum sum = {.kernel = gram_kernel(),
				   .factors = work->factors,
				   .stride = stride,
				   .weight = half->params->unobserved_weight,
				   .block = work->block,
				   .square = work->block + GRAM_BLOCK * stride,
				   .rhs = work->x};
	CoreStatus status = gram_sum_phase(team, &sum, half->y, half->matrix->cols, shared->gram, work->gram);

	for (int64_t row = 0; status == CORE_OK && row < stride; row++)
	{
		for (int64_t col = row + 1; col < stride; col++)
			work->gram[col * stride + row] = work->gram[row * stride + col];
	}
	return status;
}

static double
dot(const float *a, const float *b, int32_t n)
{
	double sums[4] = {0};

	for (int32_t j = 0; j < n; j += 4)
	{
		for (int lane = 0; lane < 4; lane++)
			sums[lane] += (double) a[j + lane] * b[j + lane];
	}
	return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* Entries lo .. lo + n - 1 of the row into the block's rows from `at` on; returns n rounded up to CG_ROWS. */
static int64_t
gather(const Half *half, const Work *work, const Row *row, int64_t lo, int64_t n, int64_t at)
{
	float *weights = work->weights + at;
	int64_t padded = (n + CG_ROWS - 1) / CG_ROWS * CG_ROWS;

	work->kernel->gather(half->y, work->factors, row->cols + lo, n, work->block + at * work->stride,
						 work->stride);
	for (int64_t e = 0; e < n; e++)
		weights[e] = row->weights != NULL ? row->weights[lo + e] : 1.0f;
	for (int64_t e = n; e < padded; e++)
		weights[e] = 0.0f;
	memset(work->block + (at + n) * work->stride, 0, (size_t) ((padded - n) * work->stride) * sizeof(float));
	return padded;
}

/* The row's sweep, its rows gathered stretch by stretch and swept while they are in the level-one cache. */
static CoreStatus
gather_and_sweep(Env *env, const Half *half, const Work *work, const Row *row, float target, const float *v,
				 float *out, double *explained)
{
	for (int64_t lo = 0; lo < row->n; lo += STRETCH)
	{
		int64_t at = lo % BLOCK;
		int64_t n = gather(half, work, row, lo, chunks_smaller(STRETCH, row->n - lo), at);

		if (at == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		*explained += work->kernel->sweep(work->block + at * work->stride, work->stride, work->weights + at,
										  n, target, v, out);
	}
	return CORE_OK;
}

/*
 * out [stride] = sum of w (target - y.v) y  -  (a0 Y'Y + diagonal I) v; *explained: the sum of w y.v.  gathered: the block
 * holds the row.
 */
static CoreStatus
apply(Env *env, const Half *half, const Work *work, const Row *row, bool gathered, float target,
	  const float *v, float *out, double *explained)
{
	*explained = 0.0;
	work->kernel->gram_times(work->gram, work->stride, v, out);
	for (int32_t j = 0; j < work->stride; j++)
		out[j] = -out[j] - row->diagonal * v[j];
	if (!gathered)
		return gather_and_sweep(env, half, work, row, target, v, out, explained);
	*explained = work->kernel->sweep(work->block, work->stride, work->weights,
									 (row->n + CG_ROWS - 1) / CG_ROWS * CG_ROWS, target, v, out);
	return CORE_OK;
}

/* Steps from work->x; *objective: F at the end. */
static CoreStatus
improve(Env *env, const Half *half, Work *work, const Row *row, double *objective)
{
	size_t bytes = (size_t) work->stride * sizeof(float);
	double explained;
	double squares;
	CoreStatus status = apply(env, half, work, row, false, 1.0f, work->x, work->residual, &explained);

	*objective = -dot(work->x, work->residual, work->stride) - explained;
	squares = dot(work->residual, work->residual, work->stride);
	memcpy(work->direction, work->residual, bytes);
	for (int step = 0; status == CORE_OK && step < CG_STEPS && squares > 1e-20; step++)
	{
		double curvature;
		double next;
		double alpha;

		status =
			apply(env, half, work, row, row->n <= BLOCK, 0.0f, work->direction, work->product, &explained);
		curvature = -dot(work->direction, work->product, work->stride);
		/* Rounding alone takes it to zero: nothing is left to gain. */
		if (curvature <= 0.0)
			break;
		alpha = squares / curvature;
		for (int32_t j = 0; j < work->stride; j++)
		{
			work->x[j] += (float) alpha * work->direction[j];
			work->residual[j] += (float) alpha * work->product[j];
		}
		*objective -= alpha * squares;
		next = dot(work->residual, work->residual, work->stride);
		for (int32_t j = 0; j < work->stride; j++)
			work->direction[j] = work->residual[j] + (float) (next / squares) * work->direction[j];
		squares = next;
	}
	return status == CORE_OK && !isfinite(*objective + squares) ? CORE_NOT_FINITE : status;
}

/* The rows of one chunk; *penalty and *loss receive the chunk's sums. */
static CoreStatus
solve_chunk(Env *env, const Half *half, Work *work, int64_t chunk, double *penalty, double *loss)
{
	const Csr *matrix = half->matrix;
	int64_t fixed = work->factors / 4 + 4; /* the Gram matrix' part, in entries */
	double pull = (double) half->params->unobserved_weight * matrix->cols;
	size_t bytes = (size_t) work->factors * sizeof(float);
	int32_t end = chunks_begin(matrix, fixed, chunk + 1, SOLVE_CHUNKS);

	*penalty = 0.0;
	*loss = 0.0;
	for (int32_t r = chunks_begin(matrix, fixed, chunk, SOLVE_CHUNKS); r < end; r++)
	{
		int64_t begin = matrix->start[r];
		Row row = {.cols = matrix->col + begin,
				   .weights = matrix->value != NULL ? matrix->value + begin : NULL,
				   .n = matrix->start[r + 1] - begin};
		float *x = half->x + (int64_t) r * work->factors;
		double objective;
		CoreStatus status;

		if (row.n == 0)
			continue; /* zero from the start */
		for (int64_t e = 0; e < row.n; e++)
			row.weight += row.weights != NULL ? row.weights[e] : 1.0;
		row.diagonal = (float) (half->params->regularization * (row.weight + pull));
		if (env->cancelled(env))
			return CORE_CANCELLED;
		memcpy(work->x, x, bytes);
		status = improve(env, half, work, &row, &objective);
		if (status != CORE_OK)
			return status;
		memcpy(x, work->x, bytes);
		*penalty += (row.weight + pull) * dot(work->x, work->x, work->stride);
		*loss += row.weight + objective;
	}
	return CORE_OK;
}

/* Two phases: the Gram matrix of the fixed side, the rows of the other. */
static CoreStatus
half_iteration(Team *team, const Half *half, Work *work, Shared *shared, double *penalty, double *loss)
{
	double unused;
	int64_t chunk;
	CoreStatus status = gram_phase(team, half, shared, work);

	if (status != CORE_OK)
		return status;
	while ((chunk = team_claim(team, SOLVE_CHUNKS)) >= 0)
	{
		team_fail(team, solve_chunk(team->env, half, work, chunk, penalty != NULL ? penalty + chunk : &unused,
									loss != NULL ? loss + chunk : &unused));
	}
	return team_meet(team);
}

/* Rows lo .. hi - 1, users before items, before the first iteration: users zero, items drawn as als.c draws them. */
static void
start_rows(const AlsProblem *problem, int64_t lo, int64_t hi, AlsModel *model)
{
	int64_t factors = problem->params.factors;
	int64_t users = problem->by_user.rows;
	double deviation = 0.1 / sqrt((double) factors);

	for (int64_t r = lo; r < hi; r++)
	{
		int64_t i = r - users;
		float *row = r < users ? model->user_factors + r * factors : model->item_factors + i * factors;
		bool empty = r < users || problem->by_item.start[i] == problem->by_item.start[i + 1];

		for (int64_t j = 0; j < factors; j++)
			row[j] = empty
						 ? 0.0f
						 : (float) (deviation * rng_normal(problem->params.seed, (uint64_t) i, (uint64_t) j));
	}
}

static CoreStatus
start_phase(Team *team, const AlsProblem *problem, AlsModel *model)
{
	int64_t all = (int64_t) problem->by_user.rows + problem->by_item.rows;
	int64_t rows = 65536 / problem->params.factors + 1;
	int64_t chunk;

	while ((chunk = team_claim(team, (all + rows - 1) / rows)) >= 0)
		start_rows(problem, chunk * rows, chunks_smaller((chunk + 1) * rows, all), model);
	return team_meet(team);
}

/* One iteration; *loss is the same in every member. */
static CoreStatus
iterate(Team *team, const AlsProblem *problem, Work *work, AlsModel *model, Shared *shared, double *loss)
{
	const AlsParams *params = &problem->params;
	Half users = {
		.params = params, .y = model->item_factors, .matrix = &problem->by_user, .x = model->user_factors};
	Half items = {
		.params = params, .y = model->user_factors, .matrix = &problem->by_item, .x = model->item_factors};
	double fit = 0.0;
	double penalty = 0.0;
	CoreStatus status = half_iteration(team, &users, work, shared, shared->user_penalty, NULL);

	if (status == CORE_OK)
		status = half_iteration(team, &items, work, shared, NULL, shared->item_loss);
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

static CoreStatus
run_iterations(Team *team, const AlsProblem *problem, Work *work, AlsModel *model, Shared *shared,
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
cg_train(Env *env, const AlsProblem *problem, AlsModel *model, void *shared, AlsReport *report)
{
	Shared *common = shared;
	Team team = team_join(env, &common->team);
	Work work;
	CoreStatus opened = work_open(env, &problem->params, &work);
	CoreStatus status;

	*report = (AlsReport){.iterations = 0, .loss = NAN};
	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&team, opened);
	status = start_phase(&team, problem, model);
	if (status == CORE_OK)
		status = run_iterations(&team, problem, &work, model, common, report);
	if (opened == CORE_OK)
		env->release(env, work.gram);
	return status;
}
