/*
 * solve.c - least squares from sums about a pivot
 *
 *   1. central products S of the columns, from the pairs; columns that do not vary drop out
 *   2. Cholesky on the correlation scale, covariates in their order and promo last; a column of which less than COLLINEAR
 *      is left drops out; then the inverse A of what was kept, and the coefficients A S_xy
 *   3. N = sum e^2 z z', z = (1, x - pivot), from the fourth moments: e is a' w, so N_rs = sum_pq a_p a_q M_pqrs; or from
 *      the rows; or, by cluster, N = sum_g s_g s_g' with s_g = C_g a.  V = H N H' with H the terms' influence on z
 *   4. scaled as Stata and statsmodels do: HC1 n / (n - p) (MacKinnon & White 1985), CR1 G / (G - 1) (n - 1) / (n - p)
 *
 * How many digits are left: beside each sum the sum of the terms' magnitudes is kept.  Their ratio tells what
 * cancellation took from the 53 bits that the moments were summed in; the variance of promo is withheld when fewer than
 * SOLVE_DIGITS are left, a covariate's likewise (NaN in the covariance).  Residuals of rows at hand do not suffer so: there the
 * loss is that of e itself, the square root.
 *
 * Memory: a few arrays of (k + 2)^2, and one of pairs^2 with fourth moments, from the Env.
 */
#include <math.h>
#include <string.h>

#include "moments.h"
#include "solve.h"

#define COLLINEAR 1e-10 /* share of a column's variance that the columns before it leave */
#define CONSTANT 1e-13 /* share of a column's square about the pivot that is variance */
#define BLOCK_ERROR 8 /* rounding of a sum over a block, in units of 2^-53 */

typedef struct Solve
{
	const SolveInput *in;
	int32_t k;
	int32_t d; /* k + 2 */
	int32_t kept; /* columns */
	int32_t *column; /* [kept] columns in the order of the factor, 0: promo */
	double *mean; /* [d] of w: 1, columns less pivot, sales less pivot */
	double *central; /* [d][d] sums of squares and products about the means */
	double *factor; /* [k][k] Cholesky, lower, on the correlation scale, of kept columns */
	double *inverse; /* [k][k] of central, by column; 0 for columns left out */
	double *residual; /* [d] e = residual' w */
	double *influence; /* [k + 1][k + 1] H: terms by z */
	double *meat; /* [k + 1][k + 1] N */
	double *magnitude; /* [k + 1][k + 1] the same of magnitudes */
	double *work; /* [d] */
} Solve;

static double
pair_of(const Solve *s, const double *pairs, int32_t i, int32_t j)
{
	return pairs[i < j ? pair_at(s->k, i, j) : pair_at(s->k, j, i)];
}

/* ---- 1: central products ---- */

static void
center(Solve *s, SolveReport *report)
{
	const double *pairs = s->in->pairs;
	double n = (double) s->in->n;

	for (int32_t i = 0; i < s->d; i++)
		s->mean[i] = pair_of(s, pairs, 0, i) / n;
	for (int32_t i = 0; i < s->d; i++)
		for (int32_t j = 0; j < s->d; j++)
			s->central[i * s->d + j] = pair_of(s, pairs, i, j) - n * s->mean[i] * s->mean[j];
	for (int32_t c = 0; c < s->k; c++)
	{
		double square = s->central[(c + 1) * s->d + c + 1];

		report->columns[c] =
			square > CONSTANT * pair_of(s, pairs, c + 1, c + 1) ? SOLVE_KEPT : SOLVE_CONSTANT;
	}
	report->sales_constant =
		!(s->central[(s->d - 1) * s->d + s->d - 1] > CONSTANT * pair_of(s, pairs, s->d - 1, s->d - 1));
}

static double
central_at(const Solve *s, int32_t a, int32_t b)
{
	return s->central[(a + 1) * s->d + b + 1];
}

static double
correlation(const Solve *s, int32_t a, int32_t b)
{
	return a == b ? 1 : central_at(s, a, b) / sqrt(central_at(s, a, a)) / sqrt(central_at(s, b, b));
}

/* ---- 2: the factor, the inverse, the coefficients ---- */

/* Append a column to the factor; false when it is a combination of those before. */
static bool
append_column(Solve *s, int32_t c)
{
	double *row = s->factor + (size_t) s->kept * s->k;
	double left = 1;

	for (int32_t j = 0; j < s->kept; j++)
	{
		const double *before = s->factor + (size_t) j * s->k;
		double sum = correlation(s, c, s->column[j]);

		for (int32_t i = 0; i < j; i++)
			sum -= row[i] * before[i];
		row[j] = sum / before[j];
		left -= row[j] * row[j];
	}
	if (!(left > COLLINEAR))
		return false;
	row[s->kept] = sqrt(left);
	s->column[s->kept++] = c;
	return true;
}

