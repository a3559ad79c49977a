/*
 * test_contingency.c - lift's interval by simulation, Fisher's exact test against R
 *
 * R's figures: Rscript test/reference/basket_fisher.R prints the table below.
 */
#include "check.h"
#include "contingency.h"
#include "rng.h"

static const struct
{
	Contingency table;
	double p;
} fisher[] = {
	{{3, 5, 6, 20}, 0.13132094943240458},
	{{40, 300, 500, 25900}, 5.6381389371805307e-22},
	{{259, 300, 500, 25900}, 0},
	{{10, 300, 500, 2000}, 1},
	{{100, 300, 500, 2000}, 0.00026876453222695029},
	{{1, 1, 1, 2}, 0.5},
	{{0, 3, 4, 10}, 1},
	{{7, 10, 10, 13}, 1},
	{{8, 10, 10, 13}, 0.58041958041958019},
	{{1000000, 20000000, 30000000, 1000000000}, 0},
	{{601000, 20000000, 30000000, 1000000000}, 0.092867359720104098},
};

static void
test_fisher(void)
{
	for (size_t i = 0; i < sizeof(fisher) / sizeof(fisher[0]); i++)
	{
		double p = contingency_fisher(&fisher[i].table);

		CHECK(fabs(p - fisher[i].p) <= 1e-11 * fisher[i].p);
	}
}

/* Sums over all tables of small margins: a distribution, and both tails. */
static void
test_fisher_sums(void)
{
	for (int64_t all = 1; all <= 14; all++)
		for (int64_t first = 0; first <= all; first++)
			for (int64_t second = 0; second <= all; second++)
			{
				int64_t least = first + second > all ? first + second - all : 0;
				int64_t most = first < second ? first : second;
				double mean = 0;

				/* The mean of a count is the sum of its upper tails. */
				for (int64_t both = 1; both <= most; both++)
					mean += contingency_fisher(&(Contingency){both, first, second, all});
				CHECK_CLOSE(mean, (double) (first * second) / (double) all, 1e-12);
				CHECK(contingency_fisher(&(Contingency){least, first, second, all}) == 1);
			}
}

static void
test_lift(void)
{
	Contingency table = {50, 100, 200, 1000};
	Contingency swapped = {50, 200, 100, 1000};
	Contingency always = {10, 10, 10, 10};
	double low;
	double high;
	double low_swapped;
	double high_swapped;

	CHECK(contingency_lift(&table) == 2.5);
	contingency_lift_interval(&table, &low, &high);
	contingency_lift_interval(&swapped, &low_swapped, &high_swapped);
	CHECK(low == low_swapped && high == high_swapped);
	/* Var(log lift) = 1/50 - 1/100 - 1/200 + 4/1000 = 0.009 */
	CHECK_CLOSE(low, 2.5 * exp(-1.959963984540054 * sqrt(0.009)), 1e-14);
	CHECK_CLOSE(high, 2.5 * exp(1.959963984540054 * sqrt(0.009)), 1e-14);
	contingency_lift_interval(&always, &low, &high);
	CHECK(low == 1 && high == 1);
	contingency_lift_interval(&(Contingency){0, 3, 4, 10}, &low, &high);
	CHECK(isnan(low) && isnan(high));
	CHECK(isnan(contingency_lift(&(Contingency){0, 0, 4, 10})));
}

/* 4,000 samples of 2,000 baskets: intervals that hold the true lift. */
static void
test_coverage(void)
{
	static const double cells[][3] = {{0.03, 0.05, 0.06}, {0.02, 0.18, 0.08}, {0.1, 0.02, 0.1}};

	for (uint64_t c = 0; c < 3; c++)
	{
		const double *p = cells[c];
		double truth = p[0] / ((p[0] + p[1]) * (p[0] + p[2]));
		int held = 0;

		for (uint64_t sample = 0; sample < 4000; sample++)
		{
			Contingency table = {.all = 2000};
			double low;
			double high;

			for (uint64_t i = 0; i < 2000; i++)
			{
				double u = rng_uniform(c, sample, i);
				bool both = u < p[0];

				table.both += both;
				table.first += u < p[0] + p[1];
				table.second += both || (u >= p[0] + p[1] && u < p[0] + p[1] + p[2]);
			}
			contingency_lift_interval(&table, &low, &high);
			held += low <= truth && truth <= high;
		}
		/* Three standard errors of a share of 4,000, and half a point for the normal approximation. */
		if (!CHECK(fabs(held / 4000.0 - 0.95) < 0.0104 + 0.005))
			printf("coverage %g\n", held / 4000.0);
	}
}

int
main(void)
{
	test_fisher();
	test_fisher_sums();
	test_lift();
	test_coverage();
	return check_finish();
}
