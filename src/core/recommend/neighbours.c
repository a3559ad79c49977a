/*
 * neighbours.c - the most similar rows of a sparse matrix, by sparse products row after row (Gustavson 1978)
 *
 * Phases, with a barrier after each:
 *
 *   1. the norm of each thing (its mean, for Pearson's correlation)
 *   2. for each thing: for each of its features, add what every other thing that has it contributes to one sum per thing;
 *      turn sums into similarities and keep the best in a heap
 *
 * Sums are of three kinds: counts where all values are 1 and features alone are counted, doubles, and the six moments of
 * Pearson's correlation.  A thing with many meetings leaves sums everywhere: the largest similarity of each block of 16 is
 * found by vectors (neighbours_kernel.c), and only blocks that reach what k others reach are looked at one by one; a thing
 * with few meetings leaves a list of the sums it has touched.
 * Either way the heap sees the same candidates, and its answer does not depend on their order.
 *
 * Same bytes for any number of members: a row's sums are added up by one member in the order of its features.  A member looks
 * at the cancel flag after STRETCH additions.
 *
 * Memory: shared, a double per thing; each member, the sums, the blocks' maxima, a list of touched sums, a heap.
 */
#include <math.h>
#include <string.h>

#include "../team.h"
#include "chunks.h"
#include "neighbours.h"
#include "neighbours_kernel.h"

#define ROWS 16 /* in a chunk of phase 2 */
#define NORM_ROWS 4096 /* in a chunk of phase 1 */
#define STRETCH 65536 /* additions between two looks at the cancel flag */
#define SPARSE 16 /* sums are listed when there are fewer meetings than things / SPARSE */
#define BIN_SHIFT                                                                                            \
	19 /* bits of a float, sign first, that are not looked at to find its bin: 16 bins to a power of two */
#define BINS 256 /* sixteen powers of two below the largest */
#define SLACK 1e-6f /* more than rounding makes up, relative */

typedef struct NeighboursShared
{
	TeamShared team;
	double norms[]; /* [things] */
} NeighboursShared;

/* Values of two things in the features that both have: x of the one asked about, y of the other, less their means. */
typedef struct Moments
{
	double n;
	double x;
	double y;
	double xx;
	double yy;
	double xy;
} Moments;

typedef enum SumKind
{
	COUNTS,
	SUMS,
	MOMENTS
} SumKind;

/* What one member works with. */
typedef struct Work
{
	Env *env;
	const NeighbourProblem *problem;
	const double *norms; /* [things] */
	const NeighboursKernel *kernel;
	int32_t things;
	SumKind kind;
	int32_t *counts; /* [things]; of the three the one of this kind, zero between rows */
	double *sums; /* [things] */
	Moments *moments; /* [things] */
	int32_t *touched; /* [touched_room] */
	int64_t n_touched; /* -1: the sums are scanned */
	float *maxima; /* [things / NEIGHBOURS_BLOCK] */
	int32_t *bins; /* [BINS] */
	TopEntry *heap; /* [width] */
	double norm; /* of the row in work */
	int32_t self; /* its index, or -1 */
} Work;

static SumKind
kind_of(const NeighbourProblem *problem)
{
	if (problem->similarity == NEIGHBOUR_PEARSON)
		return MOMENTS;
	return problem->rows.value == NULL && problem->features.value == NULL ? COUNTS : SUMS;
}

static size_t
sum_bytes(SumKind kind)
{
	return kind == COUNTS ? sizeof(int32_t) : kind == SUMS ? sizeof(double) : sizeof(Moments);
}

/* Entries that the list of touched sums has room for, and one for a step too far. */
static size_t
touched_room(SumKind kind, int32_t things)
{
	return (size_t) (kind == MOMENTS ? things : things / SPARSE) + 1;
}

size_t
neighbours_shared_bytes(int32_t things)
{
	return bytes_plus(sizeof(NeighboursShared), (size_t) things * sizeof(double));
}

