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
 * Pearson's correlation.  A thing with many meetings leaves sums everywhere, and they are scanned in order, by vectors, against
 * the least that could still enter the heap (neighbours_kernel.c); one with few leaves a list of the sums it has touched.
 * Either way the heap sees the same candidates, and its answer does not depend on their order.
 *
 * Same bytes for any number of members: a row's sums are added up by one member in the order of its features.  A member looks
 * at the cancel flag after STRETCH additions.
 *
 * Memory: shared, a double per thing; each member, the sums, a list of touched ones, a heap.
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
#define SPARSE 8 /* sums are listed when there are fewer meetings than things / SPARSE */
#define SEGMENT 1024 /* sums scanned against one limit */
#define SLACK 1e-6 /* by which the scan's limit is below the heap's, more than rounding makes up */

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

	return bytes_plus(bytes_plus(sums, 0), bytes_plus(lists, sizeof(TopEntry)));
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
	work->touched = (int32_t *) (work->heap + width);
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

	if (n < 0)
	{
		for (int64_t e = lo; e < hi; e++)
			sums[col[e]] += x * (value != NULL ? (double) value[e] : 1.0);
		return;
	}
	for (int64_t e = lo; e < hi; e++)
	{
		work->touched[n] = col[e];
		n += sums[col[e]] == 0.0;
		sums[col[e]] += x * (value != NULL ? (double) value[e] : 1.0);
	}
	work->n_touched = n;
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

/* Things lo .. hi - 1 whose sums stand there are offered to the heap.  False when a similarity is no finite float. */
static bool
offer_things(Work *work, int32_t lo, int32_t hi, TopK *top)
{
	bool finite = true;

	for (int32_t i = lo; i < hi; i++)
	{
		float score = (float) take_similarity(work, i);

		finite &= isfinite(score) != 0;
		if (score > 0.0f && i != work->self && topk_wants(top, score, i))
			topk_push(top, score, i);
	}
	return finite;
}

/* What a sum must exceed, divided by its norms, to be of interest. */
static double
least_of(const TopK *top)
{
	double least = top->n == top->k && top->k > 0 ? (double) top->heap[0].score * (1.0 - SLACK) : 0.0;

	/* Near the least float rounding is coarser than the slack. */
	return least > 1e-30 ? least : 0.0;
}

/* All sums in order, by segments. */
static CoreStatus
offer_all(Work *work, TopK *top)
{
	double shrinkage = work->problem->similarity == NEIGHBOUR_COSINE ? work->problem->shrinkage : 0.0;
	int32_t blocks[SEGMENT / NEIGHBOURS_BLOCK];
	int64_t since = 0;
	bool finite = true;

	for (int32_t at = 0; at < work->things; at += SEGMENT)
	{
		int32_t n = (int32_t) chunks_smaller(SEGMENT, work->things - at);
		int32_t whole = n / NEIGHBOURS_BLOCK * NEIGHBOURS_BLOCK;
		int32_t found;

		if (work->kind == COUNTS)
			found = work->kernel->scan_counts(work->counts + at, work->norms + at, whole, work->norm,
											  shrinkage, least_of(top), blocks);
		else
			found = work->kernel->scan_sums(work->sums + at, work->norms + at, whole, work->norm, shrinkage,
											least_of(top), blocks);
		for (int32_t b = 0; b < found; b++)
		{
			int32_t lo = at + blocks[b] * NEIGHBOURS_BLOCK;

			finite &= offer_things(work, lo, lo + NEIGHBOURS_BLOCK, top);
		}
		finite &= offer_things(work, at + whole, at + n, top);
		since += SEGMENT;
		if (since >= 16 * STRETCH)
		{
			if (work->env->cancelled(work->env))
				return CORE_CANCELLED;
			since = 0;
		}
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
		finite &= offer_things(work, work->touched[t], work->touched[t] + 1, top);
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