static void
factorize(Solve *s, SolveReport *report)
{
	s->kept = 0;
	for (int32_t c = 1; c <= s->k; c++)
	{
		int32_t column = c % s->k; /* covariates, then promo */

		if (report->columns[column] == SOLVE_KEPT && !append_column(s, column))
			report->columns[column] = SOLVE_COLLINEAR;
	}
}

/* One column of the inverse: solve L L' x = e_at, and back to the columns' own scale. */
static void
invert_column(Solve *s, int32_t at)
{
	double *x = s->work;
	int32_t kept = s->kept;
	double scale = sqrt(central_at(s, s->column[at], s->column[at]));

	for (int32_t i = 0; i < kept; i++)
	{
		const double *row = s->factor + (size_t) i * s->k;

		x[i] = i == at;
		for (int32_t j = 0; j < i; j++)
			x[i] -= row[j] * x[j];
		x[i] /= row[i];
	}
	for (int32_t i = kept - 1; i >= 0; i--)
	{
		for (int32_t j = i + 1; j < kept; j++)
			x[i] -= s->factor[(size_t) j * s->k + i] * x[j];
		x[i] /= s->factor[(size_t) i * s->k + i];
		s->inverse[(size_t) s->column[i] * s->k + s->column[at]] =
			x[i] / sqrt(central_at(s, s->column[i], s->column[i])) / scale;
	}
}

static void
solve_coefficients(Solve *s, LiftFit *fit, const SolveReport *report)
{
	int32_t sales = s->d - 1;
	double constant = -s->mean[sales];

	memset(s->inverse, 0, (size_t) s->k * s->k * sizeof(double));
	for (int32_t i = 0; i < s->kept; i++)
		invert_column(s, i);
	fit->coefficients[FIT_INTERCEPT] = s->in->pivot[s->k] + s->mean[sales];
	for (int32_t c = 0; c < s->k; c++)
	{
		double b = 0;

		for (int32_t j = 0; j < s->k; j++)
			b += s->inverse[(size_t) c * s->k + j] * s->central[(j + 1) * s->d + sales];
		fit->coefficients[FIT_PROMO + c] = report->columns[c] == SOLVE_KEPT ? b : NAN;
		fit->coefficients[FIT_INTERCEPT] -= b * (s->in->pivot[c] + s->mean[c + 1]);
		s->residual[c + 1] = -b;
		constant += b * s->mean[c + 1];
	}
	s->residual[0] = constant;
	s->residual[sales] = 1;
}

/* Terms as sums of influence x z over the rows: b_c = sum A_c (x - mean), intercept = sum 1 / n less what the others take. */
static void
fill_influence(Solve *s)
{
	int32_t p = s->k + 1;
	double *intercept = s->influence;

	memset(s->influence, 0, (size_t) p * p * sizeof(double));
	intercept[0] = 1.0 / (double) s->in->n;
	for (int32_t c = 0; c < s->k; c++)
	{
		double *row = s->influence + (size_t) (c + 1) * p;
		double mean = s->in->pivot[c] + s->mean[c + 1];

		for (int32_t j = 0; j < s->k; j++)
		{
			row[j + 1] = s->inverse[(size_t) c * s->k + j];
			row[0] -= row[j + 1] * s->mean[j + 1];
		}
		for (int32_t j = 0; j < p; j++)
			intercept[j] -= mean * row[j];
	}
}

/* ---- 3: the meat ---- */

static void
add_outer(Solve *s, const double *score, const double *size)
{
	int32_t p = s->k + 1;

	for (int32_t i = 0; i < p; i++)
	{
		for (int32_t j = 0; j < p; j++)
		{
			s->meat[i * p + j] += score[i] * score[j];
			s->magnitude[i * p + j] += size[i] * size[j];
		}
	}
}

