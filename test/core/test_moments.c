/*
 * test_moments.c - blocked sums against plain ones, shifts, and least squares from sums against least squares from rows
 *
 * The plain least squares here works in long double on centred rows.  Figures of other programs stand in
 * test/pgtap/300_lift.sql, on real data.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/moments.h"
#include "promote/solve.h"
#include "rng.h"

#define MAX_K 20
#define MAX_P (MAX_K + 1)

typedef struct Rows
{
	int32_t k;
	int32_t n;
	double *values; /* [n][k + 1] promo, covariates, sales */
	int64_t *cluster; /* [n] */
	int32_t n_clusters;
} Rows;

/* Sales of a promotion, prices far from zero with little variation, noise of a variance that depends on promo. */
static Rows
make_rows(int32_t k, int32_t n, double price, double noise, uint64_t seed)
{
	Rows rows = {.k = k, .n = n, .n_clusters = 17};

	rows.values = core_malloc((size_t) n * (k + 1) * sizeof(double));
	rows.cluster = core_malloc((size_t) n * sizeof(int64_t));
	for (int32_t r = 0; r < n; r++)
	{
		double *row = rows.values + (size_t) r * (k + 1);
		double sales;

		row[0] = rng_uniform(seed, 0, (uint64_t) r) < 0.3;
		rows.cluster[r] = rng_below(seed, 1, (uint64_t) r, (uint32_t) rows.n_clusters);
		sales = 20 + 7 * row[0] + 0.5 * (double) rows.cluster[r];
		for (int32_t c = 1; c < k; c++)
		{
			row[c] = price + rng_normal(seed, 10 + (uint64_t) c, (uint64_t) r) + 0.3 * row[0];
			sales += 0.1 * c * (row[c] - price);
		}
		row[k] = sales + noise * (1 + 2 * row[0]) * rng_normal(seed, 2, (uint64_t) r);
	}
	return rows;
}

static void
free_rows(Rows *rows)
{
	free(rows->values);
	free(rows->cluster);
}

/* ---- sums ---- */

static double
plain_moment(const Rows *rows, const double *pivot, const int32_t index[4])
{
	long double sum = 0;

	for (int32_t r = 0; r < rows->n; r++)
	{
		const double *row = rows->values + (size_t) r * (rows->k + 1);
		long double product = 1;

		for (int i = 0; i < 4; i++)
			if (index[i] > 0)
				product *= (long double) row[index[i] - 1] - (long double) pivot[index[i] - 1];
		sum += product;
	}
	return (double) sum;
}

static void
add_all(double *fourth, double *pairs, const Rows *rows, const double *pivot)
{
	double *scratch = core_malloc(fourth_scratch(rows->k) * sizeof(double));

	for (int32_t lo = 0; lo < rows->n; lo += MOMENTS_BLOCK)
	{
		int32_t n = rows->n - lo < MOMENTS_BLOCK ? rows->n - lo : MOMENTS_BLOCK;
		const double *from = rows->values + (size_t) lo * (rows->k + 1);

		fourth_add(fourth, rows->k, from, n, rows->k + 1, pivot, scratch);
		pairs_add(pairs, rows->k, from, n, rows->k + 1, pivot, scratch);
	}
	free(scratch);
}

/* All fourth moments and pairs about the pivot are what plain sums give. */
static bool
sums_right(const double *fourth, const double *pairs, const Rows *rows, const double *pivot, double tolerance)
{
	int32_t index[4];
	size_t at = 0;
	bool right = true;

	for (index[1] = 0; index[1] <= rows->k; index[1]++)
		for (index[0] = 0; index[0] <= index[1]; index[0]++)
			for (index[2] = index[1]; index[2] < rows->k + 2; index[2]++)
				for (index[3] = index[2]; index[3] < rows->k + 2; index[3]++)
				{
					double plain = plain_moment(rows, pivot, index);
					double scale = fmax(fabs(plain), rows->n);

					right &= fabs(fourth[at] - plain) <= tolerance * scale;
					if (index[0] == 0 && index[1] == 0)
						right &=
							fabs(pairs[pair_at(rows->k, index[2], index[3])] - plain) <= tolerance * scale;
					at++;
				}
	return right && at == fourth_size(rows->k);
}

