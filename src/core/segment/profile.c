/*
 * profile.c - what makes a segment
 *
 * One pass sums values and squares: scaled features as they are, for they lie around 0, and their own units less the value that
 * became 0.  Quantiles are taken from a sorted column of the sample, segment by segment.
 *
 * Memory: one column of the sample and its labels, twice while they are sorted.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

#define BLOCK 4096 /* rows between looks at the cancel flag */
#define LEAST_SHARE 1e-4
#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

typedef struct Cell
{
	int32_t label;
	float value;
} Cell;

static double *
figures_of(const ProfileTask *task, const Profile *profile, int32_t segment, int32_t feature)
{
	return profile->figures + ((int64_t) segment * task->features + feature) * PROFILE_FIGURES;
}

static int64_t
sample_rows(const ProfileTask *task)
{
	return task->n < PROFILE_SAMPLE ? task->n : PROFILE_SAMPLE;
}

/* ---- means and spreads ---- */

void
profile_begin(ProfileSums *sums)
{
	const ProfileTask *task = sums->task;
	size_t features = (size_t) task->features;

	sums->n = 0;
	memset(sums->counts, 0, (size_t) task->k * sizeof(int64_t));
	memset(sums->profile->figures, 0, ((size_t) task->k + 1) * features * PROFILE_FIGURES * sizeof(double));
	memset(sums->profile->shares, 0, features * DECILE_BINS * sizeof(double));
	for (int32_t f = 0; f < task->features; f++)
		sums->origin[f] = scale_undo(&task->scales[f], 0);
}

void
profile_add(ProfileSums *sums, const float *rows, const int32_t *labels, int64_t n)
{
	const ProfileTask *task = sums->task;

	sums->n += n;
	for (int64_t i = 0; i < n; i++)
	{
		const float *x = rows + i * task->features;
		double *figures = figures_of(task, sums->profile, labels[i], 0);

		sums->counts[labels[i]]++;
		for (int32_t f = 0; f < task->features; f++, figures += PROFILE_FIGURES)
		{
			double scaled = x[f];
			double own = scale_undo(&task->scales[f], scaled) - sums->origin[f];

			figures[PROFILE_SCALED_MEAN] += scaled;
			figures[PROFILE_SCALED_SD] += scaled * scaled;
			figures[PROFILE_MEAN] += own;
			figures[PROFILE_SD] += own * own;
		}
	}
}

/* Sums of n values and of their squares, less `origin` each, become mean and spread. */
static void
settle(double *mean, double *spread, double origin, int64_t n)
{
	double sum = *mean;

	*mean = origin + sum / (double) n;
	*spread = sqrt(fmax(*spread - sum * (sum / (double) n), 0) / (double) n);
}

static void
take_moments(const ProfileSums *sums)
{
	const ProfileTask *task = sums->task;

	for (int32_t f = 0; f < task->features; f++)
	{
		double *all = figures_of(task, sums->profile, task->k, f);

		for (int32_t s = 0; s < task->k; s++)
			for (int i = PROFILE_SCALED_MEAN; i <= PROFILE_SD; i++)
				all[i] += figures_of(task, sums->profile, s, f)[i];
		for (int32_t s = 0; s <= task->k; s++)
		{
			double *figures = figures_of(task, sums->profile, s, f);
			int64_t n = s < task->k ? sums->counts[s] : sums->n;

			settle(&figures[PROFILE_SCALED_MEAN], &figures[PROFILE_SCALED_SD], 0, n);
			settle(&figures[PROFILE_MEAN], &figures[PROFILE_SD], sums->origin[f], n);
		}
	}
}

/* ---- quantiles ---- */

double
profile_value(const FeatureScale *scale, float z)
{
	double value = scale_undo(scale, z);

	if (scale->scale != 0 && scale_narrow(scale, 0) == z)
		return 0;
	for (int digits = 1; digits <= 9 && scale->scale != 0; digits++)
	{
		char text[32];
		double rounded;

		snprintf(text, sizeof(text), "%.*e", digits - 1, value);
		rounded = strtod(text, NULL);
		if (scale_narrow(scale, (float) rounded) == z)
			return rounded;
	}
	return value;
}

/* Interpolated, in the feature's own unit, of sorted cells. */
static double
quantile(const FeatureScale *scale, const Cell *cells, int64_t n, double p)
{
	double place = p * (double) (n - 1);
	int64_t below = (int64_t) place;
	double value = profile_value(scale, cells[below].value);

	if (place == (double) below || cells[below + 1].value == cells[below].value)
		return value;
	return value + (place - (double) below) * (profile_value(scale, cells[below + 1].value) - value);
}