/* N_rs is the row (r, s) of all products of four against those of the residual's coefficients. */
static CoreStatus
meat_from_fourth(Env *env, Solve *s)
{
	int32_t p = s->k + 1;
	size_t pairs = pairs_size(s->k);
	double *square = env->alloc(env, (pairs * pairs + pairs) * sizeof(double));
	double *products = square + pairs * pairs; /* [pairs] */

	if (square == NULL)
		return CORE_NO_MEMORY;
	fourth_unfold(s->in->pairs, s->k, square);
	for (int32_t a = 0; a < s->d; a++)
		for (int32_t b = a; b < s->d; b++)
			products[pair_at(s->k, a, b)] = (a == b ? 1 : 2) * s->residual[a] * s->residual[b];
	for (int32_t i = 0; i < p; i++)
	{
		for (int32_t j = i; j < p; j++)
		{
			const double *row = square + pair_at(s->k, i, j) * pairs;
			double sum = 0;
			double size = 0;

			for (size_t c = 0; c < pairs; c++)
			{
				double term = products[c] * row[c];

				sum += term;
				size += fabs(term);
			}
			s->meat[i * p + j] = s->meat[j * p + i] = sum;
			s->magnitude[i * p + j] = s->magnitude[j * p + i] = size;
		}
	}
	env->release(env, square);
	return CORE_OK;
}

static void
meat_from_rows(Solve *s)
{
	int32_t p = s->k + 1;

	for (int64_t r = 0; r < s->in->n; r++)
	{
		const double *row = s->in->rows + r * s->in->stride;
		double e = s->residual[0];
		double e_size = fabs(e);
		double *z = s->work;

		z[0] = 1;
		for (int32_t c = 0; c <= s->k; c++)
		{
			double term;

			z[c + 1] = row[c] - s->in->pivot[c];
			term = s->residual[c + 1] * z[c + 1];
			e += term;
			e_size += fabs(term);
		}
		for (int32_t i = 0; i < p; i++)
		{
			double by = e * e * z[i];
			double by_size = e_size * e_size * fabs(z[i]);

			for (int32_t j = i; j < p; j++)
			{
				s->meat[i * p + j] += by * z[j];
				s->magnitude[i * p + j] += by_size * fabs(z[j]);
			}
		}
	}
	for (int32_t i = 0; i < p; i++)
	{
		for (int32_t j = 0; j < i; j++)
		{
			s->meat[i * p + j] = s->meat[j * p + i];
			s->magnitude[i * p + j] = s->magnitude[j * p + i];
		}
	}
}

static CoreStatus
meat_from_clusters(Env *env, Solve *s, double *score, double *size)
{
	int32_t p = s->k + 1;

	for (int64_t g = 0; g < s->in->n_clusters; g++)
	{
		const double *pairs = s->in->clusters + g * s->in->cluster_stride;

		if (g % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t i = 0; i < p; i++)
		{
			score[i] = 0;
			size[i] = 0;
			for (int32_t a = 0; a < s->d; a++)
			{
				double term = s->residual[a] * pair_of(s, pairs, i, a);

				score[i] += term;
				size[i] += fabs(term);
			}
		}
		add_outer(s, score, size);
	}
	return CORE_OK;
}

/* ---- 4: the covariance ---- */

/* row [p] = left' M */
static void
multiply_row(double *row, const double *left, const double *m, int32_t p, bool magnitudes)
{
	memset(row, 0, (size_t) p * sizeof(double));
	for (int32_t i = 0; i < p; i++)
	{
		double by = magnitudes ? fabs(left[i]) : left[i];

		for (int32_t j = 0; j < p; j++)
			row[j] += by * m[i * p + j];
	}
}

static double
inner(const double *a, const double *b, int32_t p, bool magnitudes)
{
	double sum = 0;

	for (int32_t i = 0; i < p; i++)
		sum += magnitudes ? fabs(a[i] * b[i]) : a[i] * b[i];
	return sum;
}

/* Rounding of the sums, relative to their magnitudes. */
static double
rounding(const Solve *s)
{
	return 0x1p-53 * (BLOCK_ERROR + sqrt((double) s->in->n / MOMENTS_BLOCK));
}

/* Whether SOLVE_DIGITS of a variance are left. */
static bool
digits_left(const Solve *s, double variance, double size)
{
	double wanted = pow(10, -SOLVE_DIGITS);
	double off = rounding(s);

	if (!(variance > 0))
		return false;
	if (s->in->rows != NULL && s->in->errors == FIT_HC1)
		return off * sqrt(size / variance) < wanted;
	/* a cluster's score is summed first and squared then */
	if (s->in->errors == FIT_CLUSTERED)
		return off * sqrt(size / variance) < wanted;
	return off * (size / variance) < wanted;
}

