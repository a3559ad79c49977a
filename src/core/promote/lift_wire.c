/*
 * lift_wire.c - the binary form of promoai.lift_state: one pass that checks, nothing is copied before it has passed
 */
#include "lift_wire.h"

#include <math.h>

#include "../wire.h"
#include "moments.h"

#define MAX_WHOLE 0x1p53 /* counts are exact in doubles up to here */

/* A version, three small numbers, three counts of 4 bytes, three of 8 and a double. */
#define HEADER_BYTES (2 + 3 + 3 * 4 + 3 * 8 + 8)

static bool
all_finite(WireReader *reader, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(wire_take_double(reader)))
			return false;
	return true;
}

static bool
whole(double value, double max)
{
	return value >= 0 && value <= max && value == floor(value);
}

static bool
countable(int64_t n)
{
	return n >= 0 && n <= (int64_t) MAX_WHOLE;
}

size_t
lift_sums_size(FitErrors errors, bool summed, int32_t k)
{
	if (!summed || errors == FIT_CLUSTERED)
		return 0;
	return errors == FIT_HC1 ? fourth_size(k) : pairs_size(k);
}

/* Pairs that some rows could have given: a whole count, squares not below 0. */
static const char *
check_pairs(const uint8_t *pairs, int32_t k, int64_t n, double *count)
{
	WireReader reader = {pairs};

	*count = wire_take_double(&reader);
	if (!whole(*count, (double) n) || *count < 1)
		return "a count is out of range";
	for (int32_t i = 1; i < k + 2; i++)
	{
		reader.at = pairs + 8 * pair_at(k, i, i);
		if (wire_take_double(&reader) < 0)
			return "a sum of squares is below zero";
	}
	return NULL;
}

static const char *
check_clusters(const LiftWire *wire)
{
	WireReader reader = {wire->clusters};
	int64_t before = 0;
	double n = 0;

	for (int32_t c = 0; c < wire->n_clusters; c++)
	{
		int64_t key = (int64_t) wire_take(&reader, 8);
		const uint8_t *pairs = reader.at;
		const char *why;
		double count;

		if (c > 0 && key <= before)
			return "clusters are not in ascending order";
		before = key;
		if (!all_finite(&reader, pairs_size(wire->k)))
			return "a number is not finite";
		if ((why = check_pairs(pairs, wire->k, wire->n, &count)) != NULL)
			return why;
		n += count;
	}
	return wire->errors == FIT_CLUSTERED && n != (double) wire->n ? "the clusters' rows do not add up" : NULL;
}

static const char *
read_header(WireReader *reader, LiftWire *wire)
{
	int errors;
	int form;
	int summed;

	if (wire_take(reader, 2) != LIFT_STATE_VERSION)
		return "its version is not known";
	errors = (int) wire_take(reader, 1);
	form = (int) wire_take(reader, 1);
	summed = (int) wire_take(reader, 1);
	if ((errors != FIT_HC1 && errors != FIT_CLUSTERED && errors != FIT_CLASSICAL) || form > LIFT_LOG ||
		summed > 1)
		return "its kind is not known";
	*wire = (LiftWire){.errors = (FitErrors) errors, .form = (LiftForm) form, .summed = summed};
	wire->k = (int32_t) wire_take(reader, 4);
	wire->n_rows = (int32_t) wire_take(reader, 4);
	wire->n_clusters = (int32_t) wire_take(reader, 4);
	wire->n = (int64_t) wire_take(reader, 8);
	wire->nulls = (int64_t) wire_take(reader, 8);
	wire->not_positive = (int64_t) wire_take(reader, 8);
	wire->promoted = wire_take_double(reader);
	if (wire->k < 0 || wire->k > (errors == FIT_HC1 ? MOMENTS_MAX_FOURTH : LIFT_MAX_COLUMNS) ||
		wire->n_rows < 0 || wire->n_rows > MOMENTS_BLOCK || wire->n_clusters < 0 || !countable(wire->n) ||
		!countable(wire->nulls) || !countable(wire->not_positive) || !whole(wire->promoted, (double) wire->n))
		return "a count is out of range";
	if (wire->summed != (wire->n > 0) || (wire->k == 0 && (wire->summed || wire->n_rows > 0)) ||
		(wire->n_clusters > 0) != (wire->summed && errors == FIT_CLUSTERED) || wire->n_clusters > wire->n)
		return "its counts contradict each other";
	return NULL;
}

/* Where the parts are; false unless they are all there is.  Every factor is bounded, so nothing overflows. */
static bool
lay_out(const uint8_t *at, size_t n, LiftWire *wire)
{
	uint64_t clusters = (uint64_t) wire->n_clusters * (1 + pairs_size(wire->k));
	uint64_t rows = (uint64_t) wire->n_rows * (uint64_t) (wire->k + 1 + (wire->errors == FIT_CLUSTERED));

	wire->n_numbers =
		(wire->summed ? 2 * (size_t) wire->k : 0) + lift_sums_size(wire->errors, wire->summed, wire->k);
	if (n % 8 != 0 || wire->n_numbers + clusters + rows != n / 8)
		return false;
	wire->numbers = at;
	wire->clusters = wire->numbers + 8 * wire->n_numbers;
	wire->rows = wire->clusters + 8 * clusters;
	return true;
}

const char *
lift_wire_read(const uint8_t *bytes, size_t n, LiftWire *wire)
{
	WireReader reader = {bytes};
	const char *why;
	double count;

	if (n < HEADER_BYTES)
		return "it ends before its header does";
	if ((why = read_header(&reader, wire)) != NULL)
		return why;
	if (!lay_out(reader.at, n - HEADER_BYTES, wire))
		return "its length does not agree with its counts";
	if (!all_finite(&reader, wire->n_numbers))
		return "a number is not finite";
	if (wire->summed && wire->errors != FIT_CLUSTERED)
	{
		if ((why = check_pairs(wire->numbers + 16 * (size_t) wire->k, wire->k, wire->n, &count)) != NULL)
			return why;
		if (count != (double) wire->n)
			return "a count is out of range";
	}
	if ((why = check_clusters(wire)) != NULL)
		return why;
	reader.at = wire->rows;
	for (int32_t r = 0; r < wire->n_rows; r++)
	{
		if (!all_finite(&reader, (size_t) wire->k + 1))
			return "a number is not finite";
		reader.at += wire->errors == FIT_CLUSTERED ? 8 : 0;
	}
	return NULL;
}
