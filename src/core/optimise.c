/*
 * optimise.c - BFGS, then Newton's steps
 *
 * BFGS on the inverse Hessian (Nocedal & Wright 2006, "Numerical Optimization", algorithm 6.1), with a line search by
 * bisection for the weak conditions of Wolfe, which ask only for value and slope and hold wherever the value is finite.  Where
 * BFGS ends the Hessian is taken by differences and Newton's steps polish the minimum: likelihoods are flat there,
 * and a few digits of the parameters are lost otherwise.
 *
 * Memory: the stack, some 10 kB.
 */
#include <math.h>
#include <string.h>

#include "optimise.h"

#define ARMIJO 1e-4
#define CURVATURE 0.9
#define LINE_STEPS 60
#define NEWTON_STEPS 8
#define ROUNDING 1e-15 /* of a value: less is noise */
#define IDLE_STEPS 5 /* in a row that gain no more than noise end the search */
#define DIFFERENCE 1e-4 /* step of the differences: parameters are of order one, on a log scale */

/* A place with its value and gradient. */
typedef struct Point
{
	double x[OPTIMISE_MAX];
	double gradient[OPTIMISE_MAX];
	double value;
} Point;

static double
dot(int n, const double *a, const double *b)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static double
largest(int n, const double *v)
{
	double most = 0;

	for (int i = 0; i < n; i++)
		most = fmax(most, fabs(v[i]));
	return most;
}

static bool
point_finite(int n, const Point *point)
{
	bool finite = isfinite(point->value);

	for (int i = 0; i < n && finite; i++)
		finite = isfinite(point->gradient[i]);
	return finite;
}

static CoreStatus
evaluate(Env *env, const Objective *objective, Point *point)
{
	if (env->cancelled(env))
		return CORE_CANCELLED;
	/* Where x is out of bounds the objective sets no gradient. */
	for (int i = 0; i < objective->n; i++)
		point->gradient[i] = NAN;
	return objective->evaluate(env, objective->arg, point->x, &point->value, point->gradient);
}

static CoreStatus
evaluate_along(Env *env, const Objective *objective, const Point *from, const double *direction, double step,
			   Point *to)
{
	for (int i = 0; i < objective->n; i++)
		to->x[i] = from->x[i] + step * direction[i];
	return evaluate(env, objective, to);
}

/* *found: whether `to` is a point that fulfils both conditions, or at least lies lower. */
static CoreStatus
search_line(Env *env, const Objective *objective, const Point *from, const double *direction, Point *to,
			bool *found)
{
	int n = objective->n;
	double slope = dot(n, from->gradient, direction);
	double low = 0;
	double high = INFINITY;
	double step = 1;

	*found = false;
	for (int i = 0; i < LINE_STEPS; i++)
	{
		CoreStatus status = evaluate_along(env, objective, from, direction, step, to);

		if (status != CORE_OK)
			return status;
		if (!point_finite(n, to) || to->value > from->value + ARMIJO * step * slope)
			high = step;
		else if (dot(n, to->gradient, direction) < CURVATURE * slope)
			low = step;
		else
		{
			*found = true;
			return CORE_OK;
		}
		step = isfinite(high) ? (low + high) / 2 : 2 * low;
		if (isfinite(high) && step * -slope < ROUNDING * fabs(from->value))
			break;
	}
	if (low == 0)
		return CORE_OK;
	*found = true;
	return evaluate_along(env, objective, from, direction, low, to);
}

/* inverse becomes (I - rho s y') inverse (I - rho y s') + rho s s' */
static void
update_inverse(int n, const double *s, const double *y, double *inverse)
{
	double times[OPTIMISE_MAX]; /* inverse y */
	double sy = dot(n, s, y);
	double yhy;

	if (!(sy > 1e-14 * sqrt(dot(n, s, s) * dot(n, y, y))))
		return;
	for (int i = 0; i < n; i++)
		times[i] = dot(n, inverse + i * n, y);
	yhy = dot(n, y, times);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			inverse[i * n + j] +=
				(1 + yhy / sy) * s[i] * s[j] / sy - (times[i] * s[j] + s[i] * times[j]) / sy;
}

static void
set_identity(int n, double scale, double *matrix)
{
	memset(matrix, 0, sizeof(double) * (size_t) (n * n));
	for (int i = 0; i < n; i++)
		matrix[i * n + i] = scale;
}

