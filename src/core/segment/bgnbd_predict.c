/*
 * bgnbd_predict.c - the BG/NBD model: what a customer will do
 *
 * Of a customer who is there at T, the rate is Gamma(r + x, alpha + T) and the chance of leaving after an order
 * Beta(a, b + x) (the posterior that follows from the likelihood given that he has not left).  Nobody leaves before an
 * order, so at least one order comes within t with probability
 *
 *     P(alive) (1 - ((alpha + T) / (alpha + T + t))^(r + x))
 *
 * Expected orders are equation 10 of the paper.  Its Gaussian hypergeometric function cancels to nothing where a is near 1
 * and converges badly where t is long beside T, so the expectation is summed otherwise: the customer's j-th order within
 * t needs that he stayed after the j - 1 before, and that j arrivals fit into t, which are negative binomial,
 *
 *     sum over j >= 1 of  B(a, b + x + j - 1) / B(a, b + x)  *  P(NB(r + x, z) >= j),   z = t / (alpha + T + t)
 *
 * where all terms are positive.  Where that takes too many terms, or a first term too small for a double, the
 * expectation over the chance p of leaving is integrated: a customer of rate's posterior and fixed p expects
 * (1 - (1 + p t / (alpha + T))^-(r + x)) / p orders.  On the scale of log(p / (1 - p)) the integrand is analytic in a
 * strip about the real line, and the trapezoidal rule converges like exp(-c / step).  Where a or b + x is small the
 * integrand has a long tail of a known limit, at p = 0 or p = 1: the straight line between the two is taken out.
 */
#include <math.h>

#include "bgnbd.h"

#define SERIES_TERMS 4000
#define SERIES_END 1e-17
#define LOG_NOTHING 70 /* exp(-70) is nothing beside 1 */
#define LONG_TAIL 0.5 /* of a or b + x: below, limits are taken out */

double
bgnbd_alive(const BgNbd *model, double x, double t_x, double age)
{
	double log_odds;

	if (x == 0)
		return 1;
	log_odds =
		log(model->a / (model->b + x - 1)) + (model->r + x) * log1p((age - t_x) / (model->alpha + t_x));
	return 1 / (1 + exp(log_odds));
}

double
bgnbd_any_order(const BgNbd *model, double x, double t_x, double age, double t)
{
	return -bgnbd_alive(model, x, t_x, age) * expm1(-(model->r + x) * log1p(t / (model->alpha + age)));
}

double
bgnbd_expected_by_series(const BgNbd *model, double x, double age, double t)
{
	double s = model->r + x;
	double ratio = t / (model->alpha + age);
	double z = ratio / (1 + ratio);
	double exactly = exp(-s * log1p(ratio)); /* P(NB = j) */
	double tail = -expm1(-s * log1p(ratio)); /* P(NB > j) */
	double stays = 1;
	double sum = 0;

	if (!(exactly > 1e-290))
		return NAN;
	for (int j = 0; j < SERIES_TERMS; j++)
	{
		sum += stays * tail;
		/* what is to come is at most a geometric series */
		if (!(stays * tail > SERIES_END * (1 - z) * sum))
			return sum;
		stays *= (model->b + x + j) / (model->a + model->b + x + j);
		exactly *= z * (s + j) / (j + 1);
		tail -= exactly;
	}
	return NAN;
}

/* The integrand's weight, p^a (1 - p)^b at p = 1 / (1 + exp(-u)), on the log scale. */
static inline double
log_weight(double a, double b, double u)
{
	double small = log1p(exp(-fabs(u)));

	return u > 0 ? -a * small - b * (u + small) : a * (u - small) - b * small;
}

/* A customer whose chance p of leaving is known, and what he expects at p = 0 and p = 1. */
typedef struct Known
{
	double s; /* r + x */
	double ratio; /* t / (alpha + age) */
	double at_0, at_1;
} Known;

/* Expected orders at p = 1 / (1 + exp(-u)). */
static inline double
orders_at(const Known *known, double u)
{
	double p = 1 / (1 + exp(-u));

	return p > 0 ? -expm1(-known->s * log1p(p * known->ratio)) / p : known->at_0;
}

/* By how much the straight line from at_0 to at_1 lies above them, over p (1 - p). */
static inline double
gap_at(const Known *known, double u)
{
	double small = exp(-fabs(u));
	double p = (u > 0 ? 1 : small) / (1 + small);
	double other = (u > 0 ? small : 1) / (1 + small); /* 1 - p */
	double y = p * known->ratio;
	double fall; /* of expected orders from 0 to p, over p */

	if (known->s * y < 1e-4 && y < 1e-4) /* by Taylor's series: the difference would cancel */
		fall = known->s * (known->s + 1) / 2 * known->ratio * known->ratio *
			   (1 - (known->s + 2) / 3 * y * (1 - (known->s + 3) / 4 * y));
	else
		fall = (known->at_0 + expm1(-known->s * log1p(y)) / p) / p;
	return (fall - (known->at_0 - known->at_1)) / other;
}

/* The mean of `what` over p of Beta(a, b). */
static double
mean_over_beta(double a, double b, const Known *known, double (*what)(const Known *known, double u))
{
	double mode = log(a / b);
	double step = fmin(0.2, 0.25 * sqrt(1 / a + 1 / b));
	double top = log_weight(a, b, mode);
	double sum = 0;
	double weights = 0;

	for (int side = -1; side <= 1; side += 2)
	{
		for (int i = side < 0 ? 0 : 1;; i++)
		{
			double u = mode + side * step * i;
			double log_w = log_weight(a, b, u) - top;
			double w = exp(log_w);

			if (!(log_w > -LOG_NOTHING))
				break;
			weights += w;
			sum += w * what(known, u);
		}
	}
	return sum / weights;
}

double
bgnbd_expected_by_quadrature(const BgNbd *model, double x, double age, double t)
{
	double s = model->r + x;
	double ratio = t / (model->alpha + age);
	double a = model->a;
	double b = model->b + x;
	Known known = {s, ratio, s * ratio, -expm1(-s * log1p(ratio))};

	if (a >= LONG_TAIL && b >= LONG_TAIL)
		return mean_over_beta(a, b, &known, orders_at);
	/* p (1 - p) turns the weights of Beta(a, b) into those of Beta(a + 1, b + 1) */
	return (known.at_0 * b + known.at_1 * a -
			mean_over_beta(a + 1, b + 1, &known, gap_at) * a * b / (a + b + 1)) /
		   (a + b);
}

double
bgnbd_expected_orders(const BgNbd *model, double x, double t_x, double age, double t)
{
	double orders = bgnbd_expected_by_series(model, x, age, t);

	if (isnan(orders))
		orders = bgnbd_expected_by_quadrature(model, x, age, t);
	return orders * bgnbd_alive(model, x, t_x, age);
}
