/*
 * rp3beta.c - the two factors of W, which neighbours.c multiplies
 *
 * Phases, with a barrier after each:
 *
 *   1. what customers and items are left with: sums and counts, to their powers
 *   2. the entries' factors: those of items x users that rows are made of, and those of users x items that they are held
 *      against; which of the two is P_iu and which P_uj follows from which entries are kept
 *   3. neighbours_find, discounted
 *
 * Memory: shared, two floats per entry, a double per customer and three per item, and what neighbours.c needs.
 */
#include <math.h>

#include "../team.h"
#include "chunks.h"
#include "neighbours.h"
#include "rp3beta.h"

#define CHUNKS 256
#define STRETCH 16384 /* entries between two looks at the cancel flag */

typedef struct Shared
{
	TeamShared team;
	double numbers[]; /* neighbours.c's; [users]; [3 x items]; [2 x entries] of floats */
} Shared;

/* One member's view. */
typedef struct Rp3
{
	Team team;
	const Rp3Problem *problem;
	double *leave_user; /* [users] sum of x, ^ -alpha */
	double *leave_item; /* [items] n_i ^ -alpha */
	double *discount; /* [items] n_i ^ -beta */
	double *weights; /* [items] what the product is divided by */
	float *rows; /* [entries of by_item] */
	float *features; /* [entries of by_user] */
	void *neighbours;
} Rp3;

size_t
rp3beta_shared_bytes(int32_t users, int32_t items, int64_t entries)
{
	size_t values = bytes_times((size_t) entries, 2 * sizeof(float));
	size_t numbers = bytes_plus(sizeof(Shared), ((size_t) users + 3 * (size_t) items) * sizeof(double));

	return bytes_plus(bytes_plus(numbers, values), neighbours_shared_bytes(items));
}

static NeighbourProblem
product_of(const Rp3 *rp3)
{
	NeighbourProblem product = {.similarity = NEIGHBOUR_DISCOUNTED,
								.rows = rp3->problem->by_item,
								.features = rp3->problem->by_user,
								.weights = rp3->weights};

	product.rows.value = rp3->rows;
	product.features.value = rp3->features;
	return product;
}

size_t
rp3beta_member_bytes(const Rp3Problem *problem, int32_t width)
{
	float any;
	Rp3 rp3 = {.problem = problem, .rows = &any, .features = &any};
	NeighbourProblem product = product_of(&rp3);

	return neighbours_member_bytes(&product, width);
}

static inline double
value_of(const Csr *matrix, int64_t entry)
{
	return matrix->value != NULL ? (double) matrix->value[entry] : 1.0;
}

/* Users lo .. hi - 1. */
static CoreStatus
set_users(Rp3 *rp3, int32_t lo, int32_t hi)
{
	const Csr *users = &rp3->problem->by_user;
	int64_t work = 0;

	for (int32_t u = lo; u < hi; u++)
	{
		double sum = 0.0;

		for (int64_t e = users->start[u]; e < users->start[u + 1]; e++)
			sum += value_of(users, e);
		if (!isfinite(sum))
			return CORE_NOT_FINITE;
		rp3->leave_user[u] = pow(sum, -rp3->problem->params.alpha);
		work += users->start[u + 1] - users->start[u] + 8;
		if (work >= STRETCH && team_stopped(&rp3->team))
			return CORE_CANCELLED;
		work = work >= STRETCH ? 0 : work;
	}
	return CORE_OK;
}

/* Items lo .. hi - 1. */
static CoreStatus
set_items(Rp3 *rp3, int32_t lo, int32_t hi)
{
	const int64_t *start = rp3->problem->by_item.start;
	const Rp3Params *params = &rp3->problem->params;

	for (int32_t i = lo; i < hi; i++)
	{
		/* Items that nobody has come into no sum. */
		double customers = start[i + 1] > start[i] ? (double) (start[i + 1] - start[i]) : 1.0;

		if (i % STRETCH == 0 && team_stopped(&rp3->team))
			return CORE_CANCELLED;
		rp3->leave_item[i] = pow(customers, -params->alpha);
		rp3->discount[i] = pow(customers, -params->beta);
		rp3->weights[i] = params->keep == RP3_PER_SOURCE ? 1.0 / rp3->discount[i] : 1.0;
		if (!isfinite(rp3->leave_item[i]) || !isfinite(rp3->discount[i]) || !isfinite(rp3->weights[i]))
			return CORE_NOT_FINITE;
	}
	return CORE_OK;
}