/* Steps until the gradient is small or no step lowers the value. */
static CoreStatus
run_bfgs(Env *env, const Objective *objective, double tolerance, int iterations, Point *at, Optimum *optimum)
{
	int n = objective->n;
	double inverse[OPTIMISE_MAX * OPTIMISE_MAX];
	bool fresh = true; /* the inverse is a multiple of the identity */
	int idle = 0;

	set_identity(n, 1 / fmax(1, largest(n, at->gradient)), inverse);
	for (optimum->iterations = 0; optimum->iterations < iterations; optimum->iterations++)
	{
		double direction[OPTIMISE_MAX];
		double s[OPTIMISE_MAX];
		double y[OPTIMISE_MAX];
		Point next;
		bool found;
		CoreStatus status;

		if (largest(n, at->gradient) <= tolerance || idle == IDLE_STEPS)
			break;
		for (int i = 0; i < n; i++)
			direction[i] = -dot(n, inverse + i * n, at->gradient);
		status = search_line(env, objective, at, direction, &next, &found);
		if (status != CORE_OK)
			return status;
		if (!found && fresh)
			break;
		fresh = !found;
		if (!found)
		{
			set_identity(n, 1 / fmax(1, largest(n, at->gradient)), inverse);
			continue;
		}
		for (int i = 0; i < n; i++)
		{
			s[i] = next.x[i] - at->x[i];
			y[i] = next.gradient[i] - at->gradient[i];
		}
		update_inverse(n, s, y, inverse);
		idle = at->value - next.value > ROUNDING * fabs(at->value) ? 0 : idle + 1;
		*at = next;
	}
	return CORE_OK;
}

/* Newton's steps as long as they make the gradient smaller and the value no larger but for rounding. */
static CoreStatus
polish(Env *env, const Objective *objective, Point *at)
{
	int n = objective->n;

	for (int round = 0; round < NEWTON_STEPS; round++)
	{
		double hessian[OPTIMISE_MAX * OPTIMISE_MAX];
		double inverse[OPTIMISE_MAX * OPTIMISE_MAX];
		Point next;
		CoreStatus status = optimise_hessian(env, objective, at->x, hessian);

		if (status != CORE_OK)
			return status;
		if (!optimise_invert(n, hessian, inverse))
			return CORE_OK;
		for (int i = 0; i < n; i++)
			next.x[i] = at->x[i] - dot(n, inverse + i * n, at->gradient);
		status = evaluate(env, objective, &next);
		if (status != CORE_OK)
			return status;
		if (!point_finite(n, &next) || largest(n, next.gradient) >= largest(n, at->gradient) ||
			next.value > at->value + 1e-12 * fabs(at->value))
			return CORE_OK;
		*at = next;
	}
	return CORE_OK;
}

CoreStatus
optimise_minimise(Env *env, const Objective *objective, double tolerance, int iterations, double *x,
				  Optimum *optimum)
{
	int n = objective->n;
	Point at;
	CoreStatus status;

	memcpy(at.x, x, sizeof(double) * (size_t) n);
	status = evaluate(env, objective, &at);
	if (status == CORE_OK && !point_finite(n, &at))
		status = CORE_NOT_FINITE;
	if (status == CORE_OK)
		status = run_bfgs(env, objective, tolerance, iterations, &at, optimum);
	if (status == CORE_OK)
		status = polish(env, objective, &at);
	if (status != CORE_OK)
		return status;
	memcpy(x, at.x, sizeof(double) * (size_t) n);
	optimum->value = at.value;
	optimum->gradient = largest(n, at.gradient);
	optimum->converged = optimum->iterations < iterations || optimum->gradient <= tolerance;
	return CORE_OK;
}

CoreStatus
optimise_hessian(Env *env, const Objective *objective, const double *x, double *hessian)
{
	int n = objective->n;

	for (int i = 0; i < n; i++)
	{
		Point side[2];

		for (int s = 0; s < 2; s++)
		{
			CoreStatus status;

			memcpy(side[s].x, x, sizeof(double) * (size_t) n);
			side[s].x[i] += s == 0 ? -DIFFERENCE : DIFFERENCE;
			status = evaluate(env, objective, &side[s]);
			if (status != CORE_OK)
				return status;
		}
		for (int j = 0; j < n; j++)
			hessian[i * n + j] = (side[1].gradient[j] - side[0].gradient[j]) / (side[1].x[i] - side[0].x[i]);
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			hessian[i * n + j] = hessian[j * n + i] = (hessian[i * n + j] + hessian[j * n + i]) / 2;
	return CORE_OK;
}

bool
optimise_invert(int n, const double *matrix, double *inverse)
{
	double factor[OPTIMISE_MAX * OPTIMISE_MAX]; /* lower triangle of Cholesky's */

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double sum = matrix[i * n + j] - dot(j, factor + i * n, factor + j * n);

			if (i == j && !(sum > 1e-13 * fabs(matrix[i * n + i])))
				return false;
			factor[i * n + j] = i == j ? sqrt(sum) : sum / factor[j * n + j];
		}
	}
	for (int c = 0; c < n; c++)
	{
		double column[OPTIMISE_MAX];

		for (int i = 0; i < n; i++)
			column[i] = ((i == c) - dot(i, factor + i * n, column)) / factor[i * n + i];
		for (int i = n - 1; i >= 0; i--)
		{
			double sum = column[i];

			for (int j = i + 1; j < n; j++)
				sum -= factor[j * n + i] * inverse[j * n + c];
			inverse[i * n + c] = sum / factor[i * n + i];
		}
	}
	return true;
}
