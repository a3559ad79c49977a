/*
 * pair_sum.h - sums that do not depend on the order of their terms
 *
 * A sum is kept as two doubles, high and low, that do not overlap (Knuth's two-sum, Dekker 1971): 106 bits.  Sums of money
 * fit into them exactly (amounts from a hundredth to a billion, a billion of them, take less than 100), so
 * whatever the order of rows the rounded result is the same.
 */
#ifndef CORE_PAIR_SUM_H
#define CORE_PAIR_SUM_H

static inline void
pair_sum_add(double *high, double *low, double term)
{
	double sum = *high + term;
	double other = sum - *high;
	double error = (*high - (sum - other)) + (term - other);
	double rest = *low + error;

	*high = sum + rest;
	*low = rest - (*high - sum);
}

#endif