/* Phase 1. */
static CoreStatus
nodes_phase(Rp3 *rp3)
{
	const Csr *users = &rp3->problem->by_user;
	const Csr *items = &rp3->problem->by_item;
	int64_t chunk;

	while ((chunk = team_claim(&rp3->team, CHUNKS)) >= 0)
	{
		team_fail(&rp3->team, set_users(rp3, chunks_begin(users, 1, chunk, CHUNKS),
										chunks_begin(users, 1, chunk + 1, CHUNKS)));
		team_fail(&rp3->team, set_items(rp3, chunks_begin(items, 1, chunk, CHUNKS),
										chunks_begin(items, 1, chunk + 1, CHUNKS)));
	}
	return team_meet(&rp3->team);
}

/* P_uj^alpha for entry e of the matrix, which is of user u. */
static inline double
to_item(const Rp3 *rp3, const Csr *matrix, int64_t e, int64_t u)
{
	double alpha = rp3->problem->params.alpha;

	return rp3->leave_user[u] * (matrix->value != NULL ? pow((double) matrix->value[e], alpha) : 1.0);
}

/*
 * The factors of rows lo .. hi - 1 of a matrix: that of items has what stands first in the product, that of users what stands
 * second.  A list per source has P_iu first, one per target P_uj, with the discount of j, which is the list's own.
 */
static CoreStatus
set_factors(Rp3 *rp3, const Csr *matrix, bool of_items, int32_t lo, int32_t hi, float *factors)
{
	bool from_item = of_items == (rp3->problem->params.keep == RP3_PER_SOURCE);
	int64_t work = 0;

	for (int32_t r = lo; r < hi; r++)
	{
		for (int64_t e = matrix->start[r]; e < matrix->start[r + 1]; e++)
		{
			int32_t item = of_items ? r : matrix->col[e];
			int32_t user = of_items ? matrix->col[e] : r;
			double factor = from_item ? rp3->leave_item[item] : to_item(rp3, matrix, e, user);

			if (of_items && !from_item)
				factor *= rp3->discount[item];
			factors[e] = (float) factor;
			if (!isfinite(factors[e]))
				return CORE_NOT_FINITE;
			if (++work % STRETCH == 0 && team_stopped(&rp3->team))
				return CORE_CANCELLED;
		}
	}
	return CORE_OK;
}

/* Phase 2. */
static CoreStatus
factors_phase(Rp3 *rp3)
{
	int64_t chunk;

	while ((chunk = team_claim(&rp3->team, 2 * CHUNKS)) >= 0)
	{
		bool of_items = chunk < CHUNKS;
		const Csr *matrix = of_items ? &rp3->problem->by_item : &rp3->problem->by_user;
		int64_t at = of_items ? chunk : chunk - CHUNKS;

		team_fail(&rp3->team,
				  set_factors(rp3, matrix, of_items, chunks_begin(matrix, 1, at, CHUNKS),
							  chunks_begin(matrix, 1, at + 1, CHUNKS), of_items ? rp3->rows : rp3->features));
	}
	return team_meet(&rp3->team);
}

CoreStatus
rp3beta_train(Env *env, const Rp3Problem *problem, NeighbourLists *lists, void *shared)
{
	Shared *common = shared;
	int64_t entries = csr_entries(&problem->by_user);
	int32_t items = problem->by_item.rows;
	Rp3 rp3 = {.team = team_join(env, &common->team), .problem = problem, .neighbours = common->numbers};
	NeighbourProblem product;
	CoreStatus status;

	rp3.leave_user = common->numbers + neighbours_shared_bytes(items) / sizeof(double);
	rp3.leave_item = rp3.leave_user + problem->by_user.rows;
	rp3.discount = rp3.leave_item + items;
	rp3.weights = rp3.discount + items;
	rp3.rows = (float *) (rp3.weights + items);
	rp3.features = rp3.rows + entries;
	status = nodes_phase(&rp3);
	if (status == CORE_OK)
		status = factors_phase(&rp3);
	if (status != CORE_OK)
		return status;
	product = product_of(&rp3);
	return neighbours_find(env, &product, lists, rp3.neighbours);
}
