/*
 * optimise.h - the minimum of a smooth function of a few variables, and the curvature there
 */
#ifndef CORE_OPTIMISE_H
#define CORE_OPTIMISE_H

#include "env.h"

#define OPTIMISE_MAX 16 /* variables */

typedef struct Objective
{
	int n; /* variables, at most OPTIMISE_MAX */

	/*
	 * The value at x [n], and the gradient [n].  A value that is not finite means that x is out of bounds, where the gradient
	 * may stay unset.  Anything but CORE_OK ends the search.
	 */
	CoreStatus (*evaluate)(Env *env, const void *arg, const double *x, double *value, double *gradient);
	const void *arg;
} Objective;

typedef struct Optimum
{
	double value;
	double gradient; /* the largest component, by magnitude */
	int iterations;
	bool converged; /* gradient is within the tolerance asked for, or no step lowers the value any more */
} Optimum;

/*
 * Minimise from x [n], which receives the minimum.  CORE_NOT_FINITE when the value at the start is not finite.  The same
 * start gives the same bytes.
 */
extern CoreStatus optimise_minimise(Env *env, const Objective *objective, double tolerance, int iterations,
									double *x, Optimum *optimum);

/* Second derivatives [n x n] at x, by central differences of the gradient; symmetric.  NaN beside the bounds. */
extern CoreStatus optimise_hessian(Env *env, const Objective *objective, const double *x, double *hessian);

/* inverse [n x n] of a symmetric matrix; false when it is not positive definite. */
extern bool optimise_invert(int n, const double *matrix, double *inverse);

#endif
