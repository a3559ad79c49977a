/*
 * regress.c - least squares in memory, with effects absorbed and errors clustered
 *
 * By the theorem of Frisch, Waugh and Lovell the slopes of a regression with dummies are those of the residuals on the
 * dummies, so every column is first replaced by its residual on the effects (absorb.c); an intercept is an effect with
 * one level.
 *
 * Phases:
 *   1. means of all columns, over all rows and over the promoted ones
 *   2. residuals of sales, promo, covariates and (for a graded promo) of the promoted rows' indicator on the effects
 *   3. Gram matrix of the residuals, tile by tile; Cholesky by columns, covariates first, then promo.  A column whose
 *      pivot falls below COLLINEAR of its own length is dropped; promo must stay
 *   4. slopes, then one step of iterative refinement on the rows' residuals (the second pass)
 *   5. the meat of the sandwich: products of scores x_i e_i, summed by row (HC1: MacKinnon & White 1985), by cluster
 *      (Liang & Zeger 1986), or by either way less both (Cameron, Gelbach & Miller 2011); negative eigenvalues of the
 *      two-way covariance are set to zero, as they propose
 *   6. the expected sales of promoted rows without the promotion: a linear form a'y, so its error comes from the same
 *      sandwich with the scores a_i e_i beside the slopes'
 *
 * Small samples.  n - k rows stand behind HC1, factor n / (n - k).  Clustered: G / (G - 1) x (n - 1) / (n - k) with Student's t
 * of G - 1 degrees, G the smaller number of clusters when there are two ways, as reghdfe and fixest have it.
 * k counts the slopes and the effects' rank, but for effects nested within a cluster: those do not count (Cameron & Miller
 * 2015, section III.B; reghdfe, fixest and xtreg agree).
 *
 * Memory: one column for the residuals, one for the indicator, three for absorbing, sums of scores by cluster.  All sums run in
 * row order.  The cancel flag is looked at after every tile.
 */
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "absorb.h"
#include "regress.h"

#define TILE 2048 /* rows whose columns are gathered at a time */
#define COLLINEAR 1e-10 /* squared length left of a column, relative to its own, that counts as none */

typedef struct Work
{
	Env *env;
	const RegressTask *task;
	Regression *out;
	const Design *design;
	int64_t n;
	int32_t p; /* the design's columns: 0 sales, 1 promo, 2 .. covariates */
	int32_t k; /* columns kept */
	int32_t m; /* columns in a tile, k + 2 at most */

	double *mean; /* [p] */
	double *length2; /* [p] about the mean, before the effects were taken out */
	int64_t promoted; /* rows with promo <> 0 */
	bool graded; /* promo takes other values than 0 and 1 */

	unsigned char *is_promoted; /* [n] promo <> 0 */
	double promoted_sales; /* mean */
	double *
		indicator; /* [n] with effects only: is_promoted, then the weight of a row's sales in the promoted rows' mean fit */
	double *residual; /* [n] */
	int32_t *kept; /* [p] columns of the design, promo last */
	double *gram; /* [p + 1][p + 1] all columns and the indicator */
	double *chol; /* [p][p] lower triangle, by kept columns */
	double *bread; /* [k][k] */
	double *slope; /* [p] by kept columns */
	double *vector; /* [p + 1] */
	double *tile; /* [TILE][p + 1] */
	double *meat; /* [k + 1][k + 1] */
	double *sums; /* [clusters][k + 1] */
	int32_t *both; /* [n] number of the pair of clusters */
} Work;

static inline int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- phase 1 ---- */