static void
test_sums(void)
{
	static const int32_t columns[] = {1, 2, 3, 5, 13};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
	{
		int32_t k = columns[i];
		Rows rows = make_rows(k, k > 5 ? 150 : 1000, 3, 1, i);
		double *fourth = core_malloc(fourth_size(k) * sizeof(double));
		double *pairs = core_malloc(pairs_size(k) * sizeof(double));
		double *scratch = core_malloc(fourth_scratch(k) * sizeof(double));
		double pivot[MAX_P];
		double delta[MAX_P];

		memset(fourth, 0, fourth_size(k) * sizeof(double));
		memset(pairs, 0, pairs_size(k) * sizeof(double));
		choose_pivot(rows.values, 100, k + 1, k, pivot);
		add_all(fourth, pairs, &rows, pivot);
		CHECK(sums_right(fourth, pairs, &rows, pivot, 1e-12));

		for (int32_t c = 0; c <= k; c++)
		{
			delta[c] = 0.25 * c - 0.5;
			pivot[c] -= delta[c];
		}
		fourth_shift(fourth, k, delta, scratch);
		pairs_shift(pairs, k, delta);
		CHECK(sums_right(fourth, pairs, &rows, pivot, 1e-11));
		free(fourth);
		free(pairs);
		free(scratch);
		free_rows(&rows);
	}
}

static void
test_pivot(void)
{
	static const double values[] = {1, 10, 0, 20, 1, 12, 1, 1e308, 5, 1e308};
	double pivot[2];

	choose_pivot(values, 5, 2, 1, pivot);
	CHECK(pivot[0] == 1 && pivot[1] == 10); /* beside the mean of 4e307 ten and twenty are one */
}

/* ---- least squares ---- */

typedef struct Plain
{
	double coefficients[MAX_P];
	double hc1[MAX_P * MAX_P];
	double clustered[MAX_P * MAX_P];
	double classical[MAX_P * MAX_P];
	double r2;
} Plain;

/* Invert a [p][p] in place, Gauss and Jordan with pivoting. */
static void
invert(long double *a, int32_t p)
{
	long double b[MAX_P * MAX_P] = {0};

	for (int32_t i = 0; i < p; i++)
		b[i * p + i] = 1;
	for (int32_t c = 0; c < p; c++)
	{
		int32_t best = c;

		for (int32_t r = c + 1; r < p; r++)
			if (fabsl(a[r * p + c]) > fabsl(a[best * p + c]))
				best = r;
		for (int32_t j = 0; j < p; j++)
		{
			long double x = a[c * p + j];
			long double y = b[c * p + j];

			a[c * p + j] = a[best * p + j];
			b[c * p + j] = b[best * p + j];
			a[best * p + j] = x;
			b[best * p + j] = y;
		}
		for (int32_t r = 0; r < p; r++)
		{
			long double by = r == c ? 0 : a[r * p + c] / a[c * p + c];

			for (int32_t j = 0; j < p && r != c; j++)
			{
				a[r * p + j] -= by * a[c * p + j];
				b[r * p + j] -= by * b[c * p + j];
			}
		}
	}
	for (int32_t r = 0; r < p; r++)
		for (int32_t j = 0; j < p; j++)
			b[r * p + j] /= a[r * p + r];
	memcpy(a, b, sizeof(long double) * (size_t) (p * p));
}

/* out = scale A M A */
static void
sandwich(const long double *a, const long double *m, int32_t p, long double scale, double *out)
{
	for (int32_t i = 0; i < p; i++)
		for (int32_t j = 0; j < p; j++)
		{
			long double sum = 0;

			for (int32_t r = 0; r < p; r++)
				for (int32_t q = 0; q < p; q++)
					sum += a[i * p + r] * m[r * p + q] * a[q * p + j];
			out[i * p + j] = (double) (scale * sum);
		}
}

