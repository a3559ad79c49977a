/*
 * sgd.c - explicit ratings by stochastic gradients, by a team, with the same answer for any number of members
 *
 * Users and items are parted into PARTS parts each, drawn by the seed, which cuts the ratings into PARTS x PARTS blocks.
 * Blocks that share neither users nor items can be worked on at the same time: LIBMF hands out such blocks as threads
 * become free, so that its answer depends on who was fast.  Here the blocks of an iteration are taken in PARTS rounds of
 * PARTS blocks, each round a diagonal of the grid under an order of its own, with a barrier after each: within a round it
 * does not matter who takes which block.  Phases:
 *
 *   0. the leader gives each user and item a row, the rows of a part side by side
 *   1. by parts of users: ratings are put into blocks, each block shuffled; by chunks: rows are drawn
 *   2. rounds of blocks; in the first iteration only the first SGD_LANES factors learn
 *   3. by chunks: rows back into the model's arrays
 *
 * Ratings are taken less their mean and in units of their standard deviation, so that one learning rate serves all
 * scales.  Each row has three sums of squared gradients, for the first SGD_LANES factors, the others (both as means) and
 * the bias, from which the rates come (LIBMF's reduced AdaGrad).  A step's penalty is the objective's share of one rating:
 * reg (n + prior) / n for factors, bias_reg / n for the bias.
 *
 * Memory, shared: 12 bytes a rating; a row of SGD_HEAD + factors floats and 4 bytes (items: 8) for each user and item.
 */
#include <math.h>
#include <string.h>

#include "chunks.h"
#include "sgd.h"
#include "sgd_kernel.h"
#include "../rng.h"
#include "../team.h"

#define PARTS 16
#define STRETCH 4096 /* ratings between two looks at the cancel flag */
#define ROWS 1024 /* in a chunk */

/* Streams of the seed. */
enum
{
	STREAM_USER_PART = 1,
	STREAM_ITEM_PART,
	STREAM_USER_FACTORS,
	STREAM_ITEM_FACTORS,
	STREAM_ROUNDS = 1000,
	STREAM_BLOCKS = 1000000000
};

typedef struct Shared
{
	TeamShared team;
	int64_t part_begin[PARTS + 1]; /* first rating of each part of users */
	int64_t block_begin[PARTS * PARTS + 1]; /* of each block, parts of users first */
	/* Squared errors by block, of odd and even iterations: some may be in the next while others still add up. */
	double squares[2][PARTS * PARTS];
} Shared;

/* Where everything stands in shared memory. */
typedef struct View
{
	Shared *head;
	int32_t *user_row; /* [users] */
	int32_t *item_row; /* [items] */
	int32_t *item_count; /* [items] ratings */
	float *users; /* [users x stride] */
	float *items; /* [items x stride] */
	SgdRating *ratings; /* [ratings] by block */
} View;

typedef struct Training
{
	Team team;
	const ExplicitProblem *problem;
	ExplicitModel *model;
	View view;
	int64_t stride;
	double mean;
	double scale; /* standard deviation of the ratings; 1 when that is 0 */
	SgdKernel kernel;
} Training;

static int64_t
stride_of(const ExplicitParams *params)
{
	return SGD_HEAD + (params->factors + SGD_LANES - 1) / SGD_LANES * SGD_LANES;
}

/* Lays out shared memory; returns its bytes. */
static size_t
lay_out(const ExplicitParams *params, int32_t users, int32_t items, int64_t ratings, char *memory, View *view)
{
	size_t row = (size_t) stride_of(params) * sizeof(float);
	size_t sizes[7] = {sizeof(Shared),
					   bytes_times((size_t) users, sizeof(int32_t)),
					   bytes_times((size_t) items, sizeof(int32_t)),
					   bytes_times((size_t) items, sizeof(int32_t)),
					   bytes_times((size_t) users, row),
					   bytes_times((size_t) items, row),
					   bytes_times((size_t) ratings, sizeof(SgdRating))};
	size_t at[8] = {0};

	for (int i = 0; i < 7; i++)
		at[i + 1] = bytes_plus(at[i], sizes[i]);
	if (view != NULL)
	{
		view->head = (Shared *) memory;
		view->user_row = (int32_t *) (memory + at[1]);
		view->item_row = (int32_t *) (memory + at[2]);
		view->item_count = (int32_t *) (memory + at[3]);
		view->users = (float *) (memory + at[4]);
		view->items = (float *) (memory + at[5]);
		view->ratings = (SgdRating *) (memory + at[6]);
	}
	return at[7];
}

