/*
 * stats.c - distributions by the incomplete beta function and erfc
 *
 * I_x(a, b) is the continued fraction of DLMF 8.17.22 in its even part, as DiDonato & Morris (1992, "Algorithm 708") use
 * it: there the differences that cancel for large a (1 - x near 0) can be written out by hand, so a million degrees of
 * freedom cost no digit.  The factor in front, x^a y^b / B(a, b), is written by deviations from the mean and Stirling's
 * remainder (Loader 2000, "Fast and accurate computation of binomial probabilities"), for the same reason: the difference of
 * large lgammas would leave nothing.
 *
 * Quantiles solve the distribution function in the tail that is small: Halley's steps for the normal, Newton's steps on
 * log(probability) over log(t), a concave curve, for Student's t.
 */
#include <math.h>

#include "stats.h"

#define SQRT_HALF 0.70710678118654752440
#define SQRT_2PI 2.5066282746310005024
#define HALF_LOG_2PI 0.91893853320467274178

/* ---- the incomplete beta function ---- */

/* u - log(ratio) where ratio is 1 + u: the first carries the digits near 1, the second near 0. */
static double
log_gap(double u, double ratio)
{
	double r = u / (2 + u);
	double r2 = r * r;
	double sum = 0;

	if (u < -0.5 || u > 0.5)
		return u - log(ratio);
	/* log(1 + u) = 2 atanh(r), and u - 2 r = u r */
	for (int k = 37; k >= 3; k -= 2)
		sum = sum * r2 + 1.0 / k;
	return u * r - 2 * r * r2 * sum;
}

/* log(Gamma(a)) less Stirling's formula (a - 1/2) log(a) - a + log(2 pi) / 2. */
static double
stirling_remainder(double a)
{
	double a2 = a * a;

	if (a < 15)
	{
		int sign;

		return lgamma_r(a, &sign) - ((a - 0.5) * log(a) - a + HALF_LOG_2PI);
	}
	return (1.0 / 12 -
			(1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188 - 691.0 / 360360 / a2) / a2) / a2) / a2) /
				a2) /
		   a;
}

/* x^a y^b / B(a, b) */
static double
beta_front(double a, double b, double x, double y)
{
	double sum = a + b;
	double off; /* x - a / (a + b) */

	if (x == 0 || y == 0)
		return 0;
	off = x <= y ? x - a / sum : b / sum - y;
	return sqrt(a / sum * b) / SQRT_2PI *
		   exp(-a * log_gap(off * sum / a, x * sum / a) - b * log_gap(-off * sum / b, y * sum / b) +
			   (stirling_remainder(sum) - stirling_remainder(a) - stirling_remainder(b)));
}

/* I_x(a, b) / beta_front, for x <= a / (a + b); modified Lentz. */
static double
beta_fraction(double a, double b, double x, double y)
{
	double excess = x <= y ? a - (a + b) * x : (a + b) * y - b; /* >= 0 */
	double value = (1 + excess) / (a + 1);
	double c = value;
	double d = 0;
	double odd = -(a + b) * x / (a + 1); /* coefficient 2 n - 1 of the whole fraction */

	for (int n = 1; n < 100000; n++)
	{
		double at = a + n;
		double even = n * (b - n) * x / ((at + n - 1) * (at + n));
		double below = (at + n) * (at + n + 1);
		double step = (at * (2 * n + 1 + n * y + excess) + (double) n * (n + 1)) / below + even;
		double factor;

		d = 1 / (step - odd * even * d);
		c = step - odd * even / c;
		factor = c * d;
		value *= factor;
		if (fabs(factor - 1) < 1e-16)
			break;
		odd = -at * (at + b) * x / below;
	}
	return 1 / (a * value);
}

double
beta_regularized(double a, double b, double x, double y)
{
	if (!(a > 0 && b > 0 && x >= 0 && y >= 0))
		return NAN;
	if (x == 0 || y == 0)
		return x == 0 ? 0 : 1;
	if (x <= a / (a + b))
		return beta_front(a, b, x, y) * beta_fraction(a, b, x, y);
	return 1 - beta_front(b, a, y, x) * beta_fraction(b, a, y, x);
}

/* ---- normal ---- */

double
normal_sf(double x)
{
	return 0.5 * erfc(x * SQRT_HALF);
}

double
normal_cdf(double x)
{
	return normal_sf(-x);
}

