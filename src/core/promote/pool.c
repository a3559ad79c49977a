/*
 * pool.c - elasticities by product, pooled by empirical Bayes
 *
 * A product's own log-log slope is noisy: prices change a few times a year.  Products of a category are alike, so each slope
 * y_i with error variance V_i is taken as drawn from the category's N(mu, A) and moved towards mu by the share
 * B_i = V_i / (V_i + A) that noise has in its spread (Efron & Morris 1975).
 *
 * Phases:
 *   1. least squares product by product: columns centred, Cholesky with the price last, so that its pivot is the slope's
 *      precision; covariates that are collinear within the product are passed over
 *   2. residual variances with few degrees of freedom are noise themselves, and a product whose residuals happen to be small
 *      would weigh far too much: they are moderated towards a common prior first (Smyth 2004, as limma does)
 *   3. A by restricted maximum likelihood: DerSimonian & Laird's moments are biased low with unequal V_i (Viechtbauer
 *      2005).  The score is monotone enough for bisection: from where it is positive at 0 to where doubling finds it negative
 *   4. Morris's (1983, JASA 78:47-55) estimates and variances for unequal V_i: B_i is reduced by (k - 3) / (k - 1) because
 *      A is estimated, the mean's error and that of B_i are added to the variance:
 *         s_i^2 = V_i (1 - (1 - W_i / sum W) B_i) + 2 / (k - 3) B_i^2 (Vbar + A) / (V_i + A) (y_i - mu)^2
 *
 * A category with fewer than POOL_FEWEST estimates is pooled towards the mean of all products.  A product without an
 * estimate of its own gets the mean, with variance A + 1 / sum W.
 */
#include <math.h>
#include <string.h>

#include "pool.h"

#define STRETCH 4096 /* products between two looks at the cancel flag */
#define COLLINEAR 1e-10 /* squared length left of a column, relative to its own, that counts as none */

/* ---- phase 1 ---- */

typedef struct OwnWork
{
	Env *env;
	const Design *design;
	int32_t m; /* columns: log quantity, log price, covariates */
	double *mean; /* [m] */
	double *gram; /* [m][m] */
	double *chol; /* [m][m] */
	double *z; /* [m] chol^-1 X'y */
} OwnWork;

/* Means and products about them of rows first .. last - 1. */
static CoreStatus
own_gram(OwnWork *work, int64_t first, int64_t last)
{
	int32_t m = work->m;

	memset(work->gram, 0, sizeof(double) * (size_t) m * (size_t) m);
	for (int32_t c = 0; c < m; c++)
	{
		const double *column = work->design->column[c];
		double sum = 0;

		for (int64_t i = first; i < last; i++)
			sum += column[i] - column[first];
		work->mean[c] = column[first] + sum / (double) (last - first);
	}
	for (int64_t i = first; i < last; i++)
	{
		if ((i & 1023) == 0 && work->env->cancelled(work->env))
			return CORE_CANCELLED;
		for (int32_t a = 0; a < m; a++)
		{
			double left = work->design->column[a][i] - work->mean[a];

			for (int32_t b = 0; b <= a; b++)
				work->gram[a * m + b] += left * (work->design->column[b][i] - work->mean[b]);
		}
	}
	return CORE_OK;
}

static inline double
own_at(const OwnWork *work, int32_t a, int32_t b)
{
	return a > b ? work->gram[a * work->m + b] : work->gram[b * work->m + a];
}

/* Add column c as row k of the factor, kept [k] before it; false when nothing of it is left. */
static bool
own_add(OwnWork *work, const int32_t *kept, int32_t k, int32_t c, double length2)
{
	double *row = work->chol + k * work->m;
	double left = own_at(work, c, c);
	double z = own_at(work, c, 0);

	for (int32_t j = 0; j < k; j++)
	{
		const double *other = work->chol + j * work->m;
		double sum = own_at(work, c, kept[j]);

		for (int32_t l = 0; l < j; l++)
			sum -= row[l] * other[l];
		row[j] = sum / other[j];
		left -= row[j] * row[j];
		z -= row[j] * work->z[j];
	}
	if (!(left > COLLINEAR * length2) || !(length2 > 0))
		return false;
	row[k] = sqrt(left);
	work->z[k] = z / row[k];
	return true;
}

