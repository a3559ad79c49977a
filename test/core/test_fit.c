/*
 * test_fit.c - errors, intervals and lift from coefficients and covariance
 *
 * The figures are R's, of lm(sales ~ promo + price) on eight rows with sandwich's HC1:
 *
 *   d <- data.frame(sales = c(12, 15, 9, 22, 25, 11, 30, 14), promo = c(0, 0, 0, 1, 1, 0, 1, 0),
 *                   price = c(2.5, 2.1, 2.9, 2.2, 1.9, 2.6, 1.5, 2.3))
 *   m <- lm(sales ~ promo + price, d); V <- sandwich::vcovHC(m, "HC1"); b <- coef(m)
 *   w <- c(1, 0, mean(d$price[d$promo == 1])); L <- b[2] / sum(w * b); g <- (c(0, 1, 0) - L * w) / sum(w * b)
 *   q <- qt(.975, 5); se <- sqrt(V[2, 2]); s <- sqrt(drop(t(g) %*% V %*% g))
 *   dput(c(b, V)); dput(c(se, b[2] / se, 2 * pt(-b[2] / se, 5), b[2] - q * se, b[2] + q * se))
 *   dput(c(sum(w * b), 100 * L, 100 * (L - q * s), 100 * (L + q * s)))
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "promote/fit.h"

static double coefficients[3] = {35.25162689804772, 7.765726681127983, -9.295010845986985};
static double covariance[9] = {8.305662299672125,  -1.66805846004107,  -3.323080821330138,
							   -1.668058460041034, 0.5875335312239456, 0.6456889789810538,
							   -3.323080821330106, 0.6456889789810597, 1.340454809017317};
static const double promoted_means[3] = {1, 1, (2.2 + 1.9 + 1.5) / 3};

static LiftFit
example(void)
{
	LiftFit fit;

	memset(&fit, 0, sizeof(fit));
	fit.n = 8;
	fit.p = 3;
	fit.coefficients = coefficients;
	fit.covariance = covariance;
	fit.df = 5;
	fit.promoted_means = promoted_means;
	return fit;
}

static void
test_against_r(void)
{
	LiftFit fit = example();

	fit_finish(&fit);
	CHECK(fit.extra_sales_per_row == coefficients[1]);
	CHECK_CLOSE(fit.std_error, 0.7665073588844047, 1e-13);
	CHECK_CLOSE(fit.t, 10.13131392819298, 1e-13);
	CHECK(fabs(fit.p_value / 0.0001605749754491806 - 1) < 1e-12);
	CHECK_CLOSE(fit.ci_low, 5.795356787498168, 1e-13);
	CHECK_CLOSE(fit.ci_high, 9.736096574757799, 1e-13);
	CHECK_CLOSE(fit.expected_without_promo, 17.90093998553868, 1e-13);
	CHECK_CLOSE(fit.lift_percent, 43.38166983075496, 1e-13);
	CHECK_CLOSE(fit.lift_low, 28.34562888657267, 1e-12);
	CHECK_CLOSE(fit.lift_high, 58.41771077493725, 1e-12);
}

/* What is not known stays unknown, and takes nothing else along. */
static void
test_not_known(void)
{
	double holes[3] = {NAN, 2, NAN};
	double variance[9] = {NAN, NAN, NAN, NAN, 0.25, NAN, NAN, NAN, NAN};
	LiftFit fit = example();

	fit.covariance = NULL;
	fit_finish(&fit);
	CHECK(fit.extra_sales_per_row == coefficients[1] && fit.lift_percent > 43);
	CHECK(isnan(fit.std_error) && isnan(fit.p_value) && isnan(fit.ci_low) && isnan(fit.lift_low));

	/* fixed effects took the intercept, the covariate was dropped: 100 % of what else is predicted */
	fit = example();
	fit.coefficients = holes;
	fit.covariance = variance;
	fit.promoted_base = 2;
	fit_finish(&fit);
	CHECK(fit.std_error == 0.5 && fit.t == 4 && fit.lift_percent == 100 && fit.lift_low > 0);

	holes[FIT_PROMO] = NAN;
	fit_finish(&fit);
	CHECK(isnan(fit.extra_sales_per_row) && isnan(fit.std_error) && isnan(fit.expected_without_promo));
}

/* A ratio to something that is not above zero says nothing. */
static void
test_no_base(void)
{
	LiftFit fit = example();

	fit.promoted_base = -100;
	fit_finish(&fit);
	CHECK(fit.expected_without_promo < 0 && isnan(fit.lift_percent) && isnan(fit.lift_high));
	CHECK(fit.std_error > 0);
}

static void
test_no_error(void)
{
	FitTerm term = fit_term(3, 0, 7);

	CHECK(term.std_error == 0 && term.ci_low == 3 && term.ci_high == 3 && term.p_value == 0 && isinf(term.t));
	term = fit_term(0, 0, 7);
	CHECK(isnan(term.t) && isnan(term.p_value));
	CHECK(fit_term(1, -1e-20, 7).std_error == 0);
	CHECK(isnan(fit_term(1, 1, 0).std_error));
}

int
main(void)
{
	test_against_r();
	test_not_known();
	test_no_base();
	test_no_error();
	return check_finish();
}
