/*
 * bunching.c - orders moved above a discount's threshold, from the distribution of amounts
 *
 * A discount from a sum on makes people fill up their baskets: orders are missing just below the threshold and in excess
 * just above it.  What there would have been without it is read off a polynomial fitted to the counts by bin outside a
 * window about the threshold (Chetty, Friedman, Olsen & Pistaferri 2011; Kleven 2016, section 3).
 *
 * Phases:
 *   1. orders are counted by bin as they come (bunch_add): nothing else is kept
 *   2. the polynomial is linear in the counts, so its value in each bin of the window is a fixed weighted sum of the counts
 *      outside.  The weights come from Legendre polynomials, made orthonormal over the bins outside (twice, so that rounding
 *      does not show)
 *   3. each measure is computed from counts, weights, and the usual share of orders that refunds bring below the threshold:
 *      an order of amount x falls below when more than (x - threshold) / x of it is refunded, and how often that much is
 *      refunded is counted among the orders outside the window
 *      What moving added to amounts is summed as distances from the threshold: moved orders are as many as missing ones, so
 *      the threshold itself drops out, and with it the noise of thousands of orders times its height
 *   4. bootstrap: orders drawn anew with replacement make every count a Poisson deviate about what was counted
 *      (conditional on the total in the plain bootstrap; arrivals of orders are not fixed in number either); percentiles of
 *      the measures are the interval
 *
 * The counts are whole numbers, so nothing depends on the order of orders.  Memory: weights [window x outside], measures
 * [replicates].  The cancel flag is looked at once per replicate.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../rng.h"
#include "bunching.h"

#define SNAP 1e-9 /* amounts this close (relative) below an edge are rounding of the edge */

/* ---- counting ---- */

static int32_t
bins_of(const BunchTask *task)
{
	return task->below + task->above;
}

static int32_t
window_of(const BunchTask *task)
{
	return task->out_below + task->out_above;
}

static int32_t
shares_of(const BunchTask *task)
{
	return task->out_above * BUNCH_SUBPOINTS;
}

/* The refunded share at which an order at sub-point s above the threshold falls below it; grows with s. */
static double
share_at(const BunchTask *task, int32_t s)
{
	double over = task->width * (s + 0.5) / BUNCH_SUBPOINTS;

	return over / (task->threshold + over);
}

void
bunch_clear(const BunchTask *task, BunchCells *cells)
{
	memset(cells->orders, 0, sizeof(*cells->orders) * (size_t) bins_of(task));
	memset(cells->amount, 0, sizeof(*cells->amount) * (size_t) bins_of(task));
	memset(cells->undone, 0, sizeof(*cells->undone) * (size_t) task->out_above);
	memset(cells->refunds, 0, sizeof(*cells->refunds) * ((size_t) shares_of(task) + 1));
	cells->beyond = 0;
	cells->total = 0;
}

