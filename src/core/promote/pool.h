/*
 * pool.h - many products' elasticities, each pooled towards its category
 */
#ifndef CORE_PROMOTE_POOL_H
#define CORE_PROMOTE_POOL_H

#include "design.h"

#define POOL_FEWEST 4 /* estimates that a mean of products needs before anything is pooled towards it */

/* One product by itself: least squares of log quantity on log price and covariates. */
typedef struct OwnFit
{
	int64_t rows;
	double slope; /* NaN: price does not vary, or too few rows */
	double scale; /* variance of the slope over the rows' variance */
	double variance; /* of the rows' residuals */
	double df; /* of that; 0: no estimate */
} OwnFit;

typedef enum PoolKind
{
	POOL_CATEGORY, /* towards the category's mean */
	POOL_ALL, /* the category has fewer than POOL_FEWEST estimates: towards the mean of all products */
	POOL_NONE /* all products together have fewer */
} PoolKind;

/* A mean of elasticities and how far products are spread about it. */
typedef struct PoolMean
{
	int32_t n; /* estimates in it */
	double mean;
	double spread2; /* variance between products (tau squared) by REML */
	double precision; /* sum of 1 / (error variance + spread2) */
	double mean_error2; /* weighted mean of the error variances */
} PoolMean;

typedef struct Pooled
{
	PoolKind kind;
	double slope; /* NaN when there is nothing to say */
	double std_error;
	double df; /* of Student's t for the interval */
	double own_weight; /* 1 - shrinkage; 0 for a product without an estimate of its own */
} Pooled;

/* The moderated variances' prior: that of limma (Smyth 2004). */
typedef struct VariancePrior
{
	double variance;
	double df; /* infinite: the products' variances do not differ beyond chance */
} VariancePrior;

/*
 * Fit each product by itself.  Group 0 of the design is the product, rows sorted by it; column 0 is log quantity, 1 log
 * price, others covariates.  own [levels of group 0].  Scratch: a square of the columns.
 */
extern CoreStatus pool_fit_own(Env *env, const Design *design, OwnFit *own);

/*
 * Pool n products with category [n] in 0 .. categories - 1: mean [categories + 1] (the last over all products) and
 * pooled [n] are filled.  Scratch 16 bytes a product.
 */
extern CoreStatus pool_products(Env *env, const OwnFit *own, const int32_t *category, int32_t n,
								int32_t categories, VariancePrior *prior, PoolMean *mean, Pooled *pooled);

#endif