/* True when a column's spread is more than rounding of its values. */
static double
real_length2(const OwnWork *work, int32_t c, int64_t rows)
{
	double size = fabs(work->mean[c]);
	double length2 = own_at(work, c, c);

	return length2 > 1e-24 * size * size * (double) rows ? length2 : 0;
}

static CoreStatus
own_fit(OwnWork *work, int64_t first, int64_t last, int32_t *kept, OwnFit *own)
{
	int32_t k = 0;
	double left;
	CoreStatus status = own_gram(work, first, last);

	if (status != CORE_OK)
		return status;
	*own = (OwnFit){.rows = last - first, .slope = NAN, .scale = NAN, .variance = NAN, .df = 0};
	for (int32_t c = 2; c < work->m; c++)
		if (own_add(work, kept, k, c, real_length2(work, c, own->rows)))
			kept[k++] = c;
	if (own->rows < k + 3 || !own_add(work, kept, k, 1, real_length2(work, 1, own->rows)))
		return CORE_OK;
	left = own_at(work, 0, 0);
	for (int32_t j = 0; j <= k; j++)
		left -= work->z[j] * work->z[j];
	own->slope = work->z[k] / work->chol[k * work->m + k];
	own->scale = 1 / (work->chol[k * work->m + k] * work->chol[k * work->m + k]);
	own->df = (double) (own->rows - k - 2);
	own->variance = fmax(left, 1e-15 * own_at(work, 0, 0)) / own->df;
	return isfinite(own->slope) && isfinite(own->variance) ? CORE_OK : CORE_NOT_FINITE;
}

CoreStatus
pool_fit_own(Env *env, const Design *design, OwnFit *own)
{
	size_t m = (size_t) design->n_columns;
	double *room = env->alloc(env, sizeof(double) * (2 * m * m + 2 * m) + sizeof(int32_t) * m);
	OwnWork work = {.env = env, .design = design, .m = design->n_columns};
	CoreStatus status = room == NULL ? CORE_NO_MEMORY : CORE_OK;
	int64_t first = 0;

	if (room == NULL)
		return CORE_NO_MEMORY;
	work.gram = room;
	work.chol = room + m * m;
	work.mean = work.chol + m * m;
	work.z = work.mean + m;
	for (int32_t i = 0; i < design->levels[0]; i++)
		own[i] = (OwnFit){.slope = NAN, .scale = NAN, .variance = NAN};
	while (status == CORE_OK && first < design->n)
	{
		int64_t last = first + 1;

		while (last < design->n && design->group[0][last] == design->group[0][first])
			last++;
		status = own_fit(&work, first, last, (int32_t *) (work.z + m), &own[design->group[0][first]]);
		first = last;
	}
	env->release(env, room);
	return status;
}

/* ---- phase 2 ---- */

/* psi and psi': recurrence up to 10, then the asymptotic series. */
static double
digamma(double x)
{
	double sum = 0;
	double t;

	for (; x < 10; x++)
		sum -= 1 / x;
	t = 1 / (x * x);
	return sum + log(x) - 0.5 / x -
		   t * (1.0 / 12 -
				t * (1.0 / 120 - t * (1.0 / 252 - t * (1.0 / 240 - t * (1.0 / 132 - t * 691.0 / 32760)))));
}

static double
trigamma(double x)
{
	double sum = 0;
	double t;

	for (; x < 10; x++)
		sum += 1 / (x * x);
	t = 1 / (x * x);
	return sum + 1 / x + 0.5 * t +
		   t / x *
			   (1.0 / 6 -
				t * (1.0 / 30 - t * (1.0 / 42 - t * (1.0 / 30 - t * (5.0 / 66 - t * 691.0 / 2730)))));
}

