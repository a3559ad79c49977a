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
 *   1. Gram matrix of the item factors, by chunks of rows into shared memory; behind the barrier every member adds up the
 *      chunks in order
 *   2. where many rows are short: the leader finds the Gram matrix's eigenvectors, and the item factors are turned into
 *      their basis, in place, for nobody reads them again before phase 4 sets them anew
 *   3. user rows: every member claims chunks of rows, and turns its solutions back
 *   4. the same for the item rows from the user factors; behind the last iteration the latter are turned back
 *
 * How a row is assembled and solved: als_row.c, als_short.c.
 *
 * The loss costs nothing: at the solution of row i its share of the objective is W_i - b_i . y_i, so the item rows'
 * shares plus the users' penalty (taken down while the users were solved) make the whole.
 *
 * Same bytes for any number of members: chunk bounds follow from the sizes alone, a row is solved by one member from
 * shared numbers, and sums over chunks run in chunk order.
 *
 * Memory: shared, the chunks' Gram matrices (gram_sum.c), eigenvectors and the chunks' sums; each member, two matrices, the block and
 * some vectors, and where it decomposes some 24 f^2 bytes more.
 */
#include <math.h>
#include <string.h>

#include "als_row.h"
#include "als_short.h"
#include "chunks.h"
#include "gram_sum.h"
#include "../rng.h"
#include "../team.h"

#define SOLVE_CHUNKS 256
#define ROTATE_ROWS 1024 /* in a chunk */

typedef struct AlsShared
{
	TeamShared team;
	double user_penalty[SOLVE_CHUNKS]; /* sum of (W_u + a0 n_items) |x_u|^2 by chunk of users */
	double item_loss[SOLVE_CHUNKS]; /* sum of W_i - b_i . y_i by chunk of items */
	float numbers[]; /* [als_spectrum_floats], the last spectrum; [gram_sum_shared_floats] */
} AlsShared;

/* One half of an iteration: the rows x of matrix from the other side's factors y. */
typedef struct Half
{
	AlsSide side;
	float *y; /* side.y */
	const Csr *matrix;
	float *x; /* [matrix->rows x factors] */
	bool rotated; /* y is left in another basis */
	double *penalty; /* [SOLVE_CHUNKS] sums for the loss; NULL where they are not wanted */
	double *loss; /* the same */
} Half;

size_t
als_shared_bytes(const AlsParams *params, int32_t users, int32_t items)
{
	size_t gram =
		bytes_times(gram_sum_shared_floats(params->factors, users > items ? users : items), sizeof(float));

	return bytes_plus(bytes_plus(sizeof(AlsShared), als_spectrum_floats(params) * sizeof(float)), gram);
}

/* A member's arrays as the Gram matrix' sum takes them. */
static GramSum
sum_of(const AlsParams *params, const AlsWork *work)
{
	return (GramSum){.kernel = work->kernel,
					 .factors = work->factors,
					 .stride = work->stride,
					 .weight = params->unobserved_weight,
					 .block = work->block,
					 .square = work->normal,
					 .rhs = work->rhs};
}

CoreStatus
als_gram(Env *env, const AlsParams *params, const float *y, int32_t rows, float *gram)
{
	AlsWork work;
	GramSum sum;
	CoreStatus status = als_work_open(env, params, &work);

	if (status != CORE_OK)
		return status;
	sum = sum_of(params, &work);
	status = gram_sum_alone(env, &sum, y, rows, work.gram);
	if (status == CORE_OK)
	{
		for (int64_t at = 0; at < (int64_t) params->factors * params->factors; at++)
		{
			int64_t row = at / params->factors;
			int64_t col = at % params->factors;

			gram[at] = work.gram[row < col ? row * work.stride + col : col * work.stride + row];
		}
	}
	als_work_close(env, &work);
	return status;
}

CoreStatus
als_fold_in(Env *env, const AlsParams *params, const float *item_factors, int32_t n_items, const float *gram,
			const int32_t *items, const float *weights, int32_t n, float *x)
{
	size_t row = (size_t) params->factors * sizeof(float);
	AlsSide side = {.params = params, .y = item_factors, .n = n_items};
	AlsWork work;
	AlsRowFit fit;
	CoreStatus status;

	if (n == 0)
	{
		memset(x, 0, row);
		return CORE_OK;
	}
	status = als_work_open(env, params, &work);
	if (status != CORE_OK)
		return status;
	memset(work.gram, 0, (size_t) (work.stride * work.stride) * sizeof(float));
	for (int64_t j = 0; j < params->factors; j++)
		memcpy(work.gram + j * work.stride, gram + j * params->factors, row);
	status = als_row_solve(env, &side, &work, items, weights, n, x, &fit);
	als_work_close(env, &work);
	return status;
}

/* The rows of one chunk, and their sums. */
static CoreStatus
solve_chunk(Env *env, const Half *half, AlsWork *work, int64_t chunk)
{
	const Csr *matrix = half->matrix;
	int32_t factors = work->factors;
	int64_t fixed = factors / 3 + 24; /* the Cholesky factorisation, in entries */
	int32_t begin = chunks_begin(matrix, fixed, chunk, SOLVE_CHUNKS);
	int32_t end = chunks_begin(matrix, fixed, chunk + 1, SOLVE_CHUNKS);
	double pull = (double) half->side.params->unobserved_weight * half->side.n;
	double penalty = 0.0;
	double loss = 0.0;

	for (int32_t r = begin; r < end; r++)
	{
		int64_t entry = matrix->start[r];
		int64_t n = matrix->start[r + 1] - entry;
		float *row = half->x + (int64_t) r * factors;
		const float *weights = matrix->value != NULL ? matrix->value + entry : NULL;
		AlsRowFit fit = {0};
		CoreStatus status = CORE_OK;

		if (n > 0)
			status = als_row_solve(env, &half->side, work, matrix->col + entry, weights, n, row, &fit);
		else
			memset(row, 0, (size_t) factors * sizeof(float));
		if (status != CORE_OK)
			return status;
		penalty += (fit.weight + pull) * fit.norm2;
		loss += fit.weight - fit.explained;
	}
	if (half->penalty != NULL)
		half->penalty[chunk] = penalty;
	if (half->loss != NULL)
		half->loss[chunk] = loss;
	if (work->spectrum == NULL)
		return CORE_OK;
	return als_rotate(env, work, work->spectrum, true, half->x + (int64_t) begin * factors, end - begin);
}

