/*
 * gamma_gamma.c - the Gamma-Gamma model: likelihood, fit, expectation
 *
 * A customer of x orders with mean z has, by Fader & Hardie (2013), the likelihood
 *
 *     Gamma(p x + q) / (Gamma(p x) Gamma(q))  *  gamma^q z^(p x - 1) x^(p x) / (gamma + x z)^(p x + q)
 *
 * Gamma functions depend on x alone and come from tables; sums of x log z and the like are taken once.  What is left per
 * customer is one logarithm.  The search runs over logarithms of p, q and gamma / mean of values, with the exact gradient.
 * The wall about it is that of the BG/NBD model (wall.h).
 */
#include <math.h>

#include "../optimise.h"
#include "gamma_gamma.h"
#include "wall.h"

#define STRETCH 65536 /* customers between two looks at the cancel flag */

typedef struct Problem
{
	int64_t n;
	const int32_t *x; /* [n] */
	const double *value; /* [n] */
	double scale; /* the mean of values: the search's unit of money */
	double penalizer;
	int32_t most_x;
	double *gammas; /* [most_x + 1] log(Gamma(p x + q) / Gamma(p x)) */
	double *by_p; /* [most_x + 1] its derivatives */
	double *by_q; /* [most_x + 1] */

	/* sums over customers, values in units of scale */
	double orders; /* x */
	double log_values; /* log z */
	double orders_log; /* x log(x z) */
} Problem;

/* The derivative of log(Gamma(x)), x > 0: upwards by recurrence, then Stirling's series. */
static double
digamma(double x)
{
	double below = 0;
	double inverse;
	double square;

	for (; x < 10; x++)
		below -= 1 / x;
	inverse = 1 / x;
	square = inverse * inverse;
	return below + log(x) - inverse / 2 -
		   square *
			   (1.0 / 12 -
				square * (1.0 / 120 -
						  square * (1.0 / 252 -
									square * (1.0 / 240 - square * (1.0 / 132 - square * 691.0 / 32760)))));
}

static void
fill_tables(const Problem *problem, double p, double q)
{
	int sign;

	for (int32_t x = 1; x <= problem->most_x; x++)
	{
		double both = digamma(p * x + q);

		problem->gammas[x] = lgamma_r(p * x + q, &sign) - lgamma_r(p * x, &sign);
		problem->by_p[x] = x * (both - digamma(p * x));
		problem->by_q[x] = both;
	}
}

/* Log-likelihood of all and its derivatives by p, q and gamma, in units of scale; values are divided by scale. */
static CoreStatus
sum_likelihood(Env *env, const Problem *problem, const GammaGamma *model, double *value, double *gradient)
{
	int sign;
	double n = (double) problem->n;
	double log_gamma = log(model->gamma);

	fill_tables(problem, model->p, model->q);
	*value = n * (model->q * log_gamma - lgamma_r(model->q, &sign)) + model->p * problem->orders_log -
			 problem->log_values;
	gradient[0] = problem->orders_log;
	gradient[1] = n * (log_gamma - digamma(model->q));
	gradient[2] = n * model->q / model->gamma;
	for (int64_t i = 0; i < problem->n; i++)
	{
		int32_t x = problem->x[i];
		double total = model->gamma + x * (problem->value[i] / problem->scale);
		double shape = model->p * x + model->q;
		double log_total = log(total);

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		*value += problem->gammas[x] - shape * log_total;
		gradient[0] += problem->by_p[x] - x * log_total;
		gradient[1] += problem->by_q[x] - log_total;
		gradient[2] -= shape / total;
	}
	return CORE_OK;
}

/* Objective.evaluate: the mean negative log-likelihood and what is added to it. */
static CoreStatus
evaluate(Env *env, const void *arg, const double *z, double *value, double *gradient)
{
	const Problem *problem = arg;
	GammaGamma model = {exp(z[0]), exp(z[1]), exp(z[2])};
	const double parameter[GAMMA_GAMMA_PARAMETERS] = {model.p, model.q, model.gamma};
	CoreStatus status = sum_likelihood(env, problem, &model, value, gradient);

	*value /= -(double) problem->n;
	for (int i = 0; i < GAMMA_GAMMA_PARAMETERS; i++)
	{
		double own = parameter[i] * (i == 2 ? problem->scale : 1); /* as the caller sees it */

		gradient[i] *= -parameter[i] / (double) problem->n;
		*value += problem->penalizer * own * own;
		gradient[i] += 2 * problem->penalizer * own * own;
		*value += wall(z[i], &gradient[i]);
	}
	return status;
}

static CoreStatus
take_sums(Env *env, Problem *problem)
{
	double total = 0;

	for (int64_t i = 0; i < problem->n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		total += problem->value[i];
		if (problem->x[i] > problem->most_x)
			problem->most_x = problem->x[i];
	}
	problem->scale = total / (double) problem->n;
	for (int64_t i = 0; i < problem->n; i++)
	{
		double value = problem->value[i] / problem->scale;

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		problem->orders += problem->x[i];
		problem->log_values += log(value);
		problem->orders_log += problem->x[i] * log(problem->x[i] * value);
	}
	return isfinite(problem->scale) && isfinite(problem->orders_log) ? CORE_OK : CORE_NOT_FINITE;
}

static CoreStatus
search(Env *env, Problem *problem, GammaGammaFit *fit)
{
	Objective objective = {.n = GAMMA_GAMMA_PARAMETERS, .evaluate = evaluate, .arg = problem};
	double z[GAMMA_GAMMA_PARAMETERS] = {log(2), log(3), 0};
	Optimum optimum;
	double gradient[GAMMA_GAMMA_PARAMETERS];
	double parameter[GAMMA_GAMMA_PARAMETERS];
	GammaGamma scaled;
	CoreStatus status = optimise_minimise(env, &objective, 1e-9, 500, z, &optimum);

	if (status != CORE_OK)
		return status;
	scaled = (GammaGamma){exp(z[0]), exp(z[1]), exp(z[2])};
	fit->model = scaled;
	fit->model.gamma *= problem->scale;
	fit->iterations = optimum.iterations;
	fit->converged = optimum.converged;
	parameter[0] = fit->model.p;
	parameter[1] = fit->model.q;
	parameter[2] = fit->model.gamma;
	status = wall_errors(env, &objective, z, (double) problem->n, parameter, fit->std_error, fit->diverging);
	if (status == CORE_OK)
		status = sum_likelihood(env, problem, &scaled, &fit->log_likelihood, gradient);
	fit->log_likelihood -=
		(double) problem->n * log(problem->scale); /* a density of z in the caller's money */
	return status;
}

CoreStatus
gamma_gamma_fit(Env *env, int64_t n, const int32_t *x, const double *value, double penalizer,
				GammaGammaFit *fit)
{
	Problem problem = {.n = n, .x = x, .value = value, .penalizer = penalizer};
	CoreStatus status = take_sums(env, &problem);
	size_t xs = (size_t) problem.most_x + 1;
	double *block;

	if (status != CORE_OK)
		return status;
	block = env->alloc(env, sizeof(double) * 3 * xs);
	if (block == NULL)
		return CORE_NO_MEMORY;
	problem.gammas = block;
	problem.by_p = block + xs;
	problem.by_q = block + 2 * xs;
	status = search(env, &problem, fit);
	env->release(env, block);
	return status;
}

double
gamma_gamma_expected(const GammaGamma *model, double x, double value)
{
	double shape = model->p * x + model->q - 1;

	return shape > 0 ? model->p * (model->gamma + x * value) / shape : NAN;
}
