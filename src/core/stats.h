/*
 * stats.h - the normal and Student's t distribution, and the incomplete beta function they rest on
 *
 * Relative accuracy is 1e-12 or better in both tails, down to probabilities near the smallest double (test_stats.c
 * holds all of them against R).  Arguments outside a function's domain give NaN.  Nothing is kept between calls.
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

/* P(Z <= x) and P(Z > x). */
extern double normal_cdf(double x);
extern double normal_sf(double x);

/* x with P(Z <= x) = p; p in [0, 1], infinite at the ends. */
extern double normal_quantile(double p);

/* P(T <= t), P(|T| > |t|); df > 0, fractions and infinity (the normal) allowed. */
extern double student_t_cdf(double t, double df);
extern double student_t_two_sided(double t, double df);

/* t with P(T <= t) = p; p in [0, 1], infinite at the ends. */
extern double student_t_quantile(double p, double df);

/*
 * The regularised incomplete beta function I_x(a, b); a, b > 0.  y is 1 - x, given beside it because whichever of the two
 * is small carries the digits.
 */
extern double beta_regularized(double a, double b, double x, double y);

#endif
