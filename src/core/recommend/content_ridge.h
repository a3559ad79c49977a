/*
 * content_ridge.h - a number of items regressed on their attributes
 *
 * Ridge regression with an intercept that is not penalised: minimises sum (y_i - a - b.x_i)^2 + regularization |b|^2 over
 * the items given.  Solved by conjugate gradients on the centred normal equations, in double precision; the matrix is never
 * formed, so the cost is that of reading the attributes once an iteration.
 */
#ifndef CORE_CONTENT_RIDGE_H
#define CORE_CONTENT_RIDGE_H

#include "content.h"

typedef struct ContentRidge
{
	double intercept;
	double *coefficient; /* [features + width] provided by the caller */
} ContentRidge;

/*
 * item [n] and target [n].  Ends when the residual is below `tolerance` of the right-hand side, or after `iterations`.
 * Scratch (4 (features + width) + n) doubles.
 */
extern CoreStatus content_ridge_fit(Env *env, const ContentVectors *vectors, const int32_t *item, int32_t n,
									const double *target, double regularization, double tolerance,
									int32_t iterations, ContentRidge *out);

extern double content_ridge_predict(const ContentVectors *vectors, const ContentRidge *ridge, int32_t item);

#endif
