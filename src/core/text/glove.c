/*
 * glove.c - word vectors from counts of words near each other (Pennington, Socher & Manning 2014)
 *
 * The sum over pairs of words i, j of f(x) (w_i.v_j + b_i + c_j - log x)^2, x the sum of 1 / distance of their meetings,
 * f(x) = min(1, (x / x_max)^0.75), by AdaGrad as in the authors' program: each step goes into the squares with its learning
 * rate.  A word's vector is w + v.
 *
 * Counting: meetings are put into a list; when it is full it is sorted, and equal pairs become one.  Sums are whole numbers of
 * 2^-32, so they do not depend on when that happened.  Training: an epoch a phase, chunks of the list of pairs claimed in order.
 *
 * Memory: two lists of 16 bytes a pair, twice as many as there are different pairs; then 16 bytes a pair and four rows a word.
 */
#include "glove.h"

#include <math.h>
#include <string.h>

#include "../rng.h"
#include "../team.h"
#include "glove_kernel.h"

#define PAIRS 8192 /* in a chunk: some milliseconds */
#define ROWS 4096
#define FIXED 0x1p20 /* losses are added up in whole numbers */
#define UNIT 0x1p32 /* of sums of 1 / distance */

enum
{
	STREAM_ORDER = 1,
	STREAM_ROWS /* and the one after it: contexts */
};

typedef struct Shared
{
	TeamShared team;
	_Atomic int64_t loss[2]; /* of odd and even epochs */
} Shared;

/* ---- counting ---- */

