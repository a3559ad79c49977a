/*
 * audit.h - what in a shop's rows looks wrong
 */
#ifndef CORE_PROMOTE_AUDIT_H
#define CORE_PROMOTE_AUDIT_H

#include "design.h"

/* Values outside low .. high lie more than AUDIT_FAR robust deviations from the median. */
#define AUDIT_FAR 6.0
#define AUDIT_FEWEST 30 /* values that this takes */

typedef struct AuditSpread
{
	int64_t n; /* values above zero */
	double median;
	double low, high; /* -infinity, infinity: too few values, or no spread */
	bool whole; /* all of them whole numbers */
	double tens; /* share of multiples of ten */
} AuditSpread;

/*
 * Spread of the values [n] above zero (and below HUGE_VAL), on the log scale: median and median absolute deviation, or
 * mean absolute deviation where more than half of the values are equal (Iglewicz & Hoaglin 1993).
 */
extern CoreStatus audit_spread(Env *env, const double *values, int64_t n, AuditSpread *spread);

/* True when rows a and b agree in everything. */
extern bool audit_same_row(const Design *design, int64_t a, int64_t b);

/*
 * Column 0 is an amount, group 0 the item.  flag [n] is set for rows whose amount is about a hundred times, or a hundredth
 * of, the median of at least three amounts of its item.  The design is sorted on return, and flag follows its rows.
 */
extern CoreStatus audit_mixed_units(Env *env, Design *design, uint8_t *flag);

#define AUDIT_REPEATS 10 /* rows of one account ... */
#define AUDIT_REPEAT_SHARE 0.8 /* ... of which so many are of one item and amount */
#define AUDIT_BURST 5 /* rows of one account and item on one day */

#define AUDIT_REPEATING 1
#define AUDIT_BURSTING 2

/*
 * Group 0 is the account, 1 the item, 2 (when there) the day, column 0 (when there) the amount.  flags [levels of group 0]
 * receives AUDIT_REPEATING and AUDIT_BURSTING, rows [levels] the account's rows.  The design's arrays are in disorder on return.
 */
extern CoreStatus audit_accounts(Env *env, Design *design, uint8_t *flags, int64_t *rows);

#endif