size_t
neighbours_member_bytes(const NeighbourProblem *problem, int32_t width)
{
	SumKind kind = kind_of(problem);
	int32_t things = problem->features.cols;
	size_t sums = bytes_times((size_t) things, sum_bytes(kind));
	size_t lists = touched_room(kind, things) * sizeof(int32_t) + (size_t) width * sizeof(TopEntry);
	size_t scan = (size_t) things / NEIGHBOURS_BLOCK * sizeof(float) + BINS * sizeof(int32_t);

	return bytes_plus(bytes_plus(sums, 0), bytes_plus(lists, scan));
}

static CoreStatus
work_open(Env *env, const NeighbourProblem *problem, const double *norms, int32_t width, Work *work)
{
	char *memory = env->alloc(env, neighbours_member_bytes(problem, width));

	*work = (Work){.env = env,
				   .problem = problem,
				   .norms = norms,
				   .kernel = neighbours_kernel(),
				   .things = problem->features.cols,
				   .kind = kind_of(problem)};
	if (memory == NULL)
		return CORE_NO_MEMORY;
	work->counts = (int32_t *) memory;
	work->sums = (double *) memory;
	work->moments = (Moments *) memory;
	memset(memory, 0, (size_t) work->things * sum_bytes(work->kind));
	memory += bytes_plus((size_t) work->things * sum_bytes(work->kind), 0);
	work->heap = (TopEntry *) memory;
	work->bins = (int32_t *) (work->heap + width);
	work->maxima = (float *) (work->bins + BINS);
	work->touched = (int32_t *) (work->maxima + work->things / NEIGHBOURS_BLOCK);
	return CORE_OK;
}

static void
work_close(Env *env, Work *work)
{
	env->release(env, work->counts);
}

/* counts += 1 for entries lo .. hi - 1 of the features. */
static void
add_counts(Work *work, int64_t lo, int64_t hi)
{
	const int32_t *col = work->problem->features.col;
	int32_t *counts = work->counts;
	int64_t n = work->n_touched;

	if (n < 0)
	{
		for (int64_t e = lo; e < hi; e++)
			counts[col[e]]++;
		return;
	}
	for (int64_t e = lo; e < hi; e++)
	{
		work->touched[n] = col[e];
		n += counts[col[e]]++ == 0;
	}
	work->n_touched = n;
}

/* sums += x times the values of entries lo .. hi - 1.  A sum that comes back to zero is listed twice, which does no harm. */
static void
add_sums(Work *work, double x, int64_t lo, int64_t hi)
{
	const int32_t *col = work->problem->features.col;
	const float *value = work->problem->features.value;
	double *sums = work->sums;
	int64_t n = work->n_touched;

	if (n >= 0)
	{
		for (int64_t e = lo; e < hi; e++)
		{
			work->touched[n] = col[e];
			n += sums[col[e]] == 0.0;
			sums[col[e]] += x * (value != NULL ? (double) value[e] : 1.0);
		}
		work->n_touched = n;
	}
	else if (value != NULL)
	{
		for (int64_t e = lo; e < hi; e++)
			sums[col[e]] += x * value[e];
	}
	else
	{
		for (int64_t e = lo; e < hi; e++)
			sums[col[e]] += x;
	}
}

/* The moments of x, less its mean, and entries lo .. hi - 1. */
static void
add_moments(Work *work, double x, int64_t lo, int64_t hi)
{
	const Csr *features = &work->problem->features;

	for (int64_t e = lo; e < hi; e++)
	{
		int32_t thing = features->col[e];
		Moments *m = &work->moments[thing];
		double y = (features->value != NULL ? (double) features->value[e] : 1.0) - work->norms[thing];

		work->touched[work->n_touched] = thing;
		work->n_touched += m->n == 0.0;
		m->n += 1.0;
		m->x += x;
		m->y += y;
		m->xx += x * x;
		m->yy += y * y;
		m->xy += x * y;
	}
}