/* z [p] of a row, about the pivot in all but the intercept. */
static void
row_terms(const Rows *rows, int32_t r, const long double *mean, long double *z)
{
	z[0] = 1;
	for (int32_t c = 0; c < rows->k; c++)
		z[c + 1] = (long double) rows->values[(size_t) r * (rows->k + 1) + c] - mean[c];
}

/* Covariance of terms about `mean` [k] to that of the user's: the intercept takes what the means took. */
static void
uncenter(double *covariance, int32_t p, const long double *mean)
{
	for (int side = 0; side < 2; side++)
	{
		for (int32_t j = 0; j < p; j++)
		{
			double *to = side == 0 ? covariance + j : covariance + (size_t) j * p;
			long double sum = *to;

			for (int32_t c = 1; c < p; c++)
				sum -= mean[c - 1] * (side == 0 ? to[(size_t) c * p] : to[c]);
			*to = (double) sum;
		}
	}
}

/* The terms' coefficients and covariances, computed with columns about `mean` [k]. */
static Plain
plain_fit(const Rows *rows, const long double *mean)
{
	int32_t p = rows->k + 1;
	long double a[MAX_P * MAX_P] = {0};
	long double hc[MAX_P * MAX_P] = {0};
	long double cr[MAX_P * MAX_P] = {0};
	long double xy[MAX_P] = {0};
	long double b[MAX_P] = {0};
	long double score[64][MAX_P] = {{0}};
	long double rss = 0;
	long double tss = 0;
	long double z[MAX_P];
	long double average = 0;
	long double n = rows->n;
	long double g = rows->n_clusters;
	Plain plain;

	for (int32_t r = 0; r < rows->n; r++)
	{
		long double y = rows->values[(size_t) r * p + p - 1];

		average += y / n;
		row_terms(rows, r, mean, z);
		for (int32_t i = 0; i < p; i++)
		{
			xy[i] += z[i] * y;
			for (int32_t j = 0; j < p; j++)
				a[i * p + j] += z[i] * z[j];
		}
	}
	invert(a, p);
	for (int32_t i = 0; i < p; i++)
		for (int32_t j = 0; j < p; j++)
			b[i] += a[i * p + j] * xy[j];
	for (int32_t r = 0; r < rows->n; r++)
	{
		long double y = rows->values[(size_t) r * p + p - 1];
		long double e = y;

		row_terms(rows, r, mean, z);
		for (int32_t i = 0; i < p; i++)
			e -= b[i] * z[i];
		rss += e * e;
		tss += (y - average) * (y - average);
		for (int32_t i = 0; i < p; i++)
		{
			score[rows->cluster[r]][i] += e * z[i];
			for (int32_t j = 0; j < p; j++)
				hc[i * p + j] += e * e * z[i] * z[j];
		}
	}
	for (int32_t c = 0; c < rows->n_clusters; c++)
		for (int32_t i = 0; i < p; i++)
			for (int32_t j = 0; j < p; j++)
				cr[i * p + j] += score[c][i] * score[c][j];
	for (int32_t i = 0; i < p; i++)
		plain.coefficients[i] = (double) b[i];
	sandwich(a, hc, p, n / (n - p), plain.hc1);
	sandwich(a, cr, p, g / (g - 1) * ((n - 1) / (n - p)), plain.clustered);
	for (int32_t i = 0; i < p * p; i++)
		plain.classical[i] = (double) (rss / (n - p) * a[i]);
	plain.r2 = (double) (1 - rss / tss);
	for (int32_t c = 1; c < p; c++)
		b[0] -= b[c] * mean[c - 1];
	plain.coefficients[0] = (double) b[0];
	uncenter(plain.hc1, p, mean);
	uncenter(plain.clustered, p, mean);
	uncenter(plain.classical, p, mean);
	return plain;
}

