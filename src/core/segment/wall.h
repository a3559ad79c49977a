/*
 * wall.h - parameters on a log scale that the data may not hold: a wall that stops them, errors, and who ran into it
 */
#ifndef CORE_SEGMENT_WALL_H
#define CORE_SEGMENT_WALL_H

#include "../optimise.h"

#define WALL 9.210340371976184 /* log(1e4) */

/* What is added to an objective at log parameter z, in which values are of order one; its slope is added to *slope. */
static inline double
wall(double z, double *slope)
{
	double beyond = z > WALL ? z - WALL : z < -WALL ? z + WALL : 0;

	*slope += beyond;
	return beyond * beyond / 2;
}

/*
 * Standard errors [n] of parameters [n] = exp(z) times a constant, from the Hessian of the mean over `cases` cases; NaN
 * for those that diverge: at the wall, or with an error of a factor of 10 and more.  The others' errors are those with
 * the diverging ones held where they are.
 */
extern CoreStatus wall_errors(Env *env, const Objective *objective, const double *z, double cases,
							  const double *parameter, double *std_error, bool *diverging);

#endif
