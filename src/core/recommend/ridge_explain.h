/*
 * ridge_explain.h - which part of a prediction comes from which observation
 *
 * A row x of a factorisation is a weighted ridge regression on the rows h_j of what it observed:
 *
 *   x = A^-1 sum_j w_j t_j h_j,   A = base + sum_j w_j h_j h_j'
 *
 * so a prediction x.q is a sum over the observations: sum_j w_j t_j (h_j . A^-1 q) (Hu, Koren & Volinsky 2008, section 5).
 */
#ifndef CORE_RIDGE_EXPLAIN_H
#define CORE_RIDGE_EXPLAIN_H

#include "../env.h"

/*
 * parts [n] of the prediction for query [width].  base [width x width] symmetric (destroyed), rows [n x width], weights [n]
 * (NULL: 1), targets [n] (NULL: 1).  In double precision; a matrix that is not positive definite gets a small ridge,
 * CORE_NOT_FINITE when that does not help.  O(n width^2 + width^3).
 */
extern CoreStatus ridge_explain(Env *env, int32_t width, double *base, const float *rows,
								const float *weights, const float *targets, int32_t n, const float *query,
								double *parts);

#endif