/* Sort, and make one of equal pairs. */
static CoreStatus
merge(Env *env, RadixItem *items, RadixItem *scratch, int64_t *n)
{
	CoreStatus status = radix_sort(env, items, scratch, *n);
	int64_t kept = 0;

	if (status != CORE_OK)
		return status;
	for (int64_t i = 0; i < *n; i++)
	{
		if (i % (1 << 18) == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (kept > 0 && items[kept - 1].key == items[i].key)
			items[kept - 1].index += items[i].index;
		else
			items[kept++] = items[i];
	}
	*n = kept;
	return CORE_OK;
}

CoreStatus
glove_count(Env *env, const Corpus *corpus, int32_t window, RadixItem *items, RadixItem *scratch,
			int64_t room, int64_t *n)
{
	CoreStatus status;

	*n = 0;
	for (int64_t d = 0; d < corpus->docs; d++)
		for (int64_t at = corpus->start[d]; at < corpus->start[d + 1]; at++)
		{
			if (at % 4096 == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			if (*n + window > room)
			{
				if ((status = merge(env, items, scratch, n)) != CORE_OK)
					return status;
				if (*n > room / 2 || *n + window > room)
					return CORE_NO_MEMORY;
			}
			for (int64_t before = at - 1; before >= corpus->start[d] && before >= at - window; before--)
			{
				uint64_t a = (uint64_t) corpus->token[at];
				uint64_t b = (uint64_t) corpus->token[before];

				items[(*n)++] = (RadixItem){.key = a < b ? a << 32 | b : b << 32 | a,
											.index = (int64_t) (UNIT / (double) (at - before) + 0.5)};
			}
		}
	return merge(env, items, scratch, n);
}

CoreStatus
glove_pairs(Env *env, const GloveParams *params, const RadixItem *items, int64_t n, GlovePair *pairs)
{
	for (int64_t i = 0; i < n; i++)
	{
		/* The place is drawn among those so far, and who stood there goes to the end (Durstenfeld's shuffle, inside out). */
		int64_t at = (int64_t) (rng_uniform(params->seed, STREAM_ORDER, (uint64_t) i) * (double) (i + 1));
		double count = (double) items[i].index / UNIT;

		if (i % 65536 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		pairs[i] = pairs[at];
		pairs[at] =
			(GlovePair){.word = (int32_t) (items[i].key >> 32),
						.other = (int32_t) (items[i].key & UINT32_MAX),
						.log_count = (float) log(count),
						.weight = count < params->x_max ? (float) pow(count / params->x_max, 0.75) : 1.0f};
	}
	return CORE_OK;
}

/* ---- training ---- */

int64_t
glove_stride(int32_t dim)
{
	return ((int64_t) dim + GLOVE_LANES - 1) / GLOVE_LANES * GLOVE_LANES + GLOVE_LANES;
}

size_t
glove_shared_bytes(void)
{
	return sizeof(Shared);
}

/* Evenly within 1 / (2 dim) of 0, biases too; squares begin at 1.  What pads a row stays 0. */
static void
draw_rows(Team *team, const GloveProblem *problem)
{
	int32_t dim = problem->params.dim;
	int64_t stride = glove_stride(dim);
	int64_t chunks = ((int64_t) problem->words + ROWS - 1) / ROWS;

	for (int64_t chunk; (chunk = team_claim(team, 2 * chunks)) >= 0;)
	{
		int role = (int) (chunk % 2);
		int64_t from = chunk / 2 * ROWS;

		for (int64_t w = from; w < from + ROWS && w < problem->words; w++)
			for (int64_t d = 0; d < stride; d++)
			{
				bool used = d < dim || d == stride - GLOVE_LANES;
				uint64_t cell = (uint64_t) (w * stride + d);
				double u = rng_uniform(problem->params.seed, STREAM_ROWS + (uint64_t) role, cell);

				problem->rows[role][w * stride + d] = used ? (float) ((u - 0.5) / dim) : 0.0f;
				problem->squares[role][w * stride + d] = 1;
			}
	}
}

static CoreStatus
run_epoch(Team *team, const GloveProblem *problem, Shared *head, GloveKernel kernel, int32_t epoch,
		  double *loss)
{
	double sum = 0;
	CoreStatus status;

	for (int64_t chunk; (chunk = team_claim(team, (problem->n + PAIRS - 1) / PAIRS)) >= 0;)
	{
		int64_t from = chunk * PAIRS;

		sum += kernel(problem, problem->pairs + from, problem->n - from < PAIRS ? problem->n - from : PAIRS);
	}
	if (isfinite(sum) && sum < 0x1p42)
		atomic_fetch_add(&head->loss[epoch & 1], (int64_t) (sum * FIXED));
	else
		team_fail(team, CORE_NOT_FINITE);
	if ((status = team_meet(team)) != CORE_OK)
		return status;
	*loss = (double) head->loss[epoch & 1] / FIXED / (double) problem->n;
	if (team->env->leader)
		team->env->progress(team->env, epoch + 1, problem->params.epochs, *loss);
	return CORE_OK;
}

CoreStatus
glove_train(Env *env, const GloveProblem *problem, void *shared, double *loss)
{
	Shared *head = shared;
	Team team = team_join(env, &head->team);
	GloveKernel kernel = glove_kernel();
	CoreStatus status;

	*loss = NAN;
	draw_rows(&team, problem);
	if ((status = team_meet(&team)) != CORE_OK)
		return status;
	for (int32_t epoch = 0; epoch < problem->params.epochs; epoch++)
	{
		/* Behind the barrier nobody reads the sum of the epoch before the last one any more, nor adds to it yet. */
		if (env->leader)
			atomic_store(&head->loss[epoch & 1], 0);
		if ((status = team_meet(&team)) != CORE_OK ||
			(status = run_epoch(&team, problem, head, kernel, epoch, loss)) != CORE_OK)
			return status;
	}
	return CORE_OK;
}

CoreStatus
glove_vectors(Env *env, const GloveProblem *problem, float *vectors)
{
	int32_t dim = problem->params.dim;
	int64_t stride = glove_stride(dim);

	for (int64_t w = 0; w < problem->words; w++)
	{
		if (w % 4096 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t d = 0; d < dim; d++)
		{
			vectors[w * dim + d] = problem->rows[0][w * stride + d] + problem->rows[1][w * stride + d];
			if (!isfinite(vectors[w * dim + d]))
				return CORE_NOT_FINITE;
		}
	}
	return CORE_OK;
}