static void
sandwich(const Solve *s, LiftFit *fit, double scale, SolveReport *report)
{
	int32_t p = s->k + 1;

	for (int32_t i = 0; i < p; i++)
	{
		multiply_row(s->work, s->influence + (size_t) i * p, s->meat, p, false);
		for (int32_t j = i; j < p; j++)
			fit->covariance[i * p + j] = fit->covariance[j * p + i] =
				scale * inner(s->work, s->influence + (size_t) j * p, p, false);
	}
	for (int32_t i = 0; i < p; i++)
	{
		const double *left = s->influence + (size_t) i * p;
		bool known;

		multiply_row(s->work, left, s->magnitude, p, true);
		known = !isnan(fit->coefficients[i]) &&
				digits_left(s, fit->covariance[i * p + i], scale * inner(s->work, left, p, true));
		if (i == FIT_PROMO && !known && !isnan(fit->coefficients[i]))
			report->digits_lost = true;
		for (int32_t j = 0; j < p && !known; j++)
			fit->covariance[i * p + j] = fit->covariance[j * p + i] = NAN;
	}
	if (report->digits_lost)
		fit->covariance = NULL;
}

/* Sum of squared residuals, and of the magnitudes that went into it. */
static double
residual_square(const Solve *s, double *size)
{
	double sum = 0;

	*size = 0;
	for (int32_t a = 0; a < s->d; a++)
	{
		for (int32_t b = 0; b < s->d; b++)
		{
			double term = s->residual[a] * s->residual[b] * pair_of(s, s->in->pairs, a, b);

			sum += term;
			*size += fabs(term);
		}
	}
	return fmax(0, sum);
}

static void
classical(const Solve *s, LiftFit *fit, double square, double size, SolveReport *report)
{
	int32_t p = s->k + 1;
	double variance = square / fit->df;

	if (!(square > 0) || !(rounding(s) * size / square < pow(10, -SOLVE_DIGITS)))
	{
		report->digits_lost = true;
		fit->covariance = NULL;
		return;
	}
	/* influence x sum z z' x influence' is influence taken at the terms: A itself, and for the intercept 1 / n + mean' A mean */
	for (int32_t i = 0; i < p; i++)
		for (int32_t j = 0; j < p; j++)
			fit->covariance[i * p + j] = variance * (i > 0 && j > 0 ? s->inverse[(i - 1) * s->k + j - 1] : 0);
	for (int32_t j = 1; j < p; j++)
	{
		double sum = 0;

		for (int32_t c = 1; c < p; c++)
			sum -= (s->in->pivot[c - 1] + s->mean[c]) * s->inverse[(c - 1) * s->k + j - 1];
		fit->covariance[j] = fit->covariance[j * p] = variance * sum;
		fit->covariance[0] -= (s->in->pivot[j - 1] + s->mean[j]) * variance * sum;
	}
	fit->covariance[0] += variance / (double) s->in->n;
	for (int32_t i = 0; i < p; i++)
		for (int32_t j = 0; j < p; j++)
			if (isnan(fit->coefficients[i]) || isnan(fit->coefficients[j]))
				fit->covariance[i * p + j] = NAN;
}

static CoreStatus
solve_covariance(Env *env, Solve *s, LiftFit *fit, SolveReport *report)
{
	int32_t p = s->k + 1;
	double n = (double) s->in->n;
	double g = (double) s->in->n_clusters;
	double df = n - (s->kept + 1);
	double size;
	double square = residual_square(s, &size);
	double scale = n / df;
	CoreStatus status = CORE_OK;

	fit->r2 = report->sales_constant ? NAN : 1 - square / s->central[(s->d - 1) * s->d + s->d - 1];
	fit->r2 = fit->r2 < 0 ? 0 : fit->r2;
	fit->df = s->in->errors == FIT_CLUSTERED ? g - 1 : df;
	report->no_rows_left = df <= 0;
	report->one_cluster = s->in->errors == FIT_CLUSTERED && s->in->n_clusters < 2;
	if (report->no_rows_left || report->one_cluster || report->sales_constant)
	{
		fit->covariance = NULL;
		return CORE_OK;
	}
	if (s->in->errors == FIT_CLASSICAL)
	{
		classical(s, fit, square, size, report);
		return CORE_OK;
	}
	memset(s->meat, 0, (size_t) p * p * sizeof(double));
	memset(s->magnitude, 0, (size_t) p * p * sizeof(double));
	if (s->in->errors == FIT_CLUSTERED)
	{
		status = meat_from_clusters(env, s, s->work, s->work + p);
		scale = g / (g - 1) * ((n - 1) / df);
	}
	else if (s->in->rows != NULL)
		meat_from_rows(s);
	else
		status = meat_from_fourth(env, s);
	if (status != CORE_OK)
		return status;
	sandwich(s, fit, scale, report);
	return CORE_OK;
}

