/*
 * wall.c - standard errors on the log scale, and parameters that the data do not hold
 *
 * The covariance of the log parameters is the inverse of the Hessian of the negative log-likelihood; a parameter's error
 * is its own times that of its logarithm (delta method).  Where a parameter is at the wall, or its logarithm's error is
 * beyond reason, it is taken out and the rest is done again: its flat direction would spoil theirs.
 */
#include <math.h>

#include "wall.h"

#define NEAR 0.01
#define BEYOND_REASON 2.302585092994046 /* log(10) */

/* Errors of the logarithms of those that do not diverge; false when the Hessian has a direction without curvature. */
static bool
errors_of_rest(int n, const double *hessian, double cases, const bool *out, double *errors)
{
	double part[OPTIMISE_MAX * OPTIMISE_MAX];
	double inverse[OPTIMISE_MAX * OPTIMISE_MAX];
	int index[OPTIMISE_MAX];
	int k = 0;

	for (int i = 0; i < n; i++)
	{
		errors[i] = NAN;
		if (!out[i])
			index[k++] = i;
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			part[i * k + j] = hessian[index[i] * n + index[j]] * cases;
	if (!optimise_invert(k, part, inverse))
		return false;
	for (int i = 0; i < k; i++)
		errors[index[i]] = sqrt(inverse[i * k + i]);
	return true;
}

/* Of those that are left, the one with the least curvature. */
static int
flattest(int n, const double *hessian, const bool *out)
{
	int found = -1;

	for (int i = 0; i < n; i++)
		if (!out[i] && (found < 0 || hessian[i * n + i] < hessian[found * n + found]))
			found = i;
	return found;
}

CoreStatus
wall_errors(Env *env, const Objective *objective, const double *z, double cases, const double *parameter,
			double *std_error, bool *diverging)
{
	int n = objective->n;
	double hessian[OPTIMISE_MAX * OPTIMISE_MAX];
	CoreStatus status = optimise_hessian(env, objective, z, hessian);
	int out;

	if (status != CORE_OK)
		return status;
	for (int i = 0; i < n; i++)
		diverging[i] = fabs(z[i]) > WALL - NEAR;
	do
	{
		out = -1;
		if (!errors_of_rest(n, hessian, cases, diverging, std_error))
			out = flattest(n, hessian, diverging);
		else
		{
			for (int i = 0; i < n; i++)
				if (!diverging[i] && std_error[i] > BEYOND_REASON &&
					(out < 0 || std_error[i] > std_error[out]))
					out = i;
		}
		if (out >= 0)
			diverging[out] = true;
	} while (out >= 0);
	for (int i = 0; i < n; i++)
		std_error[i] *= parameter[i];
	return CORE_OK;
}
