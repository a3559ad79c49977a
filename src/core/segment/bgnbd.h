/*
 * bgnbd.h - when customers come back, by the BG/NBD model
 *
 * Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model".  A customer
 * who is there orders at a rate of his own, Gamma(r, alpha) over customers, and after each order leaves for good with a
 * chance of his own, Beta(a, b) over customers.  What is known of a customer is x, the number of orders after the first;
 * t_x, the time from the first to the last; and age, the time from the first to now (T in the paper).
 */
#ifndef CORE_SEGMENT_BGNBD_H
#define CORE_SEGMENT_BGNBD_H

#include "../env.h"

typedef struct BgNbd
{
	double r, alpha, a, b; /* each above 0; alpha in units of time */
} BgNbd;

#define BGNBD_PARAMETERS 4

/* Customers by what is known of them; those who agree in all stand together. */
typedef struct Histories
{
	int64_t n;
	int32_t *x; /* [n] orders after the first, on days of their own: at most last */
	int32_t *last; /* [n] days from the first to the last order */
	int32_t *age; /* [n] days from the first order to now; not before last */
	double *count; /* [n] customers */
} Histories;

/*
 * Group customers, in place: n [customers] becomes the number of groups.  x, last and age are below 2^20.  Scratch 32 bytes
 * a customer.
 */
extern CoreStatus histories_group(Env *env, Histories *histories);

typedef struct BgNbdFit
{
	BgNbd model;
	double std_error[BGNBD_PARAMETERS]; /* r, alpha, a, b; NaN where the likelihood has no curvature */
	bool diverging[BGNBD_PARAMETERS]; /* the data do not hold the parameter: it left for nought or infinity */
	double log_likelihood;
	int iterations;
	bool converged;
} BgNbdFit;

/*
 * Maximum likelihood; a unit of time has days_per_unit days.  `penalizer` times the sum of the squared parameters, alpha
 * counted in largest ages, is added to the mean negative log-likelihood.  Parameters are held within 1e-4 to 1e4 (alpha:
 * times the mean age).
 * Scratch 16 bytes a day of the largest age and 32 bytes an order of the largest x.
 */
extern CoreStatus bgnbd_fit(Env *env, const Histories *histories, double days_per_unit, double penalizer,
							BgNbdFit *fit);

/* Log-likelihood of all customers. */
extern CoreStatus bgnbd_log_likelihood(Env *env, const Histories *histories, double days_per_unit,
									   const BgNbd *model, double *value);

/* The probability that the customer has not left; 1 where x is 0, since nobody leaves before an order. */
extern double bgnbd_alive(const BgNbd *model, double x, double t_x, double age);

/* The probability of at least one order within the next t units. */
extern double bgnbd_any_order(const BgNbd *model, double x, double t_x, double age, double t);

/* Expected orders within the next t units. */
extern double bgnbd_expected_orders(const BgNbd *model, double x, double t_x, double age, double t);

/* The same for a customer who is there for certain, each by one way alone: for tests.  The series may answer NaN. */
extern double bgnbd_expected_by_series(const BgNbd *model, double x, double age, double t);
extern double bgnbd_expected_by_quadrature(const BgNbd *model, double x, double age, double t);

#endif
