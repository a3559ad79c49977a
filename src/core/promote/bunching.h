/*
 * bunching.h - orders moved above a discount's threshold
 */
#ifndef CORE_PROMOTE_BUNCHING_H
#define CORE_PROMOTE_BUNCHING_H

#include "../env.h"

#define BUNCH_MAX_BINS 2000 /* on both sides of the threshold together */
#define BUNCH_MAX_DEGREE 12
#define BUNCH_SUBPOINTS                                                                                      \
	8 /* places within a bin at which the chance of a refund below the threshold is taken */

/*
 * Amounts are cut into bins of equal width, one edge at the threshold: bin j covers [threshold + j width,
 * threshold + (j + 1) width).  Bins -below .. above - 1 are looked at; of these -out_below .. out_above - 1 are left out of
 * the counterfactual's fit, because orders have moved there.
 */
typedef struct BunchTask
{
	double threshold;
	double width;
	double discount; /* per order at or above the threshold; 0: not known */
	int32_t below, above;
	int32_t out_below, out_above;
	int32_t degree; /* of the polynomial */
	int32_t replicates;
	uint64_t seed;
} BunchTask;

/* Orders as counts: all that the estimates rest on. */
typedef struct BunchCells
{
	int64_t *orders; /* [below + above] by bin, the lowest first */
	double *amount; /* [below + above] sum of the orders' amounts */
	int64_t *
		undone; /* [out_above] of the bins from the threshold up: orders that refunds brought back below it */
	int64_t *
		refunds; /* [out_above x BUNCH_SUBPOINTS + 1] orders outside the window by refunded share, ever larger */
	int64_t beyond; /* orders above the last bin */
	int64_t total; /* all orders */
} BunchCells;

typedef enum BunchMeasure
{
	BUNCH_MOVED_UP, /* orders in the window above the threshold beyond the counterfactual */
	BUNCH_MISSING, /* orders that the window below the threshold lacks */
	BUNCH_BALANCE, /* moved up less missing */
	BUNCH_EXTRA_SPEND, /* what moving added to the orders' amounts */
	BUNCH_UNDONE, /* orders above that refunds brought below the threshold, beyond the usual */
	BUNCH_ABOVE_ANYWAY, /* orders that would have been at or above the threshold without it */
	BUNCH_SHARE_ANYWAY, /* their share of all orders at or above */
	BUNCH_DISCOUNT_MOVED, /* discount given to orders moved up */
	BUNCH_DISCOUNT_ANYWAY, /* discount given to orders above anyway */
	BUNCH_MEASURES
} BunchMeasure;

typedef struct BunchEstimate
{
	double value;
	double low, high; /* 95 %, percentiles of the bootstrap */
} BunchEstimate;

/* Set all counts to zero; the arrays are the caller's. */
extern void bunch_clear(const BunchTask *task, BunchCells *cells);

/* Count one order of amount >= 0, of which refunded (0 .. amount) came back. */
extern void bunch_add(const BunchTask *task, BunchCells *cells, double amount, double refunded);

/*
 * Estimate; expected [out_below + out_above] receives the counterfactual orders by bin of the window.  *enough is false,
 * and nothing is filled, when there are fewer bins with orders outside the window than the polynomial has coefficients and
 * two more.
 */
extern CoreStatus bunch_estimate(Env *env, const BunchTask *task, const BunchCells *cells,
								 BunchEstimate *estimates, double *expected, bool *enough);

#endif