/* A phase: rows [n x factors] into the basis of the shared spectrum, or back. */
static CoreStatus
rotate_phase(Team *team, AlsWork *work, const AlsShared *shared, bool back, float *rows, int64_t n)
{
	int64_t chunks = (n + ROTATE_ROWS - 1) / ROTATE_ROWS;
	int64_t chunk;

	while ((chunk = team_claim(team, chunks)) >= 0)
	{
		int64_t lo = chunk * ROTATE_ROWS;

		team_fail(team, als_rotate(team->env, work, shared->numbers, back, rows + lo * work->factors,
								   chunks_smaller(ROTATE_ROWS, n - lo)));
	}
	return team_meet(team);
}

/* Two phases: y goes into the basis where its Gram matrix is diagonal. */
static CoreStatus
spectrum_phases(Team *team, const Half *half, AlsWork *work, AlsShared *shared)
{
	CoreStatus status;

	if (team->env->leader)
		team_fail(team, als_spectrum_find(team->env, work, shared->numbers));
	status = team_meet(team);
	if (status != CORE_OK)
		return status;
	als_spectrum_use(work, shared->numbers);
	return rotate_phase(team, work, shared, false, half->y, half->side.n);
}

static CoreStatus
half_iteration(Team *team, const Half *half, AlsWork *work, AlsShared *shared)
{
	const AlsParams *params = half->side.params;
	GramSum sum = sum_of(params, work);
	int64_t chunk;
	CoreStatus status;

	als_spectrum_use(work, NULL);
	status = gram_sum_phase(team, &sum, half->y, half->side.n, shared->numbers + als_spectrum_floats(params),
							work->gram);
	if (status == CORE_OK && half->rotated)
		status = spectrum_phases(team, half, work, shared);
	if (status != CORE_OK)
		return status;
	while ((chunk = team_claim(team, SOLVE_CHUNKS)) >= 0)
		team_fail(team, solve_chunk(team->env, half, work, chunk));
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
		start_items(problem, chunk * rows, chunks_smaller((chunk + 1) * rows, items), y);
	return team_meet(team);
}

/* One iteration; *loss is the same in every member. */
static CoreStatus
iterate(Team *team, const Half halves[2], AlsWork *work, AlsShared *shared, double *loss)
{
	double fit = 0.0;
	double penalty = 0.0;

	for (int i = 0; i < 2; i++)
	{
		CoreStatus status = half_iteration(team, &halves[i], work, shared);

		if (status != CORE_OK)
			return status;
	}
	for (int chunk = 0; chunk < SOLVE_CHUNKS; chunk++)
	{
		fit += shared->item_loss[chunk];
		penalty += shared->user_penalty[chunk];
	}
	*loss = fit + halves[0].side.params->regularization * penalty;
	return isfinite(*loss) ? CORE_OK : CORE_NOT_FINITE;
}

static Half
half_of(const AlsParams *params, const Csr *matrix, float *y, float *x)
{
	return (Half){.side = {.params = params, .y = y, .n = matrix->cols},
				  .y = y,
				  .matrix = matrix,
				  .x = x,
				  .rotated = als_spectrum_pays(params, matrix)};
}

/* All iterations, once there is memory. */
static CoreStatus
run_iterations(Team *team, const AlsProblem *problem, AlsWork *work, AlsModel *model, AlsShared *shared,
			   AlsReport *report)
{
	const AlsParams *params = &problem->params;
	Half halves[2] = {half_of(params, &problem->by_user, model->item_factors, model->user_factors),
					  half_of(params, &problem->by_item, model->user_factors, model->item_factors)};

	halves[0].penalty = shared->user_penalty;
	halves[1].loss = shared->item_loss;
	for (int32_t done = 1; done <= params->iterations; done++)
	{
		double before = report->loss;
		CoreStatus status = iterate(team, halves, work, shared, &report->loss);

		if (status != CORE_OK)
			return status;
		report->iterations = done;
		if (team->env->leader)
			team->env->progress(team->env, done, params->iterations, report->loss);
		if (params->tolerance > 0 && done > 1 && before - report->loss < params->tolerance * before)
			break;
	}
	if (!halves[1].rotated)
		return CORE_OK;
	return rotate_phase(team, work, shared, true, model->user_factors, problem->by_user.rows);
}

CoreStatus
als_train(Env *env, const AlsProblem *problem, AlsModel *model, void *shared, AlsReport *report)
{
	AlsShared *common = shared;
	Team team = team_join(env, &common->team);
	AlsWork work;
	CoreStatus opened = als_work_open(env, &problem->params, &work);
	CoreStatus status;

	*report = (AlsReport){.iterations = 0, .loss = NAN};
	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&team, opened);
	status = start_phase(&team, problem, model->item_factors);
	if (status == CORE_OK)
		status = run_iterations(&team, problem, &work, model, common, report);
	if (opened == CORE_OK)
		als_work_close(env, &work);
	return status;
}
