/*
 * explicit.h - what the factorisations of explicit ratings have in common: problem, model, predictions and their errors
 *
 * A rating is explained as
 *
 *   r_ui  ~  mean + user_bias[u] + item_bias[i] + x_u.y_i
 *
 * (Koren, Bell & Volinsky 2009, "Matrix Factorization Techniques for Recommender Systems").  mean is that of the training
 * ratings and stays fixed.  Minimised is, with n_u and n_i the numbers of ratings in row u and column i,
 *
 *   sum over ratings of (r_ui - prediction)^2
 *   +  reg ( sum_u (n_u + prior) |x_u|^2  +  sum_i (n_i + prior) |y_i|^2 )
 *   +  bias_reg ( sum_u user_bias[u]^2  +  sum_i item_bias[i]^2 )
 *
 * A penalty weighed by counts is that of Zhou, Wilkinson, Schreiber & Pan 2008, "Large-Scale Parallel Collaborative
 * Filtering for the Netflix Prize" (ALS-WR, prior = 0).  By itself it holds rows of few ratings too loosely: on MovieLens
 * latest-small a prior of 20 ratings takes the error in cross-validation from 0.873 to 0.867.  The biases' penalty pulls a
 * row of few ratings towards the mean as bias_reg further ratings without deviation would.
 *
 * To rank items for a user, biases and factors together are a factor model of factors + 1: item rows (y_i, item_bias[i]),
 * the user's row (x_u, 1); mean and user_bias move all scores alike.
 */
#ifndef CORE_EXPLICIT_H
#define CORE_EXPLICIT_H

#include "../env.h"
#include "../sparse.h"

#define EXPLICIT_MAX_FACTORS 512

typedef struct ExplicitParams
{
	int32_t factors; /* 1 .. EXPLICIT_MAX_FACTORS */
	int32_t iterations; /* 1 .. */
	float regularization; /* reg, >= 0 */
	float prior; /* ratings that a row's penalty counts beside its own, >= 0 */
	float bias_regularization; /* bias_reg, >= 0 */
	float learning_rate; /* > 0; sgd alone */
	double tolerance; /* stop when the loss falls by less than this share of itself; 0: never */
	uint64_t seed;
} ExplicitParams;

typedef struct ExplicitProblem
{
	ExplicitParams params;
	Csr by_user; /* users x items, value = rating, never NULL */
	Csr by_item; /* its transpose; sgd does not read it and takes an empty one */
} ExplicitProblem;

/* Rows and columns without ratings are zero throughout, so the prediction for them rests on what is known. */
typedef struct ExplicitModel
{
	double mean; /* set by the trainers in every member */
	float *user_bias; /* [users] */
	float *item_bias; /* [items] */
	float *user_factors; /* [users x factors], row by row */
	float *item_factors; /* [items x factors], row by row */
} ExplicitModel;

/* What a trainer tells; the same in every member after CORE_OK. */
typedef struct ExplicitReport
{
	int32_t iterations; /* done */
	double loss; /* als: the objective above; sgd: sum of squared errors as the last iteration met them */
	double rmse; /* of the training ratings, NaN without any; sgd: as the last iteration met them */
} ExplicitReport;

/* The mean of all values, by sums of fixed stretches; 0 when there is none. */
extern CoreStatus explicit_mean(Env *env, const Csr *ratings, double *mean);

extern double explicit_predict(const ExplicitModel *model, int32_t factors, int32_t user, int32_t item);

typedef struct ExplicitErrors
{
	int64_t n; /* ratings judged */
	double rmse; /* NaN when there is none */
	double mae;
} ExplicitErrors;

/*
 * Predictions for the ratings of `held` (users x items), each clipped to low .. high (-INFINITY, INFINITY: as they are),
 * against their values.
 */
extern CoreStatus explicit_errors(Env *env, const ExplicitModel *model, int32_t factors, const Csr *held,
								  double low, double high, ExplicitErrors *out);

#endif
