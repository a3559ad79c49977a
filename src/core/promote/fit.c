/*
 * fit.c - errors, intervals and the lift from coefficients and their covariance
 *
 * Student's t with the fit's degrees of freedom gives p-values and 95 % intervals.  The lift is a ratio, extra / expected,
 * of two linear forms of the coefficients; its variance is the delta method's, g' V g with
 *
 *     g = (e_promo - lift * w) / expected,    w = the promoted rows' means with promo at 0
 *
 * Where the standard error is zero (a perfect fit) the interval is the estimate, t is infinite and p is 0; an estimate of
 * zero with no error has no t.
 */
#include <math.h>
#include <stddef.h>

#include "fit.h"
#include "../stats.h"

#define CONFIDENCE 0.95

FitTerm
fit_term(double estimate, double variance, double df)
{
	FitTerm term = {estimate, NAN, NAN, NAN, NAN, NAN};
	double half;

	if (isnan(variance) || isnan(estimate) || !(df > 0))
		return term;
	term.std_error = sqrt(fmax(0, variance));
	half = student_t_quantile(0.5 + 0.5 * CONFIDENCE, df) * term.std_error;
	term.t = estimate / term.std_error;
	term.p_value = student_t_two_sided(term.t, df);
	term.ci_low = estimate - half;
	term.ci_high = estimate + half;
	return term;
}

/* The promoted rows' mean of term i in the form that predicts sales without the promotion; 0 for terms not estimated. */
static double
weight_without(const LiftFit *fit, int32_t i)
{
	return i == FIT_PROMO || isnan(fit->coefficients[i]) ? 0 : fit->promoted_means[i];
}

static void
finish_lift(LiftFit *fit)
{
	double expected = fit->promoted_base;
	double lift;
	double variance = fit->covariance == NULL ? NAN : 0;
	FitTerm term;

	for (int32_t i = 0; i < fit->p; i++)
	{
		double weight = weight_without(fit, i);

		expected += weight == 0 ? 0 : weight * fit->coefficients[i];
	}
	fit->expected_without_promo = expected;
	if (!(expected > 0))
		return;
	lift = fit->extra_sales_per_row / expected;
	for (int32_t i = 0; i < fit->p && fit->covariance != NULL; i++)
	{
		double g_i = ((i == FIT_PROMO) - lift * weight_without(fit, i)) / expected;

		for (int32_t j = 0; j < fit->p; j++)
		{
			double g_j = ((j == FIT_PROMO) - lift * weight_without(fit, j)) / expected;

			if (g_i != 0 && g_j != 0)
				variance += g_i * g_j * fit->covariance[(size_t) i * fit->p + j];
		}
	}
	term = fit_term(100 * lift, 100 * 100 * variance, fit->df);
	fit->lift_percent = term.estimate;
	fit->lift_low = term.ci_low;
	fit->lift_high = term.ci_high;
}

void
fit_finish(LiftFit *fit)
{
	size_t at = (size_t) FIT_PROMO * fit->p + FIT_PROMO;
	FitTerm promo =
		fit_term(fit->coefficients[FIT_PROMO], fit->covariance == NULL ? NAN : fit->covariance[at], fit->df);

	fit->extra_sales_per_row = promo.estimate;
	fit->std_error = promo.std_error;
	fit->t = promo.t;
	fit->p_value = promo.p_value;
	fit->ci_low = promo.ci_low;
	fit->ci_high = promo.ci_high;
	fit->expected_without_promo = NAN;
	fit->lift_percent = NAN;
	fit->lift_low = NAN;
	fit->lift_high = NAN;
	if (!isnan(promo.estimate))
		finish_lift(fit);
}