static CoreStatus
column_mean(Work *work, int32_t c)
{
	const double *column = work->design->column[c];
	double pivot = column[0];
	double sum = 0;
	double square = 0;

	for (int64_t i = 0; i < work->n; i++)
	{
		double d = column[i] - pivot;

		if (i % TILE == 0 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		sum += d;
		square += d * d;
	}
	work->mean[c] = pivot + sum / (double) work->n;
	work->length2[c] = square - sum * sum / (double) work->n;
	return isfinite(square) ? CORE_OK : CORE_NOT_FINITE;
}

static CoreStatus
promoted_means(Work *work)
{
	const double *promo = work->design->column[FIT_PROMO];
	double *means = work->out->promoted_means;

	memset(means, 0, sizeof(*means) * (size_t) work->p);
	for (int64_t i = 0; i < work->n; i++)
	{
		if (i % TILE == 0 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		work->graded |= promo[i] != 0 && promo[i] != 1;
		work->is_promoted[i] = promo[i] != 0;
		if (promo[i] == 0)
			continue;
		work->promoted++;
		for (int32_t c = 0; c < work->p; c++)
			means[c] += work->design->column[c][i] - work->mean[c];
	}
	for (int32_t c = 0; c < work->p; c++)
		means[c] = work->mean[c] + (work->promoted > 0 ? means[c] / (double) work->promoted : 0);
	work->promoted_sales = means[0];
	means[FIT_INTERCEPT] = 1;
	return CORE_OK;
}

static CoreStatus
take_means(Work *work)
{
	CoreStatus status = CORE_OK;

	for (int32_t c = 0; status == CORE_OK && c < work->p; c++)
		status = column_mean(work, c);
	return status == CORE_OK ? promoted_means(work) : status;
}

/* ---- phase 2 ---- */

static CoreStatus
center(Work *work, double *column, double mean)
{
	for (int64_t i = 0; i < work->n; i++)
	{
		if (i % TILE == 0 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		column[i] -= mean;
	}
	return CORE_OK;
}

static CoreStatus
absorb_into(Work *work, Absorb *absorb, double *column, int32_t culprit)
{
	int32_t sweeps;
	bool converged;
	CoreStatus status =
		absorb_column(absorb, column, work->task->tolerance, work->task->iterations, &sweeps, &converged);

	if (status != CORE_OK)
		return status;
	if (sweeps > work->out->sweeps)
		work->out->sweeps = sweeps;
	if (!converged)
	{
		work->out->verdict = REGRESS_NOT_CONVERGED;
		work->out->culprit = culprit;
	}
	return CORE_OK;
}

/* indicator = (is_promoted - less) / over */
static CoreStatus
fill_indicator(Work *work, const double *less, double over)
{
	for (int64_t i = 0; i < work->n; i++)
	{
		if (i % TILE == 0 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		work->indicator[i] = (work->is_promoted[i] - (less == NULL ? 0 : less[i])) / over;
	}
	return CORE_OK;
}

static CoreStatus
take_effects_out(Work *work)
{
	Absorb *absorb;
	CoreStatus status = absorb_create(work->env, work->design, work->task->n_effects, &absorb);

	for (int32_t c = 0; status == CORE_OK && work->out->verdict == REGRESS_FITTED && c < work->p; c++)
		status = absorb_into(work, absorb, work->design->column[c], c);
	if (status == CORE_OK && work->graded && work->out->verdict == REGRESS_FITTED)
		status = absorb_into(work, absorb, work->indicator, FIT_PROMO);
	absorb_free(absorb);
	if (status == CORE_OK)
		status = absorb_rank(work->env, work->design, work->task->n_effects, &work->out->effects_rank);
	return status;
}

static CoreStatus
take_level_out(Work *work)
{
	CoreStatus status = CORE_OK;

	if (work->task->n_effects > 0)
	{
		status = fill_indicator(work, NULL, 1);
		return status == CORE_OK ? take_effects_out(work) : status;
	}
	for (int32_t c = 0; status == CORE_OK && c < work->p; c++)
		status = center(work, work->design->column[c], work->mean[c]);
	return status;
}

/* ---- phase 3 ---- */

/* tile [rows][m] from the given arrays [m]. */
static void
gather(const Work *work, double *const *columns, int32_t m, int64_t first, int64_t rows)
{
	for (int32_t c = 0; c < m; c++)
	{
		const double *from = columns[c] + first;

		for (int64_t i = 0; i < rows; i++)
			work->tile[i * m + c] = from[i];
	}
}

/* product [m][m], lower triangle: columns' inner products. */
static CoreStatus
gram_of(Work *work, double *const *columns, int32_t m, double *product)
{
	memset(product, 0, sizeof(*product) * (size_t) m * (size_t) m);
	for (int64_t first = 0; first < work->n; first += TILE)
	{
		int64_t rows = smaller(TILE, work->n - first);

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		gather(work, columns, m, first, rows);
		cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, (int) rows, 1.0, work->tile, m, 1.0, product,
					m);
	}
	for (int32_t c = 0; c < m; c++)
		if (!isfinite(product[(size_t) c * (size_t) m + (size_t) c]))
			return CORE_NOT_FINITE;
	return CORE_OK;
}

static inline double
gram_at(const Work *work, int32_t a, int32_t b)
{
	size_t m = (size_t) work->p + 1;

	return a > b ? work->gram[(size_t) a * m + (size_t) b] : work->gram[(size_t) b * m + (size_t) a];
}

/* The next row of the Cholesky factor for column c of the design; returns the pivot (squared length left). */
static double
chol_row(Work *work, int32_t c)
{
	size_t p = (size_t) work->p;
	double *row = work->chol + (size_t) work->k * p;
	double left = gram_at(work, c, c);

	for (int32_t j = 0; j < work->k; j++)
	{
		const double *other = work->chol + (size_t) j * p;
		double sum = gram_at(work, c, work->kept[j]) - cblas_ddot(j, row, 1, other, 1);

		row[j] = sum / other[j];
		left -= row[j] * row[j];
	}
	row[work->k] = sqrt(fmax(left, 0));
	return left;
}

/* Of the covariates kept, the one that promo's row of the factor leans on most. */
static int32_t
likest_covariate(const Work *work)
{
	const double *row = work->chol + (size_t) work->k * (size_t) work->p;
	int32_t best = -1;

	for (int32_t j = 0; j < work->k; j++)
		if (best < 0 || fabs(row[j]) > fabs(row[best]))
			best = j;
	return best < 0 ? -1 : work->kept[best];
}

static bool
absorbed(const Work *work, int32_t c)
{
	return !(gram_at(work, c, c) > COLLINEAR * work->length2[c]) || !(work->length2[c] > 0);
}

static CoreStatus
choose_columns(Work *work)
{
	work->k = 0;
	for (int32_t c = FIT_COVARIATE; c < work->p; c++)
	{
		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		work->out->dropped[c] = absorbed(work, c) || !(chol_row(work, c) > COLLINEAR * gram_at(work, c, c));
		if (!work->out->dropped[c])
			work->kept[work->k++] = c;
	}
	if (absorbed(work, FIT_PROMO))
		work->out->verdict = REGRESS_PROMO_ABSORBED;
	else if (!(chol_row(work, FIT_PROMO) > COLLINEAR * gram_at(work, FIT_PROMO, FIT_PROMO)))
	{
		work->out->verdict = REGRESS_PROMO_COLLINEAR;
		work->out->culprit = likest_covariate(work);
	}
	else
		work->kept[work->k++] = FIT_PROMO;
	return CORE_OK;
}

/* ---- phase 4 ---- */

/* x [k] becomes inverse(X'X) x. */
static void
solve(const Work *work, double *x)
{
	cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, work->k, work->chol, work->p, x, 1);
	cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, work->k, work->chol, work->p, x, 1);
}

/* out = y - X slope, and, when wanted, vector [k] = X' out. */
static CoreStatus
take_fit_out(Work *work, const double *y, const double *slope, double *out, bool products)
{
	double *columns[REGRESS_MAX_COLUMNS + 1];

	memset(work->vector, 0, sizeof(double) * (size_t) work->k);
	for (int64_t first = 0; first < work->n; first += TILE)
	{
		int64_t rows = smaller(TILE, work->n - first);

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		for (int32_t j = 0; j < work->k; j++)
			columns[j] = work->design->column[work->kept[j]];
		gather(work, columns, work->k, first, rows);
		memmove(out + first, y + first, sizeof(double) * (size_t) rows);
		cblas_dgemv(CblasRowMajor, CblasNoTrans, (int) rows, work->k, -1.0, work->tile, work->k, slope, 1,
					1.0, out + first, 1);
		if (products)
			cblas_dgemv(CblasRowMajor, CblasTrans, (int) rows, work->k, 1.0, work->tile, work->k, out + first,
						1, 1.0, work->vector, 1);
	}
	return CORE_OK;
}

/* slope [k] of column c of the Gram matrix (p: the indicator), and what it leaves of y in out. */
static CoreStatus
project(Work *work, const double *y, int32_t c, double *slope, double *out)
{
	CoreStatus status;

	for (int32_t j = 0; j < work->k; j++)
		slope[j] = gram_at(work, c, work->kept[j]);
	solve(work, slope);
	status = take_fit_out(work, y, slope, out, true);
	if (status != CORE_OK)
		return status;
	solve(work, work->vector);
	cblas_daxpy(work->k, 1.0, work->vector, 1, slope, 1);
	return take_fit_out(work, y, slope, out, false);
}

static void
invert(Work *work)
{
	size_t k = (size_t) work->k;

	memset(work->bread, 0, sizeof(double) * k * k);
	for (size_t j = 0; j < k; j++)
	{
		work->bread[j * k + j] = 1;
		solve(work, work->bread + j * k);
	}
}

/* ---- phase 5 ---- */

/* The score beside the slopes': the weight of a row in the mean of sales, or in the promoted rows' mean fit. */
static inline double
extra_score(const Work *work, int64_t i)
{
	return work->indicator == NULL ? 1 / (double) work->n : work->indicator[i];
}

/* tile [rows][k + 1]: rows' scores. */
static void
gather_scores(Work *work, int64_t first, int64_t rows)
{
	int32_t width = work->k + 1;

	for (int32_t j = 0; j < work->k; j++)
	{
		const double *from = work->design->column[work->kept[j]] + first;

		for (int64_t i = 0; i < rows; i++)
			work->tile[i * width + j] = from[i] * work->residual[first + i];
	}
	for (int64_t i = 0; i < rows; i++)
		work->tile[i * width + work->k] = extra_score(work, first + i) * work->residual[first + i];
}

/* meat += scale * sums' sums for sums [rows][k + 1]. */
static void
add_products(Work *work, const double *sums, int64_t rows, double scale)
{
	int32_t width = work->k + 1;

	cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, width, (int) rows, scale, sums, width, 1.0, work->meat,
				width);
}

