/*
 * contingency.h - two events in N cases: lift with its interval, and Fisher's exact test
 */
#ifndef CORE_CONTINGENCY_H
#define CORE_CONTINGENCY_H

#include <stdint.h>

/* Cases in which both events, the first, and the second occurred; of `all`.  both <= first, second <= all. */
typedef struct Contingency
{
	int64_t both;
	int64_t first;
	int64_t second;
	int64_t all;
} Contingency;

/* P(both) / (P(first) P(second)); NaN when an event never occurred. */
extern double contingency_lift(const Contingency *table);

/*
 * The 95 % interval of the lift by the log method: the delta method on log lift under multinomial sampling of the four cells,
 * as Katz, Baptista, Azen & Pike (1978) do for the relative risk.  NaN when both = 0.
 */
extern void contingency_lift_interval(const Contingency *table, double *low, double *high);

/*
 * Fisher's exact test against the alternative that the events occur together more often than by chance:
 * P(X >= both) for hypergeometric X with these margins.  Below the smallest double it is 0.
 */
extern double contingency_fisher(const Contingency *table);

#endif
