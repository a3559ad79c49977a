/*
 * linear.c - dual coordinate descent
 *
 * Support vector machines: Hsieh, Chang, Lin, Keerthi & Sundararajan 2008, "A Dual Coordinate Descent Method for Large-scale Linear
 * SVM", with shrinking.  Logistic regression: Yu, Huang & Lin 2011, "Dual coordinate descent methods for logistic regression
 * and maximum entropy models", algorithm 5 with Newton's method for the problem of one variable.  Rows carry one more feature
 * that is always 1, so the bias is regularised like a weight, as in LIBLINEAR with -B 1.
 *
 * Phase: members take classes in turn; a class is solved by one member alone, its order of rows drawn from (seed, class,
 * pass), so nothing depends on who solves it.  The weights of all classes stand side by side for each feature, as scoring
 * wants them.
 *
 * Memory of a member: 8 bytes a feature, 28 a row (36 for logistic regression).
 */
#include "linear.h"

#include <math.h>
#include <string.h>

#include "../rng.h"

#define LOOK 65536 /* entries between two looks at the cancel flag */
#define NEWTON_STEPS 100

/* One class against the rest on its way. */
typedef struct Side
{
	Env *env;
	Team *team;
	const Labelled *rows;
	const LinearParams *params;
	int32_t class;
	double *w; /* [features + 1] */
	double *alpha; /* [rows], logistic [2 x rows] */
	double *square; /* [rows] squared length of each */
	int32_t *order; /* [rows] those that are not shrunk first */
	int64_t entries; /* since the last look */
} Side;

uint64_t
linear_member_bytes(uint64_t rows, uint64_t features)
{
	return (features + 1) * sizeof(double) + rows * (3 * sizeof(double) + sizeof(int32_t)) + 4 * 64;
}

static inline double
sign_of(const Side *side, int32_t row)
{
	return side->rows->label[row] == side->class ? 1.0 : -1.0;
}