static CoreStatus
meat_of_rows(Work *work)
{
	for (int64_t first = 0; first < work->n; first += TILE)
	{
		int64_t rows = smaller(TILE, work->n - first);

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		gather_scores(work, first, rows);
		add_products(work, work->tile, rows, 1);
	}
	return CORE_OK;
}

static CoreStatus
meat_of_clusters(Work *work, const int32_t *cluster, int64_t clusters, double scale)
{
	int32_t width = work->k + 1;

	work->sums = work->env->alloc(work->env, sizeof(double) * (size_t) clusters * (size_t) width);
	if (work->sums == NULL)
		return CORE_NO_MEMORY;
	for (int64_t c = 0; c < clusters; c++)
		memset(work->sums + c * width, 0, sizeof(double) * (size_t) width);
	for (int64_t first = 0; first < work->n; first += TILE)
	{
		int64_t rows = smaller(TILE, work->n - first);

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		gather_scores(work, first, rows);
		for (int64_t i = 0; i < rows; i++)
			for (int32_t j = 0; j < width; j++)
				work->sums[(int64_t) cluster[first + i] * width + j] += work->tile[i * width + j];
	}
	for (int64_t first = 0; first < clusters; first += TILE)
	{
		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		add_products(work, work->sums + first * width, smaller(TILE, clusters - first), scale);
	}
	work->env->release(work->env, work->sums);
	work->sums = NULL;
	return CORE_OK;
}

