/*
 * explicit_als.h - factorisation of explicit ratings with biases by alternating least squares
 *
 * Zhou, Wilkinson, Schreiber & Pan 2008 (ALS-WR), with the biases solved for together with the factors.  The objective
 * stands in explicit.h; it never rises from one iteration to the next.
 */
#ifndef CORE_EXPLICIT_ALS_H
#define CORE_EXPLICIT_ALS_H

#include "explicit.h"

/* Bytes of memory shared by the team, aligned to 8 and cleared to zero by the caller. */
extern size_t explicit_als_shared_bytes(void);

/* Bytes that each member takes from its Env; SIZE_MAX when that is more than there can be. */
extern size_t explicit_als_member_bytes(const ExplicitParams *params);

/*
 * Every member of the team calls this with the same problem, shared memory and arrays of the model.  What those hold before
 * does not matter.  After any status but CORE_OK they are unfinished.  A matrix that is not positive definite gets a small
 * ridge; CORE_NOT_FINITE when that does not help, or a number is not finite.
 */
extern CoreStatus explicit_als_train(Env *env, const ExplicitProblem *problem, ExplicitModel *model,
									 void *shared, ExplicitReport *report);

/*
 * x [factors] and *bias: the exact row of someone who gave these ratings [n] and no others.  items [n x (factors + 1)]:
 * factors and then bias of each item rated.  Zeros for n = 0.  O(n f^2 + f^3).
 */
extern CoreStatus explicit_fold_in(Env *env, const ExplicitParams *params, double mean, const float *items,
								   float *ratings, int32_t n, float *x, float *bias);

#endif
