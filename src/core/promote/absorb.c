/*
 * absorb.c - fixed effects absorbed by alternating projections
 *
 * The residual of a column on the dummies of several effects is what is left when each effect's level means are taken
 * out in turn, over and over (von Neumann 1949, Halperin 1962; for regressions Guimaraes & Portugal 2010, Gaure 2013).
 * One sweep here goes through the effects there and back, M = M_1 .. M_Q .. M_1, which makes it symmetric; so
 * A = I - M is symmetric and positive semidefinite, what the effects explain is the solution e of A e = A y in the range
 * of A, and conjugate gradients find it (Hernandez-Ramos, Escalante & Raydan 2011; Correia 2016).  Plain alternation
 * needs hundreds of sweeps where units and times hardly overlap; conjugate gradients need tens.  One effect, and balanced
 * panels, are done after one sweep.
 *
 * Phases for one column: subtract its mean (so that what follows loses no digits to a large level), one sweep, then
 * conjugate gradients until |A y| is below tolerance x |y| (2-norms, y with its mean out).
 *
 * Memory: three columns of n for the gradients, level sums and their counts.  Sums run in row order.  Every loop looks at
 * the cancel flag after STRETCH rows at most.
 */
#include <math.h>
#include <string.h>

#include "absorb.h"

#define STRETCH 32768 /* rows between two looks at the cancel flag */

struct Absorb
{
	Env *env;
	const Design *design;
	int32_t n_effects;
	double **inverse; /* [n_effects] of [levels]: 1 / rows of the level */
	double *sum; /* [most levels] */
	double *residual; /* [n], as the next two only when n_effects > 1 */
	double *direction; /* [n] */
	double *moved; /* [n] */
};

static inline int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- vectors ---- */

static CoreStatus
dot(Env *env, const double *a, const double *b, int64_t n, double *out)
{
	double whole = 0;

	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, n);
		double part[4] = {0};
		int64_t i = lo;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (; i + 4 <= hi; i += 4)
			for (int lane = 0; lane < 4; lane++)
				part[lane] += a[i + lane] * b[i + lane];
		for (; i < hi; i++)
			part[0] += a[i] * b[i];
		whole += (part[0] + part[1]) + (part[2] + part[3]);
	}
	*out = whole;
	return CORE_OK;
}

/* out = a + scale * b, where out may be either. */
static CoreStatus
add_scaled(Env *env, const double *a, double scale, const double *b, int64_t n, double *out)
{
	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t i = lo; i < hi; i++)
			out[i] = a[i] + scale * b[i];
	}
	return CORE_OK;
}

static CoreStatus
subtract_mean(Env *env, double *column, int64_t n)
{
	for (int round = 0; round < 2; round++) /* the second takes out what rounding left */
	{
		double sum = 0;

		for (int64_t i = 0; i < n; i++)
		{
			if (i % STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			sum += column[i];
		}
		sum /= (double) n;
		for (int64_t i = 0; i < n; i++)
		{
			if (i % STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			column[i] -= sum;
		}
	}
	return CORE_OK;
}

/* ---- projections ---- */

/* Take the level means of effect q out of column [n]. */
static CoreStatus
take_out(Absorb *absorb, int32_t q, double *column)
{
	Env *env = absorb->env;
	const int32_t *level = absorb->design->group[q];
	int32_t levels = absorb->design->levels[q];
	double *sum = absorb->sum;

	memset(sum, 0, sizeof(*sum) * (size_t) levels);
	for (int64_t lo = 0; lo < absorb->design->n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, absorb->design->n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t i = lo; i < hi; i++)
			sum[level[i]] += column[i];
	}
	for (int32_t l = 0; l < levels; l++)
		sum[l] *= absorb->inverse[q][l];
	for (int64_t lo = 0; lo < absorb->design->n; lo += STRETCH)
	{
		int64_t hi = smaller(lo + STRETCH, absorb->design->n);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t i = lo; i < hi; i++)
			column[i] -= sum[level[i]];
	}
	return CORE_OK;
}

/* Through the effects there and back. */
static CoreStatus
sweep(Absorb *absorb, double *column)
{
	CoreStatus status = CORE_OK;

	for (int32_t q = 0; status == CORE_OK && q < absorb->n_effects; q++)
		status = take_out(absorb, q, column);
	for (int32_t q = absorb->n_effects - 2; status == CORE_OK && q >= 0; q--)
		status = take_out(absorb, q, column);
	return status;
}