/*
 * Number the pairs of clusters that occur: rows are strung together by their first cluster (next), and within one first
 * cluster the second's last pair is looked up (pair, marked by whose it is).
 */
static CoreStatus
number_pairs(Work *work, const int32_t *first, int32_t n_first, const int32_t *second, int32_t n_second,
			 int64_t *pairs)
{
	Env *env = work->env;
	int64_t *head = env->alloc(env, sizeof(int64_t) * (size_t) n_first + 1);
	int64_t *next = env->alloc(env, sizeof(int64_t) * (size_t) work->n);
	int64_t *pair = env->alloc(env, sizeof(int64_t) * (size_t) n_second + 1);
	int64_t steps = 0;
	CoreStatus status = head == NULL || next == NULL || pair == NULL ? CORE_NO_MEMORY : CORE_OK;

	*pairs = 0;
	if (status == CORE_OK)
	{
		memset(head, 0xff, sizeof(int64_t) * (size_t) n_first);
		memset(pair, 0xff, sizeof(int64_t) * (size_t) n_second);
	}
	for (int64_t i = work->n - 1; status == CORE_OK && i >= 0; i--)
	{
		next[i] = head[first[i]];
		head[first[i]] = i;
	}
	for (int32_t f = 0; status == CORE_OK && f < n_first; f++)
	{
		int64_t born = *pairs; /* pairs of this first cluster are numbered from here */

		for (int64_t i = head[f]; i >= 0; i = next[i])
		{
			if (++steps % TILE == 0 && env->cancelled(env))
			{
				status = CORE_CANCELLED;
				break;
			}
			if (pair[second[i]] < born)
				pair[second[i]] = (*pairs)++;
			work->both[i] = (int32_t) pair[second[i]];
		}
	}
	if (head != NULL)
		env->release(env, head);
	if (next != NULL)
		env->release(env, next);
	if (pair != NULL)
		env->release(env, pair);
	return status;
}

