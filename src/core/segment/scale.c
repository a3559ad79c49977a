/*
 * scale.c - features brought to one measure
 *
 * Passes over the rows: the span of each feature, which tells constant features and those that have a logarithm; the
 * logarithms, in place, and the means; the squares around the means; the scaling itself.  Sums run in double, in blocks
 * of BLOCK rows that are then added up, which keeps rounding small for millions of rows.  Squares are taken of
 * deviations relative to the span, so that no size of value overflows.
 */
#include <stdlib.h>
#include <string.h>

#include "../rng.h"
#include "scale.h"

#define BLOCK 4096 /* rows between looks at the cancel flag */
#define STRETCH 65536 /* values of a column between them */
#define STREAM UINT64_C(0x71756172) /* of random numbers */

/* What is known of a feature on the way. */
typedef struct Feature
{
	double low, high; /* of t(x) */
	double mean;
	double squares; /* of (t(x) - mean) / (high - low) */
	double block; /* sum over the block at hand */
} Feature;

static inline double
get(const ScaleRows *rows, int64_t at)
{
	return rows->wide != NULL ? rows->wide[at] : (double) rows->narrow[at];
}

static inline void
put(const ScaleRows *rows, int64_t at, double value)
{
	if (rows->wide != NULL)
		rows->wide[at] = value;
	else
		rows->narrow[at] = (float) value;
}

/* ---- a pass over the rows ---- */

typedef void (*Visit)(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features);

static CoreStatus
pass(Env *env, const ScaleRows *rows, Visit visit, const FeatureScale *scales, Feature *features,
	 size_t result)
{
	for (int64_t begin = 0; begin < rows->n; begin += BLOCK)
	{
		int64_t end = begin + BLOCK < rows->n ? begin + BLOCK : rows->n;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t f = 0; f < rows->features; f++)
			features[f].block = 0;
		for (int64_t row = begin; row < end; row++)
			visit(rows, row, scales, features);
		if (result == 0)
			continue;
		for (int32_t f = 0; f < rows->features; f++)
			*(double *) ((char *) &features[f] + result) += features[f].block;
	}
	return CORE_OK;
}

static void
visit_span(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features)
{
	(void) scales;
	for (int32_t f = 0; f < rows->features; f++)
	{
		double x = get(rows, row * rows->features + f);

		features[f].low = x < features[f].low ? x : features[f].low;
		features[f].high = x > features[f].high ? x : features[f].high;
		features[f].block += x - x; /* not a number once a value is not finite */
	}
}

static void
visit_sum(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features)
{
	for (int32_t f = 0; f < rows->features; f++)
	{
		int64_t at = row * rows->features + f;

		if (scales[f].log)
			put(rows, at, rows->wide != NULL ? log1p(rows->wide[at]) : scale_log(rows->narrow[at]));
		features[f].block += get(rows, at) - features[f].low;
	}
}

static void
visit_squares(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features)
{
	for (int32_t f = 0; f < rows->features; f++)
	{
		double span = features[f].high - features[f].low;
		double deviation = span > 0 ? (get(rows, row * rows->features + f) - scales[f].center) / span : 0;

		features[f].block += deviation * deviation;
	}
}

static void
visit_scale(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features)
{
	(void) features;
	for (int32_t f = 0; f < rows->features; f++)
	{
		int64_t at = row * rows->features + f;

		put(rows, at, scales[f].scale == 0 ? 0 : (get(rows, at) - scales[f].center) / scales[f].scale);
	}
}

static void
visit_apply(const ScaleRows *rows, int64_t row, const FeatureScale *scales, Feature *features)
{
	(void) features;
	for (int32_t f = 0; f < rows->features; f++)
	{
		int64_t at = row * rows->features + f;

		if (rows->wide != NULL)
			rows->wide[at] = scale_wide(&scales[f], rows->wide[at]);
		else
			rows->narrow[at] = scale_narrow(&scales[f], rows->narrow[at]);
	}
}

/* ---- median and quartiles ---- */

/*
 * Rearranges column [n] so that place k holds what it would hold were it sorted, nothing larger before it.  Pivots are drawn
 * at random (the same ones each time): with one from the middle, values that rise and then fall would take n^2 steps.
 */
