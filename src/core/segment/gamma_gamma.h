/*
 * gamma_gamma.h - what customers' orders are worth on average, by the Gamma-Gamma model
 *
 * Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value".  An order's value is Gamma(p, v) with a customer's own
 * v, which is Gamma(q, gamma) over customers.  What is known of a customer is x, the number of orders observed, and
 * their mean value.
 */
#ifndef CORE_SEGMENT_GAMMA_GAMMA_H
#define CORE_SEGMENT_GAMMA_GAMMA_H

#include "../env.h"

typedef struct GammaGamma
{
	double p, q, gamma; /* each above 0; gamma in units of money */
} GammaGamma;

#define GAMMA_GAMMA_PARAMETERS 3

typedef struct GammaGammaFit
{
	GammaGamma model;
	double std_error[GAMMA_GAMMA_PARAMETERS]; /* p, q, gamma; NaN where the likelihood has no curvature */
	bool diverging[GAMMA_GAMMA_PARAMETERS]; /* the data do not hold the parameter */
	double log_likelihood;
	int iterations;
	bool converged;
} GammaGammaFit;

/*
 * Maximum likelihood over n customers of x [n] >= 1 orders with a mean value [n] > 0.  `penalizer` times the sum of the
 * squared parameters, gamma in the caller's money, is added to the mean negative log-likelihood.  Parameters are held
 * within 1e-4 to 1e4 (gamma: times the mean of values).  Scratch 24 bytes an order of the largest x.
 */
extern CoreStatus gamma_gamma_fit(Env *env, int64_t n, const int32_t *x, const double *value,
								  double penalizer, GammaGammaFit *fit);

/*
 * The expected value of an order of a customer with x orders of that mean value; x = 0: of a customer without any.  NaN
 * where the model has no mean (p x + q <= 1).
 */
extern double gamma_gamma_expected(const GammaGamma *model, double x, double value);

#endif
