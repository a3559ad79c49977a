/*
 * gram_sum.h - the Gram matrix of one side's factors, alone or by a team
 */
#ifndef CORE_GRAM_SUM_H
#define CORE_GRAM_SUM_H

#include "../env.h"
#include "../gram.h"
#include "../team.h"

/* What one member works with; all of it aligned to 64 bytes, and free for other use between calls. */
typedef struct GramSum
{
	const GramKernel *kernel;
	int32_t factors;
	int64_t stride; /* gram_stride(factors) */
	float weight; /* a0: the sum is multiplied by it */
	float *block; /* [GRAM_BLOCK x stride] */
	float *square; /* [stride x stride] */
	float *rhs; /* [stride] */
} GramSum;

/* Floats of the squares that a team shares, for factors of up to `rows` rows; SIZE_MAX when that is too much. */
extern size_t gram_sum_shared_floats(int32_t factors, int32_t rows);

/* gram [stride x stride], upper triangle = a0 Y'Y of y [rows x factors]: the same alone as in a team. */
extern CoreStatus gram_sum_alone(Env *env, const GramSum *sum, const float *y, int32_t rows, float *gram);

/* A phase of a team: gram in every member; squares [gram_sum_shared_floats] are shared, and need no alignment. */
extern CoreStatus gram_sum_phase(Team *team, const GramSum *sum, const float *y, int32_t rows, float *squares,
								 float *gram);

#endif