/* x with trigamma(x) = y > 0; it falls from infinity to 0. */
static double
trigamma_inverse(double y)
{
	double low = 1e-8;
	double high = 1;

	while (trigamma(high) > y && high < 1e15)
		high *= 2;
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++)
	{
		double middle = 0.5 * (low + high);

		if (trigamma(middle) > y)
			low = middle;
		else
			high = middle;
	}
	return 0.5 * (low + high);
}

/* log s^2 less what chance with so many degrees of freedom makes of it */
static double
centred_log(const OwnFit *own)
{
	return log(own->variance) - digamma(own->df / 2) + log(own->df / 2);
}

static bool
has_estimate(const OwnFit *own)
{
	return own->df > 0 && own->variance > 0;
}

static VariancePrior
variance_prior(const OwnFit *own, int32_t n)
{
	VariancePrior prior = {.variance = NAN, .df = INFINITY};
	double sum = 0;
	double square = 0;
	double chance = 0;
	double count = 0;
	double mean;
	double excess;

	for (int32_t i = 0; i < n; i++)
	{
		if (!has_estimate(&own[i]))
			continue;
		sum += centred_log(&own[i]);
		chance += trigamma(own[i].df / 2);
		count++;
	}
	if (count == 0)
		return prior;
	mean = sum / count;
	for (int32_t i = 0; i < n; i++)
		if (has_estimate(&own[i]))
			square += (centred_log(&own[i]) - mean) * (centred_log(&own[i]) - mean);
	excess = count > 1 ? square / (count - 1) - chance / count : 0;
	if (excess > 1e-10)
	{
		prior.df = 2 * trigamma_inverse(excess);
		prior.variance = exp(mean + digamma(prior.df / 2) - log(prior.df / 2));
	}
	else
		prior.variance = exp(mean);
	return prior;
}

static double
moderated(const OwnFit *own, const VariancePrior *prior)
{
	if (isinf(prior->df))
		return prior->variance;
	return (prior->df * prior->variance + own->df * own->variance) / (prior->df + own->df);
}

/* ---- phase 3 ---- */

/* Products that a mean is over: those of one category, or all. */
typedef struct Members
{
	const double *slope; /* [n] NaN: none */
	const double *error2; /* [n] */
	const int32_t *at; /* [count] */
	int32_t count;
} Members;

/* Twice the derivative of the restricted log-likelihood by the spread; mean and precision beside it. */
static double
reml_score(const Members *members, double spread2, PoolMean *out)
{
	double precision = 0;
	double weighted = 0;
	double square = 0;
	double misfit = 0;
	double errors = 0;

	for (int32_t i = 0; i < members->count; i++)
	{
		double w = 1 / (members->error2[members->at[i]] + spread2);

		precision += w;
		square += w * w;
		weighted += w * members->slope[members->at[i]];
		errors += w * members->error2[members->at[i]];
	}
	out->mean = weighted / precision;
	out->precision = precision;
	out->spread2 = spread2;
	out->mean_error2 = errors / precision;
	for (int32_t i = 0; i < members->count; i++)
	{
		double w = 1 / (members->error2[members->at[i]] + spread2);
		double off = members->slope[members->at[i]] - out->mean;

		misfit += w * w * off * off;
	}
	return misfit - precision + square / precision;
}

static CoreStatus
reml(Env *env, const Members *members, PoolMean *out)
{
	double low = 0;
	double high = 1e-6;

	*out = (PoolMean){.n = members->count, .mean = NAN, .spread2 = NAN, .precision = NAN, .mean_error2 = NAN};
	if (members->count < POOL_FEWEST)
		return CORE_OK;
	if (!(reml_score(members, 0, out) > 0))
		return CORE_OK;
	while (reml_score(members, high, out) > 0 && high < 1e12)
		high *= 2;
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++)
	{
		double middle = 0.5 * (low + high);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		if (reml_score(members, middle, out) > 0)
			low = middle;
		else
			high = middle;
	}
	reml_score(members, 0.5 * (low + high), out);
	return isfinite(out->mean) ? CORE_OK : CORE_NOT_FINITE;
}

/* ---- phase 4 ---- */