size_t
sgd_shared_bytes(const ExplicitParams *params, int32_t users, int32_t items, int64_t ratings)
{
	return lay_out(params, users, items, ratings, NULL, NULL);
}

size_t
sgd_member_bytes(const ExplicitParams *params)
{
	(void) params;
	return 0;
}

static uint32_t
part_of(const Training *t, uint64_t stream, int32_t index)
{
	return rng_below(t->problem->params.seed, stream, (uint64_t) index, PARTS);
}

/* Mean and standard deviation of the ratings, by every member for itself. */
static CoreStatus
measure_ratings(Training *t)
{
	const Csr *ratings = &t->problem->by_user;
	int64_t n = csr_entries(ratings);
	double squares = 0.0;
	CoreStatus status = explicit_mean(t->team.env, ratings, &t->mean);

	for (int64_t lo = 0; status == CORE_OK && lo < n; lo += 16 * STRETCH)
	{
		if (t->team.env->cancelled(t->team.env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < chunks_smaller(lo + 16 * STRETCH, n); e++)
			squares += (ratings->value[e] - t->mean) * (ratings->value[e] - t->mean);
	}
	t->scale = squares > 0.0 ? sqrt(squares / (double) n) : 1.0;
	t->model->mean = t->mean;
	return status == CORE_OK && !isfinite(t->scale) ? CORE_NOT_FINITE : status;
}

/* row [n]: those of a part side by side, in order of index within it. */
static void
assign_rows(const Training *t, uint64_t stream, int32_t n, int32_t *row)
{
	int32_t next[PARTS + 1] = {0};

	for (int32_t i = 0; i < n; i++)
		next[part_of(t, stream, i) + 1]++;
	for (int part = 0; part < PARTS; part++)
		next[part + 1] += next[part];
	for (int32_t i = 0; i < n; i++)
		row[i] = next[part_of(t, stream, i)]++;
}

/* Phase 0, the leader's. */
static CoreStatus
assign_phase(Training *t)
{
	const Csr *ratings = &t->problem->by_user;
	Shared *head = t->view.head;

	assign_rows(t, STREAM_USER_PART, ratings->rows, t->view.user_row);
	assign_rows(t, STREAM_ITEM_PART, ratings->cols, t->view.item_row);
	for (int32_t u = 0; u < ratings->rows; u++)
		head->part_begin[part_of(t, STREAM_USER_PART, u) + 1] += ratings->start[u + 1] - ratings->start[u];
	for (int part = 0; part < PARTS; part++)
		head->part_begin[part + 1] += head->part_begin[part];
	head->block_begin[PARTS * PARTS] = csr_entries(ratings);
	for (int64_t e = 0; e < csr_entries(ratings); e++)
	{
		if (e % (16 * STRETCH) == 0 && t->team.env->cancelled(t->team.env))
			return CORE_CANCELLED;
		t->view.item_count[ratings->col[e]]++;
	}
	return CORE_OK;
}

/* Put the ratings n of a block into an order drawn by the seed. */
static void
shuffle_block(const Training *t, int block, SgdRating *ratings, int64_t n)
{
	uint64_t stream = STREAM_BLOCKS + (uint64_t) block;

	for (int64_t i = n - 1; i > 0; i--)
	{
		uint64_t random = rng_hash3(t->problem->params.seed, stream, (uint64_t) i);
		int64_t j = (int64_t) (((__uint128_t) random * (uint64_t) (i + 1)) >> 64);
		SgdRating swap = ratings[i];

		ratings[i] = ratings[j];
		ratings[j] = swap;
	}
}

/* Ratings of the part's users into blocks, from next [PARTS] on; NULL: count them in `count` instead. */
static CoreStatus
scatter_part(Training *t, uint32_t part, int64_t *count, int64_t *next)
{
	const Csr *ratings = &t->problem->by_user;
	int64_t work = 0;

	for (int32_t u = 0; u < ratings->rows; u++)
	{
		if (part_of(t, STREAM_USER_PART, u) != part)
			continue;
		for (int64_t e = ratings->start[u]; e < ratings->start[u + 1]; e++)
		{
			int32_t item = ratings->col[e];
			uint32_t item_part = part_of(t, STREAM_ITEM_PART, item);

			if (++work % STRETCH == 0 && team_stopped(&t->team))
				return CORE_CANCELLED;
			if (next == NULL)
				count[item_part]++;
			else
				t->view.ratings[next[item_part]++] =
					(SgdRating){.user = t->view.user_row[u],
								.item = t->view.item_row[item],
								.value = (float) ((ratings->value[e] - t->mean) / t->scale)};
		}
	}
	return CORE_OK;
}

/* The blocks of one part of users. */
static CoreStatus
fill_part(Training *t, uint32_t part)
{
	int64_t *begin = t->view.head->block_begin + part * PARTS;
	int64_t count[PARTS] = {0};
	int64_t next[PARTS];
	int64_t at = t->view.head->part_begin[part];
	CoreStatus status = scatter_part(t, part, count, NULL);

	for (int item_part = 0; item_part < PARTS; item_part++)
	{
		begin[item_part] = at;
		next[item_part] = at;
		at += count[item_part];
	}
	if (status == CORE_OK)
		status = scatter_part(t, part, NULL, next);
	for (uint32_t item_part = 0; status == CORE_OK && item_part < PARTS; item_part++)
	{
		if (team_stopped(&t->team))
			return CORE_CANCELLED;
		shuffle_block(t, (int) (part * PARTS + item_part), t->view.ratings + begin[item_part],
					  count[item_part]);
	}
	return status;
}

/* A row before the first iteration: head, factors, padding. */
static void
start_row(const Training *t, uint64_t stream, int32_t index, int64_t count, float *row)
{
	const ExplicitParams *params = &t->problem->params;
	double deviation = 0.1 / sqrt((double) params->factors);
	double n = count > 0 ? (double) count : 1.0;

	memset(row, 0, (size_t) t->stride * sizeof(float));
	row[SGD_SLOW] = row[SGD_FAST] = row[SGD_BIAS_SUM] = 1.0f;
	row[SGD_PENALTY] = (float) (params->regularization / t->scale * (n + params->prior) / n);
	row[SGD_BIAS_PENALTY] = (float) (params->bias_regularization / n);
	for (int32_t j = 0; count > 0 && j < params->factors; j++)
	{
		uint64_t at = (uint64_t) index * (uint64_t) params->factors + (uint64_t) j;

		row[SGD_HEAD + j] = (float) (deviation * rng_normal(params->seed, stream, at));
	}
}

/* Rows lo .. hi - 1 of users and items, numbered one after the other. */
static void
start_rows(const Training *t, int64_t lo, int64_t hi)
{
	const Csr *ratings = &t->problem->by_user;

	for (int64_t r = lo; r < hi; r++)
	{
		int32_t u = (int32_t) r;
		int32_t i = (int32_t) (r - ratings->rows);

		if (r < ratings->rows)
			start_row(t, STREAM_USER_FACTORS, u, ratings->start[u + 1] - ratings->start[u],
					  t->view.users + t->view.user_row[u] * t->stride);
		else
			start_row(t, STREAM_ITEM_FACTORS, i, t->view.item_count[i],
					  t->view.items + t->view.item_row[i] * t->stride);
	}
}

static int64_t
row_chunks(const Training *t)
{
	return ((int64_t) t->problem->by_user.rows + t->problem->by_user.cols + ROWS - 1) / ROWS;
}

static int64_t
chunk_end(const Training *t, int64_t chunk)
{
	int64_t rows = (int64_t) t->problem->by_user.rows + t->problem->by_user.cols;

	return chunks_smaller((chunk + 1) * ROWS, rows);
}

/* Phase 1. */
static CoreStatus
start_phase(Training *t)
{
	int64_t chunk;

	while ((chunk = team_claim(&t->team, PARTS + row_chunks(t))) >= 0)
	{
		if (chunk < PARTS)
			team_fail(&t->team, fill_part(t, (uint32_t) chunk));
		else
			start_rows(t, (chunk - PARTS) * ROWS, chunk_end(t, chunk - PARTS));
	}
	return team_meet(&t->team);
}

/* Steps for all ratings of a block. */
static CoreStatus
run_block(Training *t, int block, int32_t iteration)
{
	const ExplicitParams *params = &t->problem->params;
	SgdStep step = {.users = t->view.users,
					.items = t->view.items,
					.stride = t->stride,
					.factors = params->factors,
					.learning_rate = params->learning_rate,
					.slow_only = iteration == 1};
	int64_t end = t->view.head->block_begin[block + 1];
	double squares = 0.0;

	for (int64_t lo = t->view.head->block_begin[block]; lo < end; lo += STRETCH)
	{
		if (team_stopped(&t->team))
			return CORE_CANCELLED;
		squares += t->kernel(&step, t->view.ratings + lo, chunks_smaller(STRETCH, end - lo));
	}
	t->view.head->squares[iteration & 1][block] = squares;
	return isfinite(squares) ? CORE_OK : CORE_NOT_FINITE;
}

/* order [PARTS]: 0 .. PARTS - 1 as drawn for an iteration. */
static void
draw_order(const Training *t, int32_t iteration, int *order)
{
	for (int i = 0; i < PARTS; i++)
		order[i] = i;
	for (int i = PARTS - 1; i > 0; i--)
	{
		int j = (int) rng_below(t->problem->params.seed, STREAM_ROUNDS + (uint64_t) iteration, (uint64_t) i,
								(uint32_t) i + 1);
		int swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
}

/* One iteration of phase 2; *loss is the same in every member. */
static CoreStatus
iterate(Training *t, int32_t iteration, double *loss)
{
	int order[PARTS];
	double squares = 0.0;

	draw_order(t, iteration, order);
	for (int round = 0; round < PARTS; round++)
	{
		int64_t part;
		CoreStatus status;

		while ((part = team_claim(&t->team, PARTS)) >= 0)
		{
			int block = (int) part * PARTS + order[(part + round) % PARTS];

			team_fail(&t->team, run_block(t, block, iteration));
		}
		status = team_meet(&t->team);
		if (status != CORE_OK)
			return status;
	}
	for (int block = 0; block < PARTS * PARTS; block++)
		squares += t->view.head->squares[iteration & 1][block];
	*loss = squares * t->scale * t->scale;
	return isfinite(*loss) ? CORE_OK : CORE_NOT_FINITE;
}

/* A row's bias and factors [factors] in the ratings' own scale. */
static CoreStatus
finish_row(const Training *t, const float *row, float *bias, float *factors)
{
	double root = sqrt(t->scale);
	bool finite;

	*bias = (float) (row[SGD_BIAS] * t->scale);
	finite = isfinite(*bias);
	for (int32_t j = 0; j < t->problem->params.factors; j++)
	{
		factors[j] = (float) (row[SGD_HEAD + j] * root);
		finite &= isfinite(factors[j]);
	}
	return finite ? CORE_OK : CORE_NOT_FINITE;
}

/* Phase 3. */
static CoreStatus
finish_phase(Training *t)
{
	int32_t users = t->problem->by_user.rows;
	int64_t factors = t->problem->params.factors;
	const View *view = &t->view;
	ExplicitModel *model = t->model;
	int64_t chunk;

	while ((chunk = team_claim(&t->team, row_chunks(t))) >= 0)
	{
		for (int64_t r = chunk * ROWS; r < chunk_end(t, chunk); r++)
		{
			int64_t i = r - users;

			if (r < users)
				team_fail(&t->team, finish_row(t, view->users + view->user_row[r] * t->stride,
											   model->user_bias + r, model->user_factors + r * factors));
			else
				team_fail(&t->team, finish_row(t, view->items + view->item_row[i] * t->stride,
											   model->item_bias + i, model->item_factors + i * factors));
		}
	}
	return team_meet(&t->team);
}

/* Phase 2. */
static CoreStatus
run_iterations(Training *t, ExplicitReport *report)
{
	const ExplicitParams *params = &t->problem->params;

	for (int32_t done = 1; done <= params->iterations; done++)
	{
		double before = report->loss;
		CoreStatus status = iterate(t, done, &report->loss);

		if (status != CORE_OK)
			return status;
		report->iterations = done;
		report->rmse = sqrt(report->loss / (double) csr_entries(&t->problem->by_user));
		if (t->team.env->leader)
			t->team.env->progress(t->team.env, done, params->iterations, report->loss);
		if (params->tolerance > 0 && done > 2 && before - report->loss < params->tolerance * before)
			break;
	}
	return CORE_OK;
}

CoreStatus
sgd_train(Env *env, const ExplicitProblem *problem, ExplicitModel *model, void *shared,
		  ExplicitReport *report)
{
	const Csr *ratings = &problem->by_user;
	Training t = {
		.problem = problem, .model = model, .stride = stride_of(&problem->params), .kernel = sgd_kernel()};
	CoreStatus status;

	*report = (ExplicitReport){.iterations = 0, .loss = NAN, .rmse = NAN};
	lay_out(&problem->params, ratings->rows, ratings->cols, csr_entries(ratings), shared, &t.view);
	t.team = team_join(env, &t.view.head->team);
	team_fail(&t.team, measure_ratings(&t));
	if (env->leader && !team_stopped(&t.team))
		team_fail(&t.team, assign_phase(&t));
	status = team_meet(&t.team);
	if (status == CORE_OK)
		status = start_phase(&t);
	if (status == CORE_OK)
		status = run_iterations(&t, report);
	return status == CORE_OK ? finish_phase(&t) : status;
}
