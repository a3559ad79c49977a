/*
 * fit.h - what every fit of a promotion's effect says, however it was computed
 *
 * A fit is least squares of sales on [1, promo, covariates]; it may come from one pass (moments), two passes, or with fixed
 * effects absorbed.  Whoever fits fills the first half of LiftFit; fit_finish derives the second.
 *
 * The terms stand in one fixed order: 0 the intercept, 1 promo, 2 .. covariates in the order given.  A term that was not
 * estimated (an intercept absorbed by fixed effects, a collinear column that was dropped) has the coefficient NaN and rows
 * and columns of NaN in the covariance.
 */
#ifndef CORE_PROMOTE_FIT_H
#define CORE_PROMOTE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#define FIT_INTERCEPT 0
#define FIT_PROMO 1
#define FIT_COVARIATE 2 /* the first */

/* What the standard errors assume. */
typedef enum FitErrors
{
	FIT_HC1, /* rows independent, any variance (MacKinnon & White 1985) */
	FIT_CLUSTERED, /* CR1: rows independent between clusters (Liang & Zeger 1986), scaled as Stata does */
	FIT_CLUSTERED_TWO_WAYS, /* Cameron, Gelbach & Miller 2011 */
	FIT_CLASSICAL /* rows independent and of one variance */
} FitErrors;

typedef struct LiftFit
{
	/* ---- filled by whoever fits ---- */
	int64_t n; /* rows used */
	int64_t rows_skipped; /* left out because of a NULL or, in log form, a value of zero or less */
	int32_t p; /* terms */
	double *coefficients; /* [p] */
	double *covariance; /* [p][p], or NULL: not known, and neither are errors, intervals and p-values */
	FitErrors errors;
	int64_t n_clusters; /* of two ways the fewer; 0: not clustered */
	double df; /* of Student's t: n - estimated terms; clusters - 1 */
	double r2; /* NaN: sales do not vary */

	/*
	 * Mean of the terms over the promoted rows (promo <> 0), [p]: 1, not looked at, mean covariates; and what else their
	 * predicted sales hold (absorbed fixed effects), taken as known.
	 */
	const double *promoted_means;
	double promoted_base;

	const char *note; /* what a reader must know beside the numbers, or NULL */

	/* ---- derived by fit_finish; NaN where it cannot be had ---- */
	double extra_sales_per_row; /* the coefficient of promo */
	double std_error;
	double t;
	double p_value; /* two-sided */
	double ci_low, ci_high; /* 95 % */
	double expected_without_promo; /* the promoted rows' mean prediction with promo = 0 */
	double lift_percent; /* 100 x extra / expected; NaN unless the latter is above 0 */
	double lift_low, lift_high; /* 95 %, by the delta method, the promoted rows' means taken as fixed */
} LiftFit;

/* One term with its error: the same arithmetic for the effect, every covariate, and rows read back from SQL. */
typedef struct FitTerm
{
	double estimate;
	double std_error;
	double t;
	double p_value;
	double ci_low, ci_high;
} FitTerm;

/* variance: NaN where not known (zero or above otherwise, rounding below zero counts as zero). */
extern FitTerm fit_term(double estimate, double variance, double df);

/* Fill the second half of the fit. */
extern void fit_finish(LiftFit *fit);

#endif
