/*
 * contingency.c - two events in N cases: lift with its interval, and Fisher's exact test
 *
 * With n11 = both, n1. and n.1 the margins and L = n11 N / (n1. n.1), the delta method on log L under multinomial sampling
 * gives
 *
 *   Var(log L) = 1/n11 - 1/n1. - 1/n.1 + (2 L - 1)/N
 *
 * (the gradient by the cell probabilities is (1/p11 - 1/p1. - 1/p.1, -1/p1., -1/p.1, 0), its mean over the cells -1).
 *
 * The hypergeometric probability of a table with cells c, expected counts e and margins m is
 *
 *   prod m! / (N! prod c!)  =  exp(-sum D(c, e) + sum S(m) - S(N) - sum S(c)) sqrt(prod m / (N prod c)) (2 pi)^h
 *
 * with D(c, e) = c log(c/e) - c + e, S(n) = log n! - (n + 1/2) log n + n - log(2 pi)/2, and zeros left out of the products;
 * h is half of the margins less cells, less 1, that are not zero.  Every term is small where the probability is not, so nothing is lost to cancellation, as it would be
 * among log n! themselves (the saddle-point form of Loader 2000).  The tail is summed by the ratio of neighbours, away from
 * the mean.
 */
#include "contingency.h"

#include <math.h>
#include <stdbool.h>

#define NORMAL_95 1.959963984540054
#define HALF_LOG_2PI 0.918938533204672741780329736406

double
contingency_lift(const Contingency *table)
{
	return (double) table->both * (double) table->all / ((double) table->first * (double) table->second);
}

void
contingency_lift_interval(const Contingency *table, double *low, double *high)
{
	double lift = contingency_lift(table);
	double variance = 1.0 / (double) table->both - 1.0 / (double) table->first -
					  1.0 / (double) table->second + (2 * lift - 1) / (double) table->all;
	double half = NORMAL_95 * sqrt(fmax(variance, 0));

	if (table->both <= 0)
	{
		*low = NAN;
		*high = NAN;
		return;
	}
	*low = lift * exp(-half);
	*high = lift * exp(half);
}

/* S(n): what Stirling's formula leaves of log n!; 0 for n = 0, which the products leave out. */
static double
stirling_rest(double n)
{
	double inverse = 1 / (n * n);
	int sign;

	if (n == 0)
		return 0;
	if (n < 16)
		return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - HALF_LOG_2PI;
	return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - inverse / 1680) * inverse) * inverse) / n;
}

/* D(c, e) = c log(c/e) - c + e, by the series of log about 1 where c is near e. */
static double
deviance(double c, double e)
{
	double v = (c - e) / (c + e);
	double sum = v * (c - e);
	double power = 2 * c * v;

	if (c == 0)
		return e;
	if (fabs(v) > 0.1)
		return c * log(c / e) - c + e;
	for (int j = 1; j < 100; j++)
	{
		double before = sum;

		power *= v * v;
		sum += power / (2 * j + 1);
		if (sum == before)
			break;
	}
	return sum;
}

static double
half_log(double n)
{
	return n == 0 ? 0 : 0.5 * log(n);
}

/* log P(X = both) for a possible table whose margins are neither 0 nor all. */
static double
log_probability(double both, double first, double second, double all)
{
	double row[] = {first, all - first};
	double col[] = {second, all - second};
	double cell[] = {both, first - both, second - both, all - first - second + both};
	double sum = -stirling_rest(all) - half_log(all) - HALF_LOG_2PI;

	for (int i = 0; i < 2; i++)
	{
		sum += stirling_rest(row[i]) + half_log(row[i]) + HALF_LOG_2PI;
		sum += stirling_rest(col[i]) + half_log(col[i]) + HALF_LOG_2PI;
	}
	for (int i = 0; i < 4; i++)
	{
		sum -= deviance(cell[i], row[i / 2] * (col[i % 2] / all));
		sum -= stirling_rest(cell[i]) + half_log(cell[i]) + (cell[i] > 0 ? HALF_LOG_2PI : 0);
	}
	return sum;
}

/* P(X >= x) when `up`, else P(X <= x): the terms fall from x on, since the mean is on the other side. */
static double
tail(double x, double first, double second, double all, bool up)
{
	double rest = all - first - second;
	double term = 1;
	double sum = 1;
	double most = fmin(first, second);
	double least = fmax(0, -rest);

	for (double y = x; up ? y < most : y > least; y += up ? 1 : -1)
	{
		if (up)
			term *= (first - y) * (second - y) / ((y + 1) * (rest + y + 1));
		else
			term *= y * (rest + y) / ((first - y + 1) * (second - y + 1));
		sum += term;
		if (term < 1e-17 * sum)
			break;
	}
	return sum * exp(log_probability(x, first, second, all));
}

double
contingency_fisher(const Contingency *table)
{
	double both = (double) table->both;
	double first = (double) table->first;
	double second = (double) table->second;
	double all = (double) table->all;

	if (both <= fmax(0, first + second - all)) /* no table has fewer: first or second 0 or all among them */
		return 1;
	if (both > first * (second / all))
		return fmin(tail(both, first, second, all, true), 1);
	return fmax(1 - tail(both - 1, first, second, all, false), 0);
}
