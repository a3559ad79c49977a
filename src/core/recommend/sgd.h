/*
 * sgd.h - factorisation of explicit ratings with biases by stochastic gradients
 *
 * The method of LIBMF: Chin, Zhuang, Juan & Lin 2015, "A Fast Parallel Stochastic Gradient Method for Matrix Factorization
 * in Shared Memory Systems", with the learning rates of Chin, Zhuang, Juan & Lin 2015, "A Learning-rate Schedule for
 * Stochastic Gradient Methods to Matrix Factorization", biases added.  The objective stands in explicit.h; the steps go
 * down its gradient one rating at a time, so it need not fall at every iteration.
 */
#ifndef CORE_SGD_H
#define CORE_SGD_H

#include "explicit.h"

/* Bytes of memory shared by the team, aligned to 64 and cleared to zero by the caller; SIZE_MAX when that is too much. */
extern size_t sgd_shared_bytes(const ExplicitParams *params, int32_t users, int32_t items, int64_t ratings);

/* Bytes that each member takes from its Env: none. */
extern size_t sgd_member_bytes(const ExplicitParams *params);

/*
 * Every member of the team calls this with the same problem, shared memory and arrays of the model.  What those hold before
 * does not matter.  After any status but CORE_OK they are unfinished; CORE_NOT_FINITE when a rating is not finite or the
 * steps run away (a smaller learning rate helps).
 */
extern CoreStatus sgd_train(Env *env, const ExplicitProblem *problem, ExplicitModel *model, void *shared,
							ExplicitReport *report);

#endif