static CoreStatus
meat_two_ways(Work *work)
{
	const Design *design = work->design;
	const int32_t *way = work->task->cluster;
	int64_t pairs;
	CoreStatus status;

	work->both = work->env->alloc(work->env, sizeof(int32_t) * (size_t) work->n);
	if (work->both == NULL)
		return CORE_NO_MEMORY;
	status = number_pairs(work, design->group[way[0]], design->levels[way[0]], design->group[way[1]],
						  design->levels[way[1]], &pairs);
	for (int w = 0; status == CORE_OK && w < 2; w++)
		status = meat_of_clusters(work, design->group[way[w]], design->levels[way[w]], 1);
	if (status == CORE_OK)
		status = meat_of_clusters(work, work->both, pairs, -1);
	return status;
}

/* Coefficients that count in the small-sample factor. */
static CoreStatus
count_df(Work *work)
{
	const RegressTask *task = work->task;

	work->out->used_df = work->k + (task->n_effects > 0 ? work->out->effects_rank : 1);
	for (int32_t q = 0; q < task->n_effects; q++)
	{
		bool nested = false;

		for (int32_t w = 0; w < task->n_clusters && !nested; w++)
		{
			CoreStatus status = design_nested(work->env, work->design, q, task->cluster[w], &nested);

			if (status != CORE_OK)
				return status;
		}
		if (nested)
			work->out->used_df -= work->design->levels[q] - 1;
	}
	if (work->out->used_df < work->k + 1)
		work->out->used_df = work->k + 1;
	return CORE_OK;
}

static CoreStatus
make_meat(Work *work)
{
	const RegressTask *task = work->task;
	LiftFit *fit = &work->out->fit;
	size_t width = (size_t) work->k + 1;
	double n = (double) work->n;
	double left = n - (double) work->out->used_df;
	double factor;
	CoreStatus status;

	memset(work->meat, 0, sizeof(double) * width * width);
	fit->n_clusters = 0;
	for (int32_t w = 0; w < task->n_clusters; w++)
		if (w == 0 || work->design->levels[task->cluster[w]] < fit->n_clusters)
			fit->n_clusters = work->design->levels[task->cluster[w]];
	if (task->n_clusters == 0)
		status = meat_of_rows(work);
	else if (task->n_clusters == 1)
		status = meat_of_clusters(work, work->design->group[task->cluster[0]], fit->n_clusters, 1);
	else
		status = meat_two_ways(work);

	fit->errors = task->n_clusters == 0   ? FIT_HC1
				  : task->n_clusters == 1 ? FIT_CLUSTERED
										  : FIT_CLUSTERED_TWO_WAYS;
	fit->df = task->n_clusters == 0 ? left : (double) (fit->n_clusters - 1);
	factor = task->n_clusters == 0 ? n / left : (n - 1) / left * (double) fit->n_clusters / fit->df;
	for (size_t i = 0; i < width * width; i++)
		work->meat[i] *= factor;
	return status;
}

/* The meat [k + 1][k + 1], lower triangle, becomes the covariance of the slopes and of the extra form: T meat T'. */
static void
make_sandwich(Work *work)
{
	size_t k = (size_t) work->k;
	size_t width = k + 1;
	double *room = work->gram; /* done with: [p + 1][p + 1] is at least [width][width] */

	for (size_t i = 0; i < width; i++)
		for (size_t j = i + 1; j < width; j++)
			work->meat[i * width + j] = work->meat[j * width + i];
	for (size_t i = 0; i < width; i++) /* room = meat T': each row times the bread */
	{
		for (size_t j = 0; j < k; j++)
			room[i * width + j] = cblas_ddot((int) k, work->meat + i * width, 1, work->bread + j * k, 1);
		room[i * width + k] = work->meat[i * width + k];
	}
	for (size_t j = 0; j < width; j++)
	{
		for (size_t i = 0; i < k; i++)
			work->meat[i * width + j] = cblas_ddot((int) k, work->bread + i * k, 1, room + j, (int) width);
		work->meat[k * width + j] = room[k * width + j];
	}
}

