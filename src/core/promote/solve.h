/*
 * solve.h - least squares of sales on [1, promo, covariates] from sums about a pivot, with robust or clustered errors
 */
#ifndef CORE_PROMOTE_SOLVE_H
#define CORE_PROMOTE_SOLVE_H

#include "../env.h"
#include "fit.h"

typedef struct SolveInput
{
	int32_t k; /* columns beside sales: promo, covariates */
	int64_t n; /* rows, at least 1 */
	FitErrors errors; /* FIT_HC1, FIT_CLUSTERED or FIT_CLASSICAL */
	const double *pivot; /* [k + 1] promo, covariates, sales */
	const double *pairs; /* see moments.h */
	double promoted; /* rows with promo <> 0 */
	const double *promoted_sums; /* [k - 1] their covariates less the pivot, summed */

	/* FIT_HC1: the rows themselves where they are all at hand, else fourth moments (of which pairs is the beginning) */
	const double *rows; /* [n][stride] or NULL */
	int32_t stride;

	/* FIT_CLUSTERED: each cluster's pairs */
	const double *clusters; /* [n_clusters][cluster_stride] */
	int64_t n_clusters;
	int64_t cluster_stride;
} SolveInput;

/* What became of a column beside sales. */
typedef enum SolveColumn
{
	SOLVE_KEPT = 0,
	SOLVE_CONSTANT, /* does not vary */
	SOLVE_COLLINEAR /* a linear combination of the covariates before it (of all of them, in the case of promo) */
} SolveColumn;

/* What a reader must be told. */
typedef struct SolveReport
{
	bool too_few_rows; /* fewer than terms: nothing was estimated */
	bool no_rows_left; /* as many rows as terms: no errors */
	bool sales_constant; /* no errors */
	bool one_cluster; /* no errors */
	bool digits_lost; /* fewer than SOLVE_DIGITS left of promo's variance: no errors */
	bool none_promoted; /* no row has promo <> 0 */
	bool one_promoted; /* just one has: HC1 takes its residual, which is 0, for its error */
	bool one_unpromoted; /* just one has not, the others are promoted alike: the same */
	bool one_cluster_differs; /* all clusters but one have promo 0 throughout, or all have 1: as with rows */
	bool all_promoted;
	SolveColumn *columns; /* [k], provided by the caller: promo, covariates */
} SolveReport;

#define SOLVE_DIGITS 6

/*
 * Fill the first half of fit (but for rows_skipped and note): coefficients [k + 1] and covariance [k + 1][k + 1] are provided by the
 * caller, as is means [k + 1], which becomes fit->promoted_means; fit->covariance becomes NULL where errors are not to be
 * had.  Columns that do not vary or are collinear are left out: covariates in their order, promo last, so that an effect is
 * never told apart from a covariate by chance.
 */
extern CoreStatus solve_fit(Env *env, const SolveInput *input, LiftFit *fit, double *means,
							SolveReport *report);

#endif