/* out = A v = v - M v, and v . A v. */
static CoreStatus
apply(Absorb *absorb, const double *v, double *out, double *product)
{
	int64_t n = absorb->design->n;
	CoreStatus status;

	memcpy(out, v, sizeof(*out) * (size_t) n);
	status = sweep(absorb, out);
	if (status == CORE_OK)
		status = add_scaled(absorb->env, v, -1, out, n, out);
	return status == CORE_OK ? dot(absorb->env, v, out, n, product) : status;
}

/* One step of conjugate gradients on `column`; norm2 is |residual|^2 before and after. */
static CoreStatus
gradient_step(Absorb *absorb, double *column, double *norm2)
{
	Env *env = absorb->env;
	int64_t n = absorb->design->n;
	double curvature;
	double before = *norm2;
	double alpha;
	CoreStatus status = apply(absorb, absorb->direction, absorb->moved, &curvature);

	if (status != CORE_OK)
		return status;
	alpha = curvature > 0 ? before / curvature : 0;
	status = add_scaled(env, column, -alpha, absorb->direction, n, column);
	if (status == CORE_OK)
		status = add_scaled(env, absorb->residual, -alpha, absorb->moved, n, absorb->residual);
	if (status == CORE_OK)
		status = dot(env, absorb->residual, absorb->residual, n, norm2);
	if (status == CORE_OK)
		status = add_scaled(env, absorb->residual, *norm2 / before, absorb->direction, n, absorb->direction);
	return status;
}

/* residual = direction = A column, computed afresh, and its norm. */
static CoreStatus
gradient_start(Absorb *absorb, const double *column, double *norm2)
{
	int64_t n = absorb->design->n;
	double ignored;
	CoreStatus status = apply(absorb, column, absorb->residual, &ignored);

	if (status != CORE_OK)
		return status;
	memcpy(absorb->direction, absorb->residual, sizeof(double) * (size_t) n);
	return dot(absorb->env, absorb->residual, absorb->residual, n, norm2);
}

/*
 * The recursion's residual drifts from the true one by rounding: each time it says that all is done it is computed
 * afresh, and the search goes on from there when it was wrong.
 */
static CoreStatus
gradients(Absorb *absorb, double *column, double bound, int32_t iterations, int32_t *done, bool *converged)
{
	double norm2;
	CoreStatus status = gradient_start(absorb, column, &norm2);

	while (status == CORE_OK && norm2 > bound)
	{
		if (!isfinite(norm2))
			return CORE_NOT_FINITE;
		if (*done >= iterations)
		{
			*converged = false;
			return CORE_OK;
		}
		while (status == CORE_OK && norm2 > bound && isfinite(norm2) && *done < iterations)
		{
			status = gradient_step(absorb, column, &norm2);
			(*done)++;
		}
		if (status == CORE_OK)
			status = gradient_start(absorb, column, &norm2);
	}
	return status;
}

CoreStatus
absorb_column(Absorb *absorb, double *column, double tolerance, int32_t iterations, int32_t *done,
			  bool *converged)
{
	Env *env = absorb->env;
	int64_t n = absorb->design->n;
	double size2;
	CoreStatus status = subtract_mean(env, column, n);

	*done = 1;
	*converged = true;
	if (status == CORE_OK)
		status = dot(env, column, column, n, &size2);
	if (status != CORE_OK)
		return status;
	if (!isfinite(size2))
		return CORE_NOT_FINITE;
	status = sweep(absorb, column);
	if (absorb->n_effects == 1)
		return status == CORE_OK ? take_out(absorb, 0, column) : status; /* again, for the last digits */
	if (status == CORE_OK)
		status = gradients(absorb, column, tolerance * tolerance * size2, iterations, done, converged);
	return status;
}

/* ---- making ready ---- */

static CoreStatus
count_levels(Env *env, const Design *design, int32_t q, double *inverse)
{
	int32_t levels = design->levels[q];

	memset(inverse, 0, sizeof(*inverse) * (size_t) levels);
	for (int64_t i = 0; i < design->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		inverse[design->group[q][i]] += 1;
	}
	for (int32_t l = 0; l < levels; l++)
		inverse[l] = inverse[l] > 0 ? 1 / inverse[l] : 0;
	return CORE_OK;
}

