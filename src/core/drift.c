/*
 * drift.c - has a source changed since a model was trained on it?
 */
#include "drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "stats.h"

#define DRIFT_SEED 20

/* An empty bin would make the index infinite: shares are held above this one. */
#define LEAST_SHARE 1e-4

/* ---- numbers ---- */

void
drift_add_number(DriftNumbers *numbers, double value)
{
	int64_t place = numbers->n++;

	if (place >= DRIFT_SAMPLE)
		place = (int64_t) (rng_uniform(DRIFT_SEED, 0, (uint64_t) place) * (double) (place + 1));
	if (place < DRIFT_SAMPLE)
		numbers->value[place] = value;
}

static int32_t
sample_size(const DriftNumbers *numbers)
{
	return (int32_t) (numbers->n < DRIFT_SAMPLE ? numbers->n : DRIFT_SAMPLE);
}

static int
compare_doubles(const void *left, const void *right)
{
	double a = *(const double *) left;
	double b = *(const double *) right;

	return (a > b) - (a < b);
}

static void
shares_of(const DriftShape *shape, const DriftNumbers *numbers, double *share)
{
	int32_t n = sample_size(numbers);

	memset(share, 0, sizeof(double) * DECILE_BINS);
	for (int32_t i = 0; i < n; i++)
		share[deciles_bin(&shape->deciles, numbers->value[i])] += 1.0 / n;
}

bool
drift_shape(DriftNumbers *numbers, DriftShape *shape)
{
	int32_t n = sample_size(numbers);
	int32_t end;

	if (n == 0)
		return false;
	qsort(numbers->value, (size_t) n, sizeof(double), compare_doubles);
	shape->deciles.cuts = 0;
	for (int32_t begin = 0; begin < n; begin = end)
	{
		for (end = begin + 1; end < n && numbers->value[end] == numbers->value[begin];)
			end++;
		deciles_add(&shape->deciles, numbers->value[begin], begin, end, n, n);
	}
	shares_of(shape, numbers, shape->share);
	return true;
}

bool
drift_shape_valid(const DriftShape *shape)
{
	for (int32_t bin = 0; bin <= shape->deciles.cuts; bin++)
		if (!(shape->share[bin] >= 0 && shape->share[bin] <= 1 + 1e-9))
			return false;
	return deciles_valid(&shape->deciles);
}

double
drift_index(const DriftShape *before, const DriftNumbers *now)
{
	double share[DECILE_BINS];
	double index = 0;

	if (now->n == 0 || before->deciles.cuts == 0)
		return NAN;
	shares_of(before, now, share);
	for (int32_t bin = 0; bin <= before->deciles.cuts; bin++)
	{
		double was = fmax(before->share[bin], LEAST_SHARE);
		double is = fmax(share[bin], LEAST_SHARE);

		index += (is - was) * log(is / was);
	}
	return index;
}

/* ---- ids ---- */

/* The first place whose hash is not below. */
static int32_t
place_of(const DriftIds *ids, uint64_t hash)
{
	int32_t low = 0;
	int32_t high = ids->n;

	while (low < high)
	{
		int32_t middle = low + (high - low) / 2;

		if (ids->hash[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
drift_add_id(DriftIds *ids, uint64_t hash)
{
	int32_t place;

	if (ids->n == DRIFT_IDS && hash >= ids->hash[DRIFT_IDS - 1])
		return;
	place = place_of(ids, hash);
	if (place < ids->n && ids->hash[place] == hash)
		return;
	if (ids->n < DRIFT_IDS)
		ids->n++;
	memmove(&ids->hash[place + 1], &ids->hash[place], sizeof(uint64_t) * (size_t) (ids->n - 1 - place));
	ids->hash[place] = hash;
}

/* Up to which hash the sketch has every id. */
static uint64_t
complete_to(const DriftIds *ids)
{
	return ids->n < DRIFT_IDS ? UINT64_MAX : ids->hash[DRIFT_IDS - 1];
}

double
drift_unseen(const DriftIds *before, const DriftIds *now)
{
	uint64_t limit = complete_to(before) < complete_to(now) ? complete_to(before) : complete_to(now);
	int32_t unseen = 0;
	int32_t n = 0;

	for (; n < now->n && now->hash[n] <= limit; n++)
	{
		int32_t place = place_of(before, now->hash[n]);

		unseen += place == before->n || before->hash[place] != now->hash[n];
	}
	return n == 0 ? NAN : (double) unseen / n;
}

/* ---- paired cases ---- */

double
worse_than(const double *a, const double *b, int64_t n, double margin)
{
	double mean = 0;
	double squares = 0;
	double error;

	if (n < 2)
		return NAN;
	for (int64_t i = 0; i < n; i++)
		mean += (b[i] - a[i]) / (double) n;
	for (int64_t i = 0; i < n; i++)
		squares += (b[i] - a[i] - mean) * (b[i] - a[i] - mean);
	error = sqrt(squares / (double) (n - 1) / (double) n);
	if (error == 0)
		return mean + margin >= 0 ? 1 : 0;
	return student_t_cdf((mean + margin) / error, (double) (n - 1));
}
