/*
 * test_stats.c - distributions against R, and against each other
 *
 * stats_reference.h holds R's figures and is written by reference_stats.R.  Everything is held to 1e-12 relative; the
 * largest deviations are printed.
 */
#include <math.h>

#include "check.h"
#include "stats.h"
#include "stats_reference.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static double worst; /* of the comparison under way */

static bool
same(double got, double wanted, double tolerance)
{
	double off = got == wanted ? 0 : fabs(got / wanted - 1);

	if (!(off <= worst))
		worst = off;
	if (!(off <= tolerance))
		printf("got %.17g, wanted %.17g, off %.3g\n", got, wanted, off);
	return off <= tolerance;
}

static void
report(const char *what)
{
	printf("%-40s off by %.2g at most\n", what, worst);
	worst = 0;
}

static void
test_normal(void)
{
	for (size_t i = 0; i < ROWS(normal_tails); i++)
	{
		const double *row = normal_tails[i];

		CHECK(same(normal_cdf(row[0]), row[1], 1e-12));
		CHECK(same(normal_sf(row[0]), row[2], 1e-12));
	}
	report("normal_cdf, normal_sf");
	for (size_t i = 0; i < ROWS(normal_quantiles); i++)
		CHECK(same(normal_quantile(normal_quantiles[i][0]), normal_quantiles[i][1], 1e-12));
	report("normal_quantile");
}

static void
test_student_t(void)
{
	for (size_t i = 0; i < ROWS(t_tails); i++)
	{
		const double *row = t_tails[i];

		CHECK(same(student_t_two_sided(row[0], row[1]), row[2], 1e-12));
		CHECK(same(student_t_two_sided(-row[0], row[1]), row[2], 1e-12));
		CHECK(same(student_t_cdf(row[0], row[1]), row[3], 1e-12));
		CHECK(same(student_t_cdf(-row[0], row[1]), row[2] / 2, 1e-12));
	}
	report("student_t_two_sided, student_t_cdf");
	for (size_t i = 0; i < ROWS(t_quantiles); i++)
		CHECK(same(student_t_quantile(t_quantiles[i][0], t_quantiles[i][1]), t_quantiles[i][2], 1e-12));
	report("student_t_quantile");
}

static void
test_beta(void)
{
	for (size_t i = 0; i < ROWS(betas); i++)
		CHECK(same(beta_regularized(betas[i][0], betas[i][1], betas[i][2], 1 - betas[i][2]), betas[i][3],
				   1e-12));
	report("beta_regularized");
}

/* What the reference does not hold: there and back. */
static void
test_round_trips(void)
{
	for (double p = 1e-290; p < 0.5; p *= 7)
		CHECK(same(normal_cdf(normal_quantile(p)), p, 1e-11));
	for (double df = 0.7; df < 1e9; df *= 3.1)
		for (double p = 1e-30; p < 0.5; p *= 5)
			CHECK(same(student_t_cdf(student_t_quantile(p, df), df), p, 1e-12));
	report("quantiles there and back");
}

static void
test_edges(void)
{
	CHECK(normal_quantile(0) == -INFINITY && normal_quantile(1) == INFINITY && normal_quantile(0.5) == 0);
	CHECK(isnan(normal_quantile(-0.1)) && isnan(normal_quantile(1.1)) && isnan(normal_quantile(NAN)));
	CHECK(student_t_two_sided(0, 5) == 1 && student_t_two_sided(INFINITY, 5) == 0);
	CHECK(isnan(student_t_two_sided(NAN, 5)) && isnan(student_t_two_sided(1, 0)) &&
		  isnan(student_t_two_sided(1, NAN)));
	CHECK(same(student_t_two_sided(2, INFINITY), 2 * normal_sf(2), 1e-15));
	CHECK(student_t_cdf(INFINITY, 3) == 1 && student_t_cdf(-INFINITY, 3) == 0 && student_t_cdf(0, 3) == 0.5);
	CHECK(student_t_quantile(0.5, 7) == 0 && student_t_quantile(0, 7) == -INFINITY);
	CHECK(isnan(student_t_quantile(0.3, -1)) && isnan(student_t_quantile(2, 4)));
	/* t^2 / df is beyond the doubles, the tail is not: with one degree of freedom it is 2 / (pi t) */
	CHECK(same(student_t_two_sided(1e200, 1), 2 / (3.14159265358979323846 * 1e200), 1e-12));
	CHECK(beta_regularized(2, 3, 0, 1) == 0 && beta_regularized(2, 3, 1, 0) == 1);
	CHECK(isnan(beta_regularized(0, 3, 0.5, 0.5)) && isnan(beta_regularized(1, 1, NAN, 0.5)));
}

int
main(void)
{
	test_normal();
	test_student_t();
	test_beta();
	test_round_trips();
	test_edges();
	return check_finish();
}
