/*
 * scale.h - features brought to one measure before distances are taken between rows
 *
 * Revenue in thousands and orders in ones would make a distance of revenue alone.  Each feature becomes
 * (t(x) - center) / scale, where
 *
 *   SCALE_LOG_ZSCORE  t is log(1 + x); mean and standard deviation.  A feature with a value below zero has no such
 *                     logarithm and is taken as under SCALE_ZSCORE
 *   SCALE_ZSCORE      mean and standard deviation (of the population, as scikit-learn's StandardScaler)
 *   SCALE_ROBUST      median and interquartile range (quantiles interpolated, as RobustScaler); where half of the rows or
 *                     more have one value and the range is 0, mean and standard deviation
 *   SCALE_NONE        values as they are: center 0, scale 1
 *   SCALE_CENTER      values less their mean: scale 1; what SCALE_NONE means where a distance is all that counts
 *
 * A feature with one value in all rows says nothing: its scale is 0 and it becomes 0 everywhere, under SCALE_NONE too,
 * so that it stays out of every distance.
 *
 * Rows are kept in double or in single precision; with the latter each step is rounded, and scale_narrow repeats for one
 * value exactly what was done to a row.
 */
#ifndef CORE_SEGMENT_SCALE_H
#define CORE_SEGMENT_SCALE_H

#include <math.h>

#include "../env.h"

typedef enum ScaleMethod
{
	SCALE_LOG_ZSCORE,
	SCALE_ZSCORE,
	SCALE_ROBUST,
	SCALE_NONE,
	SCALE_CENTER
} ScaleMethod;

typedef struct FeatureScale
{
	double center; /* in units of t(x) */
	double scale; /* in units of t(x); 0: the feature is constant */
	bool log; /* t is log(1 + x) */
} FeatureScale;

/* One of the two is set. */
typedef struct ScaleRows
{
	int64_t n;
	int32_t features;
	double *wide; /* [n x features] */
	float *narrow; /* [n x features] */
} ScaleRows;

/*
 * Find each feature's scale [features] and apply it, in place.  Serial, O(n x features); scratch of one column with
 * SCALE_ROBUST.  CORE_NOT_FINITE when a value, or the span of a feature, is not finite.  Sums depend on the order of the
 * rows in their last bits.
 */
extern CoreStatus scale_rows(Env *env, ScaleMethod method, const ScaleRows *rows, FeatureScale *scales);

/* Apply scales that are known already, in place. */
extern CoreStatus scale_apply(Env *env, const FeatureScale *scales, const ScaleRows *rows);

/* Bytes that scale_rows takes at most beside the rows. */
extern size_t scale_scratch_bytes(ScaleMethod method, int64_t n, int32_t features);

/*
 * Scales of rows that come block by block: their spans are known, for those do not depend on an order; the caller calls
 * scale_stream_open, scale_stream_add for each block in an order that is always the same, and scale_stream_close.
 */
typedef struct ScaleStream
{
	ScaleMethod method;
	int32_t features;
	const float *low, *high; /* [features] the least and the greatest value of each */
	FeatureScale *scales; /* [features] */
	int64_t n;
	double *mean; /* [features] of t(x) */
	double *squares; /* [features] of t(x) around the mean */
} ScaleStream;

/* Which features have a logarithm.  mean and squares belong to the caller. */
extern CoreStatus scale_stream_open(ScaleStream *stream);

/* rows [n x features] become t(x), single precision, and are counted in. */
extern void scale_stream_add(ScaleStream *stream, float *rows, int64_t n);

/* The scales.  Quartiles, where SCALE_ROBUST wants them, are those of sample [n x features], rows of t(x) drawn at random. */
extern CoreStatus scale_stream_close(Env *env, ScaleStream *stream, const float *sample, int64_t n);

/* Rows of t(x) are scaled, in place, as scale_narrow does it. */
extern void scale_stream_apply(const ScaleStream *stream, float *rows, int64_t n);

/*
 * log(1 + x) of x >= 0 and exp(x) - 1, to 12 digits.  From a small number on 1 + x keeps enough of x, and the plain functions
 * are several times as fast as those for the neighbourhood of 0.
 */
static inline double
scale_log(double x)
{
	return x > 1e-4 ? log(1 + x) : log1p(x);
}

static inline double
scale_unlog(double x)
{
	return fabs(x) > 1e-4 ? exp(x) - 1 : expm1(x);
}

/* One value.  Below zero, where a logarithm was learnt from values that never were, it is taken for zero. */
static inline double
scale_wide(const FeatureScale *scale, double x)
{
	if (scale->scale == 0)
		return 0;
	if (scale->log)
		x = log1p(fmax(x, 0));
	return (x - scale->center) / scale->scale;
}

static inline float
scale_narrow(const FeatureScale *scale, float x)
{
	if (scale->scale == 0)
		return 0;
	if (scale->log)
		x = (float) scale_log(x > 0 ? x : 0);
	return (float) ((x - scale->center) / scale->scale);
}

/* The value that scale_wide turns into z; of a constant feature the constant. */
static inline double
scale_undo(const FeatureScale *scale, double z)
{
	double x = scale->center + scale->scale * z;

	return scale->log ? scale_unlog(x) : x;
}

#endif
