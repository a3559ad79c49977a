/*
 * bgnbd.c - the BG/NBD model: likelihood and fit
 *
 * The likelihood of (x, t_x, T) is, by equation 6 of Fader, Hardie & Lee (2005),
 *
 *     Gamma(r + x) alpha^r / Gamma(r)  *  Gamma(a + b) Gamma(b + x) / (Gamma(b) Gamma(a + b + x))
 *     * ( (alpha + T)^-(r + x)  +  [x > 0] a / (b + x - 1) (alpha + t_x)^-(r + x) )
 *
 * x is a whole number, so the quotients of gamma functions are products of x factors, and their logarithms sums: tables
 * of them up to the largest x cost less than gamma functions and lose no digits where these are large.  Times are whole
 * days, so logarithms of alpha + t come from tables, too.  What is left per group of customers is one exponential and one
 * logarithm.  The two terms of the last line are added on the log scale.
 *
 * The search runs over logarithms of r, alpha / mean age, a and b, with the exact gradient.  Where the data hold a
 * parameter at no finite value (shops whose customers never leave for good have b without bound) the likelihood climbs
 * for ever, ever more slowly: a wall at a factor of 1e4 stops it there and the parameter is reported as diverging.
 *
 * The penalty takes alpha in units of the largest age, so that the same orders give the same model in whatever unit of time
 * the caller counts.
 */
#include <math.h>

#include "../optimise.h"
#include "../radix.h"
#include "bgnbd.h"
#include "wall.h"

#define STRETCH 65536 /* groups between two looks at the cancel flag */
#define KEY_BITS 20

/* ---- grouping ---- */

static void
merge_groups(Histories *histories, const RadixItem *order, int64_t n)
{
	const uint64_t mask = (UINT64_C(1) << KEY_BITS) - 1;
	int64_t groups = 0;

	for (int64_t i = 0; i < n; i++)
	{
		if (i == 0 || order[i].key != order[i - 1].key)
		{
			histories->x[groups] = (int32_t) (order[i].key >> (2 * KEY_BITS));
			histories->last[groups] = (int32_t) (order[i].key >> KEY_BITS & mask);
			histories->age[groups] = (int32_t) (order[i].key & mask);
			histories->count[groups] = 0;
			groups++;
		}
		histories->count[groups - 1]++;
	}
	histories->n = groups;
}

CoreStatus
histories_group(Env *env, Histories *histories)
{
	int64_t n = histories->n;
	RadixItem *order = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	RadixItem *scratch = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	CoreStatus status = order == NULL || scratch == NULL ? CORE_NO_MEMORY : CORE_OK;

	if (status == CORE_OK)
	{
		for (int64_t i = 0; i < n; i++)
			order[i].key = (uint64_t) histories->x[i] << (2 * KEY_BITS) |
						   (uint64_t) histories->last[i] << KEY_BITS | (uint64_t) histories->age[i];
		status = radix_sort(env, order, scratch, n);
	}
	if (status == CORE_OK)
		merge_groups(histories, order, n);
	if (scratch != NULL)
		env->release(env, scratch);
	if (order != NULL)
		env->release(env, order);
	return status;
}

/* ---- the likelihood ---- */

/* What the likelihood of many customers shares, for one set of parameters. */
typedef struct Tables
{
	int32_t most_x;
	int32_t most_days;
	double *front; /* [most_x + 1] log of what stands before the bracket, but for alpha^r */
	double *by_r; /* [most_x + 1] its derivatives */
	double *by_a; /* [most_x + 1] */
	double *by_b; /* [most_x + 1] */
	double *log_time; /* [most_days + 1] log(alpha + days) */
	double *inverse_time; /* [most_days + 1] 1 / (alpha + days) */
} Tables;

typedef struct Problem
{
	const Histories *histories;
	double customers;
	double unit; /* days of a unit of time in which the search runs: the mean age */
	double ages_per_unit; /* largest ages in that unit */
	double penalizer;
	Tables *tables;
} Problem;

static CoreStatus
tables_take(Env *env, const Histories *histories, Tables *tables)
{
	size_t xs;
	size_t days;
	double *block;

	tables->most_x = tables->most_days = 0;
	for (int64_t i = 0; i < histories->n; i++)
	{
		if (histories->x[i] > tables->most_x)
			tables->most_x = histories->x[i];
		if (histories->age[i] > tables->most_days)
			tables->most_days = histories->age[i];
	}
	xs = (size_t) tables->most_x + 1;
	days = (size_t) tables->most_days + 1;
	block = env->alloc(env, sizeof(double) * (4 * xs + 2 * days));
	tables->front = block;
	if (block == NULL)
		return CORE_NO_MEMORY;
	tables->by_r = block + xs;
	tables->by_a = block + 2 * xs;
	tables->by_b = block + 3 * xs;
	tables->log_time = block + 4 * xs;
	tables->inverse_time = block + 4 * xs + days;
	return CORE_OK;
}

static void
tables_fill(Tables *tables, const BgNbd *model, double unit)
{
	double front = 0;
	double by_r = 0;
	double by_a = 0;
	double by_b = 0;

	for (int32_t x = 0; x <= tables->most_x; x++)
	{
		double both = 1 / (model->a + model->b + x);

		tables->front[x] = front;
		tables->by_r[x] = by_r;
		tables->by_a[x] = by_a;
		tables->by_b[x] = by_b;
		/* (b + x) / (a + b + x) is near 1 where b is large */
		front += log(model->r + x) + log1p(-model->a * both);
		by_r += 1 / (model->r + x);
		by_a -= both;
		by_b += model->a * both / (model->b + x);
	}
	for (int32_t d = 0; d <= tables->most_days; d++)
	{
		tables->log_time[d] = log(model->alpha + d / unit);
		tables->inverse_time[d] = 1 / (model->alpha + d / unit);
	}
}