static void
put_quartiles(const FeatureScale *scale, const Cell *cells, int64_t n, double *figures)
{
	figures[PROFILE_QUARTER] = quantile(scale, cells, n, 0.25);
	figures[PROFILE_MEDIAN] = quantile(scale, cells, n, 0.5);
	figures[PROFILE_THREE_QUARTERS] = quantile(scale, cells, n, 0.75);
}

/* Quartiles of all, deciles and the shares between them; cells sorted by value. */
static void
take_deciles(const ProfileTask *task, const Profile *profile, const Cell *cells, int64_t n, int32_t f)
{
	float *cuts = profile->cuts + (int64_t) f * DECILE_CUTS;
	double *shares = profile->shares + (int64_t) f * DECILE_BINS;
	Deciles deciles = {.cuts = 0};
	int64_t end;

	put_quartiles(&task->scales[f], cells, n, figures_of(task, profile, task->k, f));
	for (int64_t begin = 0; begin < n; begin = end)
	{
		for (end = begin + 1; end < n && cells[end].value == cells[begin].value;)
			end++;
		deciles_add(&deciles, cells[begin].value, begin, end, n, n - 1);
	}
	for (int32_t cut = 0; cut < DECILE_CUTS; cut++)
		cuts[cut] = cut < deciles.cuts ? (float) deciles.cut[cut] : INFINITY;
	for (int64_t i = 0; i < n; i++)
		shares[deciles_bin(&deciles, cells[i].value)] += 1 / (double) n;
}

void
profile_shares(const Profile *profile, const FeatureScale *scale, int32_t f, ProfileShares *shares)
{
	const float *cuts = profile->cuts + (int64_t) f * profile->room;
	const double *expected = profile->shares + (int64_t) f * (profile->room + 1);
	bool earlier = profile->room == PROFILE_EARLIER_CUTS;
	Deciles *deciles = &shares->deciles;

	*shares = (ProfileShares){.deciles = {.cuts = 2}, .expected = {0, 1, 0}};
	if (scale->scale == 0)
		return;
	deciles->cuts = 0;
	for (int32_t cut = 0; cut <= profile->room; cut++)
	{
		bool last = cut == profile->room || !isfinite(cuts[cut]);

		/* Of one value several times, the first has the share. */
		if (earlier && !last && cut > 0 && cuts[cut] == cuts[cut - 1])
			continue;
		shares->expected[deciles->cuts] = expected[cut];
		if (last)
			return;
		deciles->cut[deciles->cuts++] = cuts[cut];
	}
}

/* Quartiles of each segment; cells sorted by label. */
static void
take_quartiles(const ProfileTask *task, const Profile *profile, const Cell *cells, int64_t n, int32_t f)
{
	for (int64_t begin = 0; begin < n;)
	{
		int64_t end = begin;

		while (end < n && cells[end].label == cells[begin].label)
			end++;
		put_quartiles(&task->scales[f], cells + begin, end - begin,
					  figures_of(task, profile, cells[begin].label, f));
		begin = end;
	}
}

/* Segments too small for the sample to hold any of their rows: their means stand in. */
static void
mark_quartiles(const ProfileTask *task, const Profile *profile, int32_t f)
{
	for (int32_t s = 0; s < task->k; s++)
	{
		double *figures = figures_of(task, profile, s, f);

		for (int q = PROFILE_QUARTER; q <= PROFILE_THREE_QUARTERS; q++)
			figures[q] = figures[PROFILE_MEAN];
	}
}