static CoreStatus
select_place(Env *env, double *column, int64_t n, int64_t k)
{
	int64_t low = 0;
	int64_t high = n - 1;

	for (uint64_t draw = 0; low < high; draw++)
	{
		double pivot = column[low + (int64_t) (rng_uniform(0, STREAM, draw) * (double) (high - low + 1))];
		int64_t i = low;
		int64_t j = high;
		int64_t look = low; /* when i is there, the cancel flag is looked at */

		while (i <= j)
		{
			if (i >= look)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				look = i + STRETCH;
			}
			while (column[i] < pivot)
				i++;
			while (column[j] > pivot)
				j--;
			if (i <= j)
			{
				double swap = column[i];

				column[i++] = column[j];
				column[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return CORE_OK;
}

/* The quantile p, interpolated between its neighbours. */
static CoreStatus
quantile(Env *env, double *column, int64_t n, double p, double *value)
{
	double place = p * (double) (n - 1);
	int64_t below = (int64_t) floor(place);
	double next = INFINITY;
	CoreStatus status = select_place(env, column, n, below);

	if (status != CORE_OK)
		return status;
	*value = column[below];
	if (place == (double) below)
		return CORE_OK;
	for (int64_t i = below + 1; i < n; i++)
		next = column[i] < next ? column[i] : next;
	*value += (place - (double) below) * (next - *value);
	return CORE_OK;
}

/* Copies feature f of all rows to column [n]. */
static CoreStatus
take_column(Env *env, const ScaleRows *rows, int32_t f, double *column)
{
	for (int64_t row = 0; row < rows->n; row++)
	{
		if (row % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		column[row] = get(rows, row * rows->features + f);
	}
	return CORE_OK;
}

/* Median and interquartile range, where there is one. */
static CoreStatus
scale_by_quartiles(Env *env, const ScaleRows *rows, FeatureScale *scales, const Feature *features)
{
	double *column = env->alloc(env, sizeof(double) * (size_t) rows->n);
	CoreStatus status = CORE_OK;

	if (column == NULL)
		return CORE_NO_MEMORY;
	for (int32_t f = 0; f < rows->features && status == CORE_OK; f++)
	{
		double quarter[3]; /* of the rows, two and three of them */

		if (features[f].high == features[f].low)
			continue;
		status = take_column(env, rows, f, column);
		for (int q = 0; q < 3 && status == CORE_OK; q++)
			status = quantile(env, column, rows->n, 0.25 * (q + 1), &quarter[q]);
		if (status == CORE_OK && quarter[2] > quarter[0])
		{
			scales[f].center = quarter[1];
			scales[f].scale = quarter[2] - quarter[0];
		}
	}
	env->release(env, column);
	return status;
}

/* ---- all of it ---- */

/* Which features have a logarithm; low and high become those of t(x). */
static CoreStatus
settle_spans(ScaleMethod method, const ScaleRows *rows, FeatureScale *scales, Feature *features)
{
	for (int32_t f = 0; f < rows->features; f++)
	{
		/* A constant stays the number that it is: its logarithm would round it. */
		scales[f].log =
			method == SCALE_LOG_ZSCORE && features[f].low >= 0 && features[f].high > features[f].low;
		if (scales[f].log)
		{
			features[f].low = rows->wide != NULL ? log1p(features[f].low) : scale_log(features[f].low);
			features[f].high = rows->wide != NULL ? log1p(features[f].high) : scale_log(features[f].high);
		}
		if (rows->narrow != NULL)
		{
			features[f].low = (float) features[f].low;
			features[f].high = (float) features[f].high;
		}
		if (features[f].squares != 0 || !isfinite(features[f].high - features[f].low))
			return CORE_NOT_FINITE;
	}
	return CORE_OK;
}

static CoreStatus
find_scales(Env *env, ScaleMethod method, const ScaleRows *rows, FeatureScale *scales, Feature *features)
{
	double n = (double) rows->n;
	CoreStatus status = pass(env, rows, visit_span, scales, features, offsetof(Feature, squares));

	if (status == CORE_OK)
		status = settle_spans(method, rows, scales, features);
	if (status == CORE_OK)
		status = pass(env, rows, visit_sum, scales, features, offsetof(Feature, mean));
	if (status != CORE_OK)
		return status;
	for (int32_t f = 0; f < rows->features; f++)
		scales[f].center = features[f].low + features[f].mean / n;
	status = pass(env, rows, visit_squares, scales, features, offsetof(Feature, squares));
	if (status != CORE_OK)
		return status;
	for (int32_t f = 0; f < rows->features; f++)
	{
		double span = features[f].high - features[f].low;

		scales[f].scale = span * sqrt(features[f].squares / n);
		if (scales[f].scale == 0)
			scales[f].center = features[f].low;
		else if (method == SCALE_NONE || method == SCALE_CENTER)
		{
			scales[f].center = method == SCALE_NONE ? 0 : scales[f].center;
			scales[f].scale = 1;
		}
	}
	return method == SCALE_ROBUST ? scale_by_quartiles(env, rows, scales, features) : CORE_OK;
}

size_t
scale_scratch_bytes(ScaleMethod method, int64_t n, int32_t features)
{
	size_t column = method == SCALE_ROBUST ? sizeof(double) * (size_t) n : 0;

	return column + sizeof(Feature) * (size_t) features + 128;
}

CoreStatus
scale_rows(Env *env, ScaleMethod method, const ScaleRows *rows, FeatureScale *scales)
{
	size_t count = (size_t) rows->features;
	Feature *features;
	CoreStatus status;

	memset(scales, 0, sizeof(FeatureScale) * count);
	if (rows->n == 0 || count == 0)
		return CORE_OK;
	features = env->alloc(env, sizeof(Feature) * count);
	if (features == NULL)
		return CORE_NO_MEMORY;
	for (size_t f = 0; f < count; f++)
		features[f] = (Feature){.low = INFINITY, .high = -INFINITY};
	status = find_scales(env, method, rows, scales, features);
	if (status == CORE_OK)
		status = pass(env, rows, visit_scale, scales, features, 0);
	env->release(env, features);
	return status;
}

CoreStatus
scale_apply(Env *env, const FeatureScale *scales, const ScaleRows *rows)
{
	Feature *features = env->alloc(env, sizeof(Feature) * (size_t) (rows->features > 0 ? rows->features : 1));
	CoreStatus status;

	if (features == NULL)
		return CORE_NO_MEMORY;
	status = pass(env, rows, visit_apply, scales, features, 0);
	env->release(env, features);
	return status;
}

/* ---- rows that come block by block ---- */

CoreStatus
scale_stream_open(ScaleStream *stream)
{
	stream->n = 0;
	for (int32_t f = 0; f < stream->features; f++)
	{
		/* As in settle_spans. */
		stream->scales[f] = (FeatureScale){.log = stream->method == SCALE_LOG_ZSCORE && stream->low[f] >= 0 &&
												  stream->high[f] > stream->low[f]};
		stream->mean[f] = stream->squares[f] = 0;
		if (!isfinite(stream->high[f] - stream->low[f]))
			return CORE_NOT_FINITE;
	}
	return CORE_OK;
}

/* Moments of the block by two passes over it, then those of all (Chan, Golub & LeVeque 1983). */
static void
add_feature(ScaleStream *stream, const float *rows, int64_t n, int32_t f)
{
	double origin = rows[f];
	double sum = 0;
	double squares = 0;
	double mean;
	double apart;
	double total = (double) (stream->n + n);

	for (int64_t row = 0; row < n; row++)
		sum += rows[row * stream->features + f] - origin;
	mean = origin + sum / (double) n;
	for (int64_t row = 0; row < n; row++)
	{
		double deviation = rows[row * stream->features + f] - mean;

		squares += deviation * deviation;
	}
	apart = mean - stream->mean[f];
	stream->mean[f] += apart * ((double) n / total);
	stream->squares[f] += squares + apart * apart * ((double) stream->n * ((double) n / total));
}

void
scale_stream_add(ScaleStream *stream, float *rows, int64_t n)
{
	for (int32_t f = 0; f < stream->features; f++)
	{
		for (int64_t row = 0; row < n && stream->scales[f].log; row++)
			rows[row * stream->features + f] = (float) scale_log(rows[row * stream->features + f]);
		add_feature(stream, rows, n, f);
	}
	stream->n += n;
}

static CoreStatus
stream_quartiles(Env *env, ScaleStream *stream, const float *sample, int64_t n)
{
	ScaleRows rows = {.n = n, .features = stream->features, .narrow = (float *) sample}; /* only read */
	Feature *features = env->alloc(env, sizeof(Feature) * (size_t) stream->features);
	CoreStatus status;

	if (features == NULL)
		return CORE_NO_MEMORY;
	for (int32_t f = 0; f < stream->features; f++)
		features[f] = (Feature){.low = stream->low[f], .high = stream->high[f]};
	status = scale_by_quartiles(env, &rows, stream->scales, features);
	env->release(env, features);
	return status;
}

CoreStatus
scale_stream_close(Env *env, ScaleStream *stream, const float *sample, int64_t n)
{
	for (int32_t f = 0; f < stream->features; f++)
	{
		FeatureScale *scale = &stream->scales[f];

		if (!isfinite(stream->squares[f]))
			return CORE_NOT_FINITE;
		scale->center = stream->mean[f];
		scale->scale = stream->high[f] > stream->low[f] ? sqrt(stream->squares[f] / (double) stream->n) : 0;
		if (scale->scale == 0)
			scale->center = stream->low[f];
		else if (stream->method == SCALE_NONE || stream->method == SCALE_CENTER)
		{
			scale->center = stream->method == SCALE_NONE ? 0 : scale->center;
			scale->scale = 1;
		}
	}
	return stream->method == SCALE_ROBUST ? stream_quartiles(env, stream, sample, n) : CORE_OK;
}

void
scale_stream_apply(const ScaleStream *stream, float *rows, int64_t n)
{
	for (int64_t row = 0; row < n; row++)
		for (int32_t f = 0; f < stream->features; f++, rows++)
			*rows = stream->scales[f].scale == 0
						? 0
						: (float) ((*rows - stream->scales[f].center) / stream->scales[f].scale);
}