/* ---- phase 6 ---- */

/* Covariance [p][p] in the order of the terms; NaN where there is no estimate. */
static void
place_covariance(Work *work)
{
	Regression *out = work->out;
	size_t p = (size_t) work->p;
	size_t k = (size_t) work->k;
	size_t width = k + 1;
	double *to_mean = work->vector; /* [k]: covariance of slopes with the intercept */

	for (size_t i = 0; i < p * p; i++)
		out->covariance[i] = NAN;
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < k; j++)
			out->covariance[(size_t) work->kept[i] * p + (size_t) work->kept[j]] = work->meat[i * width + j];
	if (work->task->n_effects > 0)
		return;

	/* intercept = mean of sales - means' slopes */
	out->covariance[0] = work->meat[k * width + k];
	for (size_t i = 0; i < k; i++)
	{
		to_mean[i] = work->meat[i * width + k];
		for (size_t j = 0; j < k; j++)
			to_mean[i] -= work->meat[i * width + j] * work->mean[work->kept[j]];
		out->covariance[(size_t) work->kept[i] * p] = to_mean[i];
		out->covariance[(size_t) work->kept[i]] = to_mean[i];
	}
	for (size_t i = 0; i < k; i++)
		out->covariance[0] -= work->mean[work->kept[i]] * (work->meat[i * width + k] + to_mean[i]);
}

/* Set negative eigenvalues of the estimated terms' covariance to zero.  The order of terms is that of `index`. */
static CoreStatus
repair(Work *work)
{
	Regression *out = work->out;
	size_t p = (size_t) work->p;
	size_t m = 0;
	int32_t *index = work->kept; /* no longer needed as it was */
	double *square = work->gram; /* [m][m] eigenvectors */
	double *value = work->vector; /* [m] */
	lapack_int order;
	lapack_int room = (lapack_int) (TILE * (p + 1));
	lapack_int info = 0;
	double largest;

	for (size_t c = 0; c < p; c++)
		if (!isnan(out->coefficients[c]))
			index[m++] = (int32_t) c;
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < m; j++)
			square[i * m + j] = out->covariance[(size_t) index[i] * p + (size_t) index[j]];
	order = (lapack_int) m;
	LAPACK_dsyev("V", "L", &order, square, &order, value, work->tile, &room, &info);
	if (info != 0)
		return CORE_NOT_FINITE;
	largest = value[m - 1];
	if (value[0] >= -1e-12 * largest)
		return CORE_OK;
	out->repaired = true;
	for (size_t i = 0; i < m; i++)
	{
		for (size_t j = 0; j < m; j++)
		{
			double sum = 0;

			for (size_t e = 0; e < m; e++) /* eigenvector e is square [e][.] */
				sum += value[e] > 0 ? value[e] * square[e * m + i] * square[e * m + j] : 0;
			out->covariance[(size_t) index[i] * p + (size_t) index[j]] = sum;
		}
	}
	/* a variance of which nothing is left is not known to be none */
	for (size_t i = 0; i < m; i++)
	{
		if (out->covariance[(size_t) index[i] * (p + 1)] > 0)
			continue;
		for (size_t j = 0; j < p; j++)
			out->covariance[(size_t) index[i] * p + j] = out->covariance[j * p + (size_t) index[i]] = NAN;
	}
	return CORE_OK;
}

static double
mean_promoted_residual(const Work *work)
{
	double sum = 0;

	for (int64_t i = 0; i < work->n; i++)
		sum += work->is_promoted[i] ? work->residual[i] : 0;
	return sum / (double) work->promoted;
}

/*
 * With effects absorbed the expected sales are not a form of the terms alone: mean sales of the promoted rows as fitted,
 * less promo's part.  Their variance and covariance with promo are in the sandwich.
 */