/* What solve_fit is given, from rows. */
typedef struct Given
{
	SolveInput input;
	double pivot[MAX_P];
	double promoted[MAX_P];
	double *fourth;
	double *pairs;
	double *clusters;
} Given;

static void
give(Given *given, const Rows *rows, FitErrors errors)
{
	int32_t k = rows->k;
	double *scratch = core_malloc(pairs_scratch(k) * sizeof(double));

	memset(given, 0, sizeof(*given));
	choose_pivot(rows->values, rows->n < MOMENTS_BLOCK ? rows->n : MOMENTS_BLOCK, k + 1, k, given->pivot);
	given->fourth = calloc(k <= MOMENTS_MAX_FOURTH ? fourth_size(k) : 1, sizeof(double));
	given->pairs = calloc(pairs_size(k), sizeof(double));
	given->clusters = calloc(pairs_size(k) * (size_t) rows->n_clusters, sizeof(double));
	if (k <= MOMENTS_MAX_FOURTH)
		add_all(given->fourth, given->pairs, rows, given->pivot);
	else
		for (int32_t r = 0; r < rows->n; r++)
			pairs_add(given->pairs, k, rows->values + (size_t) r * (k + 1), 1, k + 1, given->pivot, scratch);
	for (int32_t r = 0; r < rows->n; r++)
	{
		const double *row = rows->values + (size_t) r * (k + 1);

		pairs_add(given->clusters + (size_t) rows->cluster[r] * pairs_size(k), k, row, 1, k + 1, given->pivot,
				  scratch);
		given->input.promoted += row[0] != 0;
		for (int32_t c = 1; c < k; c++)
			given->promoted[c - 1] += row[0] != 0 ? row[c] - given->pivot[c] : 0;
	}
	given->input.k = k;
	given->input.n = rows->n;
	given->input.errors = errors;
	given->input.pivot = given->pivot;
	given->input.promoted_sums = given->promoted;
	given->input.pairs = errors == FIT_HC1 ? given->fourth : given->pairs;
	given->input.clusters = given->clusters;
	given->input.cluster_stride = (int64_t) pairs_size(k);
	given->input.n_clusters = errors == FIT_CLUSTERED ? rows->n_clusters : 0;
	given->input.stride = k + 1;
	free(scratch);
}

static void
take_back(Given *given)
{
	free(given->fourth);
	free(given->pairs);
	free(given->clusters);
}

static double means[MAX_P];
static double coefficients[MAX_P];
static double covariance[MAX_P * MAX_P];
static SolveColumn columns[MAX_K];

static LiftFit
solve(const SolveInput *input, SolveReport *report)
{
	CoreEnv env;
	LiftFit fit;

	core_env_init(&env);
	memset(&fit, 0, sizeof(fit));
	fit.coefficients = coefficients;
	fit.covariance = covariance;
	report->columns = columns;
	CHECK(solve_fit(&env.env, input, &fit, means, report) == CORE_OK);
	CHECK(env.live == 0);
	return fit;
}

/* Largest relative deviation of a covariance from the plain one, from row and column `from` on. */
static double
covariance_off(const double *got, const double *plain, int32_t p, int32_t from)
{
	double worst = 0;

	for (int32_t i = from; i < p; i++)
		for (int32_t j = from; j < p; j++)
			worst = fmax(worst, fabs(got[i * p + j] - plain[i * p + j]) /
									sqrt(fabs(plain[i * p + i] * plain[j * p + j])));
	return worst;
}