/* Log-likelihood of one customer of group i, and its derivatives by r, alpha, a and b. */
static inline double
group_likelihood(const Histories *histories, const Tables *tables, const BgNbd *model, double log_alpha,
				 int64_t i, double *gradient)
{
	int32_t x = histories->x[i];
	int32_t age = histories->age[i];
	double orders = model->r + x;
	double log_age = tables->log_time[age];
	double value = tables->front[x] + model->r * log_alpha - orders * log_age;
	double gone = 0; /* posterior probability that the customer has left */

	gradient[0] = tables->by_r[x] + log_alpha - log_age;
	gradient[1] = model->r / model->alpha - orders * tables->inverse_time[age];
	gradient[2] = tables->by_a[x];
	gradient[3] = tables->by_b[x];
	if (x > 0)
	{
		int32_t last = histories->last[i];
		double later = log_age - tables->log_time[last];
		double odds = log(model->a / (model->b + x - 1)) + orders * later;
		double small = exp(-fabs(odds));

		value += (odds > 0 ? odds : 0) + log1p(small);
		gone = odds > 0 ? 1 / (1 + small) : small / (1 + small);
		gradient[0] += gone * later;
		gradient[1] -= gone * orders * (tables->inverse_time[last] - tables->inverse_time[age]);
		gradient[2] += gone / model->a;
		gradient[3] -= gone / (model->b + x - 1);
	}
	return value;
}

static CoreStatus
sum_likelihood(Env *env, const Histories *histories, const Tables *tables, const BgNbd *model, double *value,
			   double *gradient)
{
	double log_alpha = log(model->alpha);
	double one[BGNBD_PARAMETERS];

	*value = 0;
	for (int p = 0; p < BGNBD_PARAMETERS; p++)
		gradient[p] = 0;
	for (int64_t i = 0; i < histories->n; i++)
	{
		double count = histories->count[i];

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		*value += count * group_likelihood(histories, tables, model, log_alpha, i, one);
		for (int p = 0; p < BGNBD_PARAMETERS; p++)
			gradient[p] += count * one[p];
	}
	return CORE_OK;
}

/* Objective.evaluate: the mean negative log-likelihood and what is added to it. */
static CoreStatus
evaluate(Env *env, const void *arg, const double *z, double *value, double *gradient)
{
	const Problem *problem = arg;
	BgNbd model = {exp(z[0]), exp(z[1]), exp(z[2]), exp(z[3])};
	const double parameter[BGNBD_PARAMETERS] = {model.r, model.alpha, model.a, model.b};
	CoreStatus status;

	tables_fill(problem->tables, &model, problem->unit);
	status = sum_likelihood(env, problem->histories, problem->tables, &model, value, gradient);
	*value /= -problem->customers;
	for (int p = 0; p < BGNBD_PARAMETERS; p++)
	{
		double own = parameter[p] * (p == 1 ? problem->ages_per_unit : 1);

		gradient[p] *= -parameter[p] / problem->customers;
		*value += problem->penalizer * own * own;
		gradient[p] += 2 * problem->penalizer * own * own;
		*value += wall(z[p], &gradient[p]);
	}
	return status;
}

/* ---- the fit ---- */

static CoreStatus
find_errors(Env *env, const Objective *objective, const Problem *problem, const double *z, BgNbdFit *fit)
{
	const double parameter[BGNBD_PARAMETERS] = {fit->model.r, fit->model.alpha, fit->model.a, fit->model.b};

	return wall_errors(env, objective, z, problem->customers, parameter, fit->std_error, fit->diverging);
}

CoreStatus
bgnbd_fit(Env *env, const Histories *histories, double days_per_unit, double penalizer, BgNbdFit *fit)
{
	Tables tables;
	Problem problem = {.histories = histories, .penalizer = penalizer, .tables = &tables};
	Objective objective = {.n = BGNBD_PARAMETERS, .evaluate = evaluate, .arg = &problem};
	double z[BGNBD_PARAMETERS] = {log(0.5), log(0.5), log(0.5), log(2)};
	double age = 0;
	Optimum optimum;
	CoreStatus status = tables_take(env, histories, &tables);

	for (int64_t i = 0; i < histories->n; i++)
	{
		problem.customers += histories->count[i];
		age += histories->count[i] * histories->age[i];
	}
	problem.unit = fmax(age / problem.customers, 1);
	problem.ages_per_unit = problem.unit / fmax(tables.most_days, 1);
	if (status == CORE_OK)
		status = optimise_minimise(env, &objective, 1e-9, 500, z, &optimum);
	if (status == CORE_OK)
	{
		fit->model = (BgNbd){exp(z[0]), exp(z[1]) * problem.unit / days_per_unit, exp(z[2]), exp(z[3])};
		fit->iterations = optimum.iterations;
		fit->converged = optimum.converged;
		status = find_errors(env, &objective, &problem, z, fit);
	}
	if (tables.front != NULL)
		env->release(env, tables.front);
	if (status == CORE_OK)
		status = bgnbd_log_likelihood(env, histories, days_per_unit, &fit->model, &fit->log_likelihood);
	return status;
}

CoreStatus
bgnbd_log_likelihood(Env *env, const Histories *histories, double days_per_unit, const BgNbd *model,
					 double *value)
{
	Tables tables;
	double gradient[BGNBD_PARAMETERS];
	CoreStatus status = tables_take(env, histories, &tables);

	if (status == CORE_OK)
	{
		tables_fill(&tables, model, days_per_unit);
		status = sum_likelihood(env, histories, &tables, model, value, gradient);
	}
	if (tables.front != NULL)
		env->release(env, tables.front);
	return status;
}