/* Whole numbers in the order of the floats. */
static inline uint32_t
order_bits(float value)
{
	uint32_t bits;

	value += 0.0F; /* -0 as 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
}

/* Cells [n] in the order of one digit of their value's bits into `to`; equal ones stay in theirs. */
static void
sort_digit(const Cell *cells, int64_t n, int shift, Cell *to)
{
	int64_t place[DIGITS + 1] = {0};

	for (int64_t i = 0; i < n; i++)
		place[(order_bits(cells[i].value) >> shift & (DIGITS - 1)) + 1]++;
	for (int digit = 0; digit < DIGITS; digit++)
		place[digit + 1] += place[digit];
	for (int64_t i = 0; i < n; i++)
		to[place[order_bits(cells[i].value) >> shift & (DIGITS - 1)]++] = cells[i];
}

/* Sorted by value into `spare`, which is scratch before. */
static void
sort_by_value(Cell *cells, Cell *spare, int64_t n)
{
	sort_digit(cells, n, 0, spare);
	sort_digit(spare, n, DIGIT_BITS, cells);
	sort_digit(cells, n, 2 * DIGIT_BITS, spare);
}

/* Cells sorted by value go to `to` sorted by label and then by value; place [k + 1] is scratch. */
static void
sort_by_label(const Cell *cells, int64_t n, int32_t k, int64_t *place, Cell *to)
{
	memset(place, 0, sizeof(int64_t) * ((size_t) k + 1));
	for (int64_t i = 0; i < n; i++)
		place[cells[i].label + 1]++;
	for (int32_t s = 0; s < k; s++)
		place[s + 1] += place[s];
	for (int64_t i = 0; i < n; i++)
		to[place[cells[i].label]++] = cells[i];
}

static CoreStatus
take_quantiles(Env *env, const ProfileTask *task, const Profile *profile)
{
	int64_t n = sample_rows(task);
	size_t bytes = (size_t) n * sizeof(Cell);
	char *memory = env->alloc(env, 2 * bytes + ((size_t) task->k + 1) * sizeof(int64_t));
	int64_t *place = (int64_t *) (memory + 2 * bytes);
	Cell *cells = (Cell *) memory;
	Cell *sorted = cells + n;
	CoreStatus status = CORE_OK;

	if (memory == NULL)
		return CORE_NO_MEMORY;
	for (int32_t f = 0; f < task->features && status == CORE_OK; f++)
	{
		for (int64_t i = 0; i < n; i++)
		{
			int64_t row = (int64_t) ((double) i * ((double) task->n / (double) n));

			cells[i] = (Cell){.label = task->labels[row], .value = task->rows[row * task->features + f]};
		}
		mark_quartiles(task, profile, f);
		sort_by_value(cells, sorted, n);
		take_deciles(task, profile, sorted, n, f);
		sort_by_label(sorted, n, task->k, place, cells);
		take_quartiles(task, profile, cells, n, f);
		if (env->cancelled(env))
			status = CORE_CANCELLED;
	}
	env->release(env, memory);
	return status;
}

size_t
profile_bytes(const ProfileTask *task)
{
	return (size_t) sample_rows(task) * 2 * sizeof(Cell) + (2 * (size_t) task->k + 1) * sizeof(int64_t) +
		   (size_t) task->features * sizeof(double) + 256;
}

CoreStatus
profile_end(Env *env, ProfileSums *sums)
{
	take_moments(sums);
	return take_quantiles(env, sums->task, sums->profile);
}

CoreStatus
profile_rows(Env *env, const ProfileTask *task, const Profile *profile)
{
	int64_t *counts =
		env->alloc(env, (size_t) task->k * sizeof(int64_t) + (size_t) task->features * sizeof(double));
	ProfileSums sums = {
		.task = task, .profile = profile, .counts = counts, .origin = (double *) (counts + task->k)};
	CoreStatus status = CORE_OK;

	if (counts == NULL)
		return CORE_NO_MEMORY;
	profile_begin(&sums);
	for (int64_t from = 0; from < task->n && status == CORE_OK; from += BLOCK)
	{
		profile_add(&sums, task->rows + from * task->features, task->labels + from,
					task->n - from < BLOCK ? task->n - from : BLOCK);
		if (env->cancelled(env))
			status = CORE_CANCELLED;
	}
	if (status == CORE_OK)
		status = profile_end(env, &sums);
	env->release(env, counts);
	return status;
}

/* ---- comparisons ---- */

EffectSize
profile_effect(const double *segment, int64_t n, const double *all, int64_t n_all)
{
	double total = (double) n_all;
	double here = (double) n;
	double rest = total - here;
	double apart;
	double pooled;
	double effect;
	double error;

	if (rest < 1 || here < 1)
		return (EffectSize){.effect = NAN, .low = NAN, .high = NAN};
	/* The rest's mean from both; the squares within both sides from those of all. */
	apart = (segment[PROFILE_SCALED_MEAN] - all[PROFILE_SCALED_MEAN]) * total / rest;
	pooled = total * all[PROFILE_SCALED_SD] * all[PROFILE_SCALED_SD] - apart * apart * here * rest / total;
	if (total < 3 || pooled <= 1e-12 * total * all[PROFILE_SCALED_SD] * all[PROFILE_SCALED_SD])
		return (EffectSize){.effect = apart == 0 ? 0 : copysign(INFINITY, apart), .low = NAN, .high = NAN};
	effect = apart / sqrt(pooled / (total - 2)) * (1 - 3 / (4 * (total - 2) - 1));
	error = sqrt(total / (here * rest) + effect * effect / (2 * total));
	return (EffectSize){.effect = effect,
						.low = effect - 1.959963984540054 * error,
						.high = effect + 1.959963984540054 * error};
}

double
profile_stability(const double *expected, const double *actual, int32_t n)
{
	double sum = 0;

	for (int32_t i = 0; i < n; i++)
	{
		double e = fmax(expected[i], LEAST_SHARE);
		double a = fmax(actual[i], LEAST_SHARE);

		sum += (a - e) * log(a / e);
	}
	return sum;
}