/* How many of the sub-points' shares lie below this one. */
static int32_t
share_class(const BunchTask *task, double share)
{
	int32_t low = 0;
	int32_t high = shares_of(task);

	while (low < high)
	{
		int32_t middle = (low + high) / 2;

		if (share > share_at(task, middle))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
bunch_add(const BunchTask *task, BunchCells *cells, double amount, double refunded)
{
	double place = floor((amount - task->threshold + SNAP * task->threshold) / task->width);
	int32_t bin;

	cells->total++;
	if (place >= task->above)
	{
		cells->beyond++;
		return;
	}
	if (place < -task->below)
		return;
	bin = (int32_t) place;
	cells->orders[bin + task->below]++;
	cells->amount[bin + task->below] += amount;
	if (bin < -task->out_below || bin >= task->out_above)
		cells->refunds[share_class(task, amount > 0 ? refunded / amount : 0)]++;
	else if (bin >= 0 && amount - refunded < task->threshold * (1 - SNAP))
		cells->undone[bin]++;
}

/* ---- the counterfactual ---- */

typedef struct Bunching
{
	Env *env;
	const BunchTask *task;
	int32_t bins, window, outside;
	double *basis; /* [degree + 1][bins] */
	double *weights; /* [window][bins], zero within the window */
	double *counts; /* [bins] of one replicate */
	double *undone; /* [out_above] */
	double *refunds; /* [shares + 1] */
	double *expected; /* [window] */
	double *mean_amount; /* [bins] */
	double *values; /* [BUNCH_MEASURES][replicates] */
} Bunching;

static bool
in_window(const Bunching *work, int32_t bin)
{
	return bin >= work->task->below - work->task->out_below &&
		   bin < work->task->below + work->task->out_above;
}

/* Take the earlier polynomials out of polynomial d and make its length over the outside bins one. */
static void
make_orthonormal(Bunching *work, int32_t d)
{
	double *row = work->basis + (size_t) d * (size_t) work->bins;
	double length2 = 0;

	for (int round = 0; round < 2; round++)
	{
		for (int32_t e = 0; e < d; e++)
		{
			const double *other = work->basis + (size_t) e * (size_t) work->bins;
			double dot = 0;

			for (int32_t b = 0; b < work->bins; b++)
				dot += in_window(work, b) ? 0 : row[b] * other[b];
			for (int32_t b = 0; b < work->bins; b++)
				row[b] -= dot * other[b];
		}
	}
	for (int32_t b = 0; b < work->bins; b++)
		length2 += in_window(work, b) ? 0 : row[b] * row[b];
	for (int32_t b = 0; b < work->bins; b++)
		row[b] /= sqrt(length2);
}

static void
make_weights(Bunching *work)
{
	int32_t bins = work->bins;
	int32_t first = work->task->below - work->task->out_below;

	for (int32_t d = 0; d <= work->task->degree; d++)
	{
		for (int32_t b = 0; b < bins; b++)
		{
			double x = (2.0 * b + 1) / bins - 1;
			double *at = work->basis + (size_t) d * (size_t) bins + b;

			*at = d == 0 ? 1 : d == 1 ? x : ((2 * d - 1) * x * at[-bins] - (d - 1) * at[-2 * bins]) / d;
		}
	}
	for (int32_t d = 0; d <= work->task->degree; d++)
		make_orthonormal(work, d);
	for (int32_t w = 0; w < work->window; w++)
	{
		for (int32_t b = 0; b < bins; b++)
		{
			double sum = 0;

			for (int32_t d = 0; d <= work->task->degree; d++)
				sum += work->basis[(size_t) d * (size_t) bins + (first + w)] *
					   work->basis[(size_t) d * (size_t) bins + b];
			work->weights[(size_t) w * (size_t) bins + b] = in_window(work, b) ? 0 : sum;
		}
	}
}

/* ---- the measures ---- */

/* The usual share of orders in bin j above the threshold that refunds bring below it. */
static double
usual_undone(int32_t j, double all, const double *beyond)
{
	double sum = 0;

	for (int32_t s = j * BUNCH_SUBPOINTS; s < (j + 1) * BUNCH_SUBPOINTS; s++)
		sum += beyond[s];
	return all > 0 ? sum / BUNCH_SUBPOINTS / all : 0;
}

/* refunds [shares + 1] becomes, at s, the orders whose share is above sub-point s's; returns all of them. */
static double
accumulate_refunds(const Bunching *work)
{
	int32_t shares = shares_of(work->task);
	double above = 0;

	for (int32_t s = shares; s > 0; s--)
	{
		double here = work->refunds[s];

		above += here;
		work->refunds[s] = above;
	}
	above += work->refunds[0];
	for (int32_t s = 0; s < shares; s++)
		work->refunds[s] = work->refunds[s + 1];
	return above;
}

static void
measure(Bunching *work, double beyond, double *value)
{
	const BunchTask *task = work->task;
	int32_t first = task->below - task->out_below;
	double all = accumulate_refunds(work);
	double moved = 0;
	double missing = 0;
	double spend = 0;
	double undone = 0;
	double anyway = beyond;

	for (int32_t w = 0; w < work->window; w++)
	{
		const double *weights = work->weights + (size_t) w * (size_t) work->bins;
		int32_t j = w - task->out_below;
		double middle = task->threshold + (j + 0.5) * task->width;
		double sum = 0;

		for (int32_t b = 0; b < work->bins; b++)
			sum += weights[b] * work->counts[b];
		work->expected[w] = sum;
		spend += work->counts[first + w] * (work->mean_amount[first + w] - task->threshold) -
				 sum * (middle - task->threshold);
		if (j < 0)
		{
			missing += sum - work->counts[first + w];
			continue;
		}
		moved += work->counts[first + w] - sum;
		anyway += sum;
		undone += work->undone[j] - sum * usual_undone(j, all, work->refunds);
	}
	for (int32_t b = task->below + task->out_above; b < work->bins; b++)
		anyway += work->counts[b];
	value[BUNCH_MOVED_UP] = moved;
	value[BUNCH_MISSING] = missing;
	value[BUNCH_BALANCE] = moved - missing;
	value[BUNCH_EXTRA_SPEND] = spend;
	value[BUNCH_UNDONE] = undone;
	value[BUNCH_ABOVE_ANYWAY] = anyway;
	value[BUNCH_SHARE_ANYWAY] = anyway + moved > 0 ? anyway / (anyway + moved) : 0;
	value[BUNCH_DISCOUNT_MOVED] = task->discount * moved;
	value[BUNCH_DISCOUNT_ANYWAY] = task->discount * anyway;
}

/* ---- the bootstrap ---- */

typedef struct Draw
{
	uint64_t seed;
	uint64_t stream;
	uint64_t index;
} Draw;

static double
next_uniform(Draw *draw)
{
	return rng_uniform(draw->seed, draw->stream, draw->index++);
}

/* log of k! by Stirling's series; the table holds where that is not exact enough. */
static double
log_factorial(double k)
{
	static const double small[] = {0,
								   0,
								   0.69314718055994531,
								   1.7917594692280550,
								   3.1780538303479456,
								   4.7874917427820460,
								   6.5792512120101010,
								   8.5251613610654143,
								   10.604602902745251,
								   12.801827480081469};
	double x = k + 1;

	if (k < 10)
		return small[(int) k];
	return (x - 0.5) * log(x) - x + 0.91893853320467274 + 1 / (12 * x) - 1 / (360 * x * x * x);
}

/* A Poisson deviate: by multiplication below 10, by Hoermann's (1993) transformed rejection PTRS from there on. */
static double
poisson(Draw *draw, double mean)
{
	double b = 0.931 + 2.53 * sqrt(mean);
	double a = -0.059 + 0.02483 * b;
	double inverse = 1.1239 + 1.1328 / (b - 3.4);
	double limit = 0.9277 - 3.6224 / (b - 2);

	if (mean < 10)
	{
		double product = next_uniform(draw);
		double stop = exp(-mean);
		double k = 0;

		for (; product > stop; k++)
			product *= next_uniform(draw);
		return k;
	}
	for (;;)
	{
		double u = next_uniform(draw) - 0.5;
		double v = next_uniform(draw);
		double us = 0.5 - fabs(u);
		double k = floor((2 * a / us + b) * u + mean + 0.43);

		if (us >= 0.07 && v <= limit)
			return k;
		if (k < 0 || (us < 0.013 && v > us))
			continue;
		if (log(v * inverse / (a / (us * us) + b)) <= k * log(mean) - mean - log_factorial(k))
			return k;
	}
}

/* Counts as they are (draw NULL) or drawn anew; returns the orders beyond the last bin. */
static double
draw_counts(Bunching *work, const BunchCells *cells, Draw *draw)
{
	const BunchTask *task = work->task;

#define DRAWN(count) (draw == NULL ? (double) (count) : (count) == 0 ? 0 : poisson(draw, (double) (count)))
	for (int32_t b = 0; b < work->bins; b++)
	{
		int32_t j = b - task->below;

		if (j >= 0 && j < task->out_above)
		{
			work->undone[j] = DRAWN(cells->undone[j]);
			work->counts[b] = work->undone[j] + DRAWN(cells->orders[b] - cells->undone[j]);
		}
		else
			work->counts[b] = DRAWN(cells->orders[b]);
	}
	for (int32_t s = 0; s <= shares_of(task); s++)
		work->refunds[s] = DRAWN(cells->refunds[s]);
	return DRAWN(cells->beyond);
#undef DRAWN
}

static int
ascending(const void *left, const void *right)
{
	double a = *(const double *) left;
	double b = *(const double *) right;

	return (a > b) - (a < b);
}

/* The quantile of sorted values by linear interpolation (R's type 7). */
static double
quantile(const double *values, int32_t n, double p)
{
	double at = p * (n - 1);
	int32_t low = (int32_t) at;

	return low + 1 < n ? values[low] + (at - low) * (values[low + 1] - values[low]) : values[n - 1];
}

static CoreStatus
bootstrap(Bunching *work, const BunchCells *cells, BunchEstimate *estimates)
{
	int32_t replicates = work->task->replicates;
	double value[BUNCH_MEASURES];

	for (int32_t r = 0; r < replicates; r++)
	{
		Draw draw = {.seed = work->task->seed, .stream = (uint64_t) r};
		double beyond;

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		beyond = draw_counts(work, cells, &draw);
		measure(work, beyond, value);
		for (int m = 0; m < BUNCH_MEASURES; m++)
			work->values[(size_t) m * (size_t) replicates + (size_t) r] = value[m];
	}
	for (int m = 0; m < BUNCH_MEASURES; m++)
	{
		double *values = work->values + (size_t) m * (size_t) replicates;

		if (work->env->cancelled(work->env))
			return CORE_CANCELLED;
		qsort(values, (size_t) replicates, sizeof(*values), ascending);
		estimates[m].low = quantile(values, replicates, 0.025);
		estimates[m].high = quantile(values, replicates, 0.975);
	}
	return CORE_OK;
}

static CoreStatus
estimate_with(Bunching *work, const BunchCells *cells, BunchEstimate *estimates, double *expected)
{
	double value[BUNCH_MEASURES];
	double beyond;

	for (int32_t b = 0; b < work->bins; b++)
		work->mean_amount[b] = cells->orders[b] > 0 ? cells->amount[b] / (double) cells->orders[b] : 0;
	make_weights(work);
	beyond = draw_counts(work, cells, NULL);
	measure(work, beyond, value);
	memcpy(expected, work->expected, sizeof(double) * (size_t) work->window);
	for (int m = 0; m < BUNCH_MEASURES; m++)
		estimates[m].value = value[m];
	return bootstrap(work, cells, estimates);
}

CoreStatus
bunch_estimate(Env *env, const BunchTask *task, const BunchCells *cells, BunchEstimate *estimates,
			   double *expected, bool *enough)
{
	Bunching work = {.env = env, .task = task, .bins = bins_of(task), .window = window_of(task)};
	size_t bins = (size_t) work.bins;
	size_t window = (size_t) work.window;
	size_t shares = (size_t) shares_of(task) + 1;
	size_t degrees = (size_t) task->degree + 1;
	double *room;
	CoreStatus status;

	for (int32_t b = 0; b < work.bins; b++)
		work.outside += !in_window(&work, b) && cells->orders[b] > 0;
	*enough = work.outside >= task->degree + 3;
	if (!*enough)
		return CORE_OK;
	room = env->alloc(env,
					  sizeof(double) * (degrees * bins + window * bins + 2 * bins + (size_t) task->out_above +
										shares + window + BUNCH_MEASURES * (size_t) task->replicates));
	if (room == NULL)
		return CORE_NO_MEMORY;
	work.basis = room;
	work.weights = work.basis + degrees * bins;
	work.counts = work.weights + window * bins;
	work.mean_amount = work.counts + bins;
	work.undone = work.mean_amount + bins;
	work.refunds = work.undone + task->out_above;
	work.expected = work.refunds + shares;
	work.values = work.expected + window;
	status = estimate_with(&work, cells, estimates, expected);
	env->release(env, room);
	return status;
}
