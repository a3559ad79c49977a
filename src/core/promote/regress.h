/*
 * regress.h - least squares of sales on promo and covariates over rows in memory
 */
#ifndef CORE_PROMOTE_REGRESS_H
#define CORE_PROMOTE_REGRESS_H

#include "design.h"
#include "fit.h"

#define REGRESS_MAX_CLUSTERS 2
#define REGRESS_MAX_COLUMNS                                                                                  \
	400 /* of the design: what is solved without a look at the cancel flag stays below 0.1 s */

typedef struct RegressTask
{
	Design *design; /* its columns are overwritten with their residuals on the effects */
	int32_t n_effects; /* the first groups of the design; 0: an intercept instead */
	int32_t n_clusters; /* ways to cluster the errors, 0 .. 2 */
	int32_t cluster[REGRESS_MAX_CLUSTERS]; /* groups of the design */
	double tolerance; /* of absorbing the effects, relative */
	int32_t iterations; /* at most, for each column */
} RegressTask;

/* Whether there is an answer. */
typedef enum RegressVerdict
{
	REGRESS_FITTED,
	REGRESS_PROMO_CONSTANT, /* promo has one value in all rows */
	REGRESS_PROMO_ABSORBED, /* promo has one value within the effects */
	REGRESS_PROMO_COLLINEAR, /* promo is a linear combination of covariates and effects; see culprit */
	REGRESS_TOO_FEW_ROWS, /* no more rows than coefficients; see used_df */
	REGRESS_ONE_CLUSTER, /* a way of clustering (culprit) has a single cluster */
	REGRESS_NOT_CONVERGED /* the effects could not be absorbed within the iterations; see culprit */
} RegressVerdict;

/* Term 0 is the intercept, term j the design's column j. */
typedef struct Regression
{
	RegressVerdict verdict;
	int32_t culprit; /* a column or way of clustering that the verdict is about, -1: none */

	LiftFit fit; /* its arrays are those below */
	double *coefficients; /* [p] */
	double *covariance; /* [p][p] */
	double *promoted_means; /* [p] */
	bool *dropped; /* [p] collinear with what stands before it */

	double within_r2; /* of what the effects leave; NaN without effects */
	int64_t effects_rank; /* coefficients that the effects stand for, 0 without effects */
	int64_t used_df; /* coefficients counted in the errors' small-sample factor */
	int32_t sweeps; /* the most that any column took to be absorbed */
	bool repaired; /* two-way covariance had negative eigenvalues, set to zero */
} Regression;

/*
 * Fit; the caller provides the arrays of `out` for p = design->n_columns terms.  On CORE_OK look at the verdict: only when
 * it is REGRESS_FITTED the rest is filled, fit_finish included.
 *
 * Time O(n p^2 + n p effects sweeps).  Memory: see regress_bytes.
 */
extern CoreStatus regress_fit(Env *env, const RegressTask *task, Regression *out);

/* Bytes that regress_fit asks for at most, beyond the design itself. */
extern size_t regress_bytes(int64_t n, int32_t n_columns, int32_t n_effects, int32_t n_clusters);

#endif
