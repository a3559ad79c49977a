/*
 * profile.h - what makes a segment: its features' means, spread and quartiles, and how far they are from the rest's
 *
 * Means and spreads are kept twice: in the scaled unit in which segments were made, where effect sizes are taken, and in the
 * feature's own.  Quantiles, and the shares of rows between deciles, are of PROFILE_SAMPLE rows at most, drawn evenly.
 */
#ifndef CORE_SEGMENT_PROFILE_H
#define CORE_SEGMENT_PROFILE_H

#include "../deciles.h"
#include "scale.h"

#define PROFILE_SAMPLE 100000
#define PROFILE_EARLIER_CUTS 9 /* of a feature in models of earlier versions */

/* The figures of one feature in one segment. */
enum
{
	PROFILE_SCALED_MEAN,
	PROFILE_SCALED_SD, /* of the population */
	PROFILE_MEAN, /* this and the next: in the feature's own unit */
	PROFILE_SD,
	PROFILE_QUARTER, /* quartiles */
	PROFILE_MEDIAN,
	PROFILE_THREE_QUARTERS,
	PROFILE_FIGURES
};

typedef struct ProfileTask
{
	const float *rows; /* [n x features], scaled */
	int64_t n;
	int32_t features;
	const FeatureScale *scales; /* [features] */
	const int32_t *labels; /* [n] in 0 .. k - 1 */
	int32_t k;
} ProfileTask;

typedef struct Profile
{
	double *figures; /* [(k + 1) x features x PROFILE_FIGURES]; the last segment is all rows */
	int32_t room; /* cuts of a feature: DECILE_CUTS, or PROFILE_EARLIER_CUTS: one for each decile */
	float *cuts; /* [features x room] see deciles.h; scaled; infinite where there are fewer */
	double *shares; /* [features x (room + 1)] of the rows in each bin */
} Profile;

/* Every cluster has rows.  O(n x features + sample x features log(sample)). */
extern CoreStatus profile_rows(Env *env, const ProfileTask *task, const Profile *profile);
extern size_t profile_bytes(const ProfileTask *task);

/*
 * The same of rows that come block by block: profile_begin, profile_add for each block, and profile_end with a sample of them
 * (task: the sample, as for profile_rows), from which quantiles are taken.  A cluster without rows gets no numbers.
 */
typedef struct ProfileSums
{
	const ProfileTask *task; /* of which n, rows and labels are not looked at while rows come */
	const Profile *profile;
	int64_t n;
	int64_t *counts; /* [k] the caller's */
	double *origin; /* [features] the caller's: the value that became 0 */
} ProfileSums;

extern void profile_begin(ProfileSums *sums);
extern void profile_add(ProfileSums *sums, const float *rows, const int32_t *labels, int64_t n);
extern CoreStatus profile_end(Env *env, ProfileSums *sums);

/* How a feature lay, and how it lies elsewhere. */
typedef struct ProfileShares
{
	Deciles deciles;
	double expected[DECILE_BINS];
	int64_t counts[DECILE_BINS];
} ProfileShares;

/* Nothing is counted yet.  Of a constant feature one bin is the constant. */
extern void profile_shares(const Profile *profile, const FeatureScale *scale, int32_t f,
						   ProfileShares *shares);

/* Count a value, not scaled.  One below zero, where a logarithm was learnt, is less than all that were seen. */
static inline void
profile_count(ProfileShares *shares, const FeatureScale *scale, float x)
{
	double place;

	if (scale->scale == 0)
		place = (x > scale->center) - (x < scale->center);
	else
		place = scale->log && x < 0 ? -INFINITY : scale_narrow(scale, x);
	shares->counts[deciles_bin(&shares->deciles, place)]++;
}

/* A difference between means, in standard deviations. */
typedef struct EffectSize
{
	double effect; /* Hedges' g; infinite when neither side varies; NaN without a rest */
	double low, high; /* 95 % interval; NaN where effect is not finite */
} EffectSize;

/* Segment against the rest from figures [PROFILE_FIGURES] of `segment` of n rows and of all rows. */
extern EffectSize profile_effect(const double *segment, int64_t n, const double *all, int64_t n_all);

/*
 * The population stability index of shares [n] against those expected: sum of (actual - expected) ln(actual / expected),
 * shares below 0.0001 taken for that.
 */
extern double profile_stability(const double *expected, const double *actual, int32_t n);

/*
 * The value of a feature that became z, as it was most likely written: the shortest decimal number that becomes z again.
 */
extern double profile_value(const FeatureScale *scale, float z);

#endif