/* ---- what is compared with what ---- */

/* One row has promo 0, the others the same value: then their variance is the least that their sum allows. */
static bool
one_unpromoted(const Solve *s)
{
	double n = (double) s->in->n;
	double mean = s->in->pivot[0] + s->mean[1];

	return n - s->in->promoted == 1 && n > 2 && central_at(s, 0, 0) <= mean * mean * n / (n - 1) * (1 + 1e-9);
}

/* Sums of 0 and 1 are exact, about whatever pivot. */
static bool
one_cluster_differs(const Solve *s)
{
	double pivot = s->in->pivot[0];
	int64_t zero = 0;
	int64_t one = 0;

	if (s->in->errors != FIT_CLUSTERED || s->in->n_clusters < 2)
		return false;
	for (int64_t g = 0; g < s->in->n_clusters; g++)
	{
		const double *pairs = s->in->clusters + g * s->in->cluster_stride;
		double n = pairs[0];
		double sum = pair_of(s, pairs, 0, 1) + n * pivot;
		double square = pair_of(s, pairs, 1, 1) + 2 * pivot * pair_of(s, pairs, 0, 1) + n * pivot * pivot;

		zero += square == 0;
		one += sum == n && square == n;
	}
	return s->in->n_clusters - zero == 1 || s->in->n_clusters - one == 1;
}

/* ---- together ---- */

static void
promoted_means(const SolveInput *in, LiftFit *fit, double *means)
{
	means[FIT_INTERCEPT] = 1;
	means[FIT_PROMO] = NAN;
	for (int32_t c = 1; c < in->k; c++)
		means[FIT_PROMO + c] =
			in->promoted > 0 ? in->pivot[c] + in->promoted_sums[c - 1] / in->promoted : NAN;
	fit->promoted_means = means;
	fit->promoted_base = 0;
}

static CoreStatus
solve_with(Env *env, Solve *s, LiftFit *fit, SolveReport *report)
{
	int32_t sales = s->d - 1;

	if (s->in->n < s->k + 1)
	{
		report->too_few_rows = true;
		fit->covariance = NULL;
		return CORE_OK;
	}
	center(s, report);
	for (int32_t i = 0; i < s->d; i++)
		if (!isfinite(s->central[i * s->d + i]) || !isfinite(s->central[i * s->d + sales]))
			return CORE_NOT_FINITE;
	report->one_unpromoted = one_unpromoted(s);
	report->one_cluster_differs = one_cluster_differs(s);
	factorize(s, report);
	solve_coefficients(s, fit, report);
	fill_influence(s);
	return solve_covariance(env, s, fit, report);
}

CoreStatus
solve_fit(Env *env, const SolveInput *input, LiftFit *fit, double *means, SolveReport *report)
{
	SolveColumn *columns = report->columns;
	int32_t k = input->k;
	size_t p = (size_t) k + 1;
	size_t d = (size_t) k + 2;
	Solve s = {.in = input, .k = k, .d = k + 2};
	double *block = env->alloc(env, (d + d * d + 2 * p * p + d + 3 * p * p + 2 * d) * sizeof(double) +
										p * sizeof(int32_t));
	CoreStatus status;

	if (block == NULL)
		return CORE_NO_MEMORY;
	s.mean = block;
	s.central = s.mean + d;
	s.factor = s.central + d * d;
	s.inverse = s.factor + p * p;
	s.residual = s.inverse + p * p;
	s.influence = s.residual + d;
	s.meat = s.influence + p * p;
	s.magnitude = s.meat + p * p;
	s.work = s.magnitude + p * p;
	s.column = (int32_t *) (s.work + 2 * d);

	memset(report, 0, sizeof(*report));
	report->columns = columns;
	memset(columns, 0, (size_t) k * sizeof(*columns));
	fit->n = input->n;
	fit->p = k + 1;
	fit->errors = input->errors;
	fit->n_clusters = input->n_clusters;
	fit->df = NAN;
	fit->r2 = NAN;
	for (int32_t i = 0; i <= k; i++)
		fit->coefficients[i] = NAN;
	promoted_means(input, fit, means);
	report->none_promoted = input->promoted == 0;
	report->one_promoted = input->promoted == 1;
	report->all_promoted = input->promoted == (double) input->n;
	status = solve_with(env, &s, fit, report);
	env->release(env, block);
	return status;
}