static void
lift_with_effects(Work *work, double variance, double covariance)
{
	double fitted = work->promoted_sales - mean_promoted_residual(work);
	LiftFit *fit = &work->out->fit;
	double mean_promo = work->out->promoted_means[FIT_PROMO];
	double v_promo = fit->covariance[(size_t) FIT_PROMO * (size_t) fit->p + FIT_PROMO];
	double expected = fitted - mean_promo * fit->extra_sales_per_row;
	double v_expected = variance - 2 * mean_promo * covariance + mean_promo * mean_promo * v_promo;
	double cov_expected = covariance - mean_promo * v_promo;
	double lift = fit->extra_sales_per_row / expected;
	double v_lift = v_promo - 2 * lift * cov_expected + lift * lift * v_expected;
	FitTerm term;

	fit->expected_without_promo = expected;
	fit->lift_percent = fit->lift_low = fit->lift_high = NAN;
	if (!(expected > 0))
		return;
	if (work->task->n_clusters == 2 && !(v_lift > 0)) /* two ways subtract */
		v_lift = NAN;
	term = fit_term(100 * lift, 100 * 100 * v_lift / (expected * expected), fit->df);
	fit->lift_percent = term.estimate;
	fit->lift_low = term.ci_low;
	fit->lift_high = term.ci_high;
}

/* ---- all of it ---- */

static void
place_coefficients(Work *work)
{
	Regression *out = work->out;
	double intercept = work->mean[0];

	for (int32_t c = 0; c < work->p; c++)
		out->coefficients[c] = NAN;
	for (int32_t j = 0; j < work->k; j++)
	{
		out->coefficients[work->kept[j]] = work->slope[j];
		intercept -= work->slope[j] * work->mean[work->kept[j]];
	}
	if (work->task->n_effects == 0)
		out->coefficients[FIT_INTERCEPT] = intercept;
}

static CoreStatus
fill_fit(Work *work)
{
	Regression *out = work->out;
	LiftFit *fit = &out->fit;
	size_t width = (size_t) work->k + 1;
	double within2 = gram_at(work, 0, 0);
	double left2 = 0;
	double v_fitted;
	double cov_fitted;
	CoreStatus status = CORE_OK;

	for (int64_t i = 0; i < work->n; i++)
		left2 += work->residual[i] * work->residual[i];
	if (!isfinite(left2))
		return CORE_NOT_FINITE;
	fit->n = work->n;
	fit->p = work->p;
	fit->coefficients = out->coefficients;
	fit->covariance = out->covariance;
	fit->promoted_means = out->promoted_means;
	fit->promoted_base = 0;
	fit->r2 = work->length2[0] > 0 ? 1 - left2 / work->length2[0] : NAN;
	out->within_r2 = work->task->n_effects > 0 && within2 > 0 ? 1 - left2 / within2 : NAN;
	place_coefficients(work);

	make_sandwich(work);
	v_fitted = work->meat[width * width - 1];
	cov_fitted = work->meat[((size_t) work->k - 1) * width + (size_t) work->k]; /* promo stands last */
	place_covariance(work);
	if (work->task->n_clusters == 2)
		status = repair(work);
	fit_finish(fit);
	if (work->task->n_effects > 0)
		lift_with_effects(work, v_fitted, cov_fitted);
	return status;
}

/* Phase 3; the last column of the Gram matrix is a graded promo's indicator. */
static CoreStatus
choose(Work *work)
{
	double *columns[REGRESS_MAX_COLUMNS + 1];
	CoreStatus status;

	for (int32_t c = 0; c < work->p; c++)
		columns[c] = work->design->column[c];
	columns[work->p] = work->indicator != NULL ? work->indicator : work->design->column[0];
	status = gram_of(work, columns, work->p + 1, work->gram);
	return status == CORE_OK ? choose_columns(work) : status;
}

/* The weight of each row's sales in the mean fit of the promoted rows. */
static CoreStatus
weigh_promoted(Work *work)
{
	CoreStatus status;

	if (work->indicator == NULL)
		return CORE_OK;
	if (!work->graded) /* promo itself is in the fit, so the promoted rows' mean is fitted exactly */
		return fill_indicator(work, NULL, (double) work->promoted);
	status = project(work, work->indicator, work->p, work->slope, work->residual);
	return status == CORE_OK ? fill_indicator(work, work->residual, (double) work->promoted) : status;
}