static void
compare(int32_t k, int32_t n, double price, double noise, FitErrors errors, bool from_rows, double tolerance)
{
	Rows rows = make_rows(k, n, price, noise, (uint64_t) k);
	long double origin[MAX_P] = {0};
	Plain plain;
	const double *wanted;
	Given given;
	SolveReport report;
	LiftFit fit;
	double off;

	for (int32_t c = 1; c < k; c++)
		origin[c] = price;
	plain = plain_fit(&rows, origin);
	wanted = errors == FIT_HC1 ? plain.hc1 : errors == FIT_CLUSTERED ? plain.clustered : plain.classical;
	give(&given, &rows, errors);
	if (from_rows)
		given.input.rows = rows.values;
	fit = solve(&given.input, &report);
	CHECK(fit.n == n && fit.p == k + 1 && fit.covariance != NULL && !report.digits_lost);
	for (int32_t i = 0; i <= k; i++)
		CHECK_CLOSE(fit.coefficients[i], plain.coefficients[i], tolerance);
	off = covariance_off(fit.covariance, wanted, k + 1, 0);
	CHECK(off <= tolerance);
	CHECK_CLOSE(fit.r2, plain.r2, tolerance);
	printf("k %2d n %5d price %6g noise %6g errors %d%s: off by %.1e\n", k, n, price, noise, (int) errors,
		   from_rows ? " from rows" : "", off);
	take_back(&given);
	free_rows(&rows);
}

static void
test_fits(void)
{
	for (int errors = FIT_HC1; errors <= FIT_CLASSICAL; errors++)
	{
		if (errors == FIT_CLUSTERED_TWO_WAYS)
			continue;
		compare(1, 3000, 0, 1, (FitErrors) errors, false, 1e-11);
		compare(2, 200, 5, 1, (FitErrors) errors, false, 1e-11);
		compare(5, 3000, 10000, 1, (FitErrors) errors, false, 1e-10);
		compare(11, 5000, 3, 1, (FitErrors) errors, false, 1e-10);
		compare(13, 300, 3, 1, (FitErrors) errors, false, 1e-10);
		compare(4, 3000, 3, 0.01, (FitErrors) errors, false, 1e-8);
	}
	compare(20, 2000, 3, 1, FIT_CLUSTERED, false, 1e-10);
	compare(5, 100, 10000, 1, FIT_HC1, true, 1e-10);
	compare(3, 100, 3, 1e-6, FIT_HC1, true, 1e-8);
}

/* ---- what the data cannot carry ---- */

static void
test_columns_dropped(void)
{
	Rows rows = make_rows(5, 400, 3, 1, 5);
	Given given;
	SolveReport report;
	LiftFit fit;

	for (int32_t r = 0; r < rows.n; r++)
	{
		double *row = rows.values + (size_t) r * 6;

		row[2] = 7;
		row[4] = 3 * row[1] - row[3] + 2;
	}
	give(&given, &rows, FIT_HC1);
	fit = solve(&given.input, &report);
	CHECK(columns[0] == SOLVE_KEPT && columns[1] == SOLVE_KEPT && columns[3] == SOLVE_KEPT);
	CHECK(columns[2] == SOLVE_CONSTANT && columns[4] == SOLVE_COLLINEAR);
	CHECK(isnan(fit.coefficients[3]) && isnan(fit.coefficients[5]) && isfinite(fit.coefficients[1]));
	CHECK(fit.df == 400 - 4 && isfinite(fit.covariance[1 * 6 + 1]) && isnan(fit.covariance[3 * 6 + 1]));
	take_back(&given);

	/* an effect that cannot be told from covariates is not told */
	for (int32_t r = 0; r < rows.n; r++)
		rows.values[(size_t) r * 6 + 3] = 2 * rows.values[(size_t) r * 6] + rows.values[(size_t) r * 6 + 1];
	give(&given, &rows, FIT_CLASSICAL);
	fit = solve(&given.input, &report);
	CHECK(columns[0] == SOLVE_COLLINEAR && isnan(fit.coefficients[FIT_PROMO]) &&
		  isfinite(fit.coefficients[2]));
	take_back(&given);
	free_rows(&rows);
}

