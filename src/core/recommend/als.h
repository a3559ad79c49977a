/*
 * als.h - matrix factorisation of implicit feedback by alternating least squares
 *
 * Hu, Koren & Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets", in the form of Rendle et al.
 * 2021, "Revisiting the Performance of iALS on Item Recommendation Benchmarks".  Minimised is
 *
 *   sum over observed (u,i) of w_ui (1 - x_u.y_i)^2  +  a0 * sum over all (u,i) of (x_u.y_i)^2
 *   +  reg * ( sum_u (W_u + a0 * n_items) |x_u|^2  +  sum_i (W_i + a0 * n_users) |y_i|^2 )
 *
 * where W_u is the sum of the weights in row u (their count when all are 1).
 */
#ifndef CORE_ALS_H
#define CORE_ALS_H

#include "../env.h"
#include "../sparse.h"

typedef struct AlsParams
{
	int32_t factors; /* 1 .. 512 */
	int32_t iterations; /* 1 .. */
	float regularization; /* reg, >= 0 */
	float unobserved_weight; /* a0, > 0 */
	double tolerance; /* stop when the loss falls by less than this share of itself; 0: never */
	uint64_t seed;
} AlsParams;

typedef struct AlsProblem
{
	AlsParams params;
	Csr by_user; /* users x items, value = w_ui > 0 */
	Csr by_item; /* its transpose */
} AlsProblem;

typedef struct AlsModel
{
	float *user_factors; /* [users x factors], row by row */
	float *item_factors; /* [items x factors], row by row */
} AlsModel;

/* What als_train tells; the same in every member after it returned CORE_OK. */
typedef struct AlsReport
{
	int32_t iterations; /* done */
	double loss; /* after the last of them, the objective above */
} AlsReport;

/*
 * Bytes of memory shared by the team that als_train needs beside problem and model; aligned to 8 and cleared to zero by the
 * caller.  SIZE_MAX when that is more than there can be.
 */
extern size_t als_shared_bytes(const AlsParams *params, int32_t users, int32_t items);

/* Bytes that each member takes from its Env. */
extern size_t als_member_bytes(const AlsParams *params);

/*
 * Every member of the team calls this with the same problem, model and shared memory.  What the model's arrays hold before
 * does not matter; rows without entries become zero.  After any status but CORE_OK they are unfinished.  A matrix that is
 * not positive definite gets a small ridge; CORE_NOT_FINITE when that does not help, or a number is not finite.
 */
extern CoreStatus als_train(Env *env, const AlsProblem *problem, AlsModel *model, void *shared,
							AlsReport *report);

/* gram [factors x factors] = unobserved_weight * Y'Y for Y [rows x factors]: what fold-in needs beside Y itself. */
extern CoreStatus als_gram(Env *env, const AlsParams *params, const float *y, int32_t rows, float *gram);

/*
 * x [factors]: the exact row for a history of n distinct items with weights (NULL: all 1).  O(n f^2 + f^3).  What training
 * finds for the same history and items, to some 1e-6 of the largest factor; not always to the byte, for where many rows
 * are short, training solves them another way (als_short.c).
 */
extern CoreStatus als_fold_in(Env *env, const AlsParams *params, const float *item_factors, int32_t n_items,
							  const float *gram, const int32_t *items, const float *weights, int32_t n,
							  float *x);

#endif