static bool
enough_rows_and_clusters(Work *work)
{
	const RegressTask *task = work->task;
	Regression *out = work->out;

	out->used_df = work->k + (task->n_effects > 0 ? out->effects_rank : 1);
	if (work->n <= out->used_df)
		out->verdict = REGRESS_TOO_FEW_ROWS;
	for (int32_t w = 0; w < task->n_clusters && out->verdict == REGRESS_FITTED; w++)
	{
		if (work->design->levels[task->cluster[w]] < 2)
		{
			out->verdict = REGRESS_ONE_CLUSTER;
			out->culprit = w;
		}
	}
	return out->verdict == REGRESS_FITTED;
}

static CoreStatus
fit_rows(Work *work)
{
	CoreStatus status = take_means(work);

	if (status != CORE_OK)
		return status;
	if (!(work->length2[FIT_PROMO] > 0))
	{
		work->out->verdict = REGRESS_PROMO_CONSTANT;
		return CORE_OK;
	}
	status = take_level_out(work);
	if (status == CORE_OK && work->out->verdict == REGRESS_FITTED)
		status = choose(work);
	if (status != CORE_OK || work->out->verdict != REGRESS_FITTED || !enough_rows_and_clusters(work))
		return status;
	status = weigh_promoted(work);
	if (status == CORE_OK)
		status = project(work, work->design->column[0], 0, work->slope, work->residual);
	if (status == CORE_OK)
		status = count_df(work);
	if (status != CORE_OK)
		return status;
	invert(work);
	status = make_meat(work);
	return status == CORE_OK ? fill_fit(work) : status;
}

/* Take `count` doubles, or say that there is no room. */
static bool
take(Work *work, double **array, size_t count)
{
	*array = work->env->alloc(work->env, sizeof(double) * count);
	return *array != NULL;
}

static bool
take_all(Work *work)
{
	size_t p = (size_t) work->p;
	size_t n = (size_t) work->n;

	work->kept = work->env->alloc(work->env, sizeof(int32_t) * p);
	work->is_promoted = work->env->alloc(work->env, n);
	return work->kept != NULL && work->is_promoted != NULL && take(work, &work->mean, p) &&
		   take(work, &work->length2, p) && take(work, &work->residual, n) &&
		   take(work, &work->gram, (p + 1) * (p + 1)) && take(work, &work->chol, p * p) &&
		   take(work, &work->bread, p * p) && take(work, &work->slope, p) &&
		   take(work, &work->vector, p + 1) && take(work, &work->tile, TILE * (p + 1)) &&
		   take(work, &work->meat, (p + 1) * (p + 1)) &&
		   (work->task->n_effects == 0 || take(work, &work->indicator, n));
}

static void
give_back(Work *work)
{
	void *const blocks[] = {work->kept, work->is_promoted, work->mean,  work->length2, work->residual,
							work->gram, work->chol,        work->bread, work->slope,   work->vector,
							work->tile, work->meat,        work->sums,  work->both,    work->indicator};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (blocks[i] != NULL)
			work->env->release(work->env, blocks[i]);
}

CoreStatus
regress_fit(Env *env, const RegressTask *task, Regression *out)
{
	Work work = {.env = env, .task = task, .out = out, .design = task->design};
	CoreStatus status;

	work.n = task->design->n;
	work.p = task->design->n_columns;
	out->verdict = REGRESS_FITTED;
	out->culprit = -1;
	out->effects_rank = 0;
	out->sweeps = 0;
	out->repaired = false;
	memset(out->dropped, 0, sizeof(bool) * (size_t) work.p);
	if (work.n == 0)
	{
		out->verdict = REGRESS_TOO_FEW_ROWS;
		out->used_df = work.p;
		return CORE_OK;
	}
	status = take_all(&work) ? fit_rows(&work) : CORE_NO_MEMORY;
	give_back(&work);
	return status;
}

size_t
regress_bytes(int64_t n, int32_t n_columns, int32_t n_effects, int32_t n_clusters)
{
	size_t p = (size_t) n_columns + 1;
	size_t rows = (size_t) n;
	size_t bytes = sizeof(double) * (6 * p * p + TILE * p + 8 * p) + rows * (sizeof(double) + 1);

	if (n_effects > 0)
		bytes += rows * sizeof(double) + absorb_bytes(n, n_effects);
	if (n_clusters > 0) /* sums of scores, at worst one row to a cluster */
		bytes += rows * sizeof(double) * p;
	if (n_clusters > 1)
		bytes += rows * (3 * sizeof(int64_t) + sizeof(int32_t));
	return bytes;
}