/* x > 0 with P(Z > x) = tail, tail < 1/4. */
static double
normal_tail_quantile(double tail)
{
	double r = sqrt(-2 * log(tail));
	/* Abramowitz & Stegun 26.2.23, off by 4.5e-4 at most */
	double x =
		r - (2.515517 + r * (0.802853 + r * 0.010328)) / (1 + r * (1.432788 + r * (0.189269 + r * 0.001308)));

	for (int i = 0; i < 3; i++)
	{
		double sf = normal_sf(x);
		/* log(sf / tail) over the hazard; the hazard's own slope makes it Halley's step */
		double hazard = exp(-0.5 * x * x) / (SQRT_2PI * sf);
		double step = log(sf / tail) / hazard;

		x += step / (1 + 0.5 * step * (hazard - x));
	}
	return x;
}

/* x with P(0 < Z <= x) = q, 0 <= q <= 1/4. */
static double
normal_central_quantile(double q)
{
	double x = q * SQRT_2PI;

	for (int i = 0; i < 5; i++)
	{
		double step = (q - 0.5 * erf(x * SQRT_HALF)) * SQRT_2PI * exp(0.5 * x * x);

		x += step / (1 - 0.5 * step * x);
	}
	return x;
}

double
normal_quantile(double p)
{
	if (!(p >= 0 && p <= 1))
		return NAN;
	if (p == 0 || p == 1)
		return p == 0 ? -INFINITY : INFINITY;
	if (fabs(p - 0.5) <= 0.25)
		return copysign(normal_central_quantile(fabs(p - 0.5)), p - 0.5);
	return p < 0.5 ? -normal_tail_quantile(p) : normal_tail_quantile(1 - p);
}

/* ---- Student's t ---- */

/* x and y of the beta function for |t|, without overflow: P(|T| > t) = I_x(df / 2, 1 / 2). */
static void
student_t_to_beta(double t, double df, double *x, double *y)
{
	double ratio = t * (t / df); /* t^2 / df */

	*x = 1 / (1 + ratio);
	*y = ratio > 1 ? 1 / (1 + 1 / ratio) : ratio / (1 + ratio);
}

double
student_t_two_sided(double t, double df)
{
	double x;
	double y;

	if (isnan(t) || !(df > 0))
		return NAN;
	if (isinf(df))
		return 2 * normal_sf(fabs(t));
	if (isinf(t))
		return 0;
	student_t_to_beta(t, df, &x, &y);
	/* t^2 / df may overflow while the tail is still a number: P = (sqrt(df) / t)^df / ((df / 2) B(df / 2, 1 / 2)) */
	if (x == 0)
	{
		double half = 0.5 * df;

		return exp(df * (0.5 * log(df) - log(fabs(t))) + lgamma(half + 0.5) - lgamma(half + 1)) /
			   sqrt(3.14159265358979323846);
	}
	return beta_regularized(0.5 * df, 0.5, x, y);
}

double
student_t_cdf(double t, double df)
{
	double tails = student_t_two_sided(t, df);
	double x;
	double y;

	if (t <= 0)
		return 0.5 * tails;
	/* below the middle of the beta distribution the centre is what is computed well */
	if (isfinite(df) && isfinite(t))
	{
		student_t_to_beta(t, df, &x, &y);
		return 0.5 + 0.5 * beta_regularized(0.5, 0.5 * df, y, x);
	}
	return 1 - 0.5 * tails;
}

/* t > 0 with P(|T| > t) = tails, or with P(|T| <= t) = central where tails is above 1/2. */
static double
student_t_solve(double tails, double central, double df)
{
	double log_t =
		log(tails <= 0.5 ? normal_tail_quantile(0.5 * tails) : normal_central_quantile(0.5 * central));

	for (int i = 0; i < 200; i++)
	{
		double x;
		double y;
		double probability;
		double step;

		student_t_to_beta(exp(log_t), df, &x, &y);
		probability =
			tails <= 0.5 ? beta_regularized(0.5 * df, 0.5, x, y) : beta_regularized(0.5, 0.5 * df, y, x);
		/* d probability / d log(t) is twice the front factor */
		step = probability / (2 * beta_front(0.5 * df, 0.5, x, y));
		step *= tails <= 0.5 ? log(probability / tails) : log(central / probability);
		log_t += fmax(-1, fmin(1, step));
		if (!(fabs(step) > 1e-15))
			break;
	}
	return exp(log_t);
}

double
student_t_quantile(double p, double df)
{
	double tails = 2 * (p < 0.5 ? p : 1 - p);
	double central = 2 * fabs(p - 0.5);
	double t;

	if (!(p >= 0 && p <= 1) || !(df > 0))
		return NAN;
	if (isinf(df) || p == 0 || p == 1)
		return normal_quantile(p);
	if (p == 0.5)
		return 0;
	t = student_t_solve(tails, central, df);
	return p < 0.5 ? -t : t;
}
