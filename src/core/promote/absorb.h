/*
 * absorb.h - fixed effects taken out of a column, and how many coefficients they stand for
 */
#ifndef CORE_PROMOTE_ABSORB_H
#define CORE_PROMOTE_ABSORB_H

#include "design.h"

typedef struct Absorb Absorb;

/*
 * Get ready to absorb the effects of the first n_effects groups (n_effects >= 1) of `design`, whose groups must stay as
 * they are.  Memory: 24 bytes a row when there are several effects, 16 bytes a level.
 */
extern CoreStatus absorb_create(Env *env, const Design *design, int32_t n_effects, Absorb **absorb);
extern void absorb_free(Absorb *absorb);
extern size_t absorb_bytes(int64_t n, int32_t n_effects);

/*
 * Replace column [n] by its residual on the dummies of all effects.  Done when what is left of the effects is below
 * `tolerance` of the column's own deviation from its mean; *converged is false when `iterations` were not enough.
 * Returns in *done the iterations taken.
 */
extern CoreStatus absorb_column(Absorb *absorb, double *column, double tolerance, int32_t iterations,
								int32_t *done, bool *converged);

/*
 * The rank of all the dummies together (an intercept is among them): exact for one effect and for two, where it is
 * levels + levels - connected components (Abowd, Creecy & Kramarz 2002); each effect beyond the second counts its
 * levels - 1, which is the most it can be.
 */
extern CoreStatus absorb_rank(Env *env, const Design *design, int32_t n_effects, int64_t *rank);

#endif