static void
test_too_little(void)
{
	Rows rows = make_rows(3, 50, 3, 1, 9);
	Given given;
	SolveReport report;
	LiftFit fit;

	rows.n = 3;
	give(&given, &rows, FIT_HC1);
	fit = solve(&given.input, &report);
	CHECK(report.too_few_rows && isnan(fit.coefficients[0]) && fit.covariance == NULL);
	take_back(&given);

	rows.n = 4;
	rows.values[0] = 1;
	rows.values[4] = 0;
	give(&given, &rows, FIT_HC1);
	fit = solve(&given.input, &report);
	CHECK(report.no_rows_left && isfinite(fit.coefficients[1]) && fit.covariance == NULL);
	take_back(&given);

	rows.n = 50;
	for (int32_t r = 0; r < rows.n; r++)
		rows.cluster[r] = 0;
	rows.n_clusters = 1;
	give(&given, &rows, FIT_CLUSTERED);
	fit = solve(&given.input, &report);
	CHECK(report.one_cluster && isfinite(fit.coefficients[1]) && fit.covariance == NULL);
	take_back(&given);

	for (int32_t r = 0; r < rows.n; r++)
		rows.values[(size_t) r * 4 + 3] = 12.5;
	give(&given, &rows, FIT_HC1);
	fit = solve(&given.input, &report);
	CHECK(report.sales_constant && fit.coefficients[1] == 0 && isnan(fit.r2) && fit.covariance == NULL);
	take_back(&given);
	free_rows(&rows);
}

/* Errors are withheld before they are wrong in the sixth digit, and not when all is well. */
static void
test_digits(void)
{
	int withheld = 0;
	int given_out = 0;

	for (double noise = 1; noise > 1e-9; noise /= 3)
	{
		Rows rows = make_rows(3, 2000, 3, noise, 77);
		long double origin[MAX_P] = {0};
		Plain plain = plain_fit(&rows, origin);
		Given given;
		SolveReport report;
		LiftFit fit;

		for (int32_t r = 0; r < rows.n; r++) /* no clusters' effect: that would be noise */
			rows.values[(size_t) r * 4 + 3] -= 0.5 * (double) rows.cluster[r];
		plain = plain_fit(&rows, origin);
		give(&given, &rows, FIT_HC1);
		fit = solve(&given.input, &report);
		CHECK(report.digits_lost == (fit.covariance == NULL));
		if (fit.covariance == NULL)
			withheld++;
		else
		{
			double off = fabs(fit.covariance[1 * 4 + 1] / plain.hc1[1 * 4 + 1] - 1);

			given_out++;
			CHECK(off < 1e-6);
			if (!(off < 1e-6))
				printf("noise %g off %g\n", noise, off);
		}
		take_back(&given);
		free_rows(&rows);
	}
	printf("noise from 1 down to 1e-9: %d errors given, %d withheld\n", given_out, withheld);
	CHECK(given_out >= 8 && withheld >= 3);
}

static void
test_env(void)
{
	Rows rows = make_rows(2, 50, 3, 1, 3);
	Given given;
	SolveReport report = {.columns = columns};
	LiftFit fit;
	CoreEnv env;

	memset(&fit, 0, sizeof(fit));
	fit.coefficients = coefficients;
	fit.covariance = covariance;
	give(&given, &rows, FIT_CLUSTERED);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(solve_fit(&env.env, &given.input, &fit, means, &report) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.cancel_at = 1;
	CHECK(solve_fit(&env.env, &given.input, &fit, means, &report) == CORE_CANCELLED && env.live == 0);
	core_env_init(&env);
	given.pairs[pair_at(2, 1, 1)] = INFINITY;
	CHECK(solve_fit(&env.env, &given.input, &fit, means, &report) == CORE_NOT_FINITE && env.live == 0);
	take_back(&given);
	free_rows(&rows);
}

int
main(void)
{
	test_sums();
	test_pivot();
	test_fits();
	test_columns_dropped();
	test_too_little();
	test_digits();
	test_env();
	return check_finish();
}