static CoreStatus
absorb_fill(Absorb *absorb)
{
	Env *env = absorb->env;
	const Design *design = absorb->design;
	size_t column = sizeof(double) * (size_t) design->n + 1;
	int32_t most = 1;

	absorb->inverse = env->alloc(env, sizeof(double *) * (size_t) absorb->n_effects);
	if (absorb->inverse == NULL)
		return CORE_NO_MEMORY;
	memset(absorb->inverse, 0, sizeof(double *) * (size_t) absorb->n_effects);
	for (int32_t q = 0; q < absorb->n_effects; q++)
	{
		CoreStatus status;

		absorb->inverse[q] = env->alloc(env, sizeof(double) * (size_t) design->levels[q] + 1);
		if (absorb->inverse[q] == NULL)
			return CORE_NO_MEMORY;
		status = count_levels(env, design, q, absorb->inverse[q]);
		if (status != CORE_OK)
			return status;
		most = design->levels[q] > most ? design->levels[q] : most;
	}
	absorb->sum = env->alloc(env, sizeof(double) * (size_t) most);
	if (absorb->sum == NULL)
		return CORE_NO_MEMORY;
	if (absorb->n_effects == 1)
		return CORE_OK;
	absorb->residual = env->alloc(env, column);
	absorb->direction = env->alloc(env, column);
	absorb->moved = env->alloc(env, column);
	return absorb->residual == NULL || absorb->direction == NULL || absorb->moved == NULL ? CORE_NO_MEMORY
																						  : CORE_OK;
}

CoreStatus
absorb_create(Env *env, const Design *design, int32_t n_effects, Absorb **absorb)
{
	Absorb *made = env->alloc(env, sizeof(*made));
	CoreStatus status;

	*absorb = NULL;
	if (made == NULL)
		return CORE_NO_MEMORY;
	memset(made, 0, sizeof(*made));
	made->env = env;
	made->design = design;
	made->n_effects = n_effects;
	status = absorb_fill(made);
	if (status == CORE_OK)
		*absorb = made;
	else
		absorb_free(made);
	return status;
}

static void
release(Env *env, void *block)
{
	if (block != NULL)
		env->release(env, block);
}

void
absorb_free(Absorb *absorb)
{
	Env *env;

	if (absorb == NULL)
		return;
	env = absorb->env;
	for (int32_t q = 0; absorb->inverse != NULL && q < absorb->n_effects; q++)
		release(env, absorb->inverse[q]);
	release(env, absorb->inverse);
	release(env, absorb->sum);
	release(env, absorb->residual);
	release(env, absorb->direction);
	release(env, absorb->moved);
	env->release(env, absorb);
}

size_t
absorb_bytes(int64_t n, int32_t n_effects)
{
	return sizeof(Absorb) + (size_t) n * sizeof(double) * (n_effects > 1 ? 3 : 0) +
		   (size_t) n * sizeof(double) * (size_t) (n_effects + 1);
}

/* ---- rank ---- */

static int32_t
find_root(int32_t *parent, int32_t node)
{
	while (parent[node] != node)
	{
		parent[node] = parent[parent[node]];
		node = parent[node];
	}
	return node;
}

/* Connected components of the graph whose nodes are the levels of groups 0 and 1 and whose edges are the rows. */
static CoreStatus
count_components(Env *env, const Design *design, int64_t *components)
{
	int32_t left = design->levels[0];
	int64_t nodes = (int64_t) left + design->levels[1];
	int32_t *parent;

	if (nodes > INT32_MAX)
		return CORE_NO_MEMORY;
	parent = env->alloc(env, sizeof(*parent) * (size_t) nodes + 1);
	if (parent == NULL)
		return CORE_NO_MEMORY;
	for (int32_t i = 0; i < nodes; i++)
		parent[i] = i;
	*components = nodes;
	for (int64_t i = 0; i < design->n; i++)
	{
		int32_t a;
		int32_t b;

		if (i % STRETCH == 0 && env->cancelled(env))
		{
			env->release(env, parent);
			return CORE_CANCELLED;
		}
		a = find_root(parent, design->group[0][i]);
		b = find_root(parent, left + design->group[1][i]);
		if (a != b)
		{
			parent[a > b ? a : b] = a > b ? b : a;
			(*components)--;
		}
	}
	env->release(env, parent);
	return CORE_OK;
}

CoreStatus
absorb_rank(Env *env, const Design *design, int32_t n_effects, int64_t *rank)
{
	int64_t components = 1;
	CoreStatus status = CORE_OK;

	*rank = design->levels[0];
	if (n_effects < 2)
		return CORE_OK;
	status = count_components(env, design, &components);
	*rank += design->levels[1] - components;
	for (int32_t q = 2; q < n_effects; q++)
		*rank += design->levels[q] - 1;
	return status;
}