/* Add up what the history's features say of all things. */
static CoreStatus
add_history(Work *work, const NeighbourHistory *history)
{
	const int64_t *start = work->problem->features.start;
	int64_t meetings = 0;
	int64_t since = 0;

	for (int32_t h = 0; h < history->n; h++)
		meetings += start[history->features[h] + (int64_t) 1] - start[history->features[h]];
	work->n_touched = work->kind == MOMENTS || meetings < work->things / SPARSE ? 0 : -1;
	for (int32_t h = 0; h < history->n; h++)
	{
		int64_t end = start[history->features[h] + (int64_t) 1];
		double x = history->values != NULL ? (double) history->values[h] : 1.0;

		for (int64_t lo = start[history->features[h]]; lo < end;)
		{
			int64_t hi = chunks_smaller(lo + STRETCH - since, end);

			if (work->kind == COUNTS)
				add_counts(work, lo, hi);
			else if (work->kind == SUMS)
				add_sums(work, x, lo, hi);
			else
				add_moments(work, x - work->norm, lo, hi);
			since += hi - lo;
			lo = hi;
			if (since < STRETCH)
				continue;
			if (work->env->cancelled(work->env))
				return CORE_CANCELLED;
			since = 0;
		}
	}
	return CORE_OK;
}

/* Pearson's correlation, shrunk; 0 where one side does not vary, or by no more than rounding. */
static double
correlation(const Moments *m, double shrinkage)
{
	double xx = m->n * m->xx - m->x * m->x;
	double yy = m->n * m->yy - m->y * m->y;

	if (!(xx > 1e-12 * m->n * m->xx && yy > 1e-12 * m->n * m->yy))
		return 0.0;
	return (m->n * m->xy - m->x * m->y) / sqrt(xx) / sqrt(yy) * (m->n / (m->n + shrinkage));
}

/* The similarity of thing i, whose sum is taken and cleared. */
static double
take_similarity(Work *work, int32_t i)
{
	double shrinkage = work->problem->shrinkage;
	double sum;

	if (work->kind == MOMENTS)
	{
		double r = correlation(&work->moments[i], shrinkage);

		work->moments[i] = (Moments){0};
		return r;
	}
	if (work->kind == COUNTS)
	{
		sum = work->counts[i];
		work->counts[i] = 0;
	}
	else
	{
		sum = work->sums[i];
		work->sums[i] = 0.0;
	}
	if (!(sum > 0.0))
		return 0.0;
	if (work->problem->similarity != NEIGHBOUR_COSINE)
		shrinkage = 0.0;
	return sum / (work->norm * work->norms[i] + shrinkage);
}

/* Thing i is offered to the heap.  False when its similarity is no finite float. */
static inline bool
offer_thing(Work *work, int32_t i, TopK *top)
{
	float score = (float) take_similarity(work, i);

	if (score > 0.0f && i != work->self && topk_wants(top, score, i))
		topk_push(top, score, i);
	return isfinite(score) != 0;
}

/* The first bits of a float that is not below zero: they are in its order. */
static inline int32_t
first_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return (int32_t) (bits >> BIN_SHIFT);
}

/*
 * A similarity that k of the blocks reach, hence k things: the lower edge of a bin, less what rounding makes up.  0 when
 * there are no k blocks, or the k-th is smaller than the largest by more powers of two than there are bins for.
 */
static float
limit_of(Work *work, int32_t blocks, int32_t k)
{
	int32_t highest = 0;
	int32_t reached = 0;
	int32_t bin = 0;
	uint32_t bits;
	float edge;

	for (int32_t b = 0; b < blocks; b++)
	{
		int32_t first = first_bits(work->maxima[b]);

		highest = first > highest ? first : highest;
	}
	memset(work->bins, 0, BINS * sizeof(int32_t));
	for (int32_t b = 0; b < blocks; b++)
	{
		int32_t below = highest - first_bits(work->maxima[b]);

		work->bins[below < BINS ? below : BINS - 1]++;
	}
	while (bin < BINS - 1 && (reached += work->bins[bin]) < k)
		bin++;
	if (bin == BINS - 1 || bin >= highest)
		return 0.0f;
	bits = (uint32_t) (highest - bin) << BIN_SHIFT;
	memcpy(&edge, &bits, sizeof(edge));
	/* Near the least float rounding is coarser than the slack. */
	return edge > 1e-30f ? edge * (1.0f - SLACK) : 0.0f;
}

