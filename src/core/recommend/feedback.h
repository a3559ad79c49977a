/*
 * feedback.h - what customers did, on its way to a factor model
 *
 * Values become weights, entries are parted into what a model is trained on and what it is judged by, and popularity is
 * counted.
 */
#ifndef CORE_FEEDBACK_H
#define CORE_FEEDBACK_H

#include "../sparse.h"

/* How the summed value of a (customer, item) pair becomes its weight. */
typedef enum FeedbackTransform
{
	FEEDBACK_BINARY, /* 1 */
	FEEDBACK_LOG1P, /* log(1 + value) */
	FEEDBACK_NONE /* value */
} FeedbackTransform;

extern float feedback_weight(FeedbackTransform transform, float value);

/* Every value of the matrix becomes its weight; a matrix without values stays as it is (FEEDBACK_BINARY). */
extern CoreStatus feedback_transform(Env *env, FeedbackTransform transform, Csr *a);

/* The other way round, to a rounding that gives the same weight again; what was FEEDBACK_BINARY stays as it is. */
extern CoreStatus feedback_restore(Env *env, FeedbackTransform transform, Csr *a);

/* Which part of the entries a matrix is made of. */
typedef enum FeedbackPart
{
	FEEDBACK_ALL,
	FEEDBACK_TRAIN,
	FEEDBACK_TEST
} FeedbackPart;

/*
 * The test part is a share of the pairs, drawn by a hash of (seed, row, col), or, when `late` is given, the entries it
 * marks.  Only a share of the rows is judged, drawn by a hash of (seed, row).  Entries whose row or col is negative
 * belong to no part.  Passed as `arg` to csr_from_coo with feedback_keep.
 */
typedef struct FeedbackSplit
{
	FeedbackPart part;
	const uint8_t *late; /* [entries] 1: belongs to the test part; NULL: use share */
	double share; /* of the pairs, 0 .. 1 */
	double judged_rows; /* share of the rows whose test entries are kept, 0 .. 1 */
	uint64_t seed;
} FeedbackSplit;

extern bool feedback_keep(const Coo *coo, int64_t entry, const void *split);

/* count [cols]: entries per column. */
extern CoreStatus feedback_popularity(Env *env, const Csr *a, float *count);

/* inverse [rows]: 1 / |row of factors|, 0 for rows of zeros.  factors [rows x width]. */
extern CoreStatus feedback_inverse_norms(Env *env, const float *factors, int32_t rows, int32_t width,
										 float *inverse);

#endif
