/*
 * cg.h - implicit alternating least squares with rows solved by a few steps of conjugate gradients
 *
 * Takács, Pilászy & Tikk 2011, "Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative
 * Filtering".  The objective and everything else is that of als.h; als_gram and als_fold_in serve its models as well.
 */
#ifndef CORE_CG_H
#define CORE_CG_H

#include "als.h"

#define CG_STEPS 3 /* for each row in each iteration, from the row's values of the iteration before */

/* As als_shared_bytes, als_member_bytes and als_train. */
extern size_t cg_shared_bytes(const AlsParams *params, int32_t users, int32_t items);
extern size_t cg_member_bytes(const AlsParams *params);
extern CoreStatus cg_train(Env *env, const AlsProblem *problem, AlsModel *model, void *shared,
						   AlsReport *report);

#endif