static Pooled
pool_one(const OwnFit *own, double error2, double df, const PoolMean *mean, PoolKind kind)
{
	Pooled pooled = {.kind = kind, .slope = own->slope, .std_error = sqrt(error2), .df = df, .own_weight = 1};
	double k = mean->n;
	double b;
	double w;
	double off;

	if (kind == POOL_NONE)
	{
		if (!has_estimate(own))
			pooled.own_weight = 0;
		return pooled;
	}
	if (!has_estimate(own))
	{
		pooled.slope = mean->mean;
		pooled.std_error = sqrt(mean->spread2 + 1 / mean->precision);
		pooled.df = k - 1;
		pooled.own_weight = 0;
		return pooled;
	}
	w = 1 / (error2 + mean->spread2);
	b = (k - 3) / (k - 1) * error2 * w;
	off = own->slope - mean->mean;
	pooled.slope = own->slope - b * off;
	pooled.std_error = sqrt(error2 * (1 - (1 - w / mean->precision) * b) +
							2 / (k - 3) * b * b * (mean->mean_error2 + mean->spread2) * w * off * off);
	pooled.own_weight = 1 - b;
	return pooled;
}

/* at [n] receives the products with an estimate, category by category; start [categories + 1] where each begins. */
static void
sort_members(const OwnFit *own, const int32_t *category, int32_t n, int32_t categories, int32_t *at,
			 int32_t *start)
{
	memset(start, 0, sizeof(*start) * ((size_t) categories + 2));
	for (int32_t i = 0; i < n; i++)
		if (has_estimate(&own[i]))
			start[category[i] + 2]++;
	for (int32_t c = 2; c <= categories; c++)
		start[c] += start[c - 1];
	for (int32_t i = 0; i < n; i++)
		if (has_estimate(&own[i]))
			at[start[category[i] + 1]++] = i;
}

static CoreStatus
pool_with(Env *env, const OwnFit *own, const int32_t *category, int32_t n, int32_t categories,
		  const VariancePrior *prior, PoolMean *mean, Pooled *pooled, double *slope, double *error2,
		  int32_t *at, int32_t *start)
{
	CoreStatus status = CORE_OK;

	for (int32_t i = 0; i < n; i++)
	{
		slope[i] = own[i].slope;
		error2[i] = has_estimate(&own[i]) ? own[i].scale * moderated(&own[i], prior) : NAN;
	}
	sort_members(own, category, n, categories, at, start);
	for (int32_t c = 0; status == CORE_OK && c <= categories; c++)
	{
		Members members = {.slope = slope, .error2 = error2};

		members.at = c < categories ? at + start[c] : at;
		members.count = c < categories ? start[c + 1] - start[c] : start[categories];
		status = reml(env, &members, &mean[c]);
	}
	for (int32_t i = 0; status == CORE_OK && i < n; i++)
	{
		PoolKind kind = mean[category[i]].n >= POOL_FEWEST  ? POOL_CATEGORY
						: mean[categories].n >= POOL_FEWEST ? POOL_ALL
															: POOL_NONE;
		const PoolMean *towards = &mean[kind == POOL_CATEGORY ? category[i] : categories];

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		pooled[i] = pool_one(&own[i], error2[i], prior->df + own[i].df, towards, kind);
	}
	return status;
}

CoreStatus
pool_products(Env *env, const OwnFit *own, const int32_t *category, int32_t n, int32_t categories,
			  VariancePrior *prior, PoolMean *mean, Pooled *pooled)
{
	size_t doubles = sizeof(double) * 2 * (size_t) n;
	size_t ints = sizeof(int32_t) * ((size_t) n + (size_t) categories + 2);
	double *room = env->alloc(env, doubles + ints);
	int32_t *at;
	CoreStatus status;

	if (room == NULL)
		return CORE_NO_MEMORY;
	at = (int32_t *) (room + 2 * (size_t) n);
	*prior = variance_prior(own, n);
	status = pool_with(env, own, category, n, categories, prior, mean, pooled, room, room + n, at, at + n);
	env->release(env, room);
	return status;
}