/* Does thing i reach the limit, as near as a product tells what a quotient would? */
static inline bool
may_reach(const Work *work, const NeighboursNorms *norms, int32_t i, double limit)
{
	double sum = work->kind == COUNTS ? (double) work->counts[i] : work->sums[i];

	return sum > 0.0 && sum >= limit * (norms->norm * norms->norms[i] + norms->shrinkage);
}

/* All sums; they are left at zero. */
static CoreStatus
offer_all(Work *work, TopK *top)
{
	const NeighboursKernel *kernel = work->kernel;
	NeighboursNorms norms = {.norms = work->norms, .norm = work->norm};
	int32_t group = kernel->lanes * NEIGHBOURS_BLOCK;
	int32_t n = work->things / group * group;
	int32_t blocks = n / NEIGHBOURS_BLOCK;
	bool finite;
	float limit;
	double bound;

	if (work->problem->similarity == NEIGHBOUR_COSINE)
		norms.shrinkage = work->problem->shrinkage;
	if (work->kind == COUNTS)
		kernel->count_maxima(work->counts, n, &norms, work->maxima);
	else
		kernel->sum_maxima(work->sums, n, &norms, work->maxima);
	/* The thing itself may be one of those that reach it. */
	limit = limit_of(work, blocks, top->k + 1);
	bound = limit * (1.0 - SLACK);
	finite = isfinite(limit) != 0;
	for (int32_t b = 0; b < blocks; b++)
	{
		int32_t first = b / kernel->lanes * group + b % kernel->lanes;

		if (!(work->maxima[b] > 0.0f && work->maxima[b] >= limit))
			continue;
		for (int32_t v = 0; v < NEIGHBOURS_BLOCK; v++)
		{
			int32_t i = first + v * kernel->lanes;

			if (may_reach(work, &norms, i, bound))
				finite &= offer_thing(work, i, top);
		}
	}
	for (int32_t i = n; i < work->things; i++)
	{
		if (may_reach(work, &norms, i, bound))
			finite &= offer_thing(work, i, top);
	}
	memset(work->counts, 0, (size_t) work->things * sum_bytes(work->kind));
	return finite ? CORE_OK : CORE_NOT_FINITE;
}

/* The things that were touched; sums are left at zero. */
static CoreStatus
offer_touched(Work *work, TopK *top)
{
	bool finite = true;

	for (int64_t t = 0; t < work->n_touched; t++)
	{
		if (t % STRETCH == STRETCH - 1 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		finite &= offer_thing(work, work->touched[t], top);
	}
	return finite ? CORE_OK : CORE_NOT_FINITE;
}

/* What stands for the length of a thing with these values; not finite when one of them is not. */
static double
norm_of(const NeighbourProblem *problem, const float *values, int64_t n)
{
	double sum = 0.0;
	double squares = 0.0;

	if (values == NULL)
		sum = squares = (double) n;
	else
	{
		for (int64_t e = 0; e < n; e++)
		{
			sum += values[e];
			squares += (double) values[e] * values[e];
		}
	}
	if (!isfinite(squares))
		return NAN;
	if (problem->similarity == NEIGHBOUR_PEARSON)
		return n > 0 ? sum / (double) n : 0.0;
	return problem->similarity == NEIGHBOUR_COSINE ? sqrt(squares) : 1.0;
}

/* The best for one history into top, which is not finished. */
static CoreStatus
find_best(Work *work, const NeighbourHistory *history, TopK *top)
{
	CoreStatus status;

	work->self = history->self;
	work->norm = norm_of(work->problem, history->values, history->n);
	if (!isfinite(work->norm))
		return CORE_NOT_FINITE;
	status = add_history(work, history);
	if (status != CORE_OK)
		return status;
	return work->n_touched < 0 ? offer_all(work, top) : offer_touched(work, top);
}

/* Norms of things lo .. hi - 1. */
static CoreStatus
norms_between(Env *env, const NeighbourProblem *problem, int64_t lo, int64_t hi, double *norms)
{
	const Csr *rows = &problem->rows;
	int64_t work = 0;

	for (int64_t i = lo; i < hi; i++)
	{
		int64_t n = rows->start[i + 1] - rows->start[i];

		work += n;
		if (work >= STRETCH)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			work = 0;
		}
		norms[i] = norm_of(problem, rows->value != NULL ? rows->value + rows->start[i] : NULL, n);
		if (problem->similarity == NEIGHBOUR_DISCOUNTED)
			norms[i] *= problem->weights[i];
		if (!isfinite(norms[i]))
			return CORE_NOT_FINITE;
	}
	return CORE_OK;
}