/* Four sums, so that additions do not wait for one another. */
static double
dot(const Side *side, int32_t row)
{
	const Csr *x = &side->rows->x;
	const double *w = side->w;
	int64_t at = x->start[row];
	int64_t end = x->start[row + 1];
	double sums[4] = {0, 0, 0, 0};

	for (; at + 4 <= end; at += 4)
		for (int lane = 0; lane < 4; lane++)
			sums[lane] += w[x->col[at + lane]] * x->value[at + lane];
	for (; at < end; at++)
		sums[0] += w[x->col[at]] * x->value[at];
	return w[x->cols] + ((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static void
add_row(Side *side, int32_t row, double times)
{
	const Csr *x = &side->rows->x;

	for (int64_t at = x->start[row]; at < x->start[row + 1]; at++)
		side->w[x->col[at]] += times * x->value[at];
	side->w[x->cols] += times;
}

/* Looked at every few milliseconds, whatever the length of rows. */
static bool
stopped(Side *side, int32_t row)
{
	side->entries += side->rows->x.start[row + 1] - side->rows->x.start[row] + 16;
	if (side->entries < LOOK)
		return false;
	side->entries = 0;
	return team_stopped(side->team);
}

static void
shuffle(const Side *side, int32_t n, int32_t pass)
{
	uint64_t stream = (uint64_t) side->class << 32 | (uint32_t) pass;

	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t j = (int32_t) rng_below(side->params->seed, stream, (uint64_t) i, (uint32_t) i + 1);
		int32_t held = side->order[i];

		side->order[i] = side->order[j];
		side->order[j] = held;
	}
}

/* ---- support vector machines ---- */

typedef struct Bounds
{
	double high, low; /* of the projected gradients of a pass */
} Bounds;

/* One coordinate; false when the row is to be shrunk. */
static bool
svm_step(Side *side, int32_t row, const Bounds *before, Bounds *now)
{
	const LinearParams *params = side->params;
	bool squared = params->loss == LINEAR_SQUARED_HINGE;
	double diagonal = squared ? 0.5 / params->c : 0.0;
	double upper = squared ? INFINITY : params->c;
	double y = sign_of(side, row);
	double alpha = side->alpha[row];
	double gradient = y * dot(side, row) - 1 + diagonal * alpha;
	double projected = gradient;

	if (alpha == 0)
	{
		if (gradient > before->high)
			return false;
		projected = fmin(gradient, 0);
	}
	else if (alpha >= upper)
	{
		if (gradient < before->low)
			return false;
		projected = fmax(gradient, 0);
	}
	now->high = fmax(now->high, projected);
	now->low = fmin(now->low, projected);
	if (fabs(projected) > 1e-12)
	{
		double moved = fmin(fmax(alpha - gradient / (side->square[row] + diagonal), 0), upper);

		side->alpha[row] = moved;
		add_row(side, row, (moved - alpha) * y);
	}
	return true;
}

static CoreStatus
svm_solve(Side *side, bool *converged)
{
	int32_t n = side->rows->x.rows;
	int32_t active = n;
	Bounds before = {.high = INFINITY, .low = -INFINITY};

	*converged = false;
	memset(side->alpha, 0, sizeof(double) * (size_t) n);
	for (int32_t pass = 0; pass < side->params->iterations && !*converged; pass++)
	{
		Bounds now = {.high = -INFINITY, .low = INFINITY};

		shuffle(side, active, pass);
		for (int32_t i = 0; i < active;)
		{
			int32_t row = side->order[i];

			if (stopped(side, row))
				return CORE_CANCELLED;
			if (svm_step(side, row, &before, &now))
				i++;
			else
			{
				side->order[i] = side->order[--active];
				side->order[active] = row;
			}
		}
		if (now.high - now.low <= side->params->tolerance)
		{
			/* Those that were shrunk are asked once more. */
			*converged = active == n;
			active = n;
			before = (Bounds){.high = INFINITY, .low = -INFINITY};
		}
		else
			before = (Bounds){.high = now.high <= 0 ? INFINITY : now.high,
							  .low = now.low >= 0 ? -INFINITY : now.low};
	}
	return CORE_OK;
}

/* ---- logistic regression ---- */

/*
 * Minimise a/2 z^2 + b z + z' log z' + (C - z') log(C - z') where z' = start + z, by Newton's method from the better half of
 * (0, C), so that neither logarithm loses its digits; *moved is the step of alpha, *size of the gradient at its start.
 */
static double
logistic_coordinate(double a, double b, double c, double *small, double *large, double *size)
{
	/* Of alpha and C - alpha the one that is to be the smaller is solved for. */
	double from = *small;
	double other = *large;
	double sign = 0.5 * a * (other - from) + b < 0 ? -1 : 1;
	double start = sign > 0 ? from : other;
	double z = start;
	double slope = a * (z - start) + sign * b + log(z / (c - z));

	*size = fabs(slope);
	if (c - z < 0.5 * c)
		z *= 0.1;
	slope = a * (z - start) + sign * b + log(z / (c - z));
	for (int i = 0; i < NEWTON_STEPS && fabs(slope) >= 1e-8; i++)
	{
		double next = z - slope / (a + c / (c - z) / z);

		z = next <= 0 ? 0.1 * z : next;
		slope = a * (z - start) + sign * b + log(z / (c - z));
	}
	*small = sign > 0 ? z : c - z;
	*large = sign > 0 ? c - z : z;
	return *small - from;
}

static CoreStatus
logistic_solve(Side *side, bool *converged)
{
	int32_t n = side->rows->x.rows;
	double c = side->params->c;
	double first = fmin(0.001 * c, 1e-8);

	*converged = false;
	for (int32_t i = 0; i < n; i++)
	{
		side->alpha[2 * (size_t) i] = first;
		side->alpha[2 * (size_t) i + 1] = c - first;
		if (stopped(side, i))
			return CORE_CANCELLED;
		add_row(side, i, sign_of(side, i) * first);
	}
	for (int32_t pass = 0; pass < side->params->iterations && !*converged; pass++)
	{
		double largest = 0;

		shuffle(side, n, pass);
		for (int32_t i = 0; i < n; i++)
		{
			int32_t row = side->order[i];
			double *alpha = side->alpha + 2 * (size_t) row;
			double y = sign_of(side, row);
			double size;
			double moved;

			if (stopped(side, row))
				return CORE_CANCELLED;
			moved =
				logistic_coordinate(side->square[row], y * dot(side, row), c, &alpha[0], &alpha[1], &size);
			largest = fmax(largest, size);
			if (moved != 0)
				add_row(side, row, moved * y);
		}
		*converged = largest < side->params->tolerance;
	}
	return CORE_OK;
}

/* ---- all classes ---- */

static CoreStatus
solve_class(Side *side, int32_t class, LinearShared *shared, float *weights)
{
	const Labelled *rows = side->rows;
	int32_t features = rows->x.cols;
	int32_t classes = rows->classes;
	bool converged = false;
	CoreStatus status;

	side->class = class;
	memset(side->w, 0, sizeof(double) * ((size_t) features + 1));
	for (int32_t i = 0; i < rows->x.rows; i++)
		side->order[i] = i;
	status = side->params->loss == LINEAR_LOGISTIC ? logistic_solve(side, &converged)
												   : svm_solve(side, &converged);
	if (status != CORE_OK)
		return status;
	if (!converged)
		atomic_fetch_add(&shared->unfinished, 1);
	for (int32_t f = 0; f <= features; f++)
	{
		if (!isfinite(side->w[f]))
			return CORE_NOT_FINITE;
		weights[(size_t) f * classes + class] = (float) side->w[f];
		if (classes == 2)
			weights[(size_t) f * classes + 1 - class] = (float) -side->w[f];
	}
	return CORE_OK;
}

static bool
side_open(Side *side)
{
	Env *env = side->env;
	const Csr *x = &side->rows->x;
	size_t n = (size_t) x->rows + 1;

	side->w = env->alloc(env, sizeof(double) * ((size_t) x->cols + 1));
	side->alpha = env->alloc(env, sizeof(double) * 2 * n);
	side->square = env->alloc(env, sizeof(double) * n);
	side->order = env->alloc(env, sizeof(int32_t) * n);
	if (side->w == NULL || side->alpha == NULL || side->square == NULL || side->order == NULL)
		return false;
	for (int32_t i = 0; i < x->rows; i++)
	{
		double sum = 1;

		for (int64_t at = x->start[i]; at < x->start[i + 1]; at++)
			sum += (double) x->value[at] * x->value[at];
		side->square[i] = sum;
	}
	return true;
}

static void
side_close(Side *side)
{
	void *blocks[] = {side->w, side->alpha, side->square, side->order};

	for (int i = 0; i < 4; i++)
		if (blocks[i] != NULL)
			side->env->release(side->env, blocks[i]);
}

CoreStatus
linear_train(Env *env, const Labelled *rows, const LinearParams *params, LinearShared *shared, float *weights)
{
	Team team = team_join(env, &shared->team);
	Side side = {.env = env, .team = &team, .rows = rows, .params = params};
	int32_t problems = rows->classes == 2 ? 1 : rows->classes;
	int64_t chunk;
	CoreStatus status;

	if (!side_open(&side))
		team_fail(&team, CORE_NO_MEMORY);
	while ((chunk = team_claim(&team, problems)) >= 0)
	{
		/* Of two classes the second is the one that is asked for. */
		int32_t class = rows->classes == 2 ? 1 : (int32_t) chunk;

		team_fail(&team, solve_class(&side, class, shared, weights));
		atomic_fetch_add(&shared->done, 1);
		if (env->leader)
			env->progress(env, atomic_load(&shared->done), problems, NAN);
	}
	status = team_meet(&team);
	side_close(&side);
	return status;
}

double
linear_objective(const Labelled *rows, const LinearParams *params, int32_t class, const double *w,
				 double *gradient)
{
	const Csr *x = &rows->x;
	double value = 0;

	for (int32_t f = 0; f <= x->cols; f++)
	{
		value += 0.5 * w[f] * w[f];
		if (gradient != NULL)
			gradient[f] = w[f];
	}
	for (int32_t i = 0; i < x->rows; i++)
	{
		double y = rows->label[i] == class ? 1 : -1;
		double margin = w[x->cols];
		double slack;
		double slope;

		for (int64_t at = x->start[i]; at < x->start[i + 1]; at++)
			margin += w[x->col[at]] * x->value[at];
		margin *= y;
		slack = fmax(0, 1 - margin);
		if (params->loss == LINEAR_LOGISTIC)
		{
			value += params->c * (margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin);
			slope = -1 / (1 + exp(margin));
		}
		else
		{
			value += params->c * (params->loss == LINEAR_HINGE ? slack : slack * slack);
			slope = slack == 0 ? 0 : params->loss == LINEAR_HINGE ? -1 : -2 * slack;
		}
		for (int64_t at = x->start[i]; at < x->start[i + 1] && gradient != NULL; at++)
			gradient[x->col[at]] += params->c * slope * y * x->value[at];
		if (gradient != NULL)
			gradient[x->cols] += params->c * slope * y;
	}
	return value;
}