CoreStatus
neighbours_norms(Env *env, const NeighbourProblem *problem, double *norms)
{
	return norms_between(env, problem, 0, problem->rows.rows, norms);
}

CoreStatus
neighbours_query(Env *env, const NeighbourProblem *problem, const double *norms,
				 const NeighbourHistory *history, TopK *top)
{
	Work work;
	CoreStatus status = work_open(env, problem, norms, 0, &work);

	if (status != CORE_OK)
		return status;
	status = find_best(&work, history, top);
	topk_finish(top);
	work_close(env, &work);
	return status;
}

/* Phase 1. */
static CoreStatus
norm_phase(Team *team, const NeighbourProblem *problem, double *norms)
{
	int64_t things = problem->rows.rows;
	int64_t chunk;

	while ((chunk = team_claim(team, (things + NORM_ROWS - 1) / NORM_ROWS)) >= 0)
		team_fail(team, norms_between(team->env, problem, chunk * NORM_ROWS,
									  chunks_smaller((chunk + 1) * NORM_ROWS, things), norms));
	return team_meet(team);
}

/* The lists of things lo .. hi - 1. */
static CoreStatus
find_between(Work *work, int64_t lo, int64_t hi, NeighbourLists *lists)
{
	const Csr *rows = &work->problem->rows;

	for (int64_t i = lo; i < hi; i++)
	{
		NeighbourHistory history = {.features = rows->col + rows->start[i],
									.values = rows->value != NULL ? rows->value + rows->start[i] : NULL,
									.n = (int32_t) (rows->start[i + 1] - rows->start[i]),
									.self = (int32_t) i};
		TopK top;
		CoreStatus status;

		topk_init(&top, work->heap, lists->width);
		status = find_best(work, &history, &top);
		if (status != CORE_OK)
			return status;
		neighbour_lists_put(lists, (int32_t) i, &top);
	}
	return CORE_OK;
}

/* Phase 2. */
static CoreStatus
find_phase(Team *team, Work *work, NeighbourLists *lists)
{
	int64_t things = work->things;
	int64_t chunks = (things + ROWS - 1) / ROWS;
	int64_t reported = 0;
	int64_t chunk;

	while ((chunk = team_claim(team, chunks)) >= 0)
	{
		team_fail(team, find_between(work, chunk * ROWS, chunks_smaller((chunk + 1) * ROWS, things), lists));
		if (team->env->leader && chunk * 100 / chunks > reported)
		{
			reported = chunk * 100 / chunks;
			team->env->progress(team->env, (int) reported, 100, NAN);
		}
	}
	return team_meet(team);
}

CoreStatus
neighbours_find(Env *env, const NeighbourProblem *problem, NeighbourLists *lists, void *shared)
{
	NeighboursShared *common = shared;
	Team team = team_join(env, &common->team);
	Work work;
	CoreStatus opened = work_open(env, problem, common->norms, lists->width, &work);
	CoreStatus status;

	/* A member without memory still comes to the first barrier, to tell the others. */
	team_fail(&team, opened);
	status = norm_phase(&team, problem, common->norms);
	if (status == CORE_OK)
		status = find_phase(&team, &work, lists);
	if (opened == CORE_OK)
		work_close(env, &work);
	return status;
}
